/* inject.h - the door for new messages: an SMTP server for the sender's platform (RFC 6409 in role,
 * RFC 5321 in words), behind the reception (mta/reception.h).
 *
 * 250 to the final dot is said when the spool is durable, not before.
 *
 * Ownership  what is handed in is borrowed. Sessions live and die with their connections. */
#ifndef MTALAB_INJECT_H
#define MTALAB_INJECT_H

#include "mta/mta.h"
#include "mta/spool.h"

struct inject;

/* Called for every recipient once its message is durable. */
typedef void inject_fn(void *arg, struct spool_place place);

struct inject *inject_new(const struct mta_config *config, const struct mta_doors *doors,
    struct spool *spool, struct dkim_signer *signer, inject_fn *fn, void *arg, struct error *err);
/* Messages that wait for the disk are forgotten: the store must not tell a sync afterwards, so it is
 * freed or crashes before the loop goes on. */
void inject_free(struct inject **inject);

/* Nobody new is let in; who is here may finish. */
void inject_stop(struct inject *inject);

uint64_t inject_messages_count(const struct inject *inject);
uint64_t inject_recipients_count(const struct inject *inject);

#endif
