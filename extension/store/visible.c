/*-------------------------------------------------------------------------
 *
 * visible.c
 *		Whether the view of a model shows everybody the same rows.
 *
 * A stored vector tells what its user likes; it is given to nobody who may not
 * see the rows that it was made of.  This file answers when that need not be
 * looked at.  It lists what is known to hide nothing; whatever it does not know
 * may hide rows.  run_as owner is no excuse: functions and policies below the
 * view ask for current_user, which is the caller.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/transam.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteHandler.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"

#include "compat.h"
#include "store/visible.h"

/* A constant, or a cast of the server's own of one: "1::pg_catalog.float4". */
static bool
is_constant(const Node *node)
{
	const FuncExpr *cast = (const FuncExpr *) node;

	if (IsA(node, Const))
		return true;
	return IsA(node, FuncExpr) && cast->funcid < FirstUnpinnedObjectId &&
		(cast->funcformat == COERCE_EXPLICIT_CAST || cast->funcformat == COERCE_IMPLICIT_CAST) &&
		list_length(cast->args) == 1 && IsA(linitial(cast->args), Const);
}

/* Columns as they are, and constants. */
static bool
has_plain_columns(const Query *query)
{
	ListCell   *cell;

	foreach(cell, query->targetList)
	{
		const Node *expression = (const Node *) lfirst_node(TargetEntry, cell)->expr;

		if (!is_constant(expression) &&
			!(IsA(expression, Var) && ((const Var *) expression)->varattno > 0))
			return false;
	}
	return true;
}

/* Has the query nothing but columns and a FROM clause of one relation? */
static bool
is_plain_query(const Query *query)
{
	return query->commandType == CMD_SELECT &&
		!query->hasAggs && !query->hasWindowFuncs && !query->hasTargetSRFs &&
		!query->hasSubLinks && !query->hasModifyingCTE && !query->hasForUpdate &&
		query->cteList == NIL && query->groupClause == NIL && query->groupingSets == NIL &&
		query->havingQual == NULL && query->windowClause == NIL &&
		query->distinctClause == NIL && query->limitOffset == NULL &&
		query->limitCount == NULL && query->rowMarks == NIL &&
		query->setOperations == NULL && query->jointree->quals == NULL &&
		list_length(query->jointree->fromlist) == 1 &&
		IsA(linitial(query->jointree->fromlist), RangeTblRef) &&
		has_plain_columns(query);
}

/* Is a child of this table, or a partition, somewhere else? */
static bool
has_foreign_children(Oid table)
{
	List	   *tables;
	ListCell   *cell;
	bool		found = false;

	if (!has_subclass(table))
		return false;
	tables = find_all_inheritors(table, NoLock, NULL);
	foreach(cell, tables)
	{
		if (get_rel_relkind(lfirst_oid(cell)) == RELKIND_FOREIGN_TABLE)
			found = true;
	}
	list_free(tables);
	return found;
}

/* A table here, all of which the role may see. */
static bool
is_open_table(const RangeTblEntry *entry, Oid role)
{
	return entry->rtekind == RTE_RELATION && entry->tablesample == NULL &&
		(entry->relkind == RELKIND_RELATION || entry->relkind == RELKIND_MATVIEW ||
		 entry->relkind == RELKIND_PARTITIONED_TABLE) &&
		pg_class_aclcheck(entry->relid, role, ACL_SELECT) == ACLCHECK_OK &&
		check_enable_rls(entry->relid, role, true) != RLS_ENABLED &&
		!has_foreign_children(entry->relid);
}

bool
rs_view_may_hide_rows(const RsModel *model)
{
	Relation	view = try_relation_open(model->view, AccessShareLock);
	const Query *query;
	bool		hides = true;

	if (view == NULL)			/* dropped by a function that it called */
		rs_model_missing(model->name);
	query = get_view_query(view);
	if (is_plain_query(query))
	{
		const RangeTblRef *from = linitial_node(RangeTblRef, query->jointree->fromlist);

		hides = !is_open_table(rt_fetch(from->rtindex, query->rtable),
							   model->run_as_owner ? model->owner : GetUserId());
	}
	relation_close(view, NoLock);
	return hides;
}
