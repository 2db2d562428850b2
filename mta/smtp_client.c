/* smtp_client.c - one SMTP session, from the connection to QUIT.
 *
 * The conversation is the table `steps`. Row: what we wait for. Column: class of the reply. Cell: a
 * handler that does the work and returns the next state, so that no branch can forget to move on.
 * Events that are not replies (timeout, hang-up) go through lose() instead.
 *
 * With PIPELINING the commands up to DATA are sent in one piece (RFC 2920 3.1) and the replies walk
 * through the same rows; only `say()` knows that the words are out already. */
#include "mta/smtp_client.h"

#include "base/mem.h"
#include "base/unit.h"

enum smtp_state {
    AWAIT_GREETING,
    AWAIT_EHLO,
    AWAIT_HELO,
    AWAIT_MAIL,
    AWAIT_RCPT,
    AWAIT_DATA,
    AWAIT_FINAL_DOT,
    AWAIT_RSET,
    AWAIT_QUIT,
    IDLE,
    CONNECTING,
    CLOSED,
};

enum recipient_state { RECIPIENT_OPEN, RECIPIENT_ACCEPTED, RECIPIENT_SETTLED };

struct smtp_client {
    struct smtp_client_config config;
    enum smtp_state state;
    struct stream *stream;
    struct connecting *connecting;
    struct timer timer;      /* one for all waits: fires early and looks at the deadline */
    int64_t deadline_us;
    struct timer news_timer; /* tells the owner what must not be told inside its own call */
    struct text scratch, words;
    bool has_pipelining, has_8bitmime, has_size, is_leaving;
    uint64_t size_max;
    uint32_t transactions_count;
    struct smtp_transaction transaction;
    uint8_t *recipient_states;
    size_t recipient_states_capacity;
    size_t rcpt_next;        /* the recipient whose reply we wait for */
    size_t accepted_count;
    bool is_mail_refused; /* pipelined RCPT and DATA are still to be answered, and mean nothing */
    struct smtp_end end;
};

typedef enum smtp_state handler(struct smtp_client *c, const struct smtp_reply *reply);

static const struct { /* RFC 5321 4.5.3.2; those it does not name are ours */
    enum smtp_stage stage;
    int64_t timeout_us;
    const char *silence; /* our own words for it */
} waits[] = {
    [AWAIT_GREETING] = {STAGE_BANNER, 300 * (int64_t)US_PER_S, "timed out waiting for the banner"},
    [AWAIT_EHLO] = {STAGE_EHLO, 300 * (int64_t)US_PER_S, "timed out waiting for the reply to EHLO"},
    [AWAIT_HELO] = {STAGE_EHLO, 300 * (int64_t)US_PER_S, "timed out waiting for the reply to HELO"},
    [AWAIT_MAIL] = {STAGE_MAIL, 300 * (int64_t)US_PER_S, "timed out waiting for the reply to MAIL"},
    [AWAIT_RCPT] = {STAGE_RCPT, 300 * (int64_t)US_PER_S, "timed out waiting for the reply to RCPT"},
    [AWAIT_DATA] = {STAGE_DATA, 120 * (int64_t)US_PER_S, "timed out waiting for the reply to DATA"},
    [AWAIT_FINAL_DOT] = {STAGE_DOT, 600 * (int64_t)US_PER_S,
        "timed out waiting for the reply to the final dot"},
    [AWAIT_RSET] = {STAGE_RSET, 300 * (int64_t)US_PER_S, "timed out waiting for the reply to RSET"},
    [AWAIT_QUIT] = {STAGE_QUIT, 20 * (int64_t)US_PER_S, "timed out waiting for the reply to QUIT"},
    [IDLE] = {STAGE_NONE, 5 * (int64_t)US_PER_S, ""}, /* then we leave */
    [CONNECTING] = {STAGE_CONNECT, 30 * (int64_t)US_PER_S, "connection timed out"},
};
static_assert(COUNT_OF(waits) == CLOSED, "one row per state in which time passes");

static void on_timer(void *arg);
static void enter(struct smtp_client *c, enum smtp_state state);

/* --- words ----------------------------------------------------------------------------------- */

/* Nothing is sent before flush(), so that a pipelined group is one write. */
static void
flush(struct smtp_client *c)
{
    if (c->words.length > 0 && c->stream != NULL)
        stream_write(c->stream, c->words.bytes, c->words.length);
    text_clear(&c->words);
}

static void
add_mail(struct smtp_client *c)
{
    const struct smtp_transaction *t = &c->transaction;

    text_add_string(&c->words, "MAIL FROM:<");
    text_add_slice(&c->words, text_slice(&t->sender));
    text_add_char(&c->words, '>');
    if (c->has_size) {
        text_add_string(&c->words, " SIZE=");
        text_add_u64(&c->words, t->size);
    }
    if (t->is_8bit)
        text_add_string(&c->words, " BODY=8BITMIME");
    text_add_string(&c->words, "\r\n");
}

static void
add_rcpt(struct smtp_client *c, const struct smtp_recipient *recipient)
{
    text_add_string(&c->words, "RCPT TO:<");
    text_add(&c->words, c->transaction.addresses.bytes + recipient->at, recipient->length);
    text_add_string(&c->words, ">\r\n");
}

static enum smtp_state
say(struct smtp_client *c, const char *words, enum smtp_state next)
{
    text_add_string(&c->words, words);
    return next;
}

/* --- answers --------------------------------------------------------------------------------- */

static void
tell(struct smtp_client *c, size_t i, enum smtp_answer answer, enum smtp_stage stage,
    const struct smtp_reply *reply)
{
    if (c->recipient_states[i] == RECIPIENT_SETTLED)
        return;
    c->recipient_states[i] = RECIPIENT_SETTLED;
    c->config.events->on_answer(
        c->config.arg, c->transaction.recipients[i].id, answer, stage, reply);
}

static void
tell_all(struct smtp_client *c, enum smtp_answer answer, enum smtp_stage stage,
    const struct smtp_reply *reply)
{
    for (size_t i = 0; i < c->transaction.recipients_count; i++)
        tell(c, i, answer, stage, reply);
}

/* The session is over. Whoever waits for an answer hears that none will come. */
static enum smtp_state
lose(struct smtp_client *c, enum smtp_loss loss, const struct smtp_reply *reply)
{
    c->end = (struct smtp_end){
        .loss = loss, .trouble = c->end.trouble, .stage = waits[c->state].stage, .reply = *reply};
    tell_all(c, ANSWER_LOST, c->end.stage, reply);
    return CLOSED;
}

static enum smtp_state
lose_in_our_words(struct smtp_client *c, enum smtp_loss loss, uint16_t detail, const char *words)
{
    const struct smtp_reply reply = {
        .code = 451, .enhanced = {4, 4, detail}, .text = slice_of(words)};

    return lose(c, loss, &reply);
}

/* --- handlers -------------------------------------------------------------------------------- */

static enum smtp_state
send_ehlo(struct smtp_client *c, const struct smtp_reply *reply)
{
    text_printf(&c->words, "EHLO %.*s\r\n", SLICE_ARGS(c->config.hostname));
    return AWAIT_EHLO;
}

static enum smtp_state
send_helo(struct smtp_client *c, const struct smtp_reply *reply)
{
    text_printf(&c->words, "HELO %.*s\r\n", SLICE_ARGS(c->config.hostname));
    return AWAIT_HELO;
}

static enum smtp_state
leave_host(struct smtp_client *c, const struct smtp_reply *reply)
{
    text_add_string(&c->words, "QUIT\r\n");
    flush(c);
    return lose(c, LOSS_REPLY, reply);
}

static enum smtp_state
bad_reply(struct smtp_client *c, const struct smtp_reply *reply)
{
    return lose_in_our_words(c, LOSS_NONSENSE, 2, "reply out of place");
}

static enum smtp_state
send_quit(struct smtp_client *c)
{
    return say(c, "QUIT\r\n", AWAIT_QUIT);
}

static enum smtp_state
hang_up(struct smtp_client *c, const struct smtp_reply *reply)
{
    return CLOSED;
}

/* A transaction that this server cannot take is answered here, in its stead. */
static bool
is_refused_by_us(struct smtp_client *c)
{
    static const struct smtp_reply too_large = {.code = 552,
        .enhanced = {5, 3, 4},
        .text = {"message size exceeds the limit the server states", 48}};
    static const struct smtp_reply needs_8bit = {.code = 554,
        .enhanced = {5, 6, 3},
        .text = {"conversion required but not supported: no 8BITMIME", 50}};

    if (c->has_size && c->size_max > 0 && c->transaction.size > c->size_max)
        tell_all(c, ANSWER_REPLY, STAGE_MAIL, &too_large);
    else if (c->transaction.is_8bit && !c->has_8bitmime)
        tell_all(c, ANSWER_REPLY, STAGE_MAIL, &needs_8bit);
    else
        return false;
    return true;
}

static bool
take_transaction(struct smtp_client *c)
{
    struct smtp_transaction *t = &c->transaction;

    do {
        text_clear(&t->sender);
        text_clear(&t->addresses);
        t->recipients_count = 0;
        if (!c->config.events->next(c->config.arg, t))
            return false;
        assert(t->recipients_count > 0);
        c->recipient_states = mem_grow(c->recipient_states, &c->recipient_states_capacity,
            t->recipients_count, sizeof *c->recipient_states);
        memset(c->recipient_states, RECIPIENT_OPEN, t->recipients_count);
    } while (is_refused_by_us(c));
    return true;
}

static enum smtp_state
next_transaction(struct smtp_client *c)
{
    if (c->is_leaving || c->transactions_count >= c->config.transactions_max)
        return send_quit(c);
    if (!take_transaction(c)) {
        c->transaction.recipients_count = 0;
        return IDLE;
    }
    c->transactions_count++;
    c->rcpt_next = 0;
    c->accepted_count = 0;
    c->is_mail_refused = false;
    add_mail(c);
    if (c->has_pipelining) {
        for (size_t i = 0; i < c->transaction.recipients_count; i++)
            add_rcpt(c, &c->transaction.recipients[i]);
        text_add_string(&c->words, "DATA\r\n");
    }
    return AWAIT_MAIL;
}

static bool
has_keyword(struct slice line, const char *keyword, struct slice *argument)
{
    struct slice word, rest;

    slice_cut(line, ' ', &word, &rest);
    *argument = slice_trim(rest);
    return slice_equals_nocase(slice_trim(word), slice_of(keyword));
}

static enum smtp_state
read_extensions(struct smtp_client *c, const struct smtp_reply *reply)
{
    struct slice rest = reply->text, line, argument;

    while (rest.length > 0) {
        slice_cut(rest, '\n', &line, &rest);
        if (has_keyword(line, "PIPELINING", &argument))
            c->has_pipelining = true;
        if (has_keyword(line, "8BITMIME", &argument))
            c->has_8bitmime = true;
        if (has_keyword(line, "SIZE", &argument)) {
            c->has_size = true;
            if (!slice_to_u64(argument, &c->size_max))
                c->size_max = 0;
        }
    }
    return next_transaction(c);
}

static enum smtp_state
without_extensions(struct smtp_client *c, const struct smtp_reply *reply)
{
    return next_transaction(c);
}

static enum smtp_state
send_next_rcpt(struct smtp_client *c)
{
    if (!c->has_pipelining)
        add_rcpt(c, &c->transaction.recipients[c->rcpt_next]);
    return AWAIT_RCPT;
}

static enum smtp_state
mail_accepted(struct smtp_client *c, const struct smtp_reply *reply)
{
    return send_next_rcpt(c);
}

static enum smtp_state
mail_refused(struct smtp_client *c, const struct smtp_reply *reply)
{
    tell_all(c, ANSWER_REPLY, STAGE_MAIL, reply);
    if (c->has_pipelining) {
        c->is_mail_refused = true;
        return AWAIT_RCPT;
    }
    return say(c, "RSET\r\n", AWAIT_RSET);
}

static enum smtp_state
recipient_answered(struct smtp_client *c)
{
    if (++c->rcpt_next < c->transaction.recipients_count)
        return send_next_rcpt(c);
    if (c->has_pipelining)
        return AWAIT_DATA;
    if (c->accepted_count == 0)
        return say(c, "RSET\r\n", AWAIT_RSET);
    return say(c, "DATA\r\n", AWAIT_DATA);
}

static enum smtp_state
accept_recipient(struct smtp_client *c, const struct smtp_reply *reply)
{
    if (!c->is_mail_refused) {
        c->recipient_states[c->rcpt_next] = RECIPIENT_ACCEPTED;
        c->accepted_count++;
    }
    return recipient_answered(c);
}

/* A refusal is this recipient's outcome, not the session's: the others may still be accepted. */
static enum smtp_state
refuse_recipient(struct smtp_client *c, const struct smtp_reply *reply)
{
    tell(c, c->rcpt_next, ANSWER_REPLY, STAGE_RCPT, reply);
    return recipient_answered(c);
}

/* With nobody accepted the server should have said no to DATA; RFC 2920 3.1 tells us to end the
 * message at once if it did not. */
static enum smtp_state
send_content(struct smtp_client *c, const struct smtp_reply *reply)
{
    flush(c);
    if (c->accepted_count > 0)
        c->config.events->write_content(c->config.arg, c->transaction.content_id, c->stream);
    return say(c, ".\r\n", AWAIT_FINAL_DOT);
}

static enum smtp_state
data_refused(struct smtp_client *c, const struct smtp_reply *reply)
{
    tell_all(c, ANSWER_REPLY, STAGE_DATA, reply);
    return say(c, "RSET\r\n", AWAIT_RSET);
}

static enum smtp_state
accept_all(struct smtp_client *c, const struct smtp_reply *reply)
{
    tell_all(c, ANSWER_ACCEPTED, STAGE_DOT, reply);
    return next_transaction(c);
}

static enum smtp_state
content_refused(struct smtp_client *c, const struct smtp_reply *reply)
{
    tell_all(c, ANSWER_REPLY, STAGE_DOT, reply);
    return next_transaction(c);
}

static enum smtp_state
rset_done(struct smtp_client *c, const struct smtp_reply *reply)
{
    return next_transaction(c);
}

static const struct step {
    enum smtp_state state;
    handler *on_2xx, *on_3xx, *on_4xx, *on_5xx;
} steps[] = {
    {AWAIT_GREETING,  send_ehlo,          bad_reply,    leave_host,       leave_host      },
    {AWAIT_EHLO,      read_extensions,    bad_reply,    leave_host,       send_helo       },
    {AWAIT_HELO,      without_extensions, bad_reply,    leave_host,       leave_host      },
    {AWAIT_MAIL,      mail_accepted,      bad_reply,    mail_refused,     mail_refused    },
    {AWAIT_RCPT,      accept_recipient,   bad_reply,    refuse_recipient, refuse_recipient},
    {AWAIT_DATA,      bad_reply,          send_content, data_refused,     data_refused    },
    {AWAIT_FINAL_DOT, accept_all,         bad_reply,    content_refused,  content_refused },
    {AWAIT_RSET,      rset_done,          bad_reply,    leave_host,       leave_host      },
    {AWAIT_QUIT,      hang_up,            hang_up,      hang_up,          hang_up         },
};
static_assert(COUNT_OF(steps) == AWAIT_QUIT + 1, "one row per state that awaits a reply");

/* --- events ---------------------------------------------------------------------------------- */

/* RFC 5321 3.8: 421 is the server saying that it leaves. Whatever we waited for, nothing comes. To a
 * recipient it is still an answer: the text says why, and the next host would be no better asked. */
static enum smtp_state
server_leaves(struct smtp_client *c, const struct smtp_reply *reply)
{
    if (c->state >= AWAIT_MAIL && c->state <= AWAIT_FINAL_DOT)
        tell_all(c, ANSWER_REPLY, waits[c->state].stage, reply);
    return lose(c, LOSS_REPLY, reply);
}

static void
on_reply(struct smtp_client *c, const struct smtp_reply *reply)
{
    const struct step *step = &steps[c->state];
    handler *const columns[] = {step->on_2xx, step->on_3xx, step->on_4xx, step->on_5xx};

    assert(step->state == c->state);
    if (reply->code == 421 && c->state > AWAIT_GREETING && c->state < AWAIT_QUIT)
        enter(c, server_leaves(c, reply));
    else
        enter(c, columns[reply->code / 100 - 2](c, reply));
}

static size_t
on_bytes(void *arg, struct slice bytes)
{
    struct smtp_client *c = arg;
    size_t consumed = 0;

    while (c->state != CLOSED && consumed < bytes.length) {
        struct slice rest = slice_from(bytes, consumed);
        struct smtp_reply reply;
        size_t used = 0;
        enum reply_status status = reply_read(rest, &c->scratch, &reply, &used);

        if (status == REPLY_INCOMPLETE)
            break;
        if (status == REPLY_MALFORMED || c->state > AWAIT_QUIT) {
            /* 421 to an idle client is how a server says that it has waited long enough. */
            if (status == REPLY_COMPLETE && reply.code == 421)
                enter(c, lose(c, LOSS_NONE, &reply));
            else
                enter(c, lose_in_our_words(c, LOSS_NONSENSE, 2, "the server does not speak SMTP"));
            return bytes.length;
        }
        consumed += used;
        on_reply(c, &reply);
    }
    return c->state == CLOSED ? bytes.length : consumed;
}

static void
on_end(void *arg)
{
    struct smtp_client *c = arg;

    if (c->state == AWAIT_QUIT || c->state == IDLE)
        enter(c, CLOSED);
    else
        enter(c, lose_in_our_words(c, LOSS_CLOSED, 2, "peer closed the connection"));
}

static void
on_broken(void *arg, enum trouble trouble)
{
    struct smtp_client *c = arg;

    if (c->state == AWAIT_QUIT || c->state == IDLE)
        enter(c, CLOSED);
    else
        enter(c, lose_in_our_words(c, LOSS_RESET, 2, "connection reset by peer"));
}

static void
on_connected(void *arg, struct stream *stream, enum trouble trouble)
{
    static const struct stream_events events = {
        .on_bytes = on_bytes, .on_end = on_end, .on_broken = on_broken};
    struct smtp_client *c = arg;

    c->connecting = NULL;
    c->stream = stream;
    c->config.events->on_connected(c->config.arg, trouble);
    c->end.trouble = trouble;
    switch (trouble) {
    case TROUBLE_NONE:
        stream_set_events(stream, &events, c);
        enter(c, AWAIT_GREETING);
        return;
    case TROUBLE_REFUSED:
        enter(c, lose_in_our_words(c, LOSS_CONNECT, 1, "connection refused"));
        return;
    case TROUBLE_UNREACHABLE:
        enter(c, lose_in_our_words(c, LOSS_CONNECT, 1, "no route to host"));
        return;
    case TROUBLE_TIMED_OUT:
        enter(c, lose_in_our_words(c, LOSS_CONNECT, 1, "connection timed out"));
        return;
    case TROUBLE_RESET:
        enter(c, lose_in_our_words(c, LOSS_CONNECT, 1, "connection reset by peer"));
        return;
    }
}

static void
on_timer(void *arg)
{
    struct smtp_client *c = arg;

    if (loop_now_us(c->config.loop) < c->deadline_us) {
        timer_arm(c->config.loop, &c->timer, c->deadline_us, on_timer, c);
        return;
    }
    if (c->state == IDLE)
        enter(c, send_quit(c));
    else if (c->state == AWAIT_QUIT)
        enter(c, CLOSED);
    else if (c->state != CLOSED)
        enter(c, lose_in_our_words(c, LOSS_TIMED_OUT, 2, waits[c->state].silence));
}

static void
tell_closed(void *arg)
{
    struct smtp_client *c = arg;

    c->config.events->on_closed(c->config.arg, &c->end);
}

static void
tell_idle(void *arg)
{
    struct smtp_client *c = arg;

    if (c->state == IDLE)
        c->config.events->on_idle(c->config.arg);
}

static void
wait_at_most(struct smtp_client *c, int64_t us)
{
    c->deadline_us = loop_now_us(c->config.loop) + us;
    if (!timer_is_armed(&c->timer) || c->timer.at_us > c->deadline_us)
        timer_arm(c->config.loop, &c->timer, c->deadline_us, on_timer, c);
}

/* The only function that changes `state`. */
static void
enter(struct smtp_client *c, enum smtp_state state)
{
    flush(c);
    c->state = state;
    if (state != CLOSED) {
        wait_at_most(c, waits[state].timeout_us);
        if (state == IDLE)
            loop_post(c->config.loop, &c->news_timer, tell_idle, c);
        return;
    }
    /* The words of the end may lie in the reply that is being read: keep them until they are told. */
    text_clear(&c->words);
    text_add_slice(&c->words, c->end.reply.text);
    c->end.reply.text = text_slice(&c->words);
    timer_cancel(c->config.loop, &c->timer);
    if (c->stream != NULL)
        stream_close(&c->stream);
    loop_post(c->config.loop, &c->news_timer, tell_closed, c);
}

struct smtp_client *
smtp_client_new(const struct smtp_client_config *config)
{
    struct smtp_client *c = mem_alloc_zeroed(sizeof *c);

    assert(config->transactions_max > 0);
    c->config = *config;
    c->state = CONNECTING;
    c->connecting = network_connect(config->network, &config->from, &config->to,
        waits[CONNECTING].timeout_us, on_connected, c);
    return c;
}

void
smtp_client_free(struct smtp_client **client)
{
    struct smtp_client *c = *client;

    if (c == NULL)
        return;
    timer_cancel(c->config.loop, &c->timer);
    timer_cancel(c->config.loop, &c->news_timer);
    if (c->connecting != NULL)
        connecting_cancel(&c->connecting);
    if (c->stream != NULL)
        stream_abort(&c->stream);
    text_release(&c->scratch);
    text_release(&c->words);
    text_release(&c->transaction.sender);
    text_release(&c->transaction.addresses);
    mem_free(c->transaction.recipients);
    mem_free(c->recipient_states);
    mem_free(c);
    *client = NULL;
}

void
smtp_client_wake(struct smtp_client *client)
{
    if (client->state != IDLE)
        return;
    timer_cancel(client->config.loop, &client->news_timer);
    enter(client, next_transaction(client));
}

void
smtp_client_leave(struct smtp_client *client)
{
    client->is_leaving = true;
    if (client->state == IDLE)
        enter(client, send_quit(client));
}

bool
smtp_client_is_idle(const struct smtp_client *client)
{
    return client->state == IDLE;
}

bool
smtp_client_is_ready(const struct smtp_client *client)
{
    return client->state >= AWAIT_MAIL && client->state <= IDLE;
}
