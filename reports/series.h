/* series.h - the KPI over time as a table: tab-separated, a header line, one instant a line.
 *
 * The same file is what gnuplot reads, so anyone can plot it anew or load it elsewhere. */
#ifndef MTALAB_REPORTS_SERIES_H
#define MTALAB_REPORTS_SERIES_H

#include "reports/result.h"

/* Seconds of virtual time; counts; success as a percentage with three places ("nan" when there is
 * nothing to deliver). Ends with the state at the end of the run. */
void series_report(struct text *out, const struct result *result);

/* Its pieces. */
void series_head(struct text *out);
void series_point(struct text *out, const struct result_point *point);

#endif
