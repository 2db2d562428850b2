/* stream_tls.c - TLS as a filter over any stream: it moves bytes between the carrier, an engine and
 * the owner, and tells the owner in the order of base/stream.h.
 *
 * Writes are gathered and sealed once per instant, because a record costs more than its bytes. */
#include "base/stream_tls.h"

#include "base/mem.h"
#include "base/stream_tls_engine.h"

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
    struct tls_memory *memory = tls_memory_of(client, peer);
    struct tls_stream *t;

    client->connections_count++;
    t = wrap(client->tls, carrier, client->tls->door->connect(client, peer, memory), on_done, arg);
    t->engine->door->start(t->engine, &t->wire);
    flush_wire(t);
    return &t->base;
}
