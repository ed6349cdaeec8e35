/*-------------------------------------------------------------------------
 *
 * shared.h
 *		What recsys.so and recsys_kafka.so share: slots in shared memory, and
 *		how a worker is started.
 *
 * The one header that both libraries include; everything else between them
 * goes through SQL.  recsys.so, when preloaded, makes one RkShared in the
 * server's shared memory and leaves its address in the rendezvous variable
 * RK_RENDEZVOUS; recsys_kafka.so finds it there.
 *
 * A slot is one running or wanted source of some database.  The supervisor of
 * that database takes and frees slots; while a worker has one, the worker alone
 * writes its state and figures.  RkShared.lock guards all of it and is held for
 * copies only.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RK_SHARED_H
#define RK_SHARED_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "storage/lwlock.h"

#define RK_RENDEZVOUS	"recsys_kafka_shared"
#define RK_SHARED_VERSION 1		/* both libraries must agree */

#define RK_SLOTS		128		/* sources that can run in one server */
#define RK_HOLDS		8		/* databases held still at once */
#define RK_SOURCE_NAME	64		/* bytes of a source's name, with its zero */
#define RK_REASON		256

/* Library and entry points of the workers, for bgw_library_name and bgw_function_name. */
#define RK_LIBRARY		"recsys_kafka"
#define RK_WORKER_MAIN	"recsys_kafka_worker_main"	/* ingests one source */
#define RK_ASK_MAIN		"recsys_kafka_ask_main"		/* answers one request */

typedef enum RkState
{
	RK_STATE_FREE,				/* the slot belongs to nobody */
	RK_STATE_WAITING,			/* wanted, but no worker could be started */
	RK_STATE_STARTING,			/* a worker was registered */
	RK_STATE_CONNECTING,		/* it has not heard of a broker yet */
	RK_STATE_RUNNING,			/* rows are being written */
	RK_STATE_IDLE,				/* every partition is read to its end */
	RK_STATE_DEGRADED,			/* holds its batch and tries again: an outage */
	RK_STATE_FAILED				/* nothing is read; reason and hint say why */
} RkState;

/* A state as users read it; NULL for that of a free slot. */
static inline const char *
rk_state_name(RkState state)
{
	switch (state)
	{
		case RK_STATE_FREE:
			break;
		case RK_STATE_WAITING:
			return "waiting";
		case RK_STATE_STARTING:
			return "starting";
		case RK_STATE_CONNECTING:
			return "connecting";
		case RK_STATE_RUNNING:
			return "running";
		case RK_STATE_IDLE:
			return "idle";
		case RK_STATE_DEGRADED:
			return "degraded";
		case RK_STATE_FAILED:
			return "failed";
	}
	return NULL;
}

typedef struct RkSlot
{
	RkState		state;
	TimestampTz since;			/* of the state */
	Oid			database;
	Oid			owner;			/* role the worker connects as */
	char		source[RK_SOURCE_NAME];
	int32		generation;		/* of the source's row when the worker was started */
	int			pid;			/* of the worker, 0 = none */
	bool		restart_now;	/* set by the worker as it exits: its definition
								 * changed, start the next without delay */
	TimestampTz retry_at;		/* when the supervisor tries again, 0 = not waiting */
	char		sqlstate[6];	/* of the reason, "" = none */
	char		reason[RK_REASON];
	char		hint[RK_REASON];

	/* since the worker's start */
	TimestampTz started_at;
	TimestampTz last_commit;	/* 0 = none */
	int64		messages;		/* consumed and committed */
	int64		rows;
	int64		bytes;			/* of payloads */
	int64		dead_letters;
	int64		batches;
	double		rate[3];		/* messages per second over 1, 5, 15 minutes */
	float		batch_ms_p50;	/* of the latest 128 batches, first row to commit */
	float		batch_ms_p99;
	int64		queued;			/* messages fetched ahead */
} RkSlot;

typedef struct RkShared
{
	int			version;		/* RK_SHARED_VERSION */
	LWLock	   *lock;
	uint64		changes;		/* counts committed changes of any source's row */
	int			launcher_pid;	/* 0 = none */
	char		holds[RK_HOLDS][NAMEDATALEN];	/* databases whose workers must be
												 * gone: DROP DATABASE and the like */
	RkSlot		slots[RK_SLOTS];
} RkShared;

/* bgw_extra of an ingest worker (bgw_main_arg is unused). */
typedef struct RkWorkerArgs
{
	Oid			database;
	Oid			owner;
	int32		slot;			/* names the source */
} RkWorkerArgs;

/*
 * A request to a one-shot worker.  bgw_main_arg is the handle of a DSM segment
 * with a shm_toc of magic RK_ASK_MAGIC:
 *
 *	RK_ASK_HEADER	RkAskHeader
 *	RK_ASK_REQUEST	JSON text, zero-terminated (see kafka_ingest/ask.c)
 *	RK_ASK_QUEUE	shm_mq of RK_ASK_QUEUE_SIZE bytes, worker to caller
 *
 * The worker connects as header.role and sends messages of the frontend/backend
 * protocol: 'E' or 'N' as pq_redirect_to_shm_mq makes them, and at success one
 * message of type 'R' (a byte), followed by the answer, JSON text without a zero.
 */
#define RK_ASK_MAGIC		0x7265636b
#define RK_ASK_HEADER		0
#define RK_ASK_REQUEST		1
#define RK_ASK_QUEUE		2
#define RK_ASK_QUEUE_SIZE	65536

typedef struct RkAskHeader
{
	Oid			database;
	Oid			role;
} RkAskHeader;

#endif							/* RK_SHARED_H */
