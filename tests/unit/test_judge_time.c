/* test_judge_time.c - stretches of time, holds, windows, and what stands in them. */
#include "tests/unit/plays.h"

static void
nothing(struct stage *stage)
{
    (void)stage;
}

/* Inside the two stretches of `quiet cut` (2 h to 3 h, 5 h to 6 h), and at their edges. */
static void
around_the_cut(struct stage *stage)
{
    static const int64_t at_us[] = {1 * H, 2 * H, 2 * H + 30 * M, 3 * H, 5 * H + 1, 6 * H};

    for (size_t i = 0; i < COUNT_OF(at_us); i++)
        stage_at(stage, at_us[i], EVENT_ACCEPTED, 0, 0);
}

static void
during_means_all_stretches_of_a_label(void **state)
{
    static const struct play plays[] = {
        {"the beginning is in, the end is out",
         {.form = EXPECT_WHEN, .subject = "accepted", .fires = "3", .during = "quiet cut"},
         around_the_cut, 0,     EXPECT_HELD,      NULL,                   NULL                   },
        {"counts begin with each stretch",
         {.form = EXPECT_ALWAYS, .subject = "count(accepted) <= 2", .during = "quiet cut"},
         around_the_cut, 0,     EXPECT_HELD,      NULL,                   "held during quiet cut"},
        {"a stretch without an end",
         {.form = EXPECT_WHEN, .subject = "accepted", .fires = "0", .during = "open end"},
         around_the_cut, 0,     EXPECT_HELD,      NULL,                   NULL                   },
        {"a stretch that the run did not reach",
         {.form = EXPECT_ALWAYS, .subject = "kpi.sent == 0", .during = "open end"},
         around_the_cut, 8 * H, EXPECT_UNDECIDED, "a run of at least 9h", "the run ended at 8h"  },
    };

    perform_all(plays, COUNT_OF(plays));
}

/* One sent at 10 min, taken back at 40 min, sent again at 50 min. */
static void
up_down_up(struct stage *stage)
{
    stage_at(stage, 10 * M, EVENT_DELIVERED, 0, 0);
    stage_at(stage, 40 * M, EVENT_BOUNCE_HARD, 0, 0);
    stage_at(stage, 50 * M, EVENT_DELIVERED, 0, 0);
}

static void
eventually_waits_for_a_hold(void **state)
{
    static const struct play plays[] = {
        {"true once",                              {.form = EXPECT_EVENTUALLY, .subject = "kpi.sent == 1", .by = "1h"},
         up_down_up,                                                                                                                               0, EXPECT_HELD,   NULL, "true at 10m"           },
        {"true at the deadline",
         {.form = EXPECT_EVENTUALLY, .subject = "kpi.sent == 1", .by = "10m"},                                                         up_down_up, 0,
         EXPECT_HELD,                                                                                                                                                NULL, "true at 10m"           },
        {"true too late",                          {.form = EXPECT_EVENTUALLY, .subject = "kpi.sent == 1", .by = "9m59s"},
         up_down_up,                                                                                                                               0, EXPECT_FAILED, "1",  "0"                     },
        {"held",                                   {.form = EXPECT_EVENTUALLY, .subject = "kpi.sent == 1", .hold = "29m", .by = "1h"},
         up_down_up,                                                                                                                               0, EXPECT_HELD,   NULL, "true from 10m to 39m"  },
        {"broken in the last instant of the hold",
         {.form = EXPECT_EVENTUALLY, .subject = "kpi.sent == 1", .hold = "30m", .by = "1h"},
         up_down_up,                                                                                                                               0, EXPECT_FAILED, "1",  "1"                     },
        {"held the second time",
         {.form = EXPECT_EVENTUALLY, .subject = "kpi.sent == 1", .hold = "30m", .by = "2h"},
         up_down_up,                                                                                                                               0, EXPECT_HELD,   NULL, "true from 50m to 1h20m"},
        {"a hold that ends at the deadline",
         {.form = EXPECT_EVENTUALLY, .subject = "kpi.sent == 1", .hold = "30m", .by = "1h20m"},
         up_down_up,                                                                                                                               0, EXPECT_HELD,   NULL, "true from 50m to 1h20m"},
        {"a hold that ends just behind it",
         {.form = EXPECT_EVENTUALLY,
                .subject = "kpi.sent == 1",
                .hold = "30m",
                .by = "1h20m - 1us"},
         up_down_up,                                                                                                                               0, EXPECT_FAILED, NULL, NULL                    },
        {"a hold counts from `after`",
         {.form = EXPECT_EVENTUALLY,
                .subject = "kpi.sent == 1",
                .hold = "10m",
                .after = "1h",
                .by = "1h10m"},
         up_down_up,                                                                                                                               0, EXPECT_HELD,   NULL, "true from 1h to 1h10m" },
        {"and so it may come too late",
         {.form = EXPECT_EVENTUALLY,
                .subject = "kpi.sent == 1",
                .hold = "10m",
                .after = "1h",
                .by = "1h9m"},
         up_down_up,                                                                                                                               0, EXPECT_FAILED, NULL, NULL                    },
        {"a deadline beyond the end",
         {.form = EXPECT_EVENTUALLY, .subject = "kpi.sent == 2", .by = "13h"},                                                         up_down_up, 0,
         EXPECT_UNDECIDED,                                                                                                                                           NULL, NULL                    },
        {"no deadline: the run's end",             {.form = EXPECT_EVENTUALLY, .subject = "kpi.sent == 2"},
         up_down_up,                                                                                                                               0, EXPECT_FAILED, "2",  "1"                     },
        {"no deadline, and the hold was not over",
         {.form = EXPECT_EVENTUALLY, .subject = "kpi.sent == 1", .hold = "12h"},                                                       up_down_up, 0,
         EXPECT_UNDECIDED,                                                                                                                                           NULL, NULL                    },
        {"a count with `after` and `by`",
         {.form = EXPECT_EVENTUALLY,
                .subject = "count(delivered) > 0",
                .after = "45m",
                .by = "50m"},
         up_down_up,                                                                                                                               0, EXPECT_HELD,   NULL, "true at 50m"           },
    };

    perform_all(plays, COUNT_OF(plays));
}

/* One a minute from 1 min to 10 min, then silence. */
static void
one_a_minute(struct stage *stage)
{
    for (int64_t i = 1; i <= 10; i++)
        stage_at(stage, i * M, EVENT_ACCEPTED, 0, 0);
}

static void
burst(struct stage *stage)
{
    for (int i = 0; i < 6; i++)
        stage_at(stage, 10 * M, EVENT_ACCEPTED, 0, 0);
    stage_at(stage, 14 * M, EVENT_ACCEPTED, 0, 0);
}

static void
windows_slide_between_events(void **state)
{
    static const struct play plays[] = {
        {"silence after the window was full",
         {.form = EXPECT_ALWAYS, .subject = "rate(accepted, over=5m) >= 1/m", .until = "14m59s"},
         one_a_minute,                                                                                     0, EXPECT_FAILED, ">= 1/min",     NULL         },
        {"no value before the first full window; later one leaves as another enters",
         {.form = EXPECT_ALWAYS, .subject = "rate(accepted, over=5m) == 1/m", .until = "10m"},
         one_a_minute,                                                                                     0, EXPECT_HELD,   NULL,           NULL         },
        {"what leaves is judged without an event",
         {.form = EXPECT_ALWAYS, .subject = "rate(accepted, over=5m) == 1/m", .until = "11m"},
         one_a_minute,                                                                                     0, EXPECT_FAILED, "1/min",        NULL         },
        {"empty at last",
         {.form = EXPECT_EVENTUALLY, .subject = "rate(accepted, over=5m) == 0/m", .by = "15m"},
         one_a_minute,                                                                                     0, EXPECT_HELD,   NULL,           "true at 15m"},
        {"and not before",
         {.form = EXPECT_EVENTUALLY,
                .subject = "rate(accepted, over=5m) == 0/m",
                .by = "14m59s"},
         one_a_minute,                                                                                     0, EXPECT_FAILED, NULL,           NULL         },
        {"a hold that a window ends",
         {.form = EXPECT_EVENTUALLY,
                .subject = "rate(accepted, over=5m) ~= 1/m +- 10%",
                .hold = "6m - 1us",
                .by = "20m"},
         one_a_minute,                                                                                     0, EXPECT_HELD,   NULL,           NULL         },
        {"it cannot last until the instant of the exit",
         {.form = EXPECT_EVENTUALLY,
                .subject = "rate(accepted, over=5m) ~= 1/m +- 10%",
                .hold = "6m",
                .by = "20m"},
         one_a_minute,                                                                                     0, EXPECT_FAILED, "1/min +- 10%", NULL         },
        {"events of one instant leave together",
         {.form = EXPECT_AT, .subject = "15m", .check = "rate(accepted, over=5m) == 0.2/m"},
         burst,                                                                                            0, EXPECT_HELD,   NULL,           NULL         },
        {"and not a moment sooner",
         {.form = EXPECT_AT,
                .subject = "15m - 1us",
                .check = "rate(accepted, over=5m) == 1.4/m"},
         burst,                                                                                            0, EXPECT_HELD,   NULL,           NULL         },
        {"a rate of nothing at all shows nothing",
         {.form = EXPECT_ALWAYS, .subject = "rate(accepted, over=5m) <= 10/m"},                   nothing, 0,
         EXPECT_VACUOUS,                                                                                                     NULL,           NULL         },
        {"at an event the window is up to date",
         {.form = EXPECT_WHEN,
                .subject = "accepted",
                .check = "rate(accepted, over=4m) == 0.25/m",
                .after = "14m"},
         burst,                                                                                            0, EXPECT_HELD,   NULL,           "fired 1x"   },
    };

    perform_all(plays, COUNT_OF(plays));
}

static void
fail_over(struct stage *stage)
{
    stage_at(stage, 1 * M, EVENT_CONNECT, -1, 0)->host = "mx1.rows.example";
    stage_at(stage, 2 * M, EVENT_CONNECT, -1, 0)->host = "mx2.rows.example";
    stage_at(stage, 3 * M, EVENT_ATTEMPT, 0, 1)->is_written_by_mta = true;
    stage_at(stage, 5 * M, EVENT_ATTEMPT, 0, 1)->is_written_by_mta = true;
    stage_at(stage, 6 * M, EVENT_ATTEMPT, 0, 2)->is_written_by_mta = true;
    stage_at(stage, 7 * M, EVENT_SESSION, -1, 0)->open = 3;
    stage->happenings[stage->happenings_count - 1].host = "mx1.rows.example";
    stage_at(stage, 8 * M, EVENT_TIMELINE, -1, 0)->limit_max = 100;
}

static void
functions_look_at_hosts_gaps_and_limits(void **state)
{
    static const struct play plays[] = {
        {"the first MX was tried first",
         {.form = EXPECT_WHEN,
                .subject = "connect",
                .check = "tried(mx1, within=5m)",
                .where = "host == mx2"},
         fail_over,                                                                                                    0, EXPECT_HELD,   NULL,    "fired 1x"                     },
        {"but not within half a minute",
         {.form = EXPECT_WHEN,
                .subject = "connect",
                .check = "tried(mx1, within=30s)",
                .where = "host == mx2.rows.example"},
         fail_over,                                                                                                    0, EXPECT_FAILED, NULL,    "tried(mx1, within=30s): false"},
        {"a host by its label or in full",
         {.form = EXPECT_AT,
                .subject = "end",
                .check = "count(connect, host=mx2) == 1 and count(connect, host=MX2.rows.example) "
                         "== 1 and "
                         "count(connect, host=mx*) == 2"},
         fail_over,                                                                                                    0, EXPECT_HELD,   NULL,    NULL                           },
        {"an ISP follows from host or recipient",
         {.form = EXPECT_AT,
                .subject = "end",
                .check = "count(connect, isp=rows) == 2 and count(attempt, isp=rows) == 3 and "
                         "count(attempt, isp=slow) == 0"},
         fail_over,                                                                                                    0, EXPECT_HELD,   NULL,    NULL                           },
        {"a delivery follows from the envelope",
         {.form = EXPECT_AT,
                .subject = "end",
                .check = "count(attempt, delivery=spring, to=r1) == 2"},
         fail_over,                                                                                                    0, EXPECT_HELD,   NULL,    NULL                           },
        {"gaps are per recipient",
         {.form = EXPECT_ALWAYS, .subject = "gap(attempt, same=rcpt) >= 2m"},                               fail_over, 0,
         EXPECT_HELD,                                                                                                                    NULL,    NULL                           },
        {"gaps of anything",                      {.form = EXPECT_ALWAYS, .subject = "gap(attempt) >= 2m"}, fail_over, 0,
         EXPECT_FAILED,                                                                                                                  ">= 2m", "1m"                           },
        {"sessions that are open",
         {.form = EXPECT_ALWAYS, .subject = "open_connections(isp=rows) <= 2"},                             fail_over, 0,
         EXPECT_FAILED,                                                                                                                  "<= 2",  "3"                            },
        {"sessions that never were",
         {.form = EXPECT_ALWAYS, .subject = "open_connections(isp=slow) <= 2"},                             fail_over, 0,
         EXPECT_VACUOUS,                                                                                                                 NULL,    NULL                           },
        {"the limit as it is now",
         {.form = EXPECT_AT, .subject = "end", .check = "limit(rows) == 100/m"},                            fail_over, 0,
         EXPECT_HELD,                                                                                                                    NULL,    NULL                           },
        {"and as it was",
         {.form = EXPECT_AT, .subject = "7m", .check = "limit(rows, rate) == $hidden"},
         fail_over,                                                                                                    0, EXPECT_HELD,   NULL,    NULL                           },
        {"the mean of a limit",
         {.form = EXPECT_AT, .subject = "9m", .check = "limit(rows, over=4m) == 175/m"},
         fail_over,                                                                                                    0, EXPECT_HELD,   NULL,    NULL                           },
        {"a limit's window is left, too",
         {.form = EXPECT_EVENTUALLY, .subject = "limit(rows, over=4m) == 100/m"},                           fail_over, 0,
         EXPECT_HELD,                                                                                                                    NULL,    "true at 12m"                  },
        {"deferred of all attempts",
         {.form = EXPECT_AT, .subject = "end", .check = "deferral_rate == 0%"},                             fail_over, 0,
         EXPECT_HELD,                                                                                                                    NULL,    NULL                           },
        {"deferred of none has no value",
         {.form = EXPECT_AT, .subject = "end", .check = "deferral_rate == 0%"},                             nothing,   0,
         EXPECT_UNDECIDED,                                                                                                               "0%",    "no value"                     },
    };

    perform_all(plays, COUNT_OF(plays));
}

static void
two_deliveries(struct stage *stage)
{
    stage_at(stage, 1 * M, EVENT_DELIVERED, 0, 0);
    stage_at(stage, 2 * M, EVENT_DELIVERED, 1, 0);
    stage_at(stage, 3 * M, EVENT_BOUNCE_SOFT, 0, 1);
    stage_at(stage, 4 * M, EVENT_DELIVERED, 0, 2);
}

static void
a_kpi_without_a_name_is_that_of_the_events_delivery(void **state)
{
    static const struct play plays[] = {
        {"beside when",
         {.form = EXPECT_WHEN,
                .subject = "delivered",
                .check = "kpi.success == 50%",
                .where = "delivery != spring"},
         two_deliveries,                                                                                     0, EXPECT_HELD,   NULL,        "fired 1x"},
        {"of all together elsewhere",
         {.form = EXPECT_AT, .subject = "end", .check = "kpi.success == 50%"},               two_deliveries, 0,
         EXPECT_HELD,                                                                                                          NULL,        NULL      },
        {"another delivery's news change nothing here",
         {.form = EXPECT_WHEN, .subject = "bounce.soft", .check = "unchanged(kpi.success)"},
         two_deliveries,                                                                                     0, EXPECT_HELD,   NULL,        NULL      },
        {"each delivery has its own memory",
         {.form = EXPECT_WHEN, .subject = "delivered", .check = "increased(kpi.success)"},
         two_deliveries,                                                                                     0, EXPECT_HELD,   NULL,        "fired 3x"},
        {"one that is named",
         {.form = EXPECT_WHEN,
                .subject = "delivered",
                .check = "increased(kpi(summer).success)"},
         two_deliveries,                                                                                     0, EXPECT_FAILED, "increased", "still 0%"},
    };

    perform_all(plays, COUNT_OF(plays));
}

static void
with_nothing_to_deliver_success_has_no_value(void **state)
{
    struct stage *stage = calloc(1, sizeof *stage);

    stage_init(stage, 0, 0);
    stage_claim(
        stage, &(struct claim){.form = EXPECT_AT, .subject = "end", .check = "kpi.success == 0%"});
    stage_claim(
        stage, &(struct claim){.form = EXPECT_ALWAYS, .subject = "nondecreasing(kpi.success)"});
    stage_claim(stage,
        &(struct claim){.form = EXPECT_AT, .subject = "end", .check = "log.all.status == sent"});
    stage_claim(stage,
        &(struct claim){
            .form = EXPECT_AT, .subject = "end", .check = "kpi.success == 0% or kpi.sent == 0"});
    stage_open(stage);
    stage_run(stage, 12 * H);
    assert_int_equal(judge_result(stage->judge, 0).verdict, EXPECT_UNDECIDED);
    assert_int_equal(judge_result(stage->judge, 1).verdict, EXPECT_VACUOUS);
    assert_int_equal(judge_result(stage->judge, 2).verdict, EXPECT_UNDECIDED);
    assert_int_equal(judge_result(stage->judge, 3).verdict, EXPECT_HELD);
    stage_release(stage);
    free(stage);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(during_means_all_stretches_of_a_label),
        cmocka_unit_test(eventually_waits_for_a_hold),
        cmocka_unit_test(windows_slide_between_events),
        cmocka_unit_test(functions_look_at_hosts_gaps_and_limits),
        cmocka_unit_test(a_kpi_without_a_name_is_that_of_the_events_delivery),
        cmocka_unit_test(with_nothing_to_deliver_success_has_no_value),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
