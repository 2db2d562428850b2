/* test_confusion_counts.c - what is counted of verdicts and causes, and what comes of it as a result. */
#include "tests/unit/confusion_desk.h"

static void
measures_are_exact(void **state)
{
    struct desk desk = desk_new();
    struct confusion_counts counts;
    struct ratio ratio;
    static const struct {
        int cause, verdict, times;
    } pairs[] = {
        {10, 10, 6},
        {10, 22, 1},
        {22, 22, 2},
        {22, 40, 1},
        {50, 10, 1}
    };
    static const struct {
        enum confusion_measure measure;
        int class;
        int64_t num, den; /* den 0: of nothing */
    } cases[] = {
        {MEASURE_PRECISION, 10, 6,                     7                  },
        {MEASURE_RECALL,    10, 6,                     7                  },
        {MEASURE_PRECISION, 22, 2,                     3                  },
        {MEASURE_RECALL,    22, 2,                     3                  },
        {MEASURE_F1,        22, 2,                     3                  },
        {MEASURE_PRECISION, 40, 0,                     1                  },
        {MEASURE_RECALL,    40, 0,                     0                  },
        {MEASURE_F1,        40, 0,                     1                  },
        {MEASURE_PRECISION, 50, 0,                     0                  },
        {MEASURE_RECALL,    50, 0,                     1                  },
        {MEASURE_F1,        51, 0,                     0                  },
        {MEASURE_AGREEMENT, 0,  8,                     11                 },
        {MEASURE_MACRO_F1,  0,  857142857 + 666666667, INT64_C(4000000000)},
    };

    counts = all_counts(&desk);
    for (int measure = MEASURE_PRECISION; measure <= MEASURE_AGREEMENT; measure++)
        assert_false(confusion_measure(&counts, (enum confusion_measure)measure, 10, &ratio));
    for (size_t i = 0; i < COUNT_OF(pairs); i++)
        for (int k = 0; k < pairs[i].times; k++) {
            refuse(&desk, "s@y", "a@x", 550, pairs[i].cause);
            judge(&desk, "s@y", "a@x", 550, (uint8_t)pairs[i].verdict);
        }
    counts = all_counts(&desk);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        print_message("  case %zu\n", i);
        assert_int_equal(
            confusion_measure(&counts, cases[i].measure, (enum bounce_class)cases[i].class, &ratio),
            cases[i].den > 0);
        if (cases[i].den > 0)
            assert_int_equal(ratio_compare(ratio, ratio_of(cases[i].num, cases[i].den)), 0);
    }
    desk_free(&desk);
}

static void
filters_choose_providers_and_dialects(void **state)
{
    struct desk desk = desk_new();
    struct confusion_counts before, counts;

    refuse_at(&desk, "alpha", STAGE_RCPT, "s@y", "a@x", 550, 10);
    judge(&desk, "s@y", "a@x", 550, 10);
    refuse_at(&desk, "beta", STAGE_RCPT, "s@y", "b@x", 550, 10);
    judge(&desk, "s@y", "b@x", 550, 22);
    before = all_counts(&desk);
    send_back(&desk, "s@y", "b@x", DSN_FAILED, 50);
    receive(&desk, "s@y", "b@x", 50);
    assert_int_equal(counts_of(&desk, 0, "").all, 1);
    assert_int_equal(counts_of(&desk, 1, "").all, 2);
    assert_int_equal(counts_of(&desk, 1, "reply").agreed, 0);
    assert_int_equal(counts_of(&desk, -1, "reply").all, 2);
    assert_int_equal(counts_of(&desk, -1, "qm*").agreed, 1);
    assert_int_equal(counts_of(&desk, 0, "qmail").all, 0);
    counts = all_counts(&desk);
    confusion_subtract(&counts, &before);
    assert_int_equal(counts.all, 1);
    assert_tally(&counts, 50, 1, 1, 1);
    assert_tally(&counts, 10, 0, 0, 0);
    desk_free(&desk);
}

static void
too_many_at_once_give_up_the_oldest(void **state)
{
    enum { MORE = 1000 };
    struct desk desk = desk_new();
    struct confusion_counts counts;

    for (int i = 0; i < CONFUSION_OPEN_MAX + MORE; i++) {
        char sender[32];

        snprintf(sender, sizeof sender, "s%d@y", i);
        refuse(&desk, sender, "a@x", 550, 10);
        desk.now_us++;
    }
    assert_int_equal(rest_of(&desk).given_up, MORE);
    assert_int_equal(rest_of(&desk).open, CONFUSION_OPEN_MAX);
    judge(&desk, "s0@y", "a@x", 550, 10);
    judge(&desk, "s1000@y", "a@x", 550, 10);
    counts = all_counts(&desk);
    assert_tally(&counts, 10, 1, 1, 1);
    assert_int_equal(rest_of(&desk).unspoken, 1);
    desk_free(&desk);
}

/* Whatever comes in whatever order: every cause and every verdict ends in exactly one place. */
static void
nothing_is_dropped_silently(void **state)
{
    static const int classes[] = {-1, 10, 22, 50, 70};
    struct rng rng = rng_from_seed(11);

    for (int round = 0; round < 30; round++) {
        struct desk desk = desk_new();
        uint64_t causes = 0, verdicts = 0, missed;
        struct confusion_counts counts;
        struct confusion_rest rest;

        for (int i = 0; i < 3000; i++) {
            char rcpt[8], sender[8];
            int class = classes[rng_below(&rng, COUNT_OF(classes))];
            uint16_t code = rng_below(&rng, 4) == 0 ? 450 : 550;

            snprintf(sender, sizeof sender, "s%d@y", (int)rng_below(&rng, 4));
            snprintf(rcpt, sizeof rcpt, "r%d@x", (int)rng_below(&rng, 5));
            desk.now_us += (int64_t)rng_below(&rng, CONFUSION_WAIT_US / 20);
            switch (rng_below(&rng, 4)) {
            case 0:
                refuse(&desk, sender, rcpt, code, class > 0 ? class : 1);
                causes++;
                break;
            case 1:
                judge(&desk, sender, rcpt, code, class > 0 ? (uint8_t) class : 1);
                verdicts++;
                break;
            case 2:
                send_back(&desk, sender, rcpt, DSN_FAILED, class > 0 ? class : 1);
                causes++;
                break;
            case 3:
                receive(&desk, sender, rcpt, class > 0 ? class : 1);
                verdicts++;
                break;
            }
        }
        counts = all_counts(&desk);
        rest = rest_of(&desk);
        missed = counts.of[CLASS_NONE].verdicts;
        assert_int_equal(causes, counts.all + rest.unheard + rest.open);
        assert_int_equal(verdicts, counts.all - missed + rest.unspoken);
        assert_int_equal(rest.given_up + rest.unlabelled + rest.at_door, 0);
        desk_free(&desk);
    }
}

static void
the_result_has_it_all(void **state)
{
    struct desk desk = desk_new();
    struct result result = {0};
    const struct result_confusion *out = &result.confusion;

    refuse_at(&desk, "beta", STAGE_RCPT, "s@y", "a@x", 550, 22);
    judge(&desk, "s@y", "a@x", 550, 10);
    send_back(&desk, "s@y", "b@x", DSN_FAILED, 10);
    receive(&desk, "s@y", "b@x", 10);
    refuse(&desk, "s@y", "a@x", 550, 10);
    judge(&desk, "s@y", "a@x", 550, 10);
    refuse(&desk, "s@y", "a@x", 550, 10);
    result.virtual_us = desk.now_us;
    confusion_fill(desk.confusion, &result);
    assert_int_equal(out->cells_count, 2);
    assert_int_equal(out->cells[0].cause, 10);
    assert_int_equal(out->cells[0].count, 2);
    assert_int_equal(out->cells[1].cause, 22);
    assert_int_equal(out->cells[1].verdict, 10);
    assert_int_equal(out->classes_count, 2);
    assert_slice(out->classes[1].name, "Mailbox Full");
    assert_int_equal(out->classes[0].verdicts, 3);
    assert_int_equal(out->dialects_count, 2);
    assert_slice(out->dialects[0].name, "reply");
    assert_int_equal(out->dialects[0].agreed, 1);
    assert_slice(out->dialects[1].name, "qmail");
    assert_int_equal(out->all, 3);
    assert_int_equal(out->open, 1);
    assert_int_equal(out->macro_f1_ppb, 400000000);
    result_release(&result);
    desk_free(&desk);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(measures_are_exact),
        cmocka_unit_test(filters_choose_providers_and_dialects),
        cmocka_unit_test(too_many_at_once_give_up_the_oldest),
        cmocka_unit_test(nothing_is_dropped_silently),
        cmocka_unit_test(the_result_has_it_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
