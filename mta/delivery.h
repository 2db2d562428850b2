/* delivery.h - from the queue to the hosts: which site gets a connection, which message goes next,
 * and what an answer means for its recipient.
 *
 * A try of a recipient ends with an answer of its own, or when no host is left to ask. Another host
 * is tried within the same try only when the session failed before the answer. When every host of a
 * site turned us away and no session is alive, the try of everybody who waits for it is over.
 *
 * Ownership  all that is handed in is borrowed. */
#ifndef MTALAB_DELIVERY_H
#define MTALAB_DELIVERY_H

#include "mta/efs.h"
#include "mta/mta.h"
#include "mta/spool.h"

struct delivery;

/* signer NULL: nothing is signed. */
struct delivery *delivery_new(const struct mta_config *config, const struct mta_doors *doors,
    struct spool *spool, struct dkim_signer *signer, struct efs *efs);
void delivery_free(struct delivery **delivery);

/* The spool has taken responsibility for this recipient: it is tried, now and until it is settled. */
void delivery_add(struct delivery *delivery, struct spool_place place);

/* What was suspended when the last process ended is suspended, and what new IPs sent today counts: call
 * it before the recipients come. */
void delivery_recover_state(struct delivery *delivery);
/* As the spool had it when the last process ended: its tries count, and the next one is not earlier. */
void delivery_recover(struct delivery *delivery, struct spool_place place);

/* The config has other MX rules, or the doors other bounce rules. */
void delivery_reload(struct delivery *delivery);
/* Somebody complains about mail to this recipient from this of our IPs; length 0: nobody knows which. */
void delivery_complain(struct delivery *delivery, struct slice rcpt, struct slice source_ip);
/* No new transaction and no new session from here on; what is open ends. */
void delivery_stop(struct delivery *delivery);
uint32_t delivery_connections_open(const struct delivery *delivery);

/* Fills in attempts, deferrals, delivered, failed, expired, connections, recipients_waiting. */
void delivery_totals(const struct delivery *delivery, struct mta_totals *totals);
uint64_t delivery_queue_bytes(const struct delivery *delivery);

#endif
