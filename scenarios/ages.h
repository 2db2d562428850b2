/* ages.h - how old messages were, in bounded memory: counts in buckets whose width grows with the
 * age, as in HDR histograms, so that a percentile is right to a thirty-second part.
 *
 * Integers only. A percentile is an age that was really seen: the largest one of its bucket. */
#ifndef MTALAB_AGES_H
#define MTALAB_AGES_H

#include <stddef.h>
#include <stdint.h>

enum { AGES_PARTS = 32, AGES_BUCKETS = 60 * AGES_PARTS };

struct ages { /* zeroed: empty */
    uint64_t count;
    uint64_t counts[AGES_BUCKETS];
    int64_t largest_us[AGES_BUCKETS];
};

void ages_add(struct ages *ages, int64_t age_us); /* negative counts as 0 */
/* The smallest age that `percent` of all do not exceed; -1: there are none. 100: the largest. */
int64_t ages_percentile_us(const struct ages *ages, unsigned percent);

#endif
