/* columns.c - rows with a name per column. */
#include "base/columns.h"

#include "base/json.h"
#include "base/mem.h"

struct column_cell {
    size_t at, length;
    int64_t number;
    bool is_number;
};

struct columns
columns_begin(const char *const *names, size_t count)
{
    assert(count > 0 && count <= COLUMNS_MAX);
    return (struct columns){.names = names, .count = count};
}

void
columns_release(struct columns *columns)
{
    mem_free(columns->cells);
    text_release(&columns->bytes);
    *columns = (struct columns){0};
}

static struct column_cell *
add_cell(struct columns *columns, struct slice text)
{
    struct column_cell *cell;

    columns->cells = mem_grow(
        columns->cells, &columns->cells_capacity, columns->cells_count + 1, sizeof *columns->cells);
    cell = &columns->cells[columns->cells_count++];
    *cell = (struct column_cell){.at = columns->bytes.length, .length = text.length};
    text_add_slice(&columns->bytes, text);
    return cell;
}

void
columns_text(struct columns *columns, struct slice text)
{
    add_cell(columns, text);
}

void
columns_both(struct columns *columns, struct slice text, int64_t number)
{
    struct column_cell *cell = add_cell(columns, text);

    cell->number = number;
    cell->is_number = true;
}

void
columns_number(struct columns *columns, uint64_t number)
{
    struct text digits = {0};

    text_add_u64(&digits, number);
    columns_both(columns, text_slice(&digits), (int64_t)number);
    text_release(&digits);
}

static struct slice
text_of(const struct columns *columns, size_t cell)
{
    return (struct slice){
        columns->bytes.bytes + columns->cells[cell].at, columns->cells[cell].length};
}

static void
render_json(const struct columns *columns, struct text *out)
{
    struct json json = json_begin(out, 0);

    json_open(&json, '[');
    for (size_t i = 0; i < columns->cells_count; i++) {
        const struct column_cell *cell = &columns->cells[i];

        if (i % columns->count == 0)
            json_open(&json, '{');
        json_key(&json, columns->names[i % columns->count]);
        if (cell->is_number)
            json_int(&json, cell->number);
        else
            json_text(&json, text_of(columns, i));
        if (i % columns->count == columns->count - 1)
            json_close(&json, '}');
    }
    json_close(&json, ']');
}

static bool
is_to_the_right(const struct columns *columns, size_t column)
{
    return columns->cells_count > column && columns->cells[column].is_number;
}

static void
add_padded(
    const struct columns *columns, size_t column, struct slice text, size_t width, struct text *out)
{
    bool is_last = column == columns->count - 1;
    size_t padding = width > text.length ? width - text.length : 0;

    if (is_to_the_right(columns, column))
        text_add_repeated(out, ' ', padding);
    text_add_slice(out, text);
    if (is_last)
        text_add_char(out, '\n');
    else
        text_add_repeated(out, ' ', (is_to_the_right(columns, column) ? 0 : padding) + 2);
}

void
columns_render(const struct columns *columns, bool as_json, struct text *out)
{
    size_t widths[COLUMNS_MAX];

    assert(columns->cells_count % columns->count == 0);
    if (as_json) {
        render_json(columns, out);
        return;
    }
    for (size_t i = 0; i < columns->count; i++)
        widths[i] = strlen(columns->names[i]);
    for (size_t i = 0; i < columns->cells_count; i++)
        if (columns->cells[i].length > widths[i % columns->count])
            widths[i % columns->count] = columns->cells[i].length;
    for (size_t i = 0; i < columns->count; i++)
        add_padded(columns, i, slice_of(columns->names[i]), widths[i], out);
    for (size_t i = 0; i < columns->cells_count; i++)
        add_padded(
            columns, i % columns->count, text_of(columns, i), widths[i % columns->count], out);
}
