/* policy_limit.c - limits with memory: who came how often lately, and for whom the door is shut.
 *
 * Each limit has a counter per sender, as its keys tell them apart. All limits of a stage are asked;
 * the first that is over answers, and only if none is over do they all count. So a refusal never uses
 * up anybody's room, except that it prolongs a penalty. A limit may answer from an earlier stage on
 * than the one where it counts: messages that are too many may be refused by the banner. */
#include "fakeisp/policy_limit.h"

#include "fakeisp/pattern.h"

__extension__ typedef unsigned __int128 uint128; /* counts times the parts of a share */

/* At which stage each count is taken, unless it is one per signing domain. */
static const enum smtp_stage stages[] = {
    [LIMIT_CONNECTIONS_OPEN] = STAGE_CONNECT,
    [LIMIT_CONNECTIONS] = STAGE_CONNECT,
    [LIMIT_MESSAGES] = STAGE_MAIL,
    [LIMIT_RECIPIENTS] = STAGE_RCPT,
    [LIMIT_BYTES] = STAGE_DOT,
    [LIMIT_UNKNOWN_USERS] = STAGE_RCPT,
    [LIMIT_COMPLAINTS] = STAGE_MAIL,
    [LIMIT_MESSAGES_PER_CONNECTION] = STAGE_MAIL,
    [LIMIT_RECIPIENTS_PER_TRANSACTION] = STAGE_RCPT,
    [LIMIT_DOMAINS_PER_TRANSACTION] = STAGE_RCPT,
};

/* A session takes a place of that domain which its first MAIL names, and keeps it until it ends. */
static bool
is_from_mail_on(const struct isp_limit *config)
{
    return config->count == LIMIT_CONNECTIONS_OPEN && config->per & LIMIT_PER_SENDER_DOMAIN;
}

enum smtp_stage
limit_counted_at(const struct isp_limit *config)
{
    enum smtp_stage stage = config->per & LIMIT_PER_DKIM_DOMAIN ? STAGE_DOT
        : is_from_mail_on(config)                               ? STAGE_MAIL
                                                                : stages[config->count];

    return config->stage > stage ? config->stage : stage;
}

/* ---- counters ---- */

struct moment_of { /* a limit at an instant */
    const struct limit *limit;
    int64_t now_us;
};

/* Open connections are given back one by one, so whose they are is never forgotten. */
static bool
counter_is_idle(void *value, void *arg)
{
    struct counter *counter = value;
    const struct moment_of *at = arg;

    if (at->limit->config->count == LIMIT_CONNECTIONS_OPEN)
        return false;
    tally_settle(&counter->tally, &at->limit->window, at->now_us);
    tally_settle(&counter->all, &at->limit->window, at->now_us);
    door_settle(&counter->door, at->limit->config, at->now_us);
    return counter->tally.count == 0 && counter->all.count == 0 && counter->door.rung == 0 &&
        counter->door.strikes.count == 0 && !door_is_shut(&counter->door, at->now_us);
}

static void
counter_release(void *value)
{
    struct counter *counter = value;

    tally_release(&counter->tally);
    tally_release(&counter->all);
    tally_release(&counter->door.strikes);
}

struct counter *
limit_counter(struct limit *limit, const struct isp_sender *sender, int64_t now_us)
{
    struct moment_of at = {limit, now_us};
    const struct senders_care care = {counter_is_idle, counter_release, &at};
    struct sender_key key = sender_key(limit->config->per, sender);

    return senders_at(&limit->counters, &key, &care);
}

struct window
limit_window(const struct limit *limit, uint64_t scale_ppm)
{
    struct window window = limit->window;

    if (scale_ppm >= PPM)
        return window;
    window.max = (uint64_t)((uint128)window.max * scale_ppm / PPM);
    window.burst = (uint64_t)((uint128)window.burst * scale_ppm / PPM);
    if (window.max == 0 && limit->window.max > 0)
        window.max = 1;
    if (window.burst == 0 && limit->window.burst > 0)
        window.burst = 1;
    return window;
}

/* ---- over the limit ---- */

static enum answer_kind
kind_of(enum limit_then then)
{
    static const enum answer_kind kinds[] = {
        [THEN_KEEP] = ANSWER_REPLY,
        [THEN_CLOSE] = ANSWER_CLOSE,
        [THEN_DROP] = ANSWER_CLOSE,
        [THEN_RESET] = ANSWER_RESET,
        [THEN_SILENT] = ANSWER_SILENT,
    };

    return kinds[then];
}

/* Told to come later, by a reply or by none at all, or told that it is over for good. */
enum bounce_class
limit_cause(enum bounce_class configured, const struct ready_reply *reply)
{
    if (configured != CLASS_NONE)
        return configured;
    return reply == NULL || reply->code < 500 ? CLASS_TRANSIENT_FAILURE : CLASS_SOFT_BOUNCE;
}

static struct answer
over_the_limit(struct limit *limit, struct counter *counter, int64_t now_us)
{
    struct door *door = &counter->door;
    struct answer answer = {.outcome = (uint8_t)door_knock(door, limit->config, now_us),
        .reply = &limit->over,
        .rule = limit->name,
        .limit = limit->name};
    enum limit_then then = limit->config->then;
    enum bounce_class cause = limit->config->cause;

    if (door->rung > 0) {
        cause = limit->config->rungs[door->rung - 1].cause;
        then = limit->config->rungs[door->rung - 1].then;
        answer.reply = &limit->rung_overs[door->rung - 1];
        answer.rule = limit->rung_names[door->rung - 1];
    }
    answer.kind = kind_of(then);
    if (then != THEN_KEEP && then != THEN_CLOSE)
        answer.reply = NULL;
    answer.cause = limit_cause(cause, answer.reply);
    return answer;
}

/* ---- asking ---- */

bool
limit_has_tally(enum limit_count count)
{
    return count != LIMIT_MESSAGES_PER_CONNECTION && count != LIMIT_RECIPIENTS_PER_TRANSACTION &&
        count != LIMIT_DOMAINS_PER_TRANSACTION;
}

bool
limit_is_share(const struct limit *limit)
{
    return limit->share.den > 0;
}

bool
isp_limit_is_scaled(const struct isp_limit *config)
{
    return !config->is_unscaled && config->count <= LIMIT_BYTES;
}

/* What has its count from elsewhere: it is noted when it turns out to be one. */
static bool
is_noted(enum limit_count count)
{
    return count == LIMIT_UNKNOWN_USERS || count == LIMIT_COMPLAINTS;
}

static uint64_t
amount_of(const struct limit *limit, const struct question *question)
{
    if (question->stage < limit->counted)
        return 1;
    if (limit->config->count == LIMIT_RECIPIENTS)
        return question->rcpt_end - question->rcpt_first; /* all of them at the final dot */
    if (limit->config->count == LIMIT_MESSAGES && question->stage == STAGE_RCPT)
        return question->rcpt_first == 0; /* its others come with the first */
    return limit->config->count == LIMIT_BYTES ? question->bytes : 1;
}

static uint64_t
domains_in(const struct question *question)
{
    uint64_t count = 0;

    for (size_t i = 0; i < question->rcpt_end; i++) {
        struct slice domain = address_domain(envelope_rcpt(question->envelope, i));
        bool is_new = true;

        for (size_t j = 0; is_new && j < i; j++)
            is_new =
                !slice_equals_nocase(domain, address_domain(envelope_rcpt(question->envelope, j)));
        count += is_new;
    }
    return count;
}

bool
limit_share_is_over(struct limit *limit, struct counter *counter, int64_t now_us)
{
    uint64_t all;

    tally_settle(&counter->tally, &limit->window, now_us);
    tally_settle(&counter->all, &limit->window, now_us);
    all = counter->all.count;
    return all > 0 && all >= limit->config->share_of_min &&
        (uint128)counter->tally.count * (uint64_t)limit->share.den >
        (uint128)all * (uint64_t)limit->share.num;
}

static bool
has_room(struct limit *limit, struct counter *counter, const struct question *question)
{
    uint64_t scale_ppm = door_scale_ppm(&counter->door, limit->config);
    struct window window;

    switch (limit->config->count) {
    case LIMIT_MESSAGES_PER_CONNECTION:
        return question->visit->transactions_count < limit->window.max;
    case LIMIT_RECIPIENTS_PER_TRANSACTION:
        return question->rcpt_first < limit->window.max;
    case LIMIT_DOMAINS_PER_TRANSACTION:
        return domains_in(question) <= limit->window.max;
    case LIMIT_UNKNOWN_USERS:
    case LIMIT_COMPLAINTS:
        if (limit_is_share(limit))
            return !limit_share_is_over(limit, counter, question->now_us);
        if (limit->config->count == LIMIT_UNKNOWN_USERS)
            return question->stage == limit->counted || /* until we know whether it is one */
                tally_has_room(&counter->tally, &limit->window, question->now_us, 1);
        tally_settle(&counter->tally, &limit->window, question->now_us);
        return counter->tally.count <= limit->window.max;
    case LIMIT_CONNECTIONS_OPEN:
    case LIMIT_CONNECTIONS:
    case LIMIT_MESSAGES:
    case LIMIT_RECIPIENTS:
    case LIMIT_BYTES:
        if (isp_limit_is_scaled(limit->config))
            scale_ppm = scale_ppm * question->scale_ppm / PPM;
        window = limit_window(limit, scale_ppm);
        return tally_has_room(
            &counter->tally, &window, question->now_us, amount_of(limit, question));
    }
    return true;
}

/* A limit whose rungs answer early has the early stage in its bits, whatever rung a sender is on. */
static bool
answers_here(const struct limit *limit, const struct counter *counter, enum smtp_stage stage)
{
    const struct isp_limit *config = limit->config;
    enum smtp_stage first =
        counter->door.rung > 0 ? config->rungs[counter->door.rung - 1].stage : config->stage;

    return stage == limit->counted || stage == first;
}

static bool
has_its_place(const struct limit *limit, const struct visit *visit)
{
    return is_from_mail_on(limit->config) && visit->memory->has_domain;
}

static void
remember_domain(struct visit_memory *memory, struct slice domain)
{
    if (memory->has_domain)
        return;
    text_clear(&memory->domain);
    text_add_slice(&memory->domain, domain);
    memory->has_domain = true;
}

static void
count_what_passes(struct limits *limits, const struct question *question)
{
    for (size_t i = 0; i < limits->count; i++) {
        struct limit *limit = &limits->limits[i];
        enum limit_count count = limit->config->count;

        if (limit->counted == question->stage && limit_has_tally(count) && !is_noted(count) &&
            !has_its_place(limit, question->visit))
            tally_take(
                &limit->asked->tally, &limit->window, question->now_us, amount_of(limit, question));
    }
}

struct answer
limits_ask(struct limits *limits, const struct question *question)
{
    struct isp_sender sender;

    if ((limits->stages & 1U << question->stage) == 0)
        return (struct answer){0};
    sender = question_sender(question);
    for (size_t i = 0; i < limits->count; i++) {
        struct limit *limit = &limits->limits[i];

        if ((limit->stages & 1U << question->stage) == 0 || has_its_place(limit, question->visit))
            continue;
        limit->asked = limit_counter(limit, &sender, question->now_us);
        door_settle(&limit->asked->door, limit->config, question->now_us);
        if (!answers_here(limit, limit->asked, question->stage))
            continue;
        if (door_is_shut(&limit->asked->door, question->now_us) ||
            !has_room(limit, limit->asked, question))
            return over_the_limit(limit, limit->asked, question->now_us);
    }
    count_what_passes(limits, question);
    if (limits->wants_domain && question->stage == STAGE_MAIL)
        remember_domain(question->visit->memory, sender.domain);
    return (struct answer){0};
}

/* ---- noting ---- */

/* Shares count every recipient, and then see. */
static bool
note_in_share(struct limit *limit, struct counter *counter, bool is_unknown, int64_t now_us)
{
    tally_take(&counter->all, &limit->window, now_us, 1);
    tally_take(&counter->tally, &limit->window, now_us, is_unknown);
    return is_unknown && limit_share_is_over(limit, counter, now_us);
}

struct answer
limits_note_rcpt(struct limits *limits, const struct question *question, bool is_unknown)
{
    struct isp_sender sender = question_sender(question);
    struct answer answer = {0};

    for (size_t i = 0; i < limits->count; i++) {
        struct limit *limit = &limits->limits[i];
        bool is_over;

        if (limit->config->count != LIMIT_UNKNOWN_USERS)
            continue;
        limit->asked = limit_counter(limit, &sender, question->now_us);
        if (limit_is_share(limit))
            is_over = note_in_share(limit, limit->asked, is_unknown, question->now_us);
        else
            is_over = is_unknown &&
                !tally_has_room(&limit->asked->tally, &limit->window, question->now_us, 1);
        if (is_over && answer.kind == ANSWER_NONE)
            answer = over_the_limit(limit, limit->asked, question->now_us);
    }
    for (size_t i = 0; answer.kind == ANSWER_NONE && is_unknown && i < limits->count; i++) {
        struct limit *limit = &limits->limits[i];

        if (limit->config->count == LIMIT_UNKNOWN_USERS && !limit_is_share(limit))
            tally_take(&limit->asked->tally, &limit->window, question->now_us, 1);
    }
    return answer;
}

void
limits_note_accepted(
    struct limits *limits, const struct isp_sender *sender, uint64_t recipients, int64_t now_us)
{
    for (size_t i = 0; i < limits->count; i++) {
        struct limit *limit = &limits->limits[i];

        if (limit->config->count == LIMIT_COMPLAINTS && limit_is_share(limit))
            tally_take(
                &limit_counter(limit, sender, now_us)->all, &limit->window, now_us, recipients);
    }
}

void
limits_note_complaint(struct limits *limits, const struct isp_sender *sender, int64_t now_us)
{
    for (size_t i = 0; i < limits->count; i++) {
        struct limit *limit = &limits->limits[i];

        if (limit->config->count == LIMIT_COMPLAINTS)
            tally_take(&limit_counter(limit, sender, now_us)->tally, &limit->window, now_us, 1);
    }
}

void
limits_on_closed(struct limits *limits, const struct visit *visit)
{
    struct isp_sender sender = {.source = visit->source, .host = visit->host};

    if (limits->wants_domain)
        sender.domain = text_slice(&visit->memory->domain);
    for (size_t i = 0; i < limits->count; i++) {
        struct limit *limit = &limits->limits[i];

        if (limit->config->count == LIMIT_CONNECTIONS_OPEN &&
            (!is_from_mail_on(limit->config) || visit->memory->has_domain))
            tally_give_back(&limit_counter(limit, &sender, 0)->tally, 1);
    }
}

uint32_t
limits_stages(const struct limits *limits)
{
    return limits->stages;
}

bool
limits_want_rcpts(const struct limits *limits)
{
    return limits->wants_rcpts;
}

/* ---- coming, going, turning ---- */

static void
read_rungs(struct limit *limit, const struct policy_doors *doors)
{
    const struct isp_limit *config = limit->config;

    limit->rung_overs =
        arena_alloc(doors->arena, config->rungs_count * sizeof limit->rung_overs[0] + 1);
    limit->rung_names =
        arena_alloc(doors->arena, config->rungs_count * sizeof limit->rung_names[0] + 1);
    for (size_t i = 0; i < config->rungs_count; i++) {
        const struct isp_rung *rung = &config->rungs[i];

        assert(rung->after > 0);
        assert(rung->within_us > 0);
        assert(rung->over.is_set);
        limit->rung_names[i] = journal_name(doors->journal, rung->id);
        limit->rung_overs[i] = ready_reply_of(&rung->over.reply, doors->arena, doors->journal);
        limit->stages |= rung->stage != STAGE_NONE ? 1U << rung->stage : 0;
    }
}

static void
read_limit(struct limit *limit, const struct isp_limit *from, const struct policy_doors *doors)
{
    assert(from->per != 0);
    assert(from->over.is_set);
    assert(from->window == WINDOW_NONE || from->window_us > 0);
    limit->config = from;
    limit->name = journal_name(doors->journal, from->id);
    limit->over = ready_reply_of(&from->over.reply, doors->arena, doors->journal);
    limit->window = (struct window){.kind = from->window,
        .length_us = from->window_us,
        .max = from->max,
        .burst = from->burst,
        .clock_us = doors->clock_us};
    if (from->count == LIMIT_CONNECTIONS_OPEN)
        limit->window.kind = WINDOW_NONE; /* it is given back, and never by time alone */
    limit->share = from->share;
    limit->counters.size = sizeof(struct counter);
    limit->counted = limit_counted_at(from);
    limit->stages = 1U << limit->counted;
    if (from->stage != STAGE_NONE)
        limit->stages |= 1U << from->stage;
    read_rungs(limit, doors);
}

struct limits *
limits_new(const struct isp_config *config, const struct policy_doors *doors)
{
    struct limits *limits = mem_alloc_zeroed(sizeof *limits);

    limits->count = config->limits_count;
    limits->limits = mem_alloc_zeroed(limits->count * sizeof limits->limits[0]);
    for (size_t i = 0; i < limits->count; i++) {
        read_limit(&limits->limits[i], &config->limits[i], doors);
        limits->stages |= limits->limits[i].stages;
        limits->wants_domain |= is_from_mail_on(&config->limits[i]);
        limits->wants_rcpts |= config->limits[i].count == LIMIT_UNKNOWN_USERS;
    }
    return limits;
}

void
limits_free(struct limits **limits)
{
    const struct senders_care care = {NULL, counter_release, NULL};

    if (*limits == NULL)
        return;
    for (size_t i = 0; i < (*limits)->count; i++)
        senders_release(&(*limits)->limits[i].counters, &care);
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
    for (uint32_t i = 0; i < limit->counters.keys.count; i++) {
        struct counter *counter = senders_nth(&limit->counters, i);

        tally_settle(&counter->tally, &limit->window, now_us);
        tally_settle(&counter->all, &limit->window, now_us);
        counter->tally.fraction = 0; /* less than one, and of a length that may change */
        counter->all.fraction = 0;
    }
    if (knob == KNOB_LIMIT_MAX) {
        limit->window.max = (uint64_t)value;
    } else if (knob == KNOB_LIMIT_BURST) {
        limit->window.burst = (uint64_t)value;
    } else if (knob == KNOB_LIMIT_SHARE) {
        limit->share = ratio_of(value, PPM);
    } else {
        assert(value > 0);
        limit->window.length_us = value;
    }
}

int64_t
limits_knob(const struct limits *limits, enum isp_knob knob, size_t index)
{
    const struct limit *limit;

    assert(index < limits->count);
    limit = &limits->limits[index];
    if (knob == KNOB_LIMIT_MAX)
        return (int64_t)limit->window.max;
    if (knob == KNOB_LIMIT_BURST)
        return (int64_t)limit->window.burst;
    if (knob == KNOB_LIMIT_SHARE)
        return ratio_round(ratio_multiply(limit->share, ratio_of(PPM, 1)));
    return limit->window.length_us;
}
