/*-------------------------------------------------------------------------
 *
 * job.h
 *		A thread for a call that may block, and waiting for it no longer than
 *		we like.  Pure C.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RK_JOB_H
#define RK_JOB_H

#include <stdbool.h>

typedef struct RkJob RkJob;

/*
 * Run work(arg) in a thread with all signals blocked; NULL when there can be no
 * thread.  When nobody waits for it any more, discard(arg) is called after it, in
 * the thread.
 */
extern RkJob *rk_job_start(void (*work) (void *), void (*discard) (void *), void *arg);

/*
 * Wait for it, at most timeout_ms, and give the job back.  False: it still runs,
 * arg is the thread's from now on.
 */
extern bool rk_job_end(RkJob *job, int timeout_ms);

/*
 * Was ever a job left to its thread?  The process must not end by exit() then: what
 * libraries tear down there, such threads may be using.
 */
extern bool rk_job_abandoned(void);

#endif							/* RK_JOB_H */
