/* smtp_server.c - sessions: bytes in, replies out, and waiting in between.
 *
 * Every callback ends in round_off(), the only place where replies leave and a session ends. */
#include "fakeisp/smtp_server.h"

#include "base/mem.h"
#include "base/unit.h"
#include "fakeisp/smtp_session.h"

static const struct stream_events session_events;
static void round_off(struct session *s);
static void wait_on_over(void *arg);
static void idle_on_timeout(void *arg);

/* ---- out ---- */

void
session_say(struct session *s, const struct ready_reply *reply, int64_t drip_us)
{
    if (drip_us <= 0) {
        text_add_slice(&s->out, reply->wire);
        return;
    }
    s->to_drip = reply->wire;
    s->drip_us = drip_us;
    session_wait(s, 0);
}

static void
flush(struct session *s)
{
    if (s->out.length > 0)
        stream_write(s->stream, s->out.bytes, s->out.length);
    text_clear(&s->out);
}

/* A peer that talks and does not listen is not read until it has listened. */
static bool
choke(struct session *s)
{
    if (s->out.length + stream_unsent(s->stream) < STREAM_HIGH_WATER)
        return false;
    flush(s);
    if (stream_unsent(s->stream) == 0)
        return false;
    s->is_choked = true;
    stream_pause(s->stream);
    return true;
}

/* ---- coming and going ---- */

static struct loop *
loop_of(const struct session *s)
{
    return s->server->setup.loop;
}

static void
unlink_session(struct session *s)
{
    if (s->next != NULL)
        s->next->previous = s->previous;
    if (s->previous != NULL)
        s->previous->next = s->next;
    else
        s->server->first = s->next;
}

static void
link_session(struct session *s)
{
    s->next = s->server->first;
    if (s->next != NULL)
        s->next->previous = s;
    s->server->first = s;
}

static struct session *
take_session(struct smtp_server *server)
{
    struct session *s = server->spares;
    struct session before;

    if (s == NULL) {
        s = mem_alloc_zeroed(sizeof *s);
    } else {
        server->spares = s->next;
        before = *s;
        *s = (struct session){.out = before.out,
            .header = before.header,
            .envelope = before.envelope,
            .helo = before.helo,
            .memory = {.domain = before.memory.domain},
            .content = before.content,
            .auth = before.auth};
        text_clear(&s->out);
        text_clear(&s->header);
        text_clear(&s->helo);
        envelope_clear(&s->envelope);
    }
    s->server = server;
    return s;
}

static void
end_session(struct session *s)
{
    const struct server_setup *setup = &s->server->setup;

    timer_cancel(setup->loop, &s->wait_timer);
    timer_cancel(setup->loop, &s->idle_timer);
    auth_cancel(&s->check);
    if (s->is_aborting)
        stream_abort(&s->stream);
    else
        stream_close(&s->stream);
    if (s->is_counted) {
        policies_on_closed(setup->policies, &s->visit);
        s->server->open_count--;
        setup->notes->on_closed(setup->notes_arg, &s->visit);
    }
    unlink_session(s);
    s->next = s->server->spares;
    s->server->spares = s;
}

static void
session_on_tls(void *arg, const struct tls_result *result)
{
    struct session *s = arg;

    s->active_at_us = loop_now_us(loop_of(s));
    s->is_encrypted = result->failure == TLS_FINE;
    s->is_leaving = !s->is_encrypted;
    round_off(s);
}

/* The stream is another one from here on, and the rest of the session does not notice. */
static void
start_tls(struct session *s)
{
    s->is_starting_tls = false;
    session_say(s, own_reply(s, SAY_START_TLS), 0);
    flush(s);
    s->stream = stream_tls_accept(s->server->setup.tls, s->stream, session_on_tls, s);
    stream_set_events(s->stream, &session_events, s);
}

/* The session may be gone afterwards. */
static void
round_off(struct session *s)
{
    if (s->is_starting_tls && !s->is_waiting && !s->is_leaving)
        start_tls(s);
    if (!s->is_aborting)
        flush(s);
    if (s->is_leaving && !s->is_waiting)
        end_session(s);
}

/* ---- waiting ---- */

void
session_wait(struct session *s, int64_t us)
{
    assert(us >= 0);
    s->is_waiting = true;
    stream_pause(s->stream);
    timer_arm(loop_of(s), &s->wait_timer, loop_now_us(loop_of(s)) + us, wait_on_over, s);
}

/* True while there is more of it to come. */
static bool
drip(struct session *s)
{
    if (s->to_drip.length == 0)
        return false;
    text_add(&s->out, s->to_drip.at, 1);
    s->to_drip = slice_from(s->to_drip, 1);
    if (s->to_drip.length == 0)
        return false;
    session_wait(s, s->drip_us);
    return true;
}

static void
wait_on_over(void *arg)
{
    struct session *s = arg;
    bool was_dripping = s->to_drip.length > 0;

    s->is_waiting = false;
    s->active_at_us = loop_now_us(loop_of(s)); /* idling begins when we are done */
    drip(s);
    if (!was_dripping)
        session_on_waited(s);
    if (!s->is_waiting && !s->is_leaving && !s->is_choked)
        stream_resume(s->stream);
    round_off(s);
}

static int64_t
patience_us(const struct session *s)
{
    return (s->is_silent ? SERVER_SILENT_S : SERVER_IDLE_S) * (int64_t)US_PER_S;
}

static void
watch_idle(struct session *s)
{
    timer_arm(loop_of(s), &s->idle_timer, s->active_at_us + patience_us(s), idle_on_timeout, s);
}

void
session_fall_silent(struct session *s)
{
    s->is_silent = true;
    s->active_at_us = loop_now_us(loop_of(s));
    watch_idle(s);
}

/* Content that drips keeps a session for ever, too. */
static bool
is_dripping(const struct session *s, int64_t now_us)
{
    int64_t seconds = (now_us - s->content_since_us) / US_PER_S;

    return s->state == SESSION_CONTENT && seconds > SERVER_CONTENT_GRACE_S &&
        s->content_bytes < (uint64_t)seconds * SERVER_CONTENT_BYTES_PER_S;
}

/* The timer is not moved with every byte: when it fires it looks how long it really was. */
static void
idle_on_timeout(void *arg)
{
    struct session *s = arg;
    int64_t now_us = loop_now_us(loop_of(s));

    if (s->is_waiting)
        s->active_at_us = now_us;
    if (now_us - s->active_at_us < patience_us(s) && !is_dripping(s, now_us)) {
        watch_idle(s);
        return;
    }
    session_on_idle(s);
    round_off(s);
}

/* ---- in ---- */

/* Passes over the rest of a line that was too long. Its CR may be the last byte there is. */
static size_t
skip_line(struct session *s, struct slice bytes)
{
    const char *end = memmem(bytes.at, bytes.length, "\r\n", 2);

    if (end != NULL) {
        s->is_skipping_line = false;
        session_on_line(s, (struct slice){"", 0}, true);
        return (size_t)(end - bytes.at) + 2;
    }
    return bytes.at[bytes.length - 1] == '\r' ? bytes.length - 1 : bytes.length;
}

static size_t
take_line(struct session *s, struct slice bytes)
{
    struct slice line;
    bool is_malformed = false;
    size_t used = line_next(bytes, COMMAND_LINE_MAX, &line, &is_malformed);

    if (used == 0)
        return 0;
    if (is_malformed && !slice_ends_with_nocase((struct slice){bytes.at, used}, SLICE("\r\n"))) {
        s->is_skipping_line = true;
        return skip_line(s, bytes);
    }
    session_on_line(s, line, is_malformed);
    return used;
}

static size_t
session_on_bytes(void *arg, struct slice bytes)
{
    struct session *s = arg;
    size_t used = 0;

    while (used < bytes.length && !s->is_waiting && !s->is_leaving && !s->is_silent &&
        !s->is_starting_tls && !choke(s)) {
        struct slice rest = slice_from(bytes, used);
        size_t step;

        if (s->state == SESSION_CONTENT)
            step = session_on_content(s, rest);
        else if (s->is_skipping_line)
            step = skip_line(s, rest);
        else
            step = take_line(s, rest);
        if (step == 0)
            break;
        used += step;
    }
    if (s->is_silent)
        used = bytes.length;
    else if (used > 0) /* half a line is no progress: who drips one is idle */
        s->active_at_us = loop_now_us(loop_of(s));
    if (s->is_starting_tls && used < bytes.length) {
        session_say(s, own_reply(s, SAY_BEHIND_STARTTLS), 0);
        s->is_leaving = true;
        used = bytes.length;
    }
    round_off(s);
    return used;
}

static void
session_on_drained(void *arg)
{
    struct session *s = arg;

    if (!s->is_choked)
        return;
    s->is_choked = false;
    if (!s->is_waiting)
        stream_resume(s->stream);
}

static void
session_on_end(void *arg)
{
    struct session *s = arg;

    s->is_leaving = true;
    round_off(s);
}

static void
session_on_broken(void *arg, enum trouble trouble)
{
    struct session *s = arg;

    s->is_waiting = false;
    s->is_leaving = true;
    s->is_aborting = true;
    round_off(s);
}

static const struct stream_events session_events = {
    .on_bytes = session_on_bytes,
    .on_drained = session_on_drained,
    .on_end = session_on_end,
    .on_broken = session_on_broken,
};

/* ---- the server ---- */

static struct session *
receive(struct smtp_server *server, struct stream *stream)
{
    struct session *s = take_session(server);
    struct text source = {0};

    s->stream = stream;
    s->active_at_us = loop_now_us(server->setup.loop);
    net_address_format(&source, stream_peer(stream));
    s->visit = (struct visit){.host = server->setup.host,
        .session = ++*server->setup.sessions_count,
        .source_ip = journal_name(server->setup.journal, text_slice(&source)),
        .source = *stream_peer(stream),
        .memory = &s->memory};
    text_release(&source);
    link_session(s);
    stream_set_events(stream, &session_events, s);
    watch_idle(s);
    return s;
}

void
smtp_server_accept(void *arg, struct stream *stream)
{
    struct session *s = receive(arg, stream);

    session_begin(s);
    round_off(s);
}

struct smtp_server *
smtp_server_new(const struct server_setup *setup)
{
    struct smtp_server *server = mem_alloc_zeroed(sizeof *server);

    server->setup = *setup;
    server->wants_header = setup->keeps_header || policies_want_header(setup->policies);
    server_prepare_replies(server);
    return server;
}

void
smtp_server_free(struct smtp_server **server)
{
    if (*server == NULL)
        return;
    while ((*server)->first != NULL) {
        (*server)->first->is_aborting = true;
        end_session((*server)->first);
    }
    while ((*server)->spares != NULL) {
        struct session *s = (*server)->spares;

        (*server)->spares = s->next;
        text_release(&s->out);
        text_release(&s->header);
        text_release(&s->helo);
        text_release(&s->memory.domain);
        text_release(&s->content);
        auth_results_release(&s->auth);
        envelope_release(&s->envelope);
        mem_free(s);
    }
    arena_release(&(*server)->arena);
    mem_free(*server);
    *server = NULL;
}

uint32_t
smtp_server_sessions_open(const struct smtp_server *server)
{
    return server->open_count;
}
