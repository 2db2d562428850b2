/* kpi.c - the KPI table: the five steps of feedback and whether each did what it must. */
#include "reports/kpi.h"

#include "base/unit.h"

static const struct {
    const char *step, *success_rule, *status_rule;
} wording[] = {
    {"relayed from Campaign to the MTA", "not displayed, starts at 0%",
     "Taken into account by the service provider"                                                              },
    {"hard bounce reported",             "unchanged",                   "Failed"                               },
    {"soft bounce reported",             "unchanged",                   "unchanged, only the reason is updated"},
    {"retry of a soft bounce succeeds",  "rises",                       "Sent"                                 },
    {"retries fail until validity ends", "unchanged",                   "Failed"                               },
};
static_assert(COUNT_OF(wording) == RESULT_KPI_ROWS, "five rows, as Campaign documents them");

void
kpi_rows_init(struct result_kpi_row rows[RESULT_KPI_ROWS])
{
    for (size_t i = 0; i < RESULT_KPI_ROWS; i++)
        rows[i] = (struct result_kpi_row){.step = wording[i].step,
            .success_rule = wording[i].success_rule,
            .status_rule = wording[i].status_rule};
}

/* With its lines 100 columns wide at most. */
static const struct table_column columns[] = {
    {false, 21},
    {false, 14},
    {false, 21},
    {false, 24},
    {false, 4 }
};

static void
add_row(struct table *table, const struct result_kpi_row *row)
{
    bool is_utf8 = table->style.is_utf8, is_bad = row->violations > 0;
    enum tone tone = row->events == 0 ? TONE_FAINT : TONE_PLAIN;

    table_add_string(table, tone, row->step);
    table_add_string(table, tone, row->success_rule);
    table_add_string(table, tone, row->status_rule);
    if (row->events == 0) {
        table_add_string(table, tone, "did not happen");
        table_add_string(table, tone, is_utf8 ? "–" : "-");
        return;
    }
    table_add(table, is_bad ? TONE_BAD : TONE_PLAIN, row->figures);
    if (is_bad)
        table_add_string(table, TONE_BAD, is_utf8 ? "✗" : "FAIL");
    else
        table_add_string(table, TONE_GOOD, is_utf8 ? "✓" : "ok");
}

static void
add_violation(struct text *out, const struct result_kpi_row *row, const struct report_style *style)
{
    report_paint(out, TONE_BAD, slice_of(style->is_utf8 ? "  ✗ " : "  FAIL "), style);
    text_printf(out, "%s: ", row->step);
    unit_format_count(out, row->violations);
    text_add_string(out, " of ");
    unit_format_count(out, row->events);
    text_add_string(out, " broke the row");
    if (row->first_violation.length > 0) {
        text_add_string(out, "; first:\n      ");
        report_clean(out, row->first_violation, style->is_utf8);
    }
    text_add_char(out, '\n');
}

void
kpi_report_broken(struct text *out, const struct result *result, const struct report_style *style)
{
    for (size_t i = 0; i < RESULT_KPI_ROWS; i++)
        if (result->kpi_rows[i].violations > 0)
            add_violation(out, &result->kpi_rows[i], style);
}

void
kpi_report(struct text *out, const struct result *result, const struct report_style *style)
{
    struct table table = table_begin(columns, COUNT_OF(columns), style);
    static const char *const heads[] = {"Step", "Success %", "Delivery log", "Seen", ""};

    for (size_t i = 0; i < COUNT_OF(heads); i++)
        table_add_string(&table, TONE_STRONG, heads[i]);
    for (size_t i = 0; i < RESULT_KPI_ROWS; i++)
        if (result->kpi_rows[i].step != NULL)
            add_row(&table, &result->kpi_rows[i]);
    table_print(&table, FRAME_BOX, 0, out);
    table_release(&table);
    kpi_report_broken(out, result, style);
}
