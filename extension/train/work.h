/*-------------------------------------------------------------------------
 *
 * work.h
 *		How much work a training is, estimated.
 *
 * Never measured: what depends on it must be the same on any machine.  The unit is
 * about a quarter of a nanosecond of one core.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_WORK_H
#define RS_WORK_H

#include "postgres.h"

#include "store/options.h"
#include "store/ratings.h"

/* What is trained on. */
typedef struct RsWorkSize
{
	int64		cells;
	int32		users;
	int32		items;
} RsWorkSize;

/* Reading a row, on average. */
#define RS_WORK_OF_READING	250.0

/* Work that is small whatever else is done: 20 seconds of two cores or so. */
#define RS_SMALL_WORK		160e9

/* Of a training with the factors and iterations of these options, all but reading. */
extern double rs_work_of_training(const RsWorkSize *size, const RsOptions *options);

/* Of lists for so many users, and of such by a weighted sum of parts. */
extern double rs_work_of_lists(const RsWorkSize *size, const RsOptions *options, int32 users);
extern double rs_work_of_blended_lists(const RsWorkSize *size, const RsOptions *options,
									   int32 users);

/* Of the item part of all rows; their number for each user is counted in the current context. */
extern double rs_work_of_item_part(const RsRatings *read);

#endif							/* RS_WORK_H */
