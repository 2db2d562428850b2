/* test_throttle.c - so many messages per hour, and how they lie in it. */
#include "tests/unit.h"

#include "base/rng.h"
#include "mta/throttle.h"

/* Takes as fast as it may; the instants of what went. */
static size_t
take_until(struct throttle *t, int64_t until_us, int64_t *at_us, size_t max)
{
    int64_t now_us = 0;
    size_t count = 0;

    while ((now_us = throttle_ready_at_us(t, now_us)) < until_us && count < max) {
        throttle_take(t, now_us);
        at_us[count++] = now_us;
    }
    return count;
}

static size_t
count_between(const int64_t *at_us, size_t count, int64_t from_us, int64_t to_us)
{
    size_t between = 0;

    for (size_t i = 0; i < count; i++)
        between += at_us[i] >= from_us && at_us[i] < to_us;
    return between;
}

static int64_t at_us[40000];

static void
no_limit_is_no_limit(void **state)
{
    for (int shape = HOUR_BURST; shape <= HOUR_EVEN; shape++) {
        struct throttle t;

        throttle_init(&t, 0, (enum hour_shape)shape);
        assert_int_equal(take_until(&t, 1, at_us, COUNT_OF(at_us)), COUNT_OF(at_us));
        assert_null(t.hour.ring);
        throttle_release(&t);
    }
}

static void
a_burst_takes_all_and_waits_an_hour(void **state)
{
    struct throttle t;

    throttle_init(&t, 100, HOUR_BURST);
    assert_int_equal(take_until(&t, 3 * US_PER_HOUR, at_us, COUNT_OF(at_us)), 300);
    for (size_t i = 0; i < 300; i++)
        assert_int_equal(at_us[i], (int64_t)(i / 100) * US_PER_HOUR);
    throttle_release(&t);
}

/* In the hour that ends now, the present instant included and that of an hour ago not. */
static uint64_t
sent_within_the_hour(const int64_t *sent_at_us, size_t count, int64_t now_us)
{
    uint64_t sent = 0;

    for (size_t i = 0; i < count; i++)
        sent += sent_at_us[i] > now_us - US_PER_HOUR;
    return sent;
}

static void
the_hour_slides_as_if_every_message_were_remembered(void **state)
{
    enum { ASKED_COUNT = 3000 };
    static int64_t sent_at_us[ASKED_COUNT];

    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct rng rng = rng_from_seed(seed);
        uint64_t limit = 1 + rng_below(&rng, 60);
        struct throttle throttle;
        size_t sent_count = 0;
        int64_t now_us = 0;

        throttle_init(&throttle, limit, HOUR_BURST);
        for (int i = 0; i < ASKED_COUNT; i++) {
            bool may = sent_within_the_hour(sent_at_us, sent_count, now_us) < limit;
            int64_t retry_at_us = throttle_ready_at_us(&throttle, now_us);

            assert_int_equal(retry_at_us <= now_us, may);
            if (may) {
                throttle_take(&throttle, now_us);
                sent_at_us[sent_count++] = now_us;
            } else {
                uint64_t then = sent_within_the_hour(sent_at_us, sent_count, retry_at_us);
                uint64_t before = sent_within_the_hour(sent_at_us, sent_count, retry_at_us - 1);

                assert_true(retry_at_us > now_us); /* the first instant that can succeed */
                assert_true(then < limit);
                assert_true(before >= limit);
                if (rng_below(&rng, 2) == 0) {
                    now_us = retry_at_us;
                    continue;
                }
            }
            if (rng_below(&rng, 3) > 0)
                now_us += (int64_t)rng_below(&rng, 5 * (uint64_t)US_PER_MIN);
        }
        throttle_release(&throttle);
    }
}

/* Campaign's example: 10,000 per hour are 833 in five minutes. */
static void
slices_are_a_twelfth_each_and_their_sum_is_the_hour(void **state)
{
    static const uint64_t hours[] = {1, 5, 11, 12, 13, 100, 10000};

    for (size_t i = 0; i < COUNT_OF(hours); i++) {
        struct throttle t;
        size_t count;

        print_message("  %d per hour\n", (int)hours[i]);
        throttle_init(&t, hours[i], HOUR_SLICES);
        count = take_until(&t, 3 * US_PER_HOUR, at_us, COUNT_OF(at_us));
        assert_int_equal(count, 3 * hours[i]);
        for (int64_t slice = 0; slice < 36; slice++) {
            size_t here =
                count_between(at_us, count, slice * 5 * US_PER_MIN, (slice + 1) * 5 * US_PER_MIN);

            assert_true(here == hours[i] / 12 || here == hours[i] / 12 + 1);
        }
        throttle_release(&t);
    }
}

static void
a_slice_ends_at_its_boundary_and_not_before(void **state)
{
    struct throttle t;

    throttle_init(&t, 24, HOUR_SLICES);
    throttle_take(&t, 5 * US_PER_MIN - 1);
    throttle_take(&t, 5 * US_PER_MIN - 1);
    assert_int_equal(throttle_ready_at_us(&t, 5 * US_PER_MIN - 1), 5 * US_PER_MIN);
    assert_int_equal(throttle_ready_at_us(&t, 5 * US_PER_MIN), 5 * US_PER_MIN);
    throttle_take(&t, 5 * US_PER_MIN); /* what the last one left is not added */
    throttle_take(&t, 5 * US_PER_MIN);
    assert_int_equal(throttle_ready_at_us(&t, 5 * US_PER_MIN), 10 * US_PER_MIN);
    throttle_release(&t);
}

static void
even_keeps_its_distance_and_loses_nothing_to_rounding(void **state)
{
    static const uint64_t hours[] = {1, 7, 3600, 9999};

    for (size_t i = 0; i < COUNT_OF(hours); i++) {
        int64_t distance_us = US_PER_HOUR / (int64_t)hours[i];
        struct throttle t;
        size_t count;

        throttle_init(&t, hours[i], HOUR_EVEN);
        count = take_until(&t, 3 * US_PER_HOUR, at_us, COUNT_OF(at_us));
        assert_int_equal(count, 3 * hours[i]);
        for (size_t j = 1; j < count; j++)
            assert_true(at_us[j] - at_us[j - 1] == distance_us ||
                at_us[j] - at_us[j - 1] == distance_us + 1);
        assert_int_equal(throttle_ready_at_us(&t, 10 * US_PER_HOUR), 10 * US_PER_HOUR);
        throttle_take(&t, 10 * US_PER_HOUR); /* a pause is not made good */
        assert_true(throttle_ready_at_us(&t, 10 * US_PER_HOUR) >= 10 * US_PER_HOUR + distance_us);
        throttle_release(&t);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_limit_is_no_limit),
        cmocka_unit_test(a_burst_takes_all_and_waits_an_hour),
        cmocka_unit_test(the_hour_slides_as_if_every_message_were_remembered),
        cmocka_unit_test(slices_are_a_twelfth_each_and_their_sum_is_the_hour),
        cmocka_unit_test(a_slice_ends_at_its_boundary_and_not_before),
        cmocka_unit_test(even_keeps_its_distance_and_loses_nothing_to_rounding),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
