/* resolver.h - MX, address and TXT look-ups: the door to DNS.
 *
 * Callbacks  run from the loop, never inside resolver_query(). The answer is valid during the call.
 * Ownership  a query that is not wanted any more is cancelled by its handle; after the callback the
 *            handle is gone.
 * Errors     a typed status; a failure of DNS is an answer, not a struct error. */
#ifndef MTALAB_RESOLVER_H
#define MTALAB_RESOLVER_H

#include "base/loop.h"
#include "base/stream.h"

enum dns_type {
    DNS_MX,
    DNS_ADDRESS, /* A and AAAA together */
    DNS_TXT,
};

enum dns_status {
    DNS_OK,
    DNS_NO_DATA, /* the name is there, records of this type are not */
    DNS_NO_NAME, /* NXDOMAIN */
    DNS_SERVFAIL,
    DNS_TIMED_OUT,
};

const char *dns_status_name(enum dns_status status);

struct dns_mx {
    uint16_t preference;
    struct slice host; /* lower case, no final dot; empty: null MX (RFC 7505) */
};

struct dns_answer {
    enum dns_status status;
    int64_t ttl_us;
    const struct dns_mx *mx; /* in the order of the zone; the caller sorts */
    size_t mx_count;
    const struct net_address *addresses; /* port 0 */
    size_t addresses_count;
    const struct slice *texts; /* one per record, its strings joined */
    size_t texts_count;
};

struct resolver;
struct query;

typedef void answer_fn(void *arg, const struct dns_answer *answer);

struct query *resolver_query(
    struct resolver *resolver, struct slice name, enum dns_type type, answer_fn *fn, void *arg);
void query_cancel(struct query **query);
void resolver_free(struct resolver **resolver);

/* What an implementation provides. Its objects begin with these. */
struct resolver {
    const struct resolver_door *door;
};
struct query {
    const struct resolver_door *door;
};

struct resolver_door {
    struct query *(*query)(
        struct resolver *resolver, struct slice name, enum dns_type type, answer_fn *fn, void *arg);
    void (*cancel)(struct query *query);
    void (*free)(struct resolver *resolver);
};

#endif
