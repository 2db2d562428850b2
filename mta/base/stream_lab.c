/* stream_lab.c - a scenario's network played on the kernel's. */
#include "base/stream_lab.h"

#include "base/mem.h"
#include "base/stream_lab_end.h"

struct lab_listener {
    struct listener base;
    struct lab_listener *next;
    struct lab_host *host;
    struct lab_network *network;
    struct net_address at;    /* the scenario's */
    struct net_address bound; /* the inner network's, with its port */
    struct listener *inner;   /* NULL: refusing */
    accept_fn *fn;
    void *arg;
};

struct lab_connecting {
    struct connecting base;
    struct lab_connecting *next, *previous;
    struct lab_network *network;
    struct net_address from, to; /* the scenario's */
    struct connecting *inner;    /* NULL: nobody was asked */
    struct timer timer;          /* then it tells `trouble` */
    enum trouble trouble;
    connected_fn *fn;
    void *arg;
};

static struct lab_network *
network_of(struct network *network)
{
    return (struct lab_network *)network;
}

static const struct lab_network *
const_network_of(const struct network *network)
{
    return (const struct lab_network *)network;
}

/* ---- addresses ---- */

enum { KEY_BYTES = 17, HOSTS_MAX = 1 << 22 };

static struct slice
key_of(const struct net_address *address, char key[KEY_BYTES])
{
    memset(key, 0, KEY_BYTES);
    key[0] = (char)address->family;
    memcpy(key + 1, address->bytes, address->family == 4 ? 4 : 16);
    return (struct slice){key, KEY_BYTES};
}

/* 127.64.0.1 and on: what people call localhost, and what resolvers like to use, is left alone. */
static struct net_address
stand_in(uint32_t number)
{
    const uint32_t place = number + 1;

    assert(number < HOSTS_MAX);
    return (struct net_address){
        .family = 4,
        .bytes = {127, (uint8_t)(64 + (place >> 16)), (uint8_t)(place >> 8), (uint8_t)place}
    };
}

static struct lab_host *
find_host(const struct lab_network *network, const struct net_address *address)
{
    char key[KEY_BYTES];
    uint32_t number;

    return map_find(&network->addresses, key_of(address, key), &number) ? network->hosts[number]
                                                                        : NULL;
}

static struct lab_host *
make_host(struct lab_network *network, const struct net_address *address)
{
    char key[KEY_BYTES];
    bool is_new;
    uint32_t number = map_put(&network->addresses, key_of(address, key), &is_new);
    struct lab_host *host;

    if (!is_new)
        return network->hosts[number];
    host = mem_alloc_zeroed(sizeof *host);
    host->address = *address;
    host->address.port = 0;
    host->inner = network->is_mapped ? stand_in(number) : host->address;
    map_put(&network->inner_bytes, key_of(&host->inner, key), NULL);
    network->hosts =
        mem_grow(network->hosts, &network->hosts_capacity, number + 1, sizeof network->hosts[0]);
    network->hosts[number] = host;
    return host;
}

static struct net_address
inner_of(struct lab_network *network, const struct net_address *address)
{
    struct net_address inner;

    if (address->family == 0)
        return *address;
    inner = make_host(network, address)->inner;
    inner.port = address->port;
    return inner;
}

/* What is nobody's in the scenario is told as it is. */
static struct net_address
outer_of(const struct lab_network *network, const struct net_address *inner)
{
    char key[KEY_BYTES];
    struct net_address outer = *inner;
    uint32_t number;

    if (map_find(&network->inner_bytes, key_of(inner, key), &number))
        outer = network->hosts[number]->address;
    outer.port = inner->port;
    return outer;
}

/* ---- listening ---- */

static void
accept_inner(void *arg, struct stream *inner)
{
    struct lab_listener *listener = arg;
    struct lab_stream *stream = lab_stream_new(listener->network, inner);

    stream->host = listener->host;
    stream->local = listener->at;
    stream->peer = outer_of(listener->network, stream_peer(inner));
    if (lab_stream_is_silent(stream))
        stream_pause(inner);
    listener->fn(listener->arg, &stream->base);
}

static const struct lab_listener *
find_listener(const struct lab_host *host, uint16_t port)
{
    const struct lab_listener *listener = host->listeners;

    while (listener != NULL && listener->at.port != port)
        listener = listener->next;
    return listener;
}

/* The port that the kernel chose the first time is asked for again. */
static bool
open_inner(struct lab_listener *listener, struct error *err)
{
    struct lab_network *network = listener->network;

    listener->inner = network_listen(network->inner, &listener->bound, accept_inner, listener, err);
    if (listener->inner == NULL)
        return false;
    listener->bound = listener_local(listener->inner);
    return true;
}

static struct listener *
listen_at(
    struct network *door, const struct net_address *at, accept_fn *fn, void *arg, struct error *err)
{
    struct lab_network *network = network_of(door);
    struct lab_host *host = make_host(network, at);
    struct lab_listener *listener;

    if (at->port != 0 && find_listener(host, at->port) != NULL) {
        network_cannot_listen(at, NETWORK_TAKEN, err);
        return NULL;
    }
    listener = mem_alloc_zeroed(sizeof *listener);
    *listener = (struct lab_listener){.base = {network->base.door},
        .network = network,
        .host = host,
        .at = *at,
        .bound = host->inner,
        .fn = fn,
        .arg = arg};
    listener->bound.port = network->is_mapped ? 0 : at->port;
    if (!open_inner(listener, err)) {
        mem_free(listener);
        return NULL;
    }
    if (listener->at.port == 0)
        listener->at.port = listener->bound.port;
    if (host->fault == NET_FAULT_REFUSE)
        listener_close(&listener->inner);
    listener->next = host->listeners;
    host->listeners = listener;
    return &listener->base;
}

static void
close_listener(struct listener *door)
{
    struct lab_listener *listener = (struct lab_listener *)door;
    struct lab_listener **link = &listener->host->listeners;

    while (*link != listener)
        link = &(*link)->next;
    *link = listener->next;
    listener_close(&listener->inner);
    mem_free(listener);
}

static struct net_address
listening_at(const struct listener *door)
{
    return ((const struct lab_listener *)door)->at;
}

/* ---- connecting ---- */

static void
forget(struct lab_connecting *connecting)
{
    if (connecting->previous != NULL)
        connecting->previous->next = connecting->next;
    else
        connecting->network->connecting = connecting->next;
    if (connecting->next != NULL)
        connecting->next->previous = connecting->previous;
    timer_cancel(connecting->network->loop, &connecting->timer);
    mem_free(connecting);
}

static void
tell_trouble(void *arg)
{
    struct lab_connecting *connecting = arg;
    connected_fn *fn = connecting->fn;
    void *fn_arg = connecting->arg;
    enum trouble trouble = connecting->trouble;

    forget(connecting);
    fn(fn_arg, NULL, trouble);
}

static void
on_connected(void *arg, struct stream *inner, enum trouble trouble)
{
    struct lab_connecting *connecting = arg;
    struct lab_stream *stream;
    connected_fn *fn = connecting->fn;
    void *fn_arg = connecting->arg;

    connecting->inner = NULL;
    if (inner == NULL) {
        connecting->trouble = trouble;
        tell_trouble(connecting);
        return;
    }
    stream = lab_stream_new(connecting->network, inner);
    stream->local = outer_of(connecting->network, stream_local(inner));
    stream->peer = connecting->to;
    forget(connecting);
    fn(fn_arg, &stream->base, TROUBLE_NONE);
}

bool
network_lab_find(
    const struct network *door, const struct net_address *listening, struct net_address *inner)
{
    const struct lab_host *host = find_host(const_network_of(door), listening);
    const struct lab_listener *listener =
        host != NULL ? find_listener(host, listening->port) : NULL;

    if (listener == NULL)
        return false;
    *inner = listener->bound;
    return true;
}

/* Without a listener there is no port to be refused at: it is told as the simulated network does. In
 * a namespace of our own the kernel knows, since others may listen there. */
static void
begin(struct lab_connecting *connecting, const struct net_address *from, int64_t timeout_us)
{
    struct lab_network *network = connecting->network;
    const struct lab_host *host = find_host(network, &connecting->to);
    struct net_address inner_from = inner_of(network, from), inner_to = connecting->to;
    bool is_known = network_lab_find(&network->base, &connecting->to, &inner_to);
    int64_t now_us = loop_now_us(network->loop);

    if (host != NULL && host->fault == NET_FAULT_SILENT) {
        connecting->trouble = TROUBLE_TIMED_OUT;
        timer_arm(network->loop, &connecting->timer, now_us + timeout_us, tell_trouble, connecting);
    } else if (!is_known && network->is_mapped) {
        bool is_host = host != NULL && host->listeners != NULL;

        connecting->trouble = is_host ? TROUBLE_REFUSED : TROUBLE_UNREACHABLE;
        loop_post(network->loop, &connecting->timer, tell_trouble, connecting);
    } else {
        connecting->inner = network_connect(
            network->inner, &inner_from, &inner_to, timeout_us, on_connected, connecting);
    }
}

static struct connecting *
connect_to(struct network *door, const struct net_address *from, const struct net_address *to,
    int64_t timeout_us, connected_fn *fn, void *arg)
{
    struct lab_network *network = network_of(door);
    struct lab_connecting *connecting = mem_alloc_zeroed(sizeof *connecting);

    *connecting = (struct lab_connecting){.base = {network->base.door},
        .network = network,
        .from = *from,
        .to = *to,
        .fn = fn,
        .arg = arg,
        .next = network->connecting};
    if (connecting->next != NULL)
        connecting->next->previous = connecting;
    network->connecting = connecting;
    begin(connecting, from, timeout_us);
    return &connecting->base;
}

static void
cancel(struct connecting *door)
{
    struct lab_connecting *connecting = (struct lab_connecting *)door;

    connecting_cancel(&connecting->inner);
    forget(connecting);
}

/* ---- the network ---- */

void
network_lab_set_fault(struct network *door, const struct net_address *address, enum net_fault fault)
{
    struct lab_host *host = make_host(network_of(door), address);
    struct error err;

    host->fault = fault;
    for (struct lab_listener *l = host->listeners; l != NULL; l = l->next) {
        if (fault == NET_FAULT_REFUSE)
            listener_close(&l->inner);
        else if (l->inner == NULL)
            (void)open_inner(l, &err); /* somebody took the port: it goes on refusing */
    }
    for (struct lab_stream *s = network_of(door)->streams; s != NULL; s = s->next)
        if (s->host == host)
            lab_stream_follow_silence(s);
}

void
network_lab_reset_open(struct network *door, const struct net_address *address)
{
    struct lab_host *host = make_host(network_of(door), address);

    for (struct lab_stream *s = network_of(door)->streams; s != NULL; s = s->next)
        if (s->host == host)
            lab_stream_reset(s);
}

static void
free_network(struct network *door)
{
    struct lab_network *network = network_of(door);

    while (network->connecting != NULL)
        cancel(&network->connecting->base);
    while (network->streams != NULL) {
        struct stream *open = &network->streams->base;

        stream_close(&open);
    }
    for (uint32_t i = 0; i < network->addresses.count; i++) {
        while (network->hosts[i]->listeners != NULL)
            close_listener(&network->hosts[i]->listeners->base);
        mem_free(network->hosts[i]);
    }
    network_free(&network->inner);
    mem_free(network->hosts);
    map_release(&network->addresses);
    map_release(&network->inner_bytes);
    mem_free(network);
}

static const struct network_door lab_door = {
    .listen = listen_at,
    .listener_close = close_listener,
    .listener_local = listening_at,
    .connect = connect_to,
    .connecting_cancel = cancel,
    .free = free_network,
};

struct network *
network_lab_new(struct loop *loop, struct network *inner, bool is_mapped)
{
    struct lab_network *network = mem_alloc_zeroed(sizeof *network);

    network->base.door = &lab_door;
    network->loop = loop;
    network->inner = inner;
    network->is_mapped = is_mapped;
    return &network->base;
}
