/* retry.h - when to try again: the Momentum schedule. After the n-th try the next one is due after
 * first x factor^(n-1), at most `cap`, with a seeded jitter around it. */
#ifndef MTALAB_RETRY_H
#define MTALAB_RETRY_H

#include "base/rng.h"
#include "base/unit.h"

struct retry_schedule {
    int64_t first_us;
    struct ratio factor; /* at least 1 */
    int64_t cap_us;
    uint32_t jitter_ppm;
};

/* `attempt`: the number of the try that just failed, from 1. `rng` is asked only if there is jitter. */
int64_t retry_delay_us(const struct retry_schedule *schedule, uint32_t attempt, struct rng *rng);

#endif
