/*-------------------------------------------------------------------------
 *
 * rng.c
 *		Hashes and initial factors from integer arithmetic and correctly
 *		rounded operations only, so that every platform gets the same bits.
 *
 * The mixer is the output function of SplitMix64 (Steele, Lea, Flood 2014,
 * "Fast splittable pseudorandom number generators").
 *
 *-------------------------------------------------------------------------
 */
#include "kernel/rng.h"

#include <math.h>

#define GOLDEN	UINT64_C(0x9e3779b97f4a7c15)

static uint64_t
mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* Up to 8 bytes as a number, the first byte lowest, whatever the platform. */
static uint64_t
load_little_endian(const unsigned char *bytes, size_t len)
{
	uint64_t	word = 0;

	for (size_t i = 0; i < len; i++)
		word |= (uint64_t) bytes[i] << (8 * i);
	return word;
}

uint64_t
rs_hash_bytes(const void *bytes, size_t len, uint64_t seed)
{
	const unsigned char *p = bytes;
	uint64_t	hash = mix(seed + GOLDEN) ^ mix((uint64_t) len);

	while (len >= 8)
	{
		hash = mix(hash ^ load_little_endian(p, 8)) + GOLDEN;
		p += 8;
		len -= 8;
	}
	if (len > 0)
		hash = mix(hash ^ load_little_endian(p, len)) + GOLDEN;
	return mix(hash);
}

uint64_t
rs_hash_int(uint64_t value, uint64_t seed)
{
	return mix(mix(seed + GOLDEN) ^ (value + GOLDEN));
}

void
rs_initial_factors(uint64_t id_hash, uint64_t seed, int k, float *out)
{
	uint64_t	state = rs_hash_int(id_hash, seed);

	/* A uniform number between -a and a has standard deviation a / sqrt(3). */
	double		scale = 0.1 * sqrt(3.0) / sqrt((double) k);

	for (int i = 0; i < k; i++)
	{
		double		uniform;

		state += GOLDEN;
		uniform = (double) (mix(state) >> 11) * 0x1p-52 - 1.0;
		out[i] = (float) (scale * uniform);
	}
}
