/* test_rng.c - chance that is the same everywhere, and fair. */
#include "tests/unit.h"

#include "base/rng.h"

/* The generator's published first numbers for the state {1, 2, 3, 4}: a port that differs would
 * change every run on record. */
static void
the_generator_is_the_published_one(void **state)
{
    static const uint64_t expected[] = {
        11520, 0, 1509978240, UINT64_C(1215971899390074240), UINT64_C(1216172134540287360)};
    struct rng rng = {
        .state = {1, 2, 3, 4}
    };

    for (size_t i = 0; i < COUNT_OF(expected); i++)
        assert_true(rng_u64(&rng) == expected[i]);
}

/* splitmix64 for the seed 0 starts so. */
static void
seeds_go_through_splitmix(void **state)
{
    struct rng rng = rng_from_seed(0);

    assert_true(rng.state[0] == UINT64_C(0xe220a8397b1dcdaf));
    assert_true(rng.state[1] == UINT64_C(0x6e789e6aa1b965f4));
}

static void
children_depend_on_the_name_not_on_the_draws(void **state)
{
    struct rng root = rng_from_seed(20240517), drawn = root;
    struct rng a, b, c;

    for (int i = 0; i < 10; i++)
        rng_u64(&drawn);
    a = rng_child(&root, "isp/bigmail/greylist");
    b = rng_child(&drawn, "isp/bigmail/greylist");
    c = rng_child(&root, "isp/bigmail/greylisu");
    assert_memory_equal(&a, &b, sizeof a);
    assert_true(rng_u64(&a) != rng_u64(&c));
    a = rng_child(&root, "a");
    b = rng_child_slice(&root, SLICE("a"));
    assert_memory_equal(&a, &b, sizeof a);
    b = rng_child(&a, "a"); /* not its own parent */
    assert_true(a.identity != b.identity);
}

static void
bounded_draws_are_fair_and_in_bounds(void **state)
{
    static const uint64_t bounds[] = {1, 2, 3, 7, 1000, UINT64_C(1) << 63, UINT64_MAX};
    struct rng rng = rng_from_seed(1);
    int counts[7] = {0};

    for (size_t i = 0; i < COUNT_OF(bounds); i++)
        for (int j = 0; j < 1000; j++)
            assert_true(rng_below(&rng, bounds[i]) < bounds[i]);
    for (int i = 0; i < 70000; i++)
        counts[rng_below(&rng, 7)]++;
    for (size_t i = 0; i < COUNT_OF(counts); i++)
        assert_in_range(counts[i], 9600, 10400); /* four standard deviations */
}

static void
odds_are_parts_per_million(void **state)
{
    static const struct {
        uint32_t ppm;
        int least, most;
    } cases[] = {
        {0,       0,      0     },
        {PPM,     100000, 100000},
        {PPM / 2, 49300,  50700 },
        {50000,   4700,   5300  },
        {100,     1,      25    },
    };
    struct rng rng = rng_from_seed(2), root = rng_from_seed(3);

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int drawn = 0, named = 0;

        for (int j = 0; j < 100000; j++) {
            char name[24];

            snprintf(name, sizeof name, "rcpt/%d", j);
            drawn += rng_odds(&rng, cases[i].ppm);
            named += rng_odds_of(&root, slice_of(name), cases[i].ppm);
            assert_int_equal(rng_odds_of(&root, slice_of(name), cases[i].ppm),
                rng_odds_of(&root, slice_of(name), cases[i].ppm));
        }
        print_message("  %u ppm: %d, %d\n", cases[i].ppm, drawn, named);
        assert_in_range(drawn, cases[i].least, cases[i].most);
        assert_in_range(named, cases[i].least, cases[i].most);
    }
}

/* Whoever is among the 5 % is among the 10 %: variants of an experiment share their luck. */
static void
more_odds_take_nobody_out(void **state)
{
    struct rng root = rng_from_seed(4);

    for (int i = 0; i < 20000; i++) {
        char name[24];

        snprintf(name, sizeof name, "rcpt/%d", i);
        if (rng_odds_of(&root, slice_of(name), 50000))
            assert_true(rng_odds_of(&root, slice_of(name), 100000));
    }
}

static void
gaps_are_exponential(void **state)
{
    static const int64_t means_us[] = {1000, 60000000, INT64_C(86400000000)};
    struct rng rng = rng_from_seed(5);

    assert_int_equal(rng_exponential_us(&rng, 0), 0);
    for (size_t i = 0; i < COUNT_OF(means_us); i++) {
        enum { DRAWS = 200000 };
        int64_t mean_us = means_us[i], sum_us = 0;
        int below_median = 0, above_three = 0;

        for (int j = 0; j < DRAWS; j++) {
            int64_t gap_us = rng_exponential_us(&rng, mean_us);

            assert_true(gap_us >= 0);
            assert_true(gap_us < mean_us * 45); /* ln 2^64 = 44.4 */
            sum_us += gap_us;
            below_median += gap_us < mean_us * 693147 / 1000000;
            above_three += gap_us > mean_us * 3;
        }
        print_message("  mean %lld of %lld\n", (long long)(sum_us / DRAWS), (long long)mean_us);
        assert_in_range(sum_us / DRAWS * 1000 / mean_us, 990, 1010);
        assert_in_range(below_median, DRAWS / 2 - 1000, DRAWS / 2 + 1000);
        assert_in_range(above_three, 9500, 10450); /* e^-3 = 4.98 % */
    }
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_generator_is_the_published_one),
        cmocka_unit_test(seeds_go_through_splitmix),
        cmocka_unit_test(children_depend_on_the_name_not_on_the_draws),
        cmocka_unit_test(bounded_draws_are_fair_and_in_bounds),
        cmocka_unit_test(odds_are_parts_per_million),
        cmocka_unit_test(more_odds_take_nobody_out),
        cmocka_unit_test(gaps_are_exponential),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
