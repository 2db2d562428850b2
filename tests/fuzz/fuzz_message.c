/* fuzz_message.c - dots doubled come back, and content ends where the RFC says, however it is cut. */
#include "smtp/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Too simple to be fast, and to be wrong. */
static void
add_with_crlf(struct text *out, struct slice content)
{
    for (size_t i = 0; i < content.length; i++) {
        bool is_crlf = content.at[i] == '\r' && i + 1 < content.length && content.at[i + 1] == '\n';

        if (content.at[i] == '\r' || content.at[i] == '\n')
            text_add(out, "\r\n", 2);
        else
            text_add_char(out, content.at[i]);
        i += is_crlf;
    }
    if (out->length > 0 && out->bytes[out->length - 1] != '\n')
        text_add(out, "\r\n", 2);
}

static void
check_stuffing(struct slice content)
{
    struct text wire = {0}, back = {0}, expected = {0};
    struct dot_scanner scanner = {0};
    size_t after, length;
    bool is_over;

    dot_stuff(&wire, content);
    dot_unstuff(&back, text_slice(&wire));
    add_with_crlf(&expected, content);
    assert(slice_equals(text_slice(&back), text_slice(&expected)));

    length = wire.length;
    text_add_string(&wire, ".\r\nQUIT\r\n");
    assert(dot_scan(&scanner, text_slice(&wire), &is_over, &after) == length);
    assert(is_over);
    assert(after == length + 3);
    assert(!scanner.has_bare_line_end);
    text_release(&wire);
    text_release(&back);
    text_release(&expected);
}

struct ending {
    struct dot_scanner scanner;
    size_t content, after;
    bool is_over;
};

/* In pieces that grow by `step` until the scanner takes something. */
static struct ending
scan_in_pieces(struct slice wire, size_t step)
{
    struct ending ending = {0};
    size_t seen = 0, after;

    while (!ending.is_over && seen < wire.length) {
        size_t taken;

        seen = seen + step < wire.length ? seen + step : wire.length;
        taken = dot_scan(&ending.scanner,
            (struct slice){wire.at + ending.content, seen - ending.content}, &ending.is_over,
            &after);
        ending.after = ending.content + after;
        ending.content += taken;
        assert(ending.content <= seen);
        assert(ending.is_over || seen - ending.content <= 2);
    }
    return ending;
}

static void
check_equal(const struct ending *a, const struct ending *b)
{
    assert(a->is_over == b->is_over);
    assert(a->content == b->content);
    assert(a->after == b->after);
    assert(a->scanner.has_bare_line_end == b->scanner.has_bare_line_end);
    assert(a->scanner.has_nul == b->scanner.has_nul);
    assert(a->scanner.has_8bit == b->scanner.has_8bit);
}

static void
check_ending(struct slice wire)
{
    static const size_t steps[] = {1, 2, 3, 7, 16, 33};
    struct ending whole = scan_in_pieces(wire, wire.length + 1);
    struct text framed = {0};
    const char *end;
    size_t content;
    bool has_8bit = false;

    text_add(&framed, "\r\n", 2);
    text_add_slice(&framed, wire);
    end = memmem(framed.bytes, framed.length, "\r\n.\r\n", 5);
    assert(whole.is_over == (end != NULL));
    if (end != NULL) {
        assert(whole.content == (size_t)(end - framed.bytes));
        assert(whole.after == whole.content + 3);
    }
    content = whole.content;
    for (size_t i = 0; i < content; i++)
        has_8bit |= (wire.at[i] & 0x80) != 0;
    assert(whole.scanner.has_8bit == has_8bit);
    assert(whole.scanner.has_nul == (content > 0 && memchr(wire.at, 0, content) != NULL));
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        struct ending parts = scan_in_pieces(wire, steps[i]);

        check_equal(&whole, &parts);
    }
    text_release(&framed);
}

static void
check_header(struct slice content)
{
    size_t header = header_length(content);
    struct text unfolded = {0};
    struct slice name, rest, value;

    assert(header <= content.length);
    if (slice_cut(content, ':', &name, &rest) && header_find(content, name, &value)) {
        assert(value.at >= content.at);
        assert(value.at + value.length <= content.at + header);
        header_unfold(&unfolded, value);
        assert(unfolded.length <= value.length);
    }
    if (header_find(content, SLICE("Subject"), &value))
        assert(value.at + value.length <= content.at + header);
    text_release(&unfolded);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice bytes = {(const char *)data, size};

    check_stuffing(bytes);
    check_ending(bytes);
    check_header(bytes);
    return 0;
}
