/* route.h - which hosts take mail for a domain: MX by preference (RFC 5321 5.1), the implicit MX,
 * null MX (RFC 7505), and domains that share an MX set under one MX rule rolled up into one site.
 *
 * Answers are kept for their TTL. Hosts without an address are left out of a site.
 *
 * Callbacks  route_find() answers at once from what is known, or through `fn` from the loop.
 * Ownership  the route owns sites' names and hosts; they stay while the route lives. */
#ifndef MTALAB_ROUTE_H
#define MTALAB_ROUTE_H

#include "base/resolver.h"
#include "mta/mta.h"

struct route_host {
    struct slice name;
    uint32_t preference;
    const struct net_address *addresses; /* port 25 */
    size_t addresses_count;
    uint32_t journal_name;
};

struct route_site {
    uint32_t number; /* 0, 1, 2, … in the order of appearance */
    const struct mx_rule *rule;
    const struct mx_scope *const *scopes; /* that may say something about it, in their order */
    size_t scopes_count;
    const struct route_host *hosts; /* by preference, then by name */
    size_t hosts_count;
};

enum route_status {
    ROUTE_PENDING, /* asked; `fn` will tell */
    ROUTE_SITE,
    ROUTE_DEFER, /* look-up trouble: try again later */
    ROUTE_FAIL,  /* nobody takes mail there */
};

struct route_answer {
    enum route_status status;
    const struct route_site *site; /* ROUTE_SITE */
    struct smtp_reply reply;       /* ROUTE_DEFER, ROUTE_FAIL: ours, RFC 3463 codes; static text */
};

struct route;
/* The answer for this domain has come; ask again with route_find(). */
typedef void route_fn(void *arg, uint32_t domain);

struct route *route_new(const struct mta_config *config, struct loop *loop,
    struct resolver *resolver, struct journal *journal, route_fn *fn, void *arg);
void route_free(struct route **route);

/* The config's MX rules are others now: what was known is asked for anew. Where the rule and the scopes
 * say what they said, the site is the same; else it is a new one. The old rules must stay, for the
 * sites that have them. */
void route_reload(struct route *route);

/* `domain` is the caller's number for `name`: small, dense (spool_domain()). */
struct route_answer route_find(struct route *route, uint32_t domain, struct slice name);

#endif
