/* text.h - the summary at the end of a run, for people at a terminal. */
#ifndef MTALAB_REPORTS_TEXT_H
#define MTALAB_REPORTS_TEXT_H

#include "reports/result.h"
#include "reports/table.h"

/* All of it: what ran, the KPI table, deliveries, ISPs, reasons, checks, ledgers, how to replay. */
void text_report(struct text *out, const struct result *result, const struct report_style *style);

/* For one run among many: one line, and below it what failed and how to replay it. */
void text_report_brief(
    struct text *out, const struct result *result, const struct report_style *style);

#endif
