/*-------------------------------------------------------------------------
 *
 * source.c
 *		How the view of a model is read, and the rows of one user.
 *
 * Rows go from the executor into an array by a receiver of our own.  What they
 * may take is bounded by recsys.serving_memory.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/uuid.h"

#include "compat.h"
#include "guc.h"
#include "kernel/cells.h"
#include "store/source.h"
#include "store/view_plan.h"

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

char *
rs_source_usable_rating(void)
{
	return psprintf("v.rating::pg_catalog.float8 OPERATOR(pg_catalog.>=) '%.17g'::pg_catalog.float8"
					" AND v.rating::pg_catalog.float8 OPERATOR(pg_catalog.<=) '%.17g'::pg_catalog.float8",
					-(double) FLT_MAX, (double) FLT_MAX);
}

/* ---- what the rows are of ----------------------------------------------------- */

/*
 * Plans are made anew by name, and a function that the view calls can put another
 * view in its place: Datums are read as what the rows say they are.
 */
Oid
rs_source_id_type(const RsModel *model, TupleDesc desc, int column, RsIdKind kind)
{
	Oid			type = getBaseType(TupleDescAttr(desc, column)->atttypid);
	RsIdKind	found;

	if (!rs_id_kind_of_type(type, &found) || found != kind)
		rs_view_refuse_changed(model->name);
	return type;
}

Oid
rs_source_rating_type(const RsModel *model, TupleDesc desc, int column)
{
	Oid			type = getBaseType(TupleDescAttr(desc, column)->atttypid);

	if (!is_plain_number(type))
		rs_view_refuse_changed(model->name);
	return type;
}

/* ---- SQL for the rows of one user ------------------------------------------- */

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
					" AND %s AND v.\"time\" IS %s"
					" ORDER BY %sv.item_id%s, v.rating DESC LIMIT %d)",
					row_columns(model), quote_identifier(model->name), rs_source_usable_rating(),
					with_time ? "NOT NULL" : "NULL",
					with_time ? "v.\"time\" DESC, " : "",
					model->item_kind == RS_ID_TEXT ? " COLLATE pg_catalog.\"C\"" : "",
					limit);
}

static char *
user_sql(const RsModel *model, const RsViewStatement *statement)
{
	switch (statement->read)
	{
		case RS_READ_ROWS:
			return psprintf("SELECT %s FROM recsys_data.%s AS v"
							" WHERE v.user_id OPERATOR(pg_catalog.=) $1",
							row_columns(model), quote_identifier(model->name));
		case RS_READ_LATEST:

			/*
			 * Times that are NULL come last.  In two parts, as an index by user
			 * and time gives either in order, but has NULLs first when it is
			 * read from the latest time on.  The second part is not run when
			 * the first has enough.
			 */
			return psprintf("%s UNION ALL %s LIMIT %d",
							select_latest(model, statement->limit, true),
							select_latest(model, statement->limit, false), statement->limit);
		case RS_READ_ITEMS:
			return psprintf("SELECT DISTINCT v.item_id FROM recsys_data.%s AS v"
							" WHERE v.user_id OPERATOR(pg_catalog.=) $1",
							quote_identifier(model->name));
		default:
			elog(ERROR, "unrecognized way to read: %d", (int) statement->read);
	}
}

/* ---- plans ------------------------------------------------------------------ */

static RsViewStatement
user_statement(const RsModel *model, RsViewRead read, int32 limit)
{
	RsViewStatement statement = {
		.view = model->view,
		.read = read,
		.limit = limit,
		.argument_type = model->user_type == VARCHAROID ? TEXTOID : model->user_type,
		.types = {model->item_type, model->rating_type, model->time_type},
	};

	return statement;
}

PlannedStmt *
rs_source_plan_user_rows(const RsModel *model)
{
	RsViewStatement statement = user_statement(model, RS_READ_ROWS, 0);

	return rs_view_plan_by_indexes(model, &statement, user_sql);
}

/* ---- receiving rows --------------------------------------------------------- */

typedef struct UserReceiver
{
	DestReceiver pub;
	const RsModel *model;
	Datum		user_id;
	RsViewRead	kind;
	bool		first_only;		/* is there a row at all? */
	Oid			item_type;		/* of the columns */
	Oid			rating_type;
	char	   *array;			/* RsUserRow or, for RS_READ_ITEMS, Datum */
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
					receiver->kind == RS_READ_ITEMS ? "items" : "rows",
					rs_id_shown(receiver->user_id, receiver->model->user_kind),
					receiver->model->name, rs_serving_memory),
			 errdetail("The limit was reached after %d of them.", receiver->n),
			 receiver->kind == RS_READ_ITEMS ?
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
	if (receiver->kind == RS_READ_ITEMS)
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
	if (receiver->kind != RS_READ_ITEMS)
		receiver->rating_type = rs_source_rating_type(model, desc, 1);
}

static void
receive_end(DestReceiver *self)
{
}

static void
receiver_init(UserReceiver *receiver, const RsModel *model, Datum user_id, RsViewRead kind)
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
	receiver->element = kind == RS_READ_ITEMS ? sizeof(Datum) : sizeof(RsUserRow);
	/* a row becomes a cell as well, when the user is folded in */
	receiver->charge = kind == RS_READ_ITEMS ? sizeof(Datum) : sizeof(RsUserRow) + sizeof(RsCell);
}

/* ---- reading ---------------------------------------------------------------- */

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
	RsViewStatement statement = user_statement(model, receiver->kind, limit);
	Datum		argument;

	if (!rs_id_to_column(receiver->user_id, model->user_kind, model->user_type, &argument))
		return;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	rs_view_plan_execute(rs_view_plan(model, &statement, user_sql), argument, &receiver->pub);
	SPI_finish();
	error_context_stack = callback.previous;
}

int32
rs_source_user_rows(const RsModel *model, Datum user_id, int32 history_limit,
					RsUserRow **rows)
{
	UserReceiver receiver;

	receiver_init(&receiver, model, user_id, history_limit > 0 ? RS_READ_LATEST : RS_READ_ROWS);
	read_user(&receiver, history_limit);
	*rows = (RsUserRow *) receiver.array;
	return receiver.n;
}

int32
rs_source_user_items(const RsModel *model, Datum user_id, Datum **items)
{
	UserReceiver receiver;

	receiver_init(&receiver, model, user_id, RS_READ_ITEMS);
	read_user(&receiver, 0);
	*items = (Datum *) receiver.array;
	return receiver.n;
}

bool
rs_source_user_exists(const RsModel *model, Datum user_id)
{
	UserReceiver receiver;

	receiver_init(&receiver, model, user_id, RS_READ_ROWS);
	receiver.first_only = true;
	read_user(&receiver, 0);
	return receiver.n > 0;
}
