/* dkim_model.c - the shape of a DKIM signature, and a stand-in for its arithmetic. */
#include "smtp/dkim_model.h"

enum { FIELDS_MAX = 256 }; /* of one name that h= may take; more are not looked at */

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* ---- fields and tags ---- */

/* Behind the CRLF that ends the field which begins at `start`, folds taken in. */
static size_t
end_of_field(struct slice header, size_t start)
{
    size_t at = start;

    do {
        const char *end = memchr(header.at + at, '\n', header.length - at);

        at = end != NULL ? (size_t)(end - header.at) + 1 : header.length;
    } while (at < header.length && is_blank(header.at[at]));
    return at;
}

/* RFC 5322 3.6.8; libopendkim will not have a semicolon in it. */
static bool
is_name(struct slice name)
{
    for (size_t i = 0; i < name.length; i++)
        if (name.at[i] < '!' || name.at[i] > '~' || name.at[i] == ';')
            return false;
    return name.length > 0;
}

bool
header_next(struct slice *header, struct header_field *field, bool *is_malformed)
{
    size_t end;

    *is_malformed = false;
    if (header->length == 0 || slice_starts_with(*header, SLICE("\r\n")))
        return false;
    end = end_of_field(*header, 0);
    field->whole = (struct slice){header->at, end};
    if (slice_ends_with_nocase(field->whole, SLICE("\r\n")))
        field->whole.length -= 2;
    *is_malformed = !slice_cut(field->whole, ':', &field->name, &field->value);
    while (field->name.length > 0 && is_blank(field->name.at[field->name.length - 1]))
        field->name.length--;
    *is_malformed |= !is_name(field->name);
    *header = slice_from(*header, end);
    return !*is_malformed;
}

/* "Kim <kim@isp.example>", "kim@isp.example", "kim@isp.example (Kim)": what follows the last '@' that
 * stands in angle brackets, or else the first. */
struct slice
from_domain(struct slice value)
{
    const char *open = memrchr(value.at, '<', value.length);
    struct slice domain = open != NULL ? slice_from(value, (size_t)(open - value.at)) : value;
    const char *at = memchr(domain.at, '@', domain.length);
    size_t length = 0;

    if (at == NULL)
        return (struct slice){"", 0};
    domain = slice_from(domain, (size_t)(at - domain.at) + 1);
    while (length < domain.length && memchr("> \t\r\n(,;", domain.at[length], 9) == NULL)
        length++;
    return (struct slice){domain.at, length};
}

bool
dkim_tag(struct slice list, const char *name, struct slice *value)
{
    struct slice pair, key;

    while (list.length > 0) {
        slice_cut(list, ';', &pair, &list);
        if (slice_cut(pair, '=', &key, value) && slice_equals(slice_trim(key), slice_of(name))) {
            *value = slice_trim(*value);
            return true;
        }
    }
    return false;
}

/* ---- canonicalisation (RFC 6376 3.4), into a hash ---- */

struct digest {
    uint64_t state;
};

static void
take(struct digest *digest, struct slice bytes)
{
    digest->state = slice_hash(bytes, digest->state);
}

/* Runs of blanks and folds are one space; none stands at either end. */
static void
add_reduced(struct text *out, struct slice s)
{
    bool is_after_blank = false;

    s = slice_trim(s);
    for (size_t i = 0; i < s.length; i++) {
        bool is_space = memchr(" \t\r\n", s.at[i], 4) != NULL;

        if (is_space && is_after_blank)
            continue;
        text_add_char(out, (char)(is_space ? ' ' : s.at[i]));
        is_after_blank = is_space;
    }
}

static void
take_field(struct digest *digest, struct slice name, struct slice whole, bool is_relaxed)
{
    struct text line = {0};
    struct slice ignored, value;

    if (!is_relaxed) {
        take(digest, whole);
        return;
    }
    for (size_t i = 0; i < name.length; i++)
        if (!is_blank(name.at[i]))
            text_add_char(&line, char_lower(name.at[i]));
    text_add_char(&line, ':');
    if (slice_cut(whole, ':', &ignored, &value))
        add_reduced(&line, value);
    take(digest, text_slice(&line));
    text_release(&line);
}

static void
add_relaxed_line(struct text *out, struct slice line)
{
    bool is_after_blank = false;

    while (line.length > 0 && is_blank(line.at[line.length - 1]))
        line.length--;
    for (size_t i = 0; i < line.length; i++) {
        if (is_blank(line.at[i]) && is_after_blank)
            continue;
        is_after_blank = is_blank(line.at[i]);
        text_add_char(out, (char)(is_after_blank ? ' ' : line.at[i]));
    }
}

/* Empty lines at the end do not count; each line stands with its CRLF. */
static void
take_body(struct digest *digest, struct slice body, bool is_relaxed)
{
    struct text line = {0};
    size_t empty_lines = 0;

    for (size_t start = 0; start < body.length;) {
        const char *end = memmem(body.at + start, body.length - start, "\r\n", 2);
        size_t length = end != NULL ? (size_t)(end - body.at) - start : body.length - start;
        struct slice plain = {body.at + start, length};

        text_clear(&line);
        if (is_relaxed)
            add_relaxed_line(&line, plain);
        else
            text_add_slice(&line, plain);
        start += length + 2;
        if (line.length == 0) {
            empty_lines++;
            continue;
        }
        for (; empty_lines > 0; empty_lines--)
            take(digest, SLICE("\r\n"));
        text_add(&line, "\r\n", 2);
        take(digest, text_slice(&line));
    }
    if (digest->state == 0 && !is_relaxed)
        take(digest, SLICE("\r\n")); /* RFC 6376 3.4.3: an empty body is one CRLF */
    text_release(&line);
}

/* ---- digests ---- */

static void
add_base64(struct text *out, struct digest digest, size_t bytes)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t signs = (bytes * 8 + 5) / 6;
    struct slice seed = {(const char *)&digest.state, sizeof digest.state};

    for (size_t i = 0; i < signs; i++) {
        uint64_t drawn = slice_hash(seed, i + 1);

        text_add_char(out, letters[(i + 1 == signs ? drawn & 0x30 : drawn) % 64]);
    }
    for (; signs % 4 != 0; signs++)
        text_add_char(out, '=');
}

void
dkim_model_body(struct text *out, struct slice body, bool is_relaxed)
{
    struct digest digest = {0};

    take_body(&digest, body, is_relaxed);
    add_base64(out, digest, 32);
}

/* The `nth` field of that name from the bottom; RFC 6376 5.4.2. One that is not there is the empty
 * string, which is what over-signing relies on. */
static void
take_nth_from_bottom(
    struct digest *digest, struct slice header, struct slice name, size_t nth, bool is_relaxed)
{
    struct slice found[FIELDS_MAX];
    struct header_field field;
    size_t count = 0;
    bool is_malformed;

    while (count < FIELDS_MAX && header_next(&header, &field, &is_malformed))
        if (slice_equals_nocase(field.name, name))
            found[count++] = field.whole;
    if (nth < count)
        take_field(digest, name, found[count - 1 - nth], is_relaxed);
}

static struct slice
next_name(struct slice *names)
{
    struct slice name;

    slice_cut(*names, ':', &name, names);
    return slice_trim(name);
}

/* How often `name` stands among the first of `names`, in front of `upto`. */
static size_t
times_before(struct slice names, const char *upto, struct slice name)
{
    size_t times = 0;

    while (names.length > 0) {
        struct slice other = next_name(&names);

        if (other.at >= upto)
            break;
        times += slice_equals_nocase(other, name);
    }
    return times;
}

void
dkim_model_signature(struct text *out, struct slice header, struct slice names,
    struct slice signature, struct slice public_key, bool is_relaxed, size_t bytes)
{
    struct digest digest = {0};

    for (struct slice rest = names; rest.length > 0;) {
        struct slice name = next_name(&rest);

        take_nth_from_bottom(&digest, header, name, times_before(names, name.at, name), is_relaxed);
    }
    take_field(&digest, SLICE(DKIM_FIELD_NAME), signature, is_relaxed);
    take(&digest, public_key);
    add_base64(out, digest, bytes);
}
