/*-------------------------------------------------------------------------
 *
 * reader.h
 *		Reading a source's topic: messages in the order in which they are to be
 *		written, and what is wrong with the topic.
 *
 * Knows a source and its consumer, and no SQL.  Nothing here waits.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RK_READER_H
#define RK_READER_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "batch.h"
#include "sink.h"
#include "source.h"

typedef struct RkReader RkReader;

/* What to do about the topic. */
typedef enum RkVerdict
{
	RK_VERDICT_FINE,
	RK_VERDICT_OUTAGE,			/* wait, it goes away: state degraded */
	RK_VERDICT_REOPEN,			/* close the reader and open another */
	RK_VERDICT_GAP,				/* move gap's partition, then reopen */
	RK_VERDICT_GROWN,			/* add the partitions, then reopen */
	RK_VERDICT_FAILED,			/* try again slowly */
	RK_VERDICT_DECIDE			/* a person must decide */
} RkVerdict;

typedef struct RkTrouble
{
	RkVerdict	verdict;
	char		sqlstate[6];
	char		reason[RK_ERROR_SIZE];
	char		hint[RK_REASON_SIZE];
	int32		partition;		/* of a gap */
	int64		gap_from;
	int64		gap_to;
	int			npartitions;	/* of the topic, when it has grown */
} RkTrouble;

/*
 * Start to read where the source's partitions are, and keep them up to date; in
 * the current memory context.  There is one reader in a process.  Whatever happens,
 * rk_reader_close() comes before that memory goes.  Errors: what librdkafka refuses.
 */
extern RkReader *rk_reader_open(RkSource *source);
extern void rk_reader_close(void);

/* Descriptor that is readable while there is something to take. */
extern int	rk_reader_fd(const RkReader *reader);

/* Take what has arrived, up to a full batch; says whether anything came. */
extern bool rk_reader_take(RkReader *reader);

/* Messages taken and not yet done; when the first of them came. */
extern const RkMessage *rk_reader_messages(const RkReader *reader, int *n);
extern TimestampTz rk_reader_since(const RkReader *reader);
extern bool rk_reader_full(const RkReader *reader);

/* Is every partition read to its end?  And is any row of kafka_partition behind? */
extern bool rk_reader_at_end(const RkReader *reader);
extern bool rk_reader_behind(const RkReader *reader);

/* Is there nothing more for now, as far as brokers have told with what they sent? */
extern bool rk_reader_caught_up(const RkReader *reader);
extern int64 rk_reader_queued(const RkReader *reader);

/* Look for trouble; at least once a second. */
extern const RkTrouble *rk_reader_check(RkReader *reader, TimestampTz now);

/* Did anything come from the brokers, ever? */
extern bool rk_reader_heard(const RkReader *reader);

/* A line for the server's log, NULL when there is none. */
extern const char *rk_reader_next_log(RkReader *reader);

/* The cluster's id, NULL while unknown; false when it may still become known. */
extern bool rk_reader_cluster(RkReader *reader, TimestampTz now, const char **id);

/*
 * How partitions move when the first n messages are done: those that move, and with
 * all also those that stand still (for low and high).  In the current context.
 */
extern RkMove *rk_reader_moves(RkReader *reader, const RkBatch *batch, int n,
							   bool all, int *nmoves);

/* That was committed. */
extern void rk_reader_done(RkReader *reader, const RkMove *moves, int nmoves, int n);

#endif							/* RK_READER_H */
