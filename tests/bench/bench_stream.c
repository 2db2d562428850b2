/* bench_stream.c - what a line there and a reply back cost over loopback TCP, both ends together.
 *
 * Beside it the same bytes by bare send() and recv(), which no program can undercut: what the loop
 * and the stream add is the difference. Goal: at most half as much again, from 8 to 50
 * connections at once. */
#include "tests/bench/bench.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/loop_net.h"
#include "base/stream_net.h"

enum { CONNECTIONS_MAX = 1000 };

static const char line[] = "RCPT TO:<somebody.or.other@mailbox-provider.test>\r\n";
static const char reply[] = "250 2.1.5 Ok, and many happy returns\r\n";

struct talk {
    struct loop *loop;
    struct network *network;
    struct listener *listener;
    size_t connections, accepted, connected;
    uint64_t left, on_their_way;
};

/* One client, which has to know its stream. */
struct end {
    struct talk *talk;
    struct stream *stream;
};

static struct end ends[2 * CONNECTIONS_MAX];

static void
ask(struct end *client)
{
    if (client->talk->left == 0)
        return;
    client->talk->left--;
    client->talk->on_their_way++;
    stream_write(client->stream, line, sizeof line - 1);
}

static size_t
on_reply(void *arg, struct slice bytes)
{
    struct end *client = arg;

    if (bytes.length < sizeof reply - 1)
        return 0;
    client->talk->on_their_way--;
    ask(client);
    if (client->talk->on_their_way == 0)
        loop_stop(client->talk->loop);
    return bytes.length;
}

static size_t
on_line(void *arg, struct slice bytes)
{
    struct end *server = arg;

    if (bytes.length < sizeof line - 1)
        return 0;
    stream_write(server->stream, reply, sizeof reply - 1);
    return bytes.length;
}

static void
on_end(void *arg)
{
}

static void
on_broken(void *arg, enum trouble trouble)
{
    abort();
}

static const struct stream_events client_events = {on_reply, NULL, on_end, on_broken};
static const struct stream_events server_events = {on_line, NULL, on_end, on_broken};

static void
note_joined(struct talk *talk)
{
    if (talk->accepted == talk->connections && talk->connected == talk->connections)
        loop_stop(talk->loop);
}

static void
on_accept(void *arg, struct stream *stream)
{
    struct talk *talk = arg;
    struct end *end = &ends[CONNECTIONS_MAX + talk->accepted++];

    *end = (struct end){talk, stream};
    stream_set_events(stream, &server_events, end);
    note_joined(talk);
}

static void
on_connected(void *arg, struct stream *stream, enum trouble trouble)
{
    struct talk *talk = arg;
    struct end *end = &ends[talk->connected++];

    if (trouble != TROUBLE_NONE)
        abort();
    *end = (struct end){talk, stream};
    stream_set_events(stream, &client_events, end);
    note_joined(talk);
}

static void
run(struct talk *talk)
{
    struct error err;

    if (!loop_run(talk->loop, INT64_MAX, &err)) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
}

static void
talk_init(struct talk *talk, size_t connections)
{
    struct net_address any =
                           {
                               0
    },
                       at = {.family = 4, .bytes = {127, 0, 0, 1}};
    struct error err;

    *talk = (struct talk){.connections = connections, .loop = loop_net_new(0, 1, &err)};
    talk->network = network_net_new(talk->loop, NULL);
    talk->listener = network_listen(talk->network, &at, on_accept, talk, &err);
    at = listener_local(talk->listener);
    for (size_t i = 0; i < connections; i++)
        network_connect(talk->network, &any, &at, 10000000, on_connected, talk);
    run(talk);
}

static uint64_t
converse(void *arg, uint64_t times)
{
    struct talk *talk = arg;

    talk->left = times;
    for (size_t i = 0; i < talk->connections; i++)
        ask(&ends[i]);
    run(talk);
    return times;
}

/* Two ends of a TCP connection; false: there is none to be had. */
static bool
bare_pair(int fds[2])
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof at;
    int listener = socket(AF_INET, SOCK_STREAM, 0), yes = 1;

    fds[0] = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&at, length) < 0 || listen(listener, 1) < 0 ||
        getsockname(listener, (struct sockaddr *)&at, &length) < 0 ||
        connect(fds[0], (struct sockaddr *)&at, length) < 0)
        return false;
    fds[1] = accept(listener, NULL, NULL);
    for (int i = 0; i < 2; i++)
        setsockopt(fds[i], IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    return fds[1] >= 0;
}

static uint64_t
converse_barely(void *arg, uint64_t times)
{
    const int *fds = arg;
    char bytes[4096];
    uint64_t sum = 0;

    for (uint64_t i = 0; i < times; i++) {
        sum += (uint64_t)send(fds[0], line, sizeof line - 1, MSG_NOSIGNAL);
        sum += (uint64_t)recv(fds[1], bytes, sizeof bytes, 0);
        sum += (uint64_t)send(fds[1], reply, sizeof reply - 1, MSG_NOSIGNAL);
        sum += (uint64_t)recv(fds[0], bytes, sizeof bytes, 0);
    }
    return sum;
}

int
main(void)
{
    static const size_t connections[] = {1, 8, 50, CONNECTIONS_MAX};
    int fds[2];

    if (!bare_pair(fds))
        return 1;
    bench_print("bare send and recv, there and back", converse_barely, fds, 20000);
    for (size_t i = 0; i < COUNT_OF(connections); i++) {
        struct talk talk;
        char name[64];

        talk_init(&talk, connections[i]);
        snprintf(name, sizeof name, "streams, there and back, %zu at once", connections[i]);
        bench_print(name, converse, &talk, 20000);
        network_free(&talk.network);
        loop_free(&talk.loop);
    }
    return 0;
}
