/*-------------------------------------------------------------------------
 *
 * user_index.c
 *		Does an index find the rows of one user, and the items of a catalogue?
 *
 * The plan tells, of the statement that serving uses: through views, casts and
 * joins no other knowledge is sound.  An index finds the rows where the user or the
 * items, the parameter $1, are compared with the first column of an index; where they
 * are compared with rows that were read anyhow, all rows are read.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "nodes/nodeFuncs.h"
#include "nodes/plannodes.h"
#include "parser/parsetree.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "compat.h"
#include "store/item_catalog.h"
#include "store/source.h"
#include "store/user_index.h"

/* What is read in full for one user, or for a few items. */
typedef struct FullRead
{
	const PlannedStmt *statement;
	bool		found;
	Oid			table;			/* InvalidOid: rows of the view, not of a table */
} FullRead;

/* Is the parameter $1 in this expression? */
static bool
has_argument(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Param) && ((Param *) node)->paramkind == PARAM_EXTERN)
		return true;
	return expression_tree_walker(node, has_argument, context);
}

/* Is a column of an index in this expression, the first one? */
static bool
has_first_column(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var) && ((Var *) node)->varattno == 1)
		return true;
	return expression_tree_walker(node, has_first_column, context);
}

/* Do the conditions of an index compare it with columns that are not the first? */
static bool
walks_index(List *conditions)
{
	return has_argument((Node *) conditions, NULL) && !has_first_column((Node *) conditions, NULL);
}

/* Conditions that are looked at for each row that this node reads or makes. */
static bool
filters_by_argument(const Plan *plan)
{
	switch (nodeTag(plan))
	{
		case T_IndexScan:
			return walks_index(((const IndexScan *) plan)->indexqual) ||
				(((const IndexScan *) plan)->indexqual == NIL && has_argument((Node *) plan->qual, NULL));
		case T_IndexOnlyScan:
			return walks_index(((const IndexOnlyScan *) plan)->indexqual) ||
				(((const IndexOnlyScan *) plan)->indexqual == NIL && has_argument((Node *) plan->qual, NULL));
		case T_BitmapHeapScan:	/* no index but one that names blocks, not rows */
			return has_argument((Node *) ((const BitmapHeapScan *) plan)->bitmapqualorig, NULL);
		case T_ForeignScan:		/* the other side may have an index */
			return false;
		case T_NestLoop:
		case T_MergeJoin:
		case T_HashJoin:
			return has_argument((Node *) plan->qual, NULL) ||
				has_argument((Node *) ((const Join *) plan)->joinqual, NULL);
		default:
			return has_argument((Node *) plan->qual, NULL);
	}
}

/* The table that a node scans, or InvalidOid. */
static Oid
scanned_table(const FullRead *read, const Plan *plan)
{
	const RangeTblEntry *entry;

	switch (nodeTag(plan))
	{
		case T_SeqScan:
		case T_SampleScan:
		case T_IndexScan:
		case T_IndexOnlyScan:
		case T_BitmapHeapScan:
			entry = rt_fetch(((const Scan *) plan)->scanrelid, read->statement->rtable);
			return entry->rtekind == RTE_RELATION ? entry->relid : InvalidOid;
		default:
			return InvalidOid;
	}
}

static void find_full_read(FullRead *read, const Plan *plan);

static void
find_in_list(FullRead *read, const List *plans)
{
	ListCell   *cell;

	foreach(cell, plans)
		find_full_read(read, lfirst(cell));
}

/* Look through a plan until something is found. */
static void
find_full_read(FullRead *read, const Plan *plan)
{
	if (plan == NULL || read->found)
		return;
	if (filters_by_argument(plan))
	{
		read->found = true;
		read->table = scanned_table(read, plan);
		return;
	}
	find_full_read(read, plan->lefttree);
	find_full_read(read, plan->righttree);
	if (IsA(plan, SubqueryScan))
		find_full_read(read, ((const SubqueryScan *) plan)->subplan);
	else if (IsA(plan, Append))
		find_in_list(read, ((const Append *) plan)->appendplans);
	else if (IsA(plan, MergeAppend))
		find_in_list(read, ((const MergeAppend *) plan)->mergeplans);
}

static char *
qualified_name(Oid relation)
{
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relation)),
									  get_rel_name(relation));
}

/* What is read, and what the warnings say of it. */
typedef struct Reading
{
	const RsModel *model;
	Oid			view;
	Oid			source;			/* what it was made on */
	const char *column;			/* of that, which $1 is compared with */
	const char *definition;		/* of an index that would do, without its table */
	const char *found;			/* no index finds it */
	const char *made;			/* all rows are made to find it */
	const char *detail;
	const char *subject;
	const char *view_column;
} Reading;

/* A table, of which the columns are known. */
static void
warn_of_table(const Reading *reading)
{
	ereport(WARNING,
			(errmsg("no index of \"%s\" begins with column \"%s\"",
					get_rel_name(reading->source), reading->column),
			 errdetail_internal("%s", reading->detail),
			 errhint("CREATE INDEX ON %s %s;", qualified_name(reading->source), reading->definition)));
}

/* A view, below which a table is read, or rows are made. */
static void
warn_of_view(const Reading *reading, Oid table)
{
	const char *view = rs_model_relation_name(reading->model, reading->view);
	const char *source = get_rel_name(reading->source);

	ereport(WARNING,
			(OidIsValid(table) ?
			 errmsg("no index of \"%s\" finds %s of \"%s\"", get_rel_name(table), reading->found, source) :
			 errmsg("all rows of \"%s\" are made to find %s", source, reading->made),
			 errdetail_internal("%s", reading->detail),
			 OidIsValid(table) ?
			 errhint("Create an index that begins with the column of %s, or with the expression that the view makes of it. See EXPLAIN SELECT * FROM %s WHERE %s = ...",
					 reading->subject, view, reading->view_column) :
			 errhint("A materialized view can have an index; a view should let a condition on %s through. See EXPLAIN SELECT * FROM %s WHERE %s = ...",
					 reading->subject, view, reading->view_column)));
}

static void
check_plan(const Reading *reading, const PlannedStmt *statement)
{
	FullRead	read = {.statement = statement};

	find_full_read(&read, statement->planTree);
	find_in_list(&read, statement->subplans);
	if (!read.found)
		return;
	if (get_rel_relkind(reading->source) == RELKIND_VIEW)
		warn_of_view(reading, read.table);
	else
		warn_of_table(reading);
}

void
rs_user_index_check(const RsModel *model, Oid source, const char *column, const char *definition)
{
	Reading		reading = {
		.model = model,
		.view = model->view,
		.source = source,
		.column = column,
		.definition = definition,
		.found = "the rows of one user",
		.made = "those of one user",
		.detail = "Each recommendation reads the rows of its user.",
		.subject = "the user",
		.view_column = "user_id",
	};

	check_plan(&reading, rs_source_plan_user_rows(model));
}

void
rs_catalog_index_check(const RsModel *model, Oid view, Oid source, const char *column)
{
	Reading		reading = {
		.model = model,
		.view = view,
		.source = source,
		.column = column,
		.definition = psprintf("(%s)", quote_identifier(column)),
		.found = "a few items",
		.made = "a few items",
		.detail = "Each list looks up items in the catalog, or else reads all of it.",
		.subject = "the item",
		.view_column = "item_id",
	};

	check_plan(&reading, rs_item_catalog_plan(model, view));
}
