/* window.c - how much was let through lately, and is there room for more? */
#include "fakeisp/window.h"

__extension__ typedef unsigned __int128 uint128; /* max times length may need more than 64 bits */

void
tally_release(struct tally *tally)
{
    moments_release(&tally->moments);
    *tally = (struct tally){0};
}

/* ---- sliding ---- */

static void
forget_old_moments(struct tally *tally, int64_t length_us, int64_t now_us)
{
    const struct moment *oldest;

    while (
        (oldest = moments_oldest(&tally->moments)) != NULL && now_us - oldest->at_us >= length_us) {
        tally->count -= oldest->amount;
        moments_drop_oldest(&tally->moments);
    }
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
        moments_add(&tally->moments, now_us, amount); /* never more than `max` of them */
}

void
tally_give_back(struct tally *tally, uint64_t amount)
{
    assert(tally->count >= amount);
    assert(tally->moments.count == 0);
    tally->count -= amount;
}
