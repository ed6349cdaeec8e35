/*-------------------------------------------------------------------------
 *
 * bench_solver.c
 *		Seconds per iteration and objective of whole trainings.
 *
 *	bench_solver [ml1m | ml5m | ml10m | ml20m | FILE] [k] [iterations] [rounds]
 *
 * Synthetic ratings with the shape of the MovieLens sets: users' and items'
 * counts follow power laws, a planted model of rank 16 with noise gives half
 * stars.  FILE is "user,item,rating" with a line of names.  Rounds of all
 * variants are interleaved and the least time of each is printed, as other
 * work on the machine only ever adds; and the least processor time, all threads
 * together, for a machine that is never quiet: the threads are niced.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "kernel/kernel.h"
#include "kernel/rng.h"
#include "solver/als.h"

#define PLANTED_RANK	16

typedef struct Data
{
	int32_t		n_users;
	int32_t		n_items;
	int64_t		n;
	int32_t    *user;
	int32_t    *item;
	float	   *value;
	uint64_t   *hash;
} Data;

typedef struct Shape
{
	const char *name;
	int32_t		n_users;
	int32_t		n_items;
	int64_t		n;
	int			user_least;
} Shape;

static const Shape shapes[] = {
	{"ml1m", 6040, 3706, 1000209, 20},
	{"ml5m", 34623, 13372, 5000066, 20},
	{"ml10m", 69246, 20020, 10000131, 20},
	{"ml20m", 138493, 26744, 20000263, 20}
};

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

static uint64_t random_state = 42;

static double
random_unit(void)
{
	random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (double) (random_state >> 11) * 0x1p-53;
}

static double
random_normal(void)
{
	return sqrt(-2.0 * log(random_unit() + 1e-300)) * cos(6.283185307179586 * random_unit());
}

static double
seconds(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (double) now.tv_sec + 1e-9 * (double) now.tv_nsec;
}

static void
keep_least(double *least, double value)
{
	if (*least == 0.0 || value < *least)
		*least = value;
}

static void *
must_alloc(size_t bytes)
{
	void	   *p = malloc(bytes);

	if (p == NULL)
		abort();
	return p;
}

static float *
planted_factors(int32_t n)
{
	float	   *x = must_alloc((size_t) n * PLANTED_RANK * sizeof(float));

	for (size_t i = 0; i < (size_t) n * PLANTED_RANK; i++)
		x[i] = (float) (random_normal() / 4.0);
	return x;
}

static float
planted_rating(const float *x, const float *y)
{
	double		score = 3.5 + 0.5 * random_normal();

	for (int j = 0; j < PLANTED_RANK; j++)
		score += 1.5 * (double) x[j] * (double) y[j];
	score = round(score * 2.0) / 2.0;
	return (float) fmin(5.0, fmax(0.5, score));
}

/* An item's popularity falls with its rank as a power; users differ log-normally. */
static void
generate(Data *data, const Shape *shape)
{
	float	   *x = planted_factors(shape->n_users);
	float	   *y = planted_factors(shape->n_items);
	double	   *sums = must_alloc(((size_t) shape->n_items + 1) * sizeof(double));
	double	   *activity = must_alloc((size_t) shape->n_users * sizeof(double));
	char	   *seen = calloc((size_t) shape->n_items, 1);
	int32_t    *taken = must_alloc((size_t) shape->n_items * sizeof(int32_t));
	double		total = 0.0;

	sums[0] = 0.0;
	for (int32_t i = 0; i < shape->n_items; i++)
		sums[i + 1] = sums[i] + exp(-10.0 * pow((double) i / shape->n_items, 0.55));
	for (int32_t u = 0; u < shape->n_users; u++)
		total += activity[u] = exp(1.3 * random_normal());
	for (int32_t u = 0; u < shape->n_users; u++)
	{
		int64_t		spare = shape->n - (int64_t) shape->user_least * shape->n_users;
		int64_t		want = shape->user_least + (int64_t) (activity[u] / total * (double) spare);
		int64_t		n = 0;

		want = want > shape->n_items / 3 ? shape->n_items / 3 : want;
		for (int64_t tries = 0; n < want && tries < 20 * want && data->n < shape->n; tries++)
		{
			double		at = random_unit() * sums[shape->n_items];
			int32_t		low = 0;
			int32_t		high = shape->n_items;

			while (high - low > 1)
			{
				int32_t		middle = low + (high - low) / 2;

				if (sums[middle] <= at)
					low = middle;
				else
					high = middle;
			}
			if (seen[low])
				continue;
			seen[low] = 1;
			taken[n++] = low;
			data->user[data->n] = u;
			data->item[data->n] = (int32_t) ((int64_t) low * 7919 % shape->n_items);
			data->value[data->n++] = planted_rating(x + (size_t) u * PLANTED_RANK,
													y + (size_t) low * PLANTED_RANK);
		}
		while (n > 0)
			seen[taken[--n]] = 0;
	}
	free(x);
	free(y);
	free(sums);
	free(activity);
	free(seen);
	free(taken);
}

static void
allocate(Data *data, int64_t room)
{
	data->user = must_alloc((size_t) room * sizeof(int32_t));
	data->item = must_alloc((size_t) room * sizeof(int32_t));
	data->value = must_alloc((size_t) room * sizeof(float));
}

static void
read_file(Data *data, const char *name)
{
	FILE	   *file = fopen(name, "r");
	char		line[256];

	if (file == NULL)
	{
		perror(name);
		exit(1);
	}
	allocate(data, 30000000);
	while (fgets(line, sizeof(line), file) != NULL && data->n < 30000000)
	{
		int			user;
		int			item;
		float		value;

		if (sscanf(line, "%d,%d,%f", &user, &item, &value) != 3)
			continue;
		data->user[data->n] = user;
		data->item[data->n] = item;
		data->value[data->n++] = value;
		data->n_users = user >= data->n_users ? user + 1 : data->n_users;
		data->n_items = item >= data->n_items ? item + 1 : data->n_items;
	}
	fclose(file);
}

static void
load(Data *data, const char *what)
{
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
	{
		if (strcmp(what, shapes[i].name) == 0)
		{
			data->n_users = shapes[i].n_users;
			data->n_items = shapes[i].n_items;
			allocate(data, shapes[i].n);
			generate(data, &shapes[i]);
		}
	}
	if (data->n == 0)
		read_file(data, what);
	data->hash = must_alloc((size_t) data->n_users * sizeof(uint64_t));
	for (int32_t u = 0; u < data->n_users; u++)
		data->hash[u] = rs_hash_int((uint64_t) u, 0);
}

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
	variant->implicit ? 0.05 : 0.0};
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
