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

bool
tsv_open(struct tsv *tsv, const char *filename, struct slice text, const char *columns,
    struct error *err)
{
    struct slice line;

    *tsv = (struct tsv){.filename = filename, .rest = text, .columns_count = 1};
    for (const char *at = columns; *at != '\0'; at++)
        tsv->columns_count += *at == '\t';
    assert(tsv->columns_count <= TSV_COLUMNS_MAX);

    if (!next_line(tsv, &line))
        return error_set(err, ERROR_CONFIG, "%s:%d:1: no row names the columns", filename,
            tsv->line > 0 ? tsv->line : 1);
    if (!slice_equals(line, slice_of(columns)))
        return error_set(
            err, ERROR_CONFIG, "%s:%d:1: the columns are not \"%s\"", filename, tsv->line, columns);
    return true;
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
