/* delivery_parts.h - what delivery.c and delivery_orders.c share; for them only. */
#ifndef MTALAB_DELIVERY_PARTS_H
#define MTALAB_DELIVERY_PARTS_H

#include "base/map.h"
#include "mta/delivery.h"
#include "mta/outcome.h"
#include "mta/queue.h"
#include "mta/route.h"
#include "mta/site.h"

struct domain_desk {     /* by number of the domain */
    struct line waiting; /* for a route, or for the end of a suspension */
    int64_t held_until_us;
    const struct site *site; /* where its mail went last; NULL: nowhere yet */
};

struct hold { /* a suspension; see delivery_orders.h for what a name may be */
    struct delivery *delivery;
    store_handle record; /* 0: none */
    int64_t until_us;
    bool is_by_hand; /* that it ends */
    struct timer timer;
};

struct delivery {
    struct site_context context;
    struct pool_member *own_members;
    struct reply_types *reply_types; /* NULL: no MX rule asks for a controller that reads */
    struct automation *automation;   /* of the same rules */
    struct route *route;
    struct site **sites; /* by route_site number */
    size_t sites_count, sites_capacity;
    struct domain_desk *domains;
    size_t domains_count, domains_capacity;
    bool is_stopping;
    bool has_reloaded; /* a domain may have had another site under the old rules */
    struct map hold_names;
    struct hold **holds; /* by number in hold_names; allocated singly, for their timers */
    size_t holds_capacity;
    struct line flushed; /* taken out of their deferral, to be tried now */
    struct timer flush_timer;
};

struct domain_desk *delivery_domain(struct delivery *delivery, uint32_t domain);
/* To its site, or to wait for one. In flight. */
void delivery_direct(struct delivery *delivery, queue_node node);
/* All that waits at the domain's desk is directed anew. */
void delivery_direct_waiting(struct delivery *delivery, uint32_t domain);
/* The suspensions of its IPs at it. */
void delivery_hold_bindings(struct delivery *delivery, struct site *site);
/* When this name is suspended until; 0: it is not. */
int64_t delivery_held_until_us(const struct delivery *delivery, struct slice name);

#endif
