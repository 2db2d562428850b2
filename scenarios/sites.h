/* sites.h - which ISP an address belongs to, by its domain.
 *
 * Number 0 .. isps_count - 1 is the ISP in the scenario's order, isps_count "none of them". */
#ifndef MTALAB_SITES_H
#define MTALAB_SITES_H

#include "base/map.h"
#include "fakeisp/isp.h"

enum { SITES_DOMAIN_MAX = 255 }; /* RFC 5321 4.5.3.1.2 */

struct sites {
    struct map domains; /* lower case */
    size_t *isps;       /* by the number of the domain */
    size_t isps_capacity;
    size_t isps_count;
    char last_domain[SITES_DOMAIN_MAX]; /* mail comes in runs of the same domain */
    size_t last_length, last_isp;
};

void sites_init(struct sites *sites, const struct isp_config *isps, size_t isps_count);
void sites_release(struct sites *sites);
size_t sites_find(struct sites *sites, struct slice address);

#endif
