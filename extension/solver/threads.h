/*-------------------------------------------------------------------------
 *
 * threads.h
 *		The thread pool of one training.
 *
 * The thread that starts the pool never computes: it hands out a piece of
 * work, waits, and calls its tick about every 20 ms, so that the process stays
 * responsive.  The pool's threads block all signals, run niced, and take
 * chunks of the work from one counter.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_THREADS_H
#define RS_THREADS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "kernel/kernel.h"
#include "kernel/stop.h"
#include "rs_limits.h"

/* Longest time between two ticks while work is under way. */
#define RS_TICK_MS	20

/* One chunk of the work; thread counts from 0. */
typedef RsStatus (*RsWork) (void *arg, int thread, int64_t chunk);

/* Called by the waiting thread; true asks to stop. */
typedef bool (*RsPoolTick) (void *arg);

typedef struct RsPool
{
	pthread_t	threads[RS_MAX_THREADS];
	int			n_threads;
	pthread_mutex_t lock;
	pthread_cond_t work_ready;	/* round or quit has changed */
	pthread_cond_t work_done;	/* busy has become 0 */
	RsPoolTick	tick;
	void	   *tick_arg;

	/* under lock */
	uint64_t	round;			/* pieces of work handed out so far */
	bool		quit;
	int			busy;			/* threads that have not finished the round */
	int			entered;		/* threads that have taken a number */
	RsStatus	status;			/* of the first chunk that failed */

	/* the round's work */
	RsWork		work;
	void	   *work_arg;
	_Atomic int64_t next_chunk;
	_Atomic int64_t failed_chunk;	/* lowest that failed, or n_chunks */
	atomic_bool stop;
} RsPool;

/*
 * Start up to n threads; RS_NO_THREADS if the system grants none.  tick may
 * be NULL.  After RS_OK the pool must be ended.
 */
extern RsStatus rs_pool_start(RsPool *pool, int n, RsPoolTick tick, void *tick_arg);

/* Stop and join all threads. */
extern void rs_pool_end(RsPool *pool);

/*
 * Do chunks 0 to n_chunks - 1 and wait.  When chunks fail, the result is the
 * status of the lowest of them, whatever the number of threads: chunks above
 * it may be left out, those below it are done.  RS_STOPPED once tick has asked
 * to stop, now or in an earlier call.
 */
extern RsStatus rs_pool_run(RsPool *pool, RsWork work, void *arg, int64_t n_chunks);

/*
 * The same in two steps, between which the caller may do something of its own that
 * takes no longer than a tick.  Every begin wants its finish, unless it has failed.
 */
extern RsStatus rs_pool_begin(RsPool *pool, RsWork work, void *arg, int64_t n_chunks);
extern RsStatus rs_pool_finish(RsPool *pool);

/* Stop as if tick had asked to. */
extern void rs_pool_stop(RsPool *pool);

/*
 * Has tick asked to stop?  An RsStopCheck (kernel/stop.h), for work that takes
 * longer than a few ms.  The round then ends as stopped whatever its chunks
 * return, so a loop may just end early.
 */
extern bool rs_pool_stopping(void *pool);

#endif							/* RS_THREADS_H */
