/* submitter_session.c - one SMTP session with the MTA, from the greeting to QUIT.
 *
 * The conversation is the table `steps`. Row: what we wait for. Column: class of the reply. Cell: a
 * handler that does the work and returns the next state. What is no reply (a hang-up, silence), and a
 * 421, which says that the connection is going, end in lose_session().
 *
 * Handlers only add to `out`; it is written when all replies at hand have been heard, so commands and
 * content of a round trip leave together. */
#include "scenarios/submitter_session.h"

#include "base/mem.h"
#include "base/unit.h"

enum { CODE_SERVICE_CLOSING = 421 };

typedef enum session_state handler(struct submitter_session *s, const struct smtp_reply *reply);

static enum session_state send_envelope(struct submitter_session *s, struct transaction *t);

/* --- transactions --- */

static const struct submission_source *
source_of(const struct submitter_session *s)
{
    return s->submitter->source;
}

static void
settle(struct transaction *t)
{
    t->settled_count++;
    assert(t->settled_count <= t->submission.rows_count);
}

static void
refuse_row(struct submitter_session *s, struct transaction *t, size_t i, enum smtp_stage stage,
    const struct smtp_reply *reply)
{
    settle(t);
    source_of(s)->on_refused(
        s->submitter->arg, &t->submission, t->submission.rows[i], stage, reply);
}

/* All rows that RCPT accepted, or all of them when it was not yet asked. */
static void
refuse_rows(struct submitter_session *s, enum smtp_stage stage, const struct smtp_reply *reply)
{
    struct transaction *t = &s->current;

    for (size_t i = 0; i < t->submission.rows_count; i++)
        if (stage == STAGE_MAIL || t->is_accepted[i])
            refuse_row(s, t, i, stage, reply);
}

static void
end_transaction(struct submitter_session *s, enum submission_end end)
{
    struct transaction *t = &s->current;

    if (t->settled_count == t->submission.rows_count)
        end = SUBMISSION_SETTLED;
    source_of(s)->on_end(s->submitter->arg, &t->submission, end);
    t->submission.rows_count = 0;
}

/* A polite writer stops where the network cannot follow; on_drained goes on. */
static bool
take_message(struct submitter_session *s, struct transaction *t)
{
    if (stream_unsent(s->stream) + (s->out.length - s->out_sent) >= STREAM_HIGH_WATER)
        return false;
    assert(t->submission.rows_count == 0);
    if (!source_of(s)->next(s->submitter->arg, &t->submission))
        return false;
    assert(t->submission.rows_count > 0);
    t->is_accepted = mem_grow(t->is_accepted, &t->is_accepted_capacity, t->submission.rows_count,
        sizeof t->is_accepted[0]);
    memset(t->is_accepted, 0, t->submission.rows_count);
    t->replies_count = t->accepted_count = t->settled_count = 0;
    t->is_void = false;
    return true;
}

static enum session_state
next_message(struct submitter_session *s, const struct smtp_reply *reply)
{
    struct transaction over = s->current;

    if (s->has_next) {
        s->has_next = false;
        s->current = s->next;
        s->next = over; /* for its memory */
        return SESSION_AWAIT_MAIL;
    }
    if (!take_message(s, &s->current))
        return SESSION_IDLE;
    return send_envelope(s, &s->current);
}

/* --- what we say --- */

static void
send_rcpt(struct submitter_session *s, const struct transaction *t, size_t i)
{
    text_add_string(&s->out, "RCPT TO:<");
    source_of(s)->write_rcpt(s->submitter->arg, &t->submission, t->submission.rows[i], &s->out);
    text_add_string(&s->out, ">\r\n");
}

static void
send_mail(struct submitter_session *s, struct transaction *t)
{
    const struct submission_source *source = source_of(s);
    void *arg = s->submitter->arg;
    int64_t validity_us = source->validity_us(arg, &t->submission);

    text_add_string(&s->out, "MAIL FROM:<");
    source->write_sender(arg, &t->submission, &s->out);
    text_add_char(&s->out, '>');
    if (s->has_size) {
        text_add_string(&s->out, " SIZE=");
        text_add_u64(&s->out, t->content.length);
    }
    if (validity_us > 0 && s->has_deliverby) {
        text_add_string(&s->out, " BY="); /* RFC 2852; R: return it when the time is over */
        text_add_u64(&s->out, (uint64_t)(validity_us / US_PER_S));
        text_add_string(&s->out, ";R");
    }
    text_add_string(&s->out, "\r\n");
    if (validity_us > 0 && !s->has_deliverby)
        source->on_validity_unsupported(arg, &t->submission);
}

static enum session_state
send_envelope(struct submitter_session *s, struct transaction *t)
{
    text_clear(&t->content);
    source_of(s)->write_content(s->submitter->arg, &t->submission, &t->content);
    send_mail(s, t);
    if (s->has_pipelining) {
        for (size_t i = 0; i < t->submission.rows_count; i++)
            send_rcpt(s, t, i);
        text_add_string(&s->out, "DATA\r\n");
    }
    source_of(s)->on_offered(s->submitter->arg, &t->submission);
    return SESSION_AWAIT_MAIL;
}

/* --- what we hear --- */

static enum session_state
say_ehlo(struct submitter_session *s, const struct smtp_reply *reply)
{
    text_printf(&s->out, "EHLO %.*s\r\n", SLICE_ARGS(s->submitter->doors.hostname));
    return SESSION_AWAIT_EHLO;
}

static enum session_state
say_helo(struct submitter_session *s, const struct smtp_reply *reply)
{
    text_printf(&s->out, "HELO %.*s\r\n", SLICE_ARGS(s->submitter->doors.hostname));
    return SESSION_AWAIT_HELO;
}

/* RFC 5321 4.1.1.1: a greeting, then one keyword per line with its parameters. */
static enum session_state
learn_extensions(struct submitter_session *s, const struct smtp_reply *reply)
{
    struct slice line, keyword, parameters, rest = reply->text;
    bool has_more = slice_cut(rest, '\n', &line, &rest);

    while (has_more) {
        has_more = slice_cut(rest, '\n', &line, &rest);
        slice_cut(slice_trim(line), ' ', &keyword, &parameters);
        s->has_pipelining |= slice_equals_nocase(keyword, SLICE("PIPELINING"));
        s->has_size |= slice_equals_nocase(keyword, SLICE("SIZE"));
        s->has_deliverby |= slice_equals_nocase(keyword, SLICE("DELIVERBY"));
    }
    return next_message(s, reply);
}

/* The MTA answered what cannot be an answer, or will not talk to us: we hang up. */
static enum session_state
give_up(struct submitter_session *s, const struct smtp_reply *reply)
{
    return SESSION_CLOSED;
}

static enum session_state
offer_recipients(struct submitter_session *s, const struct smtp_reply *reply)
{
    if (!s->has_pipelining)
        send_rcpt(s, &s->current, 0);
    return SESSION_AWAIT_RCPT;
}

/* Replies to what was pipelined behind MAIL still come, and must be heard out. */
static enum session_state
leave_transaction(struct submitter_session *s, const struct smtp_reply *reply)
{
    s->current.is_void = true;
    if (s->has_pipelining)
        return SESSION_AWAIT_RCPT;
    end_transaction(s, SUBMISSION_DEFERRED);
    return next_message(s, reply);
}

static enum session_state
defer_sender(struct submitter_session *s, const struct smtp_reply *reply)
{
    return leave_transaction(s, reply);
}

static enum session_state
refuse_sender(struct submitter_session *s, const struct smtp_reply *reply)
{
    refuse_rows(s, STAGE_MAIL, reply);
    return leave_transaction(s, reply);
}

static enum session_state
reset_transaction(struct submitter_session *s)
{
    end_transaction(s, SUBMISSION_DEFERRED);
    text_add_string(&s->out, "RSET\r\n");
    return SESSION_AWAIT_RSET;
}

static enum session_state
after_rcpt(struct submitter_session *s)
{
    struct transaction *t = &s->current;

    if (++t->replies_count < t->submission.rows_count) {
        if (!s->has_pipelining)
            send_rcpt(s, t, t->replies_count);
        return SESSION_AWAIT_RCPT;
    }
    if (s->has_pipelining)
        return SESSION_AWAIT_DATA;
    if (t->accepted_count == 0)
        return reset_transaction(s);
    text_add_string(&s->out, "DATA\r\n");
    return SESSION_AWAIT_DATA;
}

static enum session_state
accept_recipient(struct submitter_session *s, const struct smtp_reply *reply)
{
    struct transaction *t = &s->current;

    if (!t->is_void) {
        t->is_accepted[t->replies_count] = true;
        t->accepted_count++;
    }
    return after_rcpt(s);
}

static enum session_state
defer_recipient(struct submitter_session *s, const struct smtp_reply *reply)
{
    return after_rcpt(s);
}

static enum session_state
refuse_recipient(struct submitter_session *s, const struct smtp_reply *reply)
{
    struct transaction *t = &s->current;

    if (!t->is_void)
        refuse_row(s, t, t->replies_count, STAGE_RCPT, reply);
    return after_rcpt(s);
}

/* The envelope of the next message may follow in the same group (RFC 2920 3.1): only the content's
 * own reply must be waited for before the next content. */
static enum session_state
send_content(struct submitter_session *s, const struct smtp_reply *reply)
{
    if (s->current.accepted_count > 0)
        text_add_slice(&s->out, text_slice(&s->current.content));
    text_add_string(&s->out, ".\r\n");
    if (s->has_pipelining && take_message(s, &s->next)) {
        send_envelope(s, &s->next);
        s->has_next = true;
    }
    return SESSION_AWAIT_FINAL_DOT;
}

static enum session_state
defer_data(struct submitter_session *s, const struct smtp_reply *reply)
{
    return reset_transaction(s);
}

/* 503 and 554 also come where no recipient was accepted: then there is nothing left to refuse. */
static enum session_state
refuse_data(struct submitter_session *s, const struct smtp_reply *reply)
{
    if (!s->current.is_void)
        refuse_rows(s, STAGE_DATA, reply);
    return reset_transaction(s);
}

static enum session_state
relay_accepted(struct submitter_session *s, const struct smtp_reply *reply)
{
    struct transaction *t = &s->current;
    bool has_relayed = t->accepted_count > 0;

    for (size_t i = 0; i < t->submission.rows_count; i++) {
        if (!t->is_accepted[i])
            continue;
        settle(t);
        source_of(s)->on_relayed(s->submitter->arg, &t->submission, t->submission.rows[i]);
    }
    if (has_relayed) {
        s->relayed_count++;
        s->submitter->delay_us = 0;
    }
    end_transaction(s, has_relayed ? SUBMISSION_PARTLY : SUBMISSION_DEFERRED);
    return next_message(s, reply);
}

static enum session_state
defer_accepted(struct submitter_session *s, const struct smtp_reply *reply)
{
    end_transaction(s, SUBMISSION_DEFERRED);
    return next_message(s, reply);
}

static enum session_state
refuse_accepted(struct submitter_session *s, const struct smtp_reply *reply)
{
    refuse_rows(s, STAGE_DOT, reply);
    end_transaction(s, SUBMISSION_DEFERRED);
    return next_message(s, reply);
}

static enum session_state
hang_up(struct submitter_session *s, const struct smtp_reply *reply)
{
    return SESSION_CLOSED;
}

/* clang-format off */
static const struct step {
    enum session_state state;
    handler *on_2xx, *on_3xx, *on_4xx, *on_5xx;
    int timeout_s; /* RFC 5321 4.5.3.2 */
} steps[] = {
    {SESSION_AWAIT_GREETING,  say_ehlo,         give_up,      give_up,         give_up,          300},
    {SESSION_AWAIT_EHLO,      learn_extensions, give_up,      give_up,         say_helo,         300},
    {SESSION_AWAIT_HELO,      next_message,     give_up,      give_up,         give_up,          300},
    {SESSION_AWAIT_MAIL,      offer_recipients, give_up,      defer_sender,    refuse_sender,    300},
    {SESSION_AWAIT_RCPT,      accept_recipient, give_up,      defer_recipient, refuse_recipient, 300},
    {SESSION_AWAIT_DATA,      give_up,          send_content, defer_data,      refuse_data,      120},
    {SESSION_AWAIT_FINAL_DOT, relay_accepted,   give_up,      defer_accepted,  refuse_accepted,  600},
    {SESSION_AWAIT_RSET,      next_message,     give_up,      give_up,         give_up,          300},
    {SESSION_AWAIT_QUIT,      hang_up,          hang_up,      hang_up,         hang_up,           60},
};
/* clang-format on */
static_assert(COUNT_OF(steps) == SESSION_IDLE, "one row per state that awaits a reply");

enum { IDLE_S = 30 };

/* --- life and death --- */

static void
give_back(struct submitter_session *s, struct transaction *t)
{
    if (t->submission.rows_count == 0)
        return;
    source_of(s)->on_end(s->submitter->arg, &t->submission, SUBMISSION_LOST);
    t->submission.rows_count = 0;
}

static void
close_session(struct submitter_session *s)
{
    timer_cancel(s->submitter->doors.loop, &s->watch);
    stream_close(&s->stream);
    s->state = SESSION_CLOSED;
    text_clear(&s->out);
    s->out_sent = 0;
}

/* Nobody knows whether the MTA took what it did not answer: it is offered again. */
static void
lose_session(struct submitter_session *s)
{
    bool was_ours_to_end = s->state == SESSION_AWAIT_QUIT || s->state == SESSION_IDLE;

    close_session(s);
    give_back(s, &s->current);
    if (s->has_next)
        give_back(s, &s->next);
    s->has_next = false;
    submitter_on_session_over(s->submitter, s->relayed_count == 0 && !was_ours_to_end);
}

static void watch_on_timer(void *arg);

/* The timer is moved only when it would come too late: deadlines mostly move on, and a timer that
 * fires early looks at the deadline and goes back to sleep. */
static void
set_deadline(struct submitter_session *s)
{
    int timeout_s = s->state < SESSION_IDLE ? steps[s->state].timeout_s : IDLE_S;

    s->deadline_us = loop_now_us(s->submitter->doors.loop) + (int64_t)timeout_s * US_PER_S;
    if (!timer_is_armed(&s->watch) || s->watch.at_us > s->deadline_us)
        timer_arm(s->submitter->doors.loop, &s->watch, s->deadline_us, watch_on_timer, s);
}

static void
flush(struct submitter_session *s)
{
    while (s->out_sent < s->out.length && stream_unsent(s->stream) < STREAM_HIGH_WATER) {
        size_t left = s->out.length - s->out_sent;
        size_t piece = left < STREAM_HIGH_WATER ? left : STREAM_HIGH_WATER;

        stream_write(s->stream, s->out.bytes + s->out_sent, piece);
        s->out_sent += piece;
    }
    if (s->out_sent < s->out.length)
        return;
    text_clear(&s->out);
    s->out_sent = 0;
}

static void
watch_on_timer(void *arg)
{
    struct submitter_session *s = arg;

    if (loop_now_us(s->submitter->doors.loop) < s->deadline_us) {
        timer_arm(s->submitter->doors.loop, &s->watch, s->deadline_us, watch_on_timer, s);
        return;
    }
    if (s->state != SESSION_IDLE) {
        lose_session(s);
        return;
    }
    text_add_string(&s->out, "QUIT\r\n");
    s->state = SESSION_AWAIT_QUIT;
    set_deadline(s);
    flush(s);
}

/* The only place that changes the state of a conversation. */
static void
on_reply(struct submitter_session *s, const struct smtp_reply *reply)
{
    const struct step *step = &steps[s->state];
    handler *const columns[] = {step->on_2xx, step->on_3xx, step->on_4xx, step->on_5xx};
    enum session_state next;

    assert(step->state == s->state);
    assert(reply->code >= 200);
    assert(reply->code <= 599);
    next = columns[reply->code / 100 - 2](s, reply);
    if (next == SESSION_CLOSED) {
        lose_session(s);
        return;
    }
    s->state = next;
    set_deadline(s);
}

static size_t
session_on_bytes(void *arg, struct slice bytes)
{
    struct submitter_session *s = arg;
    size_t consumed = 0, used;

    while (s->state != SESSION_CLOSED) {
        struct smtp_reply reply;
        enum reply_status status =
            reply_read(slice_from(bytes, consumed), &s->scratch, &reply, &used);

        if (status == REPLY_INCOMPLETE)
            break;
        if (status == REPLY_MALFORMED || s->state == SESSION_IDLE ||
            reply.code == CODE_SERVICE_CLOSING) {
            lose_session(s);
            break;
        }
        consumed += used;
        on_reply(s, &reply);
    }
    if (s->state == SESSION_CLOSED)
        return bytes.length;
    flush(s);
    return consumed;
}

static void
session_on_drained(void *arg)
{
    struct submitter_session *s = arg;

    flush(s);
    submitter_session_resume(s);
}

static void
session_on_end(void *arg)
{
    lose_session(arg);
}

static void
session_on_broken(void *arg, enum trouble trouble)
{
    lose_session(arg);
}

static const struct stream_events session_events = {
    .on_bytes = session_on_bytes,
    .on_drained = session_on_drained,
    .on_end = session_on_end,
    .on_broken = session_on_broken,
};

void
submitter_session_begin(struct submitter_session *session, struct stream *stream)
{
    session->stream = stream;
    session->state = SESSION_AWAIT_GREETING;
    session->has_pipelining = session->has_size = session->has_deliverby = false;
    session->relayed_count = 0;
    stream_set_events(stream, &session_events, session);
    set_deadline(session);
}

void
submitter_session_resume(struct submitter_session *session)
{
    if (session->state != SESSION_IDLE)
        return;
    session->state = next_message(session, NULL);
    if (session->state == SESSION_IDLE)
        return; /* its time to QUIT stays as it was */
    set_deadline(session);
    flush(session);
}

static void
release_transaction(struct transaction *t)
{
    mem_free(t->submission.rows);
    mem_free(t->is_accepted);
    text_release(&t->content);
}

void
submitter_session_release(struct submitter_session *session)
{
    if (session->connecting != NULL)
        connecting_cancel(&session->connecting);
    if (session->stream != NULL)
        stream_abort(&session->stream);
    timer_cancel(session->submitter->doors.loop, &session->watch);
    release_transaction(&session->current);
    release_transaction(&session->next);
    text_release(&session->scratch);
    text_release(&session->out);
}
