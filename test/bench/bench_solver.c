/*-------------------------------------------------------------------------
 *
 * bench_solver.c
 *		Seconds per iteration and objective of whole trainings.
 *
 *	bench_solver [ml1m | ml5m | ml10m | ml20m | FILE] [k] [iterations] [rounds]
 *
 * ratings.h says what the ratings are.  Rounds of all variants are interleaved
 * and the least time of each is printed, as other work on the machine only ever
 * adds; and the least processor time, all threads together, for a machine that is
 * never quiet: the threads are niced.
 *
 *-------------------------------------------------------------------------
 */
#include <sys/mman.h>

#include "kernel/kernel.h"
#include "ratings.h"
#include "solver/als.h"

typedef struct Variant
{
	const char *name;
	bool		implicit;
	bool		biases;
	RsAlsSolver solver;
	int			threads;
	double		best;			/* seconds per iteration */
	double		processor;		/* of all threads */
	double		preparing;
	double	   *loss;
} Variant;

/* Times of the ticks at which an iteration was first seen done. */
typedef struct Watch
{
	double		started;
	double		iterating;
	double		processor;		/* when iterating started */
} Watch;

static bool
watch(void *arg, const RsAlsProgress *progress)
{
	Watch	   *w = arg;

	if (progress->phase == RS_ALS_ITERATING && w->iterating == 0.0)
	{
		w->iterating = seconds(CLOCK_MONOTONIC);
		w->processor = seconds(CLOCK_PROCESS_CPUTIME_ID);
	}
	return false;
}

/* n numbers of four bytes; the solver uses them up. */
static void *
copy(const void *from, int64_t n)
{
	void	   *to = must_alloc((size_t) n * 4);

	return memcpy(to, from, (size_t) n * 4);
}

static void
run(const Data *data, Variant *variant, int k, int iterations, void *arena, size_t room)
{
	RsAlsProblem problem = {0};
	RsAlsModel	model;
	Watch		w = {0.0, 0.0, 0.0};
	size_t		bytes = 0;
	double		ended;

	problem.objective = (RsObjective) {variant->implicit, variant->biases, 0.0,
	variant->implicit ? 0.005 : 0.05, 1.0, variant->implicit ? 1.0 : 0.0,
	variant->implicit ? 0.05 : 0.0, 0.05, 0.0};
	problem.k = k;
	problem.iterations = iterations;
	problem.seed = 42;
	problem.threads = variant->threads;
	problem.solver = variant->solver;
	problem.n_users = data->n_users;
	problem.n_items = data->n_items;
	problem.user_hash = data->hash;
	problem.cells = (RsTriplets) {data->n, copy(data->user, data->n), copy(data->item, data->n),
	copy(data->value, data->n), NULL};
	if (!rs_als_memory(&problem, &bytes) || bytes > room)
		abort();
	w.started = seconds(CLOCK_MONOTONIC);
	if (rs_als_fit(&problem, arena, bytes, watch, &w, &model) != RS_OK)
		abort();
	ended = seconds(CLOCK_MONOTONIC);
	w.iterating = w.iterating == 0.0 ? ended : w.iterating;
	keep_least(&variant->best, (ended - w.iterating) / iterations);
	keep_least(&variant->processor,
			   (seconds(CLOCK_PROCESS_CPUTIME_ID) - w.processor) / iterations);
	keep_least(&variant->preparing, w.iterating - w.started);
	memcpy(variant->loss, model.loss, (size_t) iterations * sizeof(double));
	free(problem.cells.user);
	free(problem.cells.item);
	free(problem.cells.value);
}

int
main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "ml1m";
	int			k = argc > 2 ? atoi(argv[2]) : 64;
	int			iterations = argc > 3 ? atoi(argv[3]) : 5;
	int			rounds = argc > 4 ? atoi(argv[4]) : 3;
	const char *only = argc > 5 ? argv[5] : "";
	Data		data = {0};
	size_t		room = (size_t) 4 << 30;
	void	   *arena = mmap(NULL, room, PROT_READ | PROT_WRITE,
							 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	Variant		variants[] = {
		{.name = "explicit exact 1 thread", .solver = RS_ALS_EXACT, .threads = 1},
		{.name = "explicit exact", .solver = RS_ALS_EXACT, .threads = 2},
		{.name = "explicit cg", .solver = RS_ALS_CG, .threads = 2},
		{.name = "explicit auto", .solver = RS_ALS_AUTO, .threads = 2},
		{.name = "biases exact", .biases = true, .solver = RS_ALS_EXACT, .threads = 2},
		{.name = "biases cg", .biases = true, .solver = RS_ALS_CG, .threads = 2},
		{.name = "biases auto", .biases = true, .solver = RS_ALS_AUTO, .threads = 2},
		{.name = "implicit exact", .implicit = true, .solver = RS_ALS_EXACT, .threads = 2},
		{.name = "implicit cg", .implicit = true, .solver = RS_ALS_CG, .threads = 2},
		{.name = "implicit auto", .implicit = true, .solver = RS_ALS_AUTO, .threads = 2},
	};
	int			n = (int) (sizeof(variants) / sizeof(variants[0]));

	rs_kernel_init();
	load(&data, what);
	printf("%s: %lld cells, %d users, %d items, k = %d, level %d\n", what,
		   (long long) data.n, data.n_users, data.n_items, k, (int) rs_simd_level());
	for (int v = 0; v < n; v++)
		variants[v].loss = calloc((size_t) iterations, sizeof(double));
	for (int round = 0; round < rounds; round++)
	{
		for (int v = 0; v < n; v++)
		{
			if (strstr(variants[v].name, only) != NULL)
				run(&data, &variants[v], k, iterations, arena, room);
		}
	}
	for (int v = 0; v < n; v++)
	{
		if (strstr(variants[v].name, only) == NULL)
			continue;
		printf("%-24s %8.4f s per iteration (%8.4f s of processors), %6.3f s before; objective",
			   variants[v].name, variants[v].best, variants[v].processor, variants[v].preparing);
		for (int i = 0; i < iterations; i++)
			printf(" %.8g", variants[v].loss[i]);
		printf("\n");
		free(variants[v].loss);
	}
	return 0;
}
