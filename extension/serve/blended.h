/*-------------------------------------------------------------------------
 *
 * blended.h
 *		What ranks items for a user where that is a weighted sum of parts.
 *
 * It is kernel/blend.h over an image.  Where the image is partial, rows of the item part
 * name items that are not in it: positions of what the user's items speak for are then
 * those in a list of these, and vectors come with the question.  Keys have the same bits.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_BLENDED_H
#define RS_BLENDED_H

#include "postgres.h"

#include "serve/image.h"

typedef struct RsBlended
{
	RsBlend		blend;
	RsBlendUser user;
	const RsIdList *targets;	/* of a partial image; else NULL */
	double		column_scale;
} RsBlended;

/* What is the same for all users of an image. */
extern void rs_blended_init(const RsVersion *version, const RsImage *image, RsBlend *blend);

/*
 * Begin, in the current context, for a user of this vector and these cells in the ranking
 * part, by position in the image.  Of the image a partial one must stay.
 */
extern RsBlended *rs_blended_begin(const RsVersion *version, const RsImage *image,
								   const float *x, const RsRow *row);

/* Is no item ranked before another? */
extern bool rs_blended_is_level(const RsBlended *blended);

/* What ranks the item at a position of an image of the version, whole or partial. */
extern float rs_blended_key(const RsBlended *blended, const RsImage *image, int32 position);

/* What ranks an item of this vector, by a partial image, and with this in the column. */
extern float rs_blended_key_of(const RsBlended *blended, Datum item_id, const float *y,
							   float column);

/* What the column of an item of this popularity holds. */
static inline float
rs_blended_column(const RsBlended *blended, float popularity)
{
	return (float) ((double) popularity * blended->column_scale);
}

/* A hash of all that ranks items for the user. */
extern uint32 rs_blended_fingerprint(const RsBlended *blended);

#endif							/* RS_BLENDED_H */
