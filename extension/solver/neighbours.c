/*-------------------------------------------------------------------------
 *
 * neighbours.c
 *		Item-item weights: for each item a ridge regression on its neighbours.
 *
 * This is EASE (Steck 2019, "Embarrassingly shallow autoencoders for sparse data") where
 * an item, the target, may be explained by few others only, so that its equations are
 * small and are solved apart from those of all other targets. With C of cooccur.h
 *
 *		neighbours N of i	the NEIGHBOURS items j of largest C_ij / sqrt(C_jj)
 *		w_i					(C_NN + lambda I)^-1 C_Ni
 *		lambda				likes an item, times the mean weight of a user
 *
 * In three passes over items, by all threads, since C is too large to be kept:
 *
 * (1) for each target: its row of C, the neighbours, their elements C_Ni;
 * (2) for each item that is somebody's neighbour: its row of C once more, from which its
 *     elements go to the matrices C_NN of all these targets.  Of two neighbours the less
 *     popular one's row is asked, up to the other's rank, so that rows are half as long;
 *     those of the most popular items, which take nearly all additions, are kept from (1);
 * (3) for each target: its system.
 *
 * (2) and (3) go by blocks of targets, to bound the memory of the matrices.
 *
 *-------------------------------------------------------------------------
 */
#include "solver/neighbours.h"

#include <math.h>
#include <string.h>

#include "kernel/row_ridge.h"
#include "kernel/topk.h"
#include "rs_limits.h"
#include "solver/cooccur.h"
#include "solver/run.h"

#define NEIGHBOURS		50

/* Most rows of C that are kept: 32 MB. */
#define KEPT_ROWS		4096

/*
 * Bytes of the matrices of a block of targets.  Where there are many items it is at least
 * this part of them: that takes as much memory as all their neighbours and weights do.
 */
#define BLOCK_BYTES		((size_t) 64 << 20)
#define BLOCK_PART		6

/* Ranks that a thread takes at once: the most popular ones take 10 ms each. */
#define RANK_ROWS		4

/* Systems that a thread takes at once. */
#define SYSTEM_ROWS		64

/* Scores that are compared at once. */
#define SCORE_BLOCK		64

/* What a thread needs of its own. */
typedef struct Desk
{
	int32_t    *row;			/* n_items, zeros between uses */
	int32_t    *touched;		/* n_items + 1 */
	RsScored   *best;			/* NEIGHBOURS */
	void	   *ridges;
} Desk;

typedef struct Fit
{
	const RsNeighboursProblem *problem;
	RsAlsTick	tick;
	void	   *tick_arg;
	RsAlsProgress progress;
	_Atomic int64_t rows_done;
	RsPool		pool;
	RsCooccur	c;
	float	   *inverse_root;	/* C_jj^-1/2 by rank */
	int			most;			/* neighbours of a target */
	RsCsr		targets;		/* by item: neighbours by rank, the least popular first */
	RsCsr		sources;		/* the same turned around */
	int32_t		kept;			/* rows of C */
	int32_t    *kept_rows;		/* of each the elements of lower ranks, one after the other */
	int32_t		block;			/* most targets of a block */
	int32_t		first;			/* targets of the one under way: from this one */
	int32_t		end;			/* to the one before this */
	int32_t    *triangles;		/* their matrices; see RsRidge */
	double		ridge;
	Desk		desks[RS_MAX_THREADS];
} Fit;

/* Ranks, those less popular first: a row of a matrix then holds more popular items only. */
#define RS_SORT_NAME	ranks
#define RS_SORT_TYPE	int32_t
#define RS_SORT_BEFORE(a, b)	(*(a) > *(b))
#include "kernel/heap_sort.h"

/* ---- memory -------------------------------------------------------------------- */

static int32_t
at_most(int64_t value, int64_t most)
{
	return (int32_t) (value < most ? value : most);
}

static int64_t
chunks_of(int32_t rows, int32_t each)
{
	return ((int64_t) rows + each - 1) / each;
}

static bool
is_valid(const RsNeighboursProblem *p)
{
	return p->threads >= 1 && p->n_users >= 1 && p->n_items >= 1 && p->cells.n >= 0;
}

/* Numbers of a target's matrix. */
static size_t
triangle_size(const Fit *fit)
{
	return rs_triangle(fit->most, fit->most);
}

/* Targets of a block. */
static int32_t
block_size(const Fit *fit)
{
	int32_t		n = fit->problem->n_items;
	size_t		each = (triangle_size(fit) + 1) * sizeof(int32_t);
	int32_t		fitting = at_most((int64_t) (BLOCK_BYTES / each), n);

	return fitting > n / BLOCK_PART ? fitting : n / BLOCK_PART;
}

/* Where the kept part of a row of C begins; of rank r it has r elements. */
static size_t
kept_before(int32_t rank)
{
	return (size_t) rank * (size_t) (rank > 0 ? rank - 1 : 0) / 2;
}

static void
take_rows(RsCsr *rows, RsArena *arena, int32_t n, int most)
{
	rows->n = n;
	rows->start = rs_arena_take(arena, (size_t) n + 1, sizeof(int64_t));
	rows->index = rs_arena_take(arena, (size_t) n, (size_t) most * sizeof(int32_t));
	rows->value = rs_arena_take(arena, (size_t) n, (size_t) most * sizeof(float));
}

/* Every array, counted or handed out. */
static void
take_all(Fit *fit, RsArena *arena)
{
	const RsNeighboursProblem *p = fit->problem;
	size_t		items = (size_t) p->n_items;
	size_t		prepared;

	fit->most = at_most(NEIGHBOURS, p->n_items - 1);
	fit->kept = at_most(KEPT_ROWS, p->n_items);
	fit->block = block_size(fit);
	rs_cooccur_take(&fit->c, arena, p);
	prepared = arena->used;
	rs_cooccur_take_scratch(&fit->c, arena, p);
	rs_arena_rewind(arena, prepared);
	fit->inverse_root = rs_arena_take(arena, items, sizeof(float));
	take_rows(&fit->targets, arena, p->n_items, fit->most);
	take_rows(&fit->sources, arena, p->n_items, fit->most);
	fit->kept_rows = rs_arena_take(arena, kept_before(fit->kept), sizeof(int32_t));
	fit->triangles = rs_arena_take(arena, (size_t) fit->block,
								   triangle_size(fit) * sizeof(int32_t));
	for (int t = 0; t < at_most(p->threads, RS_MAX_THREADS); t++)
	{
		Desk	   *desk = &fit->desks[t];

		desk->row = rs_arena_take(arena, items, sizeof(int32_t));
		desk->touched = rs_arena_take(arena, items + 1, sizeof(int32_t));
		desk->best = rs_arena_take(arena, NEIGHBOURS, sizeof(RsScored));
		desk->ridges = rs_arena_take(arena, 1, rs_ridges_workspace_size(fit->most));
	}
}

bool
rs_neighbours_memory(const RsNeighboursProblem *problem, size_t *bytes)
{
	Fit			fit = {.problem = problem};
	RsArena		arena;

	if (!is_valid(problem))
		return false;
	rs_arena_init(&arena, NULL, SIZE_MAX);
	take_all(&fit, &arena);
	*bytes = arena.most;
	return !arena.failed;
}

/* ---- (1) neighbours ------------------------------------------------------------- */

/* The best of a row that is listed nowhere, in ascending order of rank. */
static void
choose_dense(const Fit *fit, const int32_t *row, RsTopk *best)
{
	const float *inverse_root = fit->inverse_root;

	for (int32_t first = 0; first < fit->c.active; first += SCORE_BLOCK)
	{
		int32_t		end = at_most((int64_t) first + SCORE_BLOCK, fit->c.active);
		float		worst = best->n > 0 && best->n == best->k ? best->entries[0].score : 0.0f;
		int			above = 0;

		for (int32_t j = first; j < end; j++)
			above += (float) row[j] * inverse_root[j] > worst;
		for (int32_t j = first; j < end && above > 0; j++)
		{
			float		score = (float) row[j] * inverse_root[j];

			if (score > worst)
				rs_topk_push(best, score, j);
		}
	}
}

static void
choose_listed(const Fit *fit, const int32_t *row, const int32_t *touched, int32_t n, RsTopk *best)
{
	for (int32_t i = 0; i < n; i++)
	{
		int32_t		j = touched[i];
		float		score = (float) row[j] * fit->inverse_root[j];

		if (row[j] > 0 && (best->n < best->k || score >= best->entries[0].score))
			rs_topk_push(best, score, j);
	}
}

/* Note the neighbours of an item and their elements of its row. */
static bool
note_neighbours(Fit *fit, int32_t item, const int32_t *row, const RsTopk *best)
{
	size_t		at = (size_t) item * (size_t) fit->most;
	int32_t    *index = fit->targets.index + at;

	for (int32_t i = 0; i < best->n; i++)
		index[i] = best->entries[i].position;
	if (!ranks_sort(index, best->n, rs_pool_stopping, &fit->pool))
		return false;
	for (int32_t i = 0; i < best->n; i++)
		fit->targets.value[at + (size_t) i] = (float) row[index[i]];
	fit->targets.start[item + 1] = best->n;
	return true;
}

/* The neighbours of the item of one rank; false when stopped. */
static bool
choose(Fit *fit, const Desk *desk, int32_t rank)
{
	bool		dense = rs_cooccur_is_dense(&fit->c, rank);
	int32_t    *row = desk->row;
	int32_t		n = 0;
	RsTopk		best;

	rs_topk_init(&best, desk->best, fit->most);
	if (dense)
		rs_cooccur_dense(&fit->c, rank, row, &fit->pool);
	else
		n = rs_cooccur_sparse(&fit->c, rank, INT32_MAX, row, desk->touched, &fit->pool);
	row[rank] = 0;
	if (rank < fit->kept)
		memcpy(fit->kept_rows + kept_before(rank), row, (size_t) rank * sizeof(int32_t));
	if (dense)
		choose_dense(fit, row, &best);
	else
		choose_listed(fit, row, desk->touched, n, &best);
	if (!note_neighbours(fit, fit->c.item[rank], row, &best))
		return false;
	if (dense)
		memset(row, 0, (size_t) fit->c.active * sizeof(int32_t));
	for (int32_t i = 0; i < n; i++)
		row[desk->touched[i]] = 0;
	return true;
}

static RsStatus
choose_rows(void *arg, int thread, int64_t chunk)
{
	Fit		   *fit = arg;
	int64_t		end = at_most((chunk + 1) * RANK_ROWS, fit->problem->n_items);

	for (int64_t r = chunk * RANK_ROWS; r < end; r++)
	{
		if (!choose(fit, &fit->desks[thread], (int32_t) r))
			return RS_STOPPED;
		atomic_fetch_add(&fit->rows_done, 1);
	}
	return RS_OK;
}

/* Move the targets' rows together, whose starts are counts so far. */
static RsStatus
close_gaps(void *arg, int thread, int64_t chunk)
{
	Fit		   *fit = arg;
	RsCsr	   *rows = &fit->targets;
	int64_t		end = 0;

	(void) thread;
	(void) chunk;
	rows->start[0] = 0;
	for (int32_t r = 0; r < rows->n; r++)
	{
		size_t		n = (size_t) rows->start[r + 1];
		int64_t		from = (int64_t) r * fit->most;

		if (rs_stop_at(rs_pool_stopping, &fit->pool, r))
			return RS_STOPPED;
		if (from > end)
		{
			memmove(rows->index + end, rows->index + from, n * sizeof(int32_t));
			memmove(rows->value + end, rows->value + from, n * sizeof(float));
		}
		end += (int64_t) n;
		rows->start[r + 1] = end;
	}
	return RS_OK;
}

/* ---- (2) matrices ----------------------------------------------------------------- */

/* Elements of one neighbour in the matrix of a target: with itself and those after it. */
static void
fill_matrix(const Fit *fit, int32_t target, int32_t rank, const int32_t *row)
{
	int64_t		start = fit->targets.start[target];
	const int32_t *ranks = fit->targets.index + start;
	int			m = (int) (fit->targets.start[target + 1] - start);
	int			low = 0;
	int			high = m;
	int32_t    *to;

	while (high - low > 1)
	{
		int			middle = low + (high - low) / 2;

		if (ranks[middle] >= rank)
			low = middle;
		else
			high = middle;
	}
	to = fit->triangles + (size_t) (target - fit->first) * triangle_size(fit) + rs_triangle(m, low);
	to[0] = fit->c.popularity[rank];
	for (int i = low + 1; i < m; i++)
		to[i - low] = row[ranks[i]];
}

/* The first of the targets that an item is a neighbour of which is not before this one. */
static int64_t
target_from(const RsCsr *sources, int32_t rank, int32_t target)
{
	int64_t		low = sources->start[rank];
	int64_t		high = sources->start[rank + 1];

	while (low < high)
	{
		int64_t		middle = low + (high - low) / 2;

		if (sources->index[middle] < target)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The elements of one item in all matrices of the block. */
static void
fill_from(Fit *fit, const Desk *desk, int32_t rank)
{
	int64_t		at = target_from(&fit->sources, rank, fit->first);
	int64_t		end = target_from(&fit->sources, rank, fit->end);
	const int32_t *row = desk->row;
	int32_t		n = 0;

	if (at == end)
		return;
	if (rank < fit->kept)
		row = fit->kept_rows + kept_before(rank);
	else
		n = rs_cooccur_sparse(&fit->c, rank, rank, desk->row, desk->touched, &fit->pool);
	for (; at < end && !rs_pool_stopping(&fit->pool); at++)
		fill_matrix(fit, fit->sources.index[at], rank, row);
	for (int32_t i = 0; i < n; i++)
		desk->row[desk->touched[i]] = 0;
}

static RsStatus
fill_matrices(void *arg, int thread, int64_t chunk)
{
	Fit		   *fit = arg;
	int64_t		end = at_most((chunk + 1) * RANK_ROWS, fit->problem->n_items);

	for (int64_t r = chunk * RANK_ROWS; r < end; r++)
		fill_from(fit, &fit->desks[thread], (int32_t) r);
	return RS_OK;
}

/* ---- (3) systems ------------------------------------------------------------------- */

/* Solve some targets of the block; their neighbours are known by position then. */
static RsStatus
solve_targets(void *arg, int thread, int64_t chunk)
{
	Fit		   *fit = arg;
	const int64_t *start = fit->targets.start;
	int64_t		first = fit->first + chunk * SYSTEM_ROWS;
	int64_t		end = at_most(first + SYSTEM_ROWS, fit->end);
	RsRidge		systems[SYSTEM_ROWS];
	int			n = 0;
	RsStatus	status;

	for (int64_t i = first; i < end; i++)
		systems[n++] = (RsRidge) {
			fit->triangles + (size_t) (i - fit->first) * triangle_size(fit),
				(int) (start[i + 1] - start[i]), fit->targets.value + start[i]};
	status = rs_ridges_solve(systems, n, fit->most, fit->ridge, fit->desks[thread].ridges);
	for (int64_t i = start[first]; i < start[end]; i++)
		fit->targets.index[i] = fit->c.item[fit->targets.index[i]];
	atomic_fetch_add(&fit->rows_done, n);
	return status;
}

/* The matrices and systems of all targets, block by block. */
static RsStatus
solve_blocks(Fit *fit)
{
	int32_t		n = fit->problem->n_items;
	RsStatus	status = RS_OK;

	for (fit->first = 0; fit->first < n && status == RS_OK; fit->first = fit->end)
	{
		fit->end = at_most((int64_t) fit->first + fit->block, n);
		status = rs_pool_run(&fit->pool, fill_matrices, fit, chunks_of(n, RANK_ROWS));
		if (status == RS_OK)
			status = rs_pool_run(&fit->pool, solve_targets, fit,
								 chunks_of(fit->end - fit->first, SYSTEM_ROWS));
	}
	return status;
}

/* ---- all of it ----------------------------------------------------------------------- */

/* What is known once C is prepared. */
static RsStatus
find_scales(void *arg, int thread, int64_t chunk)
{
	Fit		   *fit = arg;
	const RsCooccur *c = &fit->c;

	(void) thread;
	(void) chunk;
	fit->ridge = c->mean_users * c->mean_weight;
	for (int32_t r = 0; r < c->active && !rs_stop_at(rs_pool_stopping, &fit->pool, r); r++)
		fit->inverse_root[r] = (float) (1.0 / sqrt((double) c->popularity[r]));
	return RS_OK;
}

/* The scratch of the preparation may have been where the rows are. */
static RsStatus
clear_row(void *arg, int thread, int64_t chunk)
{
	Fit		   *fit = arg;

	(void) thread;
	memset(fit->desks[chunk].row, 0, (size_t) fit->problem->n_items * sizeof(int32_t));
	return RS_OK;
}

static RsStatus
run(Fit *fit, RsNeighboursModel *model)
{
	int32_t		n = fit->problem->n_items;
	RsStatus	status = rs_cooccur_build(&fit->c, fit->problem, &fit->pool, &model->failed_user);

	if (status == RS_OK)
		status = rs_pool_run(&fit->pool, find_scales, fit, 1);
	if (status == RS_OK)
		status = rs_pool_run(&fit->pool, clear_row, fit, fit->pool.n_threads);
	fit->progress = (RsAlsProgress) {.phase = RS_ALS_RELATING, .rows_total = 2 * (int64_t) n};
	if (status == RS_OK)
		status = rs_pool_run(&fit->pool, choose_rows, fit, chunks_of(n, RANK_ROWS));
	if (status == RS_OK)
		status = rs_pool_run(&fit->pool, close_gaps, fit, 1);
	if (status == RS_OK)
		status = rs_csr_turn(&fit->targets, &fit->sources, &fit->pool);
	if (status == RS_OK)
		status = solve_blocks(fit);
	return status == RS_OK ? rs_csr_turn(&fit->targets, &fit->sources, &fit->pool) : status;
}

static bool
report_progress(void *arg)
{
	Fit		   *fit = arg;

	fit->progress.rows_done = atomic_load(&fit->rows_done);
	return fit->tick(fit->tick_arg, &fit->progress);
}

RsStatus
rs_neighbours_fit(const RsNeighboursProblem *problem, void *memory, size_t bytes,
				  RsAlsTick tick, void *tick_arg, RsNeighboursModel *model)
{
	Fit			fit = {.problem = problem, .tick = tick, .tick_arg = tick_arg};
	RsArena		arena;
	RsStatus	status;

	*model = (RsNeighboursModel) {.failed_user = -1};
	if (!is_valid(problem) || memory == NULL)
		return RS_INVALID;
	rs_arena_init(&arena, memory, bytes);
	take_all(&fit, &arena);
	if (arena.failed)
		return RS_OUT_OF_MEMORY;
	status = rs_pool_start(&fit.pool, at_most(problem->threads, RS_MAX_THREADS),
						   tick == NULL ? NULL : report_progress, &fit);
	if (status != RS_OK)
		return status;
	status = run(&fit, model);
	rs_pool_end(&fit.pool);
	model->start = fit.sources.start;
	model->item = fit.sources.index;
	model->weight = fit.sources.value;
	model->n_cells = fit.c.cells.users.start[problem->n_users];
	return status;
}
