/* reply_letter.c - signs of Latin, Cyrillic, Greek and Asian scripts, one at a time. */
#include "mta/reply_letter.h"

#include <string.h>

static bool
is_ascii_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || char_is_digit(c);
}

/* U+00C0 to U+017F without their accents; '.' is no letter. */
static const char latin[] = "aaaaaaaceeeeiiiidnooooo.ouuuuypsaaaaaaaceeeeiiiidnooooo.ouuuuypy"
                            "aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiiiiijjkkklllllll"
                            "lllnnnnnnnnnoooooooorrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs";
static_assert(sizeof latin - 1 == 0x180 - 0xc0, "a letter for each");

/* Cyrillic and Greek capitals stand 32 or 80 before their small letters. */
static uint32_t
small_of(uint32_t sign)
{
    if ((sign >= 0x410 && sign <= 0x42f) || (sign >= 0x391 && sign <= 0x3a9))
        return sign + 32;
    return sign >= 0x400 && sign <= 0x40f ? sign + 80 : sign;
}

static bool
is_continued(struct slice text, size_t length)
{
    for (size_t i = 1; i < length; i++)
        if (i >= text.length || ((unsigned char)text.at[i] & 0xc0) != 0x80)
            return false;
    return true;
}

/* Two bytes of UTF-8, or what one byte of ISO 8859-1 would be. */
static void
read_short_sign(struct letter *letter, uint32_t sign, size_t taken)
{
    letter->taken = taken;
    if (sign >= 0xc0 && sign < 0x180) {
        letter->kind = latin[sign - 0xc0] == '.' ? NO_LETTER : LETTER;
        letter->bytes[0] = latin[sign - 0xc0];
        letter->length = 1;
    } else if (sign >= 0x180) {
        sign = small_of(sign);
        letter->kind = LETTER;
        letter->bytes[0] = (char)(0xc0 | sign >> 6);
        letter->bytes[1] = (char)(0x80 | (sign & 0x3f));
        letter->length = 2;
    }
}

/* Of three bytes of UTF-8: U+2000 to U+303F and from U+F000 on are punctuation and odd forms, and what
 * lies between is Chinese, Japanese and Korean. */
static enum letter_kind
kind_of_long_sign(struct slice text)
{
    unsigned char first = (unsigned char)text.at[0], second = (unsigned char)text.at[1];

    if (first == 0xe2 || (first == 0xe3 && second == 0x80) || first == 0xef)
        return NO_LETTER;
    return first >= 0xe3 && first <= 0xed ? WHOLE_WORD : LETTER;
}

/* Bytes that are no UTF-8 are taken for ISO 8859-1; punctuation above ASCII is no letter. */
struct letter
letter_read(struct slice text)
{
    struct letter letter = {.kind = NO_LETTER, .taken = 1};
    unsigned char c = (unsigned char)text.at[0];

    if (c < 0x80) {
        letter.kind = is_ascii_letter(text.at[0]) ? LETTER : NO_LETTER;
        letter.bytes[0] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
        letter.length = 1;
    } else if (c >= 0xc2 && c < 0xe0 && is_continued(text, 2)) {
        read_short_sign(&letter, (uint32_t)(c & 0x1f) << 6 | ((unsigned char)text.at[1] & 0x3f), 2);
    } else if (c >= 0xe0 && c < 0xf0 && is_continued(text, 3)) {
        letter.kind = kind_of_long_sign(text);
        letter.length = letter.taken = 3;
        memcpy(letter.bytes, text.at, 3);
    } else {
        read_short_sign(&letter, c, 1);
    }
    return letter;
}
