/* tle_theory.h - what would explain what a site took and what it refused.
 *
 * A theory is a kind of limit and the time over which it counts: so many in any minute, so many in each
 * hour of the clock, a bucket that is filled once in ten seconds. What was taken shows how many it must
 * let through at least, a refusal how many at most. If one contradicts the other, then either the theory
 * is wrong or the limit has changed: it is held against the theory, and what it knew is forgotten. The
 * theories that explain more than the others are alive. So one refusal shows the limit to the message
 * under each theory, and what happens next shows which theory it is.
 *
 * A refusal at a door that may be shut for a while whatever is sent (a penalty) is a case of its own:
 * it contradicts a theory only as long as no such door is known.
 *
 * Theories of ten minutes and more begin with a handicap: they would explain the first refusal by a
 * very low pace. A refusal that speaks of a quota is about them alone.
 *
 * Units      *_us are microseconds of loop time; amounts are thousandths of a message; paces are those
 *            of mta/pacer.h.
 * Ownership  storage is the caller's. */
#ifndef MTALAB_TLE_THEORY_H
#define MTALAB_TLE_THEORY_H

#include <stdbool.h>

#include "mta/pacer.h"
#include "mta/tle_history.h"

enum tle_kind { TLE_SLIDING, TLE_FIXED, TLE_BUCKET, TLE_KINDS };
enum { TLE_LENGTHS = 6, TLE_THEORIES = TLE_KINDS * TLE_LENGTHS };

struct tle_theory {
    int64_t low, high; /* of what the limit lets through; high 0: no refusal since */
    int64_t proved;    /* the most that it has let through for sure; low may be a few off */
    uint8_t wrong;     /* contradictions, as many as the others have taken off */
    uint8_t wrong_at_door;
};

struct tle_theories {
    struct tle_theory all[TLE_THEORIES];
    bool has_no_door; /* was open again at once after a refusal */
    uint32_t blamed;  /* bits: those for whom the knocks at this door are a surprise */
    int64_t looked_us;
    int64_t empty_us; /* when a bucket was last empty: something was refused then */
    bool has_quota;   /* was refused for one: then there are two limits, a short and a long one */
    bool has_short_only; /* for experiments: does without theories of ten minutes and more */
};

struct tle_refusal {
    bool is_knock; /* after another refusal, to see whether it is over */
    bool is_quota; /* and said so */
    int64_t began_us;
    int64_t used[TLE_THEORIES], needed[TLE_THEORIES]; /* before it, and for it; … */
    int64_t surely_used[TLE_THEORIES],
        perhaps_needed[TLE_THEORIES]; /* … a site counts later than we */
};

/* One that began then was taken; it is in the history. */
void tle_theories_taken(struct tle_theories *ts, const struct tle_history *h, int64_t began_us);
/* What a message that began then, and was refused, had found: to be asked when all that began before has
 * been answered, and before much else is taken. */
void tle_refusal_look(struct tle_refusal *refusal, const struct tle_theories *ts,
    const struct tle_history *h, int64_t began_us);
/* It was no noise. */
void tle_theories_refused(struct tle_theories *ts, const struct tle_refusal *refusal);
/* Was so much used that a refusal is no surprise to anyone alive who knows a limit? */
bool tle_theories_expect(const struct tle_theories *ts, const struct tle_refusal *refusal);
/* So quick it was for so long, on the mean: what counts over less, and says that it is too much, is wrong. */
void tle_theories_carried(struct tle_theories *ts, int64_t pace, int64_t for_us);

/* Does a refusal shut a door for a while? If those alive need one, or if it is known that there is none. */
enum tle_door { TLE_DOOR_UNKNOWN, TLE_DOOR, TLE_NO_DOOR };
enum tle_door tle_theories_door(const struct tle_theories *ts);

/* What this pace will bring of what each of those alive would let pass, in millionths, on the mean;
 * `rest` is what comes through on the mean if it does not pass. */
int64_t tle_theories_yield(const struct tle_theories *ts, int64_t pace, int64_t rest);
/* The slowest pace that anyone alive allows, faster than `above` (0: the slowest of all); 0: none says. */
int64_t tle_theories_pace(const struct tle_theories *ts, int64_t above);
/* The longest time over which one alive counts, that would not let this pace pass; 0: none. Of a quota
 * nobody asks: when it is met it says so. */
int64_t tle_theories_length_us(const struct tle_theories *ts, int64_t pace);
/* When `share` of a thousand of those alive would take a message again, if nothing is sent meanwhile;
 * within a minute. */
int64_t tle_theories_open_us(
    const struct tle_theories *ts, const struct tle_history *h, int64_t share, int64_t now_us);

#endif
