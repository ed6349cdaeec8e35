/*-------------------------------------------------------------------------
 *
 * retry.c
 *		Dead letters once more, in the one-shot worker.
 *
 *	{"op": "retry", "source": "s", "ids": [...] | null}
 *		=> {"retried": n, "rows": m, "failed": k}
 *
 * In the order of their ids, in transactions like those of the ingest worker: rows
 * are written and their letters deleted, or the letter has another attempt and its
 * reason.  Letters are locked first, so that of two retries at once each takes a
 * letter or finds it gone.  What went before an error stays done.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "pgstat.h"
#include "utils/array.h"
#include "utils/backend_status.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "ask.h"
#include "compat.h"
#include "metadata.h"
#include "sink.h"

/* Letters of one transaction: a thousand, and so many bytes of payloads or a bit more. */
#define NEXT_LETTERS \
	"SELECT s.id FROM (SELECT t.id, pg_catalog.sum(t.bytes) OVER" \
	" (ORDER BY t.id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before" \
	" FROM (SELECT id, pg_catalog.octet_length(payload) AS bytes" \
	" FROM recsys.kafka_dead_letter WHERE source = $1 AND id > $2" \
	" AND ($3 IS NULL OR id = ANY ($3)) ORDER BY id LIMIT 1000) AS t) AS s" \
	" WHERE COALESCE(s.before, 0) <= 33554432"

typedef struct Letter
{
	int64		id;
	int64		payload_bytes;	/* of which only a part may have been kept */
} Letter;

typedef struct Round
{
	int			n;
	Letter	   *letters;
	RkMessage  *messages;
} Round;

typedef struct Totals
{
	int64		retried;
	int64		rows;
	int64		failed;
	int64		last_id;
} Totals;

/* ---- from letters to messages ------------------------------------------------------- */

/* The bytes of a column of SPI's result, in the memory of context. */
static RkText
bytes_of(int row, int column, MemoryContext context)
{
	MemoryContext old = MemoryContextSwitchTo(context);
	RkText		result = {NULL, 0};
	bool		isnull;
	Datum		datum = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc,
									  column, &isnull);

	if (!isnull)
	{
		bytea	   *value = DatumGetByteaPCopy(datum);

		result.data = VARDATA_ANY(value);
		result.len = VARSIZE_ANY_EXHDR(value);
	}
	MemoryContextSwitchTo(old);
	return result;
}

static int64
int64_of(int row, int column, int64 if_null)
{
	bool		isnull;
	Datum		datum = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc,
									  column, &isnull);

	return isnull ? if_null : DatumGetInt64(datum);
}

/* A header's value as it came: what is no text stands there as hex. */
static RkText
header_value(const JsonbValue *value)
{
	RkText		result = {NULL, 0};

	if (value->type != jbvString)
		return result;
	result.data = pnstrdup(value->val.string.val, value->val.string.len);
	result.len = (size_t) value->val.string.len;
	if (result.len >= 2 && result.len % 2 == 0 && memcmp(result.data, "\\x", 2) == 0 &&
		strspn(result.data + 2, "0123456789abcdef") == result.len - 2)
	{
		char	   *bytes = palloc(result.len);

		result.len = hex_decode(result.data + 2, result.len - 2, bytes);
		result.data = bytes;
	}
	return result;
}

static void
read_headers(Jsonb *json, RkMessage *message)
{
	JsonbIterator *iterator = JsonbIteratorInit(&json->root);
	RkHeader   *headers = palloc(sizeof(RkHeader) * (JB_ROOT_COUNT(json) + 1));
	JsonbIteratorToken token;
	JsonbValue	value;

	message->headers = headers;
	message->nheaders = 0;
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			headers[message->nheaders].name = pnstrdup(value.val.string.val,
													   value.val.string.len);
		else if (token == WJB_VALUE)
			headers[message->nheaders++].value = header_value(&value);
	}
}

/* A message's time as Kafka has it, from that of a dead letter; see rk_message_time(). */
static int64
letter_time(int64 time)
{
	if (time == PG_INT64_MIN)
		return -1;
	if (TIMESTAMP_IS_NOEND(time))
		return PG_INT64_MAX;
	return time / 1000 + (int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY * 1000;
}

static void
read_letter(int row, Letter *letter, RkMessage *message, MemoryContext context)
{
	int64		time = int64_of(row, 4, PG_INT64_MIN);
	bool		isnull;
	Datum		headers;

	letter->id = int64_of(row, 1, 0);
	letter->payload_bytes = int64_of(row, 7, 0);
	memset(message, 0, sizeof(*message));
	message->partition = (int32) int64_of(row, 2, 0);
	message->offset = int64_of(row, 3, 0);
	message->timestamp_ms = letter_time(time);
	message->key = bytes_of(row, 5, context);
	message->payload = bytes_of(row, 6, context);
	headers = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, 8, &isnull);
	if (!isnull)
	{
		MemoryContext old = MemoryContextSwitchTo(context);

		read_headers(DatumGetJsonbPCopy(headers), message);
		MemoryContextSwitchTo(old);
	}
}

/* Lock and read the next letters after an id; in the current memory context. */
static void
read_letters(const RkSource *source, int64 after, Datum ids, Round *round)
{
	MemoryContext context = CurrentMemoryContext;
	Oid			types[] = {TEXTOID, INT8OID, INT8ARRAYOID};
	Datum		values[] = {CStringGetTextDatum(source->name), Int64GetDatum(after), ids};
	char		nulls[] = {' ', ' ', ids == (Datum) 0 ? 'n' : ' '};

	SPI_connect();
	rk_catalog_execute("SELECT d.id, d.partition::pg_catalog.int8, d.\"offset\","
					   " d.message_time, d.key, d.payload,"
					   " d.payload_bytes::pg_catalog.int8, d.headers"
					   " FROM recsys.kafka_dead_letter AS d WHERE d.source = $1"
					   " AND d.id IN (" NEXT_LETTERS ") ORDER BY d.id FOR UPDATE OF d",
					   3, types, values, nulls, false);
	round->n = (int) SPI_processed;
	round->letters = MemoryContextAlloc(context, sizeof(Letter) * (SPI_processed + 1));
	round->messages = MemoryContextAlloc(context, sizeof(RkMessage) * (SPI_processed + 1));
	for (int i = 0; i < round->n; i++)
		read_letter(i, &round->letters[i], &round->messages[i], context);
	SPI_finish();
}

/* Of these the rest is gone. */
static void
refuse_cut(RkBatch *batch, const Round *round)
{
	RkReason	reason = {.sqlstate = "54000"};

	for (int i = 0; i < round->n; i++)
	{
		size_t		kept = round->messages[i].payload.len;

		if (round->letters[i].payload_bytes <= (int64) kept)
			continue;
		snprintf(reason.message, sizeof(reason.message),
				 "only %zu of the message's " INT64_FORMAT " bytes were kept",
				 kept, round->letters[i].payload_bytes);
		rk_batch_refuse(batch, i, &reason);
	}
}

/* ---- what became of them ---------------------------------------------------------------- */

static Datum
array_of(Datum *values, int n, Oid type)
{
	if (type == INT8OID)
		return PointerGetDatum(construct_array(values, n, type, sizeof(int64),
											   FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	return PointerGetDatum(construct_array(values, n, type, -1, false, TYPALIGN_INT));
}

/* Delete the letters that became rows; returns how many did not. */
static int
settle(const RkBatch *batch, const Round *round)
{
	Oid			types[] = {INT8ARRAYOID, TEXTARRAYOID, TEXTARRAYOID};
	Datum		values[3];
	Datum	   *done = palloc(sizeof(Datum) * (batch->nmessages + 1));
	Datum	   *failed = palloc(sizeof(Datum) * (batch->nmessages + 1));
	Datum	   *sqlstates = palloc(sizeof(Datum) * (batch->nmessages + 1));
	Datum	   *reasons = palloc(sizeof(Datum) * (batch->nmessages + 1));
	int			ndone = 0;
	int			nfailed = 0;

	for (int i = 0; i < batch->nmessages; i++)
	{
		const RkReason *reason = batch->reasons[i];
		Datum		id = Int64GetDatum(round->letters[i].id);

		if (reason == NULL)
		{
			done[ndone++] = id;
			continue;
		}
		failed[nfailed] = id;
		sqlstates[nfailed] = CStringGetTextDatum(reason->sqlstate);
		reasons[nfailed++] = CStringGetTextDatum(rk_server_text(reason->message));
	}

	values[0] = array_of(done, ndone, INT8OID);
	SPI_connect();
	rk_catalog_execute("DELETE FROM recsys.kafka_dead_letter WHERE id = ANY ($1)",
					   1, types, values, NULL, false);
	SPI_finish();

	values[0] = array_of(failed, nfailed, INT8OID);
	values[1] = array_of(sqlstates, nfailed, TEXTOID);
	values[2] = array_of(reasons, nfailed, TEXTOID);
	SPI_connect();
	rk_catalog_execute("UPDATE recsys.kafka_dead_letter AS d SET attempts = d.attempts + 1,"
					   " last_at = pg_catalog.now(), sqlstate = r.sqlstate, reason = r.reason"
					   " FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2),"
					   " pg_catalog.unnest($3)) AS r (id, sqlstate, reason)"
					   " WHERE d.id = r.id", 3, types, values, NULL, false);
	SPI_finish();
	return nfailed;
}

/* Rows that were written: those of messages without a reason. */
static int64
count_rows(const RkBatch *batch)
{
	int64		n = 0;

	for (int i = 0; i < batch->rows.nrows; i++)
	{
		int			message = batch->rows.messages[i];

		if (message < batch->nmessages && batch->reasons[message] == NULL)
			n++;
	}
	return n;
}

/* ---- a transaction ------------------------------------------------------------------------- */

/* Retry the next letters; false when there are none. */
static bool
retry_some(Jsonb *request, Datum ids, Totals *totals)
{
	RkSource   *source;
	RkSink	   *sink;
	RkBatch		batch;
	Round		round;

	rk_ask_begin();
	source = rk_ask_source(request);
	read_letters(source, totals->last_id, ids, &round);
	if (round.n == 0)
	{
		rk_ask_commit();
		return false;
	}
	sink = rk_sink_open(source);
	rk_sink_begin(sink, &batch, round.messages, round.n);
	refuse_cut(&batch, &round);
	rk_sink_map(sink, &batch);
	rk_sink_write(sink, &batch);
	totals->failed += settle(&batch, &round);
	totals->rows += count_rows(&batch);
	totals->retried += batch.nmessages;
	totals->last_id = round.letters[batch.nmessages - 1].id;
	rk_sink_close(sink);
	rk_ask_commit();
	return true;
}

/* The ids as an array for SQL, 0 when all are meant. */
static Datum
read_ids(Jsonb *request)
{
	JsonbValue *value = rk_ask_member(&request->root, "ids");
	JsonbContainer *array;
	Datum	   *ids;
	int			n;

	if (value == NULL)
		return (Datum) 0;
	if (value->type != jbvBinary || !JsonContainerIsArray(value->val.binary.data))
		elog(ERROR, "ids must be an array");
	array = value->val.binary.data;
	n = (int) JsonContainerSize(array);
	ids = palloc(sizeof(Datum) * (n + 1));
	for (int i = 0; i < n; i++)
	{
		int64		id;

		if (!rk_ask_int64(getIthJsonbValueFromContainer(array, (uint32) i), &id))
			elog(ERROR, "ids must be numbers");
		ids[i] = Int64GetDatum(id);
	}
	return array_of(ids, n, INT8OID);
}

char *
rk_ask_retry(Jsonb *request)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(caller, "recsys kafka retry",
												  ALLOCSET_DEFAULT_SIZES);
	Datum		ids = read_ids(request);
	Totals		totals = {.last_id = PG_INT64_MIN};
	bool		more;

	pgstat_report_activity(STATE_RUNNING, psprintf("retrying dead letters of Kafka source \"%s\"",
												   rk_ask_text(&request->root, "source")));
	do
	{
		MemoryContextSwitchTo(context);
		more = retry_some(request, ids, &totals);
		MemoryContextSwitchTo(caller);
		MemoryContextReset(context);
	} while (more);
	return psprintf("{\"retried\":" INT64_FORMAT ",\"rows\":" INT64_FORMAT
					",\"failed\":" INT64_FORMAT "}",
					totals.retried, totals.rows, totals.failed);
}
