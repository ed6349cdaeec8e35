/*-------------------------------------------------------------------------
 *
 * test_row.c
 *		One row: against Gaussian elimination in double, at every SIMD level.
 *
 *-------------------------------------------------------------------------
 */
#include "row_case.h"

#include <float.h>

static void
test_against_reference(int k, int32_t side_n, int32_t row_n, bool implicit, bool biases)
{
	Case		c;
	double	   *best = calloc((size_t) k + 1, sizeof(double));
	double	   *found = calloc((size_t) k + 1, sizeof(double));
	double		minimum;

	case_init(&c, k, side_n, row_n, implicit, biases);
	reference(&c, best);
	minimum = direct_objective(&c, best);
	memset(c.x, 0x7f, (size_t) c.side.stride * sizeof(float));
	CHECK(case_solve(&c) == RS_OK);
	for (int j = 0; j < k; j++)
	{
		found[j] = (double) c.x[j];
		CHECK_NEAR(found[j], best[j], 1e-4);
	}
	for (int j = k; j < c.side.stride; j++)
		CHECK(c.x[j] == 0.0f);
	if (biases)
	{
		found[k] = (double) c.bias;
		CHECK_NEAR(found[k], best[k], 1e-4);
	}
	CHECK_NEAR(direct_objective(&c, found), minimum, 1e-6);
	CHECK_NEAR(c.loss, minimum, 1e-5);
	case_free(&c);
	free(best);
	free(found);
}

static void
test_solutions(void)
{
	for (int k = 1; k <= 64; k++)
	{
		for (int kind = 0; kind < 3; kind++)
			test_against_reference(k, 90, 1 + (int32_t) unit_random(90), kind == 2, kind == 1);
	}
	for (int kind = 0; kind < 3; kind++)
	{
		/* Chunk ends, and many more cells than unknowns. */
		for (int32_t n = 47; n <= 50; n++)
			test_against_reference(16, 200, n, kind == 2, kind == 1);
		test_against_reference(64, 2000, 2000, kind == 2, kind == 1);
		test_against_reference(100, 150, 96, kind == 2, kind == 1);
		test_against_reference(129, 300, 145, kind == 2, kind == 1);
	}
}

static void
test_largest(void)
{
	test_against_reference(1024, 1100, 300, true, false);
}

/* Ridge by each exponent. */
static void
test_ridge(void)
{
	RsObjective o = {.regularization = 0.5, .unobserved_weight = 0.25, .bias_regularization = 1.0};

	CHECK(rs_row_ridge(&o, 7, 100) == 0.5);
	o.reg_scaling = 1.0;
	CHECK(rs_row_ridge(&o, 7, 100) == 16.0);
	CHECK(rs_row_bias_ridge(&o, 7, 100) == 32.0);
	o.reg_scaling = 0.5;
	CHECK_NEAR(rs_row_ridge(&o, 11, 100), 3.0, 1e-15);
}

/* A row without cells is zero whatever was there, and costs nothing. */
static void
test_empty(void)
{
	Case		c;

	case_init(&c, 5, 10, 3, false, true);
	c.row.n = 0;
	c.bias = 7.0f;
	c.x[2] = 7.0f;
	c.loss = 7.0;
	CHECK(case_solve(&c) == RS_OK);
	CHECK(c.x[2] == 0.0f && c.bias == 0.0f && c.loss == 0.0);
	case_free(&c);
}

/* Singular systems are found, never solved to NaN; the output stays. */
static void
check_singular(Case *c)
{
	c->x[0] = 123.0f;
	CHECK(case_solve(c) == RS_NOT_POSITIVE_DEFINITE);
	CHECK(c->x[0] == 123.0f);
}

static void
test_singular(void)
{
	Case		c;

	for (int k = 2; k <= 70; k += 4)
	{
		/* fewer cells than unknowns */
		case_init(&c, k, 100, k - 1, false, false);
		c.objective.regularization = 0.0;
		check_singular(&c);
		case_free(&c);

		/* as many cells as unknowns, but two equal items */
		case_init(&c, k, 100, k, false, false);
		c.objective.regularization = 0.0;
		memcpy(c.factors + (size_t) c.index[1] * c.side.stride,
			   c.factors + (size_t) c.index[0] * c.side.stride, (size_t) k * sizeof(float));
		check_singular(&c);
		case_free(&c);

		/* two equal factors, everywhere */
		case_init(&c, k, 100, 80, true, false);
		c.objective.regularization = 0.0;
		for (int i = 0; i < 100; i++)
			c.factors[(size_t) i * c.side.stride + k - 1] = c.factors[(size_t) i * c.side.stride];
		rs_gramian(c.factors, 100, k, c.side.stride, c.gramian);
		check_singular(&c);

		/* the least ridge makes it solvable */
		c.objective.regularization = 1e-6;
		CHECK(case_solve(&c) == RS_OK);
		for (int j = 0; j < k; j++)
			CHECK(isfinite(c.x[j]) && fabs((double) c.x[j]) < 100.0);
		CHECK_NEAR(c.x[0], c.x[k - 1], 1e-3);
		case_free(&c);
	}

	/* a factor that is zero everywhere */
	case_init(&c, 3, 50, 40, false, false);
	c.objective.regularization = 0.0;
	for (int i = 0; i < 50; i++)
		c.factors[(size_t) i * c.side.stride + 1] = 0.0f;
	check_singular(&c);
	case_free(&c);
}

/* Scales that differ by 1e12, on the careful path, still give the minimum. */
static void
test_scales(void)
{
	Case		c;
	double		best[8];

	case_init(&c, 8, 60, 50, false, false);
	c.objective.regularization = 0.0;
	for (int i = 0; i < 60; i++)
	{
		for (int j = 0; j < 8; j++)
			c.factors[(size_t) i * c.side.stride + j] *= j % 2 == 0 ? 1e6f : 1e-6f;
	}
	reference(&c, best);
	CHECK(case_solve(&c) == RS_OK);
	for (int j = 0; j < 8; j++)
		CHECK_NEAR((double) c.x[j] / best[j], 1.0, 1e-4);
	case_free(&c);

	/* nearly equal columns: float alone would lose the difference */
	case_init(&c, 2, 60, 50, false, false);
	c.objective.regularization = 0.0;
	for (int i = 0; i < 60; i++)
		c.factors[(size_t) i * c.side.stride + 1] =
			c.factors[(size_t) i * c.side.stride] + ldexpf(unit_random_float(), -12);
	reference(&c, best);
	CHECK(case_solve(&c) == RS_OK);
	for (int j = 0; j < 2; j++)
		CHECK_NEAR((double) c.x[j] / best[j], 1.0, 1e-6);
	case_free(&c);
}

static void
test_huge(void)
{
	static const float scale[] = {1e30f, 1e-30f, 1e-42f, 1e38f};

	for (int s = 0; s < 4; s++)
	{
		for (int kind = 0; kind < 3; kind++)
		{
			for (int what = 0; what < 3; what++)
			{
				Case		c;
				RsStatus	status;

				case_init(&c, 6, 40, 30, kind == 2, kind == 1);
				for (int i = 0; i < 30 && what != 1; i++)
					c.value[i] *= scale[s];
				for (int i = 0; i < 40 * c.side.stride && what != 0; i++)
					c.factors[i] *= scale[s];
				rs_gramian(c.factors, 40, 6, c.side.stride, c.gramian);
				status = case_solve(&c);
				CHECK(status == RS_OK || status == RS_NOT_FINITE ||
					  status == RS_NOT_POSITIVE_DEFINITE);
				for (int j = 0; j < 6 && status == RS_OK; j++)
					CHECK(isfinite(c.x[j]));
				if (status == RS_OK)
					CHECK(isfinite(c.loss) && c.loss >= 0.0 && isfinite(c.bias));
				case_free(&c);
			}
		}
	}
}

/* Ratings that the factors explain entirely: rounding must not go below 0. */
static void
test_perfect_fit(void)
{
	for (int repeat = 0; repeat < 50; repeat++)
	{
		Case		c;

		case_init(&c, 4, 60, 60, false, false);
		c.objective.regularization = 0.0;
		c.objective.mean = 0.0;
		for (int i = 0; i < 60; i++)
		{
			c.value[i] = 0.0f;
			for (int j = 0; j < 4; j++)
				c.value[i] += (float) (j + 1) * c.factors[(size_t) i * c.side.stride + j];
		}
		CHECK(case_solve(&c) == RS_OK);
		CHECK(c.loss >= 0.0 && c.loss < 1e-3);
		for (int j = 0; j < 4; j++)
			CHECK_NEAR(c.x[j], j + 1, 1e-5);
		case_free(&c);
	}
}

/* A negative event is certain, and certain to be no preference. */
static void
test_negative(void)
{
	Case		c;

	case_init(&c, 4, 20, 10, true, false);
	for (int i = 0; i < 10; i++)
		c.value[i] = -1.0f;
	CHECK(case_solve(&c) == RS_OK);
	for (int j = 0; j < 4; j++)
		CHECK(c.x[j] == 0.0f);
	CHECK(c.loss == 0.0);
	case_free(&c);
}

static void
test_invalid(void)
{
	Case		c;

	case_init(&c, 4, 20, 10, false, true);
	c.side.biases = NULL;
	CHECK(case_solve(&c) == RS_INVALID);
	c.side.biases = c.biases;
	CHECK(rs_row_solve(&c.objective, &c.side, &c.row, c.workspace, c.x, NULL, NULL) == RS_INVALID);
	c.side.k = 0;
	CHECK(case_solve(&c) == RS_INVALID);
	c.side.k = 1025;
	CHECK(case_solve(&c) == RS_INVALID);
	case_free(&c);
}

/* Many rows have the bits of all at once, whoever asks meanwhile; and it can be stopped. */
static void
test_gramian_until(void)
{
	enum
	{
		ROWS = 5000, K = 9
	};
	int			stride = RS_STRIDE(K);
	size_t		bytes = (size_t) K * stride * sizeof(double);
	float	   *factors = unit_alloc(ROWS * (size_t) stride * sizeof(float));
	double	   *whole = unit_alloc(bytes);
	double	   *asked = unit_alloc(bytes);

	for (int i = 0; i < ROWS * stride; i++)
		factors[i] = i % stride < K ? unit_random_float() : 0.0f;
	memset(whole, 0, bytes);
	for (int panel = 0; panel < rs_gramian_panels(K); panel++)
		rs_gramian_add(factors, ROWS, K, stride, panel, whole);
	rs_gramian_mirror(K, stride, whole);
	for (int when = 0; when < 10; when++)
	{
		int			left = when;
		bool		ended = rs_gramian_until(factors, ROWS, K, stride, asked, stop_later, &left);

		CHECK(ended == (left > 0 || when == 2 * rs_gramian_panels(K)));
		CHECK(!ended || memcmp(asked, whole, bytes) == 0);
	}
	free(factors);
	free(whole);
	free(asked);
}

/* However rows and panels are divided, the Gramian's bits are the same. */
static void
test_gramian(void)
{
	for (int k = 1; k <= 50; k += 7)
	{
		Case		c;
		int			stride = RS_STRIDE(k);
		size_t		bytes = (size_t) k * stride * sizeof(double);
		double	   *parts = unit_alloc(bytes + 8 * (size_t) stride * sizeof(double));

		for (int i = k * stride; i < (k + 8) * stride; i++)
			parts[i] = -0.0;
		case_init(&c, k, 300, 1, true, false);
		for (int a = 0; a < k; a++)
		{
			for (int b = 0; b < k; b++)
			{
				double		sum = 0.0;

				for (int i = 0; i < 300; i++)
					sum += (double) c.factors[i * stride + a] * (double) c.factors[i * stride + b];
				CHECK(c.gramian[a * stride + b] == sum);
			}
		}
		for (int panel = rs_gramian_panels(k) - 1; panel >= 0; panel--)
		{
			for (int32_t i = 0; i < 300;)
			{
				int32_t		n = 1 + (int32_t) unit_random(299);

				n = i + n > 300 ? 300 - i : n;
				rs_gramian_add(c.factors + (size_t) i * stride, n, k, stride, panel, parts);
				i += n;
			}
		}
		rs_gramian_mirror(k, stride, parts);
		CHECK(memcmp(parts, c.gramian, bytes) == 0);

		/* Nothing was written behind the last row, not even 0 added. */
		for (int i = k * stride; i < (k + 8) * stride; i++)
			CHECK(signbit(parts[i]));
		free(parts);
		case_free(&c);
	}
}

/* ---- rows side by side --------------------------------------------------- */

#define MANY	40

/* Rows of all lengths, some empty, some that only the careful path can solve. */
static void
make_tasks(const Case *c, RsRowTask *tasks, float *x, float *bias, double *loss, float odd)
{
	memset(x, 0x7f, (size_t) MANY * c->side.stride * sizeof(float));
	for (int i = 0; i < MANY; i++)
	{
		int32_t		n = (int32_t) unit_random(4) == 0 ? (int32_t) unit_random(3)
			: 1 + (int32_t) unit_random((uint32_t) c->row.n - 1);

		tasks[i].row = (RsRow) {c->index, c->value, n};
		tasks[i].x = x + (size_t) i * c->side.stride;
		tasks[i].bias = c->objective.biases ? &bias[i] : NULL;
		tasks[i].loss = unit_random(3) == 0 ? NULL : &loss[i];
	}
	/* Two equal columns of very different size. */
	for (int i = 0; i < c->side.n && odd != 0.0f && c->side.k > 1; i++)
		c->factors[(size_t) i * c->side.stride + 1] = c->factors[(size_t) i * c->side.stride] * odd;
}

/* Side by side each row has the bits that it has alone. */
static void
test_rows_shape(int k, int32_t row_n, bool implicit, bool biases, float odd)
{
	Case		c;
	RsRowTask	tasks[MANY];
	RsRowHooks	hooks = {NULL, NULL};
	float	   *x = unit_alloc((size_t) MANY * RS_STRIDE(k) * sizeof(float));
	float		bias[MANY];
	double		loss[MANY];
	void	   *workspace = unit_alloc(rs_rows_workspace_size(k));
	int			done;

	case_init(&c, k, 2 * row_n, row_n, implicit, biases);
	make_tasks(&c, tasks, x, bias, loss, odd);
	memset(workspace, 0x7f, rs_rows_workspace_size(k));
	CHECK(rs_rows_solve(&c.objective, &c.side, tasks, MANY, workspace, &hooks, &done) == RS_OK);
	CHECK(done == MANY);
	for (int i = 0; i < MANY; i++)
	{
		c.row.n = tasks[i].row.n;
		CHECK(case_solve(&c) == RS_OK);
		CHECK(memcmp(c.x, tasks[i].x, (size_t) c.side.stride * sizeof(float)) == 0);
		CHECK(tasks[i].bias == NULL || bias[i] == c.bias);
		CHECK(tasks[i].loss == NULL || loss[i] == c.loss);
	}
	case_free(&c);
	free(x);
	free(workspace);
}

static void
test_rows(void)
{
	for (int k = 1; k <= 40; k++)
	{
		for (int kind = 0; kind < 3; kind++)
			test_rows_shape(k, 4 + (int32_t) unit_random(120), kind == 2, kind == 1,
							k % 3 == 0 ? 1e-3f : 0.0f);
	}
	for (int k = 63; k <= 66; k++)
		test_rows_shape(k, 100, k % 2 == 0, k % 2 == 1, 0.0f);
	test_rows_shape(RS_BATCH_MAX_FACTORS, 60, false, true, 0.0f);
	test_rows_shape(RS_BATCH_MAX_FACTORS + 1, 60, true, false, 0.0f);
}

/* A row that cannot be solved is named, and those before it are done. */
static void
test_rows_failure(void)
{
	Case		c;
	RsRowTask	tasks[MANY];
	RsRowHooks	hooks = {NULL, NULL};
	float	   *x = unit_alloc((size_t) MANY * 16 * sizeof(float));
	float		bias[MANY];
	double		loss[MANY];
	void	   *workspace = unit_alloc(rs_rows_workspace_size(5));
	int			done;

	case_init(&c, 5, 60, 50, false, false);
	c.objective.regularization = 0.0;
	for (int bad = 0; bad < MANY; bad++)
	{
		make_tasks(&c, tasks, x, bias, loss, 0.0f);
		for (int i = 0; i < MANY; i++)
			tasks[i].row.n = i >= bad && i % 3 == bad % 3 ? 4 : 50;
		CHECK(rs_rows_solve(&c.objective, &c.side, tasks, MANY, workspace, &hooks,
							&done) == RS_NOT_POSITIVE_DEFINITE);
		CHECK(done == bad);
		for (int i = 0; i < done; i++)
			CHECK(isfinite(x[16 * i]) && fabs((double) x[16 * i]) < 1e6 && x[16 * i + 5] == 0.0f);
		CHECK(!(fabs((double) x[16 * bad]) < 1e6));
	}
	case_free(&c);
	free(x);
	free(workspace);
}

/* The levels with fused multiply-add give one set of bits. */
static void
test_levels(void)
{
	float		x[64];
	double		loss = 0.0;

	for (int k = 1; k <= 64 && rs_simd_best() > RS_SIMD_AVX2; k += 3)
	{
		Case		c;

		case_init(&c, k, 200, 150, k % 2 == 0, k % 2 == 1);
		for (int level = RS_SIMD_AVX2; level <= (int) rs_simd_best(); level++)
		{
			CHECK(rs_simd_select((RsSimdLevel) level));
			CHECK(case_solve(&c) == RS_OK);
			CHECK(level == RS_SIMD_AVX2 ||
				  (c.loss == loss && memcmp(x, c.x, (size_t) k * sizeof(float)) == 0));
			memcpy(x, c.x, (size_t) k * sizeof(float));
			loss = c.loss;
		}
		case_free(&c);
	}
}

static bool
stop_after(void *arg)
{
	return --*(int *) arg < 0;
}

static void
test_stop(void)
{
	Case		c;

	case_init(&c, 16, 500, 400, false, false);
	for (int polls = 0; polls < 3; polls++)
	{
		int			left = polls;

		CHECK(rs_row_solve_until(&c.objective, &c.side, &c.row, c.workspace, c.x, NULL, NULL,
								 stop_after, &left) == RS_STOPPED);
		CHECK(left == -1);
	}
	for (int polls = 0; polls < 3; polls++)
	{
		int			left = polls;
		RsRowHooks	hooks = {stop_after, &left};
		RsRowTask	tasks[] = {{c.row, c.x, NULL, NULL}, {c.row, c.x, NULL, NULL}};
		void	   *workspace = unit_alloc(rs_rows_refine_workspace_size(16) + rs_rows_workspace_size(16));
		RsRefineBase base = {.bias_inverse = 1.0f};
		RsRefineEffort three = {3, 3, INFINITY};
		int			done;
		int64_t		exact;

		CHECK(rs_rows_refine(&c.objective, &c.side, &base, &three, tasks, 2, workspace,
							 &hooks, &done, &exact) == RS_STOPPED);
		CHECK(left == -1 && done == 0);
		left = polls;
		CHECK(rs_rows_solve(&c.objective, &c.side, tasks, 2, workspace, &hooks, &done) == RS_STOPPED);
		CHECK(left == -1 && done == 0);
		free(workspace);
	}
	case_free(&c);
}

/* What the workspace held before changes no bit. */
static void
test_dirty_workspace(void)
{
	for (int k = 1; k < 300; k += 1 + k / 3)
	{
		for (int kind = 0; kind < 6; kind++)
		{
			Case		c;
			float	   *x = unit_alloc((size_t) RS_STRIDE(k) * sizeof(float));
			float		bias;

			case_init(&c, k, 50, 1 + (int32_t) unit_random(100), kind % 3 == 2, kind % 3 == 1);
			if (kind >= 3)
				c.objective.regularization = 1e-9;	/* too little for float */
			CHECK(case_solve(&c) == RS_OK);
			memcpy(x, c.x, (size_t) c.side.stride * sizeof(float));
			bias = c.bias;
			memset(c.workspace, 0, rs_row_workspace_size(k));
			CHECK(case_solve(&c) == RS_OK);
			CHECK(memcmp(x, c.x, (size_t) c.side.stride * sizeof(float)) == 0);
			CHECK(bias == c.bias);
			free(x);
			case_free(&c);
		}
	}
}

int
main(void)
{
	for (int level = 0; level <= (int) rs_simd_best(); level++)
	{
		CHECK(rs_simd_select((RsSimdLevel) level));
		test_solutions();
		test_singular();
		test_scales();
		test_huge();
		test_gramian();
		test_gramian_until();
		test_rows();
		test_rows_failure();
		test_dirty_workspace();
	}
	test_levels();
	test_largest();
	test_ridge();
	test_empty();
	test_perfect_fit();
	test_negative();
	test_invalid();
	test_stop();
	return unit_report("row");
}
