/*-------------------------------------------------------------------------
 *
 * judge.c
 *		What lists for the users who are asked are worth, by the rows that are held out.
 *
 * Memory: a bit for each item, in the current context.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "compat.h"
#include "kernel/metrics.h"
#include "train/judge.h"

static Size
words_of(int32 n_items)
{
	return (Size) n_items / 64 + 1;
}

Size
rs_judge_memory(int32 n_items, int bitmaps)
{
	return mul_size(words_of(n_items) * sizeof(uint64_t), bitmaps + 1);
}

void
rs_judge_begin(RsJudge *judge, const RsHoldout *holdout, int32 n_items,
			   const int32 *by_popularity, int32 n_popular)
{
	*judge = (RsJudge) {holdout, by_popularity, n_popular, words_of(n_items)};
	judge->eligible = palloc_extended(mul_size(judge->n_words, sizeof(uint64_t)),
									  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (int32 i = 0; i < n_popular; i++)
	{
		CHECK_FOR_INTERRUPTS();
		judge->eligible[by_popularity[i] / 64] |= UINT64CONST(1) << (by_popularity[i] % 64);
	}
}

RsEligible
rs_judge_unseen(const RsJudge *judge, int32 asked, uint64_t *words)
{
	const RsHoldout *h = judge->holdout;
	int32		n = judge->n_popular;

	memcpy(words, judge->eligible, judge->n_words * sizeof(uint64_t));
	for (int64 i = h->seen_from[asked]; i < h->seen_from[asked + 1]; i++)
	{
		uint64_t	bit = UINT64CONST(1) << (h->seen[i] % 64);

		CHECK_FOR_INTERRUPTS();
		n -= (words[h->seen[i] / 64] & bit) != 0;
		words[h->seen[i] / 64] &= ~bit;
	}
	return (RsEligible) {words, n};
}

int32
rs_judge_popular(const RsJudge *judge, const uint64_t *unseen, RsScored *list)
{
	int32		n = 0;

	for (int32 i = 0; i < judge->n_popular && n < RS_TRIAL_TOP; i++)
	{
		int32		position = judge->by_popularity[i];

		CHECK_FOR_INTERRUPTS();
		if (unseen[position / 64] >> (position % 64) & 1)
			list[n++] = (RsScored) {0, position};
	}
	return n;
}

static int
compare_cells(const void *a, const void *b)
{
	int32		i = ((const RsCell *) a)->index;
	int32		j = ((const RsCell *) b)->index;

	return (i > j) - (i < j);
}

double
rs_judge_list(const RsJudge *judge, int32 asked, const RsScored *list, int32 n_listed)
{
	const RsHoldout *h = judge->holdout;
	const RsCell *held = h->held + h->held_from[asked];
	int32		n_held = (int32) (h->held_from[asked + 1] - h->held_from[asked]);
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
