/* window.c - how much was let through lately, and is there room for more? */
#include "fakeisp/window.h"

#include "base/mem.h"

__extension__ typedef unsigned __int128 uint128; /* max times length may need more than 64 bits */

void
tally_release(struct tally *tally)
{
    mem_free(tally->ring);
    *tally = (struct tally){0};
}

/* ---- sliding ---- */

static struct moment *
ring_at(struct tally *tally, size_t index)
{
    return &tally->ring[(tally->ring_start + index) % tally->ring_capacity];
}

static void
forget_old_moments(struct tally *tally, int64_t length_us, int64_t now_us)
{
    while (tally->ring_count > 0 && now_us - ring_at(tally, 0)->at_us >= length_us) {
        tally->count -= ring_at(tally, 0)->amount;
        tally->ring_start = (tally->ring_start + 1) % tally->ring_capacity;
        tally->ring_count--;
    }
}

/* There are never more moments than `max`, because each weighs at least one. */
static void
grow_ring(struct tally *tally)
{
    size_t capacity = tally->ring_capacity > 0 ? tally->ring_capacity * 2 : 8;
    struct moment *ring = mem_alloc(capacity * sizeof ring[0]);

    for (size_t i = 0; i < tally->ring_count; i++)
        ring[i] = *ring_at(tally, i);
    mem_free(tally->ring);
    tally->ring = ring;
    tally->ring_capacity = capacity;
    tally->ring_start = 0;
}

static void
remember_moment(struct tally *tally, int64_t now_us, uint64_t amount)
{
    if (tally->ring_count > 0) {
        struct moment *latest = ring_at(tally, tally->ring_count - 1);

        if (latest->at_us == now_us) {
            latest->amount += amount;
            return;
        }
    }
    if (tally->ring_count == tally->ring_capacity)
        grow_ring(tally);
    *ring_at(tally, tally->ring_count) = (struct moment){now_us, amount};
    tally->ring_count++;
}

/* ---- bucket ---- */

static void
refill(struct tally *tally, const struct window *window, int64_t now_us)
{
    int64_t elapsed_us = now_us - tally->since_us;
    uint128 drops;
    uint64_t whole;

    tally->since_us = now_us;
    if (elapsed_us >= window->length_us) {
        tally->count = 0;
        tally->fraction = 0;
    }
    if (tally->count == 0)
        return;
    drops = (uint128)window->max * (uint64_t)elapsed_us + (uint64_t)tally->fraction;
    whole = (uint64_t)(drops / (uint64_t)window->length_us);
    tally->fraction = (int64_t)(drops % (uint64_t)window->length_us);
    if (whole >= tally->count) {
        tally->count = 0;
        tally->fraction = 0; /* a full bucket spills over */
    } else {
        tally->count -= whole;
    }
}

/* ---- all kinds ---- */

void
tally_settle(struct tally *tally, const struct window *window, int64_t now_us)
{
    switch (window->kind) {
    case WINDOW_NONE:
        return;
    case WINDOW_SLIDING:
        forget_old_moments(tally, window->length_us, now_us);
        return;
    case WINDOW_FIXED:
        if (tally->since_us != now_us - now_us % window->length_us)
            tally->count = 0;
        tally->since_us = now_us - now_us % window->length_us;
        return;
    case WINDOW_BUCKET:
        refill(tally, window, now_us);
        return;
    }
}

bool
tally_has_room(struct tally *tally, const struct window *window, int64_t now_us, uint64_t amount)
{
    tally_settle(tally, window, now_us);
    return tally->count <= window->max && amount <= window->max - tally->count;
}

void
tally_take(struct tally *tally, const struct window *window, int64_t now_us, uint64_t amount)
{
    if (amount == 0)
        return;
    tally_settle(tally, window, now_us);
    tally->count += amount;
    if (window->kind == WINDOW_SLIDING)
        remember_moment(tally, now_us, amount);
}

void
tally_give_back(struct tally *tally, uint64_t amount)
{
    assert(tally->count >= amount);
    assert(tally->ring_count == 0);
    tally->count -= amount;
}
