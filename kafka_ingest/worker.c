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
#include "utils/timestamp.h"

#include "compat.h"
#include "errors.h"
#include "reader.h"
#include "sink.h"
#include "source.h"
#include "status.h"
#include "window.h"

#define TICK_MS				1000
#define GENERATION_SPAN		(10 * USECS_PER_SEC)
#define SEEN_SPAN			(5 * USECS_PER_SEC)
#define TRIM_SPAN			(5 * USECS_PER_SEC)
#define TRIM_MESSAGES		1000
#define LOG_SPAN			(60 * USECS_PER_SEC)
#define MAX_DELAY_MS		60000	/* between attempts at one batch */
#define FAILED_DELAY_MS		(5 * 60000)	/* between sessions that fail */

PGDLLEXPORT void recsys_kafka_worker_main(Datum arg);

/* All that is known in a session.  There is one worker in a process. */
static struct
{
	MemoryContext session_context;
	MemoryContext batch_context;
	RkSource   *source;
	RkSink	   *sink;			/* NULL: to be opened */
	RkReader   *reader;
	WaitEventSet *wait_set;
	bool		cluster_known;	/* and written into the source's row */
	RkWindow	window;			/* dead letters of the latest messages */

	TimestampTz retry_at;		/* of the batch, 0 = at once */
	int			retry_ms;		/* the delay before it */
	TimestampTz seen_at;		/* when low and high were last written */
	TimestampTz flushed_at;
	bool		may_trim;		/* much was read since memory was given back */
	TimestampTz tick_at;

	uint64		connection_changes; /* of servers, when the connection was last read */
	bool		reloaded;		/* since then: files of passwords may be others */

	uint64		changes;		/* of RkShared, when the generation was last read */
	TimestampTz generation_at;
} worker;

/* ---- small things --------------------------------------------------------------- */

static int
ms_until(TimestampTz when, TimestampTz now)
{
	return when <= now ? 0 : (int) Min((when - now + 999) / 1000, TICK_MS);
}

/* May this be logged?  Each cause (a string constant) once a minute. */
static bool
may_log(const char *cause)
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

static void
begin_transaction(void)
{
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
}

static void
commit_transaction(void)
{
	PopActiveSnapshot();
	CommitTransactionCommand();
	pgstat_report_stat(false);
}

/* ---- leaving ---------------------------------------------------------------------- */

static void
at_exit(int code, Datum arg)
{
	rk_reader_close();
	rk_status_detach();
}

pg_noreturn static void
leave(void)
{
	proc_exit(0);
}

pg_noreturn static void
leave_for_next(void)
{
	rk_status_restart_now();
	proc_exit(0);
}

/* ---- is this still wanted? ---------------------------------------------------------- */

/* The source's generation now, -1 when it is not to be read. */
static int32
read_generation(void)
{
	int32		generation = -1;

	begin_transaction();
	if (!rk_status_held())
		generation = rk_source_generation(rk_status_source());
	commit_transaction();
	return generation;
}

/* End when the source is another by now, or none; asked after changes and now and then. */
static void
check_wanted(TimestampTz now)
{
	uint64		changes = rk_status_changes();
	int32		generation;

	if (changes == worker.changes && now - worker.generation_at < GENERATION_SPAN)
		return;
	worker.changes = changes;
	worker.generation_at = now;
	generation = read_generation();
	if (generation < 0)
		leave();
	if (generation != rk_status_generation())
		leave_for_next();
}

/* What must be done at any wait: stop, reload, see whether we are still wanted. */
static void
serve_interrupts(void)
{
	if (ProcDiePending)
		leave();
	CHECK_FOR_INTERRUPTS();
	if (ConfigReloadPending)
	{
		ConfigReloadPending = false;
		ProcessConfigFile(PGC_SIGHUP);
		worker.reloaded = true;
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

	if (superuser_arg(source->owner) && (allowed == NULL || strcmp(allowed, "on") != 0))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("source \"%s\" belongs to a superuser", source->name),
				 errhint("Let another role own it, or set recsys.kafka_allow_superuser.")));
}

static void
open_sink(void)
{
	MemoryContext old = MemoryContextSwitchTo(worker.session_context);

	if (worker.sink != NULL)
		rk_sink_close(worker.sink);
	worker.sink = NULL;
	check_owner(worker.source);
	worker.sink = rk_sink_open(worker.source);
	MemoryContextSwitchTo(old);
}

/* Read the source's row, and see whether all it needs is there. */
static void
load_source(void)
{
	begin_transaction();
	MemoryContextSwitchTo(worker.session_context);
	worker.source = rk_catalog_exists() ? rk_source_read(rk_status_source()) : NULL;
	if (worker.source == NULL || !worker.source->enabled || worker.source->failed)
		leave();
	if (worker.source->generation != rk_status_generation())
		leave_for_next();
	open_sink();
	worker.connection_changes = rk_sink_connection_changes();
	worker.reloaded = false;
	rk_source_connect(worker.source);
	commit_transaction();
}

/* Are brokers or credentials others by now? */
static bool
connection_is_same(void)
{
	bool		same;

	if (!worker.reloaded && worker.connection_changes == rk_sink_connection_changes())
		return true;
	worker.reloaded = false;
	begin_transaction();
	worker.connection_changes = rk_sink_connection_changes();
	MemoryContextSwitchTo(worker.batch_context);
	same = rk_source_same_connection(worker.source);
	commit_transaction();
	MemoryContextReset(worker.batch_context);
	return same;
}

static void
close_reader(void)
{
	if (worker.wait_set != NULL)
		FreeWaitEventSet(worker.wait_set);
	worker.wait_set = NULL;
	rk_reader_close();
	worker.reader = NULL;
}

static void
open_reader(void)
{
	MemoryContext old = MemoryContextSwitchTo(worker.session_context);

	worker.reader = rk_reader_open(worker.source);
	worker.wait_set = CreateWaitEventSetCompat(3);
	AddWaitEventToSet(worker.wait_set, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, NULL);
	AddWaitEventToSet(worker.wait_set, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, NULL, NULL);
	AddWaitEventToSet(worker.wait_set, WL_SOCKET_READABLE, rk_reader_fd(worker.reader),
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
	if (worker.sink != NULL)
		rk_sink_close(worker.sink);
	worker.sink = NULL;
	worker.source = NULL;
	worker.retry_at = 0;
	worker.retry_ms = 0;
	worker.cluster_known = false;
	MemoryContextReset(worker.session_context);
	MemoryContextReset(worker.batch_context);
}

/* ---- trouble with the topic -------------------------------------------------------------- */

/* Write into the source's row that a person must decide, and end. */
pg_noreturn static void
fail_for_good(const char *sqlstate, const char *reason, const char *hint)
{
	begin_transaction();
	rk_source_fail(worker.source, sqlstate, reason, hint);
	commit_transaction();
	ereport(LOG,
			(errcode(MAKE_SQLSTATE(sqlstate[0], sqlstate[1], sqlstate[2], sqlstate[3],
								   sqlstate[4])),
			 errmsg("Kafka source \"%s\" has failed: %s", worker.source->name, reason),
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

	begin_transaction();
	moved = rk_source_skip(worker.source, trouble->partition, trouble->gap_from,
						   trouble->gap_to, trouble->reason);
	commit_transaction();
	if (!moved)
		leave_for_next();
	ereport(LOG,
			(errmsg("Kafka source \"%s\": offsets %lld to %lld of partition %d are gone",
					worker.source->name, (long long) trouble->gap_from,
					(long long) trouble->gap_to - 1, (int) trouble->partition),
			 errdetail("They were %s; see the view recsys.kafka_gaps.", trouble->reason)));
}

static void
add_partitions(const RkTrouble *trouble)
{
	begin_transaction();
	rk_source_grow(worker.source->name, trouble->npartitions);
	commit_transaction();
	ereport(LOG,
			(errmsg("Kafka source \"%s\": %s; new ones are read from their beginning",
					worker.source->name, trouble->reason)));
}

static void
show_outage(const RkTrouble *trouble)
{
	if (may_log("outage"))
		ereport(LOG,
				(errmsg("Kafka source \"%s\": %s", worker.source->name, trouble->reason)));
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
	const RkTrouble *trouble = rk_reader_check(worker.reader, now);

	switch (trouble->verdict)
	{
		case RK_VERDICT_FINE:
			break;
		case RK_VERDICT_OUTAGE:
			show_outage(trouble);
			break;
		case RK_VERDICT_REOPEN:
			if (may_log("reopen"))
				ereport(LOG,
						(errmsg("Kafka source \"%s\" is opened again: %s",
								worker.source->name, trouble->reason)));
			wait_ms(TICK_MS);
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
			fail_for_good(trouble->sqlstate, trouble->reason, trouble->hint);
	}
	return true;
}

/* ---- one batch ---------------------------------------------------------------------------- */

#define TOO_MANY_HINT "See the view recsys.kafka_dead_letters; go on with recsys.kafka_start(), or with a higher max_dead_letters."

pg_noreturn static void
too_many_dead_letters(void)
{
	char		reason[128];

	snprintf(reason, sizeof(reason), "more than %d of the latest %d messages became dead letters",
			 worker.source->options.max_dead_letters, RK_DEAD_LETTER_WINDOW);
	fail_for_good("54000", reason, TOO_MANY_HINT);
}

/*
 * End the batch before the message that is one dead letter too many; false when that
 * is its first.
 */
static bool
cut_at_limit(RkBatch *batch)
{
	RkWindow	window = worker.window;

	for (int i = 0; i < batch->nmessages; i++)
	{
		rk_window_add(&window, batch->reasons[i] != NULL);
		if (rk_window_count(&window) > worker.source->options.max_dead_letters)
		{
			batch->nmessages = i;
			rk_batch_cut_rows(batch, i);
			break;
		}
	}
	return batch->nmessages > 0;
}

/* The cluster's id goes into the source's row with the first batch. */
static void
save_cluster(void)
{
	const char *id = NULL;

	if (worker.cluster_known)
		return;
	(void) rk_reader_cluster(worker.reader, 0, &id);
	if (id != NULL && worker.source->cluster_id == NULL)
		rk_source_set_cluster(worker.source->name, id);
	worker.cluster_known = id != NULL;
}

/* What a transaction did; in memory that outlives it. */
typedef struct Written
{
	RkBatch		batch;
	RkMove	   *moves;
	int			nmoves;
	int			dead_letters;
	int64		bytes;
} Written;

static void
count_bytes(Written *written)
{
	for (int i = 0; i < written->batch.nmessages; i++)
		written->bytes += written->batch.messages[i].payload.len;
}

/* Move the partitions; ends the worker when somebody else has moved one. */
static void
save_moves(const Written *written)
{
	if (rk_sink_save(worker.sink, written->moves, written->nmoves))
		return;
	AbortCurrentTransaction();
	ereport(LOG,
			(errmsg("Kafka source \"%s\": its offsets were moved, starting again",
					worker.source->name)));
	leave_for_next();
}

/* Write what was taken, or as much of it as one transaction may. */
static void
write_batch(Written *written)
{
	RkBatch    *batch = &written->batch;
	int			n;
	const RkMessage *messages = rk_reader_messages(worker.reader, &n);

	begin_transaction();
	if (worker.sink == NULL || rk_sink_stale(worker.sink))
		open_sink();
	MemoryContextSwitchTo(worker.batch_context);
	rk_sink_begin(worker.sink, batch, messages, n);
	rk_sink_map(worker.sink, batch);
	if (n > 0 && !cut_at_limit(batch))
	{
		AbortCurrentTransaction();
		too_many_dead_letters();
	}
	rk_sink_write(worker.sink, batch);
	written->dead_letters = rk_sink_dead_letters(worker.sink, batch);
	count_bytes(written);
	written->moves = rk_reader_moves(worker.reader, batch, batch->nmessages, false,
									 &written->nmoves);
	save_moves(written);
	save_cluster();
	commit_transaction();
}

static void
note_written(const Written *written)
{
	const RkBatch *batch = &written->batch;
	TimestampTz now = GetCurrentTimestamp();
	int64		rows = 0;

	for (int i = 0; i < written->nmoves; i++)
		rows += written->moves[i].rows;
	for (int i = 0; i < batch->nmessages; i++)
		rk_window_add(&worker.window, batch->reasons[i] != NULL);
	if (batch->nmessages > 0)
		rk_status_batch(batch->nmessages, rows, written->bytes, written->dead_letters,
						(double) (now - rk_reader_since(worker.reader)) / 1000);
	rk_reader_done(worker.reader, written->moves, written->nmoves, batch->nmessages);
	worker.seen_at = now;
	if (batch->context == NULL)
		return;					/* bounds alone */
	worker.flushed_at = now;
	worker.may_trim = worker.may_trim || batch->nmessages >= TRIM_MESSAGES;
	worker.retry_at = 0;
	worker.retry_ms = 0;
}

/* Keep the batch and wait: twice as long each time. */
static void
note_outage(const ErrorData *error)
{
	worker.retry_ms = Min(Max(worker.retry_ms * 2, TICK_MS), MAX_DELAY_MS);
	worker.retry_at = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), worker.retry_ms);
	if (may_log("batch"))
		ereport(LOG,
				(errcode(error->sqlerrcode),
				 errmsg("Kafka source \"%s\" could not write a batch: %s",
						worker.source->name, error->message),
				 errhint("It is tried again.")));
	rk_status_set_reason(RK_STATE_DEGRADED, unpack_sql_state(error->sqlerrcode),
						 error->message, "It is tried again.");
}

/* After an error: take it and abort whatever transaction there is. */
static ErrorData *
take_error(MemoryContext context)
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

static bool
is_outage(const ErrorData *error)
{
	RkErrorClass class = rk_error_class(error->sqlerrcode);

	return class == RK_CLASS_TRANSIENT || class == RK_CLASS_RESOURCES;
}

/* Write no messages, only how far the partitions reach now. */
static void
write_bounds(Written *written)
{
	begin_transaction();
	MemoryContextSwitchTo(worker.batch_context);
	written->moves = rk_reader_moves(worker.reader, &written->batch, 0, true,
									 &written->nmoves);
	save_moves(written);
	commit_transaction();
}

/*
 * One transaction, with what was taken or with bounds alone.  An outage of the
 * server leaves the batch for later.
 */
static void
flush(void (*write) (Written *written))
{
	Written    *written = MemoryContextAllocZero(worker.batch_context, sizeof(Written));

	PG_TRY();
	{
		write(written);
		note_written(written);
	}
	PG_CATCH();
	{
		ErrorData  *error = take_error(worker.session_context);

		if (!is_outage(error))
			ReThrowError(error);
		if (write == write_batch)
			note_outage(error);
		worker.seen_at = GetCurrentTimestamp();
		FreeErrorData(error);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(worker.session_context);
	MemoryContextReset(worker.batch_context);
}

/* ---- when to write --------------------------------------------------------------------------- */

/* Until when a batch that is not full waits for more; now or before: it is due. */
static TimestampTz
due_at(TimestampTz now)
{
	int64		linger = (int64) worker.source->options.linger_ms * 1000;

	if (rk_reader_full(worker.reader))
		return now;
	/* At the end there is nothing to wait for, but for not committing all the time. */
	if (rk_reader_at_end(worker.reader))
		return Min(worker.flushed_at, rk_reader_since(worker.reader)) + linger;
	return rk_reader_since(worker.reader) + linger;
}

/* Did a partition's end move without messages: over control records? */
static bool
end_has_moved(void)
{
	int			nmoves;
	MemoryContext old = MemoryContextSwitchTo(worker.batch_context);
	RkBatch		none = {0};

	(void) rk_reader_moves(worker.reader, &none, 0, false, &nmoves);
	MemoryContextSwitchTo(old);
	MemoryContextReset(worker.batch_context);
	return nmoves > 0;
}

/* Nothing goes in before the cluster is known to be the right one. */
static bool
may_write(TimestampTz now)
{
	const char *id;

	return worker.retry_at <= now &&
		(worker.cluster_known || rk_reader_cluster(worker.reader, now, &id));
}

/* Write what is due.  Returns how long the next thing may wait. */
static int
write_what_is_due(TimestampTz now)
{
	int			n;

	if (!may_write(now))
		return worker.retry_at > now ? ms_until(worker.retry_at, now) : 100;
	(void) rk_reader_messages(worker.reader, &n);
	if (n == 0)
	{
		if (now - worker.flushed_at > USECS_PER_SEC / 10 && end_has_moved())
			flush(write_batch);
		return TICK_MS;
	}
	if (due_at(now) > now)
		return ms_until(due_at(now), now);
	flush(write_batch);
	return 0;
}

/* ---- the loop ------------------------------------------------------------------------------------ */

static void
update_state(const RkTrouble *trouble, TimestampTz now)
{
	int			n;

	(void) rk_reader_messages(worker.reader, &n);
	if (trouble->verdict == RK_VERDICT_OUTAGE || worker.retry_at > now)
		return;					/* degraded, and it was said why */
	if (rk_reader_at_end(worker.reader) && n == 0)
		rk_status_set(RK_STATE_IDLE);
	else if (rk_reader_heard(worker.reader))
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
	if (!worker.may_trim || now - worker.flushed_at < TRIM_SPAN)
		return;
	worker.may_trim = false;
#ifdef __GLIBC__
	(void) malloc_trim(0);
#endif
}

/* Once a second: figures; what librdkafka has to say; how far behind we are. */
static void
tick(TimestampTz now)
{
	const char *line;

	if (now - worker.tick_at < TICK_MS * 1000)
		return;
	worker.tick_at = now;
	rk_status_publish(rk_reader_queued(worker.reader));
	while ((line = rk_reader_next_log(worker.reader)) != NULL)
		ereport(LOG,
				(errmsg("Kafka source \"%s\": %s", worker.source->name, line)));
	(void) pgstat_report_stat(false);
	trim_memory(now);
	if (now - worker.seen_at > SEEN_SPAN && rk_reader_behind(worker.reader))
		flush(write_bounds);
}

/* Wait for messages, unless there is no use in them now. */
static void
wait_for_messages(int ms)
{
	WaitEvent	event;
	bool		full = rk_reader_full(worker.reader);

	if (full)
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, ms,
						 PG_WAIT_EXTENSION);
	else
		(void) WaitEventSetWait(worker.wait_set, ms, &event, 1, PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
}

/* Until the session ends by returning, or by an error. */
static void
run_session(void)
{
	load_source();
	MemoryContextSwitchTo(worker.session_context);
	open_reader();
	for (;;)
	{
		TimestampTz now;
		int			wait;

		serve_interrupts();
		if (!connection_is_same())
			return;
		(void) rk_reader_take(worker.reader);
		now = GetCurrentTimestamp();
		if (!handle_trouble(now))
			return;
		wait = write_what_is_due(now);
		now = GetCurrentTimestamp();
		update_state(rk_reader_check(worker.reader, now), now);
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

	worker.reloaded = false;
	do
	{
		wait_ms(TICK_MS);
		hear_of_changes();
	} while (rk_sink_changes() + rk_sink_connection_changes() == changes &&
			 !worker.reloaded && GetCurrentTimestamp() < until);
}

static void
show_failure(const ErrorData *error, bool outage)
{
	const char *hint = error->hint != NULL ? error->hint :
		outage ? "It is tried again." : "It goes on when that is mended.";

	if (may_log("session"))
		ereport(LOG,
				(errcode(error->sqlerrcode),
				 errmsg("Kafka source \"%s\" has failed: %s", rk_status_source(),
						error->message),
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
		ErrorData  *error = take_error(worker.session_context);

		*outage = is_outage(error);
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
	int			delay = TICK_MS;

	for (;;)
	{
		TimestampTz begun = GetCurrentTimestamp();
		bool		outage = false;

		if (!try_session(&outage))
			continue;
		if (GetCurrentTimestamp() - begun > (int64) FAILED_DELAY_MS * 1000)
			delay = TICK_MS;
		if (outage)
			wait_ms(delay);
		else
			wait_for_mending(delay);
		delay = Min(delay * 2, outage ? MAX_DELAY_MS : FAILED_DELAY_MS);
	}
}

/* ---- main -------------------------------------------------------------------------------------------- */

static void
set_default(const char *name, const char *value)
{
	SetConfigOption(name, value, PGC_SUSET, PGC_S_OVERRIDE);
}

/* What the role's or the database's settings must not change. */
static void
pin_settings(void)
{
	set_default("search_path", "pg_catalog, pg_temp");
	set_default("default_transaction_isolation", "read committed");
	set_default("default_transaction_read_only", "off");
	set_default("lock_timeout", "5s");
	set_default("DateStyle", "ISO, MDY");
	set_default("IntervalStyle", "postgres");
	set_default("bytea_output", "hex");
	set_default("extra_float_digits", "1");
}

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
	pin_settings();
	snprintf(name, sizeof(name), "recsys Kafka %s", rk_status_source());
	pgstat_report_appname(name);
	worker.session_context = AllocSetContextCreate(TopMemoryContext, "recsys kafka session",
												   ALLOCSET_DEFAULT_SIZES);
	worker.batch_context = AllocSetContextCreate(TopMemoryContext, "recsys kafka batch",
												 ALLOCSET_DEFAULT_SIZES);
	worker.changes = rk_status_changes();
	worker.generation_at = GetCurrentTimestamp();
	rk_status_set(RK_STATE_CONNECTING);
	run_sessions();
}
