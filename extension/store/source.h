/*-------------------------------------------------------------------------
 *
 * source.h
 *		The model's view, recsys_data.<model>: how it is read, and one user's rows.
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

/*
 * "SELECT ... FROM recsys_data.<model> AS v": the user, the item, the rating and,
 * if the model has one, the time as a type whose Datum is an int64.  The others
 * come as they are in the view, where each cast would cost a call for every row:
 * for rs_id_integer() and rs_source_number() to read.  Ratings of other types
 * than these know come as float8.
 */
extern char *rs_source_select(const RsModel *model);

/* A rating of that SELECT, of a column of this type. */
static inline double
rs_source_number(Datum value, Oid type)
{
	switch (type)
	{
		case FLOAT4OID:
			return (double) DatumGetFloat4(value);
		case INT2OID:
		case INT4OID:
		case INT8OID:
			return (double) rs_id_integer(value, type);
		default:
			return DatumGetFloat8(value);
	}
}

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
 * only where that is plain: the view reads with its owner's rights, or it is
 * over local tables alone, without a condition, and the user has SELECT on them
 * and no row policy applies to him.
 */
extern bool rs_source_may_hide_rows(const RsModel *model);

#endif							/* RS_SOURCE_H */
