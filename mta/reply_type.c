/* reply_type.c - looks a reply up in the rules: of those that match the first one wins.
 *
 * Each phrase of a rule is filed under one word that a text must have for it. So only the rules that
 * are filed under a word of the text are looked at, and those few that ask for no words. First the
 * cause is searched; where none of its words is known, asides and links are read too. The bounce
 * rules are slower and know more phrases and languages; they are asked only where a rule that comes to
 * its turn wants to know the class. Last, all words are weighed against what the rule made of some. */
#include "mta/reply_type_parts.h"

#include "mta/reply_words.h"

static bool
code_matches(struct slice pattern, uint16_t code)
{
    const char digits[3] = {
        (char)('0' + code / 100 % 10), (char)('0' + code / 10 % 10), (char)('0' + code % 10)};

    for (size_t i = 0; i < pattern.length; i++)
        if (pattern.at[i] != 'x' && pattern.at[i] != digits[i])
            return false;
    return true;
}

/* "x.7.1" and "4.7." */
static bool
status_matches(struct slice pattern, struct enhanced_code code)
{
    const uint32_t numbers[] = {code.class, code.subject, code.detail};
    struct slice part;
    uint64_t number;
    bool has_more = true;

    if (pattern.length > 0 && code.class == 0)
        return false;
    for (size_t i = 0; i < 3 && has_more && pattern.length > 0; i++) {
        has_more = slice_cut(pattern, '.', &part, &pattern);
        if (slice_to_u64(part, &number) && number != numbers[i])
            return false;
    }
    return true;
}

struct look {
    const struct reply_types *types;
    struct slice host;
    enum smtp_stage stage;
    const struct smtp_reply *reply;
    struct reply_words words, cause;
    bool is_whole; /* asides are read too */
    bool asks_weights;
    size_t best; /* number of the rule */
    bool is_classed;
    struct verdict verdict; /* once it is classed; class 0: the words say nothing to the rules */
    struct weighed weighed; /* of the rule at its turn, if that asks for the weights */
};

/* Of the cause; of all that the reply says where the cause is a bare refusal. A class that the codes alone give is no news: the
 * rules here know the codes too. */
static void
ask_class(struct look *look)
{
    struct refusal refusal = {.stage = look->stage, .reply = *look->reply};
    struct bounce bounce = {0};
    char scratch[REPLY_BYTES_MAX];

    look->is_classed = true;
    if (look->cause.count > 0 && look->cause.count < look->words.count) {
        refusal.reply.text =
            reply_cause_text(&look->words, &look->cause, look->reply->text, scratch);
        bounce = bounce_qualify(look->types->bounces, &refusal);
        refusal.reply.text = look->reply->text;
    }
    if (!bounce.is_by_words || bounce.verdict.class == CLASS_MAIL_BLOCK)
        bounce = bounce_qualify(look->types->bounces, &refusal);
    if (bounce.is_by_words)
        look->verdict = bounce.verdict;
}

static bool
class_matches(struct look *look, const struct rule *rule)
{
    if (rule->class == CLASS_NONE)
        return true;
    if (!look->is_classed)
        ask_class(look);
    return look->verdict.class == rule->class &&
        (rule->reason == REASON_NONE || look->verdict.reason == rule->reason);
}

/* Does a group outweigh this one? */
static bool
is_outweighed(struct look *look, enum reply_group group)
{
    look->weighed = reply_weigh(look->types->weights,
        look->cause.count > 0 ? &look->cause : &look->words, look->reply, look->stage, group);
    return look->weighed.group != GROUP_NONE;
}

static bool
weights_match(struct look *look, const struct rule *rule)
{
    return !rule->is_weighed || (look->asks_weights && is_outweighed(look, GROUP_NONE));
}

/* The host and the codes that a provider has made up do not err; some words among many may. */
static bool
may_be_overruled(const struct rule *rule)
{
    return !rule->is_weighed && !rule->is_anywhere && rule->hosts.length == 0 &&
        rule->type.group != GROUP_NONE;
}

static bool
rule_fits(const struct look *look, const struct rule *rule)
{
    const struct smtp_reply *reply = look->reply;

    return (rule->hosts.length == 0 || slice_glob_any_nocase(rule->hosts, look->host)) &&
        (rule->stages == 0 || (rule->stages & UINT32_C(1) << look->stage) != 0) &&
        code_matches(rule->code, reply->code) && status_matches(rule->status, reply->enhanced);
}

static void
look_under(struct look *look, struct slice word)
{
    uint32_t number;

    if (!map_find(&look->types->words, word, &number))
        return;
    for (const struct filed *f = look->types->files[number]; f != NULL; f = f->next) {
        const struct rule *rule = &look->types->rules[f->rule];

        if (f->rule < look->best && rule_fits(look, rule) &&
            phrase_matches(
                f->phrase, look->is_whole || rule->is_anywhere ? &look->words : &look->cause) &&
            class_matches(look, rule))
            look->best = f->rule;
    }
}

static void
look_through(struct look *look)
{
    const struct reply_types *types = look->types;

    for (size_t i = 0; i < look->words.count; i++) {
        struct slice word = look->words.words[i];
        char front[PREFIX_BYTES + 1];

        look_under(look, word);
        if (word.length < PREFIX_BYTES)
            continue;
        memcpy(front, word.at, PREFIX_BYTES);
        front[PREFIX_BYTES] = '*';
        look_under(look, (struct slice){front, sizeof front});
    }
    for (size_t i = 0; i < types->wordless_count && types->wordless[i] < look->best; i++)
        if (rule_fits(look, &types->rules[types->wordless[i]]) &&
            class_matches(look, &types->rules[types->wordless[i]]) &&
            weights_match(look, &types->rules[types->wordless[i]]))
            look->best = types->wordless[i];
    assert(look->best < types->rules_count); /* the last rule takes the rest */
}

static bool
is_by_words(const struct rule *rule)
{
    return rule->words.length > 0 || rule->class != CLASS_NONE;
}

struct found
reply_type_search(const struct reply_types *types, struct slice host, enum smtp_stage stage,
    const struct smtp_reply *reply, bool asks_weights)
{
    struct look look = {.types = types,
        .host = host,
        .stage = stage,
        .reply = reply,
        .asks_weights = asks_weights,
        .best = types->rules_count};

    reply_words_of(&look.words, reply->text);
    reply_cause_of(&look.words, types->openers.all, types->openers.count, &look.cause);
    look_through(&look);
    if (look.cause.count < look.words.count && !is_by_words(&types->rules[look.best])) {
        look.is_whole = true;
        look_through(&look);
    }
    if (asks_weights && types->weights != NULL && may_be_overruled(&types->rules[look.best]) &&
        is_outweighed(&look, types->rules[look.best].type.group))
        return (struct found){types->weighed, look.weighed, &types->rules[look.best]};
    return (struct found){look.best, look.weighed, NULL};
}

size_t
reply_type_aside(const struct reply_types *types, struct slice text)
{
    struct reply_words words, cause;
    size_t opener;

    reply_words_of(&words, text);
    opener = reply_cause_of(&words, types->openers.all, types->openers.count, &cause);
    return opener < types->openers.count ? types->openers.rules[opener] : types->rules_count - 1;
}

/* The weights know groups only. */
static struct reply_type
type_of_group(enum reply_group group)
{
    struct reply_type type = {.subject = REPLY_CONTENT, .group = group};

    switch (group) {
    case GROUP_THROTTLE:
        type.subject = REPLY_RATE;
        type.scope = SCOPE_IP;
        break;
    case GROUP_GREYLIST:
        type.subject = REPLY_GREYLIST;
        type.scope = SCOPE_RECIPIENT;
        break;
    case GROUP_BLOCK:
        type.subject = REPLY_BLOCK;
        type.scope = SCOPE_IP;
        break;
    case GROUP_SYSTEM:
        type.subject = REPLY_SYSTEM;
        break;
    case GROUP_USER_UNKNOWN:
    case GROUP_INACTIVE:
    case GROUP_MAILBOX_FULL:
        type.subject = REPLY_USER;
        type.scope = SCOPE_RECIPIENT;
        break;
    case GROUP_NONE:
    case GROUP_SPAM:
    case GROUP_VIRUS:
    case GROUP_POLICY:
    case GROUP_AUTH:
    case GROUP_TLS:
    case GROUP_SYNTAX:
    case GROUP_SIZE:
    case GROUP_RELAY:
    case GROUP_DNS:
    case REPLY_GROUPS_COUNT:
        break;
    }
    return type;
}

struct reply_type
reply_type_explain(const struct reply_types *types, struct slice host, enum smtp_stage stage,
    const struct smtp_reply *reply, struct text *why)
{
    struct found found = reply_type_search(types, host, stage, reply, true);
    const struct rule *rule = &types->rules[found.rule];
    struct reply_type type = rule->is_weighed ? type_of_group(found.weighed.group) : rule->type;
    int64_t hint_us = reply_hold_hint_us(reply->text);

    type.rule = rule->type.rule;
    if (hint_us > 0 && type.subject != REPLY_USER && type.subject != REPLY_CONTENT)
        type.hold_us = hint_us;
    if (why != NULL)
        text_add_slice(why, type.rule);
    if (why != NULL && found.overruled != NULL)
        text_printf(why, " over %.*s", SLICE_ARGS(found.overruled->type.rule));
    for (size_t i = 0; i < found.weighed.terms_count && why != NULL && rule->is_weighed; i++)
        text_printf(why, "%s%.*s %d", i == 0 ? ": " : ", ", SLICE_ARGS(found.weighed.terms[i].term),
            found.weighed.terms[i].weight);
    return type;
}

struct reply_type
reply_type_find(const struct reply_types *types, struct slice host, enum smtp_stage stage,
    const struct smtp_reply *reply)
{
    return reply_type_explain(types, host, stage, reply, NULL);
}
