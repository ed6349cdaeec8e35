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

#include "kernel/blend.h"
#include "store/id.h"
#include "store/model.h"

/* The vectors of the items in one part of a version. */
typedef struct RsDense
{
	int			k;				/* factors; 0: there are none */
	int			stride;			/* RS_STRIDE(k) */
	float	   *factors;		/* ids.n x stride, padded with zeros */
	float	   *biases;			/* ids.n, or NULL when the part has none */
	double	   *gramian;		/* of all items: k x stride, implicit only, else NULL */
	bool		has_biases;
	bool		has_gramian;
	bool		is_diagonal;	/* the Gramian, see rs_gramian_is_diagonal() */
	bool		same_biases;	/* partial: all items have the same, or none */
} RsDense;

/*
 * What a version has for the weighted sum that ranks (kernel/blend.h), beside its dense
 * part.  A partial image has the rows and columns of its items only; their neighbours are
 * then positions in targets, and what all items tell is of use to it, too.
 */
typedef struct RsBlendData
{
	bool		used;			/* a weighted sum ranks; else nothing below is there */
	bool		has_rows;		/* of the item part */
	bool		has_column;		/* of popularity */
	int64		n_entries;		/* of all rows together */
	RsSparse	rows;			/* of the item part */
	RsIdList   *targets;		/* partial: all neighbours, with a table; else NULL */
	float	   *column;			/* ids.n, scaled: popularity times column_scale */
	double		column_scale;	/* of popularity: weight over deviation */
	double	   *mean;			/* k of the ranking part: of all vectors */
	float	   *norms;			/* ids.n: lengths of vectors; not partial */
} RsBlendData;

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
	int			n_parts;		/* of the version; 0 for the popular algorithm */
	RsDense		parts[RS_MAX_PARTS];
	RsBlendData blend;
	int32	   *users;			/* ids.n: who likes the item */
	int32	   *by_popularity;	/* ids.n positions: users descending, then id */
	RsIndex    *index;			/* to find the best items, or NULL without parts */
	Size		index_bytes;
	Size		whole_bytes;	/* partial: the block of all items would have so many */
} RsImage;

/*
 * The part that scores an item, and the part that ranks it, which are one where the
 * version has one.  Who asks for either need not know how many there are.
 */
static inline const RsDense *
rs_image_scoring(const RsImage *image)
{
	return &image->parts[RS_PART_RATING];
}

static inline const RsDense *
rs_image_ranking(const RsImage *image)
{
	return &image->parts[rs_ranking_part(image->n_parts)];
}

/* The items of a part as the kernel wants them. */
static inline RsItems
rs_image_items(const RsImage *image, const RsDense *part)
{
	RsItems		items = {
		.factors = part->factors,
		.biases = part->biases,
		.n = image->ids.n,
		.k = part->k,
		.stride = part->stride,
	};

	return items;
}

/* What is searched for the best: items of the ranking part, with the column where there is one. */
static inline RsItems
rs_image_searched(const RsImage *image)
{
	RsItems		items = rs_image_items(image, rs_image_ranking(image));

	if (image->blend.has_column)
		items.biases = image->blend.column;
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
 * version has, with or without their neighbours.  What all items tell is not in it; the
 * column has popularity as it is.
 */
extern RsImage *rs_image_of_items(const RsModel *model, const RsVersion *version,
								  const RsIdList *items, bool neighbours,
								  MemoryContext context);

/* What of the ids of all items tells how large the image is. */
typedef struct RsImageExtent
{
	int64		first;			/* of whole numbers: the least and the greatest */
	int64		last;
	Size		id_bytes;		/* of text: of all of them together */
	int64		n_entries;		/* neighbours of all items together */
} RsImageExtent;

/* Bytes of the block (image_block.h) of all items of a version; all zeros: at least. */
extern Size rs_image_whole_bytes(const RsModel *model, const RsVersion *version,
								 const RsImageExtent *extent);

/* Whether a part's Gramian of all items is diagonal. */
extern void rs_image_judge_gramian(RsImage *image, const RsVersion *version, int part);

/* A matrix of zeros, aligned as the kernel likes it; *chunk is what to free. */
extern void *rs_alloc_matrix(MemoryContext context, Size row_bytes, Size rows, void **chunk);

#endif							/* RS_IMAGE_H */
