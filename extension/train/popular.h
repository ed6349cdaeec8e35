/*-------------------------------------------------------------------------
 *
 * popular.h
 *		The algorithm "popular": how many users like each item.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_POPULAR_H
#define RS_POPULAR_H

#include "solver/solver.h"
#include "store/ratings.h"

/* Bytes that counting allocates in the current memory context. */
extern Size rs_popular_memory(const RsRatings *ratings);

/* Fill the counts of the result; it has neither factors nor iterations. */
extern void rs_popular_count(const RsRatings *ratings, bool implicit,
							 RsAlsModel *result);

#endif							/* RS_POPULAR_H */
