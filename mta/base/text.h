/* text.h - pieces of text (slices) and text that grows.
 *
 * A slice points into somebody else's bytes: it owns nothing, need not end in NUL and may hold any
 * byte. Letters are ASCII: no locale is ever asked. */
#ifndef MTALAB_TEXT_H
#define MTALAB_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/check.h"

struct slice {
    const char *at;
    size_t length;
};

#define SLICE(literal) ((struct slice){"" literal, sizeof(literal) - 1})
#define SLICE_ARGS(s)  (int)(s).length, (s).at /* for "%.*s" */

static inline struct slice
slice_of(const char *text)
{
    return (struct slice){text, strlen(text)};
}

static inline bool
slice_equals(struct slice a, struct slice b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.at, b.at, a.length) == 0);
}

static inline bool
slice_starts_with(struct slice s, struct slice prefix)
{
    return s.length >= prefix.length && slice_equals((struct slice){s.at, prefix.length}, prefix);
}

/* s[start..], start <= length */
static inline struct slice
slice_from(struct slice s, size_t start)
{
    assert(start <= s.length);
    return (struct slice){start > 0 ? s.at + start : s.at, s.length - start};
}

bool bytes_equal_nocase(const char *a, const char *b, size_t length);

static inline bool
slice_equals_nocase(struct slice a, struct slice b)
{
    return a.length == b.length && bytes_equal_nocase(a.at, b.at, a.length);
}

static inline bool
slice_starts_with_nocase(struct slice s, struct slice prefix)
{
    return s.length >= prefix.length && bytes_equal_nocase(s.at, prefix.at, prefix.length);
}

int slice_compare(struct slice a, struct slice b); /* bytewise, shorter first */
bool slice_ends_with_nocase(struct slice s, struct slice suffix);
bool slice_contains_nocase(struct slice s, struct slice part);

static inline bool
char_is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Without spaces, tabs, CR and LF at both ends. */
static inline struct slice
slice_trim(struct slice s)
{
    while (s.length > 0 && char_is_blank(s.at[0]))
        s = slice_from(s, 1);
    while (s.length > 0 && char_is_blank(s.at[s.length - 1]))
        s.length--;
    return s;
}

/* Cuts at the first `separator`: *head gets what stands before it and *rest what stands after it.
 * Without one, *head is all of s, *rest is empty and the answer is false. */
bool slice_cut(struct slice s, char separator, struct slice *head, struct slice *rest);

/* Decimal digits only, the whole slice, no sign; false on anything else and on overflow. */
bool slice_to_u64(struct slice s, uint64_t *value);

/* The first byte from `start` on that is a CR, an LF, a NUL or another sign below CR; s.length: none.
 * What ends a line, and what must not stand in one, is found in one go. */
size_t slice_find_low(struct slice s, size_t start);

/* `*` any run, `?` one byte, whole match. Time is at most |pattern| x |s|. */
bool slice_glob(struct slice pattern, struct slice s);
bool slice_glob_nocase(struct slice pattern, struct slice s);
/* Any of the patterns, which are between commas; space around them is passed over. None: no. */
bool slice_glob_any_nocase(struct slice patterns, struct slice s);

/* 64 bits of hash: the same for the same bytes in every process and on every little-endian machine.
 * Not for secrets. */
uint64_t slice_hash(struct slice s, uint64_t seed);

static inline char
char_lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

static inline bool
char_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool
char_is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Number of edits (insert, delete, replace, swap of neighbours) from a to b, for "did you mean". */
size_t text_distance(struct slice a, struct slice b);

/* A text that grows. A zeroed struct is valid and empty; text_release() empties and frees it. The
 * bytes are always followed by a NUL that does not count (unless nothing was ever added: then
 * text_string() still answers ""). */
struct text {
    char *bytes;
    size_t length;
    size_t capacity;
};

void text_release(struct text *text);
void text_make_room(struct text *text, size_t length); /* for so many more bytes and the NUL */

/* Commands and content are put together from many small pieces: what fits is added in place. */
static inline void
text_add(struct text *text, const char *bytes, size_t length)
{
    if (length >= text->capacity - text->length)
        text_make_room(text, length);
    if (length > 0)
        memcpy(text->bytes + text->length, bytes, length);
    text->length += length;
    text->bytes[text->length] = '\0';
}

static inline void
text_add_slice(struct text *text, struct slice s)
{
    text_add(text, s.at, s.length);
}

static inline void
text_add_string(struct text *text, const char *string)
{
    text_add(text, string, strlen(string));
}

static inline void
text_add_char(struct text *text, char c)
{
    text_add(text, &c, 1);
}

/* Keeps the memory. */
static inline void
text_clear(struct text *text)
{
    text->length = 0;
    if (text->bytes != NULL)
        text->bytes[0] = '\0';
}

void text_add_u64(struct text *text, uint64_t value);
void text_add_repeated(struct text *text, char c, size_t times);
void text_printf(struct text *text, const char *format, ...) PRINTF_LIKE(2, 3);
void text_vprintf(struct text *text, const char *format, va_list args) PRINTF_LIKE(2, 0);
const char *text_string(const struct text *text);

static inline struct slice
text_slice(const struct text *text)
{
    return (struct slice){text->bytes, text->length};
}

#endif
