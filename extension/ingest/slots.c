/*-------------------------------------------------------------------------
 *
 * slots.c
 *		Shared memory of Kafka ingestion, and waking and ending its processes.
 *
 * Owns the lock and the segment.  A pid in it belongs to a process that clears it,
 * under the lock, before it ends: so a signal sent with the lock held reaches no
 * stranger.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <signal.h>

#include "access/xact.h"
#include "common/pg_prng.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "storage/shmem.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "ingest/slots.h"

#define TRANCHE_NAME	"RecsysKafka"

static shmem_request_hook_type prev_shmem_request_hook = NULL;
static shmem_startup_hook_type prev_shmem_startup_hook = NULL;

static RsKafkaShared *shared = NULL;	/* NULL: not preloaded */
static bool changed = false;	/* by this transaction */
static bool callback_registered = false;

/* ---- the segment ---------------------------------------------------------------- */

static void
request_shmem(void)
{
	if (prev_shmem_request_hook)
		prev_shmem_request_hook();
	RequestAddinShmemSpace(sizeof(RsKafkaShared));
	RequestNamedLWLockTranche(TRANCHE_NAME, 1);
}

static void
startup_shmem(void)
{
	bool		found;

	if (prev_shmem_startup_hook)
		prev_shmem_startup_hook();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	shared = ShmemInitStruct("recsys kafka", sizeof(RsKafkaShared), &found);
	if (!found)
	{
		memset(shared, 0, sizeof(RsKafkaShared));
		shared->common.version = RK_SHARED_VERSION;
		shared->common.lock = &GetNamedLWLockTranche(TRANCHE_NAME)->lock;
	}
	LWLockRelease(AddinShmemInitLock);
	*find_rendezvous_variable(RK_RENDEZVOUS) = &shared->common;
}

void
rs_slots_install(void)
{
	prev_shmem_request_hook = shmem_request_hook;
	shmem_request_hook = request_shmem;
	prev_shmem_startup_hook = shmem_startup_hook;
	shmem_startup_hook = startup_shmem;
}

RsKafkaShared *
rs_slots(void)
{
	return shared;
}

void
rs_slots_text(char *field, Size size, const char *text)
{
	int			len = pg_mbcliplen(text, (int) strlen(text), (int) size - 1);

	memcpy(field, text, len);
	field[len] = '\0';
}

TimestampTz
rs_slots_retry_time(int failures)
{
	int64		ms = INT64CONST(1000) << Min(Max(failures - 1, 0), 10);

	ms = Min(ms, 300 * 1000);
	/* up to a fifth later, so that many do not come at once */
	ms += (int64) (ms * 0.2 * pg_prng_double(&pg_global_prng_state));
	return TimestampTzPlusMilliseconds(GetCurrentTimestamp(), ms);
}

long
rs_slots_until(TimestampTz then, long limit)
{
	return Min(limit, TimestampDifferenceMilliseconds(GetCurrentTimestamp(), then));
}

/* ---- waking --------------------------------------------------------------------- */

/* Set the latch of another process; none of that pid is no error. */
static void
wake(int pid)
{
	PGPROC	   *proc = pid == 0 ? NULL : BackendPidGetProc(pid);

	if (proc != NULL)
		SetLatch(&proc->procLatch);
}

void
rs_slots_wake_launcher(void)
{
	int			pid;

	if (shared == NULL)
		return;
	LWLockAcquire(shared->common.lock, LW_SHARED);
	pid = shared->common.launcher_pid;
	LWLockRelease(shared->common.lock);
	wake(pid);
}

/* Tell of a committed change: raises nothing, it runs after the commit. */
static void
publish_change(void)
{
	int			pids[RS_KAFKA_DATABASES + RK_SLOTS];
	int			n = 0;

	LWLockAcquire(shared->common.lock, LW_EXCLUSIVE);
	shared->common.changes++;
	for (int i = 0; i < RS_KAFKA_DATABASES; i++)
	{
		if (shared->databases[i].oid == MyDatabaseId)
			pids[n++] = shared->databases[i].pid;
	}
	for (int i = 0; i < RK_SLOTS; i++)
	{
		const RkSlot *slot = &shared->common.slots[i];

		if (slot->state != RK_STATE_FREE && slot->database == MyDatabaseId)
			pids[n++] = slot->pid;
	}
	LWLockRelease(shared->common.lock);
	for (int i = 0; i < n; i++)
		wake(pids[i]);
}

/* A prepared transaction is committed elsewhere: its change is found by polling. */
static void
at_transaction_end(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_COMMIT:
			if (changed)
				publish_change();
			changed = false;
			break;
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:
			changed = false;
			break;
		default:
			break;
	}
}

void
rs_slots_source_changed(void)
{
	if (shared == NULL)
		return;
	if (!callback_registered)
	{
		RegisterXactCallback(at_transaction_end, NULL);
		callback_registered = true;
	}
	changed = true;
}

/* ---- ending --------------------------------------------------------------------- */

int
rs_slots_terminate(const char *name, Oid database)
{
	int			left = 0;

	LWLockAcquire(shared->common.lock, LW_EXCLUSIVE);
	for (int i = 0; i < RS_KAFKA_DATABASES; i++)
	{
		RsKafkaDatabase *entry = &shared->databases[i];

		if (strcmp(entry->name, name) != 0)
			continue;
		entry->wanted = false;
		if (OidIsValid(entry->oid))
			database = entry->oid;
		if (entry->pid != 0)
		{
			kill(entry->pid, SIGTERM);
			left++;
		}
	}
	for (int i = 0; i < RK_SLOTS; i++)
	{
		const RkSlot *slot = &shared->common.slots[i];

		if (slot->state == RK_STATE_FREE || slot->pid == 0 ||
			!OidIsValid(database) || slot->database != database)
			continue;
		kill(slot->pid, SIGTERM);
		left++;
	}
	LWLockRelease(shared->common.lock);
	return left;
}

void
rs_slots_forget(Oid database)
{
	bool		served = false;

	LWLockAcquire(shared->common.lock, LW_EXCLUSIVE);
	for (int i = 0; i < RS_KAFKA_DATABASES; i++)
	{
		if (shared->databases[i].oid == database && shared->databases[i].pid != 0)
			served = true;
	}
	for (int i = 0; i < RK_SLOTS && !served; i++)
	{
		RkSlot	   *slot = &shared->common.slots[i];

		if (slot->state != RK_STATE_FREE && slot->database == database && slot->pid == 0)
			memset(slot, 0, sizeof(*slot));
	}
	LWLockRelease(shared->common.lock);
}
