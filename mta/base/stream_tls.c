/* stream_tls.c - TLS as a filter over any stream: it moves bytes between the carrier, an engine and
 * the owner, and tells the owner in the order of base/stream.h.
 *
 * Writes are gathered and sealed once per instant, because a record costs more than its bytes. */
#include "base/stream_tls.h"

#include "base/mem.h"
#include "base/stream_tls_engine.h"
#include "base/unit.h"

struct tls_stream {
    struct stream base;
    struct stream *carrier;
    struct tls_engine *engine;
    struct loop *loop;
    const struct stream_events *events; /* NULL: not set yet, everything waits */
    void *arg;
    tls_done_fn *on_done;
    void *done_arg;
    struct net_address local, peer;
    struct timer news;
    struct text outbox; /* written, not sealed */
    struct text inbox;  /* arrived, not consumed, from `inbox_start` on */
    size_t inbox_start;
    struct text wire; /* sealed, on its way to the carrier */
    enum tls_fault fault;
    bool is_told;   /* on_done has been called */
    bool is_over;   /* and nothing else will be */
    bool is_inside; /* one of our callbacks runs: memory stays until it is left */
    bool is_paused, is_carrier_paused, is_shut, is_closed;
    bool is_offer_due, is_end_due, is_broken_due, is_drained_due;
};

static const struct stream_door tls_door;
static void on_news(void *arg);

/* ---- sides ---- */

const char *
tls_failure_phrase(enum tls_failure failure)
{
    static const char *const phrases[] = {
        [TLS_FINE] = "no failure",
        [TLS_FAILED_CUT] = "connection cut",
        [TLS_FAILED_ALERT] = "alert from the peer",
        [TLS_FAILED_EXPIRED] = "certificate expired",
        [TLS_FAILED_WRONG_NAME] = "certificate for another name",
        [TLS_FAILED_SELF_SIGNED] = "certificate self-signed",
        [TLS_FAILED_UNKNOWN_CA] = "certificate of an unknown authority",
        [TLS_FAILED_CERTIFICATE] = "certificate not valid",
        [TLS_FAILED_OLD_PROTOCOL] = "protocol too old",
        [TLS_FAILED_NONSENSE] = "the peer does not speak TLS",
    };
    static_assert(COUNT_OF(phrases) == TLS_FAILURES_COUNT, "a phrase for every failure");

    assert(failure < TLS_FAILURES_COUNT);
    return phrases[failure];
}

struct tls *
tls_new(const struct tls_config *config)
{
    struct tls *tls = mem_alloc_zeroed(sizeof *tls);

    assert(config->level != TLS_OFF);
    tls->loop = config->loop;
    tls->rng = config->rng;
    tls->door = config->level == TLS_REAL ? &tls_real_door : &tls_modelled_door;
    tls->library = tls->door->library_new(tls);
    return tls;
}

void
tls_free(struct tls **tls)
{
    if (*tls == NULL)
        return;
    (*tls)->door->library_free((*tls)->library);
    mem_free(*tls);
    *tls = NULL;
}

struct tls_server *
tls_server_new(
    struct tls *tls, struct slice host_name, enum tls_certificate certificate, enum tls_fault fault)
{
    struct tls_server *server = mem_alloc_zeroed(sizeof *server);
    char *name = mem_alloc(host_name.length + 1);

    memcpy(name, host_name.at, host_name.length);
    name[host_name.length] = '\0';
    server->tls = tls;
    server->host_name = (struct slice){name, host_name.length};
    server->number = ++tls->servers_count;
    server->certificate = certificate;
    server->fault = fault;
    server->side = tls->door->server_new(server);
    return server;
}

void
tls_server_free(struct tls_server **server)
{
    if (*server == NULL)
        return;
    (*server)->tls->door->server_free((*server)->side);
    mem_free((char *)(uintptr_t)(*server)->host_name.at);
    mem_free(*server);
    *server = NULL;
}

struct tls_client *
tls_client_new(struct tls *tls)
{
    struct tls_client *client = mem_alloc_zeroed(sizeof *client);

    client->tls = tls;
    client->side = tls->door->client_new(client);
    return client;
}

void
tls_client_free(struct tls_client **client)
{
    struct tls_client *c = *client;

    if (c == NULL)
        return;
    for (uint32_t i = 0; i < c->peers.count; i++) {
        tls_remember(c->memories[i], NULL, 0);
        mem_free(c->memories[i]);
    }
    mem_free(c->memories);
    map_release(&c->peers);
    c->tls->door->client_free(c->side);
    mem_free(c);
    *client = NULL;
}

void
tls_remember(struct tls_memory *memory, void *session, int64_t now_us)
{
    assert(memory != NULL);
    if (memory->session != NULL)
        memory->door->session_free(memory->session);
    memory->session = session;
    memory->session_at_us = now_us;
}

/* NULL: too many are known already, nothing is kept of this one. */
static struct tls_memory *
memory_of(struct tls_client *client, const struct tls_peer *peer)
{
    struct text key = {0};
    uint32_t number;
    bool is_new = false, is_known;

    text_add_char(&key, peer->is_verified ? 'v' : 'u');
    text_add_slice(&key, peer->host_name);
    is_known = map_find(&client->peers, text_slice(&key), &number);
    if (!is_known && client->peers.count < TLS_PEERS_MAX)
        number = map_put(&client->peers, text_slice(&key), &is_new);
    text_release(&key);
    if (!is_known && !is_new)
        return NULL;
    if (is_new) {
        client->memories = mem_grow(client->memories, &client->memories_capacity,
            client->peers.count, sizeof client->memories[0]);
        client->memories[number] = mem_alloc_zeroed(sizeof *client->memories[number]);
        client->memories[number]->door = client->tls->door;
    }
    return client->memories[number];
}

static void
forget_old(struct tls_memory *memory, int64_t now_us)
{
    if (memory != NULL && memory->session != NULL &&
        now_us - memory->session_at_us >= TLS_RESUME_S * (int64_t)US_PER_S)
        tls_remember(memory, NULL, 0);
}

/* ---- coming and going ---- */

static struct tls_stream *
tls_of(struct stream *stream)
{
    assert(stream->door == &tls_door);
    return (struct tls_stream *)stream;
}

static const struct tls_stream *
tls_of_const(const struct stream *stream)
{
    assert(stream->door == &tls_door);
    return (const struct tls_stream *)stream;
}

static void
free_stream(struct tls_stream *t)
{
    t->engine->door->free(t->engine);
    text_release(&t->outbox);
    text_release(&t->inbox);
    text_release(&t->wire);
    mem_free(t);
}

static void
enter(struct tls_stream *t)
{
    assert(!t->is_inside);
    t->is_inside = true;
}

/* The stream may be gone afterwards. */
static void
leave(struct tls_stream *t)
{
    t->is_inside = false;
    if (t->is_closed)
        free_stream(t);
}

static void
post_news(struct tls_stream *t)
{
    if (!timer_is_armed(&t->news))
        loop_post(t->loop, &t->news, on_news, t);
}

/* ---- out ---- */

static bool
is_open(const struct tls_stream *t)
{
    return t->engine->state == TLS_OPEN || t->engine->state == TLS_ENDED;
}

static void
flush_wire(struct tls_stream *t)
{
    if (t->wire.length > 0 && t->carrier != NULL)
        stream_write(t->carrier, t->wire.bytes, t->wire.length);
    text_clear(&t->wire);
}

static void
seal_outbox(struct tls_stream *t)
{
    if (t->outbox.length == 0 || !is_open(t))
        return;
    t->engine->door->seal(t->engine, text_slice(&t->outbox), &t->wire);
    text_clear(&t->outbox);
    flush_wire(t);
    t->is_drained_due = true;
}

static void
end_writing(struct tls_stream *t)
{
    if (is_open(t)) {
        seal_outbox(t);
        t->engine->door->say_closed(t->engine, &t->wire);
        flush_wire(t);
    }
    if (t->carrier != NULL)
        stream_shut(t->carrier);
}

/* ---- in ---- */

static void
drop_consumed(struct tls_stream *t)
{
    if (t->inbox_start == t->inbox.length) {
        text_clear(&t->inbox);
        t->inbox_start = 0;
    } else if (t->inbox_start > t->inbox.length / 2) {
        t->inbox.length -= t->inbox_start;
        memmove(t->inbox.bytes, t->inbox.bytes + t->inbox_start, t->inbox.length);
        t->inbox_start = 0;
    }
}

/* The peer feels a slow reader, but a handshake goes on whoever reads. */
static void
pass_pressure_on(struct tls_stream *t)
{
    bool is_too_much = t->is_paused || t->inbox.length - t->inbox_start >= STREAM_HIGH_WATER;

    if (t->is_closed || !t->is_told || t->carrier == NULL || is_too_much == t->is_carrier_paused)
        return;
    t->is_carrier_paused = is_too_much;
    if (is_too_much)
        stream_pause(t->carrier);
    else
        stream_resume(t->carrier);
}

static void
offer(struct tls_stream *t)
{
    struct slice waiting = slice_from(text_slice(&t->inbox), t->inbox_start);
    size_t consumed;

    t->is_offer_due = false;
    if (waiting.length == 0)
        return;
    consumed = t->events->on_bytes(t->arg, waiting);
    assert(consumed <= waiting.length);
    if (t->is_closed)
        return;
    t->inbox_start += consumed;
    drop_consumed(t);
    pass_pressure_on(t);
}

static bool
may_tell(const struct tls_stream *t)
{
    return t->is_told && !t->is_over && !t->is_closed && t->events != NULL;
}

/* Bytes, then the end of them; a paused reader sees neither, but it learns of a cut. */
static void
tell(struct tls_stream *t)
{
    if (may_tell(t) && t->is_offer_due && !t->is_paused)
        offer(t);
    if (may_tell(t) && t->is_end_due && !t->is_offer_due && !t->is_paused) {
        t->is_end_due = false;
        t->events->on_end(t->arg);
    }
    if (may_tell(t) && t->is_broken_due && (t->is_paused || !t->is_offer_due)) {
        t->is_over = true;
        t->events->on_broken(t->arg, TROUBLE_RESET);
    }
    if (may_tell(t) && t->is_drained_due && stream_unsent(&t->base) == 0) {
        t->is_drained_due = false;
        if (t->events->on_drained != NULL)
            t->events->on_drained(t->arg);
    }
}

static void
finish_handshake(struct tls_stream *t, const struct tls_result *result)
{
    t->is_told = true;
    t->on_done(t->done_arg, result);
    if (t->is_closed)
        return;
    if (result->failure != TLS_FINE) {
        t->is_over = true;
        return;
    }
    if (t->outbox.length > 0)
        post_news(t);
    if (t->is_shut)
        end_writing(t);
    pass_pressure_on(t);
}

static void
look_at_engine(struct tls_stream *t)
{
    if (!t->is_told && t->engine->state != TLS_SHAKING)
        finish_handshake(t, &t->engine->result);
    if (t->is_closed)
        return;
    t->is_offer_due |= t->inbox.length > t->inbox_start;
    t->is_end_due |= t->engine->state == TLS_ENDED;
    t->is_broken_due |= t->engine->state == TLS_FAILED;
}

static void
lose_carrier(struct tls_stream *t)
{
    static const struct tls_result cut = {.failure = TLS_FAILED_CUT, .version = "", .cipher = ""};

    if (!t->is_told)
        finish_handshake(t, &cut);
}

static size_t
carrier_on_bytes(void *arg, struct slice bytes)
{
    struct tls_stream *t = arg;

    enter(t);
    if (t->fault == TLS_FAULT_CUT && !t->is_told) {
        stream_abort(&t->carrier);
        lose_carrier(t);
    } else if (t->engine->state == TLS_SHAKING || t->engine->state == TLS_OPEN) {
        t->engine->door->take(t->engine, bytes, &t->wire, &t->inbox);
        flush_wire(t);
        look_at_engine(t);
        tell(t);
    }
    leave(t);
    return bytes.length;
}

static void
carrier_on_drained(void *arg)
{
    struct tls_stream *t = arg;

    enter(t);
    t->is_drained_due = true;
    tell(t);
    leave(t);
}

static void
carrier_on_end(void *arg)
{
    struct tls_stream *t = arg;
    bool was_ended = t->engine->state == TLS_ENDED; /* and told so */

    enter(t);
    lose_carrier(t);
    if (!t->is_closed)
        t->is_end_due |= !was_ended;
    tell(t);
    leave(t);
}

static void
carrier_on_broken(void *arg, enum trouble trouble)
{
    struct tls_stream *t = arg;

    enter(t);
    lose_carrier(t);
    if (!t->is_closed)
        t->is_broken_due = true;
    tell(t);
    leave(t);
}

static void
on_news(void *arg)
{
    struct tls_stream *t = arg;

    enter(t);
    seal_outbox(t);
    tell(t);
    leave(t);
}

/* ---- the door ---- */

static void
set_events(struct stream *stream, const struct stream_events *events, void *arg)
{
    struct tls_stream *t = tls_of(stream);

    t->events = events;
    t->arg = arg;
    t->is_offer_due = t->inbox.length > t->inbox_start;
    if (t->is_offer_due || t->is_end_due || t->is_broken_due)
        post_news(t);
}

static void
write_bytes(struct stream *stream, const char *bytes, size_t length)
{
    struct tls_stream *t = tls_of(stream);

    assert(!t->is_shut);
    if (t->engine->state == TLS_FAILED || t->carrier == NULL)
        return;
    text_add(&t->outbox, bytes, length);
    if (is_open(t))
        post_news(t);
}

static size_t
unsent(const struct stream *stream)
{
    const struct tls_stream *t = tls_of_const(stream);

    return t->outbox.length + (t->carrier != NULL ? stream_unsent(t->carrier) : 0);
}

static void
pause_reading(struct stream *stream)
{
    struct tls_stream *t = tls_of(stream);

    t->is_paused = true;
    pass_pressure_on(t);
}

static void
resume_reading(struct stream *stream)
{
    struct tls_stream *t = tls_of(stream);

    t->is_paused = false;
    t->is_offer_due = t->inbox.length > t->inbox_start;
    pass_pressure_on(t);
    if (t->is_offer_due || t->is_end_due || t->is_broken_due)
        post_news(t);
}

static void
shut(struct stream *stream)
{
    struct tls_stream *t = tls_of(stream);

    if (t->is_shut)
        return;
    t->is_shut = true;
    if (t->engine->state != TLS_SHAKING) /* else when it is over */
        end_writing(t);
}

static void
give_up(struct tls_stream *t)
{
    timer_cancel(t->loop, &t->news);
    t->is_closed = true;
    if (!t->is_inside)
        free_stream(t);
}

static void
close_stream(struct stream *stream)
{
    struct tls_stream *t = tls_of(stream);

    shut(stream);
    stream_close(&t->carrier);
    give_up(t);
}

static void
abort_stream(struct stream *stream)
{
    struct tls_stream *t = tls_of(stream);

    stream_abort(&t->carrier);
    give_up(t);
}

static const struct net_address *
local_address(const struct stream *stream)
{
    return &tls_of_const(stream)->local;
}

static const struct net_address *
peer_address(const struct stream *stream)
{
    return &tls_of_const(stream)->peer;
}

static const struct stream_door tls_door = {
    .set_events = set_events,
    .write = write_bytes,
    .unsent = unsent,
    .pause = pause_reading,
    .resume = resume_reading,
    .shut = shut,
    .close = close_stream,
    .abort = abort_stream,
    .local = local_address,
    .peer = peer_address,
};

static struct tls_stream *
wrap(struct tls *tls, struct stream *carrier, struct tls_engine *engine, tls_done_fn *on_done,
    void *arg)
{
    static const struct stream_events carrier_events = {.on_bytes = carrier_on_bytes,
        .on_drained = carrier_on_drained,
        .on_end = carrier_on_end,
        .on_broken = carrier_on_broken};
    struct tls_stream *t = mem_alloc_zeroed(sizeof *t);

    assert(tls->rng == NULL || carrier->door->is_simulated);
    t->base.door = &tls_door;
    t->carrier = carrier;
    t->engine = engine;
    t->loop = tls->loop;
    t->on_done = on_done;
    t->done_arg = arg;
    t->local = *stream_local(carrier);
    t->peer = *stream_peer(carrier);
    stream_set_events(carrier, &carrier_events, t);
    stream_resume(carrier); /* whoever had it before may have paused it */
    return t;
}

struct stream *
stream_tls_accept(
    struct tls_server *server, struct stream *carrier, tls_done_fn *on_done, void *arg)
{
    struct tls_stream *t;

    server->connections_count++;
    t = wrap(server->tls, carrier, server->tls->door->accept(server), on_done, arg);
    t->fault = server->fault;
    return &t->base;
}

struct stream *
stream_tls_connect(struct tls_client *client, struct stream *carrier, const struct tls_peer *peer,
    tls_done_fn *on_done, void *arg)
{
    struct tls_memory *memory = memory_of(client, peer);
    struct tls_stream *t;

    client->connections_count++;
    forget_old(memory, loop_now_us(client->tls->loop));
    t = wrap(client->tls, carrier, client->tls->door->connect(client, peer, memory), on_done, arg);
    t->engine->door->start(t->engine, &t->wire);
    flush_wire(t);
    return &t->base;
}
