/* test_audit.c - the audit sees every step that breaks its row of the KPI table, and every envelope
 * that one side has and the other has not.
 *
 * Events are fed by hand, and the campaign and the ISPs here are puppets: only so can they be wrong. */
#include "tests/unit.h"

#include "reports/kpi.h"
#include "scenarios/audit.h"
#include "smtp/event.h"

enum { ROWS = 8 };

struct campaign {
    struct row rows[ROWS];
    int64_t relayed_us[ROWS];
    struct kpi kpi, recount;
    bool has_feedback;
};

struct isp {
    struct ledger ledger;
};

/* --- puppets --- */

const char *
row_status_name(enum row_status status)
{
    return (const char *[]){"Pending", "Taken", "Sent", "Failed", "Ignored", "Cancelled"}[status];
}

const char *
delivery_state_name(enum delivery_state state)
{
    return "relayed";
}

struct kpi
campaign_kpi(const struct campaign *campaign, int delivery)
{
    return campaign->kpi;
}

const struct kpi *
campaign_kpi_now(const struct campaign *campaign, int delivery)
{
    return &campaign->kpi;
}

struct kpi
campaign_recount(const struct campaign *campaign, int delivery)
{
    return campaign->recount;
}

uint64_t
campaign_rows_with(const struct campaign *campaign, int delivery, enum row_status status,
    enum failure_reason reason, enum failure_type type)
{
    return 0;
}

uint64_t
campaign_rows_count(const struct campaign *campaign, size_t delivery)
{
    return ROWS;
}

struct row
campaign_row(const struct campaign *campaign, size_t delivery, uint64_t row)
{
    return campaign->rows[row];
}

int64_t
campaign_row_relayed_us(const struct campaign *campaign, size_t delivery, uint64_t row)
{
    return campaign->relayed_us[row];
}

/* Rows 0 to 3 are at alpha, the others at beta, but for the last one, which nobody serves. */
void
campaign_row_address(
    const struct campaign *campaign, size_t delivery, uint64_t row, struct text *out)
{
    text_printf(out, "r%d@%s", (int)row,
        row < 4       ? "Alpha.example"
            : row < 7 ? "beta.example"
                      : "nowhere.example");
}

void
campaign_return_path(
    const struct campaign *campaign, size_t delivery, uint64_t row, struct text *out)
{
    text_printf(out, "b+spring-%d@campaign.example", (int)row);
}

bool
campaign_find_row(const struct campaign *campaign, struct slice sender, struct slice rcpt,
    size_t *delivery, uint64_t *row)
{
    *delivery = 0;
    *row = rcpt.length > 1 ? (uint64_t)(rcpt.at[1] - '0') : ROWS;
    return *row < ROWS;
}

enum delivery_state
campaign_delivery_state(const struct campaign *campaign, size_t delivery)
{
    return DELIVERY_RELAYED;
}

bool
campaign_has_feedback(const struct campaign *campaign, int delivery)
{
    return campaign->has_feedback;
}

const struct ledger *
isp_ledger(const struct isp *isp)
{
    return &isp->ledger;
}

struct isp_totals
isp_totals(const struct isp *isp)
{
    return (struct isp_totals){.connections = 3, .limit_hits = 1};
}

static const struct slice alpha_domains[] = {
    {"alpha.example", 13},
    {"alpha.test",    10}
};
static const struct slice beta_domains[] = {
    {"BETA.example", 12}
};
static const struct isp_config isp_configs[] = {
    {.name = {"alpha", 5}, .domains = alpha_domains, .domains_count = 2},
    {.name = {"beta", 4},  .domains = beta_domains,  .domains_count = 1},
};
static const struct recipients_config fixed = {.count = ROWS}, endless = {0};

struct stage {
    struct delivery_config delivery;
    struct scenario scenario;
    struct journal *journal;
    struct campaign campaign;
    struct isp alpha, beta;
    struct audit *audit;
    struct result result;
};

static void
set_up(struct stage *stage, const struct recipients_config *to)
{
    *stage = (struct stage){
        .delivery = {.name = SLICE("spring"), .to = to, .to_count = 1}
    };
    stage->scenario = (struct scenario){
        .isps = isp_configs,
        .isps_count = COUNT_OF(isp_configs),
        .campaign = {.deliveries = &stage->delivery, .deliveries_count = 1}
    };
    for (int i = 0; i < ROWS; i++) {
        stage->campaign.rows[i] = (struct row){ROW_PENDING, REASON_NONE, TYPE_NONE};
        stage->campaign.relayed_us[i] = -1;
    }
    stage->campaign.kpi.to_deliver = ROWS;
    stage->campaign.kpi.pending = ROWS;
    stage->journal = journal_new();
    stage->audit = audit_new(&stage->scenario, stage->journal, &stage->campaign);
}

static void
fill(struct stage *stage)
{
    struct isp *const isps[] = {&stage->alpha, &stage->beta};

    stage->campaign.recount = stage->campaign.kpi;
    stage->result.virtual_us = 10 * US_PER_HOUR;
    audit_fill(stage->audit, isps, &stage->result);
}

static void
tear_down(struct stage *stage)
{
    audit_free(&stage->audit);
    journal_free(&stage->journal);
    ledger_release(&stage->alpha.ledger);
    ledger_release(&stage->beta.ledger);
    result_release(&stage->result);
}

static void
tell(struct stage *stage, struct event event, int row)
{
    struct text sender = {0}, rcpt = {0};

    event.delivery = journal_name(stage->journal, SLICE("spring"));
    event.row = (uint32_t)row;
    campaign_return_path(&stage->campaign, 0, (uint64_t)row, &sender);
    campaign_row_address(&stage->campaign, 0, (uint64_t)row, &rcpt);
    event_write(stage->journal, &event, text_slice(&sender), text_slice(&rcpt));
    text_release(&sender);
    text_release(&rcpt);
}

/* The row becomes this, and the counters follow, as in a campaign without faults. */
static void
become(struct stage *stage, int row, enum row_status status, enum failure_reason reason)
{
    struct kpi *kpi = &stage->campaign.kpi;
    uint64_t *counters[] = {&kpi->pending, &kpi->taken, &kpi->sent, &kpi->failed};

    *counters[stage->campaign.rows[row].status] -= 1;
    *counters[status] += 1;
    stage->campaign.rows[row] = (struct row){status, reason, TYPE_NONE};
}

static void
relay(struct stage *stage, int row, int64_t at_us)
{
    become(stage, row, ROW_TAKEN_INTO_ACCOUNT, REASON_NONE);
    stage->campaign.relayed_us[row] = at_us;
    tell(stage, (struct event){.at_us = at_us, .kind = EVENT_RELAYED}, row);
}

static void
report(struct stage *stage, enum event_kind kind, int row, uint16_t attempt, int64_t at_us)
{
    stage->campaign.has_feedback = true;
    tell(stage,
        (struct event){.at_us = at_us,
            .kind = (uint8_t)kind,
            .attempt = attempt,
            .has_verdict = kind != EVENT_DELIVERED,
            .class = CLASS_MAILBOX_FULL,
            .reason = REASON_MAILBOX_FULL,
            .type = TYPE_SOFT,
            .code = 452,
            .enhanced = enhanced_pack((struct enhanced_code){4, 2, 2}),
            .text = journal_name(stage->journal, SLICE("full"))},
        row);
}

static void
attempt(struct stage *stage, struct event event, int row)
{
    event.kind = EVENT_ATTEMPT;
    tell(stage, event, row);
}

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

/* --- the ledgers --- */

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
        cmocka_unit_test(each_disagreement_of_the_ledgers_has_its_name),
        cmocka_unit_test(mail_at_the_wrong_isp_is_found_or_is_a_stray),
        cmocka_unit_test(a_wrong_counter_is_seen),
        cmocka_unit_test(isps_get_what_is_theirs_by_domain),
        cmocka_unit_test(reasons_come_with_an_example),
        cmocka_unit_test(points_and_labels_tell_the_time),
        cmocka_unit_test(an_audit_leaves_no_trace),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
