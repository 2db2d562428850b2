/* stream_lab_end.c - one end of a connection of a scenario, played on the kernel's network. */
#include "base/stream_lab_end.h"

#include "base/mem.h"

static struct lab_stream *
stream_of(struct stream *stream)
{
    return (struct lab_stream *)stream;
}

static const struct lab_stream *
const_stream_of(const struct stream *stream)
{
    return (const struct lab_stream *)stream;
}

bool
lab_stream_is_silent(const struct lab_stream *stream)
{
    return stream->host != NULL && stream->host->fault == NET_FAULT_SILENT;
}

static void
tell_reset(void *arg)
{
    struct lab_stream *stream = arg;

    if (stream->events != NULL)
        stream->events->on_broken(stream->arg, TROUBLE_RESET);
}

void
lab_stream_reset(struct lab_stream *stream)
{
    if (stream->inner == NULL)
        return;
    stream_abort(&stream->inner);
    text_release(&stream->held);
    loop_post(stream->network->loop, &stream->news, tell_reset, stream);
}

static size_t
on_bytes(void *arg, struct slice bytes)
{
    struct lab_stream *stream = arg;

    if (stream->host != NULL && stream->host->fault == NET_FAULT_RESET) {
        lab_stream_reset(stream);
        return bytes.length;
    }
    return stream->events->on_bytes(stream->arg, bytes);
}

static void
on_drained(void *arg)
{
    struct lab_stream *stream = arg;

    if (stream->held.length == 0 && stream->events->on_drained != NULL)
        stream->events->on_drained(stream->arg);
}

static void
on_end(void *arg)
{
    struct lab_stream *stream = arg;

    stream->events->on_end(stream->arg);
}

static void
on_broken(void *arg, enum trouble trouble)
{
    struct lab_stream *stream = arg;

    stream->events->on_broken(stream->arg, trouble);
}

static const struct stream_events inner_events = {on_bytes, on_drained, on_end, on_broken};

static void
set_events(struct stream *door, const struct stream_events *events, void *arg)
{
    struct lab_stream *stream = stream_of(door);

    stream->events = events;
    stream->arg = arg;
    if (stream->inner != NULL)
        stream_set_events(stream->inner, &inner_events, stream);
}

static void
write_bytes(struct stream *door, const char *bytes, size_t length)
{
    struct lab_stream *stream = stream_of(door);

    if (stream->inner == NULL)
        return;
    if (lab_stream_is_silent(stream))
        text_add(&stream->held, bytes, length);
    else
        stream_write(stream->inner, bytes, length);
}

static size_t
unsent(const struct stream *door)
{
    const struct lab_stream *stream = const_stream_of(door);

    return stream->held.length + (stream->inner != NULL ? stream_unsent(stream->inner) : 0);
}

static void
pause_reading(struct stream *door)
{
    struct lab_stream *stream = stream_of(door);

    stream->is_paused = true;
    if (stream->inner != NULL)
        stream_pause(stream->inner);
}

static void
resume_reading(struct stream *door)
{
    struct lab_stream *stream = stream_of(door);

    stream->is_paused = false;
    if (stream->inner != NULL && !lab_stream_is_silent(stream))
        stream_resume(stream->inner);
}

static void
shut(struct stream *door)
{
    struct lab_stream *stream = stream_of(door);

    stream->is_shut = true;
    if (stream->inner != NULL && !lab_stream_is_silent(stream))
        stream_shut(stream->inner);
}

static void
release(struct lab_stream *stream)
{
    if (stream->previous != NULL)
        stream->previous->next = stream->next;
    else
        stream->network->streams = stream->next;
    if (stream->next != NULL)
        stream->next->previous = stream->previous;
    timer_cancel(stream->network->loop, &stream->news);
    text_release(&stream->held);
    mem_free(stream);
}

/* Who closes towards a silent host does not get its last words through. */
static void
close_stream(struct stream *door)
{
    struct lab_stream *stream = stream_of(door);

    if (stream->inner != NULL && stream->held.length > 0)
        stream_abort(&stream->inner);
    else
        stream_close(&stream->inner);
    release(stream);
}

static void
abort_stream(struct stream *door)
{
    struct lab_stream *stream = stream_of(door);

    stream_abort(&stream->inner);
    release(stream);
}

static const struct net_address *
local(const struct stream *door)
{
    return &const_stream_of(door)->local;
}

static const struct net_address *
peer(const struct stream *door)
{
    return &const_stream_of(door)->peer;
}

static const struct stream_door lab_stream_door = {false, set_events, write_bytes, unsent,
    pause_reading, resume_reading, shut, close_stream, abort_stream, local, peer};

void
lab_stream_follow_silence(struct lab_stream *stream)
{
    if (stream->inner == NULL)
        return;
    if (lab_stream_is_silent(stream)) {
        stream_pause(stream->inner);
        return;
    }
    if (stream->held.length > 0)
        stream_write(stream->inner, stream->held.bytes, stream->held.length);
    text_release(&stream->held);
    if (stream->is_shut)
        stream_shut(stream->inner);
    if (!stream->is_paused)
        stream_resume(stream->inner);
}

struct lab_stream *
lab_stream_new(struct lab_network *network, struct stream *inner)
{
    struct lab_stream *stream = mem_alloc_zeroed(sizeof *stream);

    *stream = (struct lab_stream){
        .base = {&lab_stream_door}, .network = network, .inner = inner, .next = network->streams};
    if (stream->next != NULL)
        stream->next->previous = stream;
    network->streams = stream;
    return stream;
}
