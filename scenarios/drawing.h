/* drawing.h - plots of a run, into a folder or onto the terminal. */
#ifndef MTALAB_DRAWING_H
#define MTALAB_DRAWING_H

#include "base/error.h"
#include "reports/result.h"

/* Without gnuplot only table and script are written, *note (may be NULL) says so, and nothing has
 * failed. */
bool draw_files(const struct result *result, struct slice id, const char *directory,
    struct text *note, struct error *err);
bool draw_in_terminal(const struct result *result, struct slice id, bool has_colour,
    struct text *out, struct error *err);

#endif
