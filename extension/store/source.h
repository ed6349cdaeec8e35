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

#include "access/tupdesc.h"
#include "nodes/plannodes.h"

#include "store/model.h"

/*
 * "SELECT ... FROM recsys_data.<model> AS v": the user, the item, the rating and,
 * if the model has one, the time as a type whose Datum is an int64.  The others
 * come as they are in the view, where each cast would cost a call for every row:
 * for rs_id_integer() and rs_source_number() to read.  Ratings of other types
 * than these know come as float8.
 */
extern char *rs_source_select(const RsModel *model);

/* SQL: has the row v of the view a rating that training can take? */
extern char *rs_source_usable_rating(void);

/*
 * The base type of a column that a result has an id of this kind, or the rating,
 * in.  Errors: 55006 when it is another kind, as the view is another one by now.
 */
extern Oid	rs_source_id_type(const RsModel *model, TupleDesc desc, int column, RsIdKind kind);
extern Oid	rs_source_rating_type(const RsModel *model, TupleDesc desc, int column);

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

/*
 * The plan of the statement that reads the rows of one user, which is $1, made so
 * that a scan of an index is taken wherever it is possible.  SPI is connected; the
 * result is a copy.
 */
extern PlannedStmt *rs_source_plan_user_rows(const RsModel *model);

/* One user's rows of the view. */
typedef struct RsUserRow
{
	Datum		item_id;		/* of the model's item kind */
	bool		usable;			/* rating present and finite */
	float		value;
	int64		time;			/* INT64_MIN when NULL or no time column */
} RsUserRow;

/*
 * The rows of one user, as the current user, under the active snapshot; palloc'd
 * in the current context, NULL when there are none.  Rows without item are left
 * out.  With a history_limit > 0 only that many of the usable rows are read: the
 * latest, those without a time last, equally late ones by item and then by value,
 * the largest first; train/history.c does the same.  Without, all rows in no
 * particular order.
 *
 * The view itself is read with its owner's right where it has run_as owner: call
 * it for a model that was opened with RS_MODEL_ASK or more.  Connects to SPI
 * itself.  Errors: 54000 beyond recsys.serving_memory.
 */
extern int32 rs_source_user_rows(const RsModel *model, Datum user_id,
								 int32 history_limit, RsUserRow **rows);

/* The items of one user, each once; otherwise the same. */
extern int32 rs_source_user_items(const RsModel *model, Datum user_id, Datum **items);

/* Has the user a row with an item? */
extern bool rs_source_user_exists(const RsModel *model, Datum user_id);

#endif							/* RS_SOURCE_H */
