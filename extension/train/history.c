/*-------------------------------------------------------------------------
 *
 * history.c
 *		Keeping the latest rows of each user.
 *
 * One pass over the rows.  A user with more rows than the limit has a heap of the
 * rows that are kept so far, the earliest on top; a later row takes its place.
 * Rows that are left out are marked by a NaN.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"

#include "compat.h"
#include "train/history.h"

/* The heaps, one after another: that of user u has the places from first[u] on. */
typedef struct Histories
{
	RsRatings  *ratings;
	int32		limit;
	int64	   *first;			/* users + 1 */
	int32	   *n;				/* rows in the heap of a user */
	int64	   *rows;
} Histories;

Size
rs_history_memory(const RsRatings *ratings)
{
	Size		users = mul_size(sizeof(int64) + sizeof(int32), (Size) ratings->users.n + 1);

	return add_size(users, mul_size(sizeof(int64), (Size) ratings->n));
}

static void *
alloc_zero(Size size, Size n)
{
	return MemoryContextAllocExtended(CurrentMemoryContext, mul_size(size, n),
									  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
}

/* Places for limit rows of each user who has more; the others need none. */
static void
make_places(Histories *h)
{
	const RsRatings *ratings = h->ratings;
	int32		n_users = ratings->users.n;

	h->first = alloc_zero(sizeof(int64), (Size) n_users + 1);
	h->n = alloc_zero(sizeof(int32), n_users);
	for (int64 i = 0; i < ratings->n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		h->first[ratings->user[i] + 1] += !isnan(ratings->value[i]);
	}
	for (int32 u = 1; u <= n_users; u++)
	{
		CHECK_FOR_INTERRUPTS();
		h->first[u] = h->first[u - 1] + (h->first[u] > h->limit ? h->limit : 0);
	}
	h->rows = alloc_zero(sizeof(int64), h->first[n_users]);
}

/* Is row a kept rather than row b?  The same order is in rs_source_user_rows(). */
static bool
is_before(const RsRatings *r, int64 a, int64 b)
{
	if (r->time[a] != r->time[b])
		return r->time[a] > r->time[b];
	if (r->item[a] != r->item[b])
		return r->item[a] < r->item[b];
	return r->value[a] > r->value[b];
}

/* Put a row on top of a heap of n rows and let it sink to its place. */
static void
sink(const RsRatings *ratings, int64 *heap, int32 n, int64 row)
{
	int64		hole = 0;

	for (;;)
	{
		int64		child = 2 * hole + 1;

		if (child >= n)
			break;
		if (child + 1 < n && is_before(ratings, heap[child], heap[child + 1]))
			child++;
		if (!is_before(ratings, row, heap[child]))
			break;
		heap[hole] = heap[child];
		hole = child;
	}
	heap[hole] = row;
}

/* Append a row to a heap of n rows and let it rise to its place. */
static void
rise(const RsRatings *ratings, int64 *heap, int32 n, int64 row)
{
	int64		hole = n;

	while (hole > 0)
	{
		int64		parent = (hole - 1) / 2;

		if (!is_before(ratings, heap[parent], row))
			break;
		heap[hole] = heap[parent];
		hole = parent;
	}
	heap[hole] = row;
}

/* Offer a row to its user; the row that has to go is marked. */
static void
offer(Histories *h, int64 row)
{
	RsRatings  *ratings = h->ratings;
	int32		user = ratings->user[row];
	int64	   *heap = h->rows + h->first[user];

	if (h->first[user + 1] == h->first[user] || isnan(ratings->value[row]))
		return;
	if (h->n[user] < h->limit)
		rise(ratings, heap, h->n[user]++, row);
	else if (is_before(ratings, row, heap[0]))
	{
		ratings->value[heap[0]] = NAN;
		sink(ratings, heap, h->limit, row);
	}
	else
		ratings->value[row] = NAN;
}

static void
close_up(RsRatings *r)
{
	int64		kept = 0;

	for (int64 i = 0; i < r->n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (isnan(r->value[i]))
			continue;
		r->user[kept] = r->user[i];
		r->item[kept] = r->item[i];
		r->value[kept] = r->value[i];
		r->time[kept] = r->time[i];
		kept++;
	}
	r->n = kept;
}

void
rs_history_mark(RsRatings *ratings, int32 limit)
{
	Histories	h = {.ratings = ratings,.limit = limit};

	make_places(&h);
	for (int64 i = 0; i < ratings->n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		offer(&h, i);
	}
	pfree(h.rows);
	pfree(h.n);
	pfree(h.first);
}

void
rs_history_cut(RsRatings *ratings, int32 limit)
{
	rs_history_mark(ratings, limit);
	close_up(ratings);
}
