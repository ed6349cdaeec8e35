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

#include "kernel/kernel.h"
#include "store/id.h"
#include "store/model.h"

/* Items are known by their position in ids; ids ascend with it. */
typedef struct RsImage
{
	RsIdList	ids;
	int			k;				/* factors; 0 for the popular algorithm */
	int			stride;			/* RS_STRIDE(k) */
	float	   *factors;		/* ids.n x stride, padded with zeros */
	float	   *biases;			/* ids.n, or NULL when the version has none */
	int32	   *users;			/* ids.n: who likes the item */
	int32	   *by_popularity;	/* ids.n positions: users descending, then id */
	double	   *gramian;		/* k x stride, implicit only, else NULL */
} RsImage;

/*
 * What tells one image from another: where its rows were read, and everything
 * that decides how it is laid out and decoded.  Keys are compared as bytes;
 * there is no padding.
 */
typedef struct RsImageKey
{
	Oid			table;			/* the item factor table */
	Oid			file;			/* its relfilenode: a new one when it is rewritten */
	int64		stamp;
	int32		version;
	int32		factors;
	RsIdKind	id_kind;
	RsFeedback	feedback;
	RsAlgorithm algorithm;
	int32		biases;			/* 0 or 1 */
} RsImageKey;

/*
 * The image of a version from this session's cache, or built from the rows of
 * the factor table under the active snapshot.  One that is larger than all of
 * recsys.local_cache_size lives in the current context instead.  Errors: 55000
 * when the factor table is not as create_model() makes it, XX001 when its rows
 * are not those of the version.
 *
 * Valid until the next call: run nothing in between that could run code of a
 * user, such as reading the model's view.
 */
extern const RsImage *rs_image_open(const RsModel *model, const RsVersion *version);

/* The same, built into the given context, for those who keep it longer. */
extern RsImage *rs_image_build(const RsModel *model, const RsVersion *version,
							   MemoryContext context);

/*
 * The score of an item for a user vector x (stride floats), base being mean
 * plus the user's bias.  Everything that shows a score takes it from here, so
 * that recommend() and predict() agree to the last bit.
 */
static inline float4
rs_image_score(const RsImage *image, int32 position, const float *x, double base)
{
	double		bias = image->biases != NULL ? image->biases[position] : 0.0;
	const float *y = image->factors + (Size) position * image->stride;

	return (float4) (base + (rs_dot(x, y, image->k) + bias));
}

#endif							/* RS_IMAGE_H */
