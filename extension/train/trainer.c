/*-------------------------------------------------------------------------
 *
 * trainer.c
 *		One training of a model, or a refresh: read, solve, publish.
 *
 * Phases: (1) the model is resolved and locked; (2) its view is read, as its
 * owner; (3) the memory that solving needs is counted and compared with
 * recsys.training_memory; (4) recsys_solver.so computes, while this process
 * only watches (tick.c); (5) the result is published.  All in one transaction:
 * whatever goes wrong, nothing stays.
 *
 * Lock: ShareUpdateExclusive on the model's view, until the transaction ends.
 * It conflicts with itself and with DROP and ALTER, but not with those who read
 * or write.  Not on a factor table: (auto)vacuum takes that very lock there,
 * and a training would be refused because the last one is being cleaned up.
 *
 * Memory: one context for everything, deleted on any way out.  The solver gets
 * one block of it, the arena, and allocates nothing itself.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "store/factor_table.h"
#include "train/choose.h"
#include "train/history.h"
#include "train/notice.h"
#include "train/parts.h"
#include "train/popular.h"
#include "train/progress.h"
#include "train/refresh.h"
#include "train/solver_run.h"
#include "train/trainer.h"

static const RsRunWords words = {"training", "lower the option factors"};

/* A view that is read could call train() in turn. */
static bool training = false;

/* ---- before the computation --------------------------------------------- */

/* A version of ours would meet the publisher's of the same number. */
static void
refuse_subscriber(const RsModel *model)
{
	if (!rs_is_subscribed(model->user_factors) && !rs_is_subscribed(model->item_factors))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("model \"%s\" is replicated from a publisher", model->name),
			 errdetail("A subscription writes into its factor tables."),
			 errhint("Train the model at the publisher, or take its tables out of the subscription.")));
}

/* A model of ratings that chooses by itself has a part to rank by, as its version has. */
static void
resolve_parts(RsTrained *trained)
{
	const RsModel *model = trained->model;

	trained->n_parts = rs_algorithm(trained->algorithm)->has_factors ? 1 : 0;
	if (rs_algorithm(model->algorithm)->has_preference && model->feedback == RS_EXPLICIT)
		trained->n_parts = RS_MAX_PARTS;
	rs_options_preference(&trained->options, &trained->preference);
	if (trained->refreshed == NULL)
		return;
	trained->n_parts = trained->refreshed->n_parts;
	trained->preference = trained->refreshed->preference;
	trained->preference.keep_versions = trained->options.keep_versions;
}

/* How many versions are kept is no matter of the version that is refreshed. */
static void
resolve_options(RsTrained *trained, Jsonb *run_options)
{
	const RsModel *model = trained->model;
	int			keep_versions;

	rs_options_resolve(model->feedback, model->options, run_options, &trained->options);
	rs_options_check_weights(&trained->options, model->algorithm);
	rs_options_default_weights(&trained->options, model->algorithm);
	keep_versions = trained->options.keep_versions;
	if (trained->refreshed != NULL)
		trained->options = trained->refreshed->options;
	trained->options.keep_versions = keep_versions;
	rs_options_check_time(&trained->options, model->time_column != NULL);
}

/* Read the view as its owner, under a new snapshot that is noted. */
static void
read_source(RsTrained *trained)
{
	RsOwnerContext owner;
	Datum		snapshot;

	rs_owner_begin(trained->model->owner, &owner);
	rs_new_snapshot_begin();
	snapshot = DirectFunctionCall1(pg_current_snapshot, (Datum) 0);
	trained->snapshot = DatumGetCString(DirectFunctionCall1(pg_snapshot_out, snapshot));
	rs_ratings_read(trained->model, RS_TO_TRAIN, rs_run_memory(), rs_progress_rows, &trained->ratings);
	rs_new_snapshot_end();
	rs_owner_end(&owner);
}

static void
refuse_empty(const RsTrained *trained)
{
	const RsRatings *ratings = &trained->ratings;
	const char *view = quote_qualified_identifier("recsys_data", trained->model->name);

	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("model \"%s\" has nothing to train on", trained->model->name),
			 ratings->rows_read == 0 ?
			 errdetail("The view %s shows its owner no rows.", view) :
			 ratings->n == 0 ?
			 errdetail("Each of the " INT64_FORMAT " rows of the view %s lacks a user, an item or a rating.",
					   ratings->rows_read, view) :
			 errdetail("All weights of the view %s are zero.", view),
			 errhint("Insert ratings, or create the model on another source.")));
}

/* ---- alternating least squares ------------------------------------------ */

static void
cut_histories(RsTrained *trained)
{
	if (trained->options.history_limit == 0)
		return;
	rs_run_check_memory(&words, trained->model, rs_history_memory(&trained->ratings));
	rs_history_cut(&trained->ratings, trained->options.history_limit);
}

/* ---- one run ------------------------------------------------------------ */

static void
run(RsTrained *trained, bool deploy, RsTrainResult *result)
{
	/* now, so that a long training does not fail at its end */
	rs_factor_tables_check(trained->model, trained->n_parts > 1 ||
						   rs_weights_blend(&trained->options.weights));
	rs_notice_source(trained);
	read_source(trained);
	if (trained->ratings.n == 0)
		refuse_empty(trained);
	rs_notice_ratings(trained);
	rs_progress_phase(RS_PHASE_PREPARING);
	if (trained->refreshed != NULL)
		rs_refresh_items(&words, trained);
	if (trained->algorithm != RS_POPULAR)
		cut_histories(trained);
	if (trained->model->algorithm == RS_AUTO && trained->refreshed == NULL)
		rs_choose(trained);
	if (trained->algorithm == RS_POPULAR)
	{
		trained->threads = 1;
		trained->n_parts = 0;
		rs_options_drop_weights(&trained->options);
		rs_run_check_memory(&words, trained->model, rs_popular_memory(&trained->ratings));
		rs_popular_count(&trained->ratings, trained->model->feedback == RS_IMPLICIT,
						 &trained->als);
	}
	else
		rs_parts_solve(&words, trained);
	if (trained->als.n_cells == 0)
		refuse_empty(trained);
	rs_notice_likes(trained);
	if (trained->refreshed != NULL)
		rs_refresh_count(trained);

	/* Publishing fills shared buffers, which are the process's memory too. */
	rs_ratings_release(&trained->ratings);
	rs_publish(trained, deploy, result);
}

/* Resolve, lock and run in the current memory context. */
static void
train(const char *name, bool refresh, Jsonb *run_options, bool deploy, RsTrainResult *result)
{
	MemoryContext context = CurrentMemoryContext;
	RsTrained	trained = {0};
	RsModel    *model = rs_model_open(name, RS_MODEL_CHANGE);
	bool		iterates;

	refuse_subscriber(model);
	trained.model = model;
	trained.started_at = GetCurrentTimestamp();
	trained.trained_by = GetUserNameFromId(GetUserId(), false);
	if (refresh)
		trained.refreshed = rs_refresh_version(model);
	resolve_options(&trained, run_options);
	trained.algorithm = refresh ? trained.refreshed->algorithm :
		model->algorithm == RS_AUTO ? RS_ALS : model->algorithm;
	resolve_parts(&trained);

	trained.threads = rs_run_threads();
	iterates = !refresh && trained.algorithm != RS_POPULAR;
	rs_progress_begin(model, iterates ? trained.options.iterations : 0, trained.started_at);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	MemoryContextSwitchTo(context);
	run(&trained, deploy, result);
	SPI_finish();
}

/* In a memory context of its own, one at a time. */
static void
train_alone(const char *name, bool refresh, Jsonb *run_options, bool deploy,
			RsTrainResult *result)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context;

	if (training)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("a training cannot start another training")));
	context = AllocSetContextCreate(caller, "recsys train", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(context);
	training = true;
	rs_progress_enter();
	PG_TRY();
	{
		train(name, refresh, run_options, deploy, result);
	}
	PG_FINALLY();
	{
		training = false;
		rs_progress_leave();
		MemoryContextSwitchTo(caller);
		MemoryContextDelete(context);
	}
	PG_END_TRY();
}

void
rs_train(const char *name, Jsonb *run_options, bool deploy, RsTrainResult *result)
{
	train_alone(name, false, run_options, deploy, result);
}

void
rs_refresh(const char *name, bool deploy, RsTrainResult *result)
{
	train_alone(name, true, NULL, deploy, result);
}
