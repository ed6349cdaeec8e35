/*-------------------------------------------------------------------------
 *
 * flush.c
 *		Writing batches: when one is due, its transaction, and what becomes of it
 *		when the server cannot.
 *
 * An outage (locks, memory, disk) keeps the batch for another attempt, ever later up
 * to a minute; any other error ends the session.  All of a transaction is in the
 * batch's context, which is reset after it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "status.h"
#include "worker.h"

#define MAX_DELAY_MS		60000	/* between attempts at one batch */
#define TRIM_MESSAGES		1000

/* ---- one batch ---------------------------------------------------------------------------- */

#define TOO_MANY_HINT "See the view recsys.kafka_dead_letters; go on with recsys.kafka_start(), or with a higher max_dead_letters."

pg_noreturn static void
too_many_dead_letters(void)
{
	char		reason[128];

	snprintf(reason, sizeof(reason), "more than %d of the latest %d messages became dead letters",
			 rk_worker.source->options.max_dead_letters, RK_DEAD_LETTER_WINDOW);
	rk_worker_fail_for_good("54000", reason, TOO_MANY_HINT);
}

/*
 * End the batch before the message that is one dead letter too many; false when that
 * is its first.
 */
static bool
cut_at_limit(RkBatch *batch)
{
	RkWindow	window = rk_worker.window;

	for (int i = 0; i < batch->nmessages; i++)
	{
		rk_window_add(&window, batch->reasons[i] != NULL);
		if (rk_window_count(&window) > rk_worker.source->options.max_dead_letters)
		{
			batch->nmessages = i;
			rk_batch_cut_rows(batch, i);
			break;
		}
	}
	return batch->nmessages > 0;
}

/* What a transaction did; in memory that outlives it. */
typedef struct Written
{
	RkBatch		batch;
	RkMove	   *moves;
	int			nmoves;
	int			dead_letters;
	int64		bytes;
	bool		cluster_known;	/* the source's row has the cluster's id */
} Written;

/*
 * The cluster's id goes into the source's row with the first batch; before the
 * partitions' rows, in the order in which others lock them.
 */
static void
save_cluster(Written *written)
{
	const char *id = NULL;

	if (rk_worker.cluster_known)
		return;
	(void) rk_reader_cluster(rk_worker.reader, 0, &id);
	if (id != NULL && rk_worker.source->cluster_id == NULL)
		rk_source_set_cluster(rk_worker.source->name, id);
	written->cluster_known = id != NULL;
}

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
	if (rk_sink_save(rk_worker.sink, written->moves, written->nmoves))
		return;
	AbortCurrentTransaction();
	ereport(LOG,
			(errmsg("Kafka source \"%s\": its offsets were moved, starting again",
					rk_worker.source->name)));
	rk_worker_leave_for_next();
}

/* Write what was taken, or as much of it as one transaction may. */
static void
write_batch(Written *written)
{
	RkBatch    *batch = &written->batch;
	int			n;
	const RkMessage *messages = rk_reader_messages(rk_worker.reader, &n);

	rk_worker_begin();
	if (rk_worker.sink == NULL || rk_sink_stale(rk_worker.sink))
		rk_worker_open_sink();
	MemoryContextSwitchTo(rk_worker.batch_context);
	rk_sink_begin(rk_worker.sink, batch, messages, n);
	rk_sink_map(rk_worker.sink, batch);
	if (n > 0 && !cut_at_limit(batch))
	{
		AbortCurrentTransaction();
		too_many_dead_letters();
	}
	rk_sink_write(rk_worker.sink, batch);
	written->dead_letters = rk_sink_dead_letters(rk_worker.sink, batch);
	count_bytes(written);
	written->moves = rk_reader_moves(rk_worker.reader, batch, batch->nmessages, false,
									 &written->nmoves);
	save_cluster(written);
	save_moves(written);
	rk_worker_commit();
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
		rk_window_add(&rk_worker.window, batch->reasons[i] != NULL);
	if (batch->nmessages > 0)
		rk_status_batch(batch->nmessages, rows, written->bytes, written->dead_letters,
						(double) (now - rk_reader_since(rk_worker.reader)) / 1000);
	rk_reader_done(rk_worker.reader, written->moves, written->nmoves, batch->nmessages);
	rk_worker.seen_at = now;
	if (batch->context == NULL)
		return;					/* bounds alone */
	rk_worker.flushed_at = now;
	rk_worker.cluster_known = rk_worker.cluster_known || written->cluster_known;
	rk_worker.may_trim = rk_worker.may_trim || batch->nmessages >= TRIM_MESSAGES;
	rk_worker.retry_at = 0;
	rk_worker.retry_ms = 0;
}

/* Keep the batch and wait: twice as long each time. */
static void
note_outage(const ErrorData *error)
{
	rk_worker.retry_ms = Min(Max(rk_worker.retry_ms * 2, RK_TICK_MS), MAX_DELAY_MS);
	rk_worker.retry_at = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), rk_worker.retry_ms);
	if (rk_worker_may_log("batch"))
		ereport(LOG,
				(errcode(error->sqlerrcode),
				 errmsg("Kafka source \"%s\" could not write a batch: %s",
						rk_worker.source->name, error->message),
				 errhint("It is tried again.")));
	rk_status_set_reason(RK_STATE_DEGRADED, unpack_sql_state(error->sqlerrcode),
						 error->message, "It is tried again.");
}

/* Write no messages, only how far the partitions reach now. */
static void
write_bounds(Written *written)
{
	rk_worker_begin();
	MemoryContextSwitchTo(rk_worker.batch_context);
	written->moves = rk_reader_moves(rk_worker.reader, &written->batch, 0, true,
									 &written->nmoves);
	save_moves(written);
	rk_worker_commit();
}

/*
 * One transaction, with what was taken or with bounds alone.  An outage of the
 * server leaves the batch for later.
 */
static void
flush(void (*write) (Written *written))
{
	Written    *written = MemoryContextAllocZero(rk_worker.batch_context, sizeof(Written));

	PG_TRY();
	{
		write(written);
		note_written(written);
	}
	PG_CATCH();
	{
		ErrorData  *error = rk_worker_take_error(rk_worker.session_context);

		if (!rk_worker_is_outage(error))
			ReThrowError(error);
		if (write == write_batch)
			note_outage(error);
		rk_worker.seen_at = GetCurrentTimestamp();
		FreeErrorData(error);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(rk_worker.session_context);
	MemoryContextReset(rk_worker.batch_context);
}

void
rk_flush_bounds(void)
{
	flush(write_bounds);
}

static int
ms_until(TimestampTz when, TimestampTz now)
{
	return when <= now ? 0 : (int) Min((when - now + 999) / 1000, RK_TICK_MS);
}

/* ---- when to write --------------------------------------------------------------------------- */

/* Until when a batch that is not full waits for more; now or before: it is due. */
static TimestampTz
due_at(TimestampTz now)
{
	int64		linger = (int64) rk_worker.source->options.linger_ms * 1000;

	if (rk_reader_full(rk_worker.reader))
		return now;
	/* At the end there is nothing to wait for, but for not committing all the time. */
	if (rk_reader_caught_up(rk_worker.reader))
		return Min(rk_worker.flushed_at, rk_reader_since(rk_worker.reader)) + linger;
	return rk_reader_since(rk_worker.reader) + linger;
}

/* Did a partition's end move without messages: over control records? */
static bool
end_has_moved(void)
{
	int			nmoves;
	MemoryContext old = MemoryContextSwitchTo(rk_worker.batch_context);
	RkBatch		none = {0};

	(void) rk_reader_moves(rk_worker.reader, &none, 0, false, &nmoves);
	MemoryContextSwitchTo(old);
	MemoryContextReset(rk_worker.batch_context);
	return nmoves > 0;
}

/* Nothing goes in before the cluster is known to be the right one. */
static bool
may_write(TimestampTz now)
{
	const char *id;

	return rk_worker.retry_at <= now &&
		(rk_worker.cluster_known || rk_reader_cluster(rk_worker.reader, now, &id));
}

/* Write what is due.  Returns how long the next thing may wait. */
int
rk_flush_due(TimestampTz now)
{
	int			n;

	if (!may_write(now))
		return rk_worker.retry_at > now ? ms_until(rk_worker.retry_at, now) : 100;
	(void) rk_reader_messages(rk_worker.reader, &n);
	if (n == 0)
	{
		if (now - rk_worker.flushed_at > USECS_PER_SEC / 10 && end_has_moved())
			flush(write_batch);
		return RK_TICK_MS;
	}
	if (due_at(now) > now)
		return ms_until(due_at(now), now);
	flush(write_batch);
	return 0;
}
