/*-------------------------------------------------------------------------
 *
 * judge.h
 *		What lists for the users who are asked are worth, by the rows that are held out.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_JUDGE_H
#define RS_JUDGE_H

#include "postgres.h"

#include "kernel/search.h"
#include "train/holdout.h"

/* The lists that are judged. */
#define RS_TRIAL_TOP	20

typedef struct RsJudge
{
	const RsHoldout *holdout;
	const int32 *by_popularity; /* the items with rows that are not held out */
	int32		n_popular;		/* of them */
	Size		n_words;		/* of a bit for each item */
	uint64_t   *eligible;		/* the same items */
} RsJudge;

/* Bytes of rs_judge_begin(), and of a bitmap of items as many times. */
extern Size rs_judge_memory(int32 n_items, int bitmaps);

/* Begin, in the current context. */
extern void rs_judge_begin(RsJudge *judge, const RsHoldout *holdout, int32 n_items,
						   const int32 *by_popularity, int32 n_popular);

/* The eligible items that an asked user has not, in a bitmap of n_words. */
extern RsEligible rs_judge_unseen(const RsJudge *judge, int32 asked, uint64_t *words);

/* The first of the popular items that are unseen, at most RS_TRIAL_TOP; how many. */
extern int32 rs_judge_popular(const RsJudge *judge, const uint64_t *unseen, RsScored *list);

/* ndcg of a list for an asked user, as evaluate() has it. */
extern double rs_judge_list(const RsJudge *judge, int32 asked, const RsScored *list,
							int32 n_listed);

#endif							/* RS_JUDGE_H */
