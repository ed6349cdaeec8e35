/*-------------------------------------------------------------------------
 *
 * parts.c
 *		The parts of a training or refresh, solved one after the other.
 *
 * The first part is solved from the rows as they were read, in their own arrays.  Then
 * these hold its cells, each once, whose ratings become the weights of the preference
 * part (rs_rating_weight()); so the pairs need no second copy, and all parts have the
 * same ones.  The item part is solved from the cells of the part before it.
 *
 * Memory: one arena at a time.  What is left of a part meanwhile is its result,
 * copied out of its arena.  All are counted before the first is taken, so that a
 * training that has no room for the last does not begin.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/shmem.h"
#include "utils/memutils.h"

#include "compat.h"
#include "interrupt.h"
#include "kernel/cells.h"
#include "train/als_run.h"
#include "train/item_part.h"
#include "train/parts.h"
#include "train/progress.h"
#include "train/solver_library.h"
#include "train/tick.h"

/* Bytes that are copied between two looks at interrupts. */
#define COPY_BYTES		((Size) 16 * 1024 * 1024)

/*
 * The share of all pairs from which on ratings alone rank.  Of the most active users and
 * popular items of ml-100k, liked items that lists found (recall@10) by rating and by
 * preference, with 64 factors:
 *
 *	share of pairs	.14			.23			.34			.47			.57
 *	by rating		.073		.101		.123		.245		.430
 *	by preference	.281		.212		.189		.254		.342
 */
#define MOST_RATED		0.5

/* What both parts share. */
typedef struct Solving
{
	const RsRunWords *words;
	const RsSolverApi *solver;
	RsTrained  *trained;
} Solving;

/* SIZE_MAX where it overflows. */
static Size
arena_bytes(const Solving *solving, const RsAlsProblem *problem)
{
	size_t		bytes;

	return solving->solver->memory(problem, &bytes) ? bytes : SIZE_MAX;
}

/* ---- a result outside its arena ----------------------------------------------- */

/* Bytes of what keep_result() copies. */
static Size
result_bytes(const RsAlsProblem *problem)
{
	Size		vector = RS_STRIDE((Size) problem->k) * sizeof(float) + sizeof(float);
	Size		users = mul_size(vector + sizeof(int32_t), (Size) problem->n_users);
	Size		items = mul_size(vector + 2 * sizeof(int32_t), (Size) problem->n_items);

	return add_size(add_size(users, items), problem->iterations * sizeof(double));
}

/* A copy of an array of n elements of so many bytes; NULL of NULL. */
static void *
copy_array(const void *array, Size width, Size n)
{
	Size		bytes = mul_size(width, n);
	char	   *copy;

	if (array == NULL)
		return NULL;
	copy = palloc_extended(Max(bytes, 1), MCXT_ALLOC_HUGE);
	for (Size at = 0; at < bytes; at += COPY_BYTES)
	{
		CHECK_FOR_INTERRUPTS();
		memcpy(copy + at, (const char *) array + at, Min(COPY_BYTES, bytes - at));
	}
	return copy;
}

/* Copy a result out of its arena, but for factors of items that are the caller's. */
static void
keep_result(const RsAlsProblem *problem, RsAlsModel *als)
{
	Size		vector = (Size) als->stride * sizeof(float);
	Size		users = (Size) problem->n_users;
	Size		items = (Size) problem->n_items;

	als->user_factors = copy_array(als->user_factors, vector, users);
	als->user_biases = copy_array(als->user_biases, sizeof(float), users);
	als->user_counts = copy_array(als->user_counts, sizeof(int32_t), users);
	als->item_counts = copy_array(als->item_counts, sizeof(int32_t), items);
	als->item_likes = copy_array(als->item_likes, sizeof(int32_t), items);
	als->loss = copy_array(als->loss, sizeof(double), (Size) problem->iterations);
	if (problem->known.item_factors != NULL)
		return;
	als->item_factors = copy_array(als->item_factors, vector, items);
	als->item_biases = copy_array(als->item_biases, sizeof(float), items);
}

/* ---- one part after the other ---------------------------------------------------- */

/* The last iteration ends without a tick. */
static void
tell_end(const RsAlsModel *als)
{
	RsAlsProgress progress = {.phase = RS_ALS_ITERATING};

	progress.iteration = als->iterations;
	if (als->iterations > 0)
		progress.loss = als->loss[als->iterations - 1];
	rs_progress_solving(&progress);
}

/* Solve one part; its result is in an arena, which is returned, to be freed. */
static void *
solve(const Solving *solving, const RsAlsProblem *problem, RsOptions *options, RsAlsModel *als)
{
	const RsTrained *trained = solving->trained;
	RsTick		tick = {CurrentMemoryContext, NULL};
	Size		bytes = arena_bytes(solving, problem);
	void	   *chunk;
	void	   *arena = rs_run_arena(solving->words, trained->model, bytes, &chunk);
	RsStatus	status;

	CHECK_FOR_INTERRUPTS();
	status = (trained->refreshed != NULL ? solving->solver->refresh : solving->solver->fit)
		(problem, arena, bytes, rs_tick, &tick, als);
	rs_als_run_check(trained, als, status, &tick);
	rs_options_take_weights(options, &als->objective);
	tell_end(als);
	return chunk;
}

/* From now on the rows are the cells that a part was solved from, which leaves its arena. */
static void
leave_arena(const RsAlsProblem *problem, void *arena, RsAlsModel *als, RsRatings *ratings)
{
	RsTriplets	cells = {.user = ratings->user,.item = ratings->item,.value = ratings->value};

	keep_result(problem, als);
	pfree(arena);
	(void) rs_triplets_restore(&cells, als, ratings->users.n, rs_interrupt, NULL);
	ratings->n = cells.n;
}

/* Of the cells of the first part: weights made of ratings. */
static void
weigh_ratings(RsTrained *trained)
{
	RsRatings  *ratings = &trained->ratings;
	const RsVersion *refreshed = trained->refreshed;

	(void) rs_ratings_to_weights(ratings->value, ratings->n, trained->als.objective.mean,
								 refreshed != NULL ? refreshed->deviation : trained->als.deviation,
								 rs_interrupt, NULL);
}

bool
rs_is_chosen(int64 cells, int32 users, int32 items)
{
	return (double) cells < MOST_RATED * users * items;
}

static bool
is_chosen(const RsTrained *trained)
{
	return rs_is_chosen(trained->als.n_cells,
						rs_count_positive(trained->als.user_counts, trained->ratings.users.n),
						rs_count_positive(trained->als.item_counts, trained->ratings.items.n));
}

/* Where the choice tells little, leave out the parts that it makes, unless they were asked for. */
static void
drop_parts(RsTrained *trained)
{
	if (trained->n_parts == 1 || trained->refreshed != NULL ||
		rs_options_is_given(&trained->options, "weights") || is_chosen(trained))
		return;
	trained->n_parts = 1;
	rs_options_drop_weights(&trained->options);
}

/* Is the item part to be solved?  A refresh has taken it over. */
static bool
has_item_part(const RsTrained *trained)
{
	return trained->refreshed == NULL && rs_weights_have_item(&trained->options.weights);
}

static Size
saturated_sum(Size a, Size b)
{
	return a < SIZE_MAX - b ? a + b : SIZE_MAX;
}

/* All parts: the most that one takes beside the results of those before it. */
static void
check_memory(const Solving *solving, const RsAlsProblem *rating)
{
	RsTrained  *trained = solving->trained;
	RsAlsProblem problem = *rating;
	Size		held = 0;
	Size		most = 0;

	for (int part = 0; part < trained->n_parts; part++)
	{
		if (part != RS_PART_RATING)
			rs_als_run_part(trained, part, &problem);
		most = Max(most, saturated_sum(held, arena_bytes(solving, &problem)));
		held = saturated_sum(held, result_bytes(&problem));
	}
	if (has_item_part(trained))
		most = Max(most, saturated_sum(held, rs_item_part_memory(trained)));
	rs_run_check_memory(solving->words, trained->model, most);
}

/* Solve the preference part, from the cells of the first. */
static void *
solve_preference(const Solving *solving, RsAlsProblem *problem)
{
	RsTrained  *trained = solving->trained;

	weigh_ratings(trained);
	rs_progress_preferring();
	rs_als_run_part(trained, RS_PART_PREFERENCE, problem);
	return solve(solving, problem, &trained->preference, &trained->preferred);
}

void
rs_parts_solve(const RsRunWords *words, RsTrained *trained)
{
	Solving		solving = {.words = words,.solver = rs_solver_open(),.trained = trained};
	RsAlsProblem problem;
	RsAlsModel *last = &trained->als;
	void	   *arena;

	rs_als_run_problem(trained, &problem);
	if (trained->n_parts > 1 || has_item_part(trained))
		check_memory(&solving, &problem);
	arena = solve(&solving, &problem, &trained->options, &trained->als);
	drop_parts(trained);
	if (trained->n_parts > 1)
	{
		leave_arena(&problem, arena, &trained->als, &trained->ratings);
		arena = solve_preference(&solving, &problem);
		last = &trained->preferred;
	}
	if (!has_item_part(trained))
		return;
	leave_arena(&problem, arena, last, &trained->ratings);
	rs_item_part_solve(words, trained, problem.user_hash);
}
