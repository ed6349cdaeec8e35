/*-------------------------------------------------------------------------
 *
 * module.c
 *		The library's magic, and how its processes end.  It is loaded by its workers
 *		alone; all settings are those of recsys.so.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <unistd.h>

#include "fmgr.h"
#include "storage/ipc.h"

#include "compat.h"
#include "job.h"

PG_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);

/*
 * The last thing a process does.  Threads of librdkafka that did not end in time would
 * still use what exit() tears down (OpenSSL, for one), and a crash there would take
 * the whole server along.
 */
static void
leave_threads(int code, Datum arg)
{
	if (rk_job_abandoned())
		_exit(code);
}

void
_PG_init(void)
{
	on_proc_exit(leave_threads, (Datum) 0);
}
