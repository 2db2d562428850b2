/* dns_packet.h - packets of DNS byte by byte, for tests that do not trust a library's idea of them. */
#ifndef MTALAB_TESTS_UNIT_DNS_PACKET_H
#define MTALAB_TESTS_UNIT_DNS_PACKET_H

#include "tests/unit.h"

enum {
    TYPE_A = 1,
    TYPE_NS = 2,
    TYPE_SOA = 6,
    TYPE_MX = 15,
    TYPE_TXT = 16,
    TYPE_AAAA = 28,
    TYPE_OPT = 41,
    TYPE_TSIG = 250,
    TYPE_AXFR = 252,
    TYPE_ANY = 255,
    CLASS_IN = 1,
    CLASS_CHAOS = 3,
    RD = 0x0100, /* flags of the header's second word */
    TC = 0x0200,
    AA = 0x0400,
    QR = 0x8000,
    PACKET_HEADER_BYTES = 12,
    PACKET_ID = 0xbeef,
};

static inline void
add_u16(struct text *packet, unsigned value)
{
    text_add_char(packet, (char)(value >> 8));
    text_add_char(packet, (char)value);
}

static inline void
add_u32(struct text *packet, unsigned long value)
{
    add_u16(packet, (unsigned)(value >> 16));
    add_u16(packet, (unsigned)value & 0xffff);
}

static inline void
add_name(struct text *packet, struct slice name)
{
    struct slice label;

    for (bool has_more = name.length > 0; has_more;) {
        has_more = slice_cut(name, '.', &label, &name);
        text_add_char(packet, (char)label.length);
        text_add_slice(packet, label);
    }
    text_add_char(packet, '\0');
}

static inline void
add_header(struct text *packet, unsigned flags, unsigned questions, unsigned answers,
    unsigned authorities, unsigned additionals)
{
    const unsigned words[] = {PACKET_ID, flags, questions, answers, authorities, additionals};

    for (size_t i = 0; i < COUNT_OF(words); i++)
        add_u16(packet, words[i]);
}

static inline void
add_question(struct text *packet, struct slice name, unsigned type, unsigned class)
{
    add_name(packet, name);
    add_u16(packet, type);
    add_u16(packet, class);
}

/* An empty record, of the root. */
static inline void
add_record(struct text *packet, unsigned type, unsigned class, unsigned long ttl)
{
    text_add_char(packet, '\0');
    add_u16(packet, type);
    add_u16(packet, class);
    add_u32(packet, ttl);
    add_u16(packet, 0);
}

static inline unsigned
u16_at(struct slice packet, size_t at)
{
    assert_true(at + 2 <= packet.length);
    return (unsigned)(unsigned char)packet.at[at] << 8 | (unsigned char)packet.at[at + 1];
}

static inline unsigned
packet_rcode(struct slice packet)
{
    return u16_at(packet, 2) & 0xf;
}

#endif
