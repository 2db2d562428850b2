/* resolver_sim.h - DNS in virtual time: zones from the scenario, after a delay, or a failure.
 *
 * Names are compared without case and without a final dot. A zone that is not here at all is
 * NXDOMAIN, as is a name inside a zone that has no record; a name that has records of another type
 * only, or names below it, is DNS_NO_DATA; so is the zone itself. Letters are lowered on the way in.
 *
 * What is asked is looked up when the answer is given; whether the zone fails, when it is asked. */
#ifndef MTALAB_RESOLVER_SIM_H
#define MTALAB_RESOLVER_SIM_H

#include "base/resolver.h"

enum { RESOLVER_SIM_TTL_S = 300, RESOLVER_SIM_TIMEOUT_S = 10 };

struct resolver *resolver_sim_new(struct loop *loop, int64_t delay_us);

void resolver_sim_add_zone(struct resolver *resolver, struct slice zone);
/* Names are absolute. The zone must have been added: the longest one that `name` ends with. The host
 * "." (or "") makes a null MX. */
void resolver_sim_add_mx(
    struct resolver *resolver, struct slice name, uint16_t preference, struct slice host);
void resolver_sim_add_address(
    struct resolver *resolver, struct slice name, const struct net_address *address);
void resolver_sim_add_txt(struct resolver *resolver, struct slice name, struct slice text);

/* Every query inside this zone ends so from now on; DNS_OK ends the failure. A time-out is told
 * after RESOLVER_SIM_TIMEOUT_S, the other failures after the usual delay. */
void resolver_sim_fail_zone(struct resolver *resolver, struct slice zone, enum dns_status status);

#endif
