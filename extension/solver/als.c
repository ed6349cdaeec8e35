/*-------------------------------------------------------------------------
 *
 * als.c
 *		Alternating least squares: the loop.
 *
 * While iterating explicit ratings are in units of their deviation, so that their
 * scale changes nothing, and no number leaves the range of float.  The last users
 * are solved in the ratings' own scale, as fold-in does.  With many factors implicit
 * items are turned to the axes of their Gramian before (solver/axes.h): that changes
 * no product, and these users and those that are folded in are solved faster.
 *
 *-------------------------------------------------------------------------
 */
#include "solver/als.h"

#include <math.h>
#include <string.h>

#include "kernel/rng.h"
#include "solver/axes.h"
#include "solver/run.h"

/*
 * Steps of conjugate gradients, and the most that "auto" takes: half of what an
 * exact solution costs.
 */
#define REFINE_STEPS	2
#define REFINE_MOST(k)	((k) / 16)

/* What part of a row's loss "auto" may leave over in the first iteration. */
#define REFINE_REST		0.003

/* Users for whom items are turned. */
#define LEAST_TO_TURN	256

/* ---- units ---------------------------------------------------------------- */

/* Iterate with ratings in units of their deviation, or with rounded weights. */
static void
enter_units(RsRun *run)
{
	if (run->objective.implicit)
	{
		run->objective.scale = isnan(run->problem->objective.alpha) ? 1.0 : 0.0;
		return;
	}
	run->unit = run->deviation;
	run->objective.regularization /= run->unit;
	run->objective.scale = 1.0 / run->unit;
}

/* A chunk of solved items in the ratings' own scale. */
static RsStatus
scale_items(void *arg, int thread, int64_t chunk)
{
	RsRun	   *run = arg;
	RsSide	   *items = &run->items;
	size_t		stride = (size_t) run->step.stride;
	double		root = sqrt(run->unit);
	int64_t		first = chunk * RS_RUN_ROWS;
	int64_t		last = rs_run_chunk_end(chunk, items->cells.n);

	(void) thread;
	for (size_t j = (size_t) first * stride; j < (size_t) last * stride; j++)
		items->factors[j] = (float) (root * (double) items->factors[j]);
	for (int64_t r = first; r < last; r++)
	{
		items->penalties[r] *= run->unit * run->unit;
		if (items->biases != NULL)
			items->biases[r] = (float) (run->unit * (double) items->biases[r]);
	}
	return RS_OK;
}

/* The ratings' own scale again, items being solved. */
static RsStatus
leave_units(RsRun *run, const RsAlsModel *model)
{
	RsStatus	status = RS_OK;

	if (run->unit != 1.0)
		status = rs_pool_run(&run->pool, scale_items, run, rs_run_chunks(run->problem->n_items));
	run->objective = model->objective;
	run->unit = 1.0;
	return status;
}

/* Users without cells stay zero from the start: they count in a Gramian. */
static RsStatus
initialise_users(void *arg, int thread, int64_t chunk)
{
	RsRun	   *run = arg;
	const RsAlsProblem *p = run->problem;
	size_t		stride = (size_t) run->step.stride;

	(void) thread;
	for (int64_t r = chunk * RS_RUN_ROWS; r < rs_run_chunk_end(chunk, p->n_users); r++)
	{
		float	   *x = run->users.factors + (size_t) r * stride;

		memset(x, 0, stride * sizeof(float));
		if (run->users.counts[r] > 0)
			rs_initial_factors(p->user_hash[r], p->seed, p->k, x);
		if (run->users.biases != NULL)
			run->users.biases[r] = 0.0f;
	}
	return RS_OK;
}

static RsStatus
initialise_items(void *arg, int thread, int64_t chunk)
{
	RsRun	   *run = arg;
	size_t		stride = (size_t) run->step.stride;
	size_t		first = (size_t) chunk * RS_RUN_ROWS;
	size_t		n = (size_t) rs_run_chunk_end(chunk, run->problem->n_items) - first;

	(void) thread;
	memset(run->items.factors + first * stride, 0, n * stride * sizeof(float));
	if (run->items.biases != NULL)
		memset(run->items.biases + first, 0, n * sizeof(float));
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
half_step(RsRun *run, RsSide *solved, const RsSide *fixed, bool is_last, RsAlsModel *model)
{
	RsHalfStep *step = &run->step;
	RsStatus	status;

	step->refine = run->refines && !is_last;
	step->effort = refine_effort(run->problem, model->iterations + 1);
	status = rs_run_half_step(run, solved, fixed, model);

	/*
	 * A row that failed counts, too: whether it was reached may depend on the
	 * threads, so it is for the exact solution to fail.
	 */
	if (step->refine && run->problem->solver == RS_ALS_AUTO && status != RS_STOPPED &&
		(status != RS_OK || rs_half_step_is_rough(step)))
	{
		run->is_rough = true;
		return RS_STOPPED;
	}
	return status;
}

/* Has the objective stopped falling by the fraction that was asked for? */
static bool
is_converged(const RsRun *run, int done)
{
	double		tolerance = run->problem->tolerance;

	if (done < 2 || tolerance <= 0.0)
		return false;
	return run->loss[done - 2] - run->loss[done - 1] <= tolerance * run->loss[done - 2];
}

/*
 * Are items turned before the last users are solved?  Finding the axes takes about
 * as long as solving so many users; with none unobserved there is no Gramian.
 */
static bool
turns_items(const RsRun *run)
{
	return run->objective.implicit && run->objective.unobserved_weight > 0.0 &&
		rs_row_most_dual(run->step.k) > 0 && run->users.active >= LEAST_TO_TURN;
}

/* Users, then the objective. */
static RsStatus
finish_iteration(RsRun *run, bool is_last, RsAlsModel *model)
{
	RsStatus	status = is_last ? leave_units(run, model) : RS_OK;

	if (status == RS_OK && is_last && turns_items(run))
		status = rs_axes_turn(&run->step, &run->items);
	if (status == RS_OK)
		status = half_step(run, &run->users, &run->items, is_last, model);
	return status == RS_OK ? rs_run_objective(run) : status;
}

static RsStatus
iterate(RsRun *run, RsAlsModel *model)
{
	RsStatus	status = RS_OK;
	bool		is_last = false;

	while (status == RS_OK && !is_last)
	{
		is_last = model->iterations + 1 == run->problem->iterations;
		status = half_step(run, &run->items, &run->users, false, model);
		if (status == RS_OK)
			status = finish_iteration(run, is_last, model);
		if (status != RS_OK)
			break;
		run->loss[model->iterations++] = run->objective_now;
		run->progress.iteration = model->iterations;
		if (is_last || !is_converged(run, model->iterations))
			continue;

		/* The end comes early: the users once more, exactly. */
		is_last = true;
		if (run->problem->solver != RS_ALS_EXACT || run->objective.scale != 0.0 ||
			turns_items(run))
			status = finish_iteration(run, true, model);
		if (status == RS_OK)
			run->loss[model->iterations - 1] = run->objective_now;
	}
	return status;
}

/* To where iterations start from. */
static RsStatus
initialise(RsRun *run, RsAlsModel *model)
{
	RsStatus	status;

	model->iterations = 0;
	model->failed_row = -1;
	run->progress = (RsAlsProgress) {.phase = RS_ALS_ITERATING};
	status = rs_pool_run(&run->pool, initialise_items, run, rs_run_chunks(run->problem->n_items));
	if (status != RS_OK)
		return status;
	return rs_pool_run(&run->pool, initialise_users, run, rs_run_chunks(run->problem->n_users));
}

/*
 * From the start to the end.  If refined rows turn out to be too far from exact
 * ones, begin anew with exact ones, to the same bits as if that had been asked
 * for: where it matters the way to the end depends on every step.
 */
static RsStatus
train(RsRun *run, RsAlsModel *model)
{
	RsStatus	status = initialise(run, model);

	if (status == RS_OK)
		status = iterate(run, model);
	if (!run->is_rough)
		return status;
	run->is_rough = run->refines = false;
	status = initialise(run, model);
	return status == RS_OK ? iterate(run, model) : status;
}

RsStatus
rs_als_fit(const RsAlsProblem *problem, void *memory, size_t bytes,
		   RsAlsTick tick, void *tick_arg, RsAlsModel *model)
{
	RsRun		run;
	RsStatus	status;

	if (problem->known.item_factors != NULL)
		return RS_INVALID;
	status = rs_run_begin(&run, problem, memory, bytes, tick, tick_arg, model);
	if (status != RS_OK)
		return status;
	run.refines = rs_run_may_refine(problem);
	status = rs_run_users(&run, model);
	if (status == RS_OK)
		status = rs_run_items(&run, model);
	if (status == RS_OK)
	{
		enter_units(&run);
		status = train(&run, model);
	}
	rs_pool_end(&run.pool);
	return status;
}
