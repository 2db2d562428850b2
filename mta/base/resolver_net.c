/* resolver_net.c - DNS on the wire: a resolver that asks name servers, by c-ares.
 *
 * c-ares answers from inside its own functions, where nobody may touch it: an answer is kept until a
 * timer of its own tells it. Nor can c-ares cancel a single query: one that nobody listens to any
 * more is let run out. */
#include "base/resolver_net.h"

#include <ares.h>
#include <event2/event.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/ares_net.h"
#include "base/loop_net.h"
#include "base/resolver_net_answer.h"
#include "base/unit.h"

enum {
    TIMEOUT_S = 2,
    TRIES = 2,
    NAME_BYTES_MAX = 255,
    PARTS_MAX = 2,
    PORTION = 64,          /* what a socket's buffer holds in any case */
    IN_FLIGHT_MAX = 16384, /* of 65536 numbers that packets can have */
};

/* One question to the servers. A query for addresses is made of two. */
struct part {
    struct net_query *query;
    enum record_type type;
    struct packet_answer read;
};

struct net_query {
    struct query base;
    struct net_query *next, *previous;
    struct net_resolver *resolver;
    struct timer timer; /* tells the answer */
    answer_fn *fn;      /* NULL: cancelled */
    void *arg;
    struct part parts[PARTS_MAX];
    uint8_t parts_count;
    uint8_t pending_count;
    bool is_waiting; /* in the queue, not asked yet */
    char name[NAME_BYTES_MAX + 1];
};

struct net_resolver {
    struct resolver base;
    struct loop *loop;
    struct ares_net *ares;
    struct net_query *queries; /* all that are not waiting */
    struct net_query *first_waiting, *last_waiting;
    struct event *portion; /* the next one may be sent */
    struct timer on_portion;
    size_t in_flight_count; /* parts */
    bool is_closing;
};

static struct net_resolver *
net_of(struct resolver *resolver)
{
    return (struct net_resolver *)resolver;
}

/* ---- the list of queries ---- */

static void
link_query(struct net_query *query)
{
    struct net_resolver *resolver = query->resolver;

    query->previous = NULL;
    query->next = resolver->queries;
    if (query->next != NULL)
        query->next->previous = query;
    resolver->queries = query;
}

static void
unlink_query(struct net_query *query)
{
    struct net_resolver *resolver = query->resolver;
    bool is_waiting = query->is_waiting;

    if (query->next != NULL)
        query->next->previous = query->previous;
    else if (is_waiting)
        resolver->last_waiting = query->previous;
    if (query->previous != NULL)
        query->previous->next = query->next;
    else if (is_waiting)
        resolver->first_waiting = query->next;
    else
        resolver->queries = query->next;
    query->is_waiting = false;
}

static void
append_waiting(struct net_query *query)
{
    struct net_resolver *resolver = query->resolver;

    query->is_waiting = true;
    query->previous = resolver->last_waiting;
    if (query->previous != NULL)
        query->previous->next = query;
    else
        resolver->first_waiting = query;
    resolver->last_waiting = query;
}

static void
free_query(struct net_query *query)
{
    assert(query->pending_count == 0);
    timer_cancel(query->resolver->loop, &query->timer);
    unlink_query(query);
    for (size_t i = 0; i < PARTS_MAX; i++)
        packet_answer_release(&query->parts[i].read);
    mem_free(query);
}

/* ---- answers ---- */

static void
tell(void *arg)
{
    struct net_query *query = arg;
    struct packet_answer told = query->parts[0].read;
    answer_fn *fn = query->fn;
    void *fn_arg = query->arg;

    for (size_t i = 1; i < query->parts_count; i++)
        packet_answer_add(&told, &query->parts[i].read);
    query->parts[0].read = (struct packet_answer){0};
    free_query(query);
    fn(fn_arg, &told.answer);
    packet_answer_release(&told);
}

static enum dns_status
status_of(int ares_status)
{
    static const struct {
        int ares_status;
        enum dns_status status;
    } rows[] = {
        {ARES_SUCCESS,   DNS_OK       },
        {ARES_ENODATA,   DNS_NO_DATA  },
        {ARES_ENOTFOUND, DNS_NO_NAME  },
        {ARES_EBADNAME,  DNS_NO_NAME  },
        {ARES_ETIMEOUT,  DNS_TIMED_OUT},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (rows[i].ares_status == ares_status)
            return rows[i].status;
    return DNS_SERVFAIL;
}

/* The sockets are looked at between two portions, so nothing piles up in their buffers. A timer of the
 * loop would not do: one that is behind runs all that is due before it looks again. */
static void
send_soon(struct net_resolver *resolver)
{
    static const struct timeval at_once;

    if (resolver->first_waiting != NULL && resolver->in_flight_count < IN_FLIGHT_MAX)
        event_add(resolver->portion, &at_once);
}

/* From inside c-ares. */
static void
on_part(void *arg, int ares_status, int timeouts_count, unsigned char *packet, int length)
{
    struct part *part = arg;
    struct net_query *query = part->query;
    struct net_resolver *resolver = query->resolver;
    enum dns_status status = status_of(ares_status);

    if (status == DNS_OK)
        packet_answer_read(&part->read, part->type, packet, (size_t)length);
    else
        packet_answer_read_negative(
            &part->read, status, packet, packet != NULL ? (size_t)length : 0);
    resolver->in_flight_count--;
    if (--query->pending_count > 0)
        return;
    if (query->fn == NULL || resolver->is_closing)
        free_query(query);
    else
        loop_post(resolver->loop, &query->timer, tell, query);
}

/* ---- questions ---- */

static void
send_query(struct net_query *query)
{
    struct net_resolver *resolver = query->resolver;

    unlink_query(query);
    link_query(query);
    query->pending_count = query->parts_count;
    resolver->in_flight_count += query->parts_count;
    /* The query may be gone after its last part, not before. */
    for (size_t i = 0, count = query->parts_count; i < count; i++)
        ares_net_ask(
            resolver->ares, query->name, (int)query->parts[i].type, on_part, &query->parts[i]);
}

/* After whatever c-ares did. */
static void
go_on(void *arg)
{
    struct net_resolver *resolver = arg;

    ares_net_keep_patience(resolver->ares, resolver->in_flight_count > 0);
    send_soon(resolver);
}

static void
send_portion(void *arg)
{
    struct net_resolver *resolver = arg;

    for (int i = 0; i < PORTION && resolver->first_waiting != NULL; i++) {
        if (resolver->in_flight_count >= IN_FLIGHT_MAX)
            break;
        send_query(resolver->first_waiting);
    }
    go_on(resolver);
}

static void
notice_portion(evutil_socket_t fd, short what, void *arg)
{
    struct net_resolver *resolver = arg;

    loop_net_notice(resolver->loop, &resolver->on_portion, send_portion, resolver);
}

/* c-ares takes a backslash for the beginning of a number. */
static bool
can_be_asked(struct slice name)
{
    if (name.length > NAME_BYTES_MAX)
        return false;
    for (size_t i = 0; i < name.length; i++)
        if (name.at[i] == '\0' || name.at[i] == '\\')
            return false;
    return true;
}

static void
add_part(struct net_query *query, enum record_type type)
{
    query->parts[query->parts_count++] = (struct part){.query = query, .type = type};
}

static void
divide(struct net_query *query, enum dns_type type)
{
    switch (type) {
    case DNS_MX:
        add_part(query, RECORD_MX);
        return;
    case DNS_ADDRESS:
        add_part(query, RECORD_A);
        add_part(query, RECORD_AAAA);
        return;
    case DNS_TXT:
        add_part(query, RECORD_TXT);
        return;
    }
}

static struct query *
ask(struct resolver *base, struct slice name, enum dns_type type, answer_fn *fn, void *arg)
{
    struct net_resolver *resolver = net_of(base);
    struct net_query *query = mem_alloc_zeroed(sizeof *query);

    query->base.door = base->door;
    query->resolver = resolver;
    query->fn = fn;
    query->arg = arg;
    divide(query, type);
    if (can_be_asked(name)) {
        if (name.length > 0)
            memcpy(query->name, name.at, name.length);
        append_waiting(query);
        send_soon(resolver);
    } else {
        query->parts_count = 1;
        query->parts[0].read.answer.status = DNS_NO_NAME;
        link_query(query);
        loop_post(resolver->loop, &query->timer, tell, query);
    }
    return &query->base;
}

static void
cancel(struct query *base)
{
    struct net_query *query = (struct net_query *)base;

    if (query->pending_count > 0)
        query->fn = NULL;
    else
        free_query(query);
}

/* ---- coming and going ---- */

/* The parts that are in flight end here, by on_part(). */
static void
free_resolver(struct resolver *base)
{
    struct net_resolver *resolver = net_of(base);

    resolver->is_closing = true;
    ares_net_free(&resolver->ares);
    while (resolver->queries != NULL)
        free_query(resolver->queries);
    while (resolver->first_waiting != NULL)
        free_query(resolver->first_waiting);
    timer_cancel(resolver->loop, &resolver->on_portion);
    event_free(resolver->portion);
    mem_free(resolver);
}

static const struct resolver_door net_door = {ask, cancel, free_resolver};

static void
with_defaults(struct resolver_net_options *options)
{
    if (options->timeout_us == 0)
        options->timeout_us = (int64_t)TIMEOUT_S * US_PER_S;
    if (options->tries == 0)
        options->tries = TRIES;
}

int64_t
resolver_net_patience_us(const struct resolver_net_options *asked)
{
    struct resolver_net_options options = *asked;
    int64_t servers =
        options.servers_count > 0 ? (int64_t)options.servers_count : RESOLVER_NET_SERVERS_MAX;
    int64_t longest;

    with_defaults(&options);
    longest = options.timeout_us << (options.tries - 1);
    return servers * (2 * longest - options.timeout_us) + longest;
}

static bool
check_options(const struct resolver_net_options *options, struct error *err)
{
    int64_t timeout_us_max = (int64_t)RESOLVER_NET_TIMEOUT_S_MAX * US_PER_S;

    assert(options->servers_count <= RESOLVER_NET_SERVERS_MAX);
    assert((options->servers_count == 0) == (options->resolv_conf != NULL));
    if (options->timeout_us < US_PER_MS || options->timeout_us > timeout_us_max)
        return error_set(
            err, ERROR_CONFIG, "a time-out of DNS is from 1ms to %ds", RESOLVER_NET_TIMEOUT_S_MAX);
    if (options->tries > RESOLVER_NET_TRIES_MAX)
        return error_set(
            err, ERROR_CONFIG, "DNS is tried %d times at most", RESOLVER_NET_TRIES_MAX);
    if (options->resolv_conf != NULL && access(options->resolv_conf, R_OK) != 0)
        return error_set(err, ERROR_NOT_FOUND, "%s: cannot be read", options->resolv_conf);
    return true;
}

struct resolver *
resolver_net_new(struct loop *loop, const struct resolver_net_options *asked, struct error *err)
{
    struct resolver_net_options options = *asked;
    struct net_resolver *resolver;

    with_defaults(&options);
    if (!check_options(&options, err))
        return NULL;
    resolver = mem_alloc_zeroed(sizeof *resolver);
    resolver->base.door = &net_door;
    resolver->loop = loop;
    resolver->portion = evtimer_new(loop_net_base(loop), notice_portion, resolver);
    assert(resolver->portion != NULL);
    resolver->ares = ares_net_new(loop, &options, go_on, resolver, err);
    if (resolver->ares != NULL)
        return &resolver->base;
    free_resolver(&resolver->base);
    return NULL;
}
