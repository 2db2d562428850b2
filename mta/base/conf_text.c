/* conf_text.c - is this text at all? What no text file holds, and lines and files without end. */
#include "base/conf.h"

/* How many bytes the UTF-8 character at the front takes; 0: it is none (RFC 3629). */
static size_t
utf8_length(const unsigned char *at, size_t left)
{
    size_t length = at[0] < 0x80 ? 1 : at[0] < 0xc2 ? 0 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;

    if (length == 0 || length > left || at[0] > 0xf4)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    if ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f) ||
        (at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] > 0x8f))
        return 0;
    return length;
}

static bool
is_binary(unsigned char byte)
{
    return (byte < ' ' && byte != '\t' && byte != '\n' && byte != '\r') || byte == 0x7f;
}

bool
conf_check_text(const char *filename, struct slice text, const struct conf_bounds *bounds,
    struct diagnostics *diagnostics)
{
    const unsigned char *bytes = (const unsigned char *)text.at;
    struct mark mark = {.filename = filename};
    size_t length, line_start = 0;

    if (text.length > bounds->file_bytes_max)
        return diagnose(
            diagnostics, mark, NULL, "the file is larger than %zu bytes", bounds->file_bytes_max);
    mark = (struct mark){filename, 1, 1, 1};
    for (size_t i = 0; i < text.length; i += length) {
        length = utf8_length(bytes + i, text.length - i);
        if (i - line_start >= bounds->line_bytes_max && bytes[i] != '\n')
            return diagnose(diagnostics, mark, NULL, "this line is longer than %zu bytes",
                bounds->line_bytes_max);
        mark.column = (int)(i - line_start) + 1;
        if (length == 0)
            return diagnose(diagnostics, mark, NULL, "byte 0x%02x is not UTF-8", bytes[i]);
        if (is_binary(bytes[i]))
            return diagnose(diagnostics, mark, NULL,
                "byte 0x%02x has no place in a text file; is it a binary one?", bytes[i]);
        if (bytes[i] == '\n') {
            line_start = i + 1;
            mark.line++;
        }
        mark.column = 1;
    }
    return true;
}
