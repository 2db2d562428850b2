/* test_moments.c - how much happened at which instant. */
#include "tests/unit.h"

#include "base/moments.h"
#include "base/rng.h"

static void
amounts_of_one_instant_are_one_moment(void **state)
{
    struct moments moments = {0};

    assert_null(moments_oldest(&moments));
    assert_null(moments_newest(&moments));
    moments_add(&moments, 5, 2);
    moments_add(&moments, 5, 3);
    moments_add(&moments, 9, 1);
    assert_int_equal(moments.count, 2);
    assert_int_equal(moments_oldest(&moments)->amount, 5);
    assert_int_equal(moments_newest(&moments)->at_us, 9);
    moments_drop_oldest(&moments);
    assert_int_equal(moments_oldest(&moments)->at_us, 9);
    moments_release(&moments);
}

/* The ring grows while its front stands anywhere. */
static void
what_goes_in_comes_out_in_order(void **state)
{
    struct rng rng = rng_from_seed(1);
    struct moments moments = {0};
    int64_t in_us = 0, out_us = 0;

    for (int i = 0; i < 20000; i++) {
        if (moments.count == 0 || rng_below(&rng, 100) < 55) {
            in_us++;
            moments_add(&moments, in_us, (uint64_t)in_us * 3);
            continue;
        }
        out_us++;
        assert_int_equal(moments_oldest(&moments)->at_us, out_us);
        assert_int_equal(moments_oldest(&moments)->amount, (uint64_t)out_us * 3);
        moments_drop_oldest(&moments);
    }
    assert_int_equal(moments.count, in_us - out_us);
    moments_release(&moments);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(amounts_of_one_instant_are_one_moment),
        cmocka_unit_test(what_goes_in_comes_out_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
