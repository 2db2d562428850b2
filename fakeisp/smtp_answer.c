/* smtp_answer.c - asking the policies about a stage, and what follows from a yes and from a no.
 *
 * The table `stages` has it on one screen. Between question and answer there may be a wait, so no
 * handler relies on what was known before it asked: everything is in the session. */
#include "fakeisp/smtp_session.h"

typedef enum session_state stage_handler(struct session *s, const struct answer *answer);

/* ---- asking ---- */

/* The connection counts as open once the limits have let it through. */
static void
note_opened(struct session *s, const struct answer *answer)
{
    const struct server_setup *setup = &s->server->setup;

    if (s->is_counted || answer->limit != 0)
        return;
    s->is_counted = true;
    s->server->open_count++;
    setup->notes->on_opened(setup->notes_arg, &s->visit);
}

static enum session_state
ask_on(struct session *s)
{
    const struct server_setup *setup = &s->server->setup;
    struct answer answer;

    s->question.now_us = loop_now_us(setup->loop);
    answer = policies_ask(setup->policies, &s->question);
    if (s->question.stage == STAGE_CONNECT)
        note_opened(s, &answer);
    if (answer.limit != 0)
        setup->notes->on_limit(
            setup->notes_arg, &s->visit, s->question.stage, &s->envelope, &answer);
    if (answer.delay_us > 0) {
        s->answer = answer;
        session_wait(s, answer.delay_us);
        return s->state;
    }
    return session_settle(s, &answer);
}

enum session_state
session_ask(struct session *s, enum smtp_stage stage)
{
    s->question = (struct question){.stage = stage,
        .visit = &s->visit,
        .envelope = &s->envelope,
        .rcpt_end = s->envelope.rcpts_count,
        .header = text_slice(&s->header),
        .bytes = s->content_bytes,
        .auth = s->is_authenticated ? &s->auth : NULL};
    if (stage == STAGE_RCPT)
        s->question.rcpt_first = s->envelope.rcpts_count - 1;
    return ask_on(s);
}

void
session_on_waited(struct session *s)
{
    if (s->is_checked_in_between) {
        s->state = session_authenticated(s);
        return;
    }
    s->state = s->answer.kind == ANSWER_WAIT ? ask_on(s) : session_settle(s, &s->answer);
}

/* ---- what follows from an answer ---- */

static bool
is_no(const struct answer *answer)
{
    return answer->kind == ANSWER_CLOSE ||
        (answer->kind == ANSWER_REPLY && answer->reply->code >= 400);
}

static void
note_refused(struct session *s, struct slice rcpt, const struct answer *answer)
{
    const struct server_setup *setup = &s->server->setup;

    if (answer->reply != NULL)
        setup->notes->on_refused(setup->notes_arg, &s->visit, s->question.stage,
            envelope_sender(&s->envelope), rcpt, answer);
}

static enum session_state
forget_transaction(struct session *s)
{
    envelope_clear(&s->envelope);
    return SESSION_READY;
}

/* Where nobody was named yet the limit's own event tells enough. */
static void
note_refused_without_rcpt(struct session *s, const struct answer *answer)
{
    if (answer->limit == 0)
        note_refused(s, SLICE(""), answer);
}

static enum session_state
enter(struct session *s, const struct answer *answer)
{
    if (answer->kind == ANSWER_REPLY)
        return SESSION_FRESH; /* a rule has said its own banner */
    return session_ask(s, STAGE_BANNER);
}

static enum session_state
turn_away(struct session *s, const struct answer *answer)
{
    note_refused_without_rcpt(s, answer);
    if (answer->limit != 0)
        s->is_leaving = true; /* it was never let in */
    return SESSION_TURNED_AWAY;
}

static enum session_state
await_hello(struct session *s, const struct answer *answer)
{
    return SESSION_FRESH;
}

static enum session_state
greet(struct session *s, const struct answer *answer)
{
    return forget_transaction(s);
}

static enum session_state
refuse_hello(struct session *s, const struct answer *answer)
{
    note_refused_without_rcpt(s, answer);
    return s->state;
}

static enum session_state
begin_transaction(struct session *s, const struct answer *answer)
{
    s->visit.transactions_count++;
    return SESSION_MAIL;
}

static enum session_state
refuse_sender(struct session *s, const struct answer *answer)
{
    note_refused_without_rcpt(s, answer);
    s->is_after_refusal = true;
    return forget_transaction(s);
}

static enum session_state
keep_recipient(struct session *s, const struct answer *answer)
{
    return SESSION_RCPT;
}

static enum session_state
refuse_recipient(struct session *s, const struct answer *answer)
{
    note_refused(s, envelope_rcpt(&s->envelope, s->envelope.rcpts_count - 1), answer);
    envelope_drop_last_rcpt(&s->envelope);
    s->is_after_refusal = true;
    return s->envelope.rcpts_count > 0 ? SESSION_RCPT : SESSION_MAIL;
}

static enum session_state
refuse_all(struct session *s, const struct answer *answer)
{
    for (size_t i = 0; i < s->envelope.rcpts_count; i++)
        note_refused(s, envelope_rcpt(&s->envelope, i), answer);
    return forget_transaction(s);
}

static enum session_state
start_content(struct session *s, const struct answer *answer)
{
    s->scanner = (struct dot_scanner){0};
    s->content_bytes = 0;
    s->content_since_us = loop_now_us(s->server->setup.loop);
    text_clear(&s->header);
    text_clear(&s->content);
    s->is_authenticated = false;
    s->is_header_over = s->is_content_over = s->is_body_asked = s->has_verdict = false;
    return SESSION_CONTENT;
}

static enum session_state
take_responsibility(struct session *s, const struct answer *answer)
{
    const struct server_setup *setup = &s->server->setup;
    const struct isp_sender who = question_sender(&s->question);

    setup->notes->on_accepted(setup->notes_arg, &s->visit, &s->envelope, &who, s->content_bytes,
        text_slice(&s->header), answer);
    s->errors_count = 0;
    return forget_transaction(s);
}

static enum session_state
reset_transaction(struct session *s, const struct answer *answer)
{
    return s->state == SESSION_FRESH ? SESSION_FRESH : forget_transaction(s);
}

static enum session_state
part(struct session *s, const struct answer *answer)
{
    s->is_leaving = true;
    return s->state;
}

static enum session_state
stay(struct session *s, const struct answer *answer)
{
    return s->state;
}

static enum session_state
say_not_implemented(struct session *s, const struct answer *answer)
{
    session_say(s, own_reply(s, SAY_NOT_IMPLEMENTED), answer->drip_us);
    return s->state;
}

/* RFC 3207 4.2: what was said before is forgotten. The 220 is said when it is sure that nothing came
 * behind the command. */
static enum session_state
start_tls(struct session *s, const struct answer *answer)
{
    const struct server_setup *setup = &s->server->setup;

    if (setup->tls == NULL)
        return say_not_implemented(s, answer);
    if (setup->config->hosts[setup->host].tls.fault == ISP_TLS_REFUSES) {
        session_say(s, own_reply(s, SAY_TLS_UNAVAILABLE), answer->drip_us);
        return s->state;
    }
    s->is_starting_tls = true;
    forget_transaction(s);
    return SESSION_FRESH;
}

/* Nothing may be said before the final dot: what stage body thinks is kept until then. */
static enum session_state
keep_verdict(struct session *s, const struct answer *answer)
{
    s->has_verdict = answer->kind == ANSWER_REPLY;
    s->verdict = *answer;
    s->verdict.delay_us = 0;
    return s->is_content_over ? session_end_content(s) : SESSION_CONTENT;
}

static const struct stage {
    enum smtp_stage stage;
    enum own_reply yes; /* unless a policy has words of its own */
    stage_handler *on_yes, *on_no;
} stages[] = {
    {STAGE_NONE,     SAY_NOTHING,       stay,                stay            },
    {STAGE_CONNECT,  SAY_NOTHING,       enter,               turn_away       },
    {STAGE_BANNER,   SAY_BANNER,        await_hello,         turn_away       },
    {STAGE_EHLO,     SAY_EHLO,          greet,               refuse_hello    },
    {STAGE_STARTTLS, SAY_NOTHING,       start_tls,           stay            },
    {STAGE_AUTH,     SAY_NOTHING,       say_not_implemented, stay            },
    {STAGE_MAIL,     SAY_MAIL_OK,       begin_transaction,   refuse_sender   },
    {STAGE_RCPT,     SAY_RCPT_OK,       keep_recipient,      refuse_recipient},
    {STAGE_DATA,     SAY_START_CONTENT, start_content,       refuse_all      },
    {STAGE_BODY,     SAY_NOTHING,       keep_verdict,        keep_verdict    },
    {STAGE_DOT,      SAY_ACCEPTED,      take_responsibility, refuse_all      },
    {STAGE_RSET,     SAY_OK,            reset_transaction,   stay            },
    {STAGE_QUIT,     SAY_BYE,           part,                stay            },
};
static_assert(COUNT_OF(stages) == STAGE_QUIT + 1, "one row per stage of a session");

/* A policy that says yes where only 354 or 220 means yes has not found the right words. */
static const struct ready_reply *
words_for_yes(const struct session *s, const struct answer *answer)
{
    const struct stage *stage = &stages[s->question.stage];
    enum own_reply own = stage->yes;

    if (stage->stage == STAGE_STARTTLS)
        return NULL; /* start_tls() has them */
    if (answer->kind == ANSWER_REPLY && (stage->stage != STAGE_DATA || answer->reply->code == 354))
        return answer->reply;
    if (stage->stage == STAGE_EHLO && s->says_helo)
        own = SAY_HELLO;
    else if (stage->stage == STAGE_EHLO && s->is_encrypted)
        own = SAY_EHLO_ENCRYPTED;
    return own != SAY_NOTHING ? own_reply(s, own) : NULL;
}

static enum session_state
say_yes(struct session *s, const struct answer *answer)
{
    struct answer said = *answer;

    if (s->question.stage != STAGE_BODY) {
        said.reply = words_for_yes(s, answer);
        if (said.reply != NULL)
            session_say(s, said.reply, answer->drip_us);
    }
    return stages[s->question.stage].on_yes(s, &said);
}

static enum session_state
say_no(struct session *s, const struct answer *answer)
{
    bool is_held_back = s->question.stage == STAGE_BODY && answer->kind == ANSWER_REPLY;

    if (answer->reply != NULL && !is_held_back)
        session_say(s, answer->reply, answer->drip_us);
    if (answer->kind == ANSWER_CLOSE) {
        s->is_leaving = true;
        if (s->question.stage == STAGE_BODY)
            return refuse_all(s, answer);
    }
    return stages[s->question.stage].on_no(s, answer);
}

static void
note_rcpt(struct session *s, const struct answer *answer)
{
    const struct server_setup *setup = &s->server->setup;

    setup->notes->on_rcpt(setup->notes_arg, &s->visit, envelope_sender(&s->envelope),
        envelope_rcpt(&s->envelope, s->envelope.rcpts_count - 1), answer);
}

enum session_state
session_settle(struct session *s, const struct answer *answer)
{
    assert(stages[s->question.stage].stage == s->question.stage);
    if (s->question.stage == STAGE_RCPT)
        note_rcpt(s, answer);
    if (is_no(answer))
        return say_no(s, answer);
    if (answer->kind == ANSWER_RESET) {
        s->is_leaving = s->is_aborting = true;
        return s->state;
    }
    if (answer->kind == ANSWER_SILENT) {
        session_fall_silent(s);
        return s->state;
    }
    return say_yes(s, answer);
}
