/* inject.c - the door for new messages.
 *
 * One row of `rules` per verb says in which states it may come and what it does; content is not a
 * command and goes through take_content(). Replies of a pipelined group are one write. */
#include "mta/inject.h"

#include <stdio.h>

#include "base/mem.h"
#include "smtp/command.h"
#include "smtp/message.h"

#define IDLE_TIMEOUT_US (300 * (int64_t)US_PER_S) /* RFC 5321 4.5.3.2.7 */

enum { SESSIONS_MAX = 1000, ERRORS_MAX = 20 };

enum session_state { /* bits: a verb may be allowed in several */
    AWAIT_HELLO = 1,
    AWAIT_MAIL = 2,
    AWAIT_RCPT = 4,
    IN_CONTENT = 8,
    AWAIT_DISK = 16,
    LEAVING = 32,
    ANY_COMMAND = AWAIT_HELLO | AWAIT_MAIL | AWAIT_RCPT,
};

struct submitter { /* one session */
    struct inject *inject;
    struct submitter *next, *previous;
    struct stream *stream;
    enum session_state state;
    struct timer timer;
    int64_t deadline_us;
    uint32_t errors_count;
    struct text replies;
    struct text envelope; /* the addresses' bytes */
    struct mail_place {
        uint32_t local_at, local_length, domain_length;
    } sender, recipients[SPOOL_RECIPIENTS_MAX];
    size_t recipients_count;
    struct spool_place places[SPOOL_RECIPIENTS_MAX];
    int64_t validity_us;
    bool is_8bit;
    struct dot_scanner scanner;
    struct text content;
    bool is_too_large;
};

struct inject {
    const struct mta_config *config;
    const struct mta_doors *doors;
    struct spool *spool;
    inject_fn *fn;
    void *arg;
    struct listener *listener;
    struct submitter *first;
    uint32_t submitters_count;
    uint64_t messages_count, recipients_count;
};

/* --- replies --------------------------------------------------------------------------------- */

static void
answer(struct submitter *s, const char *line)
{
    text_add_string(&s->replies, line);
    text_add(&s->replies, "\r\n", 2);
}

static void
flush(struct submitter *s)
{
    if (s->replies.length > 0)
        stream_write(s->stream, s->replies.bytes, s->replies.length);
    text_clear(&s->replies);
}

static void
submitter_free(struct submitter *s)
{
    struct inject *inject = s->inject;

    *(s->previous != NULL ? &s->previous->next : &inject->first) = s->next;
    if (s->next != NULL)
        s->next->previous = s->previous;
    inject->submitters_count--;
    timer_cancel(inject->doors->loop, &s->timer);
    if (s->stream != NULL)
        stream_close(&s->stream);
    text_release(&s->replies);
    text_release(&s->envelope);
    text_release(&s->content);
    mem_free(s);
}

static void
free_posted(void *arg)
{
    submitter_free(arg);
}

/* Not at once: we may stand in a callback that still looks at the session. A session that waits for
 * the disk is kept until the disk has answered. */
static void
leave(struct submitter *s)
{
    bool is_awaited = s->state == AWAIT_DISK;

    flush(s);
    stream_close(&s->stream);
    s->state = LEAVING;
    timer_cancel(s->inject->doors->loop, &s->timer);
    if (!is_awaited)
        loop_post(s->inject->doors->loop, &s->timer, free_posted, s);
}

static void
complain(struct submitter *s, const char *line)
{
    answer(s, line);
    if (++s->errors_count < ERRORS_MAX)
        return;
    answer(s, "421 4.7.0 too many errors");
    leave(s);
}

/* --- verbs ----------------------------------------------------------------------------------- */

static void
reset_envelope(struct submitter *s)
{
    text_clear(&s->envelope);
    text_clear(&s->content);
    s->recipients_count = 0;
    s->is_too_large = false;
}

static void
ehlo(struct submitter *s, const struct command *command)
{
    const struct mta_config *config = s->inject->config;

    reset_envelope(s);
    s->state = AWAIT_MAIL;
    text_printf(&s->replies,
        "250-%.*s\r\n250-PIPELINING\r\n250-SIZE %llu\r\n250-8BITMIME\r\n"
        "250-ENHANCEDSTATUSCODES\r\n250 DELIVERBY\r\n",
        SLICE_ARGS(config->hostname), (unsigned long long)config->size_max);
}

static void
helo(struct submitter *s, const struct command *command)
{
    reset_envelope(s);
    s->state = AWAIT_MAIL;
    text_printf(&s->replies, "250 %.*s\r\n", SLICE_ARGS(s->inject->config->hostname));
}

static struct mail_place
keep_address(struct submitter *s, const struct mail_address *address)
{
    const struct mail_place place = {.local_at = (uint32_t)s->envelope.length,
        .local_length = (uint32_t)address->local.length,
        .domain_length = (uint32_t)address->domain.length};

    text_add_slice(&s->envelope, address->local);
    text_add_char(&s->envelope, '@');
    text_add_slice(&s->envelope, address->domain);
    return place;
}

static struct mail_address
address_at(const struct submitter *s, struct mail_place place)
{
    const char *at = s->envelope.bytes + place.local_at;

    return (struct mail_address){
        .local = {at,                          place.local_length },
        .domain = {at + place.local_length + 1, place.domain_length}
    };
}

static void
mail(struct submitter *s, const struct command *command)
{
    const struct mta_config *config = s->inject->config;

    if (command->size > config->size_max) {
        complain(s, "552 5.3.4 message size exceeds fixed maximum message size");
        return;
    }
    reset_envelope(s);
    s->sender = keep_address(s, &command->address);
    s->is_8bit = command->is_8bit;
    s->validity_us = command->by_s > 0 ? command->by_s * US_PER_S : config->validity_us;
    if (s->validity_us > MTA_VALIDITY_US_MAX)
        s->validity_us = MTA_VALIDITY_US_MAX;
    s->state = AWAIT_RCPT;
    answer(s, "250 2.1.0 ok");
}

static void
rcpt(struct submitter *s, const struct command *command)
{
    if (address_is_null(&command->address) || command->address.domain.length == 0) {
        complain(s, "550 5.1.3 an address with a domain, please");
        return;
    }
    if (s->recipients_count == SPOOL_RECIPIENTS_MAX) {
        complain(s, "452 4.5.3 too many recipients");
        return;
    }
    s->recipients[s->recipients_count++] = keep_address(s, &command->address);
    answer(s, "250 2.1.5 ok");
}

static void
data(struct submitter *s, const struct command *command)
{
    if (s->recipients_count == 0) {
        complain(s, "554 5.5.1 no valid recipients");
        return;
    }
    s->scanner = (struct dot_scanner){0};
    s->state = IN_CONTENT;
    answer(s, "354 end with a dot on a line by itself");
}

static void
rset(struct submitter *s, const struct command *command)
{
    reset_envelope(s);
    if (s->state == AWAIT_RCPT)
        s->state = AWAIT_MAIL;
    answer(s, "250 2.0.0 ok");
}

static void
noop(struct submitter *s, const struct command *command)
{
    answer(s, "250 2.0.0 ok");
}

static void
vrfy(struct submitter *s, const struct command *command)
{
    answer(s, "252 2.5.0 send it, and we shall see");
}

static void
help(struct submitter *s, const struct command *command)
{
    answer(s, "214 2.0.0 EHLO MAIL RCPT DATA RSET NOOP QUIT");
}

static void
quit(struct submitter *s, const struct command *command)
{
    answer(s, "221 2.0.0 bye");
    leave(s);
}

static const struct rule {
    enum verb verb;
    unsigned allowed; /* session_state bits */
    void (*act)(struct submitter *s, const struct command *command);
} rules[] = {
    {VERB_EHLO, ANY_COMMAND, ehlo},
    {VERB_HELO, ANY_COMMAND, helo},
    {VERB_MAIL, AWAIT_MAIL,  mail},
    {VERB_RCPT, AWAIT_RCPT,  rcpt},
    {VERB_DATA, AWAIT_RCPT,  data},
    {VERB_RSET, ANY_COMMAND, rset},
    {VERB_NOOP, ANY_COMMAND, noop},
    {VERB_VRFY, ANY_COMMAND, vrfy},
    {VERB_HELP, ANY_COMMAND, help},
    {VERB_QUIT, ANY_COMMAND, quit},
};

static void
take_command(struct submitter *s, struct slice line)
{
    struct command command;
    const char *why = "";
    int code = command_parse(line, &command, &why);

    if (code != 0) {
        char text[160];

        snprintf(text, sizeof text, "%d 5.5.%d %s", code, code == 500 ? 1 : 4, why);
        complain(s, text);
        return;
    }
    for (size_t i = 0; i < COUNT_OF(rules); i++) {
        if (rules[i].verb != command.verb)
            continue;
        if ((rules[i].allowed & s->state) != 0)
            rules[i].act(s, &command);
        else
            complain(s, "503 5.5.1 bad sequence of commands");
        return;
    }
    complain(s, "502 5.5.1 not implemented here");
}

/* --- content --------------------------------------------------------------------------------- */

static void
on_durable(void *arg, bool is_durable)
{
    struct submitter *s = arg;
    struct inject *inject = s->inject;
    bool is_gone = s->state == LEAVING;

    if (is_durable) {
        inject->messages_count++;
        inject->recipients_count += s->recipients_count;
        for (size_t i = 0; i < s->recipients_count; i++)
            inject->fn(inject->arg, s->places[i]);
    }
    if (is_gone) {
        submitter_free(s);
        return;
    }
    answer(s, is_durable ? "250 2.0.0 ok, taken" : "452 4.3.1 the spool is full");
    reset_envelope(s);
    s->state = AWAIT_MAIL;
    flush(s);
    stream_resume(s->stream);
}

static void
spool_it(struct submitter *s)
{
    struct mail_address recipients[SPOOL_RECIPIENTS_MAX];
    const struct spool_submission submission = {.sender = address_at(s, s->sender),
        .recipients = recipients,
        .recipients_count = s->recipients_count,
        .content = text_slice(&s->content),
        .validity_us = s->validity_us,
        .is_8bit = s->is_8bit || s->scanner.has_8bit};

    for (size_t i = 0; i < s->recipients_count; i++)
        recipients[i] = address_at(s, s->recipients[i]);
    spool_add(s->inject->spool, &submission, s->places);
    s->state = AWAIT_DISK;
    stream_pause(s->stream);
    spool_sync(s->inject->spool, on_durable, s);
}

static void
content_is_over(struct submitter *s)
{
    if (s->is_too_large)
        complain(s, "552 5.3.4 message size exceeds fixed maximum message size");
    else if (s->scanner.has_bare_line_end || s->scanner.has_nul)
        complain(s, "554 5.6.0 bare CR, bare LF or NUL in the content");
    else {
        spool_it(s);
        return;
    }
    reset_envelope(s);
    if (s->state == IN_CONTENT)
        s->state = AWAIT_MAIL;
}

static size_t
take_content(struct submitter *s, struct slice bytes)
{
    bool is_over = false;
    size_t after = 0;
    size_t content = dot_scan(&s->scanner, bytes, &is_over, &after);

    if (s->content.length + content > s->inject->config->size_max)
        s->is_too_large = true;
    else
        text_add(&s->content, bytes.at, content);
    if (!is_over)
        return content;
    content_is_over(s);
    return after;
}

/* --- events ---------------------------------------------------------------------------------- */

static size_t
take_line(struct submitter *s, struct slice bytes)
{
    struct slice line;
    bool is_malformed = false;
    size_t used = line_next(bytes, COMMAND_LINE_MAX, &line, &is_malformed);

    if (used == 0 || line.at == NULL) /* an endless line is answered once, at its end */
        return used;
    if (is_malformed)
        complain(s, "500 5.5.2 line too long, or with a bare CR, LF or NUL");
    else
        take_command(s, line);
    return used;
}

static size_t
on_bytes(void *arg, struct slice bytes)
{
    struct submitter *s = arg;
    size_t consumed = 0;

    s->deadline_us = loop_now_us(s->inject->doors->loop) + IDLE_TIMEOUT_US;
    while (consumed < bytes.length && s->state != AWAIT_DISK && s->state != LEAVING) {
        struct slice rest = slice_from(bytes, consumed);
        size_t used = s->state == IN_CONTENT ? take_content(s, rest) : take_line(s, rest);

        if (used == 0)
            break;
        consumed += used;
    }
    if (s->state != LEAVING)
        flush(s);
    return s->state == LEAVING ? bytes.length : consumed;
}

/* Not before the disk has answered: a paused stream tells no end, so who half-closes still hears. */
static void
on_end(void *arg)
{
    leave(arg);
}

static void
on_broken(void *arg, enum trouble trouble)
{
    leave(arg);
}

static void
on_timer(void *arg)
{
    struct submitter *s = arg;
    struct loop *loop = s->inject->doors->loop;

    if (s->state == AWAIT_DISK || loop_now_us(loop) < s->deadline_us) {
        timer_arm(loop, &s->timer,
            s->state == AWAIT_DISK ? loop_now_us(loop) + IDLE_TIMEOUT_US : s->deadline_us, on_timer,
            s);
        return;
    }
    answer(s, "421 4.4.2 no command for too long");
    leave(s);
}

static void
on_accept(void *arg, struct stream *stream)
{
    static const struct stream_events events = {
        .on_bytes = on_bytes, .on_end = on_end, .on_broken = on_broken};
    struct inject *inject = arg;
    struct submitter *s;

    if (inject->submitters_count == SESSIONS_MAX) {
        const struct slice full = SLICE("421 4.3.2 too many sessions\r\n");

        stream_write(stream, full.at, full.length);
        stream_close(&stream);
        return;
    }
    s = mem_alloc_zeroed(sizeof *s);
    s->inject = inject;
    s->stream = stream;
    s->state = AWAIT_HELLO;
    s->next = inject->first;
    if (inject->first != NULL)
        inject->first->previous = s;
    inject->first = s;
    inject->submitters_count++;
    stream_set_events(stream, &events, s);
    text_printf(&s->replies, "220 %.*s ESMTP mtalab\r\n", SLICE_ARGS(inject->config->hostname));
    flush(s);
    s->deadline_us = loop_now_us(inject->doors->loop) + IDLE_TIMEOUT_US;
    timer_arm(inject->doors->loop, &s->timer, s->deadline_us, on_timer, s);
}

struct inject *
inject_new(const struct mta_config *config, const struct mta_doors *doors, struct spool *spool,
    inject_fn *fn, void *arg, struct error *err)
{
    struct inject *inject = mem_alloc_zeroed(sizeof *inject);

    inject->config = config;
    inject->doors = doors;
    inject->spool = spool;
    inject->fn = fn;
    inject->arg = arg;
    inject->listener = network_listen(doors->network, &config->listen, on_accept, inject, err);
    if (inject->listener == NULL) {
        error_prefix(err, "the MTA's submission listener");
        mem_free(inject);
        return NULL;
    }
    return inject;
}

void
inject_free(struct inject **inject)
{
    struct inject *i = *inject;

    if (i == NULL)
        return;
    inject_stop(i);
    while (i->first != NULL)
        submitter_free(i->first);
    mem_free(i);
    *inject = NULL;
}

void
inject_stop(struct inject *inject)
{
    if (inject->listener != NULL)
        listener_close(&inject->listener);
}

uint64_t
inject_messages_count(const struct inject *inject)
{
    return inject->messages_count;
}

uint64_t
inject_recipients_count(const struct inject *inject)
{
    return inject->recipients_count;
}
