/*-------------------------------------------------------------------------
 *
 * source.c
 *		Kafka sources: create, alter, drop, start, stop, seek, and the questions
 *		about one.
 *
 * Rows are locked before they are changed, the source's first, then those of its
 * partitions, as a worker's transaction does that updates them.  Every change takes
 * the generation up, by which a running worker knows that it is not the one that is
 * wanted; the processes are woken at commit.  Tables are written as the catalog's
 * owner, with SQL that is constant.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <ctype.h>

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "common/pg_prng.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"

#include "../kafka_ingest/shared.h"
#include "compat.h"
#include "ingest/ask.h"
#include "ingest/position.h"
#include "ingest/server_options.h"
#include "ingest/service.h"
#include "ingest/slots.h"
#include "ingest/source.h"
#include "ingest/source_options.h"
#include "ingest/target.h"
#include "store/model.h"

#define MAX_TOPIC	249

/* ---- checks of what was given ------------------------------------------------------- */

static void
check_name(const char *name)
{
	size_t		length = strlen(name);
	bool		plain = true;

	for (const char *c = name; *c != '\0'; c++)
	{
		if ((unsigned char) *c < ' ' || *c == 0x7f)
			plain = false;
	}
	if (length == 0 || length >= RK_SOURCE_NAME || !plain)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid name of a Kafka source"),
				 errhint("A name has 1 to %d bytes and no control characters.", RK_SOURCE_NAME - 1)));
}

static void
check_topic(const char *topic)
{
	size_t		length = strlen(topic);

	for (const char *c = topic; *c != '\0'; c++)
	{
		if (!isalnum((unsigned char) *c) && strchr("._-", *c) == NULL)
			length = 0;
	}
	if (length == 0 || length > MAX_TOPIC || strcmp(topic, ".") == 0 || strcmp(topic, "..") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid topic \"%s\"", topic),
				 errhint("A topic has 1 to %d letters, digits, '.', '_' and '-'.", MAX_TOPIC)));
}

static void
check_on_conflict(const char *on_conflict)
{
	if (strcmp(on_conflict, "error") != 0 && strcmp(on_conflict, "nothing") != 0 &&
		strcmp(on_conflict, "update") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unrecognized on_conflict \"%s\"", on_conflict),
				 errhint("Valid values are \"error\", \"nothing\" and \"update\".")));
}

/* All that can be wrong with a source as it is to be. */
static void
check_source(const RsKafkaSource *source)
{
	if ((source->columns == NULL) == !OidIsValid(source->transform))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("either columns or transform must be given, and not both")));
	check_on_conflict(source->on_conflict);
	rs_source_options_check(source->options);
	rs_kafka_check_owner(source->owner);
	(void) rs_server_check(source->server, source->owner);
	rs_kafka_check_target(source);
}

/* ---- rows ------------------------------------------------------------------------- */

static void
connect_spi(void)
{
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
}

/* A column of the only row that was returned, NULL when it is null. */
static char *
text_value(int column)
{
	return SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column);
}

static Oid
oid_value(int column)
{
	bool		isnull;
	Datum		value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column, &isnull);

	return isnull ? InvalidOid : DatumGetObjectId(value);
}

static Jsonb *
jsonb_value(int column)
{
	bool		isnull;
	Datum		value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column, &isnull);

	return isnull ? NULL : DatumGetJsonbPCopy(value);
}

static void
missing(const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("Kafka source \"%s\" does not exist", rs_model_shown_name(name))));
}

#define READ_SOURCE \
	"SELECT owner, server, topic," \
	" pg_catalog.to_regclass(pg_catalog.format('%I.%I', target_schema, target_table))," \
	" columns, pg_catalog.to_regprocedure(transform), on_conflict, options" \
	" FROM recsys.kafka_source WHERE source = $1"

/*
 * Read a source that the current user owns, and lock its row if it is to be changed.
 * Target and transform are 0 when they are gone.  NULL when there is no such source.
 */
static RsKafkaSource *
find_source(const char *name, bool lock)
{
	Oid			types[] = {TEXTOID};
	Datum		values[] = {CStringGetTextDatum(name)};
	RsKafkaSource *source = palloc0(sizeof(RsKafkaSource));

	rs_catalog_execute(lock ? READ_SOURCE " FOR UPDATE" : READ_SOURCE, 1, types, values, NULL, !lock);
	if (SPI_processed == 0)
		return NULL;
	source->name = pstrdup(name);
	source->owner = oid_value(1);
	if (!has_privs_of_role(GetUserId(), source->owner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of Kafka source \"%s\"", name)));
	source->server = text_value(2);
	source->topic = text_value(3);
	source->target = oid_value(4);
	source->columns = jsonb_value(5);
	source->transform = oid_value(6);
	source->on_conflict = text_value(7);
	source->options = jsonb_value(8);
	return source;
}

static RsKafkaSource *
open_source(const char *name, bool lock)
{
	RsKafkaSource *source = find_source(name, lock);

	if (source == NULL)
		missing(name);
	return source;
}

/* Execute with the source's name as $1, after a change of its row. */
static void
execute_for(const char *name, const char *sql)
{
	Oid			types[] = {TEXTOID};
	Datum		values[] = {CStringGetTextDatum(name)};

	rs_catalog_execute(sql, 1, types, values, NULL, false);
}

/* Take away all that is kept of a source beside its row. */
static void
delete_details(const char *name)
{
	execute_for(name, "DELETE FROM recsys.kafka_partition WHERE source = $1");
	execute_for(name, "DELETE FROM recsys.kafka_dead_letter WHERE source = $1");
	execute_for(name, "DELETE FROM recsys.kafka_gap WHERE source = $1");
}

/* Set of columns that any decision of a person clears, and the next generation. */
#define DECIDED \
	" generation = generation % 2147483647 + 1, failed_at = NULL, failed_sqlstate = NULL," \
	" failed_reason = NULL, failed_hint = NULL"

/* ---- questions to the broker --------------------------------------------------------- */

/* "settings" and "secrets" of a source's owner, as the first members of a request. */
static void
begin_open(StringInfo request, const RsKafkaSource *source)
{
	Jsonb	   *connection = rs_server_connection(source->server, source->owner);
	char	   *text = JsonbToCString(NULL, &connection->root, VARSIZE(connection));

	text[strlen(text) - 1] = '\0';
	appendStringInfo(request, "%s,\"op\":\"open\",\"topic\":", text);
	escape_json(request, source->topic);
}

/* Let the mapping be checked too. */
static void
append_mapping(StringInfo request, const RsKafkaSource *source)
{
	appendStringInfo(request, ",\"columns\":%s,\"target_columns\":",
					 JsonbToCString(NULL, &source->columns->root, VARSIZE(source->columns)));
	rs_kafka_describe_target(request, source->target);
}

/*
 * The same offset in every partition, as offsets by partition: how many there are
 * the broker has to say.
 */
static char *
spread_number(const RsKafkaSource *source, int64 number)
{
	StringInfoData request;
	Oid			types[] = {JSONBOID, INT8OID};
	Datum		values[2];
	char	   *offsets;

	initStringInfo(&request);
	begin_open(&request, source);
	appendStringInfoString(&request, ",\"start\":{\"time_ms\":-2}}");
	values[0] = JsonbPGetDatum(rs_ask(request.data, source->owner, RS_ASK_SECONDS));
	values[1] = Int64GetDatum(number);
	rs_catalog_execute("SELECT pg_catalog.jsonb_object_agg(p ->> 'partition', $2)"
					   " FROM pg_catalog.jsonb_array_elements($1 -> 'positions') AS p",
					   2, types, values, NULL, true);
	offsets = text_value(1);
	if (offsets == NULL)
		elog(ERROR, "topic \"%s\" has no partitions", source->topic);
	return offsets;
}

/*
 * Resolve where to begin; partition -1 stands for all.  Returns the worker's answer,
 * with "cluster_id" and "positions".
 */
static Jsonb *
resolve_position(const RsKafkaSource *source, const char *text, int partition, bool mapping)
{
	RsPosition	position;
	StringInfoData request;

	rs_position_parse(text, &position);
	initStringInfo(&request);
	begin_open(&request, source);
	switch (position.kind)
	{
		case RS_POSITION_TIME:
			appendStringInfo(&request, ",\"start\":{\"time_ms\":" INT64_FORMAT "}", position.time_ms);
			break;
		case RS_POSITION_NUMBER:
			if (partition >= 0)
				appendStringInfo(&request, ",\"start\":{\"offsets\":{\"%d\":" INT64_FORMAT "}}",
								 partition, position.number);
			else
				appendStringInfo(&request, ",\"start\":{\"offsets\":%s}",
								 spread_number(source, position.number));
			break;
		case RS_POSITION_OFFSETS:
			if (partition >= 0)
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("offsets by partition and one partition exclude each other")));
			appendStringInfo(&request, ",\"start\":{\"offsets\":%s}", position.offsets);
			break;
	}
	if (mapping && source->columns != NULL)
		append_mapping(&request, source);
	appendStringInfoChar(&request, '}');
	return rs_ask(request.data, source->owner, RS_ASK_SECONDS);
}

/* Write the positions of an answer; counters and what is known of a partition stay. */
static void
store_positions(const char *name, Jsonb *answer, int partition)
{
	Oid			types[] = {TEXTOID, JSONBOID, INT4OID};
	Datum		values[] = {CStringGetTextDatum(name), JsonbPGetDatum(answer), Int32GetDatum(partition)};

	rs_catalog_execute("INSERT INTO recsys.kafka_partition AS k (source, partition, next_offset)"
					   " SELECT $1, p.partition, p.\"offset\""
					   " FROM pg_catalog.jsonb_to_recordset($2 -> 'positions')"
					   " AS p (partition int4, \"offset\" int8)"
					   " WHERE $3 < 0 OR p.partition = $3 ORDER BY p.partition"
					   " ON CONFLICT (source, partition) DO UPDATE SET next_offset = excluded.next_offset,"
					   " anchor_offset = NULL, anchor_time = NULL, anchor_hash = NULL",
					   3, types, values, NULL, false);
	if (SPI_processed == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 partition < 0 ? errmsg("the topic of Kafka source \"%s\" has no partitions", name) :
				 errmsg("the topic of Kafka source \"%s\" has no partition %d", name, partition)));
}

/* ---- create, alter, drop ---------------------------------------------------------------- */

/* $1 ... of what create and alter write. */
static void
bind_source(const RsKafkaSource *source, Datum *values, char *nulls)
{
	values[0] = CStringGetTextDatum(source->name);
	values[1] = ObjectIdGetDatum(source->owner);
	values[2] = CStringGetTextDatum(source->server);
	values[3] = CStringGetTextDatum(get_namespace_name(get_rel_namespace(source->target)));
	values[4] = CStringGetTextDatum(get_rel_name(source->target));
	if (source->columns != NULL)
		values[5] = JsonbPGetDatum(source->columns);
	else
		values[6] = CStringGetTextDatum(format_procedure_qualified(source->transform));
	nulls[source->columns != NULL ? 6 : 5] = 'n';
	values[7] = CStringGetTextDatum(source->on_conflict);
	values[8] = JsonbPGetDatum(source->options);
}

static const Oid source_types[] = {
	TEXTOID, REGROLEOID, TEXTOID, TEXTOID, TEXTOID, JSONBOID, TEXTOID, TEXTOID, JSONBOID,
	TEXTOID, TEXTOID, INT4OID
};

/* Insert the row; false if there is one of this name. */
static bool
insert_source(const RsKafkaSource *source, Jsonb *answer)
{
	Datum		values[12] = {0};
	char		nulls[] = "            ";
	JsonbValue	cluster;

	bind_source(source, values, nulls);
	values[9] = CStringGetTextDatum(source->topic);
	if (getKeyJsonValueFromContainer(&answer->root, "cluster_id", 10, &cluster) != NULL &&
		cluster.type == jbvString)
		values[10] = PointerGetDatum(cstring_to_text_with_len(cluster.val.string.val,
															  cluster.val.string.len));
	else
		nulls[10] = 'n';
	/* random, so that a worker of an earlier source of this name takes it for another */
	values[11] = Int32GetDatum(1 + (int32) (pg_prng_uint32(&pg_global_prng_state) >> 2));
	rs_catalog_execute("INSERT INTO recsys.kafka_source (source, owner, server, target_schema,"
					   " target_table, columns, transform, on_conflict, options, topic, cluster_id,"
					   " generation, enabled, created_at)"
					   " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, pg_catalog.jsonb_strip_nulls($9),"
					   " $10, $11, $12, true, pg_catalog.now()) ON CONFLICT DO NOTHING",
					   12, (Oid *) source_types, values, nulls, false);
	return SPI_processed == 1;
}

static void
refuse_existing(const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_DUPLICATE_OBJECT),
			 errmsg("Kafka source \"%s\" already exists", name),
			 errhint("Use recsys.kafka_drop_source() or recsys.kafka_alter_source().")));
}

static void
check_free(const char *name)
{
	execute_for(name, "SELECT FROM recsys.kafka_source WHERE source = $1");
	if (SPI_processed > 0)
		refuse_existing(name);
}

/* Say what is missing for a source to be read, if anything is. */
static void
warn_unserved(void)
{
	char	   *reason;
	char	   *hint;

	if (!rs_kafka_served(&reason, &hint) && hint != NULL)
		ereport(WARNING,
				(errmsg("nothing is ingested yet: %s", reason), errhint("%s", hint)));
}

void
rs_kafka_create(RsKafkaSource *source, const char *start)
{
	RsPosition	position;
	Jsonb	   *answer;

	check_name(source->name);
	check_topic(source->topic);
	rs_position_parse(start, &position);
	check_source(source);
	connect_spi();
	check_free(source->name);
	answer = resolve_position(source, start, -1, true);
	if (!insert_source(source, answer))
		refuse_existing(source->name);
	/* of a source whose row was not restored, perhaps somebody else's */
	delete_details(source->name);
	store_positions(source->name, answer, -1);
	rs_slots_source_changed();
	SPI_finish();
	warn_unserved();
}

/* The source's options with the change laid over, a JSON null taking one away. */
static Jsonb *
merge_options(Jsonb *options, Jsonb *change)
{
	Oid			types[] = {JSONBOID, JSONBOID};
	Datum		values[] = {JsonbPGetDatum(options), JsonbPGetDatum(change)};

	rs_source_options_check(change);
	rs_catalog_execute("SELECT pg_catalog.jsonb_strip_nulls($1 || $2)", 2, types, values, NULL, true);
	return jsonb_value(1);
}

/* Lay a change over a source. */
static void
merge_source(RsKafkaSource *source, const RsKafkaSource *change)
{
	if (OidIsValid(change->owner))
	{
		rs_check_may_become(change->owner);
		source->owner = change->owner;
	}
	if (change->server != NULL)
		source->server = change->server;
	if (OidIsValid(change->target))
		source->target = change->target;
	if (change->columns != NULL || OidIsValid(change->transform))
	{
		source->columns = change->columns;
		source->transform = change->transform;
	}
	else if (source->columns == NULL && !OidIsValid(source->transform))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("the transform of Kafka source \"%s\" does not exist", source->name),
				 errhint("Give another one, or columns.")));
	if (change->on_conflict != NULL)
		source->on_conflict = change->on_conflict;
	if (change->options != NULL)
		source->options = merge_options(source->options, change->options);
	if (!OidIsValid(source->target))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("the target of Kafka source \"%s\" does not exist", source->name),
				 errhint("Create it again, or give another one.")));
}

/* Have a worker look at the mapping, without a broker. */
static void
check_mapping(const RsKafkaSource *source)
{
	StringInfoData request;

	initStringInfo(&request);
	appendStringInfoString(&request, "{\"op\":\"open\"");
	append_mapping(&request, source);
	appendStringInfoChar(&request, '}');
	(void) rs_ask(request.data, source->owner, RS_ASK_SECONDS);
}

void
rs_kafka_alter(RsKafkaSource *change)
{
	RsKafkaSource *source;
	Datum		values[9] = {0};
	char		nulls[] = "         ";

	connect_spi();
	source = open_source(change->name, true);
	merge_source(source, change);
	check_source(source);
	if (source->columns != NULL && (change->columns != NULL || OidIsValid(change->target)))
		check_mapping(source);
	bind_source(source, values, nulls);
	rs_catalog_execute("UPDATE recsys.kafka_source SET owner = $2, server = $3, target_schema = $4,"
					   " target_table = $5, columns = $6, transform = $7, on_conflict = $8,"
					   " options = $9," DECIDED " WHERE source = $1",
					   9, (Oid *) source_types, values, nulls, false);
	rs_slots_source_changed();
	SPI_finish();
}

void
rs_kafka_drop(const char *name, bool if_exists)
{
	connect_spi();
	if (find_source(name, true) == NULL)
	{
		if (!if_exists)
			missing(name);
		ereport(NOTICE,
				(errmsg("Kafka source \"%s\" does not exist, skipping", rs_model_shown_name(name))));
	}
	else
	{
		execute_for(name, "DELETE FROM recsys.kafka_source WHERE source = $1");
		delete_details(name);
		rs_slots_source_changed();
	}
	SPI_finish();
}

/* ---- start, stop, seek ------------------------------------------------------------------ */

void
rs_kafka_start(const char *name)
{
	RsKafkaSource *source;

	connect_spi();
	source = open_source(name, true);
	rs_kafka_check_owner(source->owner);
	execute_for(name, "UPDATE recsys.kafka_source SET enabled = true," DECIDED " WHERE source = $1");
	rs_slots_source_changed();
	SPI_finish();
	warn_unserved();
}

void
rs_kafka_stop(const char *name)
{
	connect_spi();
	(void) open_source(name, true);
	execute_for(name, "UPDATE recsys.kafka_source SET enabled = false,"
				" generation = generation % 2147483647 + 1 WHERE source = $1");
	rs_slots_source_changed();
	SPI_finish();
}

/*
 * When all partitions go to one position, those that the topic no longer has go,
 * and the cluster that answers is the one that is read from now on.
 */
static void
replace_cluster(const char *name, Jsonb *answer)
{
	Oid			types[] = {TEXTOID, JSONBOID};
	Datum		values[] = {CStringGetTextDatum(name), JsonbPGetDatum(answer)};

	rs_catalog_execute("DELETE FROM recsys.kafka_partition WHERE source = $1 AND NOT EXISTS"
					   " (SELECT FROM pg_catalog.jsonb_array_elements($2 -> 'positions') AS p"
					   " WHERE (p ->> 'partition')::int4 = partition)", 2, types, values, NULL, false);
	rs_catalog_execute("UPDATE recsys.kafka_source SET cluster_id = $2 ->> 'cluster_id'"
					   " WHERE source = $1", 2, types, values, NULL, false);
}

void
rs_kafka_seek(const char *name, const char *text, int partition)
{
	RsKafkaSource *source;
	RsPosition	position;
	Jsonb	   *answer;

	rs_position_parse(text, &position);
	connect_spi();
	source = open_source(name, true);
	answer = resolve_position(source, text, partition, false);
	execute_for(name, "UPDATE recsys.kafka_source SET" DECIDED " WHERE source = $1");
	store_positions(name, answer, partition);
	if (partition < 0 && position.kind != RS_POSITION_OFFSETS)
		replace_cluster(name, answer);
	rs_slots_source_changed();
	SPI_finish();
}

/* ---- preview and dead letters ------------------------------------------------------------- */

/* Begin a request about a source; returns the owner, as whom it is answered. */
static Oid
begin_question(StringInfo request, const char *op, const char *name)
{
	Oid			owner;

	connect_spi();
	owner = open_source(name, false)->owner;
	rs_kafka_check_owner(owner);
	SPI_finish();
	initStringInfo(request);
	appendStringInfo(request, "{\"op\":\"%s\",\"source\":", op);
	escape_json(request, name);
	return owner;
}

Jsonb *
rs_kafka_preview(const char *name, int n)
{
	StringInfoData request;
	Oid			owner = begin_question(&request, "preview", name);

	appendStringInfo(&request, ",\"n\":%d}", n);
	return rs_ask(request.data, owner, RS_ASK_SECONDS);
}

/* Ids as a JSON array. */
static void
append_ids(StringInfo json, Datum ids)
{
	Datum	   *values;
	bool	   *nulls;
	int			n;
	const char *separator = "";

	deconstruct_array(DatumGetArrayTypeP(ids), INT8OID, sizeof(int64), FLOAT8PASSBYVAL,
					  TYPALIGN_DOUBLE, &values, &nulls, &n);
	appendStringInfoChar(json, '[');
	for (int i = 0; i < n; i++)
	{
		if (nulls[i])
			continue;
		appendStringInfo(json, "%s" INT64_FORMAT, separator, DatumGetInt64(values[i]));
		separator = ",";
	}
	appendStringInfoChar(json, ']');
}

/*
 * The worker writes in transactions of its own: it would wait for whatever this one
 * has locked, and this one for it.
 */
static void
check_nothing_written(void)
{
	if (TransactionIdIsValid(GetTopTransactionIdIfAny()))
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("dead letters cannot be retried in a transaction that has written"),
				 errhint("Commit first; retried messages are committed by themselves.")));
}

Jsonb *
rs_kafka_retry(const char *name, Datum ids, bool all)
{
	StringInfoData request;
	Oid			owner;

	check_nothing_written();
	owner = begin_question(&request, "retry", name);
	appendStringInfoString(&request, ",\"ids\":");
	if (all)
		appendStringInfoString(&request, "null");
	else
		append_ids(&request, ids);
	appendStringInfoChar(&request, '}');
	return rs_ask(request.data, owner, 0);
}

int64
rs_kafka_discard(const char *name, Datum ids, bool all)
{
	Oid			types[] = {TEXTOID, INT8ARRAYOID};
	Datum		values[] = {CStringGetTextDatum(name), ids};
	int64		discarded;

	connect_spi();
	(void) open_source(name, false);
	rs_catalog_execute("DELETE FROM recsys.kafka_dead_letter"
					   " WHERE source = $1 AND ($2 IS NULL OR id = ANY ($2))",
					   2, types, values, all ? " n" : NULL, false);
	discarded = (int64) SPI_processed;
	SPI_finish();
	return discarded;
}
