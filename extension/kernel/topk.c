/*-------------------------------------------------------------------------
 *
 * topk.c
 *		A binary heap of the k best so far, the worst of them on top.
 *
 *-------------------------------------------------------------------------
 */
#include "kernel/topk.h"

#include <math.h>

/* Best first: the heap has the worst on top. */
#define RS_SORT_NAME	best
#define RS_SORT_TYPE	RsScored
#define RS_SORT_BEFORE(a, b)	rs_scored_after(b, a)
#include "kernel/heap_sort.h"

/* Let entry rise from the end of a heap of n, which then has n + 1. */
static void
rise(RsScored *entries, int32_t n, RsScored entry)
{
	int32_t		hole = n;

	while (hole > 0)
	{
		int32_t		parent = (hole - 1) / 2;

		if (!rs_scored_after(&entry, &entries[parent]))
			break;
		entries[hole] = entries[parent];
		hole = parent;
	}
	entries[hole] = entry;
}

void
rs_topk_init(RsTopk *topk, RsScored *entries, int32_t k)
{
	topk->entries = entries;
	topk->k = k;
	topk->n = 0;
}

void
rs_topk_push(RsTopk *topk, float score, int32_t position)
{
	RsScored	entry = {score, position};

	if (topk->k <= 0 || isnan(score))
		return;
	if (topk->n < topk->k)
	{
		rise(topk->entries, topk->n, entry);
		topk->n++;
	}
	else if (rs_scored_after(&topk->entries[0], &entry))
		best_sink(topk->entries, 0, topk->n, entry);
}

bool
rs_topk_finish(RsTopk *topk, RsStopCheck stop, void *arg)
{
	return best_drain(topk->entries, topk->n, stop, arg);
}
