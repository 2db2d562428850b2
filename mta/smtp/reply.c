/* reply.c - what a server says, read from the wire and written to it.
 *
 * Most replies are one line, and one line is never copied: its text stays where it came from. */
#include "smtp/reply.h"

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static struct slice
skip_blanks(struct slice text)
{
    while (text.length > 0 && is_blank(text.at[0]))
        text = slice_from(text, 1);
    return text;
}

/* Three digits that are not followed by a fourth. */
static bool
read_code(struct slice line, uint16_t *code)
{
    if (line.length < 3 || !char_is_digit(line.at[0]) || !char_is_digit(line.at[1]) ||
        !char_is_digit(line.at[2]) || (line.length > 3 && char_is_digit(line.at[3])))
        return false;
    *code = (uint16_t)((line.at[0] - '0') * 100 + (line.at[1] - '0') * 10 + (line.at[2] - '0'));
    return *code >= 200 && *code <= 599;
}

/* One to three digits without a leading zero (RFC 3463 2). */
static bool
take_number(struct slice *text, uint16_t *number)
{
    size_t length = 0;
    unsigned sum = 0;

    while (length < text->length && length < 4 && char_is_digit(text->at[length]))
        sum = sum * 10 + (unsigned)(text->at[length++] - '0');
    if (length == 0 || length > 3 || (length > 1 && text->at[0] == '0'))
        return false;
    *number = (uint16_t)sum;
    *text = slice_from(*text, length);
    return true;
}

static bool
take_dot(struct slice *text)
{
    if (text->length == 0 || text->at[0] != '.')
        return false;
    *text = slice_from(*text, 1);
    return true;
}

/* Most codes have one digit in each place: "2.1.5". */
static bool
take_short_code(struct slice *text, struct enhanced_code *code)
{
    const char *at = text->at;

    if (text->length < 6 || at[1] != '.' || at[3] != '.' || at[5] != ' ' || !char_is_digit(at[2]) ||
        !char_is_digit(at[4]))
        return false;
    *code = (struct enhanced_code){.class = (uint8_t)(at[0] - '0'),
        .subject = (uint16_t)(at[2] - '0'),
        .detail = (uint16_t)(at[4] - '0')};
    *text = slice_from(*text, 5);
    return true;
}

static bool
take_code(struct slice *text, struct enhanced_code *code)
{
    uint16_t class;

    if (!take_number(text, &class) || class > 5)
        return false;
    code->class = (uint8_t) class;
    return take_dot(text) && take_number(text, &code->subject) && take_dot(text) &&
        take_number(text, &code->detail);
}

/* Some servers write "5.7.1: no" and "5.7.1, no", so a code also ends before such a sign. */
bool
enhanced_parse(struct slice text, struct enhanced_code *code, struct slice *rest)
{
    struct enhanced_code read;

    if (text.length == 0 || (text.at[0] != '2' && text.at[0] != '4' && text.at[0] != '5'))
        return false;
    if (!take_short_code(&text, &read) && !take_code(&text, &read))
        return false;
    if (text.length > 0 && !is_blank(text.at[0]) && memchr(":;,", text.at[0], 3) == NULL)
        return false;
    if (text.length > 0 && is_blank(text.at[0]))
        text = slice_from(text, 1);
    *code = read;
    *rest = text;
    return true;
}

static size_t
put_number(char *at, unsigned number)
{
    size_t length = number >= 100 ? 3 : number >= 10 ? 2 : 1;

    assert(number <= 999);
    for (size_t i = length; i > 0; i--) {
        at[i - 1] = (char)('0' + number % 10);
        number /= 10;
    }
    return length;
}

enum { ENHANCED_LENGTH_MAX = 9 }; /* "5.999.999" */

static size_t
put_enhanced(char *at, struct enhanced_code code)
{
    size_t length = 0;

    if (code.class == 0)
        return 0;
    length += put_number(at, code.class);
    at[length++] = '.';
    length += put_number(at + length, code.subject);
    at[length++] = '.';
    return length + put_number(at + length, code.detail);
}

void
enhanced_format(struct text *out, struct enhanced_code code)
{
    char written[ENHANCED_LENGTH_MAX];

    text_add(out, written, put_enhanced(written, code));
}

/* What stands behind the code and its separator, without what nobody can see at the end. */
static struct slice
text_of_line(struct slice line)
{
    struct slice text = slice_from(line, 3);

    if (text.length > 0 && (text.at[0] == '-' || is_blank(text.at[0])))
        text = slice_from(text, 1);
    while (
        text.length > 0 && (is_blank(text.at[text.length - 1]) || text.at[text.length - 1] == '\r'))
        text.length--;
    return text;
}

static bool
enhanced_equals(struct enhanced_code a, struct enhanced_code b)
{
    return a.class == b.class && a.subject == b.subject && a.detail == b.detail;
}

/* The first enhanced code is the reply's. The lines that follow repeat it (RFC 2034 4); one that
 * differs stays in the text, so that nothing the server said is lost. */
static struct slice
take_enhanced(struct slice text, struct smtp_reply *reply)
{
    struct enhanced_code code;
    struct slice rest;

    if (!enhanced_parse(text, &code, &rest))
        return text;
    if (reply->enhanced.class != 0 && !enhanced_equals(code, reply->enhanced))
        return text;
    reply->enhanced = code;
    return rest;
}

static void
keep_line(struct text *scratch, struct slice text, bool is_first)
{
    size_t room;

    if (!is_first && scratch->length < REPLY_TEXT_MAX)
        text_add_char(scratch, '\n');
    room = REPLY_TEXT_MAX - scratch->length;
    if (text.length > room)
        text.length = room;
    text_add_slice(scratch, text);
}

/* A line ends in LF, whatever stands before: this side only reads answers, so that a server without
 * its CRs can do no harm. */
static enum reply_status
take_line(struct slice bytes, struct slice *line, size_t *used)
{
    const char *end = bytes.length > 0 ? memchr(bytes.at, '\n', bytes.length) : NULL;

    *line = (struct slice){bytes.at, end != NULL ? (size_t)(end - bytes.at) : bytes.length};
    if (line->length > REPLY_LINE_MAX)
        return REPLY_MALFORMED;
    *used = line->length + 1;
    return end != NULL ? REPLY_COMPLETE : REPLY_INCOMPLETE;
}

enum reply_status
reply_read(struct slice bytes, struct text *scratch, struct smtp_reply *reply, size_t *used)
{
    size_t position = 0;

    text_clear(scratch);
    reply->enhanced = (struct enhanced_code){0};
    for (size_t count = 0; count < REPLY_LINES_MAX; count++) {
        struct slice line, text;
        size_t line_used;
        enum reply_status status = take_line(slice_from(bytes, position), &line, &line_used);

        if (status != REPLY_COMPLETE)
            return status;
        if (!read_code(line, &reply->code)) /* should codes differ, the last one counts */
            return REPLY_MALFORMED;
        position += line_used;
        text = take_enhanced(text_of_line(line), reply);
        if (line.length > 3 && line.at[3] == '-') {
            keep_line(scratch, text, count == 0);
            continue;
        }
        if (count > 0) {
            keep_line(scratch, text, false);
            text = text_slice(scratch);
        }
        reply->text = text;
        *used = position;
        return REPLY_COMPLETE;
    }
    return REPLY_MALFORMED;
}

/* An enhanced code that contradicts the code is a slip in a scenario; on the wire it is a fact. */
bool
reply_parse(struct slice text, struct smtp_reply *reply, const char **why)
{
    struct smtp_reply read = {0};

    text = slice_trim(text);
    if (text.length < 3 || !char_is_digit(text.at[0]) || !char_is_digit(text.at[1]) ||
        !char_is_digit(text.at[2]))
        *why = "a reply starts with a code of three digits, such as 550";
    else if (text.length > 3 && !is_blank(text.at[3]) && text.at[3] != '\n')
        *why = "the code of a reply has three digits and a space behind it";
    else if (!read_code(text, &read.code))
        *why = "codes of replies go from 200 to 599";
    else if (memchr(text.at, '\r', text.length) != NULL || memchr(text.at, 0, text.length) != NULL)
        *why = "the text of a reply cannot hold a CR or a NUL";
    else
        *why = NULL;
    if (*why != NULL)
        return false;
    read.text = slice_trim(slice_from(text, 3));
    if (enhanced_parse(read.text, &read.enhanced, &read.text)) {
        read.text = skip_blanks(read.text);
        if (read.enhanced.class != read.code / 100) {
            *why = "the enhanced status code must start with the first digit of the code";
            return false;
        }
    }
    *reply = read;
    return true;
}

/* "#5.1.1 no", "(#5.1.1)": qmail's way to write it, which many took over. */
static bool
take_marked(struct slice text, struct smtp_reply *reply)
{
    const char *mark = memchr(text.at, '#', text.length);
    struct slice code = {0}, rest;

    if (mark == NULL)
        return false;
    code = slice_from(text, (size_t)(mark - text.at) + 1);
    for (size_t i = 0; i < code.length; i++)
        if (!char_is_digit(code.at[i]) && code.at[i] != '.')
            code.length = i;
    return enhanced_parse(code, &reply->enhanced, &rest);
}

void
reply_find(struct slice bytes, struct smtp_reply *reply)
{
    uint16_t code;

    *reply = (struct smtp_reply){.text = slice_trim(bytes)};
    while (read_code(reply->text, &code) && (reply->code == 0 || reply->code == code)) {
        reply->code = code;
        reply->text = slice_trim(text_of_line(reply->text));
    }
    if (reply->text.length == 0)
        return;
    if (enhanced_parse(reply->text, &reply->enhanced, &reply->text))
        reply->text = slice_trim(reply->text);
    else
        take_marked(reply->text, reply);
}

/* A CR or NUL inside would break the line on its way, so that a space stands for it. */
static void
add_visible(struct text *out, struct slice text, const char *hidden, size_t hidden_count)
{
    size_t start = out->length;

    text_add_slice(out, text);
    for (size_t i = 0; i < hidden_count; i++) {
        char *at = out->bytes + start, *end = out->bytes + out->length;

        while ((at = memchr(at, hidden[i], (size_t)(end - at))) != NULL)
            *at = ' ';
    }
}

void
reply_write(struct text *out, const struct smtp_reply *reply)
{
    char front[4 + ENHANCED_LENGTH_MAX + 1];
    size_t front_length = put_number(front, reply->code);
    size_t enhanced_length = put_enhanced(front + 4, reply->enhanced);
    struct slice rest = reply->text, line;
    bool has_more;

    assert(reply->code >= 200);
    front_length += 1 + enhanced_length;
    do {
        size_t length = front_length;

        has_more = slice_cut(rest, '\n', &line, &rest);
        front[3] = has_more ? '-' : ' ';
        if (enhanced_length > 0 && line.length > 0)
            front[length++] = ' ';
        text_add(out, front, length);
        add_visible(out, line, "\r\0", 2);
        text_add(out, "\r\n", 2);
    } while (has_more);
}

void
reply_format(struct text *out, const struct smtp_reply *reply)
{
    text_add_u64(out, reply->code);
    if (reply->enhanced.class != 0) {
        text_add_char(out, ' ');
        enhanced_format(out, reply->enhanced);
    }
    if (reply->text.length > 0) {
        text_add_char(out, ' ');
        add_visible(out, reply->text, "\r\n\0", 3);
    }
}
