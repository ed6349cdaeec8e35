/*-------------------------------------------------------------------------
 *
 * api_kafka.c
 *		The functions kafka_*: arguments and results.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/lwlock.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

#include "api/arguments.h"
#include "api/rows.h"
#include "compat.h"
#include "ingest/server_options.h"
#include "ingest/service.h"
#include "ingest/slots.h"
#include "ingest/source.h"
#include "store/model.h"

#define MAX_PREVIEW	1000

RS_FUNCTION(recsys_kafka_validator);
RS_FUNCTION(recsys_kafka_connection);
RS_FUNCTION(recsys_kafka_create_source);
RS_FUNCTION(recsys_kafka_alter_source);
RS_FUNCTION(recsys_kafka_drop_source);
RS_FUNCTION(recsys_kafka_start);
RS_FUNCTION(recsys_kafka_stop);
RS_FUNCTION(recsys_kafka_seek);
RS_FUNCTION(recsys_kafka_preview);
RS_FUNCTION(recsys_kafka_retry);
RS_FUNCTION(recsys_kafka_discard);
RS_FUNCTION(recsys_kafka_slots);
RS_FUNCTION(recsys_kafka_service);

/* ---- servers ------------------------------------------------------------------------ */

/* kafka_validator(options, catalog) */
Datum
recsys_kafka_validator(PG_FUNCTION_ARGS)
{
	rs_server_options_validate(PG_GETARG_DATUM(0), PG_GETARG_OID(1));
	PG_RETURN_VOID();
}

/* kafka_connection(server, role) */
Datum
recsys_kafka_connection(PG_FUNCTION_ARGS)
{
	PG_RETURN_JSONB_P(rs_server_connection(text_to_cstring(PG_GETARG_TEXT_PP(0)), PG_GETARG_OID(1)));
}

/* ---- sources ------------------------------------------------------------------------ */

/*
 * kafka_create_source(source, server, topic, target, columns, transform, start,
 *					   on_conflict, options)
 */
Datum
recsys_kafka_create_source(PG_FUNCTION_ARGS)
{
	RsKafkaSource source = {0};

	PreventCommandIfReadOnly("recsys.kafka_create_source()");
	source.name = rs_arg_text(fcinfo, 0, "source");
	source.owner = GetUserId();
	source.server = rs_arg_name(fcinfo, 1, "server");
	source.topic = rs_arg_text(fcinfo, 2, "topic");
	source.target = DatumGetObjectId(rs_arg(fcinfo, 3, "target"));
	if (!PG_ARGISNULL(4))
		source.columns = PG_GETARG_JSONB_P(4);
	if (!PG_ARGISNULL(5))
		source.transform = PG_GETARG_OID(5);
	source.on_conflict = rs_arg_text(fcinfo, 7, "on_conflict");
	source.options = DatumGetJsonbP(rs_arg(fcinfo, 8, "options"));
	rs_kafka_create(&source, rs_arg_text(fcinfo, 6, "start"));
	PG_RETURN_VOID();
}

/*
 * kafka_alter_source(source, server, target, columns, transform, on_conflict,
 *					  options, owner); NULL = unchanged
 */
Datum
recsys_kafka_alter_source(PG_FUNCTION_ARGS)
{
	RsKafkaSource change = {0};

	PreventCommandIfReadOnly("recsys.kafka_alter_source()");
	change.name = rs_arg_text(fcinfo, 0, "source");
	if (!PG_ARGISNULL(1))
		change.server = rs_arg_name(fcinfo, 1, "server");
	if (!PG_ARGISNULL(2))
		change.target = PG_GETARG_OID(2);
	if (!PG_ARGISNULL(3))
		change.columns = PG_GETARG_JSONB_P(3);
	if (!PG_ARGISNULL(4))
		change.transform = PG_GETARG_OID(4);
	if (!PG_ARGISNULL(5))
		change.on_conflict = rs_arg_text(fcinfo, 5, "on_conflict");
	if (!PG_ARGISNULL(6))
		change.options = PG_GETARG_JSONB_P(6);
	if (!PG_ARGISNULL(7))
		change.owner = PG_GETARG_OID(7);
	rs_kafka_alter(&change);
	PG_RETURN_VOID();
}

/* kafka_drop_source(source, if_exists) */
Datum
recsys_kafka_drop_source(PG_FUNCTION_ARGS)
{
	PreventCommandIfReadOnly("recsys.kafka_drop_source()");
	rs_kafka_drop(rs_arg_text(fcinfo, 0, "source"), DatumGetBool(rs_arg(fcinfo, 1, "if_exists")));
	PG_RETURN_VOID();
}

/* kafka_start(source) */
Datum
recsys_kafka_start(PG_FUNCTION_ARGS)
{
	PreventCommandIfReadOnly("recsys.kafka_start()");
	rs_kafka_start(rs_arg_text(fcinfo, 0, "source"));
	PG_RETURN_VOID();
}

/* kafka_stop(source) */
Datum
recsys_kafka_stop(PG_FUNCTION_ARGS)
{
	PreventCommandIfReadOnly("recsys.kafka_stop()");
	rs_kafka_stop(rs_arg_text(fcinfo, 0, "source"));
	PG_RETURN_VOID();
}

/* kafka_seek(source, position, partition) */
Datum
recsys_kafka_seek(PG_FUNCTION_ARGS)
{
	int			partition = -1;

	PreventCommandIfReadOnly("recsys.kafka_seek()");
	if (!PG_ARGISNULL(2))
	{
		partition = PG_GETARG_INT32(2);
		if (partition < 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("partition must not be negative")));
	}
	rs_kafka_seek(rs_arg_text(fcinfo, 0, "source"), rs_arg_text(fcinfo, 1, "position"), partition);
	PG_RETURN_VOID();
}

/* ---- messages ----------------------------------------------------------------------- */

/* kafka_preview(source, n): a row for each message of the worker's answer */
Datum
recsys_kafka_preview(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result;
	int			n = DatumGetInt32(rs_arg(fcinfo, 1, "n"));
	Oid			types[] = {JSONBOID};
	Datum		values[1];

	PreventCommandDuringRecovery("recsys.kafka_preview()");	/* no worker starts on a standby */
	if (n < 1 || n > MAX_PREVIEW)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("n must be between 1 and %d", MAX_PREVIEW)));
	result = rs_rows_begin(fcinfo, 6);
	values[0] = JsonbPGetDatum(rs_kafka_preview(rs_arg_text(fcinfo, 0, "source"), n));
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	rs_catalog_execute("SELECT * FROM pg_catalog.jsonb_to_recordset($1 -> 'messages')"
					   " AS m (partition int4, \"offset\" int8, \"time\" timestamptz, rows jsonb,"
					   " sqlstate text, reason text)", 1, types, values, NULL, true);
	for (uint64 i = 0; i < SPI_processed; i++)
		tuplestore_puttuple(result->setResult, SPI_tuptable->vals[i]);
	SPI_finish();
	return (Datum) 0;
}

/* A row of whole numbers that are members of a JSON object. */
static Datum
numbers_to_row(TupleDesc desc, Jsonb *json, const char *const *names)
{
	Datum		values[8] = {0};
	bool		nulls[8] = {0};

	Assert(desc->natts <= (int) lengthof(values));
	for (int i = 0; i < desc->natts; i++)
	{
		JsonbValue	value;

		nulls[i] = getKeyJsonValueFromContainer(&json->root, names[i], (int) strlen(names[i]),
												&value) == NULL || value.type != jbvNumeric;
		if (!nulls[i])
			values[i] = DirectFunctionCall1(numeric_int8, NumericGetDatum(value.val.numeric));
	}
	return HeapTupleGetDatum(heap_form_tuple(desc, values, nulls));
}

/* kafka_retry(source, ids) */
Datum
recsys_kafka_retry(PG_FUNCTION_ARGS)
{
	static const char *const names[] = {"retried", "rows", "failed"};
	TupleDesc	desc = rs_row_begin(fcinfo, lengthof(names));
	bool		all = PG_ARGISNULL(1);
	Jsonb	   *answer;

	PreventCommandIfReadOnly("recsys.kafka_retry()");
	answer = rs_kafka_retry(rs_arg_text(fcinfo, 0, "source"), all ? (Datum) 0 : PG_GETARG_DATUM(1), all);
	return numbers_to_row(desc, answer, names);
}

/* kafka_discard(source, ids) */
Datum
recsys_kafka_discard(PG_FUNCTION_ARGS)
{
	bool		all = PG_ARGISNULL(1);

	PreventCommandIfReadOnly("recsys.kafka_discard()");
	PG_RETURN_INT64(rs_kafka_discard(rs_arg_text(fcinfo, 0, "source"),
									 all ? (Datum) 0 : PG_GETARG_DATUM(1), all));
}

/* ---- what is known -------------------------------------------------------------------- */

static const char *
state_name(RkState state)
{
	const char *name = rk_state_name(state);

	if (name == NULL)
		elog(ERROR, "unrecognized state of a Kafka source: %d", (int) state);
	return name;
}

/* Columns of kafka_slots(). */
#define SLOT_NATTS 22

/* One row under construction: columns are added from left to right. */
typedef struct SlotRow
{
	Datum		values[SLOT_NATTS];
	bool		nulls[SLOT_NATTS];
	int			n;
} SlotRow;

static void
add_value(SlotRow *row, Datum value, bool isnull)
{
	row->values[row->n] = value;
	row->nulls[row->n++] = isnull;
}

static void
add_text(SlotRow *row, const char *text)
{
	add_value(row, text[0] == '\0' ? (Datum) 0 : CStringGetTextDatum(text), text[0] == '\0');
}

static void
add_time(SlotRow *row, TimestampTz time)
{
	add_value(row, TimestampTzGetDatum(time), time == 0);
}

static void
put_slot(ReturnSetInfo *result, const RkSlot *slot)
{
	SlotRow		row = {.n = 0};

	add_text(&row, slot->source);
	add_text(&row, state_name(slot->state));
	add_time(&row, slot->since);
	add_text(&row, slot->sqlstate);
	add_text(&row, slot->reason);
	add_text(&row, slot->hint);
	add_value(&row, Int32GetDatum(slot->pid), slot->pid == 0);
	add_value(&row, Int32GetDatum(slot->generation), false);
	add_time(&row, slot->retry_at);
	add_time(&row, slot->started_at);
	add_time(&row, slot->last_commit);
	add_value(&row, Int64GetDatum(slot->messages), false);
	add_value(&row, Int64GetDatum(slot->rows), false);
	add_value(&row, Int64GetDatum(slot->bytes), false);
	add_value(&row, Int64GetDatum(slot->dead_letters), false);
	add_value(&row, Int64GetDatum(slot->batches), false);
	for (int i = 0; i < (int) lengthof(slot->rate); i++)
		add_value(&row, Float8GetDatum(slot->rate[i]), false);
	add_value(&row, Float8GetDatum(slot->batch_ms_p50), slot->batches == 0);
	add_value(&row, Float8GetDatum(slot->batch_ms_p99), slot->batches == 0);
	add_value(&row, Int64GetDatum(slot->queued), false);
	Assert(row.n == (int) lengthof(row.values));
	tuplestore_putvalues(result->setResult, result->setDesc, row.values, row.nulls);
}

/* kafka_slots(): the slots of this database that the caller may see */
Datum
recsys_kafka_slots(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = rs_rows_begin(fcinfo, SLOT_NATTS);
	RsKafkaShared *shared = rs_slots();
	bool		monitor = has_privs_of_role(GetUserId(), ROLE_PG_MONITOR);
	RkSlot	   *slots;

	if (shared == NULL)
		return (Datum) 0;
	slots = palloc(sizeof(shared->common.slots));
	LWLockAcquire(shared->common.lock, LW_SHARED);
	memcpy(slots, shared->common.slots, sizeof(shared->common.slots));
	LWLockRelease(shared->common.lock);
	for (int i = 0; i < RK_SLOTS; i++)
	{
		if (slots[i].state != RK_STATE_FREE && slots[i].database == MyDatabaseId &&
			(monitor || has_privs_of_role(GetUserId(), slots[i].owner)))
			put_slot(result, &slots[i]);
	}
	return (Datum) 0;
}

/* kafka_service() */
Datum
recsys_kafka_service(PG_FUNCTION_ARGS)
{
	TupleDesc	desc;
	Datum		values[3] = {0};
	bool		nulls[3] = {false, true, true};
	char	   *reason;
	char	   *hint;

	desc = rs_row_begin(fcinfo, lengthof(values));
	if (!rs_kafka_served(&reason, &hint))
	{
		values[1] = CStringGetTextDatum(reason);
		nulls[1] = false;
		nulls[2] = hint == NULL;
		if (hint != NULL)
			values[2] = CStringGetTextDatum(hint);
	}
	values[0] = BoolGetDatum(nulls[1]);
	return HeapTupleGetDatum(heap_form_tuple(desc, values, nulls));
}
