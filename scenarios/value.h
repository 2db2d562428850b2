/* value.h - what expressions compute with: exact numbers that carry a unit, and three-valued truth.
 *
 * The unit is known when an expression is compiled, so a value at run time is only a number or a
 * truth, or nothing: a rate before its first full window has no value, and neither has a share of
 * zero messages. What is computed from no value has none, except that `false and x` is false and
 * `true or x` is true whatever x is.
 *
 * Units      durations and instants in microseconds (an instant counts from the start of the run),
 *            rates per microsecond, percents as a share of one.
 * Errors     a result that does not fit 64 bits, and a division by zero, have no value. */
#ifndef MTALAB_VALUE_H
#define MTALAB_VALUE_H

#include <stdbool.h>

#include "base/text.h"
#include "base/unit.h"

enum value_type {
    VALUE_NUMBER,
    VALUE_DURATION,
    VALUE_RATE,
    VALUE_INSTANT,
    VALUE_TRUTH,
    VALUE_TEXT, /* only while compiling: text is compared with constants, and that is a truth */
    VALUE_BAND, /* the right side of ~=: y +- tolerance */
};

enum operation {
    OPERATION_OR,
    OPERATION_AND,
    OPERATION_NOT,
    OPERATION_EQUAL,
    OPERATION_NOT_EQUAL,
    OPERATION_LESS,
    OPERATION_AT_MOST,
    OPERATION_GREATER,
    OPERATION_AT_LEAST,
    OPERATION_LIKE, /* ~ */
    OPERATION_NEAR, /* ~= */
    OPERATION_BAND, /* +- */
    OPERATION_ADD,
    OPERATION_SUBTRACT,
    OPERATION_MULTIPLY,
    OPERATION_DIVIDE,
    OPERATION_NEGATE,
};

struct value {
    struct ratio number;
    bool truth;
    bool is_known;
};

static inline struct value
value_unknown(void)
{
    return (struct value){
        .number = {0, 1}
    };
}

static inline struct value
value_number(struct ratio number)
{
    return (struct value){.number = number, .is_known = true};
}

static inline struct value
value_count(uint64_t count)
{
    return value_number((struct ratio){count < INT64_MAX ? (int64_t)count : INT64_MAX, 1});
}

static inline struct value
value_truth(bool truth)
{
    return (struct value){
        .number = {0, 1},
          .truth = truth, .is_known = true
    };
}

const char *value_type_name(enum value_type type);      /* "a rate" */
const char *operation_symbol(enum operation operation); /* "<=" */
bool operation_compares(enum operation operation);      /* == != < <= > >= */
/* A comparison that holds as well where either side is off by `tolerance` to its favour. */
struct value value_compare_within(
    enum operation operation, struct value left, struct value right, struct value tolerance);

/* The unit of `left operation right`; false: these two do not go together. */
bool operation_type(
    enum operation operation, enum value_type left, enum value_type right, enum value_type *result);
/* Both sides have passed operation_type(). Not for LIKE, NEAR and BAND. Unary ones ignore `right`. */
struct value value_compute(enum operation operation, struct value left, struct value right);
/* left ~= middle +- tolerance; relative: the tolerance is a share of the middle. */
struct value value_is_near(
    struct value left, struct value middle, struct value tolerance, bool is_relative);

/* "85%", "12", "0.25", "1h20m", "60/min", "true", "no value". */
void value_format(struct text *out, enum value_type type, bool is_percent, struct value value);
/* The same, with enough decimals to tell it from `other`. */
void value_format_apart(struct text *out, enum value_type type, bool is_percent, struct value value,
    struct value other);

#endif
