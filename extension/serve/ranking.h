/*-------------------------------------------------------------------------
 *
 * ranking.h
 *		Eligible items in order, the best first, a few at a time.
 *
 * Equal ones come by id.  Only as many are ranked as are asked for, so that a caller can
 * look at the best, leave some out, and go on.  Where the image is partial, the factor
 * table is read: scan.h.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_RANKING_H
#define RS_RANKING_H

#include "postgres.h"

#include "serve/scan.h"

/* The fields belong to ranking.c. */
typedef struct RsRanking
{
	void		(*next) (struct RsRanking *ranking, int32 m, RsScored *entries, int32 *n);
	const RsServing *serving;
	const RsIdList *ids;		/* what positions of entries are in */
	RsScan	   *scan;			/* of a partial image, then no more than these; or NULL */
	const RsImage *image;
	uint64	   *words;			/* what is still to be handed out */
	RsEligible	eligible;		/* the same, counted */
	int32		walked;			/* by popularity: number of items that were looked at */
	int32		position;		/* by likeness: of the item that others are like */
	double		square;			/* of the length of its vector */
	float	   *scores;			/* that are given, by position */
	RsSearch	search;			/* by the key of serving->ranking */
	RsBlendUser blend;			/* by the sum of serving->blended */
} RsRanking;

/*
 * Items by what a user prefers: see rs_serving_preference(), which is the score of an
 * entry.  Of the request only what is eligible counts, but for its catalogue.
 */
extern void rs_ranking_of_user(RsRanking *ranking, const RsServing *serving,
							   const RsRequest *request);

/* Of a ranking of a user: begin after the item at a position, as if it was handed out last. */
extern void rs_ranking_after(RsRanking *ranking, int32 position);

/*
 * Items by the likeness of their vectors in the ranking part to that of the item at a position, which is
 * their cosine, as recsys.cosine_similarity() gives it, as real.  Biases do not count;
 * the item itself and vectors of zeros are left out.
 */
extern void rs_ranking_of_item(RsRanking *ranking, const RsServing *serving, int32 position,
							   const RsRequest *request);

/*
 * Those of a list, which need be in no order, by scores that are given, one for each
 * position of the list.
 */
extern void rs_ranking_of_scores(RsRanking *ranking, const RsServing *serving,
								 const RsIdList *items, const float *scores,
								 const RsRequest *request);

/* How many may still come, at most. */
static inline int32
rs_ranking_left(const RsRanking *ranking)
{
	return ranking->scan != NULL ? rs_scan_left(ranking->scan) : ranking->eligible.n;
}

/* The next m or, when there are no more, fewer; returns how many. */
extern int32 rs_ranking_next(RsRanking *ranking, int32 m, RsScored *entries);

/* From now on hand out only items whose bits are set here, too; not for a scan. */
extern void rs_ranking_restrict(RsRanking *ranking, const uint64 *words);

extern void rs_ranking_end(RsRanking *ranking);

/*
 * x.y / (|x| |y|) of vectors of k components, x_square being x.x; NaN where one of them is
 * zero, which rs_topk_push() leaves out.
 */
extern float rs_cosine(const float *x, double x_square, const float *y, int k);

#endif							/* RS_RANKING_H */
