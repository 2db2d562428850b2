/* message.c - the content of a message on the wire.
 *
 * Every message passes here several times, and most of its bytes need nothing done: what stands
 * between two places of interest is found by memchr() or many bytes at a time, and copied in one
 * run. */
#include "smtp/message.h"

#ifdef __SSE2__
#include <immintrin.h>
#endif

enum scanner_state {
    AT_LINE_START, /* of a zeroed scanner */
    WITHIN_LINE,
    AFTER_CR,
};

/* Writes out bytes[*run..end) and moves the start of the next run to `next`. */
static void
flush(struct text *out, struct slice bytes, size_t *run, size_t end, size_t next)
{
    text_add(out, bytes.at + *run, end - *run);
    *run = next;
}

static size_t
find(struct slice bytes, size_t start, char byte)
{
    const char *found =
        start < bytes.length ? memchr(bytes.at + start, byte, bytes.length - start) : NULL;

    return found != NULL ? (size_t)(found - bytes.at) : bytes.length;
}

/* Lines that are fine as they are become one run. The next CR and the next LF are remembered, so
 * that content without any CR is not searched for one again at each line. */
void
dot_stuff(struct text *out, struct slice content)
{
    size_t run = 0, line = 0;
    size_t cr = find(content, 0, '\r'), lf = find(content, 0, '\n');

    while (line < content.length) {
        size_t end = cr < lf ? cr : lf;
        bool is_crlf = lf < content.length && lf == cr + 1;

        if (content.at[line] == '.') {
            flush(out, content, &run, line, line);
            text_add_char(out, '.');
        }
        line = is_crlf ? end + 2 : end + 1;
        if (!is_crlf) {
            flush(out, content, &run, end, line);
            text_add(out, "\r\n", 2);
        }
        if (cr < line)
            cr = find(content, line, '\r');
        if (lf < line)
            lf = find(content, line, '\n');
    }
    if (run < content.length)
        flush(out, content, &run, content.length, content.length);
}

void
dot_unstuff(struct text *out, struct slice wire)
{
    size_t run = 0, dot = 0;

    while (dot < wire.length) {
        if (wire.at[dot] == '.' && (dot == 0 || (dot >= 2 && wire.at[dot - 2] == '\r')))
            flush(out, wire, &run, dot, dot + 1);
        dot = find(wire, dot, '\n') + 1;
    }
    if (run < wire.length)
        flush(out, wire, &run, wire.length, wire.length);
}

static void
note_bare_sign(struct dot_scanner *scanner)
{
    scanner->has_bare_line_end = true;
    scanner->state = WITHIN_LINE;
}

enum dot { DOT_UNDECIDED, DOT_STUFFED, DOT_FINAL };

static enum dot
judge_dot(struct slice rest)
{
    if (rest.length == 1 || (rest.length == 2 && rest.at[1] == '\r'))
        return DOT_UNDECIDED;
    return rest.at[1] == '\r' && rest.at[2] == '\n' ? DOT_FINAL : DOT_STUFFED;
}

/* The next CR, LF or NUL; and on the way there: was there a byte above 127? */
static size_t
find_low_sign(struct dot_scanner *scanner, struct slice bytes, size_t i)
{
    size_t found = slice_find_low(bytes, i);

    for (; i < found && !scanner->has_8bit; i++)
        scanner->has_8bit = ((uint8_t)bytes.at[i] & 0x80) != 0;
    return found;
}

/* From within a line to behind its end, or to the end of what is there. */
static size_t
scan_line(struct dot_scanner *scanner, struct slice bytes, size_t i)
{
    scanner->state = WITHIN_LINE;
    while ((i = find_low_sign(scanner, bytes, i)) < bytes.length) {
        char sign = bytes.at[i++];

        scanner->has_nul |= sign == '\0';
        if (sign != '\r' && sign != '\n')
            continue;
        if (sign == '\r' && i == bytes.length) {
            scanner->state = AFTER_CR;
            return i;
        }
        if (sign == '\r' && bytes.at[i] == '\n') {
            scanner->state = AT_LINE_START;
            return i + 1;
        }
        note_bare_sign(scanner);
    }
    return bytes.length;
}

enum { PLAIN_BYTES = 64 };

#ifdef __SSE2__
/* Not zero where a byte wants a closer look: a NUL, an LF without a CR before it, a CR without an LF
 * behind it, a dot at the start of a line. A CR at the very end is judged with the next block. */
static __m128i
find_special(const char *at)
{
    const __m128i cr = _mm_set1_epi8('\r'), lf = _mm_set1_epi8('\n');
    __m128i block = _mm_loadu_si128((const void *)at);
    __m128i before = _mm_loadu_si128((const void *)(at - 1));
    __m128i lone = _mm_xor_si128(_mm_cmpeq_epi8(block, lf), _mm_cmpeq_epi8(before, cr));
    __m128i dot =
        _mm_and_si128(_mm_cmpeq_epi8(block, _mm_set1_epi8('.')), _mm_cmpeq_epi8(before, lf));

    return _mm_or_si128(_mm_or_si128(lone, dot), _mm_cmpeq_epi8(block, _mm_setzero_si128()));
}

static bool
is_plain(const char *at, bool *has_8bit)
{
    __m128i special = find_special(at), bytes = _mm_loadu_si128((const void *)at);

    for (size_t i = 16; i < PLAIN_BYTES; i += 16) {
        special = _mm_or_si128(special, find_special(at + i));
        bytes = _mm_or_si128(bytes, _mm_loadu_si128((const void *)(at + i)));
    }
    if (_mm_movemask_epi8(special) != 0)
        return false;
    *has_8bit |= _mm_movemask_epi8(bytes) != 0;
    return true;
}
#else
static bool
is_plain(const char *at, bool *has_8bit)
{
    return false;
}
#endif

/* Over whole blocks of plain lines, without a branch that depends on where lines end. The byte before
 * is looked at too, so not at the very front. */
static size_t
skip_plain_blocks(struct dot_scanner *scanner, struct slice bytes, size_t i)
{
    size_t start = i;

    while (i > 0 && bytes.length - i >= PLAIN_BYTES && is_plain(bytes.at + i, &scanner->has_8bit))
        i += PLAIN_BYTES;
    if (i > start) {
        char last = bytes.at[i - 1];

        scanner->state = last == '\r' ? AFTER_CR : last == '\n' ? AT_LINE_START : WITHIN_LINE;
    }
    return i;
}

/* The byte behind a CR says whether that was the end of the line. */
static size_t
take_after_cr(struct dot_scanner *scanner, struct slice bytes, size_t i)
{
    if (bytes.at[i] == '\n') {
        scanner->state = AT_LINE_START;
        return i + 1;
    }
    note_bare_sign(scanner);
    return i;
}

size_t
dot_scan(struct dot_scanner *scanner, struct slice bytes, bool *is_over, size_t *after)
{
    size_t i = 0;

    *is_over = false;
    while (i < bytes.length) {
        if (scanner->state == AFTER_CR) {
            i = take_after_cr(scanner, bytes, i);
            continue;
        }
        i = skip_plain_blocks(scanner, bytes, i);
        if (i == bytes.length || scanner->state == AFTER_CR)
            continue;
        if (scanner->state == AT_LINE_START && bytes.at[i] == '.') {
            enum dot dot = judge_dot(slice_from(bytes, i));

            if (dot != DOT_STUFFED) {
                *is_over = dot == DOT_FINAL;
                *after = *is_over ? i + 3 : i;
                return i;
            }
            i++;
        }
        i = scan_line(scanner, bytes, i);
    }
    *after = i;
    return i;
}

/* A line of the header without its end, which may be CRLF or LF; *next is where the next begins. */
static struct slice
line_at(struct slice content, size_t start, size_t *next)
{
    size_t end = find(content, start, '\n');

    *next = end < content.length ? end + 1 : end;
    if (end < content.length && end > start && content.at[end - 1] == '\r')
        end--;
    return (struct slice){content.at + start, end - start};
}

static bool
is_fold(struct slice content, size_t start)
{
    return start < content.length && (content.at[start] == ' ' || content.at[start] == '\t');
}

/* RFC 5322 4.5.8 lets old mail have blanks before the colon. */
static bool
is_field(struct slice line, struct slice name)
{
    struct slice rest;

    if (line.length <= name.length || !slice_starts_with_nocase(line, name))
        return false;
    rest = slice_trim(slice_from(line, name.length));
    return rest.length > 0 && rest.at[0] == ':';
}

bool
header_find(struct slice content, struct slice name, struct slice *value)
{
    size_t start = 0, next;

    while (start < content.length) {
        struct slice line = line_at(content, start, &next), head;

        if (line.length == 0)
            return false;
        if (is_field(line, name)) {
            while (is_fold(content, next))
                line_at(content, next, &next);
            slice_cut((struct slice){line.at, next - start}, ':', &head, value);
            *value = slice_trim(*value);
            return true;
        }
        start = next;
    }
    return false;
}

/* Unfolding takes away a line end that is followed by a blank, and leaves the blank. */
void
header_unfold(struct text *out, struct slice value)
{
    size_t start = 0, next;

    while (start < value.length) {
        struct slice line = line_at(value, start, &next);

        if (!is_fold(value, next))
            line.length = next - start;
        text_add_slice(out, line);
        start = next;
    }
}

size_t
header_length(struct slice content)
{
    size_t start = 0, next;

    while (start < content.length) {
        if (line_at(content, start, &next).length == 0)
            return next;
        start = next;
    }
    return content.length;
}
