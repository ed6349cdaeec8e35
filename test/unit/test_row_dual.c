/*-------------------------------------------------------------------------
 *
 * test_row_dual.c
 *		Rows of few cells: against Gaussian elimination in double, at every SIMD
 *		level, and against the other paths.
 *
 *-------------------------------------------------------------------------
 */
#include "kernel/row_solver.h"
#include "row_case.h"
#include "solver/axes.h"

#define SIDE_ROWS	300

static const RsRowHooks no_hooks = {0};

static bool
stop_never(void *arg)
{
	(void) arg;
	return false;
}

static bool
stop_at_once(void *arg)
{
	(void) arg;
	return true;
}

static bool
gramian_is_diagonal(const Case *c)
{
	return rs_gramian_is_diagonal(&c->objective, c->gramian, c->side.n, c->side.k, c->side.stride);
}

/* Turn the fixed side to the axes of its Gramian. */
static void
turn_side(Case *c)
{
	int			k = c->side.k;
	size_t		stride = (size_t) c->side.stride;
	double	   *vectors = unit_alloc((size_t) k * stride * sizeof(double));
	double	   *columns = unit_alloc((size_t) k * stride * sizeof(double));
	double	   *values = unit_alloc(2 * (size_t) k * sizeof(double));
	float	   *turned = unit_alloc((size_t) c->side.n * stride * sizeof(float));

	CHECK(!gramian_is_diagonal(c));
	CHECK(rs_axes_find(c->gramian, k, c->side.stride, vectors, values, values + k,
					   stop_never, NULL) == RS_OK);
	for (int a = 0; a < k; a++)
	{
		for (int b = 0; b < k; b++)
			columns[(size_t) b * stride + (size_t) a] = vectors[(size_t) a * stride + (size_t) b];
	}
	rs_turn(columns, k, c->side.stride, c->factors, c->side.n, turned);
	for (int32_t i = 0; i < c->side.n; i++)
		CHECK_NEAR(rs_dot(turned + (size_t) i * stride, turned, (size_t) k),
				   rs_dot(c->factors + (size_t) i * stride, c->factors, (size_t) k), 1e-5);
	memcpy(c->factors, turned, (size_t) c->side.n * stride * sizeof(float));
	rs_gramian(c->factors, c->side.n, k, c->side.stride, c->gramian);
	c->side.is_diagonal = gramian_is_diagonal(c);
	CHECK(c->side.is_diagonal);
	free(vectors);
	free(columns);
	free(values);
	free(turned);
}

static void
dual_case(Case *c, int k, int32_t n, bool implicit, bool biases)
{
	case_init(c, k, SIDE_ROWS, n, implicit, biases);
	c->value[0] = 2.0f;			/* of dislikes alone the solution is zero */
	if (implicit)
		turn_side(c);
}

static RsStatus
solve_by_dual(const Case *c)
{
	RsRowSolver s = {.objective = &c->objective, .side = &c->side, .row = &c->row, .hooks = &no_hooks};
	float		bias = 0.0f;

	CHECK(rs_row_init(&s, &bias, c->workspace));
	return rs_row_solve_dual(&s);
}

static bool
is_dual(const Case *c)
{
	return rs_row_is_dual(&c->objective, &c->side, c->row.n);
}

/* The solution at every level is the best one, and its loss is right. */
static void
check_case(Case *c)
{
	int			k = c->side.k;
	double	   *best = calloc((size_t) k + 1, sizeof(double));
	double	   *found = calloc((size_t) k + 1, sizeof(double));
	double		minimum;

	reference(c, best);
	minimum = direct_objective(c, best);
	for (int level = 0; level <= (int) rs_simd_best(); level++)
	{
		CHECK(rs_simd_select((RsSimdLevel) level));
		memset(c->x, 0x7f, (size_t) c->side.stride * sizeof(float));
		memset(c->workspace, 0x7f, rs_row_workspace_size(k));
		CHECK(case_solve(c) == RS_OK);
		for (int j = 0; j < k; j++)
		{
			found[j] = (double) c->x[j];
			CHECK_NEAR(found[j], best[j], 2e-5);
		}
		for (int j = k; j < c->side.stride; j++)
			CHECK(c->x[j] == 0.0f);
		if (c->objective.biases)
		{
			found[k] = (double) c->bias;
			CHECK_NEAR(found[k], best[k], 2e-5);
		}
		CHECK_NEAR(direct_objective(c, found) / minimum, 1.0, 1e-6);
		CHECK_NEAR(c->loss / minimum, 1.0, is_dual(c) ? 1e-6 : 1e-5);
	}
	free(best);
	free(found);
}

/* Around the ends of chunks, and where the path begins and ends. */
static void
test_solutions(void)
{
	static const int factors[] = {96, 97, 111, 128, 200};

	for (int f = 0; f < 5; f++)
	{
		int			k = factors[f];
		int32_t		most = rs_row_most_dual(k);
		int32_t		cells[] = {1, 2, 15, 16, 17, 47, 48, 49, most - 1, most, most + 1, k - 1, k, k + 1};

		for (int i = 0; i < 14; i++)
		{
			for (int kind = 0; kind < 3; kind++)
			{
				Case		c;

				/* The longest of all only some times: a reference takes long. */
				if (k > 128 && (i + kind) % 3 != 0)
					continue;
				dual_case(&c, k, cells[i], kind == 2, kind == 1);
				CHECK(is_dual(&c) == (cells[i] <= most));
				CHECK(!is_dual(&c) || solve_by_dual(&c) == RS_OK);
				check_case(&c);
				case_free(&c);
			}
		}
	}
	CHECK(rs_row_most_dual(95) == 0 && rs_row_most_dual(96) == 32 && rs_row_most_dual(1024) == 960);
}

/* Weights of all sizes, and what is not observed, by each exponent of the ridge. */
static void
test_options(void)
{
	static const double w0[] = {0.0, 1e-4, 1.0};
	static const double alpha[] = {1e-3, 1.0, 40.0};
	static const double scaling[] = {0.0, 0.5, 1.0};

	for (int i = 0; i < 27; i++)
	{
		Case		c;

		case_init(&c, 100, SIDE_ROWS, 30, true, false);
		c.objective.unobserved_weight = w0[i % 3];
		c.objective.alpha = alpha[i / 3 % 3];
		c.objective.reg_scaling = scaling[i / 9];
		c.objective.scale = i % 2;

		/* No event, dislikes, and the same once more. */
		c.value[3] = 0.0f;
		c.value[4] = c.value[5] = -2.0f;
		memcpy(c.factors + (size_t) c.index[7] * c.side.stride,
			   c.factors + (size_t) c.index[6] * c.side.stride, 100 * sizeof(float));
		rs_gramian(c.factors, SIDE_ROWS, 100, c.side.stride, c.gramian);
		if (w0[i % 3] > 0.0)
			turn_side(&c);
		CHECK(is_dual(&c));

		/* Great weights of equal items over a small ridge are not for float. */
		CHECK((solve_by_dual(&c) == RS_OK) == (i != 6 && i != 7));
		if (i % 2 == 0)
			check_case(&c);
		case_free(&c);
	}
}

/* A ridge far below the cells, which the primal matrix in float would lose. */
static void
test_small_ridge(void)
{
	for (int kind = 0; kind < 3; kind++)
	{
		Case		c;
		RsRowSolver s = {.objective = &c.objective, .side = &c.side, .row = &c.row,
		.hooks = &no_hooks};
		float		bias = 0.0f;

		dual_case(&c, 128, 40, kind == 2, kind == 1);
		c.objective.regularization = c.objective.bias_regularization = 1e-5;
		c.objective.unobserved_weight = kind == 2 ? 1e-5 : 0.0;
		CHECK(rs_row_init(&s, &bias, c.workspace));
		CHECK(rs_row_solve_fast(&s) == RS_NOT_POSITIVE_DEFINITE);
		CHECK(solve_by_dual(&c) == RS_OK);
		check_case(&c);
		case_free(&c);
	}
}

/* What float cannot do goes the careful way: weights of a million for equal items. */
static void
test_careful(void)
{
	Case		c;

	dual_case(&c, 100, 20, true, false);
	c.objective.alpha = 1e7;
	memcpy(c.factors + (size_t) c.index[7] * c.side.stride,
		   c.factors + (size_t) c.index[6] * c.side.stride, 100 * sizeof(float));
	CHECK(is_dual(&c) && solve_by_dual(&c) == RS_NOT_POSITIVE_DEFINITE);
	CHECK(case_solve(&c) == RS_OK);
	case_free(&c);

	/* A weight whose root is no float. */
	dual_case(&c, 100, 20, true, false);
	c.objective.alpha = 1e-60;
	CHECK(is_dual(&c) && solve_by_dual(&c) == RS_NOT_FINITE);
	CHECK(case_solve(&c) == RS_OK);
	case_free(&c);

	/* A ridge that is none in float. */
	case_init(&c, 100, SIDE_ROWS, 20, false, false);
	c.objective.regularization = 1e-300;
	CHECK(is_dual(&c) && solve_by_dual(&c) == RS_NOT_FINITE);
	CHECK(case_solve(&c) == RS_NOT_POSITIVE_DEFINITE);
	case_free(&c);
}

/* Who is not for this path. */
static void
test_others(void)
{
	Case		c;

	dual_case(&c, 100, 20, true, false);
	c.objective.alpha = 0.0;
	CHECK(!is_dual(&c));
	c.objective.alpha = 1.0;
	CHECK(is_dual(&c));
	c.side.is_diagonal = false;
	CHECK(!is_dual(&c));
	c.objective.unobserved_weight = 0.0;
	CHECK(is_dual(&c));
	c.objective.regularization = 0.0;
	CHECK(!is_dual(&c));
	case_free(&c);

	case_init(&c, 100, SIDE_ROWS, 20, false, true);
	CHECK(is_dual(&c));
	c.objective.bias_regularization = 0.0;
	CHECK(!is_dual(&c));
	CHECK(case_solve(&c) == RS_OK);
	c.objective.regularization = 0.0;
	CHECK(case_solve(&c) == RS_NOT_POSITIVE_DEFINITE);
	case_free(&c);
}

/* Elements beside the diagonal, small and not so small. */
static void
test_diagonal(void)
{
	Case		c;
	double		kept;

	dual_case(&c, 96, 4, true, false);
	kept = c.gramian[5];
	c.gramian[5] = 1e-6 * sqrt(c.gramian[0] * c.gramian[5 * c.side.stride + 5]);
	CHECK(gramian_is_diagonal(&c));
	c.gramian[5] *= 10.0;
	CHECK(!gramian_is_diagonal(&c));

	/* Beside a great ridge they are nothing. */
	c.objective.regularization = 100.0;
	CHECK(gramian_is_diagonal(&c));
	c.objective.reg_scaling = -1.0;
	CHECK(!gramian_is_diagonal(&c));
	c.objective.unobserved_weight = 0.0;
	CHECK(gramian_is_diagonal(&c));
	c.objective.unobserved_weight = 1.0;
	c.gramian[5] = NAN;
	CHECK(!gramian_is_diagonal(&c));
	c.gramian[5] = kept;
	c.gramian[0] = 0.0;
	CHECK(!gramian_is_diagonal(&c));
	case_free(&c);
}

/* Contributions sum to the product with any vector; a dislike has none. */
static void
test_contributions(void)
{
	for (int kind = 0; kind < 3; kind++)
	{
		double		contributions[60];
		Case		c;

		dual_case(&c, 130, 60, kind == 2, kind == 1);
		c.value[9] = kind == 2 ? -1.0f : 1.0f;
		CHECK(is_dual(&c) && case_solve(&c) == RS_OK);
		for (int32_t position = 0; position < SIDE_ROWS; position += 7)
		{
			double		sum = 0.0;
			double		sizes = 0.0;
			double		exact = rs_dot(c.x, c.factors + (size_t) position * c.side.stride, 130);

			CHECK(rs_row_contributions(&c.objective, &c.side, &c.row, position, c.workspace,
									   contributions, &no_hooks) == RS_OK);
			for (int i = 0; i < 60; i++)
			{
				sum += contributions[i];
				sizes += fabs(contributions[i]);
			}
			CHECK(fabs(sum - exact) < 1e-6 * (1.0 + sizes));
			CHECK(kind != 2 || contributions[9] == 0.0);
		}
		case_free(&c);
	}
}

#define MANY	24

/* Among others that are solved side by side each row has the bits that it has alone. */
static void
test_rows(void)
{
	for (int kind = 0; kind < 3; kind++)
	{
		Case		c;
		RsRowTask	tasks[MANY];
		float	   *x;
		float		bias[MANY];
		double		loss[MANY];
		void	   *workspace = unit_alloc(rs_rows_workspace_size(110));
		int			done;

		dual_case(&c, 110, 150, kind == 2, kind == 1);
		x = unit_alloc((size_t) MANY * c.side.stride * sizeof(float));
		for (int i = 0; i < MANY; i++)
			tasks[i] = (RsRowTask) {{c.index, c.value, i / 3 % 3 == 0 ? 40 + i % 3 * 6 : 20 + 5 * i},
			x + (size_t) i * c.side.stride, kind == 1 ? &bias[i] : NULL, &loss[i]};
		CHECK(rs_rows_solve(&c.objective, &c.side, tasks, MANY, workspace, &no_hooks, &done) == RS_OK);
		CHECK(done == MANY);
		for (int i = 0; i < MANY; i++)
		{
			c.row.n = tasks[i].row.n;
			CHECK(case_solve(&c) == RS_OK);
			CHECK(memcmp(c.x, tasks[i].x, (size_t) c.side.stride * sizeof(float)) == 0);
			CHECK(loss[i] == c.loss && (kind != 1 || bias[i] == c.bias));
		}
		case_free(&c);
		free(x);
		free(workspace);
	}
}

/* The first row that fails is named, whatever its path, and those before it are solved. */
static void
test_failures(void)
{
	for (int bad = 0; bad < MANY; bad++)
	{
		Case		c;
		RsRowTask	tasks[MANY];
		float	   *x;
		float	   *bad_value = unit_alloc(150 * sizeof(float));
		void	   *workspace = unit_alloc(rs_rows_workspace_size(110));
		int			done;

		dual_case(&c, 110, 150, false, false);
		bad_value[0] = INFINITY;
		x = unit_alloc((size_t) MANY * c.side.stride * sizeof(float));
		for (int i = 0; i < MANY; i++)
			tasks[i] = (RsRowTask) {{c.index, i == bad || (i > bad && i % 5 == 0) ? bad_value : c.value,
			i % 3 == 0 ? 20 : 100}, x + (size_t) i * c.side.stride, NULL, NULL};
		CHECK(rs_rows_solve(&c.objective, &c.side, tasks, MANY, workspace, &no_hooks,
							&done) == RS_NOT_FINITE);
		CHECK(done == bad);
		for (int i = 0; i < bad; i++)
		{
			c.row.n = tasks[i].row.n;
			CHECK(case_solve(&c) == RS_OK);
			CHECK(memcmp(c.x, tasks[i].x, (size_t) c.side.stride * sizeof(float)) == 0);
		}
		case_free(&c);
		free(x);
		free(bad_value);
		free(workspace);
	}
}

/* The levels with fused multiply-add give one set of bits. */
static void
test_levels(void)
{
	for (int k = 96; k <= 140 && rs_simd_best() > RS_SIMD_AVX2; k += 11)
	{
		Case		c;
		float		x[160];
		double		loss = 0.0;

		CHECK(rs_simd_select(RS_SIMD_AVX2));
		dual_case(&c, k, k - 70, k % 2 == 0, k % 2 == 1);
		for (int level = RS_SIMD_AVX2; level <= (int) rs_simd_best(); level++)
		{
			CHECK(rs_simd_select((RsSimdLevel) level));
			CHECK(is_dual(&c) && case_solve(&c) == RS_OK);
			CHECK(level == RS_SIMD_AVX2 ||
				  (c.loss == loss && memcmp(x, c.x, (size_t) k * sizeof(float)) == 0));
			memcpy(x, c.x, (size_t) k * sizeof(float));
			loss = c.loss;
		}
		case_free(&c);
	}
}

static void
test_stop(void)
{
	RsRowHooks	hooks = {.stop = stop_at_once};
	double		contributions[20];
	Case		c;

	dual_case(&c, 100, 20, true, false);
	CHECK(rs_row_solve_hooked(&c.objective, &c.side, &c.row, c.workspace, c.x, NULL, NULL,
							  &hooks) == RS_STOPPED);
	CHECK(rs_row_contributions(&c.objective, &c.side, &c.row, 0, c.workspace, contributions,
							   &hooks) == RS_STOPPED);
	case_free(&c);
}

int
main(void)
{
	rs_kernel_init();
	test_solutions();
	test_options();
	test_small_ridge();
	for (int level = 0; level <= (int) rs_simd_best(); level++)
	{
		CHECK(rs_simd_select((RsSimdLevel) level));
		test_careful();
		test_others();
		test_diagonal();
		test_contributions();
		test_rows();
		test_failures();
	}
	test_levels();
	test_stop();
	return unit_report("row_dual");
}
