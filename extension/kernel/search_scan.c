/*-------------------------------------------------------------------------
 *
 * search_scan.c
 *		The inner loop of the search for every instruction set.
 *
 * The sums are of integers and exact, so all of these see the same numbers; which
 * of them they compare with what differs, as AVX2 wants smaller codes of users.
 * The comparison itself is rounded, which the search allows for.
 *
 *-------------------------------------------------------------------------
 */
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "kernel/kernel_ops.h"
#include "kernel/search.h"

/* Plain C, for the compiler to vectorise. */
RS_INLINE uint64_t
portable_scan_one(const uint8_t *codes, int groups, const float *biases, const RsScan *user)
{
	int32_t		sum[RS_BLOCK] = {0};
	uint64_t	above = 0;

	for (int g = 0; g < groups; g++, codes += RS_BLOCK * 4)
	{
		const int8_t *four = user->codes + 4 * g;
		int16_t		a = four[0];
		int16_t		b = four[1];
		int16_t		c = four[2];
		int16_t		d = four[3];

		for (int i = 0; i < RS_BLOCK; i++)
			sum[i] += codes[4 * i] * a + codes[4 * i + 1] * b +
				codes[4 * i + 2] * c + codes[4 * i + 3] * d;
	}
	for (int i = 0; i < RS_BLOCK; i++)
	{
		float		bias = biases == NULL ? 0.0f : biases[i] * user->bias_factor;

		above |= (uint64_t) ((float) (sum[i] + user->start) + bias > user->cut) << i;
	}
	return above;
}

void
rs_portable_scan(const uint8_t *codes, int groups, const float *biases, const RsScan *users,
				 int n, uint64_t *above)
{
	for (int u = 0; u < n; u++)
		above[u] = portable_scan_one(codes, groups, biases, &users[u]);
}

#if defined(__x86_64__)

/*
 * Pairs of products are added in 16 bits, saturated: 2 x 255 x 64 fits.  Eight
 * registers of sums of the 16.
 */
#define SCAN(name)		rs_avx2_##name
#define TARGET			__attribute__((target("avx2,fma,f16c")))
#define LANES			8
#define FOUR_WIDTH		2
#define INTS			__m256i
#define I_SPLAT(i)		_mm256_set1_epi32(i)
#define I_LOAD(p)		_mm256_load_si256((const __m256i *) (p))
#define I_DOT(sum, items, user) \
	_mm256_add_epi32((sum), _mm256_madd_epi16(_mm256_maddubs_epi16((items), (user)), \
											  _mm256_set1_epi16(1)))
#define I_ABOVE(sum, biases, factor, cut) \
	(uint32_t) _mm256_movemask_ps(_mm256_cmp_ps((biases) == NULL ? _mm256_cvtepi32_ps(sum) : \
		_mm256_fmadd_ps(_mm256_load_ps(biases), _mm256_set1_ps(factor), _mm256_cvtepi32_ps(sum)), \
		_mm256_set1_ps(cut), _CMP_GT_OQ))
#include "kernel/scan_body.h"

#define AVX512			"avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl"
#define AVX512_ABOVE(sum, biases, factor, cut) \
	_mm512_cmp_ps_mask((biases) == NULL ? _mm512_cvtepi32_ps(sum) : \
		_mm512_fmadd_ps(_mm512_load_ps(biases), _mm512_set1_ps(factor), _mm512_cvtepi32_ps(sum)), \
		_mm512_set1_ps(cut), _CMP_GT_OQ)

#define SCAN(name)		rs_avx512_##name
#define TARGET			__attribute__((target(AVX512)))
#define LANES			16
#define FOUR_WIDTH		4
#define INTS			__m512i
#define I_SPLAT(i)		_mm512_set1_epi32(i)
#define I_LOAD(p)		_mm512_load_si512(p)
#define I_DOT(sum, items, user) \
	_mm512_add_epi32((sum), _mm512_madd_epi16(_mm512_maddubs_epi16((items), (user)), \
											  _mm512_set1_epi16(1)))
#define I_ABOVE			AVX512_ABOVE
#include "kernel/scan_body.h"

#define SCAN(name)		rs_vnni_##name
#define TARGET			__attribute__((target(AVX512 ",avx512vnni")))
#define LANES			16
#define FOUR_WIDTH		4
#define INTS			__m512i
#define I_SPLAT(i)		_mm512_set1_epi32(i)
#define I_LOAD(p)		_mm512_load_si512(p)
#define I_DOT(sum, items, user)	_mm512_dpbusd_epi32((sum), (items), (user))
#define I_ABOVE			AVX512_ABOVE
#include "kernel/scan_body.h"

#endif							/* __x86_64__ */

/*
 * Rounding to a whole number by adding 1.5 x 2^52, whose last place is 1.  16
 * lanes, as the compiler must not change the order of a sum itself.
 */
RS_INLINE double
body_quantize(const float *restrict x, int n, double inverse, double scale,
			  uint8_t *restrict codes)
{
	double		lane[RS_LANES] = {0};

	for (int j = 0; j < n; j += RS_LANES)
	{
		for (int l = 0; l < RS_LANES; l++)
		{
			double		q = ((double) x[j + l] * inverse + 0x1.8p52) - 0x1.8p52;
			double		rest = (double) x[j + l] - scale * q;

			codes[j + l] = (uint8_t) ((int) q + 128);
			lane[l] += rest * rest;
		}
	}
	return rs_lane_sum(lane);
}

double
rs_portable_quantize(const float *x, int n, double inverse, double scale, uint8_t *codes)
{
	return body_quantize(x, n, inverse, scale, codes);
}

#if defined(__x86_64__)

__attribute__((target("avx2,fma,f16c"))) double
rs_avx2_quantize(const float *x, int n, double inverse, double scale, uint8_t *codes)
{
	return body_quantize(x, n, inverse, scale, codes);
}

__attribute__((target(AVX512))) double
rs_avx512_quantize(const float *x, int n, double inverse, double scale, uint8_t *codes)
{
	return body_quantize(x, n, inverse, scale, codes);
}

#endif							/* __x86_64__ */
