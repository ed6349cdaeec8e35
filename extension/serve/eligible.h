/*-------------------------------------------------------------------------
 *
 * eligible.h
 *		Which items of an image a list may hold: one bit for each position.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_ELIGIBLE_H
#define RS_ELIGIBLE_H

#include "postgres.h"

#include "serve/image.h"

/* Ids of the model's item kind, in any order, repeated or unknown or not. */
typedef struct RsItemSet
{
	Datum	   *ids;
	int32		n;
} RsItemSet;

/* The candidates (NULL: all items) without the excluded ones (NULL: none); palloc'd. */
extern uint64 *rs_eligible_words(const RsImage *image, const RsItemSet *candidates,
								 const RsItemSet *exclude);

/* Words for n items, none of which is eligible; palloc'd. */
extern uint64 *rs_eligible_none(int32 n);

/* Take in or leave out an item by its position; -1 is no item. */
extern void rs_eligible_add(uint64 *words, int32 position);
extern void rs_eligible_remove(uint64 *words, int32 position);

/* Leave out all items but these. */
extern void rs_eligible_restrict(const RsImage *image, uint64 *words, const uint64 *to);

/* The same as the kernel wants it: counted. */
extern RsEligible rs_eligible(const RsImage *image, const uint64 *words);

static inline bool
rs_is_eligible(const uint64 *words, int32 position)
{
	return (words[position / 64] >> (position % 64)) & 1;
}

#endif							/* RS_ELIGIBLE_H */
