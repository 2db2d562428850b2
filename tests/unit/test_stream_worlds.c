/* test_stream_worlds.c - what holds for a stream on the simulated network and on the kernel's. */
#include "tests/unit/stream_worlds.h"

#include "base/mem.h"

static void
both_ends_know_who_they_are(void **state)
{
    IN_EVERY_WORLD(kind)
    {
        struct side client = {0}, server = {.on_connected_write = "220 hello\r\n"};
        struct world world = world_of(kind, &server);

        join_either(&world, &client, &server);
        AWAIT(&world, client.heard.length == 11);
        assert_slice(text_slice(&client.heard), "220 hello\r\n");
        assert_true(net_address_equals(stream_peer(client.stream), &world.host));
        assert_true(net_address_equals(stream_local(server.stream), &world.host));
        assert_true(net_address_equals(stream_local(client.stream), stream_peer(server.stream)));
        assert_true(stream_local(client.stream)->port >= 1024);
        world_free(&world, &client, &server);
    }
}

static void
a_listener_without_a_port_is_given_one(void **state)
{
    IN_EVERY_WORLD(kind)
    {
        struct side client = {0}, server = {0}, other = {0};
        struct world world = world_of(kind, &server);
        struct net_address wish = world.host, first, second;
        struct listener *listeners[2];

        wish.port = 0;
        for (int i = 0; i < 2; i++) {
            listeners[i] = network_listen(world.network, &wish, on_accept, &other, &world.err);
            assert_non_null(listeners[i]);
        }
        first = listener_local(listeners[0]);
        second = listener_local(listeners[1]);
        assert_true(net_address_same_host(&first, &world.host));
        assert_int_not_equal(first.port, 0);
        assert_int_not_equal(second.port, 0);
        assert_int_not_equal(first.port, second.port);
        other.world = &world;
        start_connecting(&world, &client, &second);
        AWAIT(&world, client.stream != NULL && other.stream != NULL);
        listener_close(&listeners[0]);
        listener_close(&listeners[1]);
        world_free(&world, &client, &server);
    }
}

static void
an_address_is_listened_at_once_only(void **state)
{
    IN_EVERY_WORLD(kind)
    {
        struct side client = {0}, server = {0};
        struct world world = world_of(kind, &server);
        struct listener *second;

        assert_null(network_listen(world.network, &world.host, on_accept, &server, &world.err));
        assert_non_null(strstr(world.err.text, "somebody does already"));
        join_either(&world, &client, &server);
        listener_close(&world.listener);
        second = network_listen(world.network, &world.host, on_accept, &server, &world.err);
        assert_non_null(second); /* at once, although a connection is still open there */
        stream_write(client.stream, "still here", 10);
        AWAIT(&world, server.heard.length == 10);
        listener_close(&second);
        world_free(&world, &client, &server);
    }
}

static void
nobody_there_is_refused_and_no_way_there_unreachable(void **state)
{
    IN_EVERY_WORLD(kind)
    {
        struct side client = {0}, server = {0}, stray = {0};
        struct world world = world_of(kind, &server);
        struct net_address nobody = world.host, nowhere = address_of("198.51.100.77", 25);
        struct listener *spare;

        nobody.port = 0; /* a port at which somebody has just stopped to listen */
        spare = network_listen(world.network, &nobody, on_accept, &server, &world.err);
        nobody = listener_local(spare);
        listener_close(&spare);
        start_connecting(&world, &client, &nobody);
        start_connecting(&world, &stray, &nowhere);
        AWAIT(&world, client.connected_count > 0 && stray.connected_count > 0);
        assert_int_equal(client.trouble, TROUBLE_REFUSED);
        assert_int_equal(stray.trouble, TROUBLE_UNREACHABLE);
        world_free(&world, &client, &server);
    }
}

static void
a_cancelled_connect_says_nothing(void **state)
{
    IN_EVERY_WORLD(kind)
    {
        struct side client = {0}, server = {0};
        struct world world = world_of(kind, &server);

        start_connecting(&world, &client, &world.host);
        connecting_cancel(&client.connecting);
        assert_null(client.connecting);
        server.world = &world;
        let_pass(&world, 5000);
        assert_int_equal(client.connected_count, 0);
        world_free(&world, &client, &server);
    }
}

static void
writes_of_one_instant_travel_as_one(void **state)
{
    IN_EVERY_WORLD(kind)
    {
        struct side client = {0}, server = {0};
        struct world world = world_of(kind, &server);

        join_either(&world, &client, &server);
        for (int i = 0; i < 1000; i++)
            stream_write(client.stream, "line 7\n", 7);
        assert_int_equal(server.offers_count, 0);
        AWAIT(&world, server.heard.length == 7000);
        assert_int_equal(server.offers_count, 1);
        assert_int_equal(stream_unsent(client.stream), 0);
        world_free(&world, &client, &server);
    }
}

static void
what_is_left_is_offered_again_in_front(void **state)
{
    IN_EVERY_WORLD(kind)
    {
        struct side client = {0}, server = {.leave = 3};
        struct world world = world_of(kind, &server);

        join_either(&world, &client, &server);
        stream_write(client.stream, "abcdef", 6);
        AWAIT(&world, server.offers_count == 1);
        assert_slice(text_slice(&server.heard), "abc");
        stream_write(client.stream, "ghi", 3);
        stream_shut(client.stream);
        AWAIT(&world, server.ends_count == 1);
        assert_slice(text_slice(&server.heard), "abcdef");
        server.leave = 0;
        stream_set_events(server.stream, &events, &server); /* a new reader is shown what waits */
        assert_int_equal(server.heard.length, 6);
        AWAIT(&world, server.heard.length == 9);
        assert_slice(text_slice(&server.heard), "abcdefghi");
        world_free(&world, &client, &server);
    }
}

static char *
pattern(size_t total)
{
    char *bytes = mem_alloc(total);

    for (size_t i = 0; i < total; i++)
        bytes[i] = (char)(i * 31 >> 3);
    return bytes;
}

/* More than any kernel buffers for one connection. */
enum { PLENTY_BYTES = 24 << 20 };

static void
a_paused_reader_holds_the_writer_back(void **state)
{
    IN_EVERY_WORLD(kind)
    {
        struct side client = {0}, server = {0};
        struct world world = world_of(kind, &server);
        char *bytes = pattern(PLENTY_BYTES);

        join_either(&world, &client, &server);
        stream_pause(server.stream);
        stream_write(client.stream, bytes, PLENTY_BYTES);
        let_pass(&world, 50000);
        assert_int_equal(server.offers_count, 0);
        assert_int_equal(client.drained_count, 0);
        assert_true(stream_unsent(client.stream) > 0);
        stream_resume(server.stream);
        assert_int_equal(server.offers_count, 0); /* not inside the call */
        AWAIT(&world, server.heard.length == PLENTY_BYTES);
        assert_int_equal(stream_unsent(client.stream), 0);
        assert_int_equal(client.drained_count, 1);
        assert_memory_equal(server.heard.bytes, bytes, PLENTY_BYTES);
        mem_free(bytes);
        world_free(&world, &client, &server);
    }
}

static size_t
leave_all(void *arg, struct slice bytes)
{
    *(size_t *)arg = bytes.length;
    return 0;
}

static void
ignore(void *arg)
{
}

static void
ignore_trouble(void *arg, enum trouble trouble)
{
}

static void
a_reader_that_leaves_everything_is_shown_no_more_than_a_window(void **state)
{
    static const struct stream_events lazy = {leave_all, ignore, ignore, ignore_trouble};

    IN_EVERY_WORLD(kind)
    {
        struct side client = {0}, server = {0};
        struct world world = world_of(kind, &server);
        char *bytes = pattern(PLENTY_BYTES);
        size_t shown = 0;

        join_either(&world, &client, &server);
        stream_set_events(server.stream, &lazy, &shown);
        stream_write(client.stream, bytes, PLENTY_BYTES);
        AWAIT(&world, shown == STREAM_HIGH_WATER);
        let_pass(&world, 50000);
        assert_int_equal(shown, STREAM_HIGH_WATER);
        stream_set_events(server.stream, &events, &server);
        AWAIT(&world, server.heard.length == PLENTY_BYTES);
        assert_memory_equal(server.heard.bytes, bytes, PLENTY_BYTES);
        mem_free(bytes);
        world_free(&world, &client, &server);
    }
}

static void
a_reader_that_pauses_after_each_offer_gets_all(void **state)
{
    IN_EVERY_WORLD(kind)
    {
        struct side client = {0}, server = {.pause_after_offer = true, .leave = 2};
        struct world world = world_of(kind, &server);

        join_either(&world, &client, &server);
        stream_write(client.stream, "abcdef", 6);
        stream_shut(client.stream);
        AWAIT(&world, server.offers_count == 1);
        let_pass(&world, 20000);
        assert_slice(text_slice(&server.heard), "abcd");
        assert_int_equal(server.ends_count, 0); /* the end comes after the bytes */
        server.leave = 0;
        stream_resume(server.stream);
        AWAIT(&world, server.offers_count == 2);
        let_pass(&world, 20000);
        assert_slice(text_slice(&server.heard), "abcdef");
        assert_int_equal(server.ends_count, 0);
        stream_resume(server.stream);
        AWAIT(&world, server.ends_count == 1);
        world_free(&world, &client, &server);
    }
}

static void
each_direction_ends_by_itself(void **state)
{
    IN_EVERY_WORLD(kind)
    {
        struct side client = {0}, server = {.reply_after = 4};
        struct world world = world_of(kind, &server);

        join_either(&world, &client, &server);
        stream_write(client.stream, "quit", 4);
        stream_shut(client.stream);
        stream_shut(client.stream); /* again changes nothing */
        AWAIT(&world, server.ends_count == 1 && client.heard.length == 2);
        stream_write(server.stream, " bye", 4);
        stream_shut(server.stream);
        AWAIT(&world, client.ends_count == 1);
        assert_slice(text_slice(&client.heard), "ok bye");
        assert_int_equal(client.broken_count + server.broken_count, 0);
        stream_close(&client.stream);
        stream_close(&server.stream);
        let_pass(&world, 20000);
        world_free(&world, &client, &server);
    }
}

static void
what_was_unsent_at_a_close_still_goes(void **state)
{
    IN_EVERY_WORLD(kind)
    {
        struct side client = {0}, server = {0};
        struct world world = world_of(kind, &server);
        char *bytes = pattern(PLENTY_BYTES);

        join_either(&world, &client, &server);
        stream_pause(server.stream);
        stream_write(client.stream, bytes, PLENTY_BYTES);
        stream_close(&client.stream);
        let_pass(&world, 20000);
        stream_resume(server.stream);
        AWAIT(&world, server.ends_count == 1);
        assert_int_equal(server.heard.length, PLENTY_BYTES);
        assert_int_equal(client.drained_count, 0);
        assert_int_equal(server.broken_count, 0);
        mem_free(bytes);
        world_free(&world, &client, &server);
    }
}

/* The classic loss: "421, go away" is overtaken by the reset for what the client said meanwhile. */
static void
the_last_words_arrive_although_the_peer_was_talking(void **state)
{
    IN_EVERY_WORLD(kind)
    {
        struct side client = {0}, server = {0};
        struct world world = world_of(kind, &server);

        join_either(&world, &client, &server);
        stream_pause(server.stream);
        stream_write(client.stream, "MAIL FROM:<>\r\n", 14);
        let_pass(&world, 20000);
        stream_write(server.stream, "421 go away\r\n", 13);
        stream_close(&server.stream);
        AWAIT(&world, client.heard.length == 13);
        assert_slice(text_slice(&client.heard), "421 go away\r\n");
        stream_close(&client.stream);
        let_pass(&world, 20000);
        world_free(&world, &client, &server);
    }
}

static void
writing_to_who_has_closed_is_answered_by_a_reset(void **state)
{
    IN_EVERY_WORLD(kind)
    {
        struct side client = {0}, server = {0};
        struct world world = world_of(kind, &server);

        join_either(&world, &client, &server);
        stream_close(&server.stream);
        AWAIT(&world, client.ends_count == 1);
        stream_write(client.stream, "are you there", 13);
        let_pass(&world, 50000);
        if (client.broken_count == 0) /* the kernel tells with the next one */
            stream_write(client.stream, "hello", 5);
        AWAIT(&world, client.broken_count == 1);
        stream_write(client.stream, "nobody", 6); /* goes nowhere */
        stream_close(&client.stream);
        let_pass(&world, 20000);
        world_free(&world, &client, &server);
    }
}

static void
an_abort_is_a_reset_for_the_peer(void **state)
{
    IN_EVERY_WORLD(kind)
    {
        struct side client = {0}, server = {0};
        struct world world = world_of(kind, &server);

        join_either(&world, &client, &server);
        stream_abort(&client.stream);
        AWAIT(&world, server.broken_count == 1);
        assert_int_equal(server.ends_count, 0);
        stream_close(&server.stream);
        world_free(&world, &client, &server);
    }
}

static void
a_paused_reader_learns_of_a_cut(void **state)
{
    static const bool with_bytes[] = {false, true};

    IN_EVERY_WORLD(kind)
    for (size_t i = 0; i < COUNT_OF(with_bytes); i++) {
        struct side client = {0}, server = {0};
        struct world world = world_of(kind, &server);

        join_either(&world, &client, &server);
        stream_pause(server.stream);
        if (with_bytes[i])
            stream_write(client.stream, "unread", 6);
        let_pass(&world, 30000);
        stream_abort(&client.stream);
        AWAIT(&world, server.broken_count == 1);
        assert_int_equal(server.offers_count, 0);
        stream_close(&server.stream);
        world_free(&world, &client, &server);
    }
}

static void
closing_in_a_callback_ends_all_callbacks(void **state)
{
    IN_EVERY_WORLD(kind)
    {
        struct side client = {0}, server = {.close_after = 1, .leave = 1};
        struct world world = world_of(kind, &server);

        join_either(&world, &client, &server);
        stream_write(client.stream, "abc", 3);
        stream_shut(client.stream);
        AWAIT(&world, client.ends_count + client.broken_count > 0);
        let_pass(&world, 20000);
        assert_null(server.stream);
        assert_int_equal(server.ends_count, 0);
        world_free(&world, &client, &server);
    }
}

enum last_act { SHUT, CLOSE, ABORT, ACTS };

static void
end_it(struct side *client, enum last_act act)
{
    switch (act) {
    case SHUT:
        stream_shut(client->stream);
        break;
    case CLOSE:
        stream_close(&client->stream);
        break;
    case ABORT:
        stream_abort(&client->stream);
        break;
    case ACTS:
        break;
    }
}

static void
a_dialogue_may_be_cut_at_every_byte(void **state)
{
    static const char dialogue[] = "EHLO a.test\r\nMAIL FROM:<b@a.test>\r\nQUIT\r\n";

    IN_EVERY_WORLD(kind)
    for (size_t length = 0; length < sizeof dialogue; length++)
        for (enum last_act act = SHUT; act < ACTS; act++) {
            struct side client = {0}, server = {.reply_after = 3};
            struct world world = world_of(kind, &server);

            join_either(&world, &client, &server);
            stream_write(client.stream, dialogue, length);
            AWAIT(&world, act != ABORT || server.heard.length == length);
            end_it(&client, act);
            AWAIT(&world, server.ends_count + server.broken_count == 1);
            assert_true(slice_equals(text_slice(&server.heard), (struct slice){dialogue, length}));
            assert_int_equal(server.broken_count, act == ABORT);
            stream_close(&server.stream);
            if (client.stream != NULL)
                AWAIT(&world, client.ends_count == 1);
            assert_int_equal(client.broken_count, 0);
            world_free(&world, &client, &server);
        }
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ends_know_who_they_are),
        cmocka_unit_test(a_listener_without_a_port_is_given_one),
        cmocka_unit_test(an_address_is_listened_at_once_only),
        cmocka_unit_test(nobody_there_is_refused_and_no_way_there_unreachable),
        cmocka_unit_test(a_cancelled_connect_says_nothing),
        cmocka_unit_test(writes_of_one_instant_travel_as_one),
        cmocka_unit_test(what_is_left_is_offered_again_in_front),
        cmocka_unit_test(a_paused_reader_holds_the_writer_back),
        cmocka_unit_test(a_reader_that_leaves_everything_is_shown_no_more_than_a_window),
        cmocka_unit_test(a_reader_that_pauses_after_each_offer_gets_all),
        cmocka_unit_test(each_direction_ends_by_itself),
        cmocka_unit_test(what_was_unsent_at_a_close_still_goes),
        cmocka_unit_test(the_last_words_arrive_although_the_peer_was_talking),
        cmocka_unit_test(writing_to_who_has_closed_is_answered_by_a_reset),
        cmocka_unit_test(an_abort_is_a_reset_for_the_peer),
        cmocka_unit_test(a_paused_reader_learns_of_a_cut),
        cmocka_unit_test(closing_in_a_callback_ends_all_callbacks),
        cmocka_unit_test(a_dialogue_may_be_cut_at_every_byte),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
