/* segment.c - what a packet says about the life of a TCP connection. */
#include "base/segment.h"

enum { PROTOCOL_TCP = 6, HEADER4_MIN = 20, HEADER6 = 40, TCP_HEADER_MIN = 20, TCP_FLAGS_AT = 13 };

static uint16_t
read_16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static void
read_addresses(struct segment *segment, uint8_t family, const uint8_t *bytes)
{
    size_t size = family == 4 ? 4 : 16;

    *segment = (struct segment){.from.family = family, .to.family = family};
    memcpy(segment->from.bytes, bytes, size);
    memcpy(segment->to.bytes, bytes + size, size);
}

/* Where the TCP header begins; 0: there is none. */
static size_t
read_header4(struct segment *segment, const uint8_t *bytes, size_t length)
{
    size_t header = length >= HEADER4_MIN ? (size_t)(bytes[0] & 15) * 4 : 0;

    if (header < HEADER4_MIN || bytes[9] != PROTOCOL_TCP || (read_16(bytes + 6) & 0x1fff) != 0)
        return 0;
    read_addresses(segment, 4, bytes + 12);
    return header;
}

static size_t
read_header6(struct segment *segment, const uint8_t *bytes, size_t length)
{
    if (length < HEADER6 || bytes[6] != PROTOCOL_TCP)
        return 0;
    read_addresses(segment, 6, bytes + 8);
    return HEADER6;
}

bool
segment_read(struct slice packet, struct segment *segment)
{
    const uint8_t *bytes = (const uint8_t *)packet.at;
    unsigned version = packet.length > 0 ? bytes[0] >> 4 : 0;
    size_t at = version == 4 ? read_header4(segment, bytes, packet.length)
        : version == 6       ? read_header6(segment, bytes, packet.length)
                             : 0;

    if (at == 0 || packet.length < at + TCP_HEADER_MIN)
        return false;
    segment->from.port = read_16(bytes + at);
    segment->to.port = read_16(bytes + at + 2);
    segment->flags = bytes[at + TCP_FLAGS_AT];
    return true;
}
