/*-------------------------------------------------------------------------
 *
 * popular.c
 *		The algorithm "popular": how many users like each item.
 *
 * Cells are grouped by item with a counting sort and repeated ones reduced by
 * the rule that alternating least squares follows too, and so are likes told
 * from other cells: an item counts the same users under either algorithm.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "storage/shmem.h"
#include "utils/memutils.h"

#include "compat.h"
#include "interrupt.h"
#include "kernel/cells.h"
#include "train/popular.h"

Size
rs_popular_memory(const RsRatings *ratings)
{
	Size		bytes = mul_size(sizeof(RsCell), (Size) ratings->n);

	bytes = add_size(bytes, mul_size(sizeof(int64), (Size) ratings->items.n + 1));
	bytes = add_size(bytes, mul_size(sizeof(int32_t), (Size) ratings->items.n));
	bytes = add_size(bytes, mul_size(sizeof(int32_t), (Size) ratings->items.n));
	return add_size(bytes, mul_size(sizeof(int32_t), (Size) ratings->users.n));
}

static void *
alloc_zero(Size size, Size n)
{
	return MemoryContextAllocExtended(CurrentMemoryContext, mul_size(size, n),
									  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
}

/*
 * The cells of all items, one item after another; first[i] is where those of
 * item i start, first[n] the end.
 */
static RsCell *
group_by_item(const RsRatings *ratings, int64 *first)
{
	int32		n_items = ratings->items.n;
	RsCell	   *cells = alloc_zero(sizeof(RsCell), ratings->n);

	for (int64 i = 0; i < ratings->n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		first[ratings->item[i]]++;
	}
	for (int32 item = 1; item <= n_items; item++)
	{
		CHECK_FOR_INTERRUPTS();
		first[item] += first[item - 1];
	}

	/* Each start is found by counting its end down. */
	for (int64 i = 0; i < ratings->n; i++)
	{
		RsCell	   *cell = &cells[--first[ratings->item[i]]];

		CHECK_FOR_INTERRUPTS();
		cell->index = ratings->user[i];
		cell->value = ratings->value[i];
		cell->time = ratings->time != NULL ? ratings->time[i] : PG_INT64_MIN;
	}
	return cells;
}

/* Of the reduced cells of each item, those that are likes. */
static void
count_likes(const RsCell *cells, const int64 *first, int32 n_items, bool implicit,
			double mean, RsAlsModel *result)
{
	for (int32 item = 0; item < n_items; item++)
	{
		CHECK_FOR_INTERRUPTS();
		for (int32 i = 0; i < result->item_counts[item]; i++)
		{
			CHECK_FOR_INTERRUPTS();
			result->item_likes[item] += rs_cell_is_like(cells[first[item] + i].value,
														implicit, mean);
		}
	}
}

void
rs_popular_count(const RsRatings *ratings, bool implicit, RsAlsModel *result)
{
	int32		n_items = ratings->items.n;
	int64	   *first = alloc_zero(sizeof(int64), (Size) n_items + 1);
	RsCell	   *cells = group_by_item(ratings, first);
	double		sum = 0;

	memset(result, 0, sizeof(RsAlsModel));
	result->item_counts = alloc_zero(sizeof(int32_t), n_items);
	result->item_likes = alloc_zero(sizeof(int32_t), n_items);
	result->user_counts = alloc_zero(sizeof(int32_t), ratings->users.n);
	for (int32 item = 0; item < n_items; item++)
	{
		int64		n = first[item + 1] - first[item];
		int32		reduced;

		CHECK_FOR_INTERRUPTS();
		if (n > PG_INT32_MAX)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("too many rows for one item")));
		reduced = rs_cells_reduce(&cells[first[item]], (int32) n, implicit,
								  rs_interrupt, NULL);
		for (int32 i = 0; i < reduced; i++)
		{
			CHECK_FOR_INTERRUPTS();
			result->user_counts[cells[first[item] + i].index]++;
			sum += cells[first[item] + i].value;
		}
		result->item_counts[item] = reduced;
		result->n_cells += reduced;
	}
	if (!implicit)
		result->objective.mean = sum / (double) Max(result->n_cells, 1);
	count_likes(cells, first, n_items, implicit, result->objective.mean, result);
	pfree(cells);
	pfree(first);
}
