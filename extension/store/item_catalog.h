/*-------------------------------------------------------------------------
 *
 * item_catalog.h
 *		The catalogue of a model, recsys_data.<model>_catalog: which items may be
 *		recommended.
 *
 * A view of the one column item_id.  Lists hold only items of which the current user
 * sees a row there, under the active snapshot.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_ITEM_CATALOG_H
#define RS_ITEM_CATALOG_H

#include "postgres.h"

#include "nodes/plannodes.h"

#include "store/item_rows.h"

typedef struct RsItemCatalog
{
	const RsModel *model;
	Oid			view;
} RsItemCatalog;

/*
 * The catalogue of a model that was opened with RS_MODEL_ASK or more, palloc'd; NULL if
 * it has none.  Its view is locked until the transaction ends.  Errors: 55000 the view is not
 * there, is not as create_model() makes it, or is another role's than the model; 42501
 * the current user may not read it; 40001 it was taken away after the active snapshot.
 */
extern RsItemCatalog *rs_item_catalog_open(const RsModel *model);

/*
 * The planner's cost of looking one item up, and of reading all rows; pages are taken to
 * be in memory.  Connects to SPI itself.
 */
extern void rs_item_catalog_costs(const RsItemCatalog *catalog, double *an_item, double *all);

/* Read the rows of these items, or all rows: see rs_item_rows_read(). */
extern void rs_item_catalog_look_up(const RsItemCatalog *catalog, const Datum *ids, int32 n,
									RsTakeItem take, void *arg);
extern void rs_item_catalog_read(const RsItemCatalog *catalog, RsTakeItem take, void *arg);

/*
 * The plan of the statement that looks items up, which are $1, as
 * rs_source_plan_user_rows() makes it.
 */
extern PlannedStmt *rs_item_catalog_plan(const RsModel *model, Oid view);

#endif							/* RS_ITEM_CATALOG_H */
