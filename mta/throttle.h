/* throttle.h - so many messages per hour, and how they lie in it.
 *
 * burst: whatever fits into the sliding hour goes at once. slices: the hour of the clock is cut into
 * twelve of five minutes, as Campaign does, each with a twelfth (10,000 are 833, 833, 834, …): bursts
 * remain, but small ones. even: messages keep a distance of an hour's N-th part.
 *
 * Asking and taking are two things, because a message may need the consent of several throttles.
 *
 * Units      *_us are microseconds of loop time, and never run backwards.
 * Ownership  storage is the caller's: throttle_init/throttle_release. */
#ifndef MTALAB_THROTTLE_H
#define MTALAB_THROTTLE_H

#include "base/moments.h"
#include "base/unit.h"

enum hour_shape { HOUR_BURST, HOUR_SLICES, HOUR_EVEN };

struct throttle {
    uint64_t messages_per_hour; /* 0: no limit */
    enum hour_shape shape;
    struct moments hour; /* burst: what was sent in the sliding hour */
    uint64_t hour_messages;
    int64_t slice; /* slices: which one it is, and what it had */
    uint64_t slice_messages;
    int64_t next_us,
        next_rest; /* even: when the next is due, and the part of a microsecond beyond */
};

void throttle_init(struct throttle *throttle, uint64_t messages_per_hour, enum hour_shape shape);
void throttle_release(struct throttle *throttle);

/* The first instant at which a message may go; now or earlier is now. */
int64_t throttle_ready_at_us(struct throttle *throttle, int64_t now_us);
/* How many may go at this instant; it is ready. */
uint64_t throttle_room(const struct throttle *throttle, int64_t now_us);
void throttle_take(struct throttle *throttle, int64_t now_us); /* it is ready */

#endif
