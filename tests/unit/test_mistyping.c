/* test_mistyping.c - replies misread on purpose, as many as asked and always the same ones. */
#include "tests/unit.h"

#include "mta/mistyping.h"

enum { REPLIES = 20000 };

static const struct reply_type rate = {
    .subject = REPLY_RATE,
    .group = GROUP_THROTTLE,
    .scope = SCOPE_IP,
    .hold_us = 300000000,
    .rule = {"slow-down", 9}
};

static struct rng
stream(uint64_t seed)
{
    struct rng root = rng_from_seed(seed);

    return rng_child(&root, "typing");
}

static void
so_many_are_told_wrong_and_each_subject_is_among_them(void **state)
{
    static const uint32_t shares_ppm[] = {0, 100000, 250000, 500000, PPM};

    for (size_t i = 0; i < COUNT_OF(shares_ppm); i++) {
        struct rng rng = stream(1);
        uint32_t told[REPLY_SUBJECTS_COUNT] = {0};
        int64_t wrong_ppm;

        for (int n = 0; n < REPLIES; n++)
            told[mistype(&rate, shares_ppm[i], &rng).subject]++;
        wrong_ppm = (int64_t)(REPLIES - told[REPLY_RATE]) * PPM / REPLIES;
        print_message("  %u: %d\n", (unsigned)shares_ppm[i], (int)wrong_ppm);
        assert_in_range(wrong_ppm + 10000, shares_ppm[i], shares_ppm[i] + 20000);
        if (shares_ppm[i] == 0 || shares_ppm[i] == PPM)
            assert_int_equal(wrong_ppm, shares_ppm[i]);
        for (size_t subject = 0; subject < COUNT_OF(told); subject++)
            assert_true(subject == REPLY_RATE || (told[subject] > 0) == (shares_ppm[i] > 0));
    }
}

static void
the_same_seed_misreads_the_same_replies(void **state)
{
    struct rng one = stream(7), again = stream(7), other = stream(8);
    size_t differences = 0;

    for (int n = 0; n < REPLIES; n++) {
        enum reply_subject subject = mistype(&rate, 250000, &one).subject;

        assert_int_equal(mistype(&rate, 250000, &again).subject, subject);
        differences += mistype(&rate, 250000, &other).subject != subject;
    }
    assert_true(differences > REPLIES / 4);
}

/* So that two shares differ in the share alone. */
static void
what_is_misread_at_a_tenth_is_misread_at_a_half_alike(void **state)
{
    struct rng tenth = stream(3), half = stream(3);

    for (int n = 0; n < REPLIES; n++) {
        enum reply_subject rarely = mistype(&rate, 100000, &tenth).subject;
        enum reply_subject often = mistype(&rate, 500000, &half).subject;

        assert_true(rarely == REPLY_RATE || rarely == often);
    }
}

static void
a_misread_reply_keeps_its_hint_and_says_that_it_is_one(void **state)
{
    struct rng rng = stream(1);
    struct reply_type right = mistype(&rate, 0, &rng), wrong = mistype(&rate, PPM, &rng);

    assert_memory_equal(&right, &rate, sizeof rate);
    assert_int_equal(wrong.group, GROUP_NONE);
    assert_int_equal(wrong.scope, SCOPE_IP);
    assert_int_equal(wrong.hold_us, rate.hold_us);
    assert_slice(wrong.rule, "mistyped");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(so_many_are_told_wrong_and_each_subject_is_among_them),
        cmocka_unit_test(the_same_seed_misreads_the_same_replies),
        cmocka_unit_test(what_is_misread_at_a_tenth_is_misread_at_a_half_alike),
        cmocka_unit_test(a_misread_reply_keeps_its_hint_and_says_that_it_is_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
