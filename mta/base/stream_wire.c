/* stream_wire.c - what is on its way to one end of a simulated connection, and what has arrived. */
#include "base/stream_pipe.h"
#include "base/unit.h"

static struct loop *
loop_of(const struct end *end)
{
    return end->connection->network->loop;
}

static uint32_t
segment_capacity(const struct segment *segment)
{
    return (uint32_t)SEGMENT_BYTES_MIN << segment->size;
}

static struct segment *
take_segment(struct sim_network *network, size_t length)
{
    struct segment *segment;
    uint8_t size = 0;

    assert(length <= STREAM_HIGH_WATER);
    while ((size_t)SEGMENT_BYTES_MIN << size < length)
        size++;
    segment = network->spare_segments[size];
    if (segment != NULL) {
        network->spare_segments[size] = segment->next;
    } else {
        segment = mem_alloc(sizeof *segment + ((size_t)SEGMENT_BYTES_MIN << size));
        segment->size = size;
    }
    segment->length = 0;
    return segment;
}

void
wire_give_back(struct sim_network *network, struct segment *segment)
{
    segment->next = network->spare_segments[segment->size];
    network->spare_segments[segment->size] = segment;
}

static struct segment *
append_segment(struct end *to, size_t length)
{
    struct segment *segment = take_segment(to->connection->network, length);
    int64_t now_us = loop_now_us(loop_of(to));

    segment->written_at_us = now_us;
    segment->line_from_us = now_us > to->line_free_at_us ? now_us : to->line_free_at_us;
    segment->mark = MARK_NONE;
    segment->next = NULL;
    segment->previous = to->last;
    if (to->last != NULL)
        to->last->next = segment;
    else
        to->first = segment;
    to->last = segment;
    return segment;
}

/* The last segment moves into a larger buffer. */
static struct segment *
enlarge_last(struct end *to, size_t length)
{
    struct segment *old = to->last;
    struct segment *segment = take_segment(to->connection->network, length);
    uint8_t size = segment->size;

    memcpy(segment, old, sizeof *old + old->length);
    segment->size = size;
    if (segment->previous != NULL)
        segment->previous->next = segment;
    else
        to->first = segment;
    to->last = segment;
    wire_give_back(to->connection->network, old);
    return segment;
}

void
wire_drop(struct end *to)
{
    struct segment *segment = to->first, *next;

    to->first = to->last = NULL;
    timer_cancel(loop_of(to), &to->arrival);
    for (; segment != NULL; segment = next) {
        next = segment->next;
        to->window_bytes -= segment->length;
        wire_give_back(to->connection->network, segment);
    }
}

void
inbox_drop(struct end *end)
{
    if (end->inbox == NULL)
        return;
    end->window_bytes -= end->inbox->length - end->inbox_start;
    wire_give_back(end->connection->network, end->inbox);
    end->inbox = NULL;
    end->inbox_start = end->inbox_shown = 0;
}

static int64_t
line_time_us(const struct net_link *link, uint32_t length)
{
    return (int64_t)(((uint64_t)length * US_PER_S + link->bytes_per_s - 1) / link->bytes_per_s);
}

/* Never before the segment in front of it, even if the latency has become less. */
static void
schedule(struct end *to, struct segment *segment)
{
    const struct net_link *link = &to->connection->host->link;
    int64_t at_us = segment->written_at_us;

    if (link->bytes_per_s > 0 && segment->mark != MARK_RESET) {
        at_us = segment->line_from_us + line_time_us(link, segment->length);
        to->line_free_at_us = at_us;
    }
    at_us += link->latency_us;
    if (segment->previous != NULL && segment->previous->arrives_at_us > at_us)
        at_us = segment->previous->arrives_at_us;
    segment->arrives_at_us = at_us;
    if (to->first != segment)
        return;
    if (!timer_is_armed(&to->arrival) || to->arrival.at_us != at_us)
        timer_arm(loop_of(to), &to->arrival, at_us, end_on_arrival, to);
}

/* The segment that was written to in this very instant, if it is open for more. */
static struct segment *
open_segment(struct end *to)
{
    struct segment *segment = to->last;

    if (segment == NULL || segment->mark != MARK_NONE)
        return NULL;
    return segment->written_at_us == loop_now_us(loop_of(to)) ? segment : NULL;
}

void
wire_send(struct end *to, const char *bytes, size_t length)
{
    struct segment *segment = open_segment(to);

    if (segment == NULL)
        segment = append_segment(to, length);
    else if (segment->length + length > segment_capacity(segment))
        segment = enlarge_last(to, segment->length + length);
    memcpy(segment->bytes + segment->length, bytes, length);
    segment->length += (uint32_t)length;
    to->window_bytes += (uint32_t)length;
    schedule(to, segment);
}

void
wire_send_mark(struct end *to, enum segment_mark mark)
{
    struct segment *segment = mark == MARK_END ? open_segment(to) : NULL;

    if (to->is_closed || to->is_broken)
        return;
    if (segment != NULL) {
        segment->mark = MARK_END;
        return;
    }
    segment = append_segment(to, 0);
    segment->mark = (uint8_t)mark;
    schedule(to, segment);
}

/* Puts a segment behind what is still unread, so that the reader sees one span. */
void
inbox_add(struct end *end, struct segment *segment)
{
    struct sim_network *network = end->connection->network;
    struct segment *inbox = end->inbox;
    uint32_t unread;

    if (segment->length == 0) {
        wire_give_back(network, segment);
        return;
    }
    if (inbox == NULL) {
        end->inbox = segment;
        return;
    }
    unread = inbox->length - end->inbox_start;
    if (inbox->length + segment->length > segment_capacity(inbox)) {
        struct segment *moved = inbox;

        if (unread + segment->length > segment_capacity(inbox))
            moved = take_segment(network, unread + segment->length);
        memmove(moved->bytes, inbox->bytes + end->inbox_start, unread);
        moved->length = unread;
        end->inbox_shown -= end->inbox_start;
        end->inbox_start = 0;
        if (moved != inbox)
            wire_give_back(network, inbox);
        end->inbox = inbox = moved;
    }
    memcpy(inbox->bytes + inbox->length, segment->bytes, segment->length);
    inbox->length += segment->length;
    wire_give_back(network, segment);
}
