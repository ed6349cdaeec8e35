/*-------------------------------------------------------------------------
 *
 * item_rows.h
 *		Reading items by a statement over a view of a model, row by row.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_ITEM_ROWS_H
#define RS_ITEM_ROWS_H

#include "postgres.h"

#include "store/view_plan.h"

/*
 * An item of a row, of the model's kind, valid until the function returns; and the
 * number that the row has as float8, 1 where the statement gives the items alone.
 */
typedef void (*RsTakeItem) (Datum item_id, double number, void *arg);

/*
 * Read the rows of a statement whose first column is the item, as the current user under
 * the active snapshot; rows without an item are left out.  Code of the view's owner may
 * run meanwhile: an image must be pinned.  Connects to SPI itself.  Errors: those of
 * rs_view_plan() and rs_source_id_type().
 */
extern void rs_item_rows_read(const RsModel *model, const RsViewStatement *statement,
							  RsViewSql sql, Datum argument, RsTakeItem take, void *arg);

#endif							/* RS_ITEM_ROWS_H */
