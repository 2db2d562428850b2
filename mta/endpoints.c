/* endpoints.c - the addresses at which a site can be reached, and which of them to ask next. */
#include "mta/endpoints.h"

static_assert(ENDPOINTS_MAX <= 64, "what was tried is a set of bits");

bool
endpoints_see(struct endpoints *endpoints, const struct route_site *route)
{
    if (endpoints->hosts_seen == route->hosts)
        return false;
    endpoints->hosts_seen = route->hosts;
    endpoints->count = 0;
    for (size_t i = 0; i < route->hosts_count; i++) {
        const struct route_host *host = &route->hosts[i];

        for (size_t j = 0; j < host->addresses_count && endpoints->count < ENDPOINTS_MAX; j++)
            endpoints->list[endpoints->count++] =
                (struct endpoint){.host = host, .address = &host->addresses[j]};
    }
    return true;
}

/* Negative: `a` is to be asked before `b`. */
static int
compare(const struct endpoint *a, const struct endpoint *b, int64_t now_us)
{
    int a_held = a->held_until_us > now_us, b_held = b->held_until_us > now_us;

    if (a_held != b_held)
        return a_held - b_held;
    return (a->host->preference > b->host->preference) -
        (a->host->preference < b->host->preference);
}

struct endpoint *
endpoints_choose(struct endpoints *endpoints, uint64_t tried, int64_t now_us, struct rng *rng)
{
    struct endpoint *best = NULL;
    uint32_t equals_count = 0;

    for (size_t i = 0; i < endpoints->count; i++) {
        struct endpoint *e = &endpoints->list[i];
        int order = best == NULL ? -1 : compare(e, best, now_us);

        if ((tried & endpoint_bit(endpoints, e)) != 0 || order > 0)
            continue;
        equals_count = order < 0 ? 1 : equals_count + 1;
        if (order < 0 || rng_below(rng, equals_count) == 0)
            best = e;
    }
    return best;
}

void
endpoint_hold(struct endpoint *endpoint, int64_t now_us)
{
    endpoint->held_until_us = now_us + ENDPOINT_HOLD_US;
}
