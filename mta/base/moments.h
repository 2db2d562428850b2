/* moments.h - how much happened at which instant, oldest first: what a sliding window stands on.
 *
 * Amounts of one instant are one moment. A ring that grows and never shrinks.
 *
 * Ownership  the caller's. A zeroed struct moments is valid and empty. */
#ifndef MTALAB_MOMENTS_H
#define MTALAB_MOMENTS_H

#include <stddef.h>
#include <stdint.h>

struct moment {
    int64_t at_us;
    uint64_t amount;
};

struct moments {
    struct moment *ring;
    size_t capacity; /* a power of two */
    size_t first, count;
};

void moments_release(struct moments *moments);
void moments_add(
    struct moments *moments, int64_t at_us, uint64_t amount);       /* never before the newest */
const struct moment *moments_oldest(const struct moments *moments); /* NULL: none */
const struct moment *moments_newest(const struct moments *moments); /* NULL: none */
const struct moment *moments_last_but_one(const struct moments *moments); /* there are two */
/* Adds to the newest, which there is, and which moves to at_us with all of it. */
void moments_join_newest(struct moments *moments, int64_t at_us, uint64_t amount);
const struct moment *moments_nth(const struct moments *moments, size_t i); /* from the oldest */
void moments_drop_oldest(struct moments *moments);                         /* there is one */

#endif
