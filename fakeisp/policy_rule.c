/* policy_rule.c - rules in the order they are written; the first that means this case speaks. */
#include "base/mem.h"
#include "fakeisp/pattern.h"
#include "fakeisp/policy.h"
#include "fakeisp/seen.h"
#include "smtp/message.h"

struct rule {
    const struct isp_rule *config;
    uint32_t name;
    struct ready_reply reply;
    struct rng rng; /* of its id: who is among its share */
    uint32_t share_ppm;
    uint64_t times; /* it spoke so often */
    struct pattern to, from;
    struct slice header_name, header_glob;
    bool asks_memory; /* attempt, or age */
    bool asks_auth;   /* where the message comes from */
    bool asks_rcpt;   /* anything about the recipient */
    enum bounce_class cause;
};

struct rules {
    struct rule *rules;
    size_t count;
    uint32_t stages; /* bits: where any rule has something to say */
    bool wants_memory, wants_header;
    struct seen memory; /* of recipients; kept only if a rule asks for it */
    struct text unfolded;
};

/* ---- does it mean this case? ---- */

static bool
holds(const struct isp_condition *condition, const struct sighting *sighting, int64_t now_us)
{
    int64_t actual =
        condition->what == CONDITION_AGE ? now_us - sighting->first_us : (int64_t)sighting->times;

    switch (condition->compare) {
    case IS_EQUAL:
        return actual == condition->value;
    case IS_NOT_EQUAL:
        return actual != condition->value;
    case IS_LESS:
        return actual < condition->value;
    case IS_AT_MOST:
        return actual <= condition->value;
    case IS_GREATER:
        return actual > condition->value;
    case IS_AT_LEAST:
        return actual >= condition->value;
    }
    return false;
}

static bool
remembers(const struct rules *rules, const struct rule *rule, struct slice rcpt, int64_t now_us)
{
    const struct isp_rule *config = rule->config;
    struct sighting sighting = {.first_us = now_us};

    seen_find(&rules->memory, address_fingerprint(rcpt, 0), &sighting);
    if (config->attempt_max > 0 &&
        (sighting.times < config->attempt_min || sighting.times > config->attempt_max))
        return false;
    for (size_t i = 0; i < config->conditions_count; i++)
        if (!holds(&config->conditions[i], &sighting, now_us))
            return false;
    return true;
}

static bool
means_rcpt(const struct rules *rules, const struct rule *rule, struct slice rcpt, int64_t now_us)
{
    if (!pattern_matches(&rule->to, rcpt))
        return false;
    if (rule->share_ppm < PPM && !rng_odds_of(&rule->rng, rcpt, rule->share_ppm))
        return false;
    return !rule->asks_memory || remembers(rules, rule, rcpt, now_us);
}

static bool
means_any_rcpt(const struct rules *rules, const struct rule *rule, const struct question *question)
{
    for (size_t i = question->rcpt_first; i < question->rcpt_end; i++)
        if (means_rcpt(rules, rule, envelope_rcpt(question->envelope, i), question->now_us))
            return true;
    return false;
}

static bool
means_header(struct rules *rules, const struct rule *rule, struct slice header)
{
    struct slice value;

    if (!header_find(header, rule->header_name, &value))
        return false;
    text_clear(&rules->unfolded);
    header_unfold(&rules->unfolded, value);
    return slice_glob_nocase(rule->header_glob, slice_trim(text_slice(&rules->unfolded)));
}

static bool
means(struct rules *rules, struct rule *rule, const struct question *question)
{
    if (rule->config->stage != question->stage)
        return false;
    if (rule->config->times > 0 && rule->times >= rule->config->times)
        return false;
    if (!pattern_matches(&rule->from, envelope_sender(question->envelope)))
        return false;
    if (question->rcpt_first < question->rcpt_end) {
        if (rule->asks_rcpt && !means_any_rcpt(rules, rule, question))
            return false;
    } else if (!rule->to.is_any || rule->asks_memory) {
        return false; /* there is nobody yet whom it could mean */
    } else if (rule->share_ppm < PPM && !rng_odds(&rule->rng, rule->share_ppm)) {
        return false;
    }
    if (rule->asks_auth &&
        (question->auth == NULL || !auth_is_wanted(&rule->config->auth, question->auth)))
        return false;
    return rule->header_name.length == 0 || means_header(rules, rule, question->header);
}

/* ---- what it says ---- */

static struct answer
speak(struct rule *rule)
{
    static const enum answer_kind kinds[] = {
        [ACTION_REPLY] = ANSWER_REPLY,
        [ACTION_DELAY] = ANSWER_WAIT,
        [ACTION_CLOSE] = ANSWER_CLOSE,
        [ACTION_RESET] = ANSWER_RESET,
        [ACTION_SILENT] = ANSWER_SILENT,
    };
    const struct isp_rule *config = rule->config;
    struct answer answer = {.kind = kinds[config->action],
        .delay_us = config->delay_us,
        .drip_us = config->drip_us,
        .rule = rule->name,
        .cause = rule->cause};

    rule->times++;
    if (config->reply.is_set && (answer.kind == ANSWER_REPLY || answer.kind == ANSWER_CLOSE))
        answer.reply = &rule->reply;
    return answer;
}

void
rules_note_rcpt(struct rules *rules, const struct question *question)
{
    if (rules->wants_memory)
        seen_note(&rules->memory,
            address_fingerprint(envelope_rcpt(question->envelope, question->rcpt_first), 0),
            question->now_us);
}

struct answer
rules_ask(struct rules *rules, struct question *question)
{
    if ((rules->stages & 1U << question->stage) == 0)
        return (struct answer){0};
    while (question->next_rule < rules->count) {
        struct rule *rule = &rules->rules[question->next_rule++];
        struct answer answer;

        if (!means(rules, rule, question))
            continue;
        answer = speak(rule);
        if (answer.kind != ANSWER_WAIT)
            return answer;
        if (answer.drip_us > 0)
            question->drip_us = answer.drip_us;
        if (answer.delay_us > 0)
            return answer;
    }
    return (struct answer){0};
}

uint32_t
rules_stages(const struct rules *rules)
{
    return rules->stages;
}

bool
rules_want_header(const struct rules *rules)
{
    return rules->wants_header;
}

/* ---- coming, going, turning ---- */

static void
read_header_condition(struct rule *rule, struct slice header)
{
    if (header.length == 0)
        return;
    slice_cut(header, ':', &rule->header_name, &rule->header_glob);
    rule->header_name = slice_trim(rule->header_name);
    rule->header_glob = slice_trim(rule->header_glob);
    if (rule->header_glob.length == 0)
        rule->header_glob = SLICE("*"); /* a bare name: the field is there */
}

static void
read_rule(struct rule *rule, const struct isp_rule *from, const struct policy_doors *doors)
{
    assert(from->stage != STAGE_NONE);
    assert(from->action != ACTION_REPLY || from->reply.is_set);
    rule->config = from;
    rule->name = journal_name(doors->journal, from->id);
    if (from->reply.is_set)
        rule->reply = ready_reply_of(&from->reply.reply, doors->arena, doors->journal);
    rule->rng = rng_child_slice(doors->rng, from->id);
    rule->share_ppm = from->share_ppm;
    rule->to = pattern_of(from->to);
    rule->from = pattern_of(from->from);
    rule->asks_memory = from->attempt_max > 0 || from->conditions_count > 0;
    rule->asks_rcpt = !rule->to.is_any || rule->asks_memory || rule->share_ppm < PPM;
    for (int i = 0; i < AUTH_METHODS_COUNT; i++)
        rule->asks_auth |= from->auth.bits[i] != 0;
    rule->cause = from->cause != CLASS_NONE ? from->cause
        : rule->asks_auth                   ? CLASS_MAIL_BLOCK
                                            : CLASS_NONE;
    read_header_condition(rule, from->header);
}

struct rules *
rules_new(const struct isp_config *config, const struct policy_doors *doors)
{
    struct rules *rules = mem_alloc_zeroed(sizeof *rules);

    rules->count = config->rules_count;
    rules->rules = mem_alloc_zeroed(rules->count * sizeof rules->rules[0]);
    for (size_t i = 0; i < rules->count; i++) {
        struct rule *rule = &rules->rules[i];

        read_rule(rule, &config->rules[i], doors);
        rules->stages |= 1U << rule->config->stage;
        rules->wants_memory |= rule->asks_memory;
        rules->wants_header |= rule->header_name.length > 0;
    }
    return rules;
}

void
rules_free(struct rules **rules)
{
    if (*rules == NULL)
        return;
    seen_release(&(*rules)->memory);
    text_release(&(*rules)->unfolded);
    mem_free((*rules)->rules);
    mem_free(*rules);
    *rules = NULL;
}

void
rules_turn_share(struct rules *rules, size_t index, int64_t share_ppm)
{
    assert(index < rules->count);
    assert(share_ppm >= 0);
    assert(share_ppm <= PPM);
    rules->rules[index].share_ppm = (uint32_t)share_ppm;
    if (share_ppm < PPM)
        rules->rules[index].asks_rcpt = true;
}

int64_t
rules_share(const struct rules *rules, size_t index)
{
    assert(index < rules->count);
    return rules->rules[index].share_ppm;
}
