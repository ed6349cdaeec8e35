/*-------------------------------------------------------------------------
 *
 * run.c
 *		One run of the solver: its arrays, its pool, its progress, and what is
 *		known before the first row is solved.
 *
 * The thread that calls the solver starts the pool, hands out one piece of work
 * after the other and reports progress; all computing happens in the pool.  Every
 * array is taken from the caller's arena before the first thread starts, so nothing
 * can run out of memory later.
 *
 * The objective is in kernel/row.h.  After the users' half-step it is the sum
 * of the users' shares, which contain all cells, plus the items' penalties.
 * Sums are in double, in ascending order of index.
 *
 *-------------------------------------------------------------------------
 */
#include "solver/run.h"

#include <math.h>
#include <string.h>

#include "kernel/cells.h"
#include "rs_limits.h"
#include "solver/als.h"
#include "solver/derive.h"

/* From this many factors on "auto" refines rows. */
#define AUTO_MIN_FACTORS	48

/* Is a weight valid?  NaN asks to derive it, which a refresh (given) does not do. */
static bool
is_weight(double weight, bool given)
{
	return (isnan(weight) && !given) || (weight >= 0.0 && isfinite(weight));
}

/* A refresh takes all weights over, and biases for each item where there are any. */
static bool
is_valid(const RsAlsProblem *p)
{
	const RsObjective *o = &p->objective;
	const RsAlsKnown *known = &p->known;
	bool		given = known->item_factors != NULL;

	return p->k >= 1 && p->k <= RS_MAX_FACTORS &&
		p->iterations >= 1 && p->iterations <= RS_MAX_ITERATIONS &&
		p->threads >= 1 && p->n_users >= 1 && p->n_items >= 1 &&
		p->cells.n >= 0 && p->tolerance >= 0.0 &&
		(!given || (known->item_is_new != NULL && isfinite(o->mean) &&
					(known->item_biases != NULL) == o->biases)) &&
		isfinite(o->reg_scaling) && is_weight(o->regularization, given) &&
		(!o->biases || is_weight(o->bias_regularization, given)) &&
		(o->implicit ? !o->biases && !isnan(o->regularization) &&
		 is_weight(o->unobserved_weight, given) && is_weight(o->alpha, given)
		 : o->unobserved_weight == 0.0);
}

/*
 * With fewer factors the exact solution is cheap; at 64 factors two steps take a
 * third of its time, at 128 a quarter.
 */
bool
rs_run_may_refine(const RsAlsProblem *p)
{
	return p->known.item_factors == NULL &&
		(p->solver == RS_ALS_CG || (p->solver == RS_ALS_AUTO && p->k >= AUTO_MIN_FACTORS));
}

/* ---- memory -------------------------------------------------------------- */

static int
thread_count(const RsAlsProblem *problem)
{
	return problem->threads < RS_MAX_THREADS ? problem->threads : RS_MAX_THREADS;
}

static size_t
workspace_size(int k)
{
	size_t		exact = rs_rows_workspace_size(k);
	size_t		refined = rs_rows_refine_workspace_size(k);

	return exact > refined ? exact : refined;
}

static void
take_side(RsSide *side, RsArena *arena, const RsCsr *cells)
{
	size_t		n = (size_t) cells->n;

	side->cells = *cells;
	side->counts = rs_arena_take(arena, n, sizeof(int32_t));
	side->order = rs_arena_take(arena, n, sizeof(int32_t));
}

static void
take_factors(RsSide *side, RsArena *arena, const RsAlsProblem *problem)
{
	size_t		n = (size_t) side->cells.n;

	side->factors = rs_arena_take(arena, n, RS_STRIDE((size_t) problem->k) * sizeof(float));
	side->biases = problem->objective.biases ?
		rs_arena_take(arena, n, sizeof(float)) : NULL;
}

/* The items' factors, and whether they are to be solved, are the caller's. */
static void
take_known(RsRun *run, RsArena *arena)
{
	const RsAlsProblem *p = run->problem;

	run->items.factors = p->known.item_factors;
	run->items.biases = p->known.item_biases;
	run->items.chosen = p->known.item_is_new;
	run->changed = rs_arena_take(arena, (size_t) p->n_users, sizeof(bool));
}

/* What half-steps share. */
static void
take_step(RsHalfStep *step, RsArena *arena, const RsAlsProblem *p)
{
	size_t		square = (size_t) p->k * RS_STRIDE((size_t) p->k);

	step->k = p->k;
	step->stride = RS_STRIDE(p->k);
	step->gramian = rs_arena_take(arena, square, sizeof(double));
	step->work = rs_arena_take(arena, square, sizeof(double));
	step->weighted = rs_arena_take(arena, square, sizeof(float));
	step->inverse = rs_arena_take(arena, square, sizeof(float));
	step->halves = rs_run_may_refine(p) ?
		rs_arena_take(arena, (size_t) (p->n_users > p->n_items ? p->n_users : p->n_items),
					  RS_STRIDE((size_t) p->k) * sizeof(uint16_t)) : NULL;
	step->workspace_size = workspace_size(p->k);
	step->workspaces = rs_arena_take(arena, (size_t) thread_count(p), step->workspace_size);
}

/* Every array of a run, counted or handed out. */
static void
take_all(RsRun *run, RsArena *arena)
{
	const RsAlsProblem *p = run->problem;
	size_t		built;

	rs_csr_take(&run->cells, arena, &p->cells, p->n_users, p->n_items);
	built = arena->used;
	rs_csr_take_scratch(&run->cells, arena, &p->cells, p->objective.implicit);

	/* Nothing of the rest is touched before the users' rows are built. */
	rs_arena_rewind(arena, built);
	take_side(&run->users, arena, &run->cells.users);
	take_side(&run->items, arena, &run->cells.items);
	take_factors(&run->users, arena, p);
	if (rs_run_is_refresh(run))
		take_known(run, arena);
	else
		take_factors(&run->items, arena, p);
	run->users.losses = rs_arena_take(arena, (size_t) p->n_users, sizeof(double));
	run->items.penalties = rs_arena_take(arena, (size_t) p->n_items, sizeof(double));
	run->item_likes = rs_arena_take(arena, (size_t) p->n_items, sizeof(int32_t));
	take_step(&run->step, arena, p);
	run->loss = rs_arena_take(arena, (size_t) p->iterations, sizeof(double));
}

bool
rs_als_memory(const RsAlsProblem *problem, size_t *bytes)
{
	RsRun		run = {.problem = problem};
	RsArena		arena;

	if (!is_valid(problem))
		return false;
	rs_arena_init(&arena, NULL, SIZE_MAX);
	take_all(&run, &arena);
	*bytes = arena.most;
	return !arena.failed;
}

/* ---- the pool ------------------------------------------------------------ */

static bool
report_progress(void *arg)
{
	RsRun	   *run = arg;

	run->progress.rows_done = atomic_load(&run->step.rows_done);
	return run->tick(run->tick_arg, &run->progress);
}

int64_t
rs_run_chunks(int32_t rows)
{
	return ((int64_t) rows + RS_RUN_ROWS - 1) / RS_RUN_ROWS;
}

int64_t
rs_run_chunk_end(int64_t chunk, int32_t rows)
{
	int64_t		end = (chunk + 1) * RS_RUN_ROWS;

	return end < rows ? end : rows;
}

static void
fill_model(RsRun *run, RsAlsModel *model)
{
	memset(model, 0, sizeof(*model));
	model->k = run->problem->k;
	model->stride = run->step.stride;
	model->user_factors = run->users.factors;
	model->item_factors = run->items.factors;
	model->user_biases = run->users.biases;
	model->item_biases = run->items.biases;
	model->user_counts = run->users.counts;
	model->item_counts = run->items.counts;
	model->item_likes = run->item_likes;
	model->loss = run->loss;
	model->failed_row = -1;
}

RsStatus
rs_run_begin(RsRun *run, const RsAlsProblem *problem, void *memory, size_t bytes,
			 RsAlsTick tick, void *tick_arg, RsAlsModel *model)
{
	RsArena		arena;

	memset(run, 0, sizeof(*run));
	if (!is_valid(problem) || memory == NULL)
		return RS_INVALID;
	run->problem = problem;
	rs_arena_init(&arena, memory, bytes);
	take_all(run, &arena);
	if (arena.failed)
		return RS_OUT_OF_MEMORY;

	run->objective = problem->objective;
	run->tick = tick;
	run->tick_arg = tick_arg;
	run->bad_user = -1;
	run->unit = 1.0;
	run->step.objective = &run->objective;
	run->step.pool = &run->pool;
	run->progress.phase = RS_ALS_PREPARING;
	fill_model(run, model);
	return rs_pool_start(&run->pool, thread_count(problem),
						 tick == NULL ? NULL : report_progress, run);
}

/* ---- preparation --------------------------------------------------------- */

static void
count_rows(RsSide *side, RsPool *pool)
{
	side->active = 0;
	for (int32_t r = 0; r < side->cells.n && !rs_stop_at(rs_pool_stopping, pool, r); r++)
	{
		side->counts[r] = (int32_t) (side->cells.start[r + 1] - side->cells.start[r]);
		side->active += side->counts[r] > 0;
	}
}

/* The mean of the explicit cells, in the order of the users' rows. */
static double
mean_of_cells(const RsCsr *users, RsPool *pool)
{
	int64_t		n = users->start[users->n];
	double		sum = 0.0;

	for (int64_t i = 0; i < n && !rs_stop_at(rs_pool_stopping, pool, i); i++)
		sum += (double) users->value[i];
	return n == 0 ? 0.0 : sum / (double) n;
}

/* The mean of the cells that are likes, in the same order; the mean of all is known. */
static double
mean_of_likes(const RsCsr *users, const RsObjective *objective, RsPool *pool)
{
	int64_t		n = users->start[users->n];
	int64_t		likes = 0;
	double		sum = 0.0;

	for (int64_t i = 0; i < n && !rs_stop_at(rs_pool_stopping, pool, i); i++)
	{
		if (!rs_cell_is_like(users->value[i], objective->implicit, objective->mean))
			continue;
		sum += (double) users->value[i];
		likes++;
	}
	return likes == 0 ? 1.0 : sum / (double) likes;
}

/* Compute from the cells what a refresh takes over: mean, deviation, weights. */
static void
derive_objective(RsRun *run)
{
	run->objective.mean = run->objective.implicit ? 0.0 :
		mean_of_cells(&run->users.cells, &run->pool);
	run->deviation = run->objective.implicit ? 1.0 :
		rs_deviation(&run->users.cells, run->objective.mean, &run->pool);
	run->step.cell_weight = rs_derive_weights(&run->objective, run->deviation, &run->users,
											  &run->items, &run->pool);
}

/* One chunk, and so one thread: its sums run in one order from start to end. */
static RsStatus
prepare_sides(void *arg, int thread, int64_t chunk)
{
	RsRun	   *run = arg;

	(void) thread;
	(void) chunk;
	count_rows(&run->users, &run->pool);
	count_rows(&run->items, &run->pool);
	rs_side_order(&run->users, run->step.k, &run->pool);
	rs_side_order(&run->items, run->step.k, &run->pool);
	if (!rs_run_is_refresh(run))
		derive_objective(run);
	run->liked = mean_of_likes(&run->users.cells, &run->objective, &run->pool);
	return RS_OK;
}

/* The users who like each item; the mean is known. */
static RsStatus
count_likes(void *arg, int thread, int64_t chunk)
{
	RsRun	   *run = arg;
	const RsCsr *items = &run->items.cells;

	(void) thread;
	for (int64_t r = chunk * RS_RUN_ROWS; r < rs_run_chunk_end(chunk, items->n); r++)
	{
		int32_t		likes = 0;

		for (int64_t i = items->start[r]; i < items->start[r + 1]; i++)
		{
			if (rs_stop_at(rs_pool_stopping, &run->pool, i))
				return RS_STOPPED;
			likes += rs_cell_is_like(items->value[i], run->objective.implicit, run->objective.mean);
		}
		run->item_likes[r] = likes;
	}
	return RS_OK;
}

RsStatus
rs_run_users(RsRun *run, RsAlsModel *model)
{
	RsStatus	status = rs_csr_build_users(&run->cells, &run->problem->cells,
											run->objective.implicit, &run->pool, &run->bad_user);

	if (status == RS_NOT_FINITE)
	{
		model->failed_is_user = true;
		model->failed_row = run->bad_user;
	}
	return status;
}

RsStatus
rs_run_items(RsRun *run, RsAlsModel *model)
{
	RsStatus	status = rs_csr_build_items(&run->cells, &run->pool);

	if (status == RS_OK)
		status = rs_pool_run(&run->pool, prepare_sides, run, 1);
	if (status == RS_OK)
		status = rs_pool_run(&run->pool, count_likes, run, rs_run_chunks(run->problem->n_items));
	if (status != RS_OK)
		return status;
	model->objective = run->objective;
	model->deviation = run->deviation;
	model->liked = run->liked;
	model->n_cells = run->users.cells.start[run->users.cells.n];
	return RS_OK;
}

/* ---- solving ------------------------------------------------------------- */

RsStatus
rs_run_half_step(RsRun *run, RsSide *solved, const RsSide *fixed, RsAlsModel *model)
{
	RsStatus	status;

	run->step.solved = solved;
	run->step.fixed = fixed;
	run->progress.rows_total = solved->rows;
	status = rs_half_step(&run->step, &model->failed_row);
	if (status != RS_OK && status != RS_STOPPED)
		model->failed_is_user = solved == &run->users;
	return status;
}

static RsStatus
sum_objective(void *arg, int thread, int64_t chunk)
{
	RsRun	   *run = arg;
	double		loss = 0.0;

	(void) thread;
	(void) chunk;
	for (int32_t r = 0; r < run->users.cells.n && !rs_stop_at(rs_pool_stopping, &run->pool, r); r++)
		loss += run->users.losses[r];
	for (int32_t r = 0; r < run->items.cells.n && !rs_stop_at(rs_pool_stopping, &run->pool, r); r++)
		loss += run->items.penalties[r];
	run->objective_now = loss * run->unit * run->unit;
	return isfinite(loss) ? RS_OK : RS_NOT_FINITE;
}

RsStatus
rs_run_objective(RsRun *run)
{
	RsStatus	status = rs_pool_run(&run->pool, sum_objective, run, 1);

	if (status == RS_OK)
		run->progress.loss = run->objective_now;
	return status;
}
