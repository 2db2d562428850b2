/* table.c - tables for people: columns as wide as their cells, words wrapped. */
#include "reports/table.h"

#include "base/unit.h"

static const char *const tone_codes[TONES_COUNT] = {"", "32", "31", "33", "2", "1"};

size_t
report_utf8_length(struct slice s)
{
    unsigned char first = (unsigned char)s.at[0];
    unsigned char second = s.length > 1 ? (unsigned char)s.at[1] : 0;
    size_t length = first < 0x80 ? 1 : first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;

    if (first > 0xF4 || length > s.length)
        return 0;
    for (size_t i = 1; i < length; i++)
        if (((unsigned char)s.at[i] & 0xC0) != 0x80)
            return 0;
    if ((first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F) ||
        (first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F))
        return 0;
    return length;
}

/* C0 and C1 controls and DEL: nothing a terminal or XML should see. */
static bool
is_control(struct slice s, size_t length)
{
    unsigned char first = (unsigned char)s.at[0];

    return first < 0x20 || first == 0x7F ||
        (length == 2 && first == 0xC2 && (unsigned char)s.at[1] < 0xA0);
}

void
report_clean(struct text *out, struct slice s, bool is_utf8)
{
    while (s.length > 0) {
        size_t length = report_utf8_length(s);

        if (length == 0 || (length > 1 && !is_utf8))
            text_add_char(out, '?');
        else if (is_control(s, length))
            text_add_char(out, ' ');
        else
            text_add(out, s.at, length);
        s = slice_from(s, length > 0 ? length : 1);
    }
}

void
report_paint(struct text *out, enum tone tone, struct slice s, const struct report_style *style)
{
    if (!style->has_colour || tone == TONE_PLAIN || s.length == 0) {
        text_add_slice(out, s);
        return;
    }
    text_printf(out, "\033[%sm%.*s\033[0m", tone_codes[tone], SLICE_ARGS(s));
}

size_t
report_width(struct slice s)
{
    size_t width = 0;

    for (size_t i = 0; i < s.length; i++)
        width += ((unsigned char)s.at[i] & 0xC0) != 0x80;
    return width;
}

struct table
table_begin(
    const struct table_column *columns, size_t columns_count, const struct report_style *style)
{
    assert(columns_count > 0);
    assert(columns_count <= TABLE_COLUMNS_MAX);
    return (struct table){.columns = columns, .columns_count = columns_count, .style = *style};
}

void
table_release(struct table *table)
{
    arena_release(&table->arena);
    mem_free(table->cells);
    *table = (struct table){0};
}

void
table_add(struct table *table, enum tone tone, struct slice cell)
{
    struct text clean = {0};

    report_clean(&clean, cell, table->style.is_utf8);
    table->cells = mem_grow(
        table->cells, &table->cells_capacity, table->cells_count + 1, sizeof *table->cells);
    table->cells[table->cells_count++] = (struct table_cell){
        .text = {arena_copy(&table->arena, text_string(&clean), clean.length), clean.length},
        .tone = tone
    };
    text_release(&clean);
}

void
table_add_string(struct table *table, enum tone tone, const char *cell)
{
    table_add(table, tone, slice_of(cell));
}

void
table_add_count(struct table *table, enum tone tone, uint64_t count)
{
    struct text text = {0};

    unit_format_count(&text, count);
    table_add(table, tone, text_slice(&text));
    text_release(&text);
}

/* Takes what fits into one line of a cell off the front of *rest: whole words if there are any. */
static struct slice
take_line(struct slice *rest, size_t width)
{
    size_t columns = 0, at = 0, last_space = 0;
    struct slice line;

    for (; at < rest->length; at++) {
        columns += ((unsigned char)rest->at[at] & 0xC0) != 0x80;
        if (columns > width)
            break;
        if (rest->at[at] == ' ')
            last_space = at;
    }
    if (at < rest->length && rest->at[at] != ' ' && last_space > 0)
        at = last_space;
    line = (struct slice){rest->at, at};
    *rest = slice_trim(slice_from(*rest, at));
    return line;
}

static size_t
column_width(const struct table *table, size_t column)
{
    size_t max = table->columns[column].width_max, width = 0;

    for (size_t i = column; i < table->cells_count; i += table->columns_count) {
        struct slice rest = table->cells[i].text;

        do {
            size_t line = report_width(take_line(&rest, max > 0 ? max : SIZE_MAX));

            width = line > width ? line : width;
        } while (rest.length > 0);
    }
    return width;
}

static void
end_line(struct text *out)
{
    while (out->length > 0 && out->bytes[out->length - 1] == ' ')
        out->length--;
    text_add_char(out, '\n');
}

struct rule { /* the pieces of a line across a box */
    const char *left, *dash, *cross, *right;
};

static const struct rule rules_utf8[] = {
    {"┌", "─", "┬", "┐"},
    {"├", "─", "┼", "┤"},
    {"└", "─", "┴", "┘"}
};
static const struct rule rule_ascii = {"+", "-", "+", "+"};

static void
print_rule(
    const struct table *table, const size_t *widths, size_t indent, size_t which, struct text *out)
{
    const struct rule *rule = table->style.is_utf8 ? &rules_utf8[which] : &rule_ascii;

    text_add_repeated(out, ' ', indent);
    for (size_t column = 0; column < table->columns_count; column++) {
        text_add_string(out, column == 0 ? rule->left : rule->cross);
        for (size_t i = 0; i < widths[column] + 2; i++)
            text_add_string(out, rule->dash);
    }
    text_add_string(out, rule->right);
    text_add_char(out, '\n');
}

static void
print_cell(const struct table *table, size_t column, size_t width, struct slice line,
    enum tone tone, struct text *out)
{
    size_t padding = width - report_width(line);

    if (table->columns[column].is_right)
        text_add_repeated(out, ' ', padding);
    report_paint(out, tone, line, &table->style);
    if (!table->columns[column].is_right)
        text_add_repeated(out, ' ', padding);
}

/* One row of the table, as many lines high as its highest cell. */
static void
print_row(const struct table *table, const size_t *widths, enum table_frame frame, size_t indent,
    const struct table_cell *cells, struct text *out)
{
    const char *bar = frame == FRAME_NONE ? "" : table->style.is_utf8 ? "│" : "|";
    struct slice rests[TABLE_COLUMNS_MAX];
    bool has_more = true;

    for (size_t column = 0; column < table->columns_count; column++)
        rests[column] = cells[column].text;
    while (has_more) {
        has_more = false;
        text_add_repeated(out, ' ', indent);
        text_add_string(out, bar);
        for (size_t column = 0; column < table->columns_count; column++) {
            size_t width = widths[column];

            text_add_string(out, frame == FRAME_BOX ? " " : column > 0 ? "  " : "");
            print_cell(
                table, column, width, take_line(&rests[column], width), cells[column].tone, out);
            if (frame == FRAME_BOX)
                text_printf(out, " %s", bar);
            has_more = has_more || rests[column].length > 0;
        }
        end_line(out);
    }
}

void
table_print(const struct table *table, enum table_frame frame, size_t indent, struct text *out)
{
    size_t widths[TABLE_COLUMNS_MAX];

    assert(table->cells_count % table->columns_count == 0);
    for (size_t column = 0; column < table->columns_count; column++)
        widths[column] = column_width(table, column);
    for (size_t i = 0; i < table->cells_count; i += table->columns_count) {
        if (frame == FRAME_BOX)
            print_rule(table, widths, indent, i > 0, out);
        print_row(table, widths, frame, indent, &table->cells[i], out);
    }
    if (frame == FRAME_BOX)
        print_rule(table, widths, indent, 2, out);
}
