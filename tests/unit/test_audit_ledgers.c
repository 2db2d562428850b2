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
        cmocka_unit_test(mail_at_the_wrong_isp_is_found_or_is_a_stray),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
