/* csv.c - a file of comma-separated values (RFC 4180), one record at a time. */
#include "scenarios/csv.h"

struct csv
csv_begin(char *text, size_t length)
{
    static const char mark[] = "\xef\xbb\xbf"; /* spreadsheets like to begin with it */
    bool is_marked = length >= 3 && memcmp(text, mark, 3) == 0;

    text += is_marked ? 3 : 0;
    length -= is_marked ? 3 : 0;
    return (struct csv){.at = text, .end = text + length, .line_at = text, .line = 1};
}

static bool
fail_at(struct csv *csv, int line, int column, const char *why)
{
    csv->why = why;
    csv->why_line = line;
    csv->why_column = column;
    return false;
}

static bool
fail(struct csv *csv, const char *why)
{
    return fail_at(csv, csv->line, (int)(csv->at - csv->line_at) + 1, why);
}

static void
next_line(struct csv *csv)
{
    csv->line++;
    csv->line_at = csv->at;
}

/* At the end of a line, or of the text? Then it is taken. */
static bool
take_line_end(struct csv *csv)
{
    if (csv->at < csv->end && *csv->at == '\r' && (csv->at + 1 == csv->end || csv->at[1] == '\n'))
        csv->at++;
    if (csv->at == csv->end)
        return true;
    if (*csv->at != '\n')
        return false;
    csv->at++;
    next_line(csv);
    return true;
}

static bool
read_quoted(struct csv *csv, struct slice *field)
{
    int line = csv->line, column = (int)(csv->at - csv->line_at) + 1;
    char *to = ++csv->at;

    field->at = to;
    for (; csv->at < csv->end; csv->at++) {
        if (*csv->at == '"') {
            if (csv->at + 1 == csv->end || csv->at[1] != '"')
                break;
            csv->at++;
        }
        *to++ = *csv->at;
        if (*csv->at == '\n') {
            csv->line++;
            csv->line_at = csv->at + 1;
        }
    }
    if (csv->at == csv->end)
        return fail_at(csv, line, column, "a quote is not closed");
    csv->at++;
    field->length = (size_t)(to - field->at);
    if (csv->at < csv->end && *csv->at != ',' && *csv->at != '\n' && *csv->at != '\r')
        return fail(csv, "there is text behind a closing quote");
    return true;
}

static bool
read_field(struct csv *csv, struct slice *field)
{
    if (csv->at < csv->end && *csv->at == '"')
        return read_quoted(csv, field);
    field->at = csv->at;
    while (csv->at < csv->end && *csv->at != ',' && *csv->at != '\n') {
        if (*csv->at == '"')
            return fail(csv, "a quote stands inside a field that does not begin with one");
        csv->at++;
    }
    field->length = (size_t)(csv->at - field->at);
    if (field->length > 0 && field->at[field->length - 1] == '\r') {
        field->length--; /* of the line's end */
        csv->at--;
    }
    return true;
}

bool
csv_next(struct csv *csv)
{
    size_t n = 0;

    while (csv->at < csv->end && take_line_end(csv))
        ;
    csv->fields_count = 0;
    if (csv->why != NULL || csv->at == csv->end)
        return false;
    for (;;) {
        if (n == CSV_FIELDS_MAX)
            return fail(csv, "this record has too many fields");
        csv->lines[n] = csv->line;
        csv->columns[n] = (int)(csv->at - csv->line_at) + 1;
        if (!read_field(csv, &csv->fields[n]))
            return false;
        csv->fields_count = ++n;
        if (take_line_end(csv))
            return true;
        if (*csv->at != ',')
            return fail(csv, "a carriage return stands inside a line");
        csv->at++;
    }
}
