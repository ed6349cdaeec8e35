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
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "kernel/kernel.h"
#include "kernel/kernel_ops.h"

/* See batch_body.h; vectors of the compiler, which every CPU can run. */
typedef float Four __attribute__((vector_size(16), may_alias));
typedef double Two __attribute__((vector_size(16), may_alias));

#define TARGET
#define LANES			4
#define TILE_WIDTH		2
#define VECTOR			Four
#define V_LOAD(p)		(*(const Four *) (p))
#define V_STORE(p, v)	(*(Four *) (p) = (v))
#define V_SPLAT(f)		((Four) {(f), (f), (f), (f)})
#define V_MUL(a, b)		((a) * (b))
#define V_DIV(a, b)		((a) / (b))
#define V_SQRT(a)		((Four) {sqrtf((a)[0]), sqrtf((a)[1]), sqrtf((a)[2]), sqrtf((a)[3])})
#define V_FNMADD(a, b, c)	((c) - (a) * (b))
#define V_GREATER(a, b) \
	(uint32_t) (((a)[0] > (b)[0]) | ((a)[1] > (b)[1]) << 1 | ((a)[2] > (b)[2]) << 2 | \
				((a)[3] > (b)[3]) << 3)
#define V_WHERE_GREATER(a, b, yes, no) \
	((Four) {(a)[0] > (b)[0] ? (yes)[0] : (no)[0], (a)[1] > (b)[1] ? (yes)[1] : (no)[1], \
			 (a)[2] > (b)[2] ? (yes)[2] : (no)[2], (a)[3] > (b)[3] ? (yes)[3] : (no)[3]})
#define V_TRANSPOSE(v)	portable_transpose(v)
#define HALF			Two
#define H_LOAD(p)		(*(const Two *) (p))
#define H_STORE(p, v)	(*(Two *) (p) = (v))
#define H_SPLAT(f)		((Two) {(f), (f)})
#define H_ADD(a, b)		((a) + (b))
#define H_DIV(a, b)		((a) / (b))
#define H_FNMADD(a, b, c)	((c) - (a) * (b))
#define H_WIDEN(p)		((Two) {(double) (p)[0], (double) (p)[1]})

RS_INLINE void
portable_transpose(Four v[4])
{
	Four		t[4];

	for (int l = 0; l < 4; l++)
		t[l] = v[l];
	for (int l = 0; l < 4; l++)
		v[l] = (Four) {t[0][l], t[1][l], t[2][l], t[3][l]};
}

#include "kernel/batch_body.h"

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

/* Sums and subtracts as avx2_tile does. */
RS_INLINE void
portable_tiles(float *matrix, size_t stride, const float *rows, size_t row_stride,
			   int n, int first, int last, const bool subtract)
{
	enum {HEIGHT = 4};

	for (int a = first; a < last; a += HEIGHT)
	{
		for (int b = a / RS_TILE_UNIT * RS_TILE_UNIT; b < last; b += RS_TILE_UNIT)
		{
			float		sum[HEIGHT][RS_TILE_UNIT] = {{0}};

			for (int i = 0; i < HEIGHT && subtract; i++)
				memcpy(sum[i], matrix + (size_t) (a + i) * stride + b, sizeof(sum[i]));
			for (int r = 0; r < n; r++)
			{
				const float *left = rows + (size_t) r * row_stride + a;
				const float *right = rows + (size_t) r * row_stride + b;

				for (int i = 0; i < HEIGHT; i++)
				{
					float		x = subtract ? -left[i] : left[i];

					for (int j = 0; j < RS_TILE_UNIT; j++)
						sum[i][j] += x * right[j];
				}
			}
			for (int i = 0; i < HEIGHT; i++)
			{
				float	   *out = matrix + (size_t) (a + i) * stride + b;

				for (int j = 0; j < RS_TILE_UNIT; j++)
					out[j] = subtract ? sum[i][j] : out[j] + sum[i][j];
			}
		}
	}
}

static void
portable_rank_update(float *matrix, size_t stride, const float *rows,
					 size_t row_stride, int n, int last, const RsAhead *ahead)
{
	(void) ahead;
	portable_tiles(matrix, stride, rows, row_stride, n, 0, last, false);
}

static void
portable_eliminate(float *matrix, size_t stride, const float *rows, int n,
				   int first, int last)
{
	portable_tiles(matrix, stride, rows, stride, n, first, last, true);
}

static void
portable_turn(const double *columns, int k, size_t stride, const float *rows, int n, float *turned)
{
	rs_body_turn(columns, k, stride, rows, n, turned, false);
}

static void
portable_project(const RsProjection *p, const float *x, float *product, float *out)
{
	for (int r = 0; r < p->n; r++)
	{
		const float *row = p->factors + (size_t) p->index[r] * p->stride;
		float		lane[RS_LANES] = {0};
		float		f;

		for (size_t j = 0; j < p->stride; j += RS_LANES)
		{
			for (int l = 0; l < RS_LANES; l++)
				lane[l] += row[j + l] * x[j + l];
		}
		for (int width = RS_LANES / 2; width > 0; width /= 2)
		{
			for (int l = 0; l < width; l++)
				lane[l] += lane[l + width];
		}
		product[r] = lane[0] + p->offset;
		f = p->constant[r] + p->weight[r] * product[r];
		for (size_t j = 0; j < p->stride; j++)
			out[j] += f * row[j];
	}
}

/* Without the instructions numbers of half precision cost more than they spare. */
bool
rs_halve(const float *from, size_t n, float scale, uint16_t *to)
{
	if (rs_kernel_ops->halve == NULL)
		return false;
	rs_kernel_ops->halve(from, n, scale, to);
	return true;
}

static void
portable_combine(const float *rows, size_t stride, int n, const float *f, float *out, int count)
{
	rs_body_combine(rows, stride, n, f, out, count, false);
}

static void
portable_gather(const RsGather *gather, float *packed, float *rhs, float *sums)
{
	rs_body_gather(gather, packed, rhs, sums, false);
}

static void
portable_substitute(const float *matrix, size_t stride, int m, double *z)
{
	rs_body_substitute(matrix, stride, m, z, false);
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
	.eliminate = portable_eliminate,
	.gather = portable_gather,
	.factor_panel = factor_panel,
	.substitute = portable_substitute,
	.transpose = transpose,
	.lanes = LANES,
	.interleave = interleave,
	.factor_lanes = factor_lanes,
	.substitute_lanes = substitute_lanes,
	.gramian_panel = portable_gramian_panel,
	.turn = portable_turn,
	.project = portable_project,
	.combine = portable_combine,
	.scan = rs_portable_scan,
	.scan_limit = 127,
	.quantize = rs_portable_quantize
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
		case RS_SIMD_AVX512_VNNI:
			return &rs_kernel_avx512_vnni;
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

#if defined(__x86_64__)
/* clang's __builtin_cpu_supports() does not know it. */
static bool
has_f16c(void)
{
	unsigned int eax;
	unsigned int ebx;
	unsigned int ecx;
	unsigned int edx;

	return __get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0 && (ecx & bit_F16C) != 0;
}
#endif

RsSimdLevel
rs_simd_best(void)
{
#if defined(__x86_64__)
	/* These tests include the operating system's support for the registers. */
	__builtin_cpu_init();
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
		has_f16c())
	{
		if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
			__builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
			return __builtin_cpu_supports("avx512vnni") ? RS_SIMD_AVX512_VNNI : RS_SIMD_AVX512;
		return RS_SIMD_AVX2;
	}
#endif
	return RS_SIMD_PORTABLE;
}

RsSimdLevel
rs_simd_level(void)
{
#if defined(__x86_64__)
	if (rs_kernel_ops == &rs_kernel_avx512_vnni)
		return RS_SIMD_AVX512_VNNI;
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
