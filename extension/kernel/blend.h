/*-------------------------------------------------------------------------
 *
 * blend.h
 *		One key for each item of what several parts of a version say: a weighted hybrid.
 *
 * A blend (the weighted hybrid of Burke, "Hybrid Recommender Systems", 2002) adds up, for
 * a user and item i,
 *
 *		key_i = w_d (x . y_i) / dev_d  +  c_i  +  w_s s_i / dev_s
 *
 * - the dense part: the user's vector x times the item's;
 * - the item column c_i, the same for all users, such as recent popularity: it comes
 *   weighted and divided by its deviation, and stands in the biases of the items;
 * - the sparse part, item to item: s_i is the sum over the items j that the user likes of
 *   W_ji, in ascending position of j.  An item is touched when its sum has a term.
 *
 * dev_d and dev_s are the standard deviations of x . y_i and of s_i over all n items, never
 * over the eligible ones only, so that what a list may hold changes no key.  A part whose
 * deviation is 0, rounding only, or not finite adds nothing.
 *
 * Keys have the same bits wherever they are asked for, on every CPU.  Pure C; nothing here
 * allocates.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_BLEND_H
#define RS_BLEND_H

#include "kernel/row.h"
#include "kernel/search.h"

/* The matrix W of the sparse part, in rows by the item j that is liked. */
typedef struct RsSparse
{
	const int64_t *start;		/* n + 1: row j ends where row j + 1 starts */
	const int32_t *target;		/* the items i, ascending within a row */
	const float *weight;		/* W_ji, finite */
} RsSparse;

/* The side of a blend that all users of a version share. */
typedef struct RsBlend
{
	RsItems		items;			/* of the dense part, which k = 0 leaves out; their
								 * biases are c, or NULL */
	const RsIndex *index;		/* of these items */
	const double *gramian;		/* sum of y y', k x stride */
	const double *mean;			/* k: of the vectors y */
	const float *norms;			/* n: their lengths, by rs_blend_norms() */
	double		dense_weight;	/* w_d */
	RsSparse	sparse;			/* start NULL: there is none */
	double		sparse_weight;	/* w_s */
} RsBlend;

/* One user's keys, and how far they were handed out; the arrays lie in the workspace. */
typedef struct RsBlendUser
{
	const RsBlend *blend;
	float	   *z;				/* stride: x times w_d / dev_d */
	double		sparse_scale;	/* w_s / dev_s */
	float	   *sums;			/* n: s_i, of touched items only */
	uint64_t   *touched;		/* bit i: is item i touched?  None with sparse_scale 0 */
	int32_t		n_touched;
	uint64_t   *rest;			/* eligible items that are not touched */
	bool		resumed;		/* last is set */
	RsScored	last;			/* what was handed out last */
} RsBlendUser;

/* The lengths of the items' vectors, not less than they are; false when stop(arg) says so. */
extern bool rs_blend_norms(const RsItems *items, float *norms, RsStopCheck stop, void *arg);

/*
 * Bytes of workspace of one user, aligned to RS_ALIGNMENT, for a blend of items with these
 * n and stride; false if they overflow.
 */
extern bool rs_blend_workspace_size(const RsItems *items, size_t *bytes);

/*
 * Make a user of a vector x (k floats; NULL: none) and of the cells with a positive value
 * of row, whose indexes are positions, ascending and each once: the items that they like.
 * blend and workspace are used, not copied, until the last call.  False when stop(arg)
 * says so.
 */
extern bool rs_blend_begin(RsBlendUser *user, const RsBlend *blend, const float *x,
						   const RsRow *row, void *workspace, RsStopCheck stop, void *arg);

/*
 * weight / deviation, from the means over all items of squares and of values; 0 where the
 * variance is not more than what rounding leaves of equal values, or a result is not
 * finite.  So is made what the item column comes multiplied by.
 */
extern double rs_blend_scale(double weight, double squares, double mean);

/* What all items tell of a blend, added item by item in ascending order; from zeros. */
typedef struct RsBlendSums
{
	double	   *vectors;		/* k: of the vectors, which become their mean */
	double		column;			/* of the item column, before it is scaled */
	double		squares;		/* of it */
} RsBlendSums;

static inline void
rs_blend_sums_add(RsBlendSums *sums, int k, const float *y, float column)
{
	for (int j = 0; j < k; j++)
		sums->vectors[j] += (double) y[j];
	sums->column += (double) column;
	sums->squares += (double) column * (double) column;
}

/* Of n items: the mean vector, in place of the sums. */
static inline double *
rs_blend_sums_mean(const RsBlendSums *sums, int k, int32_t n)
{
	for (int j = 0; j < k; j++)
		sums->vectors[j] /= n;
	return sums->vectors;
}

/* Of n items: what the item column is multiplied by. */
static inline double
rs_blend_sums_scale(const RsBlendSums *sums, int32_t n, double weight)
{
	return rs_blend_scale(weight, sums->squares / n, sums->column / n);
}

/* A value of the item column, as the key adds it. */
static inline float
rs_blend_scaled(float column, double scale)
{
	return (float) ((double) column * scale);
}

/* What the item adds by the sparse part. */
static inline double
rs_blend_sparse(const RsBlendUser *user, int32_t position)
{
	bool		touched = (user->touched[position / 64] >> (position % 64) & 1) != 0;

	return touched ? (double) user->sums[position] * user->sparse_scale : 0.0;
}

/* The key of an item with this vector, column and sparse part. */
static inline float
rs_blend_sum(const RsBlendUser *user, const float *y, double c, double sparse)
{
	return (float) ((rs_dot(user->z, y, (size_t) user->blend->items.k) + c) + sparse);
}

/* The key of an item; of one that is not touched it is rs_item_score() with base 0. */
static inline float
rs_blend_key(const RsBlendUser *user, int32_t position)
{
	const RsItems *items = &user->blend->items;
	double		c = items->biases != NULL ? (double) items->biases[position] : 0.0;
	const float *y = items->factors + (size_t) position * (size_t) items->stride;

	return rs_blend_sum(user, y, c, rs_blend_sparse(user, position));
}

/* Do all items have one key, so that the blend tells nothing? */
extern bool rs_blend_keys_are_equal(const RsBlendUser *user, RsStopCheck stop, void *arg);

/* Go on after this item, as if it had been handed out last. */
extern void rs_blend_after(RsBlendUser *user, RsScored last);

/*
 * The m best of the eligible items after those that were handed out, as rs_search_next()
 * gives them.  What is eligible may differ from call to call.
 */
extern RsStatus rs_blend_next(RsBlendUser *user, const RsEligible *eligible, int32_t m,
							  RsScored *entries, int32_t *n, RsStopCheck stop, void *arg);

#endif							/* RS_BLEND_H */
