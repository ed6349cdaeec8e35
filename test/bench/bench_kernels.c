/*-------------------------------------------------------------------------
 *
 * bench_kernels.c
 *		Costs of the kernel's pieces at every SIMD level, and what an iteration
 *		must cost at least.
 *
 * Times are of the thread's processor clock, the least of several interleaved
 * rounds.  The floor is that of a data set of the shape of MovieLens 20M: each
 * rating is gathered and added once for its user and once for its item, each
 * row solved once, by two threads.  It knows no dual path (kernel/row_dual.c), by
 * which rows of few cells take less with many factors.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "kernel/kernel.h"
#include "kernel/kernel_ops.h"
#include "kernel/row.h"

#define ROUNDS			7
#define SIDE_ROWS		4000
#define ROW_CELLS		144		/* three chunks */

/* MovieLens 20M */
#define FLOOR_CELLS		20000263.0
#define FLOOR_ROWS		(138493.0 + 26744.0)

static const char *const level_names[] = {"portable", "avx2", "avx512", "vnni"};

typedef struct Costs
{
	double		peak;			/* GFLOP/s */
	double		gather;			/* ns per cell */
	double		update;			/* ns per cell */
	double		solve;			/* us per system, side by side */
	double		alone;			/* us per system, alone */
	double		project;		/* ns per cell and step of conjugate gradients */
} Costs;

static double
processor_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double) now.tv_sec + 1e-9 * (double) now.tv_nsec;
}

static void
keep_least(double *least, double value)
{
	if (*least == 0.0 || value < *least)
		*least = value;
}

static void *
aligned(size_t bytes)
{
	void	   *p = aligned_alloc(64, (bytes + 63) / 64 * 64);

	if (p == NULL)
		abort();
	memset(p, 0, (bytes + 63) / 64 * 64);
	return p;
}

/* ---- the peak: nothing but independent multiply-adds --------------------- */

#define PEAK_LOOPS	1000000
#define PEAK_CHAINS	12

#if defined(__x86_64__)
__attribute__((target("avx512f"))) static double
peak_avx512(void)
{
	__m512		sum[PEAK_CHAINS];
	__m512		x = _mm512_set1_ps(1e-9f);
	float		out[16];

	for (int i = 0; i < PEAK_CHAINS; i++)
		sum[i] = x;
	for (int r = 0; r < PEAK_LOOPS; r++)
	{
#pragma GCC unroll 12
		for (int i = 0; i < PEAK_CHAINS; i++)
			sum[i] = _mm512_fmadd_ps(sum[i], x, x);
	}
	for (int i = 1; i < PEAK_CHAINS; i++)
		sum[0] = _mm512_add_ps(sum[0], sum[i]);
	_mm512_storeu_ps(out, sum[0]);
	return (double) out[0] < 1.0 ? 32.0 * PEAK_LOOPS * PEAK_CHAINS : 0.0;
}

__attribute__((target("avx2,fma"))) static double
peak_avx2(void)
{
	__m256		sum[PEAK_CHAINS];
	__m256		x = _mm256_set1_ps(1e-9f);
	float		out[8];

	for (int i = 0; i < PEAK_CHAINS; i++)
		sum[i] = x;
	for (int r = 0; r < PEAK_LOOPS; r++)
	{
#pragma GCC unroll 12
		for (int i = 0; i < PEAK_CHAINS; i++)
			sum[i] = _mm256_fmadd_ps(sum[i], x, x);
	}
	for (int i = 1; i < PEAK_CHAINS; i++)
		sum[0] = _mm256_add_ps(sum[0], sum[i]);
	_mm256_storeu_ps(out, sum[0]);
	return (double) out[0] < 1.0 ? 16.0 * PEAK_LOOPS * PEAK_CHAINS : 0.0;
}
#endif

static double
peak(RsSimdLevel level)
{
	double		flops = 0.0;
	double		start = processor_seconds();

#if defined(__x86_64__)
	if (level >= RS_SIMD_AVX512)
		flops = peak_avx512();
	else if (level == RS_SIMD_AVX2)
		flops = peak_avx2();
#endif
	return flops / (processor_seconds() - start) / 1e9;
}

/* ---- the pieces ---------------------------------------------------------- */

typedef struct Bench
{
	int			k;
	size_t		stride;
	float	   *factors;
	uint16_t   *halves;
	float	   *packed;
	float	   *matrix;
	float	   *sums;
	int32_t    *index;
	float	   *value;
	void	   *workspace;
	float	   *x;
	double	   *z;
	double	   *gramian;
} Bench;

static void
bench_init(Bench *b, int k)
{
	size_t		side = (size_t) RS_STRIDE(k);

	b->k = k;
	b->stride = side;
	b->factors = aligned(SIDE_ROWS * side * sizeof(float));
	b->packed = aligned(ROW_CELLS * side * sizeof(float));
	b->matrix = aligned(side * side * sizeof(float));
	b->sums = aligned(2 * side * sizeof(float));
	b->index = aligned(ROW_CELLS * sizeof(int32_t));
	b->value = aligned(ROW_CELLS * sizeof(float));
	b->workspace = aligned(rs_rows_workspace_size(k));
	b->x = aligned(RS_MAX_BATCH * side * sizeof(float));
	b->z = aligned(side * sizeof(double));
	b->gramian = aligned(side * side * sizeof(double));
	for (int i = 0; i < SIDE_ROWS; i++)
	{
		for (int j = 0; j < k; j++)
			b->factors[(size_t) i * side + j] = (float) ((i * 7919 + j * 104729) % 1000 - 500) / 1000.0f;
	}
	b->halves = aligned(SIDE_ROWS * side * sizeof(uint16_t));
	for (int i = 0; i < ROW_CELLS; i++)
	{
		b->index[i] = i * (SIDE_ROWS / ROW_CELLS);
		b->value[i] = (float) (i % 5);
	}
}

static void
bench_free(Bench *b)
{
	free(b->factors);
	free(b->halves);
	free(b->packed);
	free(b->matrix);
	free(b->sums);
	free(b->gramian);
	free(b->index);
	free(b->value);
	free(b->workspace);
	free(b->x);
	free(b->z);
}

static void
time_gather(Bench *b, Costs *costs)
{
	RsGather	gather = {.factors = b->factors, .stride = b->stride, .n = RS_GATHER_ROWS};
	double		start;
	int			loops = 64000 / b->k;

	for (int i = 0; i < RS_GATHER_ROWS; i++)
		gather.scale[i] = gather.rhs[i] = gather.weight[i] = 1.0f;
	start = processor_seconds();
	for (int r = 0; r < loops; r++)
	{
		gather.index = b->index + RS_GATHER_ROWS * (r % 3);
		rs_kernel_ops->gather(&gather, b->packed, b->sums, b->sums + b->stride);
	}
	keep_least(&costs->gather, (processor_seconds() - start) * 1e9 / loops / RS_GATHER_ROWS);
}

static void
time_update(Bench *b, Costs *costs)
{
	int			loops = 4000000 / b->k / b->k;
	double		start = processor_seconds();

	for (int r = 0; r < loops; r++)
		rs_kernel_ops->rank_update(b->matrix, b->stride, b->packed, b->stride,
								   RS_GATHER_ROWS, b->k, NULL);
	keep_least(&costs->update, (processor_seconds() - start) * 1e9 / loops / RS_GATHER_ROWS);
}

static void
time_project(Bench *b, Costs *costs)
{
	RsProjection p = {.factors = b->factors, .stride = b->stride, .index = b->index,
	.n = ROW_CELLS, .constant = b->value, .weight = b->value};
	float		product[ROW_CELLS];
	int			loops = 64000 / b->k;
	double		start;

	if (rs_halve(b->factors, SIDE_ROWS * b->stride, 1.0f, b->halves))
		p.halves = b->halves;
	start = processor_seconds();
	for (int r = 0; r < loops; r++)
		rs_kernel_ops->project(&p, b->x, product, b->sums);
	keep_least(&costs->project, (processor_seconds() - start) * 1e9 / loops / ROW_CELLS);
}

/*
 * Rows of one cell: nearly all of their cost is the solution.  As the Gramian counts
 * as one that is not diagonal they are not solved by a matrix of cells by cells.
 */
static void
time_solve(Bench *b, Costs *costs)
{
	RsObjective objective = {.implicit = true, .alpha = 1.0, .regularization = 1.0, .unobserved_weight = 1.0};
	RsFixedSide side = {b->factors, NULL, SIDE_ROWS, b->k, (int) b->stride, b->gramian, false};
	RsRowHooks	hooks = {NULL, NULL};
	RsRowTask	tasks[RS_MAX_BATCH];
	int			loops = 1 + 4000000 / b->k / b->k / b->k;
	double		start;
	int			done;

	for (int i = 0; i < RS_MAX_BATCH; i++)
		tasks[i] = (RsRowTask) {{b->index + i, b->value + i, 1}, b->x + (size_t) i * b->stride, NULL, NULL};
	start = processor_seconds();
	for (int r = 0; r < loops; r++)
		rs_rows_solve(&objective, &side, tasks, RS_MAX_BATCH, b->workspace, &hooks, &done);
	keep_least(&costs->solve, (processor_seconds() - start) * 1e6 / loops / RS_MAX_BATCH);
	start = processor_seconds();
	for (int r = 0; r < loops; r++)
		rs_row_solve(&objective, &side, &tasks[r % RS_MAX_BATCH].row, b->workspace, b->x, NULL, NULL);
	keep_least(&costs->alone, (processor_seconds() - start) * 1e6 / loops);
}

int
main(void)
{
	static const int factors[] = {32, 64, 128, 256};

	printf("level     k  GFLOP/s  ns/cell: gather  update (%% of peak)  cg step   "
		   "us/system: lanes  alone   floor of ML-20M s\n");
	for (int f = 0; f < 4; f++)
	{
		Costs		costs[RS_SIMD_AVX512_VNNI + 1] = {{0}};
		int			k = factors[f];
		Bench		b;

		bench_init(&b, k);
		for (int round = 0; round < ROUNDS; round++)
		{
			for (int level = 0; level <= (int) rs_simd_best(); level++)
			{
				Costs	   *c = &costs[level];
				double		now;

				rs_simd_select((RsSimdLevel) level);
				now = peak((RsSimdLevel) level);
				c->peak = now > c->peak ? now : c->peak;
				time_gather(&b, c);
				time_update(&b, c);
				time_solve(&b, c);
				time_project(&b, c);
			}
		}
		for (int level = 0; level <= (int) rs_simd_best(); level++)
		{
			Costs	   *c = &costs[level];
			double		useful = (double) k * (k + 1) / c->update;

			printf("%-8s %3d  %7.0f  %15.1f %7.1f   (%3.0f %%)     %8.1f  %15.2f %7.2f  %18.3f\n",
				   level_names[level], k, c->peak, c->gather, c->update,
				   c->peak > 0.0 ? 100.0 * useful / c->peak : 0.0, c->project, c->solve, c->alone,
				   FLOOR_CELLS * (c->gather + c->update) * 1e-9 + FLOOR_ROWS / 2.0 * c->solve * 1e-6);
		}
		bench_free(&b);
	}
	return 0;
}
