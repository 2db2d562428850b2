/* stream_pair.h - two ends on a simulated network, and everything they were told. */
#ifndef MTALAB_TESTS_STREAM_PAIR_H
#define MTALAB_TESTS_STREAM_PAIR_H

#include "tests/unit.h"

#include "base/stream_sim.h"

enum { LATENCY_US = 10000, TIMEOUT_US = 30000000 };

struct world {
    struct loop *loop;
    struct network *network;
    struct net_address host; /* 192.0.2.1 port 25 */
    struct listener *listener;
    struct error err;
};

/* One end, and everything it was told. */
struct side {
    struct world *world;
    struct stream *stream;
    struct connecting *connecting;
    struct text heard;
    size_t leave; /* bytes to leave unconsumed, if there are that many */
    int offers_count, drained_count, ends_count, broken_count, connected_count;
    int64_t connected_at_us, heard_at_us, end_at_us, broken_at_us;
    enum trouble trouble; /* of the connect */
    const char *on_connected_write;
    size_t close_after; /* bytes heard; 0: never */
    size_t reply_after; /* likewise: then "ok" is written */
    bool pause_after_offer;
};

static inline int64_t
now_us(const struct side *side)
{
    return loop_now_us(side->world->loop);
}

static inline size_t
hear(void *arg, struct slice bytes)
{
    struct side *side = arg;
    size_t consumed = bytes.length > side->leave ? bytes.length - side->leave : 0;

    assert_non_null(side->stream);
    assert_true(bytes.length > 0);
    side->offers_count++;
    side->heard_at_us = now_us(side);
    text_add(&side->heard, bytes.at, consumed);
    if (side->reply_after > 0 && side->heard.length >= side->reply_after) {
        stream_write(side->stream, "ok", 2);
        side->reply_after = 0;
    }
    if (side->pause_after_offer)
        stream_pause(side->stream);
    if (side->close_after > 0 && side->heard.length >= side->close_after)
        stream_close(&side->stream);
    return consumed;
}

static inline void
note_drained(void *arg)
{
    struct side *side = arg;

    assert_non_null(side->stream);
    side->drained_count++;
}

static inline void
note_end(void *arg)
{
    struct side *side = arg;

    assert_non_null(side->stream);
    side->ends_count++;
    side->end_at_us = now_us(side);
}

static inline void
note_broken(void *arg, enum trouble trouble)
{
    struct side *side = arg;

    assert_non_null(side->stream);
    assert_int_equal(trouble, TROUBLE_RESET);
    side->broken_count++;
    side->broken_at_us = now_us(side);
}

static const struct stream_events events = {hear, note_drained, note_end, note_broken};

static inline void
on_connected(void *arg, struct stream *stream, enum trouble trouble)
{
    struct side *side = arg;

    assert_true((stream == NULL) == (trouble != TROUBLE_NONE));
    side->connecting = NULL;
    side->connected_count++;
    side->connected_at_us = now_us(side);
    side->trouble = trouble;
    side->stream = stream;
    if (stream == NULL)
        return;
    stream_set_events(stream, &events, side);
    if (side->on_connected_write != NULL)
        stream_write(stream, side->on_connected_write, strlen(side->on_connected_write));
}

static inline void
on_accept(void *arg, struct stream *stream)
{
    on_connected(arg, stream, TROUBLE_NONE);
}

static inline struct net_address
address_of(const char *text, uint16_t port)
{
    struct net_address address;

    assert_true(net_address_parse(slice_of(text), &address));
    address.port = port;
    return address;
}

static inline void
set_link(struct world *world, struct net_link link)
{
    network_sim_set_link(world->network, &world->host, &link);
}

/* A world with one listener, which hands over to `server`. */
static inline struct world
world_new(struct side *server)
{
    struct rng rng = rng_from_seed(7);
    struct world world = {.loop = loop_sim_new(0), .host = address_of("192.0.2.1", 25)};

    world.network = network_sim_new(world.loop, &rng);
    set_link(&world, (struct net_link){.latency_us = LATENCY_US});
    world.listener = network_listen(world.network, &world.host, on_accept, server, &world.err);
    assert_non_null(world.listener);
    return world;
}

static inline void
run_until(struct world *world, int64_t until_us)
{
    assert_true(loop_run(world->loop, until_us, &world->err));
}

static inline void
run(struct world *world)
{
    run_until(world, INT64_MAX);
}

static inline void
start_connecting(struct world *world, struct side *client, const struct net_address *to)
{
    static const struct net_address any;

    client->world = world;
    client->connecting =
        network_connect(world->network, &any, to, TIMEOUT_US, on_connected, client);
    assert_non_null(client->connecting);
    assert_int_equal(client->connected_count, 0); /* never inside the call */
}

static inline void
join(struct world *world, struct side *client, struct side *server)
{
    server->world = world;
    start_connecting(world, client, &world->host);
    run_until(world, loop_now_us(world->loop) + 3 * LATENCY_US);
    assert_non_null(client->stream);
    assert_non_null(server->stream);
}

static inline void
world_free(struct world *world, struct side *client, struct side *server)
{
    text_release(&client->heard);
    text_release(&server->heard);
    network_free(&world->network);
    loop_free(&world->loop);
}

#endif
