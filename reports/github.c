/* github.c - what failed, as annotations of GitHub Actions, and a summary page in Markdown. */
#include "reports/github.h"

#include "base/unit.h"
#include "reports/claim.h"
#include "reports/table.h"

enum { SUMMARY_BYTES_MAX = 1000 * 1024 };

/* A workflow command's value; `is_property`: between its '::' rather than behind them. */
static void
add_value(struct text *out, struct slice s, bool is_property)
{
    for (size_t i = 0; i < s.length; i++) {
        char c = s.at[i];

        if (c == '%' || c == '\r' || c == '\n' || (is_property && (c == ':' || c == ',')))
            text_printf(out, "%%%02X", (unsigned)c);
        else
            text_add_char(out, c);
    }
}

static bool
is_bad(const struct claim *claim)
{
    return claim->status == CLAIM_FAILED || claim->status == CLAIM_BROKEN;
}

static void
add_error(struct text *out, const struct claim *claim)
{
    struct text clean = {0};

    text_add_string(out, "::error ");
    if (claim->filename.length > 0) {
        text_add_string(out, "file=");
        add_value(out, claim->filename, true);
        text_add_char(out, ',');
    }
    if (claim->line > 0)
        text_printf(out, "line=%d,", claim->line);
    if (claim->line > 0 && claim->column > 0)
        text_printf(out, "col=%d,", claim->column);
    text_add_string(out, "title=");
    add_value(out, claim->result->name, true);
    text_add_string(out, "%3A ");
    add_value(out, claim->name, true);
    text_add_string(out, "::");
    for (struct slice rest = claim->story, line; rest.length > 0;) {
        slice_cut(rest, '\n', &line, &rest);
        report_clean(&clean, line, true);
        if (rest.length > 0)
            text_add_char(&clean, '\n');
    }
    add_value(out, text_slice(&clean), false);
    text_add_char(out, '\n');
    text_release(&clean);
}

static void
collect_all(struct claims *claims, const struct result *results, size_t count)
{
    for (size_t i = 0, group; i < count; i += group) {
        group = claims_group(&results[i], count - i);
        claims_collect(claims, &results[i], group);
    }
}

/* In order of the kinds: a run that did not run says more than a counter that is off. */
void
github_report(struct text *out, const struct result *results, size_t count)
{
    struct claims claims = {0};
    size_t bad = 0, shown = 0, limit;

    collect_all(&claims, results, count);
    for (size_t i = 0; i < claims.count; i++)
        bad += is_bad(&claims.items[i]);
    limit = bad > GITHUB_ERRORS_MAX ? GITHUB_ERRORS_MAX - 1 : bad;
    for (enum claim_kind kind = CLAIM_RUN; kind <= CLAIM_KPI_ROW; kind++)
        for (size_t i = 0; i < claims.count && shown < limit; i++)
            if (claims.items[i].kind == kind && is_bad(&claims.items[i])) {
                add_error(out, &claims.items[i]);
                shown++;
            }
    if (shown < bad)
        text_printf(out,
            "::error title=mtalab::%zu more failed; the log and the JUnit report have them\n",
            bad - shown);
    claims_release(&claims);
}

/* What could be markup is escaped; '|' would end a cell. */
static void
add_escaped(struct text *out, struct slice s)
{
    struct text clean = {0};

    report_clean(&clean, s, true);
    for (size_t i = 0; i < clean.length; i++) {
        if (strchr("|\\`*_[]<>#", clean.bytes[i]) != NULL)
            text_add_char(out, '\\');
        text_add_char(out, clean.bytes[i]);
    }
    text_release(&clean);
}

static void
add_cell(struct text *out, struct slice s)
{
    text_add_string(out, "| ");
    add_escaped(out, s);
    text_add_char(out, ' ');
}

static void
add_kpi_table(struct text *out, const struct result *result)
{
    text_add_string(out, "\n| Step | Success % | Delivery log | Seen | |\n|---|---|---|---|---|\n");
    for (size_t i = 0; i < RESULT_KPI_ROWS; i++) {
        const struct result_kpi_row *row = &result->kpi_rows[i];

        add_cell(out, slice_of(row->step));
        add_cell(out, slice_of(row->success_rule));
        add_cell(out, slice_of(row->status_rule));
        add_cell(out, row->events > 0 ? row->figures : SLICE("did not happen"));
        text_printf(out, "| %s |\n", row->violations > 0 ? "❌" : row->events > 0 ? "✅" : "–");
    }
}

static void
add_scenario(struct text *out, const struct result *results, size_t count)
{
    struct claims claims = {0};
    const struct result *shown = NULL;

    claims_collect(&claims, results, count);
    for (size_t i = 0; i < claims.count; i++)
        if (is_bad(&claims.items[i])) {
            if (shown == NULL) {
                shown = claims.items[i].result;
                text_add_string(out, "\n## ");
                add_escaped(out, shown->name);
                text_add_string(out, "\n\n| failed | why |\n|---|---|\n");
            }
            add_cell(out, claims.items[i].name);
            add_cell(out, claims.items[i].headline);
            text_add_string(out, "|\n");
        }
    if (shown != NULL && shown->kpi_rows[0].step != NULL)
        add_kpi_table(out, shown);
    claims_release(&claims);
}

static void
add_overview(struct text *out, const struct result *result)
{
    struct text success = {0};

    result_format_success(&success, &result->kpi, true);
    text_printf(out, "| %s ", result_is_good(result) ? "✅" : "❌");
    add_cell(out, result->name);
    text_printf(out, "| %llu ", (unsigned long long)result->seed);
    add_cell(out, text_slice(&success));
    text_add_string(out, "|\n");
    text_release(&success);
}

void
github_summary(struct text *out, const struct result *results, size_t count)
{
    size_t start = out->length;

    text_add_string(out, "# mtalab\n\n| | scenario | seed | success |\n|---|---|---|---|\n");
    for (size_t i = 0; i < count && out->length - start < SUMMARY_BYTES_MAX / 2; i++)
        add_overview(out, &results[i]);
    for (size_t i = 0, group; i < count; i += group) {
        size_t before = out->length;

        group = claims_group(&results[i], count - i);
        add_scenario(out, &results[i], group);
        if (out->length - start > SUMMARY_BYTES_MAX) {
            out->length = before;
            text_add_string(out, "\n…and more, left out here.\n");
            return;
        }
    }
}
