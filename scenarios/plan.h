/* plan.h - expectations, compiled: what expect.c makes and judge.c works from; for those two only. */
#ifndef MTALAB_PLAN_H
#define MTALAB_PLAN_H

#include "scenarios/expect.h"
#include "scenarios/expression.h"

#define INSTANT_NONE    INT64_C(-1)     /* not given */
#define INSTANT_UNKNOWN INT64_C(-2)     /* depends on what happens: relayed(X) */
#define INSTANT_END     (INT64_MAX - 1) /* the run's end, whenever that is */

/* An instant as written: known now, or an expression that has a value one day. */
struct instant_plan {
    int64_t at_us;
    struct expression expression; /* where INSTANT_UNKNOWN */
    struct source source;
};

struct interval {
    int64_t from_us, to_us; /* both included; to_us INSTANT_END: open */
};

struct expectation_plan {
    const struct expectation_config *config;
    enum event_kind when;
    struct expression *checks; /* always, never, eventually: the subject comes first */
    size_t checks_count;
    bool has_where;
    struct expression where;
    struct instant_plan at; /* at, by as forms; by beside eventually */
    struct instant_plan after, until;
    struct interval *during; /* in order, apart from each other */
    size_t during_count;
    int64_t hold_us;
    bool has_fires, has_within;
    uint64_t fires_min, fires_max; /* UINT64_MAX: open */
    int64_t within_min_us, within_max_us;
    uint32_t kinds; /* events after which it is judged */
    bool is_timed;  /* and when something leaves a window */
};

struct expect_plan {
    const struct scenario *scenario;
    struct expectation_plan *list;
    size_t count;
    int64_t tolerance_us; /* of all bounds of time; 0 in virtual time, which is exact */
    struct expression_parts parts;
};

#endif
