/* verdicts.h - the confusion matrix for people: what refusals were, and what they were taken for. */
#ifndef MTALAB_VERDICTS_H
#define MTALAB_VERDICTS_H

#include "reports/result.h"
#include "reports/table.h"

/* Nothing where nothing was qualified. */
void verdicts_report(
    struct text *out, const struct result *result, const struct report_style *style);

/* "98.5%"; never 100 where one is missing. "" for 0 of 0. */
void verdicts_format_share(struct text *out, uint64_t part, uint64_t whole);

#endif
