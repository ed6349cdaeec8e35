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

void
rs_similar_items(const RsServing *serving, int32 position, const RsRequest *request,
				 RsRecommendation *result)
{
	RsRanking	ranking;

	rs_ranking_of_item(&ranking, serving, position, request);
	rs_catalog_list(request->catalog, &ranking, request->k, result);
	rs_ranking_end(&ranking);
}
