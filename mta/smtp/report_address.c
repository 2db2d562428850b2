/* report_address.c - addresses in a text that was written for people. */
#include "smtp/report_parts.h"

bool
report_is_local_char(char c)
{
    return char_is_letter(c) || char_is_digit(c) || (unsigned char)c >= 0x80 ||
        char_in("!#$%&'*+/=?^_`{|}~.-", c);
}

static bool
is_domain_char(char c)
{
    return char_is_letter(c) || char_is_digit(c) || (unsigned char)c >= 0x80 || c == '.' ||
        c == '-';
}

static size_t
local_start(struct slice s, size_t at)
{
    size_t start = at;

    if (start > 0 && s.at[start - 1] == '"') { /* "a b"@isp.test */
        for (start--; start > 0 && s.at[start - 1] != '"' && s.at[start - 1] != '\n';)
            start--;
        return start > 0 && s.at[start - 1] == '"' ? start - 1 : at;
    }
    while (start > 0 && report_is_local_char(s.at[start - 1]))
        start--;
    while (start < at && char_in("'`=*/", s.at[start])) /* decoration, not of the address */
        start++;
    return start;
}

static size_t
domain_end(struct slice s, size_t at)
{
    size_t end = at, label = at;

    if (end < s.length && s.at[end] == '[') {
        while (end < s.length && s.at[end] != ']' && !char_is_blank(s.at[end]))
            end++;
        return end < s.length && s.at[end] == ']' ? end + 1 : at;
    }
    while (end < s.length && is_domain_char(s.at[end])) {
        if (s.at[end] == '.')
            label = end + 1;
        /* "isp.test" and a comma of another script */
        if ((unsigned char)s.at[end] >= 0x80 && (unsigned char)s.at[label] < 0x80)
            break;
        end++;
    }
    while (end > at && (s.at[end - 1] == '.' || s.at[end - 1] == '-'))
        end--;
    return end;
}

bool
report_find_address(struct slice text, struct slice *address, size_t *end)
{
    for (size_t at = 0; at < text.length; at++) {
        const char *sign = memchr(text.at + at, '@', text.length - at);
        size_t start, stop;

        if (sign == NULL)
            return false;
        at = (size_t)(sign - text.at);
        start = local_start(text, at);
        stop = domain_end(text, at + 1);
        if (start < at && stop > at + 1) {
            *address = (struct slice){text.at + start, stop - start};
            *end = stop;
            return true;
        }
    }
    return false;
}
