/*-------------------------------------------------------------------------
 *
 * worker.c
 *		Main of the worker that ingests one source.
 *
 * A session reads the source's row and opens sink and reader; then batches are
 * taken and written until something ends the session:
 *
 *	- the definition has changed, or the source is stopped or dropped: the worker
 *	  ends (the supervisor starts the next one, if any)
 *	- an outage of the server itself (locks, memory, disk): the batch is kept and
 *	  tried again; the session goes on
 *	- the target is missing or does not fit, the brokers refuse us, the topic is
 *	  missing, or anything that nobody foresaw: the session is over, state failed; the
 *	  next begins when the definition of something it looks up has changed (the
 *	  server's and the user mapping's too), or after a while
 *	- another server or other credentials: the next session begins at once
 *	- a person must decide: that is written into the source's row
 *
 * Memory: the session's context is reset with the session, the batch's with its
 * transaction.  librdkafka's is given back when a batch is done (reader.c), and by
 * rk_reader_close() in every way out, FATAL included: before_shmem_exit.
 *
 * Locks are those of the transactions; between them the worker holds none.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "access/xact.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "errors.h"
#include "status.h"
#include "worker.h"

#define GENERATION_SPAN		(10 * USECS_PER_SEC)
#define SEEN_SPAN			(5 * USECS_PER_SEC)
#define TRIM_SPAN			(5 * USECS_PER_SEC)
#define LOG_SPAN			(60 * USECS_PER_SEC)
#define MAX_DELAY_MS		60000	/* between attempts at one batch */
#define FAILED_DELAY_MS		(5 * 60000)	/* between sessions that fail */

PGDLLEXPORT void recsys_kafka_worker_main(Datum arg);

RkWorker	rk_worker;

/* ---- small things --------------------------------------------------------------- */

/* May this be logged?  Each cause (a string constant) once a minute. */
bool
rk_worker_may_log(const char *cause)
{
	static struct
	{
		const char *cause;
		TimestampTz at;
	}			said[16];
	TimestampTz now = GetCurrentTimestamp();

	for (int i = 0; i < lengthof(said); i++)
	{
		if (said[i].cause != NULL && said[i].cause != cause)
			continue;
		if (said[i].cause == cause && now - said[i].at < LOG_SPAN)
			return false;
		said[i].cause = cause;
		said[i].at = now;
		return true;
	}
	return true;
}

void
rk_worker_begin(void)
{
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
}

void
rk_worker_commit(void)
{
	PopActiveSnapshot();
	CommitTransactionCommand();
	pgstat_report_stat(false);
}

/* ---- leaving ---------------------------------------------------------------------- */

static void
at_exit(int code, Datum arg)
{
	if (code != 0 && rk_status_state() != RK_STATE_FAILED)
		rk_status_set_reason(RK_STATE_FAILED, "57P01", "the worker was ended from outside",
							 "See the server log.");
	rk_reader_close();
	rk_status_detach();
}

pg_noreturn static void
leave(void)
{
	proc_exit(0);
}

void
rk_worker_leave_for_next(void)
{
	rk_status_restart_now();
	proc_exit(0);
}

/* ---- errors ------------------------------------------------------------------------- */

/* After an error: take it and abort whatever transaction there is. */
ErrorData *
rk_worker_take_error(MemoryContext context)
{
	ErrorData  *error;

	HOLD_INTERRUPTS();
	MemoryContextSwitchTo(context);
	error = CopyErrorData();
	FlushErrorState();
	AbortCurrentTransaction();
	MemoryContextSwitchTo(context);
	RESUME_INTERRUPTS();
	return error;
}

bool
rk_worker_is_outage(const ErrorData *error)
{
	RkErrorClass class = rk_error_class(error->sqlerrcode);

	return class == RK_CLASS_TRANSIENT || class == RK_CLASS_RESOURCES;
}

/* ---- is this still wanted? ---------------------------------------------------------- */

/* The source's generation now, -1 when it is not to be read. */
static int32
read_generation(void)
{
	int32		generation = -1;

	rk_worker_begin();
	if (!rk_status_held())
		generation = rk_source_generation(rk_status_source());
	rk_worker_commit();
	return generation;
}

/* End when the source is another by now, or none; asked after changes and now and then. */
static void
check_wanted(TimestampTz now)
{
	uint64		changes = rk_status_changes();
	int32		generation;

	if (changes == rk_worker.changes && now - rk_worker.generation_at < GENERATION_SPAN)
		return;
	rk_worker.changes = changes;
	rk_worker.generation_at = now;
	generation = read_generation();
	if (generation < 0)
		leave();
	if (generation != rk_status_generation())
		rk_worker_leave_for_next();
}

/* What must be done at any wait: stop, reload, see whether we are still wanted. */
static void
serve_interrupts(void)
{
	if (ProcDiePending)
		leave();
	QueryCancelPending = false; /* there is no query, as in an idle session */
	CHECK_FOR_INTERRUPTS();
	if (ConfigReloadPending)
	{
		ConfigReloadPending = false;
		ProcessConfigFile(PGC_SIGHUP);
		rk_worker.reloaded = true;
	}
	check_wanted(GetCurrentTimestamp());
}

/* Wait without the consumer. */
static void
wait_ms(int ms)
{
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, ms,
					 PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	serve_interrupts();
}

/* ---- a session ------------------------------------------------------------------------ */

/*
 * Superusers would run transforms and triggers as such; only who starts the server
 * can say that this is wanted.
 */
static void
check_owner(const RkSource *source)
{
	const char *allowed = GetConfigOption("recsys.kafka_allow_superuser", true, false);

	if (!SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(source->owner)))
		rk_worker_leave_for_next(); /* the supervisor says that it was dropped */
	if (superuser_arg(source->owner) && (allowed == NULL || strcmp(allowed, "on") != 0))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("source \"%s\" belongs to a superuser", source->name),
				 errhint("Let another role own it, or set recsys.kafka_allow_superuser.")));
}

/*
 * A source has positions from the first: without any they were lost, or are still to be
 * restored, and its partitions are not new ones that may be read from their beginning.
 */
static void
check_positions(const RkSource *source)
{
	if (source->npartitions == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the positions of Kafka source \"%s\" are lost", source->name),
				 errhint("If no restore is going on, say where to go on with recsys.kafka_seek().")));
}

void
rk_worker_open_sink(void)
{
	MemoryContext old = MemoryContextSwitchTo(rk_worker.session_context);

	if (rk_worker.sink != NULL)
		rk_sink_close(rk_worker.sink);
	rk_worker.sink = NULL;
	check_owner(rk_worker.source);
	rk_worker.sink = rk_sink_open(rk_worker.source);
	MemoryContextSwitchTo(old);
}

/* Read the source's row, and see whether all it needs is there. */
static void
load_source(void)
{
	rk_worker_begin();
	MemoryContextSwitchTo(rk_worker.session_context);
	rk_worker.source = rk_catalog_exists() ? rk_source_read(rk_status_source()) : NULL;
	if (rk_worker.source == NULL || !rk_worker.source->enabled || rk_worker.source->failed)
		leave();
	if (rk_worker.source->generation != rk_status_generation())
		rk_worker_leave_for_next();
	check_positions(rk_worker.source);
	rk_worker_open_sink();
	rk_worker.connection_changes = rk_sink_connection_changes();
	rk_worker.reloaded = false;
	rk_source_connect(rk_worker.source);
	rk_worker_commit();
}

/* Are brokers or credentials others by now? */
static bool
connection_is_same(void)
{
	bool		same;

	if (!rk_worker.reloaded && rk_worker.connection_changes == rk_sink_connection_changes())
		return true;
	rk_worker.reloaded = false;
	rk_worker_begin();
	rk_worker.connection_changes = rk_sink_connection_changes();
	MemoryContextSwitchTo(rk_worker.batch_context);
	same = rk_source_same_connection(rk_worker.source);
	rk_worker_commit();
	MemoryContextReset(rk_worker.batch_context);
	return same;
}

static void
close_reader(void)
{
	if (rk_worker.wait_set != NULL)
		FreeWaitEventSet(rk_worker.wait_set);
	rk_worker.wait_set = NULL;
	rk_reader_close();
	rk_worker.reader = NULL;
}

static void
open_reader(void)
{
	MemoryContext old = MemoryContextSwitchTo(rk_worker.session_context);

	rk_worker.reader = rk_reader_open(rk_worker.source);
	rk_worker.wait_set = CreateWaitEventSetCompat(3);
	AddWaitEventToSet(rk_worker.wait_set, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, NULL);
	AddWaitEventToSet(rk_worker.wait_set, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, NULL, NULL);
	AddWaitEventToSet(rk_worker.wait_set, WL_SOCKET_READABLE, rk_reader_fd(rk_worker.reader),
					  NULL, NULL);
	MemoryContextSwitchTo(old);
}

/* Read on from where the source's partitions are now. */
static void
reopen_reader(void)
{
	close_reader();
	open_reader();
}

static void
end_session(void)
{
	close_reader();
	if (rk_worker.sink != NULL)
		rk_sink_close(rk_worker.sink);
	rk_worker.sink = NULL;
	rk_worker.source = NULL;
	rk_worker.retry_at = 0;
	rk_worker.retry_ms = 0;
	rk_worker.cluster_known = false;
	MemoryContextReset(rk_worker.session_context);
	MemoryContextReset(rk_worker.batch_context);
}

/* ---- trouble with the topic -------------------------------------------------------------- */

/* Write into the source's row that a person must decide, and end. */
void
rk_worker_fail_for_good(const char *sqlstate, const char *reason, const char *hint)
{
	rk_worker_begin();
	rk_source_fail(rk_worker.source, sqlstate, reason, hint);
	rk_worker_commit();
	ereport(LOG,
			(errcode(MAKE_SQLSTATE(sqlstate[0], sqlstate[1], sqlstate[2], sqlstate[3],
								   sqlstate[4])),
			 errmsg("Kafka source \"%s\" has failed: %s", rk_worker.source->name, reason),
			 errhint("%s", hint)));
	rk_status_set_reason(RK_STATE_FAILED, sqlstate, reason, hint);
	leave();
}

/* End the session as failed. */
pg_noreturn static void
fail_session(const RkTrouble *trouble)
{
	ereport(ERROR,
			(errcode(MAKE_SQLSTATE(trouble->sqlstate[0], trouble->sqlstate[1],
								   trouble->sqlstate[2], trouble->sqlstate[3],
								   trouble->sqlstate[4])),
			 errmsg("%s", trouble->reason),
			 errhint("%s", trouble->hint)));
}

static void
pass_gap(const RkTrouble *trouble)
{
	bool		moved;

	rk_worker_begin();
	moved = rk_source_skip(rk_worker.source, trouble->partition, trouble->gap_from,
						   trouble->gap_to, trouble->reason);
	rk_worker_commit();
	if (!moved)
		rk_worker_leave_for_next();
	ereport(LOG,
			(errmsg("Kafka source \"%s\": offsets %lld to %lld of partition %d are gone",
					rk_worker.source->name, (long long) trouble->gap_from,
					(long long) trouble->gap_to - 1, (int) trouble->partition),
			 errdetail("They were %s; see the view recsys.kafka_gaps.", trouble->reason)));
}

static void
add_partitions(const RkTrouble *trouble)
{
	rk_worker_begin();
	rk_source_grow(rk_worker.source, trouble->npartitions);
	rk_worker_commit();
	ereport(LOG,
			(errmsg("Kafka source \"%s\": %s; new ones are read from their beginning",
					rk_worker.source->name, trouble->reason)));
}

static void
show_outage(const RkTrouble *trouble)
{
	if (rk_worker_may_log("outage"))
		ereport(LOG,
				(errmsg("Kafka source \"%s\": %s", rk_worker.source->name, trouble->reason)));
	rk_status_set_reason(RK_STATE_DEGRADED, trouble->sqlstate, trouble->reason,
						 trouble->hint);
}

/*
 * Look for trouble with the topic and do what it wants.  False: the session must
 * begin anew.
 */
static bool
handle_trouble(TimestampTz now)
{
	const RkTrouble *trouble = rk_reader_check(rk_worker.reader, now);

	switch (trouble->verdict)
	{
		case RK_VERDICT_FINE:
			break;
		case RK_VERDICT_OUTAGE:
			show_outage(trouble);
			break;
		case RK_VERDICT_REOPEN:
			if (rk_worker_may_log("reopen"))
				ereport(LOG,
						(errmsg("Kafka source \"%s\" is opened again: %s",
								rk_worker.source->name, trouble->reason)));
			wait_ms(RK_TICK_MS);
			reopen_reader();
			break;
		case RK_VERDICT_GAP:
			pass_gap(trouble);
			return false;
		case RK_VERDICT_GROWN:
			add_partitions(trouble);
			return false;
		case RK_VERDICT_FAILED:
			fail_session(trouble);
		case RK_VERDICT_DECIDE:
			rk_worker_fail_for_good(trouble->sqlstate, trouble->reason, trouble->hint);
	}
	return true;
}

/* ---- the loop ------------------------------------------------------------------------------------ */

static void
update_state(const RkTrouble *trouble, TimestampTz now)
{
	int			n;

	(void) rk_reader_messages(rk_worker.reader, &n);
	if (trouble->verdict == RK_VERDICT_OUTAGE || rk_worker.retry_at > now)
		return;					/* degraded, and it was said why */
	if (rk_reader_at_end(rk_worker.reader) && n == 0)
		rk_status_set(RK_STATE_IDLE);
	else if (rk_reader_heard(rk_worker.reader))
		rk_status_set(RK_STATE_RUNNING);
	else
		rk_status_set(RK_STATE_CONNECTING);
}

/*
 * What librdkafka fetched ahead was malloc'd by its threads, and the C library keeps
 * it for them: give it back when there is nothing to read for a while.
 */
static void
trim_memory(TimestampTz now)
{
	if (!rk_worker.may_trim || now - rk_worker.flushed_at < TRIM_SPAN)
		return;
	rk_worker.may_trim = false;
#ifdef __GLIBC__
	(void) malloc_trim(0);
#endif
}

/* Once a second: figures; what librdkafka has to say; how far behind we are. */
static void
tick(TimestampTz now)
{
	const char *line;

	if (now - rk_worker.tick_at < RK_TICK_MS * 1000)
		return;
	rk_worker.tick_at = now;
	rk_status_publish(rk_reader_queued(rk_worker.reader));
	while ((line = rk_reader_next_log(rk_worker.reader)) != NULL)
		ereport(LOG,
				(errmsg("Kafka source \"%s\": %s", rk_worker.source->name, line)));
	(void) pgstat_report_stat(false);
	trim_memory(now);
	if (now - rk_worker.seen_at > SEEN_SPAN && rk_worker.sink != NULL &&
		rk_reader_behind(rk_worker.reader))
		rk_flush_bounds();
}

/* Wait for messages, unless there is no use in them now. */
static void
wait_for_messages(int ms)
{
	WaitEvent	event;
	bool		full = rk_reader_full(rk_worker.reader);

	if (full)
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, ms,
						 PG_WAIT_EXTENSION);
	else
		(void) WaitEventSetWait(rk_worker.wait_set, ms, &event, 1, PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
}

/* Until the session ends by returning, or by an error. */
static void
run_session(void)
{
	load_source();
	MemoryContextSwitchTo(rk_worker.session_context);
	open_reader();
	for (;;)
	{
		TimestampTz now;
		int			wait;

		serve_interrupts();
		if (!connection_is_same())
			return;
		(void) rk_reader_take(rk_worker.reader);
		now = GetCurrentTimestamp();
		if (!handle_trouble(now))
			return;
		wait = rk_flush_due(now);
		now = GetCurrentTimestamp();
		update_state(rk_reader_check(rk_worker.reader, now), now);
		tick(now);
		if (wait > 0)
			wait_for_messages(wait);
	}
}

/* ---- sessions that fail ----------------------------------------------------------------------------- */

/* Let invalidations arrive; they come with a transaction's start. */
static void
hear_of_changes(void)
{
	StartTransactionCommand();
	CommitTransactionCommand();
}

/* Wait until something was changed that a session looks up, or the delay is over. */
static void
wait_for_mending(int delay_ms)
{
	TimestampTz until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), delay_ms);
	uint64		changes = rk_sink_changes() + rk_sink_connection_changes();

	rk_worker.reloaded = false;
	do
	{
		wait_ms(RK_TICK_MS);
		hear_of_changes();
	} while (rk_sink_changes() + rk_sink_connection_changes() == changes &&
			 !rk_worker.reloaded && GetCurrentTimestamp() < until);
}

static void
show_failure(const ErrorData *error, bool outage)
{
	const char *hint = error->hint != NULL ? error->hint :
		outage ? "It is tried again." : "It goes on when that is mended.";

	if (rk_worker_may_log("session"))
		ereport(LOG,
				(errcode(error->sqlerrcode),
				 outage ?
				 errmsg("Kafka source \"%s\" waits: %s", rk_status_source(), error->message) :
				 errmsg("Kafka source \"%s\" has failed: %s", rk_status_source(), error->message),
				 error->detail_log != NULL ? errdetail_log("%s", error->detail_log) : 0,
				 error->hint != NULL ? errhint("%s", error->hint) : 0));
	rk_status_set_reason(outage ? RK_STATE_DEGRADED : RK_STATE_FAILED,
						 unpack_sql_state(error->sqlerrcode), error->message, hint);
}

/* A session; what it raises is shown.  Returns whether it failed, and how. */
static bool
try_session(bool *outage)
{
	volatile bool failed = false;

	PG_TRY();
	{
		run_session();
	}
	PG_CATCH();
	{
		ErrorData  *error = rk_worker_take_error(rk_worker.session_context);

		*outage = rk_worker_is_outage(error);
		show_failure(error, *outage);
		failed = true;
	}
	PG_END_TRY();
	end_session();
	return failed;
}

pg_noreturn static void
run_sessions(void)
{
	int			delay = RK_TICK_MS;

	for (;;)
	{
		TimestampTz begun = GetCurrentTimestamp();
		bool		outage = false;

		if (!try_session(&outage))
			continue;
		if (GetCurrentTimestamp() - begun > (int64) FAILED_DELAY_MS * 1000)
			delay = RK_TICK_MS;
		if (outage)
			wait_ms(delay);
		else
			wait_for_mending(delay);
		delay = Min(delay * 2, outage ? MAX_DELAY_MS : FAILED_DELAY_MS);
	}
}

/* ---- main -------------------------------------------------------------------------------------------- */

void
recsys_kafka_worker_main(Datum arg)
{
	RkWorkerArgs args;
	char		name[RK_SOURCE_NAME + 16];

	memcpy(&args, MyBgworkerEntry->bgw_extra, sizeof(args));
#ifdef __GLIBC__
	(void) mallopt(M_ARENA_MAX, 2); /* not one for each thread of librdkafka */
#endif
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnectionByOid(args.database, args.owner, RK_CONNECT_FLAGS);
	if (!rk_status_attach(&args))
		proc_exit(0);
	before_shmem_exit(at_exit, (Datum) 0);
	rk_pin_settings();
	SetConfigOption("lock_timeout", "5s", PGC_SUSET, PGC_S_OVERRIDE);
	snprintf(name, sizeof(name), "recsys Kafka %s", rk_status_source());
	pgstat_report_appname(name);
	rk_worker.session_context = AllocSetContextCreate(TopMemoryContext, "recsys kafka session",
												   ALLOCSET_DEFAULT_SIZES);
	rk_worker.batch_context = AllocSetContextCreate(TopMemoryContext, "recsys kafka batch",
												 ALLOCSET_DEFAULT_SIZES);
	rk_worker.changes = rk_status_changes();
	rk_worker.generation_at = GetCurrentTimestamp();
	rk_status_set(RK_STATE_CONNECTING);
	run_sessions();
}
