/* policy_warming.c - strangers begin small: what a new sender may send in a day, and how it grows.
 *
 * A sender who was never seen may be turned away at the banner for a while. Then there is an allowance
 * of messages for his first day. A clean day with mail multiplies it, a dirty one (complaints, unknown
 * users, a spam trap) cuts it; from `full` on there is no allowance any more, until a dirty day. Who
 * stays away for long enough is a stranger again.
 *
 * Days are counted from a sender's first message. They pass when somebody looks. */
#include "fakeisp/policy.h"
#include "fakeisp/sender.h"

__extension__ typedef unsigned __int128 uint128; /* counts times the parts of a share */

struct warmth {               /* of one sender */
    bool is_known, has_begun; /* was seen; sent a first message */
    int64_t seen_from_us, seen_last_us;
    int64_t day_from_us;
    uint64_t allowance, used; /* messages, today */
    uint64_t recipients, accepted, unknown, complaints, traps;
};

struct warming {
    const struct isp_warming *config;
    struct ready_reply over, unseen;
    struct senders warmths;
    uint32_t name, name_over, name_unseen, stages;
};

/* ---- days ---- */

static bool
is_over_share(struct ratio share, uint64_t bad, uint64_t all, uint64_t at_least)
{
    return all >= at_least && bad > 0 &&
        (uint128)bad * (uint64_t)share.den > (uint128)all * (uint64_t)share.num;
}

static bool
is_dirty(const struct isp_warming *config, const struct warmth *warmth)
{
    return warmth->traps > config->traps_max ||
        is_over_share(
            config->unknown_share, warmth->unknown, warmth->recipients, config->share_of_min) ||
        is_over_share(
            config->complaint_share, warmth->complaints, warmth->accepted, config->share_of_min);
}

static uint64_t
multiply(uint64_t allowance, struct ratio factor, uint64_t full)
{
    uint128 product = (uint128)allowance * (uint64_t)factor.num / (uint64_t)factor.den;

    if (product >= full)
        return full;
    return product > 0 ? (uint64_t)product : 1;
}

static void
end_day(const struct isp_warming *config, struct warmth *warmth, int64_t now_us)
{
    if (is_dirty(config, warmth))
        warmth->allowance = multiply(warmth->allowance, config->shrink, config->full);
    else if (warmth->used > 0)
        warmth->allowance = multiply(warmth->allowance, config->grow, config->full);
    warmth->used = warmth->recipients = warmth->accepted = 0;
    warmth->unknown = warmth->complaints = warmth->traps = 0;
    warmth->day_from_us += (now_us - warmth->day_from_us) / US_PER_DAY * US_PER_DAY;
}

static void
settle(const struct isp_warming *config, struct warmth *warmth, int64_t now_us)
{
    if (!warmth->is_known || now_us - warmth->seen_last_us >= config->forget_us)
        *warmth = (struct warmth){.is_known = true,
            .seen_from_us = now_us,
            .seen_last_us = now_us,
            .allowance = config->first};
    if (warmth->has_begun && now_us - warmth->day_from_us >= US_PER_DAY)
        end_day(config, warmth, now_us);
}

struct day { /* for the look whether somebody is idle */
    const struct isp_warming *config;
    int64_t now_us;
};

static bool
warmth_is_idle(void *value, void *arg)
{
    const struct warmth *warmth = value;
    const struct day *day = arg;

    return day->now_us - warmth->seen_last_us >= day->config->forget_us;
}

static void
warmth_release(void *value)
{
}

static struct warmth *
warmth_of(struct warming *warming, const struct isp_sender *sender, int64_t now_us)
{
    struct day day = {warming->config, now_us};
    const struct senders_care care = {warmth_is_idle, warmth_release, &day};
    struct sender_key key = sender_key(warming->config->per, sender);
    struct warmth *warmth = senders_at(&warming->warmths, &key, &care);

    settle(warming->config, warmth, now_us);
    return warmth;
}

/* ---- noting ---- */

void
warming_note_rcpt(struct warming *warming, const struct isp_sender *sender, bool is_unknown,
    bool is_trap, int64_t now_us)
{
    struct warmth *warmth;

    if (!warming->config->is_on)
        return;
    warmth = warmth_of(warming, sender, now_us);
    warmth->recipients++;
    warmth->unknown += is_unknown;
    warmth->traps += is_trap;
}

void
warming_note_accepted(
    struct warming *warming, const struct isp_sender *sender, uint64_t recipients, int64_t now_us)
{
    if (warming->config->is_on)
        warmth_of(warming, sender, now_us)->accepted += recipients;
}

void
warming_note_complaint(struct warming *warming, const struct isp_sender *sender, int64_t now_us)
{
    if (warming->config->is_on)
        warmth_of(warming, sender, now_us)->complaints++;
}

/* ---- asking ---- */

static bool
is_warm(const struct isp_warming *config, const struct warmth *warmth)
{
    return warmth->allowance >= config->full;
}

static bool
is_stranger(const struct isp_warming *config, const struct warmth *warmth, int64_t now_us)
{
    return config->unseen.is_set && now_us - warmth->seen_from_us < config->unseen_us;
}

struct answer
warming_ask(struct warming *warming, const struct question *question)
{
    const struct isp_warming *config = warming->config;
    struct isp_sender sender;
    struct warmth *warmth;

    if (!config->is_on || (warming->stages & 1U << question->stage) == 0)
        return (struct answer){0};
    sender = question_sender(question);
    warmth = warmth_of(warming, &sender, question->now_us);
    warmth->seen_last_us = question->now_us;
    if (is_stranger(config, warmth, question->now_us))
        return (struct answer){.kind = ANSWER_CLOSE,
            .reply = &warming->unseen,
            .rule = warming->name_unseen,
            .limit = warming->name,
            .cause = limit_cause(config->cause, &warming->unseen)};
    if (question->stage != config->stage || is_warm(config, warmth) ||
        warmth->used < warmth->allowance)
        return (struct answer){0};
    return (struct answer){.kind = config->is_closing ? ANSWER_CLOSE : ANSWER_REPLY,
        .reply = &warming->over,
        .rule = warming->name_over,
        .limit = warming->name,
        .cause = limit_cause(config->cause, &warming->over)};
}

void
warming_take(struct warming *warming, const struct question *question)
{
    struct isp_sender sender;
    struct warmth *warmth;

    if (!warming->config->is_on || question->stage != warming->config->stage)
        return;
    sender = question_sender(question);
    warmth = warmth_of(warming, &sender, question->now_us);
    if (!warmth->has_begun)
        warmth->day_from_us = question->now_us;
    warmth->has_begun = true;
    warmth->used++;
}

uint32_t
warming_stages(const struct warming *warming)
{
    return warming->stages;
}

struct isp_warmth
warming_warmth(struct warming *warming, const struct isp_sender *sender, int64_t now_us)
{
    const struct isp_warming *config = warming->config;
    struct isp_warmth told = {.is_warm = true, .changes_at_us = INT64_MAX};
    struct warmth warmth = {0}, *found;
    struct sender_key key;

    if (!config->is_on)
        return told;
    key = sender_key(config->per, sender);
    found = senders_find(&warming->warmths, &key);
    if (found != NULL)
        warmth = *found;
    settle(config, &warmth, now_us);
    told.is_warm = is_warm(config, &warmth);
    told.allowance = warmth.allowance;
    told.left = warmth.used < warmth.allowance ? warmth.allowance - warmth.used : 0;
    told.is_refused = is_stranger(config, &warmth, now_us);
    if (told.is_refused)
        told.changes_at_us = warmth.seen_from_us + config->unseen_us;
    else if (warmth.has_begun)
        told.changes_at_us = warmth.day_from_us + US_PER_DAY;
    return told;
}

/* ---- coming and going ---- */

struct warming *
warming_new(const struct isp_config *config, const struct policy_doors *doors)
{
    struct warming *warming = mem_alloc_zeroed(sizeof *warming);
    const struct isp_warming *from = &config->warming;

    warming->config = from;
    warming->warmths.size = sizeof(struct warmth);
    if (!from->is_on)
        return warming;
    assert(from->over.is_set);
    assert(from->forget_us > 0);
    warming->name = journal_name(doors->journal, SLICE("warming"));
    warming->name_over = warming->name;
    warming->name_unseen = journal_name(doors->journal, SLICE("unseen"));
    warming->over = ready_reply_of(&from->over.reply, doors->arena, doors->journal);
    warming->stages = 1U << from->stage;
    if (from->unseen.is_set) {
        warming->unseen = ready_reply_of(&from->unseen.reply, doors->arena, doors->journal);
        warming->stages |= 1U << STAGE_CONNECT;
    }
    return warming;
}

void
warming_free(struct warming **warming)
{
    const struct senders_care care = {NULL, warmth_release, NULL};

    if (*warming == NULL)
        return;
    senders_release(&(*warming)->warmths, &care);
    mem_free(*warming);
    *warming = NULL;
}
