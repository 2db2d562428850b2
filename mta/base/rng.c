/* rng.c - chance, in named streams from one seed. */
#include "base/rng.h"

static uint64_t
splitmix64(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

struct rng
rng_from_seed(uint64_t seed)
{
    struct rng rng = {.identity = seed};

    for (int i = 0; i < 4; i++)
        rng.state[i] = splitmix64(&seed);
    return rng;
}

struct rng
rng_child(const struct rng *parent, const char *name)
{
    return rng_child_slice(parent, slice_of(name));
}

struct rng
rng_child_slice(const struct rng *parent, struct slice name)
{
    return rng_from_seed(slice_hash(name, parent->identity));
}

static uint64_t
rotate_left(uint64_t x, int bits)
{
    return x << bits | x >> (64 - bits);
}

uint64_t
rng_u64(struct rng *rng)
{
    uint64_t *s = rng->state;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate_left(s[3], 45);
    return result;
}

uint64_t
rng_below(struct rng *rng, uint64_t bound)
{
    uint64_t limit, draw;

    assert(bound > 0);
    limit = UINT64_MAX - UINT64_MAX % bound;
    do
        draw = rng_u64(rng);
    while (draw >= limit);
    return draw % bound;
}

bool
rng_odds(struct rng *rng, uint32_t ppm)
{
    return rng_below(rng, PPM) < ppm;
}

bool
rng_odds_of(const struct rng *parent, struct slice name, uint32_t ppm)
{
    uint64_t state = slice_hash(name, parent->identity);

    return splitmix64(&state) % PPM < ppm;
}

/* -ln(u) for u = draw / 2^64, in units of 2^-32: the integer part of log2 from the leading zeros,
 * the fraction bit by bit by squaring, times ln 2. */
static uint64_t
minus_ln_32(uint64_t draw)
{
    const uint64_t ln2_32 = UINT64_C(2977044472); /* ln 2 in units of 2^-32 */
    unsigned zeros;
    uint64_t mantissa, fraction = 0;

    if (draw == 0)
        draw = 1;
    zeros = (unsigned)__builtin_clzll(draw);
    mantissa = draw << zeros >> 32; /* in [2^31, 2^32): 1.0 .. 2.0 with 31 bits behind the point */
    for (int bit = 31; bit >= 0; bit--) {
        mantissa = mantissa * mantissa >> 31;
        if (mantissa >= UINT64_C(1) << 32) {
            mantissa >>= 1;
            fraction |= UINT64_C(1) << bit;
        }
    }
    /* log2(u) = (63 - zeros + fraction) - 64, so -log2(u) = zeros + 1 - fraction. */
    return (((uint64_t)(zeros + 1) << 32) - fraction) / 256 * (ln2_32 / 16) >> 20;
}

int64_t
rng_exponential_us(struct rng *rng, int64_t mean_us)
{
    uint64_t factor_32 = minus_ln_32(rng_u64(rng));
    uint64_t mean = (uint64_t)mean_us;

    assert(mean_us >= 0);
    assert(mean < UINT64_C(1) << 48);
    return (int64_t)((mean * (factor_32 >> 32)) + ((mean >> 16) * (factor_32 & UINT32_MAX) >> 16) +
        ((mean & 0xffff) * (factor_32 & UINT32_MAX) >> 32));
}
