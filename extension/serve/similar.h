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

#include "kernel/topk.h"
#include "serve/eligible.h"

/*
 * The k eligible items whose factors are nearest in direction to those of the item
 * at a position, the score being the cosine, as recsys.cosine_similarity() gives it,
 * as real.  Biases do not count; the item itself and vectors of zeros are left
 * out; equal scores by id.  eligible is of rs_eligible_words().  Returns how many, palloc'd, best first.
 */
extern int32 rs_similar_items(const RsImage *image, int32 position,
							  const uint64 *eligible, int32 k, RsScored **entries);

#endif							/* RS_SIMILAR_H */
