/*-------------------------------------------------------------------------
 *
 * cells.h
 *		What repeated ratings of one user for one item mean.
 *
 * The rule is the same for training and for fold-in, and does not depend on
 * the order in which rows were read:
 *
 * explicit: the latest by time; among equally late rows (and when the model
 * has no time column) their mean, added in ascending order of value.
 * implicit: the sum, added in ascending order of value.  A cell whose weight
 * is zero says nothing and is dropped.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_CELLS_H
#define RS_CELLS_H

#include <float.h>

#include "kernel/stop.h"

typedef struct RsCell
{
	int32_t		index;			/* position on the other side */
	float		value;
	int64_t		time;			/* any monotone clock; INT64_MIN = none */
} RsCell;

/*
 * Does a cell, once reduced, say that its user likes the item?  implicit: its
 * weight is positive; explicit: its rating is at or above the mean of all cells.
 * Of a mean only what a float holds counts, so that equal ratings are all likes.
 */
static inline bool
rs_cell_is_like(float value, bool implicit, double mean)
{
	return implicit ? value > 0.0f : value >= (float) mean;
}

/*
 * What a rating weighs as a sign of preference, once reduced:
 *
 *	max(0.1, 1 + (rating - mean) / (2 deviation))
 *
 * That a user rated an item at all tells most: with 1 for each pair lists find as many
 * of the items that users rate later, but 5 % fewer of those that they like.  Versions
 * rely on the formula, so it never changes.
 */
static inline float
rs_rating_weight(float rating, double mean, double deviation)
{
	double		weight = 1.0 + ((double) rating - mean) / (2.0 * deviation);

	if (!(weight > 0.1))
		return 0.1f;
	return weight < (double) FLT_MAX ? (float) weight : FLT_MAX;
}

/* Make weights of n ratings, in place; false when stop(arg) says so. */
extern bool rs_ratings_to_weights(float *values, int64_t n, double mean, double deviation,
								  RsStopCheck stop, void *arg);

/*
 * Sort n cells by index and reduce repeated ones in place; returns how many
 * remain, or -1 when stop(arg) says so.  A sum beyond the range of float becomes
 * FLT_MAX.
 */
extern int32_t rs_cells_reduce(RsCell *cells, int32_t n, bool implicit,
							   RsStopCheck stop, void *arg);

/*
 * The rule for a caller that has the n >= 1 values of one cell together (for
 * explicit, those of the latest time): their sum or mean in *value.  Sorts the
 * values; false when stop(arg) says so.
 */
extern bool rs_cell_combine(float *values, int32_t n, bool implicit, float *value,
							RsStopCheck stop, void *arg);

#endif							/* RS_CELLS_H */
