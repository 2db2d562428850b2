/* value.c - what expressions compute with: exact numbers that carry a unit, and three-valued truth. */
#include "scenarios/value.h"

const char *
value_type_name(enum value_type type)
{
    static const char *const names[] = {
        [VALUE_NUMBER] = "a number",
        [VALUE_DURATION] = "a duration",
        [VALUE_RATE] = "a rate",
        [VALUE_INSTANT] = "an instant",
        [VALUE_TRUTH] = "a condition",
        [VALUE_TEXT] = "a text",
        [VALUE_BAND] = "a range (+-)",
    };

    return names[type];
}

const char *
operation_symbol(enum operation operation)
{
    static const char *const symbols[] = {
        [OPERATION_OR] = "or",
        [OPERATION_AND] = "and",
        [OPERATION_NOT] = "not",
        [OPERATION_EQUAL] = "==",
        [OPERATION_NOT_EQUAL] = "!=",
        [OPERATION_LESS] = "<",
        [OPERATION_AT_MOST] = "<=",
        [OPERATION_GREATER] = ">",
        [OPERATION_AT_LEAST] = ">=",
        [OPERATION_LIKE] = "~",
        [OPERATION_NEAR] = "~=",
        [OPERATION_BAND] = "+-",
        [OPERATION_ADD] = "+",
        [OPERATION_SUBTRACT] = "-",
        [OPERATION_MULTIPLY] = "*",
        [OPERATION_DIVIDE] = "/",
        [OPERATION_NEGATE] = "-",
    };

    return symbols[operation];
}

bool
operation_compares(enum operation operation)
{
    return operation >= OPERATION_EQUAL && operation <= OPERATION_AT_LEAST;
}

/* An instant is a duration since the start of the run, so that the two may be compared. */
static bool
is_comparable(enum operation operation, enum value_type left, enum value_type right)
{
    if (left == VALUE_TRUTH || right == VALUE_TRUTH)
        return left == right && operation <= OPERATION_NOT_EQUAL;
    if (left > VALUE_INSTANT || right > VALUE_INSTANT)
        return false;
    return left == right || (left == VALUE_INSTANT && right == VALUE_DURATION) ||
        (left == VALUE_DURATION && right == VALUE_INSTANT);
}

static const struct {
    enum operation operation;
    enum value_type left, right, result;
} arithmetic[] = {
    {OPERATION_ADD,      VALUE_NUMBER,   VALUE_NUMBER,   VALUE_NUMBER  },
    {OPERATION_ADD,      VALUE_DURATION, VALUE_DURATION, VALUE_DURATION},
    {OPERATION_ADD,      VALUE_RATE,     VALUE_RATE,     VALUE_RATE    },
    {OPERATION_ADD,      VALUE_INSTANT,  VALUE_DURATION, VALUE_INSTANT },
    {OPERATION_ADD,      VALUE_DURATION, VALUE_INSTANT,  VALUE_INSTANT },
    {OPERATION_SUBTRACT, VALUE_NUMBER,   VALUE_NUMBER,   VALUE_NUMBER  },
    {OPERATION_SUBTRACT, VALUE_DURATION, VALUE_DURATION, VALUE_DURATION},
    {OPERATION_SUBTRACT, VALUE_RATE,     VALUE_RATE,     VALUE_RATE    },
    {OPERATION_SUBTRACT, VALUE_INSTANT,  VALUE_DURATION, VALUE_INSTANT },
    {OPERATION_SUBTRACT, VALUE_INSTANT,  VALUE_INSTANT,  VALUE_DURATION},
    {OPERATION_MULTIPLY, VALUE_NUMBER,   VALUE_NUMBER,   VALUE_NUMBER  },
    {OPERATION_MULTIPLY, VALUE_NUMBER,   VALUE_DURATION, VALUE_DURATION},
    {OPERATION_MULTIPLY, VALUE_DURATION, VALUE_NUMBER,   VALUE_DURATION},
    {OPERATION_MULTIPLY, VALUE_NUMBER,   VALUE_RATE,     VALUE_RATE    },
    {OPERATION_MULTIPLY, VALUE_RATE,     VALUE_NUMBER,   VALUE_RATE    },
    {OPERATION_MULTIPLY, VALUE_RATE,     VALUE_DURATION, VALUE_NUMBER  },
    {OPERATION_MULTIPLY, VALUE_DURATION, VALUE_RATE,     VALUE_NUMBER  },
    {OPERATION_DIVIDE,   VALUE_NUMBER,   VALUE_NUMBER,   VALUE_NUMBER  },
    {OPERATION_DIVIDE,   VALUE_DURATION, VALUE_NUMBER,   VALUE_DURATION},
    {OPERATION_DIVIDE,   VALUE_DURATION, VALUE_DURATION, VALUE_NUMBER  },
    {OPERATION_DIVIDE,   VALUE_RATE,     VALUE_NUMBER,   VALUE_RATE    },
    {OPERATION_DIVIDE,   VALUE_RATE,     VALUE_RATE,     VALUE_NUMBER  },
    {OPERATION_DIVIDE,   VALUE_NUMBER,   VALUE_DURATION, VALUE_RATE    },
    {OPERATION_DIVIDE,   VALUE_NUMBER,   VALUE_RATE,     VALUE_DURATION},
};

static bool
arithmetic_type(
    enum operation operation, enum value_type left, enum value_type right, enum value_type *result)
{
    for (size_t i = 0; i < COUNT_OF(arithmetic); i++) {
        if (arithmetic[i].operation == operation && arithmetic[i].left == left &&
            arithmetic[i].right == right) {
            *result = arithmetic[i].result;
            return true;
        }
    }
    return false;
}

bool
operation_type(
    enum operation operation, enum value_type left, enum value_type right, enum value_type *result)
{
    switch (operation) {
    case OPERATION_OR:
    case OPERATION_AND:
        *result = VALUE_TRUTH;
        return left == VALUE_TRUTH && right == VALUE_TRUTH;
    case OPERATION_NOT:
        *result = VALUE_TRUTH;
        return left == VALUE_TRUTH;
    case OPERATION_EQUAL:
    case OPERATION_NOT_EQUAL:
    case OPERATION_LESS:
    case OPERATION_AT_MOST:
    case OPERATION_GREATER:
    case OPERATION_AT_LEAST:
        *result = VALUE_TRUTH;
        return is_comparable(operation, left, right);
    case OPERATION_LIKE:
        return false; /* text never gets here */
    case OPERATION_NEAR:
        *result = VALUE_TRUTH;
        return left <= VALUE_INSTANT && right == VALUE_BAND;
    case OPERATION_BAND: /* a number beside a rate or a duration is a share of it */
        *result = VALUE_BAND;
        return left <= VALUE_INSTANT && (right == VALUE_NUMBER || right == left);
    case OPERATION_ADD:
    case OPERATION_SUBTRACT:
    case OPERATION_MULTIPLY:
    case OPERATION_DIVIDE:
        return arithmetic_type(operation, left, right, result);
    case OPERATION_NEGATE:
        *result = left;
        return left <= VALUE_RATE;
    }
    return false;
}

/* A scenario may write any number, so what is computed from them may leave 64 bits: that is no bug
 * of ours, hence no assert of base/unit.h but no value. */
static bool
multiply_fits(int64_t a, int64_t b, int64_t *product)
{
    int64_t a_size, b_size;

    if (a == INT64_MIN || b == INT64_MIN)
        return false;
    a_size = a < 0 ? -a : a;
    b_size = b < 0 ? -b : b;
    if (a_size != 0 && b_size > INT64_MAX / a_size)
        return false;
    *product = a * b;
    return true;
}

static bool
add_fits(int64_t a, int64_t b, int64_t *sum)
{
    if (b > 0 ? a > INT64_MAX - b : a < -INT64_MAX - b)
        return false;
    *sum = a + b;
    return true;
}

static int64_t
common_divisor(int64_t a, int64_t b)
{
    a = a < 0 ? -a : a;
    while (b != 0) {
        int64_t rest = a % b;

        a = b;
        b = rest;
    }
    return a > 0 ? a : 1;
}

static struct value
add(struct ratio a, struct ratio b)
{
    int64_t common = common_divisor(a.den, b.den);
    int64_t left, right, num, den;

    if (!multiply_fits(a.num, b.den / common, &left) ||
        !multiply_fits(b.num, a.den / common, &right) || !add_fits(left, right, &num) ||
        !multiply_fits(a.den / common, b.den, &den))
        return value_unknown();
    return value_number(ratio_of(num, den));
}

static struct value
multiply(struct ratio a, struct ratio b)
{
    int64_t first = common_divisor(a.num, b.den);
    int64_t second = common_divisor(b.num, a.den);
    int64_t num, den;

    if (!multiply_fits(a.num / first, b.num / second, &num) ||
        !multiply_fits(a.den / second, b.den / first, &den))
        return value_unknown();
    return value_number(ratio_of(num, den));
}

static struct ratio
negative(struct ratio a)
{
    return (struct ratio){-a.num, a.den};
}

static struct value
divide(struct ratio a, struct ratio b)
{
    if (b.num == 0 || a.num == INT64_MIN || b.num == INT64_MIN)
        return value_unknown();
    if (b.num < 0)
        return multiply(negative(a), (struct ratio){b.den, -b.num});
    return multiply(a, (struct ratio){b.den, b.num});
}

/* Kleene's logic: one side may decide alone. */
static struct value
combine(struct value a, struct value b, bool deciding)
{
    if ((a.is_known && a.truth == deciding) || (b.is_known && b.truth == deciding))
        return value_truth(deciding);
    return a.is_known && b.is_known ? value_truth(!deciding) : value_unknown();
}

static bool
compare(enum operation operation, struct value a, struct value b)
{
    int order = ratio_compare(a.number, b.number);

    if (order == 0 && a.truth != b.truth)
        order = a.truth ? 1 : -1;
    return operation == OPERATION_EQUAL    ? order == 0
        : operation == OPERATION_NOT_EQUAL ? order != 0
        : operation == OPERATION_LESS      ? order < 0
        : operation == OPERATION_AT_MOST   ? order <= 0
        : operation == OPERATION_GREATER   ? order > 0
                                           : order >= 0;
}

struct value
value_compute(enum operation operation, struct value left, struct value right)
{
    if (operation == OPERATION_AND || operation == OPERATION_OR)
        return combine(left, right, operation == OPERATION_OR);
    if (!left.is_known)
        return left;
    if (operation == OPERATION_NOT)
        return value_truth(!left.truth);
    if (operation == OPERATION_NEGATE)
        return left.number.num == INT64_MIN ? value_unknown() : value_number(negative(left.number));
    if (!right.is_known)
        return right;
    if (operation_compares(operation))
        return value_truth(compare(operation, left, right));
    if (operation == OPERATION_MULTIPLY)
        return multiply(left.number, right.number);
    if (operation == OPERATION_DIVIDE)
        return divide(left.number, right.number);
    if (operation == OPERATION_SUBTRACT && right.number.num == INT64_MIN)
        return value_unknown();
    assert(operation == OPERATION_ADD || operation == OPERATION_SUBTRACT);
    return add(left.number, operation == OPERATION_ADD ? right.number : negative(right.number));
}

struct value
value_compare_within(
    enum operation operation, struct value left, struct value right, struct value tolerance)
{
    switch (operation) {
    case OPERATION_EQUAL:
        return value_is_near(left, right, tolerance, false);
    case OPERATION_LESS:
    case OPERATION_AT_MOST:
        return value_compute(operation, left, value_compute(OPERATION_ADD, right, tolerance));
    case OPERATION_GREATER:
    case OPERATION_AT_LEAST:
        return value_compute(operation, value_compute(OPERATION_ADD, left, tolerance), right);
    default:
        return value_compute(operation, left, right);
    }
}

static struct value
size_of_value(struct value value)
{
    return value.is_known && value.number.num < 0
        ? value_compute(OPERATION_NEGATE, value, value_unknown())
        : value;
}

struct value
value_is_near(struct value left, struct value middle, struct value tolerance, bool is_relative)
{
    struct value distance = size_of_value(value_compute(OPERATION_SUBTRACT, left, middle));

    if (is_relative)
        tolerance = value_compute(OPERATION_MULTIPLY, size_of_value(middle), tolerance);
    return value_compute(OPERATION_AT_MOST, distance, tolerance);
}

/* Places after the point: as many as it takes to be exact, else two, else as many as it takes to
 * tell the number from `other`. */
static int
decimals_for(struct value number, struct value other)
{
    enum { DECIMALS_USUAL = 2, DECIMALS_MAX = 9 };
    int64_t scale = 1;

    for (int decimals = 0; decimals < DECIMALS_MAX; decimals++, scale *= 10) {
        struct value scaled =
            value_compute(OPERATION_MULTIPLY, number, value_number((struct ratio){scale, 1}));
        struct ratio shown;

        if (!scaled.is_known)
            return decimals;
        shown = ratio_of(ratio_round(scaled.number), scale);
        if (ratio_compare(shown, number.number) == 0)
            return decimals;
        if (decimals >= DECIMALS_USUAL &&
            (!other.is_known || ratio_compare(shown, other.number) != 0))
            return decimals;
    }
    return DECIMALS_MAX;
}

static void
format_number(struct text *out, bool is_percent, struct value value, struct value other)
{
    struct value hundred = value_number((struct ratio){100, 1});

    if (!is_percent) {
        unit_format_decimal(out, value.number, decimals_for(value, other));
        return;
    }
    unit_format_percent(out, value.number,
        decimals_for(value_compute(OPERATION_MULTIPLY, value, hundred),
            value_compute(OPERATION_MULTIPLY, other, hundred)));
}

static void
format_duration(struct text *out, struct ratio us)
{
    int64_t whole = ratio_round(us);

    if (whole < 0)
        text_add_char(out, '-');
    unit_format_duration(out, whole < 0 ? -whole : whole);
}

void
value_format_apart(
    struct text *out, enum value_type type, bool is_percent, struct value value, struct value other)
{
    assert(type < VALUE_TEXT); /* texts and bands are not values of a run */
    if (!value.is_known) {
        text_add_string(out, "no value");
        return;
    }
    switch (type) {
    case VALUE_NUMBER:
        format_number(out, is_percent, value, other);
        return;
    case VALUE_DURATION:
    case VALUE_INSTANT:
        format_duration(out, value.number);
        return;
    case VALUE_RATE:
        unit_format_rate(out, value.number);
        return;
    case VALUE_TRUTH:
        text_add_string(out, value.truth ? "true" : "false");
        return;
    case VALUE_TEXT:
    case VALUE_BAND:
        break;
    }
}

void
value_format(struct text *out, enum value_type type, bool is_percent, struct value value)
{
    value_format_apart(out, type, is_percent, value, value_unknown());
}
