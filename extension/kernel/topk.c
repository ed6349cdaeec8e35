/*-------------------------------------------------------------------------
 *
 * topk.c
 *		A binary heap of the k best so far, the worst of them on top.
 *
 *-------------------------------------------------------------------------
 */
#include "kernel/topk.h"

#include <math.h>
#include <stdbool.h>

static bool
is_worse(const RsScored *a, const RsScored *b)
{
	if (a->score != b->score)
		return a->score < b->score;
	return a->position > b->position;
}

/* Let entry sink from the top of a heap of n. */
static void
sink(RsScored *entries, int32_t n, RsScored entry)
{
	int32_t		hole = 0;

	for (;;)
	{
		int64_t		child = 2 * (int64_t) hole + 1;

		if (child >= n)
			break;
		if (child + 1 < n && is_worse(&entries[child + 1], &entries[child]))
			child++;
		if (!is_worse(&entries[child], &entry))
			break;
		entries[hole] = entries[child];
		hole = (int32_t) child;
	}
	entries[hole] = entry;
}

/* Let entry rise from the end of a heap of n, which then has n + 1. */
static void
rise(RsScored *entries, int32_t n, RsScored entry)
{
	int32_t		hole = n;

	while (hole > 0)
	{
		int32_t		parent = (hole - 1) / 2;

		if (!is_worse(&entry, &entries[parent]))
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
	else if (is_worse(&topk->entries[0], &entry))
		sink(topk->entries, topk->n, entry);
}

void
rs_topk_finish(RsTopk *topk)
{
	/* Taking away the worst again and again fills the array from its end. */
	for (int32_t n = topk->n - 1; n > 0; n--)
	{
		RsScored	worst = topk->entries[0];

		sink(topk->entries, n, topk->entries[n]);
		topk->entries[n] = worst;
	}
}
