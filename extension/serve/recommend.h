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
#include "serve/page.h"
#include "serve/serving.h"
#include "store/item_catalog.h"

typedef struct RsRequest
{
	int32		k;
	bool		exclude_seen;	/* those of rs_user_seen() */
	const RsItemSet *candidates;	/* NULL: all items */
	const RsItemSet *exclude;	/* NULL: none */
	const RsItemCatalog *catalog;	/* what it shows; NULL: every item */
	const char *after;			/* token of the page; NULL: not in pages */
} RsRequest;

typedef struct RsRecommendation
{
	RsPage		page;			/* where the list begins */
	int32		n;				/* k, or all eligible items from there on */
	RsScored   *entries;		/* best first; positions in ids, preferences */
	const RsIdList *ids;		/* of the image, if it is whole */
	const float *scores;		/* by position; NULL: rs_serving_score() tells them */
} RsRecommendation;

/*
 * Rank all eligible items by preference, equal ones by id, and keep the k best of
 * those that come after the page before.  Exact; memory for k entries and one bit for
 * each item.  With a catalogue code of its owner runs; the image then stays pinned while
 * the current context lives.  Errors: those of rs_page_read().
 */
extern void rs_recommend(RsServing *serving, const RsRequest *request,
						 RsRecommendation *result);

#endif							/* RS_RECOMMEND_H */
