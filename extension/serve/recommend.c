/*-------------------------------------------------------------------------
 *
 * recommend.c
 *		Which items are eligible, and the k best of them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "serve/catalog.h"
#include "serve/recommend.h"

/* The items that may be answered, as bits. */
static uint64 *
find_eligible(const RsServing *serving, const RsRequest *request)
{
	const RsImage *image = serving->image;
	const RsUser *user = &serving->user;
	uint64	   *words = rs_eligible_words(image, request->candidates, request->exclude);

	for (int32 i = 0; request->exclude_seen && i < user->n_seen; i += RS_FIND_BLOCK)
	{
		int32		positions[RS_FIND_BLOCK];
		int32		n = rs_user_locate_seen(image, user, i, positions);

		for (int32 j = 0; j < n; j++)
			rs_eligible_remove(words, positions[j]);
	}
	return words;
}

void
rs_recommend(const RsServing *serving, const RsRequest *request, RsRecommendation *result)
{
	uint64	   *words = find_eligible(serving, request);
	RsPage		page = {.after = -1};
	RsRanking	ranking;
	int32		k;

	if (request->after != NULL)
		page = rs_page_read(serving, request->after);
	rs_ranking_of_user(&ranking, serving, words);
	if (page.after >= 0)
		rs_ranking_after(&ranking, page.after);
	k = Min(rs_ranking_left(&ranking), request->k);
	result->page = page;
	result->entries = palloc_extended(mul_size(sizeof(RsScored), Max(k, 1)),
									  MCXT_ALLOC_HUGE);
	result->n = rs_catalog_take(request->catalog, &ranking, k, result->entries);
	pfree(words);
}
