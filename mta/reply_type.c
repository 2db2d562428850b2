/* reply_type.c - looks a reply up in the rules: of those that match the first one wins.
 *
 * Each phrase of a rule is filed under one word that a text must have for it. So only the rules that
 * are filed under a word of the text are looked at, and those few that ask for no words. The bounce
 * rules are slower and know more phrases and languages; they are asked only where a rule that comes to
 * its turn wants to know the class. */
#include "mta/reply_type_parts.h"

#include "mta/reply_words.h"

static bool
host_matches(struct slice hosts, struct slice host)
{
    struct slice glob;
    bool has_more = hosts.length > 0;

    while (has_more) {
        has_more = slice_cut(hosts, ',', &glob, &hosts);
        if (slice_glob_nocase(glob, host))
            return true;
    }
    return false;
}

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
    struct reply_words words;
    size_t best; /* number of the rule */
    bool is_classed;
    struct verdict verdict; /* once it is classed; class 0: the words say nothing to the rules */
};

/* A class that the codes alone give is no news: the rules here know the codes too. */
static bool
class_matches(struct look *look, const struct rule *rule)
{
    if (rule->class == CLASS_NONE)
        return true;
    if (!look->is_classed) {
        const struct refusal refusal = {.stage = look->stage, .reply = *look->reply};
        struct bounce bounce = bounce_qualify(look->types->bounces, &refusal);

        look->is_classed = true;
        if (bounce.is_by_words)
            look->verdict = bounce.verdict;
    }
    return look->verdict.class == rule->class &&
        (rule->reason == REASON_NONE || look->verdict.reason == rule->reason);
}

static bool
rule_fits(const struct look *look, const struct rule *rule)
{
    const struct smtp_reply *reply = look->reply;

    return (rule->hosts.length == 0 || host_matches(rule->hosts, look->host)) &&
        (rule->stages == 0 || (rule->stages & UINT32_C(1) << look->stage) != 0) &&
        code_matches(rule->code, reply->code) && status_matches(rule->status, reply->enhanced);
}

static void
look_under(struct look *look, struct slice word)
{
    uint32_t number;

    if (!map_find(&look->types->words, word, &number))
        return;
    for (const struct filed *f = look->types->files[number]; f != NULL; f = f->next)
        if (f->rule < look->best && rule_fits(look, &look->types->rules[f->rule]) &&
            phrase_matches(f->phrase, &look->words) &&
            class_matches(look, &look->types->rules[f->rule]))
            look->best = f->rule;
}

size_t
reply_type_search(const struct reply_types *types, struct slice host, enum smtp_stage stage,
    const struct smtp_reply *reply)
{
    struct look look = {
        .types = types, .host = host, .stage = stage, .reply = reply, .best = types->rules_count};

    reply_words_of(&look.words, reply->text);
    for (size_t i = 0; i < look.words.count; i++) {
        struct slice word = look.words.words[i];
        char front[PREFIX_BYTES + 1];

        look_under(&look, word);
        if (word.length < PREFIX_BYTES)
            continue;
        memcpy(front, word.at, PREFIX_BYTES);
        front[PREFIX_BYTES] = '*';
        look_under(&look, (struct slice){front, sizeof front});
    }
    for (size_t i = 0; i < types->wordless_count && types->wordless[i] < look.best; i++)
        if (rule_fits(&look, &types->rules[types->wordless[i]]) &&
            class_matches(&look, &types->rules[types->wordless[i]]))
            look.best = types->wordless[i];
    assert(look.best < types->rules_count); /* the last rule takes the rest */
    return look.best;
}

struct reply_type
reply_type_find(const struct reply_types *types, struct slice host, enum smtp_stage stage,
    const struct smtp_reply *reply)
{
    struct reply_type type = types->rules[reply_type_search(types, host, stage, reply)].type;
    int64_t hint_us = reply_hold_hint_us(reply->text);

    if (hint_us > 0 && type.subject != REPLY_USER && type.subject != REPLY_CONTENT)
        type.hold_us = hint_us;
    return type;
}
