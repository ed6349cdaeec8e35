/*-------------------------------------------------------------------------
 *
 * test_refine.c
 *		Rows by conjugate gradients, at every SIMD level.
 *
 *-------------------------------------------------------------------------
 */
#include "row_case.h"

#include <float.h>

/* Rows that are refined in one call. */
#define MANY	40

static const RsRefineEffort three = {3, 3, INFINITY};

/* w0 times a case's Gramian, in float. */
static float *
weighted_gramian(const Case *c)
{
	size_t		size = (size_t) c->side.k * (size_t) c->side.stride;
	float	   *weighted = unit_alloc(size * sizeof(float));

	for (size_t i = 0; i < size; i++)
		weighted[i] = (float) (c->objective.unobserved_weight * c->gramian[i]);
	return weighted;
}

/* Steps from zero: what loss says is the objective there, it falls, to the minimum. */
static void
test_refine_shape(int k, int32_t row_n, bool implicit, bool biases, float half_scale)
{
	Case		c;
	RsRowHooks	hooks = {NULL, NULL};
	double	   *x = calloc((size_t) k + 1, sizeof(double));
	void	   *workspace = unit_alloc(rs_rows_refine_workspace_size(k));
	uint16_t   *halves;
	float	   *weighted;
	double		last = INFINITY;
	RsRefineBase base = {.half_scale = half_scale, .bias_inverse = 1.0f};
	RsRowTask	task;
	int			done;
	int64_t		exact;

	case_init(&c, k, row_n + 10, row_n, implicit, biases);
	weighted = weighted_gramian(&c);
	halves = unit_alloc((size_t) (row_n + 10) * (size_t) c.side.stride * sizeof(uint16_t));
	if (half_scale > 0.0f &&
		rs_halve(c.factors, (size_t) (row_n + 10) * (size_t) c.side.stride, half_scale, halves))
		base.halves = halves;
	if (implicit)
		base.gramian = weighted;
	task = (RsRowTask) {c.row, c.x, biases ? &c.bias : NULL, &c.loss};
	for (int round = 0; round < 12; round++)
	{
		RsRefineEffort effort = {1 + 2 * round, 1 + 2 * round, INFINITY};

		CHECK(rs_rows_refine(&c.objective, &c.side, &base, &effort, &task, 1, workspace,
							 &hooks, &done, &exact) == RS_OK);
		CHECK(done == 1);
		for (int j = 0; j < k; j++)
			x[j] = (double) c.x[j];
		x[k] = biases ? (double) c.bias : 0.0;
		CHECK_NEAR(c.loss / direct_objective(&c, x), 1.0, base.halves != NULL ? 2e-3 : 1e-4);
		CHECK(c.loss <= last * 1.0001);
		for (int j = k; j < c.side.stride; j++)
			CHECK(c.x[j] == 0.0f);
		last = c.loss;
	}
	CHECK(case_solve(&c) == RS_OK);
	CHECK_NEAR(last / c.loss, 1.0, base.halves != NULL ? 3e-3 : 1e-3);
	for (int j = 0; j < k && base.halves == NULL; j++)
		CHECK_NEAR(x[j], c.x[j], 1e-2);
	case_free(&c);
	free(x);
	free(halves);
	free(weighted);
	free(workspace);
}

static void
test_refine(void)
{
	for (int kind = 0; kind < 3; kind++)
	{
		for (int k = 1; k <= 40; k += 3)
		{
			test_refine_shape(k, 3 + (int32_t) unit_random(100), kind == 2, kind == 1, 0.0f);
			test_refine_shape(k, 3 + (int32_t) unit_random(100), kind == 2, kind == 1, 1024.0f);
		}

		/* one part, two parts, many */
		test_refine_shape(20, 256, kind == 2, kind == 1, 0.0f);
		test_refine_shape(20, 257, kind == 2, kind == 1, 0.0f);
		test_refine_shape(64, 1000, kind == 2, kind == 1, 0.0f);
		test_refine_shape(64, 1000, kind == 2, kind == 1, 0.25f);
	}
}

/* Rows that are refined together have the bits that each has alone. */
static void
test_refine_together(bool implicit, bool biases)
{
	enum {K = 20};
	Case		c;
	RsRowHooks	hooks = {NULL, NULL};
	size_t		stride = RS_STRIDE(K);
	float	   *x = unit_alloc(2 * MANY * stride * sizeof(float));
	float		bias[2 * MANY];
	double		loss[2 * MANY];
	void	   *workspace = unit_alloc(rs_rows_refine_workspace_size(K));
	RsRowTask	tasks[2 * MANY];
	float	   *inverse = unit_alloc(K * stride * sizeof(float));
	RsRefineBase base = {.inverse = inverse, .bias_inverse = 1.0f};
	float	   *weighted;
	int			done;
	int64_t		exact;

	for (int a = 0; a < K; a++)
	{
		for (int b = 0; b < (int) stride; b++)
			inverse[a * (int) stride + b] = b >= K ? 0.0f : a == b ? 1.0f : 0.01f;
	}
	case_init(&c, K, 400, 300, implicit, biases);
	weighted = weighted_gramian(&c);
	base.gramian = implicit ? weighted : NULL;
	memset(x, 0, 2 * MANY * stride * sizeof(float));
	memset(bias, 0, sizeof(bias));
	for (int i = 0; i < 2 * MANY; i++)
	{
		/* some are empty, some fill a batch */
		tasks[i] = (RsRowTask) {c.row, x + (size_t) i * stride, biases ? &bias[i] : NULL, &loss[i]};
		tasks[i].row.n = i % MANY % 11 == 3 ? 0 : 300 - i % MANY * 7;
	}
	CHECK(rs_rows_refine(&c.objective, &c.side, &base, &three, tasks, MANY, workspace,
							 &hooks, &done, &exact) == RS_OK);
	CHECK(done == MANY);
	for (int i = MANY; i < 2 * MANY; i++)
		CHECK(rs_rows_refine(&c.objective, &c.side, &base, &three, &tasks[i], 1, workspace,
							 &hooks, &done, &exact) == RS_OK);
	CHECK(memcmp(x, x + MANY * stride, MANY * stride * sizeof(float)) == 0);
	CHECK(memcmp(bias, bias + MANY, MANY * sizeof(float)) == 0);
	CHECK(memcmp(loss, loss + MANY, MANY * sizeof(double)) == 0);
	CHECK(x[0] != 0.0f && x[3 * stride] == 0.0f);
	case_free(&c);
	free(x);
	free(inverse);
	free(weighted);
	free(workspace);
}

/* Of a row too much is left over after all steps: it is solved exactly, and counted. */
static void
test_refine_left(void)
{
	enum {K = 20};
	Case		c;
	RsRowHooks	hooks = {NULL, NULL};
	void	   *workspace = unit_alloc(rs_rows_refine_workspace_size(K));
	RsRefineBase base = {.bias_inverse = 1.0f};
	float	   *weighted;
	float	   *x = unit_alloc(RS_STRIDE(K) * sizeof(float));
	double		loss;
	RsRefineEffort effort = {2, 4, 0.01};
	RsRowTask	task;
	int			done;
	int64_t		exact;

	case_init(&c, K, 200, 150, true, false);
	for (int i = 0; i < 150; i++)
		c.value[i] = powf(10.0f, (float) unit_random(600) / 100.0f);
	weighted = weighted_gramian(&c);
	base.gramian = weighted;
	memset(x, 0, RS_STRIDE(K) * sizeof(float));
	task = (RsRowTask) {c.row, x, NULL, &loss};
	CHECK(rs_rows_refine(&c.objective, &c.side, &base, &effort, &task, 1, workspace, &hooks,
						 &done, &exact) == RS_OK);
	CHECK(done == 1 && exact == 150);
	CHECK(case_solve(&c) == RS_OK);
	CHECK(memcmp(x, c.x, RS_STRIDE(K) * sizeof(float)) == 0 && loss == c.loss);

	/* from the solution on nothing is left over */
	effort.steps = 1;
	CHECK(rs_rows_refine(&c.objective, &c.side, &base, &effort, &task, 1, workspace, &hooks,
						 &done, &exact) == RS_OK);
	CHECK(done == 1 && exact == 0);
	CHECK_NEAR(loss / c.loss, 1.0, 1e-4);
	case_free(&c);
	free(x);
	free(weighted);
	free(workspace);
}

/* A row that cannot be refined is solved exactly or says why; never a NaN. */
static void
test_refine_extremes(void)
{
	static const float scale[] = {1e30f, 1e-30f, 1e-42f, 1e38f, 0.0f};

	for (int i = 0; i < 5 * 3; i++)
	{
		Case		c;
		RsRowHooks	hooks = {NULL, NULL};
		void	   *workspace = unit_alloc(rs_rows_refine_workspace_size(6));
		RsRefineBase base = {.bias_inverse = 1.0f};
		RsRowTask	task;
		RsStatus	status;
		int			done;
		int64_t		exact;

		case_init(&c, 6, 40, 30, false, i % 3 == 1);
		for (int j = 0; j < 40 * c.side.stride; j++)
			c.factors[j] *= scale[i / 3];
		if (i % 3 == 2)
			c.x[0] = FLT_MAX;
		task = (RsRowTask) {c.row, c.x, c.objective.biases ? &c.bias : NULL, &c.loss};
		status = rs_rows_refine(&c.objective, &c.side, &base, &three, &task, 1, workspace,
							 &hooks, &done, &exact);
		CHECK(done == (status == RS_OK));
		CHECK(status == RS_OK || status == RS_NOT_FINITE || status == RS_NOT_POSITIVE_DEFINITE);
		for (int j = 0; j < 6 && status == RS_OK; j++)
			CHECK(isfinite(c.x[j]));
		if (status == RS_OK)
			CHECK(isfinite(c.loss) && c.loss >= 0.0 && isfinite(c.bias));

		/* without cells: zero */
		task.row.n = 0;
		CHECK(rs_rows_refine(&c.objective, &c.side, &base, &three, &task, 1, workspace,
							 &hooks, &done, &exact) == RS_OK);
		CHECK(c.x[0] == 0.0f && c.loss == 0.0);
		case_free(&c);
		free(workspace);
	}
}

int
main(void)
{
	rs_kernel_init();
	for (int level = 0; level <= (int) rs_simd_best(); level++)
	{
		CHECK(rs_simd_select((RsSimdLevel) level));
		test_refine();
		test_refine_together(false, false);
		test_refine_together(false, true);
		test_refine_together(true, false);
		test_refine_left();
		test_refine_extremes();
	}
	return unit_report("refine");
}
