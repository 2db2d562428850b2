/* test_expression.c - names, units and operators of checks, and what is wrong with them. */
#include "tests/unit/judging.h"

#include "scenarios/plan.h"

struct bench { /* compiles one expression at a time */
    struct stage stage;
    struct expression_parts parts;
    struct evidence evidence;
};

static bool
compile(struct bench *bench, const char *text, enum expression_place place, enum value_type wanted,
    struct expression *expression)
{
    struct expression_context context = {.scenario = &bench->stage.scenario,
        .diagnostics = &bench->stage.diagnostics,
        .parts = &bench->parts,
        .place = place};

    return expression_compile(&context, stage_source(text), wanted, expression);
}

static struct bench *
bench_new(void)
{
    struct bench *bench = calloc(1, sizeof *bench);

    stage_init(&bench->stage, 3, 1);
    bench->stage.campaign.rows[0][0] = (struct row){ROW_SENT, REASON_NONE, TYPE_NONE};
    bench->stage.campaign.rows[0][1] = (struct row){ROW_FAILED, REASON_USER_UNKNOWN, TYPE_HARD};
    bench->stage.campaign.relayed_at_us[0] = 5 * (int64_t)US_PER_S;
    return bench;
}

static void
bench_free(struct bench *bench)
{
    expression_parts_release(&bench->parts);
    stage_release(&bench->stage);
    free(bench);
}

static struct value
evaluate(struct bench *bench, const struct expression *expression, struct text *expected,
    struct text *observed)
{
    struct expression_state state;
    struct value values[EXPRESSION_NODES_MAX], value;

    evidence_init(&bench->evidence, &bench->stage.scenario, bench->stage.journal,
        &bench->stage.campaign, bench->parts.memories_count);
    bench->evidence.isps = bench->stage.isps_list;
    expression_state_init(&state, &bench->parts, &bench->evidence);
    value = expression_evaluate(expression, &state, values);
    expression_explain(expression, &state, values, expected, observed);
    expression_state_release(&state);
    evidence_release(&bench->evidence);
    return value;
}

enum outcome { FALSE, TRUE, UNKNOWN };

static void
expressions_mean_what_they_say(void **state)
{
    static const struct {
        const char *text;
        enum outcome outcome;
    } cases[] = {
        {"1 + 2 * 3 == 7",                                                  TRUE   },
        {"(1 + 2) * 3 == 9",                                                TRUE   },
        {"10 - 4 - 3 == 3",                                                 TRUE   },
        {"12 / 4 / 3 == 1",                                                 TRUE   },
        {"-3 < -2",                                                         TRUE   },
        {"--3 == 3",                                                        TRUE   },
        {"2 - -3 == 5",                                                     TRUE   },
        {"1 / 3 * 3 == 1",                                                  TRUE   }, /* exact */
        {"0.1 + 0.2 == 0.3",                                                TRUE   },
        {"85% == 0.85",                                                     TRUE   },
        {"50% * 4 == 2",                                                    TRUE   },
        {"1_000_000 == 1000000",                                            TRUE   },
        {"1h30m == 90m",                                                    TRUE   },
        {"60/min == 1/s",                                                   TRUE   },
        {"10/m == 600/h",                                                   TRUE   },
        {"60/min * 1h == 3600",                                             TRUE   },
        {"10 / 5m == 2/min",                                                TRUE   },
        {"1h / 20m == 3",                                                   TRUE   },
        {"$hidden / 2 == 100/min",                                          TRUE   },
        {"$hidden/2 == 100/min",                                            TRUE   },
        {"$cut * 2 == 170%",                                                TRUE   },
        {"$window + 5m == 10m",                                             TRUE   },
        {"count(log.status == $who) == 1",                                  TRUE   },
        {"not 1 == 2 and 3 == 3",                                           TRUE   },
        {"1 == 2 or 2 == 2 and 3 == 3",                                     TRUE   },
        {"not (1 == 1 or 2 == 3)",                                          FALSE  },
        {"not not not false",                                               TRUE   },
        {"true != false",                                                   TRUE   },
        {"(1 == 1) == (2 == 2)",                                            TRUE   },
        {"1 == 1 and kpi.success == 25%",                                   TRUE   },
        {"kpi.success == 25%",                                              TRUE   },
        {"kpi(spring).success*3 == 1",                                      TRUE   },
        {"kpi( summer ).success == 0",                                      TRUE   },
        {"kpi.sent-kpi.failed == 0",                                        TRUE   },
        {"kpi.sent ~= 100 +- 10%",                                          FALSE  },
        {"109 ~= 100 +- 10%",                                               TRUE   },
        {"110 ~= 100 +- 10%",                                               TRUE   },
        {"111 ~= 100 +- 10%",                                               FALSE  },
        {"90 ~= 100 +- 10%",                                                TRUE   },
        {"95 ~= 100 +- 4",                                                  FALSE  },
        {"96 ~= 50 * 2 +- 2 * 2",                                           TRUE   },
        {"61m ~= 1h +- 1m",                                                 TRUE   },
        {"200/min ~= 181/min +- 10%",                                       FALSE  },
        {"-9 ~= -10 +- 10%",                                                TRUE   },
        {"count(log.status == sent) == 1",                                  TRUE   },
        {"count(log.status == pending) == 2",                               TRUE   },
        {"count(log.status != sent) == 3",                                  TRUE   },
        {"count(log.status == failed and log.reason == user_unknown) == 1", TRUE   },
        {"count(log.reason != none or log.type == hard) == 1",              TRUE   },
        {"count(not log.status ~ s*) == 3",                                 TRUE   },
        {"count(sent == log.status) == 1",                                  TRUE   },
        {"count(log.status == \"sent\") == 1",                              TRUE   },
        {"count((log.status == sent) or (log.type == hard)) + 1 == 3",      TRUE   },
        {"log.all.status ~ *e*",                                            TRUE   },
        {"log.all.status == sent",                                          FALSE  },
        {"log.all.type != soft",                                            TRUE   },
        {"relayed(spring) == 5s",                                           TRUE   },
        {"relayed(spring) + 1h <= end",                                     TRUE   },
        {"relayed(summer) < 1h",                                            UNKNOWN},
        {"relayed(summer) < 1h and 1 == 2",                                 FALSE  },
        {"relayed(summer) < 1h or 1 == 1",                                  TRUE   },
        {"not relayed(summer) < 1h",                                        UNKNOWN},
        {"end - relayed(spring) > 11h",                                     TRUE   },
        {"limit(rows) == 200/min",                                          TRUE   },
        {"limit(rows, rate) * 1m == 200",                                   TRUE   },
        {"count(attempt) == 0",                                             TRUE   },
        {"rate(attempt, over=5m) == 0/m",                                   UNKNOWN},
        {"tried(mx1, within=$window)",                                      FALSE  },
        {"unchanged(kpi.sent)",                                             TRUE   },
        {"increased(kpi.sent + 1)",                                         FALSE  },
        {"kpi.failed / (kpi.sent - 1) == 1",                                UNKNOWN}, /* by zero */
        {"kpi.sent * 9223372036854775807 * 2 == 1",                         UNKNOWN}, /* too large */
        {"deferral_rate <= 5%",                                             UNKNOWN},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct bench *bench = bench_new();
        struct expression expression;
        struct text expected = {0}, observed = {0};
        struct value value;

        print_message("  %s\n", cases[i].text);
        if (!compile(bench, cases[i].text, PLACE_STATE, VALUE_TRUTH, &expression))
            fail_msg("%s", bench->stage.diagnostics.list[0].text);
        value = evaluate(bench, &expression, &expected, &observed);
        assert_int_equal(value.is_known, cases[i].outcome != UNKNOWN);
        assert_int_equal(value.truth, cases[i].outcome == TRUE);
        text_release(&expected);
        text_release(&observed);
        bench_free(bench);
    }
}

static void
mistakes_are_told_with_their_place(void **state)
{
    static const struct {
        const char *text;
        enum expression_place place;
        int column, length;
        const char *message, *hint;
    } cases[] = {
        {"rate(accepted, over=5m) <= 10m",       PLACE_STATE, 28, 3,
         "cannot compare a rate with a duration",                                                                                   "did you mean 10/m?"                                  },
        {"relayed(spring) - 1s < 10/m",          PLACE_STATE, 24, 4,  "cannot compare an instant with a rate",
         NULL                                                                                                                                                                             },
        {"gap(attempt) >= 10/m",                 PLACE_STATE, 17, 4,  "cannot compare a duration with a rate",
         "did you mean 10m?"                                                                                                                                                              },
        {"gap(attempt) >= 120",                  PLACE_STATE, 17, 3,  "cannot compare a duration with a number",
         "did you mean 120s?"                                                                                                                                                             },
        {"rate(accepted, over=5m) <= 1h30m",     PLACE_STATE, 28, 5,
         "cannot compare a rate with a duration",                                                                                   NULL                                                  },
        {"log.status == snet",                   PLACE_EVENT, 15, 4,  "there is no status \"snet\"",
         "did you mean \"sent\"?"                                                                                                                                                         },
        {"count(log.status == snet) == 1",       PLACE_STATE, 21, 4,  "there is no status \"snet\"",
         "did you mean \"sent\"?"                                                                                                                                                         },
        {"log.all.reason == user_unknwon",       PLACE_STATE, 19, 12,
         "there is no reason \"user_unknwon\"",                                                                                     "did you mean \"user_unknown\"?"                      },
        {"log.type == wibble",                   PLACE_EVENT, 13, 6,  "there is no type \"wibble\"",
         "one of none, hard, soft, ignored"                                                                                                                                               },
        {"log.status == sent",                   PLACE_STATE, 1,  10,
         "whose row? `log.status` stands beside `when`, or inside count(…)",                                                      "log.all.X is about every row, count(…) counts rows"},
        {"log.statsu == sent",                   PLACE_EVENT, 1,  10, "there is no column of the log \"statsu\"",
         "did you mean \"status\"?"                                                                                                                                                       },
        {"kpi.sucess == 1",                      PLACE_STATE, 1,  10, "there is no KPI \"sucess\"",
         "did you mean \"success\"?"                                                                                                                                                      },
        {"kpi(sprig).sent == 1",                 PLACE_STATE, 5,  5,  "there is no delivery \"sprig\"",
         "did you mean \"spring\"?"                                                                                                                                                       },
        {"kpi(spring) == 1",                     PLACE_STATE, 1,  10, "write kpi(DELIVERY).X, as in kpi(spring).sent",
         NULL                                                                                                                                                                             },
        {"relayed(sumer) == 1h",                 PLACE_STATE, 9,  5,  "there is no delivery \"sumer\"",
         "did you mean \"summer\"?"                                                                                                                                                       },
        {"attemt > 1",                           PLACE_EVENT, 1,  6,  "there is no name \"attemt\"",
         "did you mean \"attempt\"?"                                                                                                                                                      },
        {"attempt > 1",                          PLACE_STATE, 1,  7,  "`attempt` belongs to an event: it stands beside `when`",
         NULL                                                                                                                                                                             },
        {"host == mx7",                          PLACE_EVENT, 9,  3,  "there is no host \"mx7\"",                                   "did you mean \"mx1\"?"                               },
        {"isp == rosw",                          PLACE_EVENT, 8,  4,  "there is no ISP \"rosw\"",                                   "did you mean \"rows\"?"                              },
        {"stage == rctp",                        PLACE_EVENT, 10, 4,  "there is no stage \"rctp\"",
         "did you mean \"rcpt\"?"                                                                                                                                                         },
        {"host < mx2",                           PLACE_EVENT, 1,  10, "texts have no order: use ==, != or ~",                       NULL                                                  },
        {"host == source_ip",                    PLACE_EVENT, 9,  9,  "there is no host \"source_ip\"",
         "one of mx1, mx1.rows.example, mx2, mx2.rows.example, in, in.slow.example"                                                                                                       },
        {"host",                                 PLACE_EVENT, 1,  4,  "a text alone says nothing: compare it, as in `host == …`",
         NULL                                                                                                                                                                             },
        {"attempt",                              PLACE_EVENT, 1,  7,  "this is a number, and should be a condition",                NULL                                                  },
        {"attempt == two",                       PLACE_EVENT, 12, 3,  "there is no name \"two\"",                                   NULL                                                  },
        {"count(attempt, isp=big) > 1",          PLACE_STATE, 20, 3,  "there is no ISP \"big\"",
         "one of rows, slow"                                                                                                                                                              },
        {"count(attempt, ips=rows) > 1",         PLACE_STATE, 16, 3,  "there is no field \"ips\"",
         "did you mean \"isp\"?"                                                                                                                                                          },
        {"count(attempt, attempt=x) > 1",        PLACE_STATE, 24, 1,
         "`attempt` is a number, \"x\" is none",                                                                                    NULL                                                  },
        {"count(atempt) > 1",                    PLACE_STATE, 7,  6,  "there is no event \"atempt\"",
         "did you mean \"attempt\"?"                                                                                                                                                      },
        {"count(refused) > 1",                   PLACE_STATE, 7,  7,  "there is no event \"refused\"",                              NULL                                                  },
        {"count(dsn.received) == 1",             PLACE_STATE, 7,  12,
         "nobody writes \"dsn.received\" in this scenario: no ISP returns mail",                                                    NULL                                                  },
        {"count(tls) == 1",                      PLACE_STATE, 7,  3,
         "nobody writes \"tls\" in this scenario: nobody offers TLS",                                                               NULL                                                  },
        {"count(attempt) == count(",             PLACE_STATE, 25, 1,  "something is missing at the end",                            NULL                                                  },
        {"count(kpi.sent > 1) > 1",              PLACE_STATE, 7,  8,  NULL,                                                         NULL                                                  },
        {"count(count(log.status == sent)) > 1", PLACE_STATE, 7,  6,
         "count(…) cannot stand inside count(…)",                                                                               NULL                                                  },
        {"rate(accepted) <= 10/m",               PLACE_STATE, 1,  14, "rate(…) needs over=DURATION",                              NULL                                                  },
        {"rate(accepted, over=5) <= 10/m",       PLACE_STATE, 21, 1,  NULL,                                                         NULL                                                  },
        {"rate(over=5m) <= 10/m",                PLACE_STATE, 1,  13, "rate(…) needs an event first",                             NULL                                                  },
        {"rate(accepted, over=0s) <= 10/m",      PLACE_STATE, 21, 2,  "a window is longer than nothing",
         NULL                                                                                                                                                                             },
        {"gap(attempt, same=rctp) > 1s",         PLACE_STATE, 19, 4,  "there is no field \"rctp\"",
         "did you mean \"rcpt\"?"                                                                                                                                                         },
        {"tried(mx1",                            PLACE_STATE, 6,  1,  "this ( is never closed",
         "inside [ ] a comma ends the item: put each check on its own `-` line"                                                                                                           },
        {"(1 == 1",                              PLACE_STATE, 1,  1,  "this ( is never closed",
         "inside [ ] a comma ends the item: put each check on its own `-` line"                                                                                                           },
        {"within=5m)",                           PLACE_STATE, 7,  1,  "`=` compares nothing",                                       "equality is =="                                      },
        {"1 == 1)",                              PLACE_STATE, 7,  1,  "this ) closes nothing",                                      NULL                                                  },
        {"1 ==",                                 PLACE_STATE, 5,  1,  "something is missing at the end",                            NULL                                                  },
        {"and 1 == 1",                           PLACE_STATE, 1,  3,  "a condition is missing before `and`",                        NULL                                                  },
        {"1 == 1 1",                             PLACE_STATE, 8,  1,
         "an operator is missing before this (== != < <= > >= ~ ~= + - * / and or)",                                                NULL                                                  },
        {"1 < 2 < 3",                            PLACE_STATE, 9,  1,  "cannot compare a condition with a number",                   NULL                                                  },
        {"1 and 2 == 2",                         PLACE_STATE, 1,  1,  "`and` joins conditions, this is a number",                   NULL                                                  },
        {"not 5",                                PLACE_STATE, 5,  1,  "`not` needs a condition, this is a number",                  NULL                                                  },
        {"1h + 1 == 2h",                         PLACE_STATE, 1,  6,  "cannot compute a duration + a number",                       NULL                                                  },
        {"end + end == 2h",                      PLACE_STATE, 1,  9,  "cannot compute an instant + an instant",                     NULL                                                  },
        {"1 ~= 2",                               PLACE_STATE, 6,  1,  "`~=` needs a tolerance, as in x ~= y +- 10%",                NULL                                                  },
        {"1 == 2 +- 1",                          PLACE_STATE, 6,  6,  "cannot compare a number with a range (+-)",                  NULL                                                  },
        {"1 / 0 == 1",                           PLACE_STATE, 1,  5,  "this divides by zero",                                       NULL                                                  },
        {"9223372036854775807 * 2 == 1",         PLACE_STATE, 1,  23, "this does not fit into 64 bits",
         NULL                                                                                                                                                                             },
        {"unchanged(log.status)",                PLACE_EVENT, 11, 10, NULL,                                                         NULL                                                  },
        {"unchanged(attempt)",                   PLACE_EVENT, 11, 7,  NULL,                                                         NULL                                                  },
        {"unchanged(unchanged(kpi.sent))",       PLACE_EVENT, 11, 9,
         "`unchanged` cannot stand inside another one of its kind",                                                                 NULL                                                  },
        {"unchanged(rate(accepted, over=5m))",   PLACE_EVENT, 11, 23, NULL,                                                         NULL                                                  },
        {"unchanged(1 == 1)",                    PLACE_EVENT, 11, 6,
         "what grows or falls is a quantity, this is a condition",                                                                  NULL                                                  },
        {"precision() > 1",                      PLACE_STATE, 1,  11,
         "write precision(CLASS), as in precision(22) or precision(mailbox_full)",                                                  NULL                                                  },
        {"recall > 1",                           PLACE_STATE, 1,  6,
         "write recall(CLASS), as in recall(22) or recall(mailbox_full)",                                                           NULL                                                  },
        {"f1(isp=rows) > 1",                     PLACE_STATE, 1,  12,
         "write f1(CLASS), as in f1(22) or f1(mailbox_full)",                                                                       NULL                                                  },
        {"recall(11) > 1",                       PLACE_STATE, 8,  2,  "there is no bounce class \"11\"",                            NULL                                                  },
        {"recall(mailbox_ful) > 1",              PLACE_STATE, 8,  11, "there is no bounce class \"mailbox_ful\"",
         "did you mean \"mailbox_full\"?"                                                                                                                                                 },
        {"recall(22, isp=row) > 1",              PLACE_STATE, 16, 3,  "there is no ISP \"row\"",
         "did you mean \"rows\"?"                                                                                                                                                         },
        {"agreement(22) > 1",                    PLACE_STATE, 11, 2,  "agreement knows isp=NAME and dialect=NAME only",
         NULL                                                                                                                                                                             },
        {"recall(22, host=mx1) > 1",             PLACE_STATE, 12, 8,
         "recall knows isp=NAME and dialect=NAME only",                                                                             NULL                                                  },
        {"recall(22) > 1h",                      PLACE_STATE, 14, 2,  "cannot compare a number with a duration",                    NULL                                                  },
        {"recal(22) > 1",                        PLACE_STATE, 1,  5,  "there is no function \"recal\"",
         "did you mean \"recall\"?"                                                                                                                                                       },
        {"recall(22) ",                          PLACE_STATE, 1,  10, "this is a number, and should be a condition",                NULL                                                  },
        {"$hiden > 1/m",                         PLACE_STATE, 1,  6,  "there is no parameter \"hiden\"",
         "did you mean \"hidden\"?"                                                                                                                                                       },
        {"utilisation(row) > 80%",               PLACE_STATE, 13, 3,  "there is no ISP \"row\"",
         "did you mean \"rows\"?"                                                                                                                                                         },
        {"utilisation > 80%",                    PLACE_STATE, 1,  11, "write utilisation(ISP)",                                     NULL                                                  },
        {"regret(slow) < 10%",                   PLACE_STATE, 1,  12,
         "slow has no limits, so there is nothing that could be used",                                                              NULL                                                  },
        {"fairness(rows) > 0.9",                 PLACE_STATE, 1,  9,
         "fairness is over all ISPs, and stands without brackets",                                                                  NULL                                                  },
        {"p95(age) < 1h",                        PLACE_STATE, 1,  3,  "`p95(…)` is not supported yet",                            NULL                                                  },
        {"age(first_attempt) < 1h",              PLACE_STATE, 1,  3,  "`age(…)` is not supported yet",
         "age(first_attempt) belongs to an ISP's rules"                                                                                                                                   },
        {"limit(slow) > 1/m",                    PLACE_STATE, 1,  11,
         "slow has no limit with a window, so none that is a rate",                                                                 NULL                                                  },
        {"limit(rows, open) > 1/m",              PLACE_STATE, 13, 4,  NULL,                                                         "one of rate"                                         },
        {"conut(attempt) > 1",                   PLACE_STATE, 1,  5,  "there is no function \"conut\"",
         "did you mean \"count\"?"                                                                                                                                                        },
        {"host == \"mx1",                        PLACE_EVENT, 9,  1,  "this quote is never closed",                                 NULL                                                  },
        {"5x > 1",                               PLACE_STATE, 1,  2,  NULL,                                                         NULL                                                  },
        {"@ > 1",                                PLACE_STATE, 1,  1,  "a name or a number is missing here",                         NULL                                                  },
        {"",                                     PLACE_STATE, 1,  1,  "an expression is missing",                                   NULL                                                  },
        {"  ",                                   PLACE_STATE, 1,  2,  "an expression is missing",                                   NULL                                                  },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct bench *bench = bench_new();
        struct expression expression;
        const struct diagnostic *told = bench->stage.diagnostics.list;

        print_message("  %s\n", cases[i].text);
        assert_false(compile(bench, cases[i].text, cases[i].place, VALUE_TRUTH, &expression));
        assert_int_equal(bench->stage.diagnostics.count, 1);
        told = bench->stage.diagnostics.list;
        if (cases[i].message != NULL)
            assert_string_equal(told->text, cases[i].message);
        assert_int_equal(told->mark.column, cases[i].column);
        assert_int_equal(told->mark.length, cases[i].length);
        if (cases[i].hint != NULL)
            assert_string_equal(told->hint, cases[i].hint);
        else if (cases[i].message != NULL && told->hint != NULL)
            fail_msg("hint \"%s\" where none was expected", told->hint);
        bench_free(bench);
    }
}

/* Under its name, with brackets or without, each one is something to the compiler. */
static void
what_is_explained_is_known(void **state)
{
    const char *name;

    for (size_t i = 0; (name = expression_function_name(i)) != NULL; i++) {
        size_t unknown = 0;

        print_message("  %s\n", name);
        for (int with_brackets = 0; with_brackets < 2; with_brackets++) {
            struct bench *bench = bench_new();
            struct expression expression;
            struct text text = {0};
            const char *told;

            text_printf(&text, "%s%s", name, with_brackets ? "(" : "");
            assert_false(compile(bench, text_string(&text), PLACE_STATE, VALUE_TRUTH, &expression));
            told = bench->stage.diagnostics.list[0].text;
            unknown += strstr(told, "there is no function") == told ||
                strstr(told, "there is no name") == told;
            text_release(&text);
            bench_free(bench);
        }
        assert_true(unknown < 2);
    }
    assert_non_null(expression_function_name(0));
}

static void
a_foreign_mta_is_not_measured(void **state)
{
    struct bench *bench = bench_new();
    struct expression expression;

    bench->stage.scenario.sut.kind = SUT_POSTFIX;
    assert_false(compile(bench, "recall(22) > 1", PLACE_STATE, VALUE_TRUTH, &expression));
    assert_string_equal(bench->stage.diagnostics.list[0].text,
        "recall is about the verdicts of our own MTA, and a foreign one sends here");
    bench_free(bench);
}

static void
instants_are_made_of_instants(void **state)
{
    static const struct {
        const char *text;
        bool is_fine;
    } cases[] = {
        {"4d",                    true },
        {"end",                   true },
        {"end - 1h",              true },
        {"relayed(spring)",       true },
        {"relayed(spring) + 90s", true },
        {"2 * $window",           true },
        {"gap(attempt)",          false},
        {"5",                     false},
        {"10/m",                  false},
        {"1 == 1",                false},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct bench *bench = bench_new();
        struct expression expression;

        print_message("  %s\n", cases[i].text);
        assert_int_equal(compile(bench, cases[i].text, PLACE_INSTANT, VALUE_INSTANT, &expression),
            cases[i].is_fine);
        bench_free(bench);
    }
}

/* Brackets and prefixes wait on a stack of fixed depth: beyond it there is an error, not a crash. */
static void
depth_and_length_are_bounded(void **state)
{
    static const struct {
        const char *repeated, *end;
        size_t times;
        bool is_fine;
    } cases[] = {
        {"(",                  "1 == 1",             1,                        false}, /* never closed */
        {"not ",               "1 == 1",             EXPRESSION_DEPTH_MAX - 2, true },
        {"not ",               "1 == 1",             EXPRESSION_DEPTH_MAX + 1, false},
        {"(",                  "1",                  100000,                   false},
        {"-",                  "1 == 1",             100000,                   false},
        {"1 == 1 and ",        "1 == 1",             100000,                   true }, /* folded as it goes */
        {"kpi.sent == 1 and ", "kpi.sent == 1",      30,                       true },
        {"kpi.sent == 1 and ", "kpi.sent == 1",      1000,                     false},
        {"unchanged(",         "kpi.sent",           1000,                     false},
        {"count(",             "log.status == sent", 1000,                     false},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct bench *bench = bench_new();
        struct expression expression;
        struct text text = {0};

        print_message("  %zu x %s\n", cases[i].times, cases[i].repeated);
        for (size_t j = 0; j < cases[i].times; j++)
            text_add_string(&text, cases[i].repeated);
        text_add_string(&text, cases[i].end);
        assert_int_equal(compile(bench, text_string(&text), PLACE_STATE, VALUE_TRUTH, &expression),
            cases[i].is_fine);
        text_release(&text);
        bench_free(bench);
    }
}

static void
failures_are_explained(void **state)
{
    static const struct {
        const char *text, *expected, *observed;
    } cases[] = {
        {"kpi.success == 26%",                "26%",        "25%"                                 },
        {"kpi(spring).success == 33%",        "33%",        "33.33%"                              },
        {"kpi(spring).success == 33.33%",     "33.33%",     "33.333%"                             },
        {"kpi(spring).success <= 30%",        "<= 30%",     "33.33%"                              },
        {"kpi.sent != 1",                     "not 1",      "1"                                   },
        {"kpi.sent > kpi.failed",             "> 1",        "left 1, right 1"                     },
        {"kpi.sent ~= 10 +- 10%",             "10 +- 10%",  "1"                                   },
        {"kpi.success ~= 10% +- 1%",          "10% +- 1%",  "25%"                                 },
        {"limit(rows) < 100/min",             "< 100/min",  "200/min"                             },
        {"relayed(spring) > 1h30m",           "> 1h30m",    "5s"                                  },
        {"log.all.status != failed",          "not failed", "1 x failed"                          },
        {"not kpi.sent == 1",                 "true",       "kpi.sent == 1: 1"                    },
        {"kpi.sent == 1 and kpi.failed == 0", "true",       "kpi.sent == 1: 1; kpi.failed == 0: 1"},
        {"tried(mx1, within=1h)",             "true",       "tried(mx1, within=1h): false"        },
        {"1 == 2",                            "true",       "false"                               },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct bench *bench = bench_new();
        struct expression expression;
        struct text expected = {0}, observed = {0};

        print_message("  %s\n", cases[i].text);
        assert_true(compile(bench, cases[i].text, PLACE_STATE, VALUE_TRUTH, &expression));
        assert_false(evaluate(bench, &expression, &expected, &observed).truth);
        assert_slice(text_slice(&expected), cases[i].expected);
        assert_slice(text_slice(&observed), cases[i].observed);
        text_release(&expected);
        text_release(&observed);
        bench_free(bench);
    }
}

static void
expectations_that_make_no_sense_are_refused(void **state)
{
    static const struct {
        struct claim claim;
        const char *message;
    } cases[] = {
        {{.form = EXPECT_AT, .subject = "1h"},
         "expectation \"claim\" claims nothing: it needs a check"                                                 },
        {{.form = EXPECT_WHEN, .subject = "delivered"},
         "expectation \"claim\" claims nothing: it needs a check, fires or within"                                },
        {{.form = EXPECT_WHEN, .subject = "dsn.received", .fires = "0"},
         "nobody writes \"dsn.received\" in this scenario: no ISP returns mail"                                   },
        {{.form = EXPECT_WHEN, .subject = "deliverd", .fires = "0"},
         "there is no event \"deliverd\""                                                                         },
        {{.form = EXPECT_WHEN, .subject = "delivered", .fires = "many"},
         "this should be a count or a range: 100, 200.., 0..5"                                                    },
        {{.form = EXPECT_WHEN, .subject = "delivered", .fires = "5..4"},                     "this range is empty"},
        {{.form = EXPECT_WHEN, .subject = "delivered", .within = "1h..2"},
         "this should be a range of ages: 84h..84h1m, or 5m"                                                      },
        {{.form = EXPECT_AT, .subject = "1h", .check = "1 == 1", .fires = "1"},
         "`fires` stands beside `when` only"                                                                      },
        {{.form = EXPECT_AT, .subject = "1h", .check = "1 == 1", .hold = "1h"},
         "`hold` stands beside `eventually` only"                                                                 },
        {{.form = EXPECT_ALWAYS, .subject = "1 == 1", .where = "attempt == 1"},
         "`where` stands beside `when` only"                                                                      },
        {{.form = EXPECT_EVENTUALLY, .subject = "1 == 1", .check = "1 == 1"},
         "beside `never` and `eventually` there is no check: they are it"                                         },
        {{.form = EXPECT_EVENTUALLY, .subject = "1 == 1", .hold = "soon"},
         "there is no name \"soon\""                                                                              },
        {{.form = EXPECT_ALWAYS, .subject = "1 == 1", .during = "quite cut"},
         "no entry of a timeline has the label \"quite cut\""                                                     },
        {{.form = EXPECT_ALWAYS, .subject = "1 == 1", .during = "quiet cut", .after = "1h"},
         "during stands alone, without after and until"                                                           },
        {{.form = EXPECT_ALWAYS, .subject = "1 == 1", .after = "0s - 1h"},
         "the run starts at 0: there is nothing before it"                                                        },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct bench *bench = bench_new();
        struct expect_plan *plan;

        print_message("  %s\n", cases[i].message);
        stage_claim(&bench->stage, &cases[i].claim);
        plan = expect_compile(&bench->stage.scenario, &bench->stage.diagnostics);
        assert_null(plan);
        assert_int_equal(bench->stage.diagnostics.count, 1);
        assert_string_equal(bench->stage.diagnostics.list[0].text, cases[i].message);
        bench_free(bench);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expressions_mean_what_they_say),
        cmocka_unit_test(mistakes_are_told_with_their_place),
        cmocka_unit_test(what_is_explained_is_known),
        cmocka_unit_test(a_foreign_mta_is_not_measured),
        cmocka_unit_test(instants_are_made_of_instants),
        cmocka_unit_test(depth_and_length_are_bounded),
        cmocka_unit_test(failures_are_explained),
        cmocka_unit_test(expectations_that_make_no_sense_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
