/* tsv.h - tables as text: a row a line, its cells between tabs, '#' at the start of a comment line.
 *
 * The first row names the columns, so that a table of another form is refused and not misread. Cells
 * are not quoted: they hold any byte but tab and line end.
 *
 * Ownership  cells point into the text.
 * Errors     ERROR_CONFIG, with file, line and column. */
#ifndef MTALAB_TSV_H
#define MTALAB_TSV_H

#include "base/error.h"
#include "base/text.h"

enum { TSV_COLUMNS_MAX = 16 };

struct tsv {
    const char *filename; /* for diagnostics; borrowed */
    struct slice rest;
    size_t columns_count;
    int line; /* of the row read last, from 1 */
};

struct tsv_row {
    int line;
    struct slice cells[TSV_COLUMNS_MAX];
};

enum tsv_status {
    TSV_ROW,
    TSV_END,
    TSV_BAD, /* err is filled */
};

/* `columns` as the first row must have them: "id\tcode\ttext". */
bool tsv_open(struct tsv *tsv, const char *filename, struct slice text, const char *columns,
    struct error *err) MUST_USE;
/* The same, with or without these further ones behind: "\tmore\tstill more". */
bool tsv_open_with(struct tsv *tsv, const char *filename, struct slice text, const char *columns,
    const char *more, struct error *err) MUST_USE;
enum tsv_status tsv_next(struct tsv *tsv, struct tsv_row *row, struct error *err);

/* "rules.tsv:12:9: ...", pointing at byte `at` of a cell. Always returns false. */
bool tsv_error(const struct tsv *tsv, const struct tsv_row *row, size_t cell, size_t at,
    struct error *err, const char *format, ...) PRINTF_LIKE(6, 7);

#endif
