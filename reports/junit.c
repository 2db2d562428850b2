/* junit.c - results as JUnit XML, in the form that Jenkins and GitLab read. */
#include "reports/junit.h"

#include "base/unit.h"
#include "reports/claim.h"
#include "reports/table.h"

/* XML 1.0 knows no escape for control characters but tab, CR and LF: they can only be left out.
 * U+FFFE and U+FFFF are no characters either. */
void
junit_escape(struct text *out, struct slice s)
{
    while (s.length > 0) {
        unsigned char c = (unsigned char)s.at[0];
        size_t length = report_utf8_length(s);

        if (length == 0)
            text_add_string(out, "\xEF\xBF\xBD");
        else if (c == '&')
            text_add_string(out, "&amp;");
        else if (c == '<')
            text_add_string(out, "&lt;");
        else if (c == '>')
            text_add_string(out, "&gt;");
        else if (c == '"')
            text_add_string(out, "&quot;");
        else if (c == '\'')
            text_add_string(out, "&apos;");
        else if ((c >= 0x20 && c != 0x7F) || c == '\t' || c == '\n') {
            if (length != 3 || memcmp(s.at, "\xEF\xBF", 2) != 0 || (unsigned char)s.at[2] < 0xBE)
                text_add(out, s.at, length);
        }
        s = slice_from(s, length > 0 ? length : 1);
    }
}

static void
add_attribute(struct text *out, const char *name, struct slice value)
{
    text_printf(out, " %s=\"", name);
    junit_escape(out, value);
    text_add_char(out, '"');
}

static void
add_seconds(struct text *out, const char *name, int64_t us)
{
    text_printf(out, " %s=\"", name);
    unit_format_decimal(out, ratio_of(us, US_PER_S), 3);
    text_add_char(out, '"');
}

static void
add_property(struct text *out, const char *name, struct slice value)
{
    text_printf(out, "      <property name=\"%s\"", name);
    add_attribute(out, "value", value);
    text_add_string(out, "/>\n");
}

struct tally {
    size_t tests, failures, errors, skipped;
    int64_t wall_us;
};

static struct tally
count_claims(const struct claims *claims, const struct result *results, size_t count)
{
    struct tally tally = {.tests = claims->count};

    for (size_t i = 0; i < claims->count; i++) {
        tally.failures += claims->items[i].status == CLAIM_FAILED;
        tally.errors += claims->items[i].status == CLAIM_BROKEN;
        tally.skipped += claims->items[i].status == CLAIM_SKIPPED;
    }
    for (size_t i = 0; i < count; i++)
        tally.wall_us += results[i].wall_us;
    return tally;
}

static void
add_tally(struct text *out, const struct tally *tally, bool has_skipped)
{
    text_printf(out, " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\"", tally->tests,
        tally->failures, tally->errors);
    if (has_skipped)
        text_printf(out, " skipped=\"%zu\"", tally->skipped);
    add_seconds(out, "time", tally->wall_us);
}

static void
add_properties(
    struct text *out, const struct claims *claims, const struct result *results, size_t count)
{
    const struct result *shown = &results[0];
    struct text seeds = {0}, seconds = {0};
    int64_t virtual_us = 0;

    for (size_t i = 0; i < count; i++) {
        text_printf(&seeds, "%s%llu", i > 0 ? " " : "", (unsigned long long)results[i].seed);
        virtual_us += results[i].virtual_us;
    }
    for (size_t i = claims->count; i-- > 0;)
        if (claims->items[i].status == CLAIM_FAILED || claims->items[i].status == CLAIM_BROKEN)
            shown = claims->items[i].result;
    unit_format_decimal(&seconds, ratio_of(virtual_us, US_PER_S), 3);
    text_add_string(out, "    <properties>\n");
    if (shown->title.length > 0)
        add_property(out, "title", shown->title);
    add_property(out, "seed", text_slice(&seeds));
    add_property(out, "virtual_seconds", text_slice(&seconds));
    if (shown->replay.length > 0)
        add_property(out, "replay", shown->replay);
    text_add_string(out, "    </properties>\n");
    text_release(&seeds);
    text_release(&seconds);
}

static void
add_body(struct text *out, const struct claim *claim)
{
    static const struct {
        const char *element, *type;
    } bodies[] = {
        [CLAIM_FAILED] = {"failure", "expectation"},
        [CLAIM_BROKEN] = {"error",   "run"        },
        [CLAIM_SKIPPED] = {"skipped", NULL         },
    };

    text_printf(out, ">\n      <%s", bodies[claim->status].element);
    add_attribute(out, "message", claim->headline);
    if (bodies[claim->status].type != NULL)
        text_printf(out, " type=\"%s\"", bodies[claim->status].type);
    if (claim->story.length == 0) {
        text_add_string(out, "/>\n    </testcase>\n");
        return;
    }
    text_add_char(out, '>');
    junit_escape(out, claim->story);
    text_printf(out, "</%s>\n    </testcase>\n", bodies[claim->status].element);
}

/* One run answers all claims together; each gets its share of the time, so that the sums which
 * tools show are right. */
static void
add_testcase(struct text *out, const struct claim *claim, const struct tally *tally)
{
    text_add_string(out, "    <testcase");
    add_attribute(out, "name", claim->name);
    add_attribute(out, "classname", claim->result->name);
    if (claim->filename.length > 0)
        add_attribute(out, "file", claim->filename);
    if (claim->line > 0)
        text_printf(out, " line=\"%d\"", claim->line);
    add_seconds(out, "time", tally->wall_us / (int64_t)tally->tests);
    if (claim->status == CLAIM_HELD)
        text_add_string(out, "/>\n");
    else
        add_body(out, claim);
}

static void
add_suite(struct text *out, const struct result *results, size_t count, struct tally *sum)
{
    struct claims claims = {0};
    struct tally tally;

    claims_collect(&claims, results, count);
    tally = count_claims(&claims, results, count);
    text_add_string(out, "  <testsuite");
    add_attribute(out, "name", results[0].name);
    if (results[0].filename.length > 0)
        add_attribute(out, "file", results[0].filename);
    add_tally(out, &tally, true);
    text_add_string(out, ">\n");
    add_properties(out, &claims, results, count);
    for (size_t i = 0; i < claims.count; i++)
        add_testcase(out, &claims.items[i], &tally);
    text_add_string(out, "  </testsuite>\n");
    claims_release(&claims);
    sum->tests += tally.tests;
    sum->failures += tally.failures;
    sum->errors += tally.errors;
    sum->wall_us += tally.wall_us;
}

void
junit_report(struct text *out, const struct result *results, size_t count)
{
    struct text suites = {0};
    struct tally sum = {0};

    for (size_t i = 0, group; i < count; i += group) {
        group = claims_group(&results[i], count - i);
        add_suite(&suites, &results[i], group, &sum);
    }
    text_add_string(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"mtalab\"");
    add_tally(out, &sum, false);
    text_add_string(out, ">\n");
    text_add_slice(out, text_slice(&suites));
    text_add_string(out, "</testsuites>\n");
    text_release(&suites);
}
