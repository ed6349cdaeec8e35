/*-------------------------------------------------------------------------
 *
 * recommend.c
 *		Which items are eligible, and the k best of them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "port/pg_bitutils.h"

#include "compat.h"
#include "interrupt.h"
#include "serve/recommend.h"

static inline bool
is_eligible(const uint64 *words, int32 position)
{
	return (words[position / 64] >> (position % 64)) & 1;
}

static void
set_eligible(uint64 *words, int32 position, bool value)
{
	uint64		bit = UINT64CONST(1) << (position % 64);

	if (position < 0)
		return;
	if (value)
		words[position / 64] |= bit;
	else
		words[position / 64] &= ~bit;
}

static void
set_items(uint64 *words, const RsImage *image, const RsItemSet *items, bool value)
{
	for (int32 i = 0; i < items->n; i++)
	{
		if ((i & 0xfff) == 0)
			CHECK_FOR_INTERRUPTS();
		set_eligible(words, rs_idlist_find(&image->ids, items->ids[i]), value);
	}
}

/* One bit for each position of the image: set where the item may be answered. */
static void
find_eligible(const RsImage *image, const RsUser *user, const RsRequest *request,
			  RsEligible *eligible)
{
	int32		n = image->ids.n;
	int32		n_words = n / 64 + (n % 64 != 0);
	uint64	   *words = palloc_extended(mul_size(sizeof(uint64), Max(n_words, 1)),
										MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);

	if (request->candidates != NULL)
		set_items(words, image, request->candidates, true);
	else if (n > 0)
	{
		memset(words, 0xff, n_words * sizeof(uint64));
		if (n % 64 != 0)
			words[n_words - 1] >>= 64 - n % 64;
	}
	if (request->exclude != NULL)
		set_items(words, image, request->exclude, false);
	if (request->exclude_seen)
	{
		for (int32 i = 0; i < user->n_seen; i++)
		{
			if ((i & 0xfff) == 0)
				CHECK_FOR_INTERRUPTS();
			set_eligible(words, rs_idlist_find(&image->ids, rs_user_seen(user, i)), false);
		}
	}
	eligible->words = words;
	eligible->n = (int32) pg_popcount((char *) words, n_words * (int) sizeof(uint64));
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
		if (!is_eligible(eligible->words, position))
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
	RsEligible	eligible;
	int32		k;

	find_eligible(image, user, request, &eligible);
	k = Min(eligible.n, request->k);
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
	pfree((void *) eligible.words);
}
