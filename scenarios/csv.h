/* csv.h - a file of comma-separated values (RFC 4180), one record at a time.
 *
 * Fields are slices into the text, quotes and doubled quotes taken away in place: the text is
 * written to. A record may span lines when a quoted field does.
 *
 * Errors     what is not CSV ends the reading; `why` then says what. */
#ifndef MTALAB_CSV_H
#define MTALAB_CSV_H

#include <stdbool.h>

#include "base/text.h"

enum { CSV_FIELDS_MAX = 256 };

struct csv {
    char *at, *end;      /* what is left */
    const char *line_at; /* start of the line that `at` is in */
    int line;            /* its number, from 1 */
    const char *why;     /* NULL: all is well */
    int why_line, why_column;

    struct slice fields[CSV_FIELDS_MAX]; /* of the record read last */
    int columns[CSV_FIELDS_MAX];         /* where each began, from 1 */
    int lines[CSV_FIELDS_MAX];
    size_t fields_count;
};

struct csv csv_begin(char *text, size_t length);
/* False: there is no further record, or an error. Empty lines are passed over. */
bool csv_next(struct csv *csv);

#endif
