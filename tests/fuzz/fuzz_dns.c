/* fuzz_dns.c - whatever comes in, what goes out is one answer to it, of a bounded size. */
#include "fakeisp/dns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEADER_BYTES = 12 };

static struct zones *
make_zones(void)
{
    struct zones *zones = zones_new();
    struct net_address v4 = {
        .family = 4, .bytes = {192, 0, 2, 1}
    };
    struct net_address v6 = {
        .family = 6, .bytes = {0x20, 1, 0xd, 0xb8, [15] = 1}
    };
    char key[600];

    memset(key, 'k', sizeof key);
    zones_add_zone(zones, SLICE("a.test"));
    zones_add_zone(zones, SLICE("dark.test"));
    zones_fail_zone(zones, SLICE("dark.test"), DNS_TIMED_OUT);
    zones_add_mx(zones, SLICE("a.test"), 10, SLICE("mx.a.test"));
    zones_add_mx(zones, SLICE("null.a.test"), 0, SLICE("."));
    zones_add_address(zones, SLICE("mx.a.test"), &v4);
    zones_add_address(zones, SLICE("mx.a.test"), &v6);
    zones_add_txt(zones, SLICE("k._domainkey.a.test"), (struct slice){key, sizeof key});
    return zones;
}

static unsigned
byte_at(struct slice s, size_t at)
{
    assert(at < s.length);
    return (unsigned char)s.at[at];
}

static void
check(const struct zones *zones, struct slice packet, bool is_tcp)
{
    struct text answer = {0}, again = {0};
    int64_t delay_us;
    bool is_answered = dns_answer(zones, packet, is_tcp, &answer, &delay_us);
    struct slice out = text_slice(&answer);

    if (packet.length < HEADER_BYTES || (byte_at(packet, 2) & 0x80) != 0)
        assert(!is_answered);
    assert(is_answered == (out.length > 0));
    assert(delay_us == 0);
    if (is_answered) {
        assert(out.length >= HEADER_BYTES);
        assert(out.length <= (is_tcp ? DNS_TCP_BYTES_MAX : DNS_UDP_BYTES_MAX));
        assert(memcmp(out.at, packet.at, 2) == 0);                  /* whose answer it is */
        assert((byte_at(out, 2) & 0x80) != 0);                      /* that it is one */
        assert(!dns_answer(zones, out, is_tcp, &again, &delay_us)); /* and ends the matter */
    }
    text_release(&answer);
    text_release(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct zones *zones; /* the same for every input */
    struct slice packet = {(const char *)data, size};

    if (zones == NULL)
        zones = make_zones();
    check(zones, packet, false);
    check(zones, packet, true);
    return 0;
}
