/* dns_server.h - the providers' name server: one address, UDP and TCP, answers from zones.
 *
 * What is answered is fakeisp/dns.h. Over TCP (RFC 7766) questions may be sent without waiting, the
 * answers to slow zones come when they are due and the others go ahead. A connection without a whole
 * question for ten seconds is closed, and so is one that announces a question too short or too long
 * to be any. Who does not read the answers is not read either.
 *
 * Bounds     so many connections, and answers that wait for their time; more connections are closed
 *            at once, and more answers lost, as datagrams may be. Both are counted.
 * Ownership  loop, network and zones are borrowed; zones may change at any time.
 * Errors     dns_server_new: the address is taken. */
#ifndef MTALAB_DNS_SERVER_H
#define MTALAB_DNS_SERVER_H

#include "base/datagram.h"
#include "base/stream.h"
#include "base/zone.h"

enum {
    DNS_SERVER_IDLE_S = 10,
    DNS_SERVER_CONNECTIONS_MAX = 1000,
    DNS_SERVER_WAITING_MAX = 10000,
};

struct dns_server;

struct dns_server_counts {
    uint64_t questions_udp, questions_tcp;
    uint64_t connections_refused, answers_lost;
};

/* The network of base/stream_net.h. Port 0: one that is free, the same for both. */
struct dns_server *dns_server_new(struct loop *loop, struct network *network,
    const struct zones *zones, const struct net_address *at, bool allow_any,
    struct error *err) MUST_USE;
void dns_server_free(struct dns_server **server); /* cuts what is open */

const struct net_address *dns_server_address(const struct dns_server *server);
const struct dns_server_counts *dns_server_counts(const struct dns_server *server);

#endif
