/* test_controller.c - who finds out how much a site may get, each by its own book. */
#include "tests/unit.h"

#include "base/moments.h"
#include "mta/controller_tle.h"
#include "tests/unit/controller_story.h"

/* A site that takes so many in any `window_us`, none at all while it is shut. */
struct model {
    int64_t window_us;
    uint64_t max;
    int64_t shut_until_us;
    struct moments taken;
    uint64_t accepted, refused;
};

static bool
model_takes(struct model *model, int64_t now_us)
{
    while (moments_oldest(&model->taken) != NULL &&
        moments_oldest(&model->taken)->at_us + model->window_us <= now_us)
        moments_drop_oldest(&model->taken);
    if (now_us < model->shut_until_us || model->taken.count >= model->max) {
        model->refused++;
        return false;
    }
    moments_add(&model->taken, now_us, 1);
    model->accepted++;
    return true;
}

/* There is always mail; an answer comes at once. */
static int64_t
play(struct controller *controller, struct model *model, int64_t from_us, int64_t until_us)
{
    int64_t now_us = from_us;

    while ((now_us = controller_ready_at_us(controller, now_us) > now_us
                   ? controller_ready_at_us(controller, now_us)
                   : now_us) < until_us) {
        controller_take(controller, now_us);
        if (model_takes(model, now_us))
            tell(controller, SIGNAL_ACCEPTED, REPLY_UNTYPED, now_us, 1);
        else
            tell(controller, SIGNAL_ANSWERED, REPLY_RATE, now_us, 1);
        now_us += 100; /* two messages never start at the same instant here */
    }
    return now_us;
}

/* --- static and aimd ------------------------------------------------------------------------- */

static void
static_changes_its_mind_about_nothing(void **state)
{
    struct mx_rule rule = rule_of(CONTROLLER_STATIC);
    struct story story = {0};
    struct controller *c = controller_new(&rule, 0, on_change, &story);

    for (int i = 0; i < 100; i++)
        tell(c, SIGNAL_ANSWERED, REPLY_BLOCK, i, 1);
    assert_int_equal(story.changes, 0);
    assert_true(controller_ready_at_us(c, 100) <= 100);
    assert_int_equal(controller_connections(c, 41, 100), 3);
    controller_free(&c);
    assert_null(c);
}

static void
aimd_doubles_until_it_is_told_then_cuts_once_a_minute_and_grows(void **state)
{
    struct mx_rule rule = rule_of(CONTROLLER_AIMD);
    struct story story = {0};
    struct controller *c = controller_new(&rule, 0, on_change, &story);

    assert_describes(c, 0, "5.00/min");
    tell(c, SIGNAL_ACCEPTED, REPLY_UNTYPED, US_PER_S, 1);
    controller_ready_at_us(c, US_PER_MIN);
    assert_describes(c, 0, "10.00/min"); /* a clean minute */
    controller_ready_at_us(c, 5 * US_PER_MIN);
    assert_describes(c, 0, "10.00/min"); /* minutes without mail are not clean, they are nothing */
    tell(c, SIGNAL_ACCEPTED, REPLY_UNTYPED, 5 * US_PER_MIN, 1);
    controller_ready_at_us(c, 6 * US_PER_MIN);
    assert_describes(c, 0, "20.00/min");
    tell(c, SIGNAL_ANSWERED, REPLY_RATE, 6 * US_PER_MIN + 1, 1);
    assert_slice(text_slice(&story.last), "pace 20.00/min -> 10.00/min, throttled");
    tell(c, SIGNAL_ANSWERED, REPLY_RATE, 6 * US_PER_MIN + 2, 1);
    assert_describes(c, 0, "10.00/min"); /* at most once a minute */
    tell(c, SIGNAL_ANSWERED, REPLY_GREYLIST, 8 * US_PER_MIN, 1);
    tell(c, SIGNAL_ACCEPTED, REPLY_UNTYPED, 8 * US_PER_MIN, 1);
    controller_ready_at_us(c, 9 * US_PER_MIN);
    assert_describes(c, 0, "11.00/min"); /* a greylist is no throttle, and doubling is over */
    for (int i = 0; i < 10; i++)
        tell(c, SIGNAL_ANSWERED, REPLY_RATE, (10 + i) * US_PER_MIN, 1);
    assert_describes(c, 0, "5.00/min"); /* never below the floor */
    controller_free(&c);
    text_release(&story.last);
}

/* --- postfix --------------------------------------------------------------------------------- */

static void
a_first_failure_at_feedback_one_takes_one_from_the_window(void **state)
{
    struct mx_rule rule = rule_of(CONTROLLER_POSTFIX);
    struct story story = {0};
    struct controller *c = controller_new(&rule, 0, on_change, &story);

    assert_int_equal(controller_connections(c, 100, 0), 5);
    tell(c, SIGNAL_TURNED_AWAY, REPLY_CONNECTION, 1, 5);
    assert_int_equal(controller_connections(c, 100, 1), 4);
    tell(c, SIGNAL_ACCEPTED, REPLY_UNTYPED, 2, 4);
    assert_int_equal(controller_connections(c, 100, 2), 5);
    tell(c, SIGNAL_ANSWERED, REPLY_RATE, 3, 4); /* what is said to a message is no feedback */
    assert_int_equal(controller_connections(c, 100, 3), 5);
    controller_free(&c);
    text_release(&story.last);
}

static void
feedback_of_one_by_n_needs_n_successes(void **state)
{
    struct mx_rule rule = rule_of(CONTROLLER_POSTFIX);
    struct story story = {0};
    struct controller *c;

    rule.settings.feedback = FEEDBACK_INVERSE;
    c = controller_new(&rule, 0, on_change, &story);
    for (int i = 0; i < 4; i++)
        tell(c, SIGNAL_ACCEPTED, REPLY_UNTYPED, i, 5);
    assert_int_equal(controller_connections(c, 100, 5), 5);
    tell(c, SIGNAL_ACCEPTED, REPLY_UNTYPED, 5, 5);
    assert_int_equal(controller_connections(c, 100, 5), 6);
    controller_free(&c);
    text_release(&story.last);
}

static void
a_cohort_of_failures_is_death_for_a_while(void **state)
{
    struct mx_rule rule = rule_of(CONTROLLER_POSTFIX);
    struct story story = {0};
    struct controller *c;

    rule.settings.initial = 1;
    c = controller_new(&rule, 0, on_change, &story);
    controller_connections(c, 1, 0);
    tell(c, SIGNAL_TURNED_AWAY, REPLY_CONNECTION, 1, 1);
    assert_int_equal(controller_ready_at_us(c, 1), 300 * US_PER_S + 1);
    assert_int_equal(controller_connections(c, 9, 300 * US_PER_S + 1), 1);
    controller_free(&c);
    text_release(&story.last);
}

/* --- tle ------------------------------------------------------------------------------------- */

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
        moments_release(&model.taken);
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
    moments_release(&model.taken);
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
    moments_release(&model.taken);
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

/* --- paces ----------------------------------------------------------------------------------- */

static void
an_hour_of_any_pace_is_exact_to_a_message(void **state)
{
    static const int64_t per_hour[] = {1, 3, 7, 60, 997, 3600, 72000, 1800000, 359999999};

    for (size_t i = 0; i < COUNT_OF(per_hour); i++) {
        int64_t pace = pace_of(per_hour[i], US_PER_HOUR);
        int64_t taken = US_PER_HOUR * 1000 / pace_interval_ns(pace);

        print_message("  %d\n", (int)per_hour[i]);
        if (per_hour[i] < 360000)
            assert_in_range(taken + 1 - per_hour[i], 0, 2);
        else
            assert_in_range(taken * 1000 / per_hour[i], 999, 1001);
    }
    assert_int_equal(pace_of(1, 1), PACE_MAX);
    assert_int_equal(pace_of(0, US_PER_DAY), PACE_MIN);
    assert_int_equal(pace_of(INT64_MAX, 1), PACE_MAX);
    assert_int_equal(pace_of(INT64_C(10000000000), 1000 * US_PER_DAY), INT64_C(115740740740));
    assert_int_equal(pace_scale(PACE_MAX, 100, 1), PACE_MAX);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(static_changes_its_mind_about_nothing),
        cmocka_unit_test(aimd_doubles_until_it_is_told_then_cuts_once_a_minute_and_grows),
        cmocka_unit_test(a_first_failure_at_feedback_one_takes_one_from_the_window),
        cmocka_unit_test(feedback_of_one_by_n_needs_n_successes),
        cmocka_unit_test(a_cohort_of_failures_is_death_for_a_while),
        cmocka_unit_test(tle_finds_a_policer_and_stays_below_it),
        cmocka_unit_test(tle_follows_a_limit_down_and_up),
        cmocka_unit_test(tle_does_not_hammer_at_a_wall),
        cmocka_unit_test(tle_takes_a_hint_at_its_word),
        cmocka_unit_test(tle_learns_small_numbers_from_the_refusal_that_shows_them),
        cmocka_unit_test(two_cuts_after_the_same_number_are_a_limit),
        cmocka_unit_test(the_address_and_the_message_are_not_the_site),
        cmocka_unit_test(an_hour_of_any_pace_is_exact_to_a_message),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
