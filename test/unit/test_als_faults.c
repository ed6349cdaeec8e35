/*-------------------------------------------------------------------------
 *
 * test_als_faults.c
 *		Trainings on degenerate data, with too little memory, and stopped half-way.
 *
 *-------------------------------------------------------------------------
 */
#include "training.h"

/* ---- degenerate data ----------------------------------------------------- */

static bool
is_finite_model(const Training *t)
{
	const RsAlsModel *m = &t->model;

	for (int i = 0; i < t->problem.n_users * m->stride; i++)
	{
		if (!isfinite(m->user_factors[i]))
			return false;
	}
	for (int i = 0; i < t->problem.n_items * m->stride; i++)
	{
		if (!isfinite(m->item_factors[i]))
			return false;
	}
	for (int i = 0; i < m->iterations; i++)
	{
		if (!isfinite(m->loss[i]) || m->loss[i] < 0.0)
			return false;
	}
	return true;
}

static void
test_shapes(void)
{
	static const int32_t shapes[][2] = {{1, 1}, {1, 9}, {9, 1}, {5, 4}};

	for (int s = 0; s < 4; s++)
	{
		for (int kind = 0; kind < 6; kind++)
		{
			bool		implicit = kind % 2 == 1;
			Training	t;

			/* more factors than users or items; all zero, all equal, or any */
			training_init(&t, shapes[s][0], shapes[s][1], 20, 16, implicit);
			for (int32_t u = 0; u < shapes[s][0]; u++)
			{
				for (int32_t i = 0; i < shapes[s][1]; i++)
					add_cell(&t, u, i, kind < 2 ? 0.0f : kind < 4 ? 2.0f : (float) (u + i));
			}
			fit(&t, NULL, NULL);
			CHECK(t.status == RS_OK && is_finite_model(&t) && t.model.iterations == 6);
			if (kind < 4 && !implicit)
				CHECK(t.model.loss[5] < 1e-9);
			if (kind == 1)
				CHECK(t.model.n_cells == 0 && t.model.loss[5] == 0.0);
			training_free(&t);
		}
	}
}

static void
test_no_cells(void)
{
	Training	t;

	training_init(&t, 3, 3, 1, 4, false);
	fit(&t, NULL, NULL);
	CHECK(t.status == RS_OK && t.model.objective.mean == 0.0 && t.model.loss[0] == 0.0);
	training_free(&t);
}

static void
test_singular(void)
{
	for (int implicit = 0; implicit < 2; implicit++)
	{
		for (int threads = 1; threads <= 4; threads *= 4)
		{
			Training	t;

			/* More factors than users: no item has a unique solution. */
			training_init(&t, 5, 60, 300, 8, implicit);
			fill_random(&t, 100);
			t.problem.objective.regularization = 0.0;
			t.problem.threads = threads;
			fit(&t, NULL, NULL);
			CHECK(t.status == RS_NOT_POSITIVE_DEFINITE);
			CHECK(!t.model.failed_is_user && t.model.failed_row == 1);
			CHECK(t.model.iterations == 0);
			training_free(&t);
		}
	}
}

static void
test_scales(void)
{
	static const float scales[] = {1e30f, 1e-30f, 3e38f, 1e-44f, 1e12f};

	for (int s = 0; s < 5; s++)
	{
		for (int kind = 0; kind < 4; kind++)
		{
			Training	t;

			training_init(&t, 30, 20, 600, 4, kind % 2 == 1);
			fill_random(&t, 50);
			for (int64_t i = 0; i < t.problem.cells.n; i++)
			{
				/* all of them, or a few among ordinary ones */
				if (kind < 2 || i % 17 == 0)
					t.value[i] *= scales[s] / 5.0f;
			}
			fit(&t, NULL, NULL);
			CHECK(t.status == RS_OK || t.status == RS_NOT_FINITE ||
				  t.status == RS_NOT_POSITIVE_DEFINITE);
			if (t.status == RS_OK)
				CHECK(is_finite_model(&t));
			else
				CHECK(t.model.failed_row >= 0);
			training_free(&t);
		}
	}
}

static void
test_tolerance(void)
{
	Training	t;

	training_init(&t, 40, 30, 1200, 4, false);
	fill_random(&t, 30);
	t.problem.iterations = 1000;
	t.problem.tolerance = 1e-3;
	fit(&t, NULL, NULL);
	CHECK(t.status == RS_OK && t.model.iterations > 2 && t.model.iterations < 200);
	for (int i = 1; i < t.model.iterations; i++)
	{
		bool		small = t.model.loss[i - 1] - t.model.loss[i] <= 1e-3 * t.model.loss[i - 1];

		CHECK(small == (i == t.model.iterations - 1));
	}
	training_free(&t);
}

/* ---- arguments and memory ------------------------------------------------ */

static void
test_memory(void)
{
	Training	t;
	size_t		bytes;
	RsAlsProblem p;

	training_init(&t, 10, 10, 100, 4, false);
	fill_random(&t, 50);
	fit(&t, NULL, NULL);
	CHECK(t.status == RS_OK);
	CHECK(rs_als_fit(&t.problem, t.arena, t.bytes - 128, NULL, NULL, &t.model) == RS_OUT_OF_MEMORY);
	CHECK(rs_als_fit(&t.problem, t.arena, 0, NULL, NULL, &t.model) == RS_OUT_OF_MEMORY);
	CHECK(rs_als_fit(&t.problem, NULL, 0, NULL, NULL, &t.model) == RS_INVALID);

	p = t.problem;
	p.cells.n = INT64_MAX;
	CHECK(!rs_als_memory(&p, &bytes));
	p.cells.n = INT64_MAX / 4;
	CHECK(!rs_als_memory(&p, &bytes));
	p = t.problem;
	p.n_users = p.n_items = INT32_MAX;
	p.k = 1024;
	CHECK(rs_als_memory(&p, &bytes) && bytes > (size_t) 2 * INT32_MAX * 4096);
	p = t.problem;
	p.k = 0;
	CHECK(!rs_als_memory(&p, &bytes));
	p.k = 1025;
	CHECK(!rs_als_memory(&p, &bytes));
	p = t.problem;
	p.objective.regularization = -1.0;
	CHECK(rs_als_fit(&p, t.arena, t.bytes, NULL, NULL, &t.model) == RS_INVALID);
	p.objective.regularization = INFINITY;
	CHECK(rs_als_fit(&p, t.arena, t.bytes, NULL, NULL, &t.model) == RS_INVALID);
	t.user[3] = 10;
	CHECK(rs_als_fit(&t.problem, t.arena, t.bytes, NULL, NULL, &t.model) == RS_INVALID);
	t.user[3] = 7;
	t.value[3] = NAN;
	CHECK(rs_als_fit(&t.problem, t.arena, t.bytes, NULL, NULL, &t.model) == RS_NOT_FINITE);
	CHECK(t.model.failed_is_user && t.model.failed_row == 7);
	training_free(&t);
}

/* ---- threads and ticks --------------------------------------------------- */

/* Does a thread block every signal that can be blocked, and run niced? */
static bool
is_pool_thread(const char *id)
{
	char		name[300];
	char		line[200];
	uint64_t	blocked = 0;
	FILE	   *status;

	snprintf(name, sizeof(name), "/proc/self/task/%s/status", id);
	status = fopen(name, "r");
	while (status != NULL && fgets(line, sizeof(line), status) != NULL)
	{
		if (strncmp(line, "SigBlk:", 7) == 0)
			blocked = strtoull(line + 7, NULL, 16);
	}
	if (status != NULL)
		fclose(status);
	for (int s = 1; s < 32; s++)
	{
		if (s != SIGKILL && s != SIGSTOP && (blocked >> (s - 1) & 1) == 0)
			return false;
	}
	return getpriority(PRIO_PROCESS, (id_t) atoi(id)) >= 10;
}

/* All threads of the process, or the pool's. */
static int
count_tasks(bool pool)
{
	DIR		   *tasks = opendir("/proc/self/task");
	struct dirent *entry;
	int			n = 0;

	while (tasks != NULL && (entry = readdir(tasks)) != NULL)
		n += entry->d_name[0] != '.' && (!pool || is_pool_thread(entry->d_name));
	if (tasks != NULL)
		closedir(tasks);
	return n;
}

static int
count_threads(void)
{
	return count_tasks(false);
}

/* A joined thread may still be listed until the kernel has taken it away. */
static int
count_threads_down_to(int expected)
{
	int			n = count_threads();

	for (time_t end = time(NULL) + 10; n > expected && time(NULL) < end;)
		n = count_threads();
	return n;
}

typedef struct Watch
{
	pthread_t	caller;
	int			most_threads;
	int			most_in_pool;
	int			stop_at;		/* finished iterations; -1 = never */
	long		ticks;
	int			iteration;
	bool		sane;
} Watch;

static bool
watch(void *arg, const RsAlsProgress *progress)
{
	Watch	   *w = arg;
	int			threads = count_threads();
	int			in_pool = count_tasks(true);

	w->ticks++;
	if (in_pool > w->most_in_pool)
		w->most_in_pool = in_pool;
	if (threads > w->most_threads)
		w->most_threads = threads;
	if (!pthread_equal(w->caller, pthread_self()) || progress->iteration < w->iteration ||
		progress->rows_done < 0 || progress->rows_done > 400000 ||
		(progress->iteration > 0 && !(progress->loss > 0.0)))
		w->sane = false;
	w->iteration = progress->iteration;
	return w->stop_at >= 0 && progress->phase == RS_ALS_ITERATING &&
		progress->iteration >= w->stop_at;
}

static void
test_ticks(void)
{
	Training	t;
	int			before;

	training_init(&t, 200, 150, 30000, 16, true);
	fill_random(&t, 30);
	t.problem.threads = 3;

	/* A sanitizer starts a thread of its own when the first thread starts. */
	fit(&t, NULL, NULL);
	before = count_threads_down_to(1);
	for (int stop_at = -1; stop_at <= 4; stop_at++)
	{
		Watch		w = {pthread_self(), 0, 0, stop_at, 0, 0, true};

		fit(&t, watch, &w);
		CHECK(t.status == (stop_at < 0 ? RS_OK : RS_STOPPED));
		CHECK(w.sane && w.ticks > 0);
		CHECK(w.most_threads == before + 3 && w.most_in_pool == 3);
		CHECK(count_threads_down_to(before) == before);
		CHECK(t.model.iterations == (stop_at < 0 ? 6 : stop_at));
	}
	training_free(&t);
}

/* Rounding and signal mask of the caller reach neither the threads nor change. */
static void
test_environment(void)
{
	Training	plain;
	Training	other;
	sigset_t	before;
	sigset_t	after;
	sigset_t	original;

	sigemptyset(&before);
	sigaddset(&before, SIGUSR1);
	pthread_sigmask(SIG_SETMASK, &before, &original);
	training_init(&plain, 40, 30, 1200, 8, false);
	fill_random(&plain, 40);
	fit(&plain, NULL, NULL);
	copy_shuffled(&other, &plain);
	fesetround(FE_UPWARD);
	fit(&other, NULL, NULL);
	CHECK(fegetround() == FE_UPWARD);
	fesetround(FE_TONEAREST);
	pthread_sigmask(SIG_SETMASK, &original, &after);
	for (int s = 1; s < 32; s++)
		CHECK(sigismember(&before, s) == sigismember(&after, s));
	CHECK(same_model(&plain, &other));
	training_free(&plain);
	training_free(&other);
}

int
main(void)
{
	rs_kernel_init();
	test_shapes();
	test_no_cells();
	test_singular();
	test_scales();
	test_tolerance();
	test_memory();
	test_ticks();
	test_environment();
	return unit_report("als_faults");
}
