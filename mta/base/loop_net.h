/* loop_net.h - real time, possibly scaled, and file descriptors: a loop on libevent.
 *
 * loop_now_us() is `speed` times what CLOCK_MONOTONIC has counted since the loop was made. It is read
 * once per iteration, when the kernel has said what is ready, and never runs ahead of loop_run()'s
 * `until_us`. While the loop is behind, timers still fire at their own instants, one by one, as in
 * virtual time. So at speed 300 a timer of five minutes fires after a second, and so does libc's
 * time() for the libraries (base/libc_time.h).
 *
 * What libevent notices is not acted upon in libevent's callback, where the time is still that of
 * before the sleep: it is handed to loop_net_notice(), which arms a timer at the instant just read.
 * Timers and descriptors thus share one order, one guard against livelock and one end of the
 * instant; between two looks at the descriptors all that is due runs, and no more than that.
 *
 * loop_run() until INT64_MAX ends at loop_stop(), or when no timer is armed and no event is added but
 * the loop's own (its clock and its signals): then nothing can happen any more. Until another instant
 * it lasts that long, even with nothing to do.
 *
 * Ownership  whoever adds events to loop_net_base() removes them before loop_free().
 * Errors     loop_net_new: the kernel gave no epoll or no timerfd. */
#ifndef MTALAB_LOOP_NET_H
#define MTALAB_LOOP_NET_H

#include "base/loop.h"

struct event_base; /* libevent's */

/* `start_wall_us` 0 or less: loop_wall_us() starts at the kernel's wall clock. From there it follows
 * the monotonic clock; it is not set back or forth with the kernel's. speed >= 1. */
struct loop *loop_net_new(int64_t start_wall_us, uint32_t speed, struct error *err) MUST_USE;

struct event_base *loop_net_base(struct loop *loop); /* for *_net.c only */

/* From a callback of libevent: `fn` runs in this iteration, at its instant, after what was due
 * before. A timer that is armed already is left as it is. */
void loop_net_notice(struct loop *loop, struct timer *timer, timer_fn *fn, void *arg);

/* From now on `signo` runs `fn` from the loop instead of what it did; several of them that come
 * close together may run it once. Once per signal; the old handler is back after loop_free(). */
void loop_net_on_signal(struct loop *loop, int signo, timer_fn *fn, void *arg);

#endif
