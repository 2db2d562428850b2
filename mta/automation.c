/* automation.c - what a controller does about a reply. */
#include "mta/automation.h"

#include "base/embedded.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/regexes.h"
#include "base/tsv.h"
#include "base/unit.h"
#include "mta/pacer.h"

struct book {
    struct automation_rule *rules;
    size_t count, capacity;
    struct regexes *texts;
};

struct automation {
    struct book books[AUTOMATION_BOOKS_COUNT];
    struct arena arena;
    struct text line; /* the reply at hand, as it came */
};

static const char columns[] = "id\thost\ttype\ttext\ttrigger\taction\tfor\texample";
enum {
    CELL_ID,
    CELL_HOST,
    CELL_TYPE,
    CELL_TEXT,
    CELL_TRIGGER,
    CELL_ACTION,
    CELL_FOR,
    CELL_EXAMPLE,
};

static const struct {
    const char *filename, *vendor;
} built_in[] = {
    [AUTOMATION_MOMENTUM] = {"mta/rules/momentum.tsv", "momentum"},
    [AUTOMATION_KUMO] = {"mta/rules/kumo.tsv",     "kumo"    },
};
static_assert(COUNT_OF(built_in) == AUTOMATION_BOOKS_COUNT, "every book has its rules");

enum argument { ARGUMENT_NONE, ARGUMENT_COUNT, ARGUMENT_DURATION, ARGUMENT_RATE };

/* What may stand in `action`, for whom, and whether `for` goes with it. */
static const struct {
    const char *word;
    enum automation_verb verb;
    unsigned books; /* bits */
    enum argument argument;
    bool may_last, must_last;
} verbs[] = {
    {"none",               AUTOMATION_NOTHING,            3, ARGUMENT_NONE,     false, false},
    {"suspend",            AUTOMATION_SUSPEND,            1, ARGUMENT_NONE,     true,  false},
    {"suspend",            AUTOMATION_SUSPEND,            2, ARGUMENT_NONE,     true,  true },
    {"throttle_down",      AUTOMATION_THROTTLE_DOWN,      1, ARGUMENT_NONE,     false, false},
    {"reduce_connections", AUTOMATION_REDUCE_CONNECTIONS, 1, ARGUMENT_COUNT,    false, false},
    {"reduce_deliveries",  AUTOMATION_REDUCE_DELIVERIES,  1, ARGUMENT_COUNT,    false, false},
    {"greylisted",         AUTOMATION_GREYLISTED,         1, ARGUMENT_DURATION, false, false},
    {"warmup",             AUTOMATION_WARMUP,             1, ARGUMENT_DURATION, false, false},
    {"rate",               AUTOMATION_SET_RATE,           2, ARGUMENT_RATE,     true,  true },
    {"connections",        AUTOMATION_SET_CONNECTIONS,    2, ARGUMENT_COUNT,    true,  true },
    {"deliveries",         AUTOMATION_SET_DELIVERIES,     2, ARGUMENT_COUNT,    true,  true },
};

static struct slice
cell_of(const struct tsv_row *row, size_t cell)
{
    return slice_equals(row->cells[cell], SLICE("-")) ? SLICE("") : row->cells[cell];
}

static size_t
place_in(const struct tsv_row *row, size_t cell, struct slice part)
{
    return (size_t)(part.at - row->cells[cell].at);
}

/* --- cells ----------------------------------------------------------------------------------- */

static bool
read_type(const struct tsv *tsv, const struct tsv_row *row, struct automation_rule *rule,
    struct error *err)
{
    struct slice name = cell_of(row, CELL_TYPE);

    rule->has_subject = name.length > 0;
    if (!rule->has_subject)
        return true;
    for (int i = 0; i < REPLY_SUBJECTS_COUNT; i++)
        if (slice_equals(name, slice_of(reply_subject_name((enum reply_subject)i)))) {
            rule->subject = (enum reply_subject)i;
            return true;
        }
    return tsv_error(tsv, row, CELL_TYPE, 0, err,
        "no such type of a reply: \"%.*s\" (mta classify --type names them)", SLICE_ARGS(name));
}

static bool
read_text(struct book *book, const struct tsv *tsv, const struct tsv_row *row,
    struct automation_rule *rule, struct error *err)
{
    struct slice cell = cell_of(row, CELL_TEXT);
    struct regex_flaw flaw;

    if (row->cells[CELL_TEXT].length == 0)
        return tsv_error(tsv, row, CELL_TEXT, 0, err, "an empty expression; any text is \"-\"");
    rule->has_text = cell.length > 0;
    if (!rule->has_text || regexes_add(book->texts, cell, &rule->text, &flaw))
        return true;
    return tsv_error(tsv, row, CELL_TEXT, flaw.at, err, "%s", flaw.why);
}

/* "h" of "5/h" is a period, and so is "10m". */
static bool
read_period(struct slice text, int64_t *us, struct error *why)
{
    struct text with_number = {0};
    bool is_read;

    if (slice_equals(text, SLICE("hr")))
        text = SLICE("h");
    if (text.length > 0 && (text.at[0] < '0' || text.at[0] > '9'))
        text_add_char(&with_number, '1');
    text_add_slice(&with_number, text);
    is_read = unit_parse_duration(text_slice(&with_number), us, why);
    text_release(&with_number);
    return is_read;
}

/* "first"; "5/h", at the fifth within an hour; ">5/h", at the sixth. */
static bool
read_trigger(const struct tsv *tsv, const struct tsv_row *row, struct automation_rule *rule,
    struct error *err)
{
    struct slice cell = row->cells[CELL_TRIGGER], count, period;
    bool is_above = cell.length > 0 && cell.at[0] == '>';
    struct error why;
    uint64_t events;

    rule->events = 1;
    if (slice_equals(cell, SLICE("first")))
        return true;
    if (!slice_cut(slice_trim(slice_from(cell, is_above)), '/', &count, &period) ||
        !slice_to_u64(count, &events) || events == 0 || events > AUTOMATION_EVENTS_MAX)
        return tsv_error(tsv, row, CELL_TRIGGER, 0, err,
            "first, or so many in so long: 5/h, >5/s, 2/4h (not \"%.*s\"; at most %d)",
            SLICE_ARGS(cell), AUTOMATION_EVENTS_MAX);
    if (!read_period(period, &rule->period_us, &why) || rule->period_us <= 0)
        return tsv_error(tsv, row, CELL_TRIGGER, place_in(row, CELL_TRIGGER, period), err,
            "no period: \"%.*s\" (h, s, 10m, …)", SLICE_ARGS(period));
    rule->events = (uint32_t)events + is_above;
    return true;
}

static bool
read_argument(const struct tsv *tsv, const struct tsv_row *row, enum argument kind,
    struct slice text, int64_t *value, struct error *err)
{
    size_t at = place_in(row, CELL_ACTION, text);
    struct ratio rate;
    struct error why;
    uint64_t count;

    switch (kind) {
    case ARGUMENT_NONE:
        return text.length == 0 ||
            tsv_error(tsv, row, CELL_ACTION, at, err, "this action takes no argument");
    case ARGUMENT_COUNT:
        if (!unit_parse_count(text, &count, &why) || count < 1 || count > 1000000)
            return tsv_error(tsv, row, CELL_ACTION, at, err, "a number from 1 to 1000000");
        *value = (int64_t)count;
        return true;
    case ARGUMENT_DURATION:
        return (unit_parse_duration(text, value, &why) && *value > 0) ||
            tsv_error(tsv, row, CELL_ACTION, at, err, "a duration, such as 15m");
    case ARGUMENT_RATE:
        if (!unit_parse_rate(text, &rate, &why) || rate.num <= 0)
            return tsv_error(tsv, row, CELL_ACTION, at, err, "a rate, such as 10/min");
        *value = pace_of(rate.num, rate.den);
        return true;
    }
    return true;
}

static bool
read_action(enum automation_book kind, const struct tsv *tsv, const struct tsv_row *row,
    struct slice text, struct automation_rule *rule, bool *may_last, struct error *err)
{
    struct slice word, argument;

    slice_cut(slice_trim(text), ' ', &word, &argument);
    argument = slice_trim(argument);
    for (size_t i = 0; i < COUNT_OF(verbs); i++) {
        if ((verbs[i].books & 1u << kind) == 0 || !slice_equals(word, slice_of(verbs[i].word)))
            continue;
        if (rule->actions_count == AUTOMATION_ACTIONS_MAX)
            return tsv_error(tsv, row, CELL_ACTION, place_in(row, CELL_ACTION, word), err,
                "a rule has at most %d actions", AUTOMATION_ACTIONS_MAX);
        if (verbs[i].must_last && rule->for_us == 0)
            return tsv_error(
                tsv, row, CELL_FOR, 0, err, "how long? %s ends by itself", verbs[i].word);
        *may_last |= verbs[i].may_last;
        rule->actions[rule->actions_count].verb = verbs[i].verb;
        return read_argument(tsv, row, verbs[i].argument, argument,
            &rule->actions[rule->actions_count++].value, err);
    }
    return tsv_error(tsv, row, CELL_ACTION, place_in(row, CELL_ACTION, word), err,
        "%s knows no action \"%.*s\"", built_in[kind].vendor, SLICE_ARGS(word));
}

static bool
read_actions(enum automation_book kind, const struct tsv *tsv, const struct tsv_row *row,
    struct automation_rule *rule, struct error *err)
{
    struct slice rest = row->cells[CELL_ACTION], text, last = cell_of(row, CELL_FOR);
    struct error why;
    bool has_more = true, may_last = false;

    if (last.length > 0 && (!unit_parse_duration(last, &rule->for_us, &why) || rule->for_us <= 0))
        return tsv_error(tsv, row, CELL_FOR, 0, err, "a duration, such as 4h, or \"-\"");
    while (has_more) {
        has_more = slice_cut(rest, ',', &text, &rest);
        if (!read_action(kind, tsv, row, text, rule, &may_last, err))
            return false;
    }
    return may_last || rule->for_us == 0 ||
        tsv_error(tsv, row, CELL_FOR, 0, err, "nothing that is done here ends by itself: \"-\"");
}

/* --- tables ---------------------------------------------------------------------------------- */

static bool
read_rule(struct automation *automation, enum automation_book kind, const struct tsv *tsv,
    const struct tsv_row *row, struct error *err)
{
    struct book *book = &automation->books[kind];
    struct automation_rule rule = {.id = row->cells[CELL_ID],
        .hosts = cell_of(row, CELL_HOST),
        .number = (uint32_t)book->count};

    if (rule.id.length == 0)
        return tsv_error(tsv, row, CELL_ID, 0, err, "a rule needs an id");
    if (book->count == AUTOMATION_RULES_MAX)
        return tsv_error(
            tsv, row, CELL_ID, 0, err, "there are more than %d rules", AUTOMATION_RULES_MAX);
    if (!read_type(tsv, row, &rule, err) || !read_text(book, tsv, row, &rule, err) ||
        !read_trigger(tsv, row, &rule, err) || !read_actions(kind, tsv, row, &rule, err))
        return false;
    if (!rule.has_subject && !rule.has_text)
        return tsv_error(tsv, row, CELL_TYPE, 0, err,
            "this rule takes every reply: a type, a text, or both are needed");
    book->rules = mem_grow(book->rules, &book->capacity, book->count + 1, sizeof rule);
    book->rules[book->count++] = rule;
    return true;
}

/* Whether the words fit can be told before there is mail; which type a reply has is not known here. */
static bool
check_example(struct regexes *texts, const struct tsv *tsv, const struct tsv_row *row,
    const struct automation_rule *rule, struct error *err)
{
    struct slice example = cell_of(row, CELL_EXAMPLE);
    struct regex_marks marks;
    struct smtp_reply reply;
    const char *why;

    if (example.length == 0)
        return true;
    if (!reply_parse(example, &reply, &why))
        return tsv_error(tsv, row, CELL_EXAMPLE, 0, err, "not a reply: %s", why);
    if (!rule->has_text)
        return true;
    regexes_mark(texts, example, &marks);
    return (regex_is_marked(&marks, rule->text) &&
               regexes_match(texts, rule->text, &marks, NULL)) ||
        tsv_error(tsv, row, CELL_EXAMPLE, 0, err,
            "this is no example of \"%.*s\": its text does not match", SLICE_ARGS(rule->id));
}

/* Once more, when the expressions can be asked. */
static bool
check_examples(
    const struct book *book, size_t first, const struct automation_table *table, struct error *err)
{
    struct tsv tsv;
    struct tsv_row row;
    bool is_good = tsv_open(&tsv, table->filename, table->rows, columns, err);

    for (size_t i = first; is_good && tsv_next(&tsv, &row, err) == TSV_ROW; i++)
        is_good = check_example(book->texts, &tsv, &row, &book->rules[i], err);
    return is_good;
}

static bool
read_table(struct automation *automation, enum automation_book kind,
    const struct automation_table *table, struct error *err)
{
    struct map ids = {0};
    struct tsv tsv;
    struct tsv_row row;
    enum tsv_status status = TSV_BAD;
    bool is_good = tsv_open(&tsv, table->filename, table->rows, columns, err), is_new = true;

    while (is_good && (status = tsv_next(&tsv, &row, err)) == TSV_ROW) {
        is_good = read_rule(automation, kind, &tsv, &row, err);
        map_put(&ids, row.cells[CELL_ID], &is_new);
        if (is_good && !is_new)
            is_good = tsv_error(&tsv, &row, CELL_ID, 0, err, "another rule has the id \"%.*s\" too",
                SLICE_ARGS(row.cells[CELL_ID]));
    }
    map_release(&ids);
    return is_good && status == TSV_END;
}

static bool
read_book(struct automation *automation, enum automation_book kind,
    const struct automation_table *own, struct error *err)
{
    struct book *book = &automation->books[kind];
    struct automation_table tables[2] = {*own, {.filename = built_in[kind].filename}};
    size_t firsts[2];
    bool is_good = embedded_find(slice_of(built_in[kind].filename), &tables[1].rows);

    assert(is_good);
    book->texts = regexes_new();
    for (size_t i = 0; is_good && i < COUNT_OF(tables); i++) {
        size_t length = tables[i].rows.length;

        firsts[i] = book->count;
        if (length == 0)
            continue;
        tables[i].rows =
            (struct slice){arena_copy(&automation->arena, tables[i].rows.at, length), length};
        is_good = read_table(automation, kind, &tables[i], err);
    }
    if (!is_good)
        return false;
    regexes_close(book->texts);
    return own->rows.length == 0 || check_examples(book, firsts[0], &tables[0], err);
}

struct automation *
automation_read(const struct automation_tables *own, struct error *err)
{
    struct automation *automation = mem_alloc_zeroed(sizeof *automation);
    bool is_good = true;

    for (int kind = 0; is_good && kind < AUTOMATION_BOOKS_COUNT; kind++)
        is_good = read_book(automation, (enum automation_book)kind, &own->of[kind], err);
    if (!is_good)
        automation_free(&automation);
    return automation;
}

void
automation_free(struct automation **automation)
{
    struct automation *a = *automation;

    if (a == NULL)
        return;
    for (size_t i = 0; i < AUTOMATION_BOOKS_COUNT; i++) {
        regexes_free(&a->books[i].texts);
        mem_free(a->books[i].rules);
    }
    text_release(&a->line);
    arena_release(&a->arena);
    mem_free(a);
    *automation = NULL;
}

/* --- asking ---------------------------------------------------------------------------------- */

const struct automation_rule *
automation_find(struct automation *automation, enum automation_book kind, struct slice host,
    const struct smtp_reply *reply, enum reply_subject subject)
{
    const struct book *book = &automation->books[kind];
    struct regex_marks marks;
    bool is_marked = false;

    for (size_t i = 0; i < book->count; i++) {
        const struct automation_rule *rule = &book->rules[i];

        if ((rule->has_subject && rule->subject != subject) ||
            (rule->hosts.length > 0 && !slice_glob_any_nocase(rule->hosts, host)))
            continue;
        if (rule->has_text && !is_marked) {
            text_clear(&automation->line);
            reply_format(&automation->line, reply);
            regexes_mark(book->texts, text_slice(&automation->line), &marks);
            is_marked = true;
        }
        if (!rule->has_text ||
            (regex_is_marked(&marks, rule->text) &&
                regexes_match(book->texts, rule->text, &marks, NULL)))
            return rule;
    }
    return NULL;
}

size_t
automation_count(const struct automation *automation, enum automation_book kind)
{
    return automation->books[kind].count;
}
