/* github.h - what failed, as annotations of GitHub Actions, and a summary page in Markdown. */
#ifndef MTALAB_GITHUB_H
#define MTALAB_GITHUB_H

#include "reports/result.h"

/* GitHub shows ten errors a step: the nine most telling ones, and one that counts the rest. */
enum { GITHUB_ERRORS_MAX = 10 };
void github_report(struct text *out, const struct result *results, size_t count);

/* For $GITHUB_STEP_SUMMARY: a line per scenario, then KPI table and failures of those that failed.
 * Never longer than the 1,024 KiB that GitHub takes. */
void github_summary(struct text *out, const struct result *results, size_t count);

#endif
