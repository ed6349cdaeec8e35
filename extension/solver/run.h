/*-------------------------------------------------------------------------
 *
 * run.h
 *		One run of the solver: what a training and a refresh have in common.
 *
 * Its arrays, its pool, its progress, and what is known of the cells before the
 * first row is solved.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_RUN_H
#define RS_RUN_H

#include "solver/arena.h"
#include "solver/csr.h"
#include "solver/halfstep.h"
#include "solver/solver.h"
#include "solver/threads.h"

/* Rows that a thread takes at once where it does not solve them. */
#define RS_RUN_ROWS	256

typedef struct RsRun
{
	const RsAlsProblem *problem;
	RsObjective objective;		/* with the mean; in units while iterating */
	double		liked;			/* see RsAlsModel */
	double		unit;			/* what 1 of the solved values is */
	double		deviation;		/* of explicit ratings; of a training */
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
	bool	   *changed;		/* of a refresh: users on whom a new item depends */
	bool		has_new;		/* of a refresh: some new item has cells */
	bool		refines;		/* rows are refined, but for the last users */
	bool		is_rough;		/* refined rows are too far from exact ones */
	int32_t		bad_user;		/* whose value is not finite, or -1 */
} RsRun;

/* Are rows refined, or solved exactly?  The last users always exactly. */
extern bool rs_run_may_refine(const RsAlsProblem *problem);

/* Chunks of RS_RUN_ROWS rows; the last row of one, plus 1. */
extern int64_t rs_run_chunks(int32_t rows);
extern int64_t rs_run_chunk_end(int64_t chunk, int32_t rows);

/* A refresh takes over the items of problem->known. */
static inline bool
rs_run_is_refresh(const RsRun *run)
{
	return run->problem->known.item_factors != NULL;
}

/*
 * Take the arena, set the model's pointers and start the pool.  After RS_OK, and only
 * then, the caller must end the pool.  RS_INVALID: the problem breaks a bound of solver.h;
 * RS_OUT_OF_MEMORY: fewer bytes than rs_als_memory() asks for.
 */
extern RsStatus rs_run_begin(RsRun *run, const RsAlsProblem *problem, void *memory,
							 size_t bytes, RsAlsTick tick, void *tick_arg, RsAlsModel *model);

/* Build the users' rows. */
extern RsStatus rs_run_users(RsRun *run, RsAlsModel *model);

/*
 * Then the items' rows, and what is known of both sides: counts, orders, likes; of a
 * training the mean, the deviation and weights that are not given, too.
 */
extern RsStatus rs_run_items(RsRun *run, RsAlsModel *model);

/* All rows in the order of one side, as run->step says but for the sides. */
extern RsStatus rs_run_half_step(RsRun *run, RsSide *solved, const RsSide *fixed,
								 RsAlsModel *model);

/* The objective of this moment, after the users' half-step. */
extern RsStatus rs_run_objective(RsRun *run);

#endif							/* RS_RUN_H */
