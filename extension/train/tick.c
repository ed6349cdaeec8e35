/*-------------------------------------------------------------------------
 *
 * tick.c
 *		What the leader of a run does while the solver's threads compute.
 *
 * The threads work in memory of this process, so nothing may unwind it before
 * they have ended: no error may jump out of the solver, and CHECK_FOR_INTERRUPTS
 * is out of the question, since a terminated session runs its exit code inside
 * it.  The tick therefore only serves what others wait for (barriers, a request
 * to log memory contexts), tells the news, and looks at the flags that a
 * signal handler sets.  If one says stop, the solver joins its threads and
 * returns, and rs_tick_raise() does the rest.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/pmsignal.h"
#include "storage/procsignal.h"
#include "tcop/tcopprot.h"
#include "utils/memutils.h"
#include "utils/timeout.h"

#include "compat.h"
#include "train/progress.h"
#include "train/tick.h"

/* Of libpq/libpq.h, which needs the headers of the server's own libraries. */
extern bool pq_check_connection(void);

static bool
postmaster_is_gone(void)
{
	return IsUnderPostmaster && !PostmasterIsAlive();
}

/* What ProcessInterrupts() would do that is no end of the session or query. */
static void
serve_others(void)
{
	if (ProcSignalBarrierPending)
		ProcessProcSignalBarrier();
	if (LogMemoryContextPending)
		ProcessLogMemoryContextInterrupt();
	if (CheckClientConnectionPending)
	{
		CheckClientConnectionPending = false;
		if (client_connection_check_interval > 0)
		{
			if (!pq_check_connection())
				ClientConnectionLost = true;
			else
				enable_timeout_after(CLIENT_CONNECTION_CHECK_TIMEOUT,
									 client_connection_check_interval);
		}
	}
}

static bool
must_stop(void)
{
	return QueryCancelPending || ProcDiePending || ClientConnectionLost ||
		TransactionTimeoutPendingCompat || postmaster_is_gone();
}

bool
rs_tick_guard(RsTick *tick, void (*action) (void *arg), void *arg)
{
	uint32		holdoff = InterruptHoldoffCount;

	HOLD_INTERRUPTS();
	PG_TRY();
	{
		action(arg);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(tick->context);
		tick->error = CopyErrorData();
		FlushErrorState();
	}
	PG_END_TRY();
	/* Not RESUME_INTERRUPTS: an error has set the count to zero. */
	InterruptHoldoffCount = holdoff;

	return tick->error != NULL || must_stop();
}

bool
rs_tick_looks(void)
{
	serve_others();
	return must_stop();
}

static void
serve_and_tell(void *progress)
{
	serve_others();
	rs_progress_solving((const RsAlsProgress *) progress);
}

bool
rs_tick(void *arg, const RsAlsProgress *progress)
{
	return rs_tick_guard((RsTick *) arg, serve_and_tell, (void *) progress);
}

void
rs_tick_raise(RsTick *tick)
{
	if (tick->error != NULL)
		ReThrowError(tick->error);
	if (ClientConnectionLost)
		InterruptPending = true;
	CHECK_FOR_INTERRUPTS();
	if (postmaster_is_gone())
		ereport(FATAL,
				(errcode(ERRCODE_ADMIN_SHUTDOWN),
				 errmsg("terminating connection due to unexpected postmaster exit")));
	ereport(ERROR,
			(errcode(ERRCODE_QUERY_CANCELED),
			 errmsg("the computation was interrupted")));
}
