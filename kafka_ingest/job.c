/*-------------------------------------------------------------------------
 *
 * job.c
 *		A thread for a call that may block, and waiting for it no longer than
 *		we like.  Pure C.
 *
 * The job belongs to its starter and to its thread, under the job's lock; who
 * leaves last frees it.  A thread of a server's process must not run handlers of
 * signals, so it blocks them all.
 *
 *-------------------------------------------------------------------------
 */
#include "job.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

struct RkJob
{
	pthread_t	thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool		finished;		/* work has returned */
	bool		abandoned;		/* nobody waits any more */
	void		(*work) (void *);
	void		(*discard) (void *);
	void	   *arg;
};

static bool any_abandoned = false;	/* of the thread that ends jobs */

static void
free_job(RkJob *job)
{
	pthread_cond_destroy(&job->changed);
	pthread_mutex_destroy(&job->lock);
	free(job);
}

static void *
run(void *opaque)
{
	RkJob	   *job = opaque;
	bool		abandoned;

	job->work(job->arg);
	pthread_mutex_lock(&job->lock);
	job->finished = true;
	abandoned = job->abandoned;
	pthread_cond_signal(&job->changed);
	pthread_mutex_unlock(&job->lock);
	if (abandoned)
	{
		job->discard(job->arg);
		free_job(job);
	}
	return NULL;
}

RkJob *
rk_job_start(void (*work) (void *), void (*discard) (void *), void *arg)
{
	RkJob	   *job = calloc(1, sizeof(RkJob));
	pthread_condattr_t attributes;
	sigset_t	all;
	sigset_t	before;
	int			rc;

	if (job == NULL)
		return NULL;
	job->work = work;
	job->discard = discard;
	job->arg = arg;
	pthread_mutex_init(&job->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&job->changed, &attributes);
	pthread_condattr_destroy(&attributes);

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&job->thread, NULL, run, job);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc != 0)
	{
		free_job(job);
		return NULL;
	}
	return job;
}

bool
rk_job_end(RkJob *job, int timeout_ms)
{
	struct timespec until;
	bool		finished;
	int			rc = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += timeout_ms / 1000;
	until.tv_nsec += (long) (timeout_ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000)
	{
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}

	pthread_mutex_lock(&job->lock);
	while (!job->finished && rc == 0)
		rc = pthread_cond_timedwait(&job->changed, &job->lock, &until);
	finished = job->finished;
	job->abandoned = !finished;
	/* The thread may free the job as soon as the lock is free. */
	if (!finished)
	{
		any_abandoned = true;
		pthread_detach(job->thread);
	}
	pthread_mutex_unlock(&job->lock);

	if (finished)
	{
		pthread_join(job->thread, NULL);
		free_job(job);
	}
	return finished;
}

bool
rk_job_abandoned(void)
{
	return any_abandoned;
}
