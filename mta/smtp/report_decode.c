/* report_decode.c - what a part says, in UTF-8: GMime undoes transfer encodings, charsets and encoded
 * words; HTML becomes the text that people see.
 *
 * GMime sets itself up once per process; that is the only state here. */
#include "smtp/report_mime.h"

#include <gmime/gmime.h>

enum { TAG_MAX = 1000 }; /* bytes of a tag; what is longer is text */

static void
set_up_library(void)
{
    static bool is_set_up;

    if (!is_set_up)
        g_mime_init();
    is_set_up = true;
}

/* --- transfer encodings ------------------------------------------------------------------------ */

static bool
encoding_of(const struct mime_part *part, GMimeContentEncoding *encoding)
{
    if (slice_starts_with_nocase(part->encoding, SLICE("base64")))
        *encoding = GMIME_CONTENT_ENCODING_BASE64;
    else if (slice_starts_with_nocase(part->encoding, SLICE("quoted-printable")))
        *encoding = GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE;
    else
        return false;
    return true;
}

static void
undo_transfer(GMimeContentEncoding encoding, struct slice body, struct text *out)
{
    GMimeEncoding state;

    g_mime_encoding_init_decode(&state, encoding);
    text_make_room(out, g_mime_encoding_outlen(&state, body.length));
    out->length += g_mime_encoding_step(&state, body.at, body.length, out->bytes + out->length);
    out->bytes[out->length] = '\0';
}

/* --- charsets ---------------------------------------------------------------------------------- */

static bool
is_ascii(struct slice s)
{
    unsigned char seen = 0;

    for (size_t i = 0; i < s.length; i++)
        seen |= (unsigned char)s.at[i];
    return seen < 0x80;
}

/* ISO-2022-JP and its like are ASCII with escapes, UTF-16 has a NUL in every letter. */
static bool
is_plain_ascii(struct slice s)
{
    return is_ascii(s) && memchr(s.at, 27, s.length) == NULL && memchr(s.at, 0, s.length) == NULL;
}

static bool
is_utf8(struct slice charset)
{
    return slice_equals_nocase(charset, SLICE("utf-8")) ||
        slice_equals_nocase(charset, SLICE("utf8"));
}

/* Bytes that do not convert become '?'. */
static void
convert_by(iconv_t converter, struct slice s, struct text *out)
{
    char *in = (char *)(uintptr_t)s.at; /* iconv() takes no const; it does not write there */
    size_t in_left = s.length;

    while (in_left > 0) {
        size_t before = in_left, room, done;
        char *to;

        text_make_room(out, in_left * 2 + 16);
        to = out->bytes + out->length;
        room = out->capacity - out->length - 1;
        done = g_mime_iconv(converter, &in, &in_left, &to, &room);
        out->length = (size_t)(to - out->bytes);
        if (done == (size_t)-1 && in_left == before) {
            text_add_char(out, '?');
            in++;
            in_left--;
        }
    }
    text_add(out, "", 0);
}

/* Without a name, escapes tell of Japanese; and a name that nobody knows is as good as none. */
static void
convert(struct slice charset, struct slice s, struct text *out)
{
    char name[64] = "iso-2022-jp";
    iconv_t converter;

    if (charset.length > 0 && charset.length < sizeof(name)) {
        memcpy(name, charset.at, charset.length);
        name[charset.length] = '\0';
    } else if (memchr(s.at, 27, s.length) == NULL) {
        text_add_slice(out, s);
        return;
    }
    set_up_library();
    converter = g_mime_iconv_open("UTF-8", name);
    if (converter == (iconv_t)-1) {
        text_add_slice(out, s);
        return;
    }
    convert_by(converter, s, out);
    g_mime_iconv_close(converter);
}

/* --- HTML -------------------------------------------------------------------------------------- */

static const struct entity {
    const char *name, *text;
} entities[] = {
    {"lt;",   "<" },
    {"gt;",   ">" },
    {"amp;",  "&" },
    {"quot;", "\""},
    {"nbsp;", " " },
    {"#39;",  "'" },
    {"#64;",  "@" },
    {"apos;", "'" },
};

static const char *const line_ending_tags[] = {"br", "p", "/p", "div", "/div", "tr", "/tr", "li",
    "/li", "h1", "h2", "h3", "hr", "pre", "/pre"};

static bool
ends_line(struct slice tag)
{
    size_t length = 0;

    while (length < tag.length && tag.at[length] != ' ' && tag.at[length] != '\n' &&
        (tag.at[length] != '/' || length == 0))
        length++;
    tag.length = length;
    for (size_t i = 0; i < COUNT_OF(line_ending_tags); i++)
        if (slice_equals_nocase(tag, slice_of(line_ending_tags[i])))
            return true;
    return false;
}

/* An address in angle brackets that somebody forgot to escape is no tag. */
static bool
is_tag(struct slice inside)
{
    if (inside.length == 0)
        return false;
    if (memchr(inside.at, '@', inside.length) != NULL)
        return memchr(inside.at, '=', inside.length) != NULL;
    return char_is_letter(inside.at[0]) || inside.at[0] == '/' || inside.at[0] == '!';
}

/* What stands between <style> and </style>, or <script>, or in a comment, is not for people. */
static bool
skip_hidden(struct slice html, size_t *at)
{
    static const struct hidden {
        const char *open, *close;
    } hidden[] = {
        {"<style",  "</style>" },
        {"<script", "</script>"},
        {"<head>",  "</head>"  },
        {"<!--",    "-->"      },
    };
    struct slice rest = slice_from(html, *at);

    for (size_t i = 0; i < COUNT_OF(hidden); i++) {
        struct slice close = slice_of(hidden[i].close);
        size_t end = 1;

        if (!slice_starts_with_nocase(rest, slice_of(hidden[i].open)))
            continue;
        while (end < rest.length &&
            (rest.at[end] != close.at[0] ||
                !slice_starts_with_nocase(slice_from(rest, end), close)))
            end++;
        *at = end < rest.length ? *at + end + close.length : html.length;
        return true;
    }
    return false;
}

static size_t
add_entity(struct slice html, size_t at, struct text *out)
{
    struct slice rest = slice_from(html, at + 1);

    for (size_t i = 0; i < COUNT_OF(entities); i++)
        if (slice_starts_with_nocase(rest, slice_of(entities[i].name))) {
            text_add_string(out, entities[i].text);
            return at + 1 + strlen(entities[i].name);
        }
    text_add_char(out, '&');
    return at + 1;
}

static void
html_to_text(struct slice html, struct text *out)
{
    size_t at = 0;

    while (at < html.length) {
        char c = html.at[at];
        const char *end;
        struct slice inside;

        if (c == '&') {
            at = add_entity(html, at, out);
            continue;
        }
        if (c != '<') {
            text_add_char(out, c);
            at++;
            continue;
        }
        if (skip_hidden(html, &at))
            continue;
        inside = slice_from(html, at + 1);
        end = memchr(inside.at, '>', inside.length < TAG_MAX ? inside.length : TAG_MAX);
        inside.length = end != NULL ? (size_t)(end - inside.at) : 0;
        if (end == NULL || !is_tag(inside)) {
            text_add_char(out, html.at[at++]);
            continue;
        }
        if (ends_line(inside))
            text_add_char(out, '\n');
        at += inside.length + 2;
    }
    text_add(out, "", 0);
}

/* --- the interface ----------------------------------------------------------------------------- */

struct slice
mime_decode(const struct mime_part *part, size_t length_max, struct text *scratch)
{
    struct slice bytes = part->body;
    struct text undone = {0}, plain = {0};
    GMimeContentEncoding encoding;
    bool is_html = mime_is(part, "text/html");

    if (bytes.length > length_max * 4)
        bytes.length = length_max * 4; /* base64 and markup may take that much */
    if (encoding_of(part, &encoding)) {
        undo_transfer(encoding, bytes, &undone);
        bytes = text_slice(&undone);
    }
    if (bytes.length > length_max && !is_html)
        bytes.length = length_max;
    if (bytes.length > 0 && !is_plain_ascii(bytes) && !is_utf8(part->charset)) {
        convert(part->charset, bytes, &plain);
        bytes = text_slice(&plain);
    }
    if (is_html) {
        text_clear(scratch);
        html_to_text(bytes, scratch);
        bytes = text_slice(scratch);
    } else if (bytes.at != part->body.at && bytes.length > 0) {
        text_clear(scratch);
        text_add_slice(scratch, bytes);
        bytes = text_slice(scratch);
    }
    text_release(&undone);
    text_release(&plain);
    if (bytes.length > length_max)
        bytes.length = length_max;
    return bytes.length > 0 ? bytes : (struct slice){"", 0};
}

void
mime_decode_words(struct slice value, struct text *out)
{
    struct text folded = {0};
    char *decoded;

    for (size_t i = 0; i < value.length; i++)
        if (value.at[i] != '\r' && value.at[i] != '\0')
            text_add_char(&folded, value.at[i] == '\n' ? ' ' : value.at[i]);
    if (folded.length == 0)
        return;
    if (memmem(folded.bytes, folded.length, "=?", 2) == NULL) {
        convert((struct slice){"", 0}, text_slice(&folded), out); /* some write it as it is */
    } else {
        set_up_library();
        decoded = g_mime_utils_header_decode_text(NULL, folded.bytes);
        text_add_string(out, decoded);
        g_free(decoded);
    }
    text_release(&folded);
}
