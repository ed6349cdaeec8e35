/*-------------------------------------------------------------------------
 *
 * view_plan.c
 *		Saved plans of statements that read a view of a model.
 *
 * Plans are saved, for each view and way of reading, as long as the backend lives
 * and the view is there.  Rows may come from functions of the view's owner, who may
 * rename it and ask again: a plan that runs, or is planned, is never freed.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "nodes/makefuncs.h"
#include "nodes/params.h"
#include "nodes/plannodes.h"
#include "parser/parse_node.h"
#include "parser/parse_relation.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/plancache.h"
#include "utils/rel.h"
#include "utils/resowner.h"
#include "utils/syscache.h"

#include "compat.h"
#include "store/view_plan.h"

static HTAB *plans = NULL;

void
rs_view_refuse_changed(const char *model)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_IN_USE),
			 errmsg("the view of model \"%s\" was changed while it is being read", model)));
}

/* ---- preparing ---------------------------------------------------------------- */

/*
 * Let the right of the owner to read the view be checked, where the view has run_as
 * owner.  rs_model_open() or rs_item_catalog_open() has checked before that the current
 * user may ask.  Relations below the view are checked as ever.
 */
static void
check_as_owner(ParseState *pstate, const RsViewPlan *entry)
{
	Oid			view = entry->statement.view;
	Relation	relation = try_relation_open(view, NoLock);
	ListCell   *cell;

	if (relation == NULL)		/* another one has its name */
		rs_view_refuse_changed(NameStr(entry->name));
	foreach(cell, pstate->p_rtable)
	{
		RangeTblEntry *table = lfirst_node(RangeTblEntry, cell);

		if (table->rtekind == RTE_RELATION && table->relid == view &&
			!RelationHasSecurityInvoker(relation))
			rs_check_as_user(pstate, table, relation->rd_rel->relowner);
	}
	relation_close(relation, NoLock);
}

/*
 * Columns come after the FROM clause, so the view was found, and locked, before.
 * Called again whenever the plan is made anew.
 */
static Node *
before_column(ParseState *pstate, ColumnRef *reference)
{
	check_as_owner(pstate, pstate->p_ref_hook_state);
	return NULL;				/* resolve the column as ever */
}

static Node *
parameter(ParseState *pstate, ParamRef *reference)
{
	const RsViewPlan *entry = pstate->p_ref_hook_state;
	Param	   *param = makeNode(Param);

	param->paramkind = PARAM_EXTERN;
	param->paramid = reference->number;
	param->paramtype = entry->statement.argument_type;
	param->paramtypmod = -1;
	param->paramcollid = get_typcollation(param->paramtype);
	param->location = reference->location;
	return (Node *) param;
}

static void
set_up_parser(ParseState *pstate, void *entry)
{
	pstate->p_ref_hook_state = entry;
	pstate->p_pre_columnref_hook = before_column;
	pstate->p_paramref_hook = parameter;
}

/*
 * A plan for the entry, which must outlive it; not saved.  Statements of the catalogue
 * get a generic plan: arrays may have any length, and no other plan would be better.
 */
static SPIPlanPtr
prepare(const RsModel *model, const RsViewStatement *statement, RsViewSql sql, RsViewPlan *entry)
{
	SPIPlanPtr	plan;

	namestrcpy(&entry->name, model->name);
	entry->statement = *statement;
	entry->cost_generation = -1;
	plan = SPI_prepare_params(sql(model, statement), set_up_parser, entry,
							  statement->read >= RS_READ_LISTED ? CURSOR_OPT_GENERIC_PLAN : 0);
	if (plan == NULL)
		elog(ERROR, "SPI_prepare_params failed: %s", SPI_result_code_string(SPI_result));
	return plan;
}

/* ---- keeping ------------------------------------------------------------------ */

/* Let go of the plans whose view is gone. */
static void
forget_dropped_views(void)
{
	HASH_SEQ_STATUS status;
	RsViewPlan *entry;

	hash_seq_init(&status, plans);
	while ((entry = hash_seq_search(&status)) != NULL)
	{
		if (entry->busy > 0 ||
			SearchSysCacheExists1(RELOID, ObjectIdGetDatum(entry->statement.view)))
			continue;
		if (entry->plan != NULL)
			SPI_freeplan(entry->plan);
		hash_search(plans, &entry->statement, HASH_REMOVE, NULL);
	}
}

static RsViewPlan *
find_plan(const RsViewStatement *statement)
{
	RsViewPlan *entry;

	if (plans == NULL)
	{
		HASHCTL		control = {0};

		control.keysize = offsetof(RsViewStatement, argument_type);
		control.entrysize = sizeof(RsViewPlan);
		plans = hash_create("recsys view plans", 16, &control, HASH_ELEM | HASH_BLOBS);
	}
	entry = hash_search(plans, statement, HASH_FIND, NULL);
	if (entry != NULL)
		return entry;
	forget_dropped_views();
	entry = hash_search(plans, statement, HASH_ENTER, NULL);
	entry->plan = NULL;
	entry->busy = 0;
	return entry;
}

RsViewPlan *
rs_view_plan(const RsModel *model, const RsViewStatement *statement, RsViewSql sql)
{
	RsViewPlan *entry = find_plan(statement);
	SPIPlanPtr	plan = entry->plan;

	if (plan != NULL)
	{
		if (memcmp(&entry->statement, statement, sizeof(RsViewStatement)) == 0 &&
			strcmp(NameStr(entry->name), model->name) == 0)
			return entry;
		if (entry->busy > 0)
			rs_view_refuse_changed(model->name);
		entry->plan = NULL;
		SPI_freeplan(plan);
	}
	plan = prepare(model, statement, sql, entry);
	if (SPI_keepplan(plan) != 0)
		elog(ERROR, "SPI_keepplan failed");
	entry->plan = plan;
	return entry;
}

/* ---- executing ---------------------------------------------------------------- */

void
rs_view_plan_execute(RsViewPlan *entry, Datum argument, DestReceiver *receiver)
{
	SPIExecuteOptions options = {.read_only = true,.dest = receiver};
	volatile int result = 0;

	if (OidIsValid(entry->statement.argument_type))
	{
		options.params = makeParamList(1);
		options.params->params[0].value = argument;
		options.params->params[0].isnull = false;
		options.params->params[0].pflags = PARAM_FLAG_CONST;
		options.params->params[0].ptype = entry->statement.argument_type;
	}
	entry->busy++;
	PG_TRY();
	{
		result = SPI_execute_plan_extended(entry->plan, &options);
	}
	PG_FINALLY();
	{
		entry->busy--;
	}
	PG_END_TRY();
	if (result < 0)
		elog(ERROR, "SPI_execute_plan_extended failed: %s", SPI_result_code_string(result));
}

/* ---- what a plan is like ------------------------------------------------------ */

/* A copy of the plan under some settings, a list that ends in NULL. */
static PlannedStmt *
plan_with(const char *const settings[][2], const RsModel *model,
		  const RsViewStatement *statement, RsViewSql sql)
{
	RsViewPlan	entry;
	int			guc_level = NewGUCNestLevel();
	SPIPlanPtr	plan;
	CachedPlan *cached;
	PlannedStmt *result;

	for (int i = 0; settings[i][0] != NULL; i++)
		(void) set_config_option(settings[i][0], settings[i][1], PGC_USERSET,
								 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	plan = prepare(model, statement, sql, &entry);
	cached = SPI_plan_get_cached_plan(plan);
	if (cached == NULL)
		elog(ERROR, "SPI_plan_get_cached_plan failed");
	result = copyObject(linitial_node(PlannedStmt, cached->stmt_list));
	ReleaseCachedPlan(cached, NULL);
	SPI_freeplan(plan);
	AtEOXact_GUC(false, guc_level);
	return result;
}

PlannedStmt *
rs_view_plan_by_indexes(const RsModel *model, const RsViewStatement *statement, RsViewSql sql)
{
	static const char *const settings[][2] = {
		{"enable_indexscan", "on"},
		{"enable_indexonlyscan", "on"},
		{"enable_bitmapscan", "off"},
		{"enable_seqscan", "off"},
		{NULL, NULL},
	};

	return plan_with(settings, model, statement, sql);
}

/* See that the saved plan is one of now, and give its number. */
static int
current_generation(RsViewPlan *entry)
{
	const CachedPlanSource *source = linitial(SPI_plan_get_plan_sources(entry->plan));

	if (!source->is_valid || source->gplan == NULL || !source->gplan->is_valid)
		ReleaseCachedPlan(SPI_plan_get_cached_plan(entry->plan), CurrentResourceOwner);
	return source->generation;
}

static double
current_cost(const RsModel *model, RsViewPlan *entry, RsViewSql sql)
{
	static const char *const settings[][2] = {
		{"seq_page_cost", "0"},
		{"random_page_cost", "0"},
		{NULL, NULL},
	};
	int			generation = current_generation(entry);

	if (entry->cost_generation != generation)
	{
		PlannedStmt *statement = plan_with(settings, model, &entry->statement, sql);

		entry->cost = statement->planTree->total_cost;
		entry->cost_generation = generation;
	}
	return entry->cost;
}

/* Functions of the view may run while it is planned. */
double
rs_view_plan_cost(const RsModel *model, RsViewPlan *entry, RsViewSql sql)
{
	volatile double cost = 0;

	entry->busy++;
	PG_TRY();
	{
		cost = current_cost(model, entry, sql);
	}
	PG_FINALLY();
	{
		entry->busy--;
	}
	PG_END_TRY();
	return cost;
}
