/*-------------------------------------------------------------------------
 *
 * kernel.c
 *		Chooses the instruction set once per process, and the functions that
 *		every CPU can run.
 *
 * The one variable is the pointer to the table in use.  It starts at the
 * portable table, so nothing breaks before rs_kernel_init().
 *
 *-------------------------------------------------------------------------
 */
#include "kernel/kernel.h"
#include "kernel/kernel_ops.h"

static double
portable_dot(const float *x, const float *y, size_t n)
{
	double		lane[RS_LANES] = {0};
	size_t		i = 0;

	for (; i + RS_LANES <= n; i += RS_LANES)
	{
		for (int l = 0; l < RS_LANES; l++)
			lane[l] += (double) x[i + l] * (double) y[i + l];
	}
	for (size_t l = 0; i + l < n; l++)
		lane[l] += (double) x[i + l] * (double) y[i + l];
	return rs_lane_sum(lane);
}

static double
portable_distance_squared(const float *x, const float *y, size_t n)
{
	double		lane[RS_LANES] = {0};
	size_t		i = 0;

	for (; i + RS_LANES <= n; i += RS_LANES)
	{
		for (int l = 0; l < RS_LANES; l++)
		{
			double		d = (double) x[i + l] - (double) y[i + l];

			lane[l] += d * d;
		}
	}
	for (size_t l = 0; i + l < n; l++)
	{
		double		d = (double) x[i + l] - (double) y[i + l];

		lane[l] += d * d;
	}
	return rs_lane_sum(lane);
}

static void
portable_rank_update(float *matrix, size_t stride, const float *rows,
					 size_t row_stride, int n, int first, int last, float sign)
{
	enum {HEIGHT = 4};

	for (int a = first; a < last; a += HEIGHT)
	{
		for (int b = a / RS_TILE_UNIT * RS_TILE_UNIT; b < last; b += RS_TILE_UNIT)
		{
			float		sum[HEIGHT][RS_TILE_UNIT] = {{0}};

			for (int r = 0; r < n; r++)
			{
				const float *left = rows + (size_t) r * row_stride + a;
				const float *right = rows + (size_t) r * row_stride + b;

				for (int i = 0; i < HEIGHT; i++)
				{
					for (int j = 0; j < RS_TILE_UNIT; j++)
						sum[i][j] += left[i] * right[j];
				}
			}
			for (int i = 0; i < HEIGHT; i++)
			{
				for (int j = 0; j < RS_TILE_UNIT; j++)
					matrix[(size_t) (a + i) * stride + b + j] += sign * sum[i][j];
			}
		}
	}
}

static void
portable_gather(const RsGather *gather, float *packed, float *rhs, float *sums)
{
	rs_body_gather(gather, packed, rhs, sums);
}

static bool
portable_factor_panel(float *matrix, size_t stride, int first, int n, int last,
					  const float *floor)
{
	return rs_body_factor_panel(matrix, stride, first, n, last, floor);
}

static void
portable_substitute(const float *matrix, size_t stride, int m, double *z)
{
	rs_body_substitute(matrix, stride, m, z);
}

static void
portable_gramian_tile(const double *left, const float *right, int n,
					  size_t stride, double *sums)
{
	rs_body_gramian_tile(left, right, n, stride, sums);
}

static void
portable_gramian_panel(const float *factors, int32_t n, size_t stride,
					   int first, int last, double *sums)
{
	rs_body_gramian_panel(factors, n, stride, first, last, sums,
						  portable_gramian_tile);
}

static const RsKernelOps portable_ops = {
	.dot = portable_dot,
	.distance_squared = portable_distance_squared,
	.rank_update = portable_rank_update,
	.gather = portable_gather,
	.factor_panel = portable_factor_panel,
	.substitute = portable_substitute,
	.gramian_panel = portable_gramian_panel
};

const RsKernelOps *rs_kernel_ops = &portable_ops;

/* The table of a level, or NULL when this build has none. */
static const RsKernelOps *
level_ops(RsSimdLevel level)
{
	switch (level)
	{
		case RS_SIMD_PORTABLE:
			return &portable_ops;
#if defined(__x86_64__)
		case RS_SIMD_AVX2:
			return &rs_kernel_avx2;
		case RS_SIMD_AVX512:
			return &rs_kernel_avx512;
#endif
		default:
			return NULL;
	}
}

void
rs_kernel_init(void)
{
	rs_kernel_ops = level_ops(rs_simd_best());
}

RsSimdLevel
rs_simd_best(void)
{
#if defined(__x86_64__)
	/* These tests include the operating system's support for the registers. */
	__builtin_cpu_init();
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
	{
		if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
			__builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
			return RS_SIMD_AVX512;
		return RS_SIMD_AVX2;
	}
#endif
	return RS_SIMD_PORTABLE;
}

RsSimdLevel
rs_simd_level(void)
{
#if defined(__x86_64__)
	if (rs_kernel_ops == &rs_kernel_avx512)
		return RS_SIMD_AVX512;
	if (rs_kernel_ops == &rs_kernel_avx2)
		return RS_SIMD_AVX2;
#endif
	return RS_SIMD_PORTABLE;
}

bool
rs_simd_select(RsSimdLevel level)
{
	const RsKernelOps *ops = level_ops(level);

	if (ops == NULL || level > rs_simd_best())
		return false;
	rs_kernel_ops = ops;
	return true;
}

double
rs_dot(const float *x, const float *y, size_t n)
{
	return rs_kernel_ops->dot(x, y, n);
}

double
rs_distance_squared(const float *x, const float *y, size_t n)
{
	return rs_kernel_ops->distance_squared(x, y, n);
}
