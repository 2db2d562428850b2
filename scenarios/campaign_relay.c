/* campaign_relay.c - what the submitter is given, and what it tells.
 *
 * Deliveries take turns, so that a small one does not wait for a million; what the MTA asked to be
 * offered again goes first. */
#include "scenarios/campaign_parts.h"

#define RETRY_US_FIRST US_PER_MIN
#define RETRY_US_MAX   (30 * US_PER_MIN)

static struct delivery *
delivery_of(struct campaign *campaign, const struct submission *submission)
{
    return &campaign->deliveries[submission->delivery];
}

static void
retry_on_timer(void *arg)
{
    struct campaign *campaign = arg;

    submitter_kick(campaign->submitter);
}

static void
wait_for_retries(struct campaign *campaign)
{
    int64_t at_us = retries_next_us(&campaign->retries);

    if (at_us != INT64_MAX && (!timer_is_armed(&campaign->retry) || campaign->retry.at_us > at_us))
        timer_arm(campaign->doors.loop, &campaign->retry, at_us, retry_on_timer, campaign);
}

/* A paused delivery's message is put aside until its deadline; resuming hastens it. */
static bool
offer_again(struct campaign *campaign, struct retry *retry, struct submission *submission)
{
    struct delivery *delivery = &campaign->deliveries[retry->delivery];
    bool is_late = retry->deadline_us <= loop_now_us(campaign->doors.loop);

    if (delivery->state == DELIVERY_PAUSED && !is_late) {
        retry->at_us = retry->deadline_us;
        retries_put(&campaign->retries, retry);
        return false;
    }
    if (!delivery_offer(delivery, retry->first_row, submission))
        return false;
    submission->deadline_us = retry->deadline_us;
    submission->deferrals = retry->deferrals;
    if (!is_late)
        return true;
    delivery_cancel_rows(delivery, submission);
    submission->rows_count = 0;
    delivery_settle(delivery);
    return false;
}

static bool
next_retry(struct campaign *campaign, struct submission *submission)
{
    struct retry retry;

    while (retries_take(&campaign->retries, loop_now_us(campaign->doors.loop), &retry))
        if (offer_again(campaign, &retry, submission))
            return true;
    return false;
}

/* The next one that is not too late; those that are will be cancelled by the delivery's timer in
 * this very instant. */
static bool
take(struct delivery *delivery, struct submission *submission)
{
    int64_t now_us = loop_now_us(delivery->campaign->doors.loop);

    if (delivery->state != DELIVERY_RELAYING)
        return false;
    while (delivery_take(delivery, submission)) {
        if (submission->deadline_us > now_us)
            return true;
        delivery_cancel_rows(delivery, submission);
        submission->rows_count = 0;
    }
    delivery_settle(delivery);
    return false;
}

static bool
source_next(void *arg, struct submission *submission)
{
    struct campaign *campaign = arg;
    size_t count = campaign->config->deliveries_count;
    bool is_found = next_retry(campaign, submission);

    wait_for_retries(campaign);
    for (size_t i = 0; !is_found && i < count && campaign->retries.count < RETRIES_MAX; i++) {
        is_found = take(&campaign->deliveries[campaign->next_delivery], submission);
        campaign->next_delivery = (campaign->next_delivery + 1) % count;
    }
    return is_found;
}

static uint64_t
source_count_waiting(void *arg)
{
    const struct campaign *campaign = arg;
    uint64_t waiting = retries_count_due(&campaign->retries, loop_now_us(campaign->doors.loop));

    if (campaign->retries.count >= RETRIES_MAX)
        return waiting;
    for (size_t i = 0; i < campaign->config->deliveries_count; i++)
        if (campaign->deliveries[i].state == DELIVERY_RELAYING)
            waiting += campaign->deliveries[i].waiting;
    return waiting;
}

static void
source_write_sender(void *arg, const struct submission *submission, struct text *out)
{
    const struct row_envelope *envelope =
        campaign_envelope(arg, submission->delivery, submission->rows[0]);

    text_add_slice(out, text_slice(&envelope->sender)); /* all rows of a message share it */
}

static void
source_write_rcpt(void *arg, const struct submission *submission, uint64_t row, struct text *out)
{
    text_add_slice(out, text_slice(&campaign_envelope(arg, submission->delivery, row)->rcpt));
}

/* A second's worth of messages shares its date. */
static struct slice
date_now(struct campaign *campaign)
{
    int64_t wall_us = loop_wall_us(campaign->doors.loop);

    if (campaign->date.length == 0 || wall_us / US_PER_S != campaign->date_s) {
        text_clear(&campaign->date);
        unit_format_rfc5322_date(&campaign->date, wall_us);
        campaign->date_s = wall_us / US_PER_S;
    }
    return text_slice(&campaign->date);
}

static void
source_write_content(void *arg, const struct submission *submission, struct text *out)
{
    struct campaign *campaign = arg;
    struct delivery *delivery = delivery_of(campaign, submission);
    struct letter_values values = {.date = date_now(campaign)};
    const struct row_envelope *envelope =
        campaign_envelope(campaign, submission->delivery, submission->rows[0]);

    values.key = return_path_key(text_slice(&envelope->sender));
    if (delivery->config->recipients_per_message == 1)
        values.rcpt = text_slice(&envelope->rcpt);
    letter_write(&delivery->letter, &values, out);
}

static int64_t
source_validity_us(void *arg, const struct submission *submission)
{
    return delivery_of(arg, submission)->config->validity_us;
}

static void
source_on_validity_unsupported(void *arg, const struct submission *submission)
{
    struct campaign *campaign = arg;
    struct delivery *delivery = delivery_of(campaign, submission);
    struct event event = {.at_us = loop_now_us(campaign->doors.loop),
        .kind = EVENT_DELIVERY,
        .outcome = OUTCOME_FAILED,
        .delivery = delivery->name};

    if (delivery->has_complained)
        return;
    delivery->has_complained = true;
    event.text = journal_name(campaign->doors.journal,
        SLICE("the MTA offers no DELIVERBY (RFC 2852): it cannot be told the validity"));
    event_write(campaign->doors.journal, &event, SLICE(""), SLICE(""));
}

static void
source_on_offered(void *arg, const struct submission *submission)
{
    struct delivery *delivery = delivery_of(arg, submission);

    delivery->has_begun = true;
    for (size_t i = 0; i < submission->rows_count; i++) {
        struct event event = {.kind = EVENT_SUBMITTED};

        campaign_write(delivery, submission->rows[i], &event);
    }
}

static void
source_on_relayed(void *arg, const struct submission *submission, uint64_t row)
{
    delivery_relay_row(delivery_of(arg, submission), row);
}

/* The fault is the message's or ours: type Ignored, so the address does not suffer. */
static void
source_on_refused(void *arg, const struct submission *submission, uint64_t row,
    enum smtp_stage stage, const struct smtp_reply *reply)
{
    struct campaign *campaign = arg;
    struct delivery *delivery = delivery_of(campaign, submission);
    const struct log_change change = {
        .news = NEWS_REFUSED, .verdict = {CLASS_ADMIN_FAILURE, REASON_REFUSED, TYPE_IGNORED}
    };
    struct event event = {.kind = EVENT_BOUNCE_HARD,
        .stage = (uint8_t)stage,
        .code = reply->code,
        .enhanced = enhanced_pack(reply->enhanced),
        .class = change.verdict.class,
        .reason = change.verdict.reason,
        .type = change.verdict.type,
        .has_verdict = true};

    if (!delivery_log_apply(&delivery->log, row, &change))
        return;
    event.text = journal_name(campaign->doors.journal, reply->text);
    event.rule = journal_name(campaign->doors.journal, SLICE("submission"));
    campaign_write(delivery, row, &event);
}

static int64_t
retry_delay_us(enum submission_end end, uint32_t deferrals)
{
    int64_t delay_us = RETRY_US_FIRST;

    if (end != SUBMISSION_DEFERRED)
        return 0;
    for (uint32_t i = 0; i < deferrals && delay_us < RETRY_US_MAX; i++)
        delay_us *= 2;
    return delay_us < RETRY_US_MAX ? delay_us : RETRY_US_MAX;
}

static void
put_back(struct campaign *campaign, const struct submission *submission, enum submission_end end)
{
    struct retry retry = {.first_row = submission->first_row,
        .deadline_us = submission->deadline_us,
        .delivery = (uint32_t)submission->delivery,
        .deferrals = submission->deferrals + (end == SUBMISSION_DEFERRED)};

    retry.at_us = loop_now_us(campaign->doors.loop) + retry_delay_us(end, submission->deferrals);
    if (retry.at_us > retry.deadline_us)
        retry.at_us = retry.deadline_us;
    retries_put(&campaign->retries, &retry);
    wait_for_retries(campaign);
}

static void
source_on_end(void *arg, const struct submission *submission, enum submission_end end)
{
    struct campaign *campaign = arg;
    struct delivery *delivery = delivery_of(campaign, submission);
    bool is_settled = true;

    for (size_t i = 0; i < submission->rows_count; i++) {
        delivery_log_set_in_flight(&delivery->log, submission->rows[i], false);
        is_settled &= delivery_log_row(&delivery->log, submission->rows[i]).status != ROW_PENDING;
    }
    if (!is_settled && delivery_is_over(delivery))
        delivery_cancel_rows(delivery, submission);
    else if (!is_settled)
        put_back(campaign, submission, end);
    delivery_settle(delivery);
}

const struct submission_source campaign_source = {
    .next = source_next,
    .count_waiting = source_count_waiting,
    .write_sender = source_write_sender,
    .write_rcpt = source_write_rcpt,
    .write_content = source_write_content,
    .validity_us = source_validity_us,
    .on_validity_unsupported = source_on_validity_unsupported,
    .on_offered = source_on_offered,
    .on_relayed = source_on_relayed,
    .on_refused = source_on_refused,
    .on_end = source_on_end,
};
