/* inmail_rules.c - reads the Inbound-email rules, one function per column, and looks things up. */
#include "mta/inmail_rules.h"

#include "base/embedded.h"
#include "base/map.h"

enum {
    ANY = -1,
    /* Steps that one expression may take on one text: far more than a good one needs, and soon over
     * for one that tries every way to fail. */
    MATCH_STEPS_MAX = 100000,
};

static const char columns[] = "id\tkind\twhere\tstatus\tregex\tclass\ttype\treason\tstate\texample";
enum {
    CELL_ID,
    CELL_KIND,
    CELL_WHERE,
    CELL_STATUS,
    CELL_REGEX,
    CELL_CLASS,
    CELL_TYPE,
    CELL_REASON,
    CELL_STATE,
    CELL_EXAMPLE,
};

static const char *const where_names[INMAIL_WHERES_COUNT] = {
    "-", "subject", "from", "diagnostic", "words", "text"};
static const char *const state_ids[] = {"to_qualify", "keep", "ignore"};

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

/* --- reading ----------------------------------------------------------------------------------- */

static bool
read_kind(const struct tsv *tsv, const struct tsv_row *row, int *kind, struct error *err)
{
    struct slice cell = row->cells[CELL_KIND];
    enum report_kind found;

    *kind = ANY;
    if (is_dash(cell))
        return true;
    if (!report_kind_from_name(cell, &found) || found == REPORT_NOTBOUNCE ||
        found == REPORT_SUCCESS)
        return tsv_error(tsv, row, CELL_KIND, 0, err,
            "no kind of mail that has a verdict: \"%.*s\"", SLICE_ARGS(cell));
    *kind = (int)found;
    return true;
}

static bool
read_word(const struct tsv *tsv, const struct tsv_row *row, size_t cell, const char *const *words,
    size_t words_count, unsigned *number, struct error *err)
{
    for (size_t i = 0; i < words_count; i++)
        if (slice_equals(row->cells[cell], slice_of(words[i]))) {
            *number = (unsigned)i;
            return true;
        }
    return tsv_error(
        tsv, row, cell, 0, err, "not a word known here: \"%.*s\"", SLICE_ARGS(row->cells[cell]));
}

/* "5.1.1", "4.7.", "x.2.2" */
static bool
read_status(const struct tsv *tsv, const struct tsv_row *row, int status[3], struct error *err)
{
    struct slice rest = row->cells[CELL_STATUS], part;
    bool has_more = true;

    status[0] = status[1] = status[2] = ANY;
    if (is_dash(rest))
        return true;
    for (size_t i = 0; i < 3 && has_more; i++) {
        uint64_t number;
        has_more = slice_cut(rest, '.', &part, &rest);
        if (part.length == 0 && i > 0 && !has_more)
            return true; /* the final dot of "4.7.": any detail */
        if (i == 0 && slice_equals(part, SLICE("x")))
            continue;
        if (!slice_to_u64(part, &number) || number > 999 || (i < 2 && !has_more))
            break;
        status[i] = (int)number;
        if (i == 2 && !has_more)
            return true;
    }
    return tsv_error(tsv, row, CELL_STATUS, 0, err,
        "a status, or its front part with the dot: 5.1.1, 4.7., x.2.2 (not \"%.*s\")",
        SLICE_ARGS(row->cells[CELL_STATUS]));
}

static bool
read_regex(struct inmail_rules *rules, const struct tsv *tsv, const struct tsv_row *row,
    struct inmail_rule *rule, struct error *err)
{
    const uint32_t options =
        PCRE2_CASELESS | PCRE2_DOTALL | PCRE2_NO_AUTO_CAPTURE | PCRE2_NEVER_UTF;
    struct slice cell = row->cells[CELL_REGEX];
    unsigned char why[200];
    size_t at;
    int code;

    rule->is_reply = slice_equals(row->cells[CELL_CLASS], SLICE("reply"));
    if (rule->is_reply && (rule->where != INMAIL_DIAGNOSTIC && rule->where != INMAIL_WORDS))
        return tsv_error(tsv, row, CELL_WHERE, 0, err,
            "a reply is looked for in \"diagnostic\" or in \"words\"");
    if (!rule->is_reply && is_dash(cell) != (rule->where == INMAIL_ANYWHERE))
        return tsv_error(tsv, row, CELL_REGEX, 0, err,
            "an expression, and where to look for it: both, or \"-\" for both");
    if (is_dash(cell))
        return true;
    if (cell.length == 0)
        return tsv_error(tsv, row, CELL_REGEX, 0, err, "an empty expression; any text is \"-\"");
    rule->regex =
        pcre2_compile((PCRE2_SPTR)cell.at, cell.length, options, &code, &at, rules->compiling);
    if (rule->regex == NULL) {
        pcre2_get_error_message(code, why, sizeof(why));
        return tsv_error(tsv, row, CELL_REGEX, at, err, "%s", (const char *)why);
    }
    /* Without a compiler for this processor the expression is interpreted: slower, not different. */
    (void)pcre2_jit_compile(rule->regex, PCRE2_JIT_COMPLETE);
    return true;
}

/* A complaint has no bounce class: then "-", and reason and type are the rule's own. */
static bool
read_verdict(struct inmail_rules *rules, const struct tsv *tsv, const struct tsv_row *row,
    struct verdict *verdict, struct error *err)
{
    struct slice class = row->cells[CELL_CLASS], reason = row->cells[CELL_REASON],
                 type = row->cells[CELL_TYPE];
    enum failure_reason reason_found;
    enum failure_type type_found;
    uint64_t number;

    if (slice_equals(class, SLICE("reply"))) {
        return true;
    } else if (is_dash(class)) {
        if (is_dash(reason) || is_dash(type))
            return tsv_error(tsv, row, CELL_CLASS, 0, err,
                "without a class, a rule has to name type and reason");
    } else if (!slice_to_u64(class, &number) || !class_is_known(number)) {
        return tsv_error(tsv, row, CELL_CLASS, 0, err, "no bounce class has the number \"%.*s\"",
            SLICE_ARGS(class));
    } else {
        *verdict = bounce_of_class(rules->bounces, (enum bounce_class)number).verdict;
    }
    if (!is_dash(type)) {
        if (!type_from_id(type, &type_found))
            return tsv_error(
                tsv, row, CELL_TYPE, 0, err, "no such type: \"%.*s\"", SLICE_ARGS(type));
        verdict->type = (uint8_t)type_found;
    }
    if (!is_dash(reason)) {
        if (!reason_from_id(reason, &reason_found))
            return tsv_error(
                tsv, row, CELL_REASON, 0, err, "no such reason: \"%.*s\"", SLICE_ARGS(reason));
        verdict->reason = (uint8_t)reason_found;
    }
    return true;
}

static bool
read_rule(
    struct inmail_rules *rules, const struct tsv *tsv, const struct tsv_row *row, struct error *err)
{
    struct inmail_rule *rule;
    unsigned where = 0, state = 0;

    rules->rules =
        mem_grow(rules->rules, &rules->rules_capacity, rules->rules_count + 1, sizeof(*rule));
    rule = &rules->rules[rules->rules_count];
    *rule = (struct inmail_rule){.id = row->cells[CELL_ID], .example = row->cells[CELL_EXAMPLE]};
    rules->rules_count++; /* from here on the expression is freed with the others */

    if (rule->id.length == 0)
        return tsv_error(tsv, row, CELL_ID, 0, err, "a rule needs an id");
    if (!read_kind(tsv, row, &rule->kind, err) ||
        !read_word(tsv, row, CELL_WHERE, where_names, COUNT_OF(where_names), &where, err) ||
        !read_word(tsv, row, CELL_STATE, state_ids, COUNT_OF(state_ids), &state, err) ||
        !read_status(tsv, row, rule->status, err))
        return false;
    rule->where = (enum inmail_where)where;
    rule->state = (enum inmail_state)state;
    return read_regex(rules, tsv, row, rule, err) &&
        read_verdict(rules, tsv, row, &rule->verdict, err);
}

/* --- looking up -------------------------------------------------------------------------------- */

static bool
number_matches(int pattern, int number)
{
    return pattern == ANY || pattern == number;
}

/* An expression that gives up at its limits has not matched. */
static bool
regex_matches(const struct inmail_rules *rules, const struct inmail_rule *rule, struct slice text,
    struct slice *phrase)
{
    PCRE2_SPTR at = (PCRE2_SPTR)(text.length > 0 ? text.at : "");
    int found = pcre2_match(rule->regex, at, text.length, 0, 0, rules->data, rules->matching);
    const size_t *ends;

    if (found == PCRE2_ERROR_JIT_STACKLIMIT)
        found = pcre2_match(
            rule->regex, at, text.length, 0, PCRE2_NO_JIT, rules->data, rules->matching);
    if (found < 0)
        return false;
    ends = pcre2_get_ovector_pointer(rules->data);
    *phrase = ends[1] > ends[0] ? (struct slice){text.at + ends[0], ends[1] - ends[0]}
                                : (struct slice){"", 0};
    return true;
}

size_t
inmail_find_rule(const struct inmail_rules *rules, const struct inmail_content *content,
    size_t start, struct slice *phrase)
{
    *phrase = (struct slice){"", 0};
    for (size_t i = start; i < rules->rules_count; i++) {
        const struct inmail_rule *rule = &rules->rules[i];

        if (number_matches(rule->kind, (int)content->kind) &&
            number_matches(rule->status[0], content->status.class) &&
            number_matches(rule->status[1], content->status.subject) &&
            number_matches(rule->status[2], content->status.detail) &&
            (rule->is_reply || rule->regex == NULL ||
                (content->where[rule->where].length > 0 &&
                    regex_matches(rules, rule, content->where[rule->where], phrase))))
            return i;
    }
    return rules->rules_count;
}

/* --- the table as a whole ---------------------------------------------------------------------- */

static bool
is_new_id(struct map *ids, const struct tsv *tsv, const struct tsv_row *row, struct error *err)
{
    bool is_new;

    map_put(ids, row->cells[CELL_ID], &is_new);
    return is_new ||
        tsv_error(tsv, row, CELL_ID, 0, err, "another rule has the id \"%.*s\" too",
            SLICE_ARGS(row->cells[CELL_ID]));
}

/* Asks for the example as if it had come back, with the status that the rule asks for. */
static bool
example_wins(const struct inmail_rules *rules, size_t first, const struct tsv *tsv,
    const struct tsv_row *row, struct error *err)
{
    size_t number = rules->rules_count - 1, winner;
    const struct inmail_rule *rule = &rules->rules[number];
    struct inmail_content content = {
        .kind = rule->kind == ANY ? REPORT_BOUNCE : (enum report_kind)rule->kind,
        .status = {(uint8_t)(rule->status[0] == ANY ? 5 : rule->status[0]),
                   (uint16_t)(rule->status[1] == ANY ? 0 : rule->status[1]),
                   (uint16_t)(rule->status[2] == ANY ? 0 : rule->status[2])}
    };
    struct slice phrase;

    if (rule->is_reply)
        return true;
    if (rule->regex != NULL && is_dash(rule->example))
        return tsv_error(
            tsv, row, CELL_EXAMPLE, 0, err, "a rule with an expression needs an example");
    if (!is_dash(rule->example))
        content.where[rule->where] = rule->example;
    do
        winner = inmail_find_rule(rules, &content, first, &phrase);
    while (winner < number && rules->rules[winner].is_reply && (first = winner + 1) > 0);
    if (winner == number)
        return true;
    if (winner == rules->rules_count)
        return tsv_error(tsv, row, CELL_EXAMPLE, 0, err, "the rule does not take its example");
    return tsv_error(tsv, row, CELL_EXAMPLE, 0, err,
        "this is no example of \"%.*s\": the rule \"%.*s\" above takes it", SLICE_ARGS(rule->id),
        SLICE_ARGS(rules->rules[winner].id));
}

/* A rule can only be hidden by those above it, so each is judged when it has been read; and among the
 * rules of its own table, for the user's may hide ours: that is what they are for. */
static bool
read_table(struct inmail_rules *rules, const char *filename, struct slice text, struct error *err)
{
    struct slice copy = {arena_copy(&rules->arena, text.at, text.length), text.length};
    size_t first = rules->rules_count;
    struct map ids = {0};
    struct tsv tsv;
    struct tsv_row row;
    enum tsv_status status = TSV_BAD;

    if (!tsv_open(&tsv, filename, copy, columns, err))
        return false;
    while ((status = tsv_next(&tsv, &row, err)) == TSV_ROW)
        if (!read_rule(rules, &tsv, &row, err) || !is_new_id(&ids, &tsv, &row, err) ||
            !example_wins(rules, first, &tsv, &row, err)) {
            status = TSV_BAD;
            break;
        }
    map_release(&ids);
    return status == TSV_END;
}

static bool
read_ours(struct inmail_rules *rules, struct error *err)
{
    static const char filename[] = "mta/rules/inbound.tsv";
    struct slice rows;
    bool is_built_in = embedded_find(slice_of(filename), &rows);

    assert(is_built_in);
    return read_table(rules, filename, rows, err);
}

static struct inmail_rules *
rules_new(const struct bounce_rules *bounces)
{
    struct inmail_rules *rules = mem_alloc_zeroed(sizeof(*rules));

    rules->bounces = bounces;
    rules->memory = pcre2_general_context_create(regex_take, regex_give_back, NULL);
    rules->compiling = pcre2_compile_context_create(rules->memory);
    rules->matching = pcre2_match_context_create(rules->memory);
    rules->data = pcre2_match_data_create(1, rules->memory);
    pcre2_set_match_limit(rules->matching, MATCH_STEPS_MAX);
    return rules;
}

struct inmail_rules *
inmail_rules_read(
    const struct bounce_rules *bounces, const char *filename, struct slice rows, struct error *err)
{
    struct inmail_rules *rules = rules_new(bounces);

    if (!read_table(rules, filename, rows, err) || !read_ours(rules, err))
        inmail_rules_free(&rules);
    return rules;
}

struct inmail_rules *
inmail_rules_new(const struct bounce_rules *bounces)
{
    struct inmail_rules *rules = rules_new(bounces);
    struct error err;
    bool is_good = read_ours(rules, &err);

    assert(is_good); /* a bad row of ours does not pass the tests */
    return rules;
}

void
inmail_rules_free(struct inmail_rules **rules)
{
    if (*rules == NULL)
        return;
    for (size_t i = 0; i < (*rules)->rules_count; i++)
        pcre2_code_free((*rules)->rules[i].regex);
    mem_free((*rules)->rules);
    pcre2_match_data_free((*rules)->data);
    pcre2_match_context_free((*rules)->matching);
    pcre2_compile_context_free((*rules)->compiling);
    pcre2_general_context_free((*rules)->memory);
    arena_release(&(*rules)->arena);
    mem_free(*rules);
    *rules = NULL;
}

const char *
inmail_state_name(enum inmail_state state)
{
    static const char *const names[] = {"To qualify", "Keep", "Ignore"};

    assert((size_t)state < COUNT_OF(names));
    return names[state];
}
