/* smtp_words.c - what a client says, and what it may say after this server's EHLO. */
#include "mta/smtp_words.h"

static bool
has_keyword(struct slice line, const char *keyword, struct slice *argument)
{
    struct slice word, rest;

    slice_cut(line, ' ', &word, &rest);
    *argument = slice_trim(rest);
    return slice_equals_nocase(slice_trim(word), slice_of(keyword));
}

/* RFC 9422 3: NAME=VALUE between spaces, what is not known is passed over; 4.1 to 4.3: one to six
 * digits, and not zero. */
static void
read_limits(struct smtp_extensions *extensions, struct slice words)
{
    enum { DIGITS_MAX = 6 };
    struct smtp_extensions *e = extensions;
    const struct {
        const char *name;
        uint32_t *value;
    } limits[] = {
        {"MAILMAX",       &e->mail_max       },
        {"RCPTMAX",       &e->rcpt_max       },
        {"RCPTDOMAINMAX", &e->rcpt_domain_max},
    };
    struct slice word, name, digits;
    uint64_t value;

    while (words.length > 0) {
        slice_cut(words, ' ', &word, &words);
        slice_cut(slice_trim(word), '=', &name, &digits);
        if (digits.length > DIGITS_MAX || !slice_to_u64(digits, &value) || value == 0)
            continue;
        for (size_t i = 0; i < COUNT_OF(limits); i++)
            if (slice_equals_nocase(name, slice_of(limits[i].name)))
                *limits[i].value = (uint32_t)value;
    }
}

void
smtp_extensions_read(struct smtp_extensions *extensions, struct slice text)
{
    struct slice line, argument;

    while (text.length > 0) {
        slice_cut(text, '\n', &line, &text);
        if (has_keyword(line, "PIPELINING", &argument))
            extensions->has_pipelining = true;
        if (has_keyword(line, "8BITMIME", &argument))
            extensions->has_8bitmime = true;
        if (has_keyword(line, "STARTTLS", &argument))
            extensions->has_starttls = true;
        if (has_keyword(line, "LIMITS", &argument))
            read_limits(extensions, argument);
        if (has_keyword(line, "SIZE", &argument)) {
            extensions->has_size = true;
            if (!slice_to_u64(argument, &extensions->size_max))
                extensions->size_max = 0;
        }
    }
}

const struct smtp_reply *
smtp_refusal_in_advance(
    const struct smtp_extensions *extensions, const struct smtp_transaction *transaction)
{
    static const struct smtp_reply too_large = {
        .code = 552,
        .enhanced = {5, 3,                                                 4},
        .text = {"message size exceeds the limit the server states", 48}
    };
    static const struct smtp_reply needs_8bit = {
        .code = 554,
        .enhanced = {5, 6,                                                   3},
        .text = {"conversion required but not supported: no 8BITMIME", 50}
    };

    if (extensions->size_max > 0 && transaction->size > extensions->size_max)
        return &too_large;
    if (transaction->is_8bit && !extensions->has_8bitmime)
        return &needs_8bit;
    return NULL;
}

void
smtp_add_mail(struct text *words, const struct smtp_extensions *extensions,
    const struct smtp_transaction *transaction)
{
    text_add_string(words, "MAIL FROM:<");
    text_add_slice(words, text_slice(&transaction->sender));
    text_add_char(words, '>');
    if (extensions->has_size) {
        text_add_string(words, " SIZE=");
        text_add_u64(words, transaction->size);
    }
    if (transaction->is_8bit)
        text_add_string(words, " BODY=8BITMIME");
    text_add_string(words, "\r\n");
}

void
smtp_add_rcpt(struct text *words, const struct smtp_transaction *transaction, size_t recipient)
{
    const struct smtp_recipient *r = &transaction->recipients[recipient];

    assert(recipient < transaction->recipients_count);
    text_add_string(words, "RCPT TO:<");
    text_add(words, transaction->addresses.bytes + r->at, r->length);
    text_add_string(words, ">\r\n");
}
