/*-------------------------------------------------------------------------
 *
 * trial.c
 *		What a training with some options makes of the rows that are held out.
 *
 * The solver uses up the rows that it trains on, so each trial gets a copy of those
 * that are not held out.  All of a trial is in one context, which ends with it.
 *
 * Weights are made of ratings row by row.  Who rated an item twice so counts twice, but
 * once in a training (parts.c), which reduces ratings first.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/shmem.h"
#include "utils/memutils.h"

#include "compat.h"
#include "interrupt.h"
#include "rs_limits.h"
#include "train/als_run.h"
#include "train/solver_library.h"
#include "train/solver_run.h"
#include "train/trial.h"

/* A trained model, and what its lists are searched with. */
typedef struct Lists
{
	const RsTrials *trials;
	RsAlsModel	als;
	RsItems		items;
	RsIndex    *index;
	RsJudge		judge;
	uint64_t   *words;			/* a bitmap for each user of a group: what they have not seen */
	RsEligible	unseen[RS_SEARCH_MANY];
	RsSearch   *searches;
} Lists;

/* ---- training ----------------------------------------------------------------- */

/* Bytes of a copy of the rows. */
static Size
rows_memory(const RsTriplets *rows)
{
	return mul_size((Size) rows->n, 2 * sizeof(int32) + sizeof(float) +
					(rows->time != NULL ? sizeof(int64) : 0));
}

/* Copy the rows that are not held out. */
static void
copy_rows(const RsTrials *trials, RsTriplets *rows)
{
	const RsRatings *r = &trials->trained->ratings;
	int64		n = 0;

	rows->user = rs_run_alloc(sizeof(int32), (Size) rows->n);
	rows->item = rs_run_alloc(sizeof(int32), (Size) rows->n);
	rows->value = rs_run_alloc(sizeof(float), (Size) rows->n);
	if (rows->time != NULL)
		rows->time = rs_run_alloc(sizeof(int64), (Size) rows->n);
	for (int64 i = 0; i < r->n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (trials->holdout->is_held[i])
			continue;
		rows->user[n] = r->user[i];
		rows->item[n] = r->item[i];
		rows->value[n] = r->value[i];
		if (rows->time != NULL)
			rows->time[n] = r->time[i];
		n++;
	}
}

/* Bytes that lists are searched with. */
static Size
lists_memory(const RsTrials *trials, int k, size_t *index_bytes, size_t *workspace)
{
	int32		n_items = trials->trained->ratings.items.n;

	if (!rs_index_size(n_items, k, trials->problem.objective.biases, index_bytes, workspace))
		return SIZE_MAX;
	return add_size(add_size(*index_bytes, *workspace),
					add_size(rs_judge_memory(n_items, RS_SEARCH_MANY),
							 RS_SEARCH_MANY * sizeof(RsSearch)));
}

bool
rs_trial_problem(const RsTrials *trials, const RsOptions *options, RsAlsProblem *problem,
				 Size *arena, Size *all)
{
	*problem = trials->problem;
	problem->objective = rs_options_objective(trials->metric == RS_TRIAL_RMSE ? RS_EXPLICIT :
											  RS_IMPLICIT, options);
	problem->k = options->factors;
	problem->iterations = options->iterations;
	if (!rs_solver_open()->memory(problem, arena))
		return false;
	*all = add_size(*arena, rows_memory(&problem->cells));
	return true;
}

RsStatus
rs_trial_fit(const RsTrials *trials, RsAlsProblem *problem, Size bytes, RsAlsModel *als)
{
	RsTick		tick = {CurrentMemoryContext, NULL};
	RsStatus	status;

	copy_rows(trials, &problem->cells);
	if (trials->weighs_ratings)
		(void) rs_ratings_to_weights(problem->cells.value, problem->cells.n, trials->mean,
									 trials->deviation, rs_interrupt, NULL);
	CHECK_FOR_INTERRUPTS();
	status = rs_solver_open()->fit(problem, rs_run_alloc_aligned(bytes), bytes, rs_tick, &tick, als);
	rs_run_check(status, &tick);
	return status;
}

/* ---- lists ----------------------------------------------------------------------- */

/*
 * Judge the lists of asked users first to first + n - 1.  A vector that tells no items
 * apart gives the popular ones, as in recommend().
 */
static void
judge_group(Lists *lists, int32 first, int32 n, double *scores)
{
	const RsJudge *judge = &lists->judge;
	RsScored	found[RS_SEARCH_MANY * RS_TRIAL_TOP];
	int32		listed[RS_SEARCH_MANY];
	int32		searched[RS_SEARCH_MANY];
	int			n_searched = 0;

	for (int32 g = 0; g < n; g++)
	{
		const float *x = lists->als.user_factors +
			(Size) judge->holdout->user[first + g] * lists->als.stride;

		lists->unseen[g] = rs_judge_unseen(judge, first + g, lists->words + g * judge->n_words);
		if (rs_scores_are_equal(&lists->items, x, rs_interrupt, NULL) ||
			rs_search_begin(&lists->searches[n_searched], lists->index, &lists->items, x, 0,
							&lists->unseen[g]) != RS_OK)
			scores[first + g] = rs_judge_list(judge, first + g, found,
											  rs_judge_popular(judge, lists->unseen[g].words, found));
		else
			searched[n_searched++] = first + g;
	}
	(void) rs_search_next_many(lists->searches, n_searched, RS_TRIAL_TOP, found, listed,
							   rs_interrupt, NULL);
	for (int i = 0; i < n_searched; i++)
		scores[searched[i]] = rs_judge_list(judge, searched[i], found + i * RS_TRIAL_TOP,
											listed[i]);
}

/* Judge the lists of all who are asked; false when a factor is not finite. */
static bool
judge_lists(Lists *lists, size_t index_bytes, size_t workspace, double *scores)
{
	const RsHoldout *h = lists->trials->holdout;

	lists->index = rs_run_alloc_aligned(index_bytes);
	if (rs_index_build(&lists->items, rs_run_alloc_aligned(workspace), lists->index,
					   rs_interrupt, NULL) != RS_OK)
		return false;
	rs_trials_judge(lists->trials, &lists->judge);
	lists->words = rs_run_alloc(sizeof(uint64_t), mul_size(lists->judge.n_words, RS_SEARCH_MANY));
	lists->searches = rs_run_alloc(sizeof(RsSearch), RS_SEARCH_MANY);
	for (int32 first = 0; first < h->n_users; first += RS_SEARCH_MANY)
	{
		CHECK_FOR_INTERRUPTS();
		judge_group(lists, first, Min(RS_SEARCH_MANY, h->n_users - first), scores);
	}
	return true;
}

/* ---- errors ----------------------------------------------------------------------- */

/* Score the predictions of the ratings of all who are asked. */
static void
judge_ratings(const Lists *lists, double *scores)
{
	const RsHoldout *h = lists->trials->holdout;
	const RsAlsModel *als = &lists->als;
	double		weight = (double) h->n_users / h->held_from[h->n_users];

	for (int32 asked = 0; asked < h->n_users; asked++)
	{
		int32		user = h->user[asked];
		const float *x = als->user_factors + (Size) user * als->stride;
		double		base = als->objective.mean +
			(als->user_biases != NULL ? als->user_biases[user] : 0);

		scores[asked] = 0;
		for (int64 i = h->held_from[asked]; i < h->held_from[asked + 1]; i++)
		{
			double		error = (double) h->held[i].value -
				(double) rs_item_score(&lists->items, h->held[i].index, x, base);

			CHECK_FOR_INTERRUPTS();
			scores[asked] -= weight * error * error;
		}
	}
}

/* ---- trials ------------------------------------------------------------------------ */

/* Put the items with rows in order of their likes, as an image does. */
static void
rank_items(RsTrials *trials, const RsAlsModel *als)
{
	int32		n = trials->trained->ratings.items.n;
	RsScored   *entries = rs_run_alloc(sizeof(RsScored), n);
	RsTopk		topk;

	rs_topk_init(&topk, entries, n);
	for (int32 i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (als->item_counts[i] > 0)
			rs_topk_push(&topk, (float) als->item_likes[i], i);
	}
	trials->n_items = topk.n;
	(void) rs_topk_finish(&topk, rs_interrupt, NULL);
	for (int32 i = 0; i < trials->n_items; i++)
	{
		CHECK_FOR_INTERRUPTS();
		trials->by_popularity[i] = entries[i].position;
	}
}

bool
rs_trials_begin(RsTrials *trials, const RsTrained *trained, const RsHoldout *holdout,
				RsTrialMetric metric, const RsTrials *rated, MemoryContext run)
{
	int32		n_items = trained->ratings.items.n;

	memset(trials, 0, sizeof(RsTrials));
	trials->trained = trained;
	trials->holdout = holdout;
	trials->metric = metric;
	trials->run = run;
	if (!rs_run_fits(run, add_size(mul_size(sizeof(int32), n_items),
								   mul_size(sizeof(uint64), trained->ratings.users.n))))
		return false;
	trials->by_popularity = rs_run_alloc(sizeof(int32), n_items);
	rs_als_run_problem(trained, &trials->problem);
	if (trained->model->feedback == RS_EXPLICIT && metric == RS_TRIAL_NDCG)
	{
		trials->weighs_ratings = true;
		trials->mean = rated->mean;
		trials->deviation = rated->deviation;
		rs_als_run_part(trained, RS_PART_PREFERENCE, &trials->problem);
	}
	trials->problem.cells.n -= holdout->n_held;
	if (trials->problem.objective.implicit)
		trials->problem.cells.time = NULL;
	return true;
}

/* What the first trial tells of the rows that are not held out. */
static void
learn_rows(RsTrials *trials, const RsAlsModel *als)
{
	if (trials->n_items > 0)
		return;
	if (trials->metric == RS_TRIAL_RMSE)
	{
		trials->mean = als->objective.mean;
		trials->deviation = als->deviation;
	}
	rank_items(trials, als);
}

/* In a context of its own. */
static RsTrialEnd
try_als(RsTrials *trials, RsOptions *options, double *scores)
{
	Lists		lists = {.trials = trials};
	RsAlsModel *als = &lists.als;
	RsAlsProblem problem;
	Size		arena;
	Size		training;
	Size		searching;
	size_t		index_bytes;
	size_t		workspace;

	searching = lists_memory(trials, options->factors, &index_bytes, &workspace);
	if (searching == SIZE_MAX ||
		!rs_trial_problem(trials, options, &problem, &arena, &training) ||
		!rs_run_fits(trials->run, add_size(training, searching)))
		return RS_TRIAL_TOO_LARGE;
	if (rs_trial_fit(trials, &problem, arena, als) != RS_OK)
		return RS_TRIAL_UNSOLVED;
	rs_options_take_weights(options, &als->objective);
	learn_rows(trials, als);
	lists.items = (RsItems) {als->item_factors, als->item_biases, problem.n_items, als->k,
	als->stride};
	if (trials->metric == RS_TRIAL_RMSE)
		judge_ratings(&lists, scores);
	else if (!judge_lists(&lists, index_bytes, workspace, scores))
		return RS_TRIAL_UNSOLVED;
	return RS_TRIAL_DONE;
}

RsTrialEnd
rs_trial_als(RsTrials *trials, RsOptions *options, double *scores)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(caller, "recsys trial", ALLOCSET_DEFAULT_SIZES);
	RsTrialEnd	end;

	MemoryContextSwitchTo(context);
	end = try_als(trials, options, scores);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	return end;
}

void
rs_trials_judge(const RsTrials *trials, RsJudge *judge)
{
	rs_judge_begin(judge, trials->holdout, trials->trained->ratings.items.n, trials->by_popularity,
				   trials->n_items);
}

void
rs_trial_popular(const RsTrials *trials, double *scores)
{
	RsJudge		judge;
	uint64_t   *words;
	RsScored	list[RS_TRIAL_TOP];

	rs_trials_judge(trials, &judge);
	words = rs_run_alloc(sizeof(uint64_t), judge.n_words);
	for (int32 asked = 0; asked < trials->holdout->n_users; asked++)
	{
		RsEligible	unseen = rs_judge_unseen(&judge, asked, words);

		CHECK_FOR_INTERRUPTS();
		scores[asked] = rs_judge_list(&judge, asked, list, rs_judge_popular(&judge, unseen.words, list));
	}
	pfree(judge.eligible);
	pfree(words);
}
