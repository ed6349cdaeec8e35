/*-------------------------------------------------------------------------
 *
 * preview.c
 *		What the next messages of a source would become, in the one-shot worker.
 *
 *	{"op": "preview", "source": "s", "n": 10}
 *		=> {"messages": [{"partition": 0, "offset": 1, "time": "...",
 *						  "rows": [{...}], "sqlstate": null, "reason": null}, ...]}
 *
 * The messages go the worker's own way, through reader and sink, into the table in
 * a transaction that is always undone: so what constraints and triggers refuse is
 * seen too.  What no transaction undoes (sequences) moves.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "common/jsonapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/backend_status.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/guc.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "ask.h"
#include "compat.h"
#include "metadata.h"
#include "reader.h"
#include "sink.h"

#define READ_MS		20000		/* how long messages may take to come */

/* ---- reading ------------------------------------------------------------------------ */

pg_noreturn static void
raise_trouble(const RkTrouble *trouble)
{
	const char *code = trouble->sqlstate;

	ereport(ERROR,
			(errcode(MAKE_SQLSTATE(code[0], code[1], code[2], code[3], code[4])),
			 errmsg("%s", trouble->reason),
			 trouble->hint[0] != '\0' ? errhint("%s", trouble->hint) : 0));
}

/*
 * Look for trouble; the reader may be another afterwards.  An outage is one as long
 * as nothing has come.
 */
static RkReader *
check_reader(RkReader *reader, RkSource *source, TimestampTz now)
{
	const RkTrouble *trouble = rk_reader_check(reader, now);
	int			taken;

	switch (trouble->verdict)
	{
		case RK_VERDICT_FINE:
		case RK_VERDICT_GROWN:
			break;
		case RK_VERDICT_OUTAGE:
			rk_reader_messages(reader, &taken);
			if (taken == 0)
				raise_trouble(trouble);
			break;
		case RK_VERDICT_REOPEN:
			rk_reader_close();
			return rk_reader_open(source);
		case RK_VERDICT_GAP:
		case RK_VERDICT_FAILED:
		case RK_VERDICT_DECIDE:
			raise_trouble(trouble);
	}
	return reader;
}

/* The next n messages, or as many as there are or come in time. */
static RkReader *
read_messages(RkSource *source, int n)
{
	TimestampTz deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), READ_MS);
	RkReader   *reader;
	TimestampTz now;

	source->options.batch_rows = n;
	reader = rk_reader_open(source);
	for (;;)
	{
		rk_reader_take(reader);
		now = GetCurrentTimestamp();
		if (rk_reader_full(reader) || rk_reader_at_end(reader) || now >= deadline)
			return reader;
		reader = check_reader(reader, source, now);
		rk_ask_wait(rk_reader_fd(reader), 200);
	}
}

static int
compare_messages(const void *a, const void *b)
{
	const RkMessage *x = a;
	const RkMessage *y = b;

	if (x->partition != y->partition)
		return x->partition < y->partition ? -1 : 1;
	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* ---- the answer ----------------------------------------------------------------------- */

/* Types of the sink's columns in the target. */
static Oid *
column_types(const RkSource *source, const RkSink *sink)
{
	Oid			relation = get_relname_relid(source->target_table,
											 get_namespace_oid(source->target_schema, false));
	Oid		   *types = palloc(sizeof(Oid) * (rk_sink_ncolumns(sink) + 1));

	for (int i = 0; i < rk_sink_ncolumns(sink); i++)
		types[i] = get_atttype(relation, get_attnum(relation, rk_sink_column(sink, i)));
	return types;
}

/* Is the text of a column's value JSON as it stands? */
static bool
is_json(Oid type, const char *text)
{
	switch (type)
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case FLOAT4OID:
		case FLOAT8OID:
		case NUMERICOID:
			return IsValidJsonNumber(text, (int) strlen(text));
		case BOOLOID:
			return strcmp(text, "true") == 0 || strcmp(text, "false") == 0;
		case JSONOID:
		case JSONBOID:
			/* What jsonb cannot have would spoil the whole answer. */
			return strstr(text, "\\u0000") == NULL;
		default:
			return false;
	}
}

static void
append_value(StringInfo json, Oid type, const RkText *value)
{
	char	   *text;

	if (value->data == NULL)
	{
		appendStringInfoString(json, "null");
		return;
	}
	text = pg_any_to_server(pnstrdup(value->data, value->len), (int) value->len, PG_UTF8);
	if (is_json(type, text))
		appendStringInfoString(json, text);
	else
		escape_json(json, text);
}

static void
append_row(StringInfo json, const RkSink *sink, const Oid *types, const RkText *values)
{
	appendStringInfoChar(json, '{');
	for (int i = 0; i < rk_sink_ncolumns(sink); i++)
	{
		rk_ask_append_name(json, rk_sink_column(sink, i));
		append_value(json, types[i], &values[i]);
	}
	appendStringInfoChar(json, '}');
}

/* "rows" of a message; none when there is a reason. */
static void
append_rows(StringInfo json, const RkSink *sink, const Oid *types, const RkBatch *batch,
			int message)
{
	const RkRows *rows = &batch->rows;

	rk_ask_append_name(json, "rows");
	appendStringInfoChar(json, '[');
	for (int row = rk_batch_first_row(batch, message);
		 batch->reasons[message] == NULL && row < rows->nrows &&
		 rows->messages[row] == message; row++)
	{
		if (json->data[json->len - 1] != '[')
			appendStringInfoChar(json, ',');
		append_row(json, sink, types, rows->values + (Size) row * rows->ncolumns);
	}
	appendStringInfoChar(json, ']');
}

static void
append_time(StringInfo json, const RkMessage *message)
{
	char		text[MAXDATELEN + 1];
	TimestampTz time;

	if (!rk_message_time(message, &time))
		return;
	rk_ask_append_name(json, "time");
	escape_json(json, JsonEncodeDateTime(text, TimestampTzGetDatum(time), TIMESTAMPTZOID, NULL));
}

static void
append_message(StringInfo json, const RkSink *sink, const Oid *types,
			   const RkBatch *batch, int i)
{
	const RkMessage *message = &batch->messages[i];
	const RkReason *reason = batch->reasons[i];

	if (json->data[json->len - 1] != '[')
		appendStringInfoChar(json, ',');
	appendStringInfo(json, "{\"partition\":%d,\"offset\":" INT64_FORMAT,
					 (int) message->partition, message->offset);
	append_time(json, message);
	append_rows(json, sink, types, batch, i);
	if (reason != NULL)
	{
		rk_ask_append_name(json, "sqlstate");
		escape_json(json, reason->sqlstate);
		rk_ask_append_name(json, "reason");
		escape_json(json, rk_server_text(reason->message));
	}
	appendStringInfoChar(json, '}');
}

/*
 * Write some messages, tell what became of them, undo it.  Returns how many were
 * tried: subtransactions may have been used up.
 */
static int
try_messages(const RkSource *source, const RkMessage *messages, int n, StringInfo json)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(caller, "recsys kafka preview",
												  ALLOCSET_DEFAULT_SIZES);
	RkSink	   *sink;
	RkBatch		batch;
	Oid		   *types;

	MemoryContextSwitchTo(context);
	rk_ask_begin();
	sink = rk_sink_open(source);
	rk_sink_begin(sink, &batch, messages, n);
	rk_sink_map(sink, &batch);
	rk_sink_write(sink, &batch);
	types = column_types(source, sink);
	for (int i = 0; i < batch.nmessages; i++)
		append_message(json, sink, types, &batch, i);
	rk_sink_close(sink);
	rk_ask_abort();
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	return batch.nmessages;
}

char *
rk_ask_preview(Jsonb *request)
{
	RkSource   *source;
	RkReader   *reader;
	const RkMessage *taken;
	RkMessage  *messages;
	StringInfoData json;
	int64		n;
	int			ntaken;
	int			done = 0;

	if (!rk_ask_int64(rk_ask_member(&request->root, "n"), &n) || n < 1 || n > PG_INT32_MAX)
		elog(ERROR, "request has no number \"n\"");
	/* The session that asks may have locked the table itself, and waits for us. */
	SetConfigOption("lock_timeout", "5s", PGC_SUSET, PGC_S_OVERRIDE);
	rk_ask_begin();
	source = rk_ask_source(request);
	rk_source_connect(source);
	rk_ask_commit();
	pgstat_report_activity(STATE_RUNNING, psprintf("previewing Kafka source \"%s\"", source->name));

	reader = read_messages(source, (int) n);
	taken = rk_reader_messages(reader, &ntaken);
	messages = palloc(sizeof(RkMessage) * (ntaken + 1));
	memcpy(messages, taken, sizeof(RkMessage) * ntaken);
	qsort(messages, ntaken, sizeof(RkMessage), compare_messages);

	initStringInfo(&json);
	appendStringInfoString(&json, "{\"messages\":[");
	while (done < ntaken)
		done += try_messages(source, messages + done, ntaken - done, &json);
	appendStringInfoString(&json, "]}");
	return json.data;
}
