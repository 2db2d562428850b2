/* bits.h - a set of row numbers, one bit each. A zeroed struct bits is valid and empty. */
#ifndef MTALAB_BITS_H
#define MTALAB_BITS_H

#include <stdbool.h>
#include <string.h>

#include "base/mem.h"

struct bits {
    uint64_t *words;
    size_t count, capacity; /* words */
};

static inline bool
bits_has(const struct bits *bits, uint64_t number)
{
    return number / 64 < bits->count && (bits->words[number / 64] >> number % 64 & 1) != 0;
}

/* False: it was there already. */
static inline bool
bits_put(struct bits *bits, uint64_t number)
{
    size_t needed = (size_t)(number / 64) + 1;

    if (bits_has(bits, number))
        return false;
    if (needed > bits->count) {
        bits->words = mem_grow(bits->words, &bits->capacity, needed, sizeof *bits->words);
        memset(bits->words + bits->count, 0, (needed - bits->count) * sizeof *bits->words);
        bits->count = needed;
    }
    bits->words[number / 64] |= UINT64_C(1) << number % 64;
    return true;
}

static inline void
bits_release(struct bits *bits)
{
    mem_free(bits->words);
    *bits = (struct bits){0};
}

#endif
