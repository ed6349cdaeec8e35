/*-------------------------------------------------------------------------
 *
 * ranking.h
 *		Eligible items in order, the best first, a few at a time.
 *
 * Equal ones come by id.  Only as many are ranked as are asked for, so that a caller can
 * look at the best, leave some out, and go on.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_RANKING_H
#define RS_RANKING_H

#include "postgres.h"

#include "kernel/topk.h"
#include "serve/eligible.h"
#include "serve/serving.h"

/* The fields belong to ranking.c. */
typedef struct RsRanking
{
	void		(*next) (struct RsRanking *ranking, int32 m, RsScored *entries, int32 *n);
	const RsImage *image;
	uint64	   *words;			/* what is still to be handed out */
	RsEligible	eligible;		/* the same, counted */
	const RsServing *serving;	/* of a user; NULL for the other rankings */
	int32		walked;			/* by popularity: number of items that were looked at */
	int32		position;		/* by likeness: of the item that others are like */
	double		square;			/* of the length of its vector */
	const float *scores;		/* by scores that are given */
	RsItems		items;			/* by score */
	RsSearch	search;
} RsRanking;

/*
 * Items by what a user prefers: see rs_serving_preference(), which is the score of an
 * entry.  words are of rs_eligible_words(); they are used until the end, and what is
 * handed out is taken out of them.
 */
extern void rs_ranking_of_user(RsRanking *ranking, const RsServing *serving, uint64 *words);

/* Of a ranking of a user: begin after the item at a position, as if it was handed out last. */
extern void rs_ranking_after(RsRanking *ranking, int32 position);

/*
 * Items by the likeness of their factors to those of the item at a position, which is
 * their cosine, as recsys.cosine_similarity() gives it, as real.  Biases do not count;
 * the item itself and vectors of zeros are left out.
 */
extern void rs_ranking_of_item(RsRanking *ranking, const RsImage *image, int32 position,
							   uint64 *words);

/* Items by their scores, one for each position, of eligible ones. */
extern void rs_ranking_of_scores(RsRanking *ranking, const RsImage *image,
								 const float *scores, uint64 *words);

/* How many may still come, at most. */
static inline int32
rs_ranking_left(const RsRanking *ranking)
{
	return ranking->eligible.n;
}

/* The next m or, when there are no more, fewer; returns how many. */
extern int32 rs_ranking_next(RsRanking *ranking, int32 m, RsScored *entries);

/* From now on hand out only items whose bits are set here, too. */
extern void rs_ranking_restrict(RsRanking *ranking, const uint64 *words);

/*
 * x.y / (|x| |y|) of vectors of k components, x_square being x.x; NaN where one of them is
 * zero, which rs_topk_push() leaves out.
 */
extern float rs_cosine(const float *x, double x_square, const float *y, int k);

#endif							/* RS_RANKING_H */
