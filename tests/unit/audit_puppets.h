/* audit_puppets.h - an audit among puppets: events are fed by hand, and the campaign and the ISPs here
 * are such that they can be wrong.
 *
 * For test_audit.c and test_audit_ledgers.c. */
#ifndef MTALAB_TESTS_AUDIT_PUPPETS_H
#define MTALAB_TESTS_AUDIT_PUPPETS_H

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

static inline void
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

static inline void
fill(struct stage *stage)
{
    struct isp *const isps[] = {&stage->alpha, &stage->beta};

    stage->campaign.recount = stage->campaign.kpi;
    stage->result.virtual_us = 10 * US_PER_HOUR;
    audit_fill(stage->audit, isps, &stage->result);
}

static inline void
tear_down(struct stage *stage)
{
    audit_free(&stage->audit);
    journal_free(&stage->journal);
    ledger_release(&stage->alpha.ledger);
    ledger_release(&stage->beta.ledger);
    result_release(&stage->result);
}

static inline void
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
static inline void
become(struct stage *stage, int row, enum row_status status, enum failure_reason reason)
{
    struct kpi *kpi = &stage->campaign.kpi;
    uint64_t *counters[] = {&kpi->pending, &kpi->taken, &kpi->sent, &kpi->failed};

    *counters[stage->campaign.rows[row].status] -= 1;
    *counters[status] += 1;
    stage->campaign.rows[row] = (struct row){status, reason, TYPE_NONE};
}

static inline void
relay(struct stage *stage, int row, int64_t at_us)
{
    become(stage, row, ROW_TAKEN_INTO_ACCOUNT, REASON_NONE);
    stage->campaign.relayed_us[row] = at_us;
    tell(stage, (struct event){.at_us = at_us, .kind = EVENT_RELAYED}, row);
}

static inline void
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

static inline void
attempt(struct stage *stage, struct event event, int row)
{
    event.kind = EVENT_ATTEMPT;
    tell(stage, event, row);
}

#endif
