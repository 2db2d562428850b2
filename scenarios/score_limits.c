/* score_limits.c - what limits there are, as somebody meets them who knows them all.
 *
 * He has addresses like the real sender, and the same mail: he meets its unknown users and traps when
 * he has sent as much as stands before them, and as much of it is complained about. So his reputation
 * falls as the provider has it, by what he sends; what it leaves of the limits holds for him too.
 * Neither penalties nor jumps of volume are his. */
#include "scenarios/score_parts.h"

#include "base/mem.h"
#include "fakeisp/sender.h"

/* --- limits ---------------------------------------------------------------------------------- */

/* How many counters it has for all our addresses: each is as large. */
static uint64_t
counters_of(const struct scenario *scenario, const struct isp_config *config, uint32_t per)
{
    struct map keys = {0};
    uint64_t count;

    for (size_t i = 0; i < scenario->mta.source_ips_count; i++)
        for (size_t host = 0; host < config->hosts_count; host++) {
            const struct isp_sender sender = {
                scenario->mta.source_ips[i], host, scenario->campaign.from.domain, SLICE("")};
            struct sender_key key = sender_key(per, &sender);

            map_put(&keys, (struct slice){key.bytes, key.length}, NULL);
        }
    count = keys.count > 0 ? keys.count : 1;
    map_release(&keys);
    return count;
}

static uint64_t
knob(const struct scored_isp *isp, enum isp_knob which, size_t index, uint64_t configured)
{
    return isp->isp != NULL ? (uint64_t)isp_knob(isp->isp, which, index) : configured;
}

/* Recipients that go with one of what it counts; 0: that does not bound recipients. */
static uint64_t
recipients_each(const struct scored_isp *isp, enum limit_count count)
{
    if (count == LIMIT_RECIPIENTS)
        return 1;
    if (count == LIMIT_MESSAGES)
        return isp->recipients_each;
    return count == LIMIT_CONNECTIONS ? isp->capacity.per_connection * isp->recipients_each : 0;
}

static uint64_t
recipients_each_message(const struct campaign_config *campaign)
{
    uint64_t most = 1;

    for (size_t i = 0; i < campaign->deliveries_count; i++)
        if (campaign->deliveries[i].recipients_per_message > most)
            most = campaign->deliveries[i].recipients_per_message;
    return most;
}

/* At least one, as the provider has it. */
static uint64_t
scaled(const struct scored_isp *isp, const struct isp_limit *limit, uint64_t max)
{
    uint64_t left;

    if (!isp_limit_is_scaled(limit) || isp->scale_ppm >= PPM)
        return max;
    left = (uint64_t)((amount)max * isp->scale_ppm / PPM);
    return left == 0 && max > 0 ? 1 : left;
}

void
score_set_limits(struct scored_isp *isp)
{
    for (size_t i = 0; i < isp->config->limits_count; i++) {
        const struct isp_limit *limit = &isp->config->limits[i];
        uint64_t max = scaled(isp, limit, knob(isp, KNOB_LIMIT_MAX, i, limit->max));

        if (limit->count == LIMIT_CONNECTIONS_OPEN)
            isp->capacity.connections = max * isp->counters[i];
        else if (limit->count == LIMIT_MESSAGES_PER_CONNECTION)
            isp->capacity.per_connection = max;
    }
    for (size_t i = 0; i < isp->capacity.count; i++) {
        size_t number = isp->limits[i];
        const struct isp_limit *limit = &isp->config->limits[number];
        uint64_t each = recipients_each(isp, limit->count) * isp->counters[number];
        uint64_t burst =
            limit->window == WINDOW_BUCKET ? knob(isp, KNOB_LIMIT_BURST, number, limit->burst) : 0;

        capacity_change(&isp->capacity, i,
            scaled(isp, limit, knob(isp, KNOB_LIMIT_MAX, number, limit->max)) * each,
            (int64_t)knob(isp, KNOB_LIMIT_WINDOW, number, (uint64_t)limit->window_us),
            scaled(isp, limit, burst) * each);
    }
}

static void
add_warming(struct score *score, struct scored_isp *isp)
{
    const struct isp_warming *warming = &isp->config->warming;
    uint64_t counters = counters_of(score->evidence.scenario, isp->config, warming->per);
    uint64_t each = recipients_each(isp, LIMIT_MESSAGES) * counters;
    const struct capacity_limit limit = {.window = WINDOW_FIRST,
        .length_us = US_PER_DAY,
        .max = warming->first * each,
        .grow = warming->grow,
        .full = warming->full * each};

    capacity_limit(&isp->capacity, &limit);
}

void
score_add_limits(struct score *score, struct scored_isp *isp)
{
    const struct scenario *scenario = score->evidence.scenario;
    size_t count = isp->config->limits_count;

    isp->scale_ppm = PPM;
    isp->senders = counters_of(scenario, isp->config, isp->config->reputation.per);
    isp->recipients_each = recipients_each_message(&scenario->campaign);
    isp->limits = mem_alloc_zeroed((count + 1) * sizeof isp->limits[0]);
    isp->counters = mem_alloc_zeroed((count + 1) * sizeof isp->counters[0]);
    for (size_t i = 0; i < count; i++)
        isp->counters[i] = counters_of(scenario, isp->config, isp->config->limits[i].per);
    score_set_limits(isp);
    for (size_t i = 0; i < count; i++) {
        const struct isp_limit *limit = &isp->config->limits[i];
        const struct capacity_limit bound = {.window = limit->window,
            .length_us = limit->window_us,
            .clock_us = scenario->start_wall_us};

        if (limit->window_us <= 0 || recipients_each(isp, limit->count) == 0)
            continue;
        isp->limits[isp->capacity.count] = i;
        capacity_limit(&isp->capacity, &bound);
    }
    score_set_limits(isp);
    if (isp->config->warming.is_on)
        add_warming(score, isp);
}

/* --- reputation ------------------------------------------------------------------------------ */

/* One of the first ten may be unlucky; that is no tenth of the list. */
static uint64_t
part_of(uint64_t whole, uint64_t some, uint64_t all)
{
    return (uint64_t)((amount)whole * some / (all < SCORE_ASKED_MIN ? SCORE_ASKED_MIN : all));
}

void
score_note_mail(struct scored_isp *isp, struct slice rcpt)
{
    struct mailing *mailing = &isp->mailing;
    struct isp_marks marks = isp_marks_of(isp->isp, rcpt);

    if (marks.unknown + marks.traps > 0) {
        mailing->bad =
            mem_grow(mailing->bad, &mailing->room, mailing->bad_count + 1, sizeof mailing->bad[0]);
        mailing->bad[mailing->bad_count++] = (struct listed){mailing->count, marks};
    }
    mailing->count++;
}

static void
meet(struct mailing *mailing, uint64_t sent)
{
    for (; mailing->met < mailing->bad_count && mailing->bad[mailing->met].number < sent;
         mailing->met++) {
        mailing->marks.unknown += mailing->bad[mailing->met].marks.unknown;
        mailing->marks.traps += mailing->bad[mailing->met].marks.traps;
    }
}

/* So much of what each address of his would have seen by now. What no mailbox explains, rules for
 * example, goes like the real sender's. */
static struct isp_marks
imagine(struct scored_isp *isp)
{
    struct isp_marks seen = isp_marks_now(isp->isp);
    uint64_t sent = (uint64_t)(isp->capacity.drawn / CAPACITY_ONE), asked = sent / isp->senders;
    const struct mailing *mailing = &isp->mailing;
    bool is_listed = mailing->bad_count > 0;

    meet(&isp->mailing, sent);
    return (struct isp_marks){.asked = asked,
        .unknown = is_listed ? mailing->marks.unknown / isp->senders
                             : part_of(asked, seen.unknown, seen.asked),
        .traps = is_listed ? mailing->marks.traps / isp->senders
                           : part_of(asked, seen.traps, seen.asked),
        .accepted = part_of(asked, seen.accepted, seen.asked),
        .complaints = part_of(asked, seen.complaints, seen.asked)};
}

/* What the real sender's luck was a moment ago may look worse than it does now. */
static uint64_t
grown(uint64_t *count, uint64_t now)
{
    uint64_t before = *count;

    if (now > before)
        *count = now;
    return *count - before;
}

void
score_spend_reputation(struct scored_isp *isp, int64_t now_us)
{
    struct isp_marks now = imagine(isp), *then = &isp->imagined;
    const struct isp_marks more = {.asked = grown(&then->asked, now.asked),
        .unknown = grown(&then->unknown, now.unknown),
        .traps = grown(&then->traps, now.traps),
        .accepted = grown(&then->accepted, now.accepted),
        .complaints = grown(&then->complaints, now.complaints)};
    struct isp_standing standing;

    isp_record_add(isp->config, &isp->record, &more, now_us);
    standing = isp_record_standing(isp->config, &isp->record, now_us);
    isp->capacity.is_shut = standing.refused_ppm >= PPM;
    if (standing.scale_ppm == isp->scale_ppm)
        return;
    isp->scale_ppm = standing.scale_ppm;
    score_set_limits(isp);
}
