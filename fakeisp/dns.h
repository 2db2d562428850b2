/* dns.h - what the providers' name server answers: one packet in, at most one packet out.
 *
 * Authoritative for the given zones and for nothing else (REFUSED, RFC 8906). Names are compared
 * without case, and the question is given back as it was written. SOA and NS of a zone go without
 * saying, in the manner of RFC 6303: the zone's own name, serial 1. NXDOMAIN and NODATA carry the SOA
 * (RFC 2308). EDNS version 0 is spoken (RFC 6891). What a datagram cannot hold is left out altogether
 * and TC set, so that the asker comes again by TCP (RFC 7766). ANY gives all there is. There are no
 * delegations: a zone inside another one is answered for as well.
 *
 * Ownership  the packet is borrowed; the answer is appended to the caller's text.
 * Errors     none: a broken packet is answered by FORMERR, one that is no question at all (no whole
 *            header, or an answer) by nothing. */
#ifndef MTALAB_DNS_H
#define MTALAB_DNS_H

#include "base/zone.h"

enum {
    DNS_HEADER_BYTES = 12,
    DNS_UDP_BYTES_PLAIN = 512, /* RFC 1035 4.2.1: without EDNS */
    DNS_UDP_BYTES_MAX = 1232,  /* what we send and announce: never a fragment */
    DNS_TCP_BYTES_MAX = 65535,
    DNS_QUESTION_BYTES_MAX = 4096, /* no honest question is longer */
};

/* False: nothing is to be said, ever. *delay_us is how long the answer has to wait. */
bool dns_answer(const struct zones *zones, struct slice packet, bool is_tcp, struct text *answer,
    int64_t *delay_us);

#endif
