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

/* One bit for each position of the image. */
typedef struct Eligible
{
	uint64	   *words;
	int32		n_words;
} Eligible;

static inline bool
is_eligible(const Eligible *eligible, int32 position)
{
	return (eligible->words[position / 64] >> (position % 64)) & 1;
}

static void
set_eligible(Eligible *eligible, int32 position, bool value)
{
	uint64		bit = UINT64CONST(1) << (position % 64);

	if (position < 0)
		return;
	if (value)
		eligible->words[position / 64] |= bit;
	else
		eligible->words[position / 64] &= ~bit;
}

static void
set_items(Eligible *eligible, const RsImage *image, const RsItemSet *items, bool value)
{
	for (int32 i = 0; i < items->n; i++)
	{
		if ((i & 0xfff) == 0)
			CHECK_FOR_INTERRUPTS();
		set_eligible(eligible, rs_idlist_find(&image->ids, items->ids[i]), value);
	}
}

static void
find_eligible(const RsImage *image, const RsUser *user, const RsRequest *request,
			  Eligible *eligible)
{
	int32		n = image->ids.n;

	eligible->n_words = n / 64 + (n % 64 != 0);
	eligible->words = palloc_extended(mul_size(sizeof(uint64), Max(eligible->n_words, 1)),
									  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	if (request->candidates != NULL)
		set_items(eligible, image, request->candidates, true);
	else if (n > 0)
	{
		memset(eligible->words, 0xff, eligible->n_words * sizeof(uint64));
		if (n % 64 != 0)
			eligible->words[eligible->n_words - 1] >>= 64 - n % 64;
	}
	if (request->exclude != NULL)
		set_items(eligible, image, request->exclude, false);
	if (request->exclude_seen)
	{
		for (int32 i = 0; i < user->n_seen; i++)
		{
			if ((i & 0xfff) == 0)
				CHECK_FOR_INTERRUPTS();
			set_eligible(eligible, rs_idlist_find(&image->ids, rs_user_seen(user, i)), false);
		}
	}
}

/* Every eligible item through the heap. */
static void
rank_by_score(const RsVersion *version, const RsImage *image,
			  const RsUserVector *vector, const Eligible *eligible, RsTopk *topk)
{
	double		base = rs_user_base(version, vector);

	for (int32 w = 0; w < eligible->n_words; w++)
	{
		uint64		word = eligible->words[w];

		if ((w & 0xff) == 0)
			CHECK_FOR_INTERRUPTS();
		for (; word != 0; word &= word - 1)
		{
			int32		position = w * 64 + pg_rightmost_one_pos64(word);

			rs_topk_push(topk, rs_image_score(image, position, vector->x, base),
						 position);
		}
	}
	(void) rs_topk_finish(topk, rs_interrupt, NULL);
}

static int32
rank_by_popularity(const RsImage *image, const Eligible *eligible, int32 k,
				   RsScored *entries)
{
	int32		n = 0;

	for (int32 i = 0; i < image->ids.n && n < k; i++)
	{
		int32		position = image->by_popularity[i];

		if ((i & 0xfff) == 0)
			CHECK_FOR_INTERRUPTS();
		if (!is_eligible(eligible, position))
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
	Eligible	eligible;
	int64		k;

	find_eligible(image, user, request, &eligible);
	k = pg_popcount((char *) eligible.words, eligible.n_words * (int) sizeof(uint64));
	k = Min(k, request->k);
	result->entries = palloc_extended(mul_size(sizeof(RsScored), Max(k, 1)),
									  MCXT_ALLOC_HUGE);
	if (vector->x == NULL || scores_are_equal(image, vector))
	{
		result->origin = RS_FROM_POPULAR;
		result->n = rank_by_popularity(image, &eligible, (int32) k, result->entries);
	}
	else
	{
		RsTopk		topk;

		result->origin = vector->origin;
		rs_topk_init(&topk, result->entries, (int32) k);
		rank_by_score(version, image, vector, &eligible, &topk);
		result->n = topk.n;
	}
	pfree(eligible.words);
}
