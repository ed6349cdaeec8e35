/*-------------------------------------------------------------------------
 *
 * blend_trial.c
 *		What weighted sums of parts make of the rows that are held out.
 *
 * Lists are those of kernel/blend.h, over all items of the ratings: one that has no row but
 * held-out ones has a vector of zeros, and is in no list.  The users who are asked have the
 * vectors that training stored.
 *
 * Memory: one context, which ends with the trial; what is large is counted before.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/shmem.h"
#include "utils/memutils.h"

#include "compat.h"
#include "interrupt.h"
#include "kernel/blend.h"
#include "kernel/search.h"
#include "train/blend_trial.h"
#include "train/solver_library.h"
#include "train/solver_run.h"

struct RsBlendTrial
{
	const RsTrials *trials;
	MemoryContext context;
	RsAlsModel	als;
	RsJudge		judge;
	uint64_t   *words;			/* what a user has not seen */
	RsRow	   *rows;			/* the cells of each user who is asked */
	RsBlend		blend;
	RsBlendSums sums;
	float	   *column;			/* the items' popularity, scaled */
	double		column_weight;	/* that it has now, in the index, too */
	RsIndex    *index;
	void	   *index_workspace;
	void	   *user_workspace;
};

/* ---- memory ------------------------------------------------------------------- */

/* What lists are made with, in bytes. */
typedef struct Sizes
{
	size_t		index;
	size_t		index_workspace;
	size_t		user_workspace;
} Sizes;

/* Bytes of all that lists take; SIZE_MAX where that overflows. */
static Size
lists_memory(const RsTrials *trials, const RsItems *items, Sizes *sizes)
{
	Size		bytes;

	if (!rs_index_size(items->n, items->k, true, &sizes->index, &sizes->index_workspace) ||
		!rs_blend_workspace_size(items, &sizes->user_workspace))
		return SIZE_MAX;
	bytes = add_size(add_size(sizes->index, sizes->index_workspace), sizes->user_workspace);
	bytes = add_size(bytes, mul_size(2 * sizeof(float), items->n));
	bytes = add_size(bytes, mul_size((items->k + 1) * sizeof(double), items->stride));
	bytes = add_size(bytes, rs_judge_memory(items->n, 1));
	bytes = add_size(bytes, mul_size(sizeof(RsRow), trials->holdout->n_users));
	return add_size(bytes, mul_size(sizeof(int32) + sizeof(float),
									trials->holdout->seen_from[trials->holdout->n_users]));
}

/* ---- parts -------------------------------------------------------------------- */

/* Copy the cells of those who are asked out of the rows, which lie user after user. */
static void
keep_cells(RsBlendTrial *trial, const RsTriplets *cells)
{
	const RsHoldout *h = trial->trials->holdout;
	int64		most = h->seen_from[h->n_users];
	int32	   *index = rs_run_alloc(sizeof(int32), most);
	float	   *value = rs_run_alloc(sizeof(float), most);
	int64		at = 0;
	int32		user = 0;

	trial->rows = rs_run_alloc(sizeof(RsRow), h->n_users);
	for (int32 asked = 0; asked < h->n_users; asked++)
	{
		int32		n = trial->als.user_counts[h->user[asked]];

		for (; user < h->user[asked]; user++)
		{
			CHECK_FOR_INTERRUPTS();
			at += trial->als.user_counts[user];
		}
		memcpy(index, cells->item + at, n * sizeof(int32));
		memcpy(value, cells->value + at, n * sizeof(float));
		trial->rows[asked] = (RsRow) {index, value, n};
		index += n;
		value += n;
	}
}

static RsNeighboursProblem
item_problem(const RsTrials *trials, const RsTriplets *cells)
{
	return (RsNeighboursProblem) {
		.threads = trials->problem.threads,
		.n_users = trials->problem.n_users,
		.n_items = trials->problem.n_items,
		.user_hash = trials->problem.user_hash,
		.cells = *cells,
	};
}

/* The item part, from the cells of the dense one. */
static bool
fit_items(RsBlendTrial *trial, RsTriplets *cells, Size bytes)
{
	RsTick		tick = {CurrentMemoryContext, NULL};
	RsNeighboursProblem problem = item_problem(trial->trials, cells);
	RsNeighboursModel model;
	RsStatus	status;

	CHECK_FOR_INTERRUPTS();
	status = rs_solver_open()->neighbours(&problem, rs_run_alloc_aligned(bytes), bytes, rs_tick, &tick,
										  &model);
	rs_run_check(status, &tick);
	trial->blend.sparse = (RsSparse) {model.start, model.item, model.weight};
	return status == RS_OK;
}

/* What all items tell. */
static void
sum_items(RsBlendTrial *trial)
{
	RsBlend    *blend = &trial->blend;
	const RsItems *items = &blend->items;
	Size		stride = items->stride;
	double	   *gramian = rs_run_alloc_aligned(mul_size(items->k * sizeof(double), stride));
	float	   *norms = rs_run_alloc(sizeof(float), items->n);

	(void) rs_gramian_until(items->factors, items->n, items->k, items->stride, gramian,
							rs_interrupt, NULL);
	trial->sums.vectors = rs_run_alloc(sizeof(double), stride);
	memset(trial->sums.vectors, 0, stride * sizeof(double));
	for (int32 i = 0; i < items->n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		rs_blend_sums_add(&trial->sums, items->k, items->factors + i * stride,
						  (float) trial->als.item_likes[i]);
	}
	(void) rs_blend_norms(items, norms, rs_interrupt, NULL);
	blend->gramian = gramian;
	blend->mean = rs_blend_sums_mean(&trial->sums, items->k, items->n);
	blend->norms = norms;
}

/* ---- lists -------------------------------------------------------------------- */

/*
 * The weighted popularity of the items, over its deviation, and an index of all; false when a
 * factor is not finite.
 */
static bool
weigh_column(RsBlendTrial *trial, double weight)
{
	RsItems    *items = &trial->blend.items;
	double		scale = rs_blend_sums_scale(&trial->sums, items->n, weight);

	for (int32 i = 0; i < items->n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		trial->column[i] = rs_blend_scaled((float) trial->als.item_likes[i], scale);
	}
	items->biases = trial->column;
	trial->blend.index = trial->index;
	trial->column_weight = weight;
	return rs_index_build(items, trial->index_workspace, trial->index, rs_interrupt, NULL) == RS_OK;
}

/* Judge the list of an asked user; it is of popular items where no item is ahead of another. */
static double
judge_user(RsBlendTrial *trial, int32 asked)
{
	const RsAlsModel *als = &trial->als;
	const float *x = als->user_factors + (Size) trial->judge.holdout->user[asked] * als->stride;
	RsEligible	unseen = rs_judge_unseen(&trial->judge, asked, trial->words);
	RsScored	list[RS_TRIAL_TOP];
	RsBlendUser user;
	int32		n;

	(void) rs_blend_begin(&user, &trial->blend, x, &trial->rows[asked], trial->user_workspace,
						  rs_interrupt, NULL);
	if (rs_blend_keys_are_equal(&user, rs_interrupt, NULL) ||
		rs_blend_next(&user, &unseen, RS_TRIAL_TOP, list, &n, rs_interrupt, NULL) != RS_OK)
		n = rs_judge_popular(&trial->judge, unseen.words, list);
	return rs_judge_list(&trial->judge, asked, list, n);
}

void
rs_blend_trial_judge(RsBlendTrial *trial, const RsPartWeights *weights, double *scores)
{
	trial->blend.dense_weight = weights->als;
	trial->blend.sparse_weight = weights->item;
	if (weights->popularity != trial->column_weight && !weigh_column(trial, weights->popularity))
		elog(ERROR, "could not index the items of a trial");
	for (int32 asked = 0; asked < trial->judge.holdout->n_users; asked++)
	{
		CHECK_FOR_INTERRUPTS();
		scores[asked] = judge_user(trial, asked);
	}
}

/* ---- begin and end --------------------------------------------------------------- */

/* Make what lists are made with, of factors that are finite; false where one is not. */
static bool
make_lists(RsBlendTrial *trial, const Sizes *sizes)
{
	trial->column = rs_run_alloc(sizeof(float), trial->blend.items.n);
	trial->index = rs_run_alloc_aligned(sizes->index);
	trial->index_workspace = rs_run_alloc_aligned(sizes->index_workspace);
	trial->user_workspace = rs_run_alloc_aligned(sizes->user_workspace);
	sum_items(trial);
	if (!weigh_column(trial, 0))
		return false;
	rs_trials_judge(trial->trials, &trial->judge);
	trial->words = rs_run_alloc(sizeof(uint64_t), trial->judge.n_words);
	return true;
}

/* In the context of the trial. */
static RsTrialEnd
begin(RsBlendTrial *trial, const RsOptions *options)
{
	const RsTrials *trials = trial->trials;
	RsAlsProblem problem;
	RsNeighboursProblem item_part;
	RsItems    *items = &trial->blend.items;
	Sizes		sizes;
	Size		arena;
	Size		training;
	Size		item_bytes;
	Size		lists;

	*items = (RsItems) {.n = trials->problem.n_items,.k = options->factors,
	.stride = RS_STRIDE(options->factors)};
	item_part = item_problem(trials, &trials->problem.cells);
	lists = lists_memory(trials, items, &sizes);
	if (lists == SIZE_MAX || !rs_trial_problem(trials, options, &problem, &arena, &training) ||
		!rs_solver_open()->neighbours_memory(&item_part, &item_bytes) ||
		!rs_run_fits(trials->run, add_size(add_size(training, item_bytes), lists)))
		return RS_TRIAL_TOO_LARGE;
	if (rs_trial_fit(trials, &problem, arena, &trial->als) != RS_OK)
		return RS_TRIAL_UNSOLVED;
	items->factors = trial->als.item_factors;
	(void) rs_triplets_restore(&problem.cells, &trial->als, problem.n_users, rs_interrupt, NULL);
	keep_cells(trial, &problem.cells);
	if (!make_lists(trial, &sizes) || !fit_items(trial, &problem.cells, item_bytes))
		return RS_TRIAL_UNSOLVED;
	return RS_TRIAL_DONE;
}

RsTrialEnd
rs_blend_trial_begin(const RsTrials *trials, const RsOptions *options, RsBlendTrial **trial)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(caller, "recsys trial", ALLOCSET_DEFAULT_SIZES);
	RsTrialEnd	end;

	MemoryContextSwitchTo(context);
	*trial = palloc0(sizeof(RsBlendTrial));
	(*trial)->trials = trials;
	(*trial)->context = context;
	end = begin(*trial, options);
	MemoryContextSwitchTo(caller);
	if (end == RS_TRIAL_DONE)
		return end;
	MemoryContextDelete(context);
	*trial = NULL;
	return end;
}

void
rs_blend_trial_end(RsBlendTrial *trial)
{
	MemoryContextDelete(trial->context);
}
