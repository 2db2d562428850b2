/* campaign_delivery.c - a delivery's life: analysed, due, paused, stopped, over.
 *
 * A message is due at its instant and then waits its turn; a pause lets them wait, and a resumed
 * delivery sends what has fallen due at once. A message that waits longer than the validity asked
 * for (84 h without one) is cancelled: nobody wants it any more. Whoever stops or cancels a delivery
 * cancels what was not relayed; what is with the MTA goes its way. A delivery is "cancelled" when
 * nothing of it was ever offered, and "stopped" otherwise.
 *
 * Messages are rows n x recipients_per_message and the following, without those left out. */
#include "scenarios/campaign_parts.h"

#include "mta/mta.h"

static void
set_state(struct delivery *delivery, enum delivery_state state)
{
    struct journal *journal = delivery->campaign->doors.journal;
    struct event event = {.at_us = loop_now_us(delivery->campaign->doors.loop),
        .kind = EVENT_DELIVERY,
        .delivery = delivery->name,
        .text = journal_name(journal, slice_of(delivery_state_name(state)))};

    assert(delivery->state != state);
    delivery->state = state;
    event_write(journal, &event, SLICE(""), SLICE(""));
}

bool
delivery_is_over(const struct delivery *delivery)
{
    switch (delivery->state) {
    case DELIVERY_STOPPED:
    case DELIVERY_CANCELLED:
    case DELIVERY_RELAYED:
        return true;
    case DELIVERY_EDITED:
    case DELIVERY_READY:
    case DELIVERY_RELAYING:
    case DELIVERY_PAUSED:
        return false;
    }
    return false;
}

/* --- rows --- */

static void
exclude_row(struct delivery *delivery, uint64_t row, enum failure_reason reason)
{
    const struct log_change change = {
        .news = NEWS_EXCLUDED, .verdict = {.reason = (uint8_t)reason, .type = TYPE_IGNORED}
    };
    struct event event = {.kind = EVENT_EXCLUDED,
        .reason = (uint8_t)reason,
        .type = TYPE_IGNORED,
        .has_verdict = true};
    bool is_applied = delivery_log_apply(&delivery->log, row, &change);

    assert(is_applied);
    campaign_write(delivery, row, &event);
}

static void
cancel_row(struct delivery *delivery, uint64_t row)
{
    struct event event = {.kind = EVENT_CANCELLED};

    if (delivery_log_apply(&delivery->log, row, &(struct log_change){.news = NEWS_CANCELLED}))
        campaign_write(delivery, row, &event);
}

void
delivery_cancel_rows(struct delivery *delivery, const struct submission *submission)
{
    for (size_t i = 0; i < submission->rows_count; i++) {
        delivery_log_set_in_flight(&delivery->log, submission->rows[i], false);
        cancel_row(delivery, submission->rows[i]);
    }
}

void
delivery_relay_row(struct delivery *delivery, uint64_t row)
{
    int64_t now_us = loop_now_us(delivery->campaign->doors.loop);
    const struct log_change change = {.news = NEWS_RELAYED, .at_us = now_us};
    struct event event = {.kind = EVENT_RELAYED};

    if (!delivery_log_apply(&delivery->log, row, &change))
        return; /* its feedback was faster than its 250 */
    delivery->last_relayed_us = now_us;
    campaign_write(delivery, row, &event);
}

/* Adds rows, each pending or left out. */
static void
add_rows(struct delivery *delivery, uint64_t rows)
{
    uint64_t first = delivery->log.count;

    delivery_log_grow(&delivery->log, rows);
    if (!analyst_is_needed(&delivery->analyst))
        return;
    for (uint64_t row = first; row < delivery->log.count; row++) {
        enum failure_reason reason = analyst_judge(&delivery->analyst, row);

        if (reason != REASON_NONE)
            exclude_row(delivery, row, reason);
    }
}

static bool
is_pending(const struct delivery *delivery, uint64_t row)
{
    return delivery_log_row(&delivery->log, row).status == ROW_PENDING &&
        !delivery_log_is_in_flight(&delivery->log, row);
}

/* A message never spans rows known from the start and rows that arrived: each has its instant. */
static uint64_t
message_end(const struct delivery *delivery, uint64_t first_row)
{
    uint64_t known = delivery->rows_known;
    uint64_t limit = first_row < known ? known : delivery->log.count;
    uint64_t end =
        campaign_first_row(delivery, first_row) + delivery->config->recipients_per_message;

    return end < limit ? end : limit;
}

/* Of a message whose rows were all left out by analysis nothing is sent, so it has no instant. */
static bool
message_is_empty(const struct delivery *delivery, uint64_t first_row)
{
    uint64_t end = message_end(delivery, first_row);

    for (uint64_t row = first_row; row < end; row++)
        if (delivery_log_row(&delivery->log, row).status != ROW_IGNORED)
            return false;
    return true;
}

static uint64_t
count_messages(const struct delivery *delivery)
{
    uint64_t messages = 0;

    for (uint64_t first = 0; first < delivery->log.count; first = message_end(delivery, first))
        messages += !message_is_empty(delivery, first);
    return messages;
}

/* --- messages --- */

static int64_t
next_deadline_us(const struct delivery *delivery)
{
    int64_t validity_us =
        delivery->config->validity_us > 0 ? delivery->config->validity_us : MTA_VALIDITY_US_MAX;

    return delivery->leaving.next_us + validity_us;
}

bool
delivery_offer(struct delivery *delivery, uint64_t first_row, struct submission *submission)
{
    uint64_t end = message_end(delivery, first_row);

    submission->delivery = delivery->index;
    submission->first_row = first_row;
    submission->rows_count = 0;
    for (uint64_t row = first_row; row < end; row++) {
        if (!is_pending(delivery, row))
            continue;
        submission->rows = mem_grow(submission->rows, &submission->rows_capacity,
            submission->rows_count + 1, sizeof submission->rows[0]);
        submission->rows[submission->rows_count++] = row;
        delivery_log_set_in_flight(&delivery->log, row, true);
    }
    return submission->rows_count > 0;
}

static void
note_day(struct delivery *delivery, uint64_t first_row)
{
    int64_t day = verp_day(loop_wall_us(delivery->campaign->doors.loop));

    if (delivery->days_count > 0 && delivery->days[delivery->days_count - 1].day == day)
        return;
    delivery->days = mem_grow(delivery->days, &delivery->days_capacity, delivery->days_count + 1,
        sizeof delivery->days[0]);
    delivery->days[delivery->days_count++] = (struct sending_day){first_row, day};
}

/* Of what arrived one by one every message has its instant, empty or not. */
bool
delivery_take(struct delivery *delivery, struct submission *submission)
{
    while (delivery->waiting > 0) {
        uint64_t first = delivery->next_row;

        assert(first < delivery->log.count);
        delivery->next_row = message_end(delivery, first);
        if (first < delivery->rows_known && message_is_empty(delivery, first))
            continue;
        note_day(delivery, first);
        submission->deadline_us = next_deadline_us(delivery);
        submission->deferrals = 0;
        schedule_advance(&delivery->leaving);
        if (--delivery->waiting == 0)
            timer_cancel(delivery->campaign->doors.loop, &delivery->deadline);
        if (delivery_offer(delivery, first, submission))
            return true;
    }
    return false;
}

void
delivery_settle(struct delivery *delivery)
{
    if (!delivery->is_confirmed || delivery_is_over(delivery))
        return;
    if (delivery->waiting > 0 || delivery->arriving.next_us != INT64_MAX)
        return;
    for (; delivery->next_row < delivery->log.count; delivery->next_row++)
        cancel_row(delivery, delivery->next_row); /* the time for arrivals ended before its turn */
    if (delivery->counters.kpi.pending == 0)
        set_state(delivery, DELIVERY_RELAYED);
}

static void
deadline_on_timer(void *arg)
{
    struct delivery *delivery = arg;
    struct campaign *campaign = delivery->campaign;

    while (delivery->waiting > 0 && next_deadline_us(delivery) <= loop_now_us(campaign->doors.loop))
        if (delivery_take(delivery, &campaign->expired))
            delivery_cancel_rows(delivery, &campaign->expired);
    if (delivery->waiting > 0)
        timer_arm(campaign->doors.loop, &delivery->deadline, next_deadline_us(delivery),
            deadline_on_timer, delivery);
    delivery_settle(delivery);
}

/* Everything that is due by now joins those that wait. */
static void
arrive_on_timer(void *arg)
{
    struct delivery *delivery = arg;
    struct campaign *campaign = delivery->campaign;
    struct schedule *arriving = &delivery->arriving;
    uint32_t per_message = delivery->config->recipients_per_message;

    while (arriving->next_us <= loop_now_us(campaign->doors.loop)) {
        if (arriving->number >= delivery->messages_known)
            add_rows(delivery, per_message - delivery->log.count % per_message);
        delivery->waiting++;
        schedule_advance(arriving);
    }
    if (arriving->next_us != INT64_MAX)
        timer_arm(
            campaign->doors.loop, &delivery->arrival, arriving->next_us, arrive_on_timer, delivery);
    if (delivery->waiting > 0 && delivery->state == DELIVERY_READY)
        set_state(delivery, DELIVERY_RELAYING);
    if (delivery->waiting > 0 && !timer_is_armed(&delivery->deadline))
        timer_arm(campaign->doors.loop, &delivery->deadline, next_deadline_us(delivery),
            deadline_on_timer, delivery);
    submitter_kick(campaign->submitter);
    delivery_settle(delivery);
}

/* --- what the operator does --- */

/* Rows come into being, and are judged. */
static void
analyse(struct delivery *delivery)
{
    struct campaign *campaign = delivery->campaign;
    bool is_endless =
        recipients_are_endless(delivery->config) && delivery->config->arrivals != ARRIVALS_NONE;

    assert(!delivery->is_confirmed);
    delivery->is_confirmed = true;
    analyst_init(&delivery->analyst, delivery->config, &campaign->quarantine);
    delivery->rows_known = recipients_count(delivery->config);
    add_rows(delivery, delivery->rows_known);
    delivery->messages_known = count_messages(delivery);
    if (!is_endless)
        analyst_release(&delivery->analyst);
    delivery->arriving = schedule_of(
        delivery->config, is_endless ? UINT64_MAX : delivery->messages_known, campaign->doors.rng);
    delivery->leaving = delivery->arriving;
}

static void
confirm_on_timer(void *arg)
{
    struct delivery *delivery = arg;

    analyse(delivery);
    if (delivery->state == DELIVERY_EDITED)
        set_state(delivery, DELIVERY_READY);
    arrive_on_timer(delivery);
}

static void
pause_delivery(struct delivery *delivery)
{
    set_state(delivery, DELIVERY_PAUSED);
}

static void
resume_delivery(struct delivery *delivery)
{
    struct campaign *campaign = delivery->campaign;

    if (!delivery->is_confirmed)
        set_state(delivery, DELIVERY_EDITED);
    else
        set_state(delivery, delivery->arriving.number > 0 ? DELIVERY_RELAYING : DELIVERY_READY);
    retries_hasten(&campaign->retries, delivery->index, loop_now_us(campaign->doors.loop));
    submitter_kick(campaign->submitter);
}

/* Rows in flight keep their chance: only the answer tells what became of them. */
static void
stop_delivery(struct delivery *delivery)
{
    struct loop *loop = delivery->campaign->doors.loop;

    timer_cancel(loop, &delivery->confirm);
    timer_cancel(loop, &delivery->arrival);
    timer_cancel(loop, &delivery->deadline);
    if (!delivery->is_confirmed)
        analyse(delivery);
    delivery->waiting = 0;
    delivery->next_row = delivery->log.count;
    set_state(delivery, delivery->has_begun ? DELIVERY_STOPPED : DELIVERY_CANCELLED);
    for (uint64_t row = 0; row < delivery->log.count; row++)
        if (is_pending(delivery, row))
            cancel_row(delivery, row);
}

typedef void step_fn(struct delivery *delivery);

/* What does nothing has no function: whatever is over stays over. */
static step_fn *const steps[][DO_CANCEL + 1] = {
    [DELIVERY_EDITED] = {pause_delivery, NULL, stop_delivery, stop_delivery},
    [DELIVERY_READY] = {pause_delivery, NULL, stop_delivery, stop_delivery},
    [DELIVERY_RELAYING] = {pause_delivery,              NULL, stop_delivery, stop_delivery},
    [DELIVERY_PAUSED] = {NULL,          resume_delivery, stop_delivery, stop_delivery},
    [DELIVERY_STOPPED] = {NULL},
    [DELIVERY_CANCELLED] = {NULL},
    [DELIVERY_RELAYED] = {NULL},
};

static void
step_on_timer(void *arg)
{
    struct step_timer *step = arg;
    step_fn *fn = steps[step->delivery->state][step->what];

    if (fn != NULL)
        fn(step->delivery);
}

void
delivery_arm(struct delivery *delivery)
{
    const struct delivery_config *config = delivery->config;
    struct loop *loop = delivery->campaign->doors.loop;

    timer_arm(loop, &delivery->confirm,
        config->arrivals == ARRIVALS_NONE ? config->at_us : config->arrivals_from_us,
        confirm_on_timer, delivery);
    delivery->steps = mem_alloc_zeroed(config->steps_count * sizeof delivery->steps[0]);
    for (size_t i = 0; i < config->steps_count; i++) {
        delivery->steps[i].delivery = delivery;
        delivery->steps[i].what = config->steps[i].what;
        timer_arm(loop, &delivery->steps[i].timer, config->steps[i].at_us, step_on_timer,
            &delivery->steps[i]);
    }
}

void
delivery_release(struct delivery *delivery)
{
    struct loop *loop = delivery->campaign->doors.loop;

    timer_cancel(loop, &delivery->confirm);
    timer_cancel(loop, &delivery->arrival);
    timer_cancel(loop, &delivery->deadline);
    for (size_t i = 0; delivery->steps != NULL && i < delivery->config->steps_count; i++)
        timer_cancel(loop, &delivery->steps[i].timer);
    mem_free(delivery->steps);
    mem_free(delivery->days);
    delivery_log_release(&delivery->log);
    letter_release(&delivery->letter);
    analyst_release(&delivery->analyst);
}
