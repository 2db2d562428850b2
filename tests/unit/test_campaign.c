/* test_campaign.c - from a pattern to a row of the log: deliveries, feedback, what the operator
 * does. */
#include "tests/unit/campaign_world.h"

static const struct verdict unknown = {CLASS_INVALID_RECIPIENT, REASON_USER_UNKNOWN, TYPE_HARD};
static const struct verdict full = {CLASS_MAILBOX_FULL, REASON_MAILBOX_FULL, TYPE_SOFT};
static const struct verdict over = {CLASS_TIMEOUT, REASON_UNREACHABLE, TYPE_IGNORED};

static void
five_rows_live_from_feedback(void **state)
{
    static const struct recipients_config to[] = {TO(5)};
    static const struct delivery_config spring = {
        SPRING, .to = to, .validity_us = 5 * 24 * 3600 * INT64_C(1000000)};
    struct world *w = begin(&spring, 1);
    struct kpi kpi;

    assert_int_equal(campaign_rows_count(w->campaign, 0), 0); /* none before it is confirmed */
    run_until(w, US_PER_S);
    assert_int_equal(w->mta.taken_count, 5);
    assert_string_equal(w->mta.taken[4].sender, "b+spring-4@campaign.example");
    assert_string_equal(w->mta.taken[4].rcpt, "ok-0005@rows.example");
    assert_int_equal(campaign_delivery_state(w->campaign, 0), DELIVERY_RELAYED);
    assert_int_equal(campaign_relayed_at_us(w->campaign, 0), w->mta.taken[4].at_us + US_PER_MS);
    assert_int_equal(
        campaign_row_relayed_us(w->campaign, 0, 4), campaign_relayed_at_us(w->campaign, 0));
    assert_int_equal(campaign_kpi(w->campaign, 0).taken, 5);
    assert_false(campaign_has_feedback(w->campaign, 0));
    feed(w, 0, EFS_DELIVERED, 1, (struct verdict){0});
    feed(w, 1, EFS_HARD, 1, unknown);
    feed(w, 2, EFS_SOFT, 1, full);
    assert_int_equal(campaign_kpi(w->campaign, 0).bounces_errors, 2);
    feed(w, 2, EFS_DELIVERED, 2, (struct verdict){0});
    feed(w, 3, EFS_SOFT, 1, full);
    feed(w, 3, EFS_EXPIRED, 12, over);
    feed(w, 3, EFS_DELIVERED, 13, (struct verdict){0}); /* too late */
    feed(w, 4, EFS_SOFT, 1, full);
    assert_false(campaign_is_settled(w->campaign));
    feed(w, 4, EFS_DELIVERED, 2, (struct verdict){0});
    assert_true(campaign_is_settled(w->campaign));
    kpi = campaign_kpi(w->campaign, DELIVERY_ALL);
    assert_int_equal(kpi.sent, 3);
    assert_int_equal(kpi.failed, 2);
    assert_int_equal(kpi.bounces_errors, 2);
    assert_int_equal(kpi.hard_bounces, 1);
    assert_int_equal(kpi.soft_bounces, 1);
    assert_int_equal(kpi.quarantined, 1);
    assert_true(campaign_is_quarantined(w->campaign, SLICE("ok-0002@rows.example")));
    assert_int_equal(
        campaign_rows_with(w->campaign, 0, ROW_FAILED, REASON_UNREACHABLE, TYPE_IGNORED), 1);
    assert_int_equal(campaign_duplicates_dropped(w->campaign), 9);
    assert_int_equal(w->campaign->feedback_late_count, 1);
    assert_int_equal(w->events[EVENT_SUBMITTED], 5);
    assert_int_equal(w->events[EVENT_RELAYED], 5);
    assert_int_equal(w->events[EVENT_DELIVERED], 3);
    assert_int_equal(w->events[EVENT_BOUNCE_SOFT], 3);
    assert_int_equal(w->events[EVENT_QUARANTINE], 1);
    assert_string_equal(text_string(&w->states), "ready relaying relayed ");
    end(w);
}

static void
the_operator_pauses_resumes_stops_and_cancels(void **state)
{
    static const struct recipients_config to[] = {TO(60)};
    static const struct {
        const char *name;
        struct delivery_step steps[3];
        size_t steps_count;
        int64_t at_us;
        enum delivery_state state;
        uint64_t taken, cancelled;
        const char *states;
    } cases[] = {
        {"pause and resume",
         {{20 * US_PER_MIN + US_PER_S, DO_PAUSE}, {40 * US_PER_MIN + US_PER_S, DO_RESUME}},                            2, 0,
         DELIVERY_RELAYED,                                                                                                                              60, 0,  "ready relaying paused relaying relayed "},
        {"paused for good: its deadlines pass", {{20 * US_PER_MIN + US_PER_S, DO_PAUSE}},                              1, 0,
         DELIVERY_RELAYED,                                                                                                                              21, 39, "ready relaying paused relayed "         },
        {"stop",                                {{20 * US_PER_MIN + US_PER_S, DO_STOP}, {21 * US_PER_MIN, DO_RESUME}}, 2, 0,
         DELIVERY_STOPPED,                                                                                                                              21, 39, "ready relaying stopped "                },
        {"cancel once begun",                   {{20 * US_PER_MIN + US_PER_S, DO_CANCEL}},                             1, 0,          DELIVERY_STOPPED, 21,
         39,                                                                                                                                                    "ready relaying stopped "                },
        {"cancel before it began",              {{1, DO_CANCEL}, {2, DO_STOP}},                                        2, US_PER_MIN,
         DELIVERY_CANCELLED,                                                                                                                            0,  60, "cancelled "                             },
        {"pause before it began",               {{1, DO_PAUSE}, {30 * US_PER_MIN, DO_RESUME}},                         2, US_PER_MIN,
         DELIVERY_RELAYED,                                                                                                                              60, 0,  "paused relaying relayed "               },
        {"resume before it began",              {{1, DO_PAUSE}, {2, DO_RESUME}},                                       2, US_PER_MIN, DELIVERY_RELAYED,
         60,                                                                                                                                                0,  "paused edited ready relaying relayed "  },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct delivery_config spring = {SPRING, .to = to, .at_us = cases[i].at_us,
            .spread_us = US_PER_HOUR, .validity_us = 2 * US_PER_HOUR, .steps = cases[i].steps,
            .steps_count = cases[i].steps_count};
        struct world *w = begin(&spring, 1);

        print_message("  %s\n", cases[i].name);
        run_until(w, 5 * US_PER_HOUR);
        assert_string_equal(text_string(&w->states), cases[i].states);
        assert_int_equal(campaign_delivery_state(w->campaign, 0), cases[i].state);
        assert_int_equal(campaign_kpi(w->campaign, 0).taken, cases[i].taken);
        assert_int_equal(campaign_kpi(w->campaign, 0).cancelled, cases[i].cancelled);
        assert_int_equal(w->events[EVENT_CANCELLED], cases[i].cancelled);
        end(w);
    }
}

/* At the stop one message is on the wire: only its answer tells what became of it. */
static void
a_message_in_flight_keeps_its_chance_when_its_delivery_is_stopped(void **state)
{
    static const struct recipients_config to[] = {TO(40)};
    static const struct delivery_step stop[] = {
        {6500, DO_STOP}
    }; /* microseconds */
    static const struct delivery_config spring = {
        SPRING, .to = to, .steps = stop, .steps_count = 1};
    static const struct line_script script[] = {
        {".", 0, "451 4.3.0 later\r\n"}
    };

    for (size_t i = 0; i < 2; i++) {
        struct world *w = begin(&spring, 1);
        struct kpi kpi;

        w->mta.script = script;
        w->mta.script_count = i; /* taken; and put off */
        run_until(w, US_PER_HOUR);
        kpi = campaign_kpi(w->campaign, 0);
        assert_int_equal(kpi.pending, 0);
        assert_int_equal(kpi.taken + kpi.cancelled, 40);
        assert_int_equal(kpi.taken, w->mta.taken_count);
        assert_int_equal(kpi.taken > 0, i == 0);
        assert_int_equal(campaign_delivery_state(w->campaign, 0), DELIVERY_STOPPED);
        end(w);
    }
}

static void
the_next_delivery_leaves_out_whom_the_last_one_quarantined(void **state)
{
    static const struct recipients_config to[] = {TO(4), TO(2)};
    static const struct delivery_config deliveries[] = {
        {SPRING,   .to = to},
        { .name = {"summer", 6},
         .at_us = 3600 * INT64_C(1000000),
         .recipients_per_message = 1,
         .to = to,
         .to_count = 2},
    };
    struct world *w = begin(deliveries, 2);
    struct kpi kpi;

    run_until(w, US_PER_MIN);
    feed(w, 0, EFS_HARD, 1, unknown);
    feed(w, 3, EFS_HARD, 1, unknown);
    assert_int_equal(campaign_analyse(w->campaign, 1)->quarantined, 3);
    assert_int_equal(campaign_analyse(w->campaign, 1)->doubles, 1);
    assert_int_equal(campaign_kpi(w->campaign, 1).total_target, 0); /* that was a dry run */
    run_until(w, 2 * US_PER_HOUR);
    kpi = campaign_kpi(w->campaign, 1);
    assert_int_equal(kpi.total_target, 6);
    assert_int_equal(kpi.to_deliver, 2);
    assert_int_equal(campaign_row(w->campaign, 1, 4).reason, REASON_QUARANTINED);
    assert_int_equal(campaign_row(w->campaign, 1, 5).reason, REASON_DOUBLE);
    assert_int_equal(campaign_row(w->campaign, 1, 5).status, ROW_IGNORED);
    assert_int_equal(w->events[EVENT_EXCLUDED], 4);
    assert_int_equal(w->mta.taken_count, 6);
    end(w);
}

static void
endless_arrivals_make_their_rows(void **state)
{
    static const struct recipients_config to[] = {
        TO(3), {.before = {"u", 1}, .after = {"@x", 2}}
    };
    static const struct delivery_config spring = {
        .name = {"spring", 6           },
        .recipients_per_message = 1,
        .to = to,
        .to_count = 2,
        .arrivals = ARRIVALS_EVEN,
        .arrivals_rate = {1,        60 * 1000000},
        .arrivals_to_us = 600 * INT64_C(1000000)
    };
    struct world *w = begin(&spring, 1);

    run_until(w, 5 * US_PER_MIN - 1);
    assert_int_equal(campaign_rows_count(w->campaign, 0), 5);
    assert_int_equal(campaign_kpi(w->campaign, 0).taken, 5);
    run_until(w, US_PER_HOUR);
    assert_int_equal(campaign_rows_count(w->campaign, 0), 10);
    assert_string_equal(w->mta.taken[9].rcpt, "u7@x");
    assert_int_equal(campaign_delivery_state(w->campaign, 0), DELIVERY_RELAYED);
    end(w);
}

/* Four known rows in threes leave a message of one, which those that arrive must not join. */
static void
endless_arrivals_fill_messages_even_while_paused(void **state)
{
    static const struct recipients_config to[] = {
        TO(4), {.before = {"u", 1}, .after = {"@x", 2}}
    };
    static const struct delivery_step steps[] = {
        {1,              DO_PAUSE },
        {250 * US_PER_S, DO_RESUME}
    };

    for (size_t steps_count = 0; steps_count <= 2; steps_count += 2) {
        const struct delivery_config spring = {
            .name = {"spring", 6            },
            .recipients_per_message = 3,
            .to = to,
            .to_count = 2,
            .arrivals = ARRIVALS_EVEN,
            .arrivals_rate = {1,        60 * US_PER_S},
            .arrivals_to_us = 5 * US_PER_MIN,
            .steps = steps,
            .steps_count = steps_count
        };
        struct world *w = begin(&spring, 1);

        run_until(w, US_PER_HOUR);
        assert_int_equal(campaign_rows_count(w->campaign, 0), 12); /* 3 + 1 | 2 + 3 + 3 */
        assert_int_equal(campaign_kpi(w->campaign, 0).taken, 12);
        assert_string_equal(w->mta.taken[4].sender, "b+spring-3@campaign.example");
        assert_string_equal(w->mta.taken[4].rcpt, "u1@x");
        feed(w, 4, EFS_DELIVERED, 1, (struct verdict){0});
        assert_int_equal(campaign_row(w->campaign, 0, 4).status, ROW_SENT);
        end(w);
    }
}

static void
whom_no_arrival_reached_in_time_is_cancelled(void **state)
{
    static const struct recipients_config to[] = {TO(30)};
    static const struct delivery_config spring = {
        SPRING, .to = to, .arrivals = ARRIVALS_POISSON, .arrivals_rate = {1, 60 * 1000000},
        .arrivals_to_us = 600 * INT64_C(1000000)
    };
    struct world *w = begin(&spring, 1);
    struct kpi kpi;

    run_until(w, US_PER_HOUR);
    kpi = campaign_kpi(w->campaign, 0);
    assert_in_range(kpi.taken, 3, 25);
    assert_int_equal(kpi.taken + kpi.cancelled, 30);
    assert_int_equal(campaign_delivery_state(w->campaign, 0), DELIVERY_RELAYED);
    end(w);
}

static void
feedback_about_others_changes_nothing(void **state)
{
    static const struct recipients_config to[] = {TO(2)};
    static const struct delivery_config spring = {SPRING, .to = to};
    static const char *const envelopes[][2] = {
        {"b+spring-0@campaign.example", "ok-0002@rows.example"}, /* another row's */
        {"b+spring-0@campaign.example", "OK-0001@rows.example"}, /* case counts */
        {"b+spring-2@campaign.example", "ok-0003@rows.example"}, /* beyond the last */
        {"b+autumn-0@campaign.example", "ok-0001@rows.example"},
        {"",                            "ok-0001@rows.example"},
    };
    struct world *w = begin(&spring, 1);

    run_until(w, US_PER_S);
    for (size_t i = 0; i < COUNT_OF(envelopes); i++) {
        struct efs_event event = {.id = i + 1,
            .kind = EFS_HARD,
            .sender = slice_of(envelopes[i][0]),
            .rcpt = slice_of(envelopes[i][1]),
            .verdict = unknown};

        assert_true(campaign_take_feedback(w->campaign, &event, 1));
    }
    assert_int_equal(campaign_kpi(w->campaign, 0).taken, 2);
    assert_int_equal(w->campaign->feedback_unknown_count, COUNT_OF(envelopes));
    assert_false(campaign_has_feedback(w->campaign, DELIVERY_ALL));
    end(w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(five_rows_live_from_feedback),
        cmocka_unit_test(the_operator_pauses_resumes_stops_and_cancels),
        cmocka_unit_test(a_message_in_flight_keeps_its_chance_when_its_delivery_is_stopped),
        cmocka_unit_test(the_next_delivery_leaves_out_whom_the_last_one_quarantined),
        cmocka_unit_test(endless_arrivals_make_their_rows),
        cmocka_unit_test(endless_arrivals_fill_messages_even_while_paused),
        cmocka_unit_test(whom_no_arrival_reached_in_time_is_cancelled),
        cmocka_unit_test(feedback_about_others_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
