/* loop.h - what time it is, and what is to happen when.
 *
 * Nobody but the loop knows the time. Timers at equal instants fire in the order they were armed.
 * A callback is never run inside the call that caused it: whoever has news for somebody else arms a
 * timer at the present instant (loop_post). So a callback may free the object it belongs to.
 *
 * Units      *_us are int64_t microseconds. loop_now_us() starts at 0 and never falls;
 *            loop_wall_us() counts from 1970-01-01T00:00:00Z.
 * Ownership  a struct timer belongs to the caller, usually as a field of the object that waits; it
 *            must be zeroed before its first use, and cancelled or fired before its memory goes.
 * Errors     loop_run() reports a livelock (a million callbacks without time moving). */
#ifndef MTALAB_LOOP_H
#define MTALAB_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct loop;

typedef void timer_fn(void *arg);

struct timer {
    struct timer *next, *previous; /* in a ring; NULL: idle */
    int64_t at_us;
    timer_fn *fn;
    void *arg;
};

/* The simulated loop jumps from instant to instant. */
struct loop *loop_sim_new(int64_t start_wall_us);
void loop_free(struct loop **loop); /* armed timers are forgotten, not fired */

int64_t loop_now_us(const struct loop *loop);
int64_t loop_wall_us(const struct loop *loop);

/* Fires once, at `at_us` or as soon after it as the loop can; an instant that is past means now. An
 * armed timer is moved (and counts as armed now). */
void timer_arm(struct loop *loop, struct timer *timer, int64_t at_us, timer_fn *fn, void *arg);
void timer_cancel(struct loop *loop, struct timer *timer); /* idle timers are left alone */

static inline bool
timer_is_armed(const struct timer *timer)
{
    return timer->next != NULL;
}

/* Fires within this instant, after everything that was already due. */
static inline void
loop_post(struct loop *loop, struct timer *timer, timer_fn *fn, void *arg)
{
    timer_arm(loop, timer, loop_now_us(loop), fn, arg);
}

/* Called when every callback of an instant has run, before time moves. It may arm timers: those of
 * the same instant run, and it is called again. One per loop; NULL takes it away. */
void loop_on_instant_over(struct loop *loop, timer_fn *fn, void *arg);

/* Runs until everything due at or before `until_us` has run (time then stands at `until_us`), or
 * until loop_stop(). INT64_MAX: until nothing is armed (time stays where the last timer fired). */
bool loop_run(struct loop *loop, int64_t until_us, struct error *err) MUST_USE;
void loop_stop(struct loop *loop);

uint64_t loop_callbacks_count(const struct loop *loop); /* so far, for figures of speed */

#endif
