/* address.c - mail addresses, read in one pass without copying.
 *
 * What a byte may be stands in one table, since addresses are read several times per message. */
#include "smtp/address.h"

enum {
    ATOM = 1,   /* atext, RFC 5322 3.2.3 */
    QUOTED = 2, /* qtextSMTP, RFC 5321 4.1.2 */
    LABEL = 4,  /* of a domain name; hyphens have a rule of their own */
    KEY = 8,    /* of a VERP key */
};

enum {
    DOMAIN_NAME_MAX = 253, /* RFC 1035 2.3.4: 255 with the lengths of labels counted */
    LABEL_MAX = 63,
};

#define SIGN   (ATOM | QUOTED)
#define DIGIT  (ATOM | QUOTED | LABEL | KEY)
#define LETTER DIGIT

/* clang-format off */
static const uint8_t kinds[256] = {
    [' '] = QUOTED, ['!'] = SIGN, ['#'] = SIGN, ['$'] = SIGN, ['%'] = SIGN, ['&'] = SIGN,
    ['\''] = SIGN, ['('] = QUOTED, [')'] = QUOTED, ['*'] = SIGN, ['+'] = SIGN, [','] = QUOTED,
    ['-'] = SIGN | LABEL | KEY, ['.'] = QUOTED, ['/'] = SIGN,
    ['0'] = DIGIT, ['1'] = DIGIT, ['2'] = DIGIT, ['3'] = DIGIT, ['4'] = DIGIT,
    ['5'] = DIGIT, ['6'] = DIGIT, ['7'] = DIGIT, ['8'] = DIGIT, ['9'] = DIGIT,
    [':'] = QUOTED, [';'] = QUOTED, ['<'] = QUOTED, ['='] = SIGN | KEY, ['>'] = QUOTED,
    ['?'] = SIGN, ['@'] = QUOTED,
    ['A'] = LETTER, ['B'] = LETTER, ['C'] = LETTER, ['D'] = LETTER, ['E'] = LETTER, ['F'] = LETTER,
    ['G'] = LETTER, ['H'] = LETTER, ['I'] = LETTER, ['J'] = LETTER, ['K'] = LETTER, ['L'] = LETTER,
    ['M'] = LETTER, ['N'] = LETTER, ['O'] = LETTER, ['P'] = LETTER, ['Q'] = LETTER, ['R'] = LETTER,
    ['S'] = LETTER, ['T'] = LETTER, ['U'] = LETTER, ['V'] = LETTER, ['W'] = LETTER, ['X'] = LETTER,
    ['Y'] = LETTER, ['Z'] = LETTER,
    ['['] = QUOTED, [']'] = QUOTED, ['^'] = SIGN, ['_'] = SIGN, ['`'] = SIGN,
    ['a'] = LETTER, ['b'] = LETTER, ['c'] = LETTER, ['d'] = LETTER, ['e'] = LETTER, ['f'] = LETTER,
    ['g'] = LETTER, ['h'] = LETTER, ['i'] = LETTER, ['j'] = LETTER, ['k'] = LETTER, ['l'] = LETTER,
    ['m'] = LETTER, ['n'] = LETTER, ['o'] = LETTER, ['p'] = LETTER, ['q'] = LETTER, ['r'] = LETTER,
    ['s'] = LETTER, ['t'] = LETTER, ['u'] = LETTER, ['v'] = LETTER, ['w'] = LETTER, ['x'] = LETTER,
    ['y'] = LETTER, ['z'] = LETTER,
    ['{'] = SIGN, ['|'] = SIGN, ['}'] = SIGN, ['~'] = SIGN,
};
/* clang-format on */

static bool
is_kind(char c, uint8_t kind)
{
    return (kinds[(uint8_t)c] & kind) != 0;
}

/* The first byte after the lead narrows what overlong forms, surrogates and numbers beyond U+10FFFF
 * would need (RFC 3629 4). */
static size_t
utf8_length(struct slice text)
{
    uint8_t lead = (uint8_t)text.at[0], next, low = 0x80, high = 0xbf;
    size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;

    if (lead < 0xc2 || lead > 0xf4 || text.length < length)
        return 0;
    next = (uint8_t)text.at[1];
    if (lead == 0xe0)
        low = 0xa0;
    else if (lead == 0xed)
        high = 0x9f;
    else if (lead == 0xf0)
        low = 0x90;
    else if (lead == 0xf4)
        high = 0x8f;
    if (next < low || next > high)
        return 0;
    for (size_t i = 2; i < length; i++)
        if (((uint8_t)text.at[i] & 0xc0) != 0x80)
            return 0;
    return length;
}

/* How many bytes of that kind, or of UTF-8, stand in front. */
static size_t
span(struct slice text, uint8_t kind)
{
    size_t i = 0;

    for (;;) {
        size_t length;

        while (i < text.length && is_kind(text.at[i], kind))
            i++;
        if (i == text.length || (uint8_t)text.at[i] < 0x80)
            return i;
        length = utf8_length(slice_from(text, i));
        if (length == 0)
            return i;
        i += length;
    }
}

static size_t
span_dot_string(struct slice text)
{
    size_t i = 0, atom;

    for (;;) {
        atom = span(slice_from(text, i), ATOM);
        if (atom == 0)
            return 0;
        i += atom;
        if (i == text.length || text.at[i] != '.')
            return i;
        i++;
    }
}

/* With both quotes; 0 when the closing one is missing. */
static size_t
span_quoted_string(struct slice text)
{
    size_t i = 1;

    for (;;) {
        i += span(slice_from(text, i), QUOTED);
        if (i == text.length)
            return 0;
        if (text.at[i] == '"')
            return i + 1;
        if (text.at[i] != '\\' || i + 1 == text.length || text.at[i + 1] < ' ' ||
            text.at[i + 1] > '~')
            return 0;
        i += 2;
    }
}

/* The label that stands in front; 0: none that is valid. */
static size_t
span_label(struct slice text)
{
    size_t length = span(text, LABEL);

    if (length == 0 || length > LABEL_MAX || text.at[0] == '-' || text.at[length - 1] == '-')
        return 0;
    return length;
}

bool
domain_is_valid(struct slice domain)
{
    size_t i = 0, label;

    if (domain.length > DOMAIN_NAME_MAX)
        return false;
    for (;;) {
        label = span_label(slice_from(domain, i));
        i += label;
        if (label == 0 || i == domain.length)
            return label > 0;
        if (domain.at[i++] != '.')
            return false;
    }
}

/* "192.0.2.1": numbers to 255 without leading zeros. */
static bool
is_ipv4(struct slice text)
{
    struct slice number;
    uint64_t value;
    int count = 0;
    bool has_more;

    do {
        has_more = slice_cut(text, '.', &number, &text);
        if (number.length > 3 || !slice_to_u64(number, &value) || value > 255 ||
            (number.length > 1 && number.at[0] == '0'))
            return false;
        count++;
    } while (has_more);
    return count == 4;
}

static bool
is_hex_group(struct slice group)
{
    for (size_t i = 0; i < group.length; i++)
        if (!char_is_digit(group.at[i]) &&
            (char_lower(group.at[i]) < 'a' || char_lower(group.at[i]) > 'f'))
            return false;
    return group.length >= 1 && group.length <= 4;
}

/* Groups on one side of "::", the last of all perhaps an IPv4 address, which counts as two. -1: no. */
static int
count_groups(struct slice text, bool may_end_in_ipv4)
{
    struct slice group;
    int count = 0;
    bool has_more;

    if (text.length == 0)
        return 0;
    do {
        has_more = slice_cut(text, ':', &group, &text);
        if (is_hex_group(group))
            count++;
        else if (!has_more && may_end_in_ipv4 && is_ipv4(group))
            count += 2;
        else
            return -1;
    } while (has_more);
    return count;
}

static bool
is_ipv6(struct slice text)
{
    const char *gap = text.length > 0 ? memmem(text.at, text.length, "::", 2) : NULL;
    int before, after;

    if (gap == NULL)
        return count_groups(text, true) == 8;
    before = count_groups((struct slice){text.at, (size_t)(gap - text.at)}, false);
    after = count_groups(slice_from(text, (size_t)(gap - text.at) + 2), true);
    return before >= 0 && after >= 0 && before + after <= 7;
}

static bool
literal_is_valid(struct slice literal)
{
    struct slice inside;

    if (literal.length < 2 || literal.at[literal.length - 1] != ']')
        return false;
    inside = (struct slice){literal.at + 1, literal.length - 2};
    if (slice_starts_with_nocase(inside, SLICE("IPv6:")))
        return is_ipv6(slice_from(inside, 5));
    return is_ipv4(inside);
}

static const char *
fault_of_domain(struct slice domain)
{
    if (domain.length == 0)
        return "the domain is missing";
    if (domain.at[0] == '[')
        return literal_is_valid(domain) ? NULL : "not a valid address literal";
    return domain_is_valid(domain) ? NULL : "not a valid domain name";
}

/* The local part ends where its grammar ends, so that an '@' in quotes does no harm. */
static size_t
span_local(struct slice text)
{
    if (text.length > 0 && text.at[0] == '"')
        return span_quoted_string(text);
    return span_dot_string(text);
}

static const char *
fault_of_address(struct slice text, struct mail_address *address)
{
    size_t local = span_local(text);

    if (local == 0)
        return "not a valid local part";
    if (local == text.length)
        return "the domain is missing";
    if (text.at[local] != '@')
        return "not a valid local part";
    if (local > ADDRESS_LOCAL_MAX)
        return "the local part is longer than 64 bytes";
    if (text.length > ADDRESS_MAX)
        return "the address is longer than 254 bytes";
    address->local = (struct slice){text.at, local};
    address->domain = slice_from(text, local + 1);
    return fault_of_domain(address->domain);
}

bool
address_parse(struct slice text, struct mail_address *address, const char **why)
{
    struct mail_address read;

    *why = fault_of_address(text, &read);
    if (*why == NULL)
        *address = read;
    return *why == NULL;
}

/* Where the '>' stands that is not in quotes or behind a backslash. Quotes are rare. */
static bool
find_closing_bracket(struct slice text, size_t *at)
{
    const char *first = memchr(text.at, '>', text.length);
    bool is_quoted = false;

    if (first == NULL)
        return false;
    *at = (size_t)(first - text.at);
    if (memchr(text.at, '"', *at) == NULL)
        return true;
    for (size_t i = 1; i < text.length; i++) {
        if (text.at[i] == '"')
            is_quoted = !is_quoted;
        else if (text.at[i] == '\\' && is_quoted)
            i++;
        else if (text.at[i] == '>' && !is_quoted) {
            *at = i;
            return true;
        }
    }
    return false;
}

/* "@a.test,@b.test:kim@isp.test": servers skip the route (RFC 5321 appendix C). */
static bool
skip_source_route(struct slice *path)
{
    struct slice route, hop;
    bool has_more;

    if (path->length == 0 || path->at[0] != '@')
        return true;
    if (!slice_cut(*path, ':', &route, path))
        return false;
    do {
        has_more = slice_cut(route, ',', &hop, &route);
        if (hop.length == 0 || hop.at[0] != '@' || !domain_is_valid(slice_from(hop, 1)))
            return false;
    } while (has_more);
    return path->length > 0;
}

bool
address_parse_path(
    struct slice text, struct mail_address *address, struct slice *rest, const char **why)
{
    struct mail_address read = {0};
    struct slice path;
    size_t end;

    *why = NULL;
    if (text.length == 0 || text.at[0] != '<' || !find_closing_bracket(text, &end)) {
        *why = "an address stands in < and >";
        return false;
    }
    path = (struct slice){text.at + 1, end - 1};
    if (!skip_source_route(&path))
        *why = "not a valid source route";
    else if (slice_equals_nocase(path, SLICE("postmaster")))
        read.local = path;
    else if (path.length > 0)
        *why = fault_of_address(path, &read);
    if (*why != NULL)
        return false;
    *address = read;
    *rest = slice_from(text, end + 1);
    return true;
}

void
address_format(struct text *out, const struct mail_address *address)
{
    text_add_slice(out, address->local);
    if (address->domain.length == 0)
        return;
    text_add_char(out, '@');
    text_add_slice(out, address->domain);
}

/* The next byte that is meant: without the quotes around, without the backslash before. -1: none. */
static int
next_meant(struct slice local, size_t *at)
{
    bool is_quoted = local.length >= 2 && local.at[0] == '"';
    size_t end = is_quoted ? local.length - 1 : local.length;

    if (is_quoted && *at == 0)
        *at = 1;
    if (is_quoted && *at < end && local.at[*at] == '\\')
        ++*at;
    return *at < end ? (uint8_t)local.at[(*at)++] : -1;
}

bool
address_equals(const struct mail_address *a, const struct mail_address *b)
{
    size_t a_at = 0, b_at = 0;
    int a_next, b_next;

    if (!slice_equals_nocase(a->domain, b->domain))
        return false;
    if (slice_equals(a->local, b->local))
        return true;
    do {
        a_next = next_meant(a->local, &a_at);
        b_next = next_meant(b->local, &b_at);
    } while (a_next == b_next && a_next >= 0);
    return a_next == b_next;
}

void
verp_format(struct text *out, struct slice base, struct slice key)
{
    text_add_slice(out, base);
    text_add_char(out, '+');
    text_add_slice(out, key);
}

bool
verp_parse(struct slice local, struct slice *base, struct slice *key)
{
    const char *plus = local.length > 0 ? memrchr(local.at, '+', local.length) : NULL;
    size_t position;

    if (plus == NULL || plus == local.at || plus == local.at + local.length - 1)
        return false;
    position = (size_t)(plus - local.at);
    for (size_t i = position + 1; i < local.length; i++)
        if (!is_kind(local.at[i], KEY))
            return false;
    *base = (struct slice){local.at, position};
    *key = slice_from(local, position + 1);
    return true;
}
