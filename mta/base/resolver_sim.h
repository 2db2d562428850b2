/* resolver_sim.h - DNS in virtual time: zones from the scenario, after a delay, or a failure.
 *
 * Names are compared without case and without a final dot. A zone that is not here at all is
 * NXDOMAIN, as is a name inside a zone that has no record; a name that has records of another type
 * only, or names below it, is DNS_NO_DATA; so is the zone itself. Letters are lowered on the way in.
 *
 * What is asked is looked up when the answer is given; whether the zone fails, when it is asked. */
#ifndef MTALAB_RESOLVER_SIM_H
#define MTALAB_RESOLVER_SIM_H

#include "base/zone.h"

enum { RESOLVER_SIM_TTL_S = ZONE_TTL_S, RESOLVER_SIM_TIMEOUT_S = 10 };

struct resolver *resolver_sim_new(struct loop *loop, int64_t delay_us);

/* What it answers from; its own. The calls below are those of base/zone.h. */
struct zones *resolver_sim_zones(struct resolver *resolver);

void resolver_sim_add_zone(struct resolver *resolver, struct slice zone);
void resolver_sim_add_mx(
    struct resolver *resolver, struct slice name, uint16_t preference, struct slice host);
void resolver_sim_add_address(
    struct resolver *resolver, struct slice name, const struct net_address *address);
void resolver_sim_add_txt(struct resolver *resolver, struct slice name, struct slice text);

/* A time-out is told after RESOLVER_SIM_TIMEOUT_S, the other failures after the usual delay. */
void resolver_sim_fail_zone(struct resolver *resolver, struct slice zone, enum dns_status status);

#endif
