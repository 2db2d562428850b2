/* test_curve.c - curves and ages stay small, and stay close to what they saw. */
#include "tests/unit.h"

#include "base/rng.h"
#include "base/unit.h"
#include "scenarios/ages.h"
#include "scenarios/bits.h"
#include "scenarios/curve.h"

static void
a_short_curve_is_kept_as_it_is(void **state)
{
    struct curve curve = {0};
    const struct result_point *points;
    size_t count;

    for (int i = 0; i < RESULT_POINTS_MAX; i++)
        curve_set(&curve, &(struct result_point){.at_us = i, .sent = (uint64_t)i});
    points = curve_finish(&curve, &count);
    assert_int_equal(count, RESULT_POINTS_MAX);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(points[i].sent, i);
    curve_release(&curve);
}

static void
of_one_instant_the_last_state_counts_and_of_equal_states_the_first(void **state)
{
    struct curve curve = {0};
    const struct result_point *points;
    size_t count;

    curve_set(&curve, &(struct result_point){.at_us = 1, .sent = 1});
    curve_set(&curve, &(struct result_point){.at_us = 1, .sent = 2});
    curve_set(&curve, &(struct result_point){.at_us = 5, .sent = 2});
    curve_set(&curve, &(struct result_point){.at_us = 9, .sent = 3});
    points = curve_finish(&curve, &count);
    assert_int_equal(count, 2);
    assert_int_equal(points[0].at_us, 1);
    assert_int_equal(points[0].sent, 2);
    assert_int_equal(points[1].at_us, 9);
    curve_release(&curve);
}

/* A million messages in minutes, then a few hundred in days: the shape a campaign has. */
static void
a_long_curve_is_thinned_where_nobody_can_see_it(void **state)
{
    enum { MESSAGES = 1000000, RETRIES = 300 };
    struct curve curve = {0};
    const struct result_point *points;
    size_t count, late = 0;
    uint64_t worst = 0;

    for (int i = 0; i < MESSAGES; i++)
        curve_set(&curve,
            &(struct result_point){.at_us = i * 600,
                .to_deliver = MESSAGES,
                .sent = (uint64_t)i,
                .pending = (uint64_t)(MESSAGES - i)});
    for (int i = 0; i < RETRIES; i++)
        curve_set(&curve,
            &(struct result_point){.at_us = US_PER_HOUR + i * 20 * US_PER_MIN,
                .to_deliver = MESSAGES,
                .sent = (uint64_t)(MESSAGES + i)});
    points = curve_finish(&curve, &count);
    assert_true(count <= RESULT_POINTS_MAX);
    assert_int_equal(points[0].at_us, 0);
    assert_int_equal(points[count - 1].sent, MESSAGES + RETRIES - 1);
    for (size_t i = 1; i < count; i++) {
        uint64_t jump = points[i].sent - points[i - 1].sent;

        assert_true(points[i].at_us > points[i - 1].at_us);
        worst = jump > worst ? jump : worst;
        late += points[i].at_us >= US_PER_HOUR;
    }
    assert_true(worst <= MESSAGES / 100);
    assert_true(late >= RETRIES / 2);
    curve_release(&curve);
}

static void
a_wild_curve_is_thinned_too(void **state)
{
    struct rng rng = rng_from_seed(7);
    struct curve curve = {0};
    int64_t at_us = 0;
    size_t count;

    for (int i = 0; i < 100000; i++) {
        at_us += 1 + (int64_t)rng_below(&rng, 10 * US_PER_S);
        curve_set(&curve, &(struct result_point){.at_us = at_us, .sent = rng_below(&rng, 1000000)});
    }
    curve_finish(&curve, &count);
    assert_true(count <= RESULT_POINTS_MAX);
    assert_true(count > RESULT_POINTS_MAX / 8);
    curve_release(&curve);
}

static int
compare_ages(const void *a, const void *b)
{
    const int64_t *left = a, *right = b;

    return (*left > *right) - (*left < *right);
}

static void
percentiles_are_right_to_a_thirty_second_part(void **state)
{
    enum { COUNT = 10000 };
    static const unsigned percents[] = {1, 5, 50, 90, 95, 99, 100};
    struct rng rng = rng_from_seed(3);
    struct ages *ages = mem_alloc_zeroed(sizeof *ages);
    int64_t *seen = mem_alloc(COUNT * sizeof *seen);

    for (int i = 0; i < COUNT; i++) {
        seen[i] = (int64_t)(rng_u64(&rng) >> 16 >> rng_below(&rng, 44));
        ages_add(ages, seen[i]);
    }
    qsort(seen, COUNT, sizeof *seen, compare_ages);
    for (size_t i = 0; i < COUNT_OF(percents); i++) {
        int64_t exact = seen[COUNT / 100 * percents[i] - 1];
        int64_t told = ages_percentile_us(ages, percents[i]);

        assert_true(told >= exact);
        assert_true(told - exact <= exact / 32);
        assert_non_null(bsearch(&told, seen, COUNT, sizeof *seen, compare_ages));
    }
    mem_free(ages);
    mem_free(seen);
}

static void
ages_at_the_edges_have_their_place(void **state)
{
    static const int64_t edges[] = {INT64_MIN, -1, 0, 1, 31, 32, 63, 64, INT64_MAX};
    struct ages *ages = mem_alloc_zeroed(sizeof *ages);

    assert_int_equal(ages_percentile_us(ages, 50), -1);
    for (size_t i = 0; i < COUNT_OF(edges); i++) {
        ages_add(ages, edges[i]);
        assert_int_equal(ages_percentile_us(ages, 100), edges[i] > 0 ? edges[i] : 0);
    }
    mem_free(ages);
}

static void
bits_remember_what_was_put(void **state)
{
    struct bits bits = {0};

    assert_false(bits_has(&bits, 1000));
    assert_true(bits_put(&bits, 1000));
    assert_false(bits_put(&bits, 1000));
    assert_true(bits_put(&bits, 63));
    assert_true(bits_put(&bits, 100000));
    for (uint64_t i = 0; i < 200000; i++)
        assert_int_equal(bits_has(&bits, i), i == 63 || i == 1000 || i == 100000);
    bits_release(&bits);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_short_curve_is_kept_as_it_is),
        cmocka_unit_test(of_one_instant_the_last_state_counts_and_of_equal_states_the_first),
        cmocka_unit_test(a_long_curve_is_thinned_where_nobody_can_see_it),
        cmocka_unit_test(a_wild_curve_is_thinned_too),
        cmocka_unit_test(percentiles_are_right_to_a_thirty_second_part),
        cmocka_unit_test(ages_at_the_edges_have_their_place),
        cmocka_unit_test(bits_remember_what_was_put),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
