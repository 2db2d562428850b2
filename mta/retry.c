/* retry.c - when to try again. */
#include "mta/retry.h"

int64_t
retry_delay_us(const struct retry_schedule *schedule, uint32_t attempt, struct rng *rng)
{
    int64_t delay_us = schedule->first_us;

    assert(attempt >= 1);
    assert(schedule->factor.num >= schedule->factor.den);
    for (uint32_t i = 1; i < attempt && delay_us < schedule->cap_us; i++) {
        if (schedule->factor.num == schedule->factor.den)
            break;
        delay_us = ratio_round(ratio_multiply(ratio_of(delay_us, 1), schedule->factor));
    }
    if (delay_us > schedule->cap_us)
        delay_us = schedule->cap_us;
    if (schedule->jitter_ppm > 0) {
        int64_t reach_us =
            delay_us / PPM * schedule->jitter_ppm + delay_us % PPM * schedule->jitter_ppm / PPM;

        delay_us += (int64_t)rng_below(rng, (uint64_t)reach_us * 2 + 1) - reach_us;
    }
    return delay_us;
}
