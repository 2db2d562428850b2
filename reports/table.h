/* table.h - tables for people: columns as wide as their cells, words wrapped, boxes of UTF-8 or ASCII.
 *
 * Every cell is cleaned on its way in: what a stranger's server said may hold escape sequences, and
 * a terminal would obey them. Letters are one column wide.
 *
 * Ownership  cells are copied. table_release() gives everything back. */
#ifndef MTALAB_TABLE_H
#define MTALAB_TABLE_H

#include <stdbool.h>

#include "base/mem.h"
#include "base/text.h"

struct report_style {
    bool is_utf8;    /* else ASCII, whatever the texts say */
    bool has_colour; /* ANSI escape sequences */
};

enum tone { TONE_PLAIN, TONE_GOOD, TONE_BAD, TONE_WARNING, TONE_FAINT, TONE_STRONG, TONES_COUNT };

/* One line, any bytes: control characters become spaces, invalid UTF-8 (in ASCII style anything but
 * ASCII) becomes '?'. */
void report_clean(struct text *out, struct slice s, bool is_utf8);
void report_paint(
    struct text *out, enum tone tone, struct slice s, const struct report_style *style);
size_t report_width(struct slice s); /* in columns of a terminal */
/* Of the UTF-8 sequence (RFC 3629) at the front of s, which is not empty; 0: there is none. */
size_t report_utf8_length(struct slice s);

enum table_frame {
    FRAME_NONE, /* a header, then rows; two spaces between columns */
    FRAME_BOX,  /* lines around every cell */
};

struct table_column {
    bool is_right;
    uint32_t width_max; /* words are wrapped beyond; 0: as wide as its widest cell */
};

enum { TABLE_COLUMNS_MAX = 20 };

struct table_cell {
    struct slice text;
    enum tone tone;
};

struct table {
    const struct table_column *columns; /* borrowed */
    size_t columns_count;
    struct report_style style;
    struct arena arena;
    struct table_cell *cells; /* row after row; the first row is the header */
    size_t cells_count, cells_capacity;
};

struct table table_begin(
    const struct table_column *columns, size_t columns_count, const struct report_style *style);
void table_release(struct table *table);
void table_add(struct table *table, enum tone tone, struct slice cell);
void table_add_string(struct table *table, enum tone tone, const char *cell);
void table_add_count(struct table *table, enum tone tone, uint64_t count); /* "1,000" */
/* Every row must be complete. Lines begin with `indent` spaces and have none at their end. */
void table_print(
    const struct table *table, enum table_frame frame, size_t indent, struct text *out);

#endif
