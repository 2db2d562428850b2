/* test_audit_ledgers.c - the audit sees every envelope that one side has and the other has not. */
#include "tests/unit/audit_puppets.h"

static void
accept_mail(struct stage *stage, struct isp *isp, int row, int times)
{
    struct text sender = {0}, rcpt = {0};

    campaign_return_path(&stage->campaign, 0, (uint64_t)row, &sender);
    campaign_row_address(&stage->campaign, 0, (uint64_t)row, &rcpt);
    for (int i = 0; i < times; i++)
        ledger_add(&isp->ledger, text_slice(&sender), text_slice(&rcpt));
    text_release(&sender);
    text_release(&rcpt);
}

static void
each_disagreement_of_the_ledgers_has_its_name(void **state)
{
    static const struct {
        enum row_status status;
        int times;
        bool is_unanswered;
        uint64_t lost, doubled, misqualified, open, unanswered;
    } cases[] = {
        {ROW_SENT,               1, false, 0, 0, 0, 0, 0},
        {ROW_SENT,               1, true,  0, 0, 0, 0, 0},
        {ROW_SENT,               0, false, 1, 0, 0, 0, 0},
        {ROW_SENT,               0, true,  1, 0, 0, 0, 0},
        {ROW_SENT,               2, false, 0, 1, 0, 0, 0},
        {ROW_SENT,               2, true,  0, 0, 0, 0, 1},
        {ROW_FAILED,             0, false, 0, 0, 0, 0, 0},
        {ROW_FAILED,             1, false, 0, 0, 1, 0, 0},
        {ROW_FAILED,             1, true,  0, 0, 0, 0, 1},
        {ROW_TAKEN_INTO_ACCOUNT, 0, false, 0, 0, 0, 0, 0},
        {ROW_TAKEN_INTO_ACCOUNT, 1, false, 0, 0, 0, 1, 0},
        {ROW_TAKEN_INTO_ACCOUNT, 3, false, 0, 1, 0, 1, 0},
        {ROW_PENDING,            1, false, 0, 0, 0, 1, 0},
        {ROW_IGNORED,            0, false, 0, 0, 0, 0, 0},
        {ROW_IGNORED,            1, false, 0, 0, 1, 0, 0},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct stage stage;

        print_message("  case %zu\n", i);
        set_up(&stage, &fixed);
        stage.campaign.rows[2].status = cases[i].status;
        if (cases[i].is_unanswered)
            attempt(&stage,
                (struct event){.outcome = OUTCOME_DEFERRED,
                    .stage = STAGE_DOT,
                    .code = 451,
                    .enhanced = enhanced_pack((struct enhanced_code){4, 4, 2})},
                2);
        accept_mail(&stage, &stage.alpha, 2, cases[i].times);
        fill(&stage);
        assert_int_equal(stage.result.ledger_lost, cases[i].lost);
        assert_int_equal(stage.result.ledger_doubled, cases[i].doubled);
        assert_int_equal(stage.result.ledger_misqualified, cases[i].misqualified);
        assert_int_equal(stage.result.ledger_open, cases[i].open);
        assert_int_equal(stage.result.ledger_unanswered, cases[i].unanswered);
        assert_int_equal(stage.result.ledger_strays, 0);
        assert_int_equal(
            stage.result.ledger_example.length > 0, !result_ledgers_agree(&stage.result));
        tear_down(&stage);
    }
}

/* A row may fail although it was accepted, if its provider sent it back, and not otherwise: who can forge
 * a bounce that moves a row is found out here. */
static void
a_row_that_failed_by_mail_needs_somebody_who_sent_it_back(void **state)
{
    static const struct {
        bool is_returned;
        enum dsn_kind sent; /* DSN_NONE: nothing */
        uint64_t returned, misqualified;
    } cases[] = {
        {true,  DSN_FAILED,     1, 0},
        {true,  DSN_CHALLENGE,  1, 0},
        {true,  DSN_COMPLAINT,  1, 0},
        {true,  DSN_NONE,       0, 1},
        {true,  DSN_DELAYED,    0, 1},
        {true,  DSN_AUTO_REPLY, 0, 1},
        {true,  DSN_DELIVERED,  0, 1},
        {false, DSN_FAILED,     0, 1}, /* refused, says the log, and that is wrong */
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct stage stage;

        print_message("  case %zu\n", i);
        set_up(&stage, &fixed);
        relay(&stage, 2, 0);
        become(&stage, 2, ROW_SENT, REASON_NONE);
        report(&stage, EVENT_DELIVERED, 2, 1, 1);
        if (cases[i].sent != DSN_NONE)
            tell(&stage, (struct event){.kind = EVENT_DSN_SENT, .dsn_kind = (uint8_t)cases[i].sent},
                2);
        become(&stage, 2, ROW_FAILED, REASON_USER_UNKNOWN);
        if (cases[i].is_returned)
            tell(&stage,
                (struct event){.kind = EVENT_BOUNCE_HARD, .stage = STAGE_OUT_OF_BAND, .at_us = 2},
                2);
        accept_mail(&stage, &stage.alpha, 2, 1);
        fill(&stage);
        assert_int_equal(stage.result.ledger_returned, cases[i].returned);
        assert_int_equal(stage.result.ledger_misqualified, cases[i].misqualified);
        assert_int_equal(stage.result.kpi_rows[KPI_ROW_HARD].violations, 0);
        tear_down(&stage);
    }
}

/* Success falls by one, or stays where the delivery had not been told; it never rises by a return. */
static void
a_return_that_does_not_fail_its_row_is_a_breach(void **state)
{
    static const struct {
        enum row_status status;
        int sent_more;
        uint64_t violations;
    } cases[] = {
        {ROW_FAILED, 0,  0},
        {ROW_SENT,   0,  1},
        {ROW_FAILED, 1,  1},
        {ROW_FAILED, -2, 1},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct stage stage;

        print_message("  case %zu\n", i);
        set_up(&stage, &fixed);
        for (int row = 2; row < 5; row++) {
            relay(&stage, row, 0);
            if (row > 2)
                become(&stage, row, ROW_SENT, REASON_NONE);
            report(&stage, EVENT_SUBMITTED, row, 1, 1);
        }
        become(&stage, 2, cases[i].status, REASON_USER_UNKNOWN);
        stage.campaign.kpi.sent = 2 + (uint64_t)cases[i].sent_more;
        tell(&stage, (struct event){.kind = EVENT_BOUNCE_HARD, .stage = STAGE_OUT_OF_BAND}, 2);
        fill(&stage);
        assert_int_equal(stage.result.kpi_rows[KPI_ROW_HARD].violations, cases[i].violations);
        tear_down(&stage);
    }
}

static void
mail_at_the_wrong_isp_is_found_or_is_a_stray(void **state)
{
    struct stage stage;

    set_up(&stage, &fixed);
    stage.campaign.rows[0].status = ROW_SENT;
    stage.campaign.rows[1].status = ROW_SENT;
    stage.campaign.rows[7].status = ROW_SENT;
    accept_mail(&stage, &stage.beta, 0, 1); /* elsewhere, but accepted */
    accept_mail(&stage, &stage.alpha, 1, 1);
    accept_mail(&stage, &stage.beta, 1, 1); /* at both */
    accept_mail(&stage, &stage.alpha, 7, 1);
    ledger_add(&stage.alpha.ledger, SLICE("who@else.example"), SLICE("r1@alpha.example"));
    fill(&stage);
    assert_int_equal(stage.result.ledger_lost, 0);
    assert_int_equal(stage.result.ledger_accepted, 5);
    assert_int_equal(stage.result.ledger_delivered, 3);
    assert_int_equal(stage.result.ledger_strays, 2);
    assert_false(result_is_good(&stage.result));
    tear_down(&stage);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_disagreement_of_the_ledgers_has_its_name),
        cmocka_unit_test(a_row_that_failed_by_mail_needs_somebody_who_sent_it_back),
        cmocka_unit_test(a_return_that_does_not_fail_its_row_is_a_breach),
        cmocka_unit_test(mail_at_the_wrong_isp_is_found_or_is_a_stray),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
