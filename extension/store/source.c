/*-------------------------------------------------------------------------
 *
 * source.c
 *		How the view of a model is read, and the rows of one user.
 *
 * Plans are saved, for each view and way of reading, as long as the backend
 * lives.  The rows of the view may come from functions of its owner, who may
 * rename it and ask again: a plan that runs is never freed.
 *
 * Rows go from the executor into an array by a receiver of our own.  What they
 * may take is bounded by recsys.serving_memory.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "access/relation.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/params.h"
#include "parser/parse_node.h"
#include "parser/parse_relation.h"
#include "tcop/dest.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/uuid.h"

#include "compat.h"
#include "guc.h"
#include "kernel/cells.h"
#include "store/source.h"

/* Rows there is room for at first. */
#define LEAST_CAPACITY	128

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

/* The types that rs_source_number() knows. */
static bool
is_plain_number(Oid type)
{
	return type == INT2OID || type == INT4OID || type == INT8OID ||
		type == FLOAT4OID || type == FLOAT8OID;
}

/* The rating as it is, or as a float8. */
static const char *
plain_rating(const RsModel *model)
{
	return is_plain_number(model->rating_type) ? "v.rating" : "v.rating::pg_catalog.float8";
}

/* Item, rating and, if the model has one, time, as rs_source_select() says. */
static char *
row_columns(const RsModel *model)
{
	return psprintf("v.item_id, %s%s%s", plain_rating(model),
					OidIsValid(model->time_type) ? ", " : "",
					OidIsValid(model->time_type) ? time_cast(model) : "");
}

char *
rs_source_select(const RsModel *model)
{
	return psprintf("SELECT v.user_id, %s FROM recsys_data.%s AS v",
					row_columns(model), quote_identifier(model->name));
}

/* ---- what the rows are of ----------------------------------------------------- */

/*
 * Plans are made anew by name, and a function that the view calls can put another
 * view in its place: Datums are read as what the rows say they are.
 */
static void
refuse_changed(const RsModel *model)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_IN_USE),
			 errmsg("the view of model \"%s\" was changed while it is being read",
					model->name)));
}

Oid
rs_source_id_type(const RsModel *model, TupleDesc desc, int column, RsIdKind kind)
{
	Oid			type = getBaseType(TupleDescAttr(desc, column)->atttypid);
	RsIdKind	found;

	if (!rs_id_kind_of_type(type, &found) || found != kind)
		refuse_changed(model);
	return type;
}

Oid
rs_source_rating_type(const RsModel *model, TupleDesc desc, int column)
{
	Oid			type = getBaseType(TupleDescAttr(desc, column)->atttypid);

	if (!is_plain_number(type))
		refuse_changed(model);
	return type;
}

/* ---- SQL for the rows of one user ------------------------------------------- */

/* The ways to read a user. */
typedef enum ReadKind
{
	READ_ROWS,					/* all rows */
	READ_LATEST,				/* the latest rows that training would take */
	READ_ITEMS					/* the items alone, each once */
} ReadKind;

/*
 * The latest of those rows with a time, or rows without, that training takes:
 *
 * (SELECT v.item_id, v.rating, v."time"::pg_catalog.timestamptz FROM recsys_data.shop AS v
 *   WHERE v.user_id = $1 AND v.item_id IS NOT NULL
 *     AND v.rating::float8 >= -FLT_MAX AND v.rating::float8 <= FLT_MAX
 *     AND v."time" IS NOT NULL
 *   ORDER BY v."time" DESC, v.item_id, v.rating DESC LIMIT 100)
 */
static char *
select_latest(const RsModel *model, int32 limit, bool with_time)
{
	return psprintf("(SELECT %s FROM recsys_data.%s AS v"
					" WHERE v.user_id OPERATOR(pg_catalog.=) $1 AND v.item_id IS NOT NULL"
					" AND v.rating::pg_catalog.float8 OPERATOR(pg_catalog.>=) '%.17g'::pg_catalog.float8"
					" AND v.rating::pg_catalog.float8 OPERATOR(pg_catalog.<=) '%.17g'::pg_catalog.float8"
					" AND v.\"time\" IS %s"
					" ORDER BY %sv.item_id%s, v.rating DESC LIMIT %d)",
					row_columns(model), quote_identifier(model->name),
					-(double) FLT_MAX, (double) FLT_MAX,
					with_time ? "NOT NULL" : "NULL",
					with_time ? "v.\"time\" DESC, " : "",
					model->item_kind == RS_ID_TEXT ? " COLLATE pg_catalog.\"C\"" : "",
					limit);
}

static char *
user_sql(const RsModel *model, ReadKind kind, int32 limit)
{
	switch (kind)
	{
		case READ_ROWS:
			return psprintf("SELECT %s FROM recsys_data.%s AS v"
							" WHERE v.user_id OPERATOR(pg_catalog.=) $1",
							row_columns(model), quote_identifier(model->name));
		case READ_LATEST:

			/*
			 * Times that are NULL come last.  In two parts, as an index by user
			 * and time gives either in order, but has NULLs first when it is
			 * read from the latest time on.  The second part is not run when
			 * the first has enough.
			 */
			return psprintf("%s UNION ALL %s LIMIT %d",
							select_latest(model, limit, true),
							select_latest(model, limit, false), limit);
		case READ_ITEMS:
			return psprintf("SELECT DISTINCT v.item_id FROM recsys_data.%s AS v"
							" WHERE v.user_id OPERATOR(pg_catalog.=) $1",
							quote_identifier(model->name));
	}
	elog(ERROR, "unrecognized way to read: %d", (int) kind);
}

/* ---- plans ------------------------------------------------------------------ */

typedef struct UserPlanKey
{
	Oid			view;
	ReadKind	kind;
	int32		limit;			/* of READ_LATEST, else 0 */
} UserPlanKey;

typedef struct UserPlan
{
	UserPlanKey key;
	NameData	name;			/* of the view when it was prepared */
	Oid			argument_type;
	Oid			item_type;
	Oid			rating_type;
	Oid			time_type;
	int			busy;			/* executions under way: the view may call us */
	SPIPlanPtr	plan;			/* NULL while it is being prepared */
} UserPlan;

static HTAB *user_plans = NULL;

/*
 * Whose right to read the view is checked.  Whoever asks a model has been let in
 * by rs_model_open(); they need no right to read a view with run_as owner, which
 * its owner reads.  What is below the view is checked as ever.
 */
static void
check_as_owner(ParseState *pstate, Oid view)
{
	Relation	relation = relation_open(view, NoLock);
	ListCell   *cell;

	foreach(cell, pstate->p_rtable)
	{
		RangeTblEntry *entry = lfirst_node(RangeTblEntry, cell);

		if (entry->rtekind == RTE_RELATION && entry->relid == view &&
			!RelationHasSecurityInvoker(relation))
			rs_check_as_user(pstate, entry, relation->rd_rel->relowner);
	}
	relation_close(relation, NoLock);
}

/*
 * $1 is the user.  It stands in the WHERE clause, so the view was found, and
 * locked, before.  Called again whenever the plan is made anew.
 */
static Node *
user_parameter(ParseState *pstate, ParamRef *reference)
{
	const UserPlan *entry = pstate->p_ref_hook_state;
	Param	   *param = makeNode(Param);

	check_as_owner(pstate, entry->key.view);
	param->paramkind = PARAM_EXTERN;
	param->paramid = reference->number;
	param->paramtype = entry->argument_type;
	param->paramtypmod = -1;
	param->paramcollid = get_typcollation(entry->argument_type);
	param->location = reference->location;
	return (Node *) param;
}

static void
set_up_parser(ParseState *pstate, void *entry)
{
	pstate->p_ref_hook_state = entry;
	pstate->p_paramref_hook = user_parameter;
}

/* A plan for the entry, which must outlive it; not saved.  SPI is connected. */
static SPIPlanPtr
prepare(const RsModel *model, UserPlan *entry)
{
	SPIPlanPtr	plan;

	namestrcpy(&entry->name, model->name);
	entry->argument_type = model->user_type == VARCHAROID ? TEXTOID : model->user_type;
	entry->item_type = model->item_type;
	entry->rating_type = model->rating_type;
	entry->time_type = model->time_type;
	plan = SPI_prepare_params(user_sql(model, entry->key.kind, entry->key.limit),
							  set_up_parser, entry, 0);
	if (plan == NULL)
		elog(ERROR, "SPI_prepare_params failed: %s", SPI_result_code_string(SPI_result));
	return plan;
}

/* Let the planner scan indexes wherever it can, until the nest level ends. */
static void
prefer_indexes(void)
{
	static const char *const settings[][2] = {
		{"enable_indexscan", "on"},
		{"enable_indexonlyscan", "on"},
		{"enable_bitmapscan", "off"},
		{"enable_seqscan", "off"},
	};

	for (int i = 0; i < (int) lengthof(settings); i++)
		(void) set_config_option(settings[i][0], settings[i][1], PGC_USERSET,
								 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

PlannedStmt *
rs_source_plan_user_rows(const RsModel *model)
{
	UserPlan	entry = {.key = {.view = model->view,.kind = READ_ROWS}};
	int			guc_level = NewGUCNestLevel();
	SPIPlanPtr	plan;
	CachedPlan *cached;
	PlannedStmt *result;

	prefer_indexes();
	plan = prepare(model, &entry);
	cached = SPI_plan_get_cached_plan(plan);
	if (cached == NULL)
		elog(ERROR, "SPI_plan_get_cached_plan failed");
	result = copyObject(linitial_node(PlannedStmt, cached->stmt_list));
	ReleaseCachedPlan(cached, NULL);
	SPI_freeplan(plan);
	AtEOXact_GUC(false, guc_level);
	return result;
}

/* Let go of the plans whose view is gone. */
static void
forget_dropped_views(void)
{
	HASH_SEQ_STATUS status;
	UserPlan   *entry;

	hash_seq_init(&status, user_plans);
	while ((entry = hash_seq_search(&status)) != NULL)
	{
		if (entry->busy > 0 ||
			SearchSysCacheExists1(RELOID, ObjectIdGetDatum(entry->key.view)))
			continue;
		if (entry->plan != NULL)
			SPI_freeplan(entry->plan);
		hash_search(user_plans, &entry->key, HASH_REMOVE, NULL);
	}
}

static UserPlan *
find_user_plan(const RsModel *model, ReadKind kind, int32 limit)
{
	UserPlanKey key = {.view = model->view,.kind = kind,.limit = limit};
	UserPlan   *entry;

	if (user_plans == NULL)
	{
		HASHCTL		control = {0};

		control.keysize = sizeof(UserPlanKey);
		control.entrysize = sizeof(UserPlan);
		user_plans = hash_create("recsys user plans", 16, &control,
								 HASH_ELEM | HASH_BLOBS);
	}
	entry = hash_search(user_plans, &key, HASH_FIND, NULL);
	if (entry != NULL)
		return entry;
	forget_dropped_views();
	entry = hash_search(user_plans, &key, HASH_ENTER, NULL);
	entry->plan = NULL;
	entry->busy = 0;
	return entry;
}

/* The saved plan to read a user; SPI is connected. */
static UserPlan *
user_plan(const RsModel *model, ReadKind kind, int32 limit)
{
	UserPlan   *entry = find_user_plan(model, kind, limit);
	SPIPlanPtr	plan = entry->plan;

	if (plan != NULL)
	{
		if (entry->item_type == model->item_type &&
			entry->rating_type == model->rating_type &&
			entry->time_type == model->time_type &&
			(model->user_type == entry->argument_type ||
			 (model->user_type == VARCHAROID && entry->argument_type == TEXTOID)) &&
			strcmp(NameStr(entry->name), model->name) == 0)
			return entry;
		if (entry->busy > 0)
			refuse_changed(model);
		entry->plan = NULL;
		SPI_freeplan(plan);
	}
	plan = prepare(model, entry);
	if (SPI_keepplan(plan) != 0)
		elog(ERROR, "SPI_keepplan failed");
	entry->plan = plan;
	return entry;
}

/* ---- receiving rows --------------------------------------------------------- */

typedef struct UserReceiver
{
	DestReceiver pub;
	const RsModel *model;
	Datum		user_id;
	ReadKind	kind;
	bool		first_only;		/* is there a row at all? */
	Oid			item_type;		/* of the columns */
	Oid			rating_type;
	char	   *array;			/* RsUserRow or, for READ_ITEMS, Datum */
	Size		element;		/* size of these */
	int32		n;
	int32		capacity;
	Size		charge;			/* bytes that an element costs, here and later */
	Size		limit;			/* bytes */
	Size		id_bytes;		/* of texts and uuids */
	MemoryContext context;		/* of all that is returned */
	MemoryContext ids;			/* texts and uuids, below context */
} UserReceiver;

static void
refuse_memory(const UserReceiver *receiver)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("the %s of user \"%s\" in model \"%s\" need more than the %d kB of \"recsys.serving_memory\"",
					receiver->kind == READ_ITEMS ? "items" : "rows",
					rs_id_shown(receiver->user_id, receiver->model->user_kind),
					receiver->model->name, rs_serving_memory),
			 errdetail("The limit was reached after %d of them.", receiver->n),
			 receiver->kind == READ_ITEMS ?
			 errhint("Raise recsys.serving_memory, or ask with exclude_seen => false.") :
			 errhint("Train with the option history_limit, which reads the latest rows only, or raise recsys.serving_memory.")));
}

static void
check_memory(const UserReceiver *receiver, int32 capacity)
{
	if (add_size(mul_size(receiver->charge, capacity), receiver->id_bytes) > receiver->limit)
		refuse_memory(receiver);
}

/* Twice the room, or what the limit leaves. */
static void
grow(UserReceiver *receiver)
{
	int64		most = (int64) Min(receiver->limit / receiver->charge,
								   (Size) PG_INT32_MAX);
	int32		capacity = (int32) Min(Max((int64) receiver->capacity * 2, LEAST_CAPACITY), most);
	Size		size = mul_size(receiver->element, capacity);

	if (capacity <= receiver->capacity)
		refuse_memory(receiver);
	check_memory(receiver, receiver->capacity + 1);
	receiver->array = receiver->array == NULL ?
		MemoryContextAllocHuge(receiver->context, size) :
		repalloc_huge(receiver->array, size);
	receiver->capacity = capacity;
}

/* Bytes that outlive the executor's row. */
static Datum
copy_bytes(UserReceiver *receiver, const void *bytes, Size size)
{
	void	   *copy;

	if (receiver->ids == NULL)
		receiver->ids = AllocSetContextCreate(receiver->context, "recsys ids of a user",
											  ALLOCSET_START_SMALL_SIZES);
	receiver->id_bytes += GetMemoryChunkSpace(copy = MemoryContextAlloc(receiver->ids, size));
	check_memory(receiver, receiver->n);
	return PointerGetDatum(memcpy(copy, bytes, size));
}

/* An item of the column as a Datum of the model's kind. */
static Datum
take_item(UserReceiver *receiver, Datum value)
{
	Datum		result;
	text	   *plain;

	switch (receiver->model->item_kind)
	{
		case RS_ID_BIGINT:
			return Int64GetDatum(rs_id_integer(value, receiver->item_type));
		case RS_ID_UUID:
			return copy_bytes(receiver, DatumGetUUIDP(value), UUID_LEN);
		case RS_ID_TEXT:
			plain = DatumGetTextPP(value);
			result = copy_bytes(receiver, plain, VARSIZE_ANY(plain));
			if (PointerGetDatum(plain) != value)
				pfree(plain);	/* was compressed or toasted */
			return result;
	}
	elog(ERROR, "unrecognized id kind: %d", (int) receiver->model->item_kind);
}

/* Item, rating, time. */
static void
take_row(UserReceiver *receiver, TupleTableSlot *slot)
{
	RsUserRow  *row = &((RsUserRow *) receiver->array)[receiver->n];
	double		rating = slot->tts_isnull[1] ? NAN :
		rs_source_number(slot->tts_values[1], receiver->rating_type);

	row->item_id = take_item(receiver, slot->tts_values[0]);
	row->usable = isfinite(rating) && fabs(rating) <= FLT_MAX;
	row->value = row->usable ? (float) rating : 0;
	row->time = slot->tts_nvalid < 3 || slot->tts_isnull[2] ?
		PG_INT64_MIN : DatumGetInt64(slot->tts_values[2]);
}

/* A row without an item says nothing. */
static bool
receive_row(TupleTableSlot *slot, DestReceiver *self)
{
	UserReceiver *receiver = (UserReceiver *) self;

	slot_getallattrs(slot);
	if (slot->tts_isnull[0])
		return true;
	if (receiver->n == receiver->capacity)
		grow(receiver);
	if (receiver->kind == READ_ITEMS)
		((Datum *) receiver->array)[receiver->n] = take_item(receiver, slot->tts_values[0]);
	else
		take_row(receiver, slot);
	receiver->n++;
	return !receiver->first_only;
}

static void
receive_startup(DestReceiver *self, int operation, TupleDesc desc)
{
	UserReceiver *receiver = (UserReceiver *) self;
	const RsModel *model = receiver->model;

	receiver->item_type = rs_source_id_type(model, desc, 0, model->item_kind);
	if (receiver->kind != READ_ITEMS)
		receiver->rating_type = rs_source_rating_type(model, desc, 1);
}

static void
receive_end(DestReceiver *self)
{
}

static void
receiver_init(UserReceiver *receiver, const RsModel *model, Datum user_id, ReadKind kind)
{
	memset(receiver, 0, sizeof(UserReceiver));
	receiver->pub.receiveSlot = receive_row;
	receiver->pub.rStartup = receive_startup;
	receiver->pub.rShutdown = receive_end;
	receiver->pub.rDestroy = receive_end;
	receiver->pub.mydest = DestNone;
	receiver->model = model;
	receiver->user_id = user_id;
	receiver->kind = kind;
	receiver->context = CurrentMemoryContext;
	receiver->limit = (Size) rs_serving_memory * 1024;
	receiver->element = kind == READ_ITEMS ? sizeof(Datum) : sizeof(RsUserRow);
	/* a row becomes a cell as well, when the user is folded in */
	receiver->charge = kind == READ_ITEMS ? sizeof(Datum) : sizeof(RsUserRow) + sizeof(RsCell);
}

/* ---- reading ---------------------------------------------------------------- */

/* Execute a plan that nobody may free meanwhile. */
static int
execute_user_plan(UserPlan *entry, Datum argument, DestReceiver *receiver)
{
	ParamListInfo params = makeParamList(1);
	SPIExecuteOptions options = {.params = params,.read_only = true,.dest = receiver};
	volatile int result = 0;

	params->params[0].value = argument;
	params->params[0].isnull = false;
	params->params[0].pflags = PARAM_FLAG_CONST;
	params->params[0].ptype = entry->argument_type;
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
	return result;
}

/* Where an error arose, such as: rows of user "7" in recsys_data.shop */
static void
tell_user(void *arg)
{
	const UserReceiver *receiver = arg;

	errcontext("rows of user \"%s\" in %s",
			   rs_id_shown(receiver->user_id, receiver->model->user_kind),
			   quote_qualified_identifier("recsys_data", receiver->model->name));
}

static void
read_user(UserReceiver *receiver, int32 limit)
{
	const RsModel *model = receiver->model;
	ErrorContextCallback callback = {.callback = tell_user,.arg = receiver};
	Datum		argument;
	int			result;

	if (!rs_id_to_column(receiver->user_id, model->user_kind, model->user_type, &argument))
		return;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	result = execute_user_plan(user_plan(model, receiver->kind, limit), argument,
							   &receiver->pub);
	if (result < 0)
		elog(ERROR, "SPI_execute_plan_extended failed: %s", SPI_result_code_string(result));
	SPI_finish();
	error_context_stack = callback.previous;
}

int32
rs_source_user_rows(const RsModel *model, Datum user_id, int32 history_limit,
					RsUserRow **rows)
{
	UserReceiver receiver;

	receiver_init(&receiver, model, user_id, history_limit > 0 ? READ_LATEST : READ_ROWS);
	read_user(&receiver, history_limit);
	*rows = (RsUserRow *) receiver.array;
	return receiver.n;
}

int32
rs_source_user_items(const RsModel *model, Datum user_id, Datum **items)
{
	UserReceiver receiver;

	receiver_init(&receiver, model, user_id, READ_ITEMS);
	read_user(&receiver, 0);
	*items = (Datum *) receiver.array;
	return receiver.n;
}

bool
rs_source_user_exists(const RsModel *model, Datum user_id)
{
	UserReceiver receiver;

	receiver_init(&receiver, model, user_id, READ_ROWS);
	receiver.first_only = true;
	read_user(&receiver, 0);
	return receiver.n > 0;
}
