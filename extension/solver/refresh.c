/*-------------------------------------------------------------------------
 *
 * refresh.c
 *		New items and all users, to the factors of items that are known.
 *
 * Three half-steps, all exact: (1) the users, from their cells of known items; (2) the new
 * items, from these users; (3) all users once more, from all of their cells, as the
 * last half-step of a training does: so a stored user is what fold-in computes.
 * Known items stay as they are, to the bit.
 *
 * Explicit users without a cell of a new item need (3) only.  Implicit ones need (1),
 * too: each new item depends on all users, through their Gramian.  Without a new item
 * (3) is all there is.
 *
 * (1) takes the users' rows less their cells of new items.  They lie in the items'
 * arrays, which are empty until (2) needs the items' rows.
 *
 *-------------------------------------------------------------------------
 */
#include "solver/als.h"

#include <string.h>

#include "solver/run.h"

/* ---- what is new --------------------------------------------------------- */

/*
 * Set to zero the factors of new items, so that they add nothing to a Gramian, and of
 * known items without a cell, which are not published.  From here on both count as new.
 */
static RsStatus
clear_items(void *arg, int thread, int64_t chunk)
{
	RsRun	   *run = arg;
	const int64_t *start = run->items.cells.start;
	bool	   *is_new = run->problem->known.item_is_new;
	size_t		stride = (size_t) run->step.stride;

	(void) thread;
	for (int64_t r = chunk * RS_RUN_ROWS; r < rs_run_chunk_end(chunk, run->items.cells.n); r++)
	{
		is_new[r] = is_new[r] || start[r + 1] == start[r];
		if (!is_new[r])
			continue;
		memset(run->items.factors + (size_t) r * stride, 0, stride * sizeof(float));
		if (run->items.biases != NULL)
			run->items.biases[r] = 0.0f;
	}
	return RS_OK;
}

/* Count the known items, and find out whether there is a new one with cells. */
static RsStatus
count_items(void *arg, int thread, int64_t chunk)
{
	RsRun	   *run = arg;
	const int64_t *start = run->items.cells.start;
	const bool *is_new = run->problem->known.item_is_new;

	(void) thread;
	(void) chunk;
	run->items.active = 0;
	run->has_new = false;
	for (int32_t r = 0; r < run->items.cells.n && !rs_stop_at(rs_pool_stopping, &run->pool, r); r++)
	{
		run->items.active += !is_new[r];
		run->has_new = run->has_new || (is_new[r] && start[r + 1] > start[r]);
	}
	return RS_OK;
}

/* ---- users from known items ------------------------------------------------ */

/*
 * Copy the users' cells of known items.  Each row begins where it does in the whole rows,
 * so that these keep their offsets; counts say where it ends.
 */
static RsStatus
keep_known(void *arg, int thread, int64_t chunk)
{
	RsRun	   *run = arg;
	const bool *is_new = run->problem->known.item_is_new;
	const RsCsr *all = &run->cells.users;
	RsSide	   *users = &run->users;

	(void) thread;
	for (int64_t r = chunk * RS_RUN_ROWS; r < rs_run_chunk_end(chunk, all->n); r++)
	{
		int64_t		kept = all->start[r];

		for (int64_t i = all->start[r]; i < all->start[r + 1]; i++)
		{
			if (rs_stop_at(rs_pool_stopping, &run->pool, i))
				return RS_STOPPED;
			if (is_new[all->index[i]])
				continue;
			users->cells.index[kept] = all->index[i];
			users->cells.value[kept] = all->value[i];
			kept++;
		}
		users->counts[r] = (int32_t) (kept - all->start[r]);
		run->changed[r] = run->objective.implicit || kept < all->start[r + 1];
	}
	return RS_OK;
}

static RsStatus
order_users(void *arg, int thread, int64_t chunk)
{
	RsRun	   *run = arg;

	(void) thread;
	(void) chunk;
	rs_side_order(&run->users, run->step.k, &run->pool);
	return RS_OK;
}

/* Step (1); afterwards the users have their whole rows again, which rs_run_items() needs. */
static RsStatus
solve_from_known(RsRun *run, RsAlsModel *model)
{
	RsStatus	status;

	run->users.cells.index = run->cells.items.index;
	run->users.cells.value = run->cells.items.value;
	run->users.chosen = run->changed;
	status = rs_pool_run(&run->pool, keep_known, run, rs_run_chunks(run->users.cells.n));
	if (status == RS_OK)
		status = rs_pool_run(&run->pool, order_users, run, 1);
	if (status == RS_OK)
		status = rs_run_half_step(run, &run->users, &run->items, model);
	run->users.cells = run->cells.users;
	run->users.chosen = NULL;
	return status;
}

/* ---- the three half-steps -------------------------------------------------- */

/* The penalties of all items: those of known ones no half-step computes. */
static RsStatus
penalise_items(void *arg, int thread, int64_t chunk)
{
	RsRun	   *run = arg;

	(void) thread;
	for (int64_t r = chunk * RS_RUN_ROWS; r < rs_run_chunk_end(chunk, run->items.cells.n); r++)
		run->items.penalties[r] = rs_half_step_penalty(&run->step, (int32_t) r);
	return RS_OK;
}

static RsStatus
refresh(RsRun *run, RsAlsModel *model)
{
	RsStatus	status = rs_pool_run(&run->pool, clear_items, run, rs_run_chunks(run->items.cells.n));

	if (status == RS_OK)
		status = rs_pool_run(&run->pool, count_items, run, 1);
	run->progress.phase = RS_ALS_ITERATING;
	if (status == RS_OK && run->has_new)
		status = solve_from_known(run, model);
	if (status == RS_OK)
		status = rs_run_items(run, model);
	if (status == RS_OK && run->has_new)
		status = rs_run_half_step(run, &run->items, &run->users, model);
	run->step.solved = &run->items;
	run->step.fixed = &run->users;
	if (status == RS_OK)
		status = rs_pool_run(&run->pool, penalise_items, run, rs_run_chunks(run->items.cells.n));
	if (status == RS_OK)
		status = rs_run_half_step(run, &run->users, &run->items, model);
	if (status == RS_OK)
		status = rs_run_objective(run);
	if (status == RS_OK)
		run->loss[0] = run->objective_now;
	return status;
}

RsStatus
rs_als_refresh(const RsAlsProblem *problem, void *memory, size_t bytes,
			   RsAlsTick tick, void *tick_arg, RsAlsModel *model)
{
	RsRun		run;
	RsStatus	status;

	if (problem->known.item_factors == NULL)
		return RS_INVALID;
	status = rs_run_begin(&run, problem, memory, bytes, tick, tick_arg, model);
	if (status != RS_OK)
		return status;
	status = rs_run_users(&run, model);
	if (status == RS_OK)
		status = refresh(&run, model);
	rs_pool_end(&run.pool);
	return status;
}
