/* policy_limit.c - limits with memory: who came how often lately, and for whom the door is shut.
 *
 * Each limit has a counter per key (source IP, network, sender's domain, host, or a pair of them).
 * All limits of a stage are asked; the first that is over answers, and only if none is over do they
 * all count. So a refusal never uses up anybody's room, except that it prolongs a penalty. */
#include "base/map.h"
#include "fakeisp/pattern.h"
#include "fakeisp/policy.h"
#include "fakeisp/window.h"
#include "smtp/address.h"

enum { COUNTERS_MAX = 1 << 20 };       /* beyond so many keys the newcomers share one counter */
#define HOLD_US_MAX (400 * US_PER_DAY) /* where the config sets no end to a penalty */

struct counter {
    struct tally tally;
    int64_t shut_until_us; /* penalty; 0: the door was never shut */
    int64_t hold_us;       /* how long the last try shut it */
};

struct limit {
    const struct isp_limit *config;
    uint32_t name;
    struct ready_reply over;
    struct window window; /* as it is now */
    struct map keys;
    struct counter *counters;
    size_t counters_capacity;
    struct counter *asked; /* the counter of this question, between asking and counting */
};

struct limits {
    struct limit *limits;
    size_t count;
    bool wants_unknown_users;
    uint32_t stages; /* bits: where any limit has something to say */
};

/* At which stage each count is asked, unless it is one per signing domain. */
static const enum smtp_stage stages[] = {
    [LIMIT_CONNECTIONS_OPEN] = STAGE_CONNECT,
    [LIMIT_CONNECTIONS] = STAGE_CONNECT,
    [LIMIT_MESSAGES] = STAGE_MAIL,
    [LIMIT_RECIPIENTS] = STAGE_RCPT,
    [LIMIT_BYTES] = STAGE_DOT,
    [LIMIT_UNKNOWN_USERS] = STAGE_RCPT,
    [LIMIT_MESSAGES_PER_CONNECTION] = STAGE_MAIL,
    [LIMIT_RECIPIENTS_PER_TRANSACTION] = STAGE_RCPT,
};

static enum smtp_stage
stage_of(const struct isp_limit *config)
{
    return config->per & LIMIT_PER_DKIM_DOMAIN ? STAGE_DOT : stages[config->count];
}

/* ---- keys ---- */

struct key {
    char bytes[64 + 2 * (ADDRESS_DOMAIN_MAX + 1)];
    size_t length;
};

static void
add_to_key(struct key *key, const void *bytes, size_t length)
{
    assert(key->length + length <= sizeof key->bytes);
    memcpy(key->bytes + key->length, bytes, length);
    key->length += length;
}

static void
add_network(struct key *key, const struct net_address *source)
{
    add_to_key(key, &source->family, 1);
    add_to_key(key, source->bytes, source->family == 4 ? 3 : 8);
}

static void
add_domain(struct key *key, struct slice domain)
{
    if (domain.length > ADDRESS_DOMAIN_MAX)
        domain.length = ADDRESS_DOMAIN_MAX;
    for (size_t i = 0; i < domain.length; i++) {
        char c = char_lower(domain.at[i]);

        add_to_key(key, &c, 1);
    }
}

/* What comes first has a fixed length or an end, so that no two keys are alike by chance. */
static struct key
key_of(const struct limit *limit, const struct visit *visit, struct slice sender,
    const struct auth_results *auth)
{
    uint32_t per = limit->config->per, host = (uint32_t)visit->host;
    struct key key = {.length = 0};

    if (per & LIMIT_PER_HOST)
        add_to_key(&key, &host, sizeof host);
    if (per & LIMIT_PER_SOURCE_IP) {
        add_to_key(&key, &visit->source.family, 1);
        add_to_key(&key, visit->source.bytes, visit->source.family == 4 ? 4 : 16);
    }
    if (per & LIMIT_PER_IP_24)
        add_network(&key, &visit->source);
    if (per & LIMIT_PER_SENDER_DOMAIN)
        add_domain(&key, address_domain(sender));
    if (per & LIMIT_PER_DKIM_DOMAIN) {
        add_to_key(&key, "", 1);
        if (auth != NULL && auth->dkim == DKIM_GOOD)
            add_domain(&key, text_slice(&auth->dkim_domain));
    }
    return key;
}

static struct counter *
counter_of(struct limit *limit, const struct visit *visit, struct slice sender,
    const struct auth_results *auth)
{
    struct key key = key_of(limit, visit, sender, auth);
    struct slice bytes = {key.bytes, key.length};
    uint32_t number;
    bool is_new = false;

    if (limit->keys.count >= COUNTERS_MAX && !map_find(&limit->keys, bytes, &number))
        bytes.length = 0;
    number = map_put(&limit->keys, bytes, &is_new);
    if (is_new) {
        limit->counters = mem_grow(
            limit->counters, &limit->counters_capacity, number + 1, sizeof limit->counters[0]);
        limit->counters[number] = (struct counter){0};
    }
    return &limit->counters[number];
}

/* ---- over the limit ---- */

static int64_t
longer_hold(const struct isp_limit *config, int64_t hold_us)
{
    int64_t most_us = config->hold_us_max > 0 ? config->hold_us_max : HOLD_US_MAX;
    struct ratio longer = {hold_us, 1};

    if (config->hold_factor.den > 0)
        longer = ratio_multiply(longer, config->hold_factor);
    if (ratio_compare(longer, ratio_of(most_us, 1)) >= 0)
        return most_us;
    return ratio_round(longer);
}

static bool
is_shut(const struct counter *counter, int64_t now_us)
{
    return now_us < counter->shut_until_us;
}

/* A try at a shut door keeps it shut for longer than the one before; one that meets it open and is
 * over the limit shuts it for the shortest time. */
static void
punish(struct limit *limit, struct counter *counter, int64_t now_us)
{
    const struct isp_limit *config = limit->config;

    if (config->hold_us == 0)
        return;
    if (is_shut(counter, now_us))
        counter->hold_us = longer_hold(config, counter->hold_us);
    else
        counter->hold_us = config->hold_us;
    if (now_us + counter->hold_us > counter->shut_until_us)
        counter->shut_until_us = now_us + counter->hold_us;
}

/* Told to come later, by a reply or by none at all, or told that it is over for good. */
static enum bounce_class
cause_of_limit(const struct isp_limit *config)
{
    if (config->cause != CLASS_NONE)
        return config->cause;
    return config->then == THEN_DROP || config->over.reply.code < 500 ? CLASS_TRANSIENT_FAILURE
                                                                      : CLASS_SOFT_BOUNCE;
}

static struct answer
over_the_limit(struct limit *limit, struct counter *counter, int64_t now_us)
{
    struct answer answer = {.kind = ANSWER_REPLY,
        .reply = &limit->over,
        .rule = limit->name,
        .limit = limit->name,
        .cause = cause_of_limit(limit->config)};

    punish(limit, counter, now_us);
    switch (limit->config->then) {
    case THEN_KEEP:
        return answer;
    case THEN_CLOSE:
        answer.kind = ANSWER_CLOSE;
        return answer;
    case THEN_DROP:
        answer.kind = ANSWER_CLOSE;
        answer.reply = NULL;
        return answer;
    }
    return answer;
}

/* ---- asking ---- */

static uint64_t
amount_of(const struct limit *limit, const struct question *question)
{
    if (limit->config->count == LIMIT_RECIPIENTS)
        return question->rcpt_end - question->rcpt_first; /* all of them at the final dot */
    return limit->config->count == LIMIT_BYTES ? question->bytes : 1;
}

static bool
has_room(struct limit *limit, struct counter *counter, const struct question *question)
{
    switch (limit->config->count) {
    case LIMIT_MESSAGES_PER_CONNECTION:
        return question->visit->transactions_count < limit->window.max;
    case LIMIT_RECIPIENTS_PER_TRANSACTION:
        return question->rcpt_first < limit->window.max;
    case LIMIT_UNKNOWN_USERS:
        return true; /* until we know whether it is one */
    case LIMIT_CONNECTIONS_OPEN:
    case LIMIT_CONNECTIONS:
    case LIMIT_MESSAGES:
    case LIMIT_RECIPIENTS:
    case LIMIT_BYTES:
        return tally_has_room(
            &counter->tally, &limit->window, question->now_us, amount_of(limit, question));
    }
    return true;
}

static bool
has_tally(enum limit_count count)
{
    return count != LIMIT_MESSAGES_PER_CONNECTION && count != LIMIT_RECIPIENTS_PER_TRANSACTION;
}

static void
count_what_passes(struct limits *limits, const struct question *question)
{
    for (size_t i = 0; i < limits->count; i++) {
        struct limit *limit = &limits->limits[i];
        enum limit_count count = limit->config->count;

        if (stage_of(limit->config) != question->stage || !has_tally(count) ||
            count == LIMIT_UNKNOWN_USERS)
            continue;
        tally_take(
            &limit->asked->tally, &limit->window, question->now_us, amount_of(limit, question));
    }
}

struct answer
limits_ask(struct limits *limits, const struct question *question)
{
    if ((limits->stages & 1U << question->stage) == 0)
        return (struct answer){0};
    for (size_t i = 0; i < limits->count; i++) {
        struct limit *limit = &limits->limits[i];

        if (stage_of(limit->config) != question->stage)
            continue;
        limit->asked =
            counter_of(limit, question->visit, envelope_sender(question->envelope), question->auth);
        if (is_shut(limit->asked, question->now_us) || !has_room(limit, limit->asked, question))
            return over_the_limit(limit, limit->asked, question->now_us);
    }
    count_what_passes(limits, question);
    return (struct answer){0};
}

struct answer
limits_ask_unknown_user(struct limits *limits, const struct question *question)
{
    for (size_t i = 0; i < limits->count; i++) {
        struct limit *limit = &limits->limits[i];

        if (limit->config->count != LIMIT_UNKNOWN_USERS)
            continue;
        limit->asked =
            counter_of(limit, question->visit, envelope_sender(question->envelope), NULL);
        if (!tally_has_room(&limit->asked->tally, &limit->window, question->now_us, 1))
            return over_the_limit(limit, limit->asked, question->now_us);
    }
    for (size_t i = 0; i < limits->count; i++) {
        struct limit *limit = &limits->limits[i];

        if (limit->config->count == LIMIT_UNKNOWN_USERS)
            tally_take(&limit->asked->tally, &limit->window, question->now_us, 1);
    }
    return (struct answer){0};
}

void
limits_on_closed(struct limits *limits, const struct visit *visit)
{
    for (size_t i = 0; i < limits->count; i++) {
        struct limit *limit = &limits->limits[i];

        if (limit->config->count == LIMIT_CONNECTIONS_OPEN)
            tally_give_back(&counter_of(limit, visit, SLICE(""), NULL)->tally, 1);
    }
}

uint32_t
limits_stages(const struct limits *limits)
{
    return limits->stages;
}

bool
limits_want_unknown_users(const struct limits *limits)
{
    return limits->wants_unknown_users;
}

/* ---- coming, going, turning ---- */

struct limits *
limits_new(const struct isp_config *config, const struct policy_doors *doors)
{
    struct limits *limits = mem_alloc_zeroed(sizeof *limits);

    limits->count = config->limits_count;
    limits->limits = mem_alloc_zeroed(limits->count * sizeof limits->limits[0]);
    for (size_t i = 0; i < limits->count; i++) {
        const struct isp_limit *from = &config->limits[i];
        struct limit *limit = &limits->limits[i];

        assert(from->per != 0);
        assert(from->over.is_set);
        assert(from->window == WINDOW_NONE || from->window_us > 0);
        limit->config = from;
        limit->name = journal_name(doors->journal, from->id);
        limit->over = ready_reply_of(&from->over.reply, doors->arena, doors->journal);
        limit->window = (struct window){from->window, from->window_us, from->max};
        if (from->count == LIMIT_CONNECTIONS_OPEN)
            limit->window.kind = WINDOW_NONE; /* it is given back, and never by time alone */
        if (from->count == LIMIT_UNKNOWN_USERS)
            limits->wants_unknown_users = true;
        limits->stages |= 1U << stage_of(from);
    }
    return limits;
}

void
limits_free(struct limits **limits)
{
    if (*limits == NULL)
        return;
    for (size_t i = 0; i < (*limits)->count; i++) {
        struct limit *limit = &(*limits)->limits[i];

        for (uint32_t j = 0; j < limit->keys.count; j++)
            tally_release(&limit->counters[j].tally);
        map_release(&limit->keys);
        mem_free(limit->counters);
    }
    mem_free((*limits)->limits);
    mem_free(*limits);
    *limits = NULL;
}

void
limits_turn(struct limits *limits, enum isp_knob knob, size_t index, int64_t value, int64_t now_us)
{
    struct limit *limit;

    assert(index < limits->count);
    assert(value >= 0);
    limit = &limits->limits[index];
    for (uint32_t i = 0; i < limit->keys.count; i++) {
        tally_settle(&limit->counters[i].tally, &limit->window, now_us);
        limit->counters[i].tally.fraction = 0; /* less than one, and of a length that may change */
    }
    if (knob == KNOB_LIMIT_MAX) {
        limit->window.max = (uint64_t)value;
    } else {
        assert(value > 0);
        limit->window.length_us = value;
    }
}

int64_t
limits_knob(const struct limits *limits, enum isp_knob knob, size_t index)
{
    assert(index < limits->count);
    if (knob == KNOB_LIMIT_MAX)
        return (int64_t)limits->limits[index].window.max;
    return limits->limits[index].window.length_us;
}
