/* dialect_render.c - the steps of a dialect, taken one after another, make a letter. */
#include "base/charset.h"
#include "fakeisp/dialect.h"
#include "smtp/transfer.h"

struct rendering {
    const struct dialect_values *values;
    struct text *out;
    struct text block, scratch;      /* what stands within %encode, in UTF-8 */
    const struct dialect_op *encode; /* NULL: not within */
};

static struct text *
target_of(struct rendering *rendering)
{
    return rendering->encode != NULL ? &rendering->block : rendering->out;
}

/* Foreign bytes on a line of ours. */
static void
add_clean(struct text *out, struct slice value, bool is_ascii)
{
    while (value.length > 0) {
        size_t length = utf8_sign_length(value);
        char c = value.at[0];

        if (c == '\r' || c == '\n' || c == '\t')
            text_add_char(out, ' ');
        else if (length == 0 || (unsigned char)c < ' ' || c == 127 || (is_ascii && length > 1))
            text_add_char(out, '?');
        else
            text_add(out, value.at, length);
        value = slice_from(value, length > 0 ? length : 1);
    }
}

static void
add_json(struct text *out, struct slice clean)
{
    for (size_t i = 0; i < clean.length; i++) {
        if (clean.at[i] == '"' || clean.at[i] == '\\')
            text_add_char(out, '\\');
        text_add_char(out, clean.at[i]);
    }
}

static void
add_html(struct text *out, struct slice clean)
{
    for (size_t i = 0; i < clean.length; i++) {
        char c = clean.at[i];

        if (c == '<' || c == '>' || c == '&' || c == '"')
            text_add_string(out,
                c == '<'       ? "&lt;"
                    : c == '>' ? "&gt;"
                    : c == '&' ? "&amp;"
                               : "&quot;");
        else
            text_add_char(out, c);
    }
}

/* Lines of another's header stay as they are; the line of the template ends the last. */
static void
add_header(struct text *out, struct slice header)
{
    if (slice_ends_with_nocase(header, SLICE("\r\n")))
        header.length -= 2;
    text_add_slice(out, header);
}

static void
add_value(struct rendering *rendering, const struct dialect_op *op)
{
    struct slice value = rendering->values->slots[op->slot];
    struct text *out = target_of(rendering);

    if (op->slot == VALUE_HEADER || op->slot == VALUE_HEADER_REDACTED) {
        add_header(out, value);
        return;
    }
    if (value.length > DIALECT_VALUE_MAX)
        value.length = DIALECT_VALUE_MAX;
    text_clear(&rendering->scratch);
    add_clean(&rendering->scratch, value, rendering->encode == NULL);
    if (op->kind == OP_JSON_VALUE)
        add_json(out, text_slice(&rendering->scratch));
    else if (op->kind == OP_HTML_VALUE)
        add_html(out, text_slice(&rendering->scratch));
    else
        text_add_slice(out, text_slice(&rendering->scratch));
}

static void
end_encode(struct rendering *rendering)
{
    const struct dialect_op *op = rendering->encode;
    struct text *scratch = &rendering->scratch;

    text_clear(scratch);
    charset_write(scratch, op->charset, text_slice(&rendering->block));
    switch (op->encoding) {
    case ENCODE_PLAIN:
        text_add_slice(rendering->out, text_slice(scratch));
        break;
    case ENCODE_BASE64:
        base64_write(rendering->out, text_slice(scratch));
        break;
    case ENCODE_QUOTED_PRINTABLE:
        quoted_printable_write(rendering->out, text_slice(scratch));
        break;
    }
    text_clear(&rendering->block);
    rendering->encode = NULL;
}

/* Which step comes next. */
static size_t
take_step(struct rendering *rendering, const struct dialect_op *op, size_t i)
{
    switch (op->kind) {
    case OP_TEXT:
        text_add_slice(target_of(rendering), op->text);
        break;
    case OP_VALUE:
    case OP_JSON_VALUE:
    case OP_HTML_VALUE:
        add_value(rendering, op);
        break;
    case OP_WORD:
        encoded_word_write(rendering->out, op->charset, op->text);
        break;
    case OP_RAW:
        charset_write(rendering->out, op->charset, op->text);
        break;
    case OP_UNLESS:
        return (op->conditions & rendering->values->conditions) == 0 ? op->target : i + 1;
    case OP_GO:
        return op->target;
    case OP_ENCODE:
        rendering->encode = op;
        break;
    case OP_END_ENCODE:
        end_encode(rendering);
        break;
    }
    return i + 1;
}

/* Every step leads forward, so it ends. */
void
dialect_render(const struct dialect *dialect, const struct dialect_values *values, struct text *out)
{
    struct rendering rendering = {.values = values, .out = out};
    size_t i = 0;

    while (i < dialect->ops_count) {
        size_t next = take_step(&rendering, &dialect->ops[i], i);

        assert(next > i);
        i = next;
    }
    text_release(&rendering.block);
    text_release(&rendering.scratch);
}
