/*-------------------------------------------------------------------------
 *
 * halfstep.c
 *		Half of an iteration, shared among the pool's threads.
 *
 * Rows are independent, so their distribution changes no bit.  Heavy rows go
 * first, or a thread that takes one at the end would keep the others waiting.
 * The Gramian is shared out by panels of its rows; each panel adds the fixed
 * side's rows in ascending order.
 *
 *-------------------------------------------------------------------------
 */
#include "solver/halfstep.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "solver/near.h"

/* Rows that a thread takes at once. */
#define CHUNK_ROWS	16

/* The part of the cells whose rows may be solved exactly where rows are refined. */
#define MOST_EXACT(cells)	((cells) / 4)

/* Rows of the fixed side that a panel adds between two looks at stop. */
#define GRAMIAN_ROWS	4096

/* Rows of the fixed side that a thread brings to half precision at once. */
#define HALVE_ROWS	1024

/* Powers of two of an int32_t count, and zero, each in two parts. */
#define ORDER_CLASSES	66

/* 0 for the heaviest; with a count up to part other rows than above it */
static int
order_class(int32_t count, int32_t part)
{
	int			bits = 0;

	for (int32_t left = count; left > 0; left >>= 1)
		bits++;
	return ORDER_CLASSES - 2 - 2 * bits + (count <= part);
}

static bool
is_chosen(const RsSide *side, int32_t r)
{
	return side->chosen == NULL || side->chosen[r];
}

void
rs_side_order(RsSide *side, int k, RsPool *pool)
{
	int32_t		part = rs_row_most_dual(k);
	int32_t		next[ORDER_CLASSES + 1] = {0};

	for (int32_t r = 0; r < side->cells.n && !rs_stop_at(rs_pool_stopping, pool, r); r++)
		next[order_class(side->counts[r], part) + 1] += is_chosen(side, r);
	for (int c = 0; c < ORDER_CLASSES; c++)
		next[c + 1] += next[c];
	side->rows = next[ORDER_CLASSES];
	for (int32_t r = 0; r < side->cells.n && !rs_stop_at(rs_pool_stopping, pool, r); r++)
	{
		if (is_chosen(side, r))
			side->order[next[order_class(side->counts[r], part)]++] = r;
	}
}

static RsStatus
gramian_chunk(void *arg, int thread, int64_t chunk)
{
	RsHalfStep *step = arg;
	size_t		stride = (size_t) step->stride;
	int32_t		n = step->fixed->cells.n;

	(void) thread;
	for (int32_t r = 0; r < n;)
	{
		int32_t		rows = n - r < GRAMIAN_ROWS ? n - r : GRAMIAN_ROWS;

		if (rs_pool_stopping(step->pool))
			return RS_STOPPED;
		rs_gramian_add(step->fixed->factors + (size_t) r * stride, rows,
					   step->k, step->stride, (int) chunk, step->gramian);
		r += rows;
	}
	return RS_OK;
}

RsStatus
rs_half_step_gramian(RsHalfStep *step)
{
	RsStatus	status;

	memset(step->gramian, 0, (size_t) step->k * (size_t) step->stride * sizeof(double));
	status = rs_pool_run(step->pool, gramian_chunk, step, rs_gramian_panels(step->k));
	if (status == RS_OK)
		rs_gramian_mirror(step->k, step->stride, step->gramian);
	return status;
}

/*
 * What all rows' refinement shares.  A row of n cells has w0 times the Gramian
 * and n of its N terms with the weight of a cell: nearly (w0 + n / N) times it.
 * The row of mean length tells what ridge is added to one Gramian.
 */
static RsStatus
prepare_refinement(void *arg, int thread, int64_t chunk)
{
	RsHalfStep *step = arg;
	const RsObjective *objective = step->objective;
	const RsSide *side = step->solved;
	double		fixed = step->fixed->active;
	double		cells = side->active == 0 ? 0.0 :
		(double) side->cells.start[side->cells.n] / side->active;
	double		grams = objective->unobserved_weight + step->cell_weight * cells / fixed;
	double		ridge = rs_row_ridge(objective, (int32_t) cells, step->fixed->active) / grams;
	double		bias_ridge = rs_row_bias_ridge(objective, (int32_t) cells, step->fixed->active) / grams;
	RsStatus	status;

	(void) thread;
	(void) chunk;
	step->base = (RsRefineBase) {.gramian = objective->implicit ? step->weighted : NULL,
		.inverse = step->inverse, .bias_inverse = (float) (1.0 / (fixed + bias_ridge))};
	for (size_t i = 0; i < (size_t) step->k * (size_t) step->stride; i++)
		step->weighted[i] = (float) (objective->unobserved_weight * step->gramian[i]);
	status = rs_near_inverse(step->gramian, step->k, step->stride, ridge, step->work,
							 step->inverse, rs_pool_stopping, step->pool);
	if (status == RS_NOT_POSITIVE_DEFINITE)
		step->base.inverse = NULL;
	return status == RS_STOPPED ? RS_STOPPED : RS_OK;
}

/*
 * A power of two that brings every factor below 2^15, half of what half
 * precision can hold.  No factor is larger than the root of the Gramian's
 * greatest element; in N rows the largest is at least one sqrt(N)th of that,
 * far above where numbers lose digits.
 */
static float
half_scale(const RsHalfStep *step)
{
	double		greatest = 0.0;
	int			exponent;

	for (int j = 0; j < step->k; j++)
		greatest = fmax(greatest, step->gramian[(size_t) j * (size_t) step->stride + j]);
	if (!(greatest > FLT_MIN && greatest < FLT_MAX))
		return 1.0f;
	(void) frexp(sqrt(greatest), &exponent);
	return (float) ldexp(1.0, 15 - exponent);
}

static RsStatus
halve_chunk(void *arg, int thread, int64_t chunk)
{
	RsHalfStep *step = arg;
	size_t		stride = (size_t) step->stride;
	size_t		first = (size_t) chunk * HALVE_ROWS;
	size_t		left = (size_t) step->fixed->cells.n - first;
	size_t		n = left < HALVE_ROWS ? left : HALVE_ROWS;

	(void) thread;
	if (!rs_halve(step->fixed->factors + first * stride, n * stride, step->base.half_scale,
				  step->halves + first * stride) && chunk == 0)
		step->base.halves = NULL;
	return RS_OK;
}

/* Everything that rows share when they are refined. */
static RsStatus
prepare_base(RsHalfStep *step)
{
	RsStatus	status = rs_pool_run(step->pool, prepare_refinement, step, 1);

	if (status != RS_OK)
		return status;
	step->base.halves = step->halves;
	step->base.half_scale = half_scale(step);
	return rs_pool_run(step->pool, halve_chunk, step,
					   ((int64_t) step->fixed->cells.n + HALVE_ROWS - 1) / HALVE_ROWS);
}

/* Squares of a row's unknowns times their ridges. */
double
rs_half_step_penalty(const RsHalfStep *step, int32_t r)
{
	const RsSide *side = step->solved;
	const float *x = side->factors + (size_t) r * (size_t) step->stride;
	double		bias = side->biases == NULL ? 0.0 : (double) side->biases[r];
	double		squares = rs_dot(x, x, (size_t) step->k);
	int32_t		n = side->counts[r];

	/* A row without cells is zero, its ridge may be infinite. */
	return squares == 0.0 && bias == 0.0 ? 0.0 :
		squares * rs_row_ridge(step->objective, n, step->fixed->active) +
		bias * bias * rs_row_bias_ridge(step->objective, n, step->fixed->active);
}

/* Row r and where its solution goes. */
static RsRowTask
row_task(const RsHalfStep *step, int32_t r)
{
	const RsSide *side = step->solved;
	RsRowTask	task;

	task.row.index = side->cells.index + side->cells.start[r];
	task.row.value = side->cells.value + side->cells.start[r];
	task.row.n = side->counts[r];
	task.x = side->factors + (size_t) r * (size_t) step->stride;
	task.bias = side->biases == NULL ? NULL : &side->biases[r];
	task.loss = side->losses == NULL ? NULL : &side->losses[r];
	return task;
}

static void
record_failure(RsHalfStep *step, int64_t position)
{
	int64_t		lowest = atomic_load(&step->failed);

	while (position < lowest &&
		   !atomic_compare_exchange_weak(&step->failed, &lowest, position))
		;
}

/* Solve a chunk's tasks; *done of them are, all unless one fails. */
static RsStatus
solve_tasks(RsHalfStep *step, const RsRowTask *tasks, int n, void *workspace, int *done)
{
	const RsSide *other = step->fixed;
	RsFixedSide fixed = {other->factors, other->biases, other->active, step->k,
	step->stride, step->objective->implicit ? step->gramian : NULL, step->is_diagonal};
	RsRowHooks	hooks = {rs_pool_stopping, step->pool};

	int64_t		exact;
	RsStatus	status;

	if (!step->refine)
		return rs_rows_solve(step->objective, &fixed, tasks, n, workspace, &hooks, done);
	status = rs_rows_refine(step->objective, &fixed, &step->base, &step->effort, tasks, n,
							workspace, &hooks, done, &exact);
	atomic_fetch_add(&step->cells_exact, exact);
	return status;
}

bool
rs_half_step_is_rough(const RsHalfStep *step)
{
	const RsCsr *cells = &step->solved->cells;

	return step->refine && step->effort.rest < INFINITY &&
		atomic_load(&step->cells_exact) > MOST_EXACT(cells->start[cells->n]);
}

static RsStatus
solve_chunk(void *arg, int thread, int64_t chunk)
{
	RsHalfStep *step = arg;
	const RsSide *side = step->solved;
	RsRowTask	tasks[CHUNK_ROWS];
	int64_t		first = chunk * CHUNK_ROWS;
	int			n = 0;
	int			done;
	RsStatus	status;

	if (rs_half_step_is_rough(step))
		return RS_OK;
	while (n < CHUNK_ROWS && first + n < side->rows)
	{
		tasks[n] = row_task(step, side->order[first + n]);
		n++;
	}
	status = solve_tasks(step, tasks, n,
						 step->workspaces + (size_t) thread * step->workspace_size, &done);
	if (status != RS_OK && status != RS_STOPPED)
		record_failure(step, first + done);
	if (status != RS_OK)
		return status;
	for (int i = 0; i < n && side->penalties != NULL; i++)
		side->penalties[side->order[first + i]] = rs_half_step_penalty(step, side->order[first + i]);
	atomic_fetch_add(&step->rows_done, n);
	return RS_OK;
}

RsStatus
rs_half_step(RsHalfStep *step, int32_t *failed_row)
{
	int32_t		n = step->solved->rows;
	RsStatus	status = RS_OK;

	atomic_store(&step->rows_done, 0);
	atomic_store(&step->cells_exact, 0);
	atomic_store(&step->failed, n);
	if (step->objective->implicit || step->refine)
		status = rs_half_step_gramian(step);
	step->is_diagonal = status == RS_OK && step->objective->implicit &&
		rs_gramian_is_diagonal(step->objective, step->gramian, step->fixed->active,
							   step->k, step->stride);
	if (status == RS_OK && step->refine)
		status = prepare_base(step);
	if (status == RS_OK)
		status = rs_pool_run(step->pool, solve_chunk, step,
							 ((int64_t) n + CHUNK_ROWS - 1) / CHUNK_ROWS);
	if (atomic_load(&step->failed) < n)
		*failed_row = step->solved->order[atomic_load(&step->failed)];
	return status;
}
