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

/* Random cells of a side of SIDE_ROWS rows, which numbers of half precision hold. */
#define SIDE_ROWS	37

typedef struct Cells
{
	RsProjection p;
	float	   *x;
	float	   *constant;
	float	   *weight;
	int32_t    *index;
	float	   *factors;
	uint16_t   *halves;
} Cells;

static void
cells_init(Cells *c, int n, size_t stride)
{
	size_t		size = SIDE_ROWS * stride;

	c->x = unit_alloc(stride * sizeof(float));
	c->constant = unit_alloc((size_t) (n + 1) * sizeof(float));
	c->weight = unit_alloc((size_t) (n + 1) * sizeof(float));
	c->index = unit_alloc((size_t) (n + 1) * sizeof(int32_t));
	c->factors = unit_alloc(size * sizeof(float));
	c->halves = unit_alloc(size * sizeof(uint16_t));
	fill(c->x, stride, 0);
	fill(c->constant, (size_t) n, 0);
	fill(c->weight, (size_t) n, 0);
	fill(c->factors, size, 0);
	for (size_t i = 0; i < size; i++)
		c->factors[i] = rintf(c->factors[i] * 1024.0f) / 1024.0f;
	for (int i = 0; i < n; i++)
		c->index[i] = (int32_t) unit_random(SIDE_ROWS);
	c->p = (RsProjection) {.factors = c->factors, .stride = stride, .index = c->index, .n = n,
	.known = n, .constant = c->constant, .weight = c->weight, .offset = 0.75f};
}

static void
cells_free(Cells *c)
{
	free(c->x);
	free(c->constant);
	free(c->weight);
	free(c->index);
	free(c->factors);
	free(c->halves);
}

/* product and out against double. */
static void
check_projection(const Cells *c, const float *product, const float *out)
{
	size_t		stride = c->p.stride;

	for (int i = 0; i < c->p.n; i++)
		CHECK_NEAR(product[i], rs_dot(c->factors + (size_t) c->index[i] * stride, c->x, stride) + 0.75,
				   1e-4);
	for (size_t j = 0; j < stride; j++)
	{
		double		sum = 1.0;

		for (int i = 0; i < c->p.n; i++)
			sum += (double) (c->constant[i] + c->weight[i] * product[i]) *
				(double) c->factors[(size_t) c->index[i] * stride + j];
		CHECK_NEAR(out[j], sum, 1e-4);
	}
}

/* Every level, from floats and from halves: the same bits where sums are fused. */
static void
test_project_shape(int n, size_t stride)
{
	Cells		c;
	float	   *product = unit_alloc((size_t) (n + 1) * sizeof(float));
	float	   *out = unit_alloc(stride * sizeof(float));
	float	   *fused = unit_alloc(stride * sizeof(float));

	cells_init(&c, n, stride);
	for (int level = 0; level <= (int) rs_simd_best(); level++)
	{
		rs_simd_select((RsSimdLevel) level);
		for (int half = 0; half < 2; half++)
		{
			if (half == 1 && !rs_halve(c.factors, SIDE_ROWS * stride, 1.0f, c.halves))
			{
				CHECK(level == RS_SIMD_PORTABLE);
				continue;
			}
			c.p.halves = half == 1 ? c.halves : NULL;
			for (size_t j = 0; j < stride; j++)
				out[j] = 1.0f;
			product[n] = 42.0f;
			rs_kernel_ops->project(&c.p, c.x, product, out);
			CHECK(product[n] == 42.0f);
			check_projection(&c, product, out);
			CHECK(level == RS_SIMD_PORTABLE || (level == RS_SIMD_AVX2 && half == 0) ||
				  memcmp(out, fused, stride * sizeof(float)) == 0);
			memcpy(fused, out, stride * sizeof(float));
		}
	}
	cells_free(&c);
	free(product);
	free(out);
	free(fused);
}

static void
test_project(void)
{
	for (int n = 0; n <= 21; n++)
	{
		for (size_t stride = 16; stride <= 144; stride += 16)
			test_project_shape(n, stride);
	}
}

/* Vectors of sums of rows, against double; the same bits in any company. */
static void
test_combine_shape(int n, size_t stride, int count)
{
	float	   *rows = unit_alloc((size_t) (n + 1) * stride * sizeof(float));
	float	   *f = unit_alloc((size_t) count * stride * sizeof(float));
	float	   *out = unit_alloc((size_t) count * stride * sizeof(float));
	float	   *alone = unit_alloc(stride * sizeof(float));

	fill(rows, (size_t) n * stride, 0);
	fill(f, (size_t) count * stride, 0);
	for (int level = 0; level <= (int) rs_simd_best(); level++)
	{
		rs_simd_select((RsSimdLevel) level);
		memset(out, 0, (size_t) count * stride * sizeof(float));
		rs_kernel_ops->combine(rows, stride, n, f, out, count);
		for (int v = 0; v < count; v++)
		{
			for (size_t j = 0; j < stride; j++)
			{
				double		sum = 0.0;

				for (int r = 0; r < n; r++)
					sum += (double) f[(size_t) v * stride + r] * (double) rows[(size_t) r * stride + j];
				CHECK_NEAR(out[(size_t) v * stride + j], sum, 1e-4);
			}
			memset(alone, 0, stride * sizeof(float));
			rs_kernel_ops->combine(rows, stride, n, f + (size_t) v * stride, alone, 1);
			CHECK(memcmp(alone, out + (size_t) v * stride, stride * sizeof(float)) == 0);
		}
	}
	free(rows);
	free(f);
	free(out);
	free(alone);
}

/* Each element where it belongs, and nothing beside. */
static void
test_transpose(int n, size_t stride)
{
	size_t		to_stride = (size_t) n + RS_STRIDE_UNIT;
	float	   *rows = unit_alloc((size_t) n * stride * sizeof(float));
	float	   *scale = unit_alloc(stride * sizeof(float));
	float	   *to = unit_alloc(stride * to_stride * sizeof(float));

	for (size_t i = 0; i < (size_t) n * stride; i++)
		rows[i] = unit_random_float();
	for (size_t j = 0; j < stride; j++)
		scale[j] = unit_random_float();
	rs_kernel_ops->transpose(rows, stride, n, scale, to, to_stride);
	for (size_t j = 0; j < stride; j++)
	{
		for (size_t i = 0; i < to_stride; i++)
			CHECK(to[j * to_stride + i] == (i < (size_t) n ? scale[j] * rows[i * stride + j] : 0.0f));
	}
	free(rows);
	free(scale);
	free(to);
}

/* Products with a matrix in double, for any number of rows. */
static void
test_turn(int k, int n)
{
	int			stride = RS_STRIDE(k);
	double	   *columns = unit_alloc((size_t) k * stride * sizeof(double));
	float	   *rows = unit_alloc((size_t) n * stride * sizeof(float));
	float	   *turned = unit_alloc((size_t) (n + 1) * stride * sizeof(float));

	for (int b = 0; b < k; b++)
	{
		for (int a = 0; a < k; a++)
			columns[b * stride + a] = unit_random_float();
		for (int i = 0; i < n; i++)
			rows[i * stride + b] = unit_random_float();
	}
	memset(turned, 0x7f, (size_t) (n + 1) * stride * sizeof(float));
	rs_turn(columns, k, stride, rows, n, turned);
	for (int i = 0; i < n; i++)
	{
		for (int a = 0; a < stride; a++)
		{
			double		sum = 0.0;

			for (int b = 0; b < k; b++)
				sum += columns[b * stride + a] * (double) rows[i * stride + b];
			CHECK_NEAR(turned[i * stride + a], sum, 1e-6);
		}
	}
	CHECK(isnan(turned[n * stride]) || turned[n * stride] > 1e38f);
	free(columns);
	free(rows);
	free(turned);
}

static void
test_combine(void)
{
	for (int count = 1; count <= 9; count++)
	{
		for (size_t stride = 16; stride <= 144; stride += 32)
			test_combine_shape((int) unit_random((uint32_t) stride + 1), stride, count);
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
	CHECK(!rs_simd_select((RsSimdLevel) (RS_SIMD_AVX512_VNNI + 1)));
	CHECK(rs_simd_level() == rs_simd_best());
	for (int level = 0; level <= RS_SIMD_AVX512_VNNI; level++)
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
	test_combine();
	for (int level = 0; level <= (int) rs_simd_best(); level++)
	{
		CHECK(rs_simd_select((RsSimdLevel) level));
		for (int n = 16; n <= 64; n += 16)
		{
			test_transpose(n, 16);
			test_transpose(n, 112);
			test_turn(n + 1, n % 7);
			test_turn(n, 7);
		}
	}
	return unit_report("kernel");
}
