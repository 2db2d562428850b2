/* mailer_session.c - one letter's conversation. The table `steps` has all of it: what a reply of the
 * right kind leads to; any other one ends the try. */
#include "base/mem.h"
#include "base/unit.h"
#include "fakeisp/mailer_letter.h"
#include "smtp/reply.h"

#define CONNECT_TIMEOUT_US (30 * (int64_t)US_PER_S)
#define REPLY_TIMEOUT_US   (300 * (int64_t)US_PER_S) /* RFC 5321 4.5.3.2 */

void
session_stop(struct letter *letter)
{
    if (letter->connecting != NULL)
        connecting_cancel(&letter->connecting);
    if (letter->stream != NULL)
        stream_close(&letter->stream);
    timer_cancel(letter->mailer->setup.loop, &letter->timer);
}

/* ---- what is said ---- */

static void
say(struct letter *letter, const char *before, struct slice middle, const char *after)
{
    struct text line = {0};

    text_printf(&line, "%s%.*s%s\r\n", before, SLICE_ARGS(middle), after);
    stream_write(letter->stream, line.bytes, line.length);
    text_release(&line);
}

static void
say_ehlo(struct letter *letter)
{
    say(letter, "EHLO ", text_slice(&letter->hostname), "");
}

static void
say_helo(struct letter *letter)
{
    say(letter, "HELO ", text_slice(&letter->hostname), "");
}

static void
say_mail(struct letter *letter)
{
    say(letter, "MAIL FROM:<", text_slice(&letter->sender), ">");
}

static void
say_rcpt(struct letter *letter)
{
    say(letter, "RCPT TO:<", text_slice(&letter->rcpt), ">");
}

static void
say_data(struct letter *letter)
{
    say(letter, "DATA", SLICE(""), "");
}

static void
say_content(struct letter *letter)
{
    stream_write(letter->stream, letter->content.bytes, letter->content.length);
}

static void
say_quit(struct letter *letter)
{
    say(letter, "QUIT", SLICE(""), "");
}

/* ---- what is heard ---- */

static const struct step {
    enum session_step step;
    int good; /* class of the reply that leads on */
    void (*say)(struct letter *letter);
    enum session_step next;
} steps[] = {
    {AWAIT_GREETING, 2, say_ehlo,    AWAIT_EHLO},
    {AWAIT_EHLO,     2, say_mail,    AWAIT_MAIL},
    {AWAIT_HELO,     2, say_mail,    AWAIT_MAIL},
    {AWAIT_MAIL,     2, say_rcpt,    AWAIT_RCPT},
    {AWAIT_RCPT,     2, say_data,    AWAIT_DATA},
    {AWAIT_DATA,     3, say_content, AWAIT_DOT },
    {AWAIT_DOT,      2, say_quit,    TAKEN     },
};
static_assert(COUNT_OF(steps) == TAKEN, "a row per step");

static void
on_timeout(void *arg)
{
    letter_end_try(arg, MAILER_GAVE_UP);
}

static void
go_on(struct letter *letter, void (*say_it)(struct letter *letter), enum session_step next)
{
    struct loop *loop = letter->mailer->setup.loop;

    say_it(letter);
    letter->step = next;
    timer_arm(loop, &letter->timer, loop_now_us(loop) + REPLY_TIMEOUT_US, on_timeout, letter);
}

/* True while the letter is here. */
static bool
take_reply(struct letter *letter, const struct smtp_reply *reply)
{
    const struct step *step = &steps[letter->step];
    int class = reply->code / 100;

    assert(step->step == letter->step);
    if (letter->step == AWAIT_EHLO && class == 5) {
        go_on(letter, say_helo, AWAIT_HELO);
        return true;
    }
    if (class != step->good) {
        letter_end_try(letter, class == 5 ? MAILER_REFUSED : MAILER_GAVE_UP);
        return false;
    }
    go_on(letter, step->say, step->next);
    if (letter->step != TAKEN)
        return true;
    letter_end_try(letter, MAILER_TAKEN); /* nobody waits for the answer to QUIT */
    return false;
}

static size_t
on_bytes(void *arg, struct slice bytes)
{
    struct letter *letter = arg;
    struct smtp_reply reply;
    size_t used = 0, consumed = 0;

    while (consumed < bytes.length) {
        enum reply_status status =
            reply_read(slice_from(bytes, consumed), &letter->scratch, &reply, &used);

        if (status == REPLY_INCOMPLETE)
            break;
        consumed += used;
        if (status == REPLY_MALFORMED) {
            letter_end_try(letter, MAILER_GAVE_UP);
            return bytes.length;
        }
        if (!take_reply(letter, &reply))
            return bytes.length;
    }
    return consumed;
}

static void
on_end(void *arg)
{
    letter_end_try(arg, MAILER_GAVE_UP);
}

static void
on_broken(void *arg, enum trouble trouble)
{
    letter_end_try(arg, MAILER_GAVE_UP);
}

static void
on_connected(void *arg, struct stream *stream, enum trouble trouble)
{
    static const struct stream_events events = {
        .on_bytes = on_bytes, .on_end = on_end, .on_broken = on_broken};
    struct letter *letter = arg;
    struct loop *loop = letter->mailer->setup.loop;

    letter->connecting = NULL;
    if (stream == NULL) {
        route_next(letter);
        return;
    }
    letter->stream = stream;
    letter->step = AWAIT_GREETING;
    stream_set_events(stream, &events, letter);
    timer_arm(loop, &letter->timer, loop_now_us(loop) + REPLY_TIMEOUT_US, on_timeout, letter);
}

void
session_begin_at(struct letter *letter, const struct net_address *address)
{
    struct net_address from = letter->from;

    if (from.family != address->family)
        from = (struct net_address){0};
    letter->connecting = network_connect(
        letter->mailer->setup.network, &from, address, CONNECT_TIMEOUT_US, on_connected, letter);
}
