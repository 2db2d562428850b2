/* campaign.c - the sender's platform: making one, and asking it. */
#include "scenarios/campaign_parts.h"

enum { BODY_BYTES_DEFAULT = 1200 };

static const struct {
    const char *id, *name;
} status_names[] = {
    [ROW_PENDING] = {"pending",            "Pending"                                   },
    [ROW_TAKEN_INTO_ACCOUNT] = {"taken_into_account", "Taken into account by the service provider"},
    [ROW_SENT] = {"sent",               "Sent"                                      },
    [ROW_FAILED] = {"failed",             "Failed"                                    },
    [ROW_IGNORED] = {"ignored",            "Ignored"                                   },
    [ROW_CANCELLED] = {"cancelled",          "Delivery cancelled"                        },
};

const char *
row_status_id(enum row_status status)
{
    return status_names[status].id;
}

const char *
row_status_name(enum row_status status)
{
    return status_names[status].name;
}

const char *
delivery_state_name(enum delivery_state state)
{
    static const char *const names[] = {
        [DELIVERY_EDITED] = "edited",
        [DELIVERY_READY] = "ready",
        [DELIVERY_RELAYING] = "relaying",
        [DELIVERY_PAUSED] = "paused",
        [DELIVERY_STOPPED] = "stopped",
        [DELIVERY_CANCELLED] = "cancelled",
        [DELIVERY_RELAYED] = "relayed",
    };

    return names[state];
}

/* --- making one --- */

static void
init_delivery(struct campaign *campaign, size_t index)
{
    struct delivery *delivery = &campaign->deliveries[index];
    const struct delivery_config *config = &campaign->config->deliveries[index];
    uint32_t body_bytes =
        campaign->config->body_bytes > 0 ? campaign->config->body_bytes : BODY_BYTES_DEFAULT;

    assert(config->recipients_per_message > 0);
    delivery->campaign = campaign;
    delivery->config = config;
    delivery->index = (uint32_t)index;
    delivery->name = journal_name(campaign->doors.journal, config->name);
    delivery->last_relayed_us = -1;
    delivery_log_init(&delivery->log, &delivery->counters, &campaign->total);
    if (campaign->doors.returns_within_us > 0)
        delivery_log_keep_sent(&delivery->log);
    return_paths_add(&campaign->paths, config->name);
    letter_init(&delivery->letter, campaign->config,
        map_key(&campaign->paths.names, delivery->index), body_bytes);
}

struct campaign *
campaign_new(const struct campaign_config *config, const struct campaign_doors *doors)
{
    struct campaign *campaign = mem_alloc_zeroed(sizeof *campaign);

    campaign->config = config;
    campaign->doors = *doors;
    campaign->envelope = mem_alloc_zeroed(sizeof *campaign->envelope);
    campaign->deliveries =
        mem_alloc_zeroed(config->deliveries_count * sizeof campaign->deliveries[0]);
    campaign->submitter = submitter_new(doors, &campaign_source, campaign);
    quarantine_init(&campaign->quarantine, config->soft_limit);
    return_paths_init(&campaign->paths, config->from.domain, doors->verp_key);
    for (size_t i = 0; i < config->deliveries_count; i++)
        init_delivery(campaign, i);
    return campaign;
}

static void
release(struct campaign *campaign)
{
    submitter_free(&campaign->submitter);
    timer_cancel(campaign->doors.loop, &campaign->retry);
    for (size_t i = 0; i < campaign->config->deliveries_count; i++)
        delivery_release(&campaign->deliveries[i]);
    mem_free(campaign->deliveries);
    quarantine_release(&campaign->quarantine);
    return_paths_release(&campaign->paths);
    retries_release(&campaign->retries);
    mem_free(campaign->expired.rows);
    arrived_release(&campaign->arrived);
    analysis_release(&campaign->analysis);
    text_release(&campaign->date);
    text_release(&campaign->envelope->sender);
    text_release(&campaign->envelope->rcpt);
    mem_free(campaign->envelope);
}

void
campaign_free(struct campaign **campaign)
{
    if (*campaign == NULL)
        return;
    release(*campaign);
    mem_free(*campaign);
    *campaign = NULL;
}

void
campaign_start(struct campaign *campaign)
{
    for (size_t i = 0; i < campaign->config->deliveries_count; i++)
        delivery_arm(&campaign->deliveries[i]);
}

void
campaign_write(struct delivery *delivery, uint64_t row, struct event *event)
{
    struct campaign *campaign = delivery->campaign;
    const struct row_envelope *envelope = campaign_envelope(campaign, delivery->index, row);

    event->at_us = loop_now_us(campaign->doors.loop);
    event->delivery = delivery->name;
    event->row = (uint32_t)row;
    event_write(
        campaign->doors.journal, event, text_slice(&envelope->sender), text_slice(&envelope->rcpt));
}

/* --- asking it --- */

static const struct delivery *
get_delivery(const struct campaign *campaign, size_t delivery)
{
    assert(delivery < campaign->config->deliveries_count);
    return &campaign->deliveries[delivery];
}

const struct analysis *
campaign_analyse(struct campaign *campaign, size_t delivery)
{
    analysis_run(
        &campaign->analysis, get_delivery(campaign, delivery)->config, &campaign->quarantine);
    return &campaign->analysis.analysis;
}

uint64_t
campaign_rows_count(const struct campaign *campaign, size_t delivery)
{
    return get_delivery(campaign, delivery)->log.count;
}

struct row
campaign_row(const struct campaign *campaign, size_t delivery, uint64_t row)
{
    return delivery_log_row(&get_delivery(campaign, delivery)->log, row);
}

void
campaign_row_address(
    const struct campaign *campaign, size_t delivery, uint64_t row, struct text *out)
{
    recipients_address(get_delivery(campaign, delivery)->config, row, out);
}

uint64_t
campaign_first_row(const struct delivery *delivery, uint64_t row)
{
    return row - row % delivery->config->recipients_per_message;
}

/* Of what was not sent yet: as it would be now. */
static int64_t
sending_day(const struct delivery *delivery, uint64_t row)
{
    size_t i = delivery->days_count;

    while (i > 1 && delivery->days[i - 1].first_row > row)
        i--;
    return i > 0 ? delivery->days[i - 1].day
                 : verp_day(loop_wall_us(delivery->campaign->doors.loop));
}

void
campaign_return_path(
    const struct campaign *campaign, size_t delivery, uint64_t row, struct text *out)
{
    const struct delivery *found = get_delivery(campaign, delivery);
    uint64_t first = campaign_first_row(found, row);

    return_path_write(&campaign->paths, delivery, first, sending_day(found, first), out);
}

const struct row_envelope *
campaign_envelope(const struct campaign *campaign, size_t delivery, uint64_t row)
{
    struct row_envelope *envelope = campaign->envelope;
    int64_t day = sending_day(get_delivery(campaign, delivery), row);

    if (envelope->is_set && envelope->row == row && envelope->delivery == delivery &&
        envelope->day == day)
        return envelope;
    text_clear(&envelope->sender);
    text_clear(&envelope->rcpt);
    campaign_return_path(campaign, delivery, row, &envelope->sender);
    campaign_row_address(campaign, delivery, row, &envelope->rcpt);
    envelope->delivery = delivery;
    envelope->row = row;
    envelope->day = day;
    envelope->is_set = true;
    return envelope;
}

/* Case matters in the local part, not in the domain. */
static bool
is_same_address(struct slice a, struct slice b)
{
    if (slice_equals(a, b))
        return true;
    return slice_equals(recipient_local(a), recipient_local(b)) &&
        slice_equals_nocase(recipient_domain(a), recipient_domain(b));
}

static bool
row_has_address(
    const struct campaign *campaign, size_t delivery, uint64_t row, struct slice address)
{
    return is_same_address(text_slice(&campaign_envelope(campaign, delivery, row)->rcpt), address);
}

/* Asked again for the envelope that was wanted last, which is most often so: there is nothing to read. */
static bool
is_last_envelope(const struct campaign *campaign, struct slice sender, struct slice rcpt)
{
    const struct row_envelope *last = campaign->envelope;

    return last->is_set && slice_equals(text_slice(&last->rcpt), rcpt) &&
        slice_equals(text_slice(&last->sender), sender) &&
        get_delivery(campaign, last->delivery)->config->recipients_per_message == 1;
}

bool
campaign_find_row(const struct campaign *campaign, struct slice sender, struct slice rcpt,
    size_t *delivery, uint64_t *row)
{
    const struct delivery *found;
    uint64_t first, end;

    if (is_last_envelope(campaign, sender, rcpt)) {
        *delivery = campaign->envelope->delivery;
        *row = campaign->envelope->row;
        return true;
    }
    if (!return_path_read(&campaign->paths, sender, delivery, &first))
        return false;
    found = get_delivery(campaign, *delivery);
    if (first != campaign_first_row(found, first))
        return false;
    if (first >= found->log.count ||
        !is_same_address(
            text_slice(&campaign_envelope(campaign, *delivery, first)->sender), sender))
        return false;
    end = first + found->config->recipients_per_message;
    for (*row = first; *row < end && *row < found->log.count; ++*row)
        if (row_has_address(campaign, *delivery, *row, rcpt))
            return true;
    return false;
}

int64_t
campaign_row_relayed_us(const struct campaign *campaign, size_t delivery, uint64_t row)
{
    return delivery_log_relayed_us(&get_delivery(campaign, delivery)->log, row);
}

static const struct counters *
get_counters(const struct campaign *campaign, int delivery)
{
    if (delivery == DELIVERY_ALL)
        return &campaign->total;
    return &get_delivery(campaign, (size_t)delivery)->counters;
}

struct kpi
campaign_kpi(const struct campaign *campaign, int delivery)
{
    return get_counters(campaign, delivery)->kpi;
}

const struct kpi *
campaign_kpi_now(const struct campaign *campaign, int delivery)
{
    return &get_counters(campaign, delivery)->kpi;
}

static struct kpi
recount_delivery(const struct campaign *campaign, const struct delivery *delivery)
{
    struct kpi kpi = {0};

    delivery_log_recount(&delivery->log, &kpi);
    kpi.quarantined = quarantine_recount(&campaign->quarantine, delivery->index);
    return kpi;
}

struct kpi
campaign_recount(const struct campaign *campaign, int delivery)
{
    struct kpi sum = {0};

    if (delivery != DELIVERY_ALL)
        return recount_delivery(campaign, get_delivery(campaign, (size_t)delivery));
    for (size_t i = 0; i < campaign->config->deliveries_count; i++) {
        struct kpi kpi = recount_delivery(campaign, &campaign->deliveries[i]);

        kpi_add(&sum, &kpi);
    }
    return sum;
}

uint64_t
campaign_rows_with(const struct campaign *campaign, int delivery, enum row_status status,
    enum failure_reason reason, enum failure_type type)
{
    return kpi_rows_with(get_counters(campaign, delivery), &(struct row){status, reason, type});
}

enum delivery_state
campaign_delivery_state(const struct campaign *campaign, size_t delivery)
{
    return get_delivery(campaign, delivery)->state;
}

int64_t
campaign_relayed_at_us(const struct campaign *campaign, size_t delivery)
{
    const struct delivery *found = get_delivery(campaign, delivery);

    return found->state == DELIVERY_RELAYED ? found->last_relayed_us : -1;
}

bool
campaign_has_feedback(const struct campaign *campaign, int delivery)
{
    if (delivery == DELIVERY_ALL)
        return campaign->has_feedback;
    return get_delivery(campaign, (size_t)delivery)->has_feedback;
}

uint64_t
campaign_duplicates_dropped(const struct campaign *campaign)
{
    return campaign->duplicates_dropped_count;
}

struct campaign_returns
campaign_returns(const struct campaign *campaign)
{
    return campaign->returns;
}

uint64_t
campaign_quarantine_count(const struct campaign *campaign)
{
    return campaign->quarantine.quarantined_count + campaign->quarantine.denylisted_count;
}

bool
campaign_is_quarantined(const struct campaign *campaign, struct slice address)
{
    return quarantine_exclusion(&campaign->quarantine, address) != REASON_NONE;
}

bool
campaign_is_settled(const struct campaign *campaign)
{
    for (size_t i = 0; i < campaign->config->deliveries_count; i++)
        if (!delivery_is_over(&campaign->deliveries[i]))
            return false;
    return campaign->total.kpi.pending == 0 && campaign->total.kpi.taken == 0;
}
