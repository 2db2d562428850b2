/* dns_server.c - the providers' name server: one address, UDP and TCP, answers from zones. */
#include "fakeisp/dns_server.h"

#include "base/mem.h"
#include "base/unit.h"
#include "fakeisp/dns.h"

enum { LENGTH_BYTES = 2, PORTS_TRIED_MAX = 20 };

/* One connection of TCP. */
struct connection {
    struct connection *next, *previous;
    struct dns_server *server;
    struct stream *stream;
    struct timer idle;
    unsigned waiting_count;
    bool has_ended; /* the peer asks no more; what waits is still told */
};

/* An answer that waits for its time. */
struct waiting {
    struct waiting *next, *previous;
    struct dns_server *server;
    struct connection *connection; /* NULL: a datagram to `peer` */
    struct net_address peer;
    struct timer timer;
    size_t length;
    char bytes[];
};

struct dns_server {
    struct loop *loop;
    const struct zones *zones;
    struct datagram *datagram;
    struct listener *listener;
    struct net_address address;
    struct connection *connections;
    size_t connections_count;
    struct waiting *waiting;
    size_t waiting_count;
    struct text answer; /* the one that is being written */
    struct dns_server_counts counts;
};

/* ---- answers ---- */

static void
write_answer(struct connection *connection, struct slice bytes)
{
    /* In one piece (RFC 7766 8). */
    struct text framed = {0};

    assert(bytes.length <= DNS_TCP_BYTES_MAX);
    text_make_room(&framed, LENGTH_BYTES + bytes.length);
    text_add_char(&framed, (char)(bytes.length >> 8));
    text_add_char(&framed, (char)bytes.length);
    text_add_slice(&framed, bytes);
    stream_write(connection->stream, framed.bytes, framed.length);
    text_release(&framed);
}

static void
free_waiting(struct waiting *waiting)
{
    struct dns_server *server = waiting->server;

    timer_cancel(server->loop, &waiting->timer);
    if (waiting->next != NULL)
        waiting->next->previous = waiting->previous;
    if (waiting->previous != NULL)
        waiting->previous->next = waiting->next;
    else
        server->waiting = waiting->next;
    if (waiting->connection != NULL)
        waiting->connection->waiting_count--;
    server->waiting_count--;
    mem_free(waiting);
}

static void
free_connection(struct connection *connection)
{
    struct dns_server *server = connection->server;

    for (struct waiting *waiting = server->waiting, *next; connection->waiting_count > 0;
         waiting = next) {
        next = waiting->next;
        if (waiting->connection == connection)
            free_waiting(waiting);
    }
    timer_cancel(server->loop, &connection->idle);
    if (connection->next != NULL)
        connection->next->previous = connection->previous;
    if (connection->previous != NULL)
        connection->previous->next = connection->next;
    else
        server->connections = connection->next;
    server->connections_count--;
    mem_free(connection);
}

static void
close_connection(struct connection *connection)
{
    stream_close(&connection->stream);
    free_connection(connection);
}

static void
on_idle(void *arg)
{
    close_connection(arg);
}

/* While answers wait the connection is not idle. */
static void
expect_question(struct connection *connection)
{
    struct loop *loop = connection->server->loop;

    if (connection->waiting_count > 0)
        timer_cancel(loop, &connection->idle);
    else
        timer_arm(loop, &connection->idle,
            loop_now_us(loop) + (int64_t)DNS_SERVER_IDLE_S * US_PER_S, on_idle, connection);
}

static void
on_answer_due(void *arg)
{
    struct waiting *waiting = arg;
    struct connection *connection = waiting->connection;
    struct slice bytes = {waiting->bytes, waiting->length};

    if (connection != NULL)
        write_answer(connection, bytes);
    else
        datagram_send(waiting->server->datagram, &waiting->peer, bytes);
    free_waiting(waiting);
    if (connection == NULL)
        return;
    if (connection->has_ended && connection->waiting_count == 0)
        close_connection(connection);
    else
        expect_question(connection);
}

static void
keep_waiting(struct dns_server *server, struct connection *connection,
    const struct net_address *peer, int64_t delay_us)
{
    struct slice answer = text_slice(&server->answer);
    struct waiting *waiting;

    if (server->waiting_count >= DNS_SERVER_WAITING_MAX) {
        server->counts.answers_lost++;
        return;
    }
    waiting = mem_alloc_zeroed(sizeof *waiting + answer.length);
    waiting->server = server;
    waiting->connection = connection;
    if (connection != NULL)
        connection->waiting_count++;
    else
        waiting->peer = *peer;
    waiting->length = answer.length;
    memcpy(waiting->bytes, answer.at, answer.length);
    waiting->next = server->waiting;
    if (waiting->next != NULL)
        waiting->next->previous = waiting;
    server->waiting = waiting;
    server->waiting_count++;
    timer_arm(server->loop, &waiting->timer, loop_now_us(server->loop) + delay_us, on_answer_due,
        waiting);
}

static void
answer(struct dns_server *server, struct connection *connection, const struct net_address *peer,
    struct slice question)
{
    int64_t delay_us;

    text_clear(&server->answer);
    if (!dns_answer(server->zones, question, connection != NULL, &server->answer, &delay_us))
        return;
    if (delay_us > 0)
        keep_waiting(server, connection, peer, delay_us);
    else if (connection != NULL)
        write_answer(connection, text_slice(&server->answer));
    else
        datagram_send(server->datagram, peer, text_slice(&server->answer));
}

/* ---- UDP ---- */

static void
on_datagram(void *arg, const struct net_address *from, struct slice bytes)
{
    struct dns_server *server = arg;

    server->counts.questions_udp++;
    answer(server, NULL, from, bytes);
}

/* ---- TCP ---- */

static size_t
announced_length(struct slice bytes)
{
    return (size_t)(unsigned char)bytes.at[0] << 8 | (unsigned char)bytes.at[1];
}

/* No question is as short or as long as this. */
static bool
is_rubbish(struct slice bytes)
{
    return bytes.length >= LENGTH_BYTES &&
        (announced_length(bytes) < DNS_HEADER_BYTES ||
            announced_length(bytes) > DNS_QUESTION_BYTES_MAX);
}

/* True: *used bytes were a question, and another one may follow. */
static bool
take_question(struct connection *connection, struct slice bytes, size_t *used)
{
    if (bytes.length < LENGTH_BYTES || bytes.length < LENGTH_BYTES + announced_length(bytes))
        return false;
    *used = LENGTH_BYTES + announced_length(bytes);
    connection->server->counts.questions_tcp++;
    answer(connection->server, connection, NULL,
        (struct slice){bytes.at + LENGTH_BYTES, *used - LENGTH_BYTES});
    expect_question(connection);
    return true;
}

static size_t
on_bytes(void *arg, struct slice bytes)
{
    struct connection *connection = arg;
    size_t consumed = 0, used;

    while (stream_unsent(connection->stream) < STREAM_HIGH_WATER) {
        struct slice rest = slice_from(bytes, consumed);

        if (is_rubbish(rest)) {
            close_connection(connection);
            return bytes.length;
        }
        if (!take_question(connection, rest, &used))
            return consumed;
        consumed += used;
    }
    stream_pause(connection->stream);
    return consumed;
}

static void
on_drained(void *arg)
{
    struct connection *connection = arg;

    stream_resume(connection->stream);
}

static void
on_end(void *arg)
{
    struct connection *connection = arg;

    if (connection->waiting_count == 0)
        close_connection(connection);
    else
        connection->has_ended = true;
}

static void
on_broken(void *arg, enum trouble trouble)
{
    close_connection(arg);
}

static const struct stream_events connection_events = {on_bytes, on_drained, on_end, on_broken};

static void
on_connection(void *arg, struct stream *stream)
{
    struct dns_server *server = arg;
    struct connection *connection;

    if (server->connections_count >= DNS_SERVER_CONNECTIONS_MAX) {
        server->counts.connections_refused++;
        stream_abort(&stream);
        return;
    }
    connection = mem_alloc_zeroed(sizeof *connection);
    connection->server = server;
    connection->stream = stream;
    connection->next = server->connections;
    if (connection->next != NULL)
        connection->next->previous = connection;
    server->connections = connection;
    server->connections_count++;
    stream_set_events(stream, &connection_events, connection);
    expect_question(connection);
}

/* ---- coming and going ---- */

/* A port that is free for TCP may be taken for UDP: then another one is tried. */
static bool
open_both(struct dns_server *server, struct network *network, const struct net_address *at,
    bool allow_any, struct error *err)
{
    for (int i = 0; i < (at->port == 0 ? PORTS_TRIED_MAX : 1); i++) {
        server->listener = network_listen(network, at, on_connection, server, err);
        if (server->listener == NULL)
            return false;
        server->address = listener_local(server->listener);
        server->datagram =
            datagram_net_new(server->loop, &server->address, allow_any, on_datagram, server, err);
        if (server->datagram != NULL)
            return true;
        listener_close(&server->listener);
    }
    return false;
}

struct dns_server *
dns_server_new(struct loop *loop, struct network *network, const struct zones *zones,
    const struct net_address *at, bool allow_any, struct error *err)
{
    struct dns_server *server = mem_alloc_zeroed(sizeof *server);

    server->loop = loop;
    server->zones = zones;
    if (open_both(server, network, at, allow_any, err))
        return server;
    dns_server_free(&server);
    return NULL;
}

void
dns_server_free(struct dns_server **freed)
{
    struct dns_server *server = *freed;

    *freed = NULL;
    if (server == NULL)
        return;
    while (server->connections != NULL) {
        stream_abort(&server->connections->stream);
        free_connection(server->connections);
    }
    while (server->waiting != NULL)
        free_waiting(server->waiting);
    if (server->listener != NULL)
        listener_close(&server->listener);
    datagram_free(&server->datagram);
    text_release(&server->answer);
    mem_free(server);
}

const struct net_address *
dns_server_address(const struct dns_server *server)
{
    return &server->address;
}

const struct dns_server_counts *
dns_server_counts(const struct dns_server *server)
{
    return &server->counts;
}
