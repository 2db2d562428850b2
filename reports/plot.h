/* plot.h - plots of a result, drawn by gnuplot: NAME.tsv, NAME.gp, NAME.svg and NAME.png.
 *
 * The script stands beside its data, so anyone can change it and draw again: `gnuplot kpi.gp`. The
 * same result gives the same bytes.
 *
 * Errors     gnuplot is not there: PLOT_NO_GNUPLOT, with a sentence in `err`; the table and the
 *            script are written all the same, and the run has not failed. */
#ifndef MTALAB_PLOT_H
#define MTALAB_PLOT_H

#include "base/error.h"
#include "reports/result.h"

enum plot_status { PLOT_DONE, PLOT_NO_GNUPLOT, PLOT_FAILED };

enum plot_support { PLOT_UNKNOWN, PLOT_PLANNED, PLOT_SUPPORTED };
enum plot_support plot_support(struct slice id);
/* All ids, separated by ", ": those that can be drawn, or those that are only planned. */
void plot_ids(struct text *out, enum plot_support support);

struct plot_options {
    const char *gnuplot; /* NULL: gnuplot, from PATH */
    int limit_ms;        /* 0: 20 s */
};

/* Into `directory`, which exists. `id` is supported. `options` may be NULL. */
enum plot_status plot_write(const struct result *result, struct slice id, const char *directory,
    const struct plot_options *options, struct error *err);

/* The same for a terminal, into `out`; leaves NAME.tsv, NAME.gp and NAME.txt in `directory`. */
struct plot_size {
    int columns, rows;
    bool has_colour;
};
enum plot_status plot_text(const struct result *result, struct slice id, const char *directory,
    struct plot_size size, const struct plot_options *options, struct text *out, struct error *err);

#endif
