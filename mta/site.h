/* site.h - one destination site: the recipients that are ready for it, and its sessions.
 *
 * A recipient that is added stays in flight or in the site's line until its try has a result, which
 * goes to the outcome desk. How many sessions there are, and how fast they go, is what the site's MX
 * rule says (mta/shaping.h). When every host turned us away and no session is alive, the try of
 * everybody who waits is over.
 *
 * Ownership  the context is the caller's, one for all sites; it and what is in it is borrowed. */
#ifndef MTALAB_SITE_H
#define MTALAB_SITE_H

#include "mta/outcome.h"
#include "mta/route.h"

struct site_context {
    const struct mta_config *config;
    const struct mta_doors *doors;
    struct spool *spool;
    struct queue *queue;
    struct outcome_desk *desk;
    uint32_t *source_names;     /* in the journal, by index of our IP */
    uint64_t connections_count; /* tried so far */
    struct text scratch;
};

struct site;

struct site *site_new(struct site_context *context, const struct route_site *route);
void site_free(struct site **site);

/* In flight in the queue. */
void site_add(struct site *site, queue_node node);

#endif
