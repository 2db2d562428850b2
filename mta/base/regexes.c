/* regexes.c - PCRE2 behind a sieve of words. */
#include "base/regexes.h"

#include "base/mem.h"
#include "base/needles.h"
#include "base/regex_needs.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

enum {
    /* Steps that one expression may take on one text: far more than a good one needs, and soon over
     * for one that tries every way to fail. */
    MATCH_STEPS_MAX = 100000,
};

/* A word counts for one condition of an expression. */
struct use {
    uint32_t needle, expression;
    uint8_t condition;
};

/* An expression of which is known how its matches begin is asked there, and nowhere else. */
struct expression {
    struct slice text; /* until there is a code */
    pcre2_code *code;  /* anchored, if `fronts` is not NULL */
    uint64_t *fronts;  /* a bit for each needle */
    size_t fronts_words;
};

struct regexes {
    struct arena arena; /* the fronts */
    pcre2_general_context *memory;
    pcre2_compile_context *compiling;
    pcre2_match_context *matching;
    pcre2_match_data *data;
    struct expression *expressions;
    size_t count, capacity;

    struct needles needles;
    struct use *uses; /* by needle, once closed */
    size_t uses_count, uses_capacity;
    uint32_t *first_use;                                 /* by needle, and one behind the last */
    uint64_t without[REGEX_NEEDS_MAX][REGEXES_MAX / 64]; /* a condition: who has none */
    size_t words_count;                                  /* of marks that are in use */
};

static void *
regex_take(size_t bytes, void *arg)
{
    return mem_alloc(bytes);
}

static void
regex_give_back(void *memory, void *arg)
{
    mem_free(memory);
}

struct regexes *
regexes_new(void)
{
    struct regexes *regexes = mem_alloc_zeroed(sizeof *regexes);

    regexes->memory = pcre2_general_context_create(regex_take, regex_give_back, NULL);
    regexes->compiling = pcre2_compile_context_create(regexes->memory);
    regexes->matching = pcre2_match_context_create(regexes->memory);
    regexes->data = pcre2_match_data_create(1, regexes->memory);
    pcre2_set_match_limit(regexes->matching, MATCH_STEPS_MAX);
    return regexes;
}

void
regexes_free(struct regexes **regexes)
{
    struct regexes *r = *regexes;

    if (r == NULL)
        return;
    for (size_t i = 0; i < r->count; i++)
        pcre2_code_free(r->expressions[i].code);
    mem_free(r->expressions);
    arena_release(&r->arena);
    needles_release(&r->needles);
    mem_free(r->uses);
    mem_free(r->first_use);
    pcre2_match_data_free(r->data);
    pcre2_match_context_free(r->matching);
    pcre2_compile_context_free(r->compiling);
    pcre2_general_context_free(r->memory);
    mem_free(r);
    *regexes = NULL;
}

/* ---- adding ---- */

/* All its words have to be among the needles, or the condition does not count. */
static bool
use_words(struct regexes *regexes, const struct regex_need *need, unsigned condition)
{
    size_t before = regexes->uses_count;

    for (size_t i = 0; i < need->count; i++) {
        struct use use = {.expression = (uint32_t)regexes->count, .condition = (uint8_t)condition};

        if (!needles_add(&regexes->needles, need->words[i], &use.needle)) {
            regexes->uses_count = before;
            return false;
        }
        regexes->uses = mem_grow(regexes->uses, &regexes->uses_capacity, regexes->uses_count + 1,
            sizeof regexes->uses[0]);
        regexes->uses[regexes->uses_count++] = use;
    }
    return true;
}

static void
use_needs(struct regexes *regexes, const struct regex_needs *needs)
{
    size_t number = regexes->count;

    for (unsigned i = 0; i < REGEX_NEEDS_MAX; i++)
        if (i >= needs->count || !use_words(regexes, &needs->needs[i], i))
            regexes->without[i][number / 64] |= UINT64_C(1) << number % 64;
}

static void
use_front(struct regexes *regexes, const struct regex_need *front, struct expression *expression)
{
    uint32_t *needles = arena_alloc(&regexes->arena, (front->count + 1) * sizeof *needles);
    uint32_t last = 0;

    if (front->count == 0)
        return;
    for (size_t i = 0; i < front->count; i++) {
        if (!needles_add(&regexes->needles, front->words[i], &needles[i]))
            return;
        last = needles[i] > last ? needles[i] : last;
    }
    expression->fronts_words = last / 64 + 1;
    expression->fronts = arena_alloc_zeroed(
        &regexes->arena, expression->fronts_words * sizeof expression->fronts[0]);
    for (size_t i = 0; i < front->count; i++)
        expression->fronts[needles[i] / 64] |= UINT64_C(1) << needles[i] % 64;
}

static bool
compile(const struct regexes *regexes, struct expression *expression, struct regex_flaw *flaw)
{
    const uint32_t options = PCRE2_CASELESS | PCRE2_DOTALL | PCRE2_NO_AUTO_CAPTURE |
        PCRE2_NEVER_UTF | (expression->fronts != NULL ? PCRE2_ANCHORED : 0);
    struct slice text = expression->text;
    int why;

    expression->code = pcre2_compile((PCRE2_SPTR)(text.length > 0 ? text.at : ""), text.length,
        options, &why, &flaw->at, regexes->compiling);
    if (expression->code == NULL) {
        pcre2_get_error_message(why, (PCRE2_UCHAR *)flaw->why, sizeof flaw->why);
        return false;
    }
    /* Without a compiler for this processor it is interpreted: slower, not different. */
    (void)pcre2_jit_compile(expression->code, PCRE2_JIT_COMPLETE);
    return true;
}

bool
regexes_add(
    struct regexes *regexes, struct slice expression, uint32_t *number, struct regex_flaw *flaw)
{
    struct expression added = {.text = expression};
    struct regex_needs needs;
    struct arena arena = {0};
    bool is_good;

    assert(regexes->first_use == NULL);
    *number = (uint32_t)regexes->count;
    if (flaw != NULL)
        *flaw = (struct regex_flaw){.why = "there is no room for more expressions"};
    if (regexes->count == REGEXES_MAX)
        return false;
    regex_needs_read(&arena, expression, &needs);
    use_front(regexes, &needs.front, &added);
    is_good = flaw == NULL || compile(regexes, &added, flaw);
    if (is_good) {
        use_needs(regexes, &needs);
        regexes->expressions = mem_grow(regexes->expressions, &regexes->capacity,
            regexes->count + 1, sizeof regexes->expressions[0]);
        regexes->expressions[regexes->count++] = added;
    }
    arena_release(&arena);
    return is_good;
}

static void
sort_uses(struct regexes *regexes)
{
    size_t needles = needles_count(&regexes->needles);
    struct use *sorted = mem_alloc((regexes->uses_count + 1) * sizeof *sorted);
    uint32_t *place = mem_alloc_zeroed((needles + 2) * sizeof *place);

    for (size_t i = 0; i < regexes->uses_count; i++)
        place[regexes->uses[i].needle + 2]++;
    for (size_t i = 2; i < needles + 2; i++)
        place[i] += place[i - 1];
    for (size_t i = 0; i < regexes->uses_count; i++)
        sorted[place[regexes->uses[i].needle + 1]++] = regexes->uses[i];
    mem_free(regexes->uses);
    regexes->uses = sorted;
    regexes->first_use = place;
}

void
regexes_close(struct regexes *regexes)
{
    assert(regexes->first_use == NULL);
    needles_close(&regexes->needles);
    sort_uses(regexes);
    regexes->words_count = (regexes->count + 63) / 64;
}

size_t
regexes_count(const struct regexes *regexes)
{
    return regexes->count;
}

/* ---- asking ---- */

static void
use_needle(const struct regexes *regexes, size_t needle, uint64_t met[][REGEXES_MAX / 64])
{
    const struct use *use = regexes->uses + regexes->first_use[needle];
    const struct use *end = regexes->uses + regexes->first_use[needle + 1];

    for (; use < end; use++)
        met[use->condition][use->expression / 64] |= UINT64_C(1) << use->expression % 64;
}

void
regexes_mark(const struct regexes *regexes, struct slice text, struct regex_marks *marks)
{
    size_t seen_words = (needles_count(&regexes->needles) + 63) / 64;
    uint64_t seen[NEEDLES_MAX / 64], met[REGEX_NEEDS_MAX][REGEXES_MAX / 64];

    assert(regexes->first_use != NULL);
    marks->text = text.length > 0 ? text : SLICE("");
    memset(seen, 0, seen_words * sizeof seen[0]);
    for (size_t i = 0; i < REGEX_NEEDS_MAX; i++)
        memcpy(met[i], regexes->without[i], regexes->words_count * sizeof met[i][0]);
    marks->hits_count = needles_find(&regexes->needles, text, marks->hits, REGEX_HITS_MAX);
    for (size_t i = 0; i < marks->hits_count && i < REGEX_HITS_MAX; i++) {
        uint32_t needle = marks->hits[i].needle;

        if (seen[needle / 64] >> needle % 64 & 1)
            continue;
        seen[needle / 64] |= UINT64_C(1) << needle % 64;
        use_needle(regexes, needle, met);
    }
    for (size_t i = 0; i < regexes->words_count; i++)
        marks->words[i] =
            marks->hits_count > REGEX_HITS_MAX ? UINT64_MAX : met[0][i] & met[1][i] & met[2][i];
}

static bool
matches_at(const struct regexes *regexes, const pcre2_code *code, struct slice text, size_t at)
{
    PCRE2_SPTR bytes = (PCRE2_SPTR)text.at;
    int count = pcre2_jit_match(code, bytes, text.length, at, 0, regexes->data, regexes->matching);

    if (count == PCRE2_ERROR_JIT_STACKLIMIT || count == PCRE2_ERROR_JIT_BADOPTION)
        count = pcre2_match(
            code, bytes, text.length, at, PCRE2_NO_JIT, regexes->data, regexes->matching);
    return count >= 0;
}

static bool
is_front(const struct expression *expression, uint32_t needle)
{
    return needle / 64 < expression->fronts_words &&
        (expression->fronts[needle / 64] >> needle % 64 & 1) != 0;
}

static bool
matches(const struct regexes *regexes, const struct expression *expression,
    const struct regex_marks *marks)
{
    if (expression->fronts == NULL)
        return matches_at(regexes, expression->code, marks->text, 0);
    if (marks->hits_count <= REGEX_HITS_MAX) {
        for (size_t i = 0; i < marks->hits_count; i++)
            if (is_front(expression, marks->hits[i].needle) &&
                matches_at(regexes, expression->code, marks->text, marks->hits[i].at))
                return true;
        return false;
    }
    for (size_t at = 0; at < marks->text.length; at++) /* too many words to have kept them */
        if (matches_at(regexes, expression->code, marks->text, at))
            return true;
    return false;
}

bool
regexes_match(const struct regexes *regexes, uint32_t number, const struct regex_marks *marks,
    struct slice *found)
{
    struct expression *expression = &regexes->expressions[number];
    struct regex_flaw flaw;
    const size_t *place;

    if (expression->code == NULL) {
        bool is_good = compile(regexes, expression, &flaw);

        assert(is_good);
    }
    if (!matches(regexes, expression, marks))
        return false;
    place = pcre2_get_ovector_pointer(regexes->data);
    if (found != NULL && place[1] >= place[0])
        *found = (struct slice){marks->text.at + place[0], place[1] - place[0]};
    return true;
}
