/* test_stream_lab.c - a scenario's faults and addresses on the kernel's network. What holds for every
 * stream is in test_stream_worlds.c. */
#include "tests/unit/stream_worlds.h"

#include "base/mem.h"

static void
connect_within(struct world *world, struct side *client, int64_t timeout_us)
{
    const struct net_address any = {
        .family = 4, .bytes = {198, 51, 100, 7}
    };

    client->world = world;
    client->connecting =
        network_connect(world->network, &any, &world->host, timeout_us, on_connected, client);
}

static void
both_ends_are_told_the_scenarios_addresses(void **state)
{
    struct side client = {0}, server = {0};
    struct world world = world_of(LAB, &server);
    const struct net_address from = address_of("198.51.100.7", 0);
    struct net_address inner;

    server.world = &world;
    connect_within(&world, &client, TIMEOUT_US);
    AWAIT(&world, client.stream != NULL && server.stream != NULL);
    assert_true(net_address_same_host(stream_peer(server.stream), &from));
    assert_true(net_address_same_host(stream_local(client.stream), &from));
    assert_true(net_address_equals(stream_peer(client.stream), &world.host));
    assert_true(network_lab_find(world.network, &world.host, &inner));
    assert_int_equal(inner.bytes[0], 127);
    assert_int_not_equal(inner.port, 25);
    world_free(&world, &client, &server);
}

static void
who_refuses_is_closed_and_comes_back_at_the_same_port(void **state)
{
    struct side client = {0}, again = {0}, server = {0};
    struct world world = world_of(LAB, &server);
    struct net_address before, after;

    assert_true(network_lab_find(world.network, &world.host, &before));
    server.world = &world;
    network_lab_set_fault(world.network, &world.host, NET_FAULT_REFUSE);
    connect_within(&world, &client, TIMEOUT_US);
    AWAIT(&world, client.connected_count > 0);
    assert_int_equal(client.trouble, TROUBLE_REFUSED);
    network_lab_set_fault(world.network, &world.host, NET_FAULT_NONE);
    assert_true(network_lab_find(world.network, &world.host, &after));
    assert_true(net_address_equals(&before, &after));
    connect_within(&world, &again, TIMEOUT_US);
    AWAIT(&world, again.stream != NULL && server.stream != NULL);
    world_free(&world, &again, &server);
}

static void
who_is_silent_lets_connects_time_out_and_holds_what_is_open(void **state)
{
    struct side client = {0}, late = {0}, server = {0};
    struct world world = world_of(LAB, &server);

    join_either(&world, &client, &server);
    network_lab_set_fault(world.network, &world.host, NET_FAULT_SILENT);
    stream_write(client.stream, "hello?", 6);
    stream_write(server.stream, "yes", 3);
    connect_within(&world, &late, 20000);
    AWAIT(&world, late.connected_count > 0);
    assert_int_equal(late.trouble, TROUBLE_TIMED_OUT);
    assert_int_equal(server.heard.length, 0);
    assert_int_equal(client.heard.length, 0);
    assert_int_equal(stream_unsent(server.stream), 3);
    network_lab_set_fault(world.network, &world.host, NET_FAULT_NONE);
    AWAIT(&world, server.heard.length == 6 && client.heard.length == 3);
    world_free(&world, &client, &server);
}

/* More than any kernel buffers for one connection. */
enum { PLENTY_BYTES = 24 << 20 };

static void
a_writer_is_not_drained_while_silence_holds_what_it_wrote(void **state)
{
    struct side client = {0}, server = {0};
    struct world world = world_of(LAB, &server);
    char *bytes = mem_alloc_zeroed(PLENTY_BYTES);

    join_either(&world, &client, &server);
    stream_pause(client.stream);
    stream_write(server.stream, bytes, PLENTY_BYTES);
    network_lab_set_fault(world.network, &world.host, NET_FAULT_SILENT);
    stream_write(server.stream, "more", 4);
    stream_resume(client.stream); /* what is on its way already arrives */
    AWAIT(&world, client.heard.length == PLENTY_BYTES);
    let_pass(&world, 20000);
    assert_int_equal(stream_unsent(server.stream), 4);
    assert_int_equal(server.drained_count, 0);
    network_lab_set_fault(world.network, &world.host, NET_FAULT_NONE);
    AWAIT(&world, client.heard.length == PLENTY_BYTES + 4 && server.drained_count == 1);
    mem_free(bytes);
    world_free(&world, &client, &server);
}

static void
who_resets_does_so_at_the_first_byte(void **state)
{
    struct side client = {0}, server = {.on_connected_write = "220 hello\r\n"};
    struct world world = world_of(LAB, &server);

    network_lab_set_fault(world.network, &world.host, NET_FAULT_RESET);
    join_either(&world, &client, &server);
    AWAIT(&world, client.heard.length == 11);
    stream_write(client.stream, "EHLO me\r\n", 9);
    AWAIT(&world, client.broken_count == 1 && server.broken_count == 1);
    assert_int_equal(server.heard.length, 0);
    world_free(&world, &client, &server);
}

static void
open_connections_are_reset_by_order(void **state)
{
    struct side client = {0}, server = {0};
    struct world world = world_of(LAB, &server);

    join_either(&world, &client, &server);
    network_lab_reset_open(world.network, &world.host);
    AWAIT(&world, client.broken_count == 1 && server.broken_count == 1);
    world_free(&world, &client, &server);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ends_are_told_the_scenarios_addresses),
        cmocka_unit_test(who_refuses_is_closed_and_comes_back_at_the_same_port),
        cmocka_unit_test(who_is_silent_lets_connects_time_out_and_holds_what_is_open),
        cmocka_unit_test(a_writer_is_not_drained_while_silence_holds_what_it_wrote),
        cmocka_unit_test(who_resets_does_so_at_the_first_byte),
        cmocka_unit_test(open_connections_are_reset_by_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
