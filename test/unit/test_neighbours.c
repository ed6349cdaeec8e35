/*-------------------------------------------------------------------------
 *
 * test_neighbours.c
 *		Item-item weights against the formula, target by target in double; the same
 *		bits for any threads and order; faults.
 *
 *-------------------------------------------------------------------------
 */
#include "eliminate.h"
#include "kernel/rng.h"
#include "shuffle.h"
#include "solver/neighbours.h"
#include "unit.h"

/* What solver/neighbours.c and solver/cooccur.c say. */
enum
{
	NEIGHBOURS = 50, HISTORY_MOST = 500
};

/* A problem with room for its cells, and its result. */
typedef struct Case
{
	RsNeighboursProblem problem;
	RsNeighboursModel model;
	RsStatus	status;
	uint64_t   *hash;
	void	   *arena;
	size_t		bytes;
} Case;

static void
case_init(Case *c, int32_t n_users, int32_t n_items, int64_t room)
{
	memset(c, 0, sizeof(*c));
	c->hash = unit_alloc((size_t) n_users * sizeof(uint64_t));
	for (int32_t u = 0; u < n_users; u++)
		c->hash[u] = rs_hash_int((uint64_t) u, 0);
	c->problem = (RsNeighboursProblem) {2, n_users, n_items, c->hash, {
		0, unit_alloc((size_t) room * sizeof(int32_t)), unit_alloc((size_t) room * sizeof(int32_t)),
			unit_alloc((size_t) room * sizeof(float)), NULL}};
}

static void
case_free(Case *c)
{
	free(c->hash);
	free(c->problem.cells.user);
	free(c->problem.cells.item);
	free(c->problem.cells.value);
	free(c->arena);
}

static void
add_cell(Case *c, int32_t user, int32_t item, float value)
{
	RsTriplets *cells = &c->problem.cells;

	cells->user[cells->n] = user;
	cells->item[cells->n] = item;
	cells->value[cells->n++] = value;
}

static void *
copy(const void *from, int64_t n)
{
	return memcpy(unit_alloc((size_t) n * 4), from, (size_t) n * 4);
}

static void
fit(Case *c, RsAlsTick tick, void *arg)
{
	RsNeighboursProblem problem = c->problem;
	RsTriplets *cells = &problem.cells;

	cells->user = copy(cells->user, cells->n);
	cells->item = copy(cells->item, cells->n);
	cells->value = copy(cells->value, cells->n);
	CHECK(rs_neighbours_memory(&c->problem, &c->bytes));
	free(c->arena);
	c->arena = malloc(c->bytes);
	if (c->bytes < 100000000)
		memset(c->arena, 0x7f, c->bytes);
	c->status = rs_neighbours_fit(&problem, c->arena, c->bytes, tick, arg, &c->model);
	free(cells->user);
	free(cells->item);
	free(cells->value);
}

/* Items unevenly popular; one user in 16 likes ten times as many. */
static void
fill_random(Case *c, int32_t each)
{
	char	   *seen = unit_alloc((size_t) c->problem.n_items);

	for (int32_t u = 0; u < c->problem.n_users; u++)
	{
		int32_t		n = u % 16 == 3 ? 10 * each : each;

		memset(seen, 0, (size_t) c->problem.n_items);
		for (int32_t i = 0; i < n; i++)
		{
			uint32_t	most = 1 + unit_random((uint32_t) c->problem.n_items);
			int32_t		item = (int32_t) unit_random(most);

			if (!seen[item])
				add_cell(c, u, item, 1.0f + unit_random_float() / 2.0f);
			seen[item] = 1;
		}
	}
	free(seen);
}

/* ---- the formula --------------------------------------------------------------- */

/* Likes that count, as a dense matrix, and what follows from them. */
typedef struct Reference
{
	int32_t		n_users;
	int32_t		n_items;
	bool	   *likes;			/* n_users x n_items */
	double	   *weight;			/* of a user */
	int32_t    *users;			/* of an item */
	double	   *popularity;		/* C_jj */
	double		ridge;
	int64_t		n_cells;
} Reference;

static void
count_user(Reference *r, const Case *c, int32_t u)
{
	bool	   *likes = r->likes + (size_t) u * (size_t) r->n_items;
	int64_t		n = 0;
	double		limit;

	for (int32_t i = 0; i < r->n_items; i++)
		n += likes[i];
	limit = n > HISTORY_MOST ? 0x1p64 * HISTORY_MOST / (double) n : 0x1p64;
	n = 0;
	for (int32_t i = 0; i < r->n_items; i++)
	{
		likes[i] = likes[i] && (double) rs_hash_int((uint64_t) i, c->hash[u]) <= limit;
		n += likes[i];
		r->users[i] += likes[i];
	}
	r->weight[u] = n > 0 ? pow((double) n, -0.3) : 0.0;
	r->n_cells += n;
}

/* Weights in whole units, so that sums are exact and ties are ties. */
static void
weigh(Reference *r)
{
	int32_t		most = 1;
	double		sum = 0.0;
	int32_t		users = 0;
	int32_t		items = 0;
	double		unit;

	for (int32_t i = 0; i < r->n_items; i++)
	{
		most = r->users[i] > most ? r->users[i] : most;
		items += r->users[i] > 0;
	}
	unit = ldexp(1.0, 30 - ilogb(most) < 24 ? 30 - ilogb(most) : 24);
	for (int32_t u = 0; u < r->n_users; u++)
	{
		r->weight[u] = rint(unit * r->weight[u]);
		sum += r->weight[u];
		users += r->weight[u] > 0.0;
	}
	r->ridge = users == 0 ? 0.0 : (double) r->n_cells / items * (sum / users);
}

static void
reference_init(Reference *r, const Case *c)
{
	size_t		users = (size_t) c->problem.n_users;
	size_t		items = (size_t) c->problem.n_items;

	*r = (Reference) {c->problem.n_users, c->problem.n_items,
		unit_alloc(users * items * sizeof(bool)), unit_alloc(users * sizeof(double)),
	unit_alloc(items * sizeof(int32_t)), unit_alloc(items * sizeof(double)), 0.0, 0};
	for (int64_t n = 0; n < c->problem.cells.n; n++)
		r->likes[(size_t) c->problem.cells.user[n] * items + (size_t) c->problem.cells.item[n]] =
			c->problem.cells.value[n] > 0.0f;
	for (int32_t u = 0; u < r->n_users; u++)
		count_user(r, c, u);
	weigh(r);
	for (int32_t u = 0; u < r->n_users; u++)
	{
		for (size_t i = 0; i < items; i++)
			r->popularity[i] += r->likes[(size_t) u * items + i] ? r->weight[u] : 0.0;
	}
}

static void
reference_free(Reference *r)
{
	free(r->likes);
	free(r->weight);
	free(r->users);
	free(r->popularity);
}

static double
element(const Reference *r, int32_t i, int32_t j)
{
	double		sum = 0.0;

	for (int32_t u = 0; u < r->n_users; u++)
	{
		const bool *likes = r->likes + (size_t) u * (size_t) r->n_items;

		sum += likes[i] && likes[j] ? r->weight[u] : 0.0;
	}
	return sum;
}

/* Is item a, of this score, a better neighbour than b? */
static bool
is_better(const Reference *r, float score, int32_t a, float than, int32_t b)
{
	if (score != than)
		return score > than;
	return r->users[a] != r->users[b] ? r->users[a] > r->users[b] : a < b;
}

/* The neighbours of an item, best first; how many. */
static int
find_neighbours(const Reference *r, int32_t target, int32_t *neighbour, double *value)
{
	double	   *row = unit_alloc((size_t) r->n_items * sizeof(double));
	float		score[NEIGHBOURS + 1];
	int			n = 0;

	for (int32_t u = 0; u < r->n_users; u++)
	{
		const bool *likes = r->likes + (size_t) u * (size_t) r->n_items;

		for (int32_t j = 0; j < r->n_items && likes[target]; j++)
			row[j] += likes[j] ? r->weight[u] : 0.0;
	}
	for (int32_t j = 0; j < r->n_items; j++)
	{
		float		s = j == target || row[j] == 0.0 ? 0.0f :
			(float) row[j] * (float) (1.0 / sqrt(r->popularity[j]));
		int			at = n;

		if (s == 0.0f)
			continue;
		for (; at > 0 && is_better(r, s, j, score[at - 1], neighbour[at - 1]); at--)
		{
			score[at] = score[at - 1];
			neighbour[at] = neighbour[at - 1];
		}
		score[at] = s;
		neighbour[at] = j;
		n += n < NEIGHBOURS;
	}
	for (int i = 0; i < n; i++)
		value[i] = row[neighbour[i]];
	free(row);
	return n;
}

/* The weight of a source for a target, or NaN. */
static double
weight_of(const RsNeighboursModel *m, int32_t source, int32_t target)
{
	for (int64_t at = m->start[source]; at < m->start[source + 1]; at++)
	{
		if (m->item[at] == target)
			return (double) m->weight[at];
	}
	return NAN;
}

/* How many neighbours a target has; their weights are those of the formula. */
static int
check_target(const Reference *r, const RsNeighboursModel *m, int32_t target)
{
	int32_t		neighbour[NEIGHBOURS + 1];
	double		value[NEIGHBOURS + 1];
	int			n = find_neighbours(r, target, neighbour, value);
	double	   *a = unit_alloc((size_t) n * (size_t) (n + 1) * sizeof(double));
	double		x[NEIGHBOURS];

	for (int i = 0; i < n; i++)
	{
		for (int j = 0; j < n; j++)
			a[i * (n + 1) + j] = element(r, neighbour[i], neighbour[j]) + (i == j ? r->ridge : 0.0);
		a[i * (n + 1) + n] = value[i];
	}
	eliminate(a, n, x);
	for (int i = 0; i < n; i++)
		CHECK_NEAR(weight_of(m, neighbour[i], target), x[i], 1e-5);
	free(a);
	return n;
}

/* Rows ascend; every step-th target is as the formula says, and all if step is 1. */
static void
check_model(const Case *c, int32_t step)
{
	const RsNeighboursModel *m = &c->model;
	Reference	r;
	int64_t		n = 0;

	CHECK(c->status == RS_OK && m->start[0] == 0);
	reference_init(&r, c);
	CHECK(m->n_cells == r.n_cells);
	for (int32_t j = 0; j < c->problem.n_items; j++)
	{
		for (int64_t at = m->start[j]; at < m->start[j + 1]; at++)
		{
			CHECK(m->item[at] != j && isfinite(m->weight[at]));
			CHECK(at == m->start[j] || m->item[at] > m->item[at - 1]);
		}
	}
	for (int32_t i = 0; i < c->problem.n_items; i += step)
		n += check_target(&r, m, i);
	CHECK(step > 1 || m->start[c->problem.n_items] == n);
	reference_free(&r);
}

static void
test_formula(int32_t n_users, int32_t n_items, int32_t each, int32_t step)
{
	Case		c;

	case_init(&c, n_users, n_items, (int64_t) n_users * (each + each));
	fill_random(&c, each);
	fit(&c, NULL, NULL);
	check_model(&c, step);
	case_free(&c);
}

/* ---- the same bits ---------------------------------------------------------------- */

static bool
same_model(const Case *a, const Case *b)
{
	int32_t		n = a->problem.n_items;
	size_t		weights = (size_t) a->model.start[n];

	return a->status == RS_OK && b->status == RS_OK &&
		memcmp(a->model.start, b->model.start, ((size_t) n + 1) * sizeof(int64_t)) == 0 &&
		memcmp(a->model.item, b->model.item, weights * sizeof(int32_t)) == 0 &&
		memcmp(a->model.weight, b->model.weight, weights * sizeof(float)) == 0;
}

/* Threads, order, values, and repeated cells change nothing; dislikes are no likes. */
static void
test_same_bits(void)
{
	Case		plain;
	Case		other;

	case_init(&plain, 200, 1500, 20000);
	case_init(&other, 200, 1500, 80000);
	fill_random(&plain, 40);
	fit(&plain, NULL, NULL);
	for (int64_t n = 0; n < plain.problem.cells.n; n++)
	{
		int32_t		user = plain.problem.cells.user[n];
		int32_t		item = plain.problem.cells.item[n];

		add_cell(&other, user, item, 5.0f);
		if (n % 3 == 0)
			add_cell(&other, user, item, -4.0f);
	}
	for (int32_t i = 0; i < 1500; i++)
	{
		/* user 199 - i % 7 dislikes what they did not like, or says nothing of it */
		bool		known = false;

		for (int64_t n = 0; n < plain.problem.cells.n; n++)
			known = known || (plain.problem.cells.user[n] == 199 - i % 7 &&
							  plain.problem.cells.item[n] == i);
		if (!known)
			add_cell(&other, 199 - i % 7, i, i % 2 == 0 ? -1.0f : 0.0f);
	}
	for (int threads = 1; threads <= 5; threads += 2)
	{
		shuffle_triplets(&other.problem.cells);
		other.problem.threads = threads;
		fit(&other, NULL, NULL);
		CHECK(same_model(&plain, &other));
	}
	case_free(&plain);
	case_free(&other);
}

/* ---- degenerate data ---------------------------------------------------------------- */

static void
test_shapes(void)
{
	static const int32_t shapes[][2] = {{1, 1}, {1, 9}, {9, 1}, {5, 60}, {700, 3}};

	for (int s = 0; s < 5; s++)
	{
		for (int kind = 0; kind < 3; kind++)
		{
			Case		c;

			/* no cell; everybody likes everything; everybody likes one item each */
			case_init(&c, shapes[s][0], shapes[s][1], (int64_t) shapes[s][0] * shapes[s][1]);
			for (int32_t u = 0; u < shapes[s][0]; u++)
			{
				for (int32_t i = 0; i < shapes[s][1]; i++)
				{
					if (kind == 1 || (kind == 2 && i == u % shapes[s][1]))
						add_cell(&c, u, i, 1.0f);
				}
			}
			fit(&c, NULL, NULL);
			check_model(&c, 1);
			if (kind != 1)
				CHECK(c.model.start[shapes[s][1]] == 0);
			case_free(&c);
		}
	}
}

/* Columns that are equal have equal weights, whatever their number. */
static void
test_equal_columns(void)
{
	Case		c;

	case_init(&c, 3000, 40, 3000 * 40);
	for (int32_t u = 0; u < 3000; u++)
	{
		for (int32_t i = 0; i < 40; i++)
		{
			if (i < 30 || u == i)
				add_cell(&c, u, i, 1.0f);
		}
	}
	fit(&c, NULL, NULL);
	check_model(&c, 1);
	CHECK_NEAR(weight_of(&c.model, 3, 0), weight_of(&c.model, 17, 0), 1e-5);
	case_free(&c);
}

/* ---- faults ---------------------------------------------------------------------------- */

static void
test_refusals(void)
{
	Case		c;
	size_t		bytes;
	RsNeighboursProblem p;

	case_init(&c, 30, 80, 1000);
	fill_random(&c, 10);
	fit(&c, NULL, NULL);
	p = c.problem;
	CHECK(rs_neighbours_fit(&p, c.arena, c.bytes - 128, NULL, NULL, &c.model) == RS_OUT_OF_MEMORY);
	CHECK(rs_neighbours_fit(&p, NULL, 0, NULL, NULL, &c.model) == RS_INVALID);
	p.threads = 0;
	CHECK(!rs_neighbours_memory(&p, &bytes));
	CHECK(rs_neighbours_fit(&p, c.arena, c.bytes, NULL, NULL, &c.model) == RS_INVALID);
	p = c.problem;
	p.cells.n = INT64_MAX / 4;
	CHECK(!rs_neighbours_memory(&p, &bytes));
	c.problem.cells.item[3] = 80;
	fit(&c, NULL, NULL);
	CHECK(c.status == RS_INVALID);
	c.problem.cells.item[3] = 7;
	c.problem.cells.user[3] = 9;
	c.problem.cells.value[3] = NAN;
	fit(&c, NULL, NULL);
	CHECK(c.status == RS_NOT_FINITE && c.model.failed_user == 9);
	case_free(&c);
}

typedef struct Watch
{
	RsAlsPhase	phase;			/* stop here, */
	int64_t		rows;			/* when so many are done */
	int64_t		last;
	bool		sane;
} Watch;

static bool
watch(void *arg, const RsAlsProgress *progress)
{
	Watch	   *w = arg;

	w->sane = w->sane && progress->rows_done >= w->last && progress->rows_done <= progress->rows_total;
	w->last = progress->rows_done;
	return progress->phase == w->phase && progress->rows_done >= w->rows;
}

static void
test_ticks(void)
{
	static const int64_t stops[] = {0, 1, 800, 1600, INT64_MAX};
	Case		c;

	case_init(&c, 100, 800, 10000);
	fill_random(&c, 40);
	for (int s = 0; s < 5; s++)
	{
		Watch		w = {RS_ALS_RELATING, stops[s], 0, true};

		fit(&c, watch, &w);
		CHECK(w.sane && c.status == (stops[s] == INT64_MAX ? RS_OK : RS_STOPPED));
	}
	fit(&c, watch, &(Watch) {RS_ALS_PREPARING, 0, 0, true});
	CHECK(c.status == RS_STOPPED);
	case_free(&c);
}

int
main(void)
{
	rs_kernel_init();
	test_formula(60, 30, 8, 1); /* all are neighbours */
	test_formula(150, 400, 20, 1);
	test_formula(40, 1600, 80, 41); /* long histories are sampled */
	test_formula(120, 5000, 60, 157);	/* rows that are not kept */
	test_formula(20, 30000, 200, 2503); /* three blocks of targets */
	test_same_bits();
	test_shapes();
	test_equal_columns();
	test_refusals();
	test_ticks();
	return unit_report("neighbours");
}
