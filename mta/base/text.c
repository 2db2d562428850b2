/* text.c - pieces of text (slices) and text that grows. */
#include "base/text.h"

#include "base/mem.h"

#include <stdio.h>
#ifdef __SSE2__
#include <immintrin.h>
#endif

bool
bytes_equal_nocase(const char *a, const char *b, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (a[i] != b[i] && char_lower(a[i]) != char_lower(b[i]))
            return false;
    return true;
}

int
slice_compare(struct slice a, struct slice b)
{
    size_t common = a.length < b.length ? a.length : b.length;
    int order = common > 0 ? memcmp(a.at, b.at, common) : 0;

    if (order != 0)
        return order;
    return a.length < b.length ? -1 : a.length > b.length;
}

bool
slice_ends_with_nocase(struct slice s, struct slice suffix)
{
    return s.length >= suffix.length &&
        slice_equals_nocase(slice_from(s, s.length - suffix.length), suffix);
}

bool
slice_contains_nocase(struct slice s, struct slice part)
{
    for (; part.length <= s.length; s = slice_from(s, 1)) {
        if (slice_starts_with_nocase(s, part))
            return true;
        if (s.length == 0)
            return false;
    }
    return false;
}

bool
slice_cut(struct slice s, char separator, struct slice *head, struct slice *rest)
{
    const char *found = s.length > 0 ? memchr(s.at, separator, s.length) : NULL;

    if (found == NULL) {
        *head = s;
        *rest = (struct slice){s.length > 0 ? s.at + s.length : s.at, 0};
        return false;
    }
    *head = (struct slice){s.at, (size_t)(found - s.at)};
    *rest = slice_from(s, head->length + 1);
    return true;
}

bool
slice_to_u64(struct slice s, uint64_t *value)
{
    uint64_t sum = 0;

    if (s.length == 0)
        return false;
    for (size_t i = 0; i < s.length; i++) {
        unsigned digit;

        if (!char_is_digit(s.at[i]))
            return false;
        digit = (unsigned)(s.at[i] - '0');
        if (sum > (UINT64_MAX - digit) / 10)
            return false;
        sum = sum * 10 + digit;
    }
    *value = sum;
    return true;
}

size_t
slice_find_low(struct slice s, size_t start)
{
    size_t i = start;

#ifdef __SSE2__
    for (; i + 16 <= s.length; i += 16) {
        __m128i block = _mm_loadu_si128((const void *)(s.at + i));
        __m128i is_low = _mm_cmpeq_epi8(_mm_min_epu8(block, _mm_set1_epi8('\r')), block);
        unsigned low = (unsigned)_mm_movemask_epi8(is_low);

        if (low != 0)
            return i + (size_t)__builtin_ctz(low);
    }
#endif
    while (i < s.length && (uint8_t)s.at[i] > '\r')
        i++;
    return i;
}

/* Greedy with one point to come back to: the last `*` seen. Earlier ones need no second try. */
static bool
glob(struct slice pattern, struct slice s, bool is_case_ignored)
{
    size_t p = 0, i = 0, star_p = SIZE_MAX, star_i = 0;

    while (i < s.length) {
        char want = p < pattern.length ? pattern.at[p] : '\0';
        bool is_same = p < pattern.length &&
            (want == '?' || want == s.at[i] ||
                (is_case_ignored && char_lower(want) == char_lower(s.at[i])));

        if (p < pattern.length && want == '*') {
            star_p = p++;
            star_i = i;
        } else if (is_same) {
            p++;
            i++;
        } else if (star_p != SIZE_MAX) {
            p = star_p + 1;
            i = ++star_i;
        } else {
            return false;
        }
    }
    while (p < pattern.length && pattern.at[p] == '*')
        p++;
    return p == pattern.length;
}

bool
slice_glob(struct slice pattern, struct slice s)
{
    return glob(pattern, s, false);
}

bool
slice_glob_nocase(struct slice pattern, struct slice s)
{
    return glob(pattern, s, true);
}

bool
slice_glob_any_nocase(struct slice patterns, struct slice s)
{
    struct slice pattern;
    bool has_more = patterns.length > 0;

    while (has_more) {
        has_more = slice_cut(patterns, ',', &pattern, &patterns);
        if (slice_glob_nocase(slice_trim(pattern), s))
            return true;
    }
    return false;
}

static uint64_t
mix(uint64_t a, uint64_t b)
{
    uint64_t x = (a ^ b) * UINT64_C(0x9e3779b97f4a7c15);

    x ^= x >> 32;
    x *= UINT64_C(0xd6e8feb86659fd93);
    return x ^ x >> 32;
}

/* The last `count` bytes, less than eight, as the low bytes of a word. */
static uint64_t
last_word(struct slice s, size_t count)
{
    uint64_t word = 0;

    if (s.length >= sizeof word) {
        memcpy(&word, s.at + s.length - sizeof word, sizeof word);
        return word >> (8 * (sizeof word - count));
    }
    for (size_t i = s.length; i > s.length - count; i--)
        word = word << 8 | (uint8_t)s.at[i - 1];
    return word;
}

uint64_t
slice_hash(struct slice s, uint64_t seed)
{
    uint64_t hash = mix(seed, s.length + UINT64_C(0x2545f4914f6cdd1d));
    size_t i = 0;

    for (; i + 8 <= s.length; i += 8) {
        uint64_t word;

        memcpy(&word, s.at + i, 8);
        hash = mix(hash, word);
    }
    if (i < s.length)
        hash = mix(hash, last_word(s, s.length - i));
    return hash;
}

size_t
text_distance(struct slice a, struct slice b)
{
    enum { LONGEST = 64 };
    size_t rows[3][LONGEST + 1];
    size_t *before = rows[0], *above = rows[1], *row = rows[2];

    if (a.length > LONGEST || b.length > LONGEST)
        return SIZE_MAX;
    for (size_t j = 0; j <= b.length; j++)
        above[j] = j;
    for (size_t i = 1; i <= a.length; i++) {
        size_t *spare = before;

        row[0] = i;
        for (size_t j = 1; j <= b.length; j++) {
            size_t best = above[j - 1] + (a.at[i - 1] != b.at[j - 1]);

            if (above[j] + 1 < best)
                best = above[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            if (i > 1 && j > 1 && a.at[i - 1] == b.at[j - 2] && a.at[i - 2] == b.at[j - 1] &&
                before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            row[j] = best;
        }
        before = above;
        above = row;
        row = spare;
    }
    return above[b.length];
}

void
text_release(struct text *text)
{
    mem_free(text->bytes);
    *text = (struct text){0};
}

void
text_make_room(struct text *text, size_t length)
{
    assert(length < SIZE_MAX - text->length - 1);
    text->bytes = mem_grow(text->bytes, &text->capacity, text->length + length + 1, 1);
}

void
text_add_u64(struct text *text, uint64_t value)
{
    char digits[20];
    size_t start = sizeof digits;

    do {
        digits[--start] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    text_add(text, digits + start, sizeof digits - start);
}

void
text_add_repeated(struct text *text, char c, size_t times)
{
    text_make_room(text, times);
    memset(text->bytes + text->length, c, times);
    text->length += times;
    text->bytes[text->length] = '\0';
}

void
text_vprintf(struct text *text, const char *format, va_list args)
{
    va_list again;
    int needed;

    va_copy(again, args);
    needed = vsnprintf(NULL, 0, format, again);
    va_end(again);
    assert(needed >= 0);
    text_make_room(text, (size_t)needed);
    vsnprintf(text->bytes + text->length, (size_t)needed + 1, format, args);
    text->length += (size_t)needed;
}

void
text_printf(struct text *text, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    text_vprintf(text, format, args);
    va_end(args);
}

const char *
text_string(const struct text *text)
{
    return text->bytes != NULL ? text->bytes : "";
}
