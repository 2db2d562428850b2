/* test_controller_tle.c - the limits that typed limit estimation finds, and those it does not hold for any. */
#include "tests/unit/tle_model.h"

#include "mta/controller_tle.h"

static void
tle_finds_a_policer_and_stays_below_it(void **state)
{
    static const struct {
        int64_t window_us;
        uint64_t max;
        int64_t hours;
    } cases[] = {
        {US_PER_S,    20,   1 },
        {US_PER_S,    300,  1 },
        {US_PER_S,    1,    1 },
        {US_PER_MIN,  3,    12},
        {US_PER_MIN,  60,   3 },
        {US_PER_MIN,  1200, 1 },
        {US_PER_HOUR, 500,  12},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct mx_rule rule = rule_of(CONTROLLER_TLE);
        struct story story = {0};
        struct controller *c = controller_new(&rule, 0, on_change, &story);
        struct model model = {.window_us = cases[i].window_us, .max = cases[i].max};
        int64_t until_us = cases[i].hours * US_PER_HOUR;
        uint64_t possible = (uint64_t)(until_us / cases[i].window_us) * cases[i].max;

        play(c, &model, 0, until_us);
        print_message("  %d in %d s: %d of %d, %d refused\n", (int)cases[i].max,
            (int)(cases[i].window_us / US_PER_S), (int)model.accepted, (int)possible,
            (int)model.refused);
        assert_true(model.accepted * 100 >= possible * 85);
        assert_true(model.refused * 100 <= possible * 3 + 2000);
        controller_free(&c);
        model_release(&model);
        text_release(&story.last);
    }
}

static void
tle_follows_a_limit_down_and_up(void **state)
{
    struct mx_rule rule = rule_of(CONTROLLER_TLE);
    struct story story = {0};
    struct controller *c = controller_new(&rule, 0, on_change, &story);
    struct model model = {.window_us = US_PER_S, .max = 40};
    int64_t now_us = play(c, &model, 0, US_PER_HOUR);

    model.max = 5;
    model.accepted = model.refused = 0;
    now_us = play(c, &model, now_us, 2 * US_PER_HOUR);
    assert_true(model.accepted >= 5 * 3600 * 85 / 100);
    assert_true(model.refused < 400);
    model.max = 40;
    model.accepted = 0;
    play(c, &model, now_us, 3 * US_PER_HOUR);
    assert_true(model.accepted >= 40 * 3600 * 80 / 100);
    controller_free(&c);
    model_release(&model);
    text_release(&story.last);
}

static void
tle_does_not_hammer_at_a_wall(void **state)
{
    struct mx_rule rule = rule_of(CONTROLLER_TLE);
    struct story story = {0};
    struct controller *c = controller_new(&rule, 0, on_change, &story);
    struct model model = {.window_us = US_PER_S, .max = 1000, .shut_until_us = 3 * US_PER_HOUR};

    play(c, &model, 0, 4 * US_PER_HOUR);
    assert_true(model.refused <= 12);
    assert_true(model.accepted > 1000);
    controller_free(&c);
    model_release(&model);
    text_release(&story.last);
}

static void
tle_takes_a_hint_at_its_word(void **state)
{
    struct mx_rule rule = rule_of(CONTROLLER_TLE);
    struct story story = {0};
    struct controller *c = controller_new(&rule, 0, on_change, &story);
    struct smtp_reply reply = {
        .code = 421, .text = {"try again in 20 minutes", 23}
    };
    struct signal signal = {
        .kind = SIGNAL_ANSWERED,
        .now_us = US_PER_S,
        .reply = &reply,
        .type = {.subject = REPLY_RATE, .hold_us = 20 * US_PER_MIN}
    };

    controller_take(c, US_PER_S);
    controller_signal(c, &signal);
    assert_int_equal(controller_ready_at_us(c, US_PER_S), US_PER_S + 20 * US_PER_MIN);
    assert_int_equal(controller_connections(c, 100, US_PER_S), 1);
    controller_free(&c);
    text_release(&story.last);
}

static void
tle_learns_small_numbers_from_the_refusal_that_shows_them(void **state)
{
    struct mx_rule rule = rule_of(CONTROLLER_TLE);
    struct story story = {0};
    struct controller *c = controller_new(&rule, 0, on_change, &story);
    struct tle *t = (struct tle *)c;

    t->pacer.pace = 1000 * PACE_PER_S;
    t->transaction_us = 100000;
    assert_true(controller_connections(c, 1000, 1) > 100);
    tell(c, SIGNAL_TURNED_AWAY, REPLY_CONNECTION, 2, 5);
    assert_int_equal(controller_connections(c, 1000, 3), 5);
    assert_slice(text_slice(&story.last), "connections no limit -> 5, refused");
    assert_int_equal(controller_connections(c, 1000, US_PER_MIN + 2), 6); /* one more, once */
    tell(c, SIGNAL_TURNED_AWAY, REPLY_CONNECTION, US_PER_MIN + 3, 5);
    assert_int_equal(controller_connections(c, 1000, 2 * US_PER_MIN + 2), 5);
    tell(c, SIGNAL_ANSWERED, REPLY_MESSAGES_PER_CONNECTION, 3 * US_PER_MIN, 20);
    assert_int_equal(controller_messages_per_connection(c), 20);
    controller_free(&c);
    text_release(&story.last);
}

static void
two_cuts_after_the_same_number_are_a_limit(void **state)
{
    struct mx_rule rule = rule_of(CONTROLLER_TLE);
    struct story story = {0};
    struct controller *c = controller_new(&rule, 0, on_change, &story);

    tell(c, SIGNAL_CUT, REPLY_UNTYPED, 1, 7);
    assert_int_equal(controller_messages_per_connection(c), rule.messages_per_connection);
    tell(c, SIGNAL_CUT, REPLY_UNTYPED, 2, 7);
    assert_int_equal(controller_messages_per_connection(c), 7);
    controller_free(&c);
    text_release(&story.last);
}

static void
the_address_and_the_message_are_not_the_site(void **state)
{
    static const enum reply_subject subjects[] = {
        REPLY_GREYLIST, REPLY_PER_RECIPIENT, REPLY_USER, REPLY_CONTENT};
    struct mx_rule rule = rule_of(CONTROLLER_TLE);
    struct story story = {0};
    struct controller *c = controller_new(&rule, 0, on_change, &story);

    for (int i = 0; i < 100; i++)
        tell(c, SIGNAL_ANSWERED, subjects[i % 4], i, 1);
    assert_int_equal(story.changes, 0);
    assert_true(controller_ready_at_us(c, 100) <= 100);
    controller_free(&c);
}

/* --- what is taken away for an experiment ---------------------------------------------------- */

/* How many a site took in ten hours that takes 1,000 in any hour, and speaks of this. */
static uint64_t
taken_of_a_quota(bool takes_quota_for_rate, enum reply_subject says, bool *has_quota)
{
    struct mx_rule rule = rule_of(CONTROLLER_TLE);
    struct story story = {0};
    struct model model = {.window_us = US_PER_HOUR, .max = 1000, .says = says};
    struct controller *c;
    uint64_t refused;

    rule.settings.takes_quota_for_rate = takes_quota_for_rate;
    c = controller_new(&rule, 0, on_change, &story);
    play(c, &model, 0, 10 * US_PER_HOUR);
    *has_quota = ((const struct tle *)c)->theories.has_quota;
    refused = model.refused;
    controller_free(&c);
    model_release(&model);
    text_release(&story.last);
    return model.accepted * 10000 + refused;
}

static void
without_its_quota_learner_a_quota_is_a_rate_to_tle(void **state)
{
    bool has_quota;
    uint64_t as_rate = taken_of_a_quota(true, REPLY_RATE, &has_quota);

    assert_int_equal(taken_of_a_quota(true, REPLY_QUOTA, &has_quota), as_rate);
    assert_false(has_quota);
    assert_int_not_equal(taken_of_a_quota(false, REPLY_QUOTA, &has_quota), as_rate);
    assert_true(has_quota);
}

/* All who are alive count over an hour; then nobody is heard. */
static void
without_its_quota_learner_tle_knows_no_long_windows(void **state)
{
    struct tle_theories theories = {0};

    for (size_t i = 0; i < TLE_THEORIES; i++)
        theories.all[i] = (struct tle_theory){.high = 10 * TLE_MILLI, .wrong = i < 9 ? 6 : 0};
    assert_int_equal(tle_theories_length_us(&theories, PACE_MAX), US_PER_HOUR);
    theories.has_short_only = true;
    assert_int_equal(tle_theories_length_us(&theories, PACE_MAX), US_PER_MIN);
}

static void
only_a_controller_that_is_decoupled_can_be_coupled(void **state)
{
    for (int kind = 0; kind < CONTROLLER_KINDS_COUNT; kind++) {
        struct mx_rule rule = rule_of((enum controller_kind)kind);
        struct controller_nature before = controller_nature(&rule), after;

        rule.settings.is_coupled = true;
        after = controller_nature(&rule);
        assert_int_equal(before.is_decoupled, kind == CONTROLLER_TLE || kind == CONTROLLER_ORACLE);
        assert_false(after.is_decoupled);
        assert_int_equal(after.is_typed, before.is_typed);
        assert_int_equal(after.is_per_source, before.is_per_source);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tle_finds_a_policer_and_stays_below_it),
        cmocka_unit_test(tle_follows_a_limit_down_and_up),
        cmocka_unit_test(tle_does_not_hammer_at_a_wall),
        cmocka_unit_test(tle_takes_a_hint_at_its_word),
        cmocka_unit_test(tle_learns_small_numbers_from_the_refusal_that_shows_them),
        cmocka_unit_test(two_cuts_after_the_same_number_are_a_limit),
        cmocka_unit_test(the_address_and_the_message_are_not_the_site),
        cmocka_unit_test(without_its_quota_learner_a_quota_is_a_rate_to_tle),
        cmocka_unit_test(without_its_quota_learner_tle_knows_no_long_windows),
        cmocka_unit_test(only_a_controller_that_is_decoupled_can_be_coupled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
