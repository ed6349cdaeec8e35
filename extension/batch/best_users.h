/*-------------------------------------------------------------------------
 *
 * best_users.h
 *		The users to whom an item scores highest, or who are most like a user.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_BEST_USERS_H
#define RS_BEST_USERS_H

#include "postgres.h"

#include "store/model.h"

typedef struct RsBestUser
{
	Datum		user_id;		/* text */
	float4		key;			/* by which they are the best */
	float4		score;			/* of an item */
} RsBestUser;

/*
 * The k best users for an item by what recommend() ranks by, equal ones by id;
 * palloc'd, returns how many.  With exclude_seen those are left out who have a row with
 * the item.  None for an item that the version does not know, or that the catalogue does
 * not show to the current user.  Errors: those of rs_item_catalog_open() and
 * rs_everybody_ask().
 */
extern int32 rs_best_users_of_item(const RsModel *model, const RsVersion *version,
								   Datum item_id, int32 k, bool exclude_seen,
								   RsBestUser **users);

/*
 * The k users whose vectors have the least angle with that of a user, who is not among
 * them; the key is the cosine of that angle.  None if the user has no vector, or one of
 * zeros.  Errors: those of rs_serving_open() and rs_everybody_ask().
 */
extern int32 rs_best_users_like(const RsModel *model, const RsVersion *version,
								Datum user_id, int32 k, RsBestUser **users);

#endif							/* RS_BEST_USERS_H */
