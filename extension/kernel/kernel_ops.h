/*-------------------------------------------------------------------------
 *
 * kernel_ops.h
 *		Inside the kernel: the table of dispatched functions, and the bodies
 *		that are written once and compiled for every instruction set.
 *
 * Only kernel/ includes this file.  A body here is plain C that the compiler
 * vectorises; kernel.c instantiates it for the baseline, kernel_x86.c under a
 * target attribute.  Products are never fused (-ffp-contract=off), each
 * element is computed by the same operations in the same order, so a body
 * gives the same bits at every level.  The exception is rank_update, which
 * kernel_x86.c writes with fused multiply-add.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_KERNEL_OPS_H
#define RS_KERNEL_OPS_H

#include <math.h>
#include <string.h>

#include "kernel/kernel.h"
#include "kernel/row.h"

#define RS_INLINE static inline __attribute__((always_inline))

/* Lanes of a dot product, and components of a tile of rank_update. */
#define RS_LANES		16
#define RS_TILE_UNIT	8

/* Rows that are gathered before a rank update: 12 kB at 64 factors. */
#define RS_GATHER_ROWS	48

/* What gather() reads for each of its n <= RS_GATHER_ROWS rows. */
typedef struct RsGather
{
	const float *factors;
	size_t		stride;			/* of factors, packed, rhs and sums */
	const int32_t *index;		/* which rows */
	int			n;
	float		scale[RS_GATHER_ROWS];	/* factor of a packed row */
	float		rhs[RS_GATHER_ROWS];	/* factor of a row in the sum rhs */
	float		weight[RS_GATHER_ROWS]; /* factor of a row in the sum sums */
} RsGather;

typedef struct RsKernelOps
{
	double		(*dot) (const float *x, const float *y, size_t n);
	double		(*distance_squared) (const float *x, const float *y, size_t n);

	/*
	 * Here first and last are multiples of RS_TILE_UNIT, everything is 32-byte
	 * aligned, and strides are multiples of RS_STRIDE_UNIT.
	 */
	RsRankUpdate rank_update;

	/* packed = scaled copies of rows; rhs and sums = weighted sums of them */
	void		(*gather) (const RsGather *gather, float *packed,
						   float *rhs, float *sums);

	/*
	 * Turn rows [first, first + n) of an upper triangle, from which earlier
	 * rows were eliminated, into rows of its Cholesky factor; false when a
	 * pivot is not above its floor.  Columns up to last are valid.
	 */
	bool		(*factor_panel) (float *matrix, size_t stride, int first, int n,
								 int last, const float *floor);

	/* Solve U'U x = z in place, U the upper triangle of an m x m matrix. */
	void		(*substitute) (const float *matrix, size_t stride, int m,
							   double *z);

	/*
	 * sums[a * stride + b] += y_a y_b over n rows one after the other, for
	 * first <= a < first + RS_TILE_UNIT and first <= b < last.
	 */
	void		(*gramian_panel) (const float *factors, int32_t n, size_t stride,
								  int first, int last, double *sums);
} RsKernelOps;

/* The table in use; never NULL. */
extern const RsKernelOps *rs_kernel_ops;

#if defined(__x86_64__)
extern const RsKernelOps rs_kernel_avx2;
extern const RsKernelOps rs_kernel_avx512;
#endif

/* The one order in which the lanes of a dot product are added. */
RS_INLINE double
rs_lane_sum(double *lane)
{
	for (int width = RS_LANES / 2; width > 0; width /= 2)
	{
		for (int i = 0; i < width; i++)
			lane[i] += lane[i + width];
	}
	return lane[0];
}

RS_INLINE void
rs_body_gather(const RsGather *gather, float *restrict packed,
			   float *restrict rhs, float *restrict sums)
{
	size_t		width = gather->stride;

	memset(rhs, 0, width * sizeof(float));
	memset(sums, 0, width * sizeof(float));
	for (int r = 0; r < gather->n; r++)
	{
		const float *restrict row = gather->factors + (size_t) gather->index[r] * width;
		float		scale = gather->scale[r];
		float		in_rhs = gather->rhs[r];
		float		in_sums = gather->weight[r];

		/* Rows lie anywhere: ask for a later one while working on this. */
		if (r + 4 < gather->n)
		{
			const char *ahead = (const char *) (gather->factors +
												(size_t) gather->index[r + 4] * width);

			for (size_t i = 0; i < width * sizeof(float); i += 64)
				__builtin_prefetch(ahead + i);
		}
		for (size_t j = 0; j < width; j++)
		{
			packed[j] = scale * row[j];
			rhs[j] += in_rhs * row[j];
			sums[j] += in_sums * row[j];
		}
		packed += width;
	}
}

RS_INLINE bool
rs_body_factor_panel(float *matrix, size_t stride, int first, int n, int last,
					 const float *floor)
{
	for (int i = first; i < first + n; i++)
	{
		float	   *restrict row = matrix + (size_t) i * stride;
		float		inverse;

		for (int p = first; p < i; p++)
		{
			const float *restrict above = matrix + (size_t) p * stride;
			float		f = above[i];

			for (int j = i; j < last; j++)
				row[j] -= f * above[j];
		}
		if (!(row[i] > floor[i]))
			return false;
		inverse = 1.0f / sqrtf(row[i]);
		for (int j = i; j < last; j++)
			row[j] *= inverse;
	}
	return true;
}

RS_INLINE void
rs_body_substitute(const float *matrix, size_t stride, int m, double *restrict z)
{
	for (int i = 0; i < m; i++)
	{
		const float *restrict row = matrix + (size_t) i * stride;
		double		f = z[i] / (double) row[i];

		z[i] = f;
		for (int j = i + 1; j < m; j++)
			z[j] -= f * (double) row[j];
	}
	for (int i = m - 1; i >= 0; i--)
	{
		const float *restrict row = matrix + (size_t) i * stride;
		double		lane[RS_LANES] = {0};
		int			j = i + 1;

		for (; j + RS_LANES <= m; j += RS_LANES)
		{
			for (int l = 0; l < RS_LANES; l++)
				lane[l] += (double) row[j + l] * z[j + l];
		}
		for (int l = 0; j + l < m; l++)
			lane[l] += (double) row[j + l] * z[j + l];
		z[i] = (z[i] - rs_lane_sum(lane)) / (double) row[i];
	}
}

/*
 * A tile of the Gramian, RS_GRAMIAN_HEIGHT rows of it by RS_TILE_UNIT columns: add
 * n rows of factors.  left holds the tile's row components in double, each
 * row's RS_TILE_UNIT components together.
 */
#define RS_GRAMIAN_HEIGHT	4

RS_INLINE void
rs_body_gramian_tile(const double *restrict left, const float *restrict right,
					 int n, size_t stride, double *restrict sums)
{
	double		tile[RS_GRAMIAN_HEIGHT][RS_TILE_UNIT];

	for (int a = 0; a < RS_GRAMIAN_HEIGHT; a++)
		memcpy(tile[a], sums + (size_t) a * stride, sizeof(tile[a]));
	for (int r = 0; r < n; r++)
	{
		for (int a = 0; a < RS_GRAMIAN_HEIGHT; a++)
		{
			for (int b = 0; b < RS_TILE_UNIT; b++)
				tile[a][b] += left[a] * (double) right[b];
		}
		left += RS_TILE_UNIT;
		right += stride;
	}
	for (int a = 0; a < RS_GRAMIAN_HEIGHT; a++)
		memcpy(sums + (size_t) a * stride, tile[a], sizeof(tile[a]));
}

/* Rows of factors that are added at once: as many as fit the first cache. */
#define RS_GRAMIAN_ROWS		64

typedef void (*RsGramianTile) (const double *left, const float *right, int n,
							   size_t stride, double *sums);

RS_INLINE void
rs_body_gramian_panel(const float *factors, int32_t n, size_t stride,
					  int first, int last, double *sums, RsGramianTile tile)
{
	double		left[RS_GRAMIAN_ROWS * RS_TILE_UNIT];
	double	   *out = sums + (size_t) first * stride;

	for (int32_t start = 0; start < n;)
	{
		int			rows = n - start < RS_GRAMIAN_ROWS ? n - start : RS_GRAMIAN_ROWS;
		const float *block = factors + (size_t) start * stride;

		for (int r = 0; r < rows; r++)
		{
			for (int j = 0; j < RS_TILE_UNIT; j++)
				left[r * RS_TILE_UNIT + j] = (double) block[(size_t) r * stride + first + j];
		}
		for (int b = first; b < last; b += RS_TILE_UNIT)
		{
			for (int a = 0; a < RS_TILE_UNIT; a += RS_GRAMIAN_HEIGHT)
				tile(left + a, block + b, rows, stride, out + (size_t) a * stride + b);
		}
		start += rows;
	}
}

#endif							/* RS_KERNEL_OPS_H */
