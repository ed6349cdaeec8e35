/*-------------------------------------------------------------------------
 *
 * bench_neighbours.c
 *		Item-item weights, in turns with a training of implicit ALS.
 *
 *	bench_neighbours [ml1m | ml5m | ml10m | ml20m | wide | FILE] [rounds] [k] [iterations]
 *
 * ratings.h says what the ratings are.  Printed are the least time of all rounds, and the
 * least processor time, all threads together: see bench_solver.c.
 *
 *-------------------------------------------------------------------------
 */
#include "kernel/kernel.h"
#include "ratings.h"
#include "solver/als.h"
#include "solver/neighbours.h"

#define THREADS		2

typedef struct Timing
{
	double		started;
	double		processor;
	double		best;
	double		best_processor;
	size_t		bytes;			/* of the arena */
	void	   *arena;
} Timing;

/* The solver uses cells up. */
static RsTriplets
copy_cells(const Data *data)
{
	size_t		bytes = (size_t) data->n * 4;
	RsTriplets	cells = {data->n, must_alloc(bytes), must_alloc(bytes), must_alloc(bytes), NULL};

	memcpy(cells.user, data->user, bytes);
	memcpy(cells.item, data->item, bytes);
	memcpy(cells.value, data->value, bytes);
	return cells;
}

static void
start(Timing *t)
{
	t->arena = must_alloc(t->bytes);
	t->started = seconds(CLOCK_MONOTONIC);
	t->processor = seconds(CLOCK_PROCESS_CPUTIME_ID);
}

static void
finish(Timing *t, RsStatus status, RsTriplets *cells)
{
	keep_least(&t->best, seconds(CLOCK_MONOTONIC) - t->started);
	keep_least(&t->best_processor, seconds(CLOCK_PROCESS_CPUTIME_ID) - t->processor);
	if (status != RS_OK)
		abort();
	free(cells->user);
	free(cells->item);
	free(cells->value);
}

static void
report(const char *name, const Timing *t)
{
	printf("%-12s %8.3f s (%8.3f s of processors), %6.0f MB", name, t->best, t->best_processor,
		   (double) t->bytes / 1e6);
}

static void
run_neighbours(const Data *data, Timing *t, bool is_last)
{
	RsNeighboursProblem problem = {THREADS, data->n_users, data->n_items, data->hash,
	copy_cells(data)};
	RsNeighboursModel model;
	int64_t		longest = 0;

	if (!rs_neighbours_memory(&problem, &t->bytes))
		abort();
	start(t);
	finish(t, rs_neighbours_fit(&problem, t->arena, t->bytes, NULL, NULL, &model),
		   &problem.cells);
	for (int32_t j = 0; j < data->n_items; j++)
		longest = model.start[j + 1] - model.start[j] > longest ?
			model.start[j + 1] - model.start[j] : longest;
	if (is_last)
	{
		report("neighbours", t);
		printf(", %lld cells count, %lld weights, %lld in the longest row\n",
			   (long long) model.n_cells, (long long) model.start[data->n_items],
			   (long long) longest);
	}
	free(t->arena);
}

static void
run_als(const Data *data, Timing *t, int k, int iterations)
{
	RsAlsProblem problem = {.objective = {true, false, 0.0, 0.006, 1.0, NAN, NAN, 0.0, 0.0},
		.k = k, .iterations = iterations, .seed = 42, .threads = THREADS,
		.n_users = data->n_users, .n_items = data->n_items, .user_hash = data->hash,
	.cells = copy_cells(data)};
	RsAlsModel	model;

	if (!rs_als_memory(&problem, &t->bytes))
		abort();
	start(t);
	finish(t, rs_als_fit(&problem, t->arena, t->bytes, NULL, NULL, &model), &problem.cells);
	free(t->arena);
}

int
main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "ml1m";
	int			rounds = argc > 2 ? atoi(argv[2]) : 3;
	int			k = argc > 3 ? atoi(argv[3]) : 64;
	int			iterations = argc > 4 ? atoi(argv[4]) : 15;
	Data		data = {0};
	Timing		neighbours = {0};
	Timing		als = {0};

	rs_kernel_init();
	load(&data, what);
	printf("%s: %lld cells, %d users, %d items, level %d\n", what, (long long) data.n,
		   data.n_users, data.n_items, (int) rs_simd_level());
	for (int round = 1; round <= rounds; round++)
	{
		run_als(&data, &als, k, iterations);
		run_neighbours(&data, &neighbours, round == rounds);
	}
	report("als", &als);
	printf(", k = %d, %d iterations\n", k, iterations);
	return 0;
}
