/* audit.c - watches a run over the journal's shoulder: one event after the other. */
#include "scenarios/audit_parts.h"

#include "reports/kpi.h"

enum { NO_DELIVERY = -1 };

/* --- what the events are about --- */

/* The delivery an event names; names are compared by their number once that is known. */
static int
find_delivery(struct audit *audit, uint32_t name)
{
    const struct campaign_config *config = &audit->scenario->campaign;
    struct slice text;

    if (name == 0 || config->deliveries_count == 0)
        return NO_DELIVERY;
    if (audit->deliveries[audit->last_delivery].name == name)
        return (int)audit->last_delivery;
    text = journal_name_text(audit->journal, name);
    for (size_t i = 0; i < config->deliveries_count; i++)
        if (audit->deliveries[i].name == name || slice_equals(text, config->deliveries[i].name)) {
            audit->deliveries[i].name = name;
            audit->last_delivery = i;
            return (int)i;
        }
    return NO_DELIVERY;
}

static bool
has_endless_pattern(const struct delivery_config *delivery)
{
    for (size_t i = 0; i < delivery->to_count; i++)
        if (delivery->to[i].addresses == NULL && delivery->to[i].count == 0)
            return true;
    return false;
}

/* --- the five rows --- */

enum success { SUCCESS_UNCHANGED, SUCCESS_RISES };

/* What each row of the KPI table asks. `soft` also wants a reason: it is the one thing that moves. */
static const struct rule {
    enum event_kind kind;
    enum kpi_row row;
    enum success success;
    enum row_status status;
    bool is_retry; /* of the first try it says nothing */
    bool has_reason;
} rules[] = {
    {EVENT_RELAYED,     KPI_ROW_RELAYED,        SUCCESS_UNCHANGED, ROW_TAKEN_INTO_ACCOUNT, false, false},
    {EVENT_BOUNCE_HARD, KPI_ROW_HARD,           SUCCESS_UNCHANGED, ROW_FAILED,             false, false},
    {EVENT_BOUNCE_SOFT, KPI_ROW_SOFT,           SUCCESS_UNCHANGED, ROW_TAKEN_INTO_ACCOUNT, false, true },
    {EVENT_DELIVERED,   KPI_ROW_RETRY_SUCCEEDS, SUCCESS_RISES,     ROW_SENT,               true,  false},
    {EVENT_EXPIRED,     KPI_ROW_VALIDITY_ENDS,  SUCCESS_UNCHANGED, ROW_FAILED,             false, false},
};
static_assert(COUNT_OF(rules) == RESULT_KPI_ROWS, "one rule per row");

/* Success is sent / to_deliver. The second moves by itself only where rows arrive one by one. */
static bool
success_is_right(
    const struct audited_delivery *before, const struct kpi *now, enum success expected)
{
    bool is_same_base = now->to_deliver == before->to_deliver ||
        (before->may_grow && now->to_deliver > before->to_deliver);

    if (!is_same_base)
        return false;
    return expected == SUCCESS_RISES ? now->sent > before->sent : now->sent == before->sent;
}

static void
add_success(struct text *out, uint64_t sent, uint64_t to_deliver)
{
    text_add_u64(out, sent);
    text_add_string(out, " of ");
    text_add_u64(out, to_deliver);
}

static void
describe_violation(struct text *out, const struct rule *rule, const struct event *event,
    struct slice rcpt, const struct audited_delivery *before, const struct kpi *now,
    const struct row *row)
{
    text_printf(out, "%.*s at ", SLICE_ARGS(rcpt));
    unit_format_clock(out, event->at_us);
    text_add_string(out, ": success from ");
    add_success(out, before->sent, before->to_deliver);
    text_add_string(out, " to ");
    add_success(out, now->sent, now->to_deliver);
    text_printf(out, " (%s expected), the log says \"%s\"",
        rule->success == SUCCESS_RISES ? "a rise" : "no change", row_status_name(row->status));
    if (row->status != rule->status)
        text_printf(out, " instead of \"%s\"", row_status_name(rule->status));
    if (rule->has_reason && row->reason == REASON_NONE)
        text_add_string(out, " and no reason");
}

static void
audit_row(struct audit *audit, const struct rule *rule, const struct event *event,
    struct slice rcpt, size_t delivery, const struct kpi *now)
{
    const struct audited_delivery *before = &audit->deliveries[delivery];
    struct audited_row *audited = &audit->rows[rule->row];
    struct row row;

    if (rule->is_retry && event->attempt < 2)
        return;
    audited->events++;
    row = campaign_row(audit->campaign, delivery, event->row);
    if (success_is_right(before, now, rule->success) && row.status == rule->status &&
        (!rule->has_reason || row.reason != REASON_NONE))
        return;
    if (audited->violations++ == 0)
        describe_violation(&audited->first_violation, rule, event, rcpt, before, now, &row);
}

/* --- figures --- */

static void
count_reason(struct audit *audit, const struct event *event, bool is_failed)
{
    struct audited_reason *found = NULL;

    for (size_t i = 0; i < audit->reasons_count && found == NULL; i++) {
        struct audited_reason *reason = &audit->reasons[i];

        if (reason->class == event->class && reason->reason == event->reason &&
            reason->type == event->type)
            found = reason;
    }
    if (found == NULL) {
        audit->reasons = mem_grow(audit->reasons, &audit->reasons_capacity,
            audit->reasons_count + 1, sizeof *audit->reasons);
        found = &audit->reasons[audit->reasons_count++];
        *found = (struct audited_reason){.class = event->class,
            .reason = event->reason,
            .type = event->type,
            .is_by_mail = event->stage == STAGE_OUT_OF_BAND,
            .code = event->code,
            .enhanced = event->enhanced,
            .text = event->text};
    }
    found->failed += is_failed;
    found->soft += !is_failed;
}

static void
count_feedback(struct audit *audit, const struct event *event, struct slice rcpt, size_t delivery)
{
    struct audited_isp *isp = &audit->isps[sites_find(&audit->sites, rcpt)];

    isp->soft += event->kind == EVENT_BOUNCE_SOFT;
    isp->hard += event->kind == EVENT_BOUNCE_HARD;
    isp->expired += event->kind == EVENT_EXPIRED;
    if (event->kind == EVENT_BOUNCE_SOFT && bits_put(&audit->deliveries[delivery].soft, event->row))
        audit->soft_rows++;
    if (event->has_verdict)
        count_reason(audit, event, event->kind != EVENT_BOUNCE_SOFT);
}

static void
draw_point(struct audit *audit, int64_t at_us)
{
    const struct kpi *kpi = campaign_kpi_now(audit->campaign, DELIVERY_ALL);
    uint64_t soft = kpi->bounces_errors > kpi->failed ? kpi->bounces_errors - kpi->failed : 0;

    curve_set(&audit->curve,
        &(struct result_point){.at_us = at_us,
            .to_deliver = kpi->to_deliver,
            .taken = kpi->taken,
            .sent = kpi->sent,
            .failed = kpi->failed,
            .pending = kpi->pending,
            .soft_waiting = soft < kpi->taken ? soft : kpi->taken});
}

/* --- mail that came back --- */

/* It fails a row that may have been sent, and success never rises by it. The five rows say nothing of
 * it, so a breach stands with the hard bounces. */
static void
audit_return(struct audit *audit, const struct event *event, struct slice rcpt, size_t delivery,
    const struct kpi *now)
{
    static const struct rule rule = {.success = SUCCESS_UNCHANGED, .status = ROW_FAILED};
    const struct audited_delivery *before = &audit->deliveries[delivery];
    struct audited_row *audited = &audit->rows[KPI_ROW_HARD];
    struct row row = campaign_row(audit->campaign, delivery, event->row);

    bits_put(&audit->deliveries[delivery].returned, event->row);
    if (row.status == ROW_FAILED && now->sent <= before->sent && now->sent + 1 >= before->sent)
        return;
    if (audited->violations++ == 0)
        describe_violation(&audited->first_violation, &rule, event, rcpt, before, now, &row);
}

/* --- one event --- */

typedef void event_fn(
    struct audit *audit, const struct event *event, struct slice sender, struct slice rcpt);

/* Anything the campaign writes may come with other counters than before: these are now "before". */
static void
on_campaign(struct audit *audit, const struct event *event, struct slice sender, struct slice rcpt)
{
    int delivery = find_delivery(audit, event->delivery);
    const struct kpi *now;

    if (delivery == NO_DELIVERY)
        return;
    now = campaign_kpi_now(audit->campaign, delivery);
    if (event->stage == STAGE_OUT_OF_BAND) {
        audit_return(audit, event, rcpt, (size_t)delivery, now);
        count_feedback(audit, event, rcpt, (size_t)delivery);
    }
    for (size_t i = 0; event->stage != STAGE_OUT_OF_BAND && i < COUNT_OF(rules); i++)
        if (rules[i].kind == event->kind) {
            audit_row(audit, &rules[i], event, rcpt, (size_t)delivery, now);
            count_feedback(audit, event, rcpt, (size_t)delivery);
        }
    audit->deliveries[delivery].to_deliver = now->to_deliver;
    audit->deliveries[delivery].sent = now->sent;
    draw_point(audit, event->at_us);
}

static void
note_age(struct audit *audit, const struct event *event, struct slice rcpt, size_t delivery,
    uint64_t row)
{
    struct audited_isp *isp = &audit->isps[sites_find(&audit->sites, rcpt)];
    int64_t relayed_us = campaign_row_relayed_us(audit->campaign, delivery, row);

    if (isp->ages == NULL)
        isp->ages = mem_alloc_zeroed(sizeof *isp->ages);
    ages_add(isp->ages, relayed_us >= 0 ? event->at_us - relayed_us : 0);
}

/* The final dot was sent and no answer came: the words are the MTA's own, about the network. */
static bool
is_unanswered_dot(const struct event *event)
{
    return (event->stage == STAGE_DOT || event->stage == STAGE_BODY) &&
        event->outcome != OUTCOME_DELIVERED &&
        (event->code == 0 || enhanced_unpack(event->enhanced).subject == 4);
}

static void
on_attempt(struct audit *audit, const struct event *event, struct slice sender, struct slice rcpt)
{
    struct audited_isp *isp = &audit->isps[sites_find(&audit->sites, rcpt)];
    size_t delivery;
    uint64_t row;

    isp->attempts++;
    if (event->outcome != OUTCOME_DELIVERED && !is_unanswered_dot(event))
        return;
    if (!campaign_find_row(audit->campaign, sender, rcpt, &delivery, &row))
        return;
    if (event->outcome == OUTCOME_DELIVERED)
        note_age(audit, event, rcpt, delivery, row);
    else
        bits_put(&audit->deliveries[delivery].unanswered, row);
}

/* Our own MTA tells of its deliveries by itself. */
static void
on_accepted(struct audit *audit, const struct event *event, struct slice sender, struct slice rcpt)
{
    size_t delivery;
    uint64_t row;

    if (audit->scenario->sut.kind != SUT_NONE &&
        campaign_find_row(audit->campaign, sender, rcpt, &delivery, &row))
        note_age(audit, event, rcpt, delivery, row);
}

static void
on_deferred(struct audit *audit, const struct event *event, struct slice sender, struct slice rcpt)
{
    audit->isps[sites_find(&audit->sites, rcpt)].deferrals++;
}

/* What only says that it arrived, or will, sends nothing back. */
static void
on_sent_back(struct audit *audit, const struct event *event, struct slice sender, struct slice rcpt)
{
    bool is_harmless = event->dsn_kind == DSN_DELAYED || event->dsn_kind == DSN_DELIVERED ||
        event->dsn_kind == DSN_RELAYED || event->dsn_kind == DSN_EXPANDED ||
        event->dsn_kind == DSN_AUTO_REPLY;
    size_t delivery;
    uint64_t row;

    if (!is_harmless && campaign_find_row(audit->campaign, sender, rcpt, &delivery, &row))
        bits_put(&audit->deliveries[delivery].sent_back, row);
}

static event_fn *const handlers[EVENT_KINDS_COUNT] = {
    [EVENT_SUBMITTED] = on_campaign,
    [EVENT_RELAYED] = on_campaign,
    [EVENT_BOUNCE_SOFT] = on_campaign,
    [EVENT_BOUNCE_HARD] = on_campaign,
    [EVENT_DELIVERED] = on_campaign,
    [EVENT_EXPIRED] = on_campaign,
    [EVENT_DELIVERY] = on_campaign,
    [EVENT_EXCLUDED] = on_campaign,
    [EVENT_CANCELLED] = on_campaign,
    [EVENT_ATTEMPT] = on_attempt,
    [EVENT_DEFERRED] = on_deferred,
    [EVENT_ACCEPTED] = on_accepted,
    [EVENT_DSN_SENT] = on_sent_back,
};

static void
on_entry(void *arg, struct slice entry)
{
    struct audit *audit = arg;
    struct slice sender, rcpt;
    struct event event;

    event_read(entry, &event, &sender, &rcpt);
    if (event.kind < EVENT_KINDS_COUNT && handlers[event.kind] != NULL)
        handlers[event.kind](audit, &event, sender, rcpt);
}

/* --- life --- */

struct audit *
audit_new(const struct scenario *scenario, struct journal *journal, const struct campaign *campaign)
{
    const struct campaign_config *config = &scenario->campaign;
    struct audit *audit = mem_alloc_zeroed(sizeof *audit);

    audit->scenario = scenario;
    audit->journal = journal;
    audit->campaign = campaign;
    audit->deliveries =
        mem_alloc_zeroed((config->deliveries_count + 1) * sizeof *audit->deliveries);
    for (size_t i = 0; i < config->deliveries_count; i++) {
        struct kpi kpi = campaign_kpi(campaign, (int)i);

        audit->deliveries[i].may_grow = has_endless_pattern(&config->deliveries[i]);
        audit->deliveries[i].to_deliver = kpi.to_deliver;
        audit->deliveries[i].sent = kpi.sent;
    }
    audit->isps = mem_alloc_zeroed((scenario->isps_count + 1) * sizeof *audit->isps);
    sites_init(&audit->sites, scenario->isps, scenario->isps_count);
    journal_observe(journal, on_entry, audit);
    return audit;
}

void
audit_free(struct audit **audit)
{
    struct audit *a = *audit;

    if (a == NULL)
        return;
    for (size_t i = 0; i < a->scenario->campaign.deliveries_count; i++) {
        bits_release(&a->deliveries[i].soft);
        bits_release(&a->deliveries[i].unanswered);
        bits_release(&a->deliveries[i].sent_back);
        bits_release(&a->deliveries[i].returned);
    }
    for (size_t i = 0; i <= a->scenario->isps_count; i++)
        mem_free(a->isps[i].ages);
    for (size_t i = 0; i < RESULT_KPI_ROWS; i++)
        text_release(&a->rows[i].first_violation);
    mem_free(a->deliveries);
    mem_free(a->isps);
    mem_free(a->reasons);
    sites_release(&a->sites);
    curve_release(&a->curve);
    mem_free(a);
    *audit = NULL;
}
