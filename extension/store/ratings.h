/*-------------------------------------------------------------------------
 *
 * ratings.h
 *		The whole view of a model, in one snapshot, as triplets.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_RATINGS_H
#define RS_RATINGS_H

#include "postgres.h"

#include "store/model.h"

/*
 * What the rows are for.  Training takes rows that have a user, an item and a rating,
 * and refuses a rating that is not a finite float.  To answer, all rows with a user
 * and an item are taken, as recommend() takes them: a rating that training would not
 * take is NaN, and a user who has no item at all is among the users.
 */
typedef enum RsRatingsUse
{
	RS_TO_TRAIN,
	RS_TO_ANSWER
} RsRatingsUse;

/* The whole view as triplets with dense indexes; ids ascend with the index. */
typedef struct RsRatings
{
	int64		n;				/* rows that were taken */
	int32	   *user;
	int32	   *item;
	float	   *value;
	int64	   *time;			/* NULL without time column; INT64_MIN for NULL */
	RsIdList	users;
	RsIdList	items;
	int64		rows_read;
	int64		rows_skipped;
} RsRatings;

/*
 * Read the view in one statement, under the active snapshot, as the current user, into
 * the current memory context.  SPI is connected.  progress is
 * called now and then with the number of rows.  Errors: 22000 for a rating
 * that is NaN or infinite (names user and item), 22003 for one beyond float,
 * 54000 for a text id that is too long or when more than memory_limit bytes
 * would be needed.
 */
extern void rs_ratings_read(const RsModel *model, RsRatingsUse use, Size memory_limit,
						   void (*progress) (int64 rows), RsRatings *ratings);

/* Give the triplets back; the lists of ids remain.  There is at least one row. */
extern void rs_ratings_release(RsRatings *ratings);

#endif							/* RS_RATINGS_H */
