/* wheel.h - many timers, few of them due: the order in which a loop fires them.
 *
 * Eight levels of 256 slots of one microsecond, 256 us, 65 ms, ... A timer lies at the level of the
 * highest byte in which its instant and the present one differ, in the slot that this byte names.
 *
 * Equal instants keep the order of arming, without a number that says so: two timers of one instant
 * always share a slot, because their place depends on nothing but that instant and the present one;
 * a slot is a queue; and when time enters a slot and its timers move down, every slot below is empty
 * (what lay there was earlier and has fired), so that queues are refilled, never mixed.
 *
 * Ownership  the caller's, as in base/loop.h: the wheel links timers and allocates nothing. */
#ifndef MTALAB_WHEEL_H
#define MTALAB_WHEEL_H

#include "base/loop.h"

enum { WHEEL_LEVELS = 8, WHEEL_SLOTS = 256 };

struct wheel {
    int64_t now_us;
    uint8_t levels; /* bit n: something lies at level n */
    uint64_t occupied[WHEEL_LEVELS][WHEEL_SLOTS / 64];
    struct timer slots[WHEEL_LEVELS * WHEEL_SLOTS]; /* heads of rings; only the links are used */
};

void wheel_init(struct wheel *wheel);
void wheel_add(struct wheel *wheel, struct timer *timer); /* timer->at_us >= wheel->now_us */
void wheel_remove(struct wheel *wheel, struct timer *timer);

/* The first timer of the present instant, or NULL. */
static inline struct timer *
wheel_due(struct wheel *wheel)
{
    struct timer *slot = &wheel->slots[wheel->now_us & (WHEEL_SLOTS - 1)];

    return slot->next != slot ? slot->next : NULL;
}

static inline bool
wheel_is_empty(const struct wheel *wheel)
{
    return wheel->levels == 0;
}

/* Nothing may be due now. An instant after it before which no timer fires; INT64_MAX: there is none.
 * It is exact for what is near: a timer far ahead is approached in a few steps, each of which ends
 * in wheel_advance(). */
int64_t wheel_next_us(const struct wheel *wheel);

/* Nothing may be due now. Moves to the next instant that has a timer and answers true, or to
 * `until_us` (not before the present instant) when none comes before or at it. */
bool wheel_advance(struct wheel *wheel, int64_t until_us);

#endif
