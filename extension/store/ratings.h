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

/* The whole view as triplets with dense indexes; ids ascend with the index. */
typedef struct RsRatings
{
	int64		n;				/* usable rows */
	int32	   *user;
	int32	   *item;
	float	   *value;
	int64	   *time;			/* NULL without time column; INT64_MIN for NULL */
	RsIdList	users;
	RsIdList	items;
	int64		rows_read;
	int64		rows_skipped;	/* user, item or rating NULL */
} RsRatings;

/*
 * Read the view in one statement, under the active snapshot, into the current
 * memory context.  Call within rs_owner_begin/end with SPI connected.  progress is
 * called now and then with the number of rows.  Errors: 22000 for a rating
 * that is NaN or infinite (names user and item), 22003 for one beyond float,
 * 54000 for a text id that is too long or when more than memory_limit bytes
 * would be needed.
 */
extern void rs_ratings_read(const RsModel *model, Size memory_limit,
						   void (*progress) (int64 rows), RsRatings *ratings);

/* Give the triplets back; the lists of ids remain.  There is at least one row. */
extern void rs_ratings_release(RsRatings *ratings);

#endif							/* RS_RATINGS_H */
