/* site.h - one destination site: the recipients that are ready for it, and its sessions.
 *
 * A recipient that is added stays in flight or in the site's line until its try has a result, which
 * goes to the outcome desk. How many sessions there are, and how fast they go, is what the site's
 * controller finds out (mta/controller.h) within what its MX rule allows (mta/shaping.h). When every
 * host turned us away and no session is alive, the try of everybody who waits is over; not so with a
 * controller that keeps the trouble of a site apart from the tries of messages.
 *
 * Ownership  the context is the caller's, one for all sites; it and what is in it is borrowed. */
#ifndef MTALAB_SITE_H
#define MTALAB_SITE_H

#include "mta/outcome.h"
#include "mta/reply_type.h"
#include "mta/route.h"

struct scope_throttle {
    const struct mx_scope *scope;
    struct throttle throttle;
};

struct kept_warmup {
    struct warmup_count count;
    struct spool_day day; /* as the spool has it; start_us INT64_MIN: not at all */
    store_handle record;  /* 0: none */
};

struct site_context {
    const struct mta_config *config;
    const struct mta_doors *doors;
    struct spool *spool;
    struct dkim_signer *signer; /* NULL: nothing is signed */
    struct queue *queue;
    struct outcome_desk *desk;
    uint32_t *source_names;         /* in the journal, by index of our IP */
    struct pool own_ips;            /* for rules without a pool */
    int64_t *sources_held_until_us; /* suspended everywhere; likewise by index */
    struct scope_throttle **scope_throttles;
    size_t scope_throttles_count, scope_throttles_capacity;
    struct map warmup_keys;
    struct kept_warmup **warmups; /* by number of their key */
    size_t warmups_capacity;
    uint64_t connections_count;            /* tried so far */
    const struct reply_types *reply_types; /* NULL: no controller wants to know */
    struct automation *automation;         /* likewise */
    struct tls_client *tls;                /* NULL: all sessions are in plain text */
    struct text scratch;
};

struct site;

/* What new IPs have sent today already, before there are sites. */
void site_context_recover_days(struct site_context *context);
void site_context_free_counts(struct site_context *context);

struct site *site_new(struct site_context *context, const struct route_site *route);
void site_free(struct site **site);

/* In flight in the queue. */
void site_add(struct site *site, queue_node node);

/* What people ask for. A site that is held starts no transaction and no session until then; those
 * that are open end as soon as they are idle. INT64_MAX: until it is told otherwise; 0: go on. */
void site_hold(struct site *site, int64_t until_us);
/* The same for one of our IPs there: its share goes to the others of the pool. */
void site_hold_source(struct site *site, uint32_t source, int64_t until_us);
/* site_context.sources_held_until_us has changed. */
void site_sources_changed(struct site *site);
/* Its mail goes elsewhere now: sessions end as soon as they are idle. */
void site_retire(struct site *site);
void site_flush(struct site *site); /* hosts that failed us may be asked again at once */
/* site_context.automation has changed. */
void site_automate(struct site *site);
/* Somebody complains about mail of this IP; UINT32_MAX: of which, nobody knows. */
void site_complain(struct site *site, uint32_t source);
void site_withdraw(struct site *site, queue_match_fn *match, void *arg, struct line *line);

struct site_counts { /* of tries that ended here, since the start of the process */
    uint64_t connections, delivered, deferred;
    uint64_t put_off; /* answers that were about the site and cost no try */
    uint64_t failed[CLASS_CHALLENGE_RESPONSE + 1]; /* by enum bounce_class */
};

struct site_state {
    const struct site_counts *counts;
    const struct route_site *route;
    uint32_t connections_open, connections_max, ready;
    int64_t held_until_us, paced_until_us;
};
struct site_state site_state(const struct site *site);
/* What its controllers hold to be true, one line. */
void site_describe_pace(const struct site *site, struct text *out);
struct slice site_name(const struct site *site); /* of its best host */

#endif
