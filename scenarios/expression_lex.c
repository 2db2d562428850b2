/* expression_lex.c - blanks, names, quoted words and literals of expressions. */
#include "scenarios/expression_compiler.h"

struct slice
compiler_cut(const struct compiler *compiler, size_t from, size_t to)
{
    return (struct slice){compiler->source->text.at + from, to - from};
}

char
compiler_peek(const struct compiler *compiler, size_t ahead)
{
    size_t at = compiler->at + ahead;

    return at < compiler->source->text.length ? compiler->source->text.at[at] : '\0';
}

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

void
compiler_skip_blanks(struct compiler *compiler)
{
    while (is_blank(compiler_peek(compiler, 0)))
        compiler->at++;
}

bool
compiler_is_at_end(const struct compiler *compiler)
{
    return compiler->at >= compiler->source->text.length;
}

bool
compiler_is_name_char(char c)
{
    return char_is_letter(c) || char_is_digit(c) || c == '_' || c == '.';
}

struct slice
compiler_read_name(struct compiler *compiler)
{
    size_t from = compiler->at;

    while (compiler_is_name_char(compiler_peek(compiler, 0)))
        compiler->at++;
    return compiler_cut(compiler, from, compiler->at);
}

bool
compiler_read_word(struct compiler *compiler, struct slice *word)
{
    size_t from = compiler->at;
    char quote = compiler_peek(compiler, 0);

    if (quote == '"' || quote == '\'') {
        compiler->at++;
        while (!compiler_is_at_end(compiler) && compiler_peek(compiler, 0) != quote)
            compiler->at++;
        *word = compiler_cut(compiler, from + 1, compiler->at);
        if (compiler_is_at_end(compiler))
            return compiler_fail(compiler, from, from + 1, NULL, "this quote is never closed");
        compiler->at++;
        return true;
    }
    while (!compiler_is_at_end(compiler) && !is_blank(compiler_peek(compiler, 0)) &&
        compiler_peek(compiler, 0) != ',' && compiler_peek(compiler, 0) != ')')
        compiler->at++;
    *word = compiler_cut(compiler, from, compiler->at);
    return true;
}

bool
compiler_literal(struct slice text, struct node *node, struct error *why)
{
    char last = text.length > 0 ? text.at[text.length - 1] : '\0';
    int64_t us;
    uint64_t count;
    bool is_rate = false, has_underscore = false;

    for (size_t i = 0; i < text.length; i++) {
        is_rate = is_rate || text.at[i] == '/';
        has_underscore = has_underscore || text.at[i] == '_';
    }
    node->kind = NODE_CONSTANT;
    node->constant = value_number((struct ratio){0, 1});
    node->type = VALUE_NUMBER;
    if (is_rate) {
        node->type = VALUE_RATE;
        return unit_parse_rate(text, &node->constant.number, why);
    }
    if (last == '%') {
        node->is_percent = true;
        return unit_parse_percent(text, &node->constant.number, why);
    }
    if (char_is_letter(last)) {
        node->type = VALUE_DURATION;
        if (!unit_parse_duration(text, &us, why))
            return false;
        node->constant.number.num = us;
        return true;
    }
    if (has_underscore) {
        if (!unit_parse_count(text, &count, why))
            return false;
        node->constant = value_count(count);
        return true;
    }
    return unit_parse_number(text, &node->constant.number, why);
}
