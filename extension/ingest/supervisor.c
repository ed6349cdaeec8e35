/*-------------------------------------------------------------------------
 *
 * supervisor.c
 *		One for each served database: starts a worker for each enabled source, and
 *		starts it again when it has ended.
 *
 * Takes and frees the slots of its database.  A worker writes its own slot while it
 * lives; before and after, the supervisor does.  All its SQL is one query on
 * recsys.kafka_source, as pg_monitor.  After an error it ends and the launcher starts
 * another, which finds the workers by the pids in their slots.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <signal.h>

#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "tcop/tcopprot.h"
#include "utils/acl.h"
#include "utils/backend_status.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "compat.h"
#include "ingest/slots.h"
#include "ingest/target.h"
#include "store/known.h"

#define RESTART_AGAIN_MS	1000	/* who lived less does not start again at once */
#define WARN_AGAIN_MS	(3600 * 1000)	/* a limit that is short is told once an hour */

PGDLLEXPORT void recsys_kafka_supervisor_main(Datum arg);

/* A row of recsys.kafka_source that is to be read, and why its worker may not be started. */
typedef struct WantedSource
{
	char	   *name;
	Oid			owner;
	int32		generation;
	bool		usable;
	const char *sqlstate;
	char	   *reason;
	char	   *hint;
	bool		has_slot;
} WantedSource;

/* The state of a worker beyond its slot. */
typedef struct Worker
{
	BackgroundWorkerHandle *handle; /* NULL: none, or another supervisor started it */
	int			failures;		/* in a row */
} Worker;

static RsKafkaShared *shared;
static RsKafkaDatabase *database;
static Worker workers[RK_SLOTS];
static TimestampTz warned_at = 0;

/* ---- start and end of this process ------------------------------------------------- */

/* Take the entry; false when it is not wanted any more or somebody has it. */
static bool
claim_entry(int i, const char *name)
{
	bool		claimed = false;

	LWLockAcquire(shared->common.lock, LW_EXCLUSIVE);
	database = &shared->databases[i];
	if (database->wanted && database->pid == 0 && strcmp(database->name, name) == 0)
	{
		database->pid = MyProcPid;
		database->started_at = GetCurrentTimestamp();
		claimed = true;
	}
	LWLockRelease(shared->common.lock);
	return claimed;
}

/* Workers that run go on; those that were not started yet must not be. */
static void
leave_at_exit(int code, Datum arg)
{
	for (int i = 0; i < RK_SLOTS; i++)
	{
		if (workers[i].handle != NULL && shared->common.slots[i].pid == 0)
			TerminateBackgroundWorker(workers[i].handle);
	}
	LWLockAcquire(shared->common.lock, LW_EXCLUSIVE);
	database->pid = 0;
	LWLockRelease(shared->common.lock);
	rs_slots_wake_launcher();
}

static void
connect_to(const char *name)
{
	rs_connect_as_monitor(name);
	pgstat_report_appname(MyBgworkerEntry->bgw_name);
	SetConfigOption("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_OVERRIDE);
	LWLockAcquire(shared->common.lock, LW_EXCLUSIVE);
	database->oid = MyDatabaseId;
	database->reason[0] = database->hint[0] = '\0';
	LWLockRelease(shared->common.lock);
}

/* ---- which sources there are -------------------------------------------------------- */

static Datum
column(uint64 row, int number)
{
	bool		isnull;

	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, number, &isnull);
}

/* The sources that are enabled and wait for nobody, in the context. */
static List *
query_sources(MemoryContext context)
{
	List	   *sources = NIL;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (SPI_execute("SELECT source, owner, generation FROM recsys.kafka_source"
					" WHERE enabled AND failed_at IS NULL ORDER BY source", true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read recsys.kafka_source");
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		MemoryContext spi = MemoryContextSwitchTo(context);
		WantedSource *source = palloc0(sizeof(WantedSource));

		source->name = TextDatumGetCString(column(i, 1));
		source->owner = DatumGetObjectId(column(i, 2));
		source->generation = DatumGetInt32(column(i, 3));
		source->usable = rs_kafka_owner_usable(source->owner, &source->sqlstate,
											   &source->reason, &source->hint);
		sources = lappend(sources, source);
		MemoryContextSwitchTo(spi);
	}
	SPI_finish();
	return sources;
}

static List *
read_sources(void)
{
	MemoryContext context = CurrentMemoryContext;
	List	   *sources = NIL;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	if (rs_has_catalog("kafka_source"))
		sources = query_sources(context);
	PopActiveSnapshot();
	CommitTransactionCommand();
	pgstat_report_stat(false);
	MemoryContextSwitchTo(context);
	return sources;
}

static WantedSource *
find_source(List *sources, const char *name)
{
	ListCell   *cell;

	foreach(cell, sources)
	{
		WantedSource *source = lfirst(cell);

		if (strcmp(source->name, name) == 0)
			return source;
	}
	return NULL;
}

/* ---- slots -------------------------------------------------------------------------- */

/* A copy of a slot; false if it is not one of this database. */
static bool
read_slot(int i, RkSlot *copy)
{
	LWLockAcquire(shared->common.lock, LW_SHARED);
	*copy = shared->common.slots[i];
	LWLockRelease(shared->common.lock);
	return copy->state != RK_STATE_FREE && copy->database == MyDatabaseId;
}

/* Say in a slot without a worker what it waits for. */
static void
set_waiting(int i, RkState state, const char *sqlstate, const char *reason, const char *hint)
{
	RkSlot	   *slot = &shared->common.slots[i];

	LWLockAcquire(shared->common.lock, LW_EXCLUSIVE);
	if (slot->state != state)
		slot->since = GetCurrentTimestamp();
	slot->state = state;
	rs_slots_text(slot->sqlstate, sizeof(slot->sqlstate), sqlstate);
	rs_slots_text(slot->reason, sizeof(slot->reason), reason);
	rs_slots_text(slot->hint, sizeof(slot->hint), hint);
	LWLockRelease(shared->common.lock);
}

static void
set_retry(int i, TimestampTz retry_at)
{
	LWLockAcquire(shared->common.lock, LW_EXCLUSIVE);
	shared->common.slots[i].retry_at = retry_at;
	LWLockRelease(shared->common.lock);
}

static void
free_slot(int i)
{
	LWLockAcquire(shared->common.lock, LW_EXCLUSIVE);
	memset(&shared->common.slots[i], 0, sizeof(RkSlot));
	LWLockRelease(shared->common.lock);
	workers[i].failures = 0;
}

/* Make a slot that of a source whose worker is about to be started; -1 takes a free one. */
static int
take_slot(int i, const WantedSource *source)
{
	LWLockAcquire(shared->common.lock, LW_EXCLUSIVE);
	for (int k = 0; k < RK_SLOTS && i < 0; k++)
	{
		if (shared->common.slots[k].state == RK_STATE_FREE)
			i = k;
	}
	if (i >= 0)
	{
		RkSlot	   *slot = &shared->common.slots[i];

		memset(slot, 0, sizeof(*slot));
		slot->state = RK_STATE_STARTING;
		slot->since = GetCurrentTimestamp();
		slot->started_at = slot->since;
		slot->database = MyDatabaseId;
		slot->owner = source->owner;
		strlcpy(slot->source, source->name, RK_SOURCE_NAME);
		slot->generation = source->generation;
	}
	LWLockRelease(shared->common.lock);
	return i;
}

/* ---- workers ------------------------------------------------------------------------ */

static void
warn_limit(const char *what, const char *hint)
{
	TimestampTz now = GetCurrentTimestamp();

	if (warned_at != 0 && !TimestampDifferenceExceeds(warned_at, now, WARN_AGAIN_MS))
		return;
	warned_at = now;
	ereport(WARNING,
			(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
			 errmsg("a Kafka source of database \"%s\" waits: %s", database->name, what),
			 errhint("%s", hint)));
}

static bool
register_worker(int i, const WantedSource *source)
{
	BackgroundWorker worker = {0};
	RkWorkerArgs args = {.database = MyDatabaseId, .owner = source->owner, .slot = i};
	MemoryContext context;
	bool		registered;

	snprintf(worker.bgw_name, BGW_MAXLEN, "recsys_kafka %s", source->name);
	strlcpy(worker.bgw_type, worker.bgw_name, BGW_MAXLEN);
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	strlcpy(worker.bgw_library_name, RK_LIBRARY, BGW_MAXLEN);
	strlcpy(worker.bgw_function_name, RK_WORKER_MAIN, BGW_MAXLEN);
	memcpy(worker.bgw_extra, &args, sizeof(args));
	worker.bgw_notify_pid = MyProcPid;
	context = MemoryContextSwitchTo(TopMemoryContext);
	registered = RegisterDynamicBackgroundWorker(&worker, &workers[i].handle);
	MemoryContextSwitchTo(context);
	return registered;
}

/* Start the worker of a source, or say in its slot why that cannot be. */
static void
start_worker(int i, const WantedSource *source)
{
	i = take_slot(i, source);
	if (i < 0)
	{
		warn_limit("all slots are taken",
				   psprintf("One server reads at most %d sources.", RK_SLOTS));
		return;
	}
	if (!source->usable)
		set_waiting(i, RK_STATE_FAILED, source->sqlstate, source->reason, source->hint);
	else if (!register_worker(i, source))
	{
		char	   *hint = psprintf("Increase max_worker_processes, which is %s.",
									GetConfigOption("max_worker_processes", false, false));

		set_waiting(i, RK_STATE_WAITING, "53400", "no background worker slot is free", hint);
		warn_limit("no background worker slot is free", hint);
	}
	else
		return;
	set_retry(i, rs_slots_retry_time(++workers[i].failures));
}

/* Is the worker of a slot alive or on its way? */
static bool
is_running(int i, const RkSlot *slot)
{
	pid_t		pid;

	if (workers[i].handle == NULL)
		return slot->pid != 0;
	return GetBackgroundWorkerPid(workers[i].handle, &pid) != BGWH_STOPPED;
}

static void
end_worker(int i)
{
	if (workers[i].handle != NULL)
	{
		TerminateBackgroundWorker(workers[i].handle);
		return;
	}
	LWLockAcquire(shared->common.lock, LW_SHARED);
	if (shared->common.slots[i].pid != 0)
		kill(shared->common.slots[i].pid, SIGTERM);
	LWLockRelease(shared->common.lock);
}

/*
 * A worker has ended: when may the next start?  At once when it asks for that, unless
 * it has only just been started.
 */
static void
note_end(int i, const RkSlot *slot)
{
	TimestampTz now = GetCurrentTimestamp();

	if (workers[i].handle != NULL)
		pfree(workers[i].handle);
	workers[i].handle = NULL;
	if (slot->restart_now ||
		TimestampDifferenceExceeds(slot->started_at, now, RS_KAFKA_HEALTHY_MS))
		workers[i].failures = 0;
	if (slot->restart_now && TimestampDifferenceExceeds(slot->started_at, now, RESTART_AGAIN_MS))
		return;
	if (slot->state != RK_STATE_FAILED && !slot->restart_now)
		set_waiting(i, RK_STATE_FAILED, "", "the worker ended without saying why",
					"See the server log. If library \"" RK_LIBRARY "\" is missing, the extension was installed without it (WITH_KAFKA=no).");
	set_retry(i, rs_slots_retry_time(++workers[i].failures));
}

/* One slot of ours: does its worker run as wanted?  Returns for how long it is well. */
static long
tend_slot(int i, RkSlot *slot, List *sources)
{
	WantedSource *source = find_source(sources, slot->source);
	bool		was_started = workers[i].handle != NULL;

	if (source != NULL)
		source->has_slot = true;
	if (is_running(i, slot))
	{
		if (source == NULL)
			end_worker(i);
		return RS_KAFKA_POLL_MS;
	}
	if (was_started)
	{
		/* what it wrote at last */
		(void) read_slot(i, slot);
		note_end(i, slot);
		(void) read_slot(i, slot);
	}
	if (source == NULL)
	{
		free_slot(i);
		return RS_KAFKA_POLL_MS;
	}
	if (slot->generation != source->generation)
		workers[i].failures = 0;
	else if (slot->retry_at > GetCurrentTimestamp())
		return rs_slots_until(slot->retry_at, RS_KAFKA_POLL_MS);
	start_worker(i, source);
	return RS_KAFKA_POLL_MS;
}

/* Bring slots and workers to what the sources say; returns how long to wait. */
static long
tend_all(void)
{
	List	   *sources = read_sources();
	ListCell   *cell;
	long		wait = RS_KAFKA_POLL_MS;

	for (int i = 0; i < RK_SLOTS; i++)
	{
		RkSlot		slot;

		if (read_slot(i, &slot))
			wait = Min(wait, tend_slot(i, &slot, sources));
	}
	foreach(cell, sources)
	{
		WantedSource *source = lfirst(cell);

		if (!source->has_slot)
			start_worker(-1, source);
	}
	return wait;
}

void
recsys_kafka_supervisor_main(Datum arg)
{
	const char *name = MyBgworkerEntry->bgw_extra;
	MemoryContext turn;

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();

	shared = rs_slots();
	if (!claim_entry(DatumGetInt32(arg), name))
		proc_exit(0);
	before_shmem_exit(leave_at_exit, (Datum) 0);
	connect_to(name);

	turn = AllocSetContextCreate(TopMemoryContext, "recsys supervisor", ALLOCSET_DEFAULT_SIZES);
	for (;;)
	{
		long		wait;

		ResetLatch(MyLatch);
		if (ProcDiePending)
			proc_exit(0);		/* quietly; the launcher starts the next */
		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
		MemoryContextSwitchTo(turn);
		wait = tend_all();
		MemoryContextReset(turn);
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 wait, PG_WAIT_EXTENSION);
	}
}
