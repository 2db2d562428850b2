/* policy_recipient.c - the hidden truth of mailboxes: unknown, full until it is emptied, disabled, or
 * a trap that says yes and remembers. */
#include "base/mem.h"
#include "fakeisp/pattern.h"
#include "fakeisp/policy.h"

struct mailbox {
    const struct isp_mailbox *config;
    struct pattern to;
    struct rng rng; /* who is among its share */
    uint32_t share_ppm;
    struct ready_reply reply;
};

struct mailboxes {
    struct mailbox *mailboxes;
    size_t count;
    const struct slice *domains;
    size_t domains_count;
    bool serves_all;
    uint64_t traps_hit;
    struct ready_reply no_relay;
    uint32_t name_mailbox, name_relay;
};

static const struct truth {
    const char *name;
    struct smtp_reply reply;
    enum bounce_class cause;
} truths[] = {
    [MAILBOX_UNKNOWN] = {"mailbox/unknown/",  {550, {5, 1, 1}, {"no mailbox of that name", 23}},
                         CLASS_INVALID_RECIPIENT                                                                   },
    [MAILBOX_FULL] = {"mailbox/full/",     {452, {4, 2, 2}, {"mailbox full", 12}},            CLASS_MAILBOX_FULL},
    [MAILBOX_DISABLED] = {"mailbox/disabled/", {550, {5, 2, 1}, {"mailbox disabled", 16}},
                         CLASS_INVALID_RECIPIENT                                                                   },
    [MAILBOX_TRAP] = {"mailbox/trap/",     {250, {2, 1, 5}, {"ok", 2}},                       CLASS_NONE        },
};

/* RFC 5321 4.5.1: <postmaster> without a domain is always ours. */
static bool
is_served(const struct mailboxes *mailboxes, struct slice rcpt)
{
    struct slice domain = address_domain(rcpt);

    if (domain.length == 0 || mailboxes->serves_all)
        return true;
    for (size_t i = 0; i < mailboxes->domains_count; i++)
        if (slice_equals_nocase(mailboxes->domains[i], domain))
            return true;
    return false;
}

static bool
is_meant(const struct mailbox *mailbox, struct slice rcpt)
{
    if (!pattern_matches(&mailbox->to, rcpt))
        return false;
    return mailbox->share_ppm >= PPM || rng_odds_of(&mailbox->rng, rcpt, mailbox->share_ppm);
}

struct answer
mailboxes_answer(const struct mailboxes *mailboxes, struct slice rcpt, int64_t now_us)
{
    if (!is_served(mailboxes, rcpt))
        return (struct answer){.kind = ANSWER_REPLY,
            .reply = &mailboxes->no_relay,
            .rule = mailboxes->name_relay,
            .cause = CLASS_RELAYING_DENIED};
    for (size_t i = 0; i < mailboxes->count; i++) {
        const struct mailbox *mailbox = &mailboxes->mailboxes[i];
        const struct isp_mailbox *config = mailbox->config;

        if (!is_meant(mailbox, rcpt))
            continue;
        if (config->for_us > 0 && now_us >= config->for_us)
            return (struct answer){0}; /* it is a good one now */
        return (struct answer){.kind = ANSWER_REPLY,
            .reply = &mailbox->reply,
            .rule = mailboxes->name_mailbox,
            .cause = truths[config->is].cause,
            .is_trap = config->is == MAILBOX_TRAP};
    }
    return (struct answer){0};
}

struct answer
mailboxes_ask(struct mailboxes *mailboxes, const struct question *question)
{
    struct answer answer = mailboxes_answer(
        mailboxes, envelope_rcpt(question->envelope, question->rcpt_first), question->now_us);

    mailboxes->traps_hit += answer.is_trap;
    return answer;
}

bool
mailboxes_is_living(const struct mailboxes *mailboxes, struct slice rcpt, int64_t now_us)
{
    if (!is_served(mailboxes, rcpt))
        return false;
    for (size_t i = 0; i < mailboxes->count; i++) {
        const struct isp_mailbox *config = mailboxes->mailboxes[i].config;

        if (is_meant(&mailboxes->mailboxes[i], rcpt))
            return config->for_us > 0 && now_us >= config->for_us;
    }
    return true;
}

uint64_t
mailboxes_traps_hit(const struct mailboxes *mailboxes)
{
    return mailboxes->traps_hit;
}

/* The stream is named after truth and pattern, so that another line in the list moves nobody. */
static struct rng
rng_of(const struct isp_mailbox *from, const struct rng *parent)
{
    struct text name = {0};
    struct rng rng;

    text_add_string(&name, truths[from->is].name);
    text_add_slice(&name, from->to);
    rng = rng_child_slice(parent, text_slice(&name));
    text_release(&name);
    return rng;
}

struct mailboxes *
mailboxes_new(const struct isp_config *config, const struct policy_doors *doors)
{
    static const struct smtp_reply no_relay = {
        550, {5, 7,                                      1},
         {"relaying denied: not a domain of ours", 37}
    };
    struct mailboxes *mailboxes = mem_alloc_zeroed(sizeof *mailboxes);

    mailboxes->domains = config->domains;
    mailboxes->domains_count = config->domains_count;
    mailboxes->serves_all = config->is_by_address;
    mailboxes->no_relay = ready_reply_of(&no_relay, doors->arena, doors->journal);
    mailboxes->name_mailbox = journal_name(doors->journal, SLICE("mailbox"));
    mailboxes->name_relay = journal_name(doors->journal, SLICE("relay"));
    mailboxes->count = config->mailboxes_count;
    mailboxes->mailboxes = mem_alloc_zeroed(mailboxes->count * sizeof mailboxes->mailboxes[0]);
    for (size_t i = 0; i < mailboxes->count; i++) {
        const struct isp_mailbox *from = &config->mailboxes[i];

        mailboxes->mailboxes[i] = (struct mailbox){.config = from,
            .to = pattern_of(from->to),
            .rng = rng_of(from, doors->rng),
            .share_ppm = from->share_ppm,
            .reply =
                ready_reply_of(from->reply.is_set ? &from->reply.reply : &truths[from->is].reply,
                    doors->arena, doors->journal)};
    }
    return mailboxes;
}

void
mailboxes_free(struct mailboxes **mailboxes)
{
    if (*mailboxes == NULL)
        return;
    mem_free((*mailboxes)->mailboxes);
    mem_free(*mailboxes);
    *mailboxes = NULL;
}

void
mailboxes_turn_share(struct mailboxes *mailboxes, size_t index, int64_t share_ppm)
{
    assert(index < mailboxes->count);
    assert(share_ppm >= 0);
    assert(share_ppm <= PPM);
    mailboxes->mailboxes[index].share_ppm = (uint32_t)share_ppm;
}

int64_t
mailboxes_share(const struct mailboxes *mailboxes, size_t index)
{
    assert(index < mailboxes->count);
    return mailboxes->mailboxes[index].share_ppm;
}
