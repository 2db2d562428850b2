/* bounce.c - looks a refusal up in the rules: first match wins.
 *
 * A regular expression costs some 25 ns, and a table grows. So the rules are sorted once into
 * buckets by what is cheap to know of a reply, the first digit of its code and the subject of its
 * enhanced code; within a bucket they keep their order. Nothing changes after reading: rules may be
 * shared by as many worlds as there are. */
#include "mta/bounce.h"

#include "base/embedded.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/tsv.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

enum {
    ANY = -1,
    DIGITS_COUNT = 10,
    SUBJECTS_COUNT = 10, /* no enhanced code, X.0 to X.7, any other */
    CLASSES_MAX = CLASS_CHALLENGE_RESPONSE,
    /* Steps that one expression may take on one reply: far more than a good one needs, and soon
     * over for one that tries every way to fail. */
    MATCH_STEPS_MAX = 100000,
};

struct rule {
    struct slice id;
    enum smtp_stage stage; /* STAGE_NONE: any */
    int code[3];           /* digits, or ANY */
    int enhanced[3];       /* class, subject, detail, or ANY */
    bool has_enhanced;     /* a reply without an enhanced code does not match */
    pcre2_code *regex;     /* NULL: any text */
    struct verdict verdict;
    struct slice example;
    struct tsv_row row; /* while reading, for diagnostics */
};

struct bucket {
    uint32_t *rules; /* numbers, rising */
    size_t count;
};

struct bounce_rules {
    struct arena arena; /* the texts and the buckets */
    pcre2_general_context *memory;
    pcre2_compile_context *compiling;
    pcre2_match_context *matching;
    struct verdict verdicts[CLASSES_MAX + 1]; /* by class; class 0: unknown */
    struct rule *rules;
    size_t rules_count, rules_capacity;
    struct bucket buckets[DIGITS_COUNT][SUBJECTS_COUNT];
};

static const char class_columns[] = "class\tname\treason\ttype";
enum { CELL_CLASS_NUMBER, CELL_CLASS_NAME, CELL_CLASS_REASON, CELL_CLASS_TYPE };

static const char bounce_columns[] = "id\tstage\tcode\tenhanced\tregex\tclass\treason\texample";
enum {
    CELL_ID,
    CELL_STAGE,
    CELL_CODE,
    CELL_ENHANCED,
    CELL_REGEX,
    CELL_CLASS,
    CELL_REASON,
    CELL_EXAMPLE,
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

static bool
is_dash(struct slice cell)
{
    return slice_equals(cell, SLICE("-"));
}

/* --- reading: one function per column ---------------------------------------------------------- */

static bool
read_class(const struct tsv *tsv, const struct tsv_row *row, size_t cell, enum bounce_class *class,
    struct error *err)
{
    uint64_t number;

    if (!slice_to_u64(row->cells[cell], &number) || !class_is_known(number))
        return tsv_error(tsv, row, cell, 0, err, "no bounce class has the number \"%.*s\"",
            SLICE_ARGS(row->cells[cell]));
    *class = (enum bounce_class)number;
    return true;
}

static bool
read_reason(const struct tsv *tsv, const struct tsv_row *row, size_t cell, uint8_t *reason,
    struct error *err)
{
    enum failure_reason found;

    if (!reason_from_id(row->cells[cell], &found))
        return tsv_error(
            tsv, row, cell, 0, err, "no such reason: \"%.*s\"", SLICE_ARGS(row->cells[cell]));
    *reason = (uint8_t)found;
    return true;
}

static bool
read_stage(
    const struct tsv *tsv, const struct tsv_row *row, enum smtp_stage *stage, struct error *err)
{
    struct slice cell = row->cells[CELL_STAGE];

    *stage = STAGE_NONE;
    if (!is_dash(cell) && (!stage_from_name(cell, stage) || *stage == STAGE_NONE))
        return tsv_error(
            tsv, row, CELL_STAGE, 0, err, "no such SMTP stage: \"%.*s\"", SLICE_ARGS(cell));
    return true;
}

/* "552", "45x", "4xx" */
static bool
read_code(const struct tsv *tsv, const struct tsv_row *row, int code[3], struct error *err)
{
    struct slice cell = row->cells[CELL_CODE];

    code[0] = code[1] = code[2] = ANY;
    if (is_dash(cell))
        return true;
    if (cell.length != 3)
        return tsv_error(tsv, row, CELL_CODE, 0, err,
            "a code has three digits, x for any: 552, 45x, 4xx (not \"%.*s\")", SLICE_ARGS(cell));
    for (size_t i = 0; i < 3; i++) {
        if (cell.at[i] == 'x')
            continue;
        if (!char_is_digit(cell.at[i]) || (i == 0 && (cell.at[0] < '2' || cell.at[0] > '5')))
            return tsv_error(tsv, row, CELL_CODE, i, err,
                "a code has three digits, x for any: 552, 45x, 4xx (not \"%.*s\")",
                SLICE_ARGS(cell));
        code[i] = cell.at[i] - '0';
    }
    return true;
}

/* "5.1.1", "4.7.", "x.2.2" */
static bool
read_enhanced(const struct tsv *tsv, const struct tsv_row *row, int enhanced[3], struct error *err)
{
    struct slice rest = row->cells[CELL_ENHANCED], part;
    uint64_t number;
    bool has_more = true;

    enhanced[0] = enhanced[1] = enhanced[2] = ANY;
    if (is_dash(rest))
        return true;
    for (size_t i = 0; i < 3 && has_more; i++) {
        has_more = slice_cut(rest, '.', &part, &rest);
        if (part.length == 0 && i > 0 && !has_more)
            break; /* the final dot of "4.7.": any detail */
        if (i == 0 && slice_equals(part, SLICE("x")))
            continue;
        if (!slice_to_u64(part, &number) || number > 999 ||
            (i == 0 && number != 4 && number != 5) || (i < 2 && !has_more))
            return tsv_error(tsv, row, CELL_ENHANCED, 0, err,
                "an enhanced code, or its front part with the dot: 5.1.1, 4.7., x.2.2 (not "
                "\"%.*s\")",
                SLICE_ARGS(row->cells[CELL_ENHANCED]));
        enhanced[i] = (int)number;
    }
    if (has_more)
        return tsv_error(tsv, row, CELL_ENHANCED, row->cells[CELL_ENHANCED].length - rest.length,
            err, "an enhanced code has three numbers");
    return true;
}

static bool
read_regex(struct bounce_rules *rules, const struct tsv *tsv, const struct tsv_row *row,
    pcre2_code **regex, struct error *err)
{
    const uint32_t options =
        PCRE2_CASELESS | PCRE2_DOTALL | PCRE2_NO_AUTO_CAPTURE | PCRE2_NEVER_UTF;
    struct slice cell = row->cells[CELL_REGEX];
    unsigned char why[200];
    size_t at;
    int code;

    if (is_dash(cell))
        return true;
    if (cell.length == 0)
        return tsv_error(tsv, row, CELL_REGEX, 0, err, "an empty expression; any text is \"-\"");
    *regex = pcre2_compile((PCRE2_SPTR)cell.at, cell.length, options, &code, &at, rules->compiling);
    if (*regex == NULL) {
        pcre2_get_error_message(code, why, sizeof(why));
        return tsv_error(tsv, row, CELL_REGEX, at, err, "%s", (const char *)why);
    }
    /* Without a compiler for this processor the expression is interpreted: slower, not different. */
    (void)pcre2_jit_compile(*regex, PCRE2_JIT_COMPLETE);
    return true;
}

static bool
read_rule(
    struct bounce_rules *rules, const struct tsv *tsv, const struct tsv_row *row, struct error *err)
{
    struct rule *rule;
    enum bounce_class class = CLASS_NONE;

    rules->rules =
        mem_grow(rules->rules, &rules->rules_capacity, rules->rules_count + 1, sizeof(*rule));
    rule = &rules->rules[rules->rules_count];
    *rule =
        (struct rule){.id = row->cells[CELL_ID], .example = row->cells[CELL_EXAMPLE], .row = *row};
    rules->rules_count++; /* from here on the expression is freed with the others */

    if (rule->id.length == 0)
        return tsv_error(tsv, row, CELL_ID, 0, err, "a rule needs an id");
    if (!read_stage(tsv, row, &rule->stage, err) || !read_code(tsv, row, rule->code, err) ||
        !read_enhanced(tsv, row, rule->enhanced, err) ||
        !read_regex(rules, tsv, row, &rule->regex, err) ||
        !read_class(tsv, row, CELL_CLASS, &class, err))
        return false;
    rule->has_enhanced = !is_dash(row->cells[CELL_ENHANCED]);
    rule->verdict = rules->verdicts[class];
    return is_dash(row->cells[CELL_REASON]) ||
        read_reason(tsv, row, CELL_REASON, &rule->verdict.reason, err);
}

/* --- matching ---------------------------------------------------------------------------------- */

static bool
number_matches(int pattern, int number)
{
    return pattern == ANY || pattern == number;
}

static size_t
subject_bucket(struct enhanced_code enhanced)
{
    if (enhanced.class == 0)
        return 0;
    return enhanced.subject <= 7 ? (size_t)enhanced.subject + 1 : SUBJECTS_COUNT - 1;
}

static bool
codes_match(const struct rule *rule, const struct refusal *refusal)
{
    const struct smtp_reply *reply = &refusal->reply;

    return (rule->stage == STAGE_NONE || rule->stage == refusal->stage) &&
        number_matches(rule->code[0], reply->code / 100) &&
        number_matches(rule->code[1], reply->code / 10 % 10) &&
        number_matches(rule->code[2], reply->code % 10) &&
        (!rule->has_enhanced || reply->enhanced.class != 0) &&
        number_matches(rule->enhanced[0], reply->enhanced.class) &&
        number_matches(rule->enhanced[1], reply->enhanced.subject) &&
        number_matches(rule->enhanced[2], reply->enhanced.detail);
}

/* An expression that gives up at its limits has not matched. */
static bool
text_matches(const struct bounce_rules *rules, const struct rule *rule, struct slice text,
    pcre2_match_data *data)
{
    PCRE2_SPTR at = (PCRE2_SPTR)(text.length > 0 ? text.at : "");
    int found = pcre2_match(rule->regex, at, text.length, 0, 0, data, rules->matching);

    if (found == PCRE2_ERROR_JIT_STACKLIMIT)
        found = pcre2_match(rule->regex, at, text.length, 0, PCRE2_NO_JIT, data, rules->matching);
    return found >= 0;
}

static const struct rule *
find_rule(const struct bounce_rules *rules, const struct refusal *refusal)
{
    const struct bucket *bucket = &rules->buckets[refusal->reply.code / 100 % DIGITS_COUNT]
                                                 [subject_bucket(refusal->reply.enhanced)];
    pcre2_match_data *data = pcre2_match_data_create(1, rules->memory);
    const struct rule *found = NULL;

    for (size_t i = 0; i < bucket->count && found == NULL; i++) {
        const struct rule *rule = &rules->rules[bucket->rules[i]];
        if (codes_match(rule, refusal) &&
            (rule->regex == NULL || text_matches(rules, rule, refusal->reply.text, data)))
            found = rule;
    }
    pcre2_match_data_free(data);
    assert(found != NULL); /* the last rule takes the rest */
    return found;
}

/* --- the tables as a whole --------------------------------------------------------------------- */

static bool
read_class_row(
    struct bounce_rules *rules, const struct tsv *tsv, const struct tsv_row *row, struct error *err)
{
    struct slice type_cell = row->cells[CELL_CLASS_TYPE];
    struct verdict *verdict;
    enum bounce_class class = CLASS_NONE;
    enum failure_type type;

    if (!read_class(tsv, row, CELL_CLASS_NUMBER, &class, err))
        return false;
    verdict = &rules->verdicts[class];
    if (verdict->class != CLASS_NONE)
        return tsv_error(tsv, row, CELL_CLASS_NUMBER, 0, err, "class %d has a row already", class);
    if (!slice_equals(row->cells[CELL_CLASS_NAME], slice_of(class_name(class))))
        return tsv_error(tsv, row, CELL_CLASS_NAME, 0, err, "the name of class %d is \"%s\"", class,
            class_name(class));
    if (!read_reason(tsv, row, CELL_CLASS_REASON, &verdict->reason, err))
        return false;
    if (!type_from_id(type_cell, &type))
        return tsv_error(
            tsv, row, CELL_CLASS_TYPE, 0, err, "no such type: \"%.*s\"", SLICE_ARGS(type_cell));
    verdict->class = (uint8_t) class;
    verdict->type = (uint8_t)type;
    return true;
}

static bool
read_classes(struct bounce_rules *rules, const char *filename, struct slice text, struct error *err)
{
    struct tsv tsv;
    struct tsv_row row;
    enum tsv_status status;

    if (!tsv_open(&tsv, filename, text, class_columns, err))
        return false;
    while ((status = tsv_next(&tsv, &row, err)) == TSV_ROW)
        if (!read_class_row(rules, &tsv, &row, err))
            return false;
    if (status == TSV_BAD)
        return false;
    for (unsigned class = 1; class <= CLASSES_MAX; class ++)
        if (class_is_known(class) && rules->verdicts[class].class == CLASS_NONE)
            return error_set(err, ERROR_CONFIG, "%s:%d:1: no row for class %u, %s", filename,
                tsv.line, class, class_name((enum bounce_class) class));
    return true;
}

static void
fill_bucket(struct bounce_rules *rules, struct bucket *bucket, int digit, size_t subject)
{
    bucket->rules = arena_alloc(&rules->arena, rules->rules_count * sizeof(*bucket->rules));
    for (size_t i = 0; i < rules->rules_count; i++) {
        const struct rule *rule = &rules->rules[i];
        bool is_for_subject = !rule->has_enhanced ||
            (subject != 0 &&
                (rule->enhanced[1] == ANY ||
                    subject ==
                        subject_bucket((struct enhanced_code){
                            .class = 5, .subject = (uint16_t)rule->enhanced[1]})));

        if (number_matches(rule->code[0], digit) && is_for_subject)
            bucket->rules[bucket->count++] = (uint32_t)i;
    }
}

static bool
takes_the_rest(const struct rule *rule)
{
    return is_dash(rule->row.cells[CELL_STAGE]) && is_dash(rule->row.cells[CELL_CODE]) &&
        is_dash(rule->row.cells[CELL_ENHANCED]) && is_dash(rule->row.cells[CELL_REGEX]);
}

/* A rule hidden behind an earlier one never acts: the classic slip in a table that only grows. Its
 * own example shows it. */
static bool
example_wins(const struct bounce_rules *rules, const struct tsv *tsv, const struct rule *rule,
    struct error *err)
{
    struct refusal refusal = {.stage = rule->stage == STAGE_NONE ? STAGE_RCPT : rule->stage};
    const struct rule *winner;
    const char *why;

    if (!reply_parse(rule->example, &refusal.reply, &why))
        return tsv_error(tsv, &rule->row, CELL_EXAMPLE, 0, err, "not a reply: %s", why);
    winner = find_rule(rules, &refusal);
    if (winner == rule)
        return true;
    return tsv_error(tsv, &rule->row, CELL_EXAMPLE, 0, err,
        "this is no example of \"%.*s\": the rule \"%.*s\" of line %d takes it",
        SLICE_ARGS(rule->id), SLICE_ARGS(winner->id), winner->row.line);
}

static bool
judge_rules(struct bounce_rules *rules, const struct tsv *tsv, struct error *err)
{
    struct map ids = {0};
    bool is_good = true, is_new = true;

    if (rules->rules_count == 0 || !takes_the_rest(&rules->rules[rules->rules_count - 1]))
        return error_set(err, ERROR_CONFIG,
            "%s:%d:1: the last rule must take the rest: \"-\" for stage, code, enhanced and regex",
            tsv->filename, tsv->line);
    for (int digit = 0; digit < DIGITS_COUNT; digit++)
        for (size_t subject = 0; subject < SUBJECTS_COUNT; subject++)
            fill_bucket(rules, &rules->buckets[digit][subject], digit, subject);

    for (size_t i = 0; i < rules->rules_count && is_good; i++) {
        const struct rule *rule = &rules->rules[i];
        map_put(&ids, rule->id, &is_new);
        is_good = is_new ||
            tsv_error(tsv, &rule->row, CELL_ID, 0, err, "another rule has the id \"%.*s\" too",
                SLICE_ARGS(rule->id));
        is_good = is_good && (is_dash(rule->example) || example_wins(rules, tsv, rule, err));
    }
    map_release(&ids);
    return is_good;
}

static bool
read_rules(struct bounce_rules *rules, const char *filename, struct slice text, struct error *err)
{
    struct tsv tsv;
    struct tsv_row row;
    enum tsv_status status;

    if (!tsv_open(&tsv, filename, text, bounce_columns, err))
        return false;
    while ((status = tsv_next(&tsv, &row, err)) == TSV_ROW)
        if (!read_rule(rules, &tsv, &row, err))
            return false;
    return status == TSV_END && judge_rules(rules, &tsv, err);
}

/* --- the interface ----------------------------------------------------------------------------- */

struct bounce_rules *
bounce_rules_read(const char *bounce_filename, struct slice bounce_rows, const char *class_filename,
    struct slice class_rows, struct error *err)
{
    struct bounce_rules *rules = mem_alloc_zeroed(sizeof(*rules));
    char *copy = arena_copy(&rules->arena, bounce_rows.at, bounce_rows.length);

    rules->memory = pcre2_general_context_create(regex_take, regex_give_back, NULL);
    rules->compiling = pcre2_compile_context_create(rules->memory);
    rules->matching = pcre2_match_context_create(rules->memory);
    pcre2_set_match_limit(rules->matching, MATCH_STEPS_MAX);
    if (!read_classes(rules, class_filename, class_rows, err) ||
        !read_rules(rules, bounce_filename, (struct slice){copy, bounce_rows.length}, err))
        bounce_rules_free(&rules);
    return rules;
}

struct bounce_rules *
bounce_rules_new(void)
{
    static const char bounce_filename[] = "mta/rules/bounce.tsv";
    static const char class_filename[] = "mta/rules/class.tsv";
    struct slice bounce_rows, class_rows;
    struct bounce_rules *rules;
    struct error err;
    bool are_built_in = embedded_find(slice_of(bounce_filename), &bounce_rows) &&
        embedded_find(slice_of(class_filename), &class_rows);

    assert(are_built_in);
    rules = bounce_rules_read(bounce_filename, bounce_rows, class_filename, class_rows, &err);
    assert(rules != NULL); /* a bad row of ours does not pass the tests */
    return rules;
}

void
bounce_rules_free(struct bounce_rules **rules)
{
    if (*rules == NULL)
        return;
    for (size_t i = 0; i < (*rules)->rules_count; i++)
        pcre2_code_free((*rules)->rules[i].regex);
    mem_free((*rules)->rules);
    pcre2_match_context_free((*rules)->matching);
    pcre2_compile_context_free((*rules)->compiling);
    pcre2_general_context_free((*rules)->memory);
    arena_release(&(*rules)->arena);
    mem_free(*rules);
    *rules = NULL;
}

struct bounce
bounce_qualify(const struct bounce_rules *rules, const struct refusal *refusal)
{
    const struct rule *rule = find_rule(rules, refusal);

    return (struct bounce){.verdict = rule->verdict, .rule = rule->id};
}

/* No rule spoke, so none is named. */
struct bounce
bounce_of_class(const struct bounce_rules *rules, enum bounce_class class)
{
    assert(class_is_known(class));
    return (struct bounce){.verdict = rules->verdicts[class], .rule = SLICE("")};
}
