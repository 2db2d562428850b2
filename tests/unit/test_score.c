/* test_score.c - a sender beside one who knows the limits: journals written by hand. */
#include "tests/unit/judging.h"

#include "scenarios/score_parts.h"

/* Five connections on which a message takes a second, and a hundred recipients from the start: 50
 * are possible in ten seconds. Ten are accepted, five tries are refused for the limit. */
static void
play_ten_seconds(struct stage *stage)
{
    for (uint64_t row = 0; row < 100; row++)
        stage_at(stage, 0, EVENT_RELAYED, 0, row);
    for (uint64_t row = 0; row < 10; row++)
        stage_at(stage, (int64_t)(row + 1) * US_PER_S, EVENT_ACCEPTED, 0, row);
    for (uint64_t row = 10; row < 15; row++)
        stage_at(stage, 5 * US_PER_S, EVENT_LIMIT_HIT, 0, row);
}

static void
regret_is_what_is_lost_and_what_is_rejected(void **state)
{
    static const struct claim claims[] = {
        {.form = EXPECT_AT, .subject = "10s", .check = "utilisation(rows) == 20%"},
        {.form = EXPECT_AT, .subject = "10s", .check = "lost(rows) == 80%"       },
        {.form = EXPECT_AT, .subject = "10s", .check = "rejected(rows) == 10%"   },
        {.form = EXPECT_AT, .subject = "10s", .check = "regret(rows) == 0.9"     },
        {.form = EXPECT_AT, .subject = "10s", .check = "escalations(rows) == 0"  },
        {.form = EXPECT_AT, .subject = "10s", .check = "fairness == 1"           },
        {.form = EXPECT_AT, .subject = "10s", .check = "wrongly_failed == 0"     },
    };
    static struct stage stage;

    stage_init(&stage, 100, 0);
    play_ten_seconds(&stage);
    for (size_t i = 0; i < COUNT_OF(claims); i++)
        stage_claim(&stage, &claims[i]);
    stage_open(&stage);
    stage_run(&stage, 10 * US_PER_S);
    for (size_t i = 0; i < COUNT_OF(claims); i++) {
        print_message(
            "  %s: %.*s\n", claims[i].check, SLICE_ARGS(judge_result(stage.judge, i).observed));
        assert_int_equal(judge_result(stage.judge, i).verdict, EXPECT_HELD);
    }
    stage_release(&stage);
}

/* The one of the sixth second itself counts: five of twenty. */
static void
what_was_before_does_not_count(void **state)
{
    static const struct claim claims[] = {
        {.form = EXPECT_AT, .subject = "10s", .check = "utilisation(rows) == 25%", .after = "6s"},
        {.form = EXPECT_AT, .subject = "10s", .check = "rejected(rows) == 0%",     .after = "6s"},
    };
    static struct stage stage;

    stage_init(&stage, 100, 0);
    play_ten_seconds(&stage);
    for (size_t i = 0; i < COUNT_OF(claims); i++)
        stage_claim(&stage, &claims[i]);
    stage_open(&stage);
    stage_run(&stage, 10 * US_PER_S);
    for (size_t i = 0; i < COUNT_OF(claims); i++)
        assert_int_equal(judge_result(stage.judge, i).verdict, EXPECT_HELD);
    stage_release(&stage);
}

/* The first refusal of a limit shuts its door; only what knocking made worse is an escalation. */
static void
holds_are_penalties_and_hammering_escalates(void **state)
{
    static const enum event_outcome knocks[] = {OUTCOME_NONE, OUTCOME_SHUT, OUTCOME_HELD,
        OUTCOME_HARDENED, OUTCOME_HELD, OUTCOME_SHUT, OUTCOME_ESCALATED};
    static const struct claim claims[] = {
        {.form = EXPECT_AT,                .subject = "10s",                  .check = "penalties(rows) == 3"},
        {                 .form = EXPECT_AT,                .subject = "10s", .check = "escalations(rows) == 2"                               },
        { .form = EXPECT_AT, .subject = "10s",                     .check = "penalties(rows) == 2",                                .after = "4s"},
    };
    static struct stage stage;

    stage_init(&stage, 100, 0);
    for (size_t i = 0; i < COUNT_OF(knocks); i++)
        stage_at(&stage, (int64_t)(i + 1) * US_PER_S, EVENT_LIMIT_HIT, 0, i)->outcome = knocks[i];
    for (size_t i = 0; i < COUNT_OF(claims); i++)
        stage_claim(&stage, &claims[i]);
    stage_open(&stage);
    stage_run(&stage, 10 * US_PER_S);
    for (size_t i = 0; i < COUNT_OF(claims); i++)
        assert_int_equal(judge_result(stage.judge, i).verdict, EXPECT_HELD);
    stage_release(&stage);
}

/* Before the provider has seen any of it: whoever is gone costs when he is reached, not earlier. */
static void
who_knows_meets_the_unknown_users_of_the_list(void **state)
{
    static const struct isp_band poor = {.below = 85, .share_ppm = PPM, .scale_ppm = PPM / 2};
    static const struct {
        uint64_t sent, unknown;
        uint32_t scale_ppm;
    } cases[] = {
        {20,  0, PPM    },
        {40,  1, PPM    }, /* the 21st, 41st, … are gone: 5 % */
        {60,  2, PPM    },
        {80,  3, PPM    }, /* 85 is not below 85 */
        {100, 4, PPM / 2},
    };
    const struct isp_config config = {
        .limits = rows_limits,
        .limits_count = 1,
        .reputation = {.is_on = true,
                       .start = 100,
                       .unknown_points = 5,
                       .share_of_min = 100,
                       .bands = &poor,
                       .bands_count = 1}
    };
    const struct capacity_limit limit = {.window = WINDOW_SLIDING, .length_us = US_PER_MIN};
    struct isp provider = {.limit_max = 200};
    size_t numbers[] = {0};
    uint64_t counters[] = {1};
    struct scored_isp isp = {.config = &config,
        .isp = &provider,
        .limits = numbers,
        .counters = counters,
        .recipients_each = 1,
        .senders = 1,
        .scale_ppm = PPM};

    capacity_limit(&isp.capacity, &limit);
    score_set_limits(&isp);
    for (int i = 0; i < 200; i++) {
        score_note_mail(&isp, i > 0 && i % 20 == 0 ? SLICE("gone@x.test") : SLICE("kim@x.test"));
        capacity_add(&isp.capacity);
    }
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        print_message("  %d\n", (int)cases[i].sent);
        assert_false(capacity_advance_some(&isp.capacity, US_PER_S, 20 * CAPACITY_ONE));
        score_spend_reputation(&isp, 0);
        assert_int_equal(isp.imagined.asked, cases[i].sent);
        assert_int_equal(isp.imagined.unknown, cases[i].unknown);
        assert_int_equal(isp.scale_ppm, cases[i].scale_ppm);
    }
    assert_true(capacity_advance_some(&isp.capacity, US_PER_S, 20 * CAPACITY_ONE));
    assert_true(isp.capacity.drawn == 100 * CAPACITY_ONE); /* half of 200 were left */
    capacity_release(&isp.capacity);
    mem_free(isp.mailing.bad);
}

static void
before_any_mail_there_is_no_value(void **state)
{
    static const struct claim claims[] = {
        {.form = EXPECT_AT, .subject = "10s", .check = "regret(rows) <= 100%"  },
        {.form = EXPECT_AT, .subject = "10s", .check = "time_to_90(rows) <= 1h"},
    };
    static struct stage stage;

    stage_init(&stage, 100, 0);
    for (size_t i = 0; i < COUNT_OF(claims); i++)
        stage_claim(&stage, &claims[i]);
    stage_open(&stage);
    stage_run(&stage, 10 * US_PER_S);
    for (size_t i = 0; i < COUNT_OF(claims); i++)
        assert_int_equal(judge_result(stage.judge, i).verdict, EXPECT_UNDECIDED);
    stage_release(&stage);
}

/* r1 lives and is refused by a block; r2 lives and the provider says that it does not; d3 is dead. */
static void
the_living_are_counted_that_were_given_up(void **state)
{
    static const struct claim claim = {
        .form = EXPECT_AT, .subject = "1m", .check = "wrongly_failed(rows) == 1"};
    static struct stage stage;
    struct event refused = {.kind = EVENT_REFUSED,
        .at_us = 0,
        .has_verdict = 1,
        .class = CLASS_INVALID_RECIPIENT,
        .code = 550};

    stage_init(&stage, 10, 0);
    stage_at(&stage, US_PER_S, EVENT_BOUNCE_HARD, 0, 1);
    stage_at(&stage, US_PER_S, EVENT_BOUNCE_HARD, 0, 2);
    stage_at(&stage, US_PER_S, EVENT_BOUNCE_HARD, 0, 3)->rcpt = "d3@rows.example";
    stage_claim(&stage, &claim);
    stage_open(&stage);
    event_write(stage.journal, &refused, SLICE("0/2"), SLICE("r2@rows.example"));
    stage_run(&stage, US_PER_MIN);
    assert_int_equal(judge_result(stage.judge, 0).verdict, EXPECT_HELD);
    stage_release(&stage);
}

/* Half of what is tried is refused for reasons of its own: whoever knows the limits fares no better.
 * A message is seen to take two seconds, so 25 could be tried in ten, and half of them pass. */
static void
other_refusals_are_nobodys_regret(void **state)
{
    static struct stage stage;
    static const struct claim claim = {
        .form = EXPECT_AT, .subject = "10s", .check = "utilisation(rows) == 40%"};

    stage_init(&stage, 100, 0);
    for (uint64_t row = 0; row < 100; row++)
        stage_at(&stage, 0, EVENT_RELAYED, 0, row);
    for (uint64_t row = 0; row < 10; row++)
        stage_at(&stage, (int64_t)(row + 1) * US_PER_S,
            row % 2 == 0 ? EVENT_ACCEPTED : EVENT_REFUSED, 0, row);
    stage_claim(&stage, &claim);
    stage_open(&stage);
    stage_run(&stage, 10 * US_PER_S);
    assert_int_equal(judge_result(stage.judge, 0).verdict, EXPECT_HELD);
    stage_release(&stage);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(regret_is_what_is_lost_and_what_is_rejected),
        cmocka_unit_test(what_was_before_does_not_count),
        cmocka_unit_test(holds_are_penalties_and_hammering_escalates),
        cmocka_unit_test(who_knows_meets_the_unknown_users_of_the_list),
        cmocka_unit_test(before_any_mail_there_is_no_value),
        cmocka_unit_test(the_living_are_counted_that_were_given_up),
        cmocka_unit_test(other_refusals_are_nobodys_regret),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
