/*-------------------------------------------------------------------------
 *
 * kernel.h
 *		Dot products and their relatives, dispatched once per process to the
 *		best instruction set that the CPU and the operating system offer.
 *
 * Pure C, no PostgreSQL.  The functions here are read-only and thread-safe
 * after rs_kernel_init().
 *
 * Results that users compare are the same bits on every CPU: products of two
 * floats are exact in double, and lane i mod 16 takes element i, whatever the
 * register width; the 16 lanes are then added in one fixed tree.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_KERNEL_H
#define RS_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Matrices, vectors and workspaces begin at a multiple of these bytes: a cache line. */
#define RS_ALIGNMENT	64

/* Floats per row of a factor matrix are a multiple of this. */
#define RS_STRIDE_UNIT	16
#define RS_STRIDE(k)	((((k) + RS_STRIDE_UNIT - 1) / RS_STRIDE_UNIT) * RS_STRIDE_UNIT)

typedef enum RsSimdLevel
{
	RS_SIMD_PORTABLE,
	RS_SIMD_AVX2,				/* AVX2, FMA and F16C */
	RS_SIMD_AVX512,				/* AVX-512 F, BW, DQ, VL */
	RS_SIMD_AVX512_VNNI			/* the same and VNNI: the bits of AVX512, a faster search */
} RsSimdLevel;

/* Status of a numeric routine; solver.h and the row solver share it. */
typedef enum RsStatus
{
	RS_OK = 0,
	RS_STOPPED,					/* the caller's tick asked to stop */
	RS_OUT_OF_MEMORY,
	RS_NOT_POSITIVE_DEFINITE,	/* a pivot was not safely positive */
	RS_NOT_FINITE,				/* NaN or infinity in a result */
	RS_NO_THREADS,				/* no thread could be started */
	RS_INVALID					/* arguments contradict each other */
} RsStatus;

/*
 * Position of element (i, i) in the upper triangle of an m x m matrix, packed by rows;
 * with i = m, how many numbers it has.
 */
static inline size_t
rs_triangle(int m, int i)
{
	return (size_t) i * (size_t) (2 * m - i + 1) / 2;
}

extern void rs_kernel_init(void);
extern RsSimdLevel rs_simd_best(void);
extern RsSimdLevel rs_simd_level(void);

/* For tests and benches: use this level from now on; false if the CPU lacks it. */
extern bool rs_simd_select(RsSimdLevel level);

/* Inner product of x and y (n floats each), in double. */
extern double rs_dot(const float *x, const float *y, size_t n);

/* Squared Euclidean distance of x and y (n floats each), in double. */
extern double rs_distance_squared(const float *x, const float *y, size_t n);

#endif							/* RS_KERNEL_H */
