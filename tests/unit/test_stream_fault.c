/* test_stream_fault.c - what the simulated network does to connections on a bad day. */
#include "tests/unit/stream_pair.h"

#include "base/mem.h"

static void
a_connection_is_reset_after_exactly_so_many_bytes(void **state)
{
    static const struct {
        const char *name, *written;
        uint64_t after, after_reply;
        const char *server_hears, *client_hears;
        int client_broken_at, server_broken_at; /* in latencies; 0: not at all */
    } cases[] = {
        {"in the middle",     "abcdef", 4, 0, "abcd",   "",   5, 4},
        {"at the last byte",  "abcdef", 6, 0, "abcdef", "",   5, 4},
        {"not reached",       "abcdef", 7, 0, "abcdef", "ok", 0, 0},
        {"at the first byte", "abcdef", 1, 0, "a",      "",   5, 4},
        {"in the reply",      "abcdef", 0, 1, "abcdef", "o",  5, 6},
        {"after the reply",   "abcdef", 0, 2, "abcdef", "ok", 5, 6},
        {"reply not so long", "abcdef", 0, 3, "abcdef", "ok", 0, 0},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++)
        for (enum net_cut cut = NET_CUT_WHOLE; cut <= NET_CUT_ONE_BYTE; cut++) {
            struct side client = {0}, server = {.reply_after = 6};
            struct world world = world_new(&server);

            print_message("  %s, cut %d\n", cases[i].name, (int)cut);
            if (cases[i].after == 6)
                server.reply_after = 0;
            set_link(&world,
                (struct net_link){.latency_us = LATENCY_US,
                    .cut = cut,
                    .reset_after_bytes = cases[i].after,
                    .reset_after_reply_bytes = cases[i].after_reply});
            join(&world, &client, &server);
            stream_write(client.stream, cases[i].written, strlen(cases[i].written));
            run(&world);
            assert_slice(text_slice(&server.heard), cases[i].server_hears);
            assert_slice(text_slice(&client.heard), cases[i].client_hears);
            assert_int_equal(client.broken_at_us, cases[i].client_broken_at * LATENCY_US);
            assert_int_equal(server.broken_at_us, cases[i].server_broken_at * LATENCY_US);
            world_free(&world, &client, &server);
        }
}

static void
a_resetting_host_cuts_at_the_first_byte_of_the_client(void **state)
{
    struct side client = {0}, server = {.on_connected_write = "220\r\n"};
    struct world world = world_new(&server);

    set_link(&world, (struct net_link){.latency_us = LATENCY_US, .fault = NET_FAULT_RESET});
    join(&world, &client, &server);
    run(&world);
    assert_slice(text_slice(&client.heard), "220\r\n");
    assert_int_equal(client.broken_count, 0);
    stream_write(client.stream, "E", 1);
    run(&world);
    assert_int_equal(server.heard.length, 0);
    assert_int_equal(server.broken_count, 1);
    assert_int_equal(client.broken_count, 1);
    assert_int_equal(client.broken_at_us - server.broken_at_us, LATENCY_US);
    world_free(&world, &client, &server);
}

static void
silence_holds_everything_until_it_is_lifted(void **state)
{
    struct side client = {0}, server = {0};
    struct world world = world_new(&server);

    join(&world, &client, &server);
    stream_write(client.stream, "on its way, ", 12);
    set_link(&world, (struct net_link){.latency_us = LATENCY_US, .fault = NET_FAULT_SILENT});
    run_until(&world, 5000000);
    stream_write(client.stream, "written meanwhile", 17);
    stream_write(server.stream, "and back", 8);
    run_until(&world, 60000000);
    assert_int_equal(server.offers_count + client.offers_count, 0);
    set_link(&world, (struct net_link){.latency_us = LATENCY_US});
    run(&world);
    assert_slice(text_slice(&server.heard), "on its way, written meanwhile");
    assert_slice(text_slice(&client.heard), "and back");
    assert_int_equal(server.heard_at_us, 60000000 + LATENCY_US);
    assert_int_equal(client.heard_at_us, 60000000 + LATENCY_US);
    world_free(&world, &client, &server);
}

static void
silence_in_the_handshake_delays_the_accept(void **state)
{
    struct side client = {.on_connected_write = "early"}, server = {0};
    struct world world = world_new(&server);

    server.world = &world;
    start_connecting(&world, &client, &world.host);
    run_until(&world, 2 * LATENCY_US);
    set_link(&world, (struct net_link){.latency_us = LATENCY_US, .fault = NET_FAULT_SILENT});
    run_until(&world, 1000000);
    assert_null(server.stream);
    set_link(&world, (struct net_link){.latency_us = LATENCY_US});
    run(&world);
    assert_int_equal(server.connected_at_us, 1000000 + LATENCY_US);
    assert_slice(text_slice(&server.heard), "early");
    world_free(&world, &client, &server);
}

static void
a_reset_of_the_host_reaches_every_open_connection(void **state)
{
    struct side clients[3] = {0}, server = {0}, other = {0};
    struct world world = world_new(&server);
    struct net_address elsewhere = address_of("192.0.2.2", 25);
    struct listener *listener;

    other.world = &world;
    join(&world, &clients[0], &server);
    listener = network_listen(world.network, &elsewhere, on_accept, &other, &world.err);
    assert_non_null(listener);
    start_connecting(&world, &clients[1], &elsewhere);
    run(&world);
    start_connecting(&world, &clients[2], &world.host);
    run_until(&world, loop_now_us(world.loop) + 2 * LATENCY_US); /* not accepted yet */
    network_sim_reset_open(world.network, &world.host);
    assert_int_equal(server.broken_count, 0); /* not inside the call */
    run(&world);
    assert_int_equal(server.broken_count, 1);
    assert_int_equal(clients[0].broken_count, 1);
    assert_int_equal(clients[1].broken_count + other.broken_count, 0);
    assert_int_equal(clients[2].broken_count, 1);
    assert_int_equal(clients[0].broken_at_us - server.broken_at_us, LATENCY_US);
    network_sim_reset_open(world.network, &world.host); /* again: nothing is open */
    run(&world);
    assert_int_equal(server.broken_count, 1);
    for (int i = 0; i < 3; i++)
        stream_close(&clients[i].stream);
    stream_close(&server.stream);
    world_free(&world, &clients[0], &server);
}

static void
refusing_alone_leaves_open_connections(void **state)
{
    struct side client = {0}, server = {0}, late = {0};
    struct world world = world_new(&server);

    join(&world, &client, &server);
    set_link(&world, (struct net_link){.latency_us = LATENCY_US, .fault = NET_FAULT_REFUSE});
    start_connecting(&world, &late, &world.host);
    stream_write(client.stream, "still here", 10);
    run(&world);
    assert_int_equal(late.trouble, TROUBLE_REFUSED);
    assert_slice(text_slice(&server.heard), "still here");
    assert_int_equal(network_sim_link(world.network, &world.host).fault, NET_FAULT_REFUSE);
    world_free(&world, &client, &server);
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
chaos_disturb_network(struct chaos *chaos)
{
    struct net_link link = {.latency_us = (int64_t)rng_below(&chaos->rng, 3) * LATENCY_US,
        .bytes_per_s = rng_odds(&chaos->rng, PPM / 2) ? 2000000 : 0,
        .cut = (enum net_cut)rng_below(&chaos->rng, 3),
        .reset_after_bytes = rng_odds(&chaos->rng, PPM / 4) ? rng_below(&chaos->rng, 9000) : 0};

    if (rng_odds(&chaos->rng, PPM / 2))
        link.fault = (enum net_fault)rng_below(&chaos->rng, 4);
    set_link(&chaos->world, link);
    if (rng_odds(&chaos->rng, PPM / 8))
        network_sim_reset_open(chaos->world.network, &chaos->world.host);
}

static void
chaos_disturb_side(struct chaos *chaos, struct side *side)
{
    static const char bytes[STREAM_HIGH_WATER];

    switch (rng_below(&chaos->rng, 10)) {
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
        if (rng_odds(&chaos->rng, PPM / 20))
            stream_write(side->stream, bytes, sizeof bytes);
        break;
    }
}

static void
chaos_connect(struct chaos *chaos, struct side *side)
{
    *side = (struct side){.heard = side->heard};
    start_connecting(&chaos->world, side, &chaos->world.host);
    if (rng_odds(&chaos->rng, PPM / 10))
        connecting_cancel(&side->connecting);
}

/* hear() and the others fail when they are called for a stream that has been closed; the sanitizers
 * see the rest. */
static void
whatever_happens_no_closed_end_is_called(void **state)
{
    for (uint64_t seed = 1; seed <= 30; seed++) {
        struct chaos *chaos = mem_alloc_zeroed(sizeof *chaos);
        struct listener *listener;

        print_message("  seed %d\n", (int)seed);
        chaos->rng = rng_from_seed(seed);
        chaos->world = world_new(NULL);
        listener_close(&chaos->world.listener);
        listener = network_listen(
            chaos->world.network, &chaos->world.host, chaos_accept, chaos, &chaos->world.err);
        assert_non_null(listener);
        for (int step = 0; step < CHAOS_STEPS; step++) {
            int i = (int)rng_below(&chaos->rng, CHAOS_PAIRS);
            struct side *side =
                rng_odds(&chaos->rng, PPM / 2) ? &chaos->clients[i] : &chaos->servers[i];

            text_clear(&side->heard);
            if (step % 50 == 0)
                chaos_disturb_network(chaos);
            if (side->stream != NULL)
                chaos_disturb_side(chaos, side);
            else if (side == &chaos->clients[i] && side->connecting == NULL)
                chaos_connect(chaos, side);
            run_until(&chaos->world,
                loop_now_us(chaos->world.loop) + (int64_t)rng_below(&chaos->rng, LATENCY_US));
        }
        for (int i = 0; i < CHAOS_PAIRS; i++) {
            text_release(&chaos->clients[i].heard);
            text_release(&chaos->servers[i].heard);
        }
        network_free(&chaos->world.network);
        loop_free(&chaos->world.loop);
        mem_free(chaos);
    }
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_is_reset_after_exactly_so_many_bytes),
        cmocka_unit_test(a_resetting_host_cuts_at_the_first_byte_of_the_client),
        cmocka_unit_test(silence_holds_everything_until_it_is_lifted),
        cmocka_unit_test(silence_in_the_handshake_delays_the_accept),
        cmocka_unit_test(a_reset_of_the_host_reaches_every_open_connection),
        cmocka_unit_test(refusing_alone_leaves_open_connections),
        cmocka_unit_test(whatever_happens_no_closed_end_is_called),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
