/* policy.c - the order in which policies are asked, and what they share. */
#include "fakeisp/policy.h"

#include "base/mem.h"
#include "fakeisp/cause.h"
#include "fakeisp/pattern.h"

struct policies {
    struct arena arena;
    struct reputation *reputation;
    struct warming *warming;
    struct limits *limits;
    struct rules *rules;
    struct addresses *addresses;
    struct greylist *greylist;
    struct mailboxes *mailboxes;
    struct journal *journal;
    uint64_t refusals_left; /* by order from outside */
    struct ready_reply refusal;
    uint32_t name_order;
    uint32_t stages;     /* bits: where anybody has something to say */
    bool judges_senders; /* has reputation or warming */
    bool keeps_books;    /* wants to know what RCPT was answered with */
};

/* ---- replies ---- */

struct ready_reply
ready_reply_of(const struct smtp_reply *reply, struct arena *arena, struct journal *journal)
{
    struct text wire = {0};
    struct ready_reply ready = {.code = reply->code,
        .enhanced = enhanced_pack(reply->enhanced),
        .text = journal_name(journal, reply->text),
        .cause = cause_of(reply->code, reply->enhanced)};

    reply_write(&wire, reply);
    ready.wire.at = arena_copy(arena, wire.bytes, wire.length);
    ready.wire.length = wire.length;
    text_release(&wire);
    return ready;
}

/* ---- envelopes ---- */

void
envelope_release(struct envelope *envelope)
{
    text_release(&envelope->text);
    mem_free(envelope->rcpts);
    *envelope = (struct envelope){0};
}

void
envelope_clear(struct envelope *envelope)
{
    text_clear(&envelope->text);
    envelope->sender_length = 0;
    envelope->rcpts_count = 0;
}

struct slice
envelope_sender(const struct envelope *envelope)
{
    return (struct slice){text_string(&envelope->text), envelope->sender_length};
}

struct slice
envelope_rcpt(const struct envelope *envelope, size_t index)
{
    assert(index < envelope->rcpts_count);
    return (struct slice){
        envelope->text.bytes + envelope->rcpts[index].start, envelope->rcpts[index].length};
}

static void
add_address(struct text *text, struct slice local, struct slice domain)
{
    text_add_slice(text, local);
    if (domain.length > 0) {
        text_add_char(text, '@');
        text_add_slice(text, domain);
    }
}

void
envelope_set_sender(struct envelope *envelope, struct slice local, struct slice domain)
{
    envelope_clear(envelope);
    add_address(&envelope->text, local, domain);
    envelope->sender_length = (uint32_t)envelope->text.length;
}

void
envelope_add_rcpt(struct envelope *envelope, struct slice local, struct slice domain)
{
    struct envelope_rcpt *rcpt;

    envelope->rcpts = mem_grow(envelope->rcpts, &envelope->rcpts_capacity,
        envelope->rcpts_count + 1, sizeof envelope->rcpts[0]);
    rcpt = &envelope->rcpts[envelope->rcpts_count++];
    rcpt->start = (uint32_t)envelope->text.length;
    add_address(&envelope->text, local, domain);
    rcpt->length = (uint32_t)envelope->text.length - rcpt->start;
}

void
envelope_drop_last_rcpt(struct envelope *envelope)
{
    assert(envelope->rcpts_count > 0);
    envelope->text.length = envelope->rcpts[--envelope->rcpts_count].start;
}

/* ---- asking ---- */

struct isp_sender
question_sender(const struct question *question)
{
    struct isp_sender sender = {.source = question->visit->source,
        .host = question->visit->host,
        .domain = address_domain(envelope_sender(question->envelope))};

    if (question->auth != NULL && question->auth->dkim == DKIM_GOOD)
        sender.dkim_domain = text_slice(&question->auth->dkim_domain);
    return sender;
}

typedef struct answer ask_fn(struct policies *policies, struct question *question);

/* What counts is counted only if nobody minds. */
static struct answer
ask_limits(struct policies *policies, struct question *question)
{
    struct answer answer = reputation_ask(policies->reputation, question);

    if (answer.kind == ANSWER_NONE)
        answer = warming_ask(policies->warming, question);
    if (answer.kind == ANSWER_NONE)
        answer = limits_ask(policies->limits, question);
    if (answer.kind == ANSWER_NONE)
        warming_take(policies->warming, question);
    return answer;
}

static struct answer
ask_rules(struct policies *policies, struct question *question)
{
    return rules_ask(policies->rules, question);
}

static struct answer
ask_addresses(struct policies *policies, struct question *question)
{
    return addresses_ask(policies->addresses, question);
}

static struct answer
ask_greylist(struct policies *policies, struct question *question)
{
    if (question->stage != STAGE_RCPT)
        return (struct answer){0};
    return greylist_ask(policies->greylist, question);
}

static struct answer
ask_mailboxes(struct policies *policies, struct question *question)
{
    if (question->stage != STAGE_RCPT)
        return (struct answer){0};
    return mailboxes_ask(policies->mailboxes, question);
}

static ask_fn *const order[] = {
    [POLICY_LIMITS] = ask_limits,
    [POLICY_RULES] = ask_rules,
    [POLICY_ADDRESSES] = ask_addresses,
    [POLICY_GREYLIST] = ask_greylist,
    [POLICY_MAILBOXES] = ask_mailboxes,
};
static_assert(COUNT_OF(order) == POLICIES_COUNT, "everybody is asked");

/* Whoever said it, a mailbox or a rule, and in whatever words: there is no such user. */
static bool
says_unknown_user(const struct answer *answer)
{
    if (answer->reply == NULL || answer->reply->code < 500)
        return false;
    return answer->cause == CLASS_INVALID_RECIPIENT ||
        answer->reply->enhanced == enhanced_pack((struct enhanced_code){5, 1, 1});
}

struct isp_marks
policies_marks_of(const struct policies *policies, struct slice rcpt, int64_t now_us)
{
    struct answer answer = mailboxes_answer(policies->mailboxes, rcpt, now_us);

    return (struct isp_marks){
        .asked = 1, .unknown = says_unknown_user(&answer), .traps = answer.is_trap};
}

/* What RCPT is answered with goes into the books, and a limit that minds has the last word. */
static void
note_rcpt(struct policies *policies, const struct question *question, struct answer *answer)
{
    bool is_unknown = says_unknown_user(answer);
    struct answer over;

    if (answer->limit != 0 || !policies->keeps_books)
        return;
    if (policies->judges_senders) {
        const struct isp_sender sender = question_sender(question);

        reputation_note_rcpt(
            policies->reputation, &sender, is_unknown, answer->is_trap, question->now_us);
        warming_note_rcpt(
            policies->warming, &sender, is_unknown, answer->is_trap, question->now_us);
    }
    over = limits_note_rcpt(policies->limits, question, is_unknown);
    if (over.kind != ANSWER_NONE)
        *answer = over;
}

static struct answer
refuse_by_order(struct policies *policies)
{
    policies->refusals_left--;
    return (struct answer){.kind = policies->refusal.code == 421 ? ANSWER_CLOSE : ANSWER_REPLY,
        .reply = &policies->refusal,
        .rule = policies->name_order};
}

struct answer
policies_ask(struct policies *policies, struct question *question)
{
    struct answer answer = {0};

    if ((policies->stages & 1U << question->stage) == 0)
        return answer;
    if (question->stage == STAGE_RCPT && !question->is_begun)
        rules_note_rcpt(policies->rules, question); /* whoever refuses it: it was seen */
    question->is_begun = true;
    question->scale_ppm = PPM;
    if (policies->refusals_left > 0 && question->stage == STAGE_RCPT)
        return refuse_by_order(policies);
    for (; question->next_policy < POLICIES_COUNT; question->next_policy++) {
        answer = order[question->next_policy](policies, question);
        if (answer.kind != ANSWER_NONE)
            break;
    }
    if (question->stage == STAGE_RCPT && answer.kind != ANSWER_WAIT)
        note_rcpt(policies, question, &answer);
    if (answer.drip_us == 0)
        answer.drip_us = question->drip_us;
    return answer;
}

/* ---- coming, going, turning ---- */

struct policies *
policies_new(const struct isp_config *config, struct journal *journal, const struct rng *rng,
    int64_t clock_us)
{
    struct policies *policies = mem_alloc_zeroed(sizeof *policies);
    struct policy_doors doors = {&policies->arena, journal, rng, clock_us};

    policies->journal = journal;
    policies->reputation = reputation_new(config, &doors);
    policies->warming = warming_new(config, &doors);
    policies->limits = limits_new(config, &doors);
    policies->rules = rules_new(config, &doors);
    policies->addresses = addresses_new(config, &doors);
    policies->greylist = greylist_new(config, &doors);
    policies->mailboxes = mailboxes_new(config, &doors);
    policies->judges_senders = config->reputation.is_on || config->warming.is_on;
    policies->keeps_books = policies->judges_senders || limits_want_rcpts(policies->limits);
    policies->stages = limits_stages(policies->limits) | reputation_stages(policies->reputation) |
        warming_stages(policies->warming) | rules_stages(policies->rules) |
        addresses_stages(policies->addresses) | 1U << STAGE_RCPT;
    return policies;
}

void
policies_free(struct policies **policies)
{
    if (*policies == NULL)
        return;
    reputation_free(&(*policies)->reputation);
    warming_free(&(*policies)->warming);
    limits_free(&(*policies)->limits);
    rules_free(&(*policies)->rules);
    addresses_free(&(*policies)->addresses);
    greylist_free(&(*policies)->greylist);
    mailboxes_free(&(*policies)->mailboxes);
    arena_release(&(*policies)->arena);
    mem_free(*policies);
    *policies = NULL;
}

void
policies_refuse_next(struct policies *policies, uint64_t times, const struct smtp_reply *reply)
{
    policies->refusals_left = times;
    policies->refusal = ready_reply_of(reply, &policies->arena, policies->journal);
    policies->name_order = journal_name(policies->journal, SLICE("order"));
}

uint64_t
policies_refusals_left(const struct policies *policies)
{
    return policies->refusals_left;
}

struct limits *
policies_limits(struct policies *policies)
{
    return policies->limits;
}

struct reputation *
policies_reputation(struct policies *policies)
{
    return policies->reputation;
}

struct warming *
policies_warming(struct policies *policies)
{
    return policies->warming;
}

struct mailboxes *
policies_mailboxes(struct policies *policies)
{
    return policies->mailboxes;
}

void
policies_on_accepted(
    struct policies *policies, const struct isp_sender *sender, uint64_t recipients, int64_t now_us)
{
    limits_note_accepted(policies->limits, sender, recipients, now_us);
    reputation_note_accepted(policies->reputation, sender, recipients, now_us);
    warming_note_accepted(policies->warming, sender, recipients, now_us);
}

void
policies_on_complaint(struct policies *policies, const struct isp_sender *sender, int64_t now_us)
{
    limits_note_complaint(policies->limits, sender, now_us);
    reputation_note_complaint(policies->reputation, sender, now_us);
    warming_note_complaint(policies->warming, sender, now_us);
}

void
policies_on_closed(struct policies *policies, const struct visit *visit)
{
    limits_on_closed(policies->limits, visit);
}

bool
policies_want_header(const struct policies *policies)
{
    return rules_want_header(policies->rules);
}

uint64_t
policies_traps_hit(const struct policies *policies)
{
    return mailboxes_traps_hit(policies->mailboxes);
}

void
policies_turn(
    struct policies *policies, enum isp_knob knob, size_t index, int64_t value, int64_t now_us)
{
    switch (knob) {
    case KNOB_LIMIT_MAX:
    case KNOB_LIMIT_WINDOW:
    case KNOB_LIMIT_BURST:
    case KNOB_LIMIT_SHARE:
        limits_turn(policies->limits, knob, index, value, now_us);
        return;
    case KNOB_RULE_SHARE:
        rules_turn_share(policies->rules, index, value);
        return;
    case KNOB_MAILBOX_SHARE:
        mailboxes_turn_share(policies->mailboxes, index, value);
        return;
    case KNOB_GREYLIST_DELAY:
        greylist_turn_delay(policies->greylist, value);
        return;
    }
}

int64_t
policies_knob(const struct policies *policies, enum isp_knob knob, size_t index)
{
    switch (knob) {
    case KNOB_LIMIT_MAX:
    case KNOB_LIMIT_WINDOW:
    case KNOB_LIMIT_BURST:
    case KNOB_LIMIT_SHARE:
        return limits_knob(policies->limits, knob, index);
    case KNOB_RULE_SHARE:
        return rules_share(policies->rules, index);
    case KNOB_MAILBOX_SHARE:
        return mailboxes_share(policies->mailboxes, index);
    case KNOB_GREYLIST_DELAY:
        return greylist_delay(policies->greylist);
    }
    return 0;
}
