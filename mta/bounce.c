/* bounce.c - looks a refusal up in the rules: first match wins.
 *
 * Of all the rules, those are asked that are for such codes, and whose words can be in the text. */
#include "mta/bounce_parts.h"

static int
first_digit(const struct smtp_reply *reply)
{
    return reply->code != 0 ? reply->code / 100 % DIGITS_COUNT : reply->enhanced.class;
}

static bool
codes_match(const struct rule *rule, const struct refusal *refusal)
{
    const struct smtp_reply *reply = &refusal->reply;

    return (rule->stage == STAGE_NONE || rule->stage == refusal->stage) &&
        number_matches(rule->code[1], reply->code / 10 % 10) &&
        number_matches(rule->code[2], reply->code % 10) &&
        (!rule->has_enhanced || reply->enhanced.class != 0) &&
        number_matches(rule->enhanced[0], reply->enhanced.class) &&
        number_matches(rule->enhanced[1], reply->enhanced.subject) &&
        number_matches(rule->enhanced[2], reply->enhanced.detail) &&
        (rule->domain.length == 0 || slice_glob_nocase(rule->domain, refusal->domain));
}

/* One refusal under way through the rules. */
struct search {
    const struct bounce_rules *rules;
    const struct refusal *refusal;
    const uint64_t *bucket;
    struct regex_marks marks;
};

static void
search_begin(struct search *search, const struct bounce_rules *rules, const struct refusal *refusal,
    char text[BOUNCE_TEXT_MAX])
{
    search->rules = rules;
    search->refusal = refusal;
    search->bucket =
        rules->buckets[first_digit(&refusal->reply)][subject_bucket(refusal->reply.enhanced)];
    regexes_mark(rules->words, bounce_fold(&refusal->reply, text), &search->marks);
}

static bool
rule_matches(const struct search *search, size_t number, struct slice *phrase)
{
    const struct rule *rule = &search->rules->rules[number];

    return codes_match(rule, search->refusal) &&
        (!rule->has_words ||
            regexes_match(search->rules->words, (uint32_t)number, &search->marks, phrase));
}

static size_t
search_next(const struct search *search, size_t from, struct slice *phrase)
{
    const struct bounce_rules *rules = search->rules;

    for (size_t word = from / 64; word < rules->words_count; word++) {
        uint64_t left = search->bucket[word] & search->marks.words[word];

        if (word == from / 64)
            left &= UINT64_MAX << from % 64;
        for (; left != 0; left &= left - 1) {
            size_t number = word * 64 + (size_t)__builtin_ctzll(left);

            if (rule_matches(search, number, phrase))
                return number;
        }
    }
    return rules->count;
}

size_t
bounce_find(const struct bounce_rules *rules, const struct refusal *refusal, size_t from)
{
    struct search search;
    char text[BOUNCE_TEXT_MAX];

    search_begin(&search, rules, refusal, text);
    return search_next(&search, from, NULL);
}

static struct bounce
bounce_of(const struct rule *rule)
{
    return (struct bounce){.verdict = rule->verdict,
        .rule = rule->id,
        .is_by_words = rule->has_words,
        .code = rule->transcode.code,
        .enhanced = rule->transcode.enhanced};
}

struct bounce
bounce_qualify(const struct bounce_rules *rules, const struct refusal *refusal)
{
    size_t number = bounce_find(rules, refusal, 0);

    assert(number < rules->count); /* the last rule takes the rest */
    return bounce_of(&rules->rules[number]);
}

void
bounce_explain(const struct bounce_rules *rules, const struct refusal *refusal,
    struct bounce_reasoning *reasoning)
{
    struct search search;
    size_t number, next;

    *reasoning = (struct bounce_reasoning){0};
    search_begin(&search, rules, refusal, reasoning->text);
    number = search_next(&search, 0, &reasoning->phrase);
    assert(number < rules->count);
    reasoning->bounce = bounce_of(&rules->rules[number]);
    next = number;
    do {
        reasoning->runner_up_phrase = (struct slice){0};
        next = search_next(&search, next + 1, &reasoning->runner_up_phrase);
    } while (
        next < rules->count && rules->rules[next].verdict.class == reasoning->bounce.verdict.class);
    if (next < rules->count)
        reasoning->runner_up = bounce_of(&rules->rules[next]);
}

/* No rule spoke, so none is named. */
struct bounce
bounce_of_class(const struct bounce_rules *rules, enum bounce_class class)
{
    assert(class_is_known(class));
    return (struct bounce){.verdict = rules->verdicts[class], .rule = SLICE("")};
}

bool
bounce_rules_ask_domains(const struct bounce_rules *rules)
{
    return rules->ask_domains;
}
