/*-------------------------------------------------------------------------
 *
 * likes.h
 *		How many users like each item by the rows that the model's view shows now.
 *
 * A user likes an item by the rule of a training (kernel/cells.h) and the mean of a
 * version: their latest rating, or the mean of equally late ones, is at or above it; with
 * implicit feedback the sum of their weights is positive.  A user counts once for an item,
 * at the time of their latest row.  Rows without a time do not count.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_LIKES_H
#define RS_LIKES_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "store/item_rows.h"

/* Which rows count, and how much; times are seconds since 1970. */
typedef struct RsLikesWindow
{
	double		since;			/* earlier rows do not count; -infinity: all do */
	double		now;			/* from which ages are counted */
	double		half_life;		/* seconds after which a like counts half, twice as
								 * many a quarter; infinity: each counts 1 */
} RsLikesWindow;

/*
 * A window that ends now, which is when the transaction began; either interval may be
 * NULL.  Errors: 55000 the model has no times, or they are numbers; 22023 an interval
 * is not positive or not finite; 22008 it leads out of the range of times.
 */
extern RsLikesWindow rs_likes_window(const RsModel *model, const Interval *since,
									 const Interval *half_life);

/*
 * Read the items that anybody likes, with their likes as numbers, of a model that was
 * opened with RS_MODEL_ASK or more: see rs_item_rows_read().  Sums are added in ascending
 * order.
 */
extern void rs_likes_read(const RsModel *model, const RsVersion *version,
						  const RsLikesWindow *window, RsTakeItem take, void *arg);

#endif							/* RS_LIKES_H */
