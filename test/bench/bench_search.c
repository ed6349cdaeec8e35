/*-------------------------------------------------------------------------
 *
 * bench_search.c
 *		The search of the best items against scoring all of them, in one run.
 *
 *	bench_search [flat | ml1m | ml20m | wide | FILE] [implicit | explicit | biases]
 *				 [k] [items]
 *
 * Factors are trained on the ratings of ratings.h, or (flat) random vectors of
 * equal length, where no order helps.  Times are of one thread's processor clock;
 * users' own items are not excluded.  Every list is compared.
 *
 *-------------------------------------------------------------------------
 */
#include <pthread.h>
#include <sys/mman.h>

#include "kernel/kernel.h"
#include "kernel/search.h"
#include "ratings.h"
#include "solver/als.h"

#define TOP				10
#define USERS			200		/* that are searched for alone */
#define PLAIN_USERS		20		/* for whom all items are scored as well */
#define MANY_USERS		40000
#define ROUNDS			5

static const char *const level_names[] = {"portable", "avx2", "avx512", "avx512-vnni"};

typedef struct Model
{
	RsItems		items;
	float	   *users;			/* n_users x stride */
	int32_t		n_users;
} Model;

static float *
alloc_matrix(int32_t n, int stride)
{
	size_t		bytes = (size_t) n * (size_t) stride * sizeof(float);
	float	   *matrix = aligned_alloc(64, (bytes + 63) / 64 * 64);

	if (matrix == NULL)
		abort();
	memset(matrix, 0, bytes);
	return matrix;
}

static float *
random_matrix(int32_t n, int k, int stride)
{
	float	   *matrix = alloc_matrix(n, stride);

	for (int32_t i = 0; i < n; i++)
	{
		float	   *x = matrix + (size_t) i * (size_t) stride;
		double		sum = 0.0;

		for (int j = 0; j < k; j++)
		{
			x[j] = (float) random_normal();
			sum += (double) x[j] * (double) x[j];
		}
		for (int j = 0; j < k; j++)
			x[j] = (float) ((double) x[j] / sqrt(sum));
	}
	return matrix;
}

static void
flat_model(Model *model, int32_t n, int k)
{
	model->items = (RsItems) {.n = n, .k = k, .stride = RS_STRIDE(k)};
	model->items.factors = random_matrix(n, k, RS_STRIDE(k));
	model->n_users = MANY_USERS;
	model->users = random_matrix(MANY_USERS, k, RS_STRIDE(k));
}

static bool
never_stop(void *arg, const RsAlsProgress *progress)
{
	(void) arg;
	(void) progress;
	return false;
}

static void
train(Model *model, const char *what, const char *kind, int k)
{
	bool		implicit = strcmp(kind, "implicit") == 0;
	bool		biases = strcmp(kind, "biases") == 0;
	Data		data = {0};
	RsAlsProblem problem = {0};
	RsAlsModel	trained;
	size_t		bytes = 0;
	void	   *arena;

	load(&data, what);
	problem.objective = (RsObjective) {.implicit = implicit, .biases = biases,
		.regularization = implicit ? 0.005 : 0.05, .reg_scaling = 1.0,
		.alpha = implicit ? 1.0 : 0.0, .unobserved_weight = implicit ? 0.05 : 0.0};
	problem.k = k;
	problem.iterations = 8;
	problem.seed = 42;
	problem.threads = 2;
	problem.n_users = data.n_users;
	problem.n_items = data.n_items;
	problem.user_hash = data.hash;
	problem.cells = (RsTriplets) {data.n, data.user, data.item, data.value, NULL};
	if (!rs_als_memory(&problem, &bytes))
		abort();
	arena = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (arena == MAP_FAILED ||
		rs_als_fit(&problem, arena, bytes, never_stop, NULL, &trained) != RS_OK)
		abort();
	model->items = (RsItems) {trained.item_factors, trained.item_biases, data.n_items, k,
	RS_STRIDE(k)};
	model->users = trained.user_factors;
	model->n_users = data.n_users;
}

static const float *
user(const Model *model, int i)
{
	return model->users + (size_t) ((int64_t) i * 7919 % model->n_users) *
		(size_t) model->items.stride;
}

/* Every item through the heap. */
static void
plain_top(const Model *model, const float *x, RsScored *entries)
{
	RsTopk		topk;

	rs_topk_init(&topk, entries, TOP);
	for (int32_t i = 0; i < model->items.n; i++)
		rs_topk_push(&topk, rs_item_score(&model->items, i, x, 0.0), i);
	(void) rs_topk_finish(&topk, NULL, NULL);
}

static double
plain_time(const Model *model, RsScored (*lists)[TOP])
{
	double		start = seconds(CLOCK_THREAD_CPUTIME_ID);

	for (int i = 0; i < PLAIN_USERS; i++)
		plain_top(model, user(model, i), lists[i]);
	return (seconds(CLOCK_THREAD_CPUTIME_ID) - start) / PLAIN_USERS;
}

static int
compare_doubles(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return (x > y) - (x < y);
}

/* The middle of the users' times, each the least of some rounds. */
static double
search_time(const Model *model, const RsIndex *index, RsScored (*lists)[TOP])
{
	double		times[USERS] = {0};

	for (int round = 0; round < ROUNDS; round++)
	{
		for (int i = 0; i < USERS; i++)
		{
			double		start = seconds(CLOCK_THREAD_CPUTIME_ID);
			RsSearch	search;
			RsScored	entries[TOP];
			int32_t		n;

			if (rs_search_begin(&search, index, &model->items, user(model, i), 0.0, NULL) != RS_OK ||
				rs_search_next(&search, TOP, entries, &n, NULL, NULL) != RS_OK)
				abort();
			keep_least(&times[i], seconds(CLOCK_THREAD_CPUTIME_ID) - start);
			if (i < PLAIN_USERS &&
				memcmp(entries, lists[i], (size_t) n * sizeof(RsScored)) != 0)
				printf("WRONG: user %d\n", i);
		}
	}
	qsort(times, USERS, sizeof(double), compare_doubles);
	return times[USERS / 2];
}

typedef struct Share
{
	const Model *model;
	const RsIndex *index;
	int			first;
	int			last;
	double		processor;
} Share;

static void *
search_share(void *arg)
{
	Share	   *share = arg;
	static __thread RsSearch searches[RS_SEARCH_MANY];
	RsScored	entries[RS_SEARCH_MANY * TOP];
	int32_t		n[RS_SEARCH_MANY];
	double		start = seconds(CLOCK_THREAD_CPUTIME_ID);

	for (int i = share->first; i < share->last; i += RS_SEARCH_MANY)
	{
		int			count = share->last - i < RS_SEARCH_MANY ? share->last - i : RS_SEARCH_MANY;

		for (int u = 0; u < count; u++)
			rs_search_begin(&searches[u], share->index, &share->model->items,
							user(share->model, i + u), 0.0, NULL);
		if (rs_search_next_many(searches, count, TOP, entries, n, NULL, NULL) != RS_OK)
			abort();
	}
	share->processor = seconds(CLOCK_THREAD_CPUTIME_ID) - start;
	return NULL;
}

/* Users a second of two threads, by the clock and by the processors'. */
static void
search_everybody(const Model *model, const RsIndex *index, double *users, double *processor)
{
	int			n = model->items.n > 100000 ? MANY_USERS / 20 : MANY_USERS;
	Share		shares[2] = {{model, index, 0, n / 2, 0.0}, {model, index, n / 2, n, 0.0}};
	pthread_t	thread;
	double		start = seconds(CLOCK_MONOTONIC);

	if (pthread_create(&thread, NULL, search_share, &shares[1]) != 0)
		abort();
	search_share(&shares[0]);
	pthread_join(thread, NULL);
	*users = n / (seconds(CLOCK_MONOTONIC) - start);
	*processor = 2.0 * n / (shares[0].processor + shares[1].processor);
}

static RsIndex *
build(const Model *model)
{
	size_t		bytes;
	size_t		workspace;
	void	   *memory;
	RsIndex    *index;
	double		least = 0.0;

	if (!rs_index_size(model->items.n, model->items.k, model->items.biases != NULL, &bytes, &workspace))
		abort();
	index = aligned_alloc(RS_BLOCK, bytes);
	memory = aligned_alloc(RS_BLOCK, workspace);
	for (int round = 0; round < 3; round++)
	{
		double		start = seconds(CLOCK_THREAD_CPUTIME_ID);

		if (rs_index_build(&model->items, memory, index, NULL, NULL) != RS_OK)
			abort();
		keep_least(&least, seconds(CLOCK_THREAD_CPUTIME_ID) - start);
	}
	free(memory);
	printf("  index: %.1f ms, %.1f MB beside %.1f MB of factors\n", 1e3 * least, 1e-6 * (double) bytes,
		   1e-6 * (double) model->items.n * model->items.stride * sizeof(float));
	return index;
}

int
main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "flat";
	const char *kind = argc > 2 ? argv[2] : "implicit";
	int			k = argc > 3 ? atoi(argv[3]) : 64;
	Model		model = {0};
	RsScored	lists[PLAIN_USERS][TOP];
	RsIndex    *index;

	rs_kernel_init();
	if (strcmp(what, "flat") == 0)
		flat_model(&model, argc > 4 ? atoi(argv[4]) : 26744, k);
	else
		train(&model, what, kind, k);
	printf("%s %s: %d items, %d factors, the best %d\n", what, strcmp(what, "flat") == 0 ? "" : kind,
		   model.items.n, k, TOP);
	index = build(&model);
	for (int level = (int) rs_simd_best(); level >= 0; level--)
	{
		double		plain;
		double		search;
		double		users;
		double		processor;

		rs_simd_select((RsSimdLevel) level);
		plain = plain_time(&model, lists);
		search = search_time(&model, index, lists);
		search_everybody(&model, index, &users, &processor);
		printf("  %-12s all scored %9.1f us, searched %8.1f us (%5.1f times);"
			   " many, 2 threads: %7.0f users/s (%7.0f of processors)\n",
			   level_names[level], 1e6 * plain, 1e6 * search, plain / search, users, processor);
	}
	free(index);
	return 0;
}
