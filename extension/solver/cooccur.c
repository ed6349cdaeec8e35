/*-------------------------------------------------------------------------
 *
 * cooccur.c
 *		How much the same users like two items.
 *
 * A row of C is summed over the histories of the item's users, so all of C costs the
 * sum over users of n_u^2.  Of a long history only a sample counts: a user with ten
 * thousand items would cost as much as forty thousand with fifty.
 *
 * Ranks instead of positions, as the items that most additions go to lie side by side
 * then: 1.3 times as fast on 20 million cells.  Prefetching histories gains nothing, nor
 * does loading several sums before storing them.
 *
 *-------------------------------------------------------------------------
 */
#include "solver/cooccur.h"

#include <math.h>
#include <string.h>

#include "kernel/cells.h"
#include "kernel/rng.h"
#include "solver/run.h"

/* About how many items of a user count at most. */
#define HISTORY_MOST	500

/*
 * The weight of a user who likes n items is n to this power (the user normalisation of
 * DAN, Park et al. 2025, "Why is normalization necessary for linear recommenders?").
 */
#define WEIGHT_POWER	(-0.3)

/* Sums of weights stay below 2 to this power. */
#define SUM_BITS		31

/* Most bits of a weight: beyond, no float tells the difference. */
#define WEIGHT_BITS		24

/*
 * A row is summed as a dense one when it takes as many additions as there are items, or
 * this part of them.
 */
#define DENSE_SHARE		4

/* One preparation. */
typedef struct Builder
{
	RsCooccur  *c;
	const RsNeighboursProblem *problem;
	RsPool	   *pool;
	double		unit;			/* the weight of a user who likes one item */
} Builder;

void
rs_cooccur_take(RsCooccur *c, RsArena *arena, const RsNeighboursProblem *problem)
{
	size_t		users = (size_t) problem->n_users;
	size_t		items = (size_t) problem->n_items;

	rs_csr_take(&c->cells, arena, &problem->cells, problem->n_users, problem->n_items);
	c->weight = rs_arena_take(arena, users, sizeof(int32_t));
	c->item = rs_arena_take(arena, items, sizeof(int32_t));
	c->rank = rs_arena_take(arena, items, sizeof(int32_t));
	c->popularity = rs_arena_take(arena, items, sizeof(int32_t));
}

void
rs_cooccur_take_scratch(RsCooccur *c, RsArena *arena, const RsNeighboursProblem *problem)
{
	size_t		users = (size_t) problem->n_users;

	rs_csr_take_scratch(&c->cells, arena, &problem->cells, true);
	c->kept = rs_arena_take(arena, users, sizeof(int32_t));
	c->more_popular = rs_arena_take(arena, users + 1, sizeof(int32_t));
}

/* ---- the cells that count -------------------------------------------------- */

/* A hash below this lets a cell of a user with n likes count. */
static uint64_t
sample_limit(int64_t n)
{
	return n <= HISTORY_MOST ? UINT64_MAX : (uint64_t) (0x1p64 * HISTORY_MOST / (double) n);
}

/* Move the likes of one user that count to the row's start; how many they are. */
static int32_t
keep_user(const Builder *b, int32_t user)
{
	const RsCsr *rows = &b->c->cells.users;
	int64_t		start = rows->start[user];
	int64_t		likes = 0;
	int64_t		kept = start;
	uint64_t	limit;

	for (int64_t i = start; i < rows->start[user + 1] && !rs_stop_at(rs_pool_stopping, b->pool, i); i++)
		likes += rs_cell_is_like(rows->value[i], true, 0.0);
	limit = sample_limit(likes);
	for (int64_t i = start; i < rows->start[user + 1]; i++)
	{
		if (rs_stop_at(rs_pool_stopping, b->pool, i))
			break;
		if (rs_cell_is_like(rows->value[i], true, 0.0) &&
			rs_hash_int((uint64_t) rows->index[i], b->problem->user_hash[user]) <= limit)
			rows->index[kept++] = rows->index[i];
	}
	return (int32_t) (kept - start);
}

static RsStatus
keep_likes(void *arg, int thread, int64_t chunk)
{
	Builder    *b = arg;
	int32_t		n = b->problem->n_users;

	(void) thread;
	for (int64_t u = chunk * RS_RUN_ROWS; u < rs_run_chunk_end(chunk, n); u++)
		b->c->kept[u] = keep_user(b, (int32_t) u);
	return RS_OK;
}

/* Move the users' rows together. */
static RsStatus
close_gaps(void *arg, int thread, int64_t chunk)
{
	Builder    *b = arg;
	RsCsr	   *rows = &b->c->cells.users;
	int64_t		end = 0;

	(void) thread;
	(void) chunk;
	for (int32_t u = 0; u < rows->n; u++)
	{
		int64_t		start = rows->start[u];

		if (rs_stop_at(rs_pool_stopping, b->pool, u))
			return RS_STOPPED;
		if (start > end)
			memmove(rows->index + end, rows->index + start,
					(size_t) b->c->kept[u] * sizeof(int32_t));
		rows->start[u] = end;
		end += b->c->kept[u];
	}
	rows->start[rows->n] = end;
	return RS_OK;
}

/* ---- ranks ------------------------------------------------------------------- */

/* Sort items by their users: count items of equally many users, then rank them. */
static RsStatus
rank_items(void *arg, int thread, int64_t chunk)
{
	Builder    *b = arg;
	RsCooccur  *c = b->c;
	const RsCsr *rows = &c->cells.users;
	int32_t    *users = c->popularity;
	int32_t		before = 0;

	(void) thread;
	(void) chunk;
	memset(users, 0, (size_t) b->problem->n_items * sizeof(int32_t));
	memset(c->more_popular, 0, ((size_t) rows->n + 1) * sizeof(int32_t));
	for (int64_t i = 0; i < rows->start[rows->n] && !rs_stop_at(rs_pool_stopping, b->pool, i); i++)
		users[rows->index[i]]++;
	for (int32_t j = 0; j < b->problem->n_items; j++)
		c->more_popular[users[j]]++;
	for (int32_t n = rows->n; n >= 0; n--)
	{
		int32_t		equal = c->more_popular[n];

		c->active = n == 0 ? before : c->active;
		c->more_popular[n] = before;
		before += equal;
	}
	for (int32_t j = 0; j < b->problem->n_items; j++)
	{
		c->rank[j] = c->more_popular[users[j]]++;
		c->item[c->rank[j]] = j;
	}
	return RS_OK;
}

static RsStatus
name_by_rank(void *arg, int thread, int64_t chunk)
{
	Builder    *b = arg;
	const RsCsr *rows = &b->c->cells.users;
	int64_t		first = rows->start[chunk * RS_RUN_ROWS];
	int64_t		end = rows->start[rs_run_chunk_end(chunk, rows->n)];

	(void) thread;
	for (int64_t i = first; i < end && !rs_stop_at(rs_pool_stopping, b->pool, i); i++)
		rows->index[i] = b->c->rank[rows->index[i]];
	return RS_OK;
}

/* ---- weights ------------------------------------------------------------------ */

static RsStatus
weigh_users(void *arg, int thread, int64_t chunk)
{
	Builder    *b = arg;
	const RsCsr *rows = &b->c->cells.users;

	(void) thread;
	for (int64_t u = chunk * RS_RUN_ROWS; u < rs_run_chunk_end(chunk, rows->n); u++)
	{
		int64_t		n = rows->start[u + 1] - rows->start[u];
		int32_t		weight = (int32_t) rint(b->unit * pow((double) n, WEIGHT_POWER));

		b->c->weight[u] = n == 0 ? 0 : weight > 1 ? weight : 1;
	}
	return RS_OK;
}

static RsStatus
sum_popularity(void *arg, int thread, int64_t chunk)
{
	Builder    *b = arg;
	const RsCsr *rows = &b->c->cells.items;

	(void) thread;
	for (int64_t r = chunk * RS_RUN_ROWS; r < rs_run_chunk_end(chunk, rows->n); r++)
	{
		int32_t		sum = 0;

		for (int64_t i = rows->start[r]; i < rows->start[r + 1]; i++)
		{
			if (rs_stop_at(rs_pool_stopping, b->pool, i))
				return RS_STOPPED;
			sum += b->c->weight[rows->index[i]];
		}
		b->c->popularity[r] = sum;
	}
	return RS_OK;
}

/* The means; nothing is rounded in these sums, as they are of whole numbers. */
static RsStatus
find_means(void *arg, int thread, int64_t chunk)
{
	Builder    *b = arg;
	RsCooccur  *c = b->c;
	const RsCsr *rows = &c->cells.users;
	double		cells = (double) rows->start[rows->n];
	double		weights = 0.0;
	double		squares = 0.0;
	int32_t		users = 0;

	(void) thread;
	(void) chunk;
	for (int32_t u = 0; u < rows->n && !rs_stop_at(rs_pool_stopping, b->pool, u); u++)
	{
		double		n = (double) (rows->start[u + 1] - rows->start[u]);

		users += n > 0.0;
		weights += (double) c->weight[u];
		squares += n * n;
	}
	c->mean_weight = users == 0 ? 0.0 : weights / users;
	c->mean_length = users == 0 ? 0.0 : squares / cells;
	c->mean_users = users == 0 ? 0.0 : cells / c->active;
	return RS_OK;
}

/* ---- all of it ------------------------------------------------------------------ */

/* The likes that count, by user and by rank, both in ascending order. */
static RsStatus
build_cells(Builder *b, int32_t *bad_user)
{
	RsCsrPair  *cells = &b->c->cells;
	int64_t		chunks = rs_run_chunks(b->problem->n_users);
	RsStatus	status = rs_csr_build_users(cells, &b->problem->cells, true, b->pool, bad_user);

	if (status == RS_OK)
		status = rs_pool_run(b->pool, keep_likes, b, chunks);
	if (status == RS_OK)
		status = rs_pool_run(b->pool, close_gaps, b, 1);
	if (status == RS_OK)
		status = rs_pool_run(b->pool, rank_items, b, 1);
	if (status == RS_OK)
		status = rs_pool_run(b->pool, name_by_rank, b, chunks);
	if (status == RS_OK)
		status = rs_csr_turn(&cells->users, &cells->items, b->pool);
	return status == RS_OK ? rs_csr_turn(&cells->items, &cells->users, b->pool) : status;
}

RsStatus
rs_cooccur_build(RsCooccur *c, const RsNeighboursProblem *problem, RsPool *pool, int32_t *bad_user)
{
	Builder		b = {.c = c, .problem = problem, .pool = pool};
	const int64_t *start = c->cells.items.start;
	RsStatus	status = build_cells(&b, bad_user);
	int			bits;

	if (status != RS_OK)
		return status;

	/* The most popular item has less than 2^(ilogb + 1) users. */
	bits = start[1] == 0 ? WEIGHT_BITS : SUM_BITS - 1 - ilogb((double) start[1]);
	b.unit = ldexp(1.0, bits < WEIGHT_BITS ? bits : WEIGHT_BITS);
	status = rs_pool_run(pool, weigh_users, &b, rs_run_chunks(problem->n_users));
	if (status == RS_OK)
		status = rs_pool_run(pool, sum_popularity, &b, rs_run_chunks(problem->n_items));
	return status == RS_OK ? rs_pool_run(pool, find_means, &b, 1) : status;
}

/* ---- a row of C -------------------------------------------------------------------- */

void
rs_cooccur_dense(const RsCooccur *c, int32_t rank, int32_t *row, RsPool *pool)
{
	const RsCsr *users = &c->cells.users;
	const RsCsr *items = &c->cells.items;

	for (int64_t i = items->start[rank]; i < items->start[rank + 1]; i++)
	{
		int32_t		user = items->index[i];
		int32_t		weight = c->weight[user];
		int64_t		end = users->start[user + 1];

		if (rs_stop_at(rs_pool_stopping, pool, i))
			return;
		for (int64_t at = users->start[user]; at < end; at++)
			row[users->index[at]] += weight;
	}
}

int32_t
rs_cooccur_sparse(const RsCooccur *c, int32_t rank, int32_t below, int32_t *row,
				  int32_t *touched, RsPool *pool)
{
	const RsCsr *users = &c->cells.users;
	const RsCsr *items = &c->cells.items;
	int32_t		n = 0;

	for (int64_t i = items->start[rank]; i < items->start[rank + 1]; i++)
	{
		int32_t		user = items->index[i];
		int32_t		weight = c->weight[user];
		int64_t		end = users->start[user + 1];

		if (rs_stop_at(rs_pool_stopping, pool, i))
			return n;
		for (int64_t at = users->start[user]; at < end && users->index[at] < below; at++)
		{
			int32_t		other = users->index[at];
			int32_t		before = row[other];

			/* Without a jump: whether it is the first of them nobody can foretell. */
			touched[n] = other;
			n += before == 0;
			row[other] = before + weight;
		}
	}
	return n;
}

bool
rs_cooccur_is_dense(const RsCooccur *c, int32_t rank)
{
	const int64_t *start = c->cells.items.start;

	return (double) (start[rank + 1] - start[rank]) * c->mean_length >=
		(double) c->cells.items.n / DENSE_SHARE;
}
