/* arena_table.h - what came of the arena, as a table and as a plot. */
#ifndef MTALAB_ARENA_TABLE_H
#define MTALAB_ARENA_TABLE_H

#include "base/error.h"
#include "reports/table.h"

/* One controller against one provider; plain data, it comes through a pipe. Shares in parts per
 * million. */
struct arena_outcome {
    uint32_t task;
    bool has_run;   /* else it broke: invalid, or dead */
    bool is_cut;    /* at the bound of events */
    bool has_score; /* something could have been let through, … */
    bool is_fast;   /* … at a pace of one a second at least */
    int64_t utilisation_ppm, regret_ppm, lost_ppm, rejected_ppm;
    int64_t possible_millionths; /* of a recipient */
    uint64_t accepted, rejected, sends, penalties, escalations, wrongly_failed;
};

struct arena_rows { /* of one controller */
    const char *controller;
    const struct arena_outcome *outcomes;
    size_t count;
};

/* `what`: "named ISPs", "ISPs drawn by lot". */
void arena_table(struct text *out, const char *what, const struct arena_rows *rows, size_t count,
    const struct report_style *style);

/* One provider per name; each has a line per controller. */
void arena_table_each(struct text *out, const struct slice *names, const struct arena_rows *rows,
    size_t count, const struct report_style *style);

/* arena.tsv, arena.gp, arena.svg and arena.png in `directory`: the share of runs by their regret.
 * False: there is no picture, and *err says why. */
bool arena_plot(
    const struct arena_rows *rows, size_t count, const char *directory, struct error *err) MUST_USE;

#endif
