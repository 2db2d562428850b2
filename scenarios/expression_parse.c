/* expression_parse.c - operators, brackets and units of expressions.
 *
 * An operator waits on a stack until one that binds less tightly arrives (Dijkstra's shunting yard);
 * then it is reduced: units are checked, constants folded, and a node is added behind its operands. */
#include "scenarios/expression_compiler.h"

#include <stdio.h>

static const struct {
    const char *symbol;
    enum operation operation;
    int precedence;
} operators[] = {
  /* longer symbols first */
    {"or",  OPERATION_OR,        1},
    {"and", OPERATION_AND,       2},
    {"==",  OPERATION_EQUAL,     4},
    {"!=",  OPERATION_NOT_EQUAL, 4},
    {"<=",  OPERATION_AT_MOST,   4},
    {">=",  OPERATION_AT_LEAST,  4},
    {"~=",  OPERATION_NEAR,      4},
    {"<",   OPERATION_LESS,      4},
    {">",   OPERATION_GREATER,   4},
    {"~",   OPERATION_LIKE,      4},
    {"+-",  OPERATION_BAND,      5},
    {"+",   OPERATION_ADD,       6},
    {"-",   OPERATION_SUBTRACT,  6},
    {"*",   OPERATION_MULTIPLY,  7},
    {"/",   OPERATION_DIVIDE,    7},
};
enum { PRECEDENCE_NOT = 3, PRECEDENCE_NEGATE = 8 };

struct mark
source_mark(const struct source *source, size_t from, size_t length)
{
    struct mark mark = source->mark;

    if (mark.column > 0)
        mark.column += (int)from;
    mark.length = length > 0 ? (int)length : 1;
    return mark;
}

bool
compiler_fail(
    struct compiler *compiler, size_t from, size_t to, const char *hint, const char *format, ...)
{
    struct text text = {0};
    va_list args;

    va_start(args, format);
    text_vprintf(&text, format, args);
    va_end(args);
    diagnose(compiler->context->diagnostics, source_mark(compiler->source, from, to - from), hint,
        "%s", text_string(&text));
    text_release(&text);
    return false;
}

bool
compiler_fail_with_words(struct compiler *compiler, size_t from, size_t to, struct slice written,
    const char *const *words, size_t words_count, const char *what)
{
    enum { WORDS_SHOWN_MAX = 8 };
    const char *nearest = nearest_word(written, words, words_count);
    struct text hint = {0};

    if (nearest != NULL) {
        text_printf(&hint, "did you mean \"%s\"?", nearest);
    } else if (words_count <= WORDS_SHOWN_MAX && words_count > 0) {
        for (size_t i = 0; i < words_count; i++)
            text_printf(&hint, "%s%s", i == 0 ? "one of " : ", ", words[i]);
    }
    compiler_fail(compiler, from, to, hint.length > 0 ? text_string(&hint) : NULL,
        "there is no %s \"%.*s\"", what, SLICE_ARGS(written));
    text_release(&hint);
    return false;
}

bool
compiler_push(struct compiler *compiler, struct node node)
{
    if (compiler->nodes_count == EXPRESSION_NODES_MAX ||
        compiler->operands_count == EXPRESSION_DEPTH_MAX)
        return compiler_fail(
            compiler, node.from, node.to, NULL, "this expression is too long: split it in two");
    compiler->operands[compiler->operands_count++] = (int)compiler->nodes_count;
    compiler->nodes[compiler->nodes_count++] = node;
    return true;
}

bool
compiler_open(struct compiler *compiler, struct pending pending)
{
    if (compiler->pending_count == EXPRESSION_DEPTH_MAX)
        return compiler_fail(compiler, pending.from, pending.to, NULL,
            "this expression is nested more than %d deep", EXPRESSION_DEPTH_MAX);
    pending.nodes_before = compiler->nodes_count;
    pending.kinds_before = compiler->kinds;
    pending.is_timed_before = compiler->is_timed;
    pending.has_event_kpi_before = compiler->has_event_kpi;
    compiler->pending[compiler->pending_count++] = pending;
    return true;
}

/* The slash of a rate has a unit right behind it, and nothing that would make it a name. */
static size_t
length_of_rate_unit(const struct compiler *compiler)
{
    size_t length = 1;
    struct error ignored;
    struct ratio rate;
    char text[16];

    if (compiler_peek(compiler, 0) != '/')
        return 0;
    while (char_is_letter(compiler_peek(compiler, length)))
        length++;
    if (length == 1 || length > 10 || compiler_is_name_char(compiler_peek(compiler, length)))
        return 0;
    snprintf(text, sizeof text, "1%.*s", (int)length, compiler->source->text.at + compiler->at);
    return unit_parse_rate(slice_of(text), &rate, &ignored) ? length : 0;
}

static bool
take_literal(struct compiler *compiler)
{
    struct node node = {.left = -1, .right = -1, .from = compiler->at};
    struct error why;

    while (char_is_digit(compiler_peek(compiler, 0)) || compiler_peek(compiler, 0) == '_' ||
        (compiler_peek(compiler, 0) == '.' && compiler_peek(compiler, 1) != '.'))
        compiler->at++;
    if (compiler_peek(compiler, 0) == '%')
        compiler->at++;
    else if (char_is_letter(compiler_peek(compiler, 0)))
        while (char_is_letter(compiler_peek(compiler, 0)) ||
            char_is_digit(compiler_peek(compiler, 0)) ||
            (compiler_peek(compiler, 0) == '.' && compiler_peek(compiler, 1) != '.'))
            compiler->at++;
    else
        compiler->at += length_of_rate_unit(compiler);
    node.to = compiler->at;
    if (!compiler_literal(compiler_cut(compiler, node.from, node.to), &node, &why))
        return compiler_fail(compiler, node.from, node.to, NULL, "%s", why.text);
    return compiler_push(compiler, node);
}

static bool
take_operand(struct compiler *compiler, bool *is_complete)
{
    size_t from = compiler->at;
    char c = compiler_peek(compiler, 0);
    struct node word = {.kind = NODE_WORD, .type = VALUE_TEXT, .left = -1, .right = -1};
    struct pending prefix = {.from = from, .to = from + 1};

    *is_complete = true;
    if (char_is_digit(c))
        return take_literal(compiler);
    if (c == '"' || c == '\'') {
        if (!compiler_read_word(compiler, &word.pattern))
            return false;
        word.from = from;
        word.to = compiler->at;
        return compiler_push(compiler, word);
    }
    if (c == '(' || c == '-') {
        *is_complete = false;
        compiler->at++;
        prefix.bracket = c == '(' ? BRACKET_GROUP : BRACKET_NONE;
        prefix.operation = OPERATION_NEGATE;
        prefix.precedence = PRECEDENCE_NEGATE;
        return compiler_open(compiler, prefix);
    }
    if (char_is_letter(c) || c == '_' || c == '$') {
        size_t operands_before = compiler->operands_count;

        if (!compiler_take_name(compiler))
            return false;
        *is_complete = compiler->operands_count > operands_before; /* else a bracket, or `not` */
        return true;
    }
    return compiler_fail(compiler, from, from + 1, NULL,
        compiler_is_at_end(compiler) ? "something is missing at the end"
                                     : "a name or a number is missing here");
}

/* "did you mean 10/m?" where a number carries the wrong unit. */
static const char *
unit_hint(struct compiler *compiler, const struct node *left, const struct node *right, char *hint,
    size_t hint_size)
{
    struct slice text = compiler_cut(compiler, right->from, right->to);
    size_t digits = 0;

    if (right->kind != NODE_CONSTANT || !char_is_digit(text.at[0]))
        return NULL;
    while (digits < text.length && (char_is_digit(text.at[digits]) || text.at[digits] == '.'))
        digits++;
    for (size_t i = digits; i < text.length; i++)
        if (char_is_digit(text.at[i]))
            return NULL; /* 1h30m */
    if (left->type == VALUE_RATE && right->type == VALUE_DURATION)
        snprintf(hint, hint_size, "did you mean %.*s/%.*s?", (int)digits, text.at,
            (int)(text.length - digits), text.at + digits);
    else if (left->type == VALUE_DURATION && right->type == VALUE_RATE)
        snprintf(hint, hint_size, "did you mean %.*s%.*s?", (int)digits, text.at,
            (int)(text.length - digits - 1), text.at + digits + 1);
    else if (left->type == VALUE_RATE && right->type == VALUE_NUMBER && !right->is_percent)
        snprintf(hint, hint_size, "did you mean %.*s/min?", SLICE_ARGS(text));
    else if (left->type == VALUE_DURATION && right->type == VALUE_NUMBER && !right->is_percent)
        snprintf(hint, hint_size, "did you mean %.*ss?", SLICE_ARGS(text));
    else
        return NULL;
    return hint;
}

static bool
fail_types(struct compiler *compiler, enum operation operation, const struct node *left,
    const struct node *right)
{
    char hint[80];

    if (operation == OPERATION_NOT || operation == OPERATION_NEGATE)
        return compiler_fail(compiler, left->from, left->to, NULL, "`%s` needs %s, this is %s",
            operation_symbol(operation), operation == OPERATION_NOT ? "a condition" : "a quantity",
            value_type_name(left->type));
    if (operation == OPERATION_AND || operation == OPERATION_OR) {
        const struct node *wrong = left->type != VALUE_TRUTH ? left : right;

        return compiler_fail(compiler, wrong->from, wrong->to, NULL,
            "`%s` joins conditions, this is %s", operation_symbol(operation),
            value_type_name(wrong->type));
    }
    if (operation == OPERATION_LIKE)
        return compiler_fail(compiler, left->from, left->to, NULL,
            "`~` compares a text with a pattern, this is %s", value_type_name(left->type));
    if (operation == OPERATION_NEAR && right->type != VALUE_BAND)
        return compiler_fail(
            compiler, right->from, right->to, NULL, "`~=` needs a tolerance, as in x ~= y +- 10%%");
    if (operation_compares(operation) || operation == OPERATION_NEAR)
        return compiler_fail(compiler, right->from, right->to,
            unit_hint(compiler, left, right, hint, sizeof hint), "cannot compare %s with %s",
            value_type_name(left->type), value_type_name(right->type));
    return compiler_fail(compiler, left->from, right->to, NULL, "cannot compute %s %s %s",
        value_type_name(left->type), operation_symbol(operation), value_type_name(right->type));
}

static bool
is_text(const struct node *node)
{
    return node->type == VALUE_TEXT && node->kind != NODE_WORD;
}

/* A comparison with a text is one node, not three. *is_done: it was one. */
static bool
reduce_text(struct compiler *compiler, enum operation operation, bool *is_done)
{
    struct node *left = &compiler->nodes[compiler->operands[compiler->operands_count - 2]];
    struct node *right = &compiler->nodes[compiler->operands[compiler->operands_count - 1]];
    struct node word;

    *is_done = false;
    if (is_text(left) && is_text(right))
        return compiler_fail(compiler, left->from, right->to, NULL,
            "a text is compared with a constant, not with another text");
    if (is_text(right) && left->kind == NODE_WORD && operation != OPERATION_LIKE) {
        word = *left;
        *left = *right;
        *right = word;
    }
    if (right->kind == NODE_WORD &&
        (is_text(left) || (left->kind == NODE_FIELD && operation == OPERATION_LIKE))) {
        *is_done = true;
        word = *right;
        compiler->nodes_count--;
        compiler->operands_count--;
        return compiler_bind_word(compiler, left, &word, operation);
    }
    if (left->kind == NODE_WORD)
        return compiler_unknown_word(compiler, left);
    if (right->kind == NODE_WORD)
        return compiler_unknown_word(compiler, right);
    return true;
}

/* Both sides are known already: so is the result. */
static bool
fold(struct compiler *compiler, struct node node)
{
    const struct node *left = &compiler->nodes[node.left];
    bool is_unary = node.right < 0;
    struct value right = is_unary ? value_unknown() : compiler->nodes[node.right].constant;
    bool is_by_zero = node.operation == OPERATION_DIVIDE && right.number.num == 0;

    node.constant = value_compute(node.operation, left->constant, right);
    node.kind = NODE_CONSTANT;
    if (!node.constant.is_known)
        return compiler_fail(compiler, node.from, node.to, NULL,
            is_by_zero ? "this divides by zero" : "this does not fit into 64 bits");
    node.left = node.right = -1;
    compiler->nodes_count -= is_unary ? 1 : 2;
    return compiler_push(compiler, node);
}

static bool
is_constant(const struct compiler *compiler, int operand)
{
    return operand < 0 || compiler->nodes[operand].kind == NODE_CONSTANT;
}

static bool
reduce(struct compiler *compiler)
{
    struct pending pending = compiler->pending[--compiler->pending_count];
    bool is_unary = pending.operation == OPERATION_NOT || pending.operation == OPERATION_NEGATE;
    struct node node = {.kind = NODE_OPERATION, .operation = pending.operation, .right = -1};
    const struct node *left, *right;
    bool is_done = false;

    assert(pending.bracket == BRACKET_NONE);
    assert(compiler->operands_count >= (is_unary ? 1u : 2u));
    if (!is_unary && !reduce_text(compiler, pending.operation, &is_done))
        return false;
    if (is_done)
        return true;
    if (!is_unary)
        node.right = compiler->operands[--compiler->operands_count];
    node.left = compiler->operands[--compiler->operands_count];
    left = &compiler->nodes[node.left];
    right = is_unary ? left : &compiler->nodes[node.right];
    node.from = is_unary ? pending.from : left->from;
    node.to = right->to;
    if (left->kind == NODE_WORD)
        return compiler_unknown_word(compiler, left);
    if (!operation_type(pending.operation, left->type, right->type, &node.type))
        return fail_types(compiler, pending.operation, left, right);
    node.is_percent = pending.operation == OPERATION_MULTIPLY
        ? left->is_percent && right->is_percent
        : node.type == VALUE_NUMBER && pending.operation != OPERATION_DIVIDE &&
            (left->is_percent || right->is_percent);
    if (is_constant(compiler, node.left) && is_constant(compiler, node.right) &&
        pending.operation != OPERATION_BAND && pending.operation != OPERATION_NEAR)
        return fold(compiler, node);
    return compiler_push(compiler, node);
}

/* Everything on top that binds at least as tightly, down to the innermost open bracket. */
static bool
reduce_from(struct compiler *compiler, int precedence)
{
    while (compiler->pending_count > 0) {
        const struct pending *top = &compiler->pending[compiler->pending_count - 1];

        if (top->bracket != BRACKET_NONE || top->precedence < precedence)
            return true;
        if (!reduce(compiler))
            return false;
    }
    return true;
}

static bool
close_bracket(struct compiler *compiler)
{
    struct pending open;
    struct node *inner;

    if (!reduce_from(compiler, 0))
        return false;
    if (compiler->pending_count == 0)
        return compiler_fail(
            compiler, compiler->at, compiler->at + 1, NULL, "this ) closes nothing");
    open = compiler->pending[--compiler->pending_count];
    compiler->at++;
    inner = &compiler->nodes[compiler->operands[compiler->operands_count - 1]];
    if (open.bracket == BRACKET_COUNT)
        return compiler_close_count(compiler, &open);
    if (open.bracket == BRACKET_WATCH)
        return compiler_close_watch(compiler, &open);
    inner->from = open.from;
    inner->to = compiler->at;
    return true;
}

/* What stands right of a text is read as it is: `host == mx1.rows.example`, `rcpt ~ never-*`. */
static bool
take_word_after(struct compiler *compiler, enum operation operation)
{
    const struct node *left = &compiler->nodes[compiler->operands[compiler->operands_count - 1]];
    struct node word = {.kind = NODE_WORD, .type = VALUE_TEXT, .left = -1, .right = -1};
    bool is_wanted = is_text(left) || operation == OPERATION_LIKE;

    compiler_skip_blanks(compiler);
    if (!is_wanted || compiler_peek(compiler, 0) == '$' || compiler_peek(compiler, 0) == '(')
        return true;
    word.from = compiler->at;
    if (!compiler_read_word(compiler, &word.pattern))
        return false;
    word.to = compiler->at;
    if (word.to == word.from)
        return compiler_fail(
            compiler, word.from, word.from + 1, NULL, "the text to compare with is missing");
    return compiler_push(compiler, word);
}

static bool
take_operator(struct compiler *compiler, bool *is_complete)
{
    struct slice rest = slice_from(compiler->source->text, compiler->at);
    struct pending pending = {.from = compiler->at};
    size_t operands_before;

    for (size_t i = 0; i < COUNT_OF(operators); i++) {
        struct slice symbol = slice_of(operators[i].symbol);

        if (!slice_starts_with(rest, symbol) ||
            (char_is_letter(symbol.at[0]) &&
                compiler_is_name_char(compiler_peek(compiler, symbol.length))))
            continue;
        if (!reduce_from(compiler, operators[i].precedence))
            return false;
        compiler->at += symbol.length;
        pending.to = compiler->at;
        pending.operation = operators[i].operation;
        pending.precedence = operators[i].precedence;
        operands_before = compiler->operands_count;
        if (!compiler_open(compiler, pending))
            return false;
        if (operators[i].precedence == 4 && !take_word_after(compiler, pending.operation))
            return false;
        *is_complete = compiler->operands_count > operands_before;
        return true;
    }
    if (compiler_peek(compiler, 0) == '=')
        return compiler_fail(
            compiler, compiler->at, compiler->at + 1, "equality is ==", "`=` compares nothing");
    return compiler_fail(compiler, compiler->at, compiler->at + 1, NULL,
        "an operator is missing before this (== != < <= > >= ~ ~= + - * / and or)");
}

/* An operand and an operator in turn, until the text is over. */
static bool
parse(struct compiler *compiler)
{
    bool is_complete = false; /* the last thing read was an operand */

    for (;;) {
        compiler_skip_blanks(compiler);
        if (compiler_is_at_end(compiler) && is_complete)
            break;
        if (!is_complete) {
            if (!take_operand(compiler, &is_complete))
                return false;
        } else if (compiler_peek(compiler, 0) == ')') {
            if (!close_bracket(compiler))
                return false;
        } else if (!take_operator(compiler, &is_complete)) {
            return false;
        }
    }
    if (!reduce_from(compiler, 0))
        return false;
    if (compiler->pending_count > 0)
        return compiler_fail(compiler, compiler->pending[compiler->pending_count - 1].to - 1,
            compiler->pending[compiler->pending_count - 1].to,
            "inside [ ] a comma ends the item: put each check on its own `-` line",
            "this ( is never closed");
    return true;
}

static bool
check_result(struct compiler *compiler, enum value_type wanted)
{
    const struct node *root = &compiler->nodes[compiler->nodes_count - 1];

    if (root->kind == NODE_WORD)
        return compiler_unknown_word(compiler, root);
    if (root->type == VALUE_TEXT)
        return compiler_fail(compiler, root->from, root->to, NULL,
            "a text alone says nothing: compare it, as in `%.*s == …`",
            SLICE_ARGS(compiler_cut(compiler, root->from, root->to)));
    if (root->type != wanted && (wanted != VALUE_INSTANT || root->type != VALUE_DURATION))
        return compiler_fail(compiler, root->from, root->to, NULL, "this is %s, and should be %s",
            value_type_name(root->type), value_type_name(wanted));
    for (size_t i = 0; i < compiler->nodes_count && wanted == VALUE_INSTANT; i++) {
        const struct node *node = &compiler->nodes[i];

        if (node->kind != NODE_CONSTANT && node->kind != NODE_END && node->kind != NODE_RELAYED &&
            node->kind != NODE_OPERATION)
            return compiler_fail(compiler, node->from, node->to, NULL,
                "an instant is made of durations, relayed(…), end and parameters");
    }
    return true;
}

bool
expression_compile(const struct expression_context *context, struct source source,
    enum value_type wanted, struct expression *expression)
{
    struct compiler compiler = {.context = context, .source = &source};
    struct node *nodes;

    if (slice_trim(source.text).length == 0)
        return compiler_fail(&compiler, 0, source.text.length, NULL, "an expression is missing");
    if (!parse(&compiler) || !check_result(&compiler, wanted))
        return false;
    nodes = arena_alloc(&context->parts->arena, compiler.nodes_count * sizeof nodes[0]);
    memcpy(nodes, compiler.nodes, compiler.nodes_count * sizeof nodes[0]);
    *expression = (struct expression){
        .source = source,
        .nodes = nodes,
        .nodes_count = compiler.nodes_count,
        .type = nodes[compiler.nodes_count - 1].type,
        .kinds = compiler.kinds,
        .is_timed = compiler.is_timed,
    };
    return true;
}
