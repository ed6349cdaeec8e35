/*-------------------------------------------------------------------------
 *
 * given_items.h
 *		A user who is in no table: items that come with the question.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_GIVEN_ITEMS_H
#define RS_GIVEN_ITEMS_H

#include "postgres.h"

#include "serve/eligible.h"
#include "serve/user_vector.h"

/* What recommend_for_items() is asked with. */
typedef struct RsGivenItems
{
	RsItemSet	items;
	float	   *weights;		/* one for each item, NaN: the item says nothing;
								 * NULL: each item is liked */
} RsGivenItems;

/*
 * A user whose rows these items are, seen all of them: for rs_user_vectors() and
 * rs_recommend().  Without weights a liked item has the mean value of all likes
 * that the version was trained on, or weighs 1 where the model counts rows.
 * Errors: 54000 beyond recsys.serving_memory, 55000 without weights where the
 * version does not know what its likes are.
 */
extern void rs_given_user(const RsModel *model, const RsVersion *version,
						  const RsGivenItems *given, RsUser *user);

#endif							/* RS_GIVEN_ITEMS_H */
