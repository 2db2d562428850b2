/* recipients.h - whom a delivery is for: addresses by row, made from patterns or taken from lists.
 *
 * A row is a number, and its address is made when somebody asks: a million recipients of a pattern
 * cost nothing. Addresses of lists have been checked by who read them (smtp/address.h). A pattern
 * without a count never ends, so what stands behind it is never reached.
 *
 * Ownership  configs are borrowed. */
#ifndef MTALAB_RECIPIENTS_H
#define MTALAB_RECIPIENTS_H

#include "scenarios/campaign.h"

/* How many there are for certain: all that stand before an endless pattern. */
uint64_t recipients_count(const struct delivery_config *delivery);
bool recipients_are_endless(const struct delivery_config *delivery);

void recipients_address(const struct delivery_config *delivery, uint64_t row, struct text *out);

/* False: no two rows can have the same address, whatever their numbers. */
bool recipients_may_repeat(const struct delivery_config *delivery);

struct slice recipient_local(struct slice address);
struct slice recipient_domain(struct slice address);

#endif
