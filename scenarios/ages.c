/* ages.c - how old messages were, in bounded memory. */
#include "scenarios/ages.h"

#include "base/check.h"

#include <stdbool.h>

enum { PARTS_BITS = 5 };
static_assert(AGES_PARTS == 1 << PARTS_BITS, "each power of two is cut into so many parts");

/* The highest bit names the power of two, the five below it the part. */
static size_t
bucket_of(uint64_t age_us)
{
    unsigned top;

    if (age_us < AGES_PARTS)
        return (size_t)age_us;
    top = 63 - (unsigned)__builtin_clzll(age_us);
    return (size_t)(top - PARTS_BITS + 1) * AGES_PARTS +
        (size_t)(age_us >> (top - PARTS_BITS)) % AGES_PARTS;
}

void
ages_add(struct ages *ages, int64_t age_us)
{
    size_t bucket;

    if (age_us < 0)
        age_us = 0;
    bucket = bucket_of((uint64_t)age_us);
    assert(bucket < AGES_BUCKETS);
    ages->count++;
    ages->counts[bucket]++;
    if (age_us > ages->largest_us[bucket])
        ages->largest_us[bucket] = age_us;
}

int64_t
ages_percentile_us(const struct ages *ages, unsigned percent)
{
    uint64_t rank = ages->count / 100 * percent + (ages->count % 100 * percent + 99) / 100;
    uint64_t below = 0;

    assert(percent >= 1);
    assert(percent <= 100);
    if (ages->count == 0)
        return -1;
    for (size_t bucket = 0; bucket < AGES_BUCKETS; bucket++) {
        below += ages->counts[bucket];
        if (below >= rank)
            return ages->largest_us[bucket];
    }
    assert(false);
}
