/*-------------------------------------------------------------------------
 *
 * source.c
 *		A source's row, its partitions, its connection, and the roles that
 *		SQL runs as.
 *
 * Nobody but their owner has a right on the recsys.kafka_* tables, so all SQL on
 * them runs as that owner: constant text, names qualified, search_path fixed.
 * Readers take no locks beyond those of their statements; a row that changes
 * while it is read is noticed by its generation.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "compat.h"
#include "source.h"

/* ---- settings ---------------------------------------------------------------- */

static void
pin(const char *name, const char *value)
{
	SetConfigOption(name, value, PGC_SUSET, PGC_S_OVERRIDE);
}

void
rk_pin_settings(void)
{
	pin("search_path", "pg_catalog, pg_temp");
	pin("default_transaction_isolation", "read committed");
	pin("default_transaction_read_only", "off");
	pin("DateStyle", "ISO, MDY");
	pin("IntervalStyle", "postgres");
	pin("bytea_output", "hex");
	pin("extra_float_digits", "1");
	/* Since 17; it would end the worker at the same batch again and again. */
	if (GetConfigOption("transaction_timeout", true, false) != NULL)
		pin("transaction_timeout", "0");
}

/* ---- roles ------------------------------------------------------------------- */

/* Take a role on; what is set until rk_role_end() is undone there. */
static void
begin_as(Oid role, int security, RkRole *saved)
{
	saved->guc_level = NewGUCNestLevel();
	GetUserIdAndSecContext(&saved->save_user, &saved->save_sec);
	SetUserIdAndSecContext(role, saved->save_sec | security);
	(void) set_config_option("search_path", "pg_catalog, pg_temp",
							 PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
}

void
rk_role_begin(Oid role, RkRole *saved)
{
	begin_as(role, SECURITY_RESTRICTED_OPERATION, saved);
}

void
rk_role_end(const RkRole *saved)
{
	AtEOXact_GUC(false, saved->guc_level);
	SetUserIdAndSecContext(saved->save_user, saved->save_sec);
}

/* ---- the catalog --------------------------------------------------------------- */

/*
 * Owner of the extension's tables, InvalidOid when they are gone.  A table of
 * that name that is not the extension's is somebody else's.
 */
static Oid
catalog_owner(void)
{
	Oid			extension = get_extension_oid("recsys", true);
	Oid			namespace = get_namespace_oid("recsys", true);
	Oid			relation;
	Oid			owner = InvalidOid;
	HeapTuple	tuple;

	if (!OidIsValid(extension) || !OidIsValid(namespace))
		return InvalidOid;
	relation = get_relname_relid("kafka_source", namespace);
	if (!OidIsValid(relation) ||
		getExtensionOfObject(RelationRelationId, relation) != extension)
		return InvalidOid;
	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
	if (HeapTupleIsValid(tuple))
	{
		owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
		ReleaseSysCache(tuple);
	}
	return owner;
}

bool
rk_catalog_exists(void)
{
	return OidIsValid(catalog_owner());
}

int
rk_catalog_execute(const char *sql, int nargs, Oid *types,
				   Datum *values, const char *nulls, bool read_only)
{
	Oid			owner = catalog_owner();
	RkRole		saved;
	int			result;

	if (!OidIsValid(owner))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation \"recsys.kafka_source\" does not exist"),
				 errhint("Run CREATE EXTENSION recsys in this database.")));
	begin_as(owner, SECURITY_LOCAL_USERID_CHANGE, &saved);
	result = SPI_execute_with_args(sql, nargs, types, values, nulls, read_only, 0);
	if (result < 0)
		elog(ERROR, "SPI_execute_with_args failed: %s", SPI_result_code_string(result));
	rk_role_end(&saved);
	return result;
}

/* ---- results of SPI --------------------------------------------------------------- */

/* Column of a row of SPI_tuptable; the Datum lives in SPI's memory. */
static Datum
spi_datum(int row, int column, bool *isnull)
{
	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc,
						 column, isnull);
}

static int64
spi_int64(int row, int column, int64 if_null)
{
	bool		isnull;
	Datum		value = spi_datum(row, column, &isnull);

	return isnull ? if_null : DatumGetInt64(value);
}

/* A text column in the memory of context, NULL when it is null. */
static char *
spi_text(int row, int column, MemoryContext context)
{
	bool		isnull;
	Datum		value = spi_datum(row, column, &isnull);
	MemoryContext old;
	char	   *copy;

	if (isnull)
		return NULL;
	old = MemoryContextSwitchTo(context);
	copy = TextDatumGetCString(value);
	MemoryContextSwitchTo(old);
	return copy;
}

static Jsonb *
spi_jsonb(int row, int column, MemoryContext context)
{
	bool		isnull;
	Datum		value = spi_datum(row, column, &isnull);
	MemoryContext old;
	Jsonb	   *jsonb;

	if (isnull)
		return NULL;
	old = MemoryContextSwitchTo(context);
	jsonb = DatumGetJsonbPCopy(value);
	MemoryContextSwitchTo(old);
	return jsonb;
}

/* ---- options --------------------------------------------------------------------- */

/* The number of an option, which was checked when the source was made. */
static int
option_int(Jsonb *options, const char *name, int default_value)
{
	JsonbValue *value = getKeyJsonValueFromContainer(&options->root, name,
													 (int) strlen(name), NULL);

	if (value == NULL)
		return default_value;
	if (value->type != jbvNumeric)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" must be a number", name)));
	return DatumGetInt32(DirectFunctionCall1(numeric_int4,
											 NumericGetDatum(value->val.numeric)));
}

static bool
option_is(Jsonb *options, const char *name, const char *word)
{
	JsonbValue *value = getKeyJsonValueFromContainer(&options->root, name,
													 (int) strlen(name), NULL);

	return value != NULL && value->type == jbvString &&
		value->val.string.len == (int) strlen(word) &&
		memcmp(value->val.string.val, word, value->val.string.len) == 0;
}

static void
read_options(Jsonb *options, RkOptions *result)
{
	result->batch_rows = option_int(options, "batch_rows", 10000);
	result->batch_bytes = option_int(options, "batch_bytes", 16777216);
	result->linger_ms = option_int(options, "linger_ms", 200);
	result->max_message_bytes = option_int(options, "max_message_bytes", 1048576);
	result->max_dead_letters = option_int(options, "max_dead_letters", 100);
	result->skip_gaps = option_is(options, "on_gap", "skip");
}

static RkOnConflict
parse_on_conflict(const char *word)
{
	if (strcmp(word, "error") == 0)
		return RK_CONFLICT_ERROR;
	if (strcmp(word, "nothing") == 0)
		return RK_CONFLICT_NOTHING;
	if (strcmp(word, "update") == 0)
		return RK_CONFLICT_UPDATE;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unrecognized on_conflict \"%s\"", word),
			 errhint("Valid values are error, nothing and update.")));
}

/* ---- reading a source --------------------------------------------------------------- */

static RkSource *
read_row(const char *name, MemoryContext context, Jsonb **options)
{
	Oid			types[] = {TEXTOID};
	Datum		values[] = {CStringGetTextDatum(name)};
	RkSource   *source;

	rk_catalog_execute("SELECT owner::pg_catalog.oid::pg_catalog.int8, server, topic,"
					   " target_schema, target_table, columns, transform, on_conflict,"
					   " options, cluster_id, enabled::pg_catalog.int4::pg_catalog.int8,"
					   " (failed_at IS NOT NULL)::pg_catalog.int4::pg_catalog.int8,"
					   " generation::pg_catalog.int8"
					   " FROM recsys.kafka_source WHERE source = $1",
					   1, types, values, NULL, true);
	if (SPI_processed == 0)
		return NULL;
	source = MemoryContextAllocZero(context, sizeof(RkSource));
	source->name = MemoryContextStrdup(context, name);
	source->owner = (Oid) spi_int64(0, 1, 0);
	source->server = spi_text(0, 2, context);
	source->topic = spi_text(0, 3, context);
	source->target_schema = spi_text(0, 4, context);
	source->target_table = spi_text(0, 5, context);
	source->columns = spi_jsonb(0, 6, context);
	source->transform = spi_text(0, 7, context);
	source->on_conflict = parse_on_conflict(spi_text(0, 8, context));
	*options = spi_jsonb(0, 9, context);
	source->cluster_id = spi_text(0, 10, context);
	source->enabled = spi_int64(0, 11, 0) != 0;
	source->failed = spi_int64(0, 12, 0) != 0;
	source->generation = (int32) spi_int64(0, 13, 0);
	return source;
}

static void
read_partitions(RkSource *source, MemoryContext context)
{
	Oid			types[] = {TEXTOID};
	Datum		values[] = {CStringGetTextDatum(source->name)};

	rk_catalog_execute("SELECT partition::pg_catalog.int8, next_offset,"
					   " anchor_offset, anchor_time, anchor_hash"
					   " FROM recsys.kafka_partition WHERE source = $1 ORDER BY partition",
					   1, types, values, NULL, true);
	source->npartitions = (int) SPI_processed;
	source->partitions = MemoryContextAllocZero(context,
												sizeof(RkProgress) * (SPI_processed + 1));
	for (int i = 0; i < source->npartitions; i++)
	{
		RkProgress *p = &source->partitions[i];

		p->partition = (int32) spi_int64(i, 1, 0);
		p->next_offset = spi_int64(i, 2, 0);
		p->anchor_offset = spi_int64(i, 3, -1);
		p->anchor_time = spi_int64(i, 4, -1);
		p->anchor_hash = spi_int64(i, 5, 0);
		p->has_anchor = p->anchor_offset >= 0 && p->anchor_offset < p->next_offset;
	}
}

/* The options of librdkafka that a source may set, as properties. */
static void
read_tuning(RkSource *source, Jsonb *options)
{
	static const char *const tuning[] = {
		"fetch_wait_max_ms", "queued_min_messages", "queued_max_kbytes",
		"fetch_max_bytes", "socket_timeout_ms"
	};
	static const char *const properties[] = {
		"fetch.wait.max.ms", "queued.min.messages", "queued.max.messages.kbytes",
		"fetch.max.bytes", "socket.timeout.ms"
	};

	source->tuning = palloc0(sizeof(RkSetting) * (lengthof(tuning) + 1));
	for (int i = 0; i < lengthof(tuning); i++)
	{
		int			value = option_int(options, tuning[i], -1);

		if (value >= 0)
		{
			RkSetting  *setting = &source->tuning[source->ntuning++];

			setting->name = properties[i];
			setting->value = psprintf("%d", value);
		}
	}
}

RkSource *
rk_source_read(const char *name)
{
	MemoryContext context = CurrentMemoryContext;
	Jsonb	   *options = NULL;
	RkSource   *source;

	SPI_connect();
	source = read_row(name, context, &options);
	if (source != NULL)
		read_partitions(source, context);
	SPI_finish();
	if (source != NULL)
	{
		read_options(options, &source->options);
		read_tuning(source, options);
	}
	return source;
}

int32
rk_source_generation(const char *name)
{
	Oid			types[] = {TEXTOID};
	Datum		values[] = {CStringGetTextDatum(name)};
	int32		generation = -1;

	if (!rk_catalog_exists())
		return -1;
	SPI_connect();
	rk_catalog_execute("SELECT generation::pg_catalog.int8 FROM recsys.kafka_source"
					   " WHERE source = $1 AND enabled AND failed_at IS NULL",
					   1, types, values, NULL, true);
	if (SPI_processed > 0)
		generation = (int32) spi_int64(0, 1, -1);
	SPI_finish();
	return generation;
}

/* ---- the connection ------------------------------------------------------------------ */

/* The text of a scalar of JSON, zero-terminated. */
static char *
json_scalar(const JsonbValue *value, const char *what)
{
	if (value->type == jbvString)
		return pnstrdup(value->val.string.val, value->val.string.len);
	if (value->type == jbvNumeric)
		return DatumGetCString(DirectFunctionCall1(numeric_out,
												   NumericGetDatum(value->val.numeric)));
	if (value->type == jbvBool)
		return pstrdup(value->val.boolean ? "true" : "false");
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s must be strings", what)));
}

/* The object or array under a key, NULL when there is none. */
static JsonbContainer *
json_child(Jsonb *jsonb, const char *key)
{
	JsonbValue *value = getKeyJsonValueFromContainer(&jsonb->root, key,
													 (int) strlen(key), NULL);

	return value != NULL && value->type == jbvBinary ? value->val.binary.data : NULL;
}

/* Properties of an object appended to settings, which has room for them. */
static void
append_settings(JsonbContainer *object, RkSetting *settings, int *nsettings)
{
	JsonbIterator *iterator = JsonbIteratorInit(object);
	JsonbValue	value;
	JsonbIteratorToken token;

	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			settings[*nsettings].name = json_scalar(&value, "names of settings");
		else if (token == WJB_VALUE)
			settings[(*nsettings)++].value = json_scalar(&value, "settings");
	}
}

static void
append_secrets(JsonbContainer *array, const char **secrets, int *nsecrets)
{
	JsonbIterator *iterator = JsonbIteratorInit(array);
	JsonbValue	value;
	JsonbIteratorToken token;

	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_ELEM)
			secrets[(*nsecrets)++] = json_scalar(&value, "secrets");
	}
}

void
rk_settings_from_json(Jsonb *connection, RkSetting **settings, int *nsettings,
					  const char ***secrets, int *nsecrets)
{
	JsonbContainer *object = json_child(connection, "settings");
	JsonbContainer *array = json_child(connection, "secrets");

	*nsettings = 0;
	*nsecrets = 0;
	*settings = palloc0(sizeof(RkSetting) *
						((object ? JsonContainerSize(object) : 0) + 1));
	*secrets = palloc0(sizeof(char *) *
					   ((array ? JsonContainerSize(array) : 0) + 1));
	if (object != NULL && JsonContainerIsObject(object))
		append_settings(object, *settings, nsettings);
	if (array != NULL && JsonContainerIsArray(array))
		append_secrets(array, *secrets, nsecrets);
}

/* What recsys.kafka_connection() says for the source's server and owner. */
static Jsonb *
ask_connection(const RkSource *source)
{
	MemoryContext context = CurrentMemoryContext;
	Oid			types[] = {TEXTOID, OIDOID};
	Datum		values[] = {CStringGetTextDatum(source->server),
	ObjectIdGetDatum(source->owner)};
	Jsonb	   *connection;

	SPI_connect();
	rk_catalog_execute("SELECT recsys.kafka_connection($1, $2::pg_catalog.regrole)",
					   2, types, values, NULL, true);
	connection = spi_jsonb(0, 1, context);
	SPI_finish();
	if (connection == NULL)
		elog(ERROR, "no connection for server \"%s\"", source->server);
	return connection;
}

void
rk_source_connect(RkSource *source)
{
	RkSetting  *connection;
	int			nconnection;

	rk_settings_from_json(ask_connection(source), &connection, &nconnection,
						  &source->secrets, &source->nsecrets);
	source->settings = palloc(sizeof(RkSetting) * (nconnection + source->ntuning + 1));
	memcpy(source->settings, connection, sizeof(RkSetting) * nconnection);
	memcpy(source->settings + nconnection, source->tuning,
		   sizeof(RkSetting) * source->ntuning);
	source->nsettings = nconnection + source->ntuning;
}

bool
rk_source_same_connection(const RkSource *source)
{
	RkSource	now = *source;

	rk_source_connect(&now);
	if (now.nsettings != source->nsettings)
		return false;
	for (int i = 0; i < now.nsettings; i++)
	{
		if (strcmp(now.settings[i].name, source->settings[i].name) != 0 ||
			strcmp(now.settings[i].value, source->settings[i].value) != 0)
			return false;
	}
	return true;
}

/* ---- writing ------------------------------------------------------------------------ */

void
rk_source_set_cluster(const char *name, const char *cluster_id)
{
	Oid			types[] = {TEXTOID, TEXTOID};
	Datum		values[] = {CStringGetTextDatum(name), CStringGetTextDatum(cluster_id)};

	SPI_connect();
	rk_catalog_execute("UPDATE recsys.kafka_source SET cluster_id = $2"
					   " WHERE source = $1 AND cluster_id IS NULL",
					   2, types, values, NULL, false);
	SPI_finish();
}

void
rk_source_grow(const RkSource *source, int npartitions)
{
	Oid			types[] = {TEXTOID, INT4OID, INT4OID};
	Datum		values[] = {CStringGetTextDatum(source->name),
		Int32GetDatum(source->generation),
	Int32GetDatum(npartitions)};

	SPI_connect();
	/* The lock waits for who drops the source. */
	rk_catalog_execute("WITH s AS (SELECT FROM recsys.kafka_source WHERE source = $1"
					   " AND generation = $2 FOR KEY SHARE)"
					   " INSERT INTO recsys.kafka_partition (source, partition, next_offset)"
					   " SELECT $1, p, 0 FROM s, pg_catalog.generate_series(0, $3 - 1) AS p"
					   " ON CONFLICT DO NOTHING",
					   3, types, values, NULL, false);
	SPI_finish();
}

bool
rk_source_skip(const RkSource *source, int32 partition, int64 from_offset,
			   int64 to_offset, const char *reason)
{
	Oid			types[] = {TEXTOID, INT4OID, INT8OID, INT8OID, TEXTOID};
	Datum		values[] = {CStringGetTextDatum(source->name), Int32GetDatum(partition),
		Int64GetDatum(from_offset), Int64GetDatum(to_offset),
	CStringGetTextDatum(reason)};
	bool		moved;

	SPI_connect();
	rk_catalog_execute("WITH moved AS (UPDATE recsys.kafka_partition"
					   " SET next_offset = $4, anchor_offset = NULL, anchor_time = NULL,"
					   " anchor_hash = NULL, low = $4, seen_at = pg_catalog.now()"
					   " WHERE source = $1 AND partition = $2 AND next_offset = $3"
					   " RETURNING source, partition)"
					   " INSERT INTO recsys.kafka_gap (source, partition, from_offset,"
					   " to_offset, reason, found_at)"
					   " SELECT m.source, m.partition, $3, $4, $5, pg_catalog.now() FROM moved m",
					   5, types, values, NULL, false);
	moved = SPI_processed == 1;
	SPI_finish();
	return moved;
}

void
rk_source_fail(const RkSource *source, const char *sqlstate,
			   const char *reason, const char *hint)
{
	Oid			types[] = {TEXTOID, INT4OID, TEXTOID, TEXTOID, TEXTOID};
	Datum		values[] = {CStringGetTextDatum(source->name),
		Int32GetDatum(source->generation),
		CStringGetTextDatum(sqlstate), CStringGetTextDatum(reason),
	CStringGetTextDatum(hint)};

	SPI_connect();
	rk_catalog_execute("UPDATE recsys.kafka_source SET failed_at = pg_catalog.now(),"
					   " failed_sqlstate = $3, failed_reason = $4, failed_hint = $5"
					   " WHERE source = $1 AND generation = $2",
					   5, types, values, NULL, false);
	SPI_finish();
}
