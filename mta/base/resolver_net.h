/* resolver_net.h - DNS on the wire: a resolver that asks name servers, by c-ares.
 *
 * Over UDP with EDNS (1232 bytes), over TCP where the answer is cut (TC). The servers have to
 * recurse, unless they are authoritative for all that is asked; an alias is followed as far as the
 * server has followed it. A and AAAA are asked for together and told as one answer, A first. It
 * remembers nothing: that is for who asks, by the TTL (the smallest of the records; of a negative
 * answer, that of RFC 2308).
 *
 * Failures   no server there, REFUSED, NOTIMP, FORMERR and answers that cannot be read are
 *            DNS_SERVFAIL; a name that cannot be written in a packet is DNS_NO_NAME.
 * Time       patience is counted in real time even where the loop is faster: the servers are real. A
 *            query ends within resolver_net_patience_us(). So many queries at once that they would
 *            overflow a socket's buffer are sent in portions.
 * Files      none is read, neither /etc/hosts nor resolv.conf, but the one that is named here. */
#ifndef MTALAB_RESOLVER_NET_H
#define MTALAB_RESOLVER_NET_H

#include "base/resolver.h"

enum {
    RESOLVER_NET_SERVERS_MAX = 4,
    RESOLVER_NET_TRIES_MAX = 6,
    RESOLVER_NET_TIMEOUT_S_MAX = 60,
};

struct resolver_net_options {
    struct net_address servers[RESOLVER_NET_SERVERS_MAX]; /* port 0: 53 */
    size_t servers_count;    /* 0 if and only if there is a resolv_conf */
    const char *resolv_conf; /* in the form of resolv.conf(5); NULL: no file */
    int64_t timeout_us; /* of the first try at one server; doubled for each further one; 0: 2 s */
    bool allow_any;     /* else servers are loopback addresses only; see base/socket_net.h */
    unsigned tries;     /* at each server; 0: 2 */
};

/* `loop` is one of loop_net.h. ERROR_CONFIG: an option is out of its range, a
 * server is none of ours to ask; ERROR_NOT_FOUND: there is no such resolv_conf. */
struct resolver *resolver_net_new(
    struct loop *loop, const struct resolver_net_options *options, struct error *err) MUST_USE;

/* The longest that a query can take: all tries at all servers, and once more by TCP. */
int64_t resolver_net_patience_us(const struct resolver_net_options *options);

#endif
