/* loop_net.c - real time, possibly scaled, and file descriptors: a loop on libevent.
 *
 * One timerfd stands for the whole wheel. Arming it afresh also takes away that it is readable, so it
 * is never read; and while its instant is the right one or too early it is left alone, so that a
 * timer that is pushed back again and again (a session's timeout) costs no system call. libevent's
 * own timers would be rounded up to milliseconds, or cost such a call in every iteration. */
#include "base/loop_net.h"

#include <errno.h>
#include <event2/event.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "base/loop_door.h"
#include "base/mem.h"
#include "base/unit.h"

enum { NS_PER_S = 1000000000, NS_PER_US = 1000 };

struct signal_watch {
    struct signal_watch *next;
    struct loop *loop;
    struct event *event;
    struct timer timer;
    timer_fn *fn;
    void *arg;
};

struct net_loop {
    struct loop base;
    struct event_base *events;
    struct event *clock_event;
    struct signal_watch *signals;
    struct timespec origin; /* of CLOCK_MONOTONIC: loop time 0 */
    uint32_t speed;
    int clock_fd;
    int own_events_count;
    int64_t wake_at_us; /* for which the clock is armed; INT64_MAX: not at all */
    int64_t until_us;   /* of the run that is on */
    int64_t read_us;    /* the time when it was last read; at most until_us */
    bool is_read;       /* in this iteration */
};

static struct net_loop *
net_of(struct loop *loop)
{
    return (struct net_loop *)loop;
}

/* ---- the kernel's clock and ours ---- */

static int64_t
elapsed_us(const struct net_loop *net)
{
    struct timespec now;
    int64_t s, ns;

    clock_gettime(CLOCK_MONOTONIC, &now);
    s = now.tv_sec - net->origin.tv_sec;
    ns = now.tv_nsec - net->origin.tv_nsec;
    return s * US_PER_S * net->speed + ns * net->speed / NS_PER_US;
}

/* Rounded up: who wakes too early only sleeps again. */
static struct timespec
monotonic_at(const struct net_loop *net, int64_t at_us)
{
    int64_t per_s = (int64_t)US_PER_S * net->speed;
    int64_t rest_us = at_us % per_s;
    int64_t ns = net->origin.tv_nsec + (rest_us * NS_PER_US + net->speed - 1) / net->speed;

    return (struct timespec){
        .tv_sec = net->origin.tv_sec + at_us / per_s + ns / NS_PER_S, .tv_nsec = ns % NS_PER_S};
}

static void
read_time(struct net_loop *net)
{
    int64_t now_us;

    if (net->is_read)
        return;
    now_us = elapsed_us(net);
    net->is_read = true;
    if (now_us > net->until_us)
        now_us = net->until_us;
    if (now_us > net->read_us)
        net->read_us = now_us;
}

static void
arm_clock(struct net_loop *net, int64_t at_us)
{
    struct itimerspec when = {0}; /* never */

    if (net->wake_at_us > net->read_us && net->wake_at_us <= at_us)
        return;
    if (net->wake_at_us == INT64_MAX && at_us == INT64_MAX)
        return;
    if (at_us != INT64_MAX)
        when.it_value = monotonic_at(net, at_us);
    timerfd_settime(net->clock_fd, TFD_TIMER_ABSTIME, &when, NULL);
    net->wake_at_us = at_us;
}

/* ---- how time passes ---- */

static void
sleep_and_look(struct net_loop *net)
{
    int64_t next_us = wheel_next_us(&net->base.wheel);
    int result;

    arm_clock(net, next_us < net->until_us ? next_us : net->until_us);
    net->is_read = false;
    result = event_base_loop(net->events, EVLOOP_ONCE);
    assert(result >= 0); /* epoll itself fails only by a mistake of ours */
    read_time(net);
}

static bool
is_anything_left(const struct net_loop *net)
{
    return net->until_us != INT64_MAX || !wheel_is_empty(&net->base.wheel) ||
        event_base_get_num_events(net->events, EVENT_BASE_COUNT_ADDED) > net->own_events_count;
}

static bool
pass_time(struct loop *loop, int64_t until_us)
{
    struct net_loop *net = net_of(loop);

    net->until_us = until_us;
    if (wheel_advance(&loop->wheel, net->read_us < until_us ? net->read_us : until_us))
        return true;
    while (net->read_us < until_us && !loop->is_stopped && is_anything_left(net)) {
        sleep_and_look(net);
        if (wheel_due(&loop->wheel) != NULL || wheel_advance(&loop->wheel, net->read_us))
            return true;
    }
    return false;
}

void
loop_net_notice(struct loop *loop, struct timer *timer, timer_fn *fn, void *arg)
{
    struct net_loop *net = net_of(loop);

    read_time(net);
    if (!timer_is_armed(timer))
        timer_arm(loop, timer, net->read_us, fn, arg);
}

/* ---- signals ---- */

static void
notice_signal(evutil_socket_t signo, short what, void *arg)
{
    struct signal_watch *watch = arg;

    loop_net_notice(watch->loop, &watch->timer, watch->fn, watch->arg);
}

void
loop_net_on_signal(struct loop *loop, int signo, timer_fn *fn, void *arg)
{
    struct net_loop *net = net_of(loop);
    struct signal_watch *watch = mem_alloc_zeroed(sizeof *watch);

    watch->loop = loop;
    watch->fn = fn;
    watch->arg = arg;
    watch->event = evsignal_new(net->events, signo, notice_signal, watch);
    assert(watch->event != NULL);
    evsignal_add(watch->event, NULL);
    net->own_events_count++;
    watch->next = net->signals;
    net->signals = watch;
}

/* ---- coming and going ---- */

static void
free_signals(struct net_loop *net)
{
    while (net->signals != NULL) {
        struct signal_watch *watch = net->signals;

        net->signals = watch->next;
        event_free(watch->event);
        mem_free(watch);
    }
}

static void
free_loop(struct loop *loop)
{
    struct net_loop *net = net_of(loop);

    free_signals(net);
    if (net->clock_event != NULL)
        event_free(net->clock_event);
    if (net->clock_fd >= 0)
        close(net->clock_fd);
    if (net->events != NULL)
        event_base_free(net->events);
    mem_free(net);
}

static const struct loop_door net_door = {pass_time, free_loop};

/* That the sleep is over is all there is to say. */
static void
notice_clock(evutil_socket_t fd, short what, void *arg)
{
}

/* Nobody here uses libevent's timers much: without its cache it reads no clock in an iteration. */
static struct event_base *
make_base(void)
{
    struct event_config *config = event_config_new();
    struct event_base *base = NULL;

    if (config == NULL)
        return NULL;
    if (event_config_set_flag(config, EVENT_BASE_FLAG_NO_CACHE_TIME) == 0 &&
        event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK) == 0)
        base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

static bool
open_doors(struct net_loop *net)
{
    net->events = make_base();
    net->clock_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (net->events == NULL || net->clock_fd < 0)
        return false;
    net->clock_event =
        event_new(net->events, net->clock_fd, EV_READ | EV_PERSIST, notice_clock, NULL);
    return net->clock_event != NULL && event_add(net->clock_event, NULL) == 0;
}

static int64_t
kernel_wall_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * US_PER_S + now.tv_nsec / NS_PER_US;
}

struct loop *
loop_net_new(int64_t start_wall_us, uint32_t speed, struct error *err)
{
    struct net_loop *net = mem_alloc_zeroed(sizeof *net);
    struct loop *loop = &net->base;

    assert(speed >= 1);
    loop_init(loop, &net_door, start_wall_us > 0 ? start_wall_us : kernel_wall_us());
    net->speed = speed;
    net->own_events_count = 1; /* the clock */
    net->wake_at_us = INT64_MAX;
    if (!open_doors(net)) {
        error_set(err, ERROR_WORLD, "no event loop: %s", strerror(errno));
        loop_free(&loop);
        return NULL;
    }
    clock_gettime(CLOCK_MONOTONIC, &net->origin);
    return loop;
}

struct event_base *
loop_net_base(struct loop *loop)
{
    return net_of(loop)->events;
}
