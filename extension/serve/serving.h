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

#include "serve/given_items.h"
#include "serve/image_cache.h"
#include "serve/user_vector.h"

typedef struct RsServing
{
	const RsModel *model;
	const RsVersion *version;
	const RsImage *image;		/* valid as rs_image_open() says; where items cannot be
								 * kept, those that were asked about */
	MemoryContext picked;		/* where these are then */
	RsUser		user;
	RsUserVector vector;
	double		base;			/* mean plus the user's bias */
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
 * of rs_user_read(), rs_image_open() and rs_user_vector().
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

/* Are items ranked by how many users like them?  Otherwise by their score. */
static inline bool
rs_serving_is_popular(const RsServing *serving)
{
	return serving->vector.origin == RS_FROM_POPULAR;
}

/* What lists rank the item at a position by; equal to recommend() to the last bit. */
extern float4 rs_serving_preference(const RsServing *serving, int32 position);

/* Is there a score, which predict() gives?  Only where the user has a vector. */
static inline bool
rs_serving_has_score(const RsServing *serving)
{
	return serving->vector.x != NULL;
}

static inline float4
rs_serving_score(const RsServing *serving, int32 position)
{
	return rs_image_score(serving->image, position, serving->vector.x, serving->base);
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
	*score = known ? rs_serving_score(serving, position) : (float4) serving->base;
	return true;
}

#endif							/* RS_SERVING_H */
