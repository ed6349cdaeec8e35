/*-------------------------------------------------------------------------
 *
 * status.c
 *		The worker's slot in shared memory: state, figures, rates.
 *
 * What is known is kept here and copied to the slot under RkShared.lock, which is
 * held for nothing else.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "commands/dbcommands.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/backend_status.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "status.h"

#define BATCHES_KEPT 128

static RkShared *shared = NULL;
static RkSlot *slot = NULL;
static RkSlot current;			/* what the slot is to show; of this worker alone */

static float batch_ms[BATCHES_KEPT];	/* a ring */
static TimestampTz rates_at;	/* when rate[] was last brought up to date */
static int64 rates_messages;	/* messages then */

/* ---- the slot ------------------------------------------------------------------ */

static RkShared *
find_shared(void)
{
	RkShared  **address = (RkShared **) find_rendezvous_variable(RK_RENDEZVOUS);

	if (*address == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("recsys must be loaded via shared_preload_libraries")));
	if ((*address)->version != RK_SHARED_VERSION)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("recsys_kafka and the preloaded recsys are of different versions"),
				 errhint("Restart the server.")));
	return *address;
}

bool
rk_status_attach(const RkWorkerArgs *args)
{
	bool		ours;

	shared = find_shared();
	if (args->slot < 0 || args->slot >= RK_SLOTS)
		elog(ERROR, "no slot %d", (int) args->slot);
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	slot = &shared->slots[args->slot];
	ours = slot->state != RK_STATE_FREE && slot->pid == 0 &&
		slot->database == args->database && slot->owner == args->owner;
	if (ours)
	{
		current = *slot;
		current.state = RK_STATE_CONNECTING;
		current.since = current.started_at = GetCurrentTimestamp();
		current.pid = MyProcPid;
		current.restart_now = false;
		current.retry_at = 0;
		current.sqlstate[0] = current.reason[0] = current.hint[0] = '\0';
		memset((char *) &current + offsetof(RkSlot, last_commit), 0,
			   sizeof(RkSlot) - offsetof(RkSlot, last_commit));
		*slot = current;
	}
	LWLockRelease(shared->lock);
	rates_at = current.started_at;
	return ours;
}

/* Copy what is known to the slot, but for what the supervisor may write meanwhile. */
static void
copy_to_slot(void)
{
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	if (slot->pid == MyProcPid)
		*slot = current;
	LWLockRelease(shared->lock);
}

void
rk_status_detach(void)
{
	if (slot == NULL)
		return;
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	if (slot->pid == MyProcPid)
	{
		*slot = current;
		slot->pid = 0;
	}
	LWLockRelease(shared->lock);
	slot = NULL;
}

const char *
rk_status_source(void)
{
	return current.source;
}

int32
rk_status_generation(void)
{
	return current.generation;
}

uint64
rk_status_changes(void)
{
	uint64		changes;

	LWLockAcquire(shared->lock, LW_SHARED);
	changes = shared->changes;
	LWLockRelease(shared->lock);
	return changes;
}

bool
rk_status_held(void)
{
	const char *database = get_database_name(MyDatabaseId);
	bool		held = false;

	LWLockAcquire(shared->lock, LW_SHARED);
	for (int i = 0; i < RK_HOLDS && database != NULL; i++)
		held = held || strcmp(shared->holds[i], database) == 0;
	LWLockRelease(shared->lock);
	return held;
}

/* ---- states --------------------------------------------------------------------- */

/* Copy text that may be too long, whole characters only. */
static void
copy_text(char *to, const char *from, Size size)
{
	int			len = pg_mbcliplen(from, (int) strlen(from), (int) size - 1);

	memcpy(to, from, len);
	to[len] = '\0';
}

void
rk_status_set_reason(RkState state, const char *sqlstate,
					 const char *reason, const char *hint)
{
	char		activity[RK_SOURCE_NAME + 64];

	if (current.state == state && strncmp(current.reason, reason, RK_REASON - 1) == 0)
		return;
	if (current.state != state)
		current.since = GetCurrentTimestamp();
	current.state = state;
	strlcpy(current.sqlstate, sqlstate, sizeof(current.sqlstate));
	copy_text(current.reason, reason, sizeof(current.reason));
	copy_text(current.hint, hint, sizeof(current.hint));
	copy_to_slot();
	snprintf(activity, sizeof(activity), "Kafka source %s: %s", current.source,
			 rk_state_name(state));
	pgstat_report_activity(state == RK_STATE_RUNNING ? STATE_RUNNING : STATE_IDLE,
						   activity);
}

void
rk_status_set(RkState state)
{
	rk_status_set_reason(state, "", "", "");
}

RkState
rk_status_state(void)
{
	return current.state;
}

void
rk_status_restart_now(void)
{
	current.restart_now = true;
	copy_to_slot();
}

/* ---- figures ---------------------------------------------------------------------- */

static int
compare_floats(const void *a, const void *b)
{
	float		x = *(const float *) a;
	float		y = *(const float *) b;

	return (x > y) - (x < y);
}

static void
update_percentiles(void)
{
	float		sorted[BATCHES_KEPT];
	int			n = (int) Min(current.batches, BATCHES_KEPT);

	memcpy(sorted, batch_ms, sizeof(float) * n);
	qsort(sorted, n, sizeof(float), compare_floats);
	current.batch_ms_p50 = sorted[(n - 1) / 2];
	current.batch_ms_p99 = sorted[(n - 1) * 99 / 100];
}

void
rk_status_batch(int64 messages, int64 rows, int64 bytes, int64 dead_letters, double ms)
{
	batch_ms[current.batches % BATCHES_KEPT] = (float) ms;
	current.batches++;
	current.messages += messages;
	current.rows += rows;
	current.bytes += bytes;
	current.dead_letters += dead_letters;
	current.last_commit = GetCurrentTimestamp();
	update_percentiles();
	copy_to_slot();
}

/* Averages that forget exponentially, as the load averages of Unix do. */
static void
update_rates(void)
{
	static const double minutes[] = {1, 5, 15};
	TimestampTz now = GetCurrentTimestamp();
	double		seconds = (double) (now - rates_at) / USECS_PER_SEC;
	double		rate;

	if (seconds < 0.5)
		return;
	rate = (double) (current.messages - rates_messages) / seconds;
	for (int i = 0; i < lengthof(minutes); i++)
	{
		double		keep = exp(-seconds / (60 * minutes[i]));

		current.rate[i] = current.rate[i] * keep + rate * (1 - keep);
	}
	rates_at = now;
	rates_messages = current.messages;
}

void
rk_status_publish(int64 queued)
{
	current.queued = queued;
	update_rates();
	copy_to_slot();
}
