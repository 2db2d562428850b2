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

/* In a crowd, whoever comes within a 65,536th of the window of the last but one joins the last. */
static void
enter(struct tally *tally, int64_t length_us, int64_t now_us, uint64_t amount)
{
    struct moments *moments = &tally->moments;

    if (moments->count >= TALLY_MOMENTS_MAX &&
        now_us - moments_last_but_one(moments)->at_us < length_us / TALLY_MOMENTS_MAX)
        moments_join_newest(moments, now_us, amount);
    else
        moments_add(moments, now_us, amount);
}

/* ---- in a row ---- */

static int64_t
start_of_row(const struct window *window, int64_t now_us)
{
    int64_t origin_us = window->kind == WINDOW_CLOCK ? window->clock_us : 0;

    return now_us -
        (now_us % window->length_us + origin_us % window->length_us) % window->length_us;
}

/* ---- bucket ---- */

static uint64_t
size_of(const struct window *window)
{
    return window->kind == WINDOW_BUCKET && window->burst > 0 ? window->burst : window->max;
}

static void
refill(struct tally *tally, const struct window *window, int64_t now_us)
{
    int64_t elapsed_us = now_us - tally->since_us;
    uint128 drops, whole;

    tally->since_us = now_us;
    if (tally->count == 0)
        return;
    drops = (uint128)window->max * (uint64_t)elapsed_us + (uint64_t)tally->fraction;
    whole = drops / (uint64_t)window->length_us;
    tally->fraction = (int64_t)(drops % (uint64_t)window->length_us);
    if (whole >= tally->count) {
        tally->count = 0;
        tally->fraction = 0; /* a full bucket spills over */
    } else {
        tally->count -= (uint64_t)whole;
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
    case WINDOW_CLOCK:
        if (tally->since_us != start_of_row(window, now_us))
            tally->count = 0;
        tally->since_us = start_of_row(window, now_us);
        return;
    case WINDOW_FIRST:
        if (now_us - tally->since_us >= window->length_us)
            tally->count = 0;
        return;
    case WINDOW_BUCKET:
        refill(tally, window, now_us);
        return;
    }
}

uint64_t
tally_room(struct tally *tally, const struct window *window, int64_t now_us)
{
    uint64_t size = size_of(window);

    tally_settle(tally, window, now_us);
    return tally->count < size ? size - tally->count : 0;
}

bool
tally_has_room(struct tally *tally, const struct window *window, int64_t now_us, uint64_t amount)
{
    return amount <= tally_room(tally, window, now_us);
}

void
tally_take(struct tally *tally, const struct window *window, int64_t now_us, uint64_t amount)
{
    if (amount == 0)
        return;
    tally_settle(tally, window, now_us);
    if (window->kind == WINDOW_FIRST && tally->count == 0)
        tally->since_us = now_us;
    tally->count += amount;
    if (window->kind == WINDOW_SLIDING)
        enter(tally, window->length_us, now_us, amount);
}

void
tally_give_back(struct tally *tally, uint64_t amount)
{
    assert(tally->count >= amount);
    assert(tally->moments.count == 0);
    tally->count -= amount;
}

int64_t
tally_eases_at_us(struct tally *tally, const struct window *window, int64_t now_us)
{
    uint128 drops;

    tally_settle(tally, window, now_us);
    if (tally->count == 0)
        return INT64_MAX;
    switch (window->kind) {
    case WINDOW_NONE:
        return INT64_MAX;
    case WINDOW_SLIDING:
        return moments_oldest(&tally->moments)->at_us + window->length_us;
    case WINDOW_FIXED:
    case WINDOW_CLOCK:
    case WINDOW_FIRST:
        return tally->since_us + window->length_us;
    case WINDOW_BUCKET:
        if (window->max == 0)
            return INT64_MAX;
        drops = (uint128)(window->length_us - tally->fraction) + window->max - 1;
        return now_us + (int64_t)(drops / window->max);
    }
    return INT64_MAX;
}

static uint64_t
still_in(const struct tally *tally, int64_t length_us, int64_t at_us, int64_t *eases_at_us)
{
    uint64_t count = tally->count;

    *eases_at_us = INT64_MAX;
    for (size_t i = 0; i < tally->moments.count; i++) {
        const struct moment *moment = moments_nth(&tally->moments, i);

        if (at_us - moment->at_us < length_us) {
            *eases_at_us = moment->at_us + length_us;
            break;
        }
        count -= moment->amount;
    }
    return count;
}

uint64_t
tally_room_at(
    const struct tally *tally, const struct window *window, int64_t at_us, int64_t *eases_at_us)
{
    struct tally later = *tally;
    uint64_t size = size_of(window);

    if (window->kind == WINDOW_SLIDING) {
        later.count = still_in(tally, window->length_us, at_us, eases_at_us);
    } else {
        later.moments = (struct moments){0}; /* they are not its own */
        *eases_at_us = tally_eases_at_us(&later, window, at_us);
    }
    return later.count < size ? size - later.count : 0;
}
