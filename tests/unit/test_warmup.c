/* test_warmup.c - how much a new IP of ours may send on each day of its life. */
#include "tests/unit.h"

#include "base/unit.h"
#include "mta/warmup.h"

static uint64_t days[WARMUP_DAYS_MAX];

static void
curves_become_days(void **state)
{
    static const struct {
        enum warmup_kind kind;
        uint64_t first, full;
        size_t days_count;
        uint64_t on_first, on_last;
    } cases[] = {
        {WARMUP_DOUBLING,  200, 5000,       5,  200,    3200   },
        {WARMUP_DOUBLING,  200, 200,        0,  0,      0      }, /* it is warm */
        {WARMUP_DOUBLING,  1,   1000000000, 30, 1,      1 << 29},
        {WARMUP_YAHOO,     1,   1,          28, 49992,  1399992},
        {WARMUP_AOL,       1,   1,          10, 24000,  240000 },
        {WARMUP_GMAIL,     1,   1,          14, 240000, 240000 },
        {WARMUP_MICROSOFT, 1,   1,          14, 240000, 240000 },
        {WARMUP_SINA,      1,   1,          9,  518400, 864000 },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        size_t count = warmup_days(cases[i].kind, cases[i].first, cases[i].full, days);

        print_message("  %d\n", (int)cases[i].kind);
        assert_int_equal(count, cases[i].days_count);
        if (count == 0)
            continue;
        assert_int_equal(days[0], cases[i].on_first);
        assert_int_equal(days[count - 1], cases[i].on_last);
    }
}

static size_t
take_all(struct warmup_count *count, int64_t now_us, size_t max)
{
    size_t taken = 0;

    while (taken < max && warmup_ready_at_us(count, now_us) <= now_us) {
        warmup_take(count, now_us);
        taken++;
    }
    return taken;
}

/* A day ends at midnight, wherever in it the last message was. */
static void
each_day_has_its_number_and_none_is_carried_over(void **state)
{
    const uint64_t plan_days[] = {3, 0, 5};
    const struct warmup_plan plan = {.days = plan_days, .days_count = 3};
    const int64_t midnight_us = 7 * US_PER_HOUR; /* the process began at five in the afternoon */
    struct warmup_count count;

    warmup_begin(&count, &plan, midnight_us);
    assert_int_equal(warmup_cap(&count, midnight_us - 1), 0);
    assert_int_equal(warmup_ready_at_us(&count, 0), midnight_us);
    assert_int_equal(take_all(&count, midnight_us - 1, 100), 0);
    assert_int_equal(take_all(&count, midnight_us, 2), 2);
    assert_int_equal(warmup_room(&count, midnight_us), 1);
    assert_int_equal(take_all(&count, midnight_us + US_PER_DAY - 1, 100), 1);
    assert_int_equal(
        warmup_ready_at_us(&count, midnight_us + US_PER_DAY - 1), midnight_us + 2 * US_PER_DAY);
    assert_int_equal(take_all(&count, midnight_us + US_PER_DAY, 100), 0); /* a day of rest */
    assert_int_equal(take_all(&count, midnight_us + 2 * US_PER_DAY, 4), 4);
    assert_int_equal(take_all(&count, midnight_us + 3 * US_PER_DAY - 1, 100), 1);
    assert_int_equal(take_all(&count, midnight_us + 3 * US_PER_DAY, 1000), 1000); /* warm */
    assert_true(warmup_cap(&count, midnight_us + 3 * US_PER_DAY) == UINT64_MAX);
}

static void
a_plan_that_began_before_the_process_goes_on(void **state)
{
    const uint64_t plan_days[] = {1, 2, 4};
    const struct warmup_plan plan = {.days = plan_days, .days_count = 3};
    struct warmup_count count;

    warmup_begin(&count, &plan, -US_PER_DAY);
    assert_int_equal(warmup_day(&count, 0), 2);
    assert_int_equal(take_all(&count, 0, 100), 2);
    warmup_begin(&count, &plan, -10 * US_PER_DAY);
    assert_int_equal(take_all(&count, 0, 100), 100);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(curves_become_days),
        cmocka_unit_test(each_day_has_its_number_and_none_is_carried_over),
        cmocka_unit_test(a_plan_that_began_before_the_process_goes_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
