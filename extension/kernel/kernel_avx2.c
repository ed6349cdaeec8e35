/*-------------------------------------------------------------------------
 *
 * kernel_avx2.c
 *		The kernel for x86-64 with AVX2 and FMA.
 *
 * Each function carries the target attribute, so the rest of the library runs
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

#define AVX2 __attribute__((target("avx2,fma,f16c")))

/* See batch_body.h. */
#define TARGET			AVX2
#define LANES			8
#define TILE_WIDTH		2
#define VECTOR			__m256
#define V_LOAD(p)		_mm256_load_ps(p)
#define V_STORE(p, v)	_mm256_store_ps((p), (v))
#define V_SPLAT(f)		_mm256_set1_ps(f)
#define V_MUL(a, b)		_mm256_mul_ps((a), (b))
#define V_DIV(a, b)		_mm256_div_ps((a), (b))
#define V_SQRT(a)		_mm256_sqrt_ps(a)
#define V_FNMADD(a, b, c)	_mm256_fnmadd_ps((a), (b), (c))
#define V_GREATER(a, b) \
	(uint32_t) _mm256_movemask_ps(_mm256_cmp_ps((a), (b), _CMP_GT_OQ))
#define V_WHERE_GREATER(a, b, yes, no) \
	_mm256_blendv_ps((no), (yes), _mm256_cmp_ps((a), (b), _CMP_GT_OQ))
#define V_TRANSPOSE(v)	avx2_transpose(v)
#define HALF			__m256d
#define H_LOAD(p)		_mm256_load_pd(p)
#define H_STORE(p, v)	_mm256_store_pd((p), (v))
#define H_SPLAT(f)		_mm256_set1_pd(f)
#define H_ADD(a, b)		_mm256_add_pd((a), (b))
#define H_DIV(a, b)		_mm256_div_pd((a), (b))
#define H_FNMADD(a, b, c)	_mm256_fnmadd_pd((a), (b), (c))
#define H_WIDEN(p)		_mm256_cvtps_pd(_mm_load_ps(p))

/* v[l][b] becomes v[b][l]. */
AVX2 RS_INLINE void
avx2_transpose(__m256 v[8])
{
	__m256		t[8];

#pragma GCC unroll 4
	for (int i = 0; i < 8; i += 2)
	{
		t[i] = _mm256_unpacklo_ps(v[i], v[i + 1]);
		t[i + 1] = _mm256_unpackhi_ps(v[i], v[i + 1]);
	}
#pragma GCC unroll 2
	for (int i = 0; i < 8; i += 4)
	{
		v[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
		v[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xee);
		v[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
		v[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xee);
	}
#pragma GCC unroll 4
	for (int i = 0; i < 4; i++)
	{
		t[i] = _mm256_permute2f128_ps(v[i], v[i + 4], 0x20);
		t[i + 4] = _mm256_permute2f128_ps(v[i], v[i + 4], 0x31);
	}
#pragma GCC unroll 8
	for (int i = 0; i < 8; i++)
		v[i] = t[i];
}

#include "kernel/batch_body.h"

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
 * One register tile: height rows by width vectors of the matrix, over all
 * gathered rows.  Both are constants where it is inlined; 6 x 2 fills 15 of
 * the 16 registers.  Adding sums from zero, as their rounding errors are then
 * relative to a chunk; subtracting starts from the matrix, as batch_body.h does.
 */
AVX2 RS_INLINE void
avx2_tile(float *matrix, size_t stride, const float *left, const float *right,
		  size_t row_stride, int n, const bool subtract, const int height, const int width)
{
	__m256		sum[6][2];

#pragma GCC unroll 6
	for (int i = 0; i < height; i++)
	{
#pragma GCC unroll 2
		for (int v = 0; v < width; v++)
			sum[i][v] = subtract ? _mm256_load_ps(matrix + (size_t) i * stride + 8 * v)
				: _mm256_setzero_ps();
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
				sum[i][v] = subtract ? _mm256_fnmadd_ps(x, y[v], sum[i][v])
					: _mm256_fmadd_ps(x, y[v], sum[i][v]);
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

			_mm256_store_ps(out, subtract ? sum[i][v]
							: _mm256_add_ps(sum[i][v], _mm256_load_ps(out)));
		}
	}
}

/* A strip of height rows, from the diagonal to the right. */
AVX2 RS_INLINE void
avx2_strip(float *matrix, size_t stride, const float *rows, size_t row_stride,
		   int n, int a, int last, const bool subtract, const int height)
{
	int			b = a / 8 * 8;
	float	   *out = matrix + (size_t) a * stride;

	for (; b + 16 <= last; b += 16)
		avx2_tile(out + b, stride, rows + a, rows + b, row_stride, n, subtract, height, 2);
	if (b < last)
		avx2_tile(out + b, stride, rows + a, rows + b, row_stride, n, subtract, height, 1);
}

AVX2 RS_INLINE void
avx2_strips(float *matrix, size_t stride, const float *rows, size_t row_stride,
			int n, int first, int last, const bool subtract)
{
	int			a = first;

	for (; a + 6 <= last; a += 6)
		avx2_strip(matrix, stride, rows, row_stride, n, a, last, subtract, 6);

	/* last - first is even */
	if (a + 4 <= last)
	{
		avx2_strip(matrix, stride, rows, row_stride, n, a, last, subtract, 4);
		a += 4;
	}
	if (a + 2 <= last)
		avx2_strip(matrix, stride, rows, row_stride, n, a, last, subtract, 2);
}

/* The rows ahead are asked for at once: the loop below needs all registers. */
AVX2 static void
avx2_rank_update(float *matrix, size_t stride, const float *rows,
				 size_t row_stride, int n, int last, const RsAhead *ahead)
{
	for (int r = 0; ahead != NULL && r < ahead->n; r++)
	{
		const float *row = ahead->factors + (size_t) ahead->index[r] * ahead->stride;

		for (size_t j = 0; j < ahead->stride; j += 16)
			__builtin_prefetch(row + j);
	}
	avx2_strips(matrix, stride, rows, row_stride, n, 0, last, false);
}

AVX2 static void
avx2_eliminate(float *matrix, size_t stride, const float *rows, int n,
			   int first, int last)
{
	avx2_strips(matrix, stride, rows, stride, n, first, last, true);
}

AVX2 static void
avx2_gather(const RsGather *gather, float *packed, float *rhs, float *sums)
{
	rs_body_gather(gather, packed, rhs, sums, true);
}

AVX2 static void
avx2_substitute(const float *matrix, size_t stride, int m, double *z)
{
	rs_body_substitute(matrix, stride, m, z, true);
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

AVX2 static void
avx2_turn(const double *columns, int k, size_t stride, const float *rows, int n, float *turned)
{
	rs_body_turn(columns, k, stride, rows, n, turned, true);
}

/* Elements [j, j + 8) of row number r. */
AVX2 RS_INLINE __m256
avx2_load_row(const RsProjection *p, int r, size_t j, const bool half)
{
	size_t		at = (size_t) p->index[r] * p->stride + j;

	return half ? _mm256_cvtph_ps(_mm_load_si128((const __m128i *) (p->halves + at))) :
		_mm256_load_ps(p->factors + at);
}

/* A row's product by the lanes of the wider registers. */
AVX2 RS_INLINE float
avx2_row_product(const RsProjection *p, int r, const float *x, const bool half)
{
	__m256		low = _mm256_setzero_ps();
	__m256		high = _mm256_setzero_ps();
	__m128		sum;

	for (size_t j = 0; j < p->stride; j += 16)
	{
		low = _mm256_fmadd_ps(avx2_load_row(p, r, j, half), _mm256_load_ps(x + j), low);
		high = _mm256_fmadd_ps(avx2_load_row(p, r, j + 8, half), _mm256_load_ps(x + j + 8), high);
	}
	low = _mm256_add_ps(low, high);
	sum = _mm_add_ps(_mm256_castps256_ps128(low), _mm256_extractf128_ps(low, 1));
	sum = _mm_add_ps(sum, _mm_movehl_ps(sum, sum));
	return _mm_cvtss_f32(_mm_add_ss(sum, _mm_movehdup_ps(sum)));
}

AVX2 RS_INLINE void
avx2_project_from(const RsProjection *p, const float *x, float *product, float *out,
				  const bool half)
{
	for (int r = 0; r < p->n; r++)
	{
		__m256		f;

		rs_project_ask(p, r + RS_PROJECT_AHEAD, 1, half);
		product[r] = avx2_row_product(p, r, x, half) + p->offset;
		f = _mm256_set1_ps(rs_add_product(p->constant[r], p->weight[r], product[r], true));
		for (size_t j = 0; j < p->stride; j += 8)
			_mm256_store_ps(out + j, _mm256_fmadd_ps(f, avx2_load_row(p, r, j, half),
													 _mm256_load_ps(out + j)));
	}
}

AVX2 static void
avx2_project(const RsProjection *p, const float *x, float *product, float *out)
{
	if (p->halves != NULL)
		avx2_project_from(p, x, product, out, true);
	else
		avx2_project_from(p, x, product, out, false);
}

AVX2 static void
avx2_halve(const float *from, size_t n, float scale, uint16_t *to)
{
	for (size_t i = 0; i < n; i += 8)
		_mm_store_si128((__m128i *) (to + i),
						_mm256_cvtps_ph(_mm256_mul_ps(_mm256_load_ps(from + i), _mm256_set1_ps(scale)),
										_MM_FROUND_TO_NEAREST_INT));
}

AVX2 static void
avx2_combine(const float *rows, size_t stride, int n, const float *f, float *out, int count)
{
	rs_body_combine(rows, stride, n, f, out, count, true);
}

const RsKernelOps rs_kernel_avx2 = {
	.dot = avx2_dot,
	.distance_squared = avx2_distance_squared,
	.rank_update = avx2_rank_update,
	.eliminate = avx2_eliminate,
	.gather = avx2_gather,
	.factor_panel = factor_panel,
	.substitute = avx2_substitute,
	.transpose = transpose,
	.lanes = LANES,
	.interleave = interleave,
	.factor_lanes = factor_lanes,
	.substitute_lanes = substitute_lanes,
	.gramian_panel = avx2_gramian_panel,
	.turn = avx2_turn,
	.project = avx2_project,
	.halve = avx2_halve,
	.combine = avx2_combine,
	.scan = rs_avx2_scan,
	.scan_limit = 64,
	.quantize = rs_avx2_quantize
};

#else

/* A translation unit needs a declaration. */
typedef int rs_kernel_avx2_is_empty;

#endif							/* __x86_64__ */
