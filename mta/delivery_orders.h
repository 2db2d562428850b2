/* delivery_orders.h - what somebody in charge may ask of deliveries under way: suspend, try now, give
 * up, and look.
 *
 * A target is the name of a site (that of its best MX host) or of a domain, in lower case; some
 * orders take a recipient too. Suspended may be one of our IPs as well, everywhere (192.0.2.1) or at a
 * site (mx1.isp.test/192.0.2.1): the others of its pool take its share. Suspensions outlive the process. What is in flight at that moment is left alone: its try has a result
 * of its own.
 *
 * Callbacks  those of the lists run inside the call. What is tried now is tried from the loop. */
#ifndef MTALAB_DELIVERY_ORDERS_H
#define MTALAB_DELIVERY_ORDERS_H

#include "mta/delivery.h"
#include "mta/queue.h"
#include "mta/site.h"

/* Which of our IPs this is; false: none. */
bool delivery_find_source(const struct delivery *delivery, struct slice ip, uint32_t *source);

/* No new try until then (INT64_MAX: until it is resumed); validity goes on. A name may be suspended
 * before there is mail for it. 0 resumes; false: it was not suspended. Both are journaled as mx.changed
 * with the rule "operator". */
bool delivery_hold(struct delivery *delivery, struct slice target, int64_t until_us);
/* Waits no more for its next try, nor for hosts that failed a while ago; an empty target is
 * everybody. Answers how many recipients that are. */
uint64_t delivery_flush(struct delivery *delivery, struct slice target);
/* Failed now, and told so; the target may be a recipient. Answers how many. */
uint64_t delivery_give_up(struct delivery *delivery, struct slice target, struct slice reason);

struct delivery_domain_state {
    struct slice domain, site; /* site: empty, where none is known yet */
    size_t site_number;        /* SIZE_MAX: none */
    uint64_t waiting, in_flight, deferred;
    int64_t oldest_us;     /* arrival of the oldest */
    int64_t next_due_us;   /* 0: nobody is deferred */
    int64_t held_until_us; /* 0: not suspended */
};
typedef void delivery_domain_fn(void *arg, const struct delivery_domain_state *state);
/* Domains that have mail or are suspended, in the order of their numbers. */
void delivery_list_domains(struct delivery *delivery, delivery_domain_fn *fn, void *arg);

struct delivery_recipient_state {
    struct slice recipient;
    struct spool_place place;
    enum queue_wait wait;
    uint32_t attempts;
    int64_t arrival_us, expires_us, due_us; /* due_us 0: see queue_walk() */
};
typedef void delivery_recipient_fn(void *arg, const struct delivery_recipient_state *state);
/* At most `max`; answers how many there are. */
uint64_t delivery_list_recipients(struct delivery *delivery, struct slice target, size_t max,
    delivery_recipient_fn *fn, void *arg);

/* By their numbers; NULL: not seen yet. */
size_t delivery_sites_count(const struct delivery *delivery);
const struct site *delivery_site(const struct delivery *delivery, size_t number);

#endif
