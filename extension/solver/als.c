/*-------------------------------------------------------------------------
 *
 * als.c
 *		Alternating least squares: the loop.
 *
 * The thread that calls rs_als_fit() starts the pool, hands out one piece of
 * work after the other and reports progress; all computing happens in the
 * pool.  Every array is taken from the caller's arena before the first thread
 * starts, so nothing can run out of memory later.
 *
 * The objective is in kernel/row.h.  After the users' half-step it is the sum
 * of the users' shares, which contain all cells, plus the items' penalties.
 * Sums are in double, in ascending order of index.
 *
 * While iterating explicit ratings are in units of their deviation, so that their
 * scale changes nothing, and no number leaves the range of float.  The last users
 * are solved in the ratings' own scale, as fold-in does.
 *
 *-------------------------------------------------------------------------
 */
#include "solver/als.h"

#include <math.h>
#include <string.h>

#include "kernel/cells.h"
#include "kernel/rng.h"
#include "rs_limits.h"
#include "solver/arena.h"
#include "solver/csr.h"
#include "solver/derive.h"
#include "solver/halfstep.h"
#include "solver/threads.h"

/* From this many factors on "auto" refines rows. */
#define AUTO_MIN_FACTORS	48

/*
 * Steps of conjugate gradients, and the most that "auto" takes: half of what an
 * exact solution costs.
 */
#define REFINE_STEPS	2
#define REFINE_MOST(k)	((k) / 16)

/* What part of a row's loss "auto" may leave over in the first iteration. */
#define REFINE_REST		0.003

/* Rows that a thread counts or initialises at once. */
#define INIT_ROWS	256

/* One training. */
typedef struct Als
{
	const RsAlsProblem *problem;
	RsObjective objective;		/* with the mean; in units while iterating */
	double		liked;			/* see RsAlsModel */
	double		unit;			/* what 1 of the solved values is */
	double		deviation;		/* of explicit ratings */
	RsCsrPair	cells;
	RsSide		users;
	RsSide		items;
	RsHalfStep	step;
	RsPool		pool;
	RsAlsTick	tick;
	void	   *tick_arg;
	RsAlsProgress progress;
	double	   *loss;
	double		objective_now;
	int32_t    *item_likes;		/* users who like the item */
	bool		refines;		/* rows, but for the last users */
	bool		is_rough;		/* refined rows are too far from exact ones */
	int32_t		bad_user;		/* whose value is not finite, or -1 */
} Als;

/* A weight is given, or is to be derived. */
static bool
is_weight(double weight)
{
	return isnan(weight) || (weight >= 0.0 && isfinite(weight));
}

static bool
is_valid(const RsAlsProblem *p)
{
	const RsObjective *o = &p->objective;

	return p->k >= 1 && p->k <= RS_MAX_FACTORS &&
		p->iterations >= 1 && p->iterations <= RS_MAX_ITERATIONS &&
		p->threads >= 1 && p->n_users >= 1 && p->n_items >= 1 &&
		p->cells.n >= 0 && p->tolerance >= 0.0 &&
		isfinite(o->reg_scaling) && is_weight(o->regularization) &&
		(!o->biases || is_weight(o->bias_regularization)) &&
		(o->implicit ? !o->biases && !isnan(o->regularization) &&
		 is_weight(o->unobserved_weight) && is_weight(o->alpha)
		 : o->unobserved_weight == 0.0);
}

/*
 * Are rows refined, or solved exactly?  The last users always exactly.  With
 * fewer factors the exact solution is cheap; at 64 factors two steps take a
 * third of its time, at 128 a quarter.
 */
static bool
may_refine(const RsAlsProblem *p)
{
	return p->solver == RS_ALS_CG || (p->solver == RS_ALS_AUTO && p->k >= AUTO_MIN_FACTORS);
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
take_side(RsSide *side, RsArena *arena, const RsAlsProblem *problem,
		  const RsCsr *cells)
{
	size_t		n = (size_t) cells->n;

	side->cells = *cells;
	side->factors = rs_arena_take(arena, n, RS_STRIDE((size_t) problem->k) * sizeof(float));
	side->biases = problem->objective.biases ?
		rs_arena_take(arena, n, sizeof(float)) : NULL;
	side->counts = rs_arena_take(arena, n, sizeof(int32_t));
	side->order = rs_arena_take(arena, n, sizeof(int32_t));
}

/* Every array of a training, counted or handed out. */
static void
take_all(Als *als, RsArena *arena)
{
	const RsAlsProblem *p = als->problem;
	RsHalfStep *step = &als->step;
	size_t		square = (size_t) p->k * RS_STRIDE((size_t) p->k);
	size_t		built;

	rs_csr_take(&als->cells, arena, &p->cells, p->n_users, p->n_items);
	built = arena->used;
	rs_csr_take_scratch(&als->cells, arena, &p->cells, p->objective.implicit);

	/* Nothing of the rest is touched before the cells are built. */
	rs_arena_rewind(arena, built);
	take_side(&als->users, arena, p, &als->cells.users);
	take_side(&als->items, arena, p, &als->cells.items);
	als->users.losses = rs_arena_take(arena, (size_t) p->n_users, sizeof(double));
	als->items.penalties = rs_arena_take(arena, (size_t) p->n_items, sizeof(double));
	als->item_likes = rs_arena_take(arena, (size_t) p->n_items, sizeof(int32_t));
	step->k = p->k;
	step->stride = RS_STRIDE(p->k);
	step->gramian = rs_arena_take(arena, square, sizeof(double));
	step->work = rs_arena_take(arena, square, sizeof(double));
	step->weighted = rs_arena_take(arena, square, sizeof(float));
	step->inverse = rs_arena_take(arena, square, sizeof(float));
	step->halves = may_refine(p) ?
		rs_arena_take(arena, (size_t) (p->n_users > p->n_items ? p->n_users : p->n_items),
					  RS_STRIDE((size_t) p->k) * sizeof(uint16_t)) : NULL;
	step->workspace_size = workspace_size(p->k);
	step->workspaces = rs_arena_take(arena, (size_t) thread_count(p), step->workspace_size);
	als->loss = rs_arena_take(arena, (size_t) p->iterations, sizeof(double));
}

bool
rs_als_memory(const RsAlsProblem *problem, size_t *bytes)
{
	Als			als = {.problem = problem};
	RsArena		arena;

	if (!is_valid(problem))
		return false;
	rs_arena_init(&arena, NULL, SIZE_MAX);
	take_all(&als, &arena);
	*bytes = arena.most;
	return !arena.failed;
}

/* ---- progress ------------------------------------------------------------ */

static bool
report_progress(void *arg)
{
	Als		   *als = arg;

	als->progress.rows_done = atomic_load(&als->step.rows_done);
	return als->tick(als->tick_arg, &als->progress);
}

/* Chunks of INIT_ROWS rows. */
static int64_t
init_chunks(int32_t rows)
{
	return ((int64_t) rows + INIT_ROWS - 1) / INIT_ROWS;
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

/* Work of one chunk: sums follow one order from start to end. */
static RsStatus
prepare_sides(void *arg, int thread, int64_t chunk)
{
	Als		   *als = arg;

	(void) thread;
	(void) chunk;
	count_rows(&als->users, &als->pool);
	count_rows(&als->items, &als->pool);
	rs_side_order(&als->users, &als->pool);
	rs_side_order(&als->items, &als->pool);
	als->objective.mean = als->objective.implicit ? 0.0 :
		mean_of_cells(&als->users.cells, &als->pool);
	als->liked = mean_of_likes(&als->users.cells, &als->objective, &als->pool);
	als->deviation = als->objective.implicit ? 1.0 :
		rs_deviation(&als->users.cells, als->objective.mean, &als->pool);
	als->step.cell_weight = rs_derive_weights(&als->objective, als->deviation, &als->users,
											  &als->items, &als->pool);
	return RS_OK;
}

/* The users who like each item; the mean is known. */
static RsStatus
count_likes(void *arg, int thread, int64_t chunk)
{
	Als		   *als = arg;
	const RsCsr *items = &als->items.cells;
	int64_t		first = chunk * INIT_ROWS;
	int64_t		last = first + INIT_ROWS < items->n ? first + INIT_ROWS : items->n;

	(void) thread;
	for (int64_t r = first; r < last; r++)
	{
		int32_t		likes = 0;

		for (int64_t i = items->start[r]; i < items->start[r + 1]; i++)
		{
			if (rs_stop_at(rs_pool_stopping, &als->pool, i))
				return RS_STOPPED;
			likes += rs_cell_is_like(items->value[i], als->objective.implicit, als->objective.mean);
		}
		als->item_likes[r] = likes;
	}
	return RS_OK;
}

/* ---- units ---------------------------------------------------------------- */

/* Iterate with ratings in units of their deviation, or with rounded weights. */
static void
enter_units(Als *als)
{
	if (als->objective.implicit)
	{
		als->objective.scale = isnan(als->problem->objective.alpha) ? 1.0 : 0.0;
		return;
	}
	als->unit = als->deviation;
	als->objective.regularization /= als->unit;
	als->objective.scale = 1.0 / als->unit;
}

/* A chunk of solved items in the ratings' own scale. */
static RsStatus
scale_items(void *arg, int thread, int64_t chunk)
{
	Als		   *als = arg;
	RsSide	   *items = &als->items;
	size_t		stride = (size_t) als->step.stride;
	double		root = sqrt(als->unit);
	int64_t		first = chunk * INIT_ROWS;
	int64_t		last = first + INIT_ROWS < items->cells.n ? first + INIT_ROWS : items->cells.n;

	(void) thread;
	for (size_t j = (size_t) first * stride; j < (size_t) last * stride; j++)
		items->factors[j] = (float) (root * (double) items->factors[j]);
	for (int64_t r = first; r < last; r++)
	{
		items->penalties[r] *= als->unit * als->unit;
		if (items->biases != NULL)
			items->biases[r] = (float) (als->unit * (double) items->biases[r]);
	}
	return RS_OK;
}

/* The ratings' own scale again, items being solved. */
static RsStatus
leave_units(Als *als, const RsAlsModel *model)
{
	RsStatus	status = RS_OK;

	if (als->unit != 1.0)
		status = rs_pool_run(&als->pool, scale_items, als, init_chunks(als->problem->n_items));
	als->objective = model->objective;
	als->unit = 1.0;
	return status;
}

/* Users without cells stay zero from the start: they count in a Gramian. */
static RsStatus
initialise_users(void *arg, int thread, int64_t chunk)
{
	Als		   *als = arg;
	const RsAlsProblem *p = als->problem;
	size_t		stride = (size_t) als->step.stride;
	int64_t		first = chunk * INIT_ROWS;
	int64_t		last = first + INIT_ROWS < p->n_users ? first + INIT_ROWS : p->n_users;

	(void) thread;
	for (int64_t r = first; r < last; r++)
	{
		float	   *x = als->users.factors + (size_t) r * stride;

		memset(x, 0, stride * sizeof(float));
		if (als->users.counts[r] > 0)
			rs_initial_factors(p->user_hash[r], p->seed, p->k, x);
		if (als->users.biases != NULL)
			als->users.biases[r] = 0.0f;
	}
	return RS_OK;
}

static RsStatus
initialise_items(void *arg, int thread, int64_t chunk)
{
	Als		   *als = arg;
	size_t		stride = (size_t) als->step.stride;
	size_t		first = (size_t) chunk * INIT_ROWS;
	size_t		left = (size_t) als->problem->n_items - first;
	size_t		n = left < INIT_ROWS ? left : INIT_ROWS;

	(void) thread;
	memset(als->items.factors + first * stride, 0, n * stride * sizeof(float));
	if (als->items.biases != NULL)
		memset(als->items.biases + first, 0, n * sizeof(float));
	return RS_OK;
}

/* ---- the loop ------------------------------------------------------------ */

/*
 * How far rows are refined.  Two steps descend nearly as an exact solution does
 * where the shared inverse is near a row's own; where the weights of a row's
 * cells differ much or the ridge is small it is not.  "auto" looks at what is
 * left over.  In early iterations little of that survives until the end, so
 * less and less is allowed: a part of the row's loss that falls with the number
 * of the iteration.
 */
static RsRefineEffort
refine_effort(const RsAlsProblem *problem, int iteration)
{
	if (problem->solver == RS_ALS_CG)
		return (RsRefineEffort) {REFINE_STEPS, REFINE_STEPS, INFINITY};
	return (RsRefineEffort) {REFINE_STEPS, REFINE_MOST(problem->k), REFINE_REST / iteration};
}

static RsStatus
half_step(Als *als, RsSide *solved, const RsSide *fixed, bool is_last, RsAlsModel *model)
{
	RsHalfStep *step = &als->step;
	RsStatus	status;

	step->solved = solved;
	step->fixed = fixed;
	step->refine = als->refines && !is_last;
	step->effort = refine_effort(als->problem, model->iterations + 1);
	als->progress.rows_total = solved->cells.n;
	status = rs_half_step(step, &model->failed_row);

	/*
	 * A row that failed counts, too: whether it was reached may depend on the
	 * threads, so it is for the exact solution to fail.
	 */
	if (step->refine && als->problem->solver == RS_ALS_AUTO && status != RS_STOPPED &&
		(status != RS_OK || rs_half_step_is_rough(step)))
	{
		als->is_rough = true;
		return RS_STOPPED;
	}
	if (status != RS_OK && status != RS_STOPPED)
		model->failed_is_user = solved == &als->users;
	return status;
}

static RsStatus
sum_objective(void *arg, int thread, int64_t chunk)
{
	Als		   *als = arg;
	double		loss = 0.0;

	(void) thread;
	(void) chunk;
	for (int32_t r = 0; r < als->users.cells.n && !rs_stop_at(rs_pool_stopping, &als->pool, r); r++)
		loss += als->users.losses[r];
	for (int32_t r = 0; r < als->items.cells.n && !rs_stop_at(rs_pool_stopping, &als->pool, r); r++)
		loss += als->items.penalties[r];
	als->objective_now = loss * als->unit * als->unit;
	return isfinite(loss) ? RS_OK : RS_NOT_FINITE;
}

/* Has the objective stopped falling by the fraction that was asked for? */
static bool
is_converged(const Als *als, int done)
{
	double		tolerance = als->problem->tolerance;

	if (done < 2 || tolerance <= 0.0)
		return false;
	return als->loss[done - 2] - als->loss[done - 1] <= tolerance * als->loss[done - 2];
}

/* Users, then the objective. */
static RsStatus
finish_iteration(Als *als, bool is_last, RsAlsModel *model)
{
	RsStatus	status = is_last ? leave_units(als, model) : RS_OK;

	if (status == RS_OK)
		status = half_step(als, &als->users, &als->items, is_last, model);
	if (status == RS_OK)
		status = rs_pool_run(&als->pool, sum_objective, als, 1);
	if (status == RS_OK)
		als->progress.loss = als->objective_now;
	return status;
}

static RsStatus
iterate(Als *als, RsAlsModel *model)
{
	RsStatus	status = RS_OK;
	bool		is_last = false;

	while (status == RS_OK && !is_last)
	{
		is_last = model->iterations + 1 == als->problem->iterations;
		status = half_step(als, &als->items, &als->users, false, model);
		if (status == RS_OK)
			status = finish_iteration(als, is_last, model);
		if (status != RS_OK)
			break;
		als->loss[model->iterations++] = als->objective_now;
		als->progress.iteration = model->iterations;
		if (is_last || !is_converged(als, model->iterations))
			continue;

		/* The end comes early: the users once more, exactly. */
		is_last = true;
		if (als->problem->solver != RS_ALS_EXACT || als->objective.scale != 0.0)
			status = finish_iteration(als, true, model);
		if (status == RS_OK)
			als->loss[model->iterations - 1] = als->objective_now;
	}
	return status;
}

static RsStatus
prepare(Als *als, RsAlsModel *model)
{
	RsStatus	status;

	als->progress.phase = RS_ALS_PREPARING;
	status = rs_csr_build(&als->cells, &als->problem->cells, als->objective.implicit, &als->pool,
						  &als->bad_user);
	if (status == RS_OK)
		status = rs_pool_run(&als->pool, prepare_sides, als, 1);
	if (status == RS_OK)
		status = rs_pool_run(&als->pool, count_likes, als, init_chunks(als->problem->n_items));
	if (status == RS_NOT_FINITE)
	{
		model->failed_is_user = true;
		model->failed_row = als->bad_user;
	}
	if (status != RS_OK)
		return status;
	model->objective = als->objective;
	model->liked = als->liked;
	model->n_cells = als->users.cells.start[als->users.cells.n];
	enter_units(als);
	return RS_OK;
}

/* To where iterations start from. */
static RsStatus
initialise(Als *als, RsAlsModel *model)
{
	RsStatus	status;

	model->iterations = 0;
	model->failed_row = -1;
	als->progress = (RsAlsProgress) {.phase = RS_ALS_ITERATING};
	status = rs_pool_run(&als->pool, initialise_items, als, init_chunks(als->problem->n_items));
	if (status != RS_OK)
		return status;
	return rs_pool_run(&als->pool, initialise_users, als, init_chunks(als->problem->n_users));
}

/*
 * From the start to the end.  If refined rows turn out to be too far from exact
 * ones, begin anew with exact ones, to the same bits as if that had been asked
 * for: where it matters the way to the end depends on every step.
 */
static RsStatus
train(Als *als, RsAlsModel *model)
{
	RsStatus	status = initialise(als, model);

	if (status == RS_OK)
		status = iterate(als, model);
	if (!als->is_rough)
		return status;
	als->is_rough = als->refines = false;
	status = initialise(als, model);
	return status == RS_OK ? iterate(als, model) : status;
}

static void
fill_model(Als *als, RsAlsModel *model)
{
	memset(model, 0, sizeof(*model));
	model->k = als->problem->k;
	model->stride = als->step.stride;
	model->user_factors = als->users.factors;
	model->item_factors = als->items.factors;
	model->user_biases = als->users.biases;
	model->item_biases = als->items.biases;
	model->user_counts = als->users.counts;
	model->item_counts = als->items.counts;
	model->item_likes = als->item_likes;
	model->loss = als->loss;
	model->failed_row = -1;
}

RsStatus
rs_als_fit(const RsAlsProblem *problem, void *memory, size_t bytes,
		   RsAlsTick tick, void *tick_arg, RsAlsModel *model)
{
	Als			als = {.problem = problem, .objective = problem->objective};
	RsArena		arena;
	RsStatus	status;

	if (!is_valid(problem) || memory == NULL)
		return RS_INVALID;
	rs_arena_init(&arena, memory, bytes);
	take_all(&als, &arena);
	if (arena.failed)
		return RS_OUT_OF_MEMORY;

	als.objective.mean = 0.0;
	als.tick = tick;
	als.tick_arg = tick_arg;
	als.bad_user = -1;
	als.unit = 1.0;
	als.refines = may_refine(problem);
	als.step.objective = &als.objective;
	als.step.pool = &als.pool;
	fill_model(&als, model);
	status = rs_pool_start(&als.pool, thread_count(problem),
						   tick == NULL ? NULL : report_progress, &als);
	if (status != RS_OK)
		return status;
	status = prepare(&als, model);
	if (status == RS_OK)
		status = train(&als, model);
	rs_pool_end(&als.pool);
	return status;
}
