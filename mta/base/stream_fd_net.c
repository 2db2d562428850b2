/* stream_fd_net.c - one end of a connection on a descriptor: moving bytes, and telling the owner.
 *
 * libevent's callbacks and the calls of base/stream.h only note what is due; stream_fd_on_news() does
 * it, from the loop, and is the only place from which an owner is called. */
#include "base/stream_fd_net.h"

#include <errno.h>

#include "base/mem.h"
#include "base/socket_net.h"
#include "base/stream_fd_watch_net.h"
#include "base/unit.h"

#define PATIENCE_UNSENT_US (5 * US_PER_MIN)
#define PATIENCE_LINGER_US (INT64_C(5) * US_PER_S)

static struct net_stream *
net_of(struct stream *stream)
{
    return (struct net_stream *)stream;
}

static size_t
unsent_bytes(const struct net_stream *s)
{
    return s->outbox.length - s->outbox_start;
}

/* ---- sending ---- */

/* What the peer sent before it cut us off may still wait to be read: it is read first. */
static void
fail_to_send(struct net_stream *s, int number)
{
    enum trouble trouble = trouble_of_errno(number);

    s->is_mute = true;
    s->trouble = (uint8_t)trouble;
    stream_fd_drop_outbox(s);
    stream_fd_unwatch_output(s);
    if (s->is_at_end || !stream_fd_wants_input(s))
        stream_fd_break(s, trouble);
    else
        s->due |= DUE_READ;
}

static void
note_all_sent(struct net_stream *s)
{
    stream_fd_drop_outbox(s);
    stream_fd_unwatch_output(s);
    s->due |= DUE_DRAINED;
    if (s->is_shut && !s->is_closed)
        shutdown(s->fd, SHUT_WR);
}

/* A part that is taken means that there is no room for the rest: no second call to hear so. */
static void
send_what_waits(struct net_stream *s)
{
    size_t length = unsent_bytes(s);
    ssize_t sent;

    if (length == 0 || s->is_mute || s->is_broken)
        return;
    sent = send(s->fd, s->outbox.bytes + s->outbox_start, length, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR && errno != ENOBUFS) {
        fail_to_send(s, errno);
        return;
    }
    if (sent > 0)
        s->outbox_start += (size_t)sent;
    if (unsent_bytes(s) == 0)
        note_all_sent(s);
    else if (!s->is_blocked)
        stream_fd_watch_output(s);
}

/* ---- a stream without owner ---- */

static void
give_up_orphan(void *arg)
{
    stream_fd_free(arg);
}

/* Answers what recv() does. Not into the scratch: somebody may be looking at it. */
static ssize_t
drop_input(struct net_stream *s)
{
    char dropped[16384];

    return recv(s->fd, dropped, sizeof dropped, 0);
}

/* All is sent. If nothing of the peer's waits the kernel can do the rest. */
static void
part_with(struct net_stream *s)
{
    if (s->is_at_end || s->is_broken || drop_input(s) <= 0) {
        stream_fd_free(s);
        return;
    }
    s->is_lingering = true;
    shutdown(s->fd, SHUT_WR);
    stream_fd_watch_input(s, false);
    timer_arm(s->network->loop, &s->patience, loop_now_us(s->network->loop) + PATIENCE_LINGER_US,
        give_up_orphan, s);
}

static void
settle_orphan(struct net_stream *s)
{
    if (s->is_lingering) {
        ssize_t length = drop_input(s);

        s->due = 0;
        if (length == 0 || (length < 0 && errno != EAGAIN && errno != EINTR))
            stream_fd_free(s);
        return;
    }
    s->due = 0;
    send_what_waits(s);
    if (s->is_mute || s->is_broken)
        stream_fd_free(s);
    else if (unsent_bytes(s) == 0)
        part_with(s);
}

/* ---- reading ---- */

/* The reader is shown what it left and what has come, in one piece; the buffer that held the former
 * is free meanwhile, for the reader may close the stream and still look at what it was shown. */
static void
offer(struct net_stream *s, size_t length)
{
    struct net_network *network = s->network;
    bool is_gone = false, *outer = s->is_gone;
    size_t consumed;

    network_net_take_back_buffer(network, &s->inbox);
    s->due &= (uint8_t)~DUE_OFFER;
    s->is_gone = &is_gone;
    consumed = s->events->on_bytes(s->arg, (struct slice){network->scratch, length});
    assert(consumed <= length);
    if (is_gone) {
        if (outer != NULL)
            *outer = true;
        return;
    }
    s->is_gone = outer;
    if (consumed < length && !s->is_closed) {
        s->inbox = network_net_borrow_buffer(network);
        text_add(&s->inbox, network->scratch + consumed, length - consumed);
    }
    stream_fd_watch_if_wanted(s);
}

/* Answers the bytes in the scratch. */
static size_t
show_inbox(struct net_stream *s)
{
    if (s->inbox.length > 0)
        memcpy(s->network->scratch, s->inbox.bytes, s->inbox.length);
    return s->inbox.length;
}

static void
read_and_offer(struct net_stream *s)
{
    size_t left = s->inbox.length;
    ssize_t length = recv(s->fd, s->network->scratch + left, sizeof s->network->scratch - left, 0);

    if (length > 0) {
        if (s->is_mute)
            stream_fd_note(s, DUE_READ);
        show_inbox(s);
        offer(s, left + (size_t)length);
        return;
    }
    if (length < 0 && (errno == EAGAIN || errno == EINTR)) {
        if (s->is_mute)
            stream_fd_break(s, (enum trouble)s->trouble);
        return;
    }
    if (s->is_mute) {
        stream_fd_break(s, (enum trouble)s->trouble);
    } else if (length < 0) {
        stream_fd_break(s, trouble_of_errno(errno));
    } else {
        s->is_at_end = true;
        stream_fd_unwatch_input(s);
        s->due |= DUE_END;
    }
}

/* Something has come and is not wanted. If it is a cut, a paused reader is told. */
static void
look_for_cut(struct net_stream *s)
{
    int number = 0;
    socklen_t length = sizeof number;

    if (s->is_at_end || s->is_broken)
        return;
    if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &number, &length) == 0 && number != 0)
        stream_fd_break(s, trouble_of_errno(number));
    else
        stream_fd_watch_input(s, true);
}

/* The stream may be gone afterwards. */
static void
take_in(struct net_stream *s, const bool *is_gone)
{
    bool is_ready = (s->due & DUE_READ) != 0 && !s->is_at_end && !s->is_broken;

    s->due &= (uint8_t)~DUE_READ;
    if (is_ready && stream_fd_wants_input(s))
        read_and_offer(s);
    else if (is_ready)
        look_for_cut(s);
    if (*is_gone || s->events == NULL || s->is_paused || (s->due & DUE_OFFER) == 0)
        return;
    s->due &= (uint8_t)~DUE_OFFER;
    if (s->inbox.length > 0)
        offer(s, show_inbox(s));
}

/* ---- telling the owner ---- */

/* The end comes after all bytes before it have been offered. A paused reader sees neither, but it
 * learns of a cut. */
static bool
is_due(const struct net_stream *s, uint8_t what)
{
    if ((s->due & what) == 0 || s->events == NULL)
        return false;
    return what != DUE_END || (!s->is_paused && (s->due & DUE_OFFER) == 0);
}

/* After each call the stream may be closed, and gone. */
static void
tell(struct net_stream *s, const bool *is_gone)
{
    if (is_due(s, DUE_DRAINED)) {
        s->due &= (uint8_t)~DUE_DRAINED;
        if (unsent_bytes(s) == 0 && s->events->on_drained != NULL)
            s->events->on_drained(s->arg);
        if (*is_gone || s->is_closed)
            return;
    }
    if (is_due(s, DUE_END)) {
        s->due &= (uint8_t)~DUE_END;
        s->events->on_end(s->arg);
        if (*is_gone || s->is_closed)
            return;
    }
    if (is_due(s, DUE_BROKEN)) {
        s->due = 0;
        network_net_take_back_buffer(s->network, &s->inbox);
        s->events->on_broken(s->arg, (enum trouble)s->trouble);
    }
}

/* What is written while this runs goes out when it runs again, still in this instant: others may have
 * more to add. */
void
stream_fd_on_news(void *arg)
{
    struct net_stream *s = arg;
    bool is_gone = false, flushes = (s->due & DUE_FLUSH) != 0;

    if (s->is_closed) {
        settle_orphan(s);
        return;
    }
    s->is_gone = &is_gone;
    if ((s->due & (DUE_READ | DUE_OFFER)) != 0)
        take_in(s, &is_gone);
    if (!is_gone && !s->is_closed && flushes) {
        s->due &= (uint8_t)~DUE_FLUSH;
        send_what_waits(s);
    }
    if (!is_gone && !s->is_closed && s->due != 0)
        tell(s, &is_gone);
    if (is_gone)
        return;
    s->is_gone = NULL;
    if (!s->is_closed && (s->due & (DUE_READ | DUE_FLUSH)) != 0)
        stream_fd_note(s, 0);
}

/* ---- the door ---- */

/* To a new reader, or to one that has paused. */
static void
show_again(struct net_stream *s)
{
    stream_fd_watch_if_wanted(s);
    if (s->inbox.length > 0)
        stream_fd_note(s, DUE_OFFER);
    else if (s->due != 0)
        stream_fd_note(s, 0);
}

static void
set_events(struct stream *base, const struct stream_events *events, void *arg)
{
    struct net_stream *s = net_of(base);

    s->events = events;
    s->arg = arg;
    show_again(s);
}

static void
add_to_outbox(struct net_stream *s, const char *bytes, size_t length)
{
    if (s->outbox.bytes == NULL)
        s->outbox = network_net_borrow_buffer(s->network);
    if (s->outbox_start > s->outbox.length / 2) {
        s->outbox.length -= s->outbox_start;
        memmove(s->outbox.bytes, s->outbox.bytes + s->outbox_start, s->outbox.length);
        s->outbox_start = 0;
    }
    text_add(&s->outbox, bytes, length);
}

/* A great deal is not held back to the end of the instant. */
static void
write_bytes(struct stream *base, const char *bytes, size_t length)
{
    struct net_stream *s = net_of(base);

    assert(!s->is_shut);
    if (s->is_broken || s->is_mute || length == 0)
        return;
    add_to_outbox(s, bytes, length);
    if (s->is_blocked)
        return;
    if (unsent_bytes(s) >= STREAM_HIGH_WATER)
        send_what_waits(s);
    stream_fd_note(s, unsent_bytes(s) > 0 && !s->is_blocked ? DUE_FLUSH : 0);
}

static size_t
unsent(const struct stream *base)
{
    return unsent_bytes((const struct net_stream *)base);
}

static void
pause_reading(struct stream *base)
{
    net_of(base)->is_paused = true;
}

static void
resume_reading(struct stream *base)
{
    struct net_stream *s = net_of(base);

    s->is_paused = false;
    show_again(s);
}

static void
shut(struct stream *base)
{
    struct net_stream *s = net_of(base);

    if (s->is_shut)
        return;
    s->is_shut = true;
    if (unsent_bytes(s) == 0 && !s->is_broken)
        shutdown(s->fd, SHUT_WR);
}

static void
close_stream(struct stream *base)
{
    struct net_stream *s = net_of(base);

    assert(!s->is_closed);
    s->is_closed = true;
    s->is_shut = true;
    s->events = NULL;
    network_net_take_back_buffer(s->network, &s->inbox);
    stream_fd_unwatch_input(s);
    send_what_waits(s);
    if (s->is_mute || s->is_broken) {
        stream_fd_free(s);
    } else if (unsent_bytes(s) == 0) {
        part_with(s);
    } else {
        timer_arm(s->network->loop, &s->patience,
            loop_now_us(s->network->loop) + PATIENCE_UNSENT_US, give_up_orphan, s);
    }
}

static void
abort_stream(struct stream *base)
{
    struct net_stream *s = net_of(base);
    struct linger hard = {.l_onoff = 1, .l_linger = 0};

    setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    stream_fd_free(s);
}

static const struct net_address *
local_address(const struct stream *base)
{
    return &((const struct net_stream *)base)->local;
}

static const struct net_address *
peer_address(const struct stream *base)
{
    return &((const struct net_stream *)base)->peer;
}

static const struct stream_door net_door = {
    .set_events = set_events,
    .write = write_bytes,
    .unsent = unsent,
    .pause = pause_reading,
    .resume = resume_reading,
    .shut = shut,
    .close = close_stream,
    .abort = abort_stream,
    .local = local_address,
    .peer = peer_address,
};

struct stream *
stream_fd_new(struct net_network *network, int fd, const struct net_address *local,
    const struct net_address *peer)
{
    struct net_stream *s = mem_alloc_zeroed(sizeof *s);

    s->base.door = &net_door;
    s->network = network;
    s->fd = fd;
    s->local = *local;
    s->peer = *peer;
    s->next = network->streams;
    if (s->next != NULL)
        s->next->previous = s;
    network->streams = s;
    return &s->base;
}
