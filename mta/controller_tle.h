/* controller_tle.h - what typed limit estimation remembers; for its own files and their tests.
 *
 *   controller_tle.c  what a signal says, and what the others are answered
 *   tle_pace.c        which pace to try next, and which one to keep
 *   tle_wall.c        what to do where nothing gets through any more
 *   tle_theory.c      what would explain what was taken and refused
 *   tle_history.c     what was taken, and when */
#ifndef MTALAB_CONTROLLER_TLE_H
#define MTALAB_CONTROLLER_TLE_H

#include "mta/controller_parts.h"
#include "mta/tle_count.h"
#include "mta/tle_history.h"
#include "mta/tle_theory.h"

#define TLE_STEP_US_MIN (2 * (int64_t)US_PER_S)
#define TLE_WALL_SHORT  ((int64_t)US_PER_S) /* an overload or a wall: the first canary tells */
#define TLE_WALL_FIRST  US_PER_MIN

enum tle_phase {
    TLE_SEARCH, /* this pace is being tried */
    TLE_CRUISE, /* found; in peace until the budget allows to probe */
    TLE_WALL,   /* nothing gets through but a canary */
};

struct tle {
    struct controller base;
    enum tle_phase phase, phase_before; /* the wall */
    struct pacer pacer;
    struct tle_history history;
    struct tle_theories theories;
    int64_t price_us; /* what the last refusal has cost */

    /* a step: at one pace */
    int64_t step_began_us; /* messages begun before are of another step */
    uint32_t step_accepted, step_refused, step_leaked;
    int64_t step_percent; /* of the next one up */
    int64_t sum;          /* cumulative: how likely it is that we are too fast */
    bool was_refused;     /* ever */
    uint32_t straight;    /* refusals since the last acceptance, … */
    int64_t straight_us;  /* … and when the first of their messages began */

    /* the budget of probes */
    int32_t margin;  /* percent, below what a limit is thought to be, besides the usual ones */
    bool is_probing; /* above what was found */
    int64_t settled, settled_us; /* where it cruised last, and since when */
    int64_t peak;                /* and before the limit fell; 0: it did not */
    int64_t fell_us;             /* when it did */
    uint32_t search_refused, budget_ppm, agreements;
    int64_t probe_at_us;

    /* noise */
    uint32_t trim_messages, trim_refused, trim_share_ppm, floor_ppm;
    int64_t trim_pace;
    bool is_noise_sure; /* a slower pace was refused as much */
    int64_t
        slow_pace; /* of the steps that slow_* count; noise_* are those that a quicker one has passed */
    uint32_t slow_messages, slow_refused, noise_messages, noise_refused;
    int64_t slide_from; /* the pace before the first of refusals that followed each other */
    uint32_t slide_events, slide_messages, slide_refused, slide_total;
    uint32_t doubt; /* refusals that say nothing against acceptances */

    /* blocks that let some through */
    bool is_leaky;
    uint32_t leaks_straight;
    uint32_t since_block; /* accepted since a block was left */

    /* the wall */
    bool is_blocked, is_quota, is_canary_out;
    bool is_looked_at, is_first_noted; /* the refusal that began it; the theories know of it */
    struct tle_refusal first;
    bool is_too_often;     /* hit for refusals that were apart: not one of them is alone */
    bool is_open;          /* something has passed meanwhile */
    uint32_t since_lone;   /* accepted since a single refusal was passed over */
    bool was_open_at_once; /* after the wall before */
    int64_t wall_began_us, canary_us, opened_us;
    int64_t refused_began_us;          /* when the first of those began whose refusal stopped all */
    uint32_t wall_knocks;              /* refused canaries */
    uint32_t asked;                    /* and those refused for what they are */
    int64_t hold_low_us, hold_high_us; /* how long a door is shut if nobody knocks; 0: not known */
    int64_t held_us;                   /* the wait that ended now, or will */

    struct tle_count sessions, per_session, recipients;
    uint32_t cut_after;
    uint32_t crowded; /* connections refused in succession, with none of ours open */
    int64_t transaction_us, opening_us; /* means */
};

/* tle_pace.c: where the pace goes from here. */
void tle_set_pace(
    struct tle *t, int64_t pace, const char *because, int64_t now_us, const struct signal *s);
void tle_begin_step(struct tle *t, int64_t now_us); /* at the same pace, counted anew */
uint32_t tle_step_messages(const struct tle *t);    /* that a pace must carry to be good, … */
int64_t tle_step_us(const struct tle *t);           /* … and for how long */
void tle_on_clean_step(struct tle *t, int64_t now_us);
/* To the best pace as things are known now. */
void tle_resume(struct tle *t, const char *because, int64_t now_us, const struct signal *s);
void tle_take_care(struct tle *t, int64_t now_us); /* a wall was hit in peace */
void tle_note_slide(struct tle *t);                /* a wall was hit */
bool tle_is_slide(const struct tle *t);
void tle_end_slide(struct tle *t, const struct signal *s);
void tle_trim(struct tle *t, const struct signal *s);

/* tle_wall.c: where nothing gets through any more. */
int64_t tle_short_wait_us(const struct tle *t, int64_t now_us);
/* Nothing gets through: the first canary is due after first_us, the next ones later and later. */
void tle_hit_wall(struct tle *t, int64_t first_us, const char *because, const struct signal *s);
void tle_look_back(struct tle *t); /* before the canary that may be taken */
void tle_stay_at_wall(struct tle *t, const char *because, const struct signal *s);
/* The canary was refused for what it is: that says nothing of the wall. */
void tle_ask_again(struct tle *t, const struct signal *s);
/* One that was on its way when the wall was hit was refused too. */
void tle_pile_up(struct tle *t, const struct signal *s);
/* One that began after the refused one has passed. */
void tle_pass_by(struct tle *t, int64_t now_us);
void tle_leave_wall(struct tle *t, const struct signal *s);

#endif
