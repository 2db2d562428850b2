/* campaign_feedback.c - what EFS tells: rows move, counters follow, addresses are quarantined.
 *
 * Feedback comes at least once, late and in any order. An event that was seen is dropped by its id;
 * one about a row whose status is final changes nothing and is counted. */
#include "scenarios/campaign_parts.h"

static const struct feedback {
    enum log_news news;
    enum event_kind event;
    bool is_error; /* of the address; the end of validity is none */
    bool is_final;
} feedback[] = {
    [EFS_DELIVERED] = {NEWS_DELIVERED, EVENT_DELIVERED,   false, true },
    [EFS_SOFT] = {NEWS_SOFT,      EVENT_BOUNCE_SOFT, true,  false},
    [EFS_HARD] = {NEWS_HARD,      EVENT_BOUNCE_HARD, true,  true },
    [EFS_EXPIRED] = {NEWS_EXPIRED,   EVENT_EXPIRED,     false, true },
};

struct event
campaign_event_of(const struct efs_event *efs, enum event_kind kind)
{
    struct event event = {.kind = (uint8_t)kind,
        .stage = efs->stage,
        .code = efs->code,
        .attempt = (uint16_t)(efs->attempt < UINT16_MAX ? efs->attempt : UINT16_MAX),
        .enhanced = efs->enhanced,
        .host = efs->host,
        .text = efs->text,
        .rule = efs->rule};

    if (efs->kind == EFS_DELIVERED)
        return event;
    event.class = efs->verdict.class;
    event.reason = efs->verdict.reason;
    event.type = efs->verdict.type;
    event.has_verdict = true;
    return event;
}

/* Whatever its envelope went through. */
struct slice
campaign_address_of(struct delivery *delivery, uint64_t row)
{
    return text_slice(&campaign_envelope(delivery->campaign, delivery->index, row)->rcpt);
}

void
campaign_judge_address(
    struct delivery *delivery, uint64_t row, const struct efs_event *efs, bool is_final)
{
    struct campaign *campaign = delivery->campaign;
    const struct address_error error = {.address = campaign_address_of(delivery, row),
        .at_us = efs->at_us,
        .verdict = efs->verdict,
        .is_final = is_final,
        .delivery = delivery->index};
    struct event event = {.kind = EVENT_QUARANTINE,
        .class = efs->verdict.class,
        .reason = efs->verdict.reason,
        .type = efs->verdict.type,
        .has_verdict = true};

    if (!quarantine_on_error(&campaign->quarantine, &error))
        return;
    delivery->counters.kpi.quarantined++;
    campaign->total.kpi.quarantined++;
    campaign_write(delivery, row, &event);
}

static void
apply(struct delivery *delivery, uint64_t row, const struct efs_event *efs)
{
    struct campaign *campaign = delivery->campaign;
    const struct log_change change = {.news = feedback[efs->kind].news,
        .verdict = efs->verdict,
        .attempt = efs->attempt,
        .at_us = efs->at_us};
    struct event event = campaign_event_of(efs, feedback[efs->kind].event);

    if (delivery_log_row(&delivery->log, row).status == ROW_PENDING)
        delivery_relay_row(delivery, row); /* the MTA has it: only its 250 got lost */
    if (!delivery_log_apply(&delivery->log, row, &change)) {
        campaign->feedback_late_count++;
        return;
    }
    campaign_write(delivery, row, &event);
    if (efs->kind == EFS_DELIVERED)
        quarantine_on_delivered(&campaign->quarantine, campaign_address_of(delivery, row));
    if (feedback[efs->kind].is_error)
        campaign_judge_address(delivery, row, efs, feedback[efs->kind].is_final);
    delivery_settle(delivery);
}

bool
campaign_take_feedback(void *arg, const struct efs_event *events, size_t count)
{
    struct campaign *campaign = arg;

    for (size_t i = 0; i < count; i++) {
        size_t delivery;
        uint64_t row;

        if (!arrived_put(&campaign->arrived, events[i].id)) {
            campaign->duplicates_dropped_count++;
            continue;
        }
        if (events[i].kind > EFS_EXPIRED) {
            campaign_take_returned(campaign, &events[i]);
            continue;
        }
        if (!campaign_find_row(campaign, events[i].sender, events[i].rcpt, &delivery, &row)) {
            campaign->feedback_unknown_count++;
            continue;
        }
        campaign->has_feedback = true;
        campaign->deliveries[delivery].has_feedback = true;
        apply(&campaign->deliveries[delivery], row, &events[i]);
    }
    return true;
}
