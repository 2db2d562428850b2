/* stream_pipe.c - one simulated connection: two ends, and what is on its way between them.
 *
 * There are two timers per end: `arrival` takes in what has come, `news` tells what else there is
 * to tell (a resumed reader, the next piece of a cut segment, a drained writer). Both end in
 * tell(), the only place from which an owner is called. */
#include "base/stream_pipe.h"

static void on_news(void *arg);

static struct end *
end_of(struct stream *stream)
{
    return (struct end *)stream;
}

static const struct end *
end_of_const(const struct stream *stream)
{
    return (const struct end *)stream;
}

static struct end *
other_end(struct end *end)
{
    return end->is_server ? &end->connection->ends[0] : &end->connection->ends[1];
}

static struct loop *
loop_of(const struct end *end)
{
    return end->connection->network->loop;
}

/* ---- what waits for room ---- */

static void
drop_backlog(struct end *from)
{
    if (from->backlog == NULL)
        return;
    text_release(&from->backlog->text);
    mem_free(from->backlog);
    from->backlog = NULL;
}

static void
add_to_backlog(struct end *from, const char *bytes, size_t length)
{
    struct backlog *backlog = from->backlog;

    if (backlog == NULL)
        backlog = from->backlog = mem_alloc_zeroed(sizeof *backlog);
    if (backlog->start > backlog->text.length / 2) {
        backlog->text.length -= backlog->start;
        memmove(backlog->text.bytes, backlog->text.bytes + backlog->start, backlog->text.length);
        backlog->start = 0;
    }
    text_add(&backlog->text, bytes, length);
}

static void
note(struct end *end, uint8_t due)
{
    if (end->is_closed)
        return;
    end->due |= due;
    if (!timer_is_armed(&end->news))
        loop_post(loop_of(end), &end->news, on_news, end);
}

/* The window has room again: what waited goes on its way. */
static void
send_backlog(struct end *from)
{
    struct end *to = other_end(from);
    struct backlog *backlog = from->backlog;
    size_t room = STREAM_HIGH_WATER - to->window_bytes, length;

    if (backlog == NULL)
        return;
    length = backlog->text.length - backlog->start;
    if (!to->is_broken) {
        if (room == 0)
            return;
        wire_send(to, backlog->text.bytes + backlog->start, length < room ? length : room);
        backlog->start += length < room ? length : room;
        if (length > room)
            return;
    }
    drop_backlog(from);
    note(from, DUE_DRAINED);
    if (from->is_shut)
        wire_send_mark(to, MARK_END);
}

/* ---- the end of a connection ---- */

static void
break_end(struct end *end)
{
    end->is_broken = true;
    wire_drop(end);
    drop_backlog(end);
    end->due = (end->due & DUE_OFFER) | DUE_BROKEN;
}

/* An end without owner listens no more, a connection without owners is gone. */
static void
tidy(struct connection *connection)
{
    if (connection->network->current == connection)
        return; /* its callback may still look at what it was offered */
    for (int i = 0; i < 2; i++) {
        struct end *end = &connection->ends[i];

        if (end->is_closed && end->inbox != NULL) {
            inbox_drop(end);
            send_backlog(other_end(end));
        }
    }
    if (connection->ends[0].is_closed && connection->ends[1].is_closed)
        connection_free(connection);
}

void
connection_enter(struct connection *connection)
{
    assert(connection->network->current == NULL);
    connection->network->current = connection;
}

void
connection_leave(struct connection *connection)
{
    assert(connection->network->current == connection);
    connection->network->current = NULL;
    tidy(connection);
}

void
connection_reset_at(struct end *end)
{
    struct end *other = other_end(end);

    if (end->is_broken)
        return;
    break_end(end);
    note(end, DUE_BROKEN);
    wire_send_mark(other, MARK_RESET);
}

void
connection_resume(struct connection *connection)
{
    int64_t at_us = loop_now_us(connection->network->loop) + connection->host->link.latency_us;

    for (int i = 1; i >= 0; i--) {
        struct end *end = &connection->ends[i];

        for (struct segment *s = end->first; s != NULL; s = s->next)
            if (s->arrives_at_us < at_us)
                s->arrives_at_us = at_us;
        if (end->first != NULL)
            timer_arm(loop_of(end), &end->arrival, end->first->arrives_at_us, end_on_arrival, end);
    }
}

/* ---- arriving ---- */

/* The byte with which this link's patience ends is the last one to get through. */
static bool
cut_at_limit(struct end *end, struct segment *segment)
{
    uint64_t left = end->reset_after_bytes - end->arrived_bytes;

    if (end->reset_after_bytes == 0 || segment->length < left)
        return false;
    end->window_bytes -= segment->length - (uint32_t)left;
    segment->length = (uint32_t)left;
    return true;
}

static void
take_in(struct end *end, struct segment *segment)
{
    struct connection *connection = end->connection;
    bool is_data = segment->length > 0;
    bool is_reset = false;

    if (is_data &&
        (end->is_closed ||
            (end->is_server && //
                connection->host->link.fault == NET_FAULT_RESET))) {
        end->window_bytes -= segment->length;
        segment->length = 0;
        is_reset = true;
    } else if (is_data) {
        is_reset = cut_at_limit(end, segment);
    }
    end->arrived_bytes += segment->length;
    connection->network->bytes_delivered += segment->length;
    if (segment->mark == MARK_END)
        end->due |= DUE_END;
    if (segment->mark == MARK_RESET)
        break_end(end);
    inbox_add(end, segment);
    if (is_reset)
        connection_reset_at(end);
}

static void
take_in_what_is_here(struct end *end)
{
    int64_t now_us = loop_now_us(loop_of(end));

    while (end->first != NULL && end->first->arrives_at_us <= now_us) {
        struct segment *segment = end->first;

        end->first = segment->next;
        if (end->first != NULL)
            end->first->previous = NULL;
        else
            end->last = NULL;
        take_in(end, segment);
    }
    if (end->first != NULL)
        timer_arm(loop_of(end), &end->arrival, end->first->arrives_at_us, end_on_arrival, end);
}

/* ---- telling the owner ---- */

static bool
is_all_shown(const struct end *end)
{
    return end->inbox == NULL || end->inbox_shown == end->inbox->length;
}

static uint32_t
next_piece(struct end *end)
{
    struct connection *connection = end->connection;
    uint32_t left = end->inbox->length - end->inbox_shown, piece = left;

    if (connection->cut == NET_CUT_ONE_BYTE)
        piece = 1;
    else if (connection->cut == NET_CUT_RANDOM)
        piece = 1 + (uint32_t)rng_below(&connection->network->rng, 64);
    return piece < left ? piece : left;
}

static void
offer(struct end *end)
{
    struct segment *inbox = end->inbox;
    struct slice offered;
    size_t consumed;

    end->due &= (uint8_t)~DUE_OFFER;
    if (inbox == NULL)
        return;
    end->inbox_shown += next_piece(end);
    offered.at = inbox->bytes + end->inbox_start;
    offered.length = end->inbox_shown - end->inbox_start;
    consumed = end->events->on_bytes(end->arg, offered);
    assert(consumed <= offered.length);
    end->inbox_start += (uint32_t)consumed;
    end->window_bytes -= (uint32_t)consumed;
    if (end->inbox_start == inbox->length) {
        end->inbox = NULL;
        end->inbox_start = end->inbox_shown = 0;
        wire_give_back(end->connection->network, inbox);
    }
    if (consumed > 0)
        send_backlog(other_end(end));
}

/* The end and a cut come after all bytes that arrived before them have been offered. A paused reader
 * sees neither bytes nor end, but it learns of a cut. */
static bool
is_due(const struct end *end, uint8_t what)
{
    if (end->is_closed || end->events == NULL)
        return false;
    if (what == DUE_OFFER)
        return !end->is_paused && ((end->due & DUE_OFFER) != 0 || !is_all_shown(end));
    if ((end->due & what) == 0)
        return false;
    if (what == DUE_DRAINED)
        return true;
    if (end->is_paused)
        return what == DUE_BROKEN;
    return (end->due & DUE_OFFER) == 0 && is_all_shown(end);
}

static void
tell_rest(struct end *end)
{
    if (is_due(end, DUE_END)) {
        end->due &= (uint8_t)~DUE_END;
        end->events->on_end(end->arg);
    }
    if (is_due(end, DUE_BROKEN)) {
        end->due = 0;
        inbox_drop(end);
        end->events->on_broken(end->arg, TROUBLE_RESET);
    }
    if (is_due(end, DUE_DRAINED)) {
        end->due &= (uint8_t)~DUE_DRAINED;
        if (end->backlog == NULL && end->events->on_drained != NULL)
            end->events->on_drained(end->arg);
    }
}

static void
tell(struct end *end)
{
    if (is_due(end, DUE_OFFER))
        offer(end);
    if (end->due != 0)
        tell_rest(end);
    if (is_due(end, DUE_OFFER))
        note(end, 0);
}

static void
on_news(void *arg)
{
    struct end *end = arg;
    struct connection *connection = end->connection;

    connection_enter(connection);
    tell(end);
    connection_leave(connection);
}

void
end_on_arrival(void *arg)
{
    struct end *end = arg;
    struct connection *connection = end->connection;

    if (connection->host->link.fault == NET_FAULT_SILENT)
        return; /* until connection_resume() */
    connection_enter(connection);
    take_in_what_is_here(end);
    tell(end);
    connection_leave(connection);
}

/* ---- the door ---- */

/* To a new reader, or to one that has paused. */
static void
show_again(struct end *end)
{
    if (end->inbox != NULL)
        note(end, DUE_OFFER);
    else if (end->due != 0)
        note(end, 0);
}

static void
set_events(struct stream *stream, const struct stream_events *events, void *arg)
{
    struct end *end = end_of(stream);

    end->events = events;
    end->arg = arg;
    show_again(end);
}

static void
write_bytes(struct stream *stream, const char *bytes, size_t length)
{
    struct end *from = end_of(stream), *to = other_end(from);
    size_t room = STREAM_HIGH_WATER - to->window_bytes;
    size_t now = from->backlog != NULL ? 0 : length < room ? length : room;

    assert(!from->is_shut);
    if (from->is_broken || to->is_broken)
        return;
    if (now > 0)
        wire_send(to, bytes, now);
    if (now < length)
        add_to_backlog(from, bytes + now, length - now);
}

static size_t
unsent(const struct stream *stream)
{
    const struct backlog *backlog = end_of_const(stream)->backlog;

    return backlog != NULL ? backlog->text.length - backlog->start : 0;
}

static void
pause_reading(struct stream *stream)
{
    end_of(stream)->is_paused = true;
}

static void
resume_reading(struct stream *stream)
{
    struct end *end = end_of(stream);

    end->is_paused = false;
    show_again(end);
}

static void
shut(struct stream *stream)
{
    struct end *end = end_of(stream);

    if (end->is_shut)
        return;
    end->is_shut = true;
    if (end->backlog == NULL && !end->is_broken)
        wire_send_mark(other_end(end), MARK_END);
}

static void
give_up(struct end *end)
{
    assert(!end->is_closed);
    end->is_closed = true;
    end->due = 0;
    timer_cancel(loop_of(end), &end->news);
    tidy(end->connection);
}

static void
close_end(struct stream *stream)
{
    shut(stream);
    give_up(end_of(stream));
}

static void
abort_end(struct stream *stream)
{
    connection_reset_at(end_of(stream));
    give_up(end_of(stream));
}

static const struct net_address *
local_address(const struct stream *stream)
{
    const struct end *end = end_of_const(stream);

    return &end->connection->addresses[end->is_server];
}

static const struct net_address *
peer_address(const struct stream *stream)
{
    const struct end *end = end_of_const(stream);

    return &end->connection->addresses[!end->is_server];
}

static const struct stream_door sim_door = {
    .is_simulated = true,
    .set_events = set_events,
    .write = write_bytes,
    .unsent = unsent,
    .pause = pause_reading,
    .resume = resume_reading,
    .shut = shut,
    .close = close_end,
    .abort = abort_end,
    .local = local_address,
    .peer = peer_address,
};

/* ---- coming and going ---- */

struct connection *
connection_new(struct sim_network *network, struct sim_host *host)
{
    struct connection *connection = network->spare_connections;

    if (connection != NULL)
        network->spare_connections = connection->next;
    else
        connection = mem_alloc(sizeof *connection);
    *connection = (struct connection){.network = network, .host = host, .cut = host->link.cut};
    for (int i = 0; i < 2; i++) {
        connection->ends[i].base.door = &sim_door;
        connection->ends[i].connection = connection;
    }
    connection->ends[1].is_server = true;
    connection->ends[1].reset_after_bytes = host->link.reset_after_bytes;
    connection->ends[0].reset_after_bytes = host->link.reset_after_reply_bytes;
    connection->previous = host->last;
    if (host->last != NULL)
        host->last->next = connection;
    else
        host->first = connection;
    host->last = connection;
    return connection;
}

void
connection_free(struct connection *connection)
{
    struct sim_host *host = connection->host;

    for (int i = 0; i < 2; i++) {
        struct end *end = &connection->ends[i];

        timer_cancel(connection->network->loop, &end->news);
        wire_drop(end);
        inbox_drop(end);
        drop_backlog(end);
    }
    if (connection->previous != NULL)
        connection->previous->next = connection->next;
    else
        host->first = connection->next;
    if (connection->next != NULL)
        connection->next->previous = connection->previous;
    else
        host->last = connection->previous;
    connection->next = connection->network->spare_connections;
    connection->network->spare_connections = connection;
}
