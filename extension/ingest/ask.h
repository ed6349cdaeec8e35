/*-------------------------------------------------------------------------
 *
 * ask.h
 *		A question to Kafka, answered by a one-shot worker.
 *
 * A session never loads librdkafka: it starts threads.  The worker does, and ends.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_ASK_H
#define RS_ASK_H

#include "postgres.h"

#include "utils/jsonb.h"

#define RS_ASK_SECONDS	30		/* how long an answer may take */

/*
 * Start a worker that connects to this database as the role, and wait for its
 * answer; 0 seconds is no limit.  What the worker raises is raised
 * here.  Other errors: 53400 no worker slot is free, 58P01 the worker ended without
 * an answer, 08006 no answer in time.
 */
extern Jsonb *rs_ask(const char *request, Oid role, int seconds);

#endif							/* RS_ASK_H */
