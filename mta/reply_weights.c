/* reply_weights.c - words, codes and stage on the scales. */
#include "mta/reply_weights.h"

#include "base/map.h"
#include "base/mem.h"
#include "base/tsv.h"

#include <stdio.h>

enum {
    STEM_LETTERS = 6,    /* of a longer word only this front counts, with a '*' behind it */
    STEM_BYTES_MAX = 24, /* of a stem, and of "@x.65535.65535" */
    TERM_BYTES_MAX = 2 * STEM_BYTES_MAX,
    TERMS_MAX = 2 * REPLY_WORDS_MAX + 8,
    WEIGHT_MAX = 999,
    BY_WORDS_MIN = 8, /* less is said by codes alone, which have rules of their own */
    LEAD_MIN = 4,
    LEAD_OVER_RULE_MIN = 18,
    LEAD_OVER_SITE_MIN = 20,
};

struct reply_weights {
    struct map terms;
    int16_t (*of)[REPLY_GROUPS_COUNT]; /* by number of the term */
    size_t capacity;
};

static bool
group_from_name(struct slice name, enum reply_group *group)
{
    for (int i = GROUP_NONE + 1; i < REPLY_GROUPS_COUNT; i++)
        if (slice_equals(name, slice_of(reply_group_name((enum reply_group)i)))) {
            *group = (enum reply_group)i;
            return true;
        }
    return false;
}

/* "block 14" or "spam -3" */
static bool
read_weight(const struct tsv *tsv, const struct tsv_row *row, struct slice pair, int16_t *weights,
    struct error *err)
{
    size_t at = (size_t)(pair.at - row->cells[1].at);
    struct slice name, number;
    enum reply_group group;
    bool is_negative;
    uint64_t weight;

    if (!slice_cut(pair, ' ', &name, &number) || !group_from_name(name, &group))
        return tsv_error(
            tsv, row, 1, at, err, "no group with its weight: \"%.*s\"", SLICE_ARGS(pair));
    is_negative = slice_starts_with(number, SLICE("-"));
    if (!slice_to_u64(slice_from(number, is_negative), &weight) || weight > WEIGHT_MAX)
        return tsv_error(tsv, row, 1, at, err, "a weight is a number up to %d, not \"%.*s\"",
            WEIGHT_MAX, SLICE_ARGS(number));
    weights[group] = (int16_t)(is_negative ? -(int)weight : (int)weight);
    return true;
}

static bool
read_term(struct reply_weights *weights, const struct tsv *tsv, const struct tsv_row *row,
    struct error *err)
{
    struct slice rest = row->cells[1], pair;
    bool is_new, has_more = true;
    uint32_t number = map_put(&weights->terms, row->cells[0], &is_new);

    if (row->cells[0].length == 0 || row->cells[0].length >= TERM_BYTES_MAX || !is_new)
        return tsv_error(tsv, row, 0, 0, err, "a term is short, and stands in one row");
    weights->of =
        mem_grow(weights->of, &weights->capacity, (size_t)number + 1, sizeof *weights->of);
    memset(weights->of[number], 0, sizeof *weights->of);
    while (has_more) {
        has_more = slice_cut(rest, ',', &pair, &rest);
        if (!read_weight(tsv, row, slice_trim(pair), weights->of[number], err))
            return false;
    }
    return true;
}

struct reply_weights *
reply_weights_read(const char *filename, struct slice rows, struct error *err)
{
    struct reply_weights *weights = mem_alloc_zeroed(sizeof *weights);
    enum tsv_status status = TSV_BAD;
    struct tsv_row row;
    struct tsv tsv;

    if (tsv_open(&tsv, filename, rows, "term\tweights", err))
        while ((status = tsv_next(&tsv, &row, err)) == TSV_ROW)
            if (!read_term(weights, &tsv, &row, err)) {
                status = TSV_BAD;
                break;
            }
    if (status != TSV_END)
        reply_weights_free(&weights);
    return weights;
}

void
reply_weights_free(struct reply_weights **weights)
{
    if (*weights == NULL)
        return;
    mem_free((*weights)->of);
    map_release(&(*weights)->terms);
    mem_free(*weights);
    *weights = NULL;
}

/* --- on the scales --------------------------------------------------------------------------- */

struct scales {
    const struct reply_weights *weights;
    uint32_t terms[TERMS_MAX]; /* each once */
    size_t count;
    int sums[REPLY_GROUPS_COUNT];
    int by_words[REPLY_GROUPS_COUNT]; /* the sums without codes and stage */
};

static void
put_term(struct scales *scales, struct slice term)
{
    uint32_t number;

    if (scales->count == TERMS_MAX || !map_find(&scales->weights->terms, term, &number))
        return;
    for (size_t i = 0; i < scales->count; i++)
        if (scales->terms[i] == number)
            return;
    scales->terms[scales->count++] = number;
    for (size_t i = 0; i < REPLY_GROUPS_COUNT; i++)
        scales->sums[i] += scales->weights->of[number][i];
}

/* The length of so many letters of UTF-8, at most of the whole word. */
static size_t
letters_length(struct slice word, size_t letters)
{
    size_t length = 0;

    for (size_t i = 0; i < letters && length < word.length; i++)
        do
            length++;
        while (length < word.length && ((unsigned char)word.at[length] & 0xc0) == 0x80);
    return length;
}

/* The word, or its front; a letter is three bytes at most (reply_letter.h). */
static struct slice
stem_of(struct slice word, char stem[STEM_BYTES_MAX])
{
    size_t length = letters_length(word, STEM_LETTERS);
    bool is_cut = letters_length(word, STEM_LETTERS - 1) < length;

    assert(length < STEM_BYTES_MAX);
    memcpy(stem, word.at, length);
    stem[length] = '*';
    return (struct slice){stem, length + is_cut};
}

/* Each word, and each two that follow each other. */
static void
put_words(struct scales *scales, const struct reply_words *words)
{
    char pair[TERM_BYTES_MAX], storage[STEM_BYTES_MAX];
    size_t first = 0; /* the length of the word before, with a blank */

    for (size_t i = 0; i < words->count; i++) {
        struct slice stem = stem_of(words->words[i], storage);

        put_term(scales, stem);
        memcpy(pair + first, stem.at, stem.length);
        if (first > 0)
            put_term(scales, (struct slice){pair, first + stem.length});
        memcpy(pair, stem.at, stem.length);
        pair[stem.length] = ' ';
        first = stem.length + 1;
    }
}

static void
put_codes(struct scales *scales, const struct smtp_reply *reply, enum smtp_stage stage)
{
    struct enhanced_code enhanced = reply->enhanced;
    char term[TERM_BYTES_MAX];

    put_term(scales, SLICE("@"));
    snprintf(term, sizeof term, "@%d", reply->code);
    put_term(scales, slice_of(term));
    snprintf(term, sizeof term, "@%dxx", reply->code / 100);
    put_term(scales, slice_of(term));
    if (enhanced.class != 0) {
        snprintf(term, sizeof term, "@x.%d.", enhanced.subject);
        put_term(scales, slice_of(term));
        snprintf(term, sizeof term, "@x.%d.%d", enhanced.subject, enhanced.detail);
        put_term(scales, slice_of(term));
    }
    snprintf(term, sizeof term, "@%s", stage_name(stage == STAGE_CONNECT ? STAGE_BANNER : stage));
    if (stage != STAGE_NONE)
        put_term(scales, slice_of(term));
}

static bool
is_of_recipient(enum reply_group group)
{
    return group == GROUP_USER_UNKNOWN || group == GROUP_INACTIVE || group == GROUP_MAILBOX_FULL;
}

static bool
is_of_site(enum reply_group group)
{
    return group == GROUP_THROTTLE || group == GROUP_GREYLIST || group == GROUP_BLOCK ||
        group == GROUP_AUTH;
}

static bool
leads_clearly(const struct scales *scales, enum reply_group best, int lead, int lead_min)
{
    for (int i = GROUP_NONE + 1; i < REPLY_GROUPS_COUNT; i++)
        if (is_of_recipient(best) && is_of_site((enum reply_group)i) &&
            (scales->sums[best] - scales->sums[i] < LEAD_OVER_SITE_MIN ||
                scales->by_words[best] - scales->by_words[i] < LEAD_MIN))
            return false;
    return lead >= lead_min && scales->by_words[best] >= BY_WORDS_MIN;
}

/* Keeps the heaviest few, in their order. */
static void
note_terms(const struct scales *scales, struct weighed *weighed)
{
    for (size_t i = 0; i < scales->count; i++) {
        int weight = scales->weights->of[scales->terms[i]][weighed->group];
        size_t at = weighed->terms_count;

        if (weight <= 0)
            continue;
        while (at > 0 && weighed->terms[at - 1].weight < weight)
            at--;
        if (at == WEIGHED_TERMS_MAX)
            continue;
        if (weighed->terms_count < WEIGHED_TERMS_MAX)
            weighed->terms_count++;
        for (size_t k = weighed->terms_count - 1; k > at; k--)
            weighed->terms[k] = weighed->terms[k - 1];
        weighed->terms[at].term = map_key(&scales->weights->terms, scales->terms[i]);
        weighed->terms[at].weight = weight;
    }
}

static enum reply_group
heaviest(const struct scales *scales, enum reply_group but)
{
    int best = but == GROUP_NONE + 1 ? but + 1 : GROUP_NONE + 1;

    for (int i = best + 1; i < REPLY_GROUPS_COUNT; i++)
        if (i != (int)but && scales->sums[i] > scales->sums[best])
            best = i;
    return (enum reply_group)best;
}

struct weighed
reply_weigh(const struct reply_weights *weights, const struct reply_words *words,
    const struct smtp_reply *reply, enum smtp_stage stage, enum reply_group against)
{
    struct scales scales = {.weights = weights};
    struct weighed weighed = {0};
    enum reply_group best, other = against;

    put_words(&scales, words);
    if (scales.count == 0)
        return weighed;
    memcpy(scales.by_words, scales.sums, sizeof scales.sums);
    put_codes(&scales, reply, stage);
    best = heaviest(&scales, GROUP_NONE);
    if (is_of_recipient(best) && is_of_site(against))
        return weighed;
    if (against == GROUP_NONE)
        other = heaviest(&scales, best);
    weighed.lead = scales.sums[best] - scales.sums[other];
    if (!leads_clearly(
            &scales, best, weighed.lead, against == GROUP_NONE ? LEAD_MIN : LEAD_OVER_RULE_MIN))
        return weighed;
    weighed.group = best;
    note_terms(&scales, &weighed);
    return weighed;
}
