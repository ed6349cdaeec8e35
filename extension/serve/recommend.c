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
find_eligible(const RsImage *image, const RsUser *user, const RsRequest *request)
{
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
rank_by_score(const RsVersion *version, const RsImage *image,
			  const RsUserVector *vector, const RsEligible *eligible, int32 k,
			  RsScored *entries)
{
	RsItems		items = rs_image_items(image);
	RsSearch	search;
	RsStatus	status;
	int32		n = 0;

	status = rs_search_begin(&search, image->index, &items, vector->x,
							 rs_user_base(version, vector), eligible);
	if (status == RS_OK)
		status = rs_search_next(&search, k, entries, &n, rs_interrupt, NULL);
	if (status != RS_OK)
		elog(ERROR, "searching the best items returned status %d", (int) status);
	return n;
}

static int32
rank_by_popularity(const RsImage *image, const RsEligible *eligible, int32 k,
				   RsScored *entries)
{
	int32		n = 0;

	for (int32 i = 0; n < k; i++)
	{
		int32		position = image->by_popularity[i];

		if ((i & 0xfff) == 0)
			CHECK_FOR_INTERRUPTS();
		if (!rs_is_eligible(eligible->words, position))
			continue;
		entries[n].position = position;
		entries[n].score = (float) image->users[position];
		n++;
	}
	return n;
}

/*
 * Do all items score alike?  So they do for the vector zero without biases that
 * differ: of a user with dislikes only, or where all ratings are equal.
 */
static bool
scores_are_equal(const RsImage *image, const RsUserVector *vector)
{
	for (int i = 0; i < image->k; i++)
	{
		if (vector->x[i] != 0)
			return false;
	}
	for (int32 i = 1; image->biases != NULL && i < image->ids.n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (image->biases[i] != image->biases[0])
			return false;
	}
	return true;
}

void
rs_recommend(const RsVersion *version, const RsImage *image,
			 const RsUser *user, const RsUserVector *vector,
			 const RsRequest *request, RsRecommendation *result)
{
	uint64	   *words = find_eligible(image, user, request);
	RsEligible	eligible = rs_eligible(image, words);
	int32		k = Min(eligible.n, request->k);

	result->entries = palloc_extended(mul_size(sizeof(RsScored), Max(k, 1)),
									  MCXT_ALLOC_HUGE);
	if (vector->x == NULL || scores_are_equal(image, vector))
	{
		result->origin = RS_FROM_POPULAR;
		result->n = rank_by_popularity(image, &eligible, k, result->entries);
	}
	else
	{
		result->origin = vector->origin;
		result->n = rank_by_score(version, image, vector, &eligible, k, result->entries);
	}
	pfree(words);
}
