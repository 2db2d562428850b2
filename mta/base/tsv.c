/* tsv.c - cuts a table into rows and cells, and points at what is wrong in it. */
#include "base/tsv.h"

/* The next line that is neither a comment nor empty. */
static bool
next_line(struct tsv *tsv, struct slice *line)
{
    while (tsv->rest.length > 0) {
        slice_cut(tsv->rest, '\n', line, &tsv->rest);
        tsv->line++;
        if (line->length > 0 && line->at[line->length - 1] == '\r')
            line->length--;
        if (line->length > 0 && line->at[0] != '#')
            return true;
    }
    return false;
}

static size_t
tabs(const char *text)
{
    size_t count = 0;

    for (; *text != '\0'; text++)
        count += *text == '\t';
    return count;
}

bool
tsv_open_with(struct tsv *tsv, const char *filename, struct slice text, const char *columns,
    const char *more, struct error *err)
{
    struct slice line, rest;

    *tsv = (struct tsv){.filename = filename, .rest = text, .columns_count = tabs(columns) + 1};
    assert(tsv->columns_count + tabs(more) <= TSV_COLUMNS_MAX);

    if (!next_line(tsv, &line))
        return error_set(err, ERROR_CONFIG, "%s:%d:1: no row names the columns", filename,
            tsv->line > 0 ? tsv->line : 1);
    rest = slice_from(line, line.length < strlen(columns) ? line.length : strlen(columns));
    if (slice_starts_with(line, slice_of(columns)) && slice_equals(rest, slice_of(more)))
        tsv->columns_count += tabs(more);
    else if (!slice_equals(line, slice_of(columns)))
        return error_set(
            err, ERROR_CONFIG, "%s:%d:1: the columns are not \"%s\"", filename, tsv->line, columns);
    return true;
}

bool
tsv_open(struct tsv *tsv, const char *filename, struct slice text, const char *columns,
    struct error *err)
{
    return tsv_open_with(tsv, filename, text, columns, "", err);
}

enum tsv_status
tsv_next(struct tsv *tsv, struct tsv_row *row, struct error *err)
{
    struct slice line;
    size_t count = 0;
    bool has_more = true;

    if (!next_line(tsv, &line))
        return TSV_END;
    row->line = tsv->line;
    for (; has_more && count < tsv->columns_count; count++)
        has_more = slice_cut(line, '\t', &row->cells[count], &line);
    if (!has_more && count == tsv->columns_count)
        return TSV_ROW;

    if (has_more)
        tsv_error(tsv, row, count - 1, row->cells[count - 1].length, err,
            "a row has %zu cells, this one has more", tsv->columns_count);
    else
        tsv_error(tsv, row, count - 1, row->cells[count - 1].length, err,
            "a row has %zu cells, this one %zu", tsv->columns_count, count);
    return TSV_BAD;
}

bool
tsv_error(const struct tsv *tsv, const struct tsv_row *row, size_t cell, size_t at,
    struct error *err, const char *format, ...)
{
    size_t column = (size_t)(row->cells[cell].at - row->cells[0].at) + at + 1;
    struct text why = {0};
    va_list args;

    va_start(args, format);
    text_vprintf(&why, format, args);
    va_end(args);
    error_set(
        err, ERROR_CONFIG, "%s:%d:%zu: %s", tsv->filename, row->line, column, text_string(&why));
    text_release(&why);
    return false;
}
