/*-------------------------------------------------------------------------
 *
 * sink.c
 *		One transaction: rows, dead letters, counters, next offsets.
 *
 * What the sink has looked up (table, mapping or transform, plans) is kept from
 * batch to batch until an invalidation says that something may have changed; then
 * rk_sink_stale() is true and the caller opens another.
 *
 * Locks: the target's RowExclusiveLock until the end of the transaction, and the
 * rows of kafka_partition that move.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "common/cryptohash.h"
#include "common/hashfn.h"
#include "common/int.h"
#include "common/sha2.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "insert.h"
#include "mapping.h"
#include "metadata.h"
#include "sink.h"
#include "transform.h"

/*
 * Fewer than the 64 that a backend shows in shared memory: beyond, every other
 * backend's snapshots become dearer.
 */
#define SUBTRANSACTIONS		60
#define FOR_TRANSFORM		30	/* of these, the rest for the rows */

/* Dead letters are inserted by the thousand and by so many bytes. */
#define LETTERS_AT_ONCE		1000
#define LETTER_BYTES_AT_ONCE (32 * 1024 * 1024)

struct RkSink
{
	MemoryContext context;
	const RkSource *source;
	RkTarget   *target;
	RkMapping  *mapping;		/* NULL: transform */
	RkTransform *transform;
	RkArena		arena;			/* values that the mapping makes */
	int			ncolumns;
	const char **columns;
	uint64		changes;		/* count of invalidations when it was opened */
	int			subtransactions;	/* used in this transaction */
};

/* ---- invalidation ---------------------------------------------------------------- */

static uint64 invalidations = 0;	/* of what a sink looks up */
static uint64 connection_invalidations = 0;
static Oid	watched_relation = InvalidOid;	/* InvalidOid: any */

static void
relation_changed(Datum arg, Oid relation)
{
	if (relation == InvalidOid || watched_relation == InvalidOid ||
		relation == watched_relation)
		invalidations++;
}

static void
object_changed(Datum arg, int cache, uint32 hash)
{
	invalidations++;
}

static void
connection_changed(Datum arg, int cache, uint32 hash)
{
	connection_invalidations++;
}

/* Watch everything that a source looks up.  Once in a process. */
static void
watch_catalog(void)
{
	static bool watching = false;

	if (watching)
		return;
	watching = true;
	CacheRegisterRelcacheCallback(relation_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(PROCOID, object_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(TYPEOID, object_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(NAMESPACEOID, object_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(AUTHOID, object_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(AUTHMEMROLEMEM, object_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(FOREIGNSERVEROID, connection_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(USERMAPPINGOID, connection_changed, (Datum) 0);
}

uint64
rk_sink_changes(void)
{
	return invalidations;
}

uint64
rk_sink_connection_changes(void)
{
	return connection_invalidations;
}

bool
rk_sink_stale(const RkSink *sink)
{
	return sink->changes != invalidations;
}

/* ---- opening ------------------------------------------------------------------------ */

static void
free_arena(void *arg)
{
	rk_arena_free(arg);
}

/* A sink in a context of its own, which gives the arena's memory back. */
static RkSink *
make_sink(const RkSource *source)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "recsys kafka sink",
												  ALLOCSET_DEFAULT_SIZES);
	RkSink	   *sink = MemoryContextAllocZero(context, sizeof(RkSink));
	MemoryContextCallback *callback = MemoryContextAllocZero(context,
															 sizeof(MemoryContextCallback));

	sink->context = context;
	sink->source = source;
	callback->func = free_arena;
	callback->arg = &sink->arena;
	MemoryContextRegisterResetCallback(context, callback);
	return sink;
}

static void
open_mapping(RkSink *sink)
{
	int			ncolumns;
	const RkColumn *columns = rk_target_columns(sink->target, &ncolumns);

	sink->mapping = rk_mapping_build(sink->source->columns, columns, ncolumns);
	sink->ncolumns = sink->mapping->nfields;
	sink->columns = palloc(sizeof(char *) * sink->ncolumns);
	for (int i = 0; i < sink->ncolumns; i++)
		sink->columns[i] = sink->mapping->fields[i].column;
}

static void
open_transform(RkSink *sink)
{
	const char *const *columns;

	sink->transform = rk_transform_open(sink->source);
	columns = rk_transform_columns(sink->transform, &sink->ncolumns);
	sink->columns = palloc(sizeof(char *) * sink->ncolumns);
	memcpy(sink->columns, columns, sizeof(char *) * sink->ncolumns);
}

RkSink *
rk_sink_open(const RkSource *source)
{
	RkSink	   *sink;
	MemoryContext old;

	watch_catalog();
	watched_relation = InvalidOid;
	sink = make_sink(source);
	sink->changes = invalidations;
	old = MemoryContextSwitchTo(sink->context);
	sink->target = rk_target_open(source);
	if (source->columns != NULL)
		open_mapping(sink);
	else
		open_transform(sink);
	rk_target_bind(sink->target, sink->columns, sink->ncolumns);
	watched_relation = rk_target_relation(sink->target);
	MemoryContextSwitchTo(old);
	return sink;
}

void
rk_sink_close(RkSink *sink)
{
	MemoryContextDelete(sink->context);
}

int
rk_sink_ncolumns(const RkSink *sink)
{
	return sink->ncolumns;
}

const char *
rk_sink_column(const RkSink *sink, int i)
{
	return sink->columns[i];
}

/* ---- messages into rows ----------------------------------------------------------------- */

void
rk_sink_begin(RkSink *sink, RkBatch *batch, const RkMessage *messages, int nmessages)
{
	rk_arena_reset(&sink->arena);
	sink->subtransactions = 0;
	rk_batch_begin(batch, messages, nmessages, sink->ncolumns);
}

static void
refuse_large(const RkSink *sink, RkBatch *batch)
{
	RkReason	reason = {.sqlstate = "54000"};

	for (int i = 0; i < batch->nmessages; i++)
	{
		if (batch->messages[i].payload.len <= (size_t) sink->source->options.max_message_bytes)
			continue;
		snprintf(reason.message, sizeof(reason.message),
				 "message of %zu bytes is longer than max_message_bytes (%d)",
				 batch->messages[i].payload.len, sink->source->options.max_message_bytes);
		rk_batch_refuse(batch, i, &reason);
	}
}

static void
map_message(RkSink *sink, RkBatch *batch, int i)
{
	RkReason	reason;
	RkText	   *values = rk_batch_add_row(batch, i);

	switch (rk_event_map(sink->mapping, &batch->messages[i], &sink->arena, values, &reason))
	{
		case RK_EVENT_ROW:
			return;
		case RK_EVENT_BAD:
			rk_batch_cut_rows(batch, i);
			rk_batch_refuse(batch, i, &reason);
			return;
		case RK_EVENT_NO_MEMORY:
			ereport(ERROR,
					(errcode(ERRCODE_OUT_OF_MEMORY),
					 errmsg("out of memory")));
	}
}

/*
 * Constraints and triggers that are deferred run with the rows: at commit nobody
 * could tell which message it was that failed, and they would have the rights of the
 * worker.
 */
static void
check_constraints_at_once(void)
{
	ConstraintsSetStmt *statement = makeNode(ConstraintsSetStmt);

	statement->constraints = NIL;
	statement->deferred = false;
	AfterTriggerSetState(statement);
}

void
rk_sink_map(RkSink *sink, RkBatch *batch)
{
	check_constraints_at_once();
	refuse_large(sink, batch);
	if (sink->transform != NULL)
	{
		sink->subtransactions = rk_transform_run(sink->transform, batch, FOR_TRANSFORM);
		return;
	}
	for (int i = 0; i < batch->nmessages; i++)
	{
		if (i % 1024 == 0)
			CHECK_FOR_INTERRUPTS();
		if (batch->reasons[i] == NULL)
			map_message(sink, batch, i);
	}
}

/* ---- rows into the table ------------------------------------------------------------------ */

/* The step of rk_batch_isolate(): rows of messages that have a reason are none. */
static void
insert_messages(RkBatch *batch, int first, int n, int *failed, void *arg)
{
	RkSink	   *sink = arg;
	int			first_row = rk_batch_first_row(batch, first);
	int			end_row = rk_batch_first_row(batch, first + n);
	int			failed_row = -1;

	PG_TRY();
	{
		rk_target_insert(sink->target, &batch->rows, first_row, end_row - first_row,
						 &failed_row);
	}
	PG_CATCH();
	{
		if (failed_row >= 0)
			*failed = batch->rows.messages[failed_row];
		PG_RE_THROW();
	}
	PG_END_TRY();
}

void
rk_sink_write(RkSink *sink, RkBatch *batch)
{
	sink->subtransactions += rk_batch_isolate(batch, insert_messages, sink,
											  SUBTRANSACTIONS - sink->subtransactions);
}

/* ---- arrays for SQL -------------------------------------------------------------------------- */

/* A column of values that goes to SQL as one array. */
typedef struct Column
{
	Oid			type;
	int			n;
	Datum	   *values;
	bool	   *nulls;
} Column;

static void
column_begin(Column *column, Oid type, int capacity)
{
	column->type = type;
	column->n = 0;
	column->values = palloc(sizeof(Datum) * (capacity + 1));
	column->nulls = palloc(sizeof(bool) * (capacity + 1));
}

static void
column_add(Column *column, Datum value, bool isnull)
{
	column->values[column->n] = value;
	column->nulls[column->n++] = isnull;
}

static Datum
column_array(const Column *column)
{
	int			dims[] = {column->n};
	int			lower[] = {1};
	int16		length;
	bool		by_value;
	char		align;

	get_typlenbyvalalign(column->type, &length, &by_value, &align);
	return PointerGetDatum(construct_md_array(column->values, column->nulls, 1, dims, lower,
											  column->type, length, by_value, align));
}

/* ---- dead letters ------------------------------------------------------------------------------ */

enum
{
	LETTER_PARTITION,
	LETTER_OFFSET,
	LETTER_TIME,
	LETTER_KEY,
	LETTER_PAYLOAD,
	LETTER_BYTES,
	LETTER_SHA256,
	LETTER_HEADERS,
	LETTER_SQLSTATE,
	LETTER_REASON,
	LETTER_COLUMNS
};

static const Oid letter_types[LETTER_COLUMNS] = {
	INT4OID, INT8OID, TIMESTAMPTZOID, BYTEAOID, BYTEAOID, INT4OID, BYTEAOID, JSONBOID,
	TEXTOID, TEXTOID
};
static const Oid letter_arrays[LETTER_COLUMNS] = {
	INT4ARRAYOID, INT8ARRAYOID, TIMESTAMPTZARRAYOID, BYTEAARRAYOID, BYTEAARRAYOID,
	INT4ARRAYOID, BYTEAARRAYOID, JSONBARRAYOID, TEXTARRAYOID, TEXTARRAYOID
};

static Datum
bytea_datum(const char *data, size_t len)
{
	bytea	   *result = palloc(VARHDRSZ + len);

	SET_VARSIZE(result, VARHDRSZ + len);
	memcpy(VARDATA(result), data, len);
	return PointerGetDatum(result);
}

static Datum
sha256_datum(const RkText *payload)
{
	uint8		digest[PG_SHA256_DIGEST_LENGTH];
	pg_cryptohash_ctx *hash = pg_cryptohash_create(PG_SHA256);

	if (pg_cryptohash_init(hash) < 0 ||
		pg_cryptohash_update(hash, (const uint8 *) payload->data, payload->len) < 0 ||
		pg_cryptohash_final(hash, digest, sizeof(digest)) < 0)
		elog(ERROR, "could not compute SHA-256: %s", pg_cryptohash_error(hash));
	pg_cryptohash_free(hash);
	return bytea_datum((char *) digest, sizeof(digest));
}

bool
rk_message_time(const RkMessage *message, TimestampTz *time)
{
	int64		since_epoch;

	if (message->timestamp_ms < 0)
		return false;
	if (!pg_mul_s64_overflow(message->timestamp_ms, 1000, &since_epoch))
	{
		*time = since_epoch -
			(POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY;
		if (IS_VALID_TIMESTAMP(*time))
			return true;
	}
	/* later than the type can say, and so it stays for whoever tries it again */
	TIMESTAMP_NOEND(*time);
	return true;
}

static void
add_letter(Column *columns, const RkSink *sink, const RkMessage *message,
		   const RkReason *reason)
{
	const RkText *payload = &message->payload;
	size_t		kept = Min(payload->len, (size_t) sink->source->options.max_message_bytes);
	TimestampTz time = 0;
	bool		has_time = rk_message_time(message, &time);
	bool		has_key = message->key.data != NULL;
	bool		has_payload = payload->data != NULL;

	column_add(&columns[LETTER_PARTITION], Int32GetDatum(message->partition), false);
	column_add(&columns[LETTER_OFFSET], Int64GetDatum(message->offset), false);
	column_add(&columns[LETTER_TIME], TimestampTzGetDatum(time), !has_time);
	column_add(&columns[LETTER_KEY],
			   has_key ? bytea_datum(message->key.data, message->key.len) : (Datum) 0,
			   !has_key);
	column_add(&columns[LETTER_PAYLOAD],
			   has_payload ? bytea_datum(payload->data, kept) : (Datum) 0, !has_payload);
	column_add(&columns[LETTER_BYTES], Int32GetDatum((int32) payload->len), !has_payload);
	column_add(&columns[LETTER_SHA256],
			   has_payload ? sha256_datum(payload) : (Datum) 0, !has_payload);
	column_add(&columns[LETTER_HEADERS], JsonbPGetDatum(rk_headers_json(message)),
			   message->nheaders == 0);
	column_add(&columns[LETTER_SQLSTATE], CStringGetTextDatum(reason->sqlstate), false);
	column_add(&columns[LETTER_REASON],
			   CStringGetTextDatum(rk_server_text(reason->message)), false);
}

static void
insert_letters(const RkSink *sink, const Column *columns)
{
	Oid			types[LETTER_COLUMNS + 2] = {TEXTOID, TEXTOID};
	Datum		values[LETTER_COLUMNS + 2] = {CStringGetTextDatum(sink->source->name),
	CStringGetTextDatum(sink->source->topic)};

	for (int i = 0; i < LETTER_COLUMNS; i++)
	{
		types[i + 2] = letter_arrays[i];
		values[i + 2] = column_array(&columns[i]);
	}
	rk_catalog_execute("INSERT INTO recsys.kafka_dead_letter (source, topic, partition,"
					   " \"offset\", message_time, key, payload, payload_bytes, sha256,"
					   " headers, sqlstate, reason, first_at, last_at)"
					   " SELECT $1, $2, t.*, pg_catalog.now(), pg_catalog.now()"
					   " FROM ROWS FROM (pg_catalog.unnest($3), pg_catalog.unnest($4),"
					   " pg_catalog.unnest($5), pg_catalog.unnest($6),"
					   " pg_catalog.unnest($7), pg_catalog.unnest($8),"
					   " pg_catalog.unnest($9), pg_catalog.unnest($10),"
					   " pg_catalog.unnest($11), pg_catalog.unnest($12)) AS t",
					   LETTER_COLUMNS + 2, types, values, NULL, false);
}

int
rk_sink_dead_letters(RkSink *sink, const RkBatch *batch)
{
	int			total = 0;
	int			i = 0;

	while (i < batch->nmessages)
	{
		Column		columns[LETTER_COLUMNS];
		Size		bytes = 0;

		SPI_connect();
		for (int c = 0; c < LETTER_COLUMNS; c++)
			column_begin(&columns[c], letter_types[c], LETTERS_AT_ONCE);
		for (; i < batch->nmessages && columns[0].n < LETTERS_AT_ONCE &&
			 bytes < LETTER_BYTES_AT_ONCE; i++)
		{
			if (batch->reasons[i] == NULL)
				continue;
			add_letter(columns, sink, &batch->messages[i], batch->reasons[i]);
			bytes += rk_message_bytes(&batch->messages[i]);
		}
		total += columns[0].n;
		if (columns[0].n > 0)
			insert_letters(sink, columns);
		SPI_finish();
	}
	return total;
}

/* ---- offsets ------------------------------------------------------------------------------------- */

enum
{
	MOVE_PARTITION,
	MOVE_FROM,
	MOVE_TO,
	MOVE_MESSAGES,
	MOVE_ROWS,
	MOVE_DEAD_LETTERS,
	MOVE_ANCHOR_OFFSET,
	MOVE_ANCHOR_TIME,
	MOVE_ANCHOR_HASH,
	MOVE_LOW,
	MOVE_HIGH,
	MOVE_COLUMNS
};

static void
add_move(Column *columns, const RkMove *move)
{
	const int64 values[MOVE_COLUMNS] = {
		move->partition, move->from_offset, move->to_offset, move->messages, move->rows,
		move->dead_letters, move->anchor_offset, move->anchor_time, move->anchor_hash,
		move->low, move->high
	};

	for (int i = 0; i < MOVE_COLUMNS; i++)
	{
		bool		isnull = false;

		if (i >= MOVE_ANCHOR_OFFSET && i <= MOVE_ANCHOR_HASH)
			isnull = !move->has_anchor;
		else if (i >= MOVE_LOW)
			isnull = values[i] < 0;
		column_add(&columns[i], Int64GetDatum(values[i]), isnull);
	}
}

bool
rk_sink_save(RkSink *sink, const RkMove *moves, int nmoves)
{
	Column		columns[MOVE_COLUMNS];
	Oid			types[MOVE_COLUMNS + 2] = {TEXTOID, INT4OID};
	Datum		values[MOVE_COLUMNS + 2] = {CStringGetTextDatum(sink->source->name),
	Int32GetDatum(sink->source->generation)};
	uint64		changed;

	SPI_connect();
	for (int i = 0; i < MOVE_COLUMNS; i++)
		column_begin(&columns[i], INT8OID, nmoves);
	for (int i = 0; i < nmoves; i++)
		add_move(columns, &moves[i]);
	for (int i = 0; i < MOVE_COLUMNS; i++)
	{
		types[i + 2] = INT8ARRAYOID;
		values[i + 2] = column_array(&columns[i]);
	}
	rk_catalog_execute("UPDATE recsys.kafka_partition p SET next_offset = m.next,"
					   " messages = p.messages + m.messages, rows = p.rows + m.rows,"
					   " dead_letters = p.dead_letters + m.dead_letters,"
					   " anchor_offset = COALESCE(m.anchor_offset, p.anchor_offset),"
					   " anchor_time = COALESCE(m.anchor_time, p.anchor_time),"
					   " anchor_hash = COALESCE(m.anchor_hash, p.anchor_hash),"
					   " low = COALESCE(m.low, p.low), high = COALESCE(m.high, p.high),"
					   " seen_at = pg_catalog.now(), committed_at = CASE WHEN"
					   " m.next > m.previous THEN pg_catalog.now() ELSE p.committed_at END"
					   " FROM ROWS FROM (pg_catalog.unnest($3), pg_catalog.unnest($4),"
					   " pg_catalog.unnest($5), pg_catalog.unnest($6),"
					   " pg_catalog.unnest($7), pg_catalog.unnest($8),"
					   " pg_catalog.unnest($9), pg_catalog.unnest($10),"
					   " pg_catalog.unnest($11), pg_catalog.unnest($12),"
					   " pg_catalog.unnest($13)) AS m(partition, previous, next, messages,"
					   " rows, dead_letters, anchor_offset, anchor_time, anchor_hash,"
					   " low, high)"
					   " WHERE p.source = $1 AND p.partition = m.partition"
					   " AND p.next_offset = m.previous AND EXISTS (SELECT"
					   " FROM recsys.kafka_source s WHERE s.source = $1"
					   " AND s.generation = $2 AND s.enabled AND s.failed_at IS NULL)",
					   MOVE_COLUMNS + 2, types, values, NULL, false);
	changed = SPI_processed;
	SPI_finish();
	return changed == (uint64) nmoves;
}

int64
rk_message_hash(const RkMessage *message)
{
	uint64		key = hash_bytes_extended((const unsigned char *) message->key.data,
										  message->key.data ? (int) message->key.len : 0, 1);

	return (int64) hash_bytes_extended((const unsigned char *) message->payload.data,
									   message->payload.data ? (int) message->payload.len : 0,
									   key);
}
