/* site_parts.h - what site.c, site_session.c and site_journal.c share; for them only. */
#ifndef MTALAB_SITE_PARTS_H
#define MTALAB_SITE_PARTS_H

#include "mta/controller.h"
#include "mta/endpoints.h"
#include "mta/shaping.h"
#include "mta/site.h"
#include "mta/smtp_client.h"

struct session {
    struct site *site;
    struct session *next, *previous; /* of the site: idle ones in front */
    struct smtp_client *client;
    struct endpoint *endpoint;
    struct lane *lane;
    struct binding *binding;
    uint64_t tried;  /* endpoints that turned this session away; bit by index */
    uint32_t source; /* index of our IP */
    uint32_t host;   /* name in the journal */
    uint32_t number;
    uint32_t transactions;    /* begun on this connection */
    uint32_t messages;        /* accepted on it */
    uint32_t recipients_open; /* of this transaction, without an answer */
    int64_t began_us;         /* this transaction */
    bool is_signalled;        /* the controller knows how this transaction went */
    bool is_too_many;         /* it had more recipients than may be */
    bool is_open;             /* past its EHLO, and the controller knows */
    bool is_leaving;          /* as soon as it is idle */
    bool is_plain;            /* the handshake with this host failed, and was not required */
};

/* What one controller is asked about: the whole site, or what one of our IPs sends there. */
struct lane {
    struct site *site;
    struct controller *controller;
    uint32_t source; /* index of our IP */
    bool is_of_source;
    uint32_t open;    /* sessions, those on their way included */
    uint32_t leaving; /* of these */
};

/* One of our IPs at this site, as Momentum calls it. */
struct binding {
    uint32_t source; /* index of our IP */
    struct lane *lane;
};

struct site {
    struct site_context *context;
    const struct route_site *route;
    struct endpoints endpoints;
    struct shaper shaper;
    struct controller_nature nature;
    struct lane *lanes;
    size_t lanes_count;
    const struct pool *pool;
    struct binding *bindings; /* by member of the pool */
    struct pool_turns turns;
    struct line ready;
    struct session *first, *last;
    int64_t paced_until_us;      /* the hour is full: no message before */
    int64_t no_connect_until_us; /* told that there are enough connections */
    int64_t held_until_us;       /* suspended */
    struct site_counts counts;
    struct rng rng;
    struct timer timer;
};

/* Gives waiting messages to idle sessions, and opens as many as are wanted. */
void site_work(struct site *site);

void session_open(struct site *site, struct binding *binding);
void session_to_back(struct session *session);
void session_end(struct session *session);

/* site_journal.c */
void site_on_connected(void *arg, enum trouble trouble);
void site_on_tls(void *arg, enum smtp_tls_outcome outcome, const struct tls_result *result,
    const struct smtp_reply *refusal);
void site_on_change(void *arg, int64_t now_us, const struct controller_change *change);

static inline int64_t
site_now_us(const struct site *site)
{
    return loop_now_us(site->context->doors->loop);
}

#endif
