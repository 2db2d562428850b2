/* inmail_mask.c - takes the words out of addresses and of the ends of links. */
#include "mta/inmail_mask.h"

static bool
is_word_char(char c)
{
    return char_is_letter(c) || char_is_digit(c) || (unsigned char)c >= 0x80 || c == '-' ||
        c == '_' || c == '.' || c == '+' || c == '=' || c == '%' || c == '/';
}

static void
cover(char *c)
{
    if (char_is_letter(*c) || (unsigned char)*c >= 0x80)
        *c = 'x';
}

/* Both sides of an '@' that joins two words. */
static void
mask_address(char *bytes, size_t length, size_t sign)
{
    for (size_t i = sign; i > 0 && is_word_char(bytes[i - 1]); i--)
        cover(&bytes[i - 1]);
    for (size_t i = sign + 1; i < length && is_word_char(bytes[i]); i++)
        cover(&bytes[i]);
}

/* From the '#' to the end of the link that it stands in. */
static size_t
mask_fragment(char *bytes, size_t length, size_t at)
{
    bool is_fragment = false;

    for (; at < length && !char_is_blank(bytes[at]) && bytes[at] != '>'; at++) {
        is_fragment |= bytes[at] == '#';
        if (is_fragment)
            cover(&bytes[at]);
    }
    return at;
}

void
inmail_mask(struct slice said, struct text *out)
{
    text_clear(out);
    text_add_slice(out, said);
    for (size_t i = 0; i < out->length; i++) {
        if (out->bytes[i] == '@')
            mask_address(out->bytes, out->length, i);
        else if (out->bytes[i] == ':' && i + 2 < out->length && out->bytes[i + 1] == '/' &&
            out->bytes[i + 2] == '/')
            i = mask_fragment(out->bytes, out->length, i) - 1;
    }
}
