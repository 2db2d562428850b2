/* kpi.h - the KPI table: the five steps of feedback, what each must do to Success % and to the
 * delivery log, and whether it did so every time. */
#ifndef MTALAB_REPORTS_KPI_H
#define MTALAB_REPORTS_KPI_H

#include "reports/result.h"
#include "reports/table.h"

enum kpi_row {
    KPI_ROW_RELAYED,
    KPI_ROW_HARD,
    KPI_ROW_SOFT,
    KPI_ROW_RETRY_SUCCEEDS,
    KPI_ROW_VALIDITY_ENDS,
};

/* The wording of the five rows, for whoever fills a result; the figures stay 0. */
void kpi_rows_init(struct result_kpi_row rows[RESULT_KPI_ROWS]);

/* The table, at most 100 columns wide, and below it what broke a row first. A step that never
 * happened has a dash: neither good nor bad. */
void kpi_report(struct text *out, const struct result *result, const struct report_style *style);

/* Only what broke a row first; nothing when none is broken. */
void kpi_report_broken(
    struct text *out, const struct result *result, const struct report_style *style);

#endif
