/* wheel.c - many timers, few of them due: the order in which a loop fires them. */
#include "base/wheel.h"

void
wheel_init(struct wheel *wheel)
{
    *wheel = (struct wheel){0};
    for (size_t i = 0; i < COUNT_OF(wheel->slots); i++) {
        struct timer *slot = &wheel->slots[i];

        slot->next = slot->previous = slot;
    }
}

/* The level is that of the highest byte in which the instants differ; equal ones belong to level 0. */
void
wheel_add(struct wheel *wheel, struct timer *timer)
{
    uint64_t at = (uint64_t)timer->at_us;
    uint64_t difference = at ^ (uint64_t)wheel->now_us;
    unsigned level = (63 - (unsigned)__builtin_clzll(difference | 1)) / 8;
    unsigned number = (unsigned)(at >> level * 8) & (WHEEL_SLOTS - 1);
    struct timer *slot = &wheel->slots[level * WHEEL_SLOTS + number];

    assert(timer->at_us >= wheel->now_us);
    timer->next = slot;
    timer->previous = slot->previous;
    slot->previous->next = timer;
    slot->previous = timer;
    wheel->occupied[level][number / 64] |= UINT64_C(1) << number % 64;
    wheel->levels |= (uint8_t)(1U << level);
}

static void
note_empty_slot(struct wheel *wheel, const struct timer *slot)
{
    size_t number = (size_t)(slot - wheel->slots);
    uint64_t *bits = wheel->occupied[number / WHEEL_SLOTS];

    bits[number % WHEEL_SLOTS / 64] &= ~(UINT64_C(1) << number % 64);
    if ((bits[0] | bits[1] | bits[2] | bits[3]) == 0)
        wheel->levels &= (uint8_t) ~(1U << number / WHEEL_SLOTS);
}

void
wheel_remove(struct wheel *wheel, struct timer *timer)
{
    struct timer *before = timer->previous, *after = timer->next;

    before->next = after;
    after->previous = before;
    timer->next = timer->previous = NULL;
    if (before == after) /* then both are the slot itself */
        note_empty_slot(wheel, before);
}

static unsigned
first_occupied(const uint64_t bits[4])
{
    for (unsigned i = 0; i < 3; i++)
        if (bits[i] != 0)
            return i * 64 + (unsigned)__builtin_ctzll(bits[i]);
    return 192 + (unsigned)__builtin_ctzll(bits[3]);
}

/* Time has just entered this slot: its timers now differ from the present in a lower byte only. */
static void
move_down(struct wheel *wheel, struct timer *slot)
{
    struct timer *timer = slot->next, *next;

    slot->next = slot->previous = slot;
    note_empty_slot(wheel, slot);
    for (; timer != slot; timer = next) {
        next = timer->next;
        wheel_add(wheel, timer);
    }
}

/* The slot that comes first: its level and number, and the instant with which it begins. */
static int64_t
first_slot(const struct wheel *wheel, unsigned *level, unsigned *number)
{
    uint64_t above;

    *level = (unsigned)__builtin_ctz(wheel->levels);
    *number = first_occupied(wheel->occupied[*level]);
    above = *level < 7 ? ~UINT64_C(0) << (*level + 1) * 8 : 0;
    return (int64_t)(((uint64_t)wheel->now_us & above) | (uint64_t)*number << *level * 8);
}

int64_t
wheel_next_us(const struct wheel *wheel)
{
    unsigned level, number;

    return wheel_is_empty(wheel) ? INT64_MAX : first_slot(wheel, &level, &number);
}

/* Slots are entered one by one, earliest first. Those that begin after `until_us` are left alone:
 * an instant before them may still be armed once the caller has control again. Their timers need no
 * move when time goes to `until_us`, as it does not share their differing byte. */
bool
wheel_advance(struct wheel *wheel, int64_t until_us)
{
    assert(wheel_due(wheel) == NULL);
    assert(until_us >= wheel->now_us);
    while (wheel->levels != 0) {
        unsigned level, number;
        int64_t entry_us = first_slot(wheel, &level, &number);

        if (entry_us > until_us)
            break;
        wheel->now_us = entry_us;
        if (level == 0)
            return true;
        move_down(wheel, &wheel->slots[level * WHEEL_SLOTS + number]);
        if (wheel_due(wheel) != NULL)
            return true;
    }
    wheel->now_us = until_us;
    return false;
}
