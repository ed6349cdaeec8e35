/*-------------------------------------------------------------------------
 *
 * similar.c
 *		The items most like an item, by the angle between their vectors.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "serve/catalog.h"
#include "serve/similar.h"

int32
rs_similar_items(const RsImage *image, int32 position, const RsRequest *request,
				 RsScored **entries)
{
	RsRanking	ranking;
	int32		k;

	if (image->k == 0)
		return 0;				/* the algorithm popular has no factors */
	rs_ranking_of_item(&ranking, image, position,
					   rs_eligible_words(image, request->candidates, request->exclude));
	k = Min(rs_ranking_left(&ranking), request->k);
	*entries = palloc_extended(mul_size(sizeof(RsScored), Max(k, 1)), MCXT_ALLOC_HUGE);
	return rs_catalog_take(request->catalog, &ranking, k, *entries);
}
