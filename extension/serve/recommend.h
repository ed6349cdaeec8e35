/*-------------------------------------------------------------------------
 *
 * recommend.h
 *		The k best items for a user.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_RECOMMEND_H
#define RS_RECOMMEND_H

#include "postgres.h"

#include "kernel/topk.h"
#include "serve/eligible.h"
#include "serve/image_cache.h"
#include "serve/user_vector.h"

typedef struct RsRequest
{
	int32		k;
	bool		exclude_seen;	/* those of rs_user_seen() */
	const RsItemSet *candidates;	/* NULL: all items */
	const RsItemSet *exclude;	/* NULL: none */
} RsRequest;

typedef struct RsRecommendation
{
	RsOrigin	origin;
	int32		n;				/* min(k, eligible items) */
	RsScored   *entries;		/* best first; positions in the image */
} RsRecommendation;

/*
 * Rank all eligible items by score, equal scores by id, and keep the k best.
 * A user without vector, or with one for which all items score alike, gets the
 * items that most users like, the score being their number.  Exact; memory for
 * k entries and one bit for each item.
 */
extern void rs_recommend(const RsVersion *version, const RsImage *image,
						 const RsUser *user, const RsUserVector *vector,
						 const RsRequest *request, RsRecommendation *result);

#endif							/* RS_RECOMMEND_H */
