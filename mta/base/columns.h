/* columns.h - rows with a name per column: aligned text for people, a list of objects in JSON for
 * programs.
 *
 * Ownership  a struct columns is the caller's; columns_release() empties it. Cells are copied. */
#ifndef MTALAB_COLUMNS_H
#define MTALAB_COLUMNS_H

#include "base/text.h"

enum { COLUMNS_MAX = 16 };

struct columns {
    const char *const *names; /* as in JSON; people see them too */
    size_t count;
    struct column_cell *cells;
    size_t cells_count, cells_capacity;
    struct text bytes;
};

struct columns columns_begin(const char *const *names, size_t count);
/* Row by row, left to right. */
void columns_text(struct columns *columns, struct slice text);
void columns_number(struct columns *columns, uint64_t number);
/* Shown to people as `text`, to programs as the number. */
void columns_both(struct columns *columns, struct slice text, int64_t number);

void columns_render(const struct columns *columns, bool as_json, struct text *out);
void columns_release(struct columns *columns);

#endif
