/* plot_axis.h - axes that people can read: where the ticks stand and what they say.
 *
 * Time is straight, or earlier times are drawn wider: a campaign often has most of its life in its
 * first minutes and the rest in days of retries. The fourth root of the time shows both; a logarithm
 * would leave the last days no room.
 * Floating point is fine here: it places ink, and decides nothing. */
#ifndef MTALAB_PLOT_AXIS_H
#define MTALAB_PLOT_AXIS_H

#include <stdbool.h>

#include "reports/result.h"

/* True when half of all change happens within the first fiftieth of the run. */
bool plot_is_early(const struct result *result);

double plot_x(int64_t at_us, bool is_early); /* as the script's x(seconds) */

/* "set xtics (…)" for 0 .. span_us; `has_text`: with their words. */
void plot_add_time_ticks(struct text *out, int64_t span_us, bool is_early, bool has_text);
/* "set ytics (…)" for counts 0 .. max. */
void plot_add_count_ticks(struct text *out, uint64_t max);
/* A string in single quotes, in which gnuplot expands nothing. An apostrophe becomes a typographic
 * one, because gnuplot understands a doubled one differently within braces. */
void plot_add_string(struct text *out, struct slice s);

/* What begins every script: the switches for a terminal, and how its table is to be read. */
void plot_add_prelude(struct text *out);
/* `name` and `subtitle`: the scenario's title, the seed, how long it ran and in which world. */
void plot_add_caption(struct text *out, const struct result *result);

#endif
