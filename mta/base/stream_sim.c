/* stream_sim.c - a network in virtual time: who listens where, and what connecting comes to.
 *
 * Connecting costs one round trip, so the client is connected at 2 latencies and the server accepts
 * when the client's acknowledgement is there, at 3: its greeting arrives at 4, as on a real wire. */
#include "base/stream_sim.h"

#include "base/stream_pipe.h"

enum { PORT_FIRST = 32768, PORT_LAST = 60999 };

struct sim_listener {
    struct listener base;
    struct sim_network *network;
    uint32_t number; /* of its address */
    accept_fn *fn;
    void *arg;
};

struct sim_connecting {
    struct connecting base;
    struct sim_connecting *next, *previous;
    struct sim_network *network;
    struct sim_host *host; /* NULL: there is no way to it */
    struct net_address from, to;
    int64_t answer_at_us, timeout_at_us;
    struct timer timer;
    connected_fn *fn;
    void *arg;
};

static struct sim_network *
network_of(struct network *network)
{
    return (struct sim_network *)network;
}

/* ---- hosts and addresses ---- */

enum { KEY_BYTES = 19 };

/* Family, address, port: the host is what stands before the port. */
static struct slice
address_key(const struct net_address *address, char key[KEY_BYTES])
{
    assert(address->family == 4 || address->family == 6);
    memset(key, 0, KEY_BYTES);
    key[0] = (char)address->family;
    memcpy(key + 1, address->bytes, address->family == 4 ? 4 : 16);
    memcpy(key + 17, &address->port, 2);
    return (struct slice){key, KEY_BYTES};
}

static struct slice
host_key(const struct net_address *address, char key[KEY_BYTES])
{
    address_key(address, key);
    return (struct slice){key, KEY_BYTES - 2};
}

static struct sim_host *
find_host(struct sim_network *network, const struct net_address *address)
{
    char key[KEY_BYTES];
    uint32_t number;

    if (!map_find(&network->host_addresses, host_key(address, key), &number))
        return NULL;
    return network->hosts[number];
}

static struct sim_host *
make_host(struct sim_network *network, const struct net_address *address)
{
    char key[KEY_BYTES];
    bool is_new;
    uint32_t number = map_put(&network->host_addresses, host_key(address, key), &is_new);

    if (is_new) {
        network->hosts = mem_grow(
            network->hosts, &network->hosts_capacity, number + 1, sizeof network->hosts[0]);
        network->hosts[number] = mem_alloc_zeroed(sizeof *network->hosts[number]);
    }
    return network->hosts[number];
}

static bool
is_reachable(const struct sim_host *host)
{
    return host != NULL && (host->has_link || host->listeners_count > 0);
}

static uint16_t
take_port(struct sim_network *network)
{
    uint16_t port = network->next_port;

    network->next_port = port < PORT_LAST ? port + 1 : PORT_FIRST;
    return port;
}

static bool
find_listener(struct sim_network *network, const struct net_address *at, uint32_t *number)
{
    char key[KEY_BYTES];

    return map_find(&network->addresses, address_key(at, key), number) &&
        network->listeners[*number] != NULL;
}

/* ---- listening ---- */

/* There are far more ports than anybody listens at. */
static struct net_address
with_a_port(struct sim_network *network, struct net_address at)
{
    uint32_t ignored;

    if (at.port != 0)
        return at;
    do {
        at.port = take_port(network);
    } while (find_listener(network, &at, &ignored));
    return at;
}

static struct listener *
listen_at(struct network *base, const struct net_address *wanted, accept_fn *fn, void *arg,
    struct error *err)
{
    struct sim_network *network = network_of(base);
    struct net_address there = with_a_port(network, *wanted);
    const struct net_address *at = &there;
    struct sim_listener *listener;
    char key[KEY_BYTES];
    bool is_new;
    uint32_t number = map_put(&network->addresses, address_key(at, key), &is_new);

    if (is_new) {
        network->listeners = mem_grow(network->listeners, &network->listeners_capacity, number + 1,
            sizeof network->listeners[0]);
        network->listeners[number] = NULL;
    }
    if (network->listeners[number] != NULL) {
        network_cannot_listen(at, NETWORK_TAKEN, err);
        return NULL;
    }
    listener = mem_alloc(sizeof *listener);
    *listener = (struct sim_listener){{base->door}, network, number, fn, arg};
    network->listeners[number] = listener;
    make_host(network, at)->listeners_count++;
    return &listener->base;
}

static struct net_address
listener_address(const struct listener *base)
{
    const struct sim_listener *listener = (const struct sim_listener *)base;
    struct slice key = map_key(&listener->network->addresses, listener->number);
    struct net_address address = {.family = (uint8_t)key.at[0]};

    memcpy(address.bytes, key.at + 1, sizeof address.bytes);
    memcpy(&address.port, key.at + 17, sizeof address.port);
    return address;
}

static void
close_listener(struct listener *base)
{
    struct sim_listener *listener = (struct sim_listener *)base;
    struct net_address host = listener_address(base);

    find_host(listener->network, &host)->listeners_count--;
    listener->network->listeners[listener->number] = NULL;
    mem_free(listener);
}

/* Nobody takes the server's end: it never has an owner, and the client's is cut. */
static void
turn_away(struct connection *connection)
{
    struct stream *server = &connection->ends[1].base;

    stream_abort(&server);
}

static void
on_accept_due(void *arg)
{
    struct connection *connection = arg;
    struct sim_listener *listener = connection->network->listeners[connection->listener];

    if (connection->host->link.fault == NET_FAULT_SILENT)
        return; /* until silence is over */
    if (listener == NULL) {
        turn_away(connection);
        return;
    }
    connection->is_accepted = true;
    connection_enter(connection);
    listener->fn(listener->arg, &connection->ends[1].base);
    connection_leave(connection);
}

/* The timer of the server's news serves twice: there is none before somebody accepts. */
static void
await_acceptance(struct connection *connection)
{
    struct loop *loop = connection->network->loop;

    timer_arm(loop, &connection->ends[1].news,
        loop_now_us(loop) + connection->host->link.latency_us, on_accept_due, connection);
}

/* ---- connecting ---- */

static void
link_connecting(struct sim_connecting *connecting)
{
    struct sim_network *network = connecting->network;

    connecting->previous = NULL;
    connecting->next = network->connecting;
    if (connecting->next != NULL)
        connecting->next->previous = connecting;
    network->connecting = connecting;
}

static void
free_connecting(struct sim_connecting *connecting)
{
    timer_cancel(connecting->network->loop, &connecting->timer);
    if (connecting->next != NULL)
        connecting->next->previous = connecting->previous;
    if (connecting->previous != NULL)
        connecting->previous->next = connecting->next;
    else
        connecting->network->connecting = connecting->next;
    mem_free(connecting);
}

static void
cancel_connecting(struct connecting *base)
{
    free_connecting((struct sim_connecting *)base);
}

/* Who cares not where it comes from comes from the loopback address. */
static struct net_address
choose_local(struct sim_network *network, const struct net_address *from, uint8_t family)
{
    struct net_address local = *from;

    if (local.family == 0) {
        local = (struct net_address){.family = family, .port = from->port};
        if (family == 4)
            local.bytes[0] = 127;
        local.bytes[family == 4 ? 3 : 15] = 1;
    }
    if (local.port == 0)
        local.port = take_port(network);
    return local;
}

static void
settle_trouble(struct sim_connecting *connecting, enum trouble trouble)
{
    connected_fn *fn = connecting->fn;
    void *arg = connecting->arg;

    free_connecting(connecting);
    fn(arg, NULL, trouble);
}

static void
settle_connected(struct sim_connecting *connecting, uint32_t listener)
{
    struct connection *connection = connection_new(connecting->network, connecting->host);
    connected_fn *fn = connecting->fn;
    void *arg = connecting->arg;

    connection->listener = listener;
    connection->addresses[0] = connecting->from;
    connection->addresses[1] = connecting->to;
    free_connecting(connecting);
    await_acceptance(connection);
    connection_enter(connection);
    fn(arg, &connection->ends[0].base, TROUBLE_NONE);
    connection_leave(connection);
}

/* The answer to our SYN is due, or our patience over. */
static void
on_answer_due(void *arg)
{
    struct sim_connecting *connecting = arg;
    struct sim_network *network = connecting->network;
    struct sim_host *host = connecting->host;
    int64_t now_us = loop_now_us(network->loop);
    uint32_t listener;

    if (host == NULL) {
        settle_trouble(connecting, TROUBLE_UNREACHABLE);
    } else if (now_us != connecting->answer_at_us) {
        settle_trouble(connecting, TROUBLE_TIMED_OUT);
    } else if (host->link.fault == NET_FAULT_SILENT) {
        connecting->answer_at_us = INT64_MAX; /* the SYN is lost, and was the only one */
        timer_arm(network->loop, &connecting->timer, connecting->timeout_at_us, on_answer_due,
            connecting);
    } else if (host->link.fault == NET_FAULT_REFUSE ||
        !find_listener(network, &connecting->to, &listener)) {
        settle_trouble(connecting, TROUBLE_REFUSED);
    } else {
        settle_connected(connecting, listener);
    }
}

static struct connecting *
connect_to(struct network *base, const struct net_address *from, const struct net_address *to,
    int64_t timeout_us, connected_fn *fn, void *arg)
{
    struct sim_network *network = network_of(base);
    struct sim_connecting *connecting = mem_alloc_zeroed(sizeof *connecting);
    struct sim_host *host = find_host(network, to);
    int64_t now_us = loop_now_us(network->loop), due_at_us = now_us;

    assert(timeout_us >= 0);
    connecting->base.door = base->door;
    connecting->network = network;
    connecting->to = *to;
    connecting->from = choose_local(network, from, to->family);
    connecting->fn = fn;
    connecting->arg = arg;
    if (is_reachable(host) && connecting->from.family == to->family) {
        connecting->host = host;
        connecting->answer_at_us = now_us + 2 * host->link.latency_us;
        connecting->timeout_at_us = now_us + timeout_us;
        due_at_us = connecting->answer_at_us < connecting->timeout_at_us
            ? connecting->answer_at_us
            : connecting->timeout_at_us;
    }
    link_connecting(connecting);
    timer_arm(network->loop, &connecting->timer, due_at_us, on_answer_due, connecting);
    return &connecting->base;
}

/* ---- the network as a whole ---- */

static void
free_spares(struct sim_network *network)
{
    while (network->spare_connections != NULL) {
        struct connection *connection = network->spare_connections;

        network->spare_connections = connection->next;
        mem_free(connection);
    }
    for (size_t i = 0; i < COUNT_OF(network->spare_segments); i++)
        while (network->spare_segments[i] != NULL) {
            struct segment *segment = network->spare_segments[i];

            network->spare_segments[i] = segment->next;
            mem_free(segment);
        }
}

static void
free_network(struct network *base)
{
    struct sim_network *network = network_of(base);

    assert(network->current == NULL);
    while (network->connecting != NULL)
        free_connecting(network->connecting);
    for (uint32_t i = 0; i < network->host_addresses.count; i++) {
        while (network->hosts[i]->first != NULL)
            connection_free(network->hosts[i]->first);
        mem_free(network->hosts[i]);
    }
    for (uint32_t i = 0; i < network->addresses.count; i++)
        mem_free(network->listeners[i]);
    free_spares(network);
    map_release(&network->host_addresses);
    map_release(&network->addresses);
    mem_free(network->hosts);
    mem_free(network->listeners);
    mem_free(network);
}

static const struct network_door sim_door = {
    .listen = listen_at,
    .listener_local = listener_address,
    .listener_close = close_listener,
    .connect = connect_to,
    .connecting_cancel = cancel_connecting,
    .free = free_network,
};

struct network *
network_sim_new(struct loop *loop, const struct rng *rng)
{
    struct sim_network *network = mem_alloc_zeroed(sizeof *network);

    network->base.door = &sim_door;
    network->loop = loop;
    network->rng = *rng;
    network->next_port = PORT_FIRST;
    return &network->base;
}

void
network_sim_set_link(
    struct network *base, const struct net_address *address, const struct net_link *link)
{
    struct sim_host *host = make_host(network_of(base), address);
    bool is_silence_over = host->link.fault == NET_FAULT_SILENT && link->fault != NET_FAULT_SILENT;

    assert(link->latency_us >= 0);
    host->link = *link;
    host->has_link = true;
    if (!is_silence_over)
        return;
    for (struct connection *c = host->first; c != NULL; c = c->next) {
        if (!c->is_accepted && !c->ends[1].is_closed)
            await_acceptance(c);
        connection_resume(c);
    }
}

struct net_link
network_sim_link(struct network *base, const struct net_address *address)
{
    const struct sim_host *host = find_host(network_of(base), address);

    return host != NULL ? host->link : (struct net_link){0};
}

void
network_sim_reset_open(struct network *base, const struct net_address *address)
{
    struct sim_host *host = find_host(network_of(base), address);
    struct connection *connection = host != NULL ? host->first : NULL, *next;

    for (; connection != NULL; connection = next) {
        next = connection->next;
        if (connection->is_accepted || connection->ends[1].is_closed)
            connection_reset_at(&connection->ends[1]);
        else
            turn_away(connection);
    }
}

uint64_t
network_sim_bytes(const struct network *base)
{
    return ((const struct sim_network *)base)->bytes_delivered;
}
