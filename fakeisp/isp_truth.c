/* isp_truth.c - what a sender may do right now: all limits, holds, reputation and warming in one.
 *
 * Limits of recipients and bytes are turned into messages by what a message is said to hold; a limit
 * of connections by how many messages one of them may carry. */
#include "fakeisp/isp_truth.h"

#include "fakeisp/sender.h"

static int64_t
sooner(int64_t a_us, int64_t b_us)
{
    return a_us < b_us ? a_us : b_us;
}

static uint64_t
fewer(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

struct isp_standing
isp_standing_now(struct isp *isp, const struct isp_sender *sender)
{
    return reputation_standing(policies_reputation(isp_policies(isp)), sender, isp_now_us(isp));
}

struct isp_marks
isp_marks_now(struct isp *isp)
{
    return reputation_marks(policies_reputation(isp_policies(isp)));
}

struct isp_marks
isp_marks_of(struct isp *isp, struct slice rcpt)
{
    return policies_marks_of(isp_policies(isp), rcpt, isp_now_us(isp));
}

struct isp_warmth
isp_warmth_now(struct isp *isp, const struct isp_sender *sender)
{
    return warming_warmth(policies_warming(isp_policies(isp)), sender, isp_now_us(isp));
}

static struct isp_limit_state
limit_after(struct isp *isp, size_t index, const struct isp_sender *sender, int64_t way_us)
{
    struct isp_standing standing = isp_standing_now(isp, sender);
    struct isp_limit_state state = limits_state(policies_limits(isp_policies(isp)), index, sender,
        standing.scale_ppm, way_us, isp_now_us(isp));

    state.changes_at_us = sooner(state.changes_at_us, standing.changes_at_us);
    return state;
}

struct isp_limit_state
isp_limit_now(struct isp *isp, size_t index, const struct isp_sender *sender)
{
    return limit_after(isp, index, sender, 0);
}

bool
isp_is_living(struct isp *isp, struct slice rcpt)
{
    return !isp_config(isp)->is_by_address &&
        mailboxes_is_living(policies_mailboxes(isp_policies(isp)), rcpt, isp_now_us(isp));
}

/* ---- of an MTA with many addresses ---- */

/* Two of our addresses may share a network, and then a counter. */
static bool
is_counted_already(uint32_t per, const struct isp_senders *senders, size_t source)
{
    const struct isp_sender this = {.source = senders->sources[source]};
    struct sender_key key = sender_key(per & LIMIT_PER_IP_24, &this);

    if ((per & LIMIT_PER_IP_24) == 0 || (per & LIMIT_PER_SOURCE_IP) != 0)
        return false;
    for (size_t i = 0; i < source; i++) {
        const struct isp_sender other = {.source = senders->sources[i]};
        struct sender_key before = sender_key(LIMIT_PER_IP_24, &other);

        if (before.length == key.length && memcmp(before.bytes, key.bytes, key.length) == 0)
            return true;
    }
    return false;
}

/* One counter of a limit for each that is told apart. */
struct ratio
isp_limit_rate_now(
    struct isp *isp, size_t index, const struct isp_senders *senders, int64_t *changes_at_us)
{
    const struct isp_config *config = isp_config(isp);
    uint32_t per = config->limits[index].per;
    size_t sources = per & (LIMIT_PER_SOURCE_IP | LIMIT_PER_IP_24) ? senders->sources_count : 1;
    size_t hosts = per & LIMIT_PER_HOST ? config->hosts_count : 1;
    struct ratio sum = {0, 1};

    assert(senders->sources_count > 0);
    *changes_at_us = INT64_MAX;
    for (size_t i = 0; i < sources; i++)
        for (size_t host = 0; host < hosts && !is_counted_already(per, senders, i); host++) {
            const struct isp_sender sender = {
                senders->sources[i], host, senders->domain, senders->dkim_domain};
            struct isp_limit_state state = isp_limit_now(isp, index, &sender);

            sum = ratio_add(sum, state.rate);
            *changes_at_us = sooner(*changes_at_us, state.changes_at_us);
        }
    return sum;
}

/* ---- all in one ---- */

static void
bound_rate(struct isp_permission *permission, struct ratio rate)
{
    if (!permission->has_rate || ratio_compare(rate, permission->rate) < 0)
        permission->rate = rate;
    permission->has_rate = true;
}

/* A limit with more room than it needs for a second keeps nobody from sending at once. */
static void
bound_pace(struct isp_permission *permission, struct ratio rate, uint64_t room)
{
    int64_t second = ratio_round(ratio_multiply(rate, ratio_of(US_PER_S, 1)));

    if (room > (uint64_t)second + 1)
        return;
    if (!permission->has_pace || ratio_compare(rate, permission->pace) < 0)
        permission->pace = rate;
    permission->has_pace = true;
}

static void
bound_room(struct isp_permission *permission, uint64_t room, int64_t eases_at_us)
{
    if (room == 0 && permission->room == 0) { /* the last one to ease decides */
        if (eases_at_us > permission->eases_at_us)
            permission->eases_at_us = eases_at_us;
    } else if (room < permission->room) {
        permission->eases_at_us = eases_at_us;
    }
    permission->room = fewer(permission->room, room);
}

/* So much of what is counted goes with one message; 0: it cannot be told. */
static uint64_t
weight_of(enum limit_count count, const struct isp_message *message)
{
    switch (count) {
    case LIMIT_MESSAGES:
        return 1;
    case LIMIT_RECIPIENTS:
        return message->recipients;
    case LIMIT_BYTES:
        return message->bytes;
    case LIMIT_CONNECTIONS_OPEN:
    case LIMIT_CONNECTIONS:
    case LIMIT_UNKNOWN_USERS:
    case LIMIT_COMPLAINTS:
    case LIMIT_MESSAGES_PER_CONNECTION:
    case LIMIT_RECIPIENTS_PER_TRANSACTION:
    case LIMIT_DOMAINS_PER_TRANSACTION:
        return 0;
    }
    return 0;
}

static void
apply_limit(struct isp_permission *permission, const struct isp_limit_state *state,
    const struct isp_message *message)
{
    uint64_t weight = weight_of(state->config->count, message);
    struct ratio rate;

    permission->changes_at_us = sooner(permission->changes_at_us, state->changes_at_us);
    if (state->is_shut) {
        permission->is_refused = true;
        bound_room(permission, 0, state->shut_until_us);
    }
    switch (state->config->count) {
    case LIMIT_CONNECTIONS_OPEN:
        permission->connections_open_max = fewer(permission->connections_open_max, state->max);
        return;
    case LIMIT_MESSAGES_PER_CONNECTION:
        permission->messages_per_connection_max =
            fewer(permission->messages_per_connection_max, state->max);
        return;
    case LIMIT_RECIPIENTS_PER_TRANSACTION:
        permission->recipients_per_transaction_max =
            fewer(permission->recipients_per_transaction_max, state->max);
        return;
    case LIMIT_UNKNOWN_USERS:
    case LIMIT_COMPLAINTS:
        if (state->config->share.den > 0 && state->room == 0)
            bound_room(permission, 0, INT64_MAX);
        return;
    case LIMIT_MESSAGES:
    case LIMIT_RECIPIENTS:
    case LIMIT_BYTES:
        if (weight == 0)
            return;
        rate = ratio_divide(state->rate, ratio_of((int64_t)weight, 1));
        bound_rate(permission, rate);
        bound_pace(permission, rate, state->room / weight);
        bound_room(permission, state->room / weight, state->eases_at_us);
        return;
    case LIMIT_CONNECTIONS:
    case LIMIT_DOMAINS_PER_TRANSACTION:
        return;
    }
}

/* Connections in time bound messages in time where one carries so many and no more. */
static void
apply_connections(struct isp_permission *permission, const struct isp_limit_state *state)
{
    uint64_t each = permission->messages_per_connection_max;

    if (state->config->count == LIMIT_CONNECTIONS && each < UINT32_MAX)
        bound_rate(permission, ratio_multiply(state->rate, ratio_of((int64_t)each, 1)));
}

static void
apply_standing(struct isp_permission *permission, const struct isp_standing *standing,
    const struct isp_warmth *warmth)
{
    if (warmth->is_refused || standing->refused_ppm >= PPM) {
        permission->is_refused = true;
        bound_room(permission, 0, warmth->changes_at_us);
    } else {
        permission->refused_ppm = standing->refused_ppm;
    }
    if (!warmth->is_warm) {
        bound_rate(permission, ratio_of((int64_t)warmth->allowance, US_PER_DAY));
        bound_pace(permission, ratio_of((int64_t)warmth->allowance, US_PER_DAY), warmth->left);
        bound_room(permission, warmth->left, warmth->changes_at_us);
    }
    permission->changes_at_us =
        sooner(permission->changes_at_us, sooner(standing->changes_at_us, warmth->changes_at_us));
}

static struct isp_permission
anything(const struct isp_config *config)
{
    return (struct isp_permission){
        .rate = {0, 1},
        .pace = {0, 1},
        .room = UINT64_MAX,
        .eases_at_us = INT64_MAX,
        .connections_open_max = UINT64_MAX,
        .messages_per_connection_max = UINT64_MAX,
        .recipients_per_transaction_max = config->recipients_max,
        .changes_at_us = INT64_MAX
    };
}

/* Nothing passes, and so there is a rate. */
static void
close_if_refused(struct isp_permission *permission)
{
    if (!permission->is_refused)
        return;
    permission->has_rate = true;
    permission->rate = ratio_of(0, 1);
}

struct isp_permission
isp_permission_now(
    struct isp *isp, const struct isp_sender *sender, const struct isp_message *message)
{
    const struct isp_config *config = isp_config(isp);
    struct isp_permission permission = anything(config);
    struct isp_standing standing = isp_standing_now(isp, sender);
    struct isp_warmth warmth = isp_warmth_now(isp, sender);
    struct isp_limit_state state;

    for (size_t i = 0; i < config->limits_count; i++) {
        state = limit_after(isp, i, sender, message->way_us);
        apply_limit(&permission, &state, message);
    }
    for (size_t i = 0; i < config->limits_count; i++) {
        state = isp_limit_now(isp, i, sender);
        apply_connections(&permission, &state);
    }
    apply_standing(&permission, &standing, &warmth);
    close_if_refused(&permission);
    return permission;
}

/* --- all addresses --- */

static uint64_t
sum_of(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/* One limit with all its counters that we fill: those that are shut let nothing through. */
static struct isp_limit_state
state_of_all(struct isp *isp, size_t index, const struct isp_senders *senders, int64_t way_us)
{
    const struct isp_config *config = isp_config(isp);
    uint32_t per = config->limits[index].per;
    size_t sources = per & (LIMIT_PER_SOURCE_IP | LIMIT_PER_IP_24) ? senders->sources_count : 1;
    size_t hosts = per & LIMIT_PER_HOST ? config->hosts_count : 1;
    struct isp_limit_state all = {
        .config = &config->limits[index],
        .rate = {0, 1},
        .is_shut = true,
        .shut_until_us = INT64_MAX,
        .eases_at_us = INT64_MAX,
        .changes_at_us = INT64_MAX
    };

    for (size_t i = 0; i < sources; i++)
        for (size_t host = 0; host < hosts && !is_counted_already(per, senders, i); host++) {
            const struct isp_sender sender = {
                senders->sources[i], host, senders->domain, senders->dkim_domain};
            struct isp_limit_state state = limit_after(isp, index, &sender, way_us);

            all.max = sum_of(all.max, state.is_shut ? 0 : state.max);
            all.rate = ratio_add(all.rate, state.rate);
            all.room = sum_of(all.room, state.room);
            all.is_shut = all.is_shut && state.is_shut;
            if (state.is_shut)
                all.shut_until_us = sooner(all.shut_until_us, state.shut_until_us);
            all.eases_at_us = sooner(all.eases_at_us, state.eases_at_us);
            all.changes_at_us = sooner(all.changes_at_us, state.changes_at_us);
        }
    return all;
}

/* A session and a transaction belong to one of them. */
static bool
is_of_one(enum limit_count count)
{
    return count == LIMIT_MESSAGES_PER_CONNECTION || count == LIMIT_RECIPIENTS_PER_TRANSACTION ||
        count == LIMIT_DOMAINS_PER_TRANSACTION;
}

static struct isp_warmth
warmth_of_all(struct isp *isp, const struct isp_senders *senders)
{
    const struct isp_config *config = isp_config(isp);
    size_t sources =
        config->warming.per & (LIMIT_PER_SOURCE_IP | LIMIT_PER_IP_24) ? senders->sources_count : 1;
    struct isp_warmth all = {.is_warm = true, .is_refused = true, .changes_at_us = INT64_MAX};

    for (size_t i = 0; i < sources; i++) {
        const struct isp_sender sender = {
            senders->sources[i], 0, senders->domain, senders->dkim_domain};
        struct isp_warmth warmth = isp_warmth_now(isp, &sender);

        if (is_counted_already(config->warming.per, senders, i))
            continue;
        all.is_warm = all.is_warm && warmth.is_warm;
        all.is_refused = all.is_refused && warmth.is_refused;
        all.allowance = sum_of(all.allowance, warmth.allowance);
        all.left = sum_of(all.left, warmth.is_refused ? 0 : warmth.left);
        all.changes_at_us = sooner(all.changes_at_us, warmth.changes_at_us);
    }
    return all;
}

struct isp_permission
isp_permission_of_all(
    struct isp *isp, const struct isp_senders *senders, const struct isp_message *message)
{
    const struct isp_config *config = isp_config(isp);
    const struct isp_sender first = {senders->sources[0], 0, senders->domain, senders->dkim_domain};
    struct isp_permission permission = anything(config);
    struct isp_standing standing = isp_standing_now(isp, &first);
    struct isp_warmth warmth = warmth_of_all(isp, senders);
    struct isp_limit_state state;

    assert(senders->sources_count > 0);
    for (size_t i = 0; i < config->limits_count; i++) {
        state = is_of_one(config->limits[i].count) ? limit_after(isp, i, &first, message->way_us)
                                                   : state_of_all(isp, i, senders, message->way_us);
        apply_limit(&permission, &state, message);
    }
    for (size_t i = 0; i < config->limits_count; i++) {
        state = state_of_all(isp, i, senders, message->way_us);
        apply_connections(&permission, &state);
    }
    apply_standing(&permission, &standing, &warmth);
    close_if_refused(&permission);
    return permission;
}
