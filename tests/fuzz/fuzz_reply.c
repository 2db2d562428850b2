/* fuzz_reply.c - replies in pieces are replies in one, and what was read can be written again. */
#include "smtp/reply.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
replies_are_equal(const struct smtp_reply *a, const struct smtp_reply *b)
{
    return a->code == b->code && enhanced_pack(a->enhanced) == enhanced_pack(b->enhanced) &&
        slice_equals(a->text, b->text);
}

static bool
can_be_written(const struct smtp_reply *reply)
{
    struct slice rest = reply->text, line;
    bool has_more;

    if (rest.length == 0)
        return true;
    do {
        has_more = slice_cut(rest, '\n', &line, &rest);
        if (line.length > REPLY_LINE_MAX - 20)
            return false;
    } while (has_more);
    return reply->text.length < REPLY_TEXT_MAX &&
        memchr(reply->text.at, '\r', reply->text.length) == NULL &&
        memchr(reply->text.at, 0, reply->text.length) == NULL;
}

/* The copy lies at the end of its own memory, so that reading too far is seen. */
static void
check_part(struct slice bytes, enum reply_status expected, size_t expected_used)
{
    struct text scratch = {0};
    struct smtp_reply reply;
    size_t used = 0;
    char *copy = malloc(bytes.length + 1);
    struct slice part = {copy + 1, bytes.length};

    if (bytes.length > 0)
        memcpy(copy + 1, bytes.at, bytes.length);
    assert(reply_read(part, &scratch, &reply, &used) == expected);
    if (expected == REPLY_COMPLETE)
        assert(used == expected_used);
    text_release(&scratch);
    free(copy);
}

static void
check_written(const struct smtp_reply *reply)
{
    struct text wire = {0}, scratch = {0};
    struct smtp_reply again;
    size_t used;

    reply_write(&wire, reply);
    assert(reply_read(text_slice(&wire), &scratch, &again, &used) == REPLY_COMPLETE);
    assert(used == wire.length);
    assert(replies_are_equal(reply, &again));
    text_release(&wire);
    text_release(&scratch);
}

static void
check_read(struct slice bytes)
{
    struct text scratch = {0}, shown = {0};
    struct smtp_reply reply;
    size_t used = 0;
    enum reply_status status = reply_read(bytes, &scratch, &reply, &used);

    check_part(bytes, status, used);
    if (status == REPLY_COMPLETE) {
        assert(used > 0);
        assert(used <= bytes.length);
        assert(reply.code >= 200);
        assert(reply.code <= 599);
        assert(reply.text.length <= REPLY_TEXT_MAX);
        for (size_t i = 0; i < used; i += 1 + used / 64)
            check_part((struct slice){bytes.at, i}, REPLY_INCOMPLETE, 0);
        check_part((struct slice){bytes.at, used - 1}, REPLY_INCOMPLETE, 0);
        check_part((struct slice){bytes.at, used}, REPLY_COMPLETE, used);
        reply_format(&shown, &reply);
        assert(memchr(shown.bytes, '\n', shown.length) == NULL);
        if (can_be_written(&reply))
            check_written(&reply);
    }
    text_release(&scratch);
    text_release(&shown);
}

static void
check_parsed(struct slice bytes)
{
    struct smtp_reply reply, again;
    struct text shown = {0};
    const char *why;

    if (!reply_parse(bytes, &reply, &why)) {
        assert(why != NULL);
        return;
    }
    assert(reply.enhanced.class == 0 || reply.enhanced.class == reply.code / 100);
    reply_format(&shown, &reply);
    if (memchr(bytes.at, '\n', bytes.length) == NULL) {
        assert(reply_parse(text_slice(&shown), &again, &why));
        assert(replies_are_equal(&reply, &again));
    }
    text_release(&shown);
    if (can_be_written(&reply) && memchr(bytes.at, '\n', bytes.length) == NULL)
        check_written(&reply);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice bytes = {(const char *)data, size};

    check_read(bytes);
    check_parsed(bytes);
    return 0;
}
