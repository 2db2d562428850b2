/* stream_worlds.h - the pair of stream_pair.h on either network, so that one body claims for both. */
#ifndef MTALAB_TESTS_STREAM_WORLDS_H
#define MTALAB_TESTS_STREAM_WORLDS_H

#include "tests/unit/stream_pair.h"

#include "base/loop_net.h"
#include "base/stream_lab.h"
#include "base/stream_net.h"

enum kind { SIM, NET_IPV4, NET_IPV6, LAB, KINDS };

static const char *const kind_names[KINDS] = {"simulated", "IPv4", "IPv6", "lab"};

#define IN_EVERY_WORLD(kind)                                                                      \
    for (enum kind kind = SIM; kind < KINDS && (print_message("  %s\n", kind_names[kind]), true); \
         kind++)

/* The lab keeps the address and port of the simulated world, and plays them on the loopback. */
static inline struct world
net_world_new(enum kind kind, struct side *server)
{
    static const char *const hosts[KINDS] = {
        [NET_IPV4] = "127.0.0.1", [NET_IPV6] = "::1", [LAB] = "192.0.2.1"};
    struct world world = {.host = address_of(hosts[kind], kind == LAB ? 25 : 0)};

    world.loop = loop_net_new(0, 1, &world.err);
    assert_non_null(world.loop);
    world.network = network_net_new(world.loop, NULL);
    if (kind == LAB)
        world.network = network_lab_new(world.loop, world.network, true);
    world.listener = network_listen(world.network, &world.host, on_accept, server, &world.err);
    assert_non_null(world.listener);
    world.host = listener_local(world.listener);
    assert_int_not_equal(world.host.port, 0);
    return world;
}

static inline struct world
world_of(enum kind kind, struct side *server)
{
    if (kind == SIM)
        return world_new(server);
    return net_world_new(kind, server);
}

static inline void
let_pass(struct world *world, int64_t us)
{
    run_until(world, loop_now_us(world->loop) + us);
}

/* Half a minute of either time is for ever. */
#define AWAIT(world, condition)                \
    for (int step = 0; !(condition); step++) { \
        assert_true(step < 30000);             \
        let_pass(world, 1000);                 \
    }

static inline void
join_either(struct world *world, struct side *client, struct side *server)
{
    server->world = world;
    start_connecting(world, client, &world->host);
    AWAIT(world, client->stream != NULL && server->stream != NULL);
}

#endif
