/*-------------------------------------------------------------------------
 *
 * rng.h
 *		Our own generator: same seed, same numbers, on every platform.
 *
 * Initial factors depend on (seed, id, component) alone, never on the order in
 * which rows were read.
 *
 * The mixer is the output function of SplitMix64 (Steele, Lea, Flood 2014,
 * "Fast splittable pseudorandom number generators").
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_RNG_H
#define RS_RNG_H

#include <stddef.h>
#include <stdint.h>

#define RS_GOLDEN	UINT64_C(0x9e3779b97f4a7c15)

static inline uint64_t
rs_mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* 64-bit hash of len bytes. */
extern uint64_t rs_hash_bytes(const void *bytes, size_t len, uint64_t seed);

/* 64-bit hash of an integer; inline, as reading may ask for one a row. */
static inline uint64_t
rs_hash_int(uint64_t value, uint64_t seed)
{
	return rs_mix(rs_mix(seed + RS_GOLDEN) ^ (value + RS_GOLDEN));
}

/*
 * k initial components: mean 0, standard deviation 0.1 / sqrt(k) (Rendle et
 * al. 2021, section 4), uniform, from the hash of an id.
 */
extern void rs_initial_factors(uint64_t id_hash, uint64_t seed, int k, float *out);

#endif							/* RS_RNG_H */
