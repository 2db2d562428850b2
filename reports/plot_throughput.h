/* plot_throughput.h - the plot `throughput-vs-limit`: what each provider accepted against what its
 * hidden limits let through. */
#ifndef MTALAB_PLOT_THROUGHPUT_H
#define MTALAB_PLOT_THROUGHPUT_H

#include "reports/result.h"

/* A block per provider, two empty lines between; columns: seconds, and per minute from then on:
 * accepted, limit (empty: unknown), refusals for a limit. */
void plot_throughput_data(struct text *out, const struct result *result);
void plot_throughput_script(struct text *out, const struct result *result);

#endif
