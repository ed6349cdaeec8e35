/*-------------------------------------------------------------------------
 *
 * kernel_x86.c
 *		The kernel for x86-64 with AVX2 and FMA, and with AVX-512.
 *
 * Each function carries its target attribute, so the rest of the library runs
 * on any x86-64.  dot and distance_squared give the portable code's bits: the
 * product of two floats is exact in double, so fusing it changes nothing, and
 * the square of a difference is not fused.
 *
 *-------------------------------------------------------------------------
 */
#include "kernel/kernel.h"

#if defined(__x86_64__)

#include <immintrin.h>

#include "kernel/kernel_ops.h"

#define AVX2 __attribute__((target("avx2,fma")))
#define AVX512 __attribute__((target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl")))

/* The last n < RS_LANES elements, padded with zeros, which add nothing. */
RS_INLINE void
copy_tail(float *to, const float *from, size_t n)
{
	memset(to, 0, RS_LANES * sizeof(float));
	memcpy(to, from, n * sizeof(float));
}

AVX2 RS_INLINE void
avx2_dot_step(__m256d *sum, const float *x, const float *y)
{
	for (int v = 0; v < 4; v++)
		sum[v] = _mm256_fmadd_pd(_mm256_cvtps_pd(_mm_loadu_ps(x + 4 * v)),
								 _mm256_cvtps_pd(_mm_loadu_ps(y + 4 * v)),
								 sum[v]);
}

AVX2 RS_INLINE void
avx2_distance_step(__m256d *sum, const float *x, const float *y)
{
	for (int v = 0; v < 4; v++)
	{
		__m256d		d = _mm256_sub_pd(_mm256_cvtps_pd(_mm_loadu_ps(x + 4 * v)),
									  _mm256_cvtps_pd(_mm_loadu_ps(y + 4 * v)));

		sum[v] = _mm256_add_pd(sum[v], _mm256_mul_pd(d, d));
	}
}

AVX2 RS_INLINE double
avx2_lane_sum(const __m256d *sum)
{
	double		lane[RS_LANES];

	for (int v = 0; v < 4; v++)
		_mm256_storeu_pd(lane + 4 * v, sum[v]);
	return rs_lane_sum(lane);
}

AVX2 static double
avx2_dot(const float *x, const float *y, size_t n)
{
	__m256d		sum[4] = {_mm256_setzero_pd(), _mm256_setzero_pd(),
		_mm256_setzero_pd(), _mm256_setzero_pd()};
	size_t		i = 0;

	for (; i + RS_LANES <= n; i += RS_LANES)
		avx2_dot_step(sum, x + i, y + i);
	if (i < n)
	{
		float		xs[RS_LANES];
		float		ys[RS_LANES];

		copy_tail(xs, x + i, n - i);
		copy_tail(ys, y + i, n - i);
		avx2_dot_step(sum, xs, ys);
	}
	return avx2_lane_sum(sum);
}

AVX2 static double
avx2_distance_squared(const float *x, const float *y, size_t n)
{
	__m256d		sum[4] = {_mm256_setzero_pd(), _mm256_setzero_pd(),
		_mm256_setzero_pd(), _mm256_setzero_pd()};
	size_t		i = 0;

	for (; i + RS_LANES <= n; i += RS_LANES)
		avx2_distance_step(sum, x + i, y + i);
	if (i < n)
	{
		float		xs[RS_LANES];
		float		ys[RS_LANES];

		copy_tail(xs, x + i, n - i);
		copy_tail(ys, y + i, n - i);
		avx2_distance_step(sum, xs, ys);
	}
	return avx2_lane_sum(sum);
}

/*
 * One register tile: height rows by width vectors of the matrix, summed over
 * all gathered rows.  Both are constants where it is inlined; 6 x 2 fills 15
 * of the 16 registers.
 */
AVX2 RS_INLINE void
avx2_tile(float *matrix, size_t stride, const float *left, const float *right,
		  size_t row_stride, int n, float sign, const int height, const int width)
{
	__m256		sum[6][2];

#pragma GCC unroll 6
	for (int i = 0; i < height; i++)
	{
#pragma GCC unroll 2
		for (int v = 0; v < width; v++)
			sum[i][v] = _mm256_setzero_ps();
	}
	for (int r = 0; r < n; r++)
	{
		__m256		y[2];

#pragma GCC unroll 2
		for (int v = 0; v < width; v++)
			y[v] = _mm256_load_ps(right + 8 * v);
#pragma GCC unroll 6
		for (int i = 0; i < height; i++)
		{
			__m256		x = _mm256_broadcast_ss(left + i);

#pragma GCC unroll 2
			for (int v = 0; v < width; v++)
				sum[i][v] = _mm256_fmadd_ps(x, y[v], sum[i][v]);
		}
		left += row_stride;
		right += row_stride;
	}
#pragma GCC unroll 6
	for (int i = 0; i < height; i++)
	{
#pragma GCC unroll 2
		for (int v = 0; v < width; v++)
		{
			float	   *out = matrix + (size_t) i * stride + 8 * v;

			_mm256_store_ps(out, _mm256_fmadd_ps(_mm256_set1_ps(sign), sum[i][v],
												 _mm256_load_ps(out)));
		}
	}
}

/* A strip of height rows, from the diagonal to the right. */
AVX2 RS_INLINE void
avx2_strip(float *matrix, size_t stride, const float *rows, size_t row_stride,
		   int n, int a, int last, float sign, const int height)
{
	int			b = a / 8 * 8;
	float	   *out = matrix + (size_t) a * stride;

	for (; b + 16 <= last; b += 16)
		avx2_tile(out + b, stride, rows + a, rows + b, row_stride, n, sign, height, 2);
	if (b < last)
		avx2_tile(out + b, stride, rows + a, rows + b, row_stride, n, sign, height, 1);
}

AVX2 static void
avx2_rank_update(float *matrix, size_t stride, const float *rows,
				 size_t row_stride, int n, int first, int last, float sign)
{
	int			a = first;

	for (; a + 6 <= last; a += 6)
		avx2_strip(matrix, stride, rows, row_stride, n, a, last, sign, 6);

	/* last - first is even */
	if (a + 4 <= last)
	{
		avx2_strip(matrix, stride, rows, row_stride, n, a, last, sign, 4);
		a += 4;
	}
	if (a + 2 <= last)
		avx2_strip(matrix, stride, rows, row_stride, n, a, last, sign, 2);
}

AVX2 static void
avx2_gather(const RsGather *gather, float *packed, float *rhs, float *sums)
{
	rs_body_gather(gather, packed, rhs, sums);
}

AVX2 static bool
avx2_factor_panel(float *matrix, size_t stride, int first, int n, int last,
				  const float *floor)
{
	return rs_body_factor_panel(matrix, stride, first, n, last, floor);
}

AVX2 static void
avx2_substitute(const float *matrix, size_t stride, int m, double *z)
{
	rs_body_substitute(matrix, stride, m, z);
}

/* 4 x 8 doubles; fusing changes nothing, the products are exact. */
AVX2 static void
avx2_gramian_tile(const double *left, const float *right, int n, size_t stride,
				  double *sums)
{
	__m256d		tile[RS_GRAMIAN_HEIGHT][2];

#pragma GCC unroll 4
	for (int a = 0; a < RS_GRAMIAN_HEIGHT; a++)
	{
		tile[a][0] = _mm256_loadu_pd(sums + (size_t) a * stride);
		tile[a][1] = _mm256_loadu_pd(sums + (size_t) a * stride + 4);
	}
	for (int r = 0; r < n; r++)
	{
		__m256d		low = _mm256_cvtps_pd(_mm_loadu_ps(right));
		__m256d		high = _mm256_cvtps_pd(_mm_loadu_ps(right + 4));

#pragma GCC unroll 4
		for (int a = 0; a < RS_GRAMIAN_HEIGHT; a++)
		{
			__m256d		y = _mm256_broadcast_sd(left + a);

			tile[a][0] = _mm256_fmadd_pd(y, low, tile[a][0]);
			tile[a][1] = _mm256_fmadd_pd(y, high, tile[a][1]);
		}
		left += RS_TILE_UNIT;
		right += stride;
	}
#pragma GCC unroll 4
	for (int a = 0; a < RS_GRAMIAN_HEIGHT; a++)
	{
		_mm256_storeu_pd(sums + (size_t) a * stride, tile[a][0]);
		_mm256_storeu_pd(sums + (size_t) a * stride + 4, tile[a][1]);
	}
}

AVX2 static void
avx2_gramian_panel(const float *factors, int32_t n, size_t stride,
				   int first, int last, double *sums)
{
	rs_body_gramian_panel(factors, n, stride, first, last, sums, avx2_gramian_tile);
}

const RsKernelOps rs_kernel_avx2 = {
	.dot = avx2_dot,
	.distance_squared = avx2_distance_squared,
	.rank_update = avx2_rank_update,
	.gather = avx2_gather,
	.factor_panel = avx2_factor_panel,
	.substitute = avx2_substitute,
	.gramian_panel = avx2_gramian_panel
};

AVX512 RS_INLINE double
avx512_lane_sum(__m512d low, __m512d high)
{
	double		lane[RS_LANES];

	_mm512_storeu_pd(lane, low);
	_mm512_storeu_pd(lane + 8, high);
	return rs_lane_sum(lane);
}

AVX512 static double
avx512_dot(const float *x, const float *y, size_t n)
{
	__m512d		low = _mm512_setzero_pd();
	__m512d		high = _mm512_setzero_pd();

	for (size_t i = 0; i < n; i += RS_LANES)
	{
		__mmask16	mask = n - i >= RS_LANES ? 0xffff : (1u << (n - i)) - 1;
		__m512		a = _mm512_maskz_loadu_ps(mask, x + i);
		__m512		b = _mm512_maskz_loadu_ps(mask, y + i);

		low = _mm512_fmadd_pd(_mm512_cvtps_pd(_mm512_castps512_ps256(a)),
							  _mm512_cvtps_pd(_mm512_castps512_ps256(b)), low);
		high = _mm512_fmadd_pd(_mm512_cvtps_pd(_mm512_extractf32x8_ps(a, 1)),
							   _mm512_cvtps_pd(_mm512_extractf32x8_ps(b, 1)), high);
	}
	return avx512_lane_sum(low, high);
}

AVX512 static double
avx512_distance_squared(const float *x, const float *y, size_t n)
{
	__m512d		low = _mm512_setzero_pd();
	__m512d		high = _mm512_setzero_pd();

	for (size_t i = 0; i < n; i += RS_LANES)
	{
		__mmask16	mask = n - i >= RS_LANES ? 0xffff : (1u << (n - i)) - 1;
		__m512		a = _mm512_maskz_loadu_ps(mask, x + i);
		__m512		b = _mm512_maskz_loadu_ps(mask, y + i);
		__m512d		d;

		d = _mm512_sub_pd(_mm512_cvtps_pd(_mm512_castps512_ps256(a)),
						  _mm512_cvtps_pd(_mm512_castps512_ps256(b)));
		low = _mm512_add_pd(low, _mm512_mul_pd(d, d));
		d = _mm512_sub_pd(_mm512_cvtps_pd(_mm512_extractf32x8_ps(a, 1)),
						  _mm512_cvtps_pd(_mm512_extractf32x8_ps(b, 1)));
		high = _mm512_add_pd(high, _mm512_mul_pd(d, d));
	}
	return avx512_lane_sum(low, high);
}

const RsKernelOps rs_kernel_avx512 = {
	.dot = avx512_dot,
	.distance_squared = avx512_distance_squared,
	.rank_update = avx2_rank_update,
	.gather = avx2_gather,
	.factor_panel = avx2_factor_panel,
	.substitute = avx2_substitute,
	.gramian_panel = avx2_gramian_panel
};

#else

/* A translation unit needs a declaration. */
typedef int rs_kernel_x86_is_empty;

#endif							/* __x86_64__ */
