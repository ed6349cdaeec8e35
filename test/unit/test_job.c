/*-------------------------------------------------------------------------
 *
 * test_job.c
 *		A job that ends, and one that is left to itself.
 *
 *-------------------------------------------------------------------------
 */
#include "unit.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "kafka_ingest/job.h"

typedef struct Work
{
	int			go[2];			/* pipe: the work ends when it can be read */
	int			discarded[2];	/* pipe: can be read once discard was called */
	bool		blocked;		/* were signals? */
} Work;

static void
work(void *arg)
{
	Work	   *w = arg;
	sigset_t	mask;
	char		byte;

	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	w->blocked = sigismember(&mask, SIGTERM) == 1;
	if (read(w->go[0], &byte, 1) != 1)
		abort();
}

static void
discard(void *arg)
{
	if (write(((Work *) arg)->discarded[1], "1", 1) != 1)
		abort();
}

static void
begin(Work *w)
{
	memset(w, 0, sizeof(*w));
	if (pipe(w->go) != 0 || pipe(w->discarded) != 0)
		abort();
}

static bool
was_discarded(Work *w, int timeout_ms)
{
	struct pollfd pfd = {w->discarded[0], POLLIN, 0};

	return poll(&pfd, 1, timeout_ms) == 1;
}

static void
test_ends(void)
{
	Work		w;
	RkJob	   *job;
	sigset_t	mask;

	begin(&w);
	job = rk_job_start(work, discard, &w);
	CHECK(job != NULL);
	CHECK(write(w.go[1], "1", 1) == 1);
	CHECK(rk_job_end(job, 60000));
	CHECK(w.blocked);
	CHECK(!was_discarded(&w, 0));
	/* Ours are as they were. */
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	CHECK(sigismember(&mask, SIGTERM) == 0);
}

static void
test_left(void)
{
	Work		w;
	RkJob	   *job;

	begin(&w);
	job = rk_job_start(work, discard, &w);
	CHECK(!rk_job_abandoned());
	CHECK(!rk_job_end(job, 10));
	CHECK(rk_job_abandoned());
	CHECK(!was_discarded(&w, 0));
	CHECK(write(w.go[1], "1", 1) == 1);
	CHECK(was_discarded(&w, 60000));
}

int
main(void)
{
	test_ends();
	test_left();
	return unit_report("test_job");
}
