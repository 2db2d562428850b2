/* stream_fd_watch_net.c - what a stream on a descriptor holds, and what its descriptor is watched for.
 *
 * Readiness is watched as a level, so that one read per wake-up is enough and no change is lost.
 * Input that is not wanted would then wake us again and again: it is watched as an edge until it is
 * wanted again, because a reader that has paused shall still learn of a cut. */
#include "base/stream_fd_watch_net.h"

#include <unistd.h>

#include "base/loop_net.h"
#include "base/mem.h"

/* ---- buffers, borrowed while there are bytes ---- */

struct text
network_net_borrow_buffer(struct net_network *network)
{
    if (network->spare_buffers_count > 0)
        return network->spare_buffers[--network->spare_buffers_count];
    return (struct text){0};
}

void
network_net_take_back_buffer(struct net_network *network, struct text *buffer)
{
    if (buffer->bytes == NULL)
        return;
    text_clear(buffer);
    if (buffer->capacity <= STREAM_HIGH_WATER && network->spare_buffers_count < SPARE_BUFFERS_MAX)
        network->spare_buffers[network->spare_buffers_count++] = *buffer;
    else
        text_release(buffer);
    *buffer = (struct text){0};
}

void
stream_fd_drop_outbox(struct net_stream *s)
{
    network_net_take_back_buffer(s->network, &s->outbox);
    s->outbox_start = 0;
}

/* ---- watching ---- */

void
stream_fd_note(struct net_stream *s, uint8_t due)
{
    s->due |= due;
    if (!timer_is_armed(&s->news))
        loop_post(s->network->loop, &s->news, stream_fd_on_news, s);
}

static void
notice(evutil_socket_t fd, short what, void *arg)
{
    struct net_stream *s = arg;

    if ((what & EV_READ) != 0)
        s->due |= DUE_READ;
    if ((what & EV_WRITE) != 0)
        s->due |= DUE_FLUSH;
    loop_net_notice(s->network->loop, &s->news, stream_fd_on_news, s);
}

void
stream_fd_watch_output(struct net_stream *s)
{
    short what = (short)(EV_WRITE | EV_PERSIST | (s->is_edge ? EV_ET : 0));

    if (s->write_event == NULL)
        s->write_event = mem_alloc_zeroed(sizeof *s->write_event);
    event_assign(s->write_event, s->network->events, s->fd, what, notice, s);
    event_add(s->write_event, NULL);
    s->is_blocked = true;
}

void
stream_fd_unwatch_output(struct net_stream *s)
{
    if (s->is_blocked)
        event_del(s->write_event);
    s->is_blocked = false;
}

void
stream_fd_unwatch_input(struct net_stream *s)
{
    if (s->is_watched)
        event_del(&s->read_event);
    s->is_watched = false;
}

/* libevent wants both events of a descriptor to be of one kind. */
void
stream_fd_watch_input(struct net_stream *s, bool is_edge)
{
    bool is_blocked = s->is_blocked;

    if (s->is_watched && s->is_edge == is_edge)
        return;
    stream_fd_unwatch_input(s);
    stream_fd_unwatch_output(s);
    s->is_edge = is_edge;
    event_assign(&s->read_event, s->network->events, s->fd,
        (short)(EV_READ | EV_PERSIST | (is_edge ? EV_ET : 0)), notice, s);
    event_add(&s->read_event, NULL);
    s->is_watched = true;
    if (is_blocked)
        stream_fd_watch_output(s);
}

bool
stream_fd_wants_input(const struct net_stream *s)
{
    if (s->is_lingering)
        return true;
    return s->events != NULL && !s->is_paused && !s->is_closed &&
        s->inbox.length < STREAM_HIGH_WATER;
}

void
stream_fd_watch_if_wanted(struct net_stream *s)
{
    if (!s->is_at_end && !s->is_broken && stream_fd_wants_input(s))
        stream_fd_watch_input(s, false);
}

/* ---- the end ---- */

void
stream_fd_break(struct net_stream *s, enum trouble trouble)
{
    s->is_broken = true;
    s->trouble = (uint8_t)trouble;
    stream_fd_unwatch_input(s);
    stream_fd_unwatch_output(s);
    stream_fd_drop_outbox(s);
    s->due = (uint8_t)((s->due & DUE_OFFER) | DUE_BROKEN);
}

void
stream_fd_free(struct net_stream *s)
{
    struct net_network *network = s->network;

    stream_fd_unwatch_input(s);
    stream_fd_unwatch_output(s);
    mem_free(s->write_event);
    timer_cancel(network->loop, &s->news);
    timer_cancel(network->loop, &s->patience);
    network_net_take_back_buffer(network, &s->inbox);
    stream_fd_drop_outbox(s);
    close(s->fd);
    if (s->next != NULL)
        s->next->previous = s->previous;
    if (s->previous != NULL)
        s->previous->next = s->next;
    else
        network->streams = s->next;
    if (s->is_gone != NULL)
        *s->is_gone = true;
    mem_free(s);
    network_net_on_closed(network);
}
