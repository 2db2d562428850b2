/* transfer.c - base64, quoted-printable, encoded words. */
#include "smtp/transfer.h"

#include "base/charset.h"

enum { LINE_MAX_SIGNS = 76 };

static void
add_base64(struct text *out, struct slice bytes, size_t line_max)
{
    static const char signs[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *at = (const unsigned char *)bytes.at;
    size_t in_line = 0;

    for (size_t i = 0; i < bytes.length; i += 3) {
        size_t left = bytes.length - i;
        uint32_t group = (uint32_t)at[i] << 16 | (left > 1 ? (uint32_t)at[i + 1] << 8 : 0) |
            (left > 2 ? (uint32_t)at[i + 2] : 0);
        char quad[4] = {signs[group >> 18], signs[group >> 12 & 63],
            left > 1 ? signs[group >> 6 & 63] : '=', left > 2 ? signs[group & 63] : '='};

        if (in_line == line_max) {
            text_add(out, "\r\n", 2);
            in_line = 0;
        }
        text_add(out, quad, sizeof quad);
        in_line += sizeof quad;
    }
}

void
base64_write(struct text *out, struct slice bytes)
{
    add_base64(out, bytes, LINE_MAX_SIGNS);
    if (bytes.length > 0)
        text_add(out, "\r\n", 2);
}

/* Does a line end behind the byte at `i`? */
static bool
ends_line(struct slice bytes, size_t i)
{
    return i + 1 == bytes.length || slice_starts_with(slice_from(bytes, i + 1), SLICE("\r\n"));
}

void
quoted_printable_write(struct text *out, struct slice bytes)
{
    size_t in_line = 0;

    for (size_t i = 0; i < bytes.length; i++) {
        char c = bytes.at[i], quoted[4];
        bool is_plain =
            (c > ' ' && c < 127 && c != '=') || ((c == ' ' || c == '\t') && !ends_line(bytes, i));
        size_t length = is_plain ? 1 : 3;

        if (slice_starts_with(slice_from(bytes, i), SLICE("\r\n"))) {
            text_add(out, "\r\n", 2);
            in_line = 0;
            i++;
            continue;
        }
        if (in_line + length >= LINE_MAX_SIGNS) {
            text_add(out, "=\r\n", 3);
            in_line = 0;
        }
        if (is_plain) {
            text_add_char(out, c);
        } else {
            static const char digits[] = "0123456789ABCDEF";

            quoted[0] = '=';
            quoted[1] = digits[(unsigned char)c >> 4];
            quoted[2] = digits[(unsigned char)c & 15];
            text_add(out, quoted, 3);
        }
        in_line += length;
    }
    if (in_line > 0)
        text_add(out, "\r\n", 2);
}

/* Each word stands on its own, so a sign is never cut (RFC 2047 5). */
void
encoded_word_write(struct text *out, struct slice charset, struct slice text)
{
    enum { WORD_BYTES_MAX = 36 }; /* of UTF-8: in any charset the word stays below 75 signs */
    bool is_first = true;

    while (text.length > 0) {
        struct text word = {0};
        size_t length = 0;

        while (length < text.length) {
            size_t sign = utf8_sign_length(slice_from(text, length));

            sign = sign > 0 ? sign : 1;
            if (length + sign > WORD_BYTES_MAX && length > 0)
                break;
            length += sign;
        }
        charset_write(&word, charset, (struct slice){text.at, length});
        text_printf(out, "%s=?%.*s?B?", is_first ? "" : "\r\n ", SLICE_ARGS(charset));
        add_base64(out, text_slice(&word), SIZE_MAX);
        text_add_string(out, "?=");
        text_release(&word);
        text = slice_from(text, length);
        is_first = false;
    }
}
