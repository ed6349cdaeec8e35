/*-------------------------------------------------------------------------
 *
 * image.h
 *		The item image: all items of a version in memory, ready to be scored.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_IMAGE_H
#define RS_IMAGE_H

#include "postgres.h"

#include "kernel/search.h"
#include "store/id.h"
#include "store/model.h"

/*
 * Items are known by their position in ids; ids ascend with it.  Which arrays
 * there are follows from the counts, see image_block.c.  A partial image has not all
 * items of the version, and neither by_popularity nor index; it can say what all items
 * tell together.
 */
typedef struct RsImage
{
	bool		partial;
	RsIdList	ids;			/* with a hash table */
	Size		id_bytes;		/* of text ids; else 0 */
	int			k;				/* factors; 0 for the popular algorithm */
	int			stride;			/* RS_STRIDE(k) */
	float	   *factors;		/* ids.n x stride, padded with zeros */
	float	   *biases;			/* ids.n, or NULL when the version has none */
	int32	   *users;			/* ids.n: who likes the item */
	int32	   *by_popularity;	/* ids.n positions: users descending, then id */
	double	   *gramian;		/* of all items: k x stride, implicit only, else NULL */
	RsIndex    *index;			/* to find the best items, or NULL if k is 0 */
	bool		has_biases;
	bool		has_gramian;
	bool		is_diagonal;	/* the Gramian, see rs_gramian_is_diagonal() */
	Size		index_bytes;
	bool		same_biases;	/* partial: all items have the same, or none */
	Size		whole_bytes;	/* partial: the block of all items would have so many */
} RsImage;

/* The items as the kernel wants them. */
static inline RsItems
rs_image_items(const RsImage *image)
{
	RsItems		items = {
		.factors = image->factors,
		.biases = image->biases,
		.n = image->ids.n,
		.k = image->k,
		.stride = image->stride,
	};

	return items;
}

/*
 * Build the image of a version from the rows of the factor table under the
 * active snapshot, in the given context.  Errors: 55000 when the factor table is
 * not as create_model() makes it, XX001 when its rows are not those of the
 * version.  *settled is false if this transaction wrote some of the rows: then
 * the image holds for this subtransaction only.
 */
extern RsImage *rs_image_build(const RsModel *model, const RsVersion *version,
							   MemoryContext context, bool *settled);

/*
 * A partial image of the items of a list (with a hash table; NULL: of none) that the
 * version has.  What all items tell is not in it.
 */
extern RsImage *rs_image_of_items(const RsModel *model, const RsVersion *version,
								  const RsIdList *items, MemoryContext context);

/* What of the ids of all items tells how large the image is. */
typedef struct RsImageExtent
{
	int64		first;			/* of whole numbers: the least and the greatest */
	int64		last;
	Size		id_bytes;		/* of text: of all of them together */
} RsImageExtent;

/* Bytes of the block (image_block.h) of all items of a version; all zeros: at least. */
extern Size rs_image_whole_bytes(const RsModel *model, const RsVersion *version,
								 const RsImageExtent *extent);

/* The Gramian once all items are in: the other half of it, and whether it is diagonal. */
extern void rs_image_complete_gramian(RsImage *image, const RsVersion *version);

/* A matrix of zeros, aligned as the kernel likes it; *chunk is what to free. */
extern void *rs_alloc_matrix(MemoryContext context, Size row_bytes, Size rows, void **chunk);

/*
 * The score of an item for a user vector x (stride floats), base being mean
 * plus the user's bias.  Everything that shows a score takes it from
 * rs_item_score(), so that recommend() and predict() agree to the last bit.
 */
static inline float4
rs_image_score(const RsImage *image, int32 position, const float *x, double base)
{
	RsItems		items = rs_image_items(image);

	return rs_item_score(&items, position, x, base);
}

#endif							/* RS_IMAGE_H */
