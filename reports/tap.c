/* tap.c - results in the Test Anything Protocol, version 14. */
#include "reports/tap.h"

#include "base/json.h"
#include "base/unit.h"
#include "reports/claim.h"
#include "reports/table.h"

/* One line; '#' would begin a directive. */
static void
add_description(struct text *out, struct slice s)
{
    struct text clean = {0};

    report_clean(&clean, s, true);
    for (size_t i = 0; i < clean.length; i++) {
        if (clean.bytes[i] == '#' || clean.bytes[i] == '\\')
            text_add_char(out, '\\');
        text_add_char(out, clean.bytes[i]);
    }
    text_release(&clean);
}

/* JSON strings are YAML scalars: no byte of a stranger's reply can break the block. */
static void
add_key(struct text *out, const char *key, struct slice value)
{
    if (value.length == 0)
        return;
    text_printf(out, "  %s: ", key);
    json_string(out, value);
    text_add_char(out, '\n');
}

static void
add_check_keys(struct text *out, const struct result_check *check)
{
    struct text at = {0};

    if (check->at_us >= 0)
        unit_format_clock(&at, check->at_us);
    add_key(out, "check", check->check);
    add_key(out, "expected", check->expected);
    add_key(out, "actual", check->observed);
    add_key(out, "at", text_slice(&at));
    add_key(out, "detail", check->detail);
    text_release(&at);
}

static void
add_block(struct text *out, const struct claim *claim)
{
    const struct result_check *check = claim->check;
    struct slice replay = claim->result->replay;

    text_add_string(out, "  ---\n");
    add_key(out, "message", claim->headline);
    text_printf(out, "  severity: %s\n", claim->status == CLAIM_BROKEN ? "error" : "fail");
    if (check != NULL) {
        add_check_keys(out, check);
        if (check->replay.length > 0)
            replay = check->replay;
    }
    add_key(out, "file", claim->filename);
    if (claim->line > 0)
        text_printf(out, "  line: %d\n", claim->line);
    add_key(out, "replay", replay);
    text_add_string(out, "  ...\n");
}

static void
add_test_point(struct text *out, const struct claim *claim, size_t number)
{
    bool is_bad = claim->status == CLAIM_FAILED || claim->status == CLAIM_BROKEN;

    text_printf(out, "%s %zu - ", is_bad ? "not ok" : "ok", number);
    add_description(out, claim->result->name);
    text_add_string(out, ": ");
    add_description(out, claim->name);
    if (claim->status == CLAIM_SKIPPED) {
        text_add_string(out, " # SKIP ");
        add_description(out, claim->headline);
    }
    text_add_char(out, '\n');
    if (is_bad)
        add_block(out, claim);
}

void
tap_report(struct text *out, const struct result *results, size_t count)
{
    struct claims claims = {0};

    for (size_t i = 0, group; i < count; i += group) {
        group = claims_group(&results[i], count - i);
        claims_collect(&claims, &results[i], group);
    }
    text_printf(out, "TAP version 14\n1..%zu\n", claims.count);
    for (size_t i = 0; i < claims.count; i++)
        add_test_point(out, &claims.items[i], i + 1);
    claims_release(&claims);
}
