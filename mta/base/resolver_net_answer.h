/* resolver_net_answer.h - what one packet of DNS said; for resolver_net.c only.
 *
 * The records are those that c-ares finds: an alias (CNAME) is followed inside the packet, as far as
 * the server has followed it.
 *
 * Ownership  a zeroed struct is valid and empty; packet_answer_release() frees what was read.
 * Errors     a packet that cannot be read is DNS_SERVFAIL. */
#ifndef MTALAB_RESOLVER_NET_ANSWER_H
#define MTALAB_RESOLVER_NET_ANSWER_H

#include "base/mem.h"
#include "base/resolver.h"

/* As on the wire. */
enum record_type {
    RECORD_A = 1,
    RECORD_SOA = 6,
    RECORD_MX = 15,
    RECORD_TXT = 16,
    RECORD_AAAA = 28,
};

struct packet_answer {
    struct dns_answer answer; /* points into what follows */
    struct arena arena;       /* names and texts */
    struct dns_mx *mx;
    struct net_address *addresses;
    struct slice *texts;
    size_t mx_capacity, addresses_capacity, texts_capacity;
};

/* A code in the header that is not NOERROR is DNS_SERVFAIL. */
void packet_answer_read(
    struct packet_answer *read, enum record_type type, const uint8_t *packet, size_t length);
/* The packet is one whose header says NXDOMAIN, or NOERROR without answers. */
void packet_answer_read_negative(
    struct packet_answer *read, enum dns_status status, const uint8_t *packet, size_t length);
void packet_answer_release(struct packet_answer *read);

/* Adds what was found under another type of address. An address is an address, whatever became of
 * the other question; a name that is not there has nothing of any type; and "not now" weighs more
 * than "nothing of that type", since asking again may help. */
void packet_answer_add(struct packet_answer *answer, const struct packet_answer *other);

#endif
