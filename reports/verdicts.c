/* verdicts.c - the confusion matrix for people: true causes across, verdicts down. */
#include "reports/verdicts.h"

#include "base/unit.h"

enum {
    VERDICTS_MAX = 15, /* columns of their own; the rarer ones share the column "other" */
    DIALECTS_MAX = 8,  /* lines of those in which nothing went wrong */
    NONE = 0,
    F1_ONE = 1000000000,
};

void
verdicts_format_share(struct text *out, uint64_t part, uint64_t whole)
{
    struct text share = {0};
    int decimals = 1;

    if (whole == 0)
        return;
    do {
        text_clear(&share);
        unit_format_percent(&share, ratio_of((int64_t)part, (int64_t)whole), decimals++);
    } while (part < whole && slice_starts_with(text_slice(&share), SLICE("100")) && decimals < 9);
    text_add_slice(out, text_slice(&share));
    text_release(&share);
}

/* --- which columns there are --- */

struct columns {
    int classes[VERDICTS_MAX];
    size_t count;
    bool has_other, has_none;
};

static bool
has_column(const struct columns *columns, int class)
{
    for (size_t i = 0; i < columns->count; i++)
        if (columns->classes[i] == class)
            return true;
    return false;
}

/* The verdict with the most of them that has no column yet; NULL: all have. */
static const struct result_confusion_class *
most_frequent_left(const struct result_confusion *confusion, const struct columns *columns)
{
    const struct result_confusion_class *most = NULL;

    for (size_t i = 0; i < confusion->classes_count; i++) {
        const struct result_confusion_class *class = &confusion->classes[i];

        if (class->verdicts > 0 && !has_column(columns, class->class) &&
            (most == NULL || class->verdicts > most->verdicts))
            most = class;
    }
    return most;
}

static void
insert_column(struct columns *columns, int class)
{
    size_t at = columns->count++;

    for (; at > 0 && columns->classes[at - 1] > class; at--)
        columns->classes[at] = columns->classes[at - 1];
    columns->classes[at] = class;
}

static_assert(VERDICTS_MAX + 4 <= TABLE_COLUMNS_MAX, "they fit into a table");

static struct columns
choose_columns(const struct result_confusion *confusion)
{
    const struct result_confusion_class *class;
    struct columns columns = {0};
    size_t verdicts = 0;

    for (size_t i = 0; i < confusion->classes_count; i++)
        verdicts += confusion->classes[i].verdicts > 0;
    columns.has_other = verdicts > VERDICTS_MAX;
    while (columns.count + columns.has_other < VERDICTS_MAX &&
        (class = most_frequent_left(confusion, &columns)) != NULL)
        insert_column(&columns, class->class);
    for (size_t i = 0; i < confusion->cells_count; i++)
        columns.has_none |= confusion->cells[i].verdict == NONE;
    return columns;
}

/* --- the matrix --- */

static uint64_t
count_of(const struct result_confusion *confusion, int cause, int verdict)
{
    for (size_t i = 0; i < confusion->cells_count; i++)
        if (confusion->cells[i].cause == cause && confusion->cells[i].verdict == verdict)
            return confusion->cells[i].count;
    return 0;
}

static uint64_t
count_others(const struct result_confusion *confusion, const struct columns *columns, int cause)
{
    uint64_t others = 0;

    for (size_t i = 0; i < confusion->cells_count; i++) {
        const struct result_confusion_cell *cell = &confusion->cells[i];

        if (cell->cause == cause && cell->verdict != NONE && !has_column(columns, cell->verdict))
            others += cell->count;
    }
    return others;
}

static void
add_count(struct table *table, uint64_t count, enum tone tone)
{
    if (count > 0)
        table_add_count(table, tone, count);
    else
        table_add_string(table, TONE_FAINT, table->style.is_utf8 ? "·" : ".");
}

static void
add_share(struct table *table, uint64_t part, uint64_t whole)
{
    struct text share = {0};

    verdicts_format_share(&share, part, whole);
    if (whole == 0)
        text_add_string(&share, table->style.is_utf8 ? "–" : "-");
    table_add(table, part < whole ? TONE_WARNING : TONE_PLAIN, text_slice(&share));
    text_release(&share);
}

static void
add_counts(struct table *table, const struct result_confusion *confusion,
    const struct columns *columns, int cause)
{
    for (size_t i = 0; i < columns->count; i++)
        add_count(table, count_of(confusion, cause, columns->classes[i]),
            columns->classes[i] == cause ? TONE_GOOD : TONE_BAD);
    if (columns->has_other)
        add_count(table, count_others(confusion, columns, cause), TONE_PLAIN);
    if (columns->has_none)
        add_count(table, count_of(confusion, cause, NONE), TONE_BAD);
}

static void
add_class(struct table *table, const struct result_confusion *confusion,
    const struct columns *columns, const struct result_confusion_class *class)
{
    struct text cause = {0};

    text_printf(&cause, "%d %.*s", class->class, SLICE_ARGS(class->name));
    table_add(table, TONE_PLAIN, text_slice(&cause));
    text_release(&cause);
    add_counts(table, confusion, columns, class->class);
    add_share(table, class->hits, class->causes);
    add_share(table, class->hits, class->verdicts);
}

static void
add_heads(struct table *table, const struct columns *columns)
{
    table_add_string(table, TONE_FAINT, "true cause \\ seen as");
    for (size_t i = 0; i < columns->count; i++) {
        struct text head = {0};

        text_printf(&head, "%d", columns->classes[i]);
        table_add(table, TONE_FAINT, text_slice(&head));
        text_release(&head);
    }
    if (columns->has_other)
        table_add_string(table, TONE_FAINT, "other");
    if (columns->has_none)
        table_add_string(table, TONE_FAINT, "none");
    table_add_string(table, TONE_FAINT, "recall");
    table_add_string(table, TONE_FAINT, "precision");
}

static bool
has_false_alarms(const struct result_confusion *confusion)
{
    return confusion->cells_count > 0 && confusion->cells[0].cause == NONE;
}

static void
add_matrix(
    struct text *out, const struct result_confusion *confusion, const struct report_style *style)
{
    const struct columns columns = choose_columns(confusion);
    struct table_column shapes[TABLE_COLUMNS_MAX] = {
        {false, 0}
    };
    size_t count = 3 + columns.count + columns.has_other + columns.has_none;
    struct table table;

    for (size_t i = 1; i < count; i++)
        shapes[i].is_right = true;
    table = table_begin(shapes, count, style);
    add_heads(&table, &columns);
    if (has_false_alarms(confusion)) {
        table_add_string(&table, TONE_PLAIN, "no refusal");
        add_counts(&table, confusion, &columns, NONE);
        add_share(&table, 0, 0);
        add_share(&table, 0, 0);
    }
    for (size_t i = 0; i < confusion->classes_count; i++)
        add_class(&table, confusion, &columns, &confusion->classes[i]);
    text_add_char(out, '\n');
    table_print(&table, FRAME_NONE, 2, out);
    table_release(&table);
}

/* --- dialects, and what is left out --- */

/* Where everything was said in the session there is nothing to tell apart. */
static bool
has_dialects(const struct result_confusion *confusion)
{
    return confusion->dialects_count > 1 ||
        (confusion->dialects_count == 1 &&
            !slice_equals(confusion->dialects[0].name, SLICE("reply")));
}

static void
add_dialect(struct table *table, const struct result_confusion_dialect *dialect)
{
    table_add(table, TONE_PLAIN, dialect->name);
    table_add_count(table, TONE_PLAIN, dialect->all);
    table_add_count(table, TONE_PLAIN, dialect->agreed);
    add_share(table, dialect->agreed, dialect->all);
}

static bool
is_all_right(const struct result_confusion_dialect *dialect)
{
    return dialect->agreed == dialect->all;
}

/* There may be fifty: those in which all was understood share a line. */
static void
add_dialects(
    struct text *out, const struct result_confusion *confusion, const struct report_style *style)
{
    static const struct table_column columns[] = {
        {false, 28},
        {true,  0 },
        {true,  0 },
        {true,  0 }
    };
    static const char *const heads[] = {"dialect", "qualified", "right", "agreement"};
    struct table table = table_begin(columns, COUNT_OF(columns), style);
    struct result_confusion_dialect others = {0};
    struct text name = {0};
    size_t right = 0;

    for (size_t i = 0; i < COUNT_OF(heads); i++)
        table_add_string(&table, TONE_FAINT, heads[i]);
    for (size_t i = 0; i < confusion->dialects_count; i++)
        right += is_all_right(&confusion->dialects[i]);
    for (size_t i = 0; i < confusion->dialects_count; i++) {
        const struct result_confusion_dialect *dialect = &confusion->dialects[i];

        if (right <= DIALECTS_MAX || !is_all_right(dialect)) {
            add_dialect(&table, dialect);
            continue;
        }
        others.all += dialect->all;
        others.agreed += dialect->agreed;
    }
    text_printf(&name, "%zu others", right);
    others.name = text_slice(&name);
    if (others.all > 0)
        add_dialect(&table, &others);
    text_add_char(out, '\n');
    table_print(&table, FRAME_NONE, 2, out);
    table_release(&table);
    text_release(&name);
}

static void
add_left_out(struct text *out, const struct result_confusion *confusion)
{
    const struct {
        uint64_t count;
        const char *what;
    } parts[] = {
        {confusion->open,       "without a verdict yet"            },
        {confusion->unheard,    "never heard"                      },
        {confusion->at_door,    "at the door"                      },
        {confusion->unspoken,   "verdicts on what no provider said"},
        {confusion->unlabelled, "of unknown cause"                 },
        {confusion->copies,     "copies of returned mail"          },
        {confusion->given_up,   "too many at once"                 },
    };
    const char *before = "\n  left out: ";

    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        if (parts[i].count == 0)
            continue;
        text_add_string(out, before);
        unit_format_count(out, parts[i].count);
        text_printf(out, " %s", parts[i].what);
        before = ", ";
    }
}

/* "qualified as what they were: 98 of 100 (98.0%), macro F1 97.1%" */
static void
add_total(struct text *out, const struct result_confusion *confusion)
{
    text_add_string(out, "\n  qualified as what they were: ");
    unit_format_count(out, confusion->agreed);
    text_add_string(out, " of ");
    unit_format_count(out, confusion->all);
    text_add_string(out, " (");
    verdicts_format_share(out, confusion->agreed, confusion->all);
    text_add_string(out, "), macro F1 ");
    verdicts_format_share(out, (uint64_t)confusion->macro_f1_ppb, F1_ONE);
    add_left_out(out, confusion);
    text_add_char(out, '\n');
}

void
verdicts_report(struct text *out, const struct result *result, const struct report_style *style)
{
    const struct result_confusion *confusion = &result->confusion;

    if (confusion->all == 0)
        return;
    add_matrix(out, confusion, style);
    if (has_dialects(confusion))
        add_dialects(out, confusion, style);
    add_total(out, confusion);
}
