/*-------------------------------------------------------------------------
 *
 * threads.c
 *		The thread pool of one training.
 *
 * A round is one piece of work.  Its fields are written before the round's
 * number is raised under the lock, and read after the lock was taken, so they
 * need no protection of their own.
 *
 *-------------------------------------------------------------------------
 */
#include "solver/threads.h"

#include <errno.h>
#include <fenv.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#ifdef __linux__
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#define NICE_LEVEL		10
#define STACK_BYTES		((size_t) 1024 * 1024)

/* Serving goes first: on Linux the nice value belongs to the thread. */
static void
lower_priority(void)
{
#ifdef __linux__
	id_t		self = (id_t) syscall(SYS_gettid);
	int			now;

	errno = 0;
	now = getpriority(PRIO_PROCESS, self);
	if (errno == 0 && now < NICE_LEVEL)
		(void) setpriority(PRIO_PROCESS, self, NICE_LEVEL);
#endif
}

/* Remember the failure of the lowest chunk. */
static void
record_failure(RsPool *pool, int64_t chunk, RsStatus status)
{
	pthread_mutex_lock(&pool->lock);
	if (chunk < atomic_load(&pool->failed_chunk))
	{
		atomic_store(&pool->failed_chunk, chunk);
		pool->status = status;
	}
	pthread_mutex_unlock(&pool->lock);
}

static void
do_chunks(RsPool *pool, int thread)
{
	while (!atomic_load_explicit(&pool->stop, memory_order_relaxed))
	{
		int64_t		chunk = atomic_fetch_add(&pool->next_chunk, 1);
		RsStatus	status;

		if (chunk >= atomic_load(&pool->failed_chunk))
			break;
		status = pool->work(pool->work_arg, thread, chunk);
		if (status == RS_STOPPED)
			break;
		if (status != RS_OK)
			record_failure(pool, chunk, status);
	}
}

static void *
thread_main(void *arg)
{
	RsPool	   *pool = arg;
	uint64_t	seen = 0;
	int			thread;

	/* Another library may have changed rounding or denormals. */
	fesetenv(FE_DFL_ENV);
	lower_priority();

	pthread_mutex_lock(&pool->lock);
	thread = pool->entered++;
	for (;;)
	{
		while (pool->round == seen && !pool->quit)
			pthread_cond_wait(&pool->work_ready, &pool->lock);
		if (pool->quit)
			break;
		seen = pool->round;
		pthread_mutex_unlock(&pool->lock);
		do_chunks(pool, thread);
		pthread_mutex_lock(&pool->lock);
		if (--pool->busy == 0)
			pthread_cond_signal(&pool->work_done);
	}
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

/* Create as many of n threads as the system grants, all signals blocked. */
static void
create_threads(RsPool *pool, int n)
{
	pthread_attr_t attr;
	sigset_t	all;
	sigset_t	before;

	if (pthread_attr_init(&attr) != 0)
		return;
	(void) pthread_attr_setstacksize(&attr, STACK_BYTES);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	while (pool->n_threads < n &&
		   pthread_create(&pool->threads[pool->n_threads], &attr,
						  thread_main, pool) == 0)
		pool->n_threads++;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
}

/* Lock and conditions; the one that is waited for with a timeout is monotonic. */
static bool
init_primitives(RsPool *pool)
{
	pthread_condattr_t attr;

	if (pthread_condattr_init(&attr) != 0)
		return false;
	(void) pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	if (pthread_mutex_init(&pool->lock, NULL) == 0)
	{
		if (pthread_cond_init(&pool->work_ready, NULL) == 0)
		{
			if (pthread_cond_init(&pool->work_done, &attr) == 0)
			{
				pthread_condattr_destroy(&attr);
				return true;
			}
			pthread_cond_destroy(&pool->work_ready);
		}
		pthread_mutex_destroy(&pool->lock);
	}
	pthread_condattr_destroy(&attr);
	return false;
}

RsStatus
rs_pool_start(RsPool *pool, int n, RsPoolTick tick, void *tick_arg)
{
	memset(pool, 0, sizeof(*pool));
	pool->tick = tick;
	pool->tick_arg = tick_arg;
	atomic_init(&pool->next_chunk, 0);
	atomic_init(&pool->failed_chunk, 0);
	atomic_init(&pool->stop, false);
	if (!init_primitives(pool))
		return RS_NO_THREADS;
	create_threads(pool, n < RS_MAX_THREADS ? n : RS_MAX_THREADS);
	if (pool->n_threads == 0)
	{
		rs_pool_end(pool);
		return RS_NO_THREADS;
	}
	return RS_OK;
}

void
rs_pool_end(RsPool *pool)
{
	pthread_mutex_lock(&pool->lock);
	pool->quit = true;
	pthread_cond_broadcast(&pool->work_ready);
	pthread_mutex_unlock(&pool->lock);
	for (int i = 0; i < pool->n_threads; i++)
		pthread_join(pool->threads[i], NULL);
	pthread_cond_destroy(&pool->work_done);
	pthread_cond_destroy(&pool->work_ready);
	pthread_mutex_destroy(&pool->lock);
}

/* Wait until no thread is busy, or for RS_TICK_MS.  The lock is held. */
static void
wait_a_tick(RsPool *pool)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += RS_TICK_MS * 1000000L;
	if (until.tv_nsec >= 1000000000L)
	{
		until.tv_sec++;
		until.tv_nsec -= 1000000000L;
	}
	while (pool->busy > 0 &&
		   pthread_cond_timedwait(&pool->work_done, &pool->lock, &until) == 0)
		;
}

/* The lock is not held while tick runs. */
static void
call_tick(RsPool *pool)
{
	if (pool->tick != NULL && !atomic_load(&pool->stop) &&
		pool->tick(pool->tick_arg))
		atomic_store(&pool->stop, true);
}

RsStatus
rs_pool_begin(RsPool *pool, RsWork work, void *arg, int64_t n_chunks)
{
	call_tick(pool);
	if (atomic_load(&pool->stop))
		return RS_STOPPED;

	pthread_mutex_lock(&pool->lock);
	pool->work = work;
	pool->work_arg = arg;
	pool->status = RS_OK;
	atomic_store(&pool->next_chunk, 0);
	atomic_store(&pool->failed_chunk, n_chunks);
	pool->busy = pool->n_threads;
	pool->round++;
	pthread_cond_broadcast(&pool->work_ready);
	pthread_mutex_unlock(&pool->lock);
	return RS_OK;
}

RsStatus
rs_pool_finish(RsPool *pool)
{
	pthread_mutex_lock(&pool->lock);
	for (;;)
	{
		wait_a_tick(pool);
		if (pool->busy == 0)
			break;
		pthread_mutex_unlock(&pool->lock);
		call_tick(pool);
		pthread_mutex_lock(&pool->lock);
	}
	pthread_mutex_unlock(&pool->lock);
	return atomic_load(&pool->stop) ? RS_STOPPED : pool->status;
}

RsStatus
rs_pool_run(RsPool *pool, RsWork work, void *arg, int64_t n_chunks)
{
	RsStatus	status = rs_pool_begin(pool, work, arg, n_chunks);

	return status == RS_OK ? rs_pool_finish(pool) : status;
}

void
rs_pool_stop(RsPool *pool)
{
	atomic_store(&pool->stop, true);
}

bool
rs_pool_stopping(void *pool)
{
	return atomic_load_explicit(&((RsPool *) pool)->stop, memory_order_relaxed);
}
