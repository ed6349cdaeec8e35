/*-------------------------------------------------------------------------
 *
 * similar.h
 *		The items most like an item.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_SIMILAR_H
#define RS_SIMILAR_H

#include "postgres.h"

#include "serve/recommend.h"

/*
 * The k eligible items whose factors are nearest in direction to those of the item
 * at a position, the score being the cosine: see rs_ranking_of_item().  What the
 * catalogue shows, candidates and exclusions are those of the request, as for
 * rs_recommend().  The serving is of nobody.
 */
extern void rs_similar_items(const RsServing *serving, int32 position,
							 const RsRequest *request, RsRecommendation *result);

#endif							/* RS_SIMILAR_H */
