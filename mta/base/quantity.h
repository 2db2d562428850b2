/* quantity.h - constant arithmetic between quantities in a file: `2 * $hidden`, `$d + 5m`.
 *
 * Exact throughout: every value is a ratio. A sum is of one kind; a product needs a plain number or
 * a percentage on one side, except that a rate times a duration is a number; the quotient of two of
 * a kind is a number, and of a number and a duration a rate.
 *
 * Errors     one sentence (ERROR_CONFIG): unknown parameters, mixed kinds, division by zero,
 *            numbers too large to stay exact. */
#ifndef MTALAB_QUANTITY_H
#define MTALAB_QUANTITY_H

#include "base/diag.h"
#include "base/error.h"
#include "base/unit.h"

enum quantity_kind {
    QUANTITY_NUMBER,
    QUANTITY_DURATION, /* in microseconds */
    QUANTITY_RATE,     /* per microsecond */
    QUANTITY_PERCENT,  /* of one */
    QUANTITY_SIZE,     /* in bytes */
};

struct quantity {
    enum quantity_kind kind;
    struct ratio value;
    int64_t unit_us; /* of a rate: the time it is thought of in, a minute of 60/min; else 0 */
};

const char *quantity_phrase(enum quantity_kind kind); /* "a duration" */

/* A piece of a file and where it stands. length 0: not given. */
struct source {
    struct slice text;
    struct mark mark; /* of its first byte */
};

struct param {
    struct slice name, type, about;
    struct source value; /* the default, or what --set said; raw text, as typed */
};

/* The parameters of a file, and what those that are quantities are worth. */
struct params {
    const struct param *list;
    const struct quantity *values; /* as many; not for type text */
    size_t count;
};

/* NULL: there is none of that name; *err then says so, with the nearest one. */
const struct param *params_find(const struct params *params, struct slice name, struct error *err);

/* "60/min", "5d2h", "85%", "10MB", "700": the kind comes from how it is written. */
bool quantity_parse(struct slice text, struct quantity *quantity, struct error *err);

/* Does the text need quantity_evaluate()? */
bool quantity_is_expression(struct slice text);
bool quantity_evaluate(
    struct slice text, const struct params *params, struct quantity *quantity, struct error *err);

/* The name at the front of `text`, which stands behind a '$'; may be empty. */
struct slice param_name_at(struct slice text);

#endif
