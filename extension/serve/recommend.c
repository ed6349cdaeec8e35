/*-------------------------------------------------------------------------
 *
 * recommend.c
 *		Which items are eligible, and the k best of them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "compat.h"
#include "interrupt.h"
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

static int32
rank_by_score(const RsServing *serving, const RsEligible *eligible, int32 after, int32 k,
			  RsScored *entries)
{
	RsItems		items = rs_image_items(serving->image);
	RsSearch	search;
	RsStatus	status;
	int32		n = 0;

	status = rs_search_begin(&search, serving->image->index, &items, serving->vector.x,
							 serving->base, eligible);
	if (status == RS_OK && after >= 0)
		rs_search_after(&search, (RsScored) {rs_serving_score(serving, after), after});
	if (status == RS_OK)
		status = rs_search_next(&search, k, entries, &n, rs_interrupt, NULL);
	if (status != RS_OK)
		elog(ERROR, "searching the best items returned status %d", (int) status);
	return n;
}

static int32
rank_by_popularity(const RsServing *serving, const RsEligible *eligible, int32 after,
				   int32 k, RsScored *entries)
{
	const int32 *by_popularity = serving->image->by_popularity;
	bool		begun = after < 0;
	int32		n = 0;

	for (int32 i = 0; i < serving->image->ids.n && n < k; i++)
	{
		if ((i & 0xfff) == 0)
			CHECK_FOR_INTERRUPTS();
		if (!begun || !rs_is_eligible(eligible->words, by_popularity[i]))
		{
			begun |= by_popularity[i] == after;
			continue;
		}
		entries[n].position = by_popularity[i];
		entries[n].score = rs_serving_preference(serving, by_popularity[i]);
		n++;
	}
	return n;
}

void
rs_recommend(const RsServing *serving, const RsRequest *request, RsRecommendation *result)
{
	uint64	   *words = find_eligible(serving, request);
	RsEligible	eligible = rs_eligible(serving->image, words);
	int32		k = Min(eligible.n, request->k);
	RsPage		page = {.after = -1};

	if (request->after != NULL)
		page = rs_page_read(serving, request->after);
	result->page = page;
	result->entries = palloc_extended(mul_size(sizeof(RsScored), Max(k, 1)),
									  MCXT_ALLOC_HUGE);
	if (rs_serving_is_popular(serving))
		result->n = rank_by_popularity(serving, &eligible, page.after, k, result->entries);
	else
		result->n = rank_by_score(serving, &eligible, page.after, k, result->entries);
	pfree(words);
}
