/*-------------------------------------------------------------------------
 *
 * kernel_ops.h
 *		Inside the kernel: the table of dispatched functions, and the bodies
 *		that are written once and compiled for every instruction set.
 *
 * Only kernel/ includes this file.  A body here is plain C that the compiler
 * vectorises; kernel.c instantiates it for the baseline, kernel_avx2.c and
 * kernel_avx512.c under a target attribute.  The compiler never fuses products
 * (-ffp-contract=off); a body that is told to (fused) asks for it.
 *
 * Every element is computed by the same operations in the same order whatever
 * the width of the registers: a function gives the same bits at all levels
 * with fused multiply-add, and where nothing is fused at all levels.
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

/* Rows that will be gathered next: asked for while others are worked on. */
typedef struct RsAhead
{
	const float *factors;
	size_t		stride;
	const int32_t *index;
	int			n;
} RsAhead;

/* Some cells of a row and what each counts for. */
typedef struct RsProjection
{
	const float *factors;
	const uint16_t *halves;		/* instead of factors, or NULL; see halve */
	size_t		stride;
	const int32_t *index;		/* which rows */
	int			n;
	int			known;			/* elements of index, n and those to come */
	const float *constant;		/* n */
	const float *weight;		/* n */
	float		offset;
} RsProjection;

/* A user for scan, which compares with whole numbers: see search.c. */
typedef struct RsScan
{
	const int8_t *codes;		/* four a group */
	int32_t		start;			/* -128 times their sum */
	float		bias_factor;
	float		cut;
} RsScan;

typedef struct RsKernelOps
{
	double		(*dot) (const float *x, const float *y, size_t n);
	double		(*distance_squared) (const float *x, const float *y, size_t n);

	/*
	 * packed = scaled copies of rows; rhs = weighted sum of them, and so sums
	 * unless it is NULL.  Here and below everything is 64-byte aligned and
	 * strides are multiples of RS_STRIDE_UNIT.
	 */
	void		(*gather) (const RsGather *gather, float *packed,
						   float *rhs, float *sums);

	/*
	 * matrix[a][b] += sum over n rows of row_a row_b, for 0 <= a <= b < last,
	 * a multiple of RS_TILE_UNIT; elements below the diagonal may be
	 * overwritten.  ahead may be NULL.
	 */
	void		(*rank_update) (float *matrix, size_t stride, const float *rows,
								size_t row_stride, int n, int last,
								const RsAhead *ahead);

	/*
	 * matrix[a][b] -= row_a row_b, one row after the other, for first <= a <=
	 * b < last; first is a multiple of RS_STRIDE_UNIT.
	 */
	void		(*eliminate) (float *matrix, size_t stride, const float *rows,
							  int n, int first, int last);

	/*
	 * Turn rows [first, first + n) of an upper triangle, from which earlier
	 * rows were eliminated, into rows of its Cholesky factor; false when a
	 * pivot is not above its floor.  Columns up to last are valid.
	 */
	bool		(*factor_panel) (float *matrix, size_t stride, int first, int n,
								 int last, const float *floor);

	/* to[j][i] = scale[j] rows[i][j] for n rows, a multiple of RS_STRIDE_UNIT. */
	void		(*transpose) (const float *rows, size_t stride, int n,
							  const float *scale, float *to, size_t to_stride);

	/* Solve U'U x = z in place, U the upper triangle of an m x m matrix. */
	void		(*substitute) (const float *matrix, size_t stride, int m,
							   double *z);

	/*
	 * The same for as many systems as a register has lanes, bit by bit: see
	 * batch_body.h.  interleave() takes one matrix for each lane;
	 * factor_lanes() returns a bit for each lane without a pivot below its floor.
	 */
	int			lanes;
	void		(*interleave) (float *const *matrices, size_t stride, int m,
							   float *u);
	uint32_t	(*factor_lanes) (float *u, int m, const float *floor);
	void		(*substitute_lanes) (const float *u, int m, double *z);

	/*
	 * sums[a * stride + b] += y_a y_b over n rows one after the other, for
	 * first <= a < first + RS_TILE_UNIT and first <= b < last.
	 */
	void		(*gramian_panel) (const float *factors, int32_t n, size_t stride,
								  int first, int last, double *sums);

	/* See rs_turn(). */
	void		(*turn) (const double *columns, int k, size_t stride,
						 const float *rows, int n, float *turned);

	/*
	 * product_i = row_i.x + offset; out += sum of (constant_i + weight_i
	 * product_i) row_i, one row after the other.
	 */
	void		(*project) (const RsProjection *p, const float *x, float *product,
							float *out);

	/*
	 * n numbers times scale in half precision, for project; a multiple of
	 * RS_STRIDE_UNIT.  NULL where project does not know halves.
	 */
	void		(*halve) (const float *from, size_t n, float scale, uint16_t *to);

	/*
	 * out_v += sum over n rows of f_v[row] row, for count vectors f_v and out_v
	 * of stride floats; out not among the rows
	 */
	void		(*combine) (const float *rows, size_t stride, int n,
							const float *f, float *out, int count);

	/*
	 * Bit i of above_u: start + codes_i.codes + bias_i bias_factor > cut for user
	 * u of n and item i of a block of RS_BLOCK (search_index.h draws it); biases
	 * may be NULL.  No code of a user may exceed scan_limit.
	 */
	void		(*scan) (const uint8_t *codes, int groups, const float *biases,
						 const RsScan *users, int n, uint64_t *above);
	int			scan_limit;

	/*
	 * codes_j = 128 + q_j, q_j being x_j times inverse to the next whole number;
	 * returns the sum of (x_j - scale q_j)^2.  n is a multiple of RS_LANES.
	 */
	double		(*quantize) (const float *x, int n, double inverse, double scale,
							 uint8_t *codes);
} RsKernelOps;

/* Most lanes of any level. */
#define RS_MAX_BATCH	16

/* The table in use; never NULL. */
extern const RsKernelOps *rs_kernel_ops;

#if defined(__x86_64__)
extern const RsKernelOps rs_kernel_avx2;
extern const RsKernelOps rs_kernel_avx512;
extern const RsKernelOps rs_kernel_avx512_vnni;
#endif

/* Of search_scan.c, for the tables. */
#define RS_SCAN_FUNCTIONS(level) \
	extern void rs_##level##_scan(const uint8_t *codes, int groups, const float *biases, \
								  const RsScan *users, int n, uint64_t *above); \
	extern double rs_##level##_quantize(const float *x, int n, double inverse, double scale, \
										uint8_t *codes)
RS_SCAN_FUNCTIONS(portable);
RS_SCAN_FUNCTIONS(avx2);
RS_SCAN_FUNCTIONS(avx512);
RS_SCAN_FUNCTIONS(vnni);

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

/* c + a b and c - a b, rounded once or twice */
RS_INLINE float
rs_add_product(float c, float a, float b, const bool fused)
{
	return fused ? __builtin_fmaf(a, b, c) : c + a * b;
}

RS_INLINE double
rs_subtract_product(double c, double a, double b, const bool fused)
{
	return fused ? __builtin_fma(-a, b, c) : c - a * b;
}

RS_INLINE void
rs_body_gather(const RsGather *gather, float *restrict packed,
			   float *restrict rhs, float *restrict sums, const bool fused)
{
	size_t		width = gather->stride;

	memset(rhs, 0, width * sizeof(float));
	if (sums != NULL)
		memset(sums, 0, width * sizeof(float));
	for (int r = 0; r < gather->n; r++)
	{
		const float *restrict row = gather->factors + (size_t) gather->index[r] * width;
		float		scale = gather->scale[r];
		float		in_rhs = gather->rhs[r];
		float		in_sums = gather->weight[r];

		for (size_t j = 0; j < width; j++)
		{
			packed[j] = scale * row[j];
			rhs[j] = rs_add_product(rhs[j], in_rhs, row[j], fused);
		}
		if (sums != NULL)
		{
			for (size_t j = 0; j < width; j++)
				sums[j] = rs_add_product(sums[j], in_sums, row[j], fused);
		}
		packed += width;
	}
}

/* Cells that are asked for before they are projected. */
#define RS_PROJECT_AHEAD	16

/* Ask for all lines of count rows. */
RS_INLINE void
rs_project_ask(const RsProjection *p, int first, const int count, const bool half)
{
	size_t		size = p->stride * (half ? sizeof(uint16_t) : sizeof(float));
	const char *base = half ? (const char *) p->halves : (const char *) p->factors;

	for (int i = first; i < first + count && i < p->known; i++)
	{
		const char *row = base + (size_t) p->index[i] * size;

		for (size_t j = 0; j < size; j += 64)
			__builtin_prefetch(row + j);
	}
}

/* Four rows at once, to load and store out only once for them. */
RS_INLINE void
rs_body_combine_one(const float *restrict rows, size_t stride, int n,
					const float *restrict f, float *restrict out, const bool fused)
{
	int			r = 0;

	for (; r + 4 <= n; r += 4, rows += 4 * stride)
	{
		for (size_t j = 0; j < stride; j++)
		{
			float		sum = rs_add_product(out[j], f[r], rows[j], fused);

			sum = rs_add_product(sum, f[r + 1], rows[stride + j], fused);
			sum = rs_add_product(sum, f[r + 2], rows[2 * stride + j], fused);
			out[j] = rs_add_product(sum, f[r + 3], rows[3 * stride + j], fused);
		}
	}
	for (; r < n; r++, rows += stride)
	{
		for (size_t j = 0; j < stride; j++)
			out[j] = rs_add_product(out[j], f[r], rows[j], fused);
	}
}

RS_INLINE void
rs_body_combine(const float *rows, size_t stride, int n, const float *f, float *out, int count,
				const bool fused)
{
	for (int v = 0; v < count; v++)
		rs_body_combine_one(rows, stride, n, f + (size_t) v * stride, out + (size_t) v * stride, fused);
}

/* Lanes of a sum in the backward substitution. */
#define RS_BACK_LANES	8

RS_INLINE void
rs_body_substitute(const float *matrix, size_t stride, int m, double *restrict z,
				   const bool fused)
{
	for (int i = 0; i < m; i++)
	{
		const float *restrict row = matrix + (size_t) i * stride;
		double		f = z[i] / (double) row[i];

		z[i] = f;
		for (int j = i + 1; j < m; j++)
			z[j] = rs_subtract_product(z[j], f, (double) row[j], fused);
	}
	for (int i = m - 1; i >= 0; i--)
	{
		const float *restrict row = matrix + (size_t) i * stride;
		double		lane[RS_BACK_LANES] = {0};
		int			j = i + 1;

		for (; j + RS_BACK_LANES <= m; j += RS_BACK_LANES)
		{
			for (int l = 0; l < RS_BACK_LANES; l++)
				lane[l] = rs_subtract_product(lane[l], (double) row[j + l], z[j + l], fused);
		}
		for (int l = 0; j + l < m; l++)
			lane[l] = rs_subtract_product(lane[l], (double) row[j + l], z[j + l], fused);
		for (int width = RS_BACK_LANES / 2; width > 0; width /= 2)
		{
			for (int l = 0; l < width; l++)
				lane[l] += lane[l + width];
		}
		z[i] = (z[i] + lane[0]) / (double) row[i];
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

/* Some rows side by side, RS_TILE_UNIT components of each in registers. */
RS_INLINE void
rs_body_turn_rows(const double *restrict columns, int k, size_t stride,
				  const float *restrict rows, float *restrict turned, const int count,
				  const bool fused)
{
	for (size_t a = 0; a < stride; a += RS_TILE_UNIT)
	{
		double		sum[4][RS_TILE_UNIT] = {{0}};

		for (int b = 0; b < k; b++)
		{
			const double *column = columns + (size_t) b * stride + a;

#pragma GCC unroll 4
			for (int i = 0; i < count; i++)
			{
				double		x = (double) rows[(size_t) i * stride + (size_t) b];

#pragma GCC unroll 8
				for (int l = 0; l < RS_TILE_UNIT; l++)
					sum[i][l] = rs_subtract_product(sum[i][l], -x, column[l], fused);
			}
		}
		for (int i = 0; i < count; i++)
		{
			for (int l = 0; l < RS_TILE_UNIT; l++)
				turned[(size_t) i * stride + a + (size_t) l] = (float) sum[i][l];
		}
	}
}

RS_INLINE void
rs_body_turn(const double *columns, int k, size_t stride, const float *rows, int n,
			 float *turned, const bool fused)
{
	int			i = 0;

	for (; i + 4 <= n; i += 4)
		rs_body_turn_rows(columns, k, stride, rows + (size_t) i * stride,
						  turned + (size_t) i * stride, 4, fused);
	for (; i < n; i++)
		rs_body_turn_rows(columns, k, stride, rows + (size_t) i * stride,
						  turned + (size_t) i * stride, 1, fused);
}

#endif							/* RS_KERNEL_OPS_H */
