/* reception_dialogue.c - commands and content, as a guest says them.
 *
 * One row of `rules` per verb says in which states it may come and what it does; content is not a
 * command and goes through guest_take_content(). */
#include "mta/reception_guest.h"

#include <stdio.h>

enum { IDLE_COMMANDS_MAX = 100 }; /* one after the other: then 421 */

/* --- verbs ----------------------------------------------------------------------------------- */

static void
reset_envelope(struct guest *g)
{
    text_clear(&g->envelope);
    text_clear(&g->content);
    g->recipients_count = 0;
    g->is_too_large = false;
}

static void
ehlo(struct guest *g, const struct command *command)
{
    const struct reception_setup *setup = &g->reception->setup;

    reset_envelope(g);
    g->state = AWAIT_MAIL;
    text_printf(&g->replies,
        "250-%.*s\r\n250-PIPELINING\r\n250-SIZE %llu\r\n250-8BITMIME\r\n%s"
        "250%cENHANCEDSTATUSCODES\r\n",
        SLICE_ARGS(setup->hostname), (unsigned long long)setup->size_max,
        setup->tls != NULL && !g->is_encrypted ? "250-STARTTLS\r\n" : "",
        setup->house->does_deliver_by ? '-' : ' ');
    if (setup->house->does_deliver_by)
        guest_say(g, "250 DELIVERBY");
}

static void
helo(struct guest *g, const struct command *command)
{
    reset_envelope(g);
    g->state = AWAIT_MAIL;
    text_printf(&g->replies, "250 %.*s\r\n", SLICE_ARGS(g->reception->setup.hostname));
}

static struct mail_place
keep_address(struct guest *g, const struct mail_address *address)
{
    const struct mail_place place = {.local_at = (uint32_t)g->envelope.length,
        .local_length = (uint32_t)address->local.length,
        .domain_length = (uint32_t)address->domain.length};

    text_add_slice(&g->envelope, address->local);
    text_add_char(&g->envelope, '@');
    text_add_slice(&g->envelope, address->domain);
    return place;
}

static struct mail_address
address_at(const struct guest *g, struct mail_place place)
{
    const char *at = g->envelope.bytes + place.local_at;

    return (struct mail_address){
        .local = {at,                          place.local_length },
        .domain = {at + place.local_length + 1, place.domain_length}
    };
}

static const char *
refuse_for_size(struct guest *g)
{
    const struct reception_setup *setup = &g->reception->setup;

    if (setup->house->on_too_large != NULL)
        setup->house->on_too_large(setup->house_arg);
    return "552 5.3.4 message size exceeds fixed maximum message size";
}

static void
mail(struct guest *g, const struct command *command)
{
    const struct reception_setup *setup = &g->reception->setup;
    const char *no = NULL;

    if (command->size > setup->size_max)
        no = refuse_for_size(g);
    else if (command->by_s != 0 && !setup->house->does_deliver_by)
        no = "555 5.5.4 parameter not known here";
    else
        no = setup->house->on_mail(setup->house_arg, g->note, command);
    if (no != NULL) {
        guest_complain(g, no);
        return;
    }
    reset_envelope(g);
    g->sender = keep_address(g, &command->address);
    g->is_8bit = command->is_8bit;
    g->state = AWAIT_RCPT;
    guest_say(g, "250 2.1.0 ok");
}

static void
rcpt(struct guest *g, const struct command *command)
{
    const struct reception_setup *setup = &g->reception->setup;
    const char *no = setup->house->on_rcpt(setup->house_arg, g->note, &command->address);

    if (no == NULL && g->recipients_count == RECEPTION_RECIPIENTS_MAX)
        no = "452 4.5.3 too many recipients";
    if (no != NULL) {
        guest_complain(g, no);
        return;
    }
    g->recipients[g->recipients_count++] = keep_address(g, &command->address);
    guest_say(g, "250 2.1.5 ok");
}

static void
data(struct guest *g, const struct command *command)
{
    if (g->recipients_count == 0) {
        guest_complain(g, "554 5.5.1 no valid recipients");
        return;
    }
    g->scanner = (struct dot_scanner){0};
    g->state = IN_CONTENT;
    guest_say(g, "354 end with a dot on a line by itself");
}

static void
rset(struct guest *g, const struct command *command)
{
    reset_envelope(g);
    if (g->state == AWAIT_RCPT)
        g->state = AWAIT_MAIL;
    guest_say(g, "250 2.0.0 ok");
}

static void
noop(struct guest *g, const struct command *command)
{
    guest_say(g, "250 2.0.0 ok");
}

static void
vrfy(struct guest *g, const struct command *command)
{
    guest_say(g, "252 2.5.0 send it, and we shall see");
}

static void
help(struct guest *g, const struct command *command)
{
    guest_say(g, "214 2.0.0 EHLO MAIL RCPT DATA RSET NOOP QUIT");
}

/* Answered by who knows whether anything came behind it. */
static void
starttls(struct guest *g, const struct command *command)
{
    if (g->reception->setup.tls == NULL)
        guest_complain(g, "502 5.5.1 not implemented here");
    else if (g->state != AWAIT_MAIL || g->is_encrypted)
        guest_complain(g, "503 5.5.1 bad sequence of commands");
    else
        g->state = STARTING_TLS;
}

static void
quit(struct guest *g, const struct command *command)
{
    guest_say(g, "221 2.0.0 bye");
    guest_leave(g);
}

static const struct rule {
    enum verb verb;
    unsigned allowed; /* session_state bits */
    void (*act)(struct guest *g, const struct command *command);
} rules[] = {
    {VERB_EHLO,     ANY_COMMAND, ehlo    },
    {VERB_HELO,     ANY_COMMAND, helo    },
    {VERB_MAIL,     AWAIT_MAIL,  mail    },
    {VERB_RCPT,     AWAIT_RCPT,  rcpt    },
    {VERB_DATA,     AWAIT_RCPT,  data    },
    {VERB_RSET,     ANY_COMMAND, rset    },
    {VERB_NOOP,     ANY_COMMAND, noop    },
    {VERB_VRFY,     ANY_COMMAND, vrfy    },
    {VERB_HELP,     ANY_COMMAND, help    },
    {VERB_STARTTLS, ANY_COMMAND, starttls},
    {VERB_QUIT,     ANY_COMMAND, quit    },
};

static bool
is_flood(struct guest *g, enum verb verb)
{
    if (verb_moves_on(verb)) {
        g->idle_commands_count = 0;
        return false;
    }
    return ++g->idle_commands_count > IDLE_COMMANDS_MAX;
}

static void
take_command(struct guest *g, struct slice line)
{
    struct command command;
    const char *why = "";
    int code = command_parse(line, &command, &why);

    if (code != 0) {
        char text[160];

        snprintf(text, sizeof text, "%d 5.5.%d %s", code, code == 500 ? 1 : 4, why);
        guest_complain(g, text);
        return;
    }
    if (is_flood(g, command.verb)) {
        guest_say(g, "421 4.7.0 too many commands for nothing");
        guest_leave(g);
        return;
    }
    for (size_t i = 0; i < COUNT_OF(rules); i++) {
        if (rules[i].verb != command.verb)
            continue;
        if ((rules[i].allowed & g->state) != 0)
            rules[i].act(g, &command);
        else
            guest_complain(g, "503 5.5.1 bad sequence of commands");
        return;
    }
    guest_complain(g, "502 5.5.1 not implemented here");
}

size_t
guest_take_line(struct guest *g, struct slice bytes)
{
    struct slice line;
    bool is_malformed = false;
    size_t used = line_next(bytes, COMMAND_LINE_MAX, &line, &is_malformed);

    if (used == 0 || line.at == NULL) /* an endless line is answered once, at its end */
        return used;
    if (is_malformed)
        guest_complain(g, "500 5.5.2 line too long, or with a bare CR, LF or NUL");
    else
        take_command(g, line);
    return used;
}

/* --- content --------------------------------------------------------------------------------- */

void
guest_answer(struct guest *g, const char *line)
{
    if (g->state == LEAVING) {
        guest_free(g);
        return;
    }
    assert(g->state == AWAIT_HOUSE);
    guest_say(g, line);
    reset_envelope(g);
    g->state = AWAIT_MAIL;
    guest_flush(g);
    stream_resume(g->stream);
}

static void
hand_over(struct guest *g)
{
    const struct reception_setup *setup = &g->reception->setup;
    struct mail_address recipients[RECEPTION_RECIPIENTS_MAX];
    const struct reception_mail mail = {.sender = address_at(g, g->sender),
        .recipients = recipients,
        .recipients_count = g->recipients_count,
        .content = text_slice(&g->content),
        .is_8bit = g->is_8bit || g->scanner.has_8bit};

    for (size_t i = 0; i < g->recipients_count; i++)
        recipients[i] = address_at(g, g->recipients[i]);
    g->state = AWAIT_HOUSE;
    stream_pause(g->stream);
    setup->house->on_message(setup->house_arg, g->note, g, &mail);
}

static void
content_is_over(struct guest *g)
{
    if (g->is_too_large)
        guest_complain(g, refuse_for_size(g));
    else if (g->scanner.has_bare_line_end || g->scanner.has_nul)
        guest_complain(g, "554 5.6.0 bare CR, bare LF or NUL in the content");
    else {
        hand_over(g);
        return;
    }
    reset_envelope(g);
    if (g->state == IN_CONTENT)
        g->state = AWAIT_MAIL;
}

size_t
guest_take_content(struct guest *g, struct slice bytes)
{
    bool is_over = false;
    size_t after = 0;
    size_t content = dot_scan(&g->scanner, bytes, &is_over, &after);

    if (g->content.length + content > g->reception->setup.size_max)
        g->is_too_large = true;
    else
        text_add(&g->content, bytes.at, content);
    if (!is_over)
        return content;
    content_is_over(g);
    return after;
}
