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
#include "kernel/metrics.h"
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
	Size		n_words;
	uint64_t   *eligible;		/* the items with rows */
	int32		n_eligible;
	uint64_t   *words;			/* the same without what each user of a group has seen */
	RsEligible	unseen[RS_SEARCH_MANY];
	RsSearch   *searches;
} Lists;

static void *
alloc(Size size, Size n)
{
	return MemoryContextAllocHuge(CurrentMemoryContext, mul_size(size, Max(n, 1)));
}

static void *
alloc_aligned(Size bytes)
{
	return (void *) TYPEALIGN(RS_ALIGNMENT, alloc(1, add_size(bytes, RS_ALIGNMENT)));
}

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

	rows->user = alloc(sizeof(int32), (Size) rows->n);
	rows->item = alloc(sizeof(int32), (Size) rows->n);
	rows->value = alloc(sizeof(float), (Size) rows->n);
	if (rows->time != NULL)
		rows->time = alloc(sizeof(int64), (Size) rows->n);
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
	Size		words = mul_size((Size) n_items / 64 + 1, sizeof(uint64_t));

	if (!rs_index_size(n_items, k, trials->problem.objective.biases, index_bytes, workspace))
		return SIZE_MAX;
	return add_size(add_size(*index_bytes, *workspace),
					add_size(mul_size(words, RS_SEARCH_MANY + 1),
							 RS_SEARCH_MANY * sizeof(RsSearch)));
}

/* The status of a row that failed is what a trial may end with. */
static RsStatus
fit(const RsTrials *trials, RsAlsProblem *problem, size_t bytes, RsAlsModel *als)
{
	RsTick		tick = {CurrentMemoryContext, NULL};
	RsStatus	status;

	copy_rows(trials, &problem->cells);
	if (trials->weighs_ratings)
		(void) rs_ratings_to_weights(problem->cells.value, problem->cells.n, trials->mean,
									 trials->deviation, rs_interrupt, NULL);
	CHECK_FOR_INTERRUPTS();
	status = rs_solver_open()->fit(problem, alloc_aligned(bytes), bytes, rs_tick, &tick, als);
	rs_run_check(status, &tick);
	return status;
}

/* ---- lists ----------------------------------------------------------------------- */

static int
compare_cells(const void *a, const void *b)
{
	int32		i = ((const RsCell *) a)->index;
	int32		j = ((const RsCell *) b)->index;

	return (i > j) - (i < j);
}

/* What a list is worth for an asked user. */
static double
judge(const RsHoldout *holdout, int32 asked, const RsScored *list, int32 n_listed)
{
	const RsCell *held = holdout->held + holdout->held_from[asked];
	int32		n_held = (int32) (holdout->held_from[asked + 1] - holdout->held_from[asked]);
	int32		ranks = Min(RS_TRIAL_TOP, Max(n_listed, n_held));
	RsRankSums	sums = {0};

	for (int32 rank = 0; rank < ranks; rank++)
	{
		RsCell		cell = {rank < n_listed ? list[rank].position : -1};

		rs_rank_add(&sums, bsearch(&cell, held, n_held, sizeof(RsCell), compare_cells) != NULL,
					rank < n_held);
	}
	return rs_rank_metrics(&sums, n_held, RS_TRIAL_TOP).ndcg;
}

/* Take what an asked user has out of the eligible items. */
static void
leave_out_seen(Lists *lists, int32 asked, int g)
{
	const RsHoldout *h = lists->trials->holdout;
	uint64_t   *words = lists->words + (Size) g * lists->n_words;

	memcpy(words, lists->eligible, lists->n_words * sizeof(uint64_t));
	lists->unseen[g] = (RsEligible) {words, lists->n_eligible};
	for (int64 i = h->seen_from[asked]; i < h->seen_from[asked + 1]; i++)
	{
		uint64_t	bit = UINT64CONST(1) << (h->seen[i] % 64);

		CHECK_FOR_INTERRUPTS();
		lists->unseen[g].n -= (words[h->seen[i] / 64] & bit) != 0;
		words[h->seen[i] / 64] &= ~bit;
	}
}

/* The first of the popular items that the user has not. */
static int32
list_popular(const RsTrials *trials, const uint64_t *unseen, RsScored *list)
{
	int32		n = 0;

	for (int32 i = 0; i < trials->n_items && n < RS_TRIAL_TOP; i++)
	{
		int32		position = trials->by_popularity[i];

		CHECK_FOR_INTERRUPTS();
		if (unseen[position / 64] >> (position % 64) & 1)
			list[n++] = (RsScored) {0, position};
	}
	return n;
}

/*
 * Judge the lists of asked users first to first + n - 1.  A vector that tells no items
 * apart gives the popular ones, as in recommend().
 */
static void
judge_group(Lists *lists, int32 first, int32 n, double *scores)
{
	const RsTrials *trials = lists->trials;
	RsScored	found[RS_SEARCH_MANY * RS_TRIAL_TOP];
	int32		listed[RS_SEARCH_MANY];
	int32		searched[RS_SEARCH_MANY];
	int			n_searched = 0;

	for (int32 g = 0; g < n; g++)
	{
		const float *x = lists->als.user_factors +
			(Size) trials->holdout->user[first + g] * lists->als.stride;

		leave_out_seen(lists, first + g, g);
		if (rs_scores_are_equal(&lists->items, x, rs_interrupt, NULL) ||
			rs_search_begin(&lists->searches[n_searched], lists->index, &lists->items, x, 0,
							&lists->unseen[g]) != RS_OK)
			scores[first + g] = judge(trials->holdout, first + g, found,
									  list_popular(trials, lists->unseen[g].words, found));
		else
			searched[n_searched++] = first + g;
	}
	(void) rs_search_next_many(lists->searches, n_searched, RS_TRIAL_TOP, found, listed,
							   rs_interrupt, NULL);
	for (int i = 0; i < n_searched; i++)
		scores[searched[i]] = judge(trials->holdout, searched[i], found + i * RS_TRIAL_TOP,
									listed[i]);
}

/* Which items a list may hold. */
static void
mark_eligible(Lists *lists, int32 n)
{
	lists->n_words = (Size) n / 64 + 1;
	lists->eligible = alloc(sizeof(uint64_t), lists->n_words);
	memset(lists->eligible, 0, lists->n_words * sizeof(uint64_t));
	lists->n_eligible = 0;
	for (int32 i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (lists->als.item_counts[i] == 0)
			continue;
		lists->eligible[i / 64] |= UINT64CONST(1) << (i % 64);
		lists->n_eligible++;
	}
}

/* Judge the lists of all who are asked; false when a factor is not finite. */
static bool
judge_lists(Lists *lists, size_t index_bytes, size_t workspace, double *scores)
{
	const RsHoldout *h = lists->trials->holdout;
	int32		n_items = lists->trials->trained->ratings.items.n;

	lists->index = alloc_aligned(index_bytes);
	if (rs_index_build(&lists->items, alloc_aligned(workspace), lists->index,
					   rs_interrupt, NULL) != RS_OK)
		return false;
	mark_eligible(lists, n_items);
	lists->words = alloc(sizeof(uint64_t), mul_size(lists->n_words, RS_SEARCH_MANY));
	lists->searches = alloc(sizeof(RsSearch), RS_SEARCH_MANY);
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
	RsScored   *entries = alloc(sizeof(RsScored), n);
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
	trials->by_popularity = alloc(sizeof(int32), n_items);
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
	RsAlsProblem problem = trials->problem;
	size_t		bytes;
	size_t		index_bytes;
	size_t		workspace;
	Size		searching;

	problem.objective = rs_options_objective(trials->metric == RS_TRIAL_RMSE ? RS_EXPLICIT :
											 RS_IMPLICIT, options);
	problem.k = options->factors;
	problem.iterations = options->iterations;
	searching = lists_memory(trials, options->factors, &index_bytes, &workspace);
	if (!rs_solver_open()->memory(&problem, &bytes) || searching == SIZE_MAX ||
		!rs_run_fits(trials->run, add_size(add_size(bytes, searching),
										   rows_memory(&problem.cells))))
		return RS_TRIAL_TOO_LARGE;
	if (fit(trials, &problem, bytes, als) != RS_OK)
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
rs_trial_popular(const RsTrials *trials, double *scores)
{
	const RsHoldout *h = trials->holdout;
	Lists		lists = {.trials = trials};
	RsScored	list[RS_TRIAL_TOP];

	lists.n_words = (Size) trials->trained->ratings.items.n / 64 + 1;
	lists.eligible = alloc(sizeof(uint64_t), lists.n_words);
	lists.words = alloc(sizeof(uint64_t), lists.n_words);
	memset(lists.eligible, 0xff, lists.n_words * sizeof(uint64_t));
	for (int32 asked = 0; asked < h->n_users; asked++)
	{
		CHECK_FOR_INTERRUPTS();
		leave_out_seen(&lists, asked, 0);
		scores[asked] = judge(h, asked, list, list_popular(trials, lists.words, list));
	}
	pfree(lists.eligible);
	pfree(lists.words);
}
