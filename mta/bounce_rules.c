/* bounce_rules.c - the tables of rules, read and checked.
 *
 * Nothing changes after reading: rules may be shared by as many worlds as there are. */
#include "mta/bounce_parts.h"

#include "base/embedded.h"
#include "base/map.h"
#include "base/mem.h"

static const char class_columns[] = "class\tname\treason\ttype";
enum { CELL_CLASS_NUMBER, CELL_CLASS_NAME, CELL_CLASS_REASON, CELL_CLASS_TYPE };

static const char bounce_columns[] = "id\tstage\tcode\tenhanced\tregex\tclass\treason\texample";
static const char bounce_columns_more[] = "\tdomain\ttranscode";
enum {
    CELL_ID,
    CELL_STAGE,
    CELL_CODE,
    CELL_ENHANCED,
    CELL_REGEX,
    CELL_CLASS,
    CELL_REASON,
    CELL_EXAMPLE,
    CELL_DOMAIN,
    CELL_TRANSCODE,
    CELLS_COUNT,
};

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
read_regex(
    struct bounce_rules *rules, const struct tsv *tsv, const struct tsv_row *row, struct error *err)
{
    struct slice cell = row->cells[CELL_REGEX];
    struct regex_flaw flaw, *doubt = rules->are_ours ? NULL : &flaw;
    uint32_t number;

    if (cell.length == 0)
        return tsv_error(tsv, row, CELL_REGEX, 0, err, "an empty expression; any text is \"-\"");
    if (!regexes_add(rules->words, is_dash(cell) ? SLICE("") : cell, &number, doubt))
        return tsv_error(tsv, row, CELL_REGEX, flaw.at, err, "%s", flaw.why);
    assert(number == rules->count);
    return true;
}

/* "454", "454 4.7.0" */
static bool
read_transcode(
    const struct tsv *tsv, const struct tsv_row *row, struct smtp_reply *reply, struct error *err)
{
    struct slice cell = row->cells[CELL_TRANSCODE];
    const char *why;

    if (cell.length == 0 || is_dash(cell))
        return true;
    if (!reply_parse(cell, reply, &why))
        return tsv_error(tsv, row, CELL_TRANSCODE, 0, err, "%s", why);
    if (reply->code < 400 || reply->text.length > 0)
        return tsv_error(tsv, row, CELL_TRANSCODE, 0, err,
            "a code of 400 to 599, and an enhanced code if there is to be one: 454 4.7.0 (not "
            "\"%.*s\")",
            SLICE_ARGS(cell));
    return true;
}

static bool
read_rule(
    struct bounce_rules *rules, const struct tsv *tsv, const struct tsv_row *row, struct error *err)
{
    struct rule rule = {
        .id = row->cells[CELL_ID], .example = row->cells[CELL_EXAMPLE], .line = row->line};
    struct slice domain = row->cells[CELL_DOMAIN];
    enum bounce_class class = CLASS_NONE;

    if (rule.id.length == 0)
        return tsv_error(tsv, row, CELL_ID, 0, err, "a rule needs an id");
    if (!read_stage(tsv, row, &rule.stage, err) || !read_code(tsv, row, rule.code, err) ||
        !read_enhanced(tsv, row, rule.enhanced, err) || !read_regex(rules, tsv, row, err) ||
        !read_class(tsv, row, CELL_CLASS, &class, err) ||
        !read_transcode(tsv, row, &rule.transcode, err))
        return false;
    rule.has_enhanced = !is_dash(row->cells[CELL_ENHANCED]);
    rule.has_words = !is_dash(row->cells[CELL_REGEX]);
    if (!is_dash(domain))
        rule.domain = domain;
    rules->ask_domains |= rule.domain.length > 0;
    rule.verdict = rules->verdicts[class];
    if (!is_dash(row->cells[CELL_REASON]) &&
        !read_reason(tsv, row, CELL_REASON, &rule.verdict.reason, err))
        return false;
    rules->rules = mem_grow(rules->rules, &rules->capacity, rules->count + 1, sizeof rule);
    rules->rules[rules->count++] = rule;
    return true;
}

/* --- a table as a whole ------------------------------------------------------------------------ */

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

static bool
is_for(const struct rule *rule, int digit, size_t subject)
{
    struct enhanced_code enhanced = {.class = 5, .subject = (uint16_t)rule->enhanced[1]};

    return number_matches(rule->code[0], digit) &&
        (!rule->has_enhanced ||
            (subject != 0 && (rule->enhanced[1] == ANY || subject == subject_bucket(enhanced))));
}

static void
fill_buckets(struct bounce_rules *rules)
{
    rules->words_count = (rules->count + 63) / 64;
    for (int digit = 0; digit < DIGITS_COUNT; digit++)
        for (size_t subject = 0; subject < SUBJECTS_COUNT; subject++) {
            uint64_t *bucket =
                arena_alloc_zeroed(&rules->arena, rules->words_count * sizeof *bucket);

            for (size_t i = 0; i < rules->count; i++)
                if (is_for(&rules->rules[i], digit, subject))
                    bucket[i / 64] |= UINT64_C(1) << i % 64;
            rules->buckets[digit][subject] = bucket;
        }
}

static bool
takes_the_rest(const struct rule *rule)
{
    return rule->stage == STAGE_NONE && rule->code[0] == ANY && rule->code[1] == ANY &&
        rule->code[2] == ANY && !rule->has_enhanced && !rule->has_words && rule->domain.length == 0;
}

static bool
read_table(struct bounce_rules *rules, const struct bounce_table *table, struct error *err)
{
    struct slice rows = {
        arena_copy(&rules->arena, table->rows.at, table->rows.length), table->rows.length};
    struct tsv tsv;
    struct tsv_row row;
    enum tsv_status status;

    if (!tsv_open_with(&tsv, table->filename, rows, bounce_columns, bounce_columns_more, err))
        return false;
    while ((status = tsv_next(&tsv, &row, err)) == TSV_ROW) {
        for (size_t i = tsv.columns_count; i < CELLS_COUNT; i++)
            row.cells[i] = SLICE("-");
        if (!read_rule(rules, &tsv, &row, err))
            return false;
    }
    return status == TSV_END;
}

/* --- what may be wrong between rules ----------------------------------------------------------- */

/* Where a diagnostic points to: a rule of the table, by its line and the column of a cell. The rows are
 * still in the arena. */
static bool PRINTF_LIKE(5, 6) rule_error(const struct bounce_table *table, const struct rule *rule,
    struct slice cell, struct error *err, const char *format, ...)
{
    struct tsv tsv = {.filename = table->filename};
    struct tsv_row row = {
        .line = rule->line, .cells = {rule->id, cell}
    };
    struct text why = {0};
    va_list args;

    va_start(args, format);
    text_vprintf(&why, format, args);
    va_end(args);
    tsv_error(&tsv, &row, 1, 0, err, "%s", text_string(&why));
    text_release(&why);
    return false;
}

/* A rule hidden behind an earlier one never acts: the classic slip in a table that only grows. Its
 * own example shows it. Rules of another table may take it: that is what they are for. */
static bool
example_wins(const struct bounce_rules *rules, const struct bounce_table *table, size_t first,
    size_t number, struct error *err)
{
    const struct rule *rule = &rules->rules[number], *winner;
    struct refusal refusal = {
        .stage = rule->stage == STAGE_NONE ? STAGE_RCPT : rule->stage, .domain = rule->domain};
    const char *why;
    size_t found;

    if (!reply_parse(rule->example, &refusal.reply, &why))
        return rule_error(table, rule, rule->example, err, "not a reply: %s", why);
    found = bounce_find(rules, &refusal, first);
    if (found == number)
        return true;
    if (found == rules->count)
        return rule_error(table, rule, rule->example, err,
            "this is no example of \"%.*s\": no rule takes it", SLICE_ARGS(rule->id));
    winner = &rules->rules[found];
    return rule_error(table, rule, rule->example, err,
        "this is no example of \"%.*s\": the rule \"%.*s\" of line %d takes it",
        SLICE_ARGS(rule->id), SLICE_ARGS(winner->id), winner->line);
}

static bool
judge_table(const struct bounce_rules *rules, const struct bounce_table *table, size_t first,
    size_t end, struct error *err)
{
    struct map ids = {0};
    bool is_good = true, is_new = true;

    for (size_t i = first; i < end && is_good; i++) {
        const struct rule *rule = &rules->rules[i];

        map_put(&ids, rule->id, &is_new);
        is_good = is_new ||
            rule_error(table, rule, rule->id, err, "another rule has the id \"%.*s\" too",
                SLICE_ARGS(rule->id));
        is_good = is_good && (is_dash(rule->example) || example_wins(rules, table, first, i, err));
    }
    map_release(&ids);
    return is_good;
}

static bool
read_tables(
    struct bounce_rules *rules, const struct bounce_table *tables, size_t count, struct error *err)
{
    size_t *first = arena_alloc(&rules->arena, (count + 1) * sizeof *first);

    for (size_t i = 0; i < count; i++) {
        first[i] = rules->count;
        if (!read_table(rules, &tables[i], err))
            return false;
    }
    first[count] = rules->count;
    if (rules->count == first[count - 1] || !takes_the_rest(&rules->rules[rules->count - 1]))
        return error_set(err, ERROR_CONFIG,
            "%s:%d:1: the last rule must take the rest: \"-\" for stage, code, enhanced and regex",
            tables[count - 1].filename,
            rules->count == first[count - 1] ? 1 : rules->rules[rules->count - 1].line);
    regexes_close(rules->words);
    fill_buckets(rules);
    for (size_t i = 0; i < count; i++)
        if (!rules->are_ours && !judge_table(rules, &tables[i], first[i], first[i + 1], err))
            return false;
    return true;
}

/* --- the interface ----------------------------------------------------------------------------- */

static struct bounce_rules *
read_all(const struct bounce_table *tables, size_t count, const struct bounce_table *classes,
    bool are_ours, struct error *err)
{
    struct bounce_rules *rules = mem_alloc_zeroed(sizeof(*rules));

    assert(count > 0);
    rules->are_ours = are_ours;
    rules->words = regexes_new();
    if (!read_classes(rules, classes->filename, classes->rows, err) ||
        !read_tables(rules, tables, count, err))
        bounce_rules_free(&rules);
    return rules;
}

struct bounce_rules *
bounce_rules_read(const struct bounce_table *tables, size_t count,
    const struct bounce_table *classes, struct error *err)
{
    return read_all(tables, count, classes, false, err);
}

static struct bounce_table
built_in(const char *filename)
{
    struct bounce_table table = {.filename = filename};
    bool is_there = embedded_find(slice_of(filename), &table.rows);

    assert(is_there);
    return table;
}

struct bounce_table
bounce_table_built_in(void)
{
    return built_in("mta/rules/bounce.tsv");
}

struct bounce_table
class_table_built_in(void)
{
    return built_in("mta/rules/class.tsv");
}

struct bounce_rules *
bounce_rules_new(void)
{
    const struct bounce_table table = bounce_table_built_in(), classes = class_table_built_in();
    struct error err;
    struct bounce_rules *rules = read_all(&table, 1, &classes, true, &err);

    assert(rules != NULL); /* a bad row of ours does not pass the tests */
    return rules;
}

void
bounce_rules_free(struct bounce_rules **rules)
{
    if (*rules == NULL)
        return;
    regexes_free(&(*rules)->words);
    mem_free((*rules)->rules);
    arena_release(&(*rules)->arena);
    mem_free(*rules);
    *rules = NULL;
}
