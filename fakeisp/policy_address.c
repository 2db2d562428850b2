/* policy_address.c - the address alone says what happens (fakeisp/wish.h), for who wants to try a
 * program without writing a profile. */
#include "base/map.h"
#include "base/mem.h"
#include "fakeisp/policy.h"
#include "fakeisp/seen.h"
#include "fakeisp/wish.h"

enum { REPLIES_MAX = 4096 }; /* made so far; then statuses lose their detail */

struct addresses {
    bool is_on;
    struct arena *arena;
    struct journal *journal;
    struct map reply_names; /* "550 5.1.1"; the number is the index in replies */
    struct ready_reply **replies;
    size_t replies_capacity;
    struct ready_reply help;
    struct seen young, times;
    uint32_t name;
};

/* ---- replies ---- */

static struct ready_reply *
reply_named(struct addresses *addresses, const struct smtp_reply *reply)
{
    struct text name = {0};
    uint32_t index;
    bool is_new;

    reply_format(&name, reply);
    index = map_put(&addresses->reply_names, text_slice(&name), &is_new);
    text_release(&name);
    if (is_new) {
        addresses->replies = mem_grow(addresses->replies, &addresses->replies_capacity, index + 1,
            sizeof addresses->replies[0]);
        addresses->replies[index] = arena_alloc(addresses->arena, sizeof **addresses->replies);
        *addresses->replies[index] = ready_reply_of(reply, addresses->arena, addresses->journal);
    }
    return addresses->replies[index];
}

static const struct ready_reply *
reply_of(struct addresses *addresses, const struct wish *wish)
{
    struct smtp_reply reply = {
        .code = wish->code, .enhanced = wish->enhanced, .text = SLICE("as the address asks")};

    if (addresses->reply_names.count >= REPLIES_MAX) {
        reply.enhanced.subject = reply.enhanced.detail = 0;
    }
    return reply_named(addresses, &reply);
}

/* ---- asking ---- */

static uint64_t
fingerprint_of(const struct question *question, struct slice rcpt)
{
    const struct net_address *source = &question->visit->source;
    const struct slice bytes = {(const char *)source->bytes, source->family == 4 ? 4 : 16};

    return address_fingerprint(
        rcpt, address_fingerprint(envelope_sender(question->envelope), slice_hash(bytes, 0)));
}

/* Some wishes come to an end: then the address is like any other. */
static bool
is_over(struct addresses *addresses, const struct question *question, const struct wish *wish,
    struct slice rcpt)
{
    struct sighting sighting;

    if (wish->young_us > 0) {
        sighting = seen_note(&addresses->young, fingerprint_of(question, rcpt), question->now_us);
        return question->now_us - sighting.first_us >= wish->young_us;
    }
    if (wish->times == 0)
        return false;
    sighting = seen_note(&addresses->times, fingerprint_of(question, rcpt), question->now_us);
    return sighting.times > wish->times;
}

static struct answer
grant(struct addresses *addresses, struct question *question, const struct wish *wish)
{
    struct answer answer = {.delay_us = wish->delay_us, .rule = addresses->name};

    switch (wish->kind) {
    case WISH_NOTHING:
        answer.kind = wish->delay_us > 0 ? ANSWER_WAIT : ANSWER_NONE;
        if (answer.kind == ANSWER_WAIT)
            question->next_policy++; /* and ask on behind us */
        return answer;
    case WISH_REPLY:
        answer.kind = wish->code == 421 ? ANSWER_CLOSE : ANSWER_REPLY;
        answer.reply = reply_of(addresses, wish);
        answer.drip_us = wish->drip_us;
        return answer;
    case WISH_CLOSE:
        answer.kind = ANSWER_CLOSE;
        return answer;
    case WISH_RESET:
        answer.kind = ANSWER_RESET;
        return answer;
    case WISH_SILENCE:
        answer.kind = ANSWER_SILENT;
        return answer;
    case WISH_HELP:
        answer.kind = ANSWER_REPLY;
        answer.reply = &addresses->help;
        return answer;
    }
    return answer;
}

/* With several recipients (data, dot) the first that wishes something there has it. */
struct answer
addresses_ask(struct addresses *addresses, struct question *question)
{
    if (!addresses->is_on)
        return (struct answer){0};
    for (size_t i = question->rcpt_first; i < question->rcpt_end; i++) {
        struct slice rcpt = envelope_rcpt(question->envelope, i);
        struct wish wish;

        if (wish_read(rcpt, &wish) && wish.stage == question->stage &&
            !is_over(addresses, question, &wish, rcpt))
            return grant(addresses, question, &wish);
    }
    return (struct answer){0};
}

uint32_t
addresses_stages(const struct addresses *addresses)
{
    return addresses->is_on ? 1U << STAGE_RCPT | 1U << STAGE_DATA | 1U << STAGE_DOT : 0;
}

static void
make_help(struct addresses *addresses)
{
    struct smtp_reply reply = {
        .code = 550, .enhanced = {5, 7, 0}
    };
    struct text text = {0};

    wish_help(&text);
    reply.text = text_slice(&text);
    addresses->help = ready_reply_of(&reply, addresses->arena, addresses->journal);
    text_release(&text);
}

struct addresses *
addresses_new(const struct isp_config *config, const struct policy_doors *doors)
{
    struct addresses *addresses = mem_alloc_zeroed(sizeof *addresses);

    addresses->is_on = config->is_by_address;
    addresses->arena = doors->arena;
    addresses->journal = doors->journal;
    if (!addresses->is_on)
        return addresses;
    addresses->name = journal_name(doors->journal, SLICE("address"));
    addresses->young.forget_us = addresses->times.forget_us = 8 * US_PER_DAY;
    make_help(addresses);
    return addresses;
}

void
addresses_free(struct addresses **addresses)
{
    if (*addresses == NULL)
        return;
    map_release(&(*addresses)->reply_names);
    mem_free((*addresses)->replies);
    seen_release(&(*addresses)->young);
    seen_release(&(*addresses)->times);
    mem_free(*addresses);
    *addresses = NULL;
}
