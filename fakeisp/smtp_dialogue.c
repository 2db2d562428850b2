/* smtp_dialogue.c - commands and content: the client's half of RFC 5321, as it is heard.
 *
 * The table `verbs` says what a command does in each state. Most ask the policies about a stage; what
 * follows from the answer stands in smtp_answer.c. */
#include "fakeisp/smtp_session.h"

typedef enum session_state verb_handler(struct session *s, const struct command *command);

/* The server itself minds, before any policy is asked. */
static struct answer
refusal(const struct session *s, enum own_reply which, uint32_t rule)
{
    return (struct answer){.kind = ANSWER_REPLY, .reply = own_reply(s, which), .rule = rule};
}

/* ---- commands ---- */

/* What a client gets wrong is answered, and too much of it is enough. */
static enum session_state
complain(struct session *s, enum own_reply which)
{
    if (++s->errors_count >= SERVER_ERRORS_MAX) {
        which = SAY_TOO_MANY_ERRORS;
        s->is_leaving = true;
    }
    session_say(s, own_reply(s, which), 0);
    return s->state;
}

static enum session_state
bad_sequence(struct session *s, const struct command *command)
{
    return complain(s, SAY_BAD_SEQUENCE);
}

/* Behind a refused MAIL the rest of a pipelined batch comes all the same (RFC 2920 3.1), and a 503
 * for it is nobody's mistake. */
static enum session_state
without_mail(struct session *s, const struct command *command)
{
    if (!s->is_after_refusal)
        return complain(s, SAY_BAD_SEQUENCE);
    session_say(s, own_reply(s, SAY_BAD_SEQUENCE), 0);
    return s->state;
}

static enum session_state
without_recipients(struct session *s, const struct command *command)
{
    if (!s->is_after_refusal)
        return complain(s, SAY_BAD_SEQUENCE);
    session_say(s, own_reply(s, SAY_NO_RECIPIENTS), 0);
    return s->state;
}

static enum session_state
take_hello(struct session *s, const struct command *command)
{
    bool is_unknown = command->verb == VERB_EHLO && s->server->setup.config->is_without_ehlo;

    if (is_unknown)
        return complain(s, SAY_NOT_IMPLEMENTED);
    if (command->argument.length == 0)
        return complain(s, SAY_BAD_ARGUMENT);
    s->says_helo = command->verb == VERB_HELO;
    text_clear(&s->helo);
    text_add_slice(&s->helo, command->argument);
    return session_ask(s, STAGE_EHLO);
}

static bool
offers(const struct session *s, const struct command *command)
{
    if (command->is_utf8 || command->by_s != 0)
        return false;
    return !command->is_8bit || !s->server->setup.config->is_without_8bitmime;
}

static bool
is_address_too_long(const struct mail_address *address)
{
    return address->local.length + 1 + address->domain.length > ADDRESS_MAX;
}

static enum session_state
take_mail(struct session *s, const struct command *command)
{
    const struct server_setup *setup = &s->server->setup;

    s->is_after_refusal = false;
    if (!offers(s, command))
        return complain(s, SAY_BAD_PARAMETER);
    if (is_address_too_long(&command->address))
        return complain(s, SAY_BAD_ARGUMENT);
    envelope_set_sender(&s->envelope, command->address.local, command->address.domain);
    if (command->size > setup->config->size_max) {
        struct answer no = refusal(s, SAY_TOO_LARGE, s->server->rule_size);

        s->question = (struct question){.stage = STAGE_MAIL};
        return session_settle(s, &no);
    }
    return session_ask(s, STAGE_MAIL);
}

static enum session_state
take_rcpt(struct session *s, const struct command *command)
{
    const struct isp_config *config = s->server->setup.config;

    if (address_is_null(&command->address) || is_address_too_long(&command->address))
        return complain(s, SAY_BAD_ARGUMENT);
    envelope_add_rcpt(&s->envelope, command->address.local, command->address.domain);
    if (s->envelope.rcpts_count > config->recipients_max) {
        struct answer no = refusal(s, SAY_TOO_MANY_RECIPIENTS, s->server->rule_recipients);

        s->question = (struct question){.stage = STAGE_RCPT};
        return session_settle(s, &no);
    }
    return session_ask(s, STAGE_RCPT);
}

static enum session_state
take_data(struct session *s, const struct command *command)
{
    if (command->argument.length > 0)
        return complain(s, SAY_BAD_ARGUMENT);
    s->content_bytes = 0;
    return session_ask(s, STAGE_DATA);
}

static enum session_state
take_rset(struct session *s, const struct command *command)
{
    s->is_after_refusal = false;
    return session_ask(s, STAGE_RSET);
}

static enum session_state
take_quit(struct session *s, const struct command *command)
{
    return session_ask(s, STAGE_QUIT);
}

static enum session_state
take_starttls(struct session *s, const struct command *command)
{
    if (s->is_encrypted)
        return complain(s, SAY_BAD_SEQUENCE);
    s->errors_count++;
    return session_ask(s, STAGE_STARTTLS);
}

static enum session_state
take_auth(struct session *s, const struct command *command)
{
    s->errors_count++;
    return session_ask(s, STAGE_AUTH);
}

static enum session_state
say_ok(struct session *s, const struct command *command)
{
    session_say(s, own_reply(s, SAY_OK), 0);
    return s->state;
}

static enum session_state
say_vrfy(struct session *s, const struct command *command)
{
    session_say(s, own_reply(s, SAY_VRFY), 0);
    return s->state;
}

static enum session_state
say_help(struct session *s, const struct command *command)
{
    session_say(s, own_reply(s, SAY_HELP), 0);
    return s->state;
}

static enum session_state
say_unknown(struct session *s, const struct command *command)
{
    return complain(s, SAY_UNKNOWN_COMMAND);
}

static enum session_state
say_refused_verb(struct session *s, const struct command *command)
{
    return complain(s, SAY_NOT_IMPLEMENTED);
}

/* Content and the time before the banner know no commands. */
static const struct verb_row {
    enum verb verb;
    verb_handler *fresh, *ready, *mail, *rcpt, *turned_away;
} verbs[] = {
    {VERB_UNKNOWN,  say_unknown,      say_unknown,      say_unknown,        say_unknown,      bad_sequence},
    {VERB_HELO,     take_hello,       take_hello,       take_hello,         take_hello,       bad_sequence},
    {VERB_EHLO,     take_hello,       take_hello,       take_hello,         take_hello,       bad_sequence},
    {VERB_STARTTLS, bad_sequence,     take_starttls,    bad_sequence,       bad_sequence,     bad_sequence},
    {VERB_AUTH,     bad_sequence,     take_auth,        bad_sequence,       bad_sequence,     bad_sequence},
    {VERB_MAIL,     bad_sequence,     take_mail,        bad_sequence,       bad_sequence,     bad_sequence},
    {VERB_RCPT,     bad_sequence,     without_mail,     take_rcpt,          take_rcpt,        bad_sequence},
    {VERB_DATA,     bad_sequence,     without_mail,     without_recipients, take_data,        bad_sequence},
    {VERB_RSET,     take_rset,        take_rset,        take_rset,          take_rset,        bad_sequence},
    {VERB_NOOP,     say_ok,           say_ok,           say_ok,             say_ok,           bad_sequence},
    {VERB_QUIT,     take_quit,        take_quit,        take_quit,          take_quit,        take_quit   },
    {VERB_VRFY,     say_vrfy,         say_vrfy,         say_vrfy,           say_vrfy,         bad_sequence},
    {VERB_EXPN,     say_refused_verb, say_refused_verb, say_refused_verb,   say_refused_verb,
     bad_sequence                                                                                         },
    {VERB_HELP,     say_help,         say_help,         say_help,           say_help,         bad_sequence},
};
static_assert(COUNT_OF(verbs) == VERB_HELP + 1, "one row per verb");

static verb_handler *
handler_of(enum verb verb, enum session_state state)
{
    const struct verb_row *row = &verbs[verb];

    assert(row->verb == verb);
    switch (state) {
    case SESSION_FRESH:
        return row->fresh;
    case SESSION_READY:
        return row->ready;
    case SESSION_MAIL:
        return row->mail;
    case SESSION_RCPT:
        return row->rcpt;
    case SESSION_TURNED_AWAY:
        return row->turned_away;
    case SESSION_AT_DOOR:
    case SESSION_CONTENT:
    case SESSION_STATES_COUNT:
        break;
    }
    assert(state == SESSION_FRESH); /* no command is read in those */
    return NULL;
}

static bool
is_flood(struct session *s, enum verb verb)
{
    if (verb_moves_on(verb)) {
        s->idle_commands_count = 0;
        return false;
    }
    return ++s->idle_commands_count > SERVER_IDLE_COMMANDS_MAX;
}

void
session_on_line(struct session *s, struct slice line, bool is_malformed)
{
    struct command command;
    const char *why;
    int code;

    if (is_malformed) {
        s->state = complain(s, SAY_BAD_LINE);
        return;
    }
    code = command_parse(line, &command, &why);
    if (code == 0 && is_flood(s, command.verb)) {
        session_say(s, own_reply(s, SAY_TOO_MANY_ERRORS), 0);
        s->is_leaving = true;
    } else if (code == 0)
        s->state = handler_of(command.verb, s->state)(s, &command);
    else if (s->state == SESSION_TURNED_AWAY)
        s->state = complain(s, SAY_BAD_SEQUENCE);
    else if (code == 500)
        s->state = complain(s, SAY_UNKNOWN_COMMAND);
    else
        s->state = complain(s, code == 555 ? SAY_BAD_PARAMETER : SAY_BAD_ARGUMENT);
}

void
session_begin(struct session *s)
{
    s->state = session_ask(s, STAGE_CONNECT);
}

void
session_on_idle(struct session *s)
{
    if (!s->is_silent)
        session_say(s, own_reply(s, SAY_IDLE), 0);
    s->is_leaving = true;
}

/* ---- content ---- */

static void
keep_header(struct session *s, struct slice content)
{
    size_t room = SERVER_HEADER_BYTES_MAX - s->header.length;
    size_t from = s->header.length > 3 ? s->header.length - 3 : 0;

    if (!s->server->wants_header || s->is_header_over)
        return;
    text_add(&s->header, content.at, content.length < room ? content.length : room);
    s->is_header_over = content.length >= room ||
        memmem(s->header.bytes + from, s->header.length - from, "\r\n\r\n", 4) != NULL ||
        slice_starts_with(text_slice(&s->header), SLICE("\r\n"));
}

enum session_state
session_end_content(struct session *s)
{
    struct answer no = {.kind = ANSWER_NONE};

    s->question = (struct question){.stage = STAGE_DOT};
    if (s->content_bytes > s->server->setup.config->size_max)
        no = refusal(s, SAY_TOO_LARGE, s->server->rule_size);
    else if (s->scanner.has_bare_line_end || s->scanner.has_nul)
        no = refusal(s, SAY_BARE_LINE_END, s->server->rule_content);
    else if (s->has_verdict)
        no = s->verdict;
    else if (s->server->setup.auth != NULL && !s->is_authenticated)
        return session_authenticate(s);
    return no.kind != ANSWER_NONE ? session_settle(s, &no) : session_ask(s, STAGE_DOT);
}

/* Stage body is asked once: when the header is complete, or else with the final dot. */
static enum session_state
ask_about_body(struct session *s)
{
    if (s->is_body_asked)
        return s->is_content_over ? session_end_content(s) : SESSION_CONTENT;
    s->is_body_asked = true;
    return session_ask(s, STAGE_BODY);
}

size_t
session_on_content(struct session *s, struct slice bytes)
{
    size_t after = 0;
    size_t content = dot_scan(&s->scanner, bytes, &s->is_content_over, &after);
    bool was_header_over = s->is_header_over;

    s->content_bytes += content;
    if (s->server->setup.auth != NULL && s->content_bytes <= s->server->setup.config->size_max)
        text_add(&s->content, bytes.at, content);
    keep_header(s, (struct slice){bytes.at, content});
    if (s->is_content_over || (s->is_header_over && !was_header_over))
        s->state = ask_about_body(s);
    return s->is_content_over ? after : content;
}
