/* test_controller.c - who finds out how much a site may get, each by its own book. */
#include "tests/unit.h"

#include "mta/pacer.h"
#include "tests/unit/controller_story.h"

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
        cmocka_unit_test(an_hour_of_any_pace_is_exact_to_a_message),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
