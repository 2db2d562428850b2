/* test_dns_server.c - the providers' name server on its sockets: many questions on one connection. */
#include "tests/unit/dns_packet.h"
#include "tests/unit/resolver_world.h"

/* One who talks to the server by TCP, byte by byte. */
struct client {
    struct world *world;
    struct stream *stream;
    struct text heard;
    size_t awaited_bytes; /* then the loop is stopped; 0: not */
    bool has_ended, is_broken;
};

static size_t
on_bytes(void *arg, struct slice bytes)
{
    struct client *client = arg;

    text_add_slice(&client->heard, bytes);
    if (client->awaited_bytes > 0 && client->heard.length >= client->awaited_bytes)
        loop_stop(client->world->loop);
    return bytes.length;
}

static void
on_end(void *arg)
{
    struct client *client = arg;

    client->has_ended = true;
    loop_stop(client->world->loop);
}

static void
on_broken(void *arg, enum trouble trouble)
{
    struct client *client = arg;

    client->is_broken = true;
    loop_stop(client->world->loop);
}

static const struct stream_events client_events = {on_bytes, NULL, on_end, on_broken};

static void
on_connected(void *arg, struct stream *stream, enum trouble trouble)
{
    struct client *client = arg;

    assert_int_equal(trouble, TROUBLE_NONE);
    client->stream = stream;
    stream_set_events(stream, &client_events, client);
    loop_stop(client->world->loop);
}

static void
run(struct world *world)
{
    struct error err;
    int64_t now_us = loop_now_us(world->loop);

    assert_true(loop_run(world->loop, now_us + BOUND_S * US_PER_S, &err));
    assert_true(loop_now_us(world->loop) < now_us + BOUND_S * US_PER_S);
}

static void
client_open(struct client *client, struct world *world)
{
    struct net_address from = address_of("127.0.0.1", 0);

    *client = (struct client){.world = world};
    network_connect(world->network, &from, dns_server_address(world->server), 600 * US_PER_S,
        on_connected, client);
    run(world);
    assert_non_null(client->stream);
}

static void
client_close(struct client *client)
{
    stream_close(&client->stream);
    text_release(&client->heard);
}

static void
add_framed(struct text *out, struct slice packet)
{
    add_u16(out, (unsigned)packet.length);
    text_add_slice(out, packet);
}

static void
add_framed_question(struct text *out, unsigned number, const char *name, unsigned type)
{
    struct text packet = {0};

    add_header(&packet, RD, 1, 0, 0, 0);
    packet.bytes[0] = (char)(number >> 8);
    packet.bytes[1] = (char)number;
    add_question(&packet, slice_of(name), type, CLASS_IN);
    add_framed(out, text_slice(&packet));
    text_release(&packet);
}

/* The numbers of the answers, in the order they came. */
static void
assert_answers(const struct client *client, const unsigned *numbers, size_t count)
{
    struct slice rest = text_slice(&client->heard);

    for (size_t i = 0; i < count; i++) {
        size_t length = u16_at(rest, 0);

        assert_true(2 + length <= rest.length);
        assert_int_equal(u16_at(rest, 2), numbers[i]);
        rest = slice_from(rest, 2 + length);
    }
    assert_int_equal(rest.length, 0);
}

static size_t
answer_bytes_of(struct world *world, const char *name, unsigned type)
{
    struct client client;
    struct text question = {0};
    size_t length;

    client_open(&client, world);
    add_framed_question(&question, 1, name, type);
    client.awaited_bytes = 2;
    stream_write(client.stream, question.bytes, question.length);
    run(world);
    length = client.heard.length;
    text_release(&question);
    client_close(&client);
    return length;
}

static void
questions_need_not_wait_and_the_slow_ones_come_later(void **state)
{
    static const unsigned order[] = {2, 4, 1, 3};
    struct world world = world_new(true, 1);
    size_t slow_bytes = answer_bytes_of(&world, "bigmail.test", TYPE_MX);
    size_t quick_bytes = answer_bytes_of(&world, "null.test", TYPE_MX);
    struct client client;
    struct text questions = {0};

    zones_delay_zone(world.zones, SLICE("bigmail.test"), 20 * US_PER_MS);
    client_open(&client, &world);
    add_framed_question(&questions, 1, "bigmail.test", TYPE_MX);
    add_framed_question(&questions, 2, "null.test", TYPE_MX);
    add_framed_question(&questions, 3, "bigmail.test", TYPE_MX);
    add_framed_question(&questions, 4, "null.test", TYPE_MX);
    stream_write(client.stream, questions.bytes, questions.length);
    client.awaited_bytes = 2 * slow_bytes + 2 * quick_bytes;
    run(&world);
    assert_answers(&client, order, COUNT_OF(order));
    text_release(&questions);
    client_close(&client);
    world_free(&world);
}

static void
a_question_may_come_byte_by_byte(void **state)
{
    static const unsigned one[] = {7};
    struct world world = world_new(true, 1);
    struct client client;
    struct text question = {0};

    client_open(&client, &world);
    add_framed_question(&question, 7, "null.test", TYPE_MX);
    client.awaited_bytes = 2;
    for (size_t i = 0; i < question.length; i++) {
        assert_int_equal(client.heard.length, 0);
        stream_write(client.stream, &question.bytes[i], 1);
        run_ms(&world, 1);
    }
    if (client.heard.length == 0)
        run(&world);
    assert_answers(&client, one, COUNT_OF(one));
    text_release(&question);
    client_close(&client);
    world_free(&world);
}

/* RFC 7766 6.2.4: who has asked and closed its side is still answered. */
static void
what_waits_is_told_after_the_askers_end(void **state)
{
    static const unsigned one[] = {9};
    struct world world = world_new(true, 1);
    struct client client;
    struct text question = {0};

    zones_delay_zone(world.zones, SLICE("null.test"), 20 * US_PER_MS);
    client_open(&client, &world);
    add_framed_question(&question, 9, "null.test", TYPE_MX);
    stream_write(client.stream, question.bytes, question.length);
    stream_shut(client.stream);
    run(&world);
    assert_true(client.has_ended); /* and then the server closes too */
    assert_answers(&client, one, COUNT_OF(one));
    text_release(&question);
    client_close(&client);
    world_free(&world);
}

/* A minute of the loop is 60 ms here. */
static void
an_idle_connection_is_closed_even_if_it_dribbles(void **state)
{
    struct world world = world_new(true, 1000);
    struct client client;
    int64_t opened_at_us;

    client_open(&client, &world);
    opened_at_us = loop_now_us(world.loop);
    for (int i = 0; i < 30 && !client.has_ended && !client.is_broken; i++) {
        stream_write(client.stream, "\1", 1); /* of a question of 257 */
        run_ms(&world, 2000);
    }
    assert_true(client.has_ended || client.is_broken);
    assert_true(loop_now_us(world.loop) - opened_at_us >= DNS_SERVER_IDLE_S * US_PER_S);
    client_close(&client);
    world_free(&world);
}

static void
a_length_that_no_question_has_ends_the_connection(void **state)
{
    static const char *const lengths[] = {"\0\0", "\0\13", "\20\1", "\377\377"};

    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        struct world world = world_new(true, 1);
        struct client client;

        client_open(&client, &world);
        stream_write(client.stream, lengths[i], 2);
        run(&world);
        assert_true(client.has_ended);
        assert_int_equal(client.heard.length, 0);
        client_close(&client);
        world_free(&world);
    }
}

/* The answers to 40,000 questions fill every buffer; all come once they are read. */
static void
who_does_not_read_is_not_read_either(void **state)
{
    enum { COUNT = 40000 };
    struct world world = world_new(true, 1);
    size_t one_bytes = answer_bytes_of(&world, "bigmail.test", TYPE_MX);
    struct client client;
    struct text questions = {0};

    for (unsigned i = 0; i < COUNT; i++)
        add_framed_question(&questions, i, "bigmail.test", TYPE_MX);
    client_open(&client, &world);
    stream_pause(client.stream);
    stream_write(client.stream, questions.bytes, questions.length);
    run_ms(&world, 100);
    client.awaited_bytes = COUNT * one_bytes;
    stream_resume(client.stream);
    run(&world);
    assert_int_equal(client.heard.length, COUNT * one_bytes);
    text_release(&questions);
    client_close(&client);
    world_free(&world);
}

static void
clients_may_vanish_at_any_time(void **state)
{
    struct world world = world_new(true, 1);
    struct asker asker = {.world = &world};
    struct client client;
    struct text question = {0};

    zones_delay_zone(world.zones, SLICE("null.test"), 5 * US_PER_MS);
    add_framed_question(&question, 1, "null.test", TYPE_MX);
    for (size_t i = 0; i <= question.length; i++) {
        client_open(&client, &world);
        stream_write(client.stream, question.bytes, i);
        run_ms(&world, 1);
        stream_abort(&client.stream);
        client_close(&client);
    }
    client_open(&client, &world);
    stream_write(client.stream, question.bytes, question.length);
    run_ms(&world, 1);
    ask_and_run(&asker, "bigmail.test", DNS_MX);
    assert_int_equal(asker.status, DNS_OK);
    text_release(&question);
    text_release(&asker.seen);
    dns_server_free(&world.server); /* with a connection open, and an answer that waits */
    client_close(&client);
    world_free(&world);
}

/* ---- both ways ---- */

static void
an_address_that_is_taken_is_said(void **state)
{
    struct world world = world_new(true, 1);
    struct error err;

    assert_null(dns_server_new(
        world.loop, world.network, world.zones, dns_server_address(world.server), false, &err));
    assert_int_equal(err.kind, ERROR_WORLD);
    world_free(&world);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(questions_need_not_wait_and_the_slow_ones_come_later),
        cmocka_unit_test(a_question_may_come_byte_by_byte),
        cmocka_unit_test(what_waits_is_told_after_the_askers_end),
        cmocka_unit_test(an_idle_connection_is_closed_even_if_it_dribbles),
        cmocka_unit_test(a_length_that_no_question_has_ends_the_connection),
        cmocka_unit_test(who_does_not_read_is_not_read_either),
        cmocka_unit_test(clients_may_vanish_at_any_time),
        cmocka_unit_test(an_address_that_is_taken_is_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
