/* controller_tle.h - what typed limit estimation remembers; for
 * controller_tle.c, tle_pace.c, tle_wall.c and their tests. */
#ifndef MTALAB_CONTROLLER_TLE_H
#define MTALAB_CONTROLLER_TLE_H

#include "mta/controller_parts.h"
#include "mta/tle_count.h"
#include "mta/tle_history.h"

enum {
    TLE_WINDOWS = 8,
    TLE_STEP_PERCENT_MAX = 100,
};
#define TLE_STEP_US_MIN (4 * (int64_t)US_PER_S)
#define TLE_WALL_SHORT  ((int64_t)US_PER_S) /* an overload or a wall: the first canary tells */
#define TLE_WALL_FIRST  US_PER_MIN

enum tle_phase {
    TLE_SEARCH, /* this pace is being tried */
    TLE_SETTLE, /* back at a pace that should be good: is it? */
    TLE_CRUISE, /* found; in peace until the budget allows to probe */
    TLE_WALL,   /* nothing gets through but a canary */
};

struct tle {
    struct controller base;
    enum tle_phase phase, phase_before; /* the wall */
    struct pacer pacer;
    int64_t good, bad;     /* paces; bad 0: not known */
    int64_t settled;       /* where it cruised last */
    int64_t step_percent;  /* of the next step up where `bad` is not known */
    int64_t step_began_us; /* messages begun before are of another pace */
    uint32_t step_accepted, step_refused;
    int64_t sum;              /* cumulative: how likely it is that we are too fast */
    bool was_refused;         /* ever */
    bool is_retested;         /* in this search, the pace that was too much */
    uint32_t straight;        /* refusals since the last acceptance */
    int64_t doubted;          /* a pace that was too much and is tried once more; 0: none */
    uint32_t search_messages; /* since the last answer */
    uint32_t search_refused;  /* what the search has cost so far */
    uint32_t budget_ppm, agreements;
    int64_t probe_at_us;
    uint32_t trim_messages, trim_refused, trim_share_ppm, floor_ppm;
    int64_t trim_pace;
    bool is_noise_sure; /* a slower pace was refused as much */
    int64_t
        slow_pace; /* of the steps that slow_* count; noise_* are those that a quicker one has passed */
    uint32_t slow_messages, slow_refused, noise_messages, noise_refused;
    uint32_t doubt; /* refusals that say nothing against acceptances */

    bool is_wall_short, is_blocked, is_canary_out;
    bool is_wall_sudden; /* it came soon after the pace had changed, and was not called a quota */
    bool is_wary;        /* a refusal here has shut the site for long: the first one stops all */
    int64_t wall_began_us, wall_wait_us, canary_us;
    int64_t refused_began_us;          /* when the message began whose refusal stopped all */
    uint32_t wall_knocks;              /* refused canaries */
    uint32_t straight_at_wall;         /* refusals, those that were on their way included */
    int64_t hold_low_us, hold_high_us; /* how long a wall stands if nobody knocks; 0: not known */
    int64_t held_us;                   /* the wait that ended now, or will */
    int64_t opened_us, shut_us;        /* the last wall: when, and how long it had been there */
    int64_t cycle;                     /* accepted since it was opened */
    int64_t shut_seen_us;              /* the longest time that a wall was seen to stand */
    int64_t knocked_us;                /* the last refused canary; 0: none */
    int64_t cycle_before_us;           /* from the opening before to the wall before */
    int64_t sums_before[TLE_WINDOWS];  /* wall_sums of the wall before, … */
    uint32_t sums_same[TLE_WINDOWS];   /* … and how often in succession they were the same */
    int64_t paced_us;                  /* since when the pace is what it is */
    int64_t clean;                     /* the pace before that wall that was good */
    int64_t proved; /* the fastest pace that a step here has carried since the first wall */
    int64_t wall_sums[TLE_WINDOWS]; /* what was taken in each window when the wall was met */
    int64_t quota;                  /* what the last wall showed; 0: there was none */
    int64_t memory_us;              /* a window that was seen twice; 0: not known */
    struct tle_history history;

    struct tle_count sessions, per_session, recipients;
    uint32_t cut_after;
    int64_t transaction_us, opening_us; /* means */
};

/* tle_pace.c: where the pace goes from here. */
void tle_set_pace(
    struct tle *t, int64_t pace, const char *because, int64_t now_us, const struct signal *s);
/* The search is over: this pace it is, for as long as the budget says. */
void tle_cruise(
    struct tle *t, int64_t pace, const char *because, int64_t now_us, const struct signal *s);
bool tle_is_near(int64_t a, int64_t b, int64_t percent);
bool tle_is_found(const struct tle *t);             /* what passed and what did not are one */
void tle_begin_step(struct tle *t, int64_t now_us); /* at the same pace, counted anew */
uint32_t tle_step_messages(const struct tle *t);    /* that a pace must carry to be good */
void tle_count_noise(struct tle *t);                /* this step was clean */
void tle_on_clean_step(struct tle *t, int64_t now_us);
void tle_on_overload(struct tle *t, const struct signal *s);
void tle_trim(struct tle *t, const struct signal *s);

/* tle_wall.c: where nothing gets through any more. */
int64_t tle_short_wait_us(const struct tle *t);
int64_t tle_hold_expected_us(const struct tle *t);
/* A message that began after the refused one has passed: there is no wall. */
void tle_deny_wall(struct tle *t, const struct signal *s);
/* Nothing gets through: the first canary is due after first_us, the next ones later and later. */
void tle_hit_wall(struct tle *t, int64_t first_us, const char *because, const struct signal *s);
void tle_stay_at_wall(struct tle *t, const char *because, const struct signal *s);
void tle_hold_next(struct tle *t, const char *because, const struct signal *s);
void tle_leave_wall(struct tle *t, const struct signal *s);

#endif
