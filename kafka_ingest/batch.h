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

#include "event.h"

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
	int			nmessages;
	const RkMessage *messages;
	const RkReason **reasons;	/* for each message: why it is no row; NULL = it
								 * is, or becomes no row rightly */
	RkRows		rows;
} RkBatch;

#endif							/* RK_BATCH_H */
