/* test_segment.c - what a packet says about the life of a TCP connection. */
#include "tests/unit.h"

#include "base/segment.h"

/* 198.51.100.25:40000 asks 198.51.100.1:25. */
static const uint8_t syn4[] = {0x45, 0, 0, 40, 0, 1, 0x40, 0, 64, 6, 0, 0, 198, 51, 100, 25, 198,
    51, 100, 1, 0x9c, 0x40, 0, 25, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0xff, 0xff, 0, 0, 0, 0};

static const uint8_t syn6[] = {0x60, 0, 0, 0, 0, 20, 6, 64, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 2, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x9c, 0x40, 0, 25, 0, 0,
    0, 1, 0, 0, 0, 0, 0x50, 0x12, 0xff, 0xff, 0, 0, 0, 0};

static struct slice
packet_of(const uint8_t *bytes, size_t length)
{
    return (struct slice){(const char *)bytes, length};
}

static void
a_segment_of_ipv4_says_who_asks_whom(void **state)
{
    struct segment segment;
    struct net_address from, to;

    net_address_parse(SLICE("198.51.100.25"), &from);
    net_address_parse(SLICE("198.51.100.1"), &to);
    assert_true(segment_read(packet_of(syn4, sizeof syn4), &segment));
    assert_true(net_address_same_host(&segment.from, &from));
    assert_true(net_address_same_host(&segment.to, &to));
    assert_int_equal(segment.from.port, 40000);
    assert_int_equal(segment.to.port, 25);
    assert_int_equal(segment.flags, SEGMENT_SYN);
}

static void
a_segment_of_ipv6_too(void **state)
{
    struct segment segment;
    struct net_address from;

    net_address_parse(SLICE("2001:db8::2"), &from);
    assert_true(segment_read(packet_of(syn6, sizeof syn6), &segment));
    assert_true(net_address_same_host(&segment.from, &from));
    assert_int_equal(segment.to.port, 25);
    assert_int_equal(segment.flags, SEGMENT_SYN | SEGMENT_ACK);
}

static void
options_of_ip_are_passed_over(void **state)
{
    uint8_t packet[sizeof syn4 + 4] = {0};
    struct segment segment;

    memcpy(packet, syn4, 20);
    memcpy(packet + 24, syn4 + 20, sizeof syn4 - 20);
    packet[0] = 0x46;
    assert_true(segment_read(packet_of(packet, sizeof packet), &segment));
    assert_int_equal(segment.from.port, 40000);
}

/* Each copy is as long as it says, so that a sanitizer sees a byte that is read beyond its end. */
static void
a_packet_that_is_cut_anywhere_is_none(void **state)
{
    static const struct {
        const uint8_t *bytes;
        size_t length;
    } packets[] = {
        {syn4, sizeof syn4},
        {syn6, sizeof syn6},
    };
    struct segment segment;

    for (size_t i = 0; i < COUNT_OF(packets); i++)
        for (size_t length = 0; length < packets[i].length; length++) {
            uint8_t *cut = malloc(length + 1);

            memcpy(cut, packets[i].bytes, length);
            assert_false(segment_read(packet_of(cut, length), &segment));
            free(cut);
        }
}

static void
what_is_not_tcp_or_not_the_beginning_is_none(void **state)
{
    static const struct {
        const char *what;
        size_t at;
        uint8_t value;
    } changes[] = {
        {"UDP",               9, 17  },
        {"a later fragment",  7, 1   },
        {"a header of 16",    0, 0x44},
        {"version 5",         0, 0x55},
        {"a header too long", 0, 0x4f},
    };
    struct segment segment;

    for (size_t i = 0; i < COUNT_OF(changes); i++) {
        uint8_t packet[sizeof syn4];

        print_message("  %s\n", changes[i].what);
        memcpy(packet, syn4, sizeof packet);
        packet[changes[i].at] = changes[i].value;
        assert_false(segment_read(packet_of(packet, sizeof packet), &segment));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_segment_of_ipv4_says_who_asks_whom),
        cmocka_unit_test(a_segment_of_ipv6_too),
        cmocka_unit_test(options_of_ip_are_passed_over),
        cmocka_unit_test(a_packet_that_is_cut_anywhere_is_none),
        cmocka_unit_test(what_is_not_tcp_or_not_the_beginning_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
