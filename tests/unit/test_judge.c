/* test_judge.c - when something is judged, and what is said about it. */
#include "tests/unit/plays.h"

/* Four rows relayed at 0, feedback from 1 min on: two sent in one instant, one after a soft bounce,
 * one refused for good. */
static void
spring(struct stage *stage)
{
    for (uint64_t row = 0; row < 4; row++)
        stage_at(stage, 0, EVENT_RELAYED, 0, row);
    stage_at(stage, 1 * M, EVENT_DELIVERED, 0, 0)->attempt = 1;
    stage_at(stage, 1 * M, EVENT_DELIVERED, 0, 1)->attempt = 1;
    stage_at(stage, 1 * M, EVENT_BOUNCE_SOFT, 0, 2)->attempt = 1;
    stage_at(stage, 1 * M, EVENT_BOUNCE_HARD, 0, 3)->attempt = 1;
    stage_at(stage, 1 * H, EVENT_DELIVERED, 0, 2)->attempt = 3;
}

static void
the_five_rows_are_judged_as_written(void **state)
{
    static const struct play plays[] = {
        {"relayed: success 0 %, everything taken into account",
         {.form = EXPECT_AT,
                .subject = "relayed(spring)",
                .check = "kpi(spring).success == 0%",
                .second_check = "count(log.status == taken_into_account) == 4"},
         spring,                                                                                                                                  0, EXPECT_HELD,   NULL,        "at 0s"                  },
        {"a hard bounce leaves success alone",
         {.form = EXPECT_WHEN,
                .subject = "bounce.hard",
                .check = "unchanged(kpi.success)",
                .second_check = "log.status == failed",
                .fires = "1"},
         spring,                                                                                                                                  0, EXPECT_HELD,   NULL,        "fired 1x"               },
        {"a soft bounce changes the reason only",
         {.form = EXPECT_WHEN,
                .subject = "bounce.soft",
                .check = "unchanged(kpi.success)",
                .second_check = "log.status == taken_into_account and log.reason != none",
                .fires = "1"},
         spring,                                                                                                                                  0, EXPECT_HELD,   NULL,        "fired 1x"               },
        {"a retry that wins makes success grow",
         {.form = EXPECT_WHEN,
                .subject = "delivered",
                .check = "increased(kpi.success)",
                .second_check = "log.status == sent",
                .where = "attempt > 1",
                .fires = "1"},
         spring,                                                                                                                                  0, EXPECT_HELD,   NULL,        "fired 1x"               },
        {"events of one batch are told apart",
         {.form = EXPECT_WHEN, .subject = "delivered", .check = "increased(kpi.success)"},
         spring,                                                                                                                                  0, EXPECT_HELD,   NULL,        "fired 3x"               },
        {"never goes back",
         {.form = EXPECT_ALWAYS, .subject = "nondecreasing(kpi(spring).success)"},                                                        spring, 0,
         EXPECT_HELD,                                                                                                                                               NULL,        "held from 0s to the end"},
        {"at the end",
         {.form = EXPECT_AT,
                .subject = "end",
                .check = "kpi(spring).success == 75%",
                .second_check = "count(log.status == failed) == 1"},
         spring,                                                                                                                                  0, EXPECT_HELD,   NULL,        "at 12h"                 },
        {"a wrong percentage",
         {.form = EXPECT_AT, .subject = "end", .check = "kpi(spring).success == 86%"},                                                    spring, 0,
         EXPECT_FAILED,                                                                                                                                             "86%",       "75%"                    },
        {"a wrong number of times",                             {.form = EXPECT_WHEN, .subject = "delivered", .fires = "101"},
         spring,                                                                                                                                  0, EXPECT_FAILED, "101 times", "fired 3 times"          },
        {"once is not times",                                   {.form = EXPECT_WHEN, .subject = "delivered", .fires = "1"},              spring,
         0,                                                                                                                                          EXPECT_FAILED, "1 time",    "fired 3 times"          },
        {"a wrong status",
         {.form = EXPECT_WHEN, .subject = "bounce.soft", .check = "log.status == failed"},
         spring,                                                                                                                                  0, EXPECT_FAILED, "failed",    "taken_into_account"     },
        {"not every row",                                       {.form = EXPECT_AT, .subject = "end", .check = "log.all.status == sent"},
         spring,                                                                                                                                  0, EXPECT_FAILED, "sent",      "2 x pending, 1 x failed"},
        {"a quantity that should stand still",
         {.form = EXPECT_WHEN,
                .subject = "delivered",
                .check = "unchanged(kpi(spring).success)"},
         spring,                                                                                                                                  0, EXPECT_FAILED, "unchanged", "0% -> 25%"              },
        {"a quantity that should grow",
         {.form = EXPECT_WHEN,
                .subject = "bounce.hard",
                .check = "increased(kpi(spring).success)"},
         spring,                                                                                                                                  0, EXPECT_FAILED, "increased", "still 50%"              },
        {"an age within its range",
         {.form = EXPECT_WHEN, .subject = "bounce.soft", .within = "1m..2m"},                                                             spring, 0,
         EXPECT_HELD,                                                                                                                                               NULL,        "fired 1x"               },
        {"an age outside its range",
         {.form = EXPECT_WHEN, .subject = "delivered", .within = "0s..1m"},                                                               spring, 0,
         EXPECT_FAILED,                                                                                                                                             "0s..1m",    "1h"                     },
        {"a sum of two parts names both",
         {.form = EXPECT_AT,
                .subject = "end",
                .check = "kpi(spring).sent == 3 and kpi(spring).failed == 3"},
         spring,                                                                                                                                  0, EXPECT_FAILED, "true",
         "kpi(spring).sent == 3: 3; kpi(spring).failed == 3: 1"                                                                                                                                           },
        {"both sides were observed",
         {.form = EXPECT_AT,
                .subject = "end",
                .check = "kpi(spring).failed >= kpi(spring).sent"},
         spring,                                                                                                                                  0, EXPECT_FAILED, ">= 3",      "left 1, right 3"        },
    };

    perform_all(plays, COUNT_OF(plays));
}

static void
where_and_fires_count_what_they_should(void **state)
{
    static const struct play plays[] = {
        {"no event at all is vacuous",
         {.form = EXPECT_WHEN, .subject = "expired", .check = "log.status == failed"},                                    spring, 0,
         EXPECT_VACUOUS,                                                                                                                             "at least one expired",                             "none"         },
        {"none that `where` lets through is vacuous too",
         {.form = EXPECT_WHEN,
                .subject = "delivered",
                .check = "log.status == sent",
                .where = "attempt > 3"},
         spring,                                                                                                                  0, EXPECT_VACUOUS, "at least one delivered for which `where` is true", "none"         },
        {"unless none is expected",                       {.form = EXPECT_WHEN, .subject = "expired", .fires = "0"},
         spring,                                                                                                                  0, EXPECT_HELD,    NULL,                                               "fired 0x"     },
        {"or allowed",
         {.form = EXPECT_WHEN,
                .subject = "expired",
                .check = "log.status == failed",
                .fires = "0.."},
         spring,                                                                                                                  0, EXPECT_HELD,    NULL,                                               "fired 0x"     },
        {"an open range",                                 {.form = EXPECT_WHEN, .subject = "delivered", .fires = "4.."},  spring, 0,
         EXPECT_FAILED,                                                                                                                              "at least 4 times",                                 "fired 3 times"},
        {"a closed range",                                {.form = EXPECT_WHEN, .subject = "delivered", .fires = "1..2"}, spring,
         0,                                                                                                                          EXPECT_FAILED,  "1 to 2 times",                                     "fired 3 times"},
        {"a range from nothing",                          {.form = EXPECT_WHEN, .subject = "delivered", .fires = "..2"},
         spring,                                                                                                                  0, EXPECT_FAILED,  "at most 2 times",                                  "fired 3 times"},
        {"both ends are included",                        {.form = EXPECT_WHEN, .subject = "delivered", .fires = "3..3"},
         spring,                                                                                                                  0, EXPECT_HELD,    NULL,                                               "fired 3x"     },
        {"after includes its instant",
         {.form = EXPECT_WHEN, .subject = "delivered", .fires = "3", .after = "1m"},                                      spring, 0,
         EXPECT_HELD,                                                                                                                                NULL,                                               NULL           },
        {"after excludes what was before",
         {.form = EXPECT_WHEN, .subject = "delivered", .fires = "1", .after = "1m + 1us"},
         spring,                                                                                                                  0, EXPECT_HELD,    NULL,                                               NULL           },
        {"until includes its instant",
         {.form = EXPECT_WHEN, .subject = "delivered", .fires = "2", .until = "1m"},                                      spring, 0,
         EXPECT_HELD,                                                                                                                                NULL,                                               NULL           },
        {"fields: a hard bounce of class 10",
         {.form = EXPECT_WHEN,
                .subject = "bounce.hard",
                .fires = "1",
                .where = "class == 10 and type == hard and reason == user_unknown and code == 550 "
                         "and enhanced == 5.1.1 and stage == rcpt and delivery == spring and "
                         "isp == rows and rcpt ~ r3* and code ~ 5*"},
         spring,                                                                                                                  0, EXPECT_HELD,    NULL,                                               NULL           },
        {"fields: not this one",
         {.form = EXPECT_WHEN,
                .subject = "bounce.hard",
                .fires = "0",
                .where = "enhanced ~ 5.2.*"},
         spring,                                                                                                                  0, EXPECT_HELD,    NULL,                                               NULL           },
        {"the recipient with its domain",
         {.form = EXPECT_WHEN,
                .subject = "delivered",
                .fires = "1",
                .where = "rcpt == r2@ROWS.example"},
         spring,                                                                                                                  0, EXPECT_HELD,    NULL,                                               NULL           },
    };

    perform_all(plays, COUNT_OF(plays));
}

static void
the_first_failing_event_is_told(void **state)
{
    struct stage *stage = calloc(1, sizeof *stage);
    struct expect_result result;

    stage_init(stage, 4, 0);
    stage_claim(stage,
        &(struct claim){
            .form = EXPECT_WHEN, .subject = "delivered", .check = "attempt == 1", .fires = "5"});
    stage_open(stage);
    spring(stage);
    stage_at(stage, 2 * H, EVENT_DELIVERED, 0, 2)->attempt = 4;
    stage_run(stage, 12 * H);
    result = judge_result(stage->judge, 0);
    assert_int_equal(result.verdict, EXPECT_FAILED);
    assert_int_equal(result.at_us, 1 * H);
    assert_int_equal(result.fired_count, 4);
    assert_slice(result.check, "attempt == 1");
    assert_slice(result.observed, "3");
    assert_slice(result.detail,
        "delivered, rcpt r2@rows.example, attempt 3; 2 of 4 failed; expected to have fired 5 "
        "times");
    stage_release(stage);
    free(stage);
}

static void
sent_at_30m(struct stage *stage)
{
    stage_at(stage, 0, EVENT_RELAYED, 0, 0);
    stage_at(stage, 30 * M, EVENT_DELIVERED, 0, 0);
    stage_at(stage, 30 * M, EVENT_DELIVERED, 0, 1);
}

static void
relayed_late(struct stage *stage)
{
    stage_at(stage, 10 * M, EVENT_RELAYED, 0, 3);
    stage_at(stage, 10 * M, EVENT_DELIVERED, 0, 0);
}

static void
instants_are_judged_when_they_are_over(void **state)
{
    static const struct play plays[] = {
        {"at T comes after all events of T",
         {.form = EXPECT_AT, .subject = "30m", .check = "kpi.sent == 2"},                                                            sent_at_30m, 0,
         EXPECT_HELD,                                                                                                                                                       NULL,                      "at 30m"              },
        {"at T needs no event at T",
         {.form = EXPECT_AT, .subject = "29m59s", .check = "kpi.sent == 0"},                                                         sent_at_30m, 0,
         EXPECT_HELD,                                                                                                                                                       NULL,                      "at 29m59s"           },
        {"at T after the last event",
         {.form = EXPECT_AT, .subject = "3h", .check = "kpi.sent == 2"},                                                             sent_at_30m, 0,
         EXPECT_HELD,                                                                                                                                                       NULL,                      "at 3h"               },
        {"at T at the very end",                                 {.form = EXPECT_AT, .subject = "12h", .check = "kpi.sent == 2"},
         sent_at_30m,                                                                                                                             0,      EXPECT_HELD,      NULL,                      "at 12h"              },
        {"at T before anything",
         {.form = EXPECT_AT, .subject = "0s", .check = "count(relayed) == 1"},                                                       sent_at_30m, 0,
         EXPECT_HELD,                                                                                                                                                       NULL,                      "at 0s"               },
        {"at T beyond the end",                                  {.form = EXPECT_AT, .subject = "13h", .check = "kpi.sent == 2"},
         sent_at_30m,                                                                                                                             0,      EXPECT_UNDECIDED, "a run of at least 13h",   "the run ended at 12h"},
        {"at T beyond the end, where that is allowed",
         {.form = EXPECT_AT, .subject = "13h", .check = "kpi.sent == 2", .may_end_open = true},
         sent_at_30m,                                                                                                                             0,      EXPECT_UNDECIDED, NULL,                      NULL                  },
        {"at relayed(X) comes after all events of that instant",
         {.form = EXPECT_AT, .subject = "relayed(spring)", .check = "kpi.sent == 1"},
         relayed_late,                                                                                                                            0,      EXPECT_HELD,      NULL,                      "at 10m"              },
        {"at an instant reckoned from it",
         {.form = EXPECT_AT, .subject = "relayed(spring) + 5m", .check = "kpi.sent == 1"},
         relayed_late,                                                                                                                            0,      EXPECT_HELD,      NULL,                      "at 15m"              },
        {"at an instant that was over when it was known",
         {.form = EXPECT_AT, .subject = "relayed(spring) - 5m", .check = "kpi.sent == 1"},
         relayed_late,                                                                                                                            0,      EXPECT_UNDECIDED, NULL,
         "that instant was over when it came to be known"                                                                                                                                                                    },
        {"at relayed(X), which never was",
         {.form = EXPECT_AT, .subject = "relayed(summer)", .check = "kpi.sent == 1"},
         relayed_late,                                                                                                                            0,      EXPECT_UNDECIDED, "relayed(summer) to come", "the run ended at 12h"},
        {"at the end of a run that ends early",
         {.form = EXPECT_AT, .subject = "end", .check = "kpi.sent == 0"},                                                            sent_at_30m, 20 * M,
         EXPECT_HELD,                                                                                                                                                       NULL,                      "at 20m"              },
        {"by T: in time",                                        {.form = EXPECT_BY, .subject = "1h", .check = "kpi.sent == 2"},
         sent_at_30m,                                                                                                                             0,      EXPECT_HELD,      NULL,                      "true at 30m"         },
        {"by T: a moment within an instant will do",
         {.form = EXPECT_BY, .subject = "1h", .check = "kpi.sent == 1"},                                                             sent_at_30m, 0,
         EXPECT_HELD,                                                                                                                                                       NULL,                      "true at 30m"         },
        {"by T: T itself is included",
         {.form = EXPECT_BY, .subject = "30m", .check = "kpi.sent == 2"},                                                            sent_at_30m, 0,
         EXPECT_HELD,                                                                                                                                                       NULL,                      "true at 30m"         },
        {"by T: too late",                                       {.form = EXPECT_BY, .subject = "29m59s", .check = "kpi.sent == 2"},
         sent_at_30m,                                                                                                                             0,      EXPECT_FAILED,    "2",                       "0"                   },
        {"by T: each check by itself",
         {.form = EXPECT_BY,
                .subject = "1h",
                .check = "kpi.sent == 0",
                .second_check = "kpi.sent == 2"},
         sent_at_30m,                                                                                                                             0,      EXPECT_HELD,      NULL,                      "true at 30m"         },
        {"by T: beyond the end",                                 {.form = EXPECT_BY, .subject = "13h", .check = "kpi.sent == 3"},
         sent_at_30m,                                                                                                                             0,      EXPECT_UNDECIDED, "a run of at least 13h",   "the run ended at 12h"},
        {"by T: beyond the end, but true before",
         {.form = EXPECT_BY, .subject = "13h", .check = "kpi.sent == 2"},                                                            sent_at_30m, 0,
         EXPECT_HELD,                                                                                                                                                       NULL,                      NULL                  },
        {"by the end",                                           {.form = EXPECT_BY, .subject = "end", .check = "kpi.sent == 3"},    sent_at_30m,
         0,                                                                                                                                               EXPECT_FAILED,    "3",                       "2"                   },
    };

    perform_all(plays, COUNT_OF(plays));
}

/* Sent one at 10 min, one at 20 min, one at 30 min; refused for good one at 20 min. */
static void
stairs(struct stage *stage)
{
    for (uint64_t row = 0; row < 3; row++)
        stage_at(stage, (int64_t)(row + 1) * 10 * M, EVENT_DELIVERED, 0, row);
    stage_at(stage, 20 * M, EVENT_BOUNCE_HARD, 0, 1);
}

static void
always_and_never_cover_their_time(void **state)
{
    static const struct play plays[] = {
        {"always",                                        {.form = EXPECT_ALWAYS, .subject = "kpi.sent <= 2"},                      stairs, 0, EXPECT_HELD,
         NULL,                                                                                                                                                                              "held from 0s to the end"             },
        {"always: not within an instant either",
         {.form = EXPECT_ALWAYS, .subject = "kpi.sent <= 1"},                                                                       stairs, 0, EXPECT_FAILED,    "<= 1",
         "2"                                                                                                                                                                                                                      },
        {"always after T",                                {.form = EXPECT_ALWAYS, .subject = "kpi.sent >= 1", .after = "10m"},
         stairs,                                                                                                                            0, EXPECT_HELD,      NULL,                      "held from 10m to the end"            },
        {"always after T: the state it begins with",
         {.form = EXPECT_ALWAYS, .subject = "kpi.sent >= 1", .after = "5m"},                                                        stairs, 0,
         EXPECT_FAILED,                                                                                                                                          ">= 1",                    "0"                                   },
        {"always after T, without an event since",
         {.form = EXPECT_ALWAYS, .subject = "kpi.sent == 2", .after = "1h"},                                                        stairs, 0,
         EXPECT_HELD,                                                                                                                                            NULL,                      NULL                                  },
        {"always until T",                                {.form = EXPECT_ALWAYS, .subject = "kpi.failed == 0", .until = "19m59s"},
         stairs,                                                                                                                            0, EXPECT_HELD,      NULL,                      "held from 0s to 19m59s"              },
        {"always until T: T is included",
         {.form = EXPECT_ALWAYS, .subject = "kpi.failed == 0", .until = "20m"},                                                     stairs, 0,
         EXPECT_FAILED,                                                                                                                                          "0",                       "1"                                   },
        {"always until T beyond the end",
         {.form = EXPECT_ALWAYS, .subject = "kpi.sent <= 2", .until = "13h"},                                                       stairs, 0,
         EXPECT_UNDECIDED,                                                                                                                                       "a run of at least 13h",   "the run ended at 12h"                },
        {"always after T beyond the end",
         {.form = EXPECT_ALWAYS, .subject = "kpi.sent <= 2", .after = "13h"},                                                       stairs, 0,
         EXPECT_UNDECIDED,                                                                                                                                       "a run of at least 13h",   "the run ended at 12h"                },
        {"always after something that happens",
         {.form = EXPECT_ALWAYS, .subject = "kpi.sent <= 2", .after = "relayed(spring)"},                                           stairs,
         0,                                                                                                                                    EXPECT_UNDECIDED, "relayed(spring) to come", "the run ended at 12h"                },
        {"always passes over what has no value",
         {.form = EXPECT_ALWAYS, .subject = "gap(expired) >= 1m"},                                                                  stairs, 0, EXPECT_VACUOUS,
         NULL,                                                                                                                                                                              "no value at any moment"              },
        {"nondecreasing notices a fall",
         {.form = EXPECT_ALWAYS, .subject = "nondecreasing(kpi.sent)"},                                                             stairs, 0, EXPECT_FAILED,
         "never less than before",                                                                                                                                                          "2 -> 1"                              },
        {"nondecreasing remembers it",
         {.form = EXPECT_AT, .subject = "end", .check = "nondecreasing(kpi.sent)"},                                                 stairs, 0,
         EXPECT_FAILED,                                                                                                                                          NULL,                      NULL                                  },
        {"nondecreasing forgets what was before `after`",
         {.form = EXPECT_ALWAYS, .subject = "nondecreasing(kpi.sent)", .after = "25m"},                                             stairs,
         0,                                                                                                                                    EXPECT_HELD,      NULL,                      NULL                                  },
        {"never",                                         {.form = EXPECT_NEVER, .subject = "kpi.sent > 2"},                        stairs, 0, EXPECT_HELD,      NULL,
         "never true from 0s to the end"                                                                                                                                                                                          },
        {"never: true for one moment",
         {.form = EXPECT_NEVER, .subject = "kpi.sent == 2 and kpi.failed == 0"},                                                    stairs, 0,
         EXPECT_FAILED,                                                                                                                                          "never true",              "kpi.sent == 2: 2; kpi.failed == 0: 0"},
        {"never: no event is no offence",
         {.form = EXPECT_NEVER, .subject = "count(quarantine) > 0"},                                                                stairs, 0, EXPECT_HELD,
         NULL,                                                                                                                                                                              NULL                                  },
        {"counts begin at `after`",
         {.form = EXPECT_AT, .subject = "end", .check = "count(delivered) == 2", .after = "20m"},
         stairs,                                                                                                                            0, EXPECT_HELD,      NULL,                      NULL                                  },
        {"counts begin at 0 without it",
         {.form = EXPECT_AT, .subject = "end", .check = "count(delivered) == 3"},                                                   stairs, 0,
         EXPECT_HELD,                                                                                                                                            NULL,                      NULL                                  },
    };

    perform_all(plays, COUNT_OF(plays));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_five_rows_are_judged_as_written),
        cmocka_unit_test(where_and_fires_count_what_they_should),
        cmocka_unit_test(the_first_failing_event_is_told),
        cmocka_unit_test(instants_are_judged_when_they_are_over),
        cmocka_unit_test(always_and_never_cover_their_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
