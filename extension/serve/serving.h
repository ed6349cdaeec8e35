/*-------------------------------------------------------------------------
 *
 * serving.h
 *		Everything that an answer is made of: the user, the items, the vector.
 *
 * Only rs_serving_open() and its two sisters make one, so that the steps are always in
 * the one safe order: reading the model's view may run code of its
 * owner, and an item image must not be held across that unless it is pinned.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_SERVING_H
#define RS_SERVING_H

#include "postgres.h"

#include "serve/blended.h"
#include "serve/given_items.h"
#include "serve/image_cache.h"
#include "serve/user_vector.h"

/*
 * What tells of an item: its vector in a part times the user's, its bias, and what does
 * not depend on the item.  rs_item_score() adds them up, so that all who ask about one
 * item get the same bits.
 */
typedef struct RsKey
{
	RsItems		items;
	const float *x;				/* NULL: the user has no vector */
	float		bias;			/* the user's; 0 where the part has none */
	double		base;			/* mean plus this bias */
} RsKey;

typedef struct RsServing
{
	const RsModel *model;
	const RsVersion *version;
	const RsImage *image;		/* valid as rs_image_open() says; where items cannot be
								 * kept, those that were asked about */
	MemoryContext picked;		/* where these are then */
	RsUser		user;
	RsOrigin	origin;
	RsKey		scoring;		/* what predict() gives */
	RsKey		ranking;		/* what lists are ranked by, unless by popularity or
								 * blended; the same where the version has one part */
	RsBlended  *blended;		/* what they are ranked by then; or NULL */
} RsServing;

/* What of a user an answer needs. */
typedef struct RsAsk
{
	Datum		user_id;
	bool		fresh;			/* fold in, or take the stored vector */
	bool		need_seen;		/* all items of the user, too */
	const Datum *item;			/* that is asked about, besides the user's; or NULL */
	const RsImage *image;		/* of the version, pinned; NULL: it is opened */
	MemoryContext context;		/* of image and vector; NULL: the current one, which
								 * has the user's rows in any case */
} RsAsk;

/*
 * Read the user as the current user, open the image, make the vector.  Errors: those
 * of rs_user_read(), rs_image_open() and rs_user_vectors().
 */
extern void rs_serving_open(RsServing *serving, const RsModel *model,
							const RsVersion *version, const RsAsk *ask);

/* The same for a user who is in no table: see rs_given_user(). */
extern void rs_serving_open_given(RsServing *serving, const RsModel *model,
								  const RsVersion *version, const RsGivenItems *given);

/* The same for nobody: the popular items. */
extern void rs_serving_open_nobody(RsServing *serving, const RsModel *model,
								   const RsVersion *version);

/*
 * Position of an item in the image, or -1 if the version has it not.  Where items cannot
 * be kept it is looked up, and positions that were found before are no longer valid.
 */
extern int32 rs_serving_find(RsServing *serving, Datum item_id);

/* Are items ranked by how many users like them?  Otherwise by blended or the key of ranking. */
static inline bool
rs_serving_is_popular(const RsServing *serving)
{
	return serving->origin == RS_FROM_POPULAR;
}

/* Is what ranks the score?  Not where the version has a part for each. */
static inline bool
rs_serving_ranks_by_score(const RsServing *serving)
{
	return !rs_serving_is_popular(serving) && serving->blended == NULL &&
		serving->ranking.items.factors == serving->scoring.items.factors;
}

/* What lists rank the item at a position by; equal to recommend() to the last bit. */
extern float4 rs_serving_preference(const RsServing *serving, int32 position);

/* Is there a score, which predict() gives?  Only where the user has a vector. */
static inline bool
rs_serving_has_score(const RsServing *serving)
{
	return serving->scoring.x != NULL;
}

static inline float4
rs_key_of_item(const RsKey *key, int32 position)
{
	return rs_item_score(&key->items, position, key->x, key->base);
}

static inline float4
rs_serving_score(const RsServing *serving, int32 position)
{
	return rs_key_of_item(&serving->scoring, position);
}

/*
 * What predict() gives for the item at a position, or for an item that the version has
 * not, with position -1; false where that is NULL.  Of a rating such an item tells
 * nothing: the mean and the user's bias remain.
 */
static inline bool
rs_serving_predict(const RsServing *serving, int32 position, float4 *score)
{
	bool		known = position >= 0;

	if (!rs_serving_has_score(serving) || (!known && serving->version->feedback != RS_EXPLICIT))
		return false;
	*score = known ? rs_serving_score(serving, position) : (float4) serving->scoring.base;
	return true;
}

#endif							/* RS_SERVING_H */
