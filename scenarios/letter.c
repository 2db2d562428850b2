/* letter.c - what a delivery sends: the same content for everybody but for the name. */
#include "scenarios/letter.h"

#include "scenarios/recipients.h"

enum { LINE_BYTES = 72, GREETING_BYTES = 9 /* "Hello ,\r\n" */ };

static const char prose[] = "Every word in this letter is here to give it the size of a letter, "
                            "and whoever reads on will find the same words again. ";

/* Lines of text, `bytes` in all, each with its end; a last one too short for that joins the one
 * before it. */
static void
write_filler(struct text *out, size_t bytes)
{
    size_t at = 0;

    while (bytes >= 2) {
        size_t line = bytes < LINE_BYTES + 2 ? bytes : LINE_BYTES;

        for (size_t i = 0; i + 2 < line; i++)
            text_add_char(out, prose[at++ % (sizeof prose - 1)]);
        text_add(out, "\r\n", 2);
        bytes -= line;
    }
}

void
letter_init(struct letter *letter, const struct campaign_config *campaign, struct slice key,
    uint32_t body_bytes)
{
    const struct mail_address *from = &campaign->from;
    bool has_instance = campaign->instance.length > 0;
    struct text *parts = letter->parts;

    text_add_string(&parts[0], "From: ");
    address_format(&parts[0], from);
    text_add_string(&parts[0], "\r\nTo: ");
    text_printf(&parts[1], "\r\nSubject: %.*s\r\nDate: ", SLICE_ARGS(key));
    text_add_string(&parts[2], "\r\nMessage-ID: <");
    text_printf(&parts[3], "%s%.*s@%.*s>\r\nList-Unsubscribe: <mailto:u+", has_instance ? "." : "",
        SLICE_ARGS(campaign->instance), SLICE_ARGS(from->domain));
    text_printf(&parts[4],
        "@%.*s>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHello",
        SLICE_ARGS(from->domain));
    text_add_char(&parts[5], ' ');
    text_add_string(&parts[6], ",\r\n");
    if (body_bytes > GREETING_BYTES)
        write_filler(&parts[6], body_bytes - GREETING_BYTES);
}

void
letter_release(struct letter *letter)
{
    for (size_t i = 0; i < LETTER_PARTS; i++)
        text_release(&letter->parts[i]);
}

static void
write_to(struct text *out, struct slice rcpt)
{
    if (rcpt.length == 0) {
        text_add_string(out, "undisclosed-recipients:;");
        return;
    }
    text_add_char(out, '<');
    text_add_slice(out, rcpt);
    text_add_char(out, '>');
}

void
letter_write(const struct letter *letter, const struct letter_values *values, struct text *out)
{
    const struct text *parts = letter->parts;

    text_add_slice(out, text_slice(&parts[0]));
    write_to(out, values->rcpt);
    text_add_slice(out, text_slice(&parts[1]));
    text_add_slice(out, values->date);
    text_add_slice(out, text_slice(&parts[2]));
    text_add_slice(out, values->key);
    text_add_slice(out, text_slice(&parts[3]));
    text_add_slice(out, values->key);
    text_add_slice(out, text_slice(&parts[4]));
    if (values->rcpt.length > 0) {
        text_add_slice(out, text_slice(&parts[5]));
        text_add_slice(out, recipient_local(values->rcpt));
    }
    text_add_slice(out, text_slice(&parts[6]));
}
