/*-------------------------------------------------------------------------
 *
 * serving.c
 *		Everything that an answer is made of, opened in the only order that is safe.
 *
 * Where the image cannot be kept, the items that a question is about are read: those of
 * the user, for the vector, and then one by one those whose score is asked for.
 *
 * Memory: what is read of the user goes into the current context, the vector and items
 * that are not kept into the context of the question; recsys.serving_memory bounds
 * what the user's items take there.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "compat.h"
#include "guc.h"
#include "interrupt.h"
#include "serve/image_blend.h"
#include "serve/serving.h"
#include "store/id_list.h"

/* Is no item ranked before another? */
static bool
ranks_nothing(const RsServing *serving)
{
	RsItems		items = serving->ranking.items;

	if (serving->blended != NULL)
		return rs_blended_is_level(serving->blended);
	if (serving->image->partial)
	{
		if (!rs_image_ranking(serving->image)->same_biases)
			return false;
		items.biases = NULL;
	}
	return rs_scores_are_equal(&items, serving->ranking.x, rs_interrupt, NULL);
}

/* ---- items that are not kept ------------------------------------------------ */

/* Bytes of an item beside its factors, about: id, hash slots, bias, popularity. */
#define ITEM_OVERHEAD	64

static void
check_memory(const RsServing *serving, int32 n)
{
	const RsUser *user = &serving->user;
	Size		an_item = ITEM_OVERHEAD;
	Size		bytes;

	for (int part = 0; part < serving->version->n_parts; part++)
		an_item += rs_factors_dim(serving->version, part) * sizeof(float);
	bytes = mul_size(an_item, n);
	if (bytes <= (Size) rs_serving_memory * 1024)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 user->given ?
			 errmsg("the factors of %d items of model \"%s\" need more than the %d kB of \"recsys.serving_memory\"",
					n, serving->model->name, rs_serving_memory) :
			 errmsg("the factors of the %d items of user \"%s\" in model \"%s\" need more than the %d kB of \"recsys.serving_memory\"",
					n, rs_id_shown(user->id, serving->model->user_kind),
					serving->model->name, rs_serving_memory),
			 errhint("Raise recsys.cache_size, so that all items are in shared memory, or recsys.serving_memory.")));
}

/* The keys are of the items of this image from now on. */
static void
take_image(RsServing *serving, const RsImage *image)
{
	serving->image = image;
	serving->scoring.items = rs_image_items(image, rs_image_scoring(image));
	serving->ranking.items = rs_image_items(image, rs_image_ranking(image));
}

/*
 * From now on the image is of these items, whichever of them the version has; it lies in the
 * current context.
 */
static RsImage *
pick_items(RsServing *serving, const Datum *ids, int32 n, bool neighbours,
		   double column_scale)
{
	RsIdList	list;
	RsImage    *image;

	rs_idlist_of(&list, serving->model->item_kind, ids, n, (uint64) serving->version->stamp);
	check_memory(serving, list.n);
	image = rs_image_of_items(serving->model, serving->version, &list, neighbours,
							  CurrentMemoryContext);
	rs_blend_scale_column(image, column_scale);
	take_image(serving, image);
	return image;
}

/* The same for one item, in place of the one before. */
static void
pick_item(RsServing *serving, Datum id)
{
	double		column_scale = serving->image->blend.column_scale;
	MemoryContext caller;

	MemoryContextReset(serving->picked);
	caller = MemoryContextSwitchTo(serving->picked);
	(void) pick_items(serving, &id, 1, false, column_scale);
	MemoryContextSwitchTo(caller);
}

/* The items of the user's rows and the one that is asked about, if there is one. */
static void
pick_first_items(RsServing *serving, const RsImage *summary, const Datum *item)
{
	const RsUser *user = &serving->user;
	int32		n_rows = summary->n_parts > 0 ? user->n_rows : 0;
	Datum	   *ids = palloc_extended(mul_size(sizeof(Datum), add_size(n_rows, 1)),
									  MCXT_ALLOC_HUGE);
	int32		n = 0;
	RsImage    *image;

	for (; n < n_rows; n++)
	{
		CHECK_FOR_INTERRUPTS();
		ids[n] = user->rows[n].item_id;
	}
	if (item != NULL)
		ids[n++] = *item;
	image = pick_items(serving, ids, n, true, summary->blend.column_scale);
	image->blend.mean = summary->blend.mean;
	for (int i = 0; i < image->n_parts; i++)
	{
		image->parts[i].gramian = summary->parts[i].gramian;
		image->parts[i].is_diagonal = summary->parts[i].is_diagonal;
		image->parts[i].same_biases = summary->parts[i].same_biases;
	}
	pfree(ids);
}

int32
rs_serving_find(RsServing *serving, Datum item_id)
{
	int32		position = rs_idlist_find(&serving->image->ids, item_id);

	if (position >= 0 || !serving->image->partial)
		return position;
	pick_item(serving, item_id);
	return rs_idlist_find(&serving->image->ids, item_id);
}

/* ---- opening ---------------------------------------------------------------- */

static void
set_key(RsKey *key, const RsVersion *version, int part, const RsUserVector *vector)
{
	key->x = vector->x;
	key->bias = vector->bias;
	key->base = rs_version_objective(version, part).mean + vector->bias;
}

/* The vectors of the user, into the keys. */
static void
make_vectors(RsServing *serving)
{
	const RsVersion *version = serving->version;
	int			ranking = rs_ranking_part(version->n_parts);
	RsUserVector vectors[RS_MAX_PARTS];
	RsRow		row;

	serving->origin = rs_user_vectors(serving->model, version, serving->image, &serving->user,
									  vectors, &row);
	set_key(&serving->scoring, version, RS_PART_RATING, &vectors[RS_PART_RATING]);
	set_key(&serving->ranking, version, ranking, &vectors[ranking]);
	serving->blended = NULL;
	if (serving->ranking.x != NULL && serving->image->blend.used)
		serving->blended = rs_blended_begin(version, serving->image, serving->ranking.x, &row);
	if (serving->ranking.x != NULL && ranks_nothing(serving))
		serving->origin = RS_FROM_POPULAR;
}

/* Open all but the user, who is read already: no code of a user runs from here on. */
static void
open_items(RsServing *serving, const RsAsk *ask)
{
	MemoryContext context = ask->context != NULL ? ask->context : CurrentMemoryContext;
	MemoryContext caller = MemoryContextSwitchTo(context);

	take_image(serving, ask->image != NULL ? ask->image :
			   rs_image_open_kept(serving->model, serving->version));
	serving->picked = NULL;
	if (serving->image->partial)
	{
		serving->picked = AllocSetContextCreate(context, "recsys picked items",
												ALLOCSET_DEFAULT_SIZES);
		pick_first_items(serving, serving->image, ask->item);
	}
	make_vectors(serving);
	MemoryContextSwitchTo(caller);
}

void
rs_serving_open(RsServing *serving, const RsModel *model, const RsVersion *version,
				const RsAsk *ask)
{
	serving->model = model;
	serving->version = version;
	rs_user_read(model, version, ask->user_id, ask->fresh, ask->need_seen, &serving->user);
	open_items(serving, ask);
}

void
rs_serving_open_given(RsServing *serving, const RsModel *model, const RsVersion *version,
					  const RsGivenItems *given)
{
	const RsAsk ask = {0};

	serving->model = model;
	serving->version = version;
	rs_given_user(model, version, given, &serving->user);
	open_items(serving, &ask);
}

void
rs_serving_open_nobody(RsServing *serving, const RsModel *model, const RsVersion *version)
{
	const RsAsk ask = {0};

	serving->model = model;
	serving->version = version;
	memset(&serving->user, 0, sizeof(RsUser));
	open_items(serving, &ask);
}

float4
rs_serving_preference(const RsServing *serving, int32 position)
{
	if (rs_serving_is_popular(serving))
		return (float4) serving->image->users[position];
	if (serving->blended != NULL)
		return rs_blended_key(serving->blended, serving->image, position);
	return rs_key_of_item(&serving->ranking, position);
}
