/*-------------------------------------------------------------------------
 *
 * launcher.c
 *		The one process that starts a supervisor for each listed database.
 *
 * Owns the entries of RsKafkaShared.databases: takes and frees them, and says which
 * are wanted; a supervisor writes its oid and pid and takes away the reason.  It is connected to no
 * database and looks only at pg_database.  After an error it ends and is started
 * again by the postmaster; supervisors go on meanwhile and are found by their pids.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "compat.h"
#include "ingest/launcher.h"
#include "ingest/service.h"
#include "ingest/slots.h"

#define RESTART_SECONDS		10
#define DRAIN_MS			200		/* how soon is looked again whether they have ended */

PGDLLEXPORT void recsys_kafka_launcher_main(Datum arg);

static RsKafkaShared *shared;
/* of the supervisors that this process has started, by their entry */
static BackgroundWorkerHandle *handles[RS_KAFKA_DATABASES];

void
rs_launcher_install(void)
{
	BackgroundWorker worker = {0};

	/* a server that is being upgraded must not write */
	if (IsBinaryUpgrade)
		return;
	strlcpy(worker.bgw_name, "recsys_kafka launcher", BGW_MAXLEN);
	strlcpy(worker.bgw_type, "recsys_kafka launcher", BGW_MAXLEN);
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = RESTART_SECONDS;
	strlcpy(worker.bgw_library_name, "recsys", BGW_MAXLEN);
	strlcpy(worker.bgw_function_name, "recsys_kafka_launcher_main", BGW_MAXLEN);
	RegisterBackgroundWorker(&worker);
}

static void
clear_at_exit(int code, Datum arg)
{
	LWLockAcquire(shared->common.lock, LW_EXCLUSIVE);
	shared->common.launcher_pid = 0;
	LWLockRelease(shared->common.lock);
}

/* ---- which databases are wanted ----------------------------------------------------- */

static bool
is_held(const char *name)
{
	for (int i = 0; i < RK_HOLDS; i++)
	{
		if (strcmp(shared->common.holds[i], name) == 0)
			return true;
	}
	return false;
}

/* The entry of a database, or a free one that becomes it; NULL when all are taken. */
static RsKafkaDatabase *
take_entry(const char *name)
{
	RsKafkaDatabase *unused = NULL;

	for (int i = 0; i < RS_KAFKA_DATABASES; i++)
	{
		RsKafkaDatabase *entry = &shared->databases[i];

		if (strcmp(entry->name, name) == 0)
			return entry;
		if (entry->name[0] == '\0' && unused == NULL)
			unused = entry;
	}
	if (unused != NULL)
		strlcpy(unused->name, name, NAMEDATALEN);
	return unused;
}

/* Compare the setting and the holds with the entries. */
static void
mark_wanted(bool retry_now)
{
	List	   *names = rs_kafka_databases_listed();
	ListCell   *cell;
	int			refused = 0;

	LWLockAcquire(shared->common.lock, LW_EXCLUSIVE);
	for (int i = 0; i < RS_KAFKA_DATABASES; i++)
		shared->databases[i].wanted = false;
	foreach(cell, names)
	{
		const char *name = lfirst(cell);
		RsKafkaDatabase *entry;

		if (name[0] == '\0' || strlen(name) >= NAMEDATALEN || is_held(name))
			continue;
		entry = take_entry(name);
		if (entry == NULL)
			refused++;
		else
		{
			entry->wanted = true;
			if (retry_now)
				entry->retry_at = 0;
		}
	}
	LWLockRelease(shared->common.lock);
	if (refused > 0 && retry_now)
		ereport(WARNING,
				(errmsg("recsys.kafka_databases lists more than %d databases", RS_KAFKA_DATABASES),
				 errdetail("%d of them are not served.", refused)));
}

/* ---- one database ------------------------------------------------------------------- */

/* Why there is no supervisor; a supervisor takes it away once it is connected. */
static void
set_reason(RsKafkaDatabase *entry, const char *reason, const char *hint)
{
	LWLockAcquire(shared->common.lock, LW_EXCLUSIVE);
	rs_slots_text(entry->reason, RK_REASON, reason);
	rs_slots_text(entry->hint, RK_REASON, hint);
	entry->retry_at = rs_slots_retry_time(++entry->failures);
	LWLockRelease(shared->common.lock);
}

/* The name stands for another database than before, or for none. */
static void
forget_database(RsKafkaDatabase *entry)
{
	if (!OidIsValid(entry->oid))
		return;
	rs_slots_forget(entry->oid);
	entry->oid = InvalidOid;
}

/*
 * Find a database by name.  By a scan: until some session has written the file of the
 * relation cache, a process without a database cannot open an index.
 */
static Oid
find_database(const char *name, bool *connectable)
{
	Relation	relation = table_open(DatabaseRelationId, AccessShareLock);
	TableScanDesc scan = table_beginscan_catalog(relation, 0, NULL);
	HeapTuple	tuple;
	Oid			found = InvalidOid;

	while ((tuple = heap_getnext(scan, ForwardScanDirection)) != NULL)
	{
		Form_pg_database database = (Form_pg_database) GETSTRUCT(tuple);

		if (strcmp(NameStr(database->datname), name) == 0)
		{
			found = database->oid;
			*connectable = database->datallowconn;
			break;
		}
	}
	table_endscan(scan);
	table_close(relation, AccessShareLock);
	return found;
}

/* Can a supervisor connect?  If not, say so in the entry. */
static bool
check_database(RsKafkaDatabase *entry)
{
	MemoryContext context = CurrentMemoryContext;
	bool		connectable = false;
	Oid			database;

	StartTransactionCommand();
	database = find_database(entry->name, &connectable);
	CommitTransactionCommand();
	MemoryContextSwitchTo(context);
	if (entry->oid != database)
		forget_database(entry);
	if (!OidIsValid(database))
		set_reason(entry, "the database does not exist",
				   "Correct recsys.kafka_databases or create it.");
	else if (!connectable)
		set_reason(entry, "the database does not accept connections",
				   "ALTER DATABASE ... ALLOW_CONNECTIONS true.");
	return connectable;
}

static void
start_supervisor(int i)
{
	RsKafkaDatabase *entry = &shared->databases[i];
	BackgroundWorker worker = {0};
	MemoryContext context;
	bool		registered;

	if (!check_database(entry))
		return;
	snprintf(worker.bgw_name, BGW_MAXLEN, "recsys_kafka supervisor %s", entry->name);
	strlcpy(worker.bgw_type, "recsys_kafka supervisor", BGW_MAXLEN);
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	strlcpy(worker.bgw_library_name, "recsys", BGW_MAXLEN);
	strlcpy(worker.bgw_function_name, "recsys_kafka_supervisor_main", BGW_MAXLEN);
	worker.bgw_main_arg = Int32GetDatum(i);
	strlcpy(worker.bgw_extra, entry->name, BGW_EXTRALEN);
	worker.bgw_notify_pid = MyProcPid;
	LWLockAcquire(shared->common.lock, LW_EXCLUSIVE);
	entry->started_at = GetCurrentTimestamp();
	LWLockRelease(shared->common.lock);
	context = MemoryContextSwitchTo(TopMemoryContext);
	registered = RegisterDynamicBackgroundWorker(&worker, &handles[i]);
	MemoryContextSwitchTo(context);
	if (!registered)
		set_reason(entry, "no background worker slot is free",
				   psprintf("Increase max_worker_processes, which is %s.",
							GetConfigOption("max_worker_processes", false, false)));
}

/* Has the supervisor of an entry ended, or was there none? */
static bool
has_ended(int i, const RsKafkaDatabase *entry)
{
	pid_t		pid;

	if (handles[i] == NULL)
		return entry->pid == 0;
	if (GetBackgroundWorkerPid(handles[i], &pid) != BGWH_STOPPED)
		return false;
	pfree(handles[i]);
	handles[i] = NULL;
	return entry->pid == 0;		/* else one that an earlier launcher started was first */
}

/* A supervisor that was wanted has ended. */
static void
note_end(RsKafkaDatabase *entry)
{
	if (TimestampDifferenceExceeds(entry->started_at, GetCurrentTimestamp(), RS_KAFKA_HEALTHY_MS))
		entry->failures = 0;
	set_reason(entry, "the supervisor of the database has ended",
			   "The server log says why. Role pg_monitor must be allowed to connect.");
}

/* End what serves a database, and free its entry when all have ended. */
static long
drain(int i, RsKafkaDatabase *entry)
{
	if (handles[i] != NULL)
		TerminateBackgroundWorker(handles[i]);
	if (rs_slots_terminate(entry->name, entry->oid) > 0 || !has_ended(i, entry))
		return DRAIN_MS;
	forget_database(entry);
	LWLockAcquire(shared->common.lock, LW_EXCLUSIVE);
	memset(entry, 0, sizeof(*entry));
	LWLockRelease(shared->common.lock);
	return RS_KAFKA_POLL_MS;
}

/* Do what is to be done for one entry; returns for how long nothing is. */
static long
serve(int i)
{
	RsKafkaDatabase *entry = &shared->databases[i];
	bool		started = handles[i] != NULL;

	if (!entry->wanted)
		return drain(i, entry);
	if (!has_ended(i, entry))
		return RS_KAFKA_POLL_MS;
	if (started)
		note_end(entry);
	if (entry->retry_at > GetCurrentTimestamp())
		return rs_slots_until(entry->retry_at, RS_KAFKA_POLL_MS);
	start_supervisor(i);
	return RS_KAFKA_POLL_MS;
}

/* Look at every database; returns how long to wait, -1 when none is listed. */
static long
serve_all(bool reloaded)
{
	long		wait = -1;

	mark_wanted(reloaded);
	for (int i = 0; i < RS_KAFKA_DATABASES; i++)
	{
		long		idle;

		if (shared->databases[i].name[0] == '\0')
			continue;
		idle = serve(i);
		wait = wait < 0 ? idle : Min(wait, idle);
	}
	return wait;
}

void
recsys_kafka_launcher_main(Datum arg)
{
	MemoryContext turn;
	bool		reloaded = true;

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	pgstat_report_appname("recsys_kafka launcher");

	shared = rs_slots();
	before_shmem_exit(clear_at_exit, (Datum) 0);
	LWLockAcquire(shared->common.lock, LW_EXCLUSIVE);
	shared->common.launcher_pid = MyProcPid;
	LWLockRelease(shared->common.lock);

	turn = AllocSetContextCreate(TopMemoryContext, "recsys launcher", ALLOCSET_DEFAULT_SIZES);
	for (;;)
	{
		long		wait;

		ResetLatch(MyLatch);
		if (ProcDiePending)
			proc_exit(1);		/* quietly, to be started again unless the server stops */
		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
			reloaded = true;
		}
		MemoryContextSwitchTo(turn);
		wait = serve_all(reloaded);
		MemoryContextReset(turn);
		reloaded = false;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_EXIT_ON_PM_DEATH | (wait >= 0 ? WL_TIMEOUT : 0),
						 wait, PG_WAIT_EXTENSION);
	}
}
