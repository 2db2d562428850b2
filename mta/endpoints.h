/* endpoints.h - the addresses at which a site can be reached, and which of them to ask next.
 *
 * Ownership  storage is the caller's, zeroed before its first use; hosts are borrowed from the route. */
#ifndef MTALAB_ENDPOINTS_H
#define MTALAB_ENDPOINTS_H

#include "base/rng.h"
#include "mta/route.h"

enum { ENDPOINTS_MAX = 64 }; /* of a site; what is beyond is not used */

struct endpoint { /* one address of one host */
    const struct route_host *host;
    const struct net_address *address;
    int64_t held_until_us;
};

struct endpoints {
    const struct route_host *hosts_seen; /* they were made of these */
    struct endpoint list[ENDPOINTS_MAX];
    size_t count;
};

/* True when DNS has said something new: all that was known about endpoints is then void. */
bool endpoints_see(struct endpoints *endpoints, const struct route_site *route);

/* The best endpoint whose bit is not in `tried`: not held before held, then by preference, and by
 * luck among equals (RFC 5321 5.1). NULL: none left. */
struct endpoint *endpoints_choose(
    struct endpoints *endpoints, uint64_t tried, int64_t now_us, struct rng *rng);

/* It failed us: for a while it is asked last. */
void endpoint_hold(struct endpoint *endpoint, int64_t now_us);
#define ENDPOINT_HOLD_US (60 * (int64_t)1000000)

static inline uint64_t
endpoint_bit(const struct endpoints *endpoints, const struct endpoint *endpoint)
{
    assert(endpoint >= endpoints->list && endpoint < endpoints->list + endpoints->count);
    return UINT64_C(1) << (endpoint - endpoints->list);
}

#endif
