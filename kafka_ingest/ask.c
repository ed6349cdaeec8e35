/*-------------------------------------------------------------------------
 *
 * ask.c
 *		Main of the one-shot worker, which answers one request of a user's call:
 *		a session never loads librdkafka.
 *
 * Requests and answers are JSON; shared.h has how they travel.
 *
 *	{"op": "open", "settings": {...}, "secrets": [...], "topic": "t",
 *	 "start": {"time_ms": -2 | -1 | ms} | {"offsets": {"0": 5, ...}},
 *	 "columns": {...}, "target_columns": [{"name", "type", "typmod", "not_null"}, ...]}
 *		Checks the mapping if there are columns, and asks the brokers if there is a
 *		topic: -2 stands for the first messages, -1 for the end.  Of offsets only
 *		the partitions that are named are answered.
 *		=> {"cluster_id": "..." | null, "library": "2.0.2",
 *			"positions": [{"partition": 0, "offset": 0}, ...]}
 *
 *	{"op": "preview", "source": "s", "n": 10}			preview.c
 *	{"op": "retry", "source": "s", "ids": [...] | null}	retry.c
 *
 * The worker is one user's for one call: it connects as the role of the header and
 * ends.  It waits on its latch alone; blocking calls of librdkafka are a thread's.
 * What is open is closed before the process lets go of shared memory.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "libpq/pqmq.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "storage/dsm.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "storage/shm_mq.h"
#include "storage/shm_toc.h"
#include "tcop/tcopprot.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "ask.h"
#include "compat.h"
#include "consumer.h"
#include "mapping.h"
#include "reader.h"
#include "shared.h"

#define LOOKUP_MS	10000		/* how long the brokers may take */
#define EARLIEST_MS	(-2)		/* times that stand for the first message */
#define LATEST_MS	(-1)		/* and for the end */

PGDLLEXPORT void recsys_kafka_ask_main(Datum main_arg);

static RkLookup *lookup = NULL;

/* ---- requests -------------------------------------------------------------------- */

JsonbValue *
rk_ask_member(JsonbContainer *object, const char *name)
{
	JsonbValue *value = getKeyJsonValueFromContainer(object, name, (int) strlen(name), NULL);

	return value == NULL || value->type == jbvNull ? NULL : value;
}

char *
rk_ask_text(JsonbContainer *object, const char *name)
{
	JsonbValue *value = rk_ask_member(object, name);

	if (value == NULL || value->type != jbvString)
		elog(ERROR, "request has no text \"%s\"", name);
	return pnstrdup(value->val.string.val, value->val.string.len);
}

bool
rk_ask_int64(const JsonbValue *value, int64 *number)
{
	if (value == NULL || value->type != jbvNumeric)
		return false;
	*number = DatumGetInt64(DirectFunctionCall1(numeric_int8,
												NumericGetDatum(value->val.numeric)));
	return true;
}

static int64
int64_member(JsonbContainer *object, const char *name)
{
	int64		number;

	if (!rk_ask_int64(rk_ask_member(object, name), &number))
		elog(ERROR, "request has no number \"%s\"", name);
	return number;
}

/* The object or array under a name, NULL when there is none. */
static JsonbContainer *
container_member(JsonbContainer *object, const char *name)
{
	JsonbValue *value = rk_ask_member(object, name);

	return value != NULL && value->type == jbvBinary ? value->val.binary.data : NULL;
}

void
rk_ask_append_name(StringInfo json, const char *name)
{
	if (json->len > 0 && json->data[json->len - 1] != '{')
		appendStringInfoChar(json, ',');
	escape_json(json, name);
	appendStringInfoChar(json, ':');
}

/* ---- transactions ------------------------------------------------------------------ */

void
rk_ask_begin(void)
{
	MemoryContext context = CurrentMemoryContext;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	MemoryContextSwitchTo(context);
}

void
rk_ask_commit(void)
{
	MemoryContext context = CurrentMemoryContext;

	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(context);
}

void
rk_ask_abort(void)
{
	MemoryContext context = CurrentMemoryContext;

	AbortCurrentTransaction();
	MemoryContextSwitchTo(context);
}

RkSource *
rk_ask_source(Jsonb *request)
{
	char	   *name = rk_ask_text(&request->root, "source");
	RkSource   *source = rk_source_read(name);

	if (source == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("Kafka source \"%s\" does not exist", name)));
	if (source->owner != GetUserId())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("Kafka source \"%s\" belongs to another role by now", name)));
	return source;
}

void
rk_ask_wait(int fd, long timeout_ms)
{
	CHECK_FOR_INTERRUPTS();
	(void) WaitLatchOrSocket(MyLatch,
							 WL_LATCH_SET | WL_SOCKET_READABLE | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
							 fd, timeout_ms, PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}

/* ---- open: the mapping -------------------------------------------------------------- */

/* The target's columns, of an array of objects. */
static RkColumn *
read_target_columns(JsonbContainer *array, int *ncolumns)
{
	RkColumn   *columns;

	*ncolumns = (int) JsonContainerSize(array);
	columns = palloc(sizeof(RkColumn) * (*ncolumns + 1));
	for (int i = 0; i < *ncolumns; i++)
	{
		JsonbValue *value = getIthJsonbValueFromContainer(array, (uint32) i);
		JsonbContainer *column;
		JsonbValue *not_null;

		if (value->type != jbvBinary)
			elog(ERROR, "target columns must be objects");
		column = value->val.binary.data;
		not_null = rk_ask_member(column, "not_null");
		columns[i].name = rk_ask_text(column, "name");
		columns[i].type = (Oid) int64_member(column, "type");
		columns[i].typmod = (int32) int64_member(column, "typmod");
		columns[i].not_null = not_null != NULL && not_null->type == jbvBool &&
			not_null->val.boolean;
	}
	return columns;
}

/* Can these columns be filled so?  An error says what is wrong. */
static void
check_mapping(Jsonb *request)
{
	JsonbValue *columns = rk_ask_member(&request->root, "columns");
	JsonbContainer *target = container_member(&request->root, "target_columns");
	int			ntarget;
	RkColumn   *target_columns;

	if (columns == NULL)
		return;
	if (target == NULL || !JsonContainerIsArray(target))
		elog(ERROR, "request has no array \"target_columns\"");
	target_columns = read_target_columns(target, &ntarget);
	rk_ask_begin();
	(void) rk_mapping_build(JsonbValueToJsonb(columns), target_columns, ntarget);
	rk_ask_commit();
}

/* ---- open: positions ------------------------------------------------------------------ */

static int
error_sqlstate(RkErrorKind kind)
{
	switch (kind)
	{
		case RK_ERROR_AUTHENTICATION:
			return ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION;
		case RK_ERROR_AUTHORIZATION:
			return ERRCODE_INSUFFICIENT_PRIVILEGE;
		case RK_ERROR_NO_TOPIC:
			return ERRCODE_UNDEFINED_OBJECT;
		case RK_ERROR_CONFIGURATION:
			return ERRCODE_INVALID_PARAMETER_VALUE;
		case RK_ERROR_MEMORY:
			return ERRCODE_OUT_OF_MEMORY;
		default:
			return ERRCODE_CONNECTION_FAILURE;
	}
}

static const char *
error_hint(RkErrorKind kind)
{
	switch (kind)
	{
		case RK_ERROR_AUTHENTICATION:
			return "Check the user mapping and the certificates of the server.";
		case RK_ERROR_AUTHORIZATION:
			return "The user needs READ and DESCRIBE on the topic in the ACLs of the brokers.";
		case RK_ERROR_NO_TOPIC:
			return "Topics are not created by reading them.";
		case RK_ERROR_BROKER:
			return "Are the brokers of the server reachable from the database server?";
		default:
			return "Check the options of the server and of its user mapping.";
	}
}

pg_noreturn static void
raise_error(const char *topic, const RkError *error)
{
	ereport(ERROR,
			(errcode(error_sqlstate(error->kind)),
			 error->kind == RK_ERROR_NO_TOPIC ?
			 errmsg("Kafka topic \"%s\" does not exist", topic) :
			 errmsg("could not read Kafka topic \"%s\": %s", topic, error->message),
			 errhint("%s", error_hint(error->kind))));
}

/* Ask the brokers; the answer lives until the lookup is ended. */
static const RkTopic *
look_up(Jsonb *request, const char *topic, int64 time_ms)
{
	RkSetting  *settings;
	int			nsettings;
	const char **secrets;
	int			nsecrets;
	RkError		error;
	const RkTopic *answer;

	rk_settings_from_json(request, &settings, &nsettings, &secrets, &nsecrets);
	lookup = rk_lookup_start(settings, nsettings, secrets, nsecrets, topic, time_ms,
							 LOOKUP_MS, &error);
	if (lookup == NULL)
		raise_error(topic, &error);
	while ((answer = rk_lookup_answer(lookup, &error)) == NULL)
	{
		if (error.kind != RK_ERROR_NONE)
			raise_error(topic, &error);
		rk_ask_wait(rk_lookup_fd(lookup), 1000);
	}
	return answer;
}

static void
append_position(StringInfo json, int partition, int64 offset)
{
	appendStringInfo(json, "%s{\"partition\":%d,\"offset\":" INT64_FORMAT "}",
					 json->data[json->len - 1] == '[' ? "" : ",", partition, offset);
}

/* The same for all partitions. */
static void
append_by_time(StringInfo json, const RkTopic *topic, int64 time_ms)
{
	for (int i = 0; i < topic->npartitions; i++)
		append_position(json, i, time_ms == EARLIEST_MS ? topic->bounds[i].low :
						time_ms == LATEST_MS ? topic->bounds[i].high :
						topic->bounds[i].at_time);
}

/* A partition's number, of a key; the topic must have it. */
static int
partition_of_key(const JsonbValue *key, const RkTopic *topic, const char *name)
{
	char	   *text = pnstrdup(key->val.string.val, key->val.string.len);
	char	   *end;
	long		partition;

	errno = 0;
	partition = strtol(text, &end, 10);
	if (*text == '\0' || *end != '\0' || errno != 0 || partition < 0 ||
		partition >= topic->npartitions)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("Kafka topic \"%s\" has no partition %s", name, text),
				 errdetail("It has partitions 0 to %d.", topic->npartitions - 1)));
	return (int) partition;
}

/* Offsets that somebody named, checked. */
static void
append_by_offset(StringInfo json, const RkTopic *topic, const char *name,
				 JsonbContainer *offsets)
{
	JsonbIterator *iterator = JsonbIteratorInit(offsets);
	JsonbIteratorToken token;
	JsonbValue	value;
	int			partition = -1;

	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		int64		offset;

		if (token == WJB_KEY)
			partition = partition_of_key(&value, topic, name);
		if (token != WJB_VALUE)
			continue;
		if (!rk_ask_int64(&value, &offset))
			elog(ERROR, "offsets must be numbers");
		if (offset < topic->bounds[partition].low || offset > topic->bounds[partition].high)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("offset " INT64_FORMAT " of partition %d of Kafka topic \"%s\" is out of range",
							offset, partition, name),
					 errdetail("The partition has offsets " INT64_FORMAT " to " INT64_FORMAT ".",
							   topic->bounds[partition].low, topic->bounds[partition].high)));
		append_position(json, partition, offset);
	}
}

/* What the brokers say, as members of the answer. */
static void
append_topic(StringInfo json, Jsonb *request)
{
	char	   *name = rk_ask_text(&request->root, "topic");
	JsonbContainer *start = container_member(&request->root, "start");
	JsonbContainer *offsets = start ? container_member(start, "offsets") : NULL;
	int64		time_ms = EARLIEST_MS;
	const RkTopic *topic;

	if (start != NULL && offsets == NULL)
		time_ms = int64_member(start, "time_ms");
	pgstat_report_activity(STATE_RUNNING, psprintf("asking for Kafka topic \"%s\"", name));
	topic = look_up(request, name, time_ms >= 0 ? time_ms : RK_NO_TIME);
	rk_ask_append_name(json, "cluster_id");
	if (topic->cluster_id != NULL)
		escape_json(json, topic->cluster_id);
	else
		appendStringInfoString(json, "null");
	rk_ask_append_name(json, "positions");
	appendStringInfoChar(json, '[');
	if (offsets != NULL)
		append_by_offset(json, topic, name, offsets);
	else
		append_by_time(json, topic, time_ms);
	appendStringInfoChar(json, ']');
}

char *
rk_ask_open(Jsonb *request)
{
	StringInfoData json;

	check_mapping(request);
	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	rk_ask_append_name(&json, "library");
	escape_json(&json, rk_consumer_library_version_text());
	if (rk_ask_member(&request->root, "topic") != NULL)
		append_topic(&json, request);
	appendStringInfoChar(&json, '}');
	return json.data;
}

/* ---- the worker ------------------------------------------------------------------------ */

/* Threads must not outlive the process's hold on shared memory. */
static void
close_at_exit(int code, Datum arg)
{
	if (lookup != NULL)
		rk_lookup_end(lookup);
	lookup = NULL;
	rk_reader_close();
}

/* Connect to the caller: from here on its queue has our errors. */
static const char *
attach(uint32 handle, const RkAskHeader **header, shm_mq_handle **queue_handle)
{
	dsm_segment *segment = dsm_attach((dsm_handle) handle);
	shm_toc    *toc;
	shm_mq	   *queue;

	if (segment == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the session that asked is gone")));
	toc = shm_toc_attach(RK_ASK_MAGIC, dsm_segment_address(segment));
	if (toc == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("libraries recsys and recsys_kafka are of different versions"),
				 errhint("Restart the server.")));
	queue = shm_toc_lookup(toc, RK_ASK_QUEUE, false);
	shm_mq_set_sender(queue, MyProc);
	*queue_handle = shm_mq_attach(queue, segment, NULL);
	pq_redirect_to_shm_mq(segment, *queue_handle);
	*header = shm_toc_lookup(toc, RK_ASK_HEADER, false);
	return shm_toc_lookup(toc, RK_ASK_REQUEST, false);
}

static char *
answer(Jsonb *request)
{
	char	   *op = rk_ask_text(&request->root, "op");

	if (strcmp(op, "open") == 0)
		return rk_ask_open(request);
	if (strcmp(op, "preview") == 0)
		return rk_ask_preview(request);
	if (strcmp(op, "retry") == 0)
		return rk_ask_retry(request);
	elog(ERROR, "unknown request \"%s\"", op);
}

/* One message of type R; who asked may have gone meanwhile. */
static void
send_answer(shm_mq_handle *queue, const char *json)
{
	shm_mq_iovec parts[] = {{"R", 1}, {json, strlen(json)}};

	(void) shm_mq_sendv(queue, parts, lengthof(parts), false, true);
}

void
recsys_kafka_ask_main(Datum main_arg)
{
	const RkAskHeader *header;
	shm_mq_handle *queue;
	const char *text;

	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	text = attach(DatumGetUInt32(main_arg), &header, &queue);
	BackgroundWorkerInitializeConnectionByOid(header->database, header->role, RK_CONNECT_FLAGS);
	rk_pin_settings();
	/* As the caller has it: what we send is not converted. */
	if (SetClientEncoding(GetDatabaseEncoding()) < 0)
		elog(ERROR, "SetClientEncoding(%d) failed", GetDatabaseEncoding());
	before_shmem_exit(close_at_exit, (Datum) 0);
	pgstat_report_appname("recsys_kafka ask");

	MemoryContextSwitchTo(AllocSetContextCreate(TopMemoryContext, "recsys kafka ask",
												ALLOCSET_DEFAULT_SIZES));
	send_answer(queue, answer(DatumGetJsonbP(DirectFunctionCall1(jsonb_in,
																 CStringGetDatum(text)))));
}
