/* test_libc_time.c - what libraries hear when they ask the C library for the time. */
#include "tests/unit.h"

#include <sys/time.h>
#include <time.h>

#include "base/libc_time.h"
#include "base/unit.h"

#define YEAR_2024_S INT64_C(1704067200)

static void
check_the_time(void *arg)
{
    const struct loop *loop = arg;
    int64_t expected_s = YEAR_2024_S + loop_now_us(loop) / US_PER_S;
    struct timespec monotonic, at;
    struct timeval of_day;

    assert_int_equal(time(NULL), expected_s);
    assert_int_equal(gettimeofday(&of_day, NULL), 0);
    assert_int_equal(of_day.tv_sec, expected_s);
    assert_int_equal(of_day.tv_usec, loop_now_us(loop) % US_PER_S);
    assert_int_equal(clock_gettime(CLOCK_REALTIME, &at), 0);
    assert_int_equal(at.tv_sec, expected_s);
    assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &monotonic), 0);
    assert_true(monotonic.tv_sec != at.tv_sec);
}

static void
while_a_loop_runs_it_is_the_loops_time(void **state)
{
    struct loop *loop = loop_sim_new(YEAR_2024_S * US_PER_S);
    struct timer timers[2] = {0};
    struct error err;

    timer_arm(loop, &timers[0], 0, check_the_time, loop);
    timer_arm(loop, &timers[1], 5 * US_PER_DAY + 250000, check_the_time, loop);
    assert_true(loop_run(loop, INT64_MAX, &err));
    loop_free(&loop);
}

static void
run_another(void *arg)
{
    struct loop *inner = loop_sim_new(0);
    struct error err;

    assert_true(loop_run(inner, 7 * US_PER_S, &err));
    loop_free(&inner);
    check_the_time(arg);
}

static void
a_loop_inside_a_loop_gives_the_time_back(void **state)
{
    struct loop *loop = loop_sim_new(YEAR_2024_S * US_PER_S);
    struct timer timer = {0};
    struct error err;

    timer_arm(loop, &timer, US_PER_S, run_another, loop);
    assert_true(loop_run(loop, INT64_MAX, &err));
    assert_null(libc_time_follow(NULL));
    assert_true(time(NULL) > YEAR_2024_S + 365 * 24 * 3600);
    loop_free(&loop);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(while_a_loop_runs_it_is_the_loops_time),
        cmocka_unit_test(a_loop_inside_a_loop_gives_the_time_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
