/* judge.h - the judge from inside; for judge*.c only. judge.c knows when something is judged,
 * judge_kinds.c who hears of an event, judge_result.c what is said about it. */
#ifndef MTALAB_JUDGE_H
#define MTALAB_JUDGE_H

#include "scenarios/plan.h"

struct trial { /* one expectation during a run */
    const struct expectation_plan *plan;
    size_t number;
    int64_t at_us, after_us, until_us; /* as far as they are known by now */
    size_t interval;                   /* of `during`: the one that is open or comes next */
    bool is_open;                      /* now lies in its time */
    bool has_opened;                   /* it did once */
    bool is_opening;                   /* the state it opened with is still to be judged */
    bool is_due;                       /* something left a window of its series */
    bool is_told;        /* at T: judged, and final when time moves on; the same for a deadline */
    bool needs_delivery; /* kpi.X of the event's delivery */
    bool is_done;
    bool *checks_held;                                   /* by: each check on its own */
    int64_t true_since_us;                               /* eventually: -1 when it is not true */
    uint64_t judged_count;                               /* with a value */
    uint64_t fired_count, failed_count, undecided_count; /* when */
    int64_t exceeded_at_us; /* when: fired more often than it may; -1 */
    struct expect_result result;
};

struct kind_lists { /* who wants to see an event of this kind: numbers */
    uint32_t *series, *watches, *trials;
    size_t series_count, watches_count, trials_count;
};

struct judge {
    const struct expect_plan *plan;
    struct judge_doors doors;
    struct evidence evidence;
    struct expression_state state;
    struct trial *trials;
    struct kind_lists kinds[EVENT_KINDS_COUNT];
    uint32_t kinds_wanted; /* bit per kind */
    uint32_t *timed;       /* series whose trials are judged when something leaves a window */
    size_t timed_count;
    size_t unresolved_count; /* instants that wait for something to happen */
    int64_t boundary_us;     /* the next at which a trial's time begins or ends */
    int64_t wake_us;         /* the next at which time alone matters */
    bool is_unsettled;       /* wake_us is to be found anew when the instant is over */
    struct timer wake;
    struct arena arena; /* texts of the results */
};

/* Fills the lists of `kinds` and `timed`. */
void judge_index_kinds(struct judge *judge);
void judge_release_kinds(struct judge *judge);

/* The interval that is open or comes next. False: there is none any more, or none is known yet. */
bool trial_interval(const struct trial *trial, struct interval *interval);

/* `expression` failed with `values`, at the event at hand if there is one. */
void trial_fail(struct judge *judge, struct trial *trial, const struct expression *expression,
    const struct value *values);
/* The event at hand is too young or too old. */
void trial_fail_age(struct judge *judge, struct trial *trial, int64_t age_us);
void trial_hold(struct judge *judge, struct trial *trial, const char *format, ...)
    PRINTF_LIKE(3, 4);
/* The run is over and the trial is not: what is the verdict? */
void trial_conclude(struct judge *judge, struct trial *trial);

#endif
