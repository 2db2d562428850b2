/* segment.h - what a packet says about the life of a TCP connection: who asks whom, and yes or no.
 *
 * Reads IPv4 and IPv6 packets as an interface gives them, from the IP header on (RFC 791, 8200, 9293).
 * Fragments behind the first, extension headers of IPv6 and anything cut short are no segments: a
 * packet that opens or refuses a connection has none of that. */
#ifndef MTALAB_SEGMENT_H
#define MTALAB_SEGMENT_H

#include "base/stream.h"

enum segment_flag { SEGMENT_FIN = 1, SEGMENT_SYN = 2, SEGMENT_RST = 4, SEGMENT_ACK = 16 };

struct segment {
    struct net_address from, to; /* with ports */
    uint8_t flags;               /* enum segment_flag, and the others as they are on the wire */
};

/* False: it is none. */
bool segment_read(struct slice packet, struct segment *segment) MUST_USE;

#endif
