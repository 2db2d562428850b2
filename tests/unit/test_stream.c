/* test_stream.c - the simulated network: what arrives, and when. */
#include "tests/unit/stream_pair.h"

#include "base/mem.h"

/* ---- addresses ---- */

static void
addresses_are_read_and_written(void **state)
{
    static const struct {
        const char *text;
        bool is_good;
        uint8_t family;
        const char *formatted;
    } cases[] = {
        {"192.0.2.1",                                              true,  4, "192.0.2.1"       },
        {"255.255.255.255",                                        true,  4, "255.255.255.255" },
        {"2001:DB8:0::1",                                          true,  6, "2001:db8::1"     },
        {"::",                                                     true,  6, "::"              },
        {"::ffff:192.0.2.1",                                       true,  6, "::ffff:192.0.2.1"},
        {"",                                                       false, 0, ""                },
        {"192.0.2",                                                false, 0, ""                },
        {"192.0.2.256",                                            false, 0, ""                },
        {"192.0.2.1 ",                                             false, 0, ""                },
        {"192.0.2.1:25",                                           false, 0, ""                },
        {"[2001:db8::1]",                                          false, 0, ""                },
        {"2001:db8::1::2",                                         false, 0, ""                },
        {"mx1.bigmail.test",                                       false, 0, ""                },
        {"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb", false, 0, ""                },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct net_address address = {.port = 99};
        struct text out = {0};

        print_message("  %s\n", cases[i].text);
        assert_int_equal(net_address_parse(slice_of(cases[i].text), &address), cases[i].is_good);
        if (!cases[i].is_good) {
            assert_int_equal(address.port, 99); /* left alone */
            continue;
        }
        assert_int_equal(address.family, cases[i].family);
        assert_int_equal(address.port, 0);
        net_address_format(&out, &address);
        assert_string_equal(text_string(&out), cases[i].formatted);
        text_release(&out);
    }
    assert_false(net_address_parse((struct slice){"1.2.3.4\0", 8}, &(struct net_address){0}));
}

static void
the_same_host_may_have_another_port(void **state)
{
    struct net_address a = address_of("192.0.2.1", 25), b = address_of("192.0.2.1", 587);
    struct net_address c = address_of("192.0.2.2", 25), d = address_of("c000:201::", 25);

    assert_true(net_address_same_host(&a, &b));
    assert_false(net_address_equals(&a, &b));
    assert_false(net_address_same_host(&a, &c));
    assert_false(net_address_same_host(&a, &d)); /* the same bytes in another family */
    assert_string_equal(trouble_name(TROUBLE_TIMED_OUT), "timed_out");
}

/* ---- connecting ---- */

static void
connecting_costs_a_round_trip(void **state)
{
    struct side client = {0}, server = {.on_connected_write = "220 hello\r\n"};
    struct world world = world_new(&server);

    join(&world, &client, &server);
    assert_int_equal(client.connected_at_us, 2 * LATENCY_US);
    assert_int_equal(server.connected_at_us, 3 * LATENCY_US);
    run(&world);
    assert_int_equal(client.heard_at_us, 4 * LATENCY_US); /* as on a real wire */
    assert_slice(text_slice(&client.heard), "220 hello\r\n");
    assert_true(net_address_equals(stream_peer(client.stream), &world.host));
    assert_true(net_address_equals(stream_local(server.stream), &world.host));
    assert_true(net_address_equals(stream_local(client.stream), stream_peer(server.stream)));
    assert_int_equal(stream_local(client.stream)->family, 4);
    assert_true(stream_local(client.stream)->port >= 1024);
    world_free(&world, &client, &server);
}

static void
connecting_fails_in_its_own_time(void **state)
{
    static const struct {
        const char *name, *to;
        uint16_t port;
        enum net_fault fault;
        int64_t latency_us;
        enum trouble trouble;
        int64_t at_us;
    } cases[] = {
        {"nobody at this port", "192.0.2.1",   26, NET_FAULT_NONE,   LATENCY_US,     TROUBLE_REFUSED,
         2 * LATENCY_US                                                                                             },
        {"no such host",        "192.0.2.99",  25, NET_FAULT_NONE,   LATENCY_US,     TROUBLE_UNREACHABLE, 0         },
        {"the host refuses",    "192.0.2.1",   25, NET_FAULT_REFUSE, LATENCY_US,     TROUBLE_REFUSED,
         2 * LATENCY_US                                                                                             },
        {"the host is silent",  "192.0.2.1",   25, NET_FAULT_SILENT, LATENCY_US,     TROUBLE_TIMED_OUT,
         TIMEOUT_US                                                                                                 },
        {"silent, no listener", "192.0.2.1",   26, NET_FAULT_SILENT, LATENCY_US,     TROUBLE_TIMED_OUT,
         TIMEOUT_US                                                                                                 },
        {"the way is too long", "192.0.2.1",   25, NET_FAULT_NONE,   TIMEOUT_US,     TROUBLE_TIMED_OUT,
         TIMEOUT_US                                                                                                 },
        {"just in time",        "192.0.2.1",   25, NET_FAULT_NONE,   TIMEOUT_US / 2, TROUBLE_NONE,        TIMEOUT_US},
        {"no common family",    "2001:db8::1", 25, NET_FAULT_NONE,   LATENCY_US,     TROUBLE_UNREACHABLE, 0         },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct side client = {0}, server = {0};
        struct world world = world_new(&server);
        struct net_address to = address_of(cases[i].to, cases[i].port);

        print_message("  %s\n", cases[i].name);
        server.world = &world;
        set_link(
            &world, (struct net_link){.latency_us = cases[i].latency_us, .fault = cases[i].fault});
        start_connecting(&world, &client, &to);
        run(&world);
        assert_int_equal(client.connected_count, 1);
        assert_int_equal(client.trouble, cases[i].trouble);
        assert_int_equal(client.connected_at_us, cases[i].at_us);
        world_free(&world, &client, &server);
    }
}

static void
a_cancelled_connect_says_nothing(void **state)
{
    struct side client = {0}, server = {0};
    struct world world = world_new(&server);

    start_connecting(&world, &client, &world.host);
    run_until(&world, LATENCY_US);
    connecting_cancel(&client.connecting);
    assert_null(client.connecting);
    run(&world);
    assert_int_equal(client.connected_count, 0);
    assert_int_equal(server.connected_count, 0);
    world_free(&world, &client, &server);
}

static void
an_address_is_listened_at_once_only(void **state)
{
    struct side client = {0}, server = {0};
    struct world world = world_new(&server);
    struct listener *second;

    assert_null(network_listen(world.network, &world.host, on_accept, &server, &world.err));
    assert_int_equal(world.err.kind, ERROR_WORLD);
    assert_non_null(strstr(world.err.text, "192.0.2.1 port 25"));
    listener_close(&world.listener);
    second = network_listen(world.network, &world.host, on_accept, &server, &world.err);
    assert_non_null(second);
    join(&world, &client, &server);
    listener_close(&second);
    stream_write(client.stream, "still here", 10); /* open streams stay */
    run(&world);
    assert_slice(text_slice(&server.heard), "still here");
    world_free(&world, &client, &server);
}

static void
a_listener_that_closes_before_it_accepts_resets(void **state)
{
    struct side client = {0}, server = {0};
    struct world world = world_new(&server);

    start_connecting(&world, &client, &world.host);
    run_until(&world, 2 * LATENCY_US);
    assert_non_null(client.stream);
    listener_close(&world.listener);
    run(&world);
    assert_int_equal(server.connected_count, 0);
    assert_int_equal(client.broken_at_us, 4 * LATENCY_US);
    stream_close(&client.stream);
    world_free(&world, &client, &server);
}

/* ---- bytes ---- */

static void
writes_of_one_instant_travel_as_one(void **state)
{
    struct side client = {0}, server = {0};
    struct world world = world_new(&server);
    struct text sent = {0};

    join(&world, &client, &server);
    for (int i = 0; i < 1000; i++) {
        text_printf(&sent, "line %d\r\n", i);
        stream_write(client.stream, sent.bytes + sent.length - 7, 7);
    }
    assert_int_equal(server.offers_count, 0);
    run(&world);
    assert_int_equal(server.offers_count, 1);
    assert_int_equal(server.heard.length, 7000);
    assert_int_equal(server.heard_at_us, 4 * LATENCY_US);
    assert_int_equal(network_sim_bytes(world.network), 7000);
    text_release(&sent);
    world_free(&world, &client, &server);
}

static void
what_is_left_is_offered_again_in_front(void **state)
{
    struct side client = {0}, server = {.leave = 3};
    struct world world = world_new(&server);

    join(&world, &client, &server);
    stream_write(client.stream, "abcdef", 6);
    run(&world);
    assert_slice(text_slice(&server.heard), "abc");
    assert_int_equal(server.offers_count, 1);
    stream_write(client.stream, "ghi", 3);
    run(&world);
    assert_slice(text_slice(&server.heard), "abcdef");
    server.leave = 0;
    stream_set_events(server.stream, &events, &server); /* a new reader is shown what waits */
    run(&world);
    assert_slice(text_slice(&server.heard), "abcdefghi");
    world_free(&world, &client, &server);
}

static void
bandwidth_spaces_the_segments(void **state)
{
    struct side client = {0}, server = {0};
    struct world world = world_new(&server);
    char bytes[1000];

    memset(bytes, 'x', sizeof bytes);
    join(&world, &client, &server);
    set_link(&world, (struct net_link){.latency_us = LATENCY_US, .bytes_per_s = 1000});
    stream_write(client.stream, bytes, 500); /* 0.5 s on the line */
    stream_write(client.stream, bytes, 500); /* and as much again */
    run_until(&world, loop_now_us(world.loop) + 100000);
    stream_write(client.stream, bytes, 250); /* behind the first second */
    run(&world);
    assert_int_equal(server.offers_count, 2);
    assert_int_equal(server.heard_at_us, 3 * LATENCY_US + 1250000 + LATENCY_US);
    world_free(&world, &client, &server);
}

static void
less_latency_lets_nothing_overtake(void **state)
{
    struct side client = {0}, server = {0};
    struct world world = world_new(&server);

    join(&world, &client, &server);
    set_link(&world, (struct net_link){.latency_us = 50000});
    stream_write(client.stream, "first ", 6);
    run_until(&world, loop_now_us(world.loop) + 1);
    set_link(&world, (struct net_link){.latency_us = 1});
    stream_write(client.stream, "second", 6);
    run(&world);
    assert_slice(text_slice(&server.heard), "first second");
    assert_int_equal(server.heard_at_us, 3 * LATENCY_US + 50000);
    world_free(&world, &client, &server);
}

static void
without_latency_all_happens_now_but_not_inside_the_call(void **state)
{
    struct side client = {.on_connected_write = "ping"}, server = {.reply_after = 4};
    struct world world = world_new(&server);

    set_link(&world, (struct net_link){0});
    server.world = &world;
    start_connecting(&world, &client, &world.host);
    run(&world);
    assert_slice(text_slice(&server.heard), "ping");
    assert_slice(text_slice(&client.heard), "ok");
    assert_int_equal(loop_now_us(world.loop), 0);
    world_free(&world, &client, &server);
}

/* ---- backpressure ---- */

static void
a_paused_reader_holds_the_writer_back(void **state)
{
    struct side client = {0}, server = {0};
    struct world world = world_new(&server);
    size_t total = 3 * STREAM_HIGH_WATER + 17;
    char *bytes = mem_alloc(total);

    for (size_t i = 0; i < total; i++)
        bytes[i] = (char)(i * 31 >> 3);
    join(&world, &client, &server);
    stream_pause(server.stream);
    stream_write(client.stream, bytes, 1);
    assert_int_equal(stream_unsent(client.stream), 0);
    stream_write(client.stream, bytes + 1, total - 1);
    assert_int_equal(stream_unsent(client.stream), total - STREAM_HIGH_WATER);
    run(&world);
    assert_int_equal(server.offers_count, 0);
    assert_int_equal(client.drained_count, 0);
    stream_resume(server.stream);
    assert_int_equal(server.offers_count, 0); /* not inside the call */
    run(&world);
    assert_int_equal(stream_unsent(client.stream), 0);
    assert_int_equal(client.drained_count, 1);
    assert_int_equal(server.heard.length, total);
    assert_memory_equal(server.heard.bytes, bytes, total);
    mem_free(bytes);
    world_free(&world, &client, &server);
}

static void
a_reader_that_pauses_after_each_offer_gets_all(void **state)
{
    struct side client = {0}, server = {.pause_after_offer = true, .leave = 2};
    struct world world = world_new(&server);

    join(&world, &client, &server);
    set_link(&world, (struct net_link){.latency_us = LATENCY_US});
    stream_write(client.stream, "abcdef", 6);
    stream_shut(client.stream);
    run(&world);
    assert_slice(text_slice(&server.heard), "abcd");
    assert_int_equal(server.ends_count, 0); /* the end comes after the bytes */
    server.leave = 0;
    stream_resume(server.stream);
    run(&world);
    assert_slice(text_slice(&server.heard), "abcdef");
    assert_int_equal(server.ends_count, 0);
    stream_resume(server.stream);
    run(&world);
    assert_int_equal(server.ends_count, 1);
    world_free(&world, &client, &server);
}

/* ---- ends ---- */

static void
a_half_closed_stream_still_hears(void **state)
{
    struct side client = {0}, server = {.reply_after = 4};
    struct world world = world_new(&server);

    join(&world, &client, &server);
    stream_write(client.stream, "quit", 4);
    stream_shut(client.stream);
    run(&world);
    assert_int_equal(server.ends_count, 1);
    assert_slice(text_slice(&client.heard), "ok");
    stream_close(&server.stream);
    run(&world);
    assert_int_equal(client.ends_count, 1);
    assert_int_equal(client.broken_count + server.broken_count, 0);
    stream_close(&client.stream);
    world_free(&world, &client, &server);
}

static void
what_was_unsent_at_a_close_still_goes(void **state)
{
    struct side client = {0}, server = {0};
    struct world world = world_new(&server);
    size_t total = 2 * STREAM_HIGH_WATER;
    char *bytes = mem_alloc_zeroed(total);

    join(&world, &client, &server);
    stream_pause(server.stream);
    stream_write(client.stream, bytes, total);
    stream_close(&client.stream);
    run(&world);
    stream_resume(server.stream);
    run(&world);
    assert_int_equal(server.heard.length, total);
    assert_int_equal(server.ends_count, 1);
    assert_int_equal(client.drained_count, 0);
    stream_close(&server.stream);
    mem_free(bytes);
    world_free(&world, &client, &server);
}

static void
writing_to_who_has_closed_is_answered_by_a_reset(void **state)
{
    struct side client = {0}, server = {0};
    struct world world = world_new(&server);

    join(&world, &client, &server);
    stream_write(server.stream, "421 bye\r\n", 9);
    stream_close(&server.stream);
    stream_write(client.stream, "MAIL\r\n", 6); /* on its way at the same time */
    run(&world);
    assert_slice(text_slice(&client.heard), "421 bye\r\n");
    assert_int_equal(client.end_at_us, 4 * LATENCY_US);
    assert_int_equal(client.broken_at_us, 5 * LATENCY_US);
    stream_write(client.stream, "lost", 4);
    stream_close(&client.stream);
    run(&world);
    world_free(&world, &client, &server);
}

static void
an_abort_loses_what_is_unsent_and_resets_the_peer(void **state)
{
    struct side client = {0}, server = {0};
    struct world world = world_new(&server);
    size_t total = 2 * STREAM_HIGH_WATER;
    char *bytes = mem_alloc_zeroed(total);

    join(&world, &client, &server);
    stream_write(client.stream, bytes, total);
    stream_write(server.stream, "never heard", 11);
    stream_abort(&client.stream);
    assert_null(client.stream);
    run(&world);
    assert_int_equal(server.heard.length, STREAM_HIGH_WATER);
    assert_int_equal(server.ends_count, 0);
    assert_int_equal(server.broken_count, 1);
    assert_int_equal(server.broken_at_us, 4 * LATENCY_US);
    assert_int_equal(client.heard.length, 0);
    stream_close(&server.stream);
    mem_free(bytes);
    world_free(&world, &client, &server);
}

static void
closing_in_a_callback_ends_all_callbacks(void **state)
{
    struct side client = {0}, server = {.close_after = 1};
    struct world world = world_new(&server);

    join(&world, &client, &server);
    stream_write(client.stream, "a", 1);
    stream_close(&client.stream); /* the end comes with the byte */
    run(&world);
    assert_null(server.stream);
    assert_slice(text_slice(&server.heard), "a");
    assert_int_equal(server.ends_count, 0);
    world_free(&world, &client, &server);
}

/* ---- however it is cut and whoever pauses, the bytes are the same ---- */

struct talker {
    struct side side;
    struct rng rng;
    struct timer timer;
    struct text said;
    size_t to_say;
    bool is_reading_slowly;
};

static size_t
talker_hears(void *arg, struct slice bytes)
{
    struct talker *talker = arg;
    size_t consumed = (size_t)rng_below(&talker->rng, bytes.length + 1);

    assert_true(bytes.length <= STREAM_HIGH_WATER);
    text_add(&talker->side.heard, bytes.at, consumed);
    if (rng_odds(&talker->rng, PPM / 8)) {
        stream_pause(talker->side.stream);
        talker->is_reading_slowly = true;
    }
    return consumed;
}

static const struct stream_events talker_events = {
    talker_hears, note_drained, note_end, note_broken};

static void
talk(void *arg)
{
    struct talker *talker = arg;
    struct loop *loop = talker->side.world->loop;
    char bytes[3000];
    size_t length = (size_t)rng_below(&talker->rng, sizeof bytes + 1);

    if (talker->is_reading_slowly) {
        talker->is_reading_slowly = false;
        stream_resume(talker->side.stream);
    }
    if (length > talker->to_say)
        length = talker->to_say;
    for (size_t i = 0; i < length; i++)
        bytes[i] = (char)rng_u64(&talker->rng);
    stream_write(talker->side.stream, bytes, length);
    text_add(&talker->said, bytes, length);
    talker->to_say -= length;
    if (talker->to_say > 0)
        timer_arm(loop, &talker->timer,
            loop_now_us(loop) + (int64_t)rng_below(&talker->rng, 3) * LATENCY_US / 2, talk, talker);
}

/* Reads on until everything has been consumed; what is left is offered again at each resume. */
static void
read_to_the_end(struct world *world, struct talker *reader, const struct talker *writer)
{
    for (int i = 0; i < 10000 && reader->side.heard.length < writer->said.length; i++) {
        reader->is_reading_slowly = false;
        stream_resume(reader->side.stream);
        run(world);
    }
}

static void
random_cuts_deliver_the_same_bytes(void **state)
{
    for (uint64_t seed = 1; seed <= 24; seed++) {
        struct talker client = {.rng = rng_from_seed(seed), .to_say = 300000};
        struct talker server = {.rng = rng_from_seed(~seed), .to_say = 100000};
        struct world world = world_new(&server.side);

        print_message("  seed %d\n", (int)seed);
        set_link(&world,
            (struct net_link){.latency_us = LATENCY_US,
                .bytes_per_s = seed % 2 != 0 ? 500000 : 0,
                .cut = (enum net_cut)(seed % 3)});
        join(&world, &client.side, &server.side);
        stream_set_events(client.side.stream, &talker_events, &client);
        stream_set_events(server.side.stream, &talker_events, &server);
        talk(&client);
        talk(&server);
        run(&world);
        for (int i = 0; i < 50; i++) { /* two readers, each holds up the other's writer */
            read_to_the_end(&world, &server, &client);
            read_to_the_end(&world, &client, &server);
        }
        assert_int_equal(client.to_say + server.to_say, 0);
        assert_true(slice_equals(text_slice(&server.side.heard), text_slice(&client.said)));
        assert_true(slice_equals(text_slice(&client.side.heard), text_slice(&server.said)));
        text_release(&client.said);
        text_release(&server.said);
        world_free(&world, &client.side, &server.side);
    }
}

static void
a_network_can_go_while_everything_is_open(void **state)
{
    struct side client = {0}, server = {0}, late = {0};
    struct world world = world_new(&server);

    join(&world, &client, &server);
    stream_write(client.stream, "on its way", 10);
    start_connecting(&world, &late, &world.host);
    world_free(&world, &client, &server);
    assert_int_equal(late.connected_count, 0);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_read_and_written),
        cmocka_unit_test(the_same_host_may_have_another_port),
        cmocka_unit_test(connecting_costs_a_round_trip),
        cmocka_unit_test(connecting_fails_in_its_own_time),
        cmocka_unit_test(a_cancelled_connect_says_nothing),
        cmocka_unit_test(an_address_is_listened_at_once_only),
        cmocka_unit_test(a_listener_that_closes_before_it_accepts_resets),
        cmocka_unit_test(writes_of_one_instant_travel_as_one),
        cmocka_unit_test(what_is_left_is_offered_again_in_front),
        cmocka_unit_test(bandwidth_spaces_the_segments),
        cmocka_unit_test(less_latency_lets_nothing_overtake),
        cmocka_unit_test(without_latency_all_happens_now_but_not_inside_the_call),
        cmocka_unit_test(a_paused_reader_holds_the_writer_back),
        cmocka_unit_test(a_reader_that_pauses_after_each_offer_gets_all),
        cmocka_unit_test(a_half_closed_stream_still_hears),
        cmocka_unit_test(what_was_unsent_at_a_close_still_goes),
        cmocka_unit_test(writing_to_who_has_closed_is_answered_by_a_reset),
        cmocka_unit_test(an_abort_loses_what_is_unsent_and_resets_the_peer),
        cmocka_unit_test(closing_in_a_callback_ends_all_callbacks),
        cmocka_unit_test(random_cuts_deliver_the_same_bytes),
        cmocka_unit_test(a_network_can_go_while_everything_is_open),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
