/* test_stream_crowd.c - what holds for many streams at once, on the simulated network and on the
 * kernel's. */
#include "tests/unit/stream_worlds.h"

#include "base/mem.h"

enum { CROWD = 1000 };

struct crowd {
    struct world world;
    struct side clients[CROWD], servers[CROWD];
    size_t accepted;
};

static void
crowd_accept(void *arg, struct stream *stream)
{
    struct crowd *crowd = arg;
    struct side *server = &crowd->servers[crowd->accepted++];

    server->world = &crowd->world;
    server->reply_after = 4;
    on_connected(server, stream, TROUBLE_NONE);
}

static size_t
crowd_count(const struct crowd *crowd)
{
    size_t count = 0;

    for (size_t i = 0; i < CROWD; i++)
        count += crowd->clients[i].heard.length == 2;
    return count;
}

static void
a_thousand_connections_at_once_are_served(void **state)
{
    IN_EVERY_WORLD(kind)
    {
        struct crowd *crowd = mem_alloc_zeroed(sizeof *crowd);
        struct world *world = &crowd->world;

        *world = world_of(kind, NULL);
        listener_close(&world->listener);
        world->listener =
            network_listen(world->network, &world->host, crowd_accept, crowd, &world->err);
        assert_non_null(world->listener);
        for (size_t i = 0; i < CROWD; i++) {
            crowd->clients[i].on_connected_write = "ping";
            start_connecting(world, &crowd->clients[i], &world->host);
        }
        AWAIT(world, crowd_count(crowd) == CROWD);
        assert_int_equal(crowd->accepted, CROWD);
        for (size_t i = 0; i < CROWD; i++) {
            stream_close(&crowd->clients[i].stream);
            if (i % 2 == 0)
                stream_close(&crowd->servers[i].stream);
            text_release(&crowd->clients[i].heard);
            text_release(&crowd->servers[i].heard);
        }
        let_pass(world, 20000);
        network_free(&world->network);
        loop_free(&world->loop);
        mem_free(crowd);
    }
}

static void
a_network_can_go_while_everything_is_open(void **state)
{
    IN_EVERY_WORLD(kind)
    {
        struct side client = {0}, server = {0}, late = {0};
        struct world world = world_of(kind, &server);

        join_either(&world, &client, &server);
        stream_write(client.stream, "on its way", 10);
        start_connecting(&world, &late, &world.host);
        world_free(&world, &client, &server);
        assert_int_equal(late.connected_count, 0);
    }
}

/* ---- everything at once ---- */

enum { CHAOS_PAIRS = 12, CHAOS_STEPS = 3000 };

struct chaos {
    struct world world;
    struct rng rng;
    struct side clients[CHAOS_PAIRS], servers[CHAOS_PAIRS];
};

static void
chaos_accept(void *arg, struct stream *stream)
{
    struct chaos *chaos = arg;

    for (int i = 0; i < CHAOS_PAIRS; i++) {
        struct side *server = &chaos->servers[i];

        if (server->stream != NULL)
            continue;
        server->world = &chaos->world;
        on_connected(server, stream, TROUBLE_NONE);
        server->close_after = rng_odds(&chaos->rng, PPM / 4) ? server->heard.length + 1 : 0;
        return;
    }
    stream_abort(&stream);
}

static void
chaos_disturb(struct chaos *chaos, struct side *side)
{
    static const char bytes[8 * STREAM_HIGH_WATER];

    switch (rng_below(&chaos->rng, 11)) {
    case 0:
        stream_close(&side->stream);
        break;
    case 1:
        stream_abort(&side->stream);
        break;
    case 2:
        stream_pause(side->stream);
        break;
    case 3:
    case 4:
        stream_resume(side->stream);
        break;
    case 5:
        side->leave = rng_below(&chaos->rng, 5);
        stream_set_events(side->stream, &events, side);
        break;
    default:
        stream_write(side->stream, bytes, rng_below(&chaos->rng, 3000));
        if (rng_odds(&chaos->rng, PPM / 5))
            stream_write(side->stream, bytes, sizeof bytes);
        break;
    }
}

/* hear() and the others fail when they are called for a stream that has been closed; the sanitizers
 * see the rest. */
static void
whatever_happens_no_closed_end_is_called(void **state)
{
    IN_EVERY_WORLD(kind)
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct chaos *chaos = mem_alloc_zeroed(sizeof *chaos);
        struct world *world = &chaos->world;

        chaos->rng = rng_from_seed(seed);
        *world = world_of(kind, NULL);
        listener_close(&world->listener);
        world->listener =
            network_listen(world->network, &world->host, chaos_accept, chaos, &world->err);
        assert_non_null(world->listener);
        for (int step = 0; step < CHAOS_STEPS; step++) {
            int i = (int)rng_below(&chaos->rng, CHAOS_PAIRS);
            struct side *side =
                rng_odds(&chaos->rng, PPM / 2) ? &chaos->clients[i] : &chaos->servers[i];

            text_clear(&side->heard);
            if (side->stream != NULL) {
                chaos_disturb(chaos, side);
            } else if (side == &chaos->clients[i] && side->connecting == NULL) {
                *side = (struct side){.heard = side->heard};
                start_connecting(world, side, &world->host);
                if (rng_odds(&chaos->rng, PPM / 10))
                    connecting_cancel(&side->connecting);
            }
            let_pass(world, (int64_t)rng_below(&chaos->rng, kind == SIM ? LATENCY_US : 200));
        }
        for (int i = 0; i < CHAOS_PAIRS; i++) {
            text_release(&chaos->clients[i].heard);
            text_release(&chaos->servers[i].heard);
        }
        network_free(&world->network);
        loop_free(&world->loop);
        mem_free(chaos);
    }
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thousand_connections_at_once_are_served),
        cmocka_unit_test(a_network_can_go_while_everything_is_open),
        cmocka_unit_test(whatever_happens_no_closed_end_is_called),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
