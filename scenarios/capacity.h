/* capacity.h - how much somebody could have got through who knew every limit of a provider.
 *
 * He has the mail that waits, sends it the moment there is room, and is never refused: so no penalty
 * runs against him. Kept as a flow: at any instant he may have had the least of what each limit lets
 * through, its stock and what has flowed in since. Windows begin with the first that is let through
 * (of a sliding one all comes back at its end, which is what comes of sending at once) or in a row
 * from the start of the run; buckets begin full. Open connections bound the flow by how long a
 * message takes on one, as was seen.
 *
 * When he has sent all that waits, and it waits for the real sender CAPACITY_GRACE_US longer, then
 * what the limits let through in the long run counts on: it could have been used.
 *
 * Units      *_us are microseconds of loop time; amounts are billionths of a recipient.
 * Ownership  capacity_release() gives back what capacity_limit() made.
 * Errors     none. A change of limits is exact from the instant on at which it is told. */
#ifndef MTALAB_CAPACITY_H
#define MTALAB_CAPACITY_H

#include "base/unit.h"
#include "fakeisp/isp.h"

__extension__ typedef __int128 amount;

#define CAPACITY_ONE      INT64_C(1000000000)
#define CAPACITY_GRACE_US (10 * US_PER_S)

struct capacity_limit { /* all counters of a limit together */
    enum limit_window window;
    int64_t length_us;
    uint64_t max, burst; /* recipients */
    struct ratio grow;   /* each window is so many times the one before, … */
    uint64_t full;    /* … until it is this much: then there is no limit; 0: it does not grow */
    int64_t clock_us; /* of WINDOW_CLOCK: the wall clock when the loop began */
};

struct reservoir {
    struct capacity_limit limit;
    amount stock;
    amount over;     /* more was used up of this window than it has now */
    int64_t ends_us; /* of the window that has begun; INT64_MAX: none has */
};

struct capacity {
    struct reservoir *reservoirs;
    size_t count, room;
    uint64_t connections, per_connection; /* at once; messages on each. 0: any */
    int64_t gap_us,
        first_us; /* from one message to the next on a connection; from its opening to the
                               * first. 0: not known */
    bool is_shut; /* he is not let in, whatever he does */
    int64_t now_us;
    int64_t empty_since_us; /* he has sent all since then */
    uint64_t waiting;       /* for the real sender, recipients */
    amount backlog;         /* of his */
    amount drawn;           /* what he has sent */
    amount level;           /* what the limits let through in the long run, while mail waited */
};

void capacity_release(struct capacity *capacity);
/* One more limit; its number counts from 0. */
void capacity_limit(struct capacity *capacity, const struct capacity_limit *limit);
/* Its values are others from now on. */
void capacity_change(
    struct capacity *capacity, size_t number, uint64_t max, int64_t length_us, uint64_t burst);
bool capacity_is_bounded(const struct capacity *capacity);

void capacity_advance(struct capacity *capacity, int64_t now_us);
/* The same, but he stops when he has sent so much, for then the limits may be others. False: he has,
 * at capacity->now_us. */
bool capacity_advance_some(struct capacity *capacity, int64_t now_us, amount portion);
void capacity_add(struct capacity *capacity); /* a recipient waits from now on */
/* One waits no more; `is_sent`: the provider took it, else he would not have sent it either. */
void capacity_remove(struct capacity *capacity, bool is_sent);

/* What the limits let through in so long a time in the long run, as things are; 0: nobody knows. */
amount capacity_long_run(const struct capacity *capacity, int64_t us);

#endif
