/*-------------------------------------------------------------------------
 *
 * test_refresh.c
 *		A refresh against its three half-steps written out row by row.
 *
 *-------------------------------------------------------------------------
 */
#include "training.h"

/* What a refresh starts from: items of a training, some of them new. */
typedef struct Refresh
{
	Training   *t;				/* all cells; its result is the refresh's */
	RsAlsKnown	kept;			/* what refresh() takes copies of */
} Refresh;

static size_t
row_bytes(const Training *t)
{
	return RS_STRIDE((size_t) t->problem.k) * sizeof(float);
}

/*
 * Train on a part of the items, then add cells of the others, of new users too:
 * items 3, 6, ... and users 4, 9, ... are new.  Item 0 and the last user have no cell
 * at all, item 1 has lost those that it was trained on.
 */
static bool
is_new_item(int32_t i)
{
	return i > 0 && i % 3 == 0;
}

static bool
is_new_user(int32_t u)
{
	return u % 5 == 4;
}

static void
refresh_init(Refresh *f, Training *t, bool implicit, bool biases, int k, bool with_new)
{
	Training	before;
	int32_t		n_items = 40;
	int64_t		n = 0;

	training_init(&before, 60, n_items, 60 * n_items, k, implicit);
	training_init(t, 60, n_items, 60 * n_items, k, implicit);
	before.problem.objective.biases = t->problem.objective.biases = biases;
	fill_random(t, 40);
	for (int64_t c = 0; c < t->problem.cells.n; c++)
	{
		if (!is_new_item(t->item[c]) && !is_new_user(t->user[c]))
			add_cell(&before, t->user[c], t->item[c], t->value[c]);
		if (t->item[c] == 1 || (is_new_item(t->item[c]) && !with_new))
			continue;
		t->user[n] = t->user[c];
		t->item[n] = t->item[c];
		t->value[n++] = t->value[c];
	}
	t->problem.cells.n = n;
	fit(&before, NULL, NULL);
	CHECK(before.status == RS_OK && before.model.item_counts[1] > 0);
	f->t = t;
	f->kept.item_factors = unit_alloc(row_bytes(t) * n_items);
	f->kept.item_biases = biases ? unit_alloc(n_items * sizeof(float)) : NULL;
	f->kept.item_is_new = unit_alloc(n_items * sizeof(bool));
	for (int32_t i = 0; i < n_items; i++)
	{
		f->kept.item_is_new[i] = before.model.item_counts[i] == 0;
		CHECK(f->kept.item_is_new[i] == (i == 0 || is_new_item(i)));
		if (f->kept.item_is_new[i])
			continue;
		memcpy(f->kept.item_factors + (size_t) i * before.model.stride,
			   before.model.item_factors + (size_t) i * before.model.stride, row_bytes(t));
		if (biases)
			f->kept.item_biases[i] = before.model.item_biases[i];
	}
	t->problem.objective.mean = before.model.objective.mean;
	training_free(&before);
}

static void
known_free(RsAlsKnown *known)
{
	free(known->item_factors);
	free(known->item_biases);
	free(known->item_is_new);
}

static void
refresh_free(Refresh *f)
{
	known_free(&f->t->problem.known);
	known_free(&f->kept);
	training_free(f->t);
}

static void *
copy_of(const void *from, size_t bytes)
{
	return from == NULL ? NULL : memcpy(unit_alloc(bytes), from, bytes);
}

/* Refresh t, whose known arrays are new copies of those kept. */
static void
refresh(Refresh *f, Training *t, RsAlsTick tick, void *arg)
{
	size_t		n_items = (size_t) t->problem.n_items;
	RsAlsProblem problem;

	known_free(&t->problem.known);
	t->problem.known.item_factors = copy_of(f->kept.item_factors, row_bytes(t) * n_items);
	t->problem.known.item_biases = copy_of(f->kept.item_biases, n_items * sizeof(float));
	t->problem.known.item_is_new = copy_of(f->kept.item_is_new, n_items * sizeof(bool));
	problem = t->problem;
	problem.cells = copy_cells(&t->problem.cells);
	CHECK(rs_als_memory(&t->problem, &t->bytes));
	free(t->arena);
	t->arena = malloc(t->bytes);
	memset(t->arena, 0x7f, t->bytes);
	t->status = rs_als_refresh(&problem, t->arena, t->bytes, tick, arg, &t->model);
	free_cells(&problem.cells);
}

/* ---- row by row ----------------------------------------------------------- */

/* Both sides, in memory of their own. */
typedef struct Sides
{
	float	   *user;
	float	   *item;
	float	   *user_bias;
	float	   *item_bias;
	double	   *gramian;
	void	   *workspace;
} Sides;

static int32_t
count_cells(const Training *t, bool users, int32_t row)
{
	int32_t		n = 0;

	for (int64_t c = 0; c < t->problem.cells.n; c++)
		n += (users ? t->user[c] : t->item[c]) == row;
	return n;
}

/* Solve one row from its cells; of a user those of new items are left out on demand. */
static double
solve_row(Refresh *f, Sides *s, bool users, int32_t row, int32_t active, bool known_only)
{
	const Training *t = f->t;
	const RsAlsProblem *p = &t->problem;
	size_t		stride = RS_STRIDE((size_t) p->k);
	int32_t		index[100];
	float		value[100];
	RsRow		cells = {index, value, 0};
	RsFixedSide fixed = {users ? s->item : s->user, users ? s->item_bias : s->user_bias, active,
	p->k, (int) stride, p->objective.implicit ? s->gramian : NULL,
	p->objective.implicit && rs_gramian_is_diagonal(&p->objective, s->gramian, active, p->k, (int) stride)};
	float	   *x = (users ? s->user : s->item) + (size_t) row * stride;
	float	   *bias = (users ? s->user_bias : s->item_bias) + row;
	double		loss;

	/* cells are in the order of users, then items */
	for (int64_t c = 0; c < p->cells.n; c++)
	{
		if ((users ? t->user[c] : t->item[c]) != row ||
			(known_only && f->kept.item_is_new[t->item[c]]))
			continue;
		index[cells.n] = users ? t->item[c] : t->user[c];
		value[cells.n++] = t->value[c];
	}
	CHECK(rs_row_solve(&p->objective, &fixed, &cells, s->workspace, x, bias, &loss) == RS_OK);
	return loss;
}

/* Squares of an item's unknowns times their ridges. */
static double
item_penalty(const Refresh *f, const Sides *s, int32_t i, int32_t active)
{
	const RsAlsProblem *p = &f->t->problem;
	const float *y = s->item + (size_t) i * RS_STRIDE((size_t) p->k);
	int32_t		n = count_cells(f->t, false, i);

	return rs_dot(y, y, (size_t) p->k) * rs_row_ridge(&p->objective, n, active) +
		(p->objective.biases ? (double) s->item_bias[i] * (double) s->item_bias[i] *
		 rs_row_bias_ridge(&p->objective, n, active) : 0.0);
}

static void
sides_init(Sides *s, const Refresh *f)
{
	const RsAlsProblem *p = &f->t->problem;
	size_t		n_items = (size_t) p->n_items;

	s->user = unit_alloc(row_bytes(f->t) * (size_t) p->n_users);
	s->user_bias = unit_alloc((size_t) p->n_users * sizeof(float));
	s->item = copy_of(f->kept.item_factors, row_bytes(f->t) * n_items);
	s->item_bias = f->kept.item_biases == NULL ? unit_alloc(n_items * sizeof(float)) :
		copy_of(f->kept.item_biases, n_items * sizeof(float));
	s->gramian = unit_alloc((size_t) p->k * RS_STRIDE((size_t) p->k) * sizeof(double));
	s->workspace = unit_alloc(rs_row_workspace_size(p->k));
}

static void
sides_free(Sides *s)
{
	free(s->user);
	free(s->user_bias);
	free(s->item);
	free(s->item_bias);
	free(s->gramian);
	free(s->workspace);
}

/* The three half-steps; the objective. */
static double
written_out(Refresh *f, Sides *s)
{
	const RsAlsProblem *p = &f->t->problem;
	int			stride = RS_STRIDE(p->k);
	int32_t		known = 0;
	int32_t		users = 0;
	int32_t		items = 0;
	double		loss = 0.0;

	for (int32_t i = 0; i < p->n_items; i++)
	{
		if (count_cells(f->t, false, i) == 0)
		{
			memset(s->item + (size_t) i * stride, 0, row_bytes(f->t));
			s->item_bias[i] = 0.0f;
			continue;
		}
		items++;
		known += !f->kept.item_is_new[i];
	}
	for (int32_t u = 0; u < p->n_users; u++)
		users += count_cells(f->t, true, u) > 0;
	rs_gramian(s->item, p->n_items, p->k, stride, s->gramian);
	for (int32_t u = 0; u < p->n_users; u++)
		solve_row(f, s, true, u, known, true);
	rs_gramian(s->user, p->n_users, p->k, stride, s->gramian);
	for (int32_t i = 0; i < p->n_items; i++)
	{
		if (f->kept.item_is_new[i])
			solve_row(f, s, false, i, users, false);
	}
	rs_gramian(s->item, p->n_items, p->k, stride, s->gramian);
	for (int32_t u = 0; u < p->n_users; u++)
		loss += solve_row(f, s, true, u, items, false);
	for (int32_t i = 0; i < p->n_items; i++)
		loss += count_cells(f->t, false, i) == 0 ? 0.0 : item_penalty(f, s, i, users);
	return loss;
}

static void
test_row_by_row(bool implicit, bool biases, int k, bool with_new)
{
	Training	t;
	Refresh		f;
	Sides		s;
	double		loss;
	size_t		bytes;

	refresh_init(&f, &t, implicit, biases, k, with_new);
	sides_init(&s, &f);
	refresh(&f, &t, NULL, NULL);
	CHECK(t.status == RS_OK && t.model.iterations == 0);
	CHECK(t.model.objective.mean == t.problem.objective.mean);
	CHECK(t.model.n_cells == t.problem.cells.n);
	loss = written_out(&f, &s);
	bytes = row_bytes(&t);
	CHECK(memcmp(t.model.user_factors, s.user, bytes * (size_t) t.problem.n_users) == 0);
	CHECK(memcmp(t.model.item_factors, s.item, bytes * (size_t) t.problem.n_items) == 0);
	CHECK_NEAR(t.model.loss[0] / loss, 1.0, 1e-12);
	for (int32_t u = 0; u < t.problem.n_users; u++)
	{
		CHECK(!biases || t.model.user_biases[u] == s.user_bias[u]);
		CHECK(t.model.user_counts[u] == count_cells(&t, true, u));
	}
	for (int32_t i = 0; i < t.problem.n_items; i++)
	{
		bool		kept = !f.kept.item_is_new[i] && i != 1;

		CHECK(!biases || t.model.item_biases[i] == s.item_bias[i]);
		CHECK(t.model.item_counts[i] == count_cells(&t, false, i));
		CHECK(!kept || memcmp(t.model.item_factors + (size_t) i * t.model.stride,
							  f.kept.item_factors + (size_t) i * t.model.stride, bytes) == 0);
		CHECK((t.model.item_factors[(size_t) i * t.model.stride] != 0.0f) ==
			  (i > 1 && (with_new || !is_new_item(i))));
	}
	sides_free(&s);
	refresh_free(&f);
}

/* ---- promises ------------------------------------------------------------- */

/* Any number of threads, any order of the cells; likes go by the mean that is given. */
static void
test_same_bytes(bool implicit, int k)
{
	Training	one;
	Refresh		f;

	refresh_init(&f, &one, implicit, !implicit, k, true);
	one.problem.threads = 1;
	refresh(&f, &one, NULL, NULL);
	CHECK(one.status == RS_OK);
	for (int32_t i = 0; i < one.problem.n_items; i++)
	{
		int32_t		likes = 0;

		for (int64_t c = 0; c < one.problem.cells.n; c++)
			likes += one.item[c] == i &&
				(implicit ? one.value[c] > 0.0f : one.value[c] >= (float) one.problem.objective.mean);
		CHECK(one.model.item_likes[i] == likes);
	}
	for (int threads = 1; threads <= 8; threads *= 2)
	{
		Training	other;

		copy_shuffled(&other, &one);
		other.problem.threads = threads;
		refresh(&f, &other, NULL, NULL);
		CHECK(other.status == RS_OK && same_model(&one, &other));
		CHECK(one.model.loss[0] == other.model.loss[0]);
		known_free(&other.problem.known);
		training_free(&other);
	}
	refresh_free(&f);
}

/* ---- being stopped, and bad calls ------------------------------------------- */

typedef struct Ticks
{
	int			left;			/* until it says stop */
	int			seen;
} Ticks;

static bool
count_down(void *arg, const RsAlsProgress *progress)
{
	Ticks	   *ticks = arg;

	CHECK(progress->iteration == 0 && progress->rows_done <= 60);
	ticks->seen++;
	return --ticks->left <= 0;
}

static void
test_stopped(void)
{
	Training	t;
	Refresh		f;
	Ticks		all = {1000000, 0};

	refresh_init(&f, &t, true, false, 8, true);
	refresh(&f, &t, count_down, &all);
	CHECK(t.status == RS_OK);
	for (int n = 1; n <= all.seen; n++)
	{
		Ticks		ticks = {n, 0};

		refresh(&f, &t, count_down, &ticks);
		CHECK(t.status == RS_STOPPED || ticks.seen < n);
	}
	refresh_free(&f);
}

static void
test_bad_calls(void)
{
	Training	t;
	Refresh		f;
	RsObjective objective;

	refresh_init(&f, &t, false, true, 4, true);
	objective = t.problem.objective;
	refresh(&f, &t, NULL, NULL);
	CHECK(t.status == RS_OK);
	CHECK(rs_als_fit(&t.problem, t.arena, t.bytes, NULL, NULL, &t.model) == RS_INVALID);
	for (int wrong = 0; wrong < 3; wrong++)
	{
		RsAlsProblem p = t.problem;

		p.objective.regularization = wrong == 0 ? NAN : objective.regularization;
		p.objective.mean = wrong == 1 ? NAN : objective.mean;
		p.known.item_biases = wrong == 2 ? NULL : p.known.item_biases;
		CHECK(!rs_als_memory(&p, &t.bytes));
		CHECK(rs_als_refresh(&p, t.arena, t.bytes, NULL, NULL, &t.model) == RS_INVALID);
	}
	t.value[5] = INFINITY;
	refresh(&f, &t, NULL, NULL);
	CHECK(t.status == RS_NOT_FINITE && t.model.failed_is_user && t.model.failed_row == t.user[5]);
	t.value[5] = 1.0f;

	/* more unknowns than a new item has cells */
	t.problem.objective.regularization = t.problem.objective.bias_regularization = 0.0;
	refresh(&f, &t, NULL, NULL);
	CHECK(t.status == RS_OK || t.status == RS_NOT_POSITIVE_DEFINITE);
	known_free(&t.problem.known);
	t.problem.known = (RsAlsKnown) {0};
	CHECK(rs_als_refresh(&t.problem, t.arena, t.bytes, NULL, NULL, &t.model) == RS_INVALID);
	refresh_free(&f);
}

int
main(void)
{
	rs_kernel_init();
	for (int with_new = 0; with_new < 2; with_new++)
	{
		for (int kind = 0; kind < 3; kind++)
		{
			test_row_by_row(kind == 2, kind == 1, 3, with_new);
			test_row_by_row(kind == 2, kind == 1, 17, with_new);
			test_row_by_row(kind == 2, kind == 1, 130, with_new);
		}
	}
	for (int level = 0; level <= (int) rs_simd_best(); level++)
	{
		CHECK(rs_simd_select((RsSimdLevel) level));
		test_same_bytes(false, 20);
		test_same_bytes(true, 64);
	}
	test_stopped();
	test_bad_calls();
	return unit_report("refresh");
}
