/* test_audit.c - the audit sees every step that breaks its row of the KPI table. */
#include "tests/unit/audit_puppets.h"

static void
five_good_steps_are_ticked_with_their_figures(void **state)
{
    static const char *const figures[RESULT_KPI_ROWS] = {
        "4 relayed", "1 failed", "3 soft, 2 rows", "1 sent, +12.5 points", "1 expired"};
    struct stage stage;

    set_up(&stage, &fixed);
    for (int row = 0; row < 4; row++)
        relay(&stage, row, 0);
    become(&stage, 0, ROW_FAILED, REASON_USER_UNKNOWN);
    report(&stage, EVENT_BOUNCE_HARD, 0, 1, US_PER_MIN);
    for (int row = 1; row < 3; row++) {
        stage.campaign.rows[row].reason = REASON_MAILBOX_FULL;
        report(&stage, EVENT_BOUNCE_SOFT, row, 1, US_PER_MIN);
    }
    report(&stage, EVENT_BOUNCE_SOFT, 2, 2, US_PER_HOUR);
    become(&stage, 1, ROW_SENT, REASON_MAILBOX_FULL);
    report(&stage, EVENT_DELIVERED, 1, 2, US_PER_HOUR);
    become(&stage, 3, ROW_SENT, REASON_NONE); /* at the first try: none of the five */
    report(&stage, EVENT_DELIVERED, 3, 1, US_PER_HOUR);
    become(&stage, 2, ROW_FAILED, REASON_UNREACHABLE);
    report(&stage, EVENT_EXPIRED, 2, 2, 2 * US_PER_HOUR);
    fill(&stage);
    for (size_t i = 0; i < RESULT_KPI_ROWS; i++) {
        assert_int_equal(stage.result.kpi_rows[i].violations, 0);
        assert_slice(stage.result.kpi_rows[i].figures, figures[i]);
    }
    tear_down(&stage);
}

/* What may be wrong right after an event of row 0 or 1: the state the campaign shows. */
static void
each_wrong_step_is_seen(void **state)
{
    static const struct {
        enum event_kind kind;
        uint16_t attempt;
        enum row_status status;
        enum failure_reason reason;
        int sent_more, to_deliver_more;
        enum kpi_row row;
        bool is_wrong;
    } cases[] = {
        {EVENT_RELAYED,     0, ROW_TAKEN_INTO_ACCOUNT, REASON_NONE,         0,  0,  KPI_ROW_RELAYED,        false},
        {EVENT_RELAYED,     0, ROW_TAKEN_INTO_ACCOUNT, REASON_NONE,         1,  0,  KPI_ROW_RELAYED,        true },
        {EVENT_RELAYED,     0, ROW_PENDING,            REASON_NONE,         0,  0,  KPI_ROW_RELAYED,        true },
        {EVENT_RELAYED,     0, ROW_TAKEN_INTO_ACCOUNT, REASON_NONE,         0,  -1, KPI_ROW_RELAYED,        true },
        {EVENT_RELAYED,     0, ROW_TAKEN_INTO_ACCOUNT, REASON_NONE,         0,  1,  KPI_ROW_RELAYED,        true },
        {EVENT_BOUNCE_HARD, 1, ROW_FAILED,             REASON_USER_UNKNOWN, 0,  0,  KPI_ROW_HARD,           false},
        {EVENT_BOUNCE_HARD, 1, ROW_FAILED,             REASON_USER_UNKNOWN, -1, 0,  KPI_ROW_HARD,           true },
        {EVENT_BOUNCE_HARD, 1, ROW_SENT,               REASON_USER_UNKNOWN, 0,  0,  KPI_ROW_HARD,           true },
        {EVENT_BOUNCE_SOFT, 1, ROW_TAKEN_INTO_ACCOUNT, REASON_REFUSED,      0,  0,  KPI_ROW_SOFT,           false},
        {EVENT_BOUNCE_SOFT, 1, ROW_TAKEN_INTO_ACCOUNT, REASON_NONE,         0,  0,  KPI_ROW_SOFT,           true },
        {EVENT_BOUNCE_SOFT, 1, ROW_FAILED,             REASON_REFUSED,      0,  0,  KPI_ROW_SOFT,           true },
        {EVENT_DELIVERED,   2, ROW_SENT,               REASON_NONE,         1,  0,  KPI_ROW_RETRY_SUCCEEDS, false},
        {EVENT_DELIVERED,   2, ROW_SENT,               REASON_NONE,         0,  0,  KPI_ROW_RETRY_SUCCEEDS, true },
        {EVENT_DELIVERED,   2, ROW_FAILED,             REASON_NONE,         1,  0,  KPI_ROW_RETRY_SUCCEEDS, true },
        {EVENT_DELIVERED,   1, ROW_FAILED,             REASON_NONE,         0,  0,  KPI_ROW_RETRY_SUCCEEDS, false},
        {EVENT_EXPIRED,     9, ROW_FAILED,             REASON_UNREACHABLE,  0,  0,  KPI_ROW_VALIDITY_ENDS,  false},
        {EVENT_EXPIRED,     9, ROW_FAILED,             REASON_UNREACHABLE,  1,  0,  KPI_ROW_VALIDITY_ENDS,  true },
        {EVENT_EXPIRED,     9, ROW_TAKEN_INTO_ACCOUNT, REASON_NONE,         0,  0,  KPI_ROW_VALIDITY_ENDS,  true },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct stage stage;

        print_message("  case %zu\n", i);
        set_up(&stage, &fixed);
        become(&stage, 1, ROW_SENT, REASON_NONE);
        tell(&stage, (struct event){.kind = EVENT_DELIVERY}, 0);
        stage.campaign.kpi.sent += (uint64_t)cases[i].sent_more;
        stage.campaign.kpi.to_deliver += (uint64_t)cases[i].to_deliver_more;
        stage.campaign.rows[0] = (struct row){cases[i].status, cases[i].reason, TYPE_NONE};
        report(&stage, cases[i].kind, 0, cases[i].attempt, US_PER_HOUR);
        fill(&stage);
        for (size_t row = 0; row < RESULT_KPI_ROWS; row++)
            assert_int_equal(
                stage.result.kpi_rows[row].violations, row == cases[i].row && cases[i].is_wrong);
        if (cases[i].is_wrong) {
            struct slice first = stage.result.kpi_rows[cases[i].row].first_violation;

            assert_true(slice_starts_with(first, SLICE("r0@Alpha.example at 1h00m00s: ")));
            assert_false(result_is_good(&stage.result));
        }
        tear_down(&stage);
    }
}

static void
a_delivery_that_grows_may_grow(void **state)
{
    struct stage stage;

    set_up(&stage, &endless);
    relay(&stage, 0, 0);
    stage.campaign.kpi.to_deliver++;
    relay(&stage, 1, 0);
    fill(&stage);
    assert_int_equal(stage.result.kpi_rows[KPI_ROW_RELAYED].events, 2);
    assert_int_equal(stage.result.kpi_rows[KPI_ROW_RELAYED].violations, 0);
    tear_down(&stage);
}

static void
only_the_first_violation_is_told(void **state)
{
    struct stage stage;

    set_up(&stage, &fixed);
    for (int row = 0; row < 3; row++)
        tell(&stage, (struct event){.at_us = row, .kind = EVENT_RELAYED}, row);
    fill(&stage);
    assert_int_equal(stage.result.kpi_rows[KPI_ROW_RELAYED].violations, 3);
    assert_slice(stage.result.kpi_rows[KPI_ROW_RELAYED].figures, "3 of 3 wrong");
    assert_true(
        slice_starts_with(stage.result.kpi_rows[KPI_ROW_RELAYED].first_violation, SLICE("r0@")));
    tear_down(&stage);
}

static void
a_wrong_counter_is_seen(void **state)
{
    struct stage stage;
    struct isp *isps[2];

    set_up(&stage, &fixed);
    isps[0] = &stage.alpha;
    isps[1] = &stage.beta;
    stage.campaign.recount = stage.campaign.kpi;
    stage.campaign.recount.pending--;
    stage.campaign.recount.failed_by_type[TYPE_IGNORED]++;
    audit_fill(stage.audit, isps, &stage.result);
    assert_int_equal(stage.result.recount_differences, 2 * 2); /* of the delivery, and of all */
    assert_false(result_is_good(&stage.result));
    tear_down(&stage);
}

static void
isps_get_what_is_theirs_by_domain(void **state)
{
    struct stage stage;

    set_up(&stage, &fixed);
    for (int row = 0; row < ROWS; row++)
        relay(&stage, row, US_PER_S);
    attempt(&stage, (struct event){.at_us = 3 * US_PER_S, .outcome = OUTCOME_DELIVERED}, 0);
    attempt(&stage, (struct event){.at_us = 5 * US_PER_S, .outcome = OUTCOME_DELIVERED}, 1);
    attempt(&stage, (struct event){.at_us = 5 * US_PER_S, .outcome = OUTCOME_DEFERRED}, 4);
    become(&stage, 0, ROW_SENT, REASON_NONE);
    become(&stage, 1, ROW_SENT, REASON_NONE);
    become(&stage, 5, ROW_FAILED, REASON_USER_UNKNOWN);
    report(&stage, EVENT_BOUNCE_SOFT, 4, 1, US_PER_MIN);
    report(&stage, EVENT_BOUNCE_HARD, 5, 1, US_PER_MIN);
    fill(&stage);
    assert_int_equal(stage.result.isps_count, 3); /* and one row that nobody serves */
    assert_slice(stage.result.isps[0].name, "alpha");
    assert_int_equal(stage.result.isps[0].relayed, 4);
    assert_int_equal(stage.result.isps[0].delivered, 2);
    assert_int_equal(stage.result.isps[0].waiting, 2);
    assert_int_equal(stage.result.isps[0].attempts, 2);
    assert_int_equal(stage.result.isps[0].age_p50_us, 2 * US_PER_S);
    assert_int_equal(stage.result.isps[0].age_p95_us, 4 * US_PER_S);
    assert_int_equal(stage.result.isps[0].connections, 3);
    assert_int_equal(stage.result.isps[1].relayed, 3);
    assert_int_equal(stage.result.isps[1].failed, 1);
    assert_int_equal(stage.result.isps[1].soft_bounces, 1);
    assert_int_equal(stage.result.isps[1].hard_bounces, 1);
    assert_int_equal(stage.result.isps[1].age_p50_us, -1);
    assert_int_equal(stage.result.isps[2].relayed, 1);
    tear_down(&stage);
}

static void
reasons_come_with_an_example(void **state)
{
    struct stage stage;

    set_up(&stage, &fixed);
    report(&stage, EVENT_BOUNCE_SOFT, 0, 1, 1);
    report(&stage, EVENT_BOUNCE_SOFT, 0, 2, 2);
    report(&stage, EVENT_EXPIRED, 0, 2, 3);
    fill(&stage);
    assert_int_equal(stage.result.reasons_count, 1);
    assert_int_equal(stage.result.reasons[0].soft_events, 2);
    assert_int_equal(stage.result.reasons[0].failed, 1);
    assert_slice(stage.result.reasons[0].reason, "Mailbox full");
    assert_slice(stage.result.reasons[0].example, "452 4.2.2 full");
    tear_down(&stage);
}

static void
points_and_labels_tell_the_time(void **state)
{
    static const struct change changes[] = {
        {.at_us = US_PER_HOUR,      .for_us = US_PER_HOUR,     .label = {"cut", 3} },
        {.at_us = US_PER_HOUR,      .for_us = US_PER_HOUR,     .label = {"cut", 3} },
        {.at_us = 9 * US_PER_HOUR,  .for_us = 5 * US_PER_HOUR, .label = {"end", 3} },
        {.at_us = 3 * US_PER_HOUR,  .for_us = 0,               .label = {"stay", 4}},
        {.at_us = 2 * US_PER_HOUR,  .for_us = US_PER_HOUR,     .label = {"", 0}    },
        {.at_us = 11 * US_PER_HOUR, .for_us = US_PER_HOUR,     .label = {"late", 4}},
    };
    struct stage stage;

    set_up(&stage, &fixed);
    stage.scenario.changes = changes;
    stage.scenario.changes_count = COUNT_OF(changes);
    relay(&stage, 0, 5);
    relay(&stage, 1, 5);
    relay(&stage, 2, 7);
    fill(&stage);
    assert_int_equal(stage.result.points_count, 2);
    assert_int_equal(stage.result.points[0].at_us, 5);
    assert_int_equal(stage.result.points[0].taken, 2);
    assert_int_equal(stage.result.points[1].at_us, 7);
    assert_int_equal(stage.result.points[1].pending, ROWS - 3);
    assert_int_equal(stage.result.labels_count, 3);
    assert_slice(stage.result.labels[0].text, "cut");
    assert_int_equal(stage.result.labels[1].to_us, 10 * US_PER_HOUR);
    assert_slice(stage.result.labels[2].text, "stay");
    tear_down(&stage);
}

/* The journal of a run is the same with and without an audit: it names nothing by itself. */
static void
an_audit_leaves_no_trace(void **state)
{
    struct stage stage;
    uint64_t before;

    set_up(&stage, &fixed);
    before = journal_hash(stage.journal);
    fill(&stage);
    assert_int_equal(journal_hash(stage.journal), before);
    assert_int_equal(journal_entries_count(stage.journal), 0);
    assert_slice(stage.result.kpi_rows[0].figures, "");
    tear_down(&stage);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(five_good_steps_are_ticked_with_their_figures),
        cmocka_unit_test(each_wrong_step_is_seen),
        cmocka_unit_test(a_delivery_that_grows_may_grow),
        cmocka_unit_test(only_the_first_violation_is_told),
        cmocka_unit_test(a_wrong_counter_is_seen),
        cmocka_unit_test(isps_get_what_is_theirs_by_domain),
        cmocka_unit_test(reasons_come_with_an_example),
        cmocka_unit_test(points_and_labels_tell_the_time),
        cmocka_unit_test(an_audit_leaves_no_trace),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
