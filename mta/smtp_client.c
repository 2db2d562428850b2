/* smtp_client.c - one SMTP session, from the connection to QUIT: bytes, time and the end of it.
 *
 * What is said is the business of smtp_client_steps.c. */
#include "mta/smtp_client.h"

#include "base/mem.h"
#include "base/unit.h"
#include "mta/smtp_client_steps.h"

/* RFC 5321 4.5.3.2.5: a server that takes none of the content for so long is lost. The wait for its
 * reply begins when the network has taken all of it. */
enum { CONTENT_STALL_S = 180 };

static void on_timer(void *arg);
static void begin_tls(struct smtp_client *c);
static void enter(struct smtp_client *c, enum smtp_state state);

/* Nothing is sent before, so that a pipelined group is one write. */
void
smtp_client_flush(struct smtp_client *c)
{
    if (c->words.length > 0 && c->stream != NULL)
        stream_write(c->stream, c->words.bytes, c->words.length);
    text_clear(&c->words);
}

static void
wait_at_most(struct smtp_client *c, int64_t us)
{
    c->deadline_us = loop_now_us(c->config.loop) + us;
    if (!timer_is_armed(&c->timer) || c->timer.at_us > c->deadline_us)
        timer_arm(c->config.loop, &c->timer, c->deadline_us, on_timer, c);
}

/* What the rule says of the stage; 0: nothing. */
static int64_t
own_timeout_us(const struct mx_timeouts *own, enum smtp_stage stage)
{
    switch (stage) {
    case STAGE_CONNECT:
        return own->connect_us;
    case STAGE_BANNER:
        return own->banner_us;
    case STAGE_EHLO:
    case STAGE_STARTTLS:
    case STAGE_AUTH:
    case STAGE_MAIL:
    case STAGE_RCPT:
    case STAGE_RSET:
        return own->command_us;
    case STAGE_DATA:
        return own->data_us;
    case STAGE_BODY:
    case STAGE_DOT:
        return own->dot_us;
    case STAGE_NONE:
    case STAGE_QUIT:
    case STAGE_OUT_OF_BAND:
    case STAGES_COUNT:
        break;
    }
    return 0;
}

static int64_t
timeout_us(const struct smtp_client *c, enum smtp_state state)
{
    const struct smtp_wait *wait = smtp_wait_of(state);
    int64_t own_us = own_timeout_us(&c->config.timeouts, wait->stage);

    return own_us > 0 ? own_us : wait->timeout_s * (int64_t)US_PER_S;
}

static void
wait_in(struct smtp_client *c, enum smtp_state state)
{
    c->unsent_bytes = state == AWAIT_FINAL_DOT ? stream_unsent(c->stream) : 0;
    wait_at_most(
        c, c->unsent_bytes > 0 ? CONTENT_STALL_S * (int64_t)US_PER_S : timeout_us(c, state));
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
                enter(c, smtp_step_lose(c, LOSS_NONE, &reply));
            else
                enter(c,
                    smtp_step_lose_in_our_words(
                        c, LOSS_NONSENSE, 2, "the server does not speak SMTP"));
            return bytes.length;
        }
        consumed += used;
        enter(c, smtp_step(c, &reply));
        if (c->state == SHAKING_HANDS) {
            if (consumed == bytes.length)
                begin_tls(c);
            else
                enter(c,
                    smtp_step_lose_in_our_words(
                        c, LOSS_NONSENSE, 2, "the server speaks on behind its reply to STARTTLS"));
            return bytes.length;
        }
    }
    return c->state == CLOSED ? bytes.length : consumed;
}

static void
on_drained(void *arg)
{
    struct smtp_client *c = arg;

    if (c->state == AWAIT_FINAL_DOT)
        wait_in(c, AWAIT_FINAL_DOT);
}

static void
on_end(void *arg)
{
    struct smtp_client *c = arg;

    if (c->state == AWAIT_QUIT || c->state == IDLE)
        enter(c, CLOSED);
    else
        enter(c, smtp_step_lose_in_our_words(c, LOSS_CLOSED, 2, "peer closed the connection"));
}

static void
on_broken(void *arg, enum trouble trouble)
{
    struct smtp_client *c = arg;

    if (c->state == AWAIT_QUIT || c->state == IDLE)
        enter(c, CLOSED);
    else
        enter(c, smtp_step_lose_in_our_words(c, LOSS_RESET, 2, "connection reset by peer"));
}

static const struct stream_events events = {
    .on_bytes = on_bytes, .on_drained = on_drained, .on_end = on_end, .on_broken = on_broken};

static void
on_tls(void *arg, const struct tls_result *result)
{
    struct smtp_client *c = arg;

    enter(c, smtp_step_on_tls(c, result));
}

/* The stream is another one from here on, and the rest of the session does not notice. */
static void
begin_tls(struct smtp_client *c)
{
    c->stream = stream_tls_connect(c->config.tls, c->stream, &c->config.tls_peer, on_tls, c);
    stream_set_events(c->stream, &events, c);
}

static void
on_connected(void *arg, struct stream *stream, enum trouble trouble)
{
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
        enter(c, smtp_step_lose_in_our_words(c, LOSS_CONNECT, 1, "connection refused"));
        return;
    case TROUBLE_UNREACHABLE:
        enter(c, smtp_step_lose_in_our_words(c, LOSS_CONNECT, 1, "no route to host"));
        return;
    case TROUBLE_TIMED_OUT:
        enter(c, smtp_step_lose_in_our_words(c, LOSS_CONNECT, 1, "connection timed out"));
        return;
    case TROUBLE_RESET:
        enter(c, smtp_step_lose_in_our_words(c, LOSS_CONNECT, 1, "connection reset by peer"));
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
    if (c->state == AWAIT_FINAL_DOT && stream_unsent(c->stream) < c->unsent_bytes)
        wait_in(c, AWAIT_FINAL_DOT);
    else if (c->state == IDLE)
        enter(c, smtp_step_quit(c));
    else if (c->state == AWAIT_QUIT)
        enter(c, CLOSED);
    else if (c->state == SHAKING_HANDS)
        enter(c, smtp_step_on_tls(c, NULL));
    else if (c->state != CLOSED)
        enter(
            c, smtp_step_lose_in_our_words(c, LOSS_TIMED_OUT, 2, smtp_wait_of(c->state)->silence));
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

/* The only function that changes `state`. */
static void
enter(struct smtp_client *c, enum smtp_state state)
{
    smtp_client_flush(c);
    c->state = state;
    if (state != CLOSED) {
        wait_in(c, state);
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
    c->connecting = network_connect(
        config->network, &config->from, &config->to, timeout_us(c, CONNECTING), on_connected, c);
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
    enter(client, smtp_step_next_transaction(client));
}

void
smtp_client_leave(struct smtp_client *client)
{
    client->is_leaving = true;
    if (client->state == IDLE)
        enter(client, smtp_step_quit(client));
}

bool
smtp_client_is_idle(const struct smtp_client *client)
{
    return client->state == IDLE;
}

bool
smtp_client_is_ready(const struct smtp_client *client)
{
    return client->state >= AWAIT_MAIL && client->state <= IDLE && client->state != AWAIT_QUIT;
}
