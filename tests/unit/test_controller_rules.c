/* test_controller_rules.c - controllers that do as rules say, those of Momentum and KumoMTA. */
#include "tests/unit.h"

#include "mta/controller_parts.h"
#include "tests/unit/controller_story.h"

struct play {
    struct mx_rule rule;
    struct automation *automation;
    struct story story;
    struct controller *controller;
};

/* With these rules of its own, if any, before the built-in ones. */
static struct play
play_with(enum controller_kind kind, const char *rows)
{
    struct play play = {.rule = rule_of(kind)};
    struct automation_tables tables = {0};
    struct text table = {0};
    struct error err = {0};

    if (rows != NULL) {
        text_printf(&table, "id\thost\ttype\ttext\ttrigger\taction\tfor\texample\n%s", rows);
        tables.of[kind == CONTROLLER_KUMO ? AUTOMATION_KUMO : AUTOMATION_MOMENTUM] =
            (struct automation_table){"own.tsv", text_slice(&table)};
    }
    play.automation = automation_read(&tables, &err);
    if (play.automation == NULL)
        fail_msg("%s", err.text);
    text_release(&table);
    return play;
}

static void
begin(struct play *play)
{
    play->controller = controller_new(&play->rule, 0, on_change, &play->story);
    controller_automate(play->controller, play->automation);
}

static void
end(struct play *play)
{
    controller_free(&play->controller);
    automation_free(&play->automation);
    text_release(&play->story.last);
}

/* --- momentum -------------------------------------------------------------------------------- */

static void
momentum_steps_down_once_a_minute_and_up_once_an_hour(void **state)
{
    struct play p = play_with(CONTROLLER_MOMENTUM, NULL);
    struct controller *c;

    begin(&p);
    c = p.controller;
    tell(c, SIGNAL_ANSWERED, REPLY_RATE, 0, 1);
    tell(c, SIGNAL_ANSWERED, REPLY_RATE, US_PER_MIN - 1, 1);
    assert_describes(c, 0, "50.00/s");
    tell(c, SIGNAL_ANSWERED, REPLY_RATE, US_PER_MIN, 1);
    assert_describes(c, 0, "25.00/s");
    tell(c, SIGNAL_ANSWERED, REPLY_CONNECTION, 2 * US_PER_MIN, 1);
    assert_int_equal(controller_connections(c, UINT32_MAX, 2 * US_PER_MIN), 999);
    tell(c, SIGNAL_ACCEPTED, REPLY_UNTYPED, 3 * US_PER_MIN, 1);
    controller_ready_at_us(c, US_PER_HOUR - 1);
    assert_describes(c, 0, "25.00/s");
    controller_ready_at_us(c, US_PER_HOUR);
    assert_describes(c, 0, "27.50/s");
    assert_int_equal(controller_connections(c, UINT32_MAX, US_PER_HOUR), 1000);
    controller_ready_at_us(c, 2 * US_PER_HOUR);
    assert_describes(c, 0, "27.50/s"); /* nothing was delivered meanwhile */
    end(&p);
}

/* A step up is an adjustment too, and waits its minute. */
static void
momentum_waits_a_minute_before_it_steps_up_too(void **state)
{
    struct play p = play_with(CONTROLLER_MOMENTUM, NULL);

    begin(&p);
    tell(p.controller, SIGNAL_ACCEPTED, REPLY_UNTYPED, US_PER_MIN, 1);
    tell(p.controller, SIGNAL_ANSWERED, REPLY_RATE, US_PER_HOUR - US_PER_S, 1);
    controller_ready_at_us(p.controller, US_PER_HOUR);
    assert_describes(p.controller, 0, "50.00/s");
    controller_ready_at_us(p.controller, US_PER_HOUR + 59 * (int64_t)US_PER_S);
    assert_describes(p.controller, 0, "55.00/s");
    end(&p);
}

static void
momentum_suspends_for_four_hours_and_no_longer(void **state)
{
    struct play p = play_with(CONTROLLER_MOMENTUM, NULL);

    begin(&p);
    tell(p.controller, SIGNAL_ANSWERED, REPLY_BLOCK, 0, 1);
    assert_int_equal(controller_ready_at_us(p.controller, 1), 4 * US_PER_HOUR);
    tell(p.controller, SIGNAL_ANSWERED, REPLY_BLOCK, US_PER_HOUR, 1);
    assert_int_equal(controller_ready_at_us(p.controller, US_PER_HOUR), 4 * US_PER_HOUR);
    end(&p);
}

static void
momentum_lifts_suspensions_once_a_minute(void **state)
{
    struct play p = play_with(CONTROLLER_MOMENTUM, NULL);

    p.rule.settings.release_every_us = US_PER_MIN;
    begin(&p);
    tell(p.controller, SIGNAL_ANSWERED, REPLY_BLOCK, 10 * (int64_t)US_PER_S, 1);
    assert_int_equal(
        controller_ready_at_us(p.controller, US_PER_MIN), 4 * US_PER_HOUR + US_PER_MIN);
    end(&p);
}

static void
an_own_rule_comes_first_and_may_do_several_things(void **state)
{
    struct play p = play_with(CONTROLLER_MOMENTUM,
        "quiet\t-\trate\t-\tfirst\tnone\t-\t-\n"
        "mine\t-\tblock\t-\tfirst\tsuspend, reduce_connections 10, reduce_deliveries 2\t2h\t-\n");
    struct controller *c;

    begin(&p);
    c = p.controller;
    tell(c, SIGNAL_ANSWERED, REPLY_RATE, 0, 1);
    assert_int_equal(p.story.changes, 0);
    tell(c, SIGNAL_ANSWERED, REPLY_BLOCK, US_PER_S, 1);
    assert_int_equal(p.story.changes, 3);
    assert_int_equal(controller_ready_at_us(c, US_PER_S), 2 * US_PER_HOUR + US_PER_S);
    assert_int_equal(controller_connections(c, UINT32_MAX, US_PER_S), 990);
    assert_int_equal(controller_messages_per_connection(c), p.rule.messages_per_connection - 2);
    end(&p);
}

/* "More than five per second" is how the vendor writes it. */
static void
momentum_counts_more_than_so_many_in_so_long(void **state)
{
    struct play p =
        play_with(CONTROLLER_MOMENTUM, "often\t-\tuntyped\t^451 no$\t>5/s\tsuspend\t15m\t451 no\n");

    begin(&p);
    for (int i = 0; i < 5; i++)
        tell(p.controller, SIGNAL_ANSWERED, REPLY_UNTYPED, i, 1);
    tell(p.controller, SIGNAL_ANSWERED, REPLY_UNTYPED, US_PER_S + 1, 1);
    assert_int_equal(p.story.changes, 0);
    for (int i = 2; i < 6; i++)
        tell(p.controller, SIGNAL_ANSWERED, REPLY_UNTYPED, US_PER_S + i, 1);
    assert_int_equal(p.story.changes, 0); /* five at a time: the earlier ones go out of it */
    tell(p.controller, SIGNAL_ANSWERED, REPLY_UNTYPED, US_PER_S + 6, 1);
    assert_int_equal(p.story.changes, 1);
    end(&p);
}

static void
greylisted_holds_tries_apart_until_the_next_step_up(void **state)
{
    struct play p =
        play_with(CONTROLLER_MOMENTUM, "grey\t-\tgreylist\t-\tfirst\tgreylisted 15m\t-\t-\n");

    begin(&p);
    assert_int_equal(controller_retry_us(p.controller), 0);
    tell(p.controller, SIGNAL_ANSWERED, REPLY_GREYLIST, 0, 1);
    assert_int_equal(controller_retry_us(p.controller), 15 * US_PER_MIN);
    tell(p.controller, SIGNAL_ACCEPTED, REPLY_UNTYPED, US_PER_MIN, 1);
    controller_ready_at_us(p.controller, US_PER_HOUR);
    assert_int_equal(controller_retry_us(p.controller), 0);
    end(&p);
}

static void
an_ip_may_be_told_that_it_is_young_again(void **state)
{
    struct play p = play_with(CONTROLLER_MOMENTUM, "again\t-\tblock\t-\tfirst\twarmup 1s\t-\t-\n");

    p.rule.settings.warmup = WARMUP_AOL;
    p.rule.settings.age_us = 20 * US_PER_DAY;
    begin(&p);
    assert_describes(p.controller, 0, "27.78/s"); /* 100,000 an hour */
    tell(p.controller, SIGNAL_ANSWERED, REPLY_BLOCK, US_PER_S, 1);
    assert_describes(p.controller, US_PER_S, "16.67/min"); /* a thousand */
    end(&p);
}

/* So many of a class among so many tries in the first hour; what the sweep made of it. */
static void
momentum_sweeps_by_share_and_number(void **state)
{
    static const struct {
        uint32_t attempts, bad;
        enum bounce_class class;
        const char *did; /* NULL: nothing */
    } cases[] = {
        {2000, 59,   CLASS_INVALID_RECIPIENT, NULL      },
        {2000, 60,   CLASS_INVALID_RECIPIENT, "throttle"},
        {2000, 199,  CLASS_TIMEOUT,           "throttle"},
        {2000, 200,  CLASS_TIMEOUT,           "suspens" },
        {1999, 1999, CLASS_INVALID_RECIPIENT, NULL      },
        {2000, 2000, CLASS_MAILBOX_FULL,      NULL      },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct play p = play_with(CONTROLLER_MOMENTUM, NULL);

        print_message("  %u of %u\n", (unsigned)cases[i].bad, (unsigned)cases[i].attempts);
        begin(&p);
        for (uint32_t n = 0; n < cases[i].attempts; n++)
            controller_outcome(
                p.controller, n < cases[i].bad ? cases[i].class : CLASS_NONE, n * INT64_C(1000));
        controller_ready_at_us(p.controller, US_PER_HOUR - 1);
        assert_int_equal(p.story.changes, 0);
        controller_ready_at_us(p.controller, US_PER_HOUR);
        assert_int_equal(p.story.changes, cases[i].did != NULL);
        if (cases[i].did != NULL)
            assert_non_null(strstr(text_string(&p.story.last), cases[i].did));
        end(&p);
    }
}

static void
momentum_sweeps_complaints_of_a_day(void **state)
{
    static const struct {
        uint32_t delivered, complaints;
        int64_t asked_us;
        const char *did;
    } cases[] = {
        {20000, 39,    US_PER_HOUR,      NULL      },
        {20000, 40,    US_PER_HOUR,      "throttle"},
        {20000, 99,    US_PER_HOUR,      "throttle"},
        {20000, 100,   US_PER_HOUR,      "suspens" },
        {19999, 19999, US_PER_HOUR,      NULL      },
        {20000, 100,   23 * US_PER_HOUR, "suspens" },
        {20000, 100,   24 * US_PER_HOUR, NULL      }, /* it was the day before */
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct play p = play_with(CONTROLLER_MOMENTUM, NULL);

        print_message("  %u of %u\n", (unsigned)cases[i].complaints, (unsigned)cases[i].delivered);
        p.rule.settings.sweep_every_us = cases[i].asked_us;
        begin(&p);
        for (uint32_t n = 0; n < cases[i].delivered; n++)
            controller_outcome(p.controller, CLASS_NONE, n);
        for (uint32_t n = 0; n < cases[i].complaints; n++)
            controller_complaint(p.controller, US_PER_MIN);
        controller_ready_at_us(p.controller, cases[i].asked_us);
        assert_int_equal(p.story.changes, cases[i].did != NULL);
        if (cases[i].did != NULL)
            assert_non_null(strstr(text_string(&p.story.last), cases[i].did));
        end(&p);
    }
}

static void
a_young_ip_is_bounded_by_its_curve(void **state)
{
    static const struct {
        enum warmup_kind kind;
        int64_t day; /* of its life, from 1 */
        int64_t per_hour;
    } cases[] = {
        {WARMUP_YAHOO,     1,  2083  },
        {WARMUP_YAHOO,     28, 58333 },
        {WARMUP_YAHOO,     29, 100000},
        {WARMUP_AOL,       4,  1000  },
        {WARMUP_AOL,       5,  10000 },
        {WARMUP_AOL,       11, 100000},
        {WARMUP_GMAIL,     14, 10000 },
        {WARMUP_GMAIL,     15, 100000},
        {WARMUP_MICROSOFT, 1,  10000 },
        {WARMUP_SINA,      2,  21600 },
        {WARMUP_SINA,      3,  36000 },
        {WARMUP_SINA,      10, 54000 },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct mx_rule rule = rule_of(CONTROLLER_MOMENTUM);
        struct story story = {0};
        struct controller *c;
        struct text expected = {0};

        rule.settings.warmup = cases[i].kind;
        rule.settings.age_us = (cases[i].day - 1) * US_PER_DAY;
        rule.settings.message_rate = ratio_of(1000, US_PER_S);
        c = controller_new(&rule, 0, on_change, &story);
        text_add_char(&expected, ' ');
        pace_format(&expected, pace_of(cases[i].per_hour, US_PER_HOUR));
        print_message("  day %d: %d an hour\n", (int)cases[i].day, (int)cases[i].per_hour);
        assert_describes(c, 0, text_string(&expected));
        text_release(&expected);
        controller_free(&c);
        text_release(&story.last);
    }
}

/* --- kumo ------------------------------------------------------------------------------------ */

static void
kumo_overrides_for_a_fixed_time_and_falls_back_at_once(void **state)
{
    struct play p = play_with(CONTROLLER_KUMO, NULL);

    begin(&p);
    tell(p.controller, SIGNAL_ANSWERED, REPLY_MESSAGES_PER_CONNECTION, 0, 1);
    assert_describes(p.controller, 0, "10.00/min"); /* the wrong axis, as it is shipped */
    controller_ready_at_us(p.controller, US_PER_HOUR - 1);
    assert_describes(p.controller, 0, "10.00/min");
    controller_ready_at_us(p.controller, US_PER_HOUR);
    assert_describes(p.controller, 0, "100/s");
    end(&p);
}

static void
a_further_reply_begins_the_override_anew(void **state)
{
    struct play p =
        play_with(CONTROLLER_KUMO, "few\t-\tuser\t-\tfirst\tdeliveries 3, connections 2\t10m\t-\n");

    begin(&p);
    tell(p.controller, SIGNAL_ANSWERED, REPLY_USER, 0, 1);
    tell(p.controller, SIGNAL_ANSWERED, REPLY_USER, 9 * US_PER_MIN, 1);
    controller_ready_at_us(p.controller, 19 * US_PER_MIN - 1);
    assert_int_equal(controller_messages_per_connection(p.controller), 3);
    assert_int_equal(controller_connections(p.controller, UINT32_MAX, 19 * US_PER_MIN - 1), 2);
    controller_ready_at_us(p.controller, 19 * US_PER_MIN);
    assert_int_equal(
        controller_messages_per_connection(p.controller), p.rule.messages_per_connection);
    assert_int_equal(controller_connections(p.controller, UINT32_MAX, 19 * US_PER_MIN), 1000);
    end(&p);
}

/* Five an hour is what the rule says; five in the fifteen minutes of its override is what counts, unless
 * one asks for the manual. */
static void
kumo_counts_in_the_time_of_the_override_or_by_the_manual(void **state)
{
    for (int is_by_manual = 0; is_by_manual < 2; is_by_manual++) {
        struct play p = play_with(CONTROLLER_KUMO, NULL);

        p.rule.settings.counts_for_the_period = is_by_manual;
        begin(&p);
        for (int i = 0; i < 4; i++)
            tell(p.controller, SIGNAL_ANSWERED, REPLY_RATE, i * 4 * US_PER_MIN, 1);
        assert_int_equal(p.story.changes, 0);
        tell(p.controller, SIGNAL_ANSWERED, REPLY_RATE, 16 * US_PER_MIN, 1);
        assert_int_equal(p.story.changes, is_by_manual);
        if (is_by_manual)
            assert_int_equal(
                controller_ready_at_us(p.controller, 16 * US_PER_MIN), 31 * US_PER_MIN);
        tell(p.controller, SIGNAL_ANSWERED, REPLY_RATE, 17 * US_PER_MIN, 1);
        tell(p.controller, SIGNAL_ANSWERED, REPLY_RATE, 18 * US_PER_MIN, 1);
        assert_int_equal(controller_ready_at_us(p.controller, 18 * US_PER_MIN), 33 * US_PER_MIN);
        end(&p);
    }
}

/* What had been counted towards the rules of before is forgotten with them. */
static void
other_rules_begin_to_count_anew(void **state)
{
    struct play p = play_with(CONTROLLER_KUMO, NULL);
    const struct automation_tables none = {0};
    struct error err;
    struct automation *fresh = automation_read(&none, &err);

    begin(&p);
    for (int i = 0; i < 4; i++)
        tell(p.controller, SIGNAL_ANSWERED, REPLY_RATE, i, 1);
    controller_automate(p.controller, fresh);
    automation_free(&p.automation);
    p.automation = fresh;
    for (int i = 0; i < 4; i++)
        tell(p.controller, SIGNAL_ANSWERED, REPLY_RATE, 10 + i, 1);
    assert_int_equal(p.story.changes, 0);
    tell(p.controller, SIGNAL_ANSWERED, REPLY_RATE, 20, 1);
    assert_int_equal(p.story.changes, 1);
    end(&p);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(momentum_steps_down_once_a_minute_and_up_once_an_hour),
        cmocka_unit_test(momentum_waits_a_minute_before_it_steps_up_too),
        cmocka_unit_test(momentum_suspends_for_four_hours_and_no_longer),
        cmocka_unit_test(momentum_lifts_suspensions_once_a_minute),
        cmocka_unit_test(an_own_rule_comes_first_and_may_do_several_things),
        cmocka_unit_test(momentum_counts_more_than_so_many_in_so_long),
        cmocka_unit_test(greylisted_holds_tries_apart_until_the_next_step_up),
        cmocka_unit_test(an_ip_may_be_told_that_it_is_young_again),
        cmocka_unit_test(momentum_sweeps_by_share_and_number),
        cmocka_unit_test(momentum_sweeps_complaints_of_a_day),
        cmocka_unit_test(a_young_ip_is_bounded_by_its_curve),
        cmocka_unit_test(kumo_overrides_for_a_fixed_time_and_falls_back_at_once),
        cmocka_unit_test(a_further_reply_begins_the_override_anew),
        cmocka_unit_test(kumo_counts_in_the_time_of_the_override_or_by_the_manual),
        cmocka_unit_test(other_rules_begin_to_count_anew),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
