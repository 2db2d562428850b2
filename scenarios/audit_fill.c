/* audit_fill.c - what the audit found, as a result. */
#include "scenarios/audit_parts.h"

#include "reports/kpi.h"
#include "scenarios/reconcile.h"

#include <stdlib.h>

static struct slice
copy(struct result *result, struct slice s)
{
    return (struct slice){arena_copy(&result->arena, s.at, s.length), s.length};
}

static struct slice
copy_text(struct result *result, struct text *text)
{
    struct slice copied = copy(result, text_slice(text));

    text_clear(text);
    return copied;
}

static void *
array_of(struct result *result, size_t count, size_t item_bytes)
{
    return arena_alloc_zeroed(&result->arena, (count + 1) * item_bytes);
}

/* --- the KPI table --- */

static void
add_figures(struct text *out, const struct audit *audit, enum kpi_row row, uint64_t to_deliver)
{
    static const char *const verbs[RESULT_KPI_ROWS] = {
        " relayed", " failed", " soft, ", " sent, +", " expired"};
    const struct audited_row *audited = &audit->rows[row];

    if (audited->violations > 0) {
        unit_format_count(out, audited->violations);
        text_add_string(out, " of ");
        unit_format_count(out, audited->events);
        text_add_string(out, " wrong");
        return;
    }
    unit_format_count(out, audited->events);
    text_add_string(out, verbs[row]);
    if (row == KPI_ROW_SOFT) {
        unit_format_count(out, audit->soft_rows);
        text_add_string(out, audit->soft_rows == 1 ? " row" : " rows");
    }
    if (row == KPI_ROW_RETRY_SUCCEEDS) {
        unit_format_decimal(
            out, ratio_of((int64_t)audited->events * 100, (int64_t)(to_deliver + !to_deliver)), 1);
        text_add_string(out, " points");
    }
}

static void
fill_kpi_rows(const struct audit *audit, struct result *result)
{
    uint64_t to_deliver = campaign_kpi(audit->campaign, DELIVERY_ALL).to_deliver;
    struct text figures = {0};

    kpi_rows_init(result->kpi_rows);
    for (size_t i = 0; i < RESULT_KPI_ROWS; i++) {
        struct result_kpi_row *row = &result->kpi_rows[i];

        row->events = audit->rows[i].events;
        row->violations = audit->rows[i].violations;
        row->first_violation = copy(result, text_slice(&audit->rows[i].first_violation));
        if (row->events > 0)
            add_figures(&figures, audit, (enum kpi_row)i, to_deliver);
        row->figures = copy_text(result, &figures);
    }
    text_release(&figures);
}

/* --- deliveries --- */

/* A foreign MTA tells of failures only, so nobody knows the share of successes. */
static struct result_kpi
kpi_of(const struct audit *audit, int delivery)
{
    struct kpi kpi = campaign_kpi(audit->campaign, delivery);

    return (struct result_kpi){.to_deliver = kpi.to_deliver,
        .sent = kpi.sent,
        .failed = kpi.failed,
        .taken = kpi.taken,
        .pending = kpi.pending,
        .excluded = kpi.excluded,
        .cancelled = kpi.cancelled,
        .bounces_errors = kpi.bounces_errors,
        .hard_bounces = kpi.hard_bounces,
        .soft_bounces = kpi.soft_bounces,
        .complaints = kpi.complaints,
        .quarantined = kpi.quarantined,
        .processed = kpi.processed,
        .has_feedback = audit->scenario->sut.kind == SUT_NONE &&
            campaign_has_feedback(audit->campaign, delivery)};
}

/* How many counters a full recount of the log contradicts: none, or we have a bug. */
static uint64_t
recount_differences(const struct audit *audit, int delivery)
{
    struct kpi kept = campaign_kpi(audit->campaign, delivery);
    struct kpi counted = campaign_recount(audit->campaign, delivery);
    uint64_t kept_words[sizeof kept / sizeof(uint64_t)];
    uint64_t counted_words[sizeof counted / sizeof(uint64_t)];
    uint64_t differences = 0;

    static_assert(sizeof kept == sizeof kept_words, "nothing but counters in there");
    memcpy(kept_words, &kept, sizeof kept);
    memcpy(counted_words, &counted, sizeof counted);
    for (size_t i = 0; i < COUNT_OF(kept_words); i++)
        differences += kept_words[i] != counted_words[i];
    return differences;
}

static void
fill_deliveries(const struct audit *audit, struct result *result)
{
    const struct campaign *campaign = audit->campaign;
    size_t count = audit->scenario->campaign.deliveries_count;

    result->kpi = kpi_of(audit, DELIVERY_ALL);
    result->recount_differences = recount_differences(audit, DELIVERY_ALL);
    result->deliveries = array_of(result, count, sizeof *result->deliveries);
    result->deliveries_count = count;
    for (size_t i = 0; i < count; i++) {
        enum delivery_state state = campaign_delivery_state(campaign, i);

        result->deliveries[i] = (struct result_delivery){
            .name = copy(result, audit->scenario->campaign.deliveries[i].name),
            .state = copy(result, slice_of(delivery_state_name(state))),
            .kpi = kpi_of(audit, (int)i),
            .total_target = campaign_kpi(campaign, (int)i).total_target,
            .excluded_quarantined =
                campaign_rows_with(campaign, (int)i, ROW_IGNORED, REASON_QUARANTINED, TYPE_IGNORED),
            .excluded_denylisted =
                campaign_rows_with(campaign, (int)i, ROW_IGNORED, REASON_DENYLISTED, TYPE_IGNORED),
            .excluded_doubles =
                campaign_rows_with(campaign, (int)i, ROW_IGNORED, REASON_DOUBLE, TYPE_IGNORED)};
        result->recount_differences += recount_differences(audit, (int)i);
    }
}

/* --- ISPs and ledgers --- */

static void
fill_isp(const struct audited_isp *audited, struct result_isp *isp)
{
    isp->soft_bounces = audited->soft;
    isp->hard_bounces = audited->hard;
    isp->expired = audited->expired;
    isp->attempts = audited->attempts;
    isp->deferrals = audited->deferrals;
    isp->age_p50_us = audited->ages != NULL ? ages_percentile_us(audited->ages, 50) : -1;
    isp->age_p95_us = audited->ages != NULL ? ages_percentile_us(audited->ages, 95) : -1;
    isp->age_max_us = audited->ages != NULL ? ages_percentile_us(audited->ages, 100) : -1;
}

/* What became of the rows is known from the provider only. */
static void
fill_foreign_isp(const struct isp_totals *totals, struct result_isp *isp)
{
    uint64_t settled = totals->recipients_accepted + isp->failed;

    isp->delivered = totals->recipients_accepted;
    isp->waiting = isp->relayed > settled ? isp->relayed - settled : 0;
}

static void
fill_isps(struct audit *audit, struct isp *const *isps, struct result *result)
{
    size_t count = audit->scenario->isps_count, deliveries_count;
    struct reconcile_books books = {
        .campaign = audit->campaign, .isps = isps, .sites = &audit->sites};
    struct bits *unanswered, *sent_back, *returned;

    deliveries_count = audit->scenario->campaign.deliveries_count;
    unanswered = mem_alloc(3 * (deliveries_count + 1) * sizeof *unanswered);
    sent_back = unanswered + deliveries_count;
    returned = sent_back + deliveries_count;
    for (size_t i = 0; i < deliveries_count; i++) {
        unanswered[i] = audit->deliveries[i].unanswered;
        sent_back[i] = audit->deliveries[i].sent_back;
        returned[i] = audit->deliveries[i].returned;
    }
    books.deliveries_count = deliveries_count;
    books.unanswered = unanswered;
    books.sent_back = sent_back;
    books.returned = returned;
    result->isps = array_of(result, count, sizeof *result->isps);
    reconcile(&books, result->isps, result);
    mem_free(unanswered);
    for (size_t i = 0; i <= count; i++)
        fill_isp(&audit->isps[i], &result->isps[i]);
    for (size_t i = 0; i < count; i++) {
        struct isp_totals totals = isp_totals(isps[i]);

        result->isps[i].name = copy(result, audit->scenario->isps[i].name);
        if (audit->scenario->sut.kind != SUT_NONE)
            fill_foreign_isp(&totals, &result->isps[i]);
        result->isps[i].connections = totals.connections;
        result->isps[i].limit_hits = totals.limit_hits;
    }
    result->isps[count].name = SLICE("(none)");
    result->isps_count = count + (result->isps[count].to_deliver > 0);
}

/* --- reasons --- */

static int
compare_reasons(const void *left, const void *right)
{
    const struct audited_reason *a = left, *b = right;

    if (a->failed != b->failed)
        return a->failed > b->failed ? -1 : 1;
    if (a->soft != b->soft)
        return a->soft > b->soft ? -1 : 1;
    if (a->class != b->class)
        return a->class < b->class ? -1 : 1;
    if (a->reason != b->reason)
        return a->reason < b->reason ? -1 : 1;
    return (a->type > b->type) - (a->type < b->type);
}

static struct slice
example_of(const struct audit *audit, const struct audited_reason *reason, struct result *result)
{
    struct smtp_reply reply = {.code = reason->code,
        .enhanced = enhanced_unpack(reason->enhanced),
        .text = journal_name_text(audit->journal, reason->text)};
    struct text text = {0};
    struct slice copied;

    if (reason->is_by_mail)
        text_add_slice(&text, reply.text);
    else if (reason->code != 0)
        reply_format(&text, &reply);
    copied = copy_text(result, &text);
    text_release(&text);
    return copied;
}

static void
fill_reasons(struct audit *audit, struct result *result)
{
    if (audit->reasons_count > 0)
        qsort(audit->reasons, audit->reasons_count, sizeof *audit->reasons, compare_reasons);
    result->reasons = array_of(result, audit->reasons_count, sizeof *result->reasons);
    result->reasons_count = audit->reasons_count;
    for (size_t i = 0; i < audit->reasons_count; i++) {
        const struct audited_reason *reason = &audit->reasons[i];

        result->reasons[i] = (struct result_reason){
            .reason = slice_of(reason_name((enum failure_reason)reason->reason)),
            .type = slice_of(type_name((enum failure_type)reason->type)),
            .class = reason->class,
            .class_name = slice_of(class_name((enum bounce_class)reason->class)),
            .failed = reason->failed,
            .soft_events = reason->soft,
            .example = example_of(audit, reason, result)};
    }
}

/* --- time --- */

static void
fill_points(struct audit *audit, struct result *result)
{
    size_t count;
    const struct result_point *points = curve_finish(&audit->curve, &count);

    result->points = array_of(result, count, sizeof *result->points);
    result->points_count = count;
    if (count > 0)
        memcpy(result->points, points, count * sizeof *points);
}

/* What one entry of a time line sets are several changes with one label: one band. */
static bool
is_listed(const struct result *result, const struct result_label *label)
{
    for (size_t i = 0; i < result->labels_count; i++)
        if (slice_equals(result->labels[i].text, label->text) &&
            result->labels[i].from_us == label->from_us && result->labels[i].to_us == label->to_us)
            return true;
    return false;
}

static void
fill_labels(const struct audit *audit, struct result *result)
{
    const struct scenario *scenario = audit->scenario;

    result->labels = array_of(result, scenario->changes_count, sizeof *result->labels);
    for (size_t i = 0; i < scenario->changes_count; i++) {
        const struct change *change = &scenario->changes[i];
        struct result_label label = {.from_us = change->at_us,
            .to_us = change->for_us > 0 ? change->at_us + change->for_us : result->virtual_us,
            .text = change->label};

        if (label.to_us > result->virtual_us)
            label.to_us = result->virtual_us;
        if (label.text.length == 0 || label.from_us > result->virtual_us ||
            is_listed(result, &label))
            continue;
        label.text = copy(result, label.text);
        result->labels[result->labels_count++] = label;
    }
}

void
audit_fill(struct audit *audit, struct isp *const *isps, struct result *result)
{
    fill_kpi_rows(audit, result);
    fill_deliveries(audit, result);
    fill_isps(audit, isps, result);
    fill_reasons(audit, result);
    fill_points(audit, result);
    fill_labels(audit, result);
}
