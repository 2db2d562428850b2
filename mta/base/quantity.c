/* quantity.c - constant arithmetic between quantities in a file.
 *
 * Two stacks of fixed size, operators and values; an operator is applied as soon as the next one
 * binds no tighter. So nesting costs stack places of ours and none of the machine's. */
#include "base/quantity.h"

enum { STACK_MAX = 32, NAMES_MAX = 200 };

const char *
quantity_phrase(enum quantity_kind kind)
{
    static const char *const phrases[] = {
        [QUANTITY_NUMBER] = "a number",
        [QUANTITY_DURATION] = "a duration",
        [QUANTITY_RATE] = "a rate",
        [QUANTITY_PERCENT] = "a percentage",
        [QUANTITY_SIZE] = "a size",
    };

    return phrases[kind];
}

/* Parameters. */

const struct param *
params_find(const struct params *params, struct slice name, struct error *err)
{
    const char *names[NAMES_MAX];
    size_t names_count = 0;
    const char *nearest;

    for (size_t i = 0; i < params->count; i++) {
        if (slice_equals(params->list[i].name, name))
            return &params->list[i];
        if (names_count < NAMES_MAX)
            names[names_count++] = params->list[i].name.at; /* a NUL follows */
    }
    nearest = nearest_word(name, names, names_count);
    error_set(err, ERROR_CONFIG, "there is no parameter \"%.*s\"%s%s%s", SLICE_ARGS(name),
        nearest != NULL ? "; did you mean \"" : "", nearest != NULL ? nearest : "",
        nearest != NULL ? "\"?" : "");
    return NULL;
}

static bool
is_text(const struct param *param)
{
    return slice_equals(param->type, SLICE("text"));
}

struct slice
param_name_at(struct slice text)
{
    size_t length = 0;

    if (text.length > 0 && (char_is_letter(text.at[0]) || text.at[0] == '_'))
        while (length < text.length &&
            (char_is_letter(text.at[length]) || char_is_digit(text.at[length]) ||
                text.at[length] == '_'))
            length++;
    return (struct slice){text.at, length};
}

/* Literals. */

static bool
is_plain_number(struct slice text)
{
    for (size_t i = 0; i < text.length; i++)
        if (!char_is_digit(text.at[i]) && text.at[i] != '.' && text.at[i] != '_' &&
            !(i == 0 && text.at[i] == '-'))
            return false;
    return text.length > 0;
}

static bool
parse_number(struct slice text, struct ratio *number, struct error *err)
{
    uint64_t count;

    if (memchr(text.at, '.', text.length) != NULL || text.at[0] == '-')
        return unit_parse_number(text, number, err);
    if (!unit_parse_count(text, &count, err))
        return false;
    if (count > INT64_MAX)
        return error_set(err, ERROR_CONFIG, "\"%.*s\" is too large a number", SLICE_ARGS(text));
    *number = ratio_of((int64_t)count, 1);
    return true;
}

static bool
parse_size(struct slice text, struct ratio *number)
{
    struct error ignored;
    uint64_t bytes;

    if (!unit_parse_size(text, &bytes, &ignored) || bytes > INT64_MAX)
        return false;
    *number = ratio_of((int64_t)bytes, 1);
    return true;
}

bool
quantity_parse(struct slice text, struct quantity *q, struct error *err)
{
    int64_t us;

    q->unit_us = 0;
    if (text.length == 0)
        return error_set(err, ERROR_CONFIG, "a quantity is missing");
    if (is_plain_number(text)) {
        q->kind = QUANTITY_NUMBER;
        return parse_number(text, &q->value, err);
    }
    if (memchr(text.at, '/', text.length) != NULL) {
        q->kind = QUANTITY_RATE;
        return unit_parse_rate_in(text, &q->value, &q->unit_us, err);
    }
    if (text.at[text.length - 1] == '%') {
        q->kind = QUANTITY_PERCENT;
        return unit_parse_percent(text, &q->value, err);
    }
    if (parse_size(text, &q->value)) {
        q->kind = QUANTITY_SIZE;
        return true;
    }
    q->kind = QUANTITY_DURATION;
    if (!unit_parse_duration(text, &us, err))
        return false;
    q->value = ratio_of(us, 1);
    return true;
}

/* Arithmetic that says when it would not stay exact, before unit.h asserts it. */

static int
bits_of(int64_t number)
{
    uint64_t left = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    int bits = 0;

    for (; left > 0; left >>= 1)
        bits++;
    return bits;
}

static bool
fits(char op, struct ratio a, struct ratio b)
{
    enum { BITS_MAX = 61 };
    int a_num = bits_of(a.num), a_den = bits_of(a.den);
    int b_num = bits_of(b.num), b_den = bits_of(b.den);

    if (op == '*')
        return a_num + b_num <= BITS_MAX && a_den + b_den <= BITS_MAX;
    if (op == '/')
        return a_num + b_den <= BITS_MAX && a_den + b_num <= BITS_MAX;
    return a_num + b_den <= BITS_MAX && b_num + a_den <= BITS_MAX && a_den + b_den <= BITS_MAX;
}

static bool
is_plain(const struct quantity *q)
{
    return q->kind == QUANTITY_NUMBER || q->kind == QUANTITY_PERCENT;
}

/* The kind of a result, or false: these two do not go together. */
static bool
kind_of_result(
    char op, const struct quantity *a, const struct quantity *b, enum quantity_kind *kind)
{
    bool is_same = a->kind == b->kind;

    if (op == '+' || op == '-') {
        *kind = a->kind;
        return is_same;
    }
    if (op == '*') {
        *kind = a->kind == QUANTITY_NUMBER || !is_plain(b) ? b->kind : a->kind;
        if (is_plain(a) || is_plain(b))
            return true;
        *kind = QUANTITY_NUMBER;
        return (a->kind == QUANTITY_RATE && b->kind == QUANTITY_DURATION) ||
            (a->kind == QUANTITY_DURATION && b->kind == QUANTITY_RATE);
    }
    *kind = is_same ? QUANTITY_NUMBER : a->kind;
    if (is_same || is_plain(b))
        return true;
    *kind = b->kind == QUANTITY_DURATION ? QUANTITY_RATE : QUANTITY_DURATION;
    return a->kind == QUANTITY_NUMBER && (b->kind == QUANTITY_DURATION || b->kind == QUANTITY_RATE);
}

/* A rate keeps the unit it was written in; two units make the longer one; 10 / 5m is thought of in
 * five minutes. */
static int64_t
unit_of_result(enum quantity_kind kind, const struct quantity *a, const struct quantity *b)
{
    if (kind != QUANTITY_RATE)
        return 0;
    if (b->kind == QUANTITY_DURATION)
        return ratio_round(b->value);
    return a->unit_us > b->unit_us ? a->unit_us : b->unit_us;
}

static bool
apply(char op, struct quantity *a, const struct quantity *b, struct error *err)
{
    enum quantity_kind kind;

    if (!kind_of_result(op, a, b, &kind))
        return error_set(err, ERROR_CONFIG, "%s and %s do not go together with '%c'",
            quantity_phrase(a->kind), quantity_phrase(b->kind), op);
    if (op == '/' && b->value.num == 0)
        return error_set(err, ERROR_CONFIG, "this divides by zero");
    if (!fits(op, a->value, b->value))
        return error_set(err, ERROR_CONFIG, "these numbers are too large to be exact");
    a->unit_us = unit_of_result(kind, a, b);
    a->kind = kind;
    a->value = op == '+' ? ratio_add(a->value, b->value)
        : op == '-'      ? ratio_subtract(a->value, b->value)
        : op == '*'      ? ratio_multiply(a->value, b->value)
                         : ratio_divide(a->value, b->value);
    return true;
}

/* Evaluation. */

struct evaluation {
    const struct params *params;
    struct slice rest;
    struct quantity values[STACK_MAX];
    char operators[STACK_MAX];
    size_t values_count, operators_count;
};

static int
binding(char op)
{
    return op == '(' ? 0 : op == '+' || op == '-' ? 1 : 2;
}

static bool
reduce(struct evaluation *e, int until, struct error *err)
{
    while (e->operators_count > 0 && binding(e->operators[e->operators_count - 1]) >= until) {
        assert(e->values_count >= 2);
        e->values_count--;
        if (!apply(e->operators[--e->operators_count], &e->values[e->values_count - 1],
                &e->values[e->values_count], err))
            return false;
    }
    return true;
}

static bool
push_value(struct evaluation *e, const struct quantity *value, struct error *err)
{
    if (e->values_count == STACK_MAX)
        return error_set(err, ERROR_CONFIG, "this is too long a calculation");
    e->values[e->values_count++] = *value;
    return true;
}

static bool
push_operator(struct evaluation *e, char op, struct error *err)
{
    if (e->operators_count == STACK_MAX)
        return error_set(err, ERROR_CONFIG, "this is too long a calculation");
    e->operators[e->operators_count++] = op;
    return true;
}

static bool
read_param(struct evaluation *e, struct error *err)
{
    struct slice name = param_name_at(slice_from(e->rest, 1));
    const struct param *param;

    if (name.length == 0)
        return error_set(
            err, ERROR_CONFIG, "a name is missing behind the '$': parameters are written $name");
    param = params_find(e->params, name, err);
    if (param == NULL)
        return false;
    if (is_text(param))
        return error_set(err, ERROR_CONFIG, "$%.*s is a text, not a quantity", SLICE_ARGS(name));
    e->rest = slice_from(e->rest, 1 + name.length);
    return push_value(e, &e->params->values[param - e->params->list], err);
}

/* "60/min" is one literal: the slash is followed by a letter at once. */
static bool
read_literal(struct evaluation *e, struct error *err)
{
    struct slice text = e->rest;
    struct quantity value;
    size_t n = 0;

    while (n < text.length &&
        (char_is_letter(text.at[n]) || char_is_digit(text.at[n]) || text.at[n] == '.' ||
            text.at[n] == '_' || text.at[n] == '%'))
        n++;
    if (n > 0 && n + 1 < text.length && text.at[n] == '/' && char_is_letter(text.at[n + 1]))
        for (n++; n < text.length && char_is_letter(text.at[n]);)
            n++;
    if (n == 0 || !char_is_digit(text.at[0]))
        return error_set(
            err, ERROR_CONFIG, "a quantity or $NAME is expected before \"%.*s\"", SLICE_ARGS(text));
    e->rest = slice_from(text, n);
    return quantity_parse((struct slice){text.at, n}, &value, err) && push_value(e, &value, err);
}

/* One value, with the parentheses that open before it and close behind it. */
static bool
read_operand(struct evaluation *e, struct error *err)
{
    for (;;) {
        e->rest = slice_trim(e->rest);
        if (e->rest.length == 0)
            return error_set(err, ERROR_CONFIG, "a quantity is missing at the end");
        if (e->rest.at[0] != '(')
            break;
        if (!push_operator(e, '(', err))
            return false;
        e->rest = slice_from(e->rest, 1);
    }
    if (!(e->rest.at[0] == '$' ? read_param(e, err) : read_literal(e, err)))
        return false;
    for (e->rest = slice_trim(e->rest); e->rest.length > 0 && e->rest.at[0] == ')';
         e->rest = slice_trim(slice_from(e->rest, 1))) {
        if (!reduce(e, 1, err))
            return false;
        if (e->operators_count == 0)
            return error_set(err, ERROR_CONFIG, "a ')' has no '('");
        e->operators_count--;
    }
    return true;
}

bool
quantity_is_expression(struct slice text)
{
    for (size_t i = 0; i < text.length; i++)
        if (strchr("$*()+", text.at[i]) != NULL && text.at[i] != '\0')
            return true;
    return slice_contains_nocase(text, SLICE(" / ")) || slice_contains_nocase(text, SLICE(" - "));
}

bool
quantity_evaluate(
    struct slice text, const struct params *params, struct quantity *q, struct error *err)
{
    struct evaluation e = {.params = params, .rest = slice_trim(text)};
    char op;

    for (;;) {
        if (!read_operand(&e, err))
            return false;
        if (e.rest.length == 0)
            break;
        op = e.rest.at[0];
        if (op != '+' && op != '-' && op != '*' && op != '/')
            return error_set(err, ERROR_CONFIG, "one of + - * / is expected before \"%.*s\"",
                SLICE_ARGS(e.rest));
        if (!reduce(&e, binding(op), err) || !push_operator(&e, op, err))
            return false;
        e.rest = slice_from(e.rest, 1);
    }
    if (!reduce(&e, 1, err))
        return false;
    if (e.operators_count > 0)
        return error_set(err, ERROR_CONFIG, "a '(' has no ')'");
    assert(e.values_count == 1);
    *q = e.values[0];
    return true;
}
