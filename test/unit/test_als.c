/*-------------------------------------------------------------------------
 *
 * test_als.c
 *		Whole trainings against the same iteration written out in double, and
 *		for any number of threads and any order of the cells.
 *
 *-------------------------------------------------------------------------
 */
#include "eliminate.h"
#include "training.h"

/* ---- the reference ------------------------------------------------------- */

/* Everything dense, in double. */
typedef struct Reference
{
	int			n_users;
	int			n_items;
	int			k;
	int			m;				/* k, or k + 1 with biases */
	double		mean;
	double		deviation;
	bool		rounded;		/* ratings as while iterating, see rs_cell_term() */
	double	   *value;			/* n_users x n_items, NAN where not observed */
	double	   *user;			/* n_users x (k + 1), the bias last */
	double	   *item;
} Reference;

static double
cell_value(const Reference *r, int u, int i)
{
	return r->value[u * r->n_items + i];
}

/* The rating less the mean, in units of the deviation to 14 bits if they are rounded. */
static double
centred(const Reference *r, double value)
{
	int			exponent;
	double		part = frexp((value - r->mean) / r->deviation, &exponent);

	return r->rounded ? ldexp(rint(ldexp(part, 14)), exponent - 14) * r->deviation : value - r->mean;
}

static void
weight_and_target(const RsObjective *o, const Reference *r, int u, int i,
				  double *weight, double *target)
{
	double		value = cell_value(r, u, i);

	if (o->implicit)
	{
		*weight = o->unobserved_weight + (isnan(value) ? 0.0 : o->alpha * fabs(value));
		*target = value > 0.0 ? 1.0 : 0.0;
	}
	else
	{
		*weight = isnan(value) ? 0.0 : 1.0;
		*target = isnan(value) ? 0.0 : centred(r, value);
	}
}

static int
row_count(const Reference *r, bool users, int row)
{
	int			n = 0;

	for (int other = 0; other < (users ? r->n_items : r->n_users); other++)
		n += !isnan(users ? cell_value(r, row, other) : cell_value(r, other, row));
	return n;
}

/* Of unknown j; N counts the rows of the other side that have cells. */
static double
ridge(const RsObjective *o, const Reference *r, bool users, int row, int j)
{
	int			active = 0;

	for (int other = 0; other < (users ? r->n_items : r->n_users); other++)
		active += row_count(r, !users, other) > 0;
	return (j < r->k ? o->regularization : o->bias_regularization) *
		pow(row_count(r, users, row) + o->unobserved_weight * active, o->reg_scaling);
}

/* The objective, term by term over all cells. */
static double
direct_objective(const RsObjective *o, const Reference *r)
{
	double		loss = 0.0;
	int			w = r->k + 1;

	for (int u = 0; u < r->n_users; u++)
	{
		for (int i = 0; i < r->n_items; i++)
		{
			double		weight;
			double		target;
			double		score = r->user[u * w + r->k] + r->item[i * w + r->k];

			weight_and_target(o, r, u, i, &weight, &target);
			for (int j = 0; j < r->k; j++)
				score += r->user[u * w + j] * r->item[i * w + j];
			loss += weight * (target - score) * (target - score);
		}
	}
	for (int side = 0; side < 2; side++)
	{
		const double *x = side == 0 ? r->user : r->item;

		for (int row = 0; row < (side == 0 ? r->n_users : r->n_items); row++)
		{
			for (int j = 0; j < w && row_count(r, side == 0, row) > 0; j++)
				loss += ridge(o, r, side == 0, row, j) * x[row * w + j] * x[row * w + j];
		}
	}
	return loss;
}

static void
reference_row(const RsObjective *o, Reference *r, bool users, int row)
{
	int			w = r->m + 1;
	double	   *a = calloc((size_t) r->m * w, sizeof(double));
	double	   *fixed = users ? r->item : r->user;
	double	   *x = (users ? r->user : r->item) + row * (r->k + 1);

	memset(x, 0, ((size_t) r->k + 1) * sizeof(double));
	for (int other = 0; other < (users ? r->n_items : r->n_users); other++)
	{
		double		y[65];
		double		weight;
		double		target;

		memcpy(y, fixed + other * (r->k + 1), ((size_t) r->k + 1) * sizeof(double));
		weight_and_target(o, r, users ? row : other, users ? other : row, &weight, &target);
		target -= y[r->k];
		y[r->k] = 1.0;
		for (int i = 0; i < r->m; i++)
		{
			for (int j = 0; j < r->m; j++)
				a[i * w + j] += weight * y[i] * y[j];
			a[i * w + r->m] += weight * target * y[i];
		}
	}
	for (int i = 0; i < r->m; i++)
		a[i * w + i] += ridge(o, r, users, row, i);
	if (row_count(r, users, row) > 0)
		eliminate(a, r->m, x);
	free(a);
}

static void
reference_init(Reference *r, const Training *t)
{
	const RsAlsProblem *p = &t->problem;
	double		sum = 0.0;
	double		squares = 0.0;

	r->n_users = p->n_users;
	r->n_items = p->n_items;
	r->k = p->k;
	r->m = p->k + (p->objective.biases ? 1 : 0);
	r->value = calloc((size_t) p->n_users * p->n_items, sizeof(double));
	r->user = calloc((size_t) p->n_users * (p->k + 1), sizeof(double));
	r->item = calloc((size_t) p->n_items * (p->k + 1), sizeof(double));
	for (int i = 0; i < p->n_users * p->n_items; i++)
		r->value[i] = NAN;
	for (int64_t i = 0; i < p->cells.n; i++)
	{
		r->value[t->user[i] * p->n_items + t->item[i]] = (double) t->value[i];
		sum += (double) t->value[i];
	}
	r->mean = p->objective.implicit ? 0.0 : sum / (double) p->cells.n;
	for (int64_t i = 0; i < p->cells.n; i++)
		squares += ((double) t->value[i] - r->mean) * ((double) t->value[i] - r->mean);
	r->deviation = sqrt(squares / (double) p->cells.n);
	r->rounded = false;
	for (int u = 0; u < p->n_users; u++)
	{
		float		x[256];

		rs_initial_factors(p->user_hash[u], p->seed, p->k, x);
		for (int j = 0; j < p->k && row_count(r, true, u) > 0; j++)
			r->user[u * (p->k + 1) + j] = (double) x[j] *
				(p->objective.implicit ? 1.0 : sqrt(r->deviation));
	}
}

static void
reference_free(Reference *r)
{
	free(r->value);
	free(r->user);
	free(r->item);
}

/* Put the model's factors in the reference's place. */
static void
load_model(Reference *r, const RsAlsModel *m)
{
	for (int side = 0; side < 2; side++)
	{
		double	   *to = side == 0 ? r->user : r->item;
		const float *factors = side == 0 ? m->user_factors : m->item_factors;
		const float *biases = side == 0 ? m->user_biases : m->item_biases;

		for (int row = 0; row < (side == 0 ? r->n_users : r->n_items); row++)
		{
			for (int j = 0; j < r->k; j++)
				to[row * (r->k + 1) + j] = (double) factors[row * m->stride + j];
			to[row * (r->k + 1) + r->k] = biases == NULL ? 0.0 : (double) biases[row];
		}
	}
}

static void
test_against_reference(bool implicit, bool biases, int k, double reg_scaling)
{
	Training	t;
	Reference	r;
	const RsObjective *o = &t.problem.objective;

	training_init(&t, 40, 30, 1200, k, implicit);
	fill_random(&t, 30);
	t.problem.objective.biases = biases;
	t.problem.objective.reg_scaling = reg_scaling;
	reference_init(&r, &t);
	fit(&t, NULL, NULL);
	CHECK(t.status == RS_OK && t.model.iterations == 6 && t.model.k == k);
	CHECK_NEAR(t.model.objective.mean, r.mean, 1e-12);
	CHECK(t.model.n_cells == t.problem.cells.n);
	CHECK((t.model.user_biases != NULL) == biases && (t.model.item_biases != NULL) == biases);
	for (int iteration = 0; iteration < 6 && t.status == RS_OK; iteration++)
	{
		r.rounded = true;
		for (int i = 0; i < r.n_items; i++)
			reference_row(o, &r, false, i);
		r.rounded = iteration < 5;
		for (int u = 0; u < r.n_users; u++)
			reference_row(o, &r, true, u);
		CHECK_NEAR(t.model.loss[iteration] / direct_objective(o, &r), 1.0, 1e-5);
		CHECK(iteration == 0 || t.model.loss[iteration] <= t.model.loss[iteration - 1] * 1.000001);
	}
	for (int row = 0; row < r.n_users && t.status == RS_OK; row++)
		CHECK(t.model.user_counts[row] == row_count(&r, true, row));
	for (int row = 0; row < r.n_items && t.status == RS_OK; row++)
	{
		int			likes = 0;

		for (int u = 0; u < r.n_users; u++)
			likes += o->implicit ? cell_value(&r, u, row) > 0.0
				: cell_value(&r, u, row) >= t.model.objective.mean;
		CHECK(t.model.item_counts[row] == row_count(&r, false, row));
		CHECK(t.model.item_likes[row] == likes);
	}

	/* What is reported is what the returned factors cost. */
	load_model(&r, &t.model);
	CHECK_NEAR(direct_objective(o, &r) / t.model.loss[5], 1.0, 1e-5);

	/* Rows without cells are zero. */
	for (int j = 0; j < t.model.stride; j++)
		CHECK(t.model.user_factors[39 * t.model.stride + j] == 0.0f &&
			  t.model.item_factors[j] == 0.0f);
	training_free(&t);
	reference_free(&r);
}

/* ---- promises ------------------------------------------------------------ */

static void
test_same_bytes(RsAlsSolver solver, bool implicit, int32_t n_users, int32_t n_items, int k)
{
	Training	one;

	training_init(&one, n_users, n_items, n_users * 60, k, implicit);
	one.problem.iterations = 3;
	one.problem.solver = solver;
	for (int i = 0; i < n_users * 60; i++)
	{
		uint32_t	n = (uint32_t) n_items;

		add_cell(&one, (int32_t) unit_random((uint32_t) n_users),
				 (int32_t) (unit_random(n) * unit_random(n) / n),
				 2.0f + 2.0f * unit_random_float());
	}
	one.problem.threads = 1;
	fit(&one, NULL, NULL);
	CHECK(one.status == RS_OK);
	for (int threads = 1; threads <= 8; threads *= 2)
	{
		Training	other;

		copy_shuffled(&other, &one);
		other.problem.threads = threads;
		fit(&other, NULL, NULL);
		CHECK(other.status == RS_OK && same_model(&one, &other));
		other.problem.seed++;
		fit(&other, NULL, NULL);
		CHECK(!same_model(&one, &other));
		training_free(&other);
	}
	training_free(&one);
}

/*
 * A stored user is what fold-in computes from the stored items, bit by bit.  The items
 * of many users are turned to the axes of their Gramian.
 */
static void
test_fold_in_of(int32_t n_users, RsAlsSolver solver, double tolerance, bool implicit,
				int32_t n_items, int k)
{
	Training	t;
	RsObjective objective;
	double	   *gramian;
	void	   *workspace;
	float	   *x;
	int32_t		active = 0;
	bool		is_diagonal;

	training_init(&t, n_users, n_items, (int64_t) n_users * n_items, k, implicit);
	fill_random(&t, n_items > 1000 ? 2 : 30);
	t.problem.iterations = tolerance > 0.0 ? 50 : 2;
	t.problem.tolerance = tolerance;
	t.problem.solver = solver;
	fit(&t, NULL, NULL);
	CHECK(t.status == RS_OK && t.model.iterations < 50);
	gramian = unit_alloc((size_t) t.model.k * t.model.stride * sizeof(double));
	workspace = unit_alloc(rs_row_workspace_size(t.model.k));
	x = unit_alloc((size_t) t.model.stride * sizeof(float));
	rs_gramian(t.model.item_factors, n_items, t.model.k, t.model.stride, gramian);
	objective = t.problem.objective;
	objective.mean = t.model.objective.mean;
	for (int32_t i = 0; i < n_items; i++)
		active += t.model.item_counts[i] > 0;
	is_diagonal = rs_gramian_is_diagonal(&objective, gramian, active, t.model.k, t.model.stride);
	CHECK(!implicit || is_diagonal == (n_users >= 256 && k >= 96));
	for (int32_t u = 0; u < 30; u++)
	{
		RsFixedSide side = {t.model.item_factors, t.model.item_biases, active, t.model.k,
		t.model.stride, implicit ? gramian : NULL, implicit && is_diagonal};
		int32_t		index[5000];
		float		value[5000];
		RsRow		row = {index, value, 0};
		float		bias = 0.0f;

		for (int64_t i = 0; i < t.problem.cells.n; i++)
		{
			if (t.user[i] == u)
			{
				index[row.n] = t.item[i];
				value[row.n++] = t.value[i];
			}
		}
		CHECK(rs_row_solve(&objective, &side, &row, workspace, x, &bias, NULL) == RS_OK);
		CHECK(memcmp(x, t.model.user_factors + (size_t) u * t.model.stride,
					 (size_t) t.model.stride * sizeof(float)) == 0);
		CHECK(implicit || bias == t.model.user_biases[u]);
	}
	free(gramian);
	free(workspace);
	free(x);
	training_free(&t);
}

static void
test_fold_in(RsAlsSolver solver, double tolerance, bool implicit, int32_t n_items, int k)
{
	test_fold_in_of(30, solver, tolerance, implicit, n_items, k);
}

/* After the same iterations every solver is as far, within 2 percent, and says so. */
static void
test_solver(RsAlsSolver solver, bool implicit, int k)
{
	Training	exact;
	Training	t;
	Reference	r;

	training_init(&exact, 60, 50, 3000, k, implicit);
	fill_random(&exact, 30);
	copy_shuffled(&t, &exact);
	exact.problem.iterations = t.problem.iterations = 12;
	t.problem.solver = solver;
	fit(&exact, NULL, NULL);
	fit(&t, NULL, NULL);
	CHECK(exact.status == RS_OK && t.status == RS_OK && t.model.iterations == 12);
	CHECK(solver != RS_ALS_EXACT || same_model(&exact, &t));
	CHECK(solver != RS_ALS_CG || !same_model(&exact, &t));
	CHECK(t.model.loss[11] <= exact.model.loss[11] * 1.02);
	for (int i = 1; i < 12; i++)
		CHECK(t.model.loss[i] <= t.model.loss[i - 1] * 1.000001);
	reference_init(&r, &t);
	load_model(&r, &t.model);
	CHECK_NEAR(direct_objective(&t.problem.objective, &r) / t.model.loss[11], 1.0, 1e-5);
	training_free(&exact);
	training_free(&t);
	reference_free(&r);
}

/* Users and items with few cells and with many; weights that fall off as a power. */
static void
fill_skewed(Training *t, int64_t n, double power)
{
	uint32_t	users = (uint32_t) t->problem.n_users;
	uint32_t	items = (uint32_t) t->problem.n_items;

	for (int64_t i = 0; i < n; i++)
	{
		uint32_t	user = unit_random(users);
		uint32_t	item = unit_random(items) * (1 + unit_random(items)) / items;
		double		taste = sin(0.1 * user * (item % 7 + 1)) + cos(0.3 * item * (user % 5));
		double		value = t->problem.objective.implicit ?
			floor(pow((1.0 + unit_random(1000000)) / 1e6, -power)) :
			round(6.0 + 2.0 * taste + (double) unit_random_float()) / 2.0;

		add_cell(t, (int32_t) user, (int32_t) item, (float) value);
	}
}

/*
 * Whatever the weights, after 15 iterations "auto" is within 0.1 percent of exact
 * solutions; where it cannot be, it is them.
 */
static void
test_auto(void)
{
	static const struct
	{
		int			k;
		bool		biases;
		double		power;		/* of the weights */
		RsObjective objective;
	}			problems[] = {
		/* Hu et al. on counts over six orders of magnitude, and on fewer */
		{64, false, 1.6, {true, false, 0.0, 1.0, 0.0, 40.0, 1.0, 1.0, 0.0}},
		{48, false, 0.7, {true, false, 0.0, 1.0, 0.0, 40.0, 1.0, 1.0, 0.0}},
		/* LensKit, cmfrec */
		{64, false, 0.0, {true, false, 0.0, 0.1, 0.0, 40.0, 1.0, 0.1, 0.0}},
		{64, false, 0.3, {true, false, 0.0, 1.0, 0.0, 1.0, 1.0, 1.0, 0.0}},
		{64, false, 0.0, {true, false, 0.0, 1.0, 0.0, 10.0, 1.0, 1.0, 0.0}},
		/* hardly a weight and a ridge, and what is usual */
		{64, false, 0.0, {true, false, 0.0, 1e-4, 1.0, 1.0, 1e-4, 1e-4, 0.0}},
		{48, false, 0.0, {true, false, 0.0, 1e-4, 0.0, 1.0, 1e-4, 1e-4, 0.0}},
		{48, false, 0.0, {true, false, 0.0, 0.003, 1.0, 1.0, 0.05, 0.003, 0.0}},
		{64, false, 1.0, {true, false, 0.0, 0.006, 1.0, 0.1, 0.1, 0.006, 0.0}},
		{128, false, 0.0, {true, false, 0.0, 0.006, 1.0, 1.0, 0.1, 0.006, 0.0}},
		/* explicit */
		{64, true, 0.0, {false, true, 0.0, 0.1, 1.0, 0.0, 0.0, 0.1, 0.0}},
		{64, false, 0.0, {false, false, 0.0, 0.05, 1.0, 0.0, 0.0, 0.05, 0.0}},
		{64, true, 0.0, {false, true, 0.0, 0.01, 1.0, 0.0, 0.0, 0.01, 0.0}},
		{48, true, 0.0, {false, true, 0.0, 5.0, 0.0, 0.0, 0.0, 5.0, 0.0}},
		{128, true, 0.0, {false, true, 0.0, 1.0, 0.5, 0.0, 0.0, 1.0, 0.0}},
	};

	for (size_t p = 0; p < sizeof(problems) / sizeof(problems[0]); p++)
	{
		Training	exact;
		Training	t;

		training_init(&exact, 400, 300, 12000, problems[p].k, problems[p].objective.implicit);
		exact.problem.objective = problems[p].objective;
		exact.problem.iterations = 15;
		fill_skewed(&exact, 12000, problems[p].power);
		copy_shuffled(&t, &exact);
		t.problem.solver = RS_ALS_AUTO;
		fit(&exact, NULL, NULL);
		fit(&t, NULL, NULL);
		CHECK(exact.status == RS_OK && t.status == RS_OK);
		if (!CHECK(t.model.loss[14] <= 1.001 * exact.model.loss[14]))
			fprintf(stderr, "    problem %zu: %.9g, exact %.9g\n", p, t.model.loss[14],
					exact.model.loss[14]);
		training_free(&exact);
		training_free(&t);
	}
}

/* A user's score of an item, as part of the scale. */
static double
score(const Training *t, int32_t user, int32_t item, double scale)
{
	const RsAlsModel *m = &t->model;
	double		sum = rs_dot(m->user_factors + (size_t) user * (size_t) m->stride,
							 m->item_factors + (size_t) item * (size_t) m->stride, (size_t) m->k);

	if (m->user_biases != NULL)
		sum += m->objective.mean + (double) m->user_biases[user] + (double) m->item_biases[item];
	return sum / scale;
}

/*
 * The same data times a number, with nothing set: the same scores, to the last bits
 * if it is a power of two, and the same places at the top.
 */
static void
test_scale(bool implicit, RsAlsSolver solver)
{
	static const double scales[] = {2.0, 4.0, 0.125, 0x1p-20, 0x1p19, 1e-6, 100.0, 1e6, 0.3};
	Training	one;

	training_init(&one, 100, 80, 4000, solver == RS_ALS_EXACT ? 10 : 48, implicit);
	fill_skewed(&one, 4000, 0.5);
	one.problem.solver = solver;
	one.problem.objective.regularization = implicit ? 0.006 : NAN;
	one.problem.objective.bias_regularization = implicit ? 0.0 : NAN;
	one.problem.objective.alpha = one.problem.objective.unobserved_weight = implicit ? NAN : 0.0;
	one.problem.iterations = 15;
	fit(&one, NULL, NULL);
	CHECK(one.status == RS_OK);
	for (size_t s = 0; s < sizeof(scales) / sizeof(scales[0]); s++)
	{
		int			exponent;
		bool		is_power = frexp(scales[s], &exponent) == 0.5;
		Training	t;
		int			places = 0;
		double		worst = 0.0;

		copy_shuffled(&t, &one);
		for (int64_t i = 0; i < t.problem.cells.n; i++)
			t.value[i] = (float) (scales[s] * (double) t.value[i]);
		fit(&t, NULL, NULL);
		CHECK(t.status == RS_OK);
		for (int32_t u = 0; u < 100; u++)
		{
			int32_t		best = 0;
			int32_t		best_scaled = 0;

			for (int32_t i = 0; i < 80; i++)
			{
				double		a = score(&one, u, i, 1.0);
				double		b = score(&t, u, i, implicit ? 1.0 : scales[s]);

				worst = fmax(worst, fabs(a - b));
				best = score(&one, u, best, 1.0) < a ? i : best;
				best_scaled = score(&t, u, best_scaled, 1.0) < score(&t, u, i, 1.0) ? i : best_scaled;
			}
			places += best == best_scaled;
		}
		CHECK(worst <= (is_power || !implicit ? 1e-5 : 1e-3));
		CHECK(places >= (is_power || !implicit ? 100 : 99));

		/* factors take the root of the scale, which a power of four has */
		if (is_power && (implicit || exponent % 2 != 0))
			CHECK(worst == 0.0);
		training_free(&t);
	}
	training_free(&one);
}

/* With many factors, too, the objective is as reported. */
static void
test_many_factors(bool implicit)
{
	Training	t;
	Reference	r;

	training_init(&t, 20, 15, 300, 256, implicit);
	fill_random(&t, 40);
	t.problem.iterations = 3;
	fit(&t, NULL, NULL);
	CHECK(t.status == RS_OK && t.model.iterations == 3);
	reference_init(&r, &t);
	load_model(&r, &t.model);
	CHECK_NEAR(direct_objective(&t.problem.objective, &r) / t.model.loss[2], 1.0, 1e-5);
	for (int i = 1; i < 3; i++)
		CHECK(t.model.loss[i] <= t.model.loss[i - 1] * 1.000001);
	training_free(&t);
	reference_free(&r);
}

/* Whites like whites: a held-out cell's value is known. */
static void
test_checkerboard(void)
{
	Training	t;
	int			stride;

	training_init(&t, 20, 20, 400, 2, false);
	for (int32_t u = 0; u < 20; u++)
	{
		for (int32_t i = 0; i < 20; i++)
		{
			if (!(u == 3 && i == 4) && !(u == 6 && i == 8))
				add_cell(&t, u, i, (u + i) % 2 == 0 ? 5.0f : 1.0f);
		}
	}
	t.problem.objective.regularization = 0.001;
	t.problem.iterations = 20;
	fit(&t, NULL, NULL);
	CHECK(t.status == RS_OK);
	stride = t.model.stride;
	for (int held = 0; held < 2; held++)
	{
		int			u = held == 0 ? 3 : 6;
		int			i = held == 0 ? 4 : 8;
		double		score = t.model.objective.mean + (double) t.model.user_biases[u] +
			(double) t.model.item_biases[i] +
			rs_dot(t.model.user_factors + u * stride, t.model.item_factors + i * stride, (size_t) stride);

		CHECK_NEAR(score, held == 0 ? 1.0 : 5.0, 0.05);
	}
	training_free(&t);
}

static void
test_repeated(void)
{
	Training	t;
	Training	plain;
	int64_t		time[] = {5, 9, 9, 1};

	/* implicit: the sum; a sum of zero is no cell */
	training_init(&t, 2, 2, 6, 2, true);
	training_init(&plain, 2, 2, 6, 2, true);
	add_cell(&t, 0, 0, 1.0f);
	add_cell(&t, 0, 0, 2.0f);
	add_cell(&t, 1, 1, 4.0f);
	add_cell(&t, 1, 0, 1.0f);
	add_cell(&t, 1, 0, -1.0f);
	add_cell(&plain, 0, 0, 3.0f);
	add_cell(&plain, 1, 1, 4.0f);
	fit(&t, NULL, NULL);
	fit(&plain, NULL, NULL);
	CHECK(t.model.n_cells == 2 && t.model.user_counts[1] == 1 && same_model(&t, &plain));
	training_free(&t);
	training_free(&plain);

	/* explicit: the mean of the latest */
	training_init(&t, 2, 1, 4, 2, false);
	training_init(&plain, 2, 1, 4, 2, false);
	t.problem.cells.time = time;
	add_cell(&t, 0, 0, 1.0f);
	add_cell(&t, 0, 0, 2.0f);
	add_cell(&t, 0, 0, 5.0f);
	add_cell(&t, 1, 0, 3.0f);
	add_cell(&plain, 0, 0, 3.5f);
	add_cell(&plain, 1, 0, 3.0f);
	fit(&t, NULL, NULL);
	fit(&plain, NULL, NULL);
	CHECK(t.model.n_cells == 2 && t.model.item_counts[0] == 2 && same_model(&t, &plain));
	training_free(&t);
	training_free(&plain);
}

/* After a training the arrays of its cells hold them, each once, user after user. */
static void
test_restored(void)
{
	static const int32_t users[] = {0, 0, 1, 2, 2};
	static const int32_t items[] = {0, 2, 1, 0, 1};
	static const float values[] = {3.0f, 4.0f, 2.0f, 5.0f, 1.5f};
	Training	t;
	RsAlsModel	model;
	RsTriplets	cells;
	void	   *arena;

	/* no item has number 3, and no user 3 */
	training_init(&t, 4, 4, 8, 2, false);
	add_cell(&t, 2, 1, 1.0f);
	add_cell(&t, 0, 2, 4.0f);
	add_cell(&t, 2, 0, 5.0f);
	add_cell(&t, 1, 1, 2.0f);
	add_cell(&t, 2, 1, 2.0f);
	add_cell(&t, 0, 0, 3.0f);
	CHECK(rs_als_memory(&t.problem, &t.bytes));
	arena = unit_alloc(t.bytes);
	CHECK(rs_als_fit(&t.problem, arena, t.bytes, NULL, NULL, &model) == RS_OK);
	cells = t.problem.cells;
	CHECK(rs_triplets_restore(&cells, &model, 4, NULL, NULL));
	CHECK(cells.n == 5 && cells.time == NULL);
	for (int i = 0; i < 5; i++)
		CHECK(cells.user[i] == users[i] && cells.item[i] == items[i] && cells.value[i] == values[i]);

	/* mean 3.1, squares .01 + .81 + 1.21 + 3.61 + 2.56 */
	CHECK_NEAR(model.deviation, sqrt(8.2 / 5), 1e-12);
	free(arena);
	training_free(&t);
}

/* Weights that were not given follow from the data, as derive.c says. */
static void
test_derived(void)
{
	Training	t;

	/* ratings 1, 3, 5: the mean 3, the squares of the deviation 8 / 3 */
	training_init(&t, 2, 2, 3, 2, false);
	add_cell(&t, 0, 0, 1.0f);
	add_cell(&t, 0, 1, 3.0f);
	add_cell(&t, 1, 0, 5.0f);
	t.problem.objective.regularization = NAN;
	fit(&t, NULL, NULL);
	CHECK(t.status == RS_OK);
	CHECK_NEAR(t.model.objective.regularization, 0.09 * sqrt(8.0 / 3.0), 1e-12);
	CHECK(t.model.objective.bias_regularization == 0.04 && t.model.objective.mean == 3.0);
	t.problem.objective.bias_regularization = NAN;
	fit(&t, NULL, NULL);
	CHECK(t.model.objective.bias_regularization == 0.09);
	training_free(&t);

	/* weights 1, 1, 4: the mean 2; items with 2 and 1 of 3 users, 3 cells: q = 5 / 9 */
	training_init(&t, 4, 2, 3, 2, true);
	add_cell(&t, 0, 0, 1.0f);
	add_cell(&t, 1, 0, -1.0f);
	add_cell(&t, 2, 1, 4.0f);
	t.problem.objective.alpha = NAN;
	t.problem.objective.unobserved_weight = NAN;
	fit(&t, NULL, NULL);
	CHECK(t.status == RS_OK);
	CHECK_NEAR(t.model.objective.alpha, 0.5, 1e-12);
	CHECK_NEAR(t.model.objective.unobserved_weight, 1.25 * 5.0 / 9.0 * log(2.5), 1e-12);

	/* a given alpha scales what is derived beside it */
	t.problem.objective.alpha = 1.0;
	fit(&t, NULL, NULL);
	CHECK_NEAR(t.model.objective.unobserved_weight, 2.0 * 1.25 * 5.0 / 9.0 * log(2.5), 1e-12);
	training_free(&t);

	/* two of three items have cells, and everybody has both: not more than an observed cell */
	training_init(&t, 4, 3, 8, 2, true);
	for (int32_t user = 0; user < 4; user++)
	{
		add_cell(&t, user, 0, 3.0f);
		add_cell(&t, user, 1, 5.0f);
	}
	t.problem.objective.alpha = NAN;
	t.problem.objective.unobserved_weight = NAN;
	fit(&t, NULL, NULL);
	CHECK(t.status == RS_OK);
	CHECK_NEAR(t.model.objective.unobserved_weight, 1.0, 1e-12);

	/* one of them in each two users: q = 1 / 2, 2 cells for each item that has any */
	for (int n = 0; n < 8; n++)
		t.problem.cells.value[n] = n / 2 % 2 == n % 2 ? 3.0f : 0.0f;
	fit(&t, NULL, NULL);
	CHECK(t.model.n_cells == 4);
	CHECK_NEAR(t.model.objective.unobserved_weight, 1.25 * 0.5 * log(3.0), 1e-12);
	training_free(&t);
}

/* Many factors and users: items turned to their axes, and rows of the dual path. */
static void
test_turned(void)
{
	for (int kind = 0; kind < 2; kind++)
	{
		Training	t;
		Reference	r;

		for (RsAlsSolver solver = RS_ALS_AUTO; solver <= RS_ALS_CG; solver++)
		{
			test_fold_in_of(300, solver, 0.0, kind == 1, 200, 130);
			test_fold_in_of(300, solver, 0.05, kind == 1, 150, 97);
		}
		test_same_bytes(RS_ALS_AUTO, kind == 1, 300, 100, 120);
		test_same_bytes(RS_ALS_EXACT, kind == 1, 300, 100, 97);

		training_init(&t, 300, 90, 300 * 90, 110, kind == 1);
		fill_random(&t, 30);
		fit(&t, NULL, NULL);
		CHECK(t.status == RS_OK);
		for (int i = 1; i < t.model.iterations; i++)
			CHECK(t.model.loss[i] <= t.model.loss[i - 1] * 1.000001);
		reference_init(&r, &t);
		load_model(&r, &t.model);
		CHECK_NEAR(direct_objective(&t.problem.objective, &r) / t.model.loss[t.model.iterations - 1],
				   1.0, 1e-5);
		training_free(&t);
		reference_free(&r);
	}
}

int
main(void)
{
	rs_kernel_init();
	for (int kind = 0; kind < 3; kind++)
	{
		test_against_reference(kind == 2, kind == 1, 3, 1.0);
		test_against_reference(kind == 2, kind == 1, 8, 0.0);
		test_against_reference(kind == 2, kind == 1, 17, 0.5);
	}
	for (int implicit = 0; implicit < 2; implicit++)
	{
		for (int solver = RS_ALS_AUTO; solver <= RS_ALS_CG; solver++)
		{
			test_same_bytes(solver, implicit, 300, 200, 20);
			test_fold_in(solver, 0.0, implicit, 5000, 33);
			test_fold_in(solver, 0.0, implicit, 200, 130);
			test_fold_in(solver, 0.05, implicit, 200, 10);
			test_solver(solver, implicit, 24);
			test_solver(solver, implicit, 130);
		}

		/* as many as are solved side by side, at most */
		test_same_bytes(RS_ALS_EXACT, implicit, 40, 30, 256);
		test_fold_in(RS_ALS_EXACT, 0.0, implicit, 40, 256);
		test_many_factors(implicit);
	}
	for (int level = 0; level <= (int) rs_simd_best(); level++)
	{
		CHECK(rs_simd_select((RsSimdLevel) level));
		for (int solver = RS_ALS_EXACT; solver <= RS_ALS_CG; solver++)
		{
			test_same_bytes(solver, level % 2 == 0, 100, 80, 33);
			test_fold_in(solver, 0.0, level % 2 == 1, 300, 64);
			test_solver(solver, level % 2 == 0, 33);
		}
	}
	test_auto();
	for (int solver = RS_ALS_AUTO; solver <= RS_ALS_CG; solver++)
	{
		test_scale(false, solver);
		test_scale(true, solver);
	}
	test_checkerboard();
	test_derived();
	test_repeated();
	test_restored();
	test_turned();
	return unit_report("als");
}
