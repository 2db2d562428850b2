/* test_stream_net.c - what only the kernel's network does: shortages, source addresses, time-outs,
 * sockets in the file system, and datagrams. What both networks do is in test_stream_worlds.c. */
#include "tests/unit/stream_worlds.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/datagram.h"
#include "base/mem.h"
#include "base/stream_fd_net.h"
#include "base/unit.h"

/* ---- addresses ---- */

static void
the_source_address_is_the_one_that_was_asked_for(void **state)
{
    struct side client = {0}, server = {0};
    struct world world = net_world_new(NET_IPV4, &server);
    struct net_address from = address_of("127.3.2.1", 0);

    server.world = client.world = &world;
    network_connect(world.network, &from, &world.host, TIMEOUT_US, on_connected, &client);
    AWAIT(&world, client.stream != NULL && server.stream != NULL);
    assert_true(net_address_same_host(stream_peer(server.stream), &from));
    assert_true(net_address_equals(stream_peer(server.stream), stream_local(client.stream)));
    world_free(&world, &client, &server);
}

static void
a_network_that_is_not_our_own_ends_at_the_loopback(void **state)
{
    static const struct {
        const char *from, *to;
    } cases[] = {
        {"",             "198.51.100.1"    },
        {"",             "128.0.0.1"       },
        {"",             "0.0.0.0"         },
        {"",             "::"              },
        {"",             "::ffff:127.0.0.1"},
        {"",             "2001:db8::1"     },
        {"198.51.100.1", "127.0.0.1"       },
        {"::1",          "127.0.0.1"       },
    };
    struct side server = {0}, client = {0};
    struct world world = net_world_new(NET_IPV4, &server);

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct net_address to = address_of(cases[i].to, world.host.port), from = {0};

        print_message("  from '%s' to %s\n", cases[i].from, cases[i].to);
        if (cases[i].from[0] != '\0')
            from = address_of(cases[i].from, 0);
        client = (struct side){.world = &world};
        network_connect(world.network, &from, &to, TIMEOUT_US, on_connected, &client);
        AWAIT(&world, client.connected_count == 1);
        assert_int_equal(client.trouble, TROUBLE_UNREACHABLE);
        if (cases[i].from[0] != '\0')
            continue;
        to.port = 0;
        assert_null(network_listen(world.network, &to, on_accept, &server, &world.err));
        assert_non_null(strstr(world.err.text, "not a loopback address"));
    }
    world_free(&world, &client, &server);
}

/* ---- time-outs, in loop time ---- */

/* A port at which the kernel lets nobody wait any more: SYNs are dropped. */
static int
crowded_port(struct net_address *at, int waiting[], size_t count)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&address, length), 0);
    assert_int_equal(listen(fd, 0), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    for (size_t i = 0; i < count; i++) {
        waiting[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        connect(waiting[i], (struct sockaddr *)&address, length);
    }
    *at = address_of("127.0.0.1", ntohs(address.sin_port));
    return fd;
}

static void
silence_is_a_timeout_in_the_time_of_the_loop(void **state)
{
    static const uint32_t speeds[] = {1, 300};

    for (size_t i = 0; i < COUNT_OF(speeds); i++) {
        struct side client = {0};
        struct world world = {.loop = loop_net_new(0, speeds[i], &world.err)};
        struct net_address at, any = {0};
        int waiting[4], fd = crowded_port(&at, waiting, COUNT_OF(waiting));
        int64_t timeout_us = 100 * US_PER_MS * (int64_t)speeds[i];

        client.world = &world;
        world.network = network_net_new(world.loop, NULL);
        network_connect(world.network, &any, &at, timeout_us, on_connected, &client);
        run_until(&world, timeout_us * 2);
        assert_int_equal(client.connected_count, 1);
        assert_int_equal(client.trouble, TROUBLE_TIMED_OUT);
        assert_true(client.connected_at_us >= timeout_us);
        for (size_t w = 0; w < COUNT_OF(waiting); w++)
            close(waiting[w]);
        close(fd);
        network_free(&world.network);
        run_until(&world, INT64_MAX); /* nothing is left behind in the loop */
        loop_free(&world.loop);
    }
}

/* ---- shortages ---- */

static struct rlimit
no_more_descriptors(void)
{
    struct rlimit before, now;
    int next = dup(0);

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    now = before;
    now.rlim_cur = (rlim_t)next;
    close(next);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &now), 0);
    return before;
}

static int
knock_at(const struct net_address *at)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
        .sin_port = htons(at->port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void
without_descriptors_open_streams_go_on_and_nobody_spins(void **state)
{
    struct side client = {0}, server = {0}, late = {0};
    struct world world = net_world_new(NET_IPV4, &server);
    uint64_t callbacks;
    struct rlimit before;
    int knocking;

    join_either(&world, &client, &server);
    listener_close(&world.listener);
    world.listener = network_listen(world.network, &world.host, on_accept, &late, &world.err);
    late.world = &world;
    knocking = knock_at(&world.host);
    before = no_more_descriptors();
    callbacks = loop_callbacks_count(world.loop);
    let_pass(&world, 50000);
    assert_int_equal(late.connected_count, 0);
    assert_true(loop_callbacks_count(world.loop) - callbacks < 10);
    stream_write(client.stream, "still here", 10);
    AWAIT(&world, server.heard.length == 10);
    stream_close(&server.stream); /* which frees a descriptor */
    AWAIT(&world, late.connected_count == 1);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    close(knocking);
    world_free(&world, &client, &server);
}

static void
the_soft_limit_of_descriptors_goes_up_to_the_hard_one(void **state)
{
    struct rlimit before = no_more_descriptors(), now;
    uint64_t said = network_net_raise_limit();

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &now), 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(now.rlim_cur, before.rlim_max);
    assert_int_equal(said, before.rlim_max);
}

static void
without_descriptors_a_connect_waits_for_one(void **state)
{
    static const bool is_cured[] = {true, false};

    for (size_t i = 0; i < COUNT_OF(is_cured); i++) {
        struct side client = {0}, server = {0};
        struct world world = net_world_new(NET_IPV4, &server);
        struct rlimit before = no_more_descriptors();
        struct net_address any = {0};

        server.world = client.world = &world;
        network_connect(world.network, &any, &world.host, 300 * US_PER_MS, on_connected, &client);
        let_pass(&world, 20000);
        assert_int_equal(client.connected_count, 0);
        if (is_cured[i])
            setrlimit(RLIMIT_NOFILE, &before);
        AWAIT(&world, client.connected_count == 1);
        assert_int_equal(client.trouble, is_cured[i] ? TROUBLE_NONE : TROUBLE_TIMED_OUT);
        setrlimit(RLIMIT_NOFILE, &before);
        world_free(&world, &client, &server);
    }
}

static void
an_idle_stream_holds_no_buffer(void **state)
{
    struct side client = {0}, server = {.reply_after = 4};
    struct world world = net_world_new(NET_IPV4, &server);
    const struct net_stream *ends[2];

    join_either(&world, &client, &server);
    stream_write(client.stream, "ping", 4);
    AWAIT(&world, client.heard.length == 2);
    ends[0] = (const struct net_stream *)client.stream;
    ends[1] = (const struct net_stream *)server.stream;
    for (int i = 0; i < 2; i++) {
        assert_null(ends[i]->inbox.bytes);
        assert_null(ends[i]->outbox.bytes);
        assert_null(ends[i]->write_event);
    }
    assert_true(sizeof(struct net_stream) <= 512);
    world_free(&world, &client, &server);
}

/* A closed stream whose peer keeps sending is not kept for ever; its peer that has ended is let go. */
static void
what_a_closed_stream_waits_for_has_an_end(void **state)
{
    static const uint32_t speed = 300; /* the seconds of patience pass in no time */
    struct side client = {0}, server = {0};
    struct world world = {.loop = loop_net_new(0, speed, &world.err)};

    world.network = network_net_new(world.loop, NULL);
    world.host = address_of("127.0.0.1", 0);
    world.listener = network_listen(world.network, &world.host, on_accept, &server, &world.err);
    world.host = listener_local(world.listener);
    client.world = server.world = &world;
    start_connecting(&world, &client, &world.host);
    AWAIT(&world, client.stream != NULL && server.stream != NULL);
    stream_pause(server.stream);
    stream_pause(client.stream);
    stream_write(client.stream, "unread", 6);
    let_pass(&world, US_PER_S);
    stream_close(&server.stream);
    assert_non_null(((struct net_network *)world.network)->streams->next);
    let_pass(&world, 10 * US_PER_S);
    assert_null(((struct net_network *)world.network)->streams->next);
    world_free(&world, &client, &server);
}

/* ---- sockets in the file system ---- */

struct place {
    char directory[64], filename[96];
};

static struct place
place_new(void)
{
    struct place place = {.directory = "/tmp/mtalab-socket-XXXXXX"};

    assert_non_null(mkdtemp(place.directory));
    snprintf(place.filename, sizeof place.filename, "%s/control", place.directory);
    return place;
}

static void
place_free(const struct place *place)
{
    unlink(place->filename);
    assert_int_equal(rmdir(place->directory), 0);
}

static void
call(struct world *world, struct side *client, const char *filename)
{
    *client = (struct side){.world = world, .heard = client->heard};
    client->connecting =
        network_net_connect_unix(world->network, filename, 200 * US_PER_MS, on_connected, client);
    AWAIT(world, client->connected_count == 1);
}

static void
a_socket_file_serves_its_owner_and_goes_with_the_listener(void **state)
{
    struct side client = {0}, server = {.reply_after = 4}, ignored = {0};
    struct world world = net_world_new(NET_IPV4, &ignored);
    struct place place = place_new();
    struct listener *listener =
        network_net_listen_unix(world.network, place.filename, on_accept, &server, &world.err);
    struct stat made;

    server.world = &world;
    assert_non_null(listener);
    assert_int_equal(stat(place.filename, &made), 0);
    assert_int_equal(made.st_mode & 0777, 0600);
    call(&world, &client, place.filename);
    assert_int_equal(client.trouble, TROUBLE_NONE);
    assert_int_equal(stream_peer(client.stream)->family, 0);
    stream_write(client.stream, "help", 4);
    AWAIT(&world, client.heard.length == 2);
    stream_close(&client.stream);
    AWAIT(&world, server.ends_count == 1);
    listener_close(&listener);
    assert_int_equal(access(place.filename, F_OK), -1);
    call(&world, &client, place.filename);
    assert_int_equal(client.trouble, TROUBLE_UNREACHABLE);
    place_free(&place);
    world_free(&world, &client, &server);
}

static void
only_a_dead_socket_file_is_replaced(void **state)
{
    struct side client = {0}, server = {0}, ignored = {0};
    struct world world = net_world_new(NET_IPV4, &ignored);
    struct place place = place_new(), moved;
    struct listener *listener, *second;

    snprintf(moved.filename, sizeof moved.filename, "%s/moved", place.directory);
    server.world = &world;
    listener =
        network_net_listen_unix(world.network, place.filename, on_accept, &server, &world.err);
    assert_null(
        network_net_listen_unix(world.network, place.filename, on_accept, &server, &world.err));
    assert_non_null(strstr(world.err.text, "somebody does already"));
    assert_int_equal(rename(place.filename, moved.filename), 0);
    listener_close(&listener); /* whose file is not at its place: nobody removes it */
    assert_int_equal(rename(moved.filename, place.filename), 0);
    call(&world, &client, place.filename);
    assert_int_equal(client.trouble, TROUBLE_REFUSED);
    second = network_net_listen_unix(world.network, place.filename, on_accept, &server, &world.err);
    assert_non_null(second);
    call(&world, &client, place.filename);
    assert_int_equal(client.trouble, TROUBLE_NONE);
    listener_close(&second);
    close(open(place.filename, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    assert_null(
        network_net_listen_unix(world.network, place.filename, on_accept, &server, &world.err));
    assert_non_null(strstr(world.err.text, "no socket"));
    place_free(&place);
    world_free(&world, &client, &server);
}

static void
a_name_that_no_socket_can_have_is_one_error(void **state)
{
    struct side client = {0}, server = {0};
    struct world world = net_world_new(NET_IPV4, &server);
    char name[200];

    memset(name, 'x', sizeof name);
    name[sizeof name - 1] = '\0';
    assert_null(network_net_listen_unix(world.network, name, on_accept, &server, &world.err));
    assert_non_null(strstr(world.err.text, "1 to 107 bytes"));
    assert_null(
        network_net_listen_unix(world.network, "/nowhere/at/all", on_accept, &server, &world.err));
    assert_non_null(strstr(world.err.text, "/nowhere/at/all"));
    call(&world, &client, name);
    assert_int_equal(client.trouble, TROUBLE_UNREACHABLE);
    world_free(&world, &client, &server);
}

/* ---- datagrams ---- */

struct post {
    struct datagram *datagram;
    struct text heard;
    int count;
    bool answers;
    bool frees;
};

static void
on_datagram(void *arg, const struct net_address *from, struct slice bytes)
{
    struct post *post = arg;

    assert_non_null(post->datagram);
    post->count++;
    text_add_slice(&post->heard, bytes);
    if (post->answers)
        assert_true(datagram_send(post->datagram, from, SLICE("pong")));
    if (post->frees)
        datagram_free(&post->datagram);
}

static void
datagrams_come_one_by_one_and_are_answered(void **state)
{
    static const char *const hosts[] = {"127.0.0.1", "::1"};

    for (size_t i = 0; i < COUNT_OF(hosts); i++) {
        struct world world = {.loop = loop_net_new(0, 1, &world.err)};
        struct net_address at = address_of(hosts[i], 0), to, stray = address_of("192.0.2.1", 53);
        struct post server = {.answers = true}, client = {0};

        server.datagram =
            datagram_net_new(world.loop, &at, false, on_datagram, &server, &world.err);
        client.datagram =
            datagram_net_new(world.loop, &at, false, on_datagram, &client, &world.err);
        to = datagram_local(server.datagram);
        assert_null(datagram_net_new(world.loop, &to, false, on_datagram, &client, &world.err));
        assert_null(datagram_net_new(world.loop, &stray, false, on_datagram, &client, &world.err));
        assert_false(datagram_send(client.datagram, &stray, SLICE("lost")));
        for (int n = 0; n < 100; n++)
            assert_true(datagram_send(client.datagram, &to, SLICE("ping")));
        assert_true(datagram_send(client.datagram, &to, SLICE("")));
        AWAIT(&world, client.count == 101);
        assert_int_equal(server.heard.length, 400);
        server.frees = true; /* in its callback, with more waiting */
        server.answers = false;
        for (int n = 0; n < 3; n++)
            assert_true(datagram_send(client.datagram, &to, SLICE("last")));
        AWAIT(&world, server.datagram == NULL);
        assert_int_equal(server.count, 102);
        datagram_free(&client.datagram);
        text_release(&server.heard);
        text_release(&client.heard);
        loop_free(&world.loop);
    }
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_source_address_is_the_one_that_was_asked_for),
        cmocka_unit_test(a_network_that_is_not_our_own_ends_at_the_loopback),
        cmocka_unit_test(silence_is_a_timeout_in_the_time_of_the_loop),
        cmocka_unit_test(without_descriptors_open_streams_go_on_and_nobody_spins),
        cmocka_unit_test(the_soft_limit_of_descriptors_goes_up_to_the_hard_one),
        cmocka_unit_test(without_descriptors_a_connect_waits_for_one),
        cmocka_unit_test(an_idle_stream_holds_no_buffer),
        cmocka_unit_test(what_a_closed_stream_waits_for_has_an_end),
        cmocka_unit_test(a_socket_file_serves_its_owner_and_goes_with_the_listener),
        cmocka_unit_test(only_a_dead_socket_file_is_replaced),
        cmocka_unit_test(a_name_that_no_socket_can_have_is_one_error),
        cmocka_unit_test(datagrams_come_one_by_one_and_are_answered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
