/* mutation.c - what gateways and mailing lists do to a message on its way. */
#include "fakeisp/mutation.h"

#include "smtp/dkim_model.h"

static void
add_line(struct text *out, struct slice line)
{
    text_add_slice(out, line);
    text_add(out, "\r\n", 2);
}

static void
add_subject(struct text *out, const struct header_field *field, uint32_t mutations)
{
    struct slice value = slice_trim(field->value);

    text_add_slice(out, field->name);
    text_add_char(out, ':');
    if (mutations & MUTATION_REFOLD_SUBJECT)
        text_add_string(out, "\r\n");
    text_add_char(out, ' ');
    if (mutations & MUTATION_TAG_SUBJECT)
        text_add_string(out, "[list] ");
    add_line(out, value);
}

static void
add_header(struct text *out, struct slice *rest, uint32_t mutations)
{
    const uint32_t of_subject = MUTATION_REFOLD_SUBJECT | MUTATION_TAG_SUBJECT;
    struct header_field field;
    bool is_malformed;

    while (header_next(rest, &field, &is_malformed)) {
        struct slice name = field.name;

        if ((mutations & MUTATION_STRIP_SIGNATURES) &&
            slice_equals_nocase(name, SLICE(DKIM_FIELD_NAME)))
            continue;
        if ((mutations & of_subject) && slice_equals_nocase(name, SLICE("Subject")))
            add_subject(out, &field, mutations);
        else
            add_line(out, field.whole);
    }
}

static void
add_with_blanks(struct text *out, struct slice body)
{
    while (body.length > 0) {
        const char *end = memmem(body.at, body.length, "\r\n", 2);
        size_t length = end != NULL ? (size_t)(end - body.at) : body.length;

        text_add(out, body.at, length);
        if (length > 0)
            text_add_char(out, ' ');
        text_add(out, "\r\n", 2);
        body = slice_from(body, end != NULL ? length + 2 : length);
    }
}

void
mutate(struct text *out, struct slice content, uint32_t mutations)
{
    text_clear(out);
    add_header(out, &content, mutations);
    if (mutations & MUTATION_ADD_BLANKS) {
        if (slice_starts_with(content, SLICE("\r\n"))) {
            text_add(out, "\r\n", 2);
            content = slice_from(content, 2);
        }
        add_with_blanks(out, content);
    } else {
        text_add_slice(out, content);
    }
    if (mutations & MUTATION_APPEND_FOOTER)
        text_add_string(out, "-- \r\nLooked at by a gateway.\r\n");
}
