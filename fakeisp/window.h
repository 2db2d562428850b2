/* window.h - how much was let through lately, and is there room for more?
 *
 * Five kinds of window. Sliding: an amount let through at t weighs until t + length. Fixed, clock and
 * first: windows that begin empty; fixed ones stand in a row from the start of the run, those of the
 * clock at its whole hours or days (UTC), and a first one begins with the first that is let through
 * after the last one was over. Bucket: room for `burst`, refilled evenly with `max` per length.
 * Without a window a tally only grows, except by what is given back.
 *
 * All are exact. Only a sliding window that holds more than TALLY_MOMENTS_MAX instants lets what came
 * close together leave together, with the last of it: so memory has a bound, and never does more pass
 * than `max`.
 *
 * Units      *_us are microseconds of loop time.
 * Ownership  the caller's. A zeroed struct tally is valid: nothing was let through.
 * Errors     none. */
#ifndef MTALAB_WINDOW_H
#define MTALAB_WINDOW_H

#include "base/moments.h"
#include "fakeisp/isp.h"

enum { TALLY_MOMENTS_MAX = 65536 };

struct window {
    enum limit_window kind;
    int64_t length_us; /* > 0, unless there is no window */
    uint64_t max;
    uint64_t burst;   /* bucket: room when it is full; 0: max */
    int64_t clock_us; /* clock: what the wall clock showed when the loop began, since 1970 */
};

struct tally {
    uint64_t count;         /* in the window; bucket: what is missing to a full one, rounded up */
    int64_t since_us;       /* start of the window; bucket: instant of the last look */
    int64_t fraction;       /* bucket: what has dripped in beyond `count`, in 1 / length_us */
    struct moments moments; /* sliding */
};

void tally_release(struct tally *tally);

/* Is there room for `amount` now? Nothing is taken. */
bool tally_has_room(
    struct tally *tally, const struct window *window, int64_t now_us, uint64_t amount);
uint64_t tally_room(
    struct tally *tally, const struct window *window, int64_t now_us); /* how much */
/* How much there would be at an instant to come, if nobody takes any until then, and the first instant
 * after that at which there may be more by itself; INT64_MAX: none. Nothing changes. */
uint64_t tally_room_at(
    const struct tally *tally, const struct window *window, int64_t at_us, int64_t *eases_at_us);
void tally_take(struct tally *tally, const struct window *window, int64_t now_us, uint64_t amount);
void tally_give_back(struct tally *tally, uint64_t amount); /* without a window only */

/* Brings it up to now. To be called right before, and with the window as it was, when that is about
 * to change. */
void tally_settle(struct tally *tally, const struct window *window, int64_t now_us);

/* The first instant after now at which it may count less without anybody's doing; INT64_MAX: none. */
int64_t tally_eases_at_us(struct tally *tally, const struct window *window, int64_t now_us);

#endif
