/*-------------------------------------------------------------------------
 *
 * progress.c
 *		The shared slots behind recsys.training_progress, and the NOTICEs.
 *
 * A slot belongs to the backend whose pid is in it; one lock guards them all,
 * held for a copy of a few words, some fifty times a second for each run.
 * The owner clears its slot when the run ends in whatever way: who entered it
 * does on success and error, before_shmem_exit when the session ends.  When a
 * backend dies by a signal the postmaster resets shared memory itself.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <poll.h>

/* Its headers may be missing, and of Port we use what stands before its fields. */
#undef ENABLE_GSS
#undef USE_OPENSSL
#include "libpq/libpq-be.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"

#include "compat.h"
#include "guc.h"
#include "train/progress.h"

#define TRANCHE_NAME	"RecsysProgress"

typedef struct ProgressControl
{
	LWLock	   *lock;
	RsProgress	slots[RS_PROGRESS_SLOTS];
} ProgressControl;

static shmem_request_hook_type prev_shmem_request_hook = NULL;
static shmem_startup_hook_type prev_shmem_startup_hook = NULL;

static ProgressControl *control = NULL; /* NULL: not preloaded */
static RsProgress current;		/* of this backend; pid 0 when none */
static RsTrainPhase iterating;	/* what it is called: by the part that is trained */
static RsProgress *own_slot = NULL;
static int	depth = 0;			/* runs entered, each within the one before */
static bool exit_registered = false;

/* ---- shared memory ------------------------------------------------------ */

static void
request_shmem(void)
{
	if (prev_shmem_request_hook)
		prev_shmem_request_hook();
	RequestAddinShmemSpace(sizeof(ProgressControl));
	RequestNamedLWLockTranche(TRANCHE_NAME, 1);
}

static void
startup_shmem(void)
{
	bool		found;

	if (prev_shmem_startup_hook)
		prev_shmem_startup_hook();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	control = ShmemInitStruct("recsys progress", sizeof(ProgressControl), &found);
	if (!found)
	{
		memset(control, 0, sizeof(ProgressControl));
		control->lock = &GetNamedLWLockTranche(TRANCHE_NAME)->lock;
	}
	LWLockRelease(AddinShmemInitLock);
}

void
rs_progress_install(void)
{
	prev_shmem_request_hook = shmem_request_hook;
	shmem_request_hook = request_shmem;
	prev_shmem_startup_hook = shmem_startup_hook;
	shmem_startup_hook = startup_shmem;
}

/* Copy what is known to our slot, if we have one. */
static void
publish_current(void)
{
	if (own_slot == NULL)
		return;
	LWLockAcquire(control->lock, LW_EXCLUSIVE);
	*own_slot = current;
	LWLockRelease(control->lock);
}

static void
clear(void)
{
	memset(&current, 0, sizeof(current));
	publish_current();
	own_slot = NULL;
}

static void
clear_at_exit(int code, Datum arg)
{
	clear();
}

/* Take a free slot; when there is none the run is unseen. */
static void
claim_slot(void)
{
	if (control == NULL)
		return;
	if (!exit_registered)
	{
		before_shmem_exit(clear_at_exit, (Datum) 0);
		exit_registered = true;
	}
	LWLockAcquire(control->lock, LW_EXCLUSIVE);
	for (int i = 0; i < RS_PROGRESS_SLOTS && own_slot == NULL; i++)
	{
		if (control->slots[i].pid == 0)
		{
			own_slot = &control->slots[i];
			*own_slot = current;
		}
	}
	LWLockRelease(control->lock);
}

int
rs_progress_read(RsProgress slots[RS_PROGRESS_SLOTS])
{
	int			n = 0;

	if (control == NULL)
		return 0;
	LWLockAcquire(control->lock, LW_SHARED);
	for (int i = 0; i < RS_PROGRESS_SLOTS; i++)
	{
		if (control->slots[i].pid != 0)
			slots[n++] = control->slots[i];
	}
	LWLockRelease(control->lock);
	return n;
}

/* ---- a run's news --------------------------------------------------------- */

const char *
rs_progress_phase_name(RsTrainPhase phase)
{
	switch (phase)
	{
		case RS_PHASE_READING:
			return "reading";
		case RS_PHASE_PREPARING:
			return "preparing";
		case RS_PHASE_CHOOSING:
			return "choosing";
		case RS_PHASE_ITERATING:
			return "iterating";
		case RS_PHASE_PREFERRING:
			return "preferring";
		case RS_PHASE_RELATING:
			return "relating";
		case RS_PHASE_ANSWERING:
			return "answering";
		case RS_PHASE_PUBLISHING:
			return "publishing";
	}
	elog(ERROR, "unrecognized training phase: %d", (int) phase);
}

/* News of a run that another one started are not told. */
static bool
is_muted(void)
{
	return depth > 1;
}

/*
 * May a NOTICE be sent?  Not to a client that has stopped reading: the leader
 * would wait for it while it must not be interrupted.
 */
static bool
wants_notice(void)
{
	struct pollfd client = {.events = POLLOUT};

	if (!rs_log_progress || is_muted())
		return false;
	if (MyProcPort == NULL)
		return true;
	client.fd = MyProcPort->sock;
	return poll(&client, 1, 0) == 1 && (client.revents & POLLOUT) != 0;
}

static void
notice_phase(void)
{
	if (wants_notice())
		ereport(NOTICE,
				(errmsg("model \"%s\": %s", current.model,
						rs_progress_phase_name(current.phase))));
}

void
rs_progress_memory(Size bytes)
{
	if (wants_notice())
		ereport(NOTICE,
				(errmsg("model \"%s\": needs %zu MB", current.model,
						bytes / (1024 * 1024) + 1)));
}

void
rs_progress_enter(void)
{
	depth++;
}

void
rs_progress_leave(void)
{
	depth--;
	if (depth == 0)
		clear();
}

void
rs_progress_begin(const RsModel *model, int iterations, TimestampTz started_at)
{
	if (is_muted())
		return;
	memset(&current, 0, sizeof(current));
	current.pid = MyProcPid;
	current.database = MyDatabaseId;
	current.user = GetUserId();
	current.owner = model->owner;
	current.view = model->view;
	strlcpy(current.model, model->name, sizeof(current.model));
	current.phase = RS_PHASE_READING;
	iterating = RS_PHASE_ITERATING;
	current.iterations = iterations;
	current.started_at = started_at;
	claim_slot();
	notice_phase();
}

void
rs_progress_phase(RsTrainPhase phase)
{
	if (is_muted() || current.phase == phase)
		return;
	current.phase = phase;
	publish_current();
	notice_phase();
}

void
rs_progress_rows(int64 rows)
{
	if (is_muted())
		return;
	current.rows_read = rows;
	publish_current();
}

void
rs_progress_choosing(int tried, int most)
{
	if (is_muted())
		return;
	current.iteration = tried;
	current.iterations = most;
	rs_progress_phase(RS_PHASE_CHOOSING);
	publish_current();
}

void
rs_progress_chosen(int iterations)
{
	if (is_muted())
		return;
	current.iteration = 0;
	current.iterations = iterations;
	rs_progress_phase(RS_PHASE_PREPARING);
	publish_current();
}

void
rs_progress_preferring(void)
{
	if (is_muted())
		return;
	iterating = RS_PHASE_PREFERRING;
	current.iteration = 0;
	current.loss = 0;
	publish_current();
}

/* Called from the solver's tick: an error here must be caught there. */
void
rs_progress_solving(const RsAlsProgress *progress)
{
	bool		finished = progress->iteration > current.iteration;

	if (is_muted())
		return;
	current.rows_done = progress->rows_done;
	current.rows_total = progress->rows_total;
	if (current.phase == RS_PHASE_CHOOSING)
	{
		publish_current();
		return;
	}
	current.iteration = progress->iteration;
	current.loss = progress->loss;
	publish_current();
	rs_progress_phase(progress->phase == RS_ALS_PREPARING ? RS_PHASE_PREPARING :
					  progress->phase == RS_ALS_ITERATING ? iterating :
					  progress->phase == RS_ALS_RELATING ? RS_PHASE_RELATING :
					  RS_PHASE_ANSWERING);
	if (finished && wants_notice())
		ereport(NOTICE,
				(errmsg("model \"%s\": iteration %d of %d, loss %.8g",
						current.model, current.iteration, current.iterations,
						current.loss)));
}
