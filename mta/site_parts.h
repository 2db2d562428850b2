/* site_parts.h - what site.c and the files site_*.c share; for them only. */
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
    struct path *path; /* NULL: paths have no limits of their own */
    uint64_t tried;    /* endpoints that turned this session away; bit by index */
    uint32_t source;   /* index of our IP */
    uint32_t host;     /* name in the journal */
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

/* One of our IPs to one of theirs. */
struct path {
    uint32_t open; /* sessions */
    struct throttle throttle;
};

/* One of our IPs at this site, as Momentum calls it. */
struct binding {
    uint32_t source; /* index of our IP */
    struct lane *lane;
    struct mx_terms terms;
    int64_t held_until_us;     /* suspended at this site */
    bool has_own_connections;  /* else it has them together with the others */
    uint32_t open;             /* sessions */
    uint32_t opening;          /* of these, not yet past their EHLO */
    struct throttle *throttle; /* its own, the site's, or that of a scope */
    struct throttle own;
    struct kept_warmup *warmup; /* NULL: it is warm */
    struct path *paths;         /* by endpoint; NULL: they have no limits */
};

struct site {
    struct site_context *context;
    const struct route_site *route;
    struct endpoints endpoints;
    struct controller_nature nature;
    struct lane *lanes;
    size_t lanes_count;
    const struct pool *pool;
    struct binding *bindings; /* by member of the pool */
    size_t bindings_count;
    struct throttle hour; /* of all that have none of their own */
    uint32_t connections_open, connections_max;
    uint32_t shared_open; /* of bindings without a number of their own */
    bool has_shared_connections;
    struct mx_rule lane_rule; /* what the controller of the whole site may think of */
    struct pool_turns turns;
    struct line ready;
    struct session *first, *last;
    int64_t paced_until_us;      /* hours are full, or IPs suspended: no message before */
    int64_t no_connect_until_us; /* told that there are enough connections */
    int64_t held_until_us;       /* suspended */
    uint32_t failures;           /* in a row: times that no host could be reached, … */
    int64_t failing_since_us;    /* … and since when */
    struct site_counts counts;
    struct rng rng, typing_rng; /* endpoints; which replies are misread */
    struct timer timer;
};

/* Gives waiting messages to idle sessions, and opens as many as are wanted. */
void site_work(struct site *site);

void session_open(struct site *site, struct binding *binding);
void session_to_back(struct session *session);
void session_end(struct session *session);

/* site_binding.c */
void site_bind(struct site *site);
void site_unbind(struct site *site);
void site_new_paths(struct site *site);
int64_t site_bindings_ready_at_us(struct site *site, int64_t now_us);
int64_t site_bindings_wake_at_us(struct site *site, int64_t now_us);
int64_t binding_ready_at_us(const struct site *site, struct binding *binding, int64_t now_us);
int64_t binding_held_until_us(const struct site *site, const struct binding *binding);
bool binding_may_open(struct site *site, struct binding *binding, int64_t now_us);
uint64_t binding_full_paths(struct site *site, struct binding *binding); /* bits of endpoints */
void session_take_path(struct session *session);                         /* that to its endpoint */
void session_leave_path(struct session *session);
bool session_may_send(struct session *session, int64_t now_us);
void session_take_message(struct session *session, int64_t now_us);
/* site_session.c */
void site_see_hosts(struct site *site);

/* site_transaction.c: the first who waits, and who may go with him; of a line that is not empty */
void site_fill_transaction(struct site *site, struct smtp_transaction *t, uint32_t recipients_max);
void site_write_content(void *arg, uint32_t content_id, struct stream *stream);

/* site_journal.c */
void site_on_connected(void *arg, enum trouble trouble);
void site_on_tls(void *arg, enum smtp_tls_outcome outcome, const struct tls_result *result,
    const struct smtp_reply *refusal);
void site_tell_full_day(struct site *site, const struct binding *binding, int64_t now_us);
void site_on_change(void *arg, int64_t now_us, const struct controller_change *change);

static inline int64_t
site_now_us(const struct site *site)
{
    return loop_now_us(site->context->doors->loop);
}

#endif
