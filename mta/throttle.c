/* throttle.c - so many messages per hour, and how they lie in it. */
#include "mta/throttle.h"

#include <assert.h>

enum { SLICES = 12 }; /* of an hour */
#define SLICE_US (US_PER_HOUR / SLICES)

void
throttle_init(struct throttle *throttle, uint64_t messages_per_hour, enum hour_shape shape)
{
    *throttle = (struct throttle){
        .messages_per_hour = messages_per_hour, .shape = shape, .slice = INT64_MIN};
}

void
throttle_release(struct throttle *throttle)
{
    moments_release(&throttle->hour);
    *throttle = (struct throttle){0};
}

/* --- burst ----------------------------------------------------------------------------------- */

static int64_t
hour_ready_at_us(struct throttle *t, int64_t now_us)
{
    const struct moment *oldest;

    while ((oldest = moments_oldest(&t->hour)) != NULL && oldest->at_us + US_PER_HOUR <= now_us) {
        t->hour_messages -= oldest->amount;
        moments_drop_oldest(&t->hour);
    }
    return t->hour_messages < t->messages_per_hour ? now_us : oldest->at_us + US_PER_HOUR;
}

/* --- slices ---------------------------------------------------------------------------------- */

/* What the slices of an hour may send adds up to the hour. */
static uint64_t
slice_share(uint64_t messages_per_hour, int64_t slice)
{
    uint64_t place = (uint64_t)(slice % SLICES);

    return messages_per_hour * (place + 1) / SLICES - messages_per_hour * place / SLICES;
}

static int64_t
slices_ready_at_us(struct throttle *t, int64_t now_us)
{
    int64_t slice = now_us / SLICE_US;

    if (slice != t->slice) {
        t->slice = slice;
        t->slice_messages = 0;
    }
    if (t->slice_messages < slice_share(t->messages_per_hour, slice))
        return now_us;
    do
        slice++; /* fewer than twelve per hour leave slices empty */
    while (slice_share(t->messages_per_hour, slice) == 0);
    return slice * SLICE_US;
}

/* --- even ------------------------------------------------------------------------------------ */

/* Who comes late is not let to catch up; who comes in time keeps the exact rhythm. */
static void
take_even(struct throttle *t, int64_t now_us)
{
    int64_t count = (int64_t)t->messages_per_hour;

    if (t->next_us < now_us) {
        t->next_us = now_us;
        t->next_rest = 0;
    }
    t->next_us += US_PER_HOUR / count;
    t->next_rest += US_PER_HOUR % count;
    if (t->next_rest >= count) {
        t->next_rest -= count;
        t->next_us++;
    }
}

/* --- all ------------------------------------------------------------------------------------- */

int64_t
throttle_ready_at_us(struct throttle *throttle, int64_t now_us)
{
    if (throttle->messages_per_hour == 0)
        return now_us;
    switch (throttle->shape) {
    case HOUR_BURST:
        return hour_ready_at_us(throttle, now_us);
    case HOUR_SLICES:
        return slices_ready_at_us(throttle, now_us);
    case HOUR_EVEN:
        return throttle->next_us > now_us ? throttle->next_us : now_us;
    }
    return now_us;
}

uint64_t
throttle_room(const struct throttle *throttle, int64_t now_us)
{
    if (throttle->messages_per_hour == 0)
        return UINT64_MAX;
    switch (throttle->shape) {
    case HOUR_BURST:
        return throttle->messages_per_hour - throttle->hour_messages;
    case HOUR_SLICES:
        return slice_share(throttle->messages_per_hour, now_us / SLICE_US) -
            throttle->slice_messages;
    case HOUR_EVEN:
        return 1;
    }
    return 0;
}

void
throttle_take(struct throttle *throttle, int64_t now_us)
{
    if (throttle->messages_per_hour == 0)
        return;
    assert(throttle_ready_at_us(throttle, now_us) <= now_us);
    switch (throttle->shape) {
    case HOUR_BURST:
        moments_add(&throttle->hour, now_us, 1);
        throttle->hour_messages++;
        break;
    case HOUR_SLICES:
        throttle->slice_messages++;
        break;
    case HOUR_EVEN:
        take_even(throttle, now_us);
        break;
    }
}
