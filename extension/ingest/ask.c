/*-------------------------------------------------------------------------
 *
 * ask.c
 *		The caller's side of a one-shot worker: its segment, its start, its answer.
 *
 * The segment belongs to the caller's resource owner, the worker's handle to the
 * caller's memory context.  On any way out without an answer the worker is told to
 * end; a worker whose caller is gone finds its queue detached.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "libpq/pqformat.h"
#include "libpq/pqmq.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "storage/dsm.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "storage/shm_mq.h"
#include "storage/shm_toc.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "../kafka_ingest/shared.h"
#include "compat.h"
#include "ingest/ask.h"

/* Lay out the segment: header, request, queue. */
static dsm_segment *
make_segment(const char *request, Oid role, shm_mq **queue)
{
	Size		length = strlen(request) + 1;
	shm_toc_estimator estimator;
	dsm_segment *segment;
	shm_toc    *toc;
	RkAskHeader *header;
	char	   *copy;

	shm_toc_initialize_estimator(&estimator);
	shm_toc_estimate_chunk(&estimator, sizeof(RkAskHeader));
	shm_toc_estimate_chunk(&estimator, length);
	shm_toc_estimate_chunk(&estimator, RK_ASK_QUEUE_SIZE);
	shm_toc_estimate_keys(&estimator, 3);
	segment = dsm_create(shm_toc_estimate(&estimator), 0);
	toc = shm_toc_create(RK_ASK_MAGIC, dsm_segment_address(segment),
						 shm_toc_estimate(&estimator));

	header = shm_toc_allocate(toc, sizeof(RkAskHeader));
	header->database = MyDatabaseId;
	header->role = role;
	shm_toc_insert(toc, RK_ASK_HEADER, header);
	copy = shm_toc_allocate(toc, length);
	memcpy(copy, request, length);
	shm_toc_insert(toc, RK_ASK_REQUEST, copy);
	*queue = shm_mq_create(shm_toc_allocate(toc, RK_ASK_QUEUE_SIZE), RK_ASK_QUEUE_SIZE);
	shm_mq_set_receiver(*queue, MyProc);
	shm_toc_insert(toc, RK_ASK_QUEUE, *queue);
	return segment;
}

static BackgroundWorkerHandle *
start_worker(dsm_segment *segment)
{
	BackgroundWorker worker = {0};
	BackgroundWorkerHandle *handle;

	strlcpy(worker.bgw_name, "recsys_kafka ask", BGW_MAXLEN);
	strlcpy(worker.bgw_type, "recsys_kafka ask", BGW_MAXLEN);
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	strlcpy(worker.bgw_library_name, RK_LIBRARY, BGW_MAXLEN);
	strlcpy(worker.bgw_function_name, RK_ASK_MAIN, BGW_MAXLEN);
	worker.bgw_main_arg = UInt32GetDatum(dsm_segment_handle(segment));
	worker.bgw_notify_pid = MyProcPid;
	if (!RegisterDynamicBackgroundWorker(&worker, &handle))
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("no background worker slot is free to ask Kafka"),
				 errhint("Increase max_worker_processes, which is %s.",
						 GetConfigOption("max_worker_processes", false, false))));
	return handle;
}

/* Raise what the worker raised: an error here, a notice there. */
static void
rethrow(StringInfo message)
{
	ErrorData	error;

	pq_parse_errornotice(message, &error);
	error.elevel = Min(error.elevel, ERROR);
	ThrowErrorData(&error);
}

/* The next message of the worker; false when it has ended. */
static bool
receive(shm_mq_handle *queue, TimestampTz deadline, StringInfo message)
{
	for (;;)
	{
		Size		bytes;
		void	   *data;
		shm_mq_result result = shm_mq_receive(queue, &bytes, &data, true);
		long		timeout = -1;

		if (result == SHM_MQ_DETACHED)
			return false;
		if (result == SHM_MQ_SUCCESS)
		{
			resetStringInfo(message);
			appendBinaryStringInfo(message, data, (int) bytes);
			return true;
		}
		if (deadline != 0)
		{
			timeout = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), deadline);
			if (timeout <= 0)
				ereport(ERROR,
						(errcode(ERRCODE_CONNECTION_FAILURE),
						 errmsg("Kafka was not heard of within %d seconds", RS_ASK_SECONDS),
						 errhint("Are the brokers of the server reachable from the database server?")));
		}
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_EXIT_ON_PM_DEATH |
						 (deadline != 0 ? WL_TIMEOUT : 0), timeout, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

/* Take messages until the answer is among them. */
static Jsonb *
wait_for_answer(shm_mq_handle *queue, int seconds)
{
	TimestampTz deadline = seconds == 0 ? 0 :
		TimestampTzPlusMilliseconds(GetCurrentTimestamp(), seconds * 1000L);
	StringInfoData message;

	initStringInfo(&message);
	while (receive(queue, deadline, &message))
	{
		switch (pq_getmsgbyte(&message))
		{
			case 'E':
			case 'N':
				rethrow(&message);
				break;
			case 'R':
				return DatumGetJsonbP(DirectFunctionCall1(jsonb_in,
														  CStringGetDatum(message.data + message.cursor)));
			default:
				break;			/* nothing that concerns us */
		}
	}
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_FILE),
			 errmsg("the worker that asks Kafka ended without an answer"),
			 errhint("If the server log says that library \"%s\" is missing, the extension was installed without it (WITH_KAFKA=no).",
					 RK_LIBRARY)));
}

static void
end_worker(int code, Datum handle)
{
	TerminateBackgroundWorker((BackgroundWorkerHandle *) DatumGetPointer(handle));
}

Jsonb *
rs_ask(const char *request, Oid role, int seconds)
{
	shm_mq	   *queue;
	dsm_segment *segment = make_segment(request, role, &queue);
	BackgroundWorkerHandle *handle = start_worker(segment);
	Jsonb	   *answer;

	PG_ENSURE_ERROR_CLEANUP(end_worker, PointerGetDatum(handle));
	{
		answer = wait_for_answer(shm_mq_attach(queue, segment, handle), seconds);
	}
	PG_END_ENSURE_ERROR_CLEANUP(end_worker, PointerGetDatum(handle));
	dsm_detach(segment);
	return answer;
}
