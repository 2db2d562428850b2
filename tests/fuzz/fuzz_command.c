/* fuzz_command.c - lines in pieces are lines in one; commands keep within their line. */
#include "smtp/command.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LINE_MAX_HERE = 100 }; /* small, so that lines too long are met often */

static void
check_within(struct slice part, struct slice whole)
{
    if (part.length == 0)
        return;
    assert(part.at >= whole.at);
    assert(part.at + part.length <= whole.at + whole.length);
}

static void
check_command(struct slice line)
{
    struct command command;
    const char *why;
    int code = command_parse(line, &command, &why);

    assert(code == 0 || code == 500 || code == 501 || code == 555);
    assert((code == 0) == (why == NULL));
    assert((code == 500) == (command.verb == VERB_UNKNOWN));
    assert(command.parameters_count <= COMMAND_PARAMETERS_MAX);
    assert(command.by_s >= 0);
    assert(command.by_s <= 999999999);
    check_within(command.argument, line);
    check_within(command.address.local, line);
    check_within(command.address.domain, line);
    for (size_t i = 0; i < command.parameters_count; i++) {
        check_within(command.parameters[i].keyword, line);
        check_within(command.parameters[i].value, line);
        assert(command.parameters[i].keyword.length > 0);
    }
    if (code == 0 && command.verb == VERB_RCPT)
        assert(!address_is_null(&command.address));
}

/* A command written anew from what was understood is understood the same way. */
static void
check_written(struct slice line)
{
    struct command command, again;
    struct text written = {0};
    const char *why;

    if (command_parse(line, &command, &why) != 0)
        return;
    text_add_string(&written, verb_name(command.verb));
    if (command.verb == VERB_MAIL || command.verb == VERB_RCPT) {
        text_add_string(&written, command.verb == VERB_MAIL ? " FROM:<" : " TO:<");
        address_format(&written, &command.address);
        text_add_char(&written, '>');
    } else if (command.argument.length > 0) {
        text_add_char(&written, ' ');
        text_add_slice(&written, command.argument);
    }
    for (size_t i = 0; i < command.parameters_count; i++) {
        text_add_char(&written, ' ');
        text_add_slice(&written, command.parameters[i].keyword);
        if (command.parameters[i].value.length > 0) {
            text_add_char(&written, '=');
            text_add_slice(&written, command.parameters[i].value);
        }
    }
    assert(command_parse(text_slice(&written), &again, &why) == 0);
    assert(again.verb == command.verb);
    assert(slice_equals(again.argument, command.argument));
    assert(slice_equals(again.address.local, command.address.local));
    assert(slice_equals(again.address.domain, command.address.domain));
    assert(again.parameters_count == command.parameters_count);
    assert(again.size == command.size);
    assert(again.by_s == command.by_s);
    assert(again.is_8bit == command.is_8bit);
    assert(again.is_utf8 == command.is_utf8);
    text_release(&written);
}

/* One entry per line: "+line" or, if it is malformed, "-" alone, for of one too long only the end is
 * seen. The stream comes in pieces of `piece` bytes, into a buffer that keeps what was not used. */
static void
read_lines(struct slice stream, size_t piece, struct text *lines)
{
    struct text buffer = {0};

    for (size_t i = 0; i < stream.length; i += piece) {
        size_t left = stream.length - i, position = 0, used;
        struct slice line;
        bool is_malformed;

        text_add(&buffer, stream.at + i, left < piece ? left : piece);
        while ((used = line_next(slice_from(text_slice(&buffer), position), LINE_MAX_HERE, &line,
                    &is_malformed)) > 0) {
            position += used;
            assert(position <= buffer.length);
            if (line.at == NULL)
                continue;
            text_add_char(lines, is_malformed ? '-' : '+');
            if (!is_malformed) {
                assert(line.length + 2 <= LINE_MAX_HERE);
                text_add_slice(lines, line);
            }
            text_add_char(lines, '\n');
        }
        if (position > 0)
            memmove(buffer.bytes, buffer.bytes + position, buffer.length - position);
        buffer.length -= position;
        assert(buffer.length <= LINE_MAX_HERE);
    }
    text_release(&buffer);
}

static void
check_lines(struct slice stream)
{
    static const size_t pieces[] = {1, 3, 17, LINE_MAX_HERE};
    struct text whole = {0}, parts = {0};

    read_lines(stream, stream.length + 1, &whole);
    for (size_t i = 0; i < COUNT_OF(pieces); i++) {
        text_clear(&parts);
        read_lines(stream, pieces[i], &parts);
        assert(slice_equals(text_slice(&whole), text_slice(&parts)));
    }
    text_release(&whole);
    text_release(&parts);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice bytes = {(const char *)data, size};
    struct slice rest = bytes, line;
    bool is_malformed;
    size_t used;

    check_command(bytes);
    check_lines(bytes);
    while ((used = line_next(rest, COMMAND_LINE_MAX, &line, &is_malformed)) > 0) {
        check_command(line);
        if (!is_malformed)
            check_written(line);
        rest = slice_from(rest, used);
    }
    return 0;
}
