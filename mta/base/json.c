/* json.c - writing JSON (RFC 8259): strings escaped byte by byte, commas in their places. */
#include "base/json.h"

#include <inttypes.h>

enum { DEPTH_MAX = 63 };

/* What stands behind the backslash for this byte; 0: it may stand for itself; 'u': by number. */
static char
escape_of(unsigned char c)
{
    switch (c) {
    case '"':
        return '"';
    case '\\':
        return '\\';
    case '\b':
        return 'b';
    case '\f':
        return 'f';
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    default:
        return c < 0x20 || c == 0x7f ? 'u' : 0;
    }
}

static bool
is_continuation(struct slice s, size_t at)
{
    return at < s.length && ((unsigned char)s.at[at] & 0xc0) == 0x80;
}

/* Bytes of the well-formed UTF-8 sequence at the start of `s` (Unicode table 3-7), or 0. */
static size_t
utf8_length(struct slice s)
{
    unsigned char first = (unsigned char)s.at[0];
    unsigned char second = s.length > 1 ? (unsigned char)s.at[1] : 0;

    if (first < 0x80)
        return 1;
    if (!is_continuation(s, 1) || first < 0xc2 || first > 0xf4)
        return 0;
    if (first < 0xe0)
        return 2;
    if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f))
        return 0; /* too long a form; half of a surrogate pair */
    if ((first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f))
        return 0; /* too long a form; beyond U+10FFFF */
    if (!is_continuation(s, 2))
        return 0;
    if (first < 0xf0)
        return 3;
    return is_continuation(s, 3) ? 4 : 0;
}

static void
add_escaped(struct text *out, unsigned char c, char escape)
{
    if (escape == 'u') {
        text_printf(out, "\\u%04x", c);
    } else {
        text_add_char(out, '\\');
        text_add_char(out, escape);
    }
}

/* Runs of bytes that stand for themselves are copied at once. */
void
json_string(struct text *out, struct slice s)
{
    size_t plain = 0; /* start of the run */

    text_add_char(out, '"');
    for (size_t i = 0; i < s.length;) {
        unsigned char c = (unsigned char)s.at[i];
        char escape = c < 0x80 ? escape_of(c) : 0;
        size_t length = utf8_length(slice_from(s, i));

        if (escape == 0 && length > 0) {
            i += length;
            continue;
        }
        text_add(out, s.at + plain, i - plain);
        if (escape != 0)
            add_escaped(out, c, escape);
        else
            text_add_string(out, "\xef\xbf\xbd");
        plain = ++i;
    }
    text_add_slice(out, slice_from(s, plain));
    text_add_char(out, '"');
}

struct json
json_begin(struct text *out, int indent)
{
    return (struct json){.out = out, .indent = indent};
}

static void
new_line(struct json *json)
{
    if (json->indent == 0)
        return;
    text_add_char(json->out, '\n');
    text_add_repeated(json->out, ' ', (size_t)json->indent * json->depth);
}

static uint64_t
depth_bit(const struct json *json)
{
    return UINT64_C(1) << json->depth;
}

/* What stands between the last item, or the bracket, and the next one. */
static void
begin_item(struct json *json)
{
    if (json->is_after_key) {
        json->is_after_key = false;
        return;
    }
    if ((json->has_item & depth_bit(json)) != 0)
        text_add_char(json->out, ',');
    json->has_item |= depth_bit(json);
    if (json->depth > 0)
        new_line(json);
}

void
json_open(struct json *json, char bracket)
{
    assert(bracket == '{' || bracket == '[');
    assert(json->depth < DEPTH_MAX);
    begin_item(json);
    text_add_char(json->out, bracket);
    json->depth++;
    json->has_item &= ~depth_bit(json);
}

void
json_close(struct json *json, char bracket)
{
    bool has_item = (json->has_item & depth_bit(json)) != 0;

    assert(bracket == '}' || bracket == ']');
    assert(json->depth > 0);
    assert(!json->is_after_key);
    json->depth--;
    if (has_item)
        new_line(json);
    text_add_char(json->out, bracket);
}

void
json_key(struct json *json, const char *key)
{
    assert(!json->is_after_key);
    begin_item(json);
    json_string(json->out, slice_of(key));
    text_add_string(json->out, json->indent > 0 ? ": " : ":");
    json->is_after_key = true;
}

void
json_text(struct json *json, struct slice value)
{
    begin_item(json);
    json_string(json->out, value);
}

void
json_text_if_any(struct json *json, const char *key, struct slice value)
{
    if (value.length == 0)
        return;
    json_key(json, key);
    json_text(json, value);
}

void
json_int(struct json *json, int64_t value)
{
    begin_item(json);
    text_printf(json->out, "%" PRId64, value);
}

void
json_bool(struct json *json, bool value)
{
    json_raw(json, value ? "true" : "false");
}

void
json_null(struct json *json)
{
    json_raw(json, "null");
}

void
json_raw(struct json *json, const char *value)
{
    begin_item(json);
    text_add_string(json->out, value);
}
