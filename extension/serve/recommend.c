/*-------------------------------------------------------------------------
 *
 * recommend.c
 *		The k best items for a user.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "serve/catalog.h"
#include "serve/recommend.h"

void
rs_recommend(RsServing *serving, const RsRequest *request, RsRecommendation *result)
{
	RsPage		page = {.after = -1};
	RsRanking	ranking;

	if (request->after != NULL)
		page = rs_page_read(serving, request->after);
	rs_ranking_of_user(&ranking, serving, request);
	if (page.after >= 0)
		rs_ranking_after(&ranking, page.after);
	result->page = page;
	rs_catalog_list(request->catalog, &ranking, request->k, result);
	rs_ranking_end(&ranking);
}
