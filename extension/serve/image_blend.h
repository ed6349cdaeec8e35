/*-------------------------------------------------------------------------
 *
 * image_blend.h
 *		What an item image has for the weighted sum that ranks, beside its vectors.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_IMAGE_BLEND_H
#define RS_IMAGE_BLEND_H

#include "postgres.h"

#include "serve/image.h"
#include "store/factors.h"
#include "store/id_list.h"

/* Rows of the item part and the column of popularity of an image that is being built. */
typedef struct RsBlendMaker
{
	const RsModel *model;
	const RsVersion *version;
	RsImage    *image;
	MemoryContext context;
	RsIdList	neighbours;		/* row after row, in the order in which they came */
	RsIdListMaker ids;
	float	   *weights;		/* of the same */
	int64		capacity;
	int32	   *first;			/* of each item: where its row begins, */
	int32	   *count;			/* and how many there are */
} RsBlendMaker;

/* What is known of an image before its items are. */
extern void rs_blend_init(RsImage *image, const RsVersion *version);

/* Begin, with room for n items; nothing happens where the version has no such parts. */
extern void rs_blend_maker_begin(RsBlendMaker *maker, const RsModel *model,
								 const RsVersion *version, RsImage *image, int32 n,
								 MemoryContext context);

/* The row of the item at the end of the image. */
extern void rs_blend_maker_add(RsBlendMaker *maker, int32 at, const RsItemFactors *row);

/* The items of the image are brought into this order. */
extern void rs_blend_maker_reorder(RsBlendMaker *maker, const int32 *order);

/*
 * Once the ids of the image have a table: the rows.  Errors: XX001 when a neighbour is no
 * item of the version, of a whole image.
 */
extern void rs_blend_maker_finish(RsBlendMaker *maker);

/* Of a whole image: what all items tell. */
extern void rs_blend_complete(RsImage *image, const RsVersion *version, MemoryContext context);

/* Begin to sum what all items tell, in this context; once all are added, take the sums. */
extern void rs_blend_sums_begin(RsBlendSums *sums, const RsImage *image, MemoryContext context);
extern void rs_blend_sums_take(const RsBlendSums *sums, RsImage *image, const RsVersion *version);

/* Of a partial image: the popularity in the column becomes what the sum takes. */
extern void rs_blend_scale_column(RsImage *image, double scale);

#endif							/* RS_IMAGE_BLEND_H */
