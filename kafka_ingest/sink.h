/*-------------------------------------------------------------------------
 *
 * sink.h
 *		One transaction: rows, dead letters, counters, next offsets.
 *
 * The caller starts and commits the transaction (with a snapshot pushed) and
 * connects SPI for none of this.  A batch goes through
 *
 *	rk_sink_map		messages become rows of text, or get a reason
 *	rk_sink_write	rows are written; messages whose rows are refused get a reason
 *	rk_sink_dead_letters, rk_sink_save	(the ingest worker alone)
 *
 * Preview stops after the first or rolls back after the second; a retry of dead
 * letters does both, then deletes those without a reason.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RK_SINK_H
#define RK_SINK_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "batch.h"
#include "source.h"

typedef struct RkSink RkSink;

/*
 * Find target and transform of a source, check everything that can be checked
 * before a message.  Allocates a context under the current one.  Errors are
 * those of insert.h, mapping.h and transform.h.
 */
extern RkSink *rk_sink_open(const RkSource *source);
extern void rk_sink_close(RkSink *sink);

/* Has the definition of anything it looked up changed?  Then close and open again. */
extern bool rk_sink_stale(const RkSink *sink);

/* Counts whatever rk_sink_stale() goes by; it may be asked without a sink. */
extern uint64 rk_sink_changes(void);

/* The same for servers and user mappings. */
extern uint64 rk_sink_connection_changes(void);

/* Columns of the rows, in the order of their values; for preview. */
extern int	rk_sink_ncolumns(const RkSink *sink);
extern const char *rk_sink_column(const RkSink *sink, int i);

/*
 * Start a batch over messages, in the current memory context; reasons all NULL,
 * no rows.  The messages must outlive it.
 */
extern void rk_sink_begin(RkSink *sink, RkBatch *batch,
						  const RkMessage *messages, int nmessages);

/*
 * Messages into rows.  Too large ones and what the mapping or the transform refuses
 * get a reason.  nmessages may become smaller (subtransactions used up).
 */
extern void rk_sink_map(RkSink *sink, RkBatch *batch);

/*
 * Write the rows.  Data errors (22, 23, P0001) are isolated: all rows of a message or
 * none.  nmessages may become smaller: the rest is for the next transaction.
 */
extern void rk_sink_write(RkSink *sink, RkBatch *batch);

/* Insert a dead letter for each message with a reason; returns how many. */
extern int	rk_sink_dead_letters(RkSink *sink, const RkBatch *batch);

/* How a partition moves in this transaction. */
typedef struct RkMove
{
	int32		partition;
	int64		from_offset;	/* what kafka_partition must have */
	int64		to_offset;
	int64		messages;
	int64		rows;
	int64		dead_letters;
	bool		has_anchor;		/* a message was read */
	int64		anchor_offset;
	int64		anchor_time;
	int64		anchor_hash;
	int64		low;			/* -1 = not known */
	int64		high;
} RkMove;

/*
 * Move partitions, by compare-and-set on next_offset and on the generation of
 * the source.  False: somebody else has moved one; roll back.
 */
extern bool rk_sink_save(RkSink *sink, const RkMove *moves, int nmoves);

/* A message's time; false when it has none, infinity when it is beyond the type. */
extern bool rk_message_time(const RkMessage *message, TimestampTz *time);

/* The hash of a message that anchors keep. */
extern int64 rk_message_hash(const RkMessage *message);

#endif							/* RK_SINK_H */
