/* efs.c - the Email Feedback Service: batches of what became of each recipient. */
#include "mta/efs.h"

#include "base/mem.h"

/* An event keeps its envelope as places in `bytes`, because the text moves while it grows. */
struct batch {
    int64_t due_us; /* to be told by then, full or not */
    struct efs_event *events;
    size_t count, capacity;
    struct text bytes;
};

struct efs {
    struct loop *loop;
    uint32_t batch_count;
    int64_t every_us;
    efs_consumer_fn *fn;
    void *arg;
    uint64_t last_id;
    uint64_t waiting;
    int64_t refused_until_us; /* the consumer did not take the oldest batch */
    struct batch *batches;    /* oldest first; the last one is being filled */
    size_t count, capacity;
    struct timer timer;
};

struct efs *
efs_new(struct loop *loop, uint32_t batch, int64_t every_us, efs_consumer_fn *fn, void *arg)
{
    struct efs *efs = mem_alloc_zeroed(sizeof *efs);

    assert(batch > 0);
    assert(every_us > 0);
    efs->loop = loop;
    efs->batch_count = batch;
    efs->every_us = every_us;
    efs->fn = fn;
    efs->arg = arg;
    return efs;
}

static void
batch_release(struct batch *batch)
{
    text_release(&batch->bytes);
    mem_free(batch->events);
    *batch = (struct batch){0};
}

void
efs_free(struct efs **efs)
{
    struct efs *e = *efs;

    if (e == NULL)
        return;
    timer_cancel(e->loop, &e->timer);
    for (size_t i = 0; i < e->count; i++)
        batch_release(&e->batches[i]);
    mem_free(e->batches);
    mem_free(e);
    *efs = NULL;
}

/* From places in the text to slices, once the text has stopped moving. */
static void
point_into_bytes(struct batch *batch)
{
    const char *at = batch->bytes.bytes;

    for (size_t i = 0; i < batch->count; i++) {
        struct efs_event *event = &batch->events[i];

        event->sender.at = at;
        at += event->sender.length;
        event->rcpt.at = at;
        at += event->rcpt.length;
    }
}

static void tell(void *arg);

/* The oldest batch is told once it is full or due, but not while the consumer wants a rest. */
static void
watch_oldest(struct efs *efs)
{
    const struct batch *oldest = &efs->batches[0];
    int64_t at_us = oldest->count == efs->batch_count ? loop_now_us(efs->loop) : oldest->due_us;

    if (at_us < efs->refused_until_us)
        at_us = efs->refused_until_us;
    if (!timer_is_armed(&efs->timer) || efs->timer.at_us != at_us)
        timer_arm(efs->loop, &efs->timer, at_us, tell, efs);
}

static void
forget_oldest(struct efs *efs)
{
    efs->waiting -= efs->batches[0].count;
    batch_release(&efs->batches[0]);
    efs->count--;
    memmove(efs->batches, efs->batches + 1, efs->count * sizeof *efs->batches);
}

static void
tell(void *arg)
{
    struct efs *efs = arg;
    int64_t now_us = loop_now_us(efs->loop);

    while (efs->count > 0 &&
        (efs->batches[0].count == efs->batch_count || efs->batches[0].due_us <= now_us)) {
        point_into_bytes(&efs->batches[0]);
        if (!efs->fn(efs->arg, efs->batches[0].events, efs->batches[0].count)) {
            efs->refused_until_us = now_us + efs->every_us;
            break;
        }
        forget_oldest(efs);
    }
    if (efs->count > 0)
        watch_oldest(efs);
}

static struct batch *
batch_to_fill(struct efs *efs)
{
    if (efs->count > 0 && efs->batches[efs->count - 1].count < efs->batch_count)
        return &efs->batches[efs->count - 1];
    efs->batches = mem_grow(efs->batches, &efs->capacity, efs->count + 1, sizeof *efs->batches);
    efs->batches[efs->count] = (struct batch){.due_us = loop_now_us(efs->loop) + efs->every_us};
    return &efs->batches[efs->count++];
}

void
efs_add(struct efs *efs, const struct efs_event *event)
{
    struct batch *batch = batch_to_fill(efs);
    struct efs_event *copy;

    batch->events =
        mem_grow(batch->events, &batch->capacity, batch->count + 1, sizeof *batch->events);
    copy = &batch->events[batch->count++];
    *copy = *event;
    copy->id = ++efs->last_id;
    text_add_slice(&batch->bytes, event->sender);
    text_add_slice(&batch->bytes, event->rcpt);
    efs->waiting++;
    watch_oldest(efs);
}

void
efs_tell_all(struct efs *efs)
{
    for (size_t i = 0; i < efs->count; i++)
        efs->batches[i].due_us = loop_now_us(efs->loop);
    if (efs->count > 0 && efs->refused_until_us <= loop_now_us(efs->loop))
        tell(efs);
}

uint64_t
efs_waiting(const struct efs *efs)
{
    return efs->waiting;
}
