/*-------------------------------------------------------------------------
 *
 * test_kernel.c
 *		Dispatch, and every level's functions against the portable ones.
 *
 *-------------------------------------------------------------------------
 */
#include "unit.h"

#include <float.h>

#include "kernel/kernel.h"
#include "kernel/kernel_ops.h"

#define MAX_LENGTH 1100

static const float extreme[] = {FLT_MAX, -FLT_MAX, 1e30f, -1e-30f, 1e-42f, -1e-45f, 0.0f, -0.0f};

static void
fill(float *x, size_t n, int kind)
{
	for (size_t i = 0; i < n; i++)
	{
		x[i] = unit_random_float();
		if (kind == 1)
			x[i] = extreme[unit_random(8)];
		else if (kind == 2)
			x[i] = ldexpf(x[i], (int) unit_random(80) - 40);
	}
}

static bool
same_bits(double a, double b)
{
	return memcmp(&a, &b, sizeof(a)) == 0;
}

/* Buffers end where the data ends, so that a sanitizer sees reads beyond. */
static void
test_dot_length(size_t n, int kind)
{
	float	   *x = malloc(n * sizeof(float) + 1);
	float	   *y = malloc(n * sizeof(float) + 1);
	double		dot;
	double		distance;
	double		plain = 0.0;

	fill(x, n, kind);
	fill(y, n, kind);
	CHECK(rs_simd_select(RS_SIMD_PORTABLE));
	dot = rs_dot(x, y, n);
	distance = rs_distance_squared(x, y, n);
	for (size_t i = 0; i < n; i++)
		plain += (double) x[i] * (double) y[i];
	if (kind == 0)
		CHECK_NEAR(dot, plain, 1e-12);
	for (int level = RS_SIMD_AVX2; level <= (int) rs_simd_best(); level++)
	{
		CHECK(rs_simd_select((RsSimdLevel) level));
		CHECK(same_bits(rs_dot(x, y, n), dot));
		CHECK(same_bits(rs_distance_squared(x, y, n), distance));
	}
	free(x);
	free(y);
}

static void
test_dot(void)
{
	static const size_t larger[] = {100, 127, 128, 255, 1000, 1024, 1099};
	float		a[] = {1, 2, 3};
	float		b[] = {4, -5, 6};

	for (int kind = 0; kind < 3; kind++)
	{
		for (int repeat = 0; repeat < 5; repeat++)
		{
			for (size_t n = 0; n <= 64; n++)
				test_dot_length(n, kind);
			for (int i = 0; i < 7; i++)
				test_dot_length(larger[i], kind);
		}
	}
	for (int level = 0; level <= (int) rs_simd_best(); level++)
	{
		rs_simd_select((RsSimdLevel) level);
		CHECK(rs_dot(a, b, 3) == 12.0);
		CHECK(rs_distance_squared(a, b, 3) == 67.0);
		CHECK(rs_dot(a, b, 0) == 0.0);
		CHECK(isnan(rs_dot((float[]) {NAN}, (float[]) {0.0f}, 1)));
	}
}

/* The lanes' order is part of the promise: lane i mod 16, then one tree. */
static void
test_dot_order(void)
{
	float		x[40];
	float		y[40];
	double		lane[16] = {0};

	fill(x, 40, 2);
	fill(y, 40, 2);
	for (int i = 0; i < 40; i++)
		lane[i % 16] += (double) x[i] * (double) y[i];
	for (int width = 8; width > 0; width /= 2)
	{
		for (int i = 0; i < width; i++)
			lane[i] += lane[i + width];
	}
	for (int level = 0; level <= (int) rs_simd_best(); level++)
	{
		rs_simd_select((RsSimdLevel) level);
		CHECK(same_bits(rs_dot(x, y, 40), lane[0]));
	}
}

/* Upper triangle of a range of columns, against double; nothing outside. */
static void
test_rank_update_shape(int n, int first, int last, float sign)
{
	size_t		stride = RS_STRIDE((size_t) last);
	float	   *rows = unit_alloc((size_t) (n + 1) * stride * sizeof(float));
	float	   *matrix = unit_alloc(stride * stride * sizeof(float));

	fill(rows, (size_t) n * stride, 0);
	for (size_t i = 0; i < stride * stride; i++)
		matrix[i] = 0.5f;
	if (sign > 0.0f)
		rs_kernel_ops->rank_update(matrix, stride, rows, stride, n, last, NULL);
	else
		rs_kernel_ops->eliminate(matrix, stride, rows, n, first, last);
	for (int a = 0; a < (int) stride; a++)
	{
		for (int b = a; b < (int) stride; b++)
		{
			double		sum = 0.0;

			for (int r = 0; r < n; r++)
				sum += (double) rows[(size_t) r * stride + a] * (double) rows[(size_t) r * stride + b];
			if (a >= first && b < last)
				CHECK_NEAR(matrix[(size_t) a * stride + b], 0.5 + sign * sum, 1e-5);
			else
				CHECK(matrix[(size_t) a * stride + b] == 0.5f);
		}
	}
	free(rows);
	free(matrix);
}

static void
test_rank_update(void)
{
	for (int level = 0; level <= (int) rs_simd_best(); level++)
	{
		rs_simd_select((RsSimdLevel) level);
		for (int last = 8; last <= 136; last += 8)
		{
			test_rank_update_shape(48, 0, last, 1.0f);
			test_rank_update_shape((int) unit_random(48), 0, last, 1.0f);
			test_rank_update_shape(16, (int) unit_random((uint32_t) last / 16 + 1) * 16, last, -1.0f);
		}
		for (int n = 0; n <= 48; n++)
			test_rank_update_shape(n, 0, 24, 1.0f);
	}
}

/* What is asked for ahead changes nothing, however many rows it has. */
static void
test_rank_update_ahead(void)
{
	static const int32_t index[] = {3, 0, 2, 1, 3, 2};
	float	   *rows = unit_alloc(4 * 48 * sizeof(float));
	float	   *plain = unit_alloc(48 * 48 * sizeof(float));
	float	   *ahead = unit_alloc(48 * 48 * sizeof(float));

	fill(rows, 4 * 48, 0);
	for (int level = 0; level <= (int) rs_simd_best(); level++)
	{
		rs_simd_select((RsSimdLevel) level);
		for (int n = 0; n <= 6; n++)
		{
			RsAhead		next = {rows, 48, index, n};

			memset(plain, 0, 48 * 48 * sizeof(float));
			memset(ahead, 0, 48 * 48 * sizeof(float));
			rs_kernel_ops->rank_update(plain, 48, rows, 48, 4, 48, NULL);
			rs_kernel_ops->rank_update(ahead, 48, rows, 48, 4, 48, &next);
			CHECK(memcmp(plain, ahead, 48 * 48 * sizeof(float)) == 0);
		}
	}
	free(rows);
	free(plain);
	free(ahead);
}

/* Without a fused operation nothing is near the bits with it. */
static bool
same_result(const float *a, const float *b, size_t n, int level)
{
	if (level > RS_SIMD_AVX2)
		return memcmp(a, b, n * sizeof(float)) == 0;
	for (size_t i = 0; i < n; i++)
	{
		if (fabs((double) a[i] - (double) b[i]) > 1e-5)
			return false;
	}
	return true;
}

/* The levels with fused multiply-add give one set of bits. */
static void
test_gather(void)
{
	RsGather	gather;
	int32_t		index[RS_GATHER_ROWS];
	float	   *factors = unit_alloc(100 * 64 * sizeof(float));
	float	   *out[2];

	fill(factors, 100 * 64, 0);
	for (int i = 0; i < 2; i++)
		out[i] = unit_alloc((RS_GATHER_ROWS + 2) * 64 * sizeof(float));
	gather.factors = factors;
	gather.stride = 64;
	gather.index = index;
	for (gather.n = 1; gather.n <= RS_GATHER_ROWS; gather.n++)
	{
		for (int i = 0; i < gather.n; i++)
		{
			index[i] = (int32_t) unit_random(100);
			gather.scale[i] = unit_random_float();
			gather.rhs[i] = unit_random_float();
			gather.weight[i] = unit_random_float();
		}
		for (int level = 0; level <= (int) rs_simd_best(); level++)
		{
			size_t		size = (size_t) (gather.n + 2) * 64;
			float	   *to = out[level > 0];

			rs_simd_select((RsSimdLevel) level);
			rs_kernel_ops->gather(&gather, to + 128, to, to + 64);
			CHECK(same_result(out[0], to, size, level));
			memcpy(out[0], to, size * sizeof(float));
			memset(to, 0x7f, 64 * sizeof(float));
			rs_kernel_ops->gather(&gather, to + 128, to, NULL);
			CHECK(memcmp(out[0], to, size * sizeof(float)) == 0);
		}
		CHECK(out[0][128 + 3] == gather.scale[0] * factors[index[0] * 64 + 3]);
	}
	free(factors);
	free(out[0]);
	free(out[1]);
}

/* out = sum of (row.x + offset) row, and the other sum, against double. */
static void
test_project_shape(int n, size_t stride, float offset)
{
	float	   *rows = unit_alloc((size_t) (n + 1) * stride * sizeof(float));
	float	   *weight = unit_alloc((size_t) (n + 1) * sizeof(float));
	float	   *x = unit_alloc(stride * sizeof(float));
	float	   *out = unit_alloc(stride * sizeof(float));
	float	   *fused = unit_alloc(stride * sizeof(float));

	fill(rows, (size_t) n * stride, 0);
	fill(weight, (size_t) n, 0);
	fill(x, stride, 0);
	for (int level = 0; level <= (int) rs_simd_best(); level++)
	{
		double		total = 0.0;
		float		result;

		rs_simd_select((RsSimdLevel) level);
		result = rs_kernel_ops->project(rows, stride, n, x, offset, out);
		for (int r = 0; r < n; r++)
			total += rs_dot(rows + (size_t) r * stride, x, stride) + (double) offset;
		CHECK_NEAR(result, total, 1e-4);
		for (size_t j = 0; j < stride; j++)
		{
			double		sum = 0.0;

			for (int r = 0; r < n; r++)
				sum += (rs_dot(rows + (size_t) r * stride, x, stride) + (double) offset) *
					(double) rows[(size_t) r * stride + j];
			CHECK_NEAR(out[j], sum, 1e-4);
		}
		CHECK(level <= RS_SIMD_AVX2 || memcmp(out, fused, stride * sizeof(float)) == 0);
		memcpy(fused, out, stride * sizeof(float));
		rs_kernel_ops->combine(rows, stride, n, weight, out);
		for (size_t j = 0; j < stride; j++)
		{
			double		sum = (double) fused[j];

			for (int r = 0; r < n; r++)
				sum += (double) weight[r] * (double) rows[(size_t) r * stride + j];
			CHECK_NEAR(out[j], sum, 1e-4);
		}
	}
	free(rows);
	free(weight);
	free(x);
	free(out);
	free(fused);
}

static void
test_project(void)
{
	for (int n = 0; n <= 21; n++)
	{
		test_project_shape(n, 16 * (1 + unit_random(5)), 0.0f);
		test_project_shape(n, 16 * (1 + unit_random(5)), 0.75f);
	}
}

static void
test_dispatch(void)
{
	float		x[] = {3};

	/* Before rs_kernel_init() the portable code runs. */
	CHECK(rs_simd_level() == RS_SIMD_PORTABLE);
	CHECK(rs_dot(x, x, 1) == 9.0);
	rs_kernel_init();
	CHECK(rs_simd_level() == rs_simd_best());
	rs_kernel_init();
	CHECK(rs_simd_level() == rs_simd_best());
	CHECK(!rs_simd_select((RsSimdLevel) (RS_SIMD_AVX512 + 1)));
	CHECK(rs_simd_level() == rs_simd_best());
	for (int level = 0; level <= RS_SIMD_AVX512; level++)
	{
		bool		has = level <= (int) rs_simd_best();

		CHECK(rs_simd_select((RsSimdLevel) level) == has);
		if (has)
			CHECK((int) rs_simd_level() == level);
	}
}

int
main(void)
{
	test_dispatch();
	test_dot();
	test_dot_order();
	test_rank_update();
	test_rank_update_ahead();
	test_gather();
	test_project();
	return unit_report("kernel");
}
