/* loop.c - what time it is, and what is to happen when: the part that both worlds share. */
#include "base/loop.h"

#include "base/libc_time.h"
#include "base/loop_door.h"
#include "base/unit.h"

void
loop_init(struct loop *loop, const struct loop_door *door, int64_t start_wall_us)
{
    *loop = (struct loop){.door = door, .start_wall_us = start_wall_us};
    wheel_init(&loop->wheel);
}

void
loop_free(struct loop **loop)
{
    if (*loop != NULL)
        (*loop)->door->free(*loop);
    *loop = NULL;
}

int64_t
loop_now_us(const struct loop *loop)
{
    return loop->wheel.now_us;
}

int64_t
loop_wall_us(const struct loop *loop)
{
    return loop->start_wall_us + loop->wheel.now_us;
}

void
timer_arm(struct loop *loop, struct timer *timer, int64_t at_us, timer_fn *fn, void *arg)
{
    if (timer->next != NULL)
        wheel_remove(&loop->wheel, timer);
    timer->at_us = at_us > loop->wheel.now_us ? at_us : loop->wheel.now_us;
    timer->fn = fn;
    timer->arg = arg;
    wheel_add(&loop->wheel, timer);
}

void
timer_cancel(struct loop *loop, struct timer *timer)
{
    if (timer->next != NULL)
        wheel_remove(&loop->wheel, timer);
}

void
loop_on_instant_over(struct loop *loop, timer_fn *fn, void *arg)
{
    loop->on_instant_over = fn;
    loop->on_instant_over_arg = arg;
}

void
loop_stop(struct loop *loop)
{
    loop->is_stopped = true;
}

uint64_t
loop_callbacks_count(const struct loop *loop)
{
    return loop->callbacks_count;
}

static bool
report_livelock(const struct loop *loop, struct error *err)
{
    return error_set(err, ERROR_WORLD,
        "livelock: %d callbacks at instant %lld.%06llds and time does not move",
        LOOP_CALLBACKS_PER_INSTANT_MAX, (long long)(loop->wheel.now_us / US_PER_S),
        (long long)(loop->wheel.now_us % US_PER_S));
}

/* The timer is idle before its callback runs, so that this may arm it again or free it. */
static void
fire(struct loop *loop, struct timer *timer)
{
    timer_fn *fn = timer->fn;
    void *arg = timer->arg;

    wheel_remove(&loop->wheel, timer);
    loop->callbacks_count++;
    loop->callbacks_this_instant++;
    loop->is_instant_open = true;
    fn(arg);
}

static void
end_instant(struct loop *loop)
{
    loop->is_instant_open = false;
    if (loop->on_instant_over != NULL)
        loop->on_instant_over(loop->on_instant_over_arg);
}

/* A stop leaves what is still due for the next run, and with it the end of the instant. */
static bool
run_instant(struct loop *loop, struct error *err)
{
    for (;;) {
        struct timer *timer = wheel_due(&loop->wheel);

        if (timer == NULL && !loop->is_instant_open)
            return true;
        if (timer == NULL) {
            end_instant(loop);
            continue;
        }
        if (loop->is_stopped)
            return true;
        if (loop->callbacks_this_instant >= LOOP_CALLBACKS_PER_INSTANT_MAX)
            return report_livelock(loop, err);
        fire(loop, timer);
    }
}

static bool
pass_time(struct loop *loop, int64_t until_us)
{
    int64_t before_us = loop->wheel.now_us;
    bool is_due = loop->door->pass_time(loop, until_us);

    if (loop->wheel.now_us != before_us)
        loop->callbacks_this_instant = 0;
    return is_due;
}

static bool
run(struct loop *loop, int64_t until_us, struct error *err)
{
    if (until_us < loop->wheel.now_us)
        return true;
    do {
        if (!run_instant(loop, err))
            return false;
    } while (!loop->is_stopped && pass_time(loop, until_us));
    return true;
}

bool
loop_run(struct loop *loop, int64_t until_us, struct error *err)
{
    const struct loop *outer = libc_time_follow(loop);
    bool is_done;

    loop->is_stopped = false;
    is_done = run(loop, until_us, err);
    libc_time_follow(outer);
    return is_done;
}
