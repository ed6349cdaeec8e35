/*-------------------------------------------------------------------------
 *
 * view_plan.h
 *		Saved plans of statements that read a view of a model.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_VIEW_PLAN_H
#define RS_VIEW_PLAN_H

#include "postgres.h"

#include "executor/spi.h"
#include "tcop/dest.h"

#include "store/model.h"

/* What a view is read for. */
typedef enum RsViewRead
{
	RS_READ_ROWS,				/* all rows of a user */
	RS_READ_LATEST,				/* the latest rows that training would take */
	RS_READ_ITEMS,				/* the items alone, each once */
	RS_READ_RATED,				/* how many users like each item, by ratings */
	RS_READ_RATED_FADING,		/* the longer ago the less */
	RS_READ_WEIGHED,			/* the same by weights */
	RS_READ_WEIGHED_FADING,
	RS_READ_LISTED,				/* of the catalogue: those of some items; from
								 * here on plans are generic */
	RS_READ_CATALOG				/* all of it */
} RsViewRead;

/* A statement.  Its SQL depends on nothing but this and the model's name. */
typedef struct RsViewStatement
{
	Oid			view;
	RsViewRead	read;
	int32		limit;			/* of RS_READ_LATEST, else 0 */
	Oid			argument_type;	/* of $1; InvalidOid: there is none */
	Oid			types[3];		/* of columns; those that are not used are 0 */
} RsViewStatement;

/* Makes the SQL of a statement, palloc'd. */
typedef char *(*RsViewSql) (const RsModel *model, const RsViewStatement *statement);

typedef struct RsViewPlan
{
	RsViewStatement statement;	/* as prepared; its first three fields are the key */
	NameData	name;			/* of the model then */
	int			busy;			/* executions and plannings under way: the view may call us */
	SPIPlanPtr	plan;			/* NULL while it is being prepared */
	double		cost;			/* see rs_view_plan_cost() */
	int			cost_generation;
} RsViewPlan;

/*
 * The saved plan of a statement; it is prepared when there is none, or when the name or
 * types are others.  A view with run_as caller is read with the right of the current
 * user, one with run_as owner with that of its owner: rs_model_open() or
 * rs_item_catalog_open() must have let the user in.  SPI must be connected.  Errors:
 * 55006 when a plan that is running would have to be replaced.
 */
extern RsViewPlan *rs_view_plan(const RsModel *model, const RsViewStatement *statement,
								RsViewSql sql);

/* Execute it, reading alone; the rows go to the receiver. */
extern void rs_view_plan_execute(RsViewPlan *plan, Datum argument, DestReceiver *receiver);

/*
 * The cost of executing it in the planner's units, all pages being in memory; computed
 * again when the plan was made again.  An array is taken to have RS_VIEW_PLAN_ELEMENTS
 * elements, as the planner does.
 */
#define RS_VIEW_PLAN_ELEMENTS	10

extern double rs_view_plan_cost(const RsModel *model, RsViewPlan *plan, RsViewSql sql);

/* A copy of the plan that scans an index wherever that is possible. */
extern PlannedStmt *rs_view_plan_by_indexes(const RsModel *model, const RsViewStatement *statement,
											RsViewSql sql);

/* Raise 55006: the view was changed while it is being read. */
extern void rs_view_refuse_changed(const char *model);

#endif							/* RS_VIEW_PLAN_H */
