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

#include "miscadmin.h"

#include "compat.h"
#include "serve/serving.h"

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

/* With the user read, the rest: no code of a user runs from here on. */
static void
open_items(RsServing *serving, const RsImage *image, MemoryContext context)
{
	MemoryContext caller = MemoryContextSwitchTo(context);

	serving->image = image != NULL ? image : rs_image_open(serving->model, serving->version);
	rs_user_vector(serving->model, serving->version, serving->image, &serving->user,
				   &serving->vector);
	serving->base = rs_user_base(serving->version, &serving->vector);
	if (serving->vector.x != NULL && scores_are_equal(serving->image, &serving->vector))
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
