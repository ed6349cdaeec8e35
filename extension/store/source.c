/*-------------------------------------------------------------------------
 *
 * source.c
 *		How the view of a model is read, and one user's rows for fold-in.
 *
 * One saved plan is kept for each view and backend.  The rows of the view may
 * come from functions of its owner, who may rename it and ask again: a plan that
 * runs is never freed.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "access/relation.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "rewrite/rewriteHandler.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/syscache.h"
#include "utils/uuid.h"

#include "compat.h"
#include "store/source.h"

/* The time of a row as a type whose Datum is an int64. */
static const char *
time_cast(const RsModel *model)
{
	switch (model->time_type)
	{
		case TIMESTAMPTZOID:
			return "v.\"time\"::pg_catalog.timestamptz";
		case TIMESTAMPOID:
		case DATEOID:
			return "v.\"time\"::pg_catalog.timestamp";
		case INT2OID:
		case INT4OID:
		case INT8OID:
			return "v.\"time\"::pg_catalog.int8";
		default:
			return "NULL::pg_catalog.int8";
	}
}

static const char *
id_cast(RsIdKind kind)
{
	switch (kind)
	{
		case RS_ID_BIGINT:
			return "pg_catalog.int8";
		case RS_ID_TEXT:
			return "pg_catalog.text";
		case RS_ID_UUID:
			return "pg_catalog.uuid";
	}
	elog(ERROR, "unrecognized id kind: %d", (int) kind);
}

/* The rating as it is where rs_source_number() knows its type, or as a float8. */
static const char *
plain_rating(const RsModel *model)
{
	switch (model->rating_type)
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case FLOAT4OID:
		case FLOAT8OID:
			return "v.rating";
		default:
			return "v.rating::pg_catalog.float8";
	}
}

char *
rs_source_select(const RsModel *model)
{
	return psprintf("SELECT v.user_id, v.item_id, %s%s%s FROM recsys_data.%s AS v",
					plain_rating(model), OidIsValid(model->time_type) ? ", " : "",
					OidIsValid(model->time_type) ? time_cast(model) : "",
					quote_identifier(model->name));
}

/* ---- one user's rows ------------------------------------------------------ */

typedef struct UserPlan
{
	Oid			view;			/* hash key */
	NameData	name;			/* of the view when it was prepared */
	Oid			argument_type;
	RsIdKind	item_kind;
	Oid			time_type;
	int			busy;			/* executions under way: the view may call us */
	SPIPlanPtr	plan;			/* NULL while it is being prepared */
} UserPlan;

static HTAB *user_plans = NULL;

/* Let go of the plans whose view is gone. */
static void
forget_dropped_views(void)
{
	HASH_SEQ_STATUS status;
	UserPlan   *entry;

	hash_seq_init(&status, user_plans);
	while ((entry = hash_seq_search(&status)) != NULL)
	{
		if (entry->busy > 0 || SearchSysCacheExists1(RELOID, ObjectIdGetDatum(entry->view)))
			continue;
		if (entry->plan != NULL)
			SPI_freeplan(entry->plan);
		hash_search(user_plans, &entry->view, HASH_REMOVE, NULL);
	}
}

static UserPlan *
find_user_plan(const RsModel *model)
{
	bool		found;
	UserPlan   *entry;

	if (user_plans == NULL)
	{
		HASHCTL		control = {0};

		control.keysize = sizeof(Oid);
		control.entrysize = sizeof(UserPlan);
		user_plans = hash_create("recsys user plans", 16, &control,
								 HASH_ELEM | HASH_BLOBS);
	}
	entry = hash_search(user_plans, &model->view, HASH_FIND, NULL);
	if (entry != NULL)
		return entry;
	forget_dropped_views();
	entry = hash_search(user_plans, &model->view, HASH_ENTER, &found);
	entry->plan = NULL;
	entry->busy = 0;
	return entry;
}

/* The saved plan for the rows of one user; SPI is connected. */
static UserPlan *
prepare_user_plan(const RsModel *model)
{
	UserPlan   *entry = find_user_plan(model);
	Oid			argument_type = model->user_type == VARCHAROID ? TEXTOID : model->user_type;
	SPIPlanPtr	plan;
	char	   *sql;

	if (entry->plan != NULL)
	{
		if (entry->argument_type == argument_type &&
			entry->item_kind == model->item_kind &&
			entry->time_type == model->time_type &&
			strcmp(NameStr(entry->name), model->name) == 0)
			return entry;
		if (entry->busy > 0)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_IN_USE),
					 errmsg("the view of model \"%s\" was changed while it is being read",
							model->name)));
		plan = entry->plan;
		entry->plan = NULL;
		SPI_freeplan(plan);
	}
	sql = psprintf("SELECT v.item_id::%s, v.rating::pg_catalog.float8, %s"
				   " FROM recsys_data.%s AS v WHERE v.user_id OPERATOR(pg_catalog.=) $1",
				   id_cast(model->item_kind), time_cast(model), quote_identifier(model->name));
	plan = SPI_prepare(sql, 1, &argument_type);
	if (plan == NULL)
		elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
	if (SPI_keepplan(plan) != 0)
		elog(ERROR, "SPI_keepplan failed");
	namestrcpy(&entry->name, model->name);
	entry->argument_type = argument_type;
	entry->item_kind = model->item_kind;
	entry->time_type = model->time_type;
	entry->plan = plan;
	return entry;
}

/* Turn the rows SPI returned into ours, in the given context. */
static int32
copy_user_rows(RsIdKind item_kind, MemoryContext context, RsUserRow **rows)
{
	TupleDesc	desc = SPI_tuptable->tupdesc;
	int32		n = 0;
	MemoryContext old;

	if (SPI_processed > PG_INT32_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many rows for one user")));
	old = MemoryContextSwitchTo(context);
	*rows = palloc_extended(mul_size(sizeof(RsUserRow), Max(SPI_processed, 1)),
							MCXT_ALLOC_HUGE);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[i];
		RsUserRow  *row = &(*rows)[n];
		bool		isnull;
		Datum		value = SPI_getbinval(tuple, desc, 1, &isnull);

		if (isnull)
			continue;
		row->item_id = item_kind == RS_ID_TEXT ?
			PointerGetDatum(PG_DETOAST_DATUM_COPY(value)) :
			datumCopy(value, item_kind == RS_ID_BIGINT, UUID_LEN);
		value = SPI_getbinval(tuple, desc, 2, &isnull);
		row->usable = !isnull && isfinite(DatumGetFloat8(value)) &&
			fabs(DatumGetFloat8(value)) <= FLT_MAX;
		row->value = row->usable ? (float) DatumGetFloat8(value) : 0;
		value = SPI_getbinval(tuple, desc, 3, &isnull);
		row->time = isnull ? PG_INT64_MIN : DatumGetInt64(value);
		n++;
	}
	MemoryContextSwitchTo(old);
	return n;
}

/* Execute a plan that nobody may free meanwhile. */
static int
execute_user_plan(UserPlan *entry, Datum argument)
{
	volatile int result = 0;

	entry->busy++;
	PG_TRY();
	{
		result = SPI_execute_plan(entry->plan, &argument, NULL, true, 0);
	}
	PG_FINALLY();
	{
		entry->busy--;
	}
	PG_END_TRY();
	return result;
}

/* Whose rows an error arose in. */
typedef struct UserContext
{
	const RsModel *model;
	Datum		user_id;
} UserContext;

/* Such as: rows of user "7" in recsys_data.shop */
static void
tell_user(void *arg)
{
	const UserContext *context = arg;

	errcontext("rows of user \"%s\" in %s",
			   rs_id_shown(context->user_id, context->model->user_kind),
			   quote_qualified_identifier("recsys_data", context->model->name));
}

int32
rs_source_user_rows(const RsModel *model, Datum user_id, RsUserRow **rows)
{
	MemoryContext context = CurrentMemoryContext;
	UserContext user = {model, user_id};
	ErrorContextCallback callback = {error_context_stack, tell_user, &user};
	Datum		argument;
	int32		n;
	int			result;

	if (!rs_id_to_column(user_id, model->user_kind, model->user_type, &argument))
		return 0;
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	error_context_stack = &callback;
	result = execute_user_plan(prepare_user_plan(model), argument);
	error_context_stack = callback.previous;
	if (result != SPI_OK_SELECT)
		elog(ERROR, "SPI_execute_plan failed: %s", SPI_result_code_string(result));
	n = copy_user_rows(model->item_kind, context, rows);
	SPI_finish();
	return n;
}

/* ---- what the caller may see ------------------------------------------------ */

/* May this entry of the view's range table hide rows from the user? */
static bool
entry_may_hide_rows(const RangeTblEntry *entry)
{
	return entry->rtekind != RTE_RELATION ||
		entry->relkind == RELKIND_VIEW ||
		entry->relkind == RELKIND_FOREIGN_TABLE ||	/* the other side decides */
		check_enable_rls(entry->relid, InvalidOid, true) == RLS_ENABLED ||
		pg_class_aclcheck(entry->relid, GetUserId(), ACL_SELECT) != ACLCHECK_OK;
}

bool
rs_source_may_hide_rows(const RsModel *model)
{
	Relation	view;
	Query	   *query;
	ListCell   *cell;
	bool		hides;

	if (model->run_as_owner)
		return false;
	view = relation_open(model->view, AccessShareLock);
	query = get_view_query(view);
	hides = query->jointree->quals != NULL;
	foreach(cell, query->rtable)
	{
		const RangeTblEntry *entry = lfirst_node(RangeTblEntry, cell);

		/* before 16 a view's range table names the view itself, twice */
		if (entry->rtekind == RTE_RELATION && entry->relid == model->view)
			continue;
		hides = hides || entry_may_hide_rows(entry);
	}
	relation_close(view, NoLock);
	return hides;
}
