/*-------------------------------------------------------------------------
 *
 * transform.c
 *		Messages through a user's function into rows.
 *
 * The function is called once for each message, by a kept plan; what it returns is
 * turned into text by the columns' output functions and goes on as what a mapping
 * gives does.  JSON for a jsonb argument is checked by our own reader first, so that
 * most of what is no JSON costs no subtransaction.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "compat.h"
#include "metadata.h"
#include "transform.h"

struct RkTransform
{
	Oid			owner;			/* role that it runs as */
	const char *topic;
	Oid			function;
	bool		takes_json;
	bool		returns_scalar;	/* RETURNS TABLE of one column */
	int			ncolumns;
	const char **columns;
	SPIPlanPtr	plan;
	RkArena		arena;			/* of the check of JSON */
	MemoryContext message_context;
};

/* All of the payload, as JSON. */
static const RkField whole_payload = {
	.column = "payload", .origin = RK_ORIGIN_PATH, .kind = RK_KIND_JSON
};
static const RkMapping json_check = {
	.nfields = 1, .fields = &whole_payload, .reads_payload = true
};

/* ---- the function ---------------------------------------------------------------- */

/* Its oid, from its name with or without types. */
static Oid
find_function(const char *name)
{
	PGFunction	input = strchr(name, '(') != NULL ? regprocedurein : regprocin;

	return DatumGetObjectId(DirectFunctionCall1(input, CStringGetDatum(name)));
}

pg_noreturn static void
bad_function(const RkSource *source)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_FUNCTION_DEFINITION),
			 errmsg("function %s is no transform", source->transform),
			 errhint("A transform takes (bytea, jsonb) or (jsonb, jsonb) and returns rows of named columns.")));
}

static void
check_arguments(RkTransform *transform, const RkSource *source)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(transform->function));
	Form_pg_proc proc;
	Oid			payload = InvalidOid;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", transform->function);
	proc = (Form_pg_proc) GETSTRUCT(tuple);
	if (proc->prokind == PROKIND_FUNCTION && proc->pronargs == 2 &&
		proc->proargtypes.values[1] == JSONBOID)
		payload = proc->proargtypes.values[0];
	ReleaseSysCache(tuple);
	if (payload != BYTEAOID && payload != JSONBOID)
		bad_function(source);
	transform->takes_json = payload == JSONBOID;
}


static void
read_columns(RkTransform *transform, const RkSource *source)
{
	Oid			type;
	TupleDesc	desc;
	TypeFuncClass class = get_func_result_type(transform->function, &type, &desc);

	if (class == TYPEFUNC_COMPOSITE)
	{
		transform->columns = palloc(sizeof(char *) * (desc->natts + 1));
		for (int i = 0; i < desc->natts; i++)
		{
			Form_pg_attribute attribute = TupleDescAttr(desc, i);

			if (!attribute->attisdropped && attribute->attgenerated == '\0')
				transform->columns[transform->ncolumns++] = pstrdup(NameStr(attribute->attname));
		}
	}
	else if (class == TYPEFUNC_SCALAR)
	{
		transform->returns_scalar = true;
		transform->columns = palloc(sizeof(char *));
		transform->columns[0] = get_func_result_name(transform->function);
		transform->ncolumns = transform->columns[0] != NULL ? 1 : 0;
	}
	if (transform->ncolumns == 0)
		bad_function(source);
}

/* A row of nothing but nulls is what a function gives that returns NULL: no row. */
static char *
call_statement(const RkTransform *transform)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT ");
	for (int i = 0; i < transform->ncolumns; i++)
		appendStringInfo(&sql, "%st.%s", i > 0 ? ", " : "",
						 quote_identifier(transform->columns[i]));
	appendStringInfo(&sql, " FROM %s($1, $2) AS t",
					 quote_qualified_identifier(get_namespace_name(get_func_namespace(transform->function)),
												get_func_name(transform->function)));
	if (transform->returns_scalar)
		appendStringInfo(&sql, "(%s)", quote_identifier(transform->columns[0]));
	appendStringInfoString(&sql, " WHERE NOT (ROW(");
	for (int i = 0; i < transform->ncolumns; i++)
		appendStringInfo(&sql, "%st.%s", i > 0 ? ", " : "",
						 quote_identifier(transform->columns[i]));
	appendStringInfoString(&sql, ") IS NULL)");
	return sql.data;
}

static SPIPlanPtr
plan_call(const RkTransform *transform)
{
	Oid			types[] = {transform->takes_json ? JSONBOID : BYTEAOID, JSONBOID};
	SPIPlanPtr	plan;

	SPI_connect();
	plan = SPI_prepare(call_statement(transform), 2, types);
	if (plan == NULL)
		elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
	SPI_keepplan(plan);
	SPI_finish();
	return plan;
}

/* What is not in the context of the transform: called when that goes. */
static void
free_foreign(void *arg)
{
	RkTransform *transform = arg;

	rk_arena_free(&transform->arena);
	if (transform->plan != NULL)
		SPI_freeplan(transform->plan);
}

RkTransform *
rk_transform_open(const RkSource *source)
{
	RkTransform *transform = palloc0(sizeof(RkTransform));
	MemoryContextCallback *callback = palloc0(sizeof(MemoryContextCallback));
	RkRole		saved;

	callback->func = free_foreign;
	callback->arg = transform;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
	transform->owner = source->owner;
	transform->topic = source->topic;
	transform->message_context = AllocSetContextCreate(CurrentMemoryContext,
													   "recsys kafka transform",
													   ALLOCSET_DEFAULT_SIZES);
	rk_role_begin(source->owner, &saved);
	transform->function = find_function(source->transform);
	check_arguments(transform, source);
	read_columns(transform, source);
	transform->plan = plan_call(transform);
	rk_role_end(&saved);
	return transform;
}

const char *const *
rk_transform_columns(const RkTransform *transform, int *ncolumns)
{
	*ncolumns = transform->ncolumns;
	return transform->columns;
}

/* ---- one message ------------------------------------------------------------------- */

static Datum
payload_bytea(const RkText *payload)
{
	bytea	   *result = palloc(VARHDRSZ + payload->len);

	SET_VARSIZE(result, VARHDRSZ + payload->len);
	memcpy(VARDATA(result), payload->data, payload->len);
	return PointerGetDatum(result);
}

static Datum
payload_jsonb(const RkText *payload)
{
	char	   *json = pnstrdup(payload->data, payload->len);

	return DirectFunctionCall1(jsonb_in,
							   CStringGetDatum(pg_any_to_server(json, (int) payload->len,
																PG_UTF8)));
}

/* Is the payload what the function takes?  Refuses the message if not. */
static bool
payload_valid(RkTransform *transform, RkBatch *batch, int i)
{
	const RkMessage *message = &batch->messages[i];
	RkText		value;
	RkReason	reason;

	if (!transform->takes_json || message->payload.data == NULL)
		return true;
	rk_arena_reset(&transform->arena);
	switch (rk_event_map(&json_check, message, &transform->arena, &value, &reason))
	{
		case RK_EVENT_ROW:
			return true;
		case RK_EVENT_BAD:
			rk_batch_refuse(batch, i, &reason);
			return false;
		case RK_EVENT_NO_MEMORY:
			break;
	}
	ereport(ERROR,
			(errcode(ERRCODE_OUT_OF_MEMORY),
			 errmsg("out of memory")));
}

/* A value's text in UTF-8, in the memory of the batch; data NULL for NULL. */
static RkText
result_text(RkBatch *batch, HeapTuple tuple, TupleDesc desc, int column)
{
	char	   *server = SPI_getvalue(tuple, desc, column);
	RkText		result = {NULL, 0};
	char	   *utf8;
	char	   *copy;

	if (server == NULL)
		return result;
	utf8 = pg_server_to_any(server, (int) strlen(server), PG_UTF8);
	result.len = strlen(utf8);
	copy = MemoryContextAlloc(batch->context, result.len + 1);
	memcpy(copy, utf8, result.len + 1);
	result.data = copy;
	return result;
}

static void
call_for_message(RkTransform *transform, RkBatch *batch, int i)
{
	const RkMessage *message = &batch->messages[i];
	char		nulls[] = {message->payload.data == NULL ? 'n' : ' ', ' '};
	Datum		arguments[2] = {0, 0};
	int			result;

	if (message->payload.data != NULL)
		arguments[0] = transform->takes_json ? payload_jsonb(&message->payload)
			: payload_bytea(&message->payload);
	arguments[1] = JsonbPGetDatum(rk_metadata(transform->topic, message));
	result = SPI_execute_plan(transform->plan, arguments, nulls, false, 0);
	if (result != SPI_OK_SELECT)
		elog(ERROR, "SPI_execute_plan failed: %s", SPI_result_code_string(result));
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		RkText	   *values = rk_batch_add_row(batch, i);

		for (int column = 0; column < transform->ncolumns; column++)
			values[column] = result_text(batch, SPI_tuptable->vals[row],
										 SPI_tuptable->tupdesc, column + 1);
	}
	SPI_freetuptable(SPI_tuptable);
}

/* ---- a batch ------------------------------------------------------------------------ */

/* The step of rk_batch_isolate(). */
static void
transform_messages(RkBatch *batch, int first, int n, int *failed, void *arg)
{
	RkTransform *transform = arg;
	RkRole		saved;

	rk_batch_cut_rows(batch, first);
	SPI_connect();
	rk_role_begin(transform->owner, &saved);
	for (int i = first; i < first + n; i++)
	{
		MemoryContext old;

		CHECK_FOR_INTERRUPTS();
		*failed = i;
		if (batch->reasons[i] != NULL)
			continue;
		MemoryContextReset(transform->message_context);
		old = MemoryContextSwitchTo(transform->message_context);
		if (payload_valid(transform, batch, i))
			call_for_message(transform, batch, i);
		MemoryContextSwitchTo(old);
	}
	rk_role_end(&saved);
	SPI_finish();
}

int
rk_transform_run(RkTransform *transform, RkBatch *batch, int budget)
{
	int			used = rk_batch_isolate(batch, transform_messages, transform, budget);

	rk_batch_drop_refused(batch);
	return used;
}
