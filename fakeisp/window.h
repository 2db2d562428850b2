/* window.h - how much was let through lately, and is there room for more?
 *
 * Three kinds of window, all exact. Sliding: an amount let through at t weighs until t + length.
 * Fixed: windows stand in a row from the start of the run, and each begins empty. Bucket: room for
 * `max`, refilled evenly with `max` per length. Without a window a tally only grows, except by what
 * is given back.
 *
 * Units      *_us are microseconds of loop time.
 * Ownership  the caller's. A zeroed struct tally is valid: nothing was let through.
 * Errors     none. */
#ifndef MTALAB_WINDOW_H
#define MTALAB_WINDOW_H

#include "base/moments.h"
#include "fakeisp/isp.h"

struct window {
    enum limit_window kind;
    int64_t length_us; /* > 0, unless there is no window */
    uint64_t max;
};

struct tally {
    uint64_t count;         /* in the window; bucket: what is missing to a full one, rounded up */
    int64_t since_us;       /* fixed: start of the window; bucket: instant of the last look */
    int64_t fraction;       /* bucket: what has dripped in beyond `count`, in 1 / length_us */
    struct moments moments; /* sliding */
};

void tally_release(struct tally *tally);

/* Is there room for `amount` now? Nothing is taken. */
bool tally_has_room(
    struct tally *tally, const struct window *window, int64_t now_us, uint64_t amount);
void tally_take(struct tally *tally, const struct window *window, int64_t now_us, uint64_t amount);
void tally_give_back(struct tally *tally, uint64_t amount); /* without a window only */

/* To be called right before and with the window as it was, when it is about to change. */
void tally_settle(struct tally *tally, const struct window *window, int64_t now_us);

#endif
