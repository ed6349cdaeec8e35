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

#include <string.h>


/* Rows that a thread takes at once. */
#define CHUNK_ROWS	16

/* Steps of conjugate gradients. */
#define REFINE_STEPS	3

/* Rows of the fixed side that a panel adds between two looks at stop. */
#define GRAMIAN_ROWS	4096

/* Powers of two of an int32_t count, and zero. */
#define ORDER_CLASSES	33

/* 0 for the heaviest */
static int
order_class(int32_t count)
{
	int			bits = 0;

	while (count > 0)
	{
		bits++;
		count >>= 1;
	}
	return ORDER_CLASSES - 1 - bits;
}

void
rs_side_order(RsSide *side)
{
	int32_t		next[ORDER_CLASSES + 1] = {0};

	for (int32_t r = 0; r < side->cells.n; r++)
		next[order_class(side->counts[r]) + 1]++;
	for (int c = 0; c < ORDER_CLASSES; c++)
		next[c + 1] += next[c];
	for (int32_t r = 0; r < side->cells.n; r++)
		side->order[next[order_class(side->counts[r])]++] = r;
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

static RsStatus
compute_gramian(RsHalfStep *step)
{
	RsStatus	status;

	memset(step->gramian, 0, (size_t) step->k * (size_t) step->stride * sizeof(double));
	status = rs_pool_run(step->pool, gramian_chunk, step, rs_gramian_panels(step->k));
	if (status != RS_OK)
		return status;
	rs_gramian_mirror(step->k, step->stride, step->gramian);
	for (size_t i = 0; i < (size_t) step->k * (size_t) step->stride; i++)
		step->weighted[i] = (float) (step->objective->unobserved_weight * step->gramian[i]);
	return RS_OK;
}

/* Squared length of a row's unknowns times its ridge. */
static double
row_penalty(const RsHalfStep *step, int32_t r)
{
	const RsSide *side = step->solved;
	const float *x = side->factors + (size_t) r * (size_t) step->stride;
	double		squares = rs_dot(x, x, (size_t) step->k);

	if (side->biases != NULL)
		squares += (double) side->biases[r] * (double) side->biases[r];
	return squares == 0.0 ? 0.0 :
		squares * rs_row_ridge(step->objective, side->counts[r], step->fixed->active);
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

/* The longest run of tasks from the first one that are refined, or that are not. */
static int
run_length(const RsHalfStep *step, const RsRowTask *tasks, int n, bool refined)
{
	int			length = 0;

	while (length < n && refined == (tasks[length].row.n >= step->refine_from &&
									 tasks[length].row.n <= step->refine_to))
		length++;
	return length;
}

/* Solve a chunk's tasks; *done of them are, all unless one fails. */
static RsStatus
solve_tasks(RsHalfStep *step, const RsRowTask *tasks, int n, void *workspace, int *done)
{
	const RsSide *other = step->fixed;
	RsFixedSide fixed = {other->factors, other->biases, other->active, step->k,
	step->stride, step->gramian};
	RsRowHooks	hooks = {rs_pool_stopping, step->pool};
	RsStatus	status = RS_OK;

	for (*done = 0; *done < n && status == RS_OK;)
	{
		int			exact = run_length(step, tasks + *done, n - *done, false);
		int			solved = 0;

		if (exact > 0)
			status = rs_rows_solve(step->objective, &fixed, tasks + *done, exact, workspace,
								   &hooks, &solved);
		else
		{
			status = rs_row_refine(step->objective, &fixed,
								   step->gramian == NULL ? NULL : step->weighted,
								   &tasks[*done], REFINE_STEPS, workspace, &hooks);
			solved = status == RS_OK;
		}
		*done += solved;
	}
	return status;
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

	while (n < CHUNK_ROWS && first + n < side->cells.n)
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
		side->penalties[side->order[first + i]] = row_penalty(step, side->order[first + i]);
	atomic_fetch_add(&step->rows_done, n);
	return RS_OK;
}

RsStatus
rs_half_step(RsHalfStep *step, int32_t *failed_row)
{
	int32_t		n = step->solved->cells.n;
	RsStatus	status = RS_OK;

	atomic_store(&step->rows_done, 0);
	atomic_store(&step->failed, n);
	if (step->gramian != NULL)
		status = compute_gramian(step);
	if (status == RS_OK)
		status = rs_pool_run(step->pool, solve_chunk, step,
							 ((int64_t) n + CHUNK_ROWS - 1) / CHUNK_ROWS);
	if (atomic_load(&step->failed) < n)
		*failed_row = step->solved->order[atomic_load(&step->failed)];
	return status;
}
