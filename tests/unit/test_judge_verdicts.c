/* test_judge_verdicts.c - checks on how well judgements are qualified: what they count, and from when. */
#include "tests/unit/plays.h"

struct judgement { /* at_us: refused for `cause`, and at once taken for `verdict` */
    struct stage *stage;
    struct timer timer;
    uint8_t cause, verdict;
    const char *isp;
};

static struct judgement judgements[16];
static size_t judgements_count;

static void
happen(void *arg)
{
    const struct judgement *judgement = arg;
    struct stage *stage = judgement->stage;
    struct event event = {.at_us = loop_now_us(stage->loop),
        .kind = EVENT_REFUSED,
        .stage = STAGE_RCPT,
        .code = 550,
        .isp = name_on_stage(stage, judgement->isp),
        .has_verdict = true,
        .class = judgement->cause};

    event_write(stage->journal, &event, SLICE("0/0"), SLICE("r0@rows.example"));
    event.kind = EVENT_ATTEMPT;
    event.class = judgement->verdict;
    event.isp = 0;
    event_write(stage->journal, &event, SLICE("0/0"), SLICE("r0@rows.example"));
}

static void
refuse_at(struct stage *stage, int64_t at_us, const char *isp, uint8_t cause, uint8_t verdict)
{
    struct judgement *judgement = &judgements[judgements_count++];

    *judgement = (struct judgement){.stage = stage, .cause = cause, .verdict = verdict, .isp = isp};
    timer_arm(stage->loop, &judgement->timer, at_us, happen, judgement);
}

/* Wrong, right, right; and at another provider something else. */
static void
learning(struct stage *stage)
{
    judgements_count = 0;
    stage_at(stage, 0, EVENT_RELAYED, 0, 0);
    refuse_at(stage, 10 * M, "rows", 22, 50);
    refuse_at(stage, 20 * M, "rows", 22, 22);
    refuse_at(stage, 30 * M, "rows", 22, 22);
    refuse_at(stage, 30 * M, "slow", 10, 10);
}

static void
quiet(struct stage *stage)
{
    stage_at(stage, 0, EVENT_RELAYED, 0, 0);
}

static void
verdicts_are_counted_from_where_the_check_begins(void **state)
{
    static const struct play plays[] = {
        {"of all, from the start",
         {.form = EXPECT_AT,
                .subject = "end",
                .check = "recall(22) == 2/3",
                .second_check = "precision(mailbox_full) == 100%"},
         learning,                                                                                                              0, EXPECT_HELD,      NULL,     NULL         },
        {"an exact share, printed as a percentage",
         {.form = EXPECT_AT, .subject = "end", .check = "recall(22) >= 70%"},                                         learning, 0,
         EXPECT_FAILED,                                                                                                                              ">= 70%", "66.67%"     },
        {"from `after` on, its instant included",
         {.form = EXPECT_AT, .subject = "end", .check = "recall(22) == 100%", .after = "20m"},
         learning,                                                                                                              0, EXPECT_HELD,      NULL,     NULL         },
        {"`after` includes what happens right then",
         {.form = EXPECT_AT, .subject = "end", .check = "recall(22) == 2/3", .after = "10m"},
         learning,                                                                                                              0, EXPECT_HELD,      NULL,     NULL         },
        {"of one provider",
         {.form = EXPECT_AT,
                .subject = "end",
                .check = "agreement(isp=slow) == 1",
                .second_check = "agreement(isp=rows) == 2/3"},
         learning,                                                                                                              0, EXPECT_HELD,      NULL,     NULL         },
        {"of one dialect",
         {.form = EXPECT_AT,
                .subject = "end",
                .check = "agreement(dialect=reply) == 3/4",
                .second_check = "agreement == 3/4"},
         learning,                                                                                                              0, EXPECT_HELD,      NULL,     NULL         },
        {"the mean over the classes",
         {.form = EXPECT_AT, .subject = "end", .check = "macro_f1 == 0.6"},                                           learning, 0,
         EXPECT_HELD,                                                                                                                                NULL,     NULL         },
        {"f1",                                       {.form = EXPECT_AT, .subject = "end", .check = "f1(22) == 0.8"}, learning, 0,
         EXPECT_HELD,                                                                                                                                NULL,     NULL         },
        {"at every moment that has a value",
         {.form = EXPECT_ALWAYS, .subject = "recall(22) > 0", .after = "20m"},                                        learning, 0,
         EXPECT_HELD,                                                                                                                                NULL,     NULL         },
        {"at the moment it fell",                    {.form = EXPECT_ALWAYS, .subject = "recall(22) > 0"},            learning, 0,
         EXPECT_FAILED,                                                                                                                              "> 0%",   "0%"         },
        {"it grows",                                 {.form = EXPECT_EVENTUALLY, .subject = "recall(22) > 60%"},      learning, 0,
         EXPECT_HELD,                                                                                                                                NULL,     "true at 30m"},
        {"of nothing there is no value",
         {.form = EXPECT_AT, .subject = "end", .check = "recall(22) >= 0"},                                           quiet,    0,
         EXPECT_UNDECIDED,                                                                                                                           NULL,     NULL         },
        {"and a claim about it is empty",            {.form = EXPECT_ALWAYS, .subject = "recall(22) >= 0"},
         quiet,                                                                                                                 0, EXPECT_VACUOUS,   NULL,     NULL         },
        {"a dialect that nobody speaks",
         {.form = EXPECT_AT, .subject = "end", .check = "agreement(dialect=exim) >= 0"},
         learning,                                                                                                              0, EXPECT_UNDECIDED, NULL,     NULL         },
    };

    perform_all(plays, COUNT_OF(plays));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verdicts_are_counted_from_where_the_check_begins),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
