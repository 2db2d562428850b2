/* inbound.h - where mail comes back to: an SMTP server for the return paths of what was sent.
 *
 * Reports of delivery (RFC 3464) are read and told to the journal as dsn.received, one event per
 * recipient they speak of: envelope (return path, recipient), kind, status. Whatever else comes is
 * kind `other`. All of it is taken: who returns mail has nobody to return that to.
 *
 * Ownership  what is handed in is borrowed.
 * Errors     inbound_new() fails when it cannot listen. */
#ifndef MTALAB_INBOUND_H
#define MTALAB_INBOUND_H

#include "mta/mta.h"

enum { INBOUND_TEXT_MAX = 512 }; /* bytes of a diagnostic, or of a host's name, that are kept */

struct inbound;

struct inbound *inbound_new(
    const struct mta_config *config, const struct mta_doors *doors, struct error *err);
void inbound_free(struct inbound **inbound);

/* Nobody new is let in; who is here may finish. */
void inbound_stop(struct inbound *inbound);

uint64_t inbound_reports_count(const struct inbound *inbound);
uint64_t inbound_others_count(const struct inbound *inbound); /* mail that is no report */

#endif
