/* test_arrived.c - a number comes once, however often it is told. */
#include "tests/unit.h"

#include "base/mem.h"
#include "base/rng.h"
#include "scenarios/arrived.h"

enum { MANY = 50000 };

static void
numbers_in_order_need_no_memory(void **state)
{
    struct arrived arrived = {0};

    for (uint64_t i = 1; i <= MANY; i++) {
        assert_true(arrived_put(&arrived, i));
        assert_false(arrived_put(&arrived, i));
        assert_false(arrived_put(&arrived, (i + 1) / 2));
    }
    assert_null(arrived.bits);
    arrived_release(&arrived);
}

static void
whatever_the_order_each_is_new_once(void **state)
{
    struct arrived arrived = {0};
    struct rng rng = rng_from_seed(3);
    uint64_t *numbers = mem_alloc(2 * MANY * sizeof *numbers);
    uint64_t new_count = 0;

    for (uint64_t i = 0; i < 2 * MANY; i++) /* each of them twice */
        numbers[i] = i / 2 + 1;
    for (uint64_t i = 2 * MANY - 1; i > 0; i--) {
        uint64_t j = rng_below(&rng, i + 1), kept = numbers[i];

        numbers[i] = numbers[j];
        numbers[j] = kept;
    }
    for (uint64_t i = 0; i < 2 * MANY; i++)
        new_count += arrived_put(&arrived, numbers[i]);
    assert_int_equal(new_count, MANY);
    assert_int_equal(arrived.next, MANY);
    assert_int_equal(arrived.early_count, 0);
    mem_free(numbers);
    arrived_release(&arrived);
}

static void
a_leap_gives_up_what_lies_before_the_window(void **state)
{
    static const uint64_t leaps[] = {ARRIVED_WINDOW, ARRIVED_WINDOW + 1,
        5 * (uint64_t)ARRIVED_WINDOW, UINT64_MAX / 2, UINT64_MAX};

    for (size_t i = 0; i < COUNT_OF(leaps); i++) {
        struct arrived arrived = {0};

        assert_true(arrived_put(&arrived, 3));
        assert_true(arrived_put(&arrived, leaps[i]));
        assert_false(arrived_put(&arrived, leaps[i]));
        assert_false(arrived_put(&arrived, 3));
        assert_int_equal(
            arrived_put(&arrived, 1), leaps[i] == ARRIVED_WINDOW); /* still in the window */
        assert_true(arrived_put(&arrived, leaps[i] - 1));
        arrived_release(&arrived);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_in_order_need_no_memory),
        cmocka_unit_test(whatever_the_order_each_is_new_once),
        cmocka_unit_test(a_leap_gives_up_what_lies_before_the_window),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
