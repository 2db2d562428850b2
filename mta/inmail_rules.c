/* inmail_rules.c - reads the Inbound-email rules, one function per column, and looks things up. */
#include "mta/inmail_rules.h"

#include "base/embedded.h"
#include "base/map.h"

enum { ANY = -1 };

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
            "one of bounce, delay, autoreply, challenge, fbl (not \"%.*s\")", SLICE_ARGS(cell));
    *kind = (int)found;
    return true;
}

static bool
read_word(const struct tsv *tsv, const struct tsv_row *row, size_t cell, const char *const *words,
    size_t words_count, unsigned *number, struct error *err)
{
    struct text known = {0};

    for (size_t i = 0; i < words_count; i++)
        if (slice_equals(row->cells[cell], slice_of(words[i]))) {
            *number = (unsigned)i;
            return true;
        }
    for (size_t i = 0; i < words_count; i++)
        text_printf(&known, "%s%s", i > 0 ? ", " : "", words[i]);
    tsv_error(tsv, row, cell, 0, err, "one of %s (not \"%.*s\")", text_string(&known),
        SLICE_ARGS(row->cells[cell]));
    text_release(&known);
    return false;
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
    struct slice cell = row->cells[CELL_REGEX];
    struct regex_flaw flaw;

    rule->is_reply = slice_equals(row->cells[CELL_CLASS], SLICE("reply"));
    if (rule->is_reply && (rule->where == INMAIL_SUBJECT || rule->where == INMAIL_FROM))
        return tsv_error(tsv, row, CELL_WHERE, 0, err,
            "a reply is looked for in \"diagnostic\", \"words\" or \"text\", or \"-\": the codes");
    if (!rule->is_reply && is_dash(cell) != (rule->where == INMAIL_ANYWHERE))
        return tsv_error(tsv, row, CELL_REGEX, 0, err,
            "an expression, and where to look for it: both, or \"-\" for both");
    if (is_dash(cell))
        return true;
    if (cell.length == 0)
        return tsv_error(tsv, row, CELL_REGEX, 0, err, "an empty expression; any text is \"-\"");
    rule->has_regex = true;
    return regexes_add(rules->regexes[rule->where], cell, &rule->regex, &flaw) ||
        tsv_error(tsv, row, CELL_REGEX, flaw.at, err, "%s", flaw.why);
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
    *rule = (struct inmail_rule){
        .id = row->cells[CELL_ID], .example = row->cells[CELL_EXAMPLE], .row = *row};
    rules->rules_count++;

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

static bool
regex_matches(const struct inmail_rules *rules, const struct inmail_rule *rule,
    struct inmail_search *search, struct slice *phrase)
{
    enum inmail_where where = rule->where;

    if (search->where[where].length == 0)
        return false;
    if (!search->is_marked[where])
        regexes_mark(rules->regexes[where], search->where[where], &search->marks[where]);
    search->is_marked[where] = true;
    return regex_is_marked(&search->marks[where], rule->regex) &&
        regexes_match(rules->regexes[where], rule->regex, &search->marks[where], phrase);
}

void
inmail_search_begin(struct inmail_search *search, enum report_kind kind)
{
    search->kind = kind;
    search->status = (struct enhanced_code){0};
    for (size_t i = 0; i < INMAIL_WHERES_COUNT; i++) {
        search->where[i] = (struct slice){"", 0};
        search->is_marked[i] = false;
    }
}

size_t
inmail_find_rule(const struct inmail_rules *rules, struct inmail_search *search, size_t start,
    struct slice *phrase)
{
    *phrase = (struct slice){"", 0};
    for (size_t i = start; i < rules->rules_count; i++) {
        const struct inmail_rule *rule = &rules->rules[i];

        if (number_matches(rule->kind, (int)search->kind) &&
            number_matches(rule->status[0], search->status.class) &&
            number_matches(rule->status[1], search->status.subject) &&
            number_matches(rule->status[2], search->status.detail) &&
            (!rule->has_regex || regex_matches(rules, rule, search, phrase)))
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

/* Asks for the example as if it had come back, with the status that the rule asks for. What the bounce
 * rules say of it does not count here: they may take what they like, and are asked where they stand. */
static bool
example_wins(
    const struct inmail_rules *rules, size_t number, const struct tsv *tsv, struct error *err)
{
    const struct inmail_rule *rule = &rules->rules[number];
    size_t winner = rules->first_of_table;
    struct inmail_search search;
    struct slice phrase;

    if (rule->is_reply)
        return true;
    if (rule->has_regex && is_dash(rule->example))
        return tsv_error(
            tsv, &rule->row, CELL_EXAMPLE, 0, err, "a rule with an expression needs an example");
    inmail_search_begin(&search, rule->kind == ANY ? REPORT_BOUNCE : (enum report_kind)rule->kind);
    search.status = (struct enhanced_code){(uint8_t)(rule->status[0] == ANY ? 5 : rule->status[0]),
        (uint16_t)(rule->status[1] == ANY ? 0 : rule->status[1]),
        (uint16_t)(rule->status[2] == ANY ? 0 : rule->status[2])};
    if (!is_dash(rule->example))
        search.where[rule->where] = rule->example;
    while ((winner = inmail_find_rule(rules, &search, winner, &phrase)) < number &&
        rules->rules[winner].is_reply)
        winner++;
    if (winner == number)
        return true;
    if (winner > number)
        return tsv_error(tsv, &rule->row, CELL_EXAMPLE, 0, err,
            "this is no example of \"%.*s\": it does not match", SLICE_ARGS(rule->id));
    return tsv_error(tsv, &rule->row, CELL_EXAMPLE, 0, err,
        "this is no example of \"%.*s\": the rule \"%.*s\" of line %d takes it",
        SLICE_ARGS(rule->id), SLICE_ARGS(rules->rules[winner].id), rules->rules[winner].row.line);
}

static bool
read_table(struct inmail_rules *rules, const char *filename, struct slice text, struct error *err)
{
    struct slice copy = {arena_copy(&rules->arena, text.at, text.length), text.length};
    struct map ids = {0};
    struct tsv tsv;
    struct tsv_row row;
    enum tsv_status status = TSV_BAD;

    if (!tsv_open(&tsv, filename, copy, columns, err))
        return false;
    while ((status = tsv_next(&tsv, &row, err)) == TSV_ROW)
        if (!read_rule(rules, &tsv, &row, err) || !is_new_id(&ids, &tsv, &row, err)) {
            status = TSV_BAD;
            break;
        }
    map_release(&ids);
    return status == TSV_END;
}

/* After the last table: the expressions can be asked, and each rule has to win its example, among the
 * rules of its own table. The user's may hide ours: that is what they are for. */
static bool
judge_table(
    struct inmail_rules *rules, const char *filename, size_t first, size_t end, struct error *err)
{
    struct tsv tsv = {.filename = filename};

    rules->first_of_table = first;
    for (size_t i = first; i < end; i++)
        if (!example_wins(rules, i, &tsv, err))
            return false;
    return true;
}

static bool
read_tables(struct inmail_rules *rules, const char *filename, struct slice rows, struct error *err)
{
    static const char our_filename[] = "mta/rules/inbound.tsv";
    struct slice our_rows;
    bool is_built_in = embedded_find(slice_of(our_filename), &our_rows);
    size_t users_count;

    assert(is_built_in);
    if (filename != NULL && !read_table(rules, filename, rows, err))
        return false;
    users_count = rules->rules_count;
    if (!read_table(rules, our_filename, our_rows, err))
        return false;
    for (size_t i = 0; i < INMAIL_WHERES_COUNT; i++)
        regexes_close(rules->regexes[i]);
    return judge_table(rules, filename, 0, users_count, err) &&
        judge_table(rules, our_filename, users_count, rules->rules_count, err);
}

static struct inmail_rules *
rules_new(const struct bounce_rules *bounces)
{
    struct inmail_rules *rules = mem_alloc_zeroed(sizeof(*rules));

    rules->bounces = bounces;
    for (size_t i = 0; i < INMAIL_WHERES_COUNT; i++)
        rules->regexes[i] = regexes_new();
    return rules;
}

struct inmail_rules *
inmail_rules_read(
    const struct bounce_rules *bounces, const char *filename, struct slice rows, struct error *err)
{
    struct inmail_rules *rules = rules_new(bounces);

    if (!read_tables(rules, filename, rows, err))
        inmail_rules_free(&rules);
    return rules;
}

struct inmail_rules *
inmail_rules_new(const struct bounce_rules *bounces)
{
    struct inmail_rules *rules = rules_new(bounces);
    struct error err;
    bool is_good = read_tables(rules, NULL, (struct slice){"", 0}, &err);

    assert(is_good); /* a bad row of ours does not pass the tests */
    return rules;
}

void
inmail_rules_free(struct inmail_rules **rules)
{
    if (*rules == NULL)
        return;
    for (size_t i = 0; i < INMAIL_WHERES_COUNT; i++)
        regexes_free(&(*rules)->regexes[i]);
    mem_free((*rules)->rules);
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
