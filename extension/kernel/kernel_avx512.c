/*-------------------------------------------------------------------------
 *
 * kernel_avx512.c
 *		The kernel for x86-64 with AVX-512 F, BW, DQ and VL, without and with VNNI.
 *
 * See kernel_avx2.c, whose bits these functions give.
 *
 *-------------------------------------------------------------------------
 */
#include "kernel/kernel.h"

#if defined(__x86_64__)

#include <immintrin.h>

#include "kernel/kernel_ops.h"

#define AVX512 __attribute__((target("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl")))

/* See batch_body.h. */
#define TARGET			AVX512
#define LANES			16
#define TILE_WIDTH		6
#define VECTOR			__m512
#define V_LOAD(p)		_mm512_load_ps(p)
#define V_STORE(p, v)	_mm512_store_ps((p), (v))
#define V_SPLAT(f)		_mm512_set1_ps(f)
#define V_MUL(a, b)		_mm512_mul_ps((a), (b))
#define V_DIV(a, b)		_mm512_div_ps((a), (b))
#define V_SQRT(a)		_mm512_sqrt_ps(a)
#define V_FNMADD(a, b, c)	_mm512_fnmadd_ps((a), (b), (c))
#define V_GREATER(a, b)	(uint32_t) _mm512_cmp_ps_mask((a), (b), _CMP_GT_OQ)
#define V_WHERE_GREATER(a, b, yes, no) \
	_mm512_mask_mov_ps((no), _mm512_cmp_ps_mask((a), (b), _CMP_GT_OQ), (yes))
#define V_TRANSPOSE(v)	avx512_transpose(v)
#define HALF			__m512d
#define H_LOAD(p)		_mm512_load_pd(p)
#define H_STORE(p, v)	_mm512_store_pd((p), (v))
#define H_SPLAT(f)		_mm512_set1_pd(f)
#define H_ADD(a, b)		_mm512_add_pd((a), (b))
#define H_DIV(a, b)		_mm512_div_pd((a), (b))
#define H_FNMADD(a, b, c)	_mm512_fnmadd_pd((a), (b), (c))
#define H_WIDEN(p)		_mm512_cvtps_pd(_mm256_load_ps(p))

/* v[l][b] becomes v[b][l]: pairs, fours, then quarters of registers. */
AVX512 RS_INLINE void
avx512_transpose(__m512 v[16])
{
	__m512		t[16];

#pragma GCC unroll 8
	for (int i = 0; i < 16; i += 2)
	{
		t[i] = _mm512_unpacklo_ps(v[i], v[i + 1]);
		t[i + 1] = _mm512_unpackhi_ps(v[i], v[i + 1]);
	}
#pragma GCC unroll 4
	for (int i = 0; i < 16; i += 4)
	{
		v[i] = _mm512_shuffle_ps(t[i], t[i + 2], 0x44);
		v[i + 1] = _mm512_shuffle_ps(t[i], t[i + 2], 0xee);
		v[i + 2] = _mm512_shuffle_ps(t[i + 1], t[i + 3], 0x44);
		v[i + 3] = _mm512_shuffle_ps(t[i + 1], t[i + 3], 0xee);
	}
#pragma GCC unroll 4
	for (int i = 0; i < 4; i++)
	{
		t[i] = _mm512_shuffle_f32x4(v[i], v[i + 4], 0x88);
		t[i + 4] = _mm512_shuffle_f32x4(v[i], v[i + 4], 0xdd);
		t[i + 8] = _mm512_shuffle_f32x4(v[i + 8], v[i + 12], 0x88);
		t[i + 12] = _mm512_shuffle_f32x4(v[i + 8], v[i + 12], 0xdd);
	}
#pragma GCC unroll 4
	for (int i = 0; i < 4; i++)
	{
		v[i] = _mm512_shuffle_f32x4(t[i], t[i + 8], 0x88);
		v[i + 4] = _mm512_shuffle_f32x4(t[i + 4], t[i + 12], 0x88);
		v[i + 8] = _mm512_shuffle_f32x4(t[i], t[i + 8], 0xdd);
		v[i + 12] = _mm512_shuffle_f32x4(t[i + 4], t[i + 12], 0xdd);
	}
}

#include "kernel/batch_body.h"

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

/* What a tile asks for while it works: line number line of the rows ahead. */
AVX512 RS_INLINE void
avx512_ask(const RsAhead *ahead, size_t line, int r)
{
	if (r < ahead->n)
		_mm_prefetch((const char *) (ahead->factors + (size_t) ahead->index[r] * ahead->stride +
									 16 * line), _MM_HINT_T0);
}

/*
 * One register tile: 8 rows by width vectors of the matrix, over all gathered
 * rows.  See avx2_tile.  8 x 3 accumulators take 11 loads for 24 multiply-adds, two
 * of each a cycle; 4 vectors are better as 2 + 2 than as 3 + 1, as 8 accumulators
 * hardly cover the latency.  Measured per row: 11.6 ns at 32 columns, 41 at 64, 155
 * at 128, 610 at 256, which is 79 to 92 percent of the peak in useful operations.
 * Chunks of 64 and 96 rows instead of 48 are no faster.
 */
AVX512 RS_INLINE void
avx512_tile(float *matrix, size_t stride, const float *left, const float *right,
			size_t row_stride, int n, const RsAhead *ahead, size_t line,
			const bool subtract, const int width)
{
	__m512		sum[8][3];

#pragma GCC unroll 8
	for (int i = 0; i < 8; i++)
	{
#pragma GCC unroll 3
		for (int v = 0; v < width; v++)
			sum[i][v] = subtract ? _mm512_load_ps(matrix + (size_t) i * stride + 16 * v) :
				_mm512_setzero_ps();
	}
	for (int r = 0; r < n; r++)
	{
		__m512		y[3];

		if (ahead != NULL)
			avx512_ask(ahead, line, r);
#pragma GCC unroll 3
		for (int v = 0; v < width; v++)
			y[v] = _mm512_load_ps(right + 16 * v);
#pragma GCC unroll 8
		for (int i = 0; i < 8; i++)
		{
			__m512		x = _mm512_set1_ps(left[i]);

#pragma GCC unroll 3
			for (int v = 0; v < width; v++)
				sum[i][v] = subtract ? _mm512_fnmadd_ps(x, y[v], sum[i][v])
					: _mm512_fmadd_ps(x, y[v], sum[i][v]);
		}
		left += row_stride;
		right += row_stride;
	}
#pragma GCC unroll 8
	for (int i = 0; i < 8; i++)
	{
#pragma GCC unroll 3
		for (int v = 0; v < width; v++)
		{
			float	   *out = matrix + (size_t) i * stride + 16 * v;

			_mm512_store_ps(out, subtract ? sum[i][v] : _mm512_add_ps(sum[i][v], _mm512_load_ps(out)));
		}
	}
}

/*
 * The same for 8 columns, at the diagonal or at the end: in half the time where
 * registers of half the width take two multiply-adds a cycle, whole ones one.
 */
AVX512 RS_INLINE void
avx512_half_tile(float *matrix, size_t stride, const float *left, const float *right,
				 size_t row_stride, int n, const RsAhead *ahead, size_t line,
				 const bool subtract)
{
	__m256		sum[8];

#pragma GCC unroll 8
	for (int i = 0; i < 8; i++)
		sum[i] = subtract ? _mm256_load_ps(matrix + (size_t) i * stride) : _mm256_setzero_ps();
	for (int r = 0; r < n; r++)
	{
		__m256		y = _mm256_load_ps(right);

		if (ahead != NULL)
			avx512_ask(ahead, line, r);
#pragma GCC unroll 8
		for (int i = 0; i < 8; i++)
		{
			__m256		x = _mm256_set1_ps(left[i]);

			sum[i] = subtract ? _mm256_fnmadd_ps(x, y, sum[i]) : _mm256_fmadd_ps(x, y, sum[i]);
		}
		left += row_stride;
		right += row_stride;
	}
#pragma GCC unroll 8
	for (int i = 0; i < 8; i++)
	{
		float	   *out = matrix + (size_t) i * stride;

		_mm256_store_ps(out, subtract ? sum[i] : _mm256_add_ps(sum[i], _mm256_load_ps(out)));
	}
}

/* One of the four widths, the only ones that are compiled; 0 is a half. */
AVX512 RS_INLINE void
avx512_tile_of(int width, float *matrix, size_t stride, const float *left, const float *right,
			   size_t row_stride, int n, const RsAhead *ahead, size_t line, const bool subtract)
{
	if (width == 3)
		avx512_tile(matrix, stride, left, right, row_stride, n, ahead, line, subtract, 3);
	else if (width == 2)
		avx512_tile(matrix, stride, left, right, row_stride, n, ahead, line, subtract, 2);
	else if (width == 1)
		avx512_tile(matrix, stride, left, right, row_stride, n, ahead, line, subtract, 1);
	else
		avx512_half_tile(matrix, stride, left, right, row_stride, n, ahead, line, subtract);
}

/* The width of the tile at column b. */
RS_INLINE int
avx512_width(int b, int last)
{
	int			left = (last - b) / 16;

	if (b % 16 != 0)
		return 0;
	return left == 4 ? 2 : left < 3 ? left : 3;
}

/* All tiles of the triangle; each of the first ones asks for a line. */
AVX512 RS_INLINE void
avx512_tiles(float *matrix, size_t stride, const float *rows, size_t row_stride,
			 int n, int first, int last, const RsAhead *ahead, const bool subtract)
{
	size_t		lines = ahead == NULL ? 0 : ahead->stride / 16;
	size_t		line = 0;

	for (int a = first; a < last; a += 8)
	{
		for (int b = a; b < last;)
		{
			int			width = avx512_width(b, last);
			float	   *out = matrix + (size_t) a * stride + b;

			if (line < lines)
				avx512_tile_of(width, out, stride, rows + a, rows + b, row_stride, n,
							   ahead, line++, subtract);
			else
				avx512_tile_of(width, out, stride, rows + a, rows + b, row_stride, n,
							   NULL, 0, subtract);
			b += width == 0 ? 8 : 16 * width;
		}
	}
}

AVX512 static void
avx512_rank_update(float *matrix, size_t stride, const float *rows,
				   size_t row_stride, int n, int last, const RsAhead *ahead)
{
	avx512_tiles(matrix, stride, rows, row_stride, n, 0, last, ahead, false);
}

AVX512 static void
avx512_eliminate(float *matrix, size_t stride, const float *rows, int n,
				 int first, int last)
{
	avx512_tiles(matrix, stride, rows, stride, n, first, last, NULL, true);
}

/* Columns [j, j + 16 width) of all rows; the sums stay in registers. */
AVX512 RS_INLINE void
avx512_gather_columns(const RsGather *gather, size_t j, float *packed, float *rhs,
					  float *sums, const int width)
{
	size_t		stride = gather->stride;
	__m512		in_rhs[4];
	__m512		in_sums[4];

#pragma GCC unroll 4
	for (int v = 0; v < width; v++)
		in_rhs[v] = in_sums[v] = _mm512_setzero_ps();
	for (int r = 0; r < gather->n; r++)
	{
		const float *row = gather->factors + (size_t) gather->index[r] * stride + j;
		__m512		scale = _mm512_set1_ps(gather->scale[r]);
		__m512		f = _mm512_set1_ps(gather->rhs[r]);
		__m512		w = _mm512_set1_ps(gather->weight[r]);

#pragma GCC unroll 4
		for (int v = 0; v < width; v++)
		{
			__m512		y = _mm512_load_ps(row + 16 * v);

			_mm512_store_ps(packed + (size_t) r * stride + j + 16 * v, _mm512_mul_ps(scale, y));
			in_rhs[v] = _mm512_fmadd_ps(f, y, in_rhs[v]);
			if (sums != NULL)
				in_sums[v] = _mm512_fmadd_ps(w, y, in_sums[v]);
		}
	}
#pragma GCC unroll 4
	for (int v = 0; v < width; v++)
	{
		_mm512_store_ps(rhs + j + 16 * v, in_rhs[v]);
		if (sums != NULL)
			_mm512_store_ps(sums + j + 16 * v, in_sums[v]);
	}
}

AVX512 static void
avx512_gather(const RsGather *gather, float *packed, float *rhs, float *sums)
{
	size_t		j = 0;

	for (; j + 64 <= gather->stride; j += 64)
		avx512_gather_columns(gather, j, packed, rhs, sums, 4);
	for (; j < gather->stride; j += 16)
		avx512_gather_columns(gather, j, packed, rhs, sums, 1);
}

AVX512 static void
avx512_substitute(const float *matrix, size_t stride, int m, double *z)
{
	rs_body_substitute(matrix, stride, m, z, true);
}

/* 4 x 8 doubles; fusing changes nothing, the products are exact. */
AVX512 static void
avx512_gramian_tile(const double *left, const float *right, int n, size_t stride,
					double *sums)
{
	__m512d		tile[RS_GRAMIAN_HEIGHT];

#pragma GCC unroll 4
	for (int a = 0; a < RS_GRAMIAN_HEIGHT; a++)
		tile[a] = _mm512_loadu_pd(sums + (size_t) a * stride);
	for (int r = 0; r < n; r++)
	{
		__m512d		y = _mm512_cvtps_pd(_mm256_loadu_ps(right));

#pragma GCC unroll 4
		for (int a = 0; a < RS_GRAMIAN_HEIGHT; a++)
			tile[a] = _mm512_fmadd_pd(_mm512_set1_pd(left[a]), y, tile[a]);
		left += RS_TILE_UNIT;
		right += stride;
	}
#pragma GCC unroll 4
	for (int a = 0; a < RS_GRAMIAN_HEIGHT; a++)
		_mm512_storeu_pd(sums + (size_t) a * stride, tile[a]);
}

AVX512 static void
avx512_gramian_panel(const float *factors, int32_t n, size_t stride,
					 int first, int last, double *sums)
{
	rs_body_gramian_panel(factors, n, stride, first, last, sums, avx512_gramian_tile);
}

AVX512 static void
avx512_turn(const double *columns, int k, size_t stride, const float *rows, int n, float *turned)
{
	rs_body_turn(columns, k, stride, rows, n, turned, true);
}

/* The sums of four vectors' lanes, each in the order of avx2_row_product. */
AVX512 RS_INLINE __m128
avx512_sums(const __m512 v[4])
{
	__m512		low = _mm512_add_ps(_mm512_shuffle_f32x4(v[0], v[1], 0x44),
									_mm512_shuffle_f32x4(v[0], v[1], 0xee));
	__m512		high = _mm512_add_ps(_mm512_shuffle_f32x4(v[2], v[3], 0x44),
									 _mm512_shuffle_f32x4(v[2], v[3], 0xee));
	__m512		sum = _mm512_add_ps(_mm512_shuffle_f32x4(low, high, 0x88),
									_mm512_shuffle_f32x4(low, high, 0xdd));

	/* A quarter of the register is a vector's by now. */
	sum = _mm512_add_ps(sum, _mm512_permute_ps(sum, 0x4e));
	sum = _mm512_add_ps(sum, _mm512_permute_ps(sum, 0xb1));
	return _mm512_castps512_ps128(_mm512_permutexvar_ps(_mm512_set_epi32(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
																		 12, 8, 4, 0), sum));
}

/* product and factor of rows [r, r + count) from their sums in lanes */
AVX512 RS_INLINE void
avx512_factors(const RsProjection *p, int r, const __m512 sum[4], float *product,
			   __m512 f[4], const int count)
{
	__mmask8	mask = (1u << count) - 1;
	__m128		products = _mm_add_ps(avx512_sums(sum), _mm_set1_ps(p->offset));
	__m128		factors = _mm_fmadd_ps(_mm_maskz_loadu_ps(mask, p->weight + r), products,
									   _mm_maskz_loadu_ps(mask, p->constant + r));

	_mm_mask_storeu_ps(product + r, mask, products);
#pragma GCC unroll 4
	for (int i = 0; i < 4; i++)
		f[i] = _mm512_permutexvar_ps(_mm512_set1_epi32(i), _mm512_castps128_ps512(factors));
}

/* Vector number v of row number r. */
AVX512 RS_INLINE __m512
avx512_load_row(const RsProjection *p, int r, int v, const bool half)
{
	size_t		at = (size_t) p->index[r] * p->stride + 16 * (size_t) v;

	return half ? _mm512_cvtph_ps(_mm256_load_si256((const __m256i *) (p->halves + at))) :
		_mm512_load_ps(p->factors + at);
}

/*
 * Rows [r, r + count), each of vectors registers and loaded once: the products
 * side by side, then their share of out, which stays in registers.
 */
AVX512 RS_INLINE void
avx512_project_rows(const RsProjection *p, int r, const float *x, float *product,
					__m512 out[8], const int count, const int vectors, const bool half)
{
	__m512		y[4][8];
	__m512		sum[4];
	__m512		f[4];

#pragma GCC unroll 4
	for (int i = 0; i < 4; i++)
	{
		sum[i] = _mm512_setzero_ps();
#pragma GCC unroll 8
		for (int v = 0; v < vectors && i < count; v++)
		{
			y[i][v] = avx512_load_row(p, r + i, v, half);
			sum[i] = _mm512_fmadd_ps(y[i][v], _mm512_load_ps(x + 16 * v), sum[i]);
		}
	}
	avx512_factors(p, r, sum, product, f, count);
#pragma GCC unroll 8
	for (int v = 0; v < vectors; v++)
	{
#pragma GCC unroll 4
		for (int i = 0; i < count; i++)
			out[v] = _mm512_fmadd_ps(f[i], y[i][v], out[v]);
	}
}

/* The same for rows of any length, loaded twice. */
AVX512 RS_INLINE void
avx512_project_long(const RsProjection *p, int r, const float *x, float *product, float *out,
					const int count, const bool half)
{
	int			vectors = (int) (p->stride / 16);
	__m512		sum[4];
	__m512		f[4];

#pragma GCC unroll 4
	for (int i = 0; i < 4; i++)
		sum[i] = _mm512_setzero_ps();
	for (int v = 0; v < vectors; v++)
	{
		__m512		in = _mm512_load_ps(x + 16 * v);

#pragma GCC unroll 4
		for (int i = 0; i < count; i++)
			sum[i] = _mm512_fmadd_ps(avx512_load_row(p, r + i, v, half), in, sum[i]);
	}
	avx512_factors(p, r, sum, product, f, count);
	for (int v = 0; v < vectors; v++)
	{
		__m512		to = _mm512_load_ps(out + 16 * v);

#pragma GCC unroll 4
		for (int i = 0; i < count; i++)
			to = _mm512_fmadd_ps(f[i], avx512_load_row(p, r + i, v, half), to);
		_mm512_store_ps(out + 16 * v, to);
	}
}

/* Rows of a width that is known here; out is loaded and stored once. */
AVX512 RS_INLINE void
avx512_project_width(const RsProjection *p, const float *x, float *product, float *out,
					 const int vectors, const bool half)
{
	const int	count = vectors > 4 ? 2 : 4;
	__m512		sum[8];
	int			r = 0;

#pragma GCC unroll 8
	for (int v = 0; v < vectors; v++)
		sum[v] = _mm512_load_ps(out + 16 * v);
	for (; r + count <= p->n; r += count)
	{
		rs_project_ask(p, r + RS_PROJECT_AHEAD, count, half);
		avx512_project_rows(p, r, x, product, sum, count, vectors, half);
	}
	for (; r < p->n; r++)
		avx512_project_rows(p, r, x, product, sum, 1, vectors, half);
#pragma GCC unroll 8
	for (int v = 0; v < vectors; v++)
		_mm512_store_ps(out + 16 * v, sum[v]);
}

AVX512 RS_INLINE void
avx512_project_any(const RsProjection *p, const float *x, float *product, float *out,
				   const bool half)
{
	int			r = 0;

	for (; r + 4 <= p->n; r += 4)
	{
		rs_project_ask(p, r + RS_PROJECT_AHEAD, 4, half);
		avx512_project_long(p, r, x, product, out, 4, half);
	}
	for (; r < p->n; r++)
		avx512_project_long(p, r, x, product, out, 1, half);
}

AVX512 RS_INLINE void
avx512_project_from(const RsProjection *p, const float *x, float *product, float *out,
					const bool half)
{
	switch (p->stride / 16)
	{
		case 1:
			avx512_project_width(p, x, product, out, 1, half);
			break;
		case 2:
			avx512_project_width(p, x, product, out, 2, half);
			break;
		case 3:
			avx512_project_width(p, x, product, out, 3, half);
			break;
		case 4:
			avx512_project_width(p, x, product, out, 4, half);
			break;
		case 5:
			avx512_project_width(p, x, product, out, 5, half);
			break;
		case 6:
			avx512_project_width(p, x, product, out, 6, half);
			break;
		case 7:
			avx512_project_width(p, x, product, out, 7, half);
			break;
		case 8:
			avx512_project_width(p, x, product, out, 8, half);
			break;
		default:
			avx512_project_any(p, x, product, out, half);
	}
}

AVX512 static void
avx512_project(const RsProjection *p, const float *x, float *product, float *out)
{
	if (p->halves != NULL)
		avx512_project_from(p, x, product, out, true);
	else
		avx512_project_from(p, x, product, out, false);
}

AVX512 static void
avx512_halve(const float *from, size_t n, float scale, uint16_t *to)
{
	for (size_t i = 0; i < n; i += 16)
		_mm256_store_si256((__m256i *) (to + i),
						   _mm512_cvtps_ph(_mm512_mul_ps(_mm512_load_ps(from + i), _mm512_set1_ps(scale)),
										   _MM_FROUND_TO_NEAREST_INT));
}

/* Columns [j, j + 16 width) of count vectors; the sums stay in registers. */
AVX512 RS_INLINE void
avx512_combine_tile(const float *rows, size_t stride, int n, const float *f, float *out,
					const int count, const int width)
{
	__m512		sum[4][4];

#pragma GCC unroll 4
	for (int v = 0; v < count; v++)
	{
#pragma GCC unroll 4
		for (int w = 0; w < width; w++)
			sum[v][w] = _mm512_load_ps(out + (size_t) v * stride + 16 * w);
	}
	for (int r = 0; r < n; r++, rows += stride)
	{
#pragma GCC unroll 4
		for (int w = 0; w < width; w++)
		{
			__m512		y = _mm512_load_ps(rows + 16 * w);

#pragma GCC unroll 4
			for (int v = 0; v < count; v++)
				sum[v][w] = _mm512_fmadd_ps(_mm512_set1_ps(f[(size_t) v * stride + r]), y, sum[v][w]);
		}
	}
#pragma GCC unroll 4
	for (int v = 0; v < count; v++)
	{
#pragma GCC unroll 4
		for (int w = 0; w < width; w++)
			_mm512_store_ps(out + (size_t) v * stride + 16 * w, sum[v][w]);
	}
}

AVX512 RS_INLINE void
avx512_combine_some(const float *rows, size_t stride, int n, const float *f, float *out,
					const int count)
{
	size_t		j = 0;

	for (; j + 64 <= stride; j += 64)
		avx512_combine_tile(rows + j, stride, n, f, out + j, count, 4);
	for (; j < stride; j += 16)
		avx512_combine_tile(rows + j, stride, n, f, out + j, count, 1);
}

AVX512 static void
avx512_combine(const float *rows, size_t stride, int n, const float *f, float *out, int count)
{
	int			v = 0;

	for (; v + 4 <= count; v += 4)
		avx512_combine_some(rows, stride, n, f + (size_t) v * stride, out + (size_t) v * stride, 4);
	for (; v < count; v++)
		avx512_combine_some(rows, stride, n, f + (size_t) v * stride, out + (size_t) v * stride, 1);
}

/* What does not depend on VNNI. */
#define AVX512_OPS \
	.dot = avx512_dot, \
	.distance_squared = avx512_distance_squared, \
	.rank_update = avx512_rank_update, \
	.eliminate = avx512_eliminate, \
	.gather = avx512_gather, \
	.factor_panel = factor_panel, \
	.substitute = avx512_substitute, \
	.transpose = transpose, \
	.lanes = LANES, \
	.interleave = interleave, \
	.factor_lanes = factor_lanes, \
	.substitute_lanes = substitute_lanes, \
	.gramian_panel = avx512_gramian_panel, \
	.turn = avx512_turn, \
	.project = avx512_project, \
	.halve = avx512_halve, \
	.combine = avx512_combine, \
	.quantize = rs_avx512_quantize

const RsKernelOps rs_kernel_avx512 = {
	AVX512_OPS,
	.scan = rs_avx512_scan,
	.scan_limit = 64
};

const RsKernelOps rs_kernel_avx512_vnni = {
	AVX512_OPS,
	.scan = rs_vnni_scan,
	.scan_limit = 127
};

#else

/* A translation unit needs a declaration. */
typedef int rs_kernel_avx512_is_empty;

#endif							/* __x86_64__ */
