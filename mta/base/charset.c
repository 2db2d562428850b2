/* charset.c - UTF-8 in, another charset out. */
#include "base/charset.h"

#include <errno.h>
#include <iconv.h>

static const struct charset {
    const char *name, *iconv_name; /* NULL: done here */
} charsets[] = {
    {"us-ascii",     NULL         },
    {"utf-8",        NULL         },
    {"utf-16",       "UTF-16BE"   },
    {"iso-8859-1",   "ISO-8859-1" },
    {"iso-8859-2",   "ISO-8859-2" },
    {"iso-8859-15",  "ISO-8859-15"},
    {"windows-1251", "CP1251"     },
    {"windows-1252", "CP1252"     },
    {"koi8-r",       "KOI8-R"     },
    {"iso-2022-jp",  "ISO-2022-JP"},
    {"shift_jis",    "SHIFT_JIS"  },
    {"euc-jp",       "EUC-JP"     },
    {"gb2312",       "GB2312"     },
    {"big5",         "BIG5"       },
};

static const struct charset *
find(struct slice name)
{
    for (size_t i = 0; i < COUNT_OF(charsets); i++)
        if (slice_equals_nocase(name, slice_of(charsets[i].name)))
            return &charsets[i];
    return NULL;
}

bool
charset_is_known(struct slice charset)
{
    return find(charset) != NULL;
}

size_t
utf8_sign_length(struct slice s)
{
    static const struct {
        unsigned char first_min, first_max, second_min, second_max;
        size_t length;
    } rows[] = {
        {0x00, 0x7F, 0x00, 0x00, 1},
        {0xC2, 0xDF, 0x80, 0xBF, 2},
        {0xE0, 0xE0, 0xA0, 0xBF, 3},
        {0xE1, 0xEC, 0x80, 0xBF, 3},
        {0xED, 0xED, 0x80, 0x9F, 3}, /* no surrogates */
        {0xEE, 0xEF, 0x80, 0xBF, 3},
        {0xF0, 0xF0, 0x90, 0xBF, 4},
        {0xF1, 0xF3, 0x80, 0xBF, 4},
        {0xF4, 0xF4, 0x80, 0x8F, 4},
    };
    const unsigned char *at = (const unsigned char *)s.at;

    for (size_t i = 0; i < COUNT_OF(rows) && s.length > 0; i++) {
        size_t length = rows[i].length;

        if (at[0] < rows[i].first_min || at[0] > rows[i].first_max)
            continue;
        if (length > s.length ||
            (length > 1 && (at[1] < rows[i].second_min || at[1] > rows[i].second_max)))
            return 0;
        for (size_t j = 2; j < length; j++)
            if ((at[j] & 0xC0) != 0x80)
                return 0;
        return length;
    }
    return 0;
}

/* The signs that pass, '?' for the others. */
static bool
keep_valid(struct text *out, struct slice utf8, size_t length_max)
{
    bool is_whole = true;

    while (utf8.length > 0) {
        size_t length = utf8_sign_length(utf8);
        bool is_good = length > 0 && length <= length_max;

        if (is_good)
            text_add(out, utf8.at, length);
        else
            text_add_char(out, '?');
        is_whole &= is_good;
        utf8 = slice_from(utf8, length > 0 ? length : 1);
    }
    return is_whole;
}

/* Appends what iconv makes of `in`; NULL brings the charset back to its initial state. False: it
 * stopped at something that it cannot write. */
static bool
convert(struct text *out, iconv_t door, char **in, size_t *left)
{
    char piece[512];

    for (;;) {
        char *end = piece;
        size_t room = sizeof piece, count = iconv(door, in, left, &end, &room);

        text_add(out, piece, (size_t)(end - piece));
        if (count != (size_t)-1)
            return true;
        if (errno != E2BIG)
            return false;
    }
}

static bool
write_by_iconv(struct text *out, iconv_t door, struct slice utf8)
{
    struct text valid = {0};
    bool is_whole = keep_valid(&valid, utf8, 4);
    char *at = valid.bytes;
    size_t left = valid.length;

    while (left > 0 && !convert(out, door, &at, &left)) {
        size_t length = utf8_sign_length((struct slice){at, left});
        char mark[] = "?", *mark_at = mark;
        size_t mark_left = 1;

        convert(out, door, &mark_at, &mark_left);
        is_whole = false;
        at += length;
        left -= length;
    }
    convert(out, door, NULL, NULL);
    text_release(&valid);
    return is_whole;
}

bool
charset_write(struct text *out, struct slice charset, struct slice utf8)
{
    const struct charset *to = find(charset);
    bool is_whole;
    iconv_t door;

    assert(to != NULL);
    if (to->iconv_name == NULL)
        return keep_valid(out, utf8, to == &charsets[0] ? 1 : 4);
    door = iconv_open(to->iconv_name, "UTF-8");
    if (door == (iconv_t)-1)
        return keep_valid(out, utf8, 1);
    if (slice_equals(slice_of(to->name), SLICE("utf-16")))
        text_add(out, "\xFE\xFF", 2); /* RFC 2781 3.2: few believe it without */
    is_whole = write_by_iconv(out, door, utf8);
    iconv_close(door);
    return is_whole;
}
