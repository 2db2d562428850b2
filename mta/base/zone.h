/* zone.h - zones of DNS as data: which names there are, what they have, and what is wrong with them.
 *
 * Names are absolute and compared without case and without a final dot; letters are lowered on the
 * way in. "" or "." is the root. The names between a record's name and its zone come to exist with
 * it (RFC 8020). A zone lives inside another one as if it were delegated: the longest zone that a
 * name ends with answers for it.
 *
 * Who answers from the zones (base/resolver_sim.h, fakeisp/dns.h) only reads them.
 *
 * Ownership  everything given is copied.
 * Errors     none; a record outside every zone, or a name too long to be one, trips an assert. */
#ifndef MTALAB_ZONE_H
#define MTALAB_ZONE_H

#include "base/resolver.h"

enum { ZONE_NAME_BYTES_MAX = 255, ZONE_TTL_S = 300 };

struct zones;

struct zones *zones_new(void);
void zones_free(struct zones **zones);

void zones_add_zone(struct zones *zones, struct slice zone); /* once more changes nothing */
/* The zone must have been added. The host "." (or "") makes a null MX (RFC 7505). */
void zones_add_mx(struct zones *zones, struct slice name, uint16_t preference, struct slice host);
void zones_add_address(struct zones *zones, struct slice name, const struct net_address *address);
void zones_add_txt(struct zones *zones, struct slice name, struct slice text); /* of any length */

/* Every question inside this zone ends so from now on; DNS_OK ends the failure. */
void zones_fail_zone(struct zones *zones, struct slice zone, enum dns_status status);
/* The same for the zone that answers for this name. */
void zones_fail_zone_of(struct zones *zones, struct slice name, enum dns_status status);
/* Answers from this zone come so much later. */
void zones_delay_zone(struct zones *zones, struct slice zone, int64_t delay_us);

/* ---- for who answers ---- */

struct zone {
    struct slice name;       /* normal */
    enum dns_status failure; /* DNS_OK: none */
    int64_t delay_us;
};

/* What one name has. */
struct zone_records {
    struct dns_mx *mx;
    size_t mx_count, mx_capacity;
    struct net_address *addresses; /* port 0 */
    size_t addresses_count, addresses_capacity;
    struct slice *texts;
    size_t texts_count, texts_capacity;
};

/* Lower case, without a final dot; "." becomes "". False if no name is that long. */
bool zone_normalise(struct slice name, char buffer[ZONE_NAME_BYTES_MAX], struct slice *normal);

/* Both take a normal name. NULL: no zone for it; no such name. */
const struct zone *zones_find_zone(const struct zones *zones, struct slice name);
const struct zone_records *zones_find_records(const struct zones *zones, struct slice name);

#endif
