/*-------------------------------------------------------------------------
 *
 * rewarm.c
 *		Bringing the item images in use back after a restart.
 *
 * The keeper runs as long as the server does, in no database.  When it starts, it reads
 * which models had an image (image_file.c) and has those images made again, one database
 * after the other, by a worker that ends when its database is done.  From then on it
 * writes the list anew whenever an image comes or goes, and at the end.  So the list is
 * as it was, too, after a crash, and while images are being brought back.
 *
 * A worker connects as pg_monitor, which has no right on any model, and becomes the
 * owner of each model to ask for its image.  An error is logged and ends one model.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "commands/dbcommands.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "storage/procsignal.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/wait_event.h"

#include "compat.h"
#include "guc.h"
#include "serve/image_cache.h"
#include "serve/image_file.h"
#include "serve/rewarm.h"
#include "serve/shared_image.h"
#include "store/known.h"
#include "store/model.h"

#define RESTART_SECONDS		10

/* What ends the server may be the work itself: after so many attempts it is left alone. */
#define MOST_ATTEMPTS		3

PGDLLEXPORT void recsys_rewarm_keeper_main(Datum arg);
PGDLLEXPORT void recsys_rewarm_worker_main(Datum arg);

/* What both kinds of process are registered with. */
static void
describe_worker(BackgroundWorker *worker, const char *name, const char *function)
{
	memset(worker, 0, sizeof(BackgroundWorker));
	strlcpy(worker->bgw_name, name, BGW_MAXLEN);
	strlcpy(worker->bgw_type, name, BGW_MAXLEN);
	worker->bgw_flags = BGWORKER_SHMEM_ACCESS;
	worker->bgw_start_time = BgWorkerStart_ConsistentState;
	worker->bgw_restart_time = BGW_NEVER_RESTART;
	strlcpy(worker->bgw_library_name, "recsys", BGW_MAXLEN);
	strlcpy(worker->bgw_function_name, function, BGW_MAXLEN);
}

void
rs_rewarm_install(void)
{
	BackgroundWorker worker;

	if (IsBinaryUpgrade)
		return;
	describe_worker(&worker, "recsys image keeper", "recsys_rewarm_keeper_main");
	worker.bgw_restart_time = RESTART_SECONDS;
	RegisterBackgroundWorker(&worker);
}

/* The list, cut to what recsys.cache_size has room for. */
static int
read_list(RsListedImage **list, int *attempts)
{
	Size		room = (Size) rs_cache_size * 1024;
	int			listed = rs_image_file_read(list, attempts);
	int			n = 0;

	while (n < listed && (*list)[n].bytes <= room)
		room -= (*list)[n++].bytes;
	return n;
}

/* ---- the worker of a database -------------------------------------------------------- */

/*
 * Have the active version's image made, in a transaction, with the rights of the model's
 * owner; false if the model is no more.
 */
static bool
open_image(Oid table)
{
	Oid			view = rs_has_catalog("model") ? rs_item_factors_view(table) : InvalidOid;
	char	   *name = OidIsValid(view) ? get_rel_name(view) : NULL;
	Oid			owner = OidIsValid(view) ? rs_relation_owner(view) : InvalidOid;
	RsOwnerContext context;
	RsModel    *model;

	if (name == NULL || !OidIsValid(owner))
		return false;
	rs_owner_begin(owner, &context);
	model = rs_model_open(name, RS_MODEL_ASK);
	(void) rs_image_open_kept(model, rs_version_open(model, 0));
	rs_owner_end(&context);
	return true;
}

/* The same, whatever happens. */
static bool
bring_back(Oid table)
{
	MemoryContext context = CurrentMemoryContext;
	volatile bool done = false;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PG_TRY();
	{
		PushActiveSnapshot(GetTransactionSnapshot());
		done = open_image(table);
		PopActiveSnapshot();
		CommitTransactionCommand();
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		AbortCurrentTransaction();
		ereport(LOG,
				(errcode(error->sqlerrcode),
				 errmsg("the item image of factor table %u was not brought back: %s",
						table, error->message)));
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	return done;
}

/* Say in the log what was done. */
static void
report(int models)
{
	StartTransactionCommand();
	ereport(LOG,
			(errmsg_plural("the item image of %d model is in memory again in database \"%s\"",
						   "the item images of %d models are in memory again in database \"%s\"",
						   models, models, get_database_name(MyDatabaseId))));
	CommitTransactionCommand();
}

void
recsys_rewarm_worker_main(Datum arg)
{
	RsListedImage *list;
	int			attempts;
	int			n;
	int			done = 0;

	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	rs_connect_as_monitor_by_oid(DatumGetObjectId(arg));
	pgstat_report_appname(MyBgworkerEntry->bgw_name);
	SetConfigOption("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_OVERRIDE);
	/* who holds a lock on a model is about to change it */
	SetConfigOption("lock_timeout", "1s", PGC_USERSET, PGC_S_OVERRIDE);
	/* an image that cannot be shared is of no use to others */
	SetConfigOption("recsys.local_cache_size", "0", PGC_USERSET, PGC_S_OVERRIDE);

	n = read_list(&list, &attempts);
	for (int i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (list[i].database == MyDatabaseId && bring_back(list[i].table))
			done++;
	}
	report(done);
}

/* ---- the keeper ----------------------------------------------------------------------- */

/* Start the worker of a database and wait until it has ended. */
static void
run_worker(Oid database)
{
	BackgroundWorker worker;
	BackgroundWorkerHandle *handle;

	describe_worker(&worker, "recsys image worker", "recsys_rewarm_worker_main");
	worker.bgw_flags |= BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_main_arg = ObjectIdGetDatum(database);
	worker.bgw_notify_pid = MyProcPid;
	if (RegisterDynamicBackgroundWorker(&worker, &handle))
		(void) WaitForBackgroundWorkerShutdown(handle);
	else
		ereport(LOG,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("no background worker slot is free to bring item images back in database %u",
						database),
				 errhint("Increase max_worker_processes, which is %s.",
						 GetConfigOption("max_worker_processes", false, false))));
}

/* Is a table of a database in the list, or any table of it where it is InvalidOid? */
static bool
is_listed(const RsListedImage *list, int n, Oid database, Oid table)
{
	for (int i = 0; i < n; i++)
	{
		if (list[i].database == database && (!OidIsValid(table) || list[i].table == table))
			return true;
	}
	return false;
}

/* Bring back what is listed.  The file stays as it is but for the count of attempts. */
static void
bring_all_back(void)
{
	RsListedImage *list;
	int			attempts;
	int			n = read_list(&list, &attempts);

	if (n == 0)
		return;
	if (attempts >= MOST_ATTEMPTS)
	{
		ereport(LOG,
				(errmsg("item images are not brought back: the server ended %d times meanwhile",
						attempts)));
		return;
	}
	rs_image_file_write(list, n, attempts + 1);
	for (int i = 0; i < n && !ShutdownRequestPending; i++)
	{
		if (!is_listed(list, i, list[i].database, InvalidOid))
			run_worker(list[i].database);
	}
}

static int
compare_use(const void *a, const void *b)
{
	TimestampTz x = ((const RsSharedImageStatus *) a)->used_at;
	TimestampTz y = ((const RsSharedImageStatus *) b)->used_at;

	return (x < y) - (x > y);
}

/* Write the models that have an image now, the most recently used first. */
static void
write_list(void)
{
	RsSharedImageStatus *status = palloc(mul_size(RS_SHARED_IMAGES, sizeof(RsSharedImageStatus)));
	RsListedImage *list = palloc(mul_size(RS_SHARED_IMAGES, sizeof(RsListedImage)));
	int			images = rs_shared_image_read(status);
	int			n = 0;

	qsort(status, images, sizeof(RsSharedImageStatus), compare_use);
	for (int i = 0; i < images; i++)
	{
		const RsImageKey *key = &status[i].key;

		if (!status[i].complete || is_listed(list, n, key->database, key->table))
			continue;
		list[n].database = key->database;
		list[n].table = key->table;
		list[n++].bytes = status[i].bytes;
	}
	rs_image_file_write(list, n, 0);
	pfree(list);
	pfree(status);
}

static void
stop_watching(int code, Datum arg)
{
	rs_shared_image_watch(NULL);
}

void
recsys_rewarm_keeper_main(Datum arg)
{
	pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
	pqsignal(SIGUSR1, procsignal_sigusr1_handler);	/* a worker has ended */
	BackgroundWorkerUnblockSignals();
	bring_all_back();
	if (ShutdownRequestPending)
		return;					/* to be brought back next time */
	before_shmem_exit(stop_watching, (Datum) 0);
	rs_shared_image_watch(MyLatch);
	for (;;)
	{
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		write_list();
		if (ShutdownRequestPending)
			return;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_EXIT_ON_PM_DEATH, 0, PG_WAIT_EXTENSION);
	}
}
