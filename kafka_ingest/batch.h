/*-------------------------------------------------------------------------
 *
 * batch.h
 *		What goes from the consumer to the table: messages, the rows they
 *		become, and why some become none.
 *
 * A batch lives in one memory context, which is reset when its transaction has
 * committed.  Values of rows may point into the messages' payloads, which are
 * librdkafka's (rk_consumer_release) or whoever made the messages.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RK_BATCH_H
#define RK_BATCH_H

#include "postgres.h"

#include "event.h"

/* All that a message takes: what producers fill without an end is not only payloads. */
extern Size rk_message_bytes(const RkMessage *message);

/* Rows as text; those of one message stand together, messages ascend. */
typedef struct RkRows
{
	int			ncolumns;
	int			nrows;
	int			capacity;		/* rows that values[] and messages[] have room for */
	RkText	   *values;			/* ncolumns for each row */
	int		   *messages;		/* for each row, the index of its message */
} RkRows;

typedef struct RkBatch
{
	MemoryContext context;		/* of everything here but the messages */
	int			nmessages;
	const RkMessage *messages;
	const RkReason **reasons;	/* for each message: why it is no row; NULL = it
								 * is, or becomes no row rightly */
	RkRows		rows;
} RkBatch;

/* Start a batch in the current memory context: no rows, no reasons. */
extern void rk_batch_begin(RkBatch *batch, const RkMessage *messages, int nmessages,
						   int ncolumns);

/* Values of the next row, which is of that message, for the caller to fill. */
extern RkText *rk_batch_add_row(RkBatch *batch, int message);

/* Forget rows of messages from first on, before they are made again. */
extern void rk_batch_cut_rows(RkBatch *batch, int first);

/* Forget rows of messages that have a reason: half of them may have been made. */
extern void rk_batch_drop_refused(RkBatch *batch);

/* Index of the first row that is of that message or a later one. */
extern int	rk_batch_first_row(const RkBatch *batch, int message);

/* Give a message the reason why it is no row. */
extern void rk_batch_refuse(RkBatch *batch, int message, const RkReason *reason);

/*
 * Do something with messages first .. first + n - 1, within a subtransaction, in
 * a memory context of its own.  What it raises undoes all of it.  It may say in
 * *failed, -1 before, which message it was at.
 */
typedef void (*RkStep) (RkBatch *batch, int first, int n, int *failed, void *arg);

/*
 * Do a step for all messages of the batch.  Messages at which it raises a data
 * error are found and refused; any other error is raised.  Uses at most budget
 * subtransactions, at least 1; when they are used up nmessages becomes what was
 * done.  Returns the number used.
 */
extern int	rk_batch_isolate(RkBatch *batch, RkStep step, void *arg, int budget);

#endif							/* RK_BATCH_H */
