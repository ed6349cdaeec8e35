/*-------------------------------------------------------------------------
 *
 * eligible.c
 *		Which items of an image a list may hold.
 *
 * Memory: one bit for each item, in the current context.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "port/pg_bitutils.h"

#include "compat.h"
#include "serve/eligible.h"

static void
set_eligible(uint64 *words, int32 position, bool value)
{
	uint64		bit;

	if (position < 0)
		return;					/* the image has no such item */
	bit = UINT64CONST(1) << (position % 64);
	if (value)
		words[position / 64] |= bit;
	else
		words[position / 64] &= ~bit;
}

static void
set_items(uint64 *words, const RsImage *image, const RsItemSet *items, bool value)
{
	for (int32 i = 0; i < items->n; i += RS_FIND_BLOCK)
	{
		int32		positions[RS_FIND_BLOCK];
		int32		n = Min(items->n - i, RS_FIND_BLOCK);

		rs_idlist_find_many(&image->ids, items->ids + i, n, positions);
		for (int32 j = 0; j < n; j++)
			set_eligible(words, positions[j], value);
	}
}

static int32
count_words(int32 n)
{
	return n / 64 + (n % 64 != 0);
}

uint64 *
rs_eligible_none(int32 n)
{
	return palloc_extended(mul_size(sizeof(uint64), Max(count_words(n), 1)),
						   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
}

uint64 *
rs_eligible_words(const RsImage *image, const RsItemSet *candidates, const RsItemSet *exclude)
{
	int32		n_words = count_words(image->ids.n);
	uint64	   *words = rs_eligible_none(image->ids.n);

	if (candidates != NULL)
		set_items(words, image, candidates, true);
	else if (n_words > 0)
	{
		memset(words, 0xff, n_words * sizeof(uint64));
		if (image->ids.n % 64 != 0)
			words[n_words - 1] >>= 64 - image->ids.n % 64;
	}
	if (exclude != NULL)
		set_items(words, image, exclude, false);
	return words;
}

void
rs_eligible_add(uint64 *words, int32 position)
{
	set_eligible(words, position, true);
}

void
rs_eligible_remove(uint64 *words, int32 position)
{
	set_eligible(words, position, false);
}

void
rs_eligible_restrict(const RsImage *image, uint64 *words, const uint64 *to)
{
	int32		n_words = count_words(image->ids.n);

	for (int32 i = 0; i < n_words; i++)
		words[i] &= to[i];
}

RsEligible
rs_eligible(const RsImage *image, const uint64 *words)
{
	RsEligible	eligible = {
		.words = words,
		.n = (int32) pg_popcount((const char *) words,
								 count_words(image->ids.n) * (int) sizeof(uint64)),
	};

	return eligible;
}
