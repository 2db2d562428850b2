/* loop_door.h - what the loops of both worlds share; for loop_*.c only.
 *
 * Order, hooks and the guard against livelock live in loop.c. A world adds how time passes. */
#ifndef MTALAB_LOOP_DOOR_H
#define MTALAB_LOOP_DOOR_H

#include "base/wheel.h"

enum { LOOP_CALLBACKS_PER_INSTANT_MAX = 1000000 };

struct loop {
    const struct loop_door *door;
    struct wheel wheel; /* and with it the present instant */
    int64_t start_wall_us;
    timer_fn *on_instant_over;
    void *on_instant_over_arg;
    uint64_t callbacks_count;
    uint32_t callbacks_this_instant;
    bool is_stopped;
    bool is_instant_open; /* a callback has run since the hook was called */
};

struct loop_door {
    /* Nothing is due. Lets time pass, through wheel_advance(), to the next instant at which
     * something is, at most to `until_us`; false when there is nothing more to do before it. */
    bool (*pass_time)(struct loop *loop, int64_t until_us);
    void (*free)(struct loop *loop);
};

void loop_init(struct loop *loop, const struct loop_door *door, int64_t start_wall_us);

#endif
