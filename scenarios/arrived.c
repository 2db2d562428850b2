/* arrived.c - which of the numbers 1, 2, 3, … have come already. */
#include "scenarios/arrived.h"

#include "base/mem.h"

void
arrived_release(struct arrived *arrived)
{
    mem_free(arrived->bits);
    *arrived = (struct arrived){0};
}

static bool
bit_is_set(const struct arrived *arrived, uint64_t i)
{
    return arrived->bits[i % ARRIVED_WINDOW / 64] >> (i % 64) & 1;
}

static void
flip_bit(struct arrived *arrived, uint64_t i)
{
    arrived->bits[i % ARRIVED_WINDOW / 64] ^= UINT64_C(1) << (i % 64);
}

/* The first missing one has come, or is not waited for any more. */
static void
step(struct arrived *arrived)
{
    arrived->next++;
    while (arrived->early_count > 0 && bit_is_set(arrived, arrived->next)) {
        flip_bit(arrived, arrived->next++);
        arrived->early_count--;
    }
}

static void
make_room(struct arrived *arrived, uint64_t i)
{
    while (i - arrived->next >= ARRIVED_WINDOW) {
        if (arrived->early_count == 0) { /* nothing in between: a leap, however far */
            arrived->given_up_count += i - arrived->next - ARRIVED_WINDOW + 1;
            arrived->next = i - ARRIVED_WINDOW + 1;
            return;
        }
        arrived->given_up_count++;
        step(arrived);
    }
}

bool
arrived_put(struct arrived *arrived, uint64_t number)
{
    uint64_t i = number - 1;

    assert(number > 0);
    if (i < arrived->next)
        return false;
    if (arrived->bits == NULL && i > arrived->next)
        arrived->bits = mem_alloc_zeroed(ARRIVED_WINDOW / 8);
    make_room(arrived, i);
    if (i < arrived->next)
        return false;
    if (i == arrived->next) {
        step(arrived);
        return true;
    }
    if (bit_is_set(arrived, i))
        return false;
    flip_bit(arrived, i);
    arrived->early_count++;
    return true;
}
