/* fuzz_address.c - what is taken for an address survives being written and read again. */
#include "smtp/address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_address(struct slice text)
{
    struct mail_address address, again;
    struct text written = {0};
    const char *why;

    if (!address_parse(text, &address, &why)) {
        assert(why != NULL);
        return;
    }
    assert(!address_is_null(&address));
    assert(address.local.length <= ADDRESS_LOCAL_MAX);
    assert(text.length <= ADDRESS_MAX);
    address_format(&written, &address);
    assert(slice_equals(text_slice(&written), text));
    assert(address_parse(text_slice(&written), &again, &why));
    assert(slice_equals(again.local, address.local));
    assert(address_equals(&again, &address));
    if (address.domain.at[0] != '[')
        assert(domain_is_valid(address.domain));
    text_release(&written);
}

/* An address in brackets is the same address, and nothing of what follows is lost. */
static void
check_path(struct slice text)
{
    struct mail_address address, again;
    struct text written = {0};
    struct slice rest, rest_again;
    const char *why;

    if (!address_parse_path(text, &address, &rest, &why)) {
        assert(why != NULL);
        return;
    }
    assert(rest.at + rest.length == text.at + text.length);
    assert(rest.at[-1] == '>');
    text_add_char(&written, '<');
    address_format(&written, &address);
    text_add_char(&written, '>');
    text_add_slice(&written, rest);
    assert(address_parse_path(text_slice(&written), &again, &rest_again, &why));
    assert(slice_equals(again.local, address.local));
    assert(slice_equals(again.domain, address.domain));
    assert(slice_equals(rest_again, rest));
    text_release(&written);
}

static void
check_verp(struct slice text)
{
    struct slice base, key;
    struct text written = {0};

    if (!verp_parse(text, &base, &key))
        return;
    verp_format(&written, base, key);
    assert(slice_equals(text_slice(&written), text));
    text_release(&written);
}

/* Two addresses, cut at a line feed: whether they are equal does not depend on the order. */
static void
check_equality(struct slice text)
{
    struct slice one, other;
    struct mail_address a, b;
    const char *why;

    slice_cut(text, '\n', &one, &other);
    if (!address_parse(one, &a, &why) || !address_parse(other, &b, &why))
        return;
    assert(address_equals(&a, &b) == address_equals(&b, &a));
    if (slice_equals(one, other))
        assert(address_equals(&a, &b));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = {(const char *)data, size};

    check_address(text);
    check_path(text);
    check_verp(text);
    check_equality(text);
    return 0;
}
