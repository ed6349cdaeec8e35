/*-------------------------------------------------------------------------
 *
 * rng.c
 *		Hashes and initial factors from integer arithmetic and correctly
 *		rounded operations only, so that every platform gets the same bits.
 *
 *-------------------------------------------------------------------------
 */
#include "kernel/rng.h"

#include <math.h>

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
	uint64_t	hash = rs_mix(seed + RS_GOLDEN) ^ rs_mix((uint64_t) len);

	while (len >= 8)
	{
		hash = rs_mix(hash ^ load_little_endian(p, 8)) + RS_GOLDEN;
		p += 8;
		len -= 8;
	}
	if (len > 0)
		hash = rs_mix(hash ^ load_little_endian(p, len)) + RS_GOLDEN;
	return rs_mix(hash);
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

		state += RS_GOLDEN;
		uniform = (double) (rs_mix(state) >> 11) * 0x1p-52 - 1.0;
		out[i] = (float) (scale * uniform);
	}
}
