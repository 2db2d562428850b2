/* smtp_client_steps.c - what a client says next.
 *
 * The conversation is the table `steps`. Row: what we wait for. Column: class of the reply. Cell: a
 * handler that does the work and returns the next state, so that no branch can forget to move on.
 * Events that are not replies (timeout, hang-up) go through smtp_step_lose() instead.
 *
 * With PIPELINING the commands up to DATA are sent in one piece (RFC 2920 3.1) and the replies walk
 * through the same rows; only who adds words knows that they are out already. */
#include "mta/smtp_client_steps.h"

#include "base/mem.h"

enum recipient_state { RECIPIENT_OPEN, RECIPIENT_ACCEPTED, RECIPIENT_SETTLED };

typedef enum smtp_state handler(struct smtp_client *c, const struct smtp_reply *reply);

/* RFC 5321 4.5.3.2; those it does not name are ours. An idle client then leaves. */
static const struct smtp_wait waits[] = {
    {AWAIT_GREETING,  STAGE_BANNER,   300, "timed out waiting for the banner"                },
    {AWAIT_EHLO,      STAGE_EHLO,     300, "timed out waiting for the reply to EHLO"         },
    {AWAIT_HELO,      STAGE_EHLO,     300, "timed out waiting for the reply to HELO"         },
    {AWAIT_STARTTLS,  STAGE_STARTTLS, 300, "timed out waiting for the reply to STARTTLS"     },
    {AWAIT_MAIL,      STAGE_MAIL,     300, "timed out waiting for the reply to MAIL"         },
    {AWAIT_RCPT,      STAGE_RCPT,     300, "timed out waiting for the reply to RCPT"         },
    {AWAIT_DATA,      STAGE_DATA,     120, "timed out waiting for the reply to DATA"         },
    {AWAIT_FINAL_DOT, STAGE_DOT,      600, "timed out waiting for the reply to the final dot"},
    {AWAIT_RSET,      STAGE_RSET,     300, "timed out waiting for the reply to RSET"         },
    {AWAIT_QUIT,      STAGE_QUIT,     20,  "timed out waiting for the reply to QUIT"         },
    {IDLE,            STAGE_NONE,     5,   ""                                                },
    {CONNECTING,      STAGE_CONNECT,  30,  "connection timed out"                            },
    {SHAKING_HANDS,   STAGE_STARTTLS, 300, "timed out in the TLS handshake"                  },
};
static_assert(COUNT_OF(waits) == CLOSED, "one row per state in which time passes");

const struct smtp_wait *
smtp_wait_of(enum smtp_state state)
{
    assert(state < CLOSED);
    assert(waits[state].state == state);
    return &waits[state];
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

static void
tell_tls(struct smtp_client *c, enum smtp_tls_outcome outcome, const struct tls_result *result,
    const struct smtp_reply *refusal)
{
    c->config.events->on_tls(c->config.arg, outcome, result, refusal);
}

/* A session that ends over STARTTLS had no handshake, and that is news too. */
static void
tell_tls_lost(struct smtp_client *c, enum smtp_loss loss, const struct smtp_reply *reply)
{
    const struct tls_result result = {
        .failure = loss == LOSS_NONSENSE ? TLS_FAILED_NONSENSE : TLS_FAILED_CUT,
        .version = "",
        .cipher = ""};

    if (loss == LOSS_REPLY)
        tell_tls(c, SMTP_TLS_REFUSED, NULL, reply);
    else if (loss == LOSS_TIMED_OUT)
        tell_tls(c, SMTP_TLS_TIMED_OUT, NULL, NULL);
    else if (loss != LOSS_TLS) /* then it has been told */
        tell_tls(c, SMTP_TLS_FAILED, &result, NULL);
}

enum smtp_state
smtp_step_lose(struct smtp_client *c, enum smtp_loss loss, const struct smtp_reply *reply)
{
    if (c->state == AWAIT_STARTTLS || c->state == SHAKING_HANDS)
        tell_tls_lost(c, loss, reply);
    c->end = (struct smtp_end){
        .loss = loss, .trouble = c->end.trouble, .stage = waits[c->state].stage, .reply = *reply};
    tell_all(c, ANSWER_LOST, c->end.stage, reply);
    return CLOSED;
}

enum smtp_state
smtp_step_lose_in_our_words(
    struct smtp_client *c, enum smtp_loss loss, uint16_t detail, const char *words)
{
    const struct smtp_reply reply = {
        .code = 451, .enhanced = {4, 4, detail},
             .text = slice_of(words)
    };

    return smtp_step_lose(c, loss, &reply);
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
    smtp_client_flush(c);
    return smtp_step_lose(c, LOSS_REPLY, reply);
}

static enum smtp_state
bad_reply(struct smtp_client *c, const struct smtp_reply *reply)
{
    return smtp_step_lose_in_our_words(c, LOSS_NONSENSE, 2, "reply out of place");
}

enum smtp_state
smtp_step_quit(struct smtp_client *c)
{
    return say(c, "QUIT\r\n", AWAIT_QUIT);
}

static enum smtp_state
hang_up(struct smtp_client *c, const struct smtp_reply *reply)
{
    return CLOSED;
}

static uint32_t
limit_or_none(uint32_t limit)
{
    return limit > 0 ? limit : UINT32_MAX;
}

/* A transaction that this server cannot take is answered here, in its stead. */
static bool
take_transaction(struct smtp_client *c)
{
    struct smtp_transaction *t = &c->transaction;
    const struct smtp_reply *refusal;

    for (;;) {
        text_clear(&t->sender);
        text_clear(&t->addresses);
        t->recipients_count = 0;
        t->recipients_max = limit_or_none(c->extensions.rcpt_max);
        t->domains_max = limit_or_none(c->extensions.rcpt_domain_max);
        if (!c->config.events->next(c->config.arg, t))
            return false;
        assert(t->recipients_count > 0);
        assert(t->recipients_count <= t->recipients_max);
        c->recipient_states = mem_grow(c->recipient_states, &c->recipient_states_capacity,
            t->recipients_count, sizeof *c->recipient_states);
        memset(c->recipient_states, RECIPIENT_OPEN, t->recipients_count);
        refusal = smtp_refusal_in_advance(&c->extensions, t);
        if (refusal == NULL)
            return true;
        tell_all(c, ANSWER_REPLY, STAGE_MAIL, refusal);
    }
}

enum smtp_state
smtp_step_next_transaction(struct smtp_client *c)
{
    if (c->is_leaving || c->transactions_count >= c->config.transactions_max ||
        c->transactions_count >= limit_or_none(c->extensions.mail_max))
        return smtp_step_quit(c);
    if (!take_transaction(c)) {
        c->transaction.recipients_count = 0;
        return IDLE;
    }
    c->transactions_count++;
    c->rcpt_next = 0;
    c->accepted_count = 0;
    c->is_mail_refused = false;
    smtp_add_mail(&c->words, &c->extensions, &c->transaction);
    if (c->extensions.has_pipelining) {
        for (size_t i = 0; i < c->transaction.recipients_count; i++)
            smtp_add_rcpt(&c->words, &c->transaction, i);
        text_add_string(&c->words, "DATA\r\n");
    }
    return AWAIT_MAIL;
}

/* --- TLS ------------------------------------------------------------------------------------- */

static enum smtp_state
lose_for_tls(struct smtp_client *c, uint16_t detail, const char *words)
{
    const struct smtp_reply reply = {
        .code = 451, .enhanced = {4, 7, detail},
             .text = slice_of(words)
    };
    enum smtp_state next = smtp_step_lose(c, LOSS_TLS, &reply);

    c->end.stage = STAGE_STARTTLS; /* wherever we noticed */
    return next;
}

/* Without TLS only where it may be missing. */
static enum smtp_state
go_on_in_plain_text(struct smtp_client *c, uint16_t detail, const char *words)
{
    if (c->config.tls_policy != TLS_POLICY_REQUIRED)
        return smtp_step_next_transaction(c);
    text_add_string(&c->words, "QUIT\r\n");
    smtp_client_flush(c);
    return lose_for_tls(c, detail, words);
}

static enum smtp_state
start_tls_or_transactions(struct smtp_client *c)
{
    if (c->is_encrypted || c->config.tls_policy == TLS_POLICY_OFF)
        return smtp_step_next_transaction(c);
    if (c->extensions.has_starttls && c->config.tls != NULL)
        return say(c, "STARTTLS\r\n", AWAIT_STARTTLS);
    if (c->config.tls_policy == TLS_POLICY_REQUIRED)
        tell_tls(c, SMTP_TLS_NOT_OFFERED, NULL, NULL);
    return go_on_in_plain_text(c, 6, "STARTTLS required but not offered");
}

static enum smtp_state
shake_hands(struct smtp_client *c, const struct smtp_reply *reply)
{
    return SHAKING_HANDS;
}

static enum smtp_state
tls_refused(struct smtp_client *c, const struct smtp_reply *reply)
{
    tell_tls(c, SMTP_TLS_REFUSED, NULL, reply);
    return go_on_in_plain_text(c, 5, "STARTTLS refused");
}

enum smtp_state
smtp_step_on_tls(struct smtp_client *c, const struct tls_result *result)
{
    bool is_in_time = result != NULL;

    if (is_in_time && result->failure == TLS_FINE) {
        tell_tls(c, SMTP_TLS_OK, result, NULL);
        c->is_encrypted = true;
        c->extensions = (struct smtp_extensions){0}; /* RFC 3207 4.2 */
        return send_ehlo(c, NULL);
    }
    tell_tls(c, is_in_time ? SMTP_TLS_FAILED : SMTP_TLS_TIMED_OUT, result, NULL);
    text_clear(&c->scratch);
    text_printf(&c->scratch, "TLS handshake failed: %s",
        is_in_time ? tls_failure_phrase(result->failure) : "timed out");
    return lose_for_tls(c, 5, text_string(&c->scratch));
}

static enum smtp_state
read_extensions(struct smtp_client *c, const struct smtp_reply *reply)
{
    smtp_extensions_read(&c->extensions, reply->text);
    return start_tls_or_transactions(c);
}

static enum smtp_state
without_extensions(struct smtp_client *c, const struct smtp_reply *reply)
{
    return start_tls_or_transactions(c);
}

static enum smtp_state
send_next_rcpt(struct smtp_client *c)
{
    if (!c->extensions.has_pipelining)
        smtp_add_rcpt(&c->words, &c->transaction, c->rcpt_next);
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
    if (c->extensions.has_pipelining) {
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
    if (c->extensions.has_pipelining)
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
    smtp_client_flush(c);
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
    return smtp_step_next_transaction(c);
}

static enum smtp_state
content_refused(struct smtp_client *c, const struct smtp_reply *reply)
{
    tell_all(c, ANSWER_REPLY, STAGE_DOT, reply);
    return smtp_step_next_transaction(c);
}

static enum smtp_state
rset_done(struct smtp_client *c, const struct smtp_reply *reply)
{
    return smtp_step_next_transaction(c);
}

static const struct step {
    enum smtp_state state;
    handler *on_2xx, *on_3xx, *on_4xx, *on_5xx;
} steps[] = {
    {AWAIT_GREETING,  send_ehlo,          bad_reply,    leave_host,       leave_host      },
    {AWAIT_EHLO,      read_extensions,    bad_reply,    leave_host,       send_helo       },
    {AWAIT_HELO,      without_extensions, bad_reply,    leave_host,       leave_host      },
    {AWAIT_STARTTLS,  shake_hands,        bad_reply,    tls_refused,      tls_refused     },
    {AWAIT_MAIL,      mail_accepted,      bad_reply,    mail_refused,     mail_refused    },
    {AWAIT_RCPT,      accept_recipient,   bad_reply,    refuse_recipient, refuse_recipient},
    {AWAIT_DATA,      bad_reply,          send_content, data_refused,     data_refused    },
    {AWAIT_FINAL_DOT, accept_all,         bad_reply,    content_refused,  content_refused },
    {AWAIT_RSET,      rset_done,          bad_reply,    leave_host,       leave_host      },
    {AWAIT_QUIT,      hang_up,            hang_up,      hang_up,          hang_up         },
};
static_assert(COUNT_OF(steps) == AWAIT_QUIT + 1, "one row per state that awaits a reply");

/* RFC 5321 3.8: 421 is the server saying that it leaves. Whatever we waited for, nothing comes. To a
 * recipient it is still an answer: the text says why, and the next host would be no better asked. */
static enum smtp_state
server_leaves(struct smtp_client *c, const struct smtp_reply *reply)
{
    if (c->state >= AWAIT_MAIL && c->state <= AWAIT_FINAL_DOT)
        tell_all(c, ANSWER_REPLY, waits[c->state].stage, reply);
    return smtp_step_lose(c, LOSS_REPLY, reply);
}

enum smtp_state
smtp_step(struct smtp_client *c, const struct smtp_reply *reply)
{
    const struct step *step = &steps[c->state];
    handler *const columns[] = {step->on_2xx, step->on_3xx, step->on_4xx, step->on_5xx};

    assert(c->state <= AWAIT_QUIT);
    assert(step->state == c->state);
    if (reply->code == 421 && c->state > AWAIT_GREETING && c->state < AWAIT_QUIT)
        return server_leaves(c, reply);
    return columns[reply->code / 100 - 2](c, reply);
}
