/* delivery.c - from the queue to the hosts. */
#include "mta/delivery.h"

#include <stdio.h>

#include "base/mem.h"
#include "mta/outcome.h"
#include "mta/queue.h"
#include "mta/route.h"
#include "mta/shaping.h"
#include "mta/smtp_client.h"
#include "smtp/event.h"

#define HOST_HOLD_US (60 * (int64_t)US_PER_S) /* a host that failed us is asked last for so long */

enum { ENDPOINTS_MAX = 64 };

struct endpoint { /* one address of one host */
    const struct route_host *host;
    const struct net_address *address;
    int64_t held_until_us;
};

struct session {
    struct site *site;
    struct session *next, *previous; /* of the site: idle ones in front */
    struct smtp_client *client;
    struct endpoint *endpoint;
    uint64_t tried; /* endpoints that turned this session away; bit by index */
    uint32_t source; /* index of our IP */
    uint32_t host;   /* name in the journal */
    uint32_t number;
};

struct site {
    struct delivery *delivery;
    const struct route_site *route;
    const struct route_host *hosts_seen; /* endpoints were made of these */
    struct endpoint endpoints[ENDPOINTS_MAX];
    size_t endpoints_count;
    struct shaper shaper;
    struct line ready;
    struct session *first, *last;
    uint32_t source_next;
    int64_t paced_until_us;      /* the hour is full: no message before */
    int64_t no_connect_until_us; /* told that there are enough connections */
    struct rng rng;
    struct timer timer;
};

struct delivery {
    const struct mta_config *config;
    const struct mta_doors *doors;
    struct spool *spool;
    struct queue *queue;
    struct route *route;
    struct outcome_desk *desk;
    struct site **sites; /* by route_site number */
    size_t sites_count, sites_capacity;
    struct line *waiting; /* for a route, by domain */
    size_t waiting_count, waiting_capacity;
    uint32_t *source_names;
    uint32_t sessions_number;
    uint64_t connections_count;
    struct text scratch;
};

static void work(struct site *site);

/* --- sessions -------------------------------------------------------------------------------- */

static void
session_unlink(struct session *session)
{
    struct site *site = session->site;

    *(session->previous != NULL ? &session->previous->next : &site->first) = session->next;
    *(session->next != NULL ? &session->next->previous : &site->last) = session->previous;
    session->next = session->previous = NULL;
}

static void
session_link_front(struct session *session)
{
    struct site *site = session->site;

    session->next = site->first;
    *(site->first != NULL ? &site->first->previous : &site->last) = session;
    site->first = session;
}

static void
session_link_back(struct session *session)
{
    struct site *site = session->site;

    session->previous = site->last;
    *(site->last != NULL ? &site->last->next : &site->first) = session;
    site->last = session;
}

static void
session_end(struct session *session)
{
    session_unlink(session);
    session->site->shaper.connections_open--;
    smtp_client_free(&session->client);
    mem_free(session);
}

/* Hosts are laid out anew by the route when DNS says something new. */
static void
see_hosts(struct site *site)
{
    if (site->hosts_seen == site->route->hosts)
        return;
    site->hosts_seen = site->route->hosts;
    site->endpoints_count = 0;
    for (size_t i = 0; i < site->route->hosts_count; i++) {
        const struct route_host *host = &site->route->hosts[i];

        for (size_t j = 0; j < host->addresses_count; j++)
            if (site->endpoints_count < ENDPOINTS_MAX)
                site->endpoints[site->endpoints_count++] =
                    (struct endpoint){.host = host, .address = &host->addresses[j]};
    }
    for (struct session *s = site->first; s != NULL; s = s->next) {
        s->endpoint = NULL;
        s->tried = 0;
    }
}

/* The best endpoint that this session has not tried: not held before held, then by preference, and
 * by luck among equals (RFC 5321 5.1). NULL: none left. */
static struct endpoint *
choose_endpoint(struct site *site, uint64_t tried)
{
    struct endpoint *best = NULL;
    uint32_t equals = 0;
    int64_t now_us = loop_now_us(site->delivery->doors->loop);

    for (size_t i = 0; i < site->endpoints_count; i++) {
        struct endpoint *e = &site->endpoints[i];
        bool is_held = e->held_until_us > now_us;
        bool best_is_held = best != NULL && best->held_until_us > now_us;

        if ((tried & UINT64_C(1) << i) != 0)
            continue;
        if (best != NULL && is_held == best_is_held &&
            e->host->preference == best->host->preference) {
            if (rng_below(&site->rng, ++equals) == 0)
                best = e;
            continue;
        }
        if (best == NULL || (best_is_held && !is_held) ||
            (best_is_held == is_held && e->host->preference < best->host->preference)) {
            best = e;
            equals = 1;
        }
    }
    return best;
}

static const struct smtp_client_events client_events;

static void
connect_session(struct session *session)
{
    struct site *site = session->site;
    struct delivery *delivery = site->delivery;
    const struct mta_config *config = delivery->config;
    const struct smtp_client_config client = {.loop = delivery->doors->loop,
        .network = delivery->doors->network,
        .from = config->source_ips[session->source],
        .to = *session->endpoint->address,
        .hostname = config->hostname,
        .transactions_max = site->shaper.rule->messages_per_connection,
        .events = &client_events,
        .arg = session};

    session->number = ++delivery->sessions_number;
    session->host = session->endpoint->host->journal_name;
    delivery->connections_count++;
    session->client = smtp_client_new(&client);
}

static void
open_session(struct site *site)
{
    struct session *session = mem_alloc_zeroed(sizeof *session);

    see_hosts(site);
    session->site = site;
    session->endpoint = choose_endpoint(site, 0);
    assert(session->endpoint != NULL);
    session->source = site->source_next++ % (uint32_t)site->delivery->config->source_ips_count;
    session_link_back(session);
    site->shaper.connections_open++;
    connect_session(session);
}

/* --- what a client asks and tells ------------------------------------------------------------ */

static void
add_recipient(struct delivery *delivery, struct smtp_transaction *t, queue_node node)
{
    uint32_t at = (uint32_t)t->addresses.length;

    spool_recipient(delivery->spool, queue_place(delivery->queue, node), &t->addresses);
    t->recipients = mem_grow(
        t->recipients, &t->recipients_capacity, t->recipients_count + 1, sizeof *t->recipients);
    t->recipients[t->recipients_count++] = (struct smtp_recipient){
        .id = node, .at = at, .length = (uint32_t)t->addresses.length - at};
}

/* Recipients of one message that wait one behind the other share a transaction. */
static bool
next(void *arg, struct smtp_transaction *t)
{
    struct session *session = arg;
    struct site *site = session->site;
    struct delivery *delivery = site->delivery;
    struct queue *queue = delivery->queue;
    queue_node node = line_first(queue, &site->ready);
    spool_message message;

    if (node == 0)
        return false;
    if (!shaper_take_message(
            &site->shaper, loop_now_us(delivery->doors->loop), &site->paced_until_us))
        return false;
    message = queue_place(queue, node).message;
    do
        add_recipient(delivery, t, line_pop(queue, &site->ready));
    while ((node = line_first(queue, &site->ready)) != 0 &&
        queue_place(queue, node).message == message &&
        t->recipients_count < site->shaper.rule->recipients_per_transaction);
    spool_sender(delivery->spool, message, &t->sender);
    t->size = spool_size(delivery->spool, message);
    t->is_8bit = spool_envelope(delivery->spool, message).is_8bit;
    t->content_id = message;
    return true;
}

static void
write_piece(void *arg, const char *bytes, size_t length)
{
    stream_write(arg, bytes, length);
}

static void
write_content(void *arg, uint32_t content_id, struct stream *stream)
{
    struct session *session = arg;

    spool_content(session->site->delivery->spool, content_id, write_piece, stream);
}

static enum event_outcome
outcome_of(enum trouble trouble)
{
    switch (trouble) {
    case TROUBLE_NONE:
        return OUTCOME_OK;
    case TROUBLE_REFUSED:
        return OUTCOME_REFUSED;
    case TROUBLE_UNREACHABLE:
        return OUTCOME_UNREACHABLE;
    case TROUBLE_TIMED_OUT:
        return OUTCOME_TIMED_OUT;
    case TROUBLE_RESET:
        return OUTCOME_RESET;
    }
    return OUTCOME_NONE;
}

static void
on_connected(void *arg, enum trouble trouble)
{
    struct session *session = arg;
    struct delivery *delivery = session->site->delivery;
    struct event event = {.at_us = loop_now_us(delivery->doors->loop),
        .kind = EVENT_CONNECT,
        .outcome = (uint8_t)outcome_of(trouble),
        .host = session->host,
        .source_ip = delivery->source_names[session->source],
        .session = session->number};

    event_write(delivery->doors->journal, &event, SLICE(""), SLICE(""));
}

static void
tell_outcome(struct session *session, queue_node node, enum smtp_stage stage,
    const struct smtp_reply *reply)
{
    struct delivery *delivery = session->site->delivery;
    const struct outcome_answer answer = {.stage = stage,
        .reply = reply,
        .host = session->host,
        .source_ip = delivery->source_names[session->source],
        .session = session->number};

    outcome_tell(delivery->desk, node, &answer);
}

static void
hold(struct session *session)
{
    if (session->endpoint != NULL)
        session->endpoint->held_until_us =
            loop_now_us(session->site->delivery->doors->loop) + HOST_HOLD_US;
}

/* A recipient whose session was lost before the answer goes on within the same try, at another host;
 * once each host has had its chance the try is over. */
static void
on_answer(void *arg, uint32_t node, enum smtp_answer answer, enum smtp_stage stage,
    const struct smtp_reply *reply)
{
    struct session *session = arg;
    struct site *site = session->site;
    struct queue *queue = site->delivery->queue;

    if (answer == ANSWER_LOST) {
        hold(session);
        queue_count_loss(queue, node);
        if (queue_losses(queue, node) < site->endpoints_count &&
            queue_expires_us(queue, node) > loop_now_us(site->delivery->doors->loop)) {
            line_push_front(queue, &site->ready, node);
            return;
        }
    }
    tell_outcome(session, node, stage, reply);
}

static void
on_idle(void *arg)
{
    struct session *session = arg;

    session_unlink(session);
    session_link_front(session);
    work(session->site);
}

static bool
has_ready_session(const struct site *site)
{
    for (const struct session *s = site->first; s != NULL; s = s->next)
        if (s->client != NULL && smtp_client_is_ready(s->client))
            return true;
    return false;
}

/* Every host turned us away: the try of all who wait here is over. Those that come meanwhile wait
 * their turn, hence the count. */
static void
give_up_round(struct session *session, const struct smtp_end *end)
{
    struct site *site = session->site;
    queue_node node;

    for (uint32_t left = site->ready.count;
         left > 0 && (node = line_pop(site->delivery->queue, &site->ready)) != 0; left--)
        tell_outcome(session, node, end->stage, &end->reply);
}

/* The client closed before it had spoken a transaction: the next host, or the end of the round. */
static void
turned_away(struct session *session, const struct smtp_end *end)
{
    struct site *site = session->site;

    hold(session);
    if (session->endpoint != NULL)
        session->tried |= UINT64_C(1) << (session->endpoint - site->endpoints);
    see_hosts(site);
    session->endpoint = choose_endpoint(site, session->tried);
    if (session->endpoint != NULL) {
        connect_session(session);
        return;
    }
    if (has_ready_session(site))
        site->no_connect_until_us = loop_now_us(site->delivery->doors->loop) + HOST_HOLD_US;
    else
        give_up_round(session, end);
    session_end(session);
    work(site);
}

static void
on_closed(void *arg, const struct smtp_end *end)
{
    struct session *session = arg;
    struct site *site = session->site;
    bool is_before_mail = end->loss != LOSS_NONE && end->stage != STAGE_NONE &&
        (end->stage <= STAGE_EHLO);
    struct smtp_client *client = session->client;

    session->client = NULL;
    if (is_before_mail) {
        turned_away(session, end);
    } else {
        session_end(session);
        work(site);
    }
    smtp_client_free(&client);
}

static const struct smtp_client_events client_events = {
    .next = next,
    .write_content = write_content,
    .on_connected = on_connected,
    .on_answer = on_answer,
    .on_idle = on_idle,
    .on_closed = on_closed,
};

/* --- sites ----------------------------------------------------------------------------------- */

static void
on_site_timer(void *arg)
{
    work(arg);
}

static void
work_at(struct site *site, int64_t at_us)
{
    timer_arm(site->delivery->doors->loop, &site->timer, at_us, on_site_timer, site);
}

/* Gives waiting messages to idle sessions, and opens as many as the rule and the backlog ask for. */
static void
work(struct site *site)
{
    int64_t now_us = loop_now_us(site->delivery->doors->loop);

    if (site->ready.count == 0)
        return;
    if (site->paced_until_us > now_us) {
        work_at(site, site->paced_until_us);
        return;
    }
    while (site->first != NULL && site->first->client != NULL &&
        smtp_client_is_idle(site->first->client) &&
        line_first(site->delivery->queue, &site->ready) != 0) {
        struct session *session = site->first;

        session_unlink(session);
        session_link_back(session);
        smtp_client_wake(session->client);
        if (site->paced_until_us > now_us) {
            work_at(site, site->paced_until_us);
            return;
        }
    }
    if (line_first(site->delivery->queue, &site->ready) == 0)
        return;
    if (site->no_connect_until_us > now_us) {
        work_at(site, site->no_connect_until_us);
        return;
    }
    while (site->shaper.connections_open <
        shaper_connections_wanted(&site->shaper, site->ready.count))
        open_session(site);
}

static struct site *
site_for(struct delivery *delivery, const struct route_site *route)
{
    struct site *site;
    char name[32];

    while (delivery->sites_count <= route->number) {
        delivery->sites = mem_grow(delivery->sites, &delivery->sites_capacity,
            delivery->sites_count + 1, sizeof(struct site *));
        delivery->sites[delivery->sites_count++] = NULL;
    }
    if (delivery->sites[route->number] != NULL)
        return delivery->sites[route->number];
    site = mem_alloc_zeroed(sizeof *site);
    site->delivery = delivery;
    site->route = route;
    snprintf(name, sizeof name, "site/%u", (unsigned)route->number);
    site->rng = rng_child(delivery->doors->rng, name);
    shaper_init(&site->shaper, route->rule);
    delivery->sites[route->number] = site;
    return site;
}

/* --- recipients ------------------------------------------------------------------------------ */

static void
direct(struct delivery *delivery, queue_node node)
{
    uint32_t domain = spool_domain(delivery->spool, queue_place(delivery->queue, node));
    struct route_answer answer =
        route_find(delivery->route, domain, spool_domain_name(delivery->spool, domain));
    struct site *site;

    switch (answer.status) {
    case ROUTE_PENDING:
        while (delivery->waiting_count <= domain) {
            delivery->waiting = mem_grow(delivery->waiting, &delivery->waiting_capacity,
                delivery->waiting_count + 1, sizeof *delivery->waiting);
            delivery->waiting[delivery->waiting_count++] = (struct line){0};
        }
        line_push(delivery->queue, &delivery->waiting[domain], node);
        return;
    case ROUTE_SITE:
        site = site_for(delivery, answer.site);
        line_push(delivery->queue, &site->ready, node);
        work(site);
        return;
    case ROUTE_DEFER:
    case ROUTE_FAIL:
        outcome_tell(delivery->desk, node,
            &(struct outcome_answer){.stage = STAGE_CONNECT, .reply = &answer.reply});
        return;
    }
}

static void
on_route(void *arg, uint32_t domain)
{
    struct delivery *delivery = arg;
    struct line line = {0};
    queue_node node;

    if (domain >= delivery->waiting_count)
        return;
    line = delivery->waiting[domain];
    delivery->waiting[domain] = (struct line){0};
    while ((node = line_pop(delivery->queue, &line)) != 0)
        direct(delivery, node);
}

static void
on_due(void *arg, queue_node node)
{
    direct(arg, node);
}

static void
on_expired(void *arg, queue_node node)
{
    struct delivery *delivery = arg;

    outcome_expire(delivery->desk, node);
}

struct delivery *
delivery_new(const struct mta_config *config, const struct mta_doors *doors, struct spool *spool,
    struct efs *efs)
{
    static const struct queue_events queue_events = {.on_due = on_due, .on_expired = on_expired};
    struct delivery *delivery = mem_alloc_zeroed(sizeof *delivery);

    assert(config->source_ips_count > 0);
    delivery->config = config;
    delivery->doors = doors;
    delivery->spool = spool;
    delivery->queue = queue_new(doors->loop, spool, &queue_events, delivery);
    delivery->route =
        route_new(config, doors->loop, doors->resolver, doors->journal, on_route, delivery);
    delivery->desk = outcome_desk_new(config, doors, spool, delivery->queue, efs);
    delivery->source_names = mem_alloc(config->source_ips_count * sizeof(uint32_t));
    for (size_t i = 0; i < config->source_ips_count; i++) {
        text_clear(&delivery->scratch);
        net_address_format(&delivery->scratch, &config->source_ips[i]);
        delivery->source_names[i] =
            journal_name(doors->journal, text_slice(&delivery->scratch));
    }
    return delivery;
}

static void
site_free(struct site *site)
{
    struct session *session;

    while ((session = site->first) != NULL)
        session_end(session);
    timer_cancel(site->delivery->doors->loop, &site->timer);
    shaper_release(&site->shaper);
    mem_free(site);
}

void
delivery_free(struct delivery **delivery)
{
    struct delivery *d = *delivery;

    if (d == NULL)
        return;
    for (size_t i = 0; i < d->sites_count; i++)
        if (d->sites[i] != NULL)
            site_free(d->sites[i]);
    mem_free(d->sites);
    mem_free(d->waiting);
    mem_free(d->source_names);
    route_free(&d->route);
    outcome_desk_free(&d->desk);
    queue_free(&d->queue);
    text_release(&d->scratch);
    mem_free(d);
    *delivery = NULL;
}

void
delivery_add(struct delivery *delivery, struct spool_place place)
{
    direct(delivery, queue_add(delivery->queue, place));
}

void
delivery_totals(const struct delivery *delivery, struct mta_totals *totals)
{
    outcome_totals(delivery->desk, totals);
    totals->connections = delivery->connections_count;
    totals->recipients_waiting = queue_count(delivery->queue);
}

uint64_t
delivery_queue_bytes(const struct delivery *delivery)
{
    return queue_bytes(delivery->queue);
}
