/* curve.h - the KPI over time, kept in bounded memory however long the run is.
 *
 * Every instant that changed something is a point, until there are twice too many. Then those go
 * that nobody could see: a point stays when it moved far enough since the last one kept, or when it
 * is the first in its slice of time (of equal slices, and of slices that grow with the time, for
 * plots with a logarithmic axis). What counts as far doubles and never shrinks, so that the same
 * stretch is not thinned again and again. Integers only. */
#ifndef MTALAB_CURVE_H
#define MTALAB_CURVE_H

#include "reports/result.h"

struct curve { /* zeroed: empty */
    struct result_point *points;
    size_t count, capacity;
    struct result_point now; /* as of its instant so far */
    bool has_now;
    uint64_t step;    /* that far a point must move */
    int64_t slice_us; /* width of the equal slices of time */
};

void curve_release(struct curve *curve);
/* The state right after something happened; of several at one instant the last one counts. Instants
 * never go back. */
void curve_set(struct curve *curve, const struct result_point *now);
/* At most RESULT_POINTS_MAX points, the first and the last state among them. */
const struct result_point *curve_finish(struct curve *curve, size_t *count);

#endif
