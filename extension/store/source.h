/*-------------------------------------------------------------------------
 *
 * source.h
 *		The model's view, recsys_data.<model>, as cells.
 *
 * The view is the only thing read, so the server itself decides what may be
 * seen: table and column rights, row-level security, views, partitions and
 * foreign tables work by construction.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_SOURCE_H
#define RS_SOURCE_H

#include "postgres.h"

#include "kernel/cells.h"
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
extern void rs_source_read(const RsModel *model, Size memory_limit,
						   void (*progress) (int64 rows), RsRatings *ratings);

/* One user's rows of the view. */
typedef struct RsUserRow
{
	Datum		item_id;		/* of the model's item kind */
	bool		usable;			/* rating present and finite */
	float		value;
	int64		time;			/* INT64_MIN when NULL or no time column */
} RsUserRow;

/*
 * The rows of one user, as the current user, under the active snapshot, in
 * no particular order; palloc'd in the current context.  Connects to SPI
 * itself.  Rows without item are left out.
 */
extern int32 rs_source_user_rows(const RsModel *model, Datum user_id,
								 RsUserRow **rows);

/*
 * May the view show the current user fewer rows than it shows its owner?  False
 * only where that is plain: a view over one relation that is no view, without a
 * condition, on which the user has SELECT and no row policy applies; or a view
 * that reads with its owner's rights.
 */
extern bool rs_source_may_hide_rows(const RsModel *model);

#endif							/* RS_SOURCE_H */
