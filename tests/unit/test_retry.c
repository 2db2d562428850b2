/* test_retry.c - when to try again. */
#include "tests/unit.h"

#include "mta/retry.h"

static const struct retry_schedule usual = {
    .first_us = 20 * US_PER_MIN, .factor = {.num = 2, .den = 1},
           .cap_us = 12 * US_PER_HOUR
};

/* Hours 0, 1/3, 1, 2 1/3, 5, 10 1/3, 21, 33, 45, 57, 69, 81: twelve tries within 84 h. */
static void
the_usual_schedule_is_momentums(void **state)
{
    static const int64_t minutes[] = {0, 20, 60, 140, 300, 620, 1260, 1980, 2700, 3420, 4140, 4860};
    struct rng rng = rng_from_seed(1);
    int64_t at_us = 0;

    for (uint32_t attempt = 1; attempt <= COUNT_OF(minutes); attempt++) {
        assert_int_equal(at_us, minutes[attempt - 1] * US_PER_MIN);
        at_us += retry_delay_us(&usual, attempt, &rng);
    }
    assert_true(at_us > 84 * US_PER_HOUR); /* a thirteenth would come too late */
}

static void
any_schedule_grows_up_to_its_cap(void **state)
{
    static const struct {
        struct retry_schedule schedule;
        int64_t delays_us[6];
    } cases[] = {
        {{.first_us = 100, .factor = {1, 1}, .cap_us = 1000}, {100, 100, 100, 100, 100, 100}},
        {{.first_us = 100, .factor = {3, 2}, .cap_us = 400},  {100, 150, 225, 338, 400, 400}},
        {{.first_us = 100, .factor = {10, 1}, .cap_us = 400}, {100, 400, 400, 400, 400, 400}},
        {{.first_us = 500, .factor = {2, 1}, .cap_us = 400},  {400, 400, 400, 400, 400, 400}},
        {{.first_us = 400, .factor = {2, 1}, .cap_us = 400},  {400, 400, 400, 400, 400, 400}},
        {{.first_us = 500, .factor = {1, 1}, .cap_us = 400},  {400, 400, 400, 400, 400, 400}},
    };
    struct rng rng = rng_from_seed(1);

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        print_message("  row %zu\n", i);
        for (uint32_t attempt = 1; attempt <= 6; attempt++)
            assert_int_equal(
                retry_delay_us(&cases[i].schedule, attempt, &rng), cases[i].delays_us[attempt - 1]);
    }
}

static void
a_late_try_costs_no_time_and_does_not_overflow(void **state)
{
    struct retry_schedule level = usual;
    struct rng rng = rng_from_seed(1);

    assert_int_equal(retry_delay_us(&usual, UINT32_MAX, &rng), usual.cap_us);
    level.factor = (struct ratio){1, 1};
    assert_int_equal(retry_delay_us(&level, UINT32_MAX, &rng), level.first_us);
}

static void
without_jitter_no_dice_are_rolled(void **state)
{
    struct rng rng = rng_from_seed(5), untouched = rng;

    for (uint32_t attempt = 1; attempt < 20; attempt++)
        retry_delay_us(&usual, attempt, &rng);
    assert_memory_equal(&rng, &untouched, sizeof rng);
}

static void
jitter_reaches_as_far_as_it_says_both_ways(void **state)
{
    static const uint32_t jitters_ppm[] = {1, 1000, 100000, 250000, PPM};
    struct rng rng = rng_from_seed(5);

    for (size_t i = 0; i < COUNT_OF(jitters_ppm); i++) {
        struct retry_schedule schedule = usual;
        int64_t least_us = INT64_MAX, most_us = 0, sum_us = 0, reach_us;

        schedule.jitter_ppm = jitters_ppm[i];
        reach_us = usual.first_us / PPM * schedule.jitter_ppm;
        print_message("  %u ppm\n", (unsigned)schedule.jitter_ppm);
        for (int round = 0; round < 10000; round++) {
            int64_t delay_us = retry_delay_us(&schedule, 1, &rng);

            sum_us += delay_us - usual.first_us;
            least_us = delay_us < least_us ? delay_us : least_us;
            most_us = delay_us > most_us ? delay_us : most_us;
        }
        assert_in_range(least_us, usual.first_us - reach_us, usual.first_us - reach_us * 9 / 10);
        assert_in_range(most_us, usual.first_us + reach_us * 9 / 10, usual.first_us + reach_us);
        assert_in_range(sum_us / 10000 + reach_us, reach_us * 9 / 10, reach_us * 11 / 10 + 1);
    }
}

static void
the_same_dice_make_the_same_schedule(void **state)
{
    struct retry_schedule schedule = usual;
    struct rng a = rng_from_seed(5), b = rng_from_seed(5);

    schedule.jitter_ppm = 200000;
    for (uint32_t attempt = 1; attempt < 20; attempt++)
        assert_int_equal(
            retry_delay_us(&schedule, attempt, &a), retry_delay_us(&schedule, attempt, &b));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_usual_schedule_is_momentums),
        cmocka_unit_test(any_schedule_grows_up_to_its_cap),
        cmocka_unit_test(a_late_try_costs_no_time_and_does_not_overflow),
        cmocka_unit_test(without_jitter_no_dice_are_rolled),
        cmocka_unit_test(jitter_reaches_as_far_as_it_says_both_ways),
        cmocka_unit_test(the_same_dice_make_the_same_schedule),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
