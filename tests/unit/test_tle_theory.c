/* test_tle_theory.c - what was taken and when, and what one refusal says about a limit. */
#include "tests/unit/tle_model.h"

#include "mta/tle_theory.c" /* what a theory says is static, and it is what we test */

/* ---- history ---- */

static int64_t
count_in(const int64_t *began_us, size_t count, int64_t after_us, int64_t until_us)
{
    int64_t sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += began_us[i] > after_us && began_us[i] <= until_us ? TLE_MILLI : 0;
    return sum;
}

/* In any order, as answers come. */
static void
few_are_counted_exactly(void **state)
{
    struct rng rng = rng_from_seed(7);

    for (int round = 0; round < 200; round++) {
        struct tle_history h = {0};
        int64_t began_us[TLE_EXACT - 1];
        int64_t span_us = (int64_t)US_PER_S << rng_below(&rng, 17);
        size_t count = rng_below(&rng, TLE_EXACT);

        for (size_t i = 0; i < count; i++) {
            began_us[i] = (int64_t)rng_below(&rng, (uint64_t)span_us);
            tle_history_add(&h, began_us[i]);
        }
        for (size_t i = 0; i < TLE_LENGTHS; i++) {
            int64_t at_us = (int64_t)rng_below(&rng, (uint64_t)span_us);

            assert_int_equal(tle_history_sum(&h, lengths[i].us, at_us),
                count_in(began_us, count, at_us - lengths[i].us, at_us));
        }
    }
}

static int64_t
slot_of(int64_t length_us)
{
    return length_us <= US_PER_MIN ? US_PER_S / 10
        : length_us <= US_PER_HOUR ? 10 * (int64_t)US_PER_S
                                   : 10 * US_PER_MIN;
}

/* The oldest slot counts by its share; windows that begin with the clock begin with a slot. */
static void
many_are_counted_to_within_the_oldest_slot(void **state)
{
    static int64_t began_us[8000];
    struct rng rng = rng_from_seed(8);

    for (size_t length = 0; length < TLE_LENGTHS; length++) {
        int64_t us = lengths[length].us, slot_us = slot_of(us), now_us = US_PER_S;
        struct tle_history h = {0};

        for (size_t i = 0; i < COUNT_OF(began_us); i++) {
            now_us += rng_exponential_us(&rng, us / 500) + 1;
            began_us[i] = now_us;
            tle_history_add(&h, now_us);
            if (i % 16 != 0)
                continue;
            assert_in_range(tle_history_sum(&h, us, now_us),
                count_in(began_us, i + 1, now_us - us + slot_us, now_us),
                count_in(began_us, i + 1, now_us - us - slot_us, now_us));
            assert_int_equal(tle_history_sum(&h, now_us % us, now_us),
                count_in(began_us, i + 1, now_us - now_us % us - 1, now_us));
        }
    }
}

/* An answer that took its time is no message of now, and one that took longer than is remembered is
 * none at all. */
static void
late_answers_count_where_their_messages_began(void **state)
{
    struct tle_history h = {0};

    for (int64_t i = 0; i < 100; i++)
        tle_history_add(&h, 50 * (int64_t)US_PER_S + i);
    for (int64_t i = 0; i < 100; i++)
        tle_history_add(&h, 20 * (int64_t)US_PER_S + i);
    assert_int_equal(tle_history_sum(&h, 10 * (int64_t)US_PER_S, 55 * (int64_t)US_PER_S), 100000);
    assert_int_equal(tle_history_sum(&h, 10 * (int64_t)US_PER_S, 25 * (int64_t)US_PER_S), 100000);
    assert_int_equal(tle_history_sum(&h, US_PER_MIN, 55 * (int64_t)US_PER_S), 200000);
    tle_history_add(&h, US_PER_S); /* a single one hides nobody */
    assert_int_equal(tle_history_sum(&h, 10 * (int64_t)US_PER_S, 55 * (int64_t)US_PER_S), 100000);
    tle_history_add(&h, 3 * US_PER_DAY);
    for (int64_t i = 0; i < 100; i++)
        tle_history_add(&h, US_PER_DAY);
    assert_int_equal(tle_history_sum(&h, US_PER_MIN, 3 * US_PER_DAY), 1000);
    assert_int_equal(tle_history_sum(&h, US_PER_DAY, 3 * US_PER_DAY), 1000);
}

/* What it held when it was full, or what flowed in since it was empty. */
static void
a_bucket_held_what_it_let_through(void **state)
{
    struct tle_history h = {0};
    int64_t now_us = 100 * (int64_t)US_PER_S;

    assert_int_equal(tle_history_bucket(&h, US_PER_MIN, 0, now_us, 1), 1000);
    for (int64_t i = 0; i < 30; i++) /* at once: it held them all, … */
        tle_history_add(&h, now_us + i);
    assert_in_range(tle_history_bucket(&h, US_PER_MIN, 0, now_us + 30, 0), 29900, 30000);
    assert_in_range(tle_history_bucket(&h, US_PER_MIN, 0, now_us + 30, 1), 30900, 31000);
    for (int64_t i = 0; i < 30; i++) /* … and half of what comes in a minute more flowed in. */
        tle_history_add(&h, now_us + (i + 1) * 2 * (int64_t)US_PER_S);
    now_us += US_PER_MIN;
    assert_in_range(tle_history_bucket(&h, US_PER_MIN, 0, now_us, 0), 29500, 30100);
    /* Empty half a minute ago, 15 came in since: 30 in a minute. */
    assert_in_range(
        tle_history_bucket(&h, US_PER_MIN, now_us - US_PER_MIN / 2, now_us, 1), 29500, 32000);
    /* Two minutes of rest: whatever had been in it then, it is full. */
    assert_in_range(
        tle_history_bucket(&h, US_PER_MIN, now_us, now_us + 2 * US_PER_MIN, 1), 900, 1000);
}

/* In the very first tenth of a second as well as in any other. */
static void
a_bucket_that_was_never_empty_counts_from_the_beginning(void **state)
{
    for (size_t length = 0; length < TLE_LENGTHS; length++) {
        struct tle_history h = {0};

        for (int64_t i = 0; i < 100; i++)
            tle_history_add(&h, i);
        assert_in_range(tle_history_bucket(&h, lengths[length].us, 0, 100, 0), 99900, 100000);
    }
}

/* ---- what a refusal says ---- */

struct lab {
    struct model model;
    struct tle_history history;
    struct tle_theories theories;
    int64_t now_us;
    int64_t on_its_way_us; /* until the site counts it */
};

static bool
offer(struct lab *lab, bool is_knock, bool is_quota)
{
    struct tle_refusal refusal = {.is_knock = is_knock, .is_quota = is_quota};

    if (model_offer(&lab->model, lab->now_us + lab->on_its_way_us) == REPLY_UNTYPED) {
        tle_history_add(&lab->history, lab->now_us);
        tle_theories_taken(&lab->theories, &lab->history, lab->now_us);
        return true;
    }
    tle_refusal_look(&refusal, &lab->theories, &lab->history, lab->now_us);
    tle_theories_refused(&lab->theories, &refusal);
    return false;
}

static void
send_until_refused(struct lab *lab, int64_t pace, bool is_quota)
{
    int64_t until_us = lab->now_us + US_PER_HOUR;

    while (offer(lab, false, is_quota)) {
        lab->now_us += pace_interval_ns(pace) / 1000;
        assert_true(lab->now_us < until_us);
    }
}

static void
send_in_peace(struct lab *lab, int64_t pace, int64_t for_us)
{
    int64_t until_us = lab->now_us + for_us;

    while (lab->now_us < until_us) {
        assert_true(offer(lab, false, false));
        lab->now_us += pace_interval_ns(pace) / 1000;
    }
    tle_theories_carried(&lab->theories, pace, for_us);
}

static const struct {
    size_t length;
    uint64_t max;
} limits[] = {
    {0, 5   },
    {0, 20  },
    {0, 300 },
    {2, 3   },
    {2, 60  },
    {2, 1200},
    {2, 9000},
};

static const int64_t beginnings_us[] = {0, 1234567, 777777777};
static const char *const kinds[] = {"so many in any", "so many in each", "a bucket of so many in"};

/* Calls `look` for each limit of each kind, beginning at each of the instants. */
static void
for_each_limit(void (*look)(struct lab *lab, size_t theory, int64_t truth))
{
    for (size_t i = 0; i < COUNT_OF(limits) * TLE_KINDS * COUNT_OF(beginnings_us); i++) {
        size_t limit = i / (TLE_KINDS * COUNT_OF(beginnings_us)), kind = i % TLE_KINDS;
        size_t theory = limits[limit].length * TLE_KINDS + kind;
        int64_t window_us = lengths[limits[limit].length].us;
        struct lab lab = {
            .model = {.kind = (enum tle_kind)kind,
                      .window_us = window_us,
                      .max = limits[limit].max},
            .now_us = beginnings_us[i / TLE_KINDS % COUNT_OF(beginnings_us)]
        };

        print_message("  %s %d s: %d, from %d s\n", kinds[kind], (int)(window_us / US_PER_S),
            (int)limits[limit].max, (int)(lab.now_us / US_PER_S));
        look(&lab, theory, pace_of((int64_t)limits[limit].max, window_us));
        model_release(&lab.model);
    }
}

/* Half a message more or less is what nobody can tell. */
static void
assert_pace(const struct lab *lab, int64_t pace, int64_t truth, int64_t percent)
{
    int64_t slack = truth / 100 * percent + truth / (int64_t)lab->model.max / 2;

    if (pace < truth - slack || pace > truth + slack)
        fail_msg("%d thousandths of the truth", (int)(pace / (truth / 1000)));
}

/* A bucket's beginning is known to a slot of the history. */
static void
look_at_one_refusal(struct lab *lab, size_t theory, int64_t truth)
{
    static const int64_t percents[] = {130, 200, 500};
    const struct lab before = *lab;

    for (size_t i = 0; i < COUNT_OF(percents); i++) {
        *lab = before;
        send_until_refused(lab, pace_scale(truth, percents[i], 100), false);
        if (lab->model.kind == TLE_BUCKET)
            assert_pace(lab, pace_of_theory(&lab->theories, theory), truth, 6);
        else
            assert_int_equal(lab->theories.all[theory].high, lab->model.max * TLE_MILLI);
        model_release(&lab->model);
    }
    *lab = before;
}

static void
one_refusal_shows_the_limit_to_the_true_theory(void **state)
{
    for_each_limit(look_at_one_refusal);
}

/* What was found is kept to for a while; then it is asked again. */
static void
look_at_a_second_refusal(struct lab *lab, size_t theory, int64_t truth)
{
    send_until_refused(lab, 2 * truth, false);
    lab->now_us += 2 * lab->model.window_us;
    send_in_peace(lab, pace_scale(truth, 98, 100), 3 * US_PER_MIN);
    send_until_refused(lab, pace_scale(truth, 130, 100), false);
    assert_int_equal(
        rank_of(&lab->theories, theory), group_of(&lab->theories, 0, TLE_THEORIES).rank);
    assert_pace(lab, tle_theories_pace(&lab->theories, 0), truth, 5);
}

static void
a_second_refusal_leaves_the_true_theory_and_those_that_agree(void **state)
{
    for_each_limit(look_at_a_second_refusal);
}

/* Theories of ten minutes and more, and nobody else; from then on a rate is about the others. */
static void
a_quota_is_about_long_windows_only(void **state)
{
    struct lab lab = {
        .model = {.kind = TLE_SLIDING, .window_us = US_PER_HOUR, .max = 500},
          .now_us = US_PER_S
    };
    struct tle_theories before;

    send_until_refused(&lab, 2 * PACE_PER_S, true);
    for (size_t i = 0; i < TLE_THEORIES; i++)
        assert_int_equal(lab.theories.all[i].high > 0, is_long(i));
    assert_int_equal(lab.theories.all[4 * TLE_KINDS + TLE_SLIDING].high, 500 * TLE_MILLI);
    assert_int_equal(lab.theories.empty_us, 0);

    lab.now_us += 2 * US_PER_HOUR;
    lab.model.max = 20;
    lab.model.window_us = US_PER_MIN;
    send_in_peace(&lab, PACE_PER_S, 20 * (int64_t)US_PER_S);
    before = lab.theories;
    assert_false(offer(&lab, false, false));
    for (size_t i = 0; i < TLE_THEORIES; i++)
        assert_int_equal(lab.theories.all[i].high == before.all[i].high, is_long(i));
    assert_int_equal(lab.theories.all[2 * TLE_KINDS + TLE_SLIDING].high, 20 * TLE_MILLI);
    model_release(&lab.model);
}

/* A knock that is refused though a window is over speaks for a door, if there can be one. */
static void
knocks_tell_a_door_from_a_window(void **state)
{
    static const struct {
        int64_t window_us, door_us;
        uint64_t max;
        int64_t knocks_s[2]; /* after the refusal */
        enum tle_door doors[2];
    } cases[] = {
        {US_PER_S,   0,              20, {0, 0},    {TLE_NO_DOOR, TLE_NO_DOOR}          },
        {US_PER_S,   2 * US_PER_MIN, 20, {2, 62},   {TLE_DOOR_UNKNOWN, TLE_DOOR}        },
        {US_PER_S,   2 * US_PER_MIN, 20, {62, 125}, {TLE_DOOR, TLE_DOOR}                },
        {US_PER_MIN, 0,              60, {15, 25},  {TLE_DOOR_UNKNOWN, TLE_DOOR_UNKNOWN}},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct lab lab = {
            .model = {.kind = TLE_SLIDING,
                      .window_us = cases[i].window_us,
                      .max = cases[i].max,
                      .door_us = cases[i].door_us},
            .now_us = US_PER_S
        };
        int64_t began_us;

        send_until_refused(&lab, 50 * PACE_PER_S, false);
        began_us = lab.now_us;
        for (size_t j = 0; j < 2; j++) {
            lab.now_us = began_us + cases[i].knocks_s[j] * US_PER_S;
            if (cases[i].knocks_s[j] > 0)
                assert_false(offer(&lab, true, false));
            assert_int_equal(tle_theories_door(&lab.theories), cases[i].doors[j]);
        }
        lab.theories.has_no_door = true;
        assert_int_equal(tle_theories_door(&lab.theories), TLE_NO_DOOR);
        model_release(&lab.model);
    }
}

/* Where there is none, knocks tell the lengths of windows apart. */
static void
a_knock_where_there_is_no_door_is_a_refusal_like_others(void **state)
{
    struct lab lab = {
        .model = {.kind = TLE_SLIDING, .window_us = US_PER_MIN, .max = 60},
          .now_us = US_PER_S
    };
    int64_t minute = pace_of(60, US_PER_MIN);

    send_until_refused(&lab, 50 * PACE_PER_S, false);
    assert_true(tle_theories_yield(&lab.theories, 4 * minute, 0) > 0); /* of a second, and of ten */
    lab.theories.has_no_door = true;
    lab.now_us += 25 * (int64_t)US_PER_S;
    assert_false(offer(&lab, true, false));
    for (size_t i = 0; i < 2 * TLE_KINDS; i++) /* of a second and of ten */
        assert_true(rank_of(&lab.theories, i) > group_of(&lab.theories, 0, TLE_THEORIES).rank);
    assert_int_equal(tle_theories_yield(&lab.theories, 4 * minute, 0), 0);
    assert_in_range(
        tle_theories_open_us(&lab.theories, &lab.history, THOUSAND, lab.now_us) - lab.now_us,
        30 * (int64_t)US_PER_S, 40 * (int64_t)US_PER_S);
    model_release(&lab.model);
}

/* What speaks against all speaks against none: all begin again with what is let through now. A bucket's
 * second is too coarse to be sure. */
static void
look_at_a_fall(struct lab *lab, size_t theory, int64_t truth)
{
    if (lab->model.max < 20)
        return;
    send_until_refused(lab, 2 * truth, false);
    lab->now_us += 2 * lab->model.window_us;
    send_in_peace(lab, pace_scale(truth, 98, 100), 3 * US_PER_MIN);
    lab->now_us += 2 * lab->model.window_us;
    lab->model.max /= 5;
    send_until_refused(lab, truth, false);
    lab->now_us += 2 * lab->model.window_us;
    send_until_refused(lab, truth / 4, false);
    assert_pace(lab, pace_of_theory(&lab->theories, theory), truth / 5, 6);
    if (lab->model.kind != TLE_BUCKET)
        assert_int_equal(
            rank_of(&lab->theories, theory), group_of(&lab->theories, 0, TLE_THEORIES).rank);
}

static void
a_limit_that_has_fallen_is_known_to_the_true_theory_at_once(void **state)
{
    for_each_limit(look_at_a_fall);
}

/* ---- what is not quite sure ---- */

/* Kept to from below, and asked at every instant of the clock's second: it is never held for wrong. */
static void
what_is_on_its_way_does_not_contradict_a_window_of_the_clock(void **state)
{
    static const uint64_t maxima[] = {16, 35, 94};

    for (size_t i = 0; i < COUNT_OF(maxima); i++) {
        int64_t truth = pace_of((int64_t)maxima[i], US_PER_S);
        struct lab lab = {
            .model = {.kind = TLE_FIXED, .window_us = US_PER_S, .max = maxima[i]},
            .now_us = US_PER_S,
            .on_its_way_us = 40000
        };

        for (int round = 0; round < 30; round++) {
            send_until_refused(&lab, pace_scale(truth, 105 + round, 100), false);
            assert_int_equal(rank_of(&lab.theories, TLE_FIXED), 0);
            assert_pace(&lab, pace_of_theory(&lab.theories, TLE_FIXED), truth, 8);
            lab.now_us += US_PER_S + 17000 * round;
            send_in_peace(&lab, pace_scale(truth, 90, 100), 20 * (int64_t)US_PER_S);
        }
        model_release(&lab.model);
    }
}

/* A little less each time is not what the limit lets through: the second time it is a contradiction. */
static void
what_was_proved_is_not_worn_away(void **state)
{
    struct tle_theories theories = {0};
    struct tle_theory *bucket = &theories.all[TLE_BUCKET];
    struct tle_refusal refusal = {0};

    for (size_t i = 0; i < TLE_THEORIES; i++)
        refusal.needed[i] = refusal.perhaps_needed[i] = 1000 * TLE_MILLI;
    *bucket = (struct tle_theory){
        .low = 30 * TLE_MILLI, .proved = 30 * TLE_MILLI, .high = 30 * TLE_MILLI};
    for (int64_t needed = 29; needed >= 28; needed--) {
        refusal.needed[TLE_BUCKET] = refusal.perhaps_needed[TLE_BUCKET] = needed * TLE_MILLI;
        refusal.used[TLE_BUCKET] = refusal.surely_used[TLE_BUCKET] = (needed - 1) * TLE_MILLI;
        tle_theories_refused(&theories, &refusal);
        assert_int_equal(bucket->high, needed * TLE_MILLI);
        assert_int_equal(bucket->wrong, needed == 29 ? 0 : 1);
    }
}

/* ---- which pace is worth it ---- */

/* Sixty in a second or in a minute: the quick one where a refusal is soon over, the sure one else. */
static void
a_pace_is_worth_what_it_brings_of_what_could_be_had(void **state)
{
    struct tle_theories theories = {0};
    int64_t slow = pace_of(60, US_PER_MIN), quick = 60 * PACE_PER_S;

    for (size_t i = 0; i < TLE_THEORIES; i++)
        theories.all[i] = (struct tle_theory){.low = 60 * TLE_MILLI, .high = 60 * TLE_MILLI};
    assert_true(
        tle_theories_yield(&theories, quick, slow) > tle_theories_yield(&theories, slow, slow));
    assert_true(tle_theories_yield(&theories, quick, slow / 10) <
        tle_theories_yield(&theories, slow, slow / 10));
}

/* It says so when it is met. */
static void
nobody_waits_for_a_quota_to_show_itself(void **state)
{
    struct tle_theories theories = {.has_quota = true};

    for (size_t i = 0; i < TLE_THEORIES; i++)
        theories.all[i] = (struct tle_theory){.high = is_long(i) ? 100 * TLE_MILLI : 0};
    assert_int_equal(tle_theories_length_us(&theories, PACE_MAX), 0);
    theories.has_quota = false;
    for (size_t i = 0; i < SHORT_THEORIES; i++)
        theories.all[i].wrong = WRONG_MAX;
    assert_int_equal(tle_theories_length_us(&theories, PACE_MAX), US_PER_HOUR);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_are_counted_exactly),
        cmocka_unit_test(many_are_counted_to_within_the_oldest_slot),
        cmocka_unit_test(late_answers_count_where_their_messages_began),
        cmocka_unit_test(a_bucket_held_what_it_let_through),
        cmocka_unit_test(a_bucket_that_was_never_empty_counts_from_the_beginning),
        cmocka_unit_test(one_refusal_shows_the_limit_to_the_true_theory),
        cmocka_unit_test(a_second_refusal_leaves_the_true_theory_and_those_that_agree),
        cmocka_unit_test(a_quota_is_about_long_windows_only),
        cmocka_unit_test(knocks_tell_a_door_from_a_window),
        cmocka_unit_test(a_knock_where_there_is_no_door_is_a_refusal_like_others),
        cmocka_unit_test(a_limit_that_has_fallen_is_known_to_the_true_theory_at_once),
        cmocka_unit_test(what_is_on_its_way_does_not_contradict_a_window_of_the_clock),
        cmocka_unit_test(what_was_proved_is_not_worn_away),
        cmocka_unit_test(a_pace_is_worth_what_it_brings_of_what_could_be_had),
        cmocka_unit_test(nobody_waits_for_a_quota_to_show_itself),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
