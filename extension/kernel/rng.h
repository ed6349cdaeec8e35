/*-------------------------------------------------------------------------
 *
 * rng.h
 *		Our own generator: same seed, same numbers, on every platform.
 *
 * Initial factors depend on (seed, id, component) alone, never on the order in
 * which rows were read.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_RNG_H
#define RS_RNG_H

#include <stddef.h>
#include <stdint.h>

/* 64-bit hash of len bytes. */
extern uint64_t rs_hash_bytes(const void *bytes, size_t len, uint64_t seed);

/* 64-bit hash of an integer. */
extern uint64_t rs_hash_int(uint64_t value, uint64_t seed);

/*
 * k initial components: mean 0, standard deviation 0.1 / sqrt(k) (Rendle et
 * al. 2021, section 4), uniform, from the hash of an id.
 */
extern void rs_initial_factors(uint64_t id_hash, uint64_t seed, int k, float *out);

#endif							/* RS_RNG_H */
