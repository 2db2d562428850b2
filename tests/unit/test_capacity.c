/* test_capacity.c - what somebody gets through who knows the limits: small sums, done by hand. */
#include "tests/unit.h"

#include "scenarios/capacity.h"

static void
add(struct capacity *capacity, size_t count)
{
    for (size_t i = 0; i < count; i++)
        capacity_add(capacity);
}

/* Whole recipients; what is missing to the next is at most a millionth. */
static int64_t
drawn(const struct capacity *capacity)
{
    return (int64_t)((capacity->drawn + 1000) / CAPACITY_ONE);
}

static void
windows_let_through_what_they_hold(void **state)
{
    static const struct {
        enum limit_window window;
        uint64_t max, burst;
        int64_t start_us, until_us;
        int64_t expected;
    } cases[] = {
        {WINDOW_SLIDING, 20,  0,   0,                US_PER_S,         20 },
        {WINDOW_SLIDING, 20,  0,   0,                US_PER_S + 1,     40 },
        {WINDOW_SLIDING, 20,  0,   500 * US_PER_MS,  10 * US_PER_S,    200},
        {WINDOW_FIRST,   20,  0,   500 * US_PER_MS,  10 * US_PER_S,    200},
        {WINDOW_FIXED,   20,  0,   500 * US_PER_MS,  10 * US_PER_S,    200},
        {WINDOW_FIXED,   20,  0,   1500 * US_PER_MS, 2 * US_PER_S + 1, 40 },
        {WINDOW_BUCKET,  20,  0,   0,                US_PER_S,         40 },
        {WINDOW_BUCKET,  20,  5,   0,                10 * US_PER_S,    205},
        {WINDOW_BUCKET,  20,  100, 0,                10 * US_PER_S,    300},
        {WINDOW_SLIDING, 0,   0,   0,                10 * US_PER_S,    0  },
        {WINDOW_SLIDING, 900, 0,   0,                10 * US_PER_S,    500},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct capacity capacity = {0};
        const struct capacity_limit limit = {.window = cases[i].window,
            .length_us = US_PER_S,
            .max = cases[i].max,
            .burst = cases[i].burst};

        print_message("  case %zu\n", i);
        capacity_limit(&capacity, &limit);
        capacity_advance(&capacity, cases[i].start_us);
        add(&capacity, 500);
        capacity_advance(&capacity, cases[i].until_us);
        assert_int_equal(drawn(&capacity), cases[i].expected);
        capacity_release(&capacity);
    }
}

/* However often one looks, and at whatever instants. */
static void
looking_changes_nothing(void **state)
{
    static const struct capacity_limit bucket = {
        .window = WINDOW_BUCKET, .length_us = 7 * US_PER_S, .max = 3, .burst = 2};
    static const struct capacity_limit quota = {
        .window = WINDOW_FIXED, .length_us = 60 * US_PER_S, .max = 10};
    struct capacity once = {0}, often = {0};

    capacity_limit(&once, &bucket);
    capacity_limit(&once, &quota);
    capacity_limit(&often, &bucket);
    capacity_limit(&often, &quota);
    add(&once, 1000);
    add(&often, 1000);
    capacity_advance(&once, 600 * US_PER_S);
    for (int64_t at_us = 0; at_us <= 600 * US_PER_S; at_us += 12347)
        capacity_advance(&often, at_us);
    capacity_advance(&often, 600 * US_PER_S);
    assert_int_equal(drawn(&once), 100);
    assert_int_equal(drawn(&often), 100);
    capacity_release(&once);
    capacity_release(&often);
}

static void
the_strictest_limit_decides(void **state)
{
    static const struct capacity_limit pace = {
        .window = WINDOW_SLIDING, .length_us = US_PER_S, .max = 20};
    static const struct capacity_limit quota = {
        .window = WINDOW_FIXED, .length_us = US_PER_MIN, .max = 100};
    struct capacity capacity = {.connections = 2, .gap_us = 250 * US_PER_MS};

    capacity_limit(&capacity, &pace);
    capacity_limit(&capacity, &quota);
    add(&capacity, 10000);
    capacity_advance(&capacity, 10 * US_PER_S);
    assert_int_equal(drawn(&capacity), 80); /* two connections with four a second each */
    capacity_advance(&capacity, US_PER_MIN);
    assert_int_equal(drawn(&capacity), 100);
    capacity_advance(&capacity, US_PER_MIN + 5 * US_PER_S);
    assert_int_equal(drawn(&capacity), 140);
    capacity_release(&capacity);
}

static void
a_connection_carries_what_it_may(void **state)
{
    struct capacity capacity = {
        .connections = 3, .per_connection = 10, .gap_us = 100000, .first_us = 1100000};

    add(&capacity, 10000);
    capacity_advance(&capacity, 20 * US_PER_S); /* ten messages in two seconds, on each of three */
    assert_int_equal(drawn(&capacity), 300);
    capacity_release(&capacity);
}

static void
nothing_is_known_before_a_message_has_passed(void **state)
{
    struct capacity capacity = {.connections = 5};

    add(&capacity, 100);
    capacity_advance(&capacity, 10 * US_PER_S);
    assert_int_equal(drawn(&capacity), 0);
    capacity.gap_us = US_PER_S;
    capacity_advance(&capacity, 10 * US_PER_S);
    assert_int_equal(drawn(&capacity), 50);
    capacity_release(&capacity);
}

/* He sends what there is; afterwards the limit counts on only if the mail still waits. */
static void
what_is_not_there_cannot_be_sent(void **state)
{
    static const struct capacity_limit pace = {
        .window = WINDOW_SLIDING, .length_us = US_PER_S, .max = 20};
    struct capacity capacity = {0};

    capacity_limit(&capacity, &pace);
    add(&capacity, 60);
    capacity_advance(&capacity, 3 * US_PER_S);
    assert_int_equal(drawn(&capacity), 60);
    capacity_advance(&capacity, 2 * US_PER_S + CAPACITY_GRACE_US);
    assert_int_equal(drawn(&capacity), 60);
    capacity_advance(&capacity, 2 * US_PER_S + CAPACITY_GRACE_US + 5 * US_PER_S);
    assert_int_equal(drawn(&capacity), 160);
    for (int i = 0; i < 60; i++)
        capacity_remove(&capacity, true);
    capacity_advance(&capacity, US_PER_HOUR);
    assert_int_equal(drawn(&capacity), 160);
    capacity_release(&capacity);
}

static void
a_change_counts_from_its_instant(void **state)
{
    static const struct capacity_limit pace = {
        .window = WINDOW_SLIDING, .length_us = US_PER_S, .max = 40};
    struct capacity capacity = {0};

    capacity_limit(&capacity, &pace);
    add(&capacity, 100000);
    capacity_advance(&capacity, 10 * US_PER_S);
    capacity_change(&capacity, 0, 5, US_PER_S, 0);
    capacity_advance(&capacity, 20 * US_PER_S);
    capacity_change(&capacity, 0, 40, US_PER_S, 0);
    capacity_advance(&capacity, 30 * US_PER_S);
    assert_int_equal(drawn(&capacity), 850);
    capacity_release(&capacity);
}

/* What was used up stays used up, also while the limit was lower than that. */
static void
a_limit_that_falls_and_rises_again_gives_nothing_back(void **state)
{
    static const struct capacity_limit limit = {
        .window = WINDOW_FIXED, .length_us = US_PER_MIN, .max = 100};
    struct capacity capacity = {0};

    capacity_limit(&capacity, &limit);
    add(&capacity, 80);
    capacity_advance(&capacity, US_PER_S);
    add(&capacity, 1000);
    for (int i = 0; i < 3; i++) {
        capacity_change(&capacity, 0, 50, US_PER_MIN, 0);
        capacity_advance(&capacity, (10 + 10 * i) * US_PER_S);
        assert_int_equal(drawn(&capacity), i == 0 ? 80 : 100);
        capacity_change(&capacity, 0, 100, US_PER_MIN, 0);
        capacity_advance(&capacity, (15 + 10 * i) * US_PER_S);
        assert_int_equal(drawn(&capacity), 100);
    }
    capacity_advance(&capacity, US_PER_MIN + US_PER_S);
    assert_int_equal(drawn(&capacity), 200);
    capacity_release(&capacity);
}

static void
who_is_not_let_in_gets_nothing_through(void **state)
{
    struct capacity capacity = {.is_shut = true};
    const struct capacity_limit limit = {
        .window = WINDOW_SLIDING, .length_us = US_PER_S, .max = 20};

    capacity_limit(&capacity, &limit);
    add(&capacity, 100);
    capacity_advance(&capacity, US_PER_MIN);
    assert_int_equal(drawn(&capacity), 0);
    assert_true(capacity_long_run(&capacity, US_PER_MIN) == 0);
    capacity.is_shut = false;
    capacity_advance(&capacity, US_PER_MIN + 2 * US_PER_S + 1);
    assert_int_equal(drawn(&capacity), 60);
    capacity_release(&capacity);
}

static void
a_new_sender_grows_from_day_to_day(void **state)
{
    static const struct capacity_limit warming = {
        .window = WINDOW_FIRST, .length_us = US_PER_DAY, .max = 100, .grow = {2, 1},
                   .full = 500
    };
    struct capacity capacity = {0};

    capacity_limit(&capacity, &warming);
    add(&capacity, 100000);
    capacity_advance(&capacity, 3 * US_PER_DAY);
    assert_int_equal(drawn(&capacity), 700);
    capacity_advance(&capacity, 3 * US_PER_DAY + 1);
    assert_int_equal(drawn(&capacity), 100000); /* it was 800 then: there is no limit any more */
    capacity_release(&capacity);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows_let_through_what_they_hold),
        cmocka_unit_test(looking_changes_nothing),
        cmocka_unit_test(the_strictest_limit_decides),
        cmocka_unit_test(a_connection_carries_what_it_may),
        cmocka_unit_test(nothing_is_known_before_a_message_has_passed),
        cmocka_unit_test(what_is_not_there_cannot_be_sent),
        cmocka_unit_test(a_change_counts_from_its_instant),
        cmocka_unit_test(a_limit_that_falls_and_rises_again_gives_nothing_back),
        cmocka_unit_test(who_is_not_let_in_gets_nothing_through),
        cmocka_unit_test(a_new_sender_grows_from_day_to_day),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
