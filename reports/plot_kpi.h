/* plot_kpi.h - the plot `kpi`: Success % and the states of all recipients over virtual time. */
#ifndef MTALAB_PLOT_KPI_H
#define MTALAB_PLOT_KPI_H

#include "reports/result.h"

/* Columns as in series.h. A line before each change repeats the state until then, so that straight
 * lines between the rows draw steps. */
void plot_kpi_data(struct text *out, const struct result *result);
void plot_kpi_script(struct text *out, const struct result *result);

#endif
