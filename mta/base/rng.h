/* rng.h - chance, in named streams from one seed.
 *
 * rng_child(&root, "isp/bigmail/greylist") is a stream of its own: a dice roll added here moves
 * nothing there, and two variants of an experiment share their luck (common random numbers). The
 * child depends on the parent's identity and the name, never on how often the parent was asked.
 *
 * Chance is counted in integers (parts per million), because floats differ between machines.
 * A struct rng is a plain value; copying it copies the stream. xoshiro256** 1.0 by Blackman and
 * Vigna, seeded through splitmix64. Not for secrets. */
#ifndef MTALAB_RNG_H
#define MTALAB_RNG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

enum { PPM = 1000000 }; /* one, in parts per million */

struct rng {
    uint64_t identity; /* what children are derived from */
    uint64_t state[4];
};

struct rng rng_from_seed(uint64_t seed);
struct rng rng_child(const struct rng *parent, const char *name);
struct rng rng_child_slice(const struct rng *parent, struct slice name);

uint64_t rng_u64(struct rng *rng);
uint64_t rng_below(struct rng *rng, uint64_t bound); /* 0 .. bound - 1, unbiased; bound > 0 */
bool rng_odds(struct rng *rng, uint32_t ppm);        /* true in `ppm` of a million cases */

/* A draw that depends on the name alone, as rng_odds() on the first number of a child, but cheap:
 * "is this recipient among the 5 %?" has the same answer however often it is asked. */
bool rng_odds_of(const struct rng *parent, struct slice name, uint32_t ppm);

/* The gap to the next arrival of a Poisson process with the given mean gap, in microseconds.
 * Integer arithmetic throughout. */
int64_t rng_exponential_us(struct rng *rng, int64_t mean_us);

#endif
