/* test_loop_net.c - the loop in real and in scaled time: the same order, and descriptors besides. */
#include "tests/unit/loop_diary.h"

#include <event2/event.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "base/loop_net.h"
#include "base/unit.h"
#include "base/wheel.h"

static struct loop *
new_loop(uint32_t speed)
{
    struct error err;
    struct loop *loop = loop_net_new(US_PER_DAY, speed, &err);

    assert_non_null(loop);
    return loop;
}

static int64_t
kernel_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * US_PER_S + now.tv_nsec / 1000;
}

static void
count_up(void *arg)
{
    ++*(int *)arg;
}

static void
stop(void *arg)
{
    loop_stop(arg);
}

static void
timers_fire_at_their_own_instants_in_order(void **state)
{
    static const uint32_t speeds[] = {1, 300, 100000};
    static const int64_t at_us[] = {70000, 5, 70000, 0, 70001, 5};
    static const int expected[] = {3, 1, 5, 0, 2, 4};

    for (size_t s = 0; s < COUNT_OF(speeds); s++) {
        struct loop *loop = new_loop(speeds[s]);
        struct diary diary = {.loop = loop};
        struct alarm alarms[6] = {0};

        for (int i = 0; i < 6; i++) {
            alarms[i].diary = &diary;
            alarms[i].number = i;
            timer_arm(loop, &alarms[i].timer, at_us[i], write_down, &alarms[i]);
        }
        run(loop, INT64_MAX); /* ends: nothing is armed any more, and there are no descriptors */
        assert_int_equal(diary.count, 6);
        assert_memory_equal(diary.notes, expected, sizeof expected);
        for (int i = 0; i < 6; i++)
            assert_int_equal(diary.at_us[i], at_us[expected[i]]);
        loop_free(&loop);
    }
}

static void
scaled_time_is_as_many_times_faster(void **state)
{
    int64_t before_us = kernel_us();
    struct loop *loop = new_loop(300);
    struct timer timer = {0};
    int count = 0;

    timer_arm(loop, &timer, 6 * US_PER_S, count_up, &count);
    run(loop, 9 * US_PER_S);
    assert_int_equal(count, 1);
    assert_int_equal(loop_now_us(loop), 9 * US_PER_S);
    assert_true(kernel_us() - before_us >= 9 * US_PER_S / 300);
    assert_int_equal(loop_wall_us(loop), US_PER_DAY + 9 * US_PER_S);
    run(loop, 9 * US_PER_S - 1); /* the past: nothing to do */
    assert_int_equal(loop_now_us(loop), 9 * US_PER_S);
    loop_free(&loop);
}

static void
without_a_start_it_is_the_kernels_time(void **state)
{
    struct error err;
    int64_t before_us = (int64_t)time(NULL) * US_PER_S;
    struct loop *loop = loop_net_new(0, 1, &err);

    assert_true(loop_wall_us(loop) >= before_us);
    assert_true(loop_wall_us(loop) < before_us + US_PER_DAY);
    loop_free(&loop);
}

static void
check_libc_time(void *arg)
{
    const struct loop *loop = arg;

    assert_int_equal(time(NULL), loop_wall_us(loop) / US_PER_S);
}

static void
libraries_see_the_scaled_time(void **state)
{
    struct loop *loop = new_loop(1000);
    struct timer timers[2] = {0};

    timer_arm(loop, &timers[0], 3 * US_PER_S, check_libc_time, loop);
    timer_arm(loop, &timers[1], 20 * US_PER_S, check_libc_time, loop);
    run(loop, INT64_MAX);
    loop_free(&loop);
}

/* ---- descriptors ---- */

/* A pipe, and what is to be done when there is something in it. */
struct reader {
    struct loop *loop;
    struct alarm alarm;
    struct event *event;
    struct timer timer;
    timer_fn *fn; /* NULL: on_readable() */
    void *arg;
    int fds[2];
    bool drains;
    int times_left; /* then it watches no more; 0: it never stops */
};

static void
on_readable(void *arg)
{
    struct reader *reader = arg;
    char byte;

    if (reader->drains)
        assert_int_equal(read(reader->fds[0], &byte, 1), 1);
    if (reader->alarm.diary != NULL)
        write_down(&reader->alarm);
    if (reader->times_left > 0 && --reader->times_left == 0)
        event_del(reader->event);
}

static void
notice(evutil_socket_t fd, short what, void *arg)
{
    struct reader *reader = arg;

    loop_net_notice(reader->loop, &reader->timer, reader->fn != NULL ? reader->fn : on_readable,
        reader->fn != NULL ? reader->arg : reader);
}

static void
reader_open(struct reader *reader, struct loop *loop)
{
    assert_int_equal(pipe(reader->fds), 0);
    reader->loop = loop;
    reader->event =
        event_new(loop_net_base(loop), reader->fds[0], EV_READ | EV_PERSIST, notice, reader);
    assert_non_null(reader->event);
    assert_int_equal(event_add(reader->event, NULL), 0);
}

static void
reader_close(struct reader *reader)
{
    event_free(reader->event);
    timer_cancel(reader->loop, &reader->timer);
    close(reader->fds[0]);
    close(reader->fds[1]);
}

static void
write_a_byte(void *arg)
{
    assert_int_equal(write(((struct reader *)arg)->fds[1], "x", 1), 1);
}

static void
what_is_ready_runs_at_its_instant(void **state)
{
    struct loop *loop = new_loop(1);
    struct diary diary = {.loop = loop};
    struct reader reader = {
        .alarm = {.diary = &diary, .number = 2},
          .drains = true, .times_left = 1
    };
    struct alarm before = {.diary = &diary, .number = 1};
    struct timer writer = {0};

    reader_open(&reader, loop);
    timer_arm(loop, &writer, 3000, write_a_byte, &reader);
    timer_arm(loop, &before.timer, 3000, write_down, &before);
    run(loop, INT64_MAX); /* ends when the reader has stopped */
    assert_int_equal(diary.count, 2);
    assert_int_equal(diary.notes[0], 1);
    assert_int_equal(diary.notes[1], 2);
    assert_true(diary.at_us[1] >= 3000);
    reader_close(&reader);
    loop_free(&loop);
}

static void
an_instant_is_over_after_what_was_ready(void **state)
{
    struct loop *loop = new_loop(1);
    struct diary diary = {.loop = loop};
    struct reader reader = {.alarm = {.diary = &diary}, .drains = true, .times_left = 1};
    int overs_count = 0;

    reader_open(&reader, loop);
    write_a_byte(&reader);
    loop_on_instant_over(loop, count_up, &overs_count);
    run(loop, INT64_MAX);
    assert_int_equal(diary.count, 1);
    assert_int_equal(overs_count, 1);
    reader_close(&reader);
    loop_free(&loop);
}

/* The byte is never read, so the descriptor is ready in every iteration. */
static void
a_flood_of_input_does_not_hold_up_timers(void **state)
{
    struct loop *loop = new_loop(1);
    struct reader reader = {0};
    struct timer stopper = {0};

    reader_open(&reader, loop);
    write_a_byte(&reader);
    timer_arm(loop, &stopper, 20000, stop, loop);
    run(loop, INT64_MAX);
    assert_true(loop_callbacks_count(loop) > 2);
    reader_close(&reader);
    loop_free(&loop);
}

struct restless {
    struct loop *loop;
    struct timer timer;
    int64_t pause_us;
    int fired;
    bool is_tired;
};

static void
go_on(void *arg)
{
    struct restless *restless = arg;

    restless->fired++;
    if (!restless->is_tired)
        timer_arm(restless->loop, &restless->timer,
            loop_now_us(restless->loop) + restless->pause_us, go_on, restless);
}

static void
let_rest(void *arg)
{
    ((struct restless *)arg)->is_tired = true;
}

static void
a_flood_of_timers_does_not_hold_up_input(void **state)
{
    static const uint32_t speeds[] = {1, 300};

    for (size_t s = 0; s < COUNT_OF(speeds); s++) {
        struct loop *loop = new_loop(speeds[s]);
        struct restless restless = {.loop = loop, .pause_us = 1};
        struct reader reader = {.fn = let_rest, .arg = &restless};

        reader_open(&reader, loop);
        write_a_byte(&reader);
        timer_arm(loop, &restless.timer, 0, go_on, &restless);
        run(loop, 100 * US_PER_S * speeds[s] / 1000);
        assert_true(restless.is_tired);
        assert_true(restless.fired > 0);
        reader_close(&reader);
        loop_free(&loop);
    }
}

static void
a_livelock_is_reported(void **state)
{
    struct loop *loop = new_loop(1);
    struct restless restless = {.loop = loop};
    struct error err = {0};

    timer_arm(loop, &restless.timer, 1500, go_on, &restless);
    assert_false(loop_run(loop, INT64_MAX, &err));
    assert_non_null(strstr(err.text, "livelock"));
    assert_non_null(strstr(err.text, "0.001500s"));
    loop_free(&loop);
}

static void
short_runs_still_look_at_the_descriptors(void **state)
{
    struct loop *loop = new_loop(100000); /* always behind */
    struct diary diary = {.loop = loop};
    struct reader reader = {.alarm = {.diary = &diary}, .drains = true};

    reader_open(&reader, loop);
    for (int i = 0; i < 5; i++) {
        write_a_byte(&reader);
        run(loop, loop_now_us(loop) + 1);
        assert_int_equal(diary.count, i + 1);
        assert_int_equal(diary.at_us[i], loop_now_us(loop));
    }
    reader_close(&reader);
    loop_free(&loop);
}

/* ---- stopping, and signals ---- */

static void
a_stopped_run_goes_on_where_it_was(void **state)
{
    struct loop *loop = new_loop(1);
    struct diary diary = {.loop = loop};
    struct alarm alarm = {.diary = &diary, .number = 1};
    struct timer stopper = {0};

    timer_arm(loop, &stopper, 10, stop, loop);
    timer_arm(loop, &alarm.timer, 10, write_down, &alarm);
    run(loop, 100);
    assert_int_equal(diary.count, 0);
    assert_int_equal(loop_now_us(loop), 10);
    run(loop, 100);
    assert_int_equal(diary.count, 1);
    assert_int_equal(diary.at_us[0], 10);
    loop_free(&loop);
}

static void
send_signals(void *arg)
{
    assert_int_equal(raise(SIGUSR1), 0);
    assert_int_equal(raise(SIGUSR2), 0);
}

static void
signals_run_from_the_loop_and_do_not_keep_it_alive(void **state)
{
    struct loop *loop = new_loop(1);
    struct timer sender = {0}, later = {0};
    struct sigaction before, after;
    int first_count = 0, second_count = 0, later_count = 0;

    assert_int_equal(sigaction(SIGUSR1, NULL, &before), 0);
    loop_net_on_signal(loop, SIGUSR1, count_up, &first_count);
    loop_net_on_signal(loop, SIGUSR2, count_up, &second_count);
    timer_arm(loop, &sender, 100, send_signals, NULL);
    timer_arm(loop, &later, 30000, count_up, &later_count);
    run(loop, INT64_MAX);
    assert_int_equal(first_count, 1);
    assert_int_equal(second_count, 1);
    assert_int_equal(later_count, 1);
    loop_free(&loop);
    assert_int_equal(sigaction(SIGUSR1, NULL, &after), 0);
    assert_ptr_equal(after.sa_handler, before.sa_handler);
}

static void
a_signal_can_end_a_run_without_end(void **state)
{
    struct loop *loop = new_loop(1);
    struct reader reader = {0}; /* keeps the loop waiting */
    struct timer sender = {0};

    reader_open(&reader, loop);
    loop_net_on_signal(loop, SIGUSR1, stop, loop);
    loop_net_on_signal(loop, SIGUSR2, stop, loop);
    timer_arm(loop, &sender, 100, send_signals, NULL);
    run(loop, INT64_MAX);
    assert_true(loop_now_us(loop) >= 100);
    reader_close(&reader);
    loop_free(&loop);
}

/* ---- the wheel's answer to how long to sleep ---- */

static void
the_next_instant_is_never_too_late(void **state)
{
    static const int64_t gaps_us[] = {1, 255, 256, 257, 65535, 65536, 16777216, US_PER_DAY};
    static struct wheel wheel;

    wheel_init(&wheel);
    assert_int_equal(wheel_next_us(&wheel), INT64_MAX);
    for (size_t i = 0; i < COUNT_OF(gaps_us); i++) {
        int64_t at_us = wheel.now_us + gaps_us[i], next_us;
        struct timer timer = {.at_us = at_us};
        int steps = 0;

        wheel_add(&wheel, &timer);
        while ((next_us = wheel_next_us(&wheel)), !wheel_advance(&wheel, next_us)) {
            assert_true(next_us > 0);
            assert_true(next_us < at_us);
            assert_true(++steps < WHEEL_LEVELS);
        }
        assert_int_equal(next_us, at_us);
        assert_int_equal(wheel.now_us, at_us);
        wheel_remove(&wheel, &timer);
    }
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_fire_at_their_own_instants_in_order),
        cmocka_unit_test(scaled_time_is_as_many_times_faster),
        cmocka_unit_test(without_a_start_it_is_the_kernels_time),
        cmocka_unit_test(libraries_see_the_scaled_time),
        cmocka_unit_test(what_is_ready_runs_at_its_instant),
        cmocka_unit_test(an_instant_is_over_after_what_was_ready),
        cmocka_unit_test(a_flood_of_input_does_not_hold_up_timers),
        cmocka_unit_test(a_flood_of_timers_does_not_hold_up_input),
        cmocka_unit_test(a_livelock_is_reported),
        cmocka_unit_test(short_runs_still_look_at_the_descriptors),
        cmocka_unit_test(a_stopped_run_goes_on_where_it_was),
        cmocka_unit_test(signals_run_from_the_loop_and_do_not_keep_it_alive),
        cmocka_unit_test(a_signal_can_end_a_run_without_end),
        cmocka_unit_test(the_next_instant_is_never_too_late),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
