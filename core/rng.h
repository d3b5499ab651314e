/* rng.h: random numbers that are the same everywhere: SplitMix64 (Steele, Lea and Flood 2014), a
 * counter and a mixing function, so that a stream is named by one number and needs no saved state. */
#ifndef HS_RNG_H
#define HS_RNG_H

#include <stdint.h>

typedef struct hs_rng {
    uint64_t counter;
} hs_rng;

static inline uint64_t hs_rng_next(hs_rng *rng)
{
    uint64_t z = rng->counter += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* The stream of (seed, what, index): unrelated to its neighbours. */
static inline hs_rng hs_rng_stream(uint64_t seed, uint64_t what, uint64_t index)
{
    hs_rng rng = {seed};
    rng.counter = hs_rng_next(&rng) ^ what;
    rng.counter = hs_rng_next(&rng) ^ index;
    rng.counter = hs_rng_next(&rng);
    return rng;
}

/* Uniform in [0, 1), 53 bits. */
static inline double hs_rng_uniform(hs_rng *rng)
{
    return (double)(hs_rng_next(rng) >> 11) * 0x1p-53;
}

/* Uniform whole number in [0, n), n > 0; the bias of at most n / 2^64 is nobody's business. */
static inline int64_t hs_rng_below(hs_rng *rng, int64_t n)
{
    return (int64_t)(hs_rng_next(rng) % (uint64_t)n);
}

#endif
