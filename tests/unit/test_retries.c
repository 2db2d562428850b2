/* test_retries.c - what was put off comes again at its instant, in its order. */
#include "tests/unit.h"

#include "base/rng.h"
#include "scenarios/retries.h"

static void
they_come_by_instant_and_then_as_they_were_put(void **state)
{
    struct retries retries = {0};
    struct rng rng = rng_from_seed(5);
    struct retry retry, last = {.at_us = -1};

    for (uint64_t i = 0; i < 1000; i++)
        retries_put(
            &retries, &(struct retry){.at_us = (int64_t)rng_below(&rng, 50), .first_row = i});
    assert_int_equal(retries_count_due(&retries, 49), 1000);
    assert_false(retries_take(&retries, -1, &retry));
    while (retries_take(&retries, 49, &retry)) {
        assert_true(retry.at_us >= last.at_us);
        if (retry.at_us == last.at_us)
            assert_true(retry.first_row > last.first_row);
        last = retry;
    }
    assert_int_equal(retries_next_us(&retries), INT64_MAX);
    retries_release(&retries);
}

static void
hastening_one_delivery_leaves_the_others_where_they_are(void **state)
{
    struct retries retries = {0};
    struct retry retry;

    for (uint32_t i = 0; i < 10; i++)
        retries_put(&retries, &(struct retry){.at_us = 100 + i, .delivery = i % 2, .first_row = i});
    retries_hasten(&retries, 1, 50);
    assert_int_equal(retries_count_due(&retries, 50), 5);
    for (uint32_t i = 1; i < 10; i += 2) {
        assert_true(retries_take(&retries, 50, &retry));
        assert_int_equal(retry.first_row, i);
    }
    assert_false(retries_take(&retries, 99, &retry));
    assert_int_equal(retries_next_us(&retries), 100);
    retries_release(&retries);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_come_by_instant_and_then_as_they_were_put),
        cmocka_unit_test(hastening_one_delivery_leaves_the_others_where_they_are),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
