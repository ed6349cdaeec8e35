/*-------------------------------------------------------------------------
 *
 * serving.c
 *		Everything that an answer is made of, opened in the only order that is safe.
 *
 * Memory: what is read of the user goes into the current context, the vector and an
 * image that is too large to be kept into the context of the question.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "interrupt.h"
#include "serve/serving.h"

/* Do all items score alike? */
static bool
ranks_nothing(const RsServing *serving)
{
	RsItems		items = rs_image_items(serving->image);

	return rs_scores_are_equal(&items, serving->vector.x, rs_interrupt, NULL);
}

/* Open all but the user, who is read already: no code of a user runs from here on. */
static void
open_items(RsServing *serving, const RsImage *image, MemoryContext context)
{
	MemoryContext caller = MemoryContextSwitchTo(context);

	serving->image = image != NULL ? image : rs_image_open(serving->model, serving->version);
	rs_user_vector(serving->model, serving->version, serving->image, &serving->user,
				   &serving->vector);
	serving->base = rs_user_base(serving->version, &serving->vector);
	if (serving->vector.x != NULL && ranks_nothing(serving))
		serving->vector.origin = RS_FROM_POPULAR;
	MemoryContextSwitchTo(caller);
}

void
rs_serving_open(RsServing *serving, const RsModel *model, const RsVersion *version,
				const RsAsk *ask)
{
	serving->model = model;
	serving->version = version;
	rs_user_read(model, version, ask->user_id, ask->fresh, ask->need_seen, &serving->user);
	open_items(serving, ask->image, ask->context != NULL ? ask->context : CurrentMemoryContext);
}

void
rs_serving_open_given(RsServing *serving, const RsModel *model, const RsVersion *version,
					  const RsGivenItems *given)
{
	serving->model = model;
	serving->version = version;
	rs_given_user(model, version, given, &serving->user);
	open_items(serving, NULL, CurrentMemoryContext);
}

void
rs_serving_open_nobody(RsServing *serving, const RsModel *model, const RsVersion *version)
{
	serving->model = model;
	serving->version = version;
	memset(&serving->user, 0, sizeof(RsUser));
	open_items(serving, NULL, CurrentMemoryContext);
}

float4
rs_serving_preference(const RsServing *serving, int32 position)
{
	if (rs_serving_is_popular(serving))
		return (float4) serving->image->users[position];
	return rs_serving_score(serving, position);
}
