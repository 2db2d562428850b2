/* campaign_returns.c - what EFS tells of mail that came back: rows that were sent fail after all.
 *
 * What counts is when the mail came, not when it was read: up to the window after the delivery. Whose
 * delivery was not told yet had been taken by somebody, else nothing could have come back: his row goes
 * the same way, and the news of the delivery, told later, changes nothing (delivery_log.c). */
#include "scenarios/campaign_parts.h"

/* The return path says which row, if the message had but one. */
static bool
find_returned_row(
    const struct campaign *campaign, const struct efs_event *efs, size_t *delivery, uint64_t *row)
{
    struct text ours = {0};
    bool is_found = campaign_find_row(campaign, efs->sender, efs->rcpt, delivery, row);

    if (is_found || !return_path_read(&campaign->paths, efs->sender, delivery, row))
        return is_found;
    if (campaign->deliveries[*delivery].config->recipients_per_message > 1 ||
        *row >= campaign->deliveries[*delivery].log.count)
        return false;
    campaign_return_path(campaign, *delivery, *row, &ours);
    is_found = slice_equals_nocase(text_slice(&ours), efs->sender);
    text_release(&ours);
    return is_found;
}

static bool
is_late(const struct delivery *delivery, uint64_t row, int64_t at_us)
{
    int64_t sent_us = delivery_log_sent_us(&delivery->log, row);

    return sent_us >= 0 && at_us > sent_us + delivery->campaign->doors.returns_within_us;
}

bool
campaign_is_late(const struct campaign *campaign, size_t delivery, uint64_t row, int64_t at_us)
{
    return is_late(&campaign->deliveries[delivery], row, at_us);
}

static void
denylist(struct delivery *delivery, uint64_t row)
{
    struct event event = {.kind = EVENT_QUARANTINE,
        .reason = REASON_DENYLISTED,
        .type = TYPE_HARD,
        .has_verdict = true};

    if (quarantine_denylist(
            &delivery->campaign->quarantine, campaign_address_of(delivery, row), delivery->index))
        campaign_write(delivery, row, &event);
}

/* True: the row failed by it. */
static bool
fail_row(struct delivery *delivery, uint64_t row, const struct efs_event *efs)
{
    struct campaign *campaign = delivery->campaign;
    const struct log_change change = {.news = NEWS_RETURNED, .verdict = efs->verdict};
    struct event event = campaign_event_of(efs, EVENT_BOUNCE_HARD);
    enum row_status status = delivery_log_row(&delivery->log, row).status;

    if (is_late(delivery, row, efs->at_us)) {
        campaign->returns.late++;
        return false;
    }
    if (!delivery_log_apply(&delivery->log, row, &change)) {
        campaign->returns.settled++;
        return false;
    }
    if (status != ROW_SENT) /* its delivery is news as well */
        quarantine_on_delivered(&campaign->quarantine, campaign_address_of(delivery, row));
    event.stage = STAGE_OUT_OF_BAND;
    campaign_write(delivery, row, &event);
    return true;
}

static void
take_bounce(struct delivery *delivery, uint64_t row, const struct efs_event *efs)
{
    if (!fail_row(delivery, row, efs))
        return;
    delivery->campaign->returns.bounces++;
    campaign_judge_address(delivery, row, efs, true);
}

/* Who complains is not written to again, however late it is. */
static void
take_complaint(struct delivery *delivery, uint64_t row, const struct efs_event *efs)
{
    struct efs_event complaint = *efs;

    if (complaint.verdict.type == TYPE_NONE) {
        complaint.verdict.reason = REASON_DENYLISTED;
        complaint.verdict.type = TYPE_HARD;
    }
    delivery->campaign->returns.complaints += fail_row(delivery, row, &complaint);
    denylist(delivery, row);
}

static void
take_unsubscription(struct delivery *delivery, uint64_t row, const struct efs_event *efs)
{
    delivery->campaign->returns.unsubscriptions++;
    denylist(delivery, row);
}

static void
take_note(struct delivery *delivery, uint64_t row, const struct efs_event *efs)
{
    const struct log_change change = {.news = NEWS_NOTED, .verdict = efs->verdict};

    if (is_late(delivery, row, efs->at_us))
        delivery->campaign->returns.late++;
    else if (delivery_log_apply(&delivery->log, row, &change))
        delivery->campaign->returns.notes++;
    else
        delivery->campaign->returns.settled++;
}

typedef void take_fn(struct delivery *delivery, uint64_t row, const struct efs_event *efs);

static take_fn *const takers[] = {
    [EFS_RETURNED] = take_bounce,
    [EFS_COMPLAINT] = take_complaint,
    [EFS_UNSUBSCRIBED] = take_unsubscription,
    [EFS_NOTED] = take_note,
};

void
campaign_take_returned(struct campaign *campaign, const struct efs_event *efs)
{
    struct delivery *found;
    size_t delivery;
    uint64_t row;

    assert(efs->kind < COUNT_OF(takers) && takers[efs->kind] != NULL);
    if (!find_returned_row(campaign, efs, &delivery, &row)) {
        campaign->returns.unknown++;
        return;
    }
    found = &campaign->deliveries[delivery];
    campaign->has_feedback = true;
    found->has_feedback = true;
    if (delivery_log_row(&found->log, row).status == ROW_PENDING)
        delivery_relay_row(found, row); /* the MTA has it: only its 250 got lost */
    takers[efs->kind](found, row, efs);
    delivery_settle(found);
}
