/* stream_tls_modelled.c - TLS 1.3 without arithmetic: the states, round trips, sizes and verdicts of
 * stream_tls_real.c.
 *
 * Everything is a record: five bytes of header as in RFC 8446 5.1, then a body. A message of the
 * handshake says in its first bytes what the model needs and is filled up to the size that the real
 * one has with a P-256 certificate; data stands as it is, and is followed by as many bytes as a tag
 * and the inner content type take. */
#include "base/mem.h"
#include "base/stream_tls_engine.h"

enum record_type { RECORD_ALERT = 21, RECORD_HANDSHAKE, RECORD_DATA };

enum message { CLIENT_HELLO = 1, SERVER_HELLO, FINISHED, TICKET };

enum alert { /* RFC 8446 6 */
    ALERT_CLOSE_NOTIFY = 0,
    ALERT_BAD_CERTIFICATE = 42,
    ALERT_CERTIFICATE_EXPIRED = 45,
    ALERT_UNKNOWN_CA = 48,
    ALERT_PROTOCOL_VERSION = 70,
};

enum {
    HEADER_BYTES = 5,
    SEAL_BYTES = 17, /* tag and inner type */
    RECORD_BYTES_MAX = 16384,
    TICKET_BYTES = 8, /* of the model: server's number, then its own */
    /* Sizes on the wire, headers included, as OpenSSL 3.0 has them. */
    CLIENT_HELLO_BYTES = 302,
    CLIENT_HELLO_RESUMING_BYTES = 540,
    SERVER_HELLO_BYTES = 714,
    SERVER_HELLO_RESUMING_BYTES = 250,
    FINISHED_BYTES = 80,
    TICKET_RECORD_BYTES = 255,
};

struct ticket {
    uint32_t server, number;
};
static_assert(sizeof(struct ticket) == TICKET_BYTES, "no padding");

struct modelled {
    struct tls_engine base;
    struct tls_server *server; /* NULL: we are the client */
    struct tls_memory *memory;
    struct loop *loop;
    struct text host_name; /* the peer's, as asked for */
    bool is_verified;
    struct text in; /* a record that is not complete */
};

static const struct tls_engine_door modelled_engine_door;

/* ---- records ---- */

static void
add_record(struct text *wire, enum record_type type, struct slice body, size_t filling)
{
    size_t length = body.length + filling;
    const char header[HEADER_BYTES] = {
        (char)type, 3, 3, (char)(unsigned char)(length >> 8), (char)(unsigned char)length};

    assert(length < 65536);
    text_add(wire, header, sizeof header);
    text_add_slice(wire, body);
    text_add_repeated(wire, '\0', filling);
}

static void
add_message(struct text *wire, const struct text *body, size_t bytes)
{
    size_t least = HEADER_BYTES + body->length;

    add_record(wire, RECORD_HANDSHAKE, text_slice(body), bytes > least ? bytes - least : 0);
}

static void
add_alert(struct text *wire, enum alert alert, size_t filling)
{
    const char body[2] = {alert == ALERT_CLOSE_NOTIFY ? 1 : 2, (char)alert};

    add_record(wire, RECORD_ALERT, (struct slice){body, sizeof body}, filling);
}

static void
fail(struct modelled *m, enum tls_failure failure)
{
    m->base.state = TLS_FAILED;
    m->base.result = (struct tls_result){.failure = failure, .version = "", .cipher = ""};
}

static void
open_up(struct modelled *m, bool is_resumed)
{
    m->base.state = TLS_OPEN;
    m->base.result = (struct tls_result){
        .is_resumed = is_resumed, .version = "TLSv1.3", .cipher = "TLS_AES_256_GCM_SHA384"};
}

/* ---- the handshake ---- */

static void
start(struct tls_engine *engine, struct text *wire)
{
    struct modelled *m = (struct modelled *)engine;
    bool has_ticket = m->memory != NULL && m->memory->session != NULL;
    struct text body = {0};

    text_add_char(&body, CLIENT_HELLO);
    if (has_ticket)
        text_add(&body, m->memory->session, TICKET_BYTES);
    else
        text_add_repeated(&body, '\0', TICKET_BYTES);
    text_add_slice(&body, text_slice(&m->host_name));
    add_message(wire, &body,
        m->host_name.length + (has_ticket ? CLIENT_HELLO_RESUMING_BYTES : CLIENT_HELLO_BYTES));
    text_release(&body);
}

static void
take_client_hello(struct modelled *m, struct slice body, struct text *wire)
{
    const struct tls_server *server = m->server;
    struct ticket ticket;
    struct text answer = {0};

    if (server->fault == TLS_FAULT_OLD_PROTOCOL) {
        add_alert(wire, ALERT_PROTOCOL_VERSION, 0);
        fail(m, TLS_FAILED_OLD_PROTOCOL);
        return;
    }
    memcpy(&ticket, body.at, sizeof ticket);
    m->base.result.is_resumed = ticket.server == server->number;
    text_add_char(&answer, SERVER_HELLO);
    text_add_char(&answer, (char)m->base.result.is_resumed);
    text_add_char(&answer, (char)server->certificate);
    text_add_char(&answer, (char)(unsigned char)server->host_name.length);
    text_add_slice(&answer, server->host_name);
    add_message(wire, &answer,
        m->base.result.is_resumed ? SERVER_HELLO_RESUMING_BYTES : SERVER_HELLO_BYTES);
    text_release(&answer);
}

static enum tls_failure
judge(const struct modelled *m, enum tls_certificate certificate, struct slice name)
{
    switch (certificate) {
    case CERTIFICATE_GOOD:
        break;
    case CERTIFICATE_EXPIRED:
        return TLS_FAILED_EXPIRED;
    case CERTIFICATE_WRONG_NAME:
        return TLS_FAILED_WRONG_NAME;
    case CERTIFICATE_SELF_SIGNED:
        return TLS_FAILED_SELF_SIGNED;
    case CERTIFICATE_UNKNOWN_CA:
        return TLS_FAILED_UNKNOWN_CA;
    }
    return slice_equals_nocase(name, text_slice(&m->host_name)) ? TLS_FINE : TLS_FAILED_WRONG_NAME;
}

static void
take_server_hello(struct modelled *m, struct slice body, struct text *wire)
{
    bool is_resumed = body.at[0] != 0;
    struct slice name = {body.at + 3, (unsigned char)body.at[2]};
    enum tls_failure failure = TLS_FINE;
    const struct text finished = {.bytes = (char[]){FINISHED}, .length = 1};

    if (name.length > body.length - 3) {
        fail(m, TLS_FAILED_NONSENSE);
        return;
    }
    if (m->is_verified && !is_resumed)
        failure = judge(m, (enum tls_certificate)body.at[1], name);
    if (failure != TLS_FINE) {
        add_alert(wire,
            failure == TLS_FAILED_EXPIRED          ? ALERT_CERTIFICATE_EXPIRED
                : failure == TLS_FAILED_WRONG_NAME ? ALERT_BAD_CERTIFICATE
                                                   : ALERT_UNKNOWN_CA,
            SEAL_BYTES);
        fail(m, failure);
        return;
    }
    add_message(wire, &finished, FINISHED_BYTES);
    open_up(m, is_resumed);
}

static void
take_finished(struct modelled *m, struct text *wire)
{
    const struct ticket ticket = {m->server->number, (uint32_t)m->server->connections_count};
    struct text body = {0};

    text_add_char(&body, TICKET);
    text_add(&body, (const char *)&ticket, sizeof ticket);
    add_message(wire, &body, TICKET_RECORD_BYTES);
    text_release(&body);
    open_up(m, m->base.result.is_resumed);
}

static void
take_ticket(struct modelled *m, struct slice body)
{
    void *ticket;

    if (m->memory == NULL)
        return;
    ticket = mem_alloc(TICKET_BYTES);
    memcpy(ticket, body.at, TICKET_BYTES);
    tls_remember(m->memory, ticket, loop_now_us(m->loop));
}

static void
take_message(struct modelled *m, struct slice body, struct text *wire)
{
    enum message message = body.length > 0 ? (enum message)body.at[0] : 0;
    bool is_server = m->server != NULL, is_shaking = m->base.state == TLS_SHAKING;

    if (message == CLIENT_HELLO && is_server && is_shaking && body.length > TICKET_BYTES)
        take_client_hello(m, slice_from(body, 1), wire);
    else if (message == SERVER_HELLO && !is_server && is_shaking && body.length > 3)
        take_server_hello(m, slice_from(body, 1), wire);
    else if (message == FINISHED && is_server && is_shaking)
        take_finished(m, wire);
    else if (message == TICKET && !is_server && !is_shaking && body.length > TICKET_BYTES)
        take_ticket(m, slice_from(body, 1));
    else
        fail(m, TLS_FAILED_NONSENSE);
}

/* ---- records in ---- */

static void
take_alert(struct modelled *m, struct slice body)
{
    enum alert alert = body.length > 1 ? (enum alert)body.at[1] : ALERT_BAD_CERTIFICATE;

    if (alert == ALERT_CLOSE_NOTIFY && m->base.state == TLS_OPEN)
        m->base.state = TLS_ENDED;
    else
        fail(m, alert == ALERT_PROTOCOL_VERSION ? TLS_FAILED_OLD_PROTOCOL : TLS_FAILED_ALERT);
}

static void
take_record(
    struct modelled *m, unsigned type, struct slice body, struct text *wire, struct text *plain)
{
    if (type == RECORD_HANDSHAKE)
        take_message(m, body, wire);
    else if (type == RECORD_ALERT)
        take_alert(m, body);
    else if (m->base.state != TLS_OPEN || body.length < SEAL_BYTES)
        fail(m, TLS_FAILED_NONSENSE);
    else
        text_add(plain, body.at, body.length - SEAL_BYTES);
}

static void
take(struct tls_engine *engine, struct slice bytes, struct text *wire, struct text *plain)
{
    struct modelled *m = (struct modelled *)engine;
    struct slice rest;

    text_add_slice(&m->in, bytes);
    rest = text_slice(&m->in);
    while (rest.length >= HEADER_BYTES && engine->state <= TLS_OPEN) {
        const unsigned char *header = (const unsigned char *)rest.at;
        size_t length = (size_t)header[3] << 8 | header[4];

        if (header[0] < RECORD_ALERT || header[0] > RECORD_DATA || header[1] != 3) {
            fail(m, TLS_FAILED_NONSENSE);
            break;
        }
        if (rest.length < HEADER_BYTES + length)
            break;
        take_record(m, header[0], (struct slice){rest.at + HEADER_BYTES, length}, wire, plain);
        rest = slice_from(rest, HEADER_BYTES + length);
    }
    memmove(m->in.bytes, rest.at, rest.length);
    m->in.length = rest.length;
}

/* ---- records out ---- */

static void
seal(struct tls_engine *engine, struct slice plain, struct text *wire)
{
    while (plain.length > 0) {
        size_t length = plain.length < RECORD_BYTES_MAX ? plain.length : RECORD_BYTES_MAX;

        add_record(wire, RECORD_DATA, (struct slice){plain.at, length}, SEAL_BYTES);
        plain = slice_from(plain, length);
    }
}

static void
say_closed(struct tls_engine *engine, struct text *wire)
{
    add_alert(wire, ALERT_CLOSE_NOTIFY, SEAL_BYTES);
}

/* ---- sides ---- */

static void
engine_free(struct tls_engine *engine)
{
    struct modelled *m = (struct modelled *)engine;

    text_release(&m->host_name);
    text_release(&m->in);
    mem_free(m);
}

static const struct tls_engine_door modelled_engine_door = {
    .start = start,
    .take = take,
    .seal = seal,
    .say_closed = say_closed,
    .free = engine_free,
};

static struct tls_engine *
engine_accept(struct tls_server *server)
{
    struct modelled *m = mem_alloc_zeroed(sizeof *m);

    m->base.door = &modelled_engine_door;
    m->server = server;
    m->loop = server->tls->loop;
    return &m->base;
}

static struct tls_engine *
engine_connect(struct tls_client *client, const struct tls_peer *peer, struct tls_memory *memory)
{
    struct modelled *m = mem_alloc_zeroed(sizeof *m);

    m->base.door = &modelled_engine_door;
    m->memory = memory;
    m->loop = client->tls->loop;
    m->is_verified = peer->is_verified;
    text_add_slice(&m->host_name, peer->host_name);
    return &m->base;
}

static void *
library_new(struct tls *tls)
{
    return NULL;
}

static void *
server_new(struct tls_server *server)
{
    return NULL;
}

static void *
client_new(struct tls_client *client)
{
    return NULL;
}

static void
nothing_to_free(void *nothing)
{
}

const struct tls_level_door tls_modelled_door = {
    .library_new = library_new,
    .library_free = nothing_to_free,
    .server_new = server_new,
    .server_free = nothing_to_free,
    .client_new = client_new,
    .client_free = nothing_to_free,
    .session_free = mem_free,
    .accept = engine_accept,
    .connect = engine_connect,
};
