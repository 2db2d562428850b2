/* policy_greylist.c - strangers are asked to come again later.
 *
 * A triple (of address, sender and recipient, as the key says) is a fingerprint with the instant it
 * was first and last seen. Younger than the delay it is deferred, however often it tries. */
#include "base/mem.h"
#include "fakeisp/policy.h"
#include "fakeisp/seen.h"

#define FORGET_US (35 * US_PER_DAY)

struct greylist {
    uint32_t key;
    int64_t delay_us;
    bool is_on;
    struct seen memory;
    struct ready_reply reply;
    uint32_t name;
};

static uint64_t
fingerprint_of(const struct greylist *greylist, const struct question *question)
{
    const struct net_address *source = &question->visit->source;
    size_t whole = source->family == 4 ? 4 : 16, network = source->family == 4 ? 3 : 8;
    const char *bytes = (const char *)source->bytes;
    uint64_t hash = 0;

    if (greylist->key & GREY_IP)
        hash = slice_hash((struct slice){bytes, whole}, hash);
    if (greylist->key & GREY_IP_24)
        hash = slice_hash((struct slice){bytes, network}, hash);
    if (greylist->key & GREY_FROM)
        hash = address_fingerprint(envelope_sender(question->envelope), hash);
    if (greylist->key & GREY_TO)
        hash = address_fingerprint(envelope_rcpt(question->envelope, question->rcpt_first), hash);
    return hash;
}

struct answer
greylist_ask(struct greylist *greylist, const struct question *question)
{
    struct sighting sighting;

    if (!greylist->is_on)
        return (struct answer){0};
    sighting = seen_note(&greylist->memory, fingerprint_of(greylist, question), question->now_us);
    if (question->now_us - sighting.first_us >= greylist->delay_us)
        return (struct answer){0};
    return (struct answer){.kind = ANSWER_REPLY,
        .reply = &greylist->reply,
        .rule = greylist->name,
        .cause = CLASS_TRANSIENT_FAILURE};
}

struct greylist *
greylist_new(const struct isp_config *config, const struct policy_doors *doors)
{
    static const struct smtp_reply later = {
        451, {4, 7,                            1},
         {"greylisted, try again later", 27}
    };
    const struct isp_greylist *from = &config->greylist;
    struct greylist *greylist = mem_alloc_zeroed(sizeof *greylist);

    greylist->is_on = from->is_on;
    greylist->key = from->key != 0 ? from->key : GREY_IP_24 | GREY_FROM | GREY_TO;
    greylist->delay_us = from->delay_us;
    greylist->memory.forget_us = from->forget_us > 0 ? from->forget_us : FORGET_US;
    greylist->name = journal_name(doors->journal, SLICE("greylist"));
    greylist->reply = ready_reply_of(
        from->reply.is_set ? &from->reply.reply : &later, doors->arena, doors->journal);
    return greylist;
}

void
greylist_free(struct greylist **greylist)
{
    if (*greylist == NULL)
        return;
    seen_release(&(*greylist)->memory);
    mem_free(*greylist);
    *greylist = NULL;
}

void
greylist_turn_delay(struct greylist *greylist, int64_t delay_us)
{
    assert(delay_us >= 0);
    greylist->delay_us = delay_us;
}

int64_t
greylist_delay(const struct greylist *greylist)
{
    return greylist->delay_us;
}
