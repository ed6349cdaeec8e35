/*-------------------------------------------------------------------------
 *
 * als_run.c
 *		What the solver is asked to train, and what it means when it cannot.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/shmem.h"
#include "utils/memutils.h"

#include "compat.h"
#include "train/als_run.h"
#include "train/solver_run.h"

/* Hashes of the users' ids, from which the initial factors come. */
static uint64_t *
hash_users(const RsIdList *ids)
{
	uint64_t   *hashes = MemoryContextAllocHuge(CurrentMemoryContext,
												mul_size(sizeof(uint64_t), ids->n));

	for (int32 i = 0; i < ids->n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		hashes[i] = rs_idlist_hash(ids, i, 0);
	}
	return hashes;
}

static RsAlsSolver
als_solver(const RsOptions *options)
{
	switch ((RsSolverKind) options->solver)
	{
		case RS_SOLVER_EXACT:
			return RS_ALS_EXACT;
		case RS_SOLVER_CG:
			return RS_ALS_CG;
		case RS_SOLVER_AUTO:
			break;
	}
	return RS_ALS_AUTO;
}

void
rs_als_run_part(const RsTrained *trained, int part, RsAlsProblem *problem)
{
	const RsOptions *options = rs_trained_options(trained, part);
	const RsRatings *ratings = &trained->ratings;
	bool		weighs = part == RS_PART_PREFERENCE;

	problem->objective = rs_options_objective(weighs ? RS_IMPLICIT : trained->model->feedback,
											  options);
	if (trained->refreshed != NULL && !weighs)
		problem->objective.mean = trained->refreshed->mean;
	problem->k = options->factors;
	problem->iterations = options->iterations;
	problem->tolerance = options->tolerance;
	problem->solver = als_solver(options);
	problem->seed = (uint64_t) options->seed;
	problem->threads = trained->threads;
	problem->n_users = ratings->users.n;
	problem->n_items = ratings->items.n;
	problem->known = trained->known[part];
	problem->cells.n = ratings->n;
	problem->cells.user = ratings->user;
	problem->cells.item = ratings->item;
	problem->cells.value = ratings->value;
	problem->cells.time = ratings->time;
}

void
rs_als_run_problem(const RsTrained *trained, RsAlsProblem *problem)
{
	memset(problem, 0, sizeof(RsAlsProblem));
	if (trained->refreshed == NULL)
		problem->user_hash = hash_users(&trained->ratings.users);
	rs_als_run_part(trained, RS_PART_RATING, problem);
}

/* "user" or "item" and the id of the row a status speaks of. */
static const char *
failed_row_name(const RsTrained *trained, const RsAlsModel *als)
{
	const RsIdList *ids = als->failed_is_user ?
		&trained->ratings.users : &trained->ratings.items;

	return psprintf("%s \"%s\"", als->failed_is_user ? "user" : "item",
					rs_id_to_cstring(rs_idlist_get(ids, als->failed_row), ids->kind));
}

/* A refresh takes the options of the version over. */
static int
hint_regularization(const RsTrained *trained, bool or_scale)
{
	if (trained->refreshed != NULL)
		return errhint("Train the model with a larger regularization.");
	return or_scale ? errhint("Increase the regularization option, or scale the ratings down.") :
		errhint("Increase the regularization option.");
}

void
rs_als_run_check(const RsTrained *trained, const RsAlsModel *als, RsStatus status, RsTick *tick)
{
	rs_run_check(status, tick);
	if (status == RS_NOT_POSITIVE_DEFINITE)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("could not solve for the factors of %s", failed_row_name(trained, als)),
				 hint_regularization(trained, false)));
	if (status == RS_NOT_FINITE)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("the factors of %s are not finite", failed_row_name(trained, als)),
				 hint_regularization(trained, true)));
}
