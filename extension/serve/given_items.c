/*-------------------------------------------------------------------------
 *
 * given_items.c
 *		A user who is in no table: items that come with the question.
 *
 * A basket, a session, an anonymous visitor.  The items become rows as the view
 * would show them, so all that holds for a user's rows holds for these: the rule
 * for repeated items, fold-in, and what is seen.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"

#include "compat.h"
#include "guc.h"
#include "kernel/cells.h"
#include "serve/given_items.h"

static void
check_memory(int32 n)
{
	if (mul_size(sizeof(RsUserRow) + sizeof(RsCell), n) > (Size) rs_serving_memory * 1024)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("%d items need more than the %d kB of \"recsys.serving_memory\"",
						n, rs_serving_memory),
				 errhint("Give the latest items only, or raise recsys.serving_memory.")));
}

/*
 * What an item is worth that is given without a weight.  Where rows are counted
 * an item is a row.  Otherwise it is a like as likes of this version are: for
 * ratings the mean of those that are at or above the mean of all, for weights the
 * mean of those above 0.
 */
static float
liked_value(const RsModel *model, const RsVersion *version)
{
	if (model->rating_column == NULL)
		return 1;
	if (isnan(version->liked))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("version %d of model \"%s\" does not know how a liked item is rated",
						version->version, model->name),
				 errdetail("It was trained before the extension was updated to 0.2.0."),
				 errhint("Give weights, or train the model again.")));
	return (float) version->liked;
}

void
rs_given_user(const RsModel *model, const RsVersion *version,
			  const RsGivenItems *given, RsUser *user)
{
	int32		n = given->items.n;
	float		liked = 0;

	check_memory(n);
	if (given->weights == NULL && n > 0 && rs_algorithm(version->algorithm)->has_factors)
		liked = liked_value(model, version);
	memset(user, 0, sizeof(RsUser));
	user->given = true;
	user->fresh = true;
	user->n_rows = user->n_seen = n;
	user->rows = palloc_extended(mul_size(sizeof(RsUserRow), Max(n, 1)), MCXT_ALLOC_HUGE);
	for (int32 i = 0; i < n; i++)
	{
		float		value = given->weights != NULL ? given->weights[i] : liked;

		CHECK_FOR_INTERRUPTS();
		user->rows[i] = (RsUserRow)
		{
			.item_id = given->items.ids[i],
			.usable = !isnan(value),
			.value = value,
			.time = PG_INT64_MIN,
		};
	}
}
