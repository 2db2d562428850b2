/* reception.c - guests come, are heard, and go. Replies of a pipelined group are one write. */
#include "base/mem.h"
#include "base/unit.h"
#include "mta/reception_guest.h"

#define IDLE_TIMEOUT_US (300 * (int64_t)US_PER_S) /* RFC 5321 4.5.3.2.7 */

enum { GUESTS_MAX = 1000, ERRORS_MAX = 20 };

static struct loop *
loop_of(const struct guest *g)
{
    return g->reception->setup.loop;
}

/* --- replies --------------------------------------------------------------------------------- */

void
guest_say(struct guest *g, const char *line)
{
    text_add_string(&g->replies, line);
    text_add(&g->replies, "\r\n", 2);
}

void
guest_flush(struct guest *g)
{
    if (g->replies.length > 0)
        stream_write(g->stream, g->replies.bytes, g->replies.length);
    text_clear(&g->replies);
}

void
guest_free(struct guest *g)
{
    struct reception *reception = g->reception;

    *(g->previous != NULL ? &g->previous->next : &reception->first) = g->next;
    if (g->next != NULL)
        g->next->previous = g->previous;
    reception->guests_count--;
    timer_cancel(loop_of(g), &g->timer);
    if (g->stream != NULL)
        stream_close(&g->stream);
    text_release(&g->replies);
    text_release(&g->envelope);
    text_release(&g->content);
    mem_free(g->note);
    mem_free(g);
}

static void
free_posted(void *arg)
{
    guest_free(arg);
}

/* Not at once: we may stand in a callback that still looks at the session. A guest that waits
 * for the house is kept until the house has answered. */
void
guest_leave(struct guest *g)
{
    bool is_awaited = g->state == AWAIT_HOUSE;

    guest_flush(g);
    stream_close(&g->stream);
    g->state = LEAVING;
    timer_cancel(loop_of(g), &g->timer);
    if (!is_awaited)
        loop_post(loop_of(g), &g->timer, free_posted, g);
}

void
guest_complain(struct guest *g, const char *line)
{
    guest_say(g, line);
    if (++g->errors_count < ERRORS_MAX)
        return;
    guest_say(g, "421 4.7.0 too many errors");
    guest_leave(g);
}

/* --- events ---------------------------------------------------------------------------------- */

static void
on_tls(void *arg, const struct tls_result *result)
{
    struct guest *g = arg;

    g->is_encrypted = result->failure == TLS_FINE;
    if (!g->is_encrypted)
        guest_leave(g);
}

static const struct stream_events guest_events;

/* RFC 3207 4.2: what was said before is forgotten. */
static void
start_tls(struct guest *g)
{
    guest_say(g, "220 2.0.0 ready to start TLS");
    guest_flush(g);
    g->state = AWAIT_HELLO;
    g->stream = stream_tls_accept(g->reception->setup.tls, g->stream, on_tls, g);
    stream_set_events(g->stream, &guest_events, g);
}

static size_t
on_bytes(void *arg, struct slice bytes)
{
    struct guest *g = arg;
    size_t consumed = 0;

    while (consumed < bytes.length && (g->state & (AWAIT_HOUSE | LEAVING | STARTING_TLS)) == 0) {
        struct slice rest = slice_from(bytes, consumed);
        size_t used =
            g->state == IN_CONTENT ? guest_take_content(g, rest) : guest_take_line(g, rest);

        if (used == 0)
            break;
        consumed += used;
    }
    if (consumed > 0) /* half a line is no progress: who drips one is idle */
        g->deadline_us = loop_now_us(loop_of(g)) + IDLE_TIMEOUT_US;
    if (g->state == STARTING_TLS && consumed == bytes.length) {
        start_tls(g);
    } else if (g->state == STARTING_TLS) {
        guest_say(g, "554 5.5.1 nothing may follow STARTTLS in plain text, closing");
        guest_leave(g);
    }
    if (g->state != LEAVING)
        guest_flush(g);
    return g->state == LEAVING ? bytes.length : consumed;
}

/* Not before the house has answered: a paused stream tells no end, so who half-closes still hears. */
static void
on_end(void *arg)
{
    guest_leave(arg);
}

static void
on_broken(void *arg, enum trouble trouble)
{
    guest_leave(arg);
}

static void
on_timer(void *arg)
{
    struct guest *g = arg;
    struct loop *loop = loop_of(g);

    if (g->state == AWAIT_HOUSE || loop_now_us(loop) < g->deadline_us) {
        timer_arm(loop, &g->timer,
            g->state == AWAIT_HOUSE ? loop_now_us(loop) + IDLE_TIMEOUT_US : g->deadline_us,
            on_timer, g);
        return;
    }
    guest_say(g, "421 4.4.2 no command for too long");
    guest_leave(g);
}

static const struct stream_events guest_events = {
    .on_bytes = on_bytes, .on_end = on_end, .on_broken = on_broken};

static void
on_accept(void *arg, struct stream *stream)
{
    struct reception *reception = arg;
    struct guest *g;

    if (reception->guests_count == GUESTS_MAX) {
        const struct slice full = SLICE("421 4.3.2 too many sessions\r\n");

        stream_write(stream, full.at, full.length);
        stream_close(&stream);
        return;
    }
    g = mem_alloc_zeroed(sizeof *g);
    g->note = mem_alloc_zeroed(reception->setup.house->note_size + 1);
    g->reception = reception;
    g->stream = stream;
    g->state = AWAIT_HELLO;
    g->next = reception->first;
    if (reception->first != NULL)
        reception->first->previous = g;
    reception->first = g;
    reception->guests_count++;
    stream_set_events(stream, &guest_events, g);
    text_printf(&g->replies, "220 %.*s ESMTP mtalab\r\n", SLICE_ARGS(reception->setup.hostname));
    guest_flush(g);
    g->deadline_us = loop_now_us(loop_of(g)) + IDLE_TIMEOUT_US;
    timer_arm(loop_of(g), &g->timer, g->deadline_us, on_timer, g);
}

struct reception *
reception_new(const struct reception_setup *setup, struct error *err)
{
    struct reception *reception = mem_alloc_zeroed(sizeof *reception);

    reception->setup = *setup;
    reception->listener = network_listen(setup->network, &setup->listen, on_accept, reception, err);
    if (reception->listener == NULL)
        reception_free(&reception);
    return reception;
}

void
reception_stop(struct reception *reception)
{
    if (reception->listener != NULL)
        listener_close(&reception->listener);
}

void
reception_free(struct reception **reception)
{
    struct reception *r = *reception;

    if (r == NULL)
        return;
    reception_stop(r);
    while (r->first != NULL)
        guest_free(r->first);
    mem_free(r);
    *reception = NULL;
}
