/*-------------------------------------------------------------------------
 *
 * worker.h
 *		What worker.c and flush.c share: the one worker of a process.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RK_WORKER_H
#define RK_WORKER_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "storage/latch.h"

#include "compat.h"
#include "reader.h"
#include "sink.h"
#include "source.h"
#include "window.h"

#define RK_TICK_MS		1000

/* All that is known in a session.  There is one worker in a process. */
typedef struct RkWorker
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
} RkWorker;

extern RkWorker rk_worker;

/* ---- worker.c -------------------------------------------------------------------- */

/* A transaction with a snapshot. */
extern void rk_worker_begin(void);
extern void rk_worker_commit(void);

/* May this be logged?  Each cause (a string constant) once a minute. */
extern bool rk_worker_may_log(const char *cause);

/* Take the error of a PG_CATCH, into context, and abort whatever transaction there is. */
extern ErrorData *rk_worker_take_error(MemoryContext context);

/* Is it one that passes, so that the same batch is tried again? */
extern bool rk_worker_is_outage(const ErrorData *error);

/* Open the sink, again if need be; in a transaction. */
extern void rk_worker_open_sink(void);

/* End; the supervisor starts the next at once. */
pg_noreturn extern void rk_worker_leave_for_next(void);

/* Write into the source's row that a person must decide, and end. */
pg_noreturn extern void rk_worker_fail_for_good(const char *sqlstate, const char *reason,
												const char *hint);

/* ---- flush.c ---------------------------------------------------------------------- */

/* Write what is due.  Returns how many milliseconds the next thing may wait. */
extern int	rk_flush_due(TimestampTz now);

/* Write no messages, only how far the partitions reach now. */
extern void rk_flush_bounds(void);

#endif							/* RK_WORKER_H */
