/*-------------------------------------------------------------------------
 *
 * test_row_explain.c
 *		What each cell contributes to a row's product.
 *
 *-------------------------------------------------------------------------
 */
#include "row_case.h"

#include <math.h>

static const RsRowHooks no_hooks = {0};

static const float *
factors_at(const Case *c, int32_t position)
{
	return c->factors + (size_t) position * c->side.stride;
}

static RsStatus
contributions_to(Case *c, int32_t position, double *contributions)
{
	return rs_row_contributions(&c->objective, &c->side, &c->row, position, c->workspace,
								contributions, &no_hooks);
}

/* They sum to the product, for a row that has the item and one that has not. */
static void
test_sum(int k, int32_t side_n, int32_t row_n, bool implicit, bool biases)
{
	double	   *contributions = unit_alloc((size_t) row_n * sizeof(double));
	Case		c;

	case_init(&c, k, side_n, row_n, implicit, biases);
	CHECK(case_solve(&c) == RS_OK);
	for (int32_t position = 0; position < side_n; position += 1 + side_n / 5)
	{
		double		sum = 0;
		double		sizes = 0;

		CHECK(contributions_to(&c, position, contributions) == RS_OK);
		for (int32_t i = 0; i < row_n; i++)
		{
			sum += contributions[i];
			sizes += fabs(contributions[i]);
		}
		CHECK(fabs(sum - rs_dot(c.x, factors_at(&c, position), (size_t) k)) < 1e-5 * (1 + sizes));
	}
	case_free(&c);
	free(contributions);
}

/*
 * Explicit: the product is linear in a rating, so a rating that is 1 greater adds the
 * contribution over what the rating is above its expectation.
 */
static void
test_each(bool biases)
{
	double		contributions[9];
	Case		c;

	case_init(&c, 5, 20, 9, false, biases);
	CHECK(contributions_to(&c, 3, contributions) == RS_OK);
	CHECK(case_solve(&c) == RS_OK);
	for (int32_t i = 0; i < 9; i++)
	{
		double		before = rs_dot(c.x, factors_at(&c, 3), 5);
		double		above = c.value[i] - c.objective.mean - (biases ? c.biases[c.index[i]] : 0);

		c.value[i] += 1;
		CHECK(case_solve(&c) == RS_OK);
		CHECK(fabs((rs_dot(c.x, factors_at(&c, 3), 5) - before) * above - contributions[i]) < 1e-4);
		c.value[i] -= 1;
		CHECK(case_solve(&c) == RS_OK);
	}
	case_free(&c);
}

/* Implicit: a dislike adds nothing to the right-hand side. */
static void
test_dislike(void)
{
	double		contributions[6];
	Case		c;

	case_init(&c, 4, 12, 6, true, false);
	c.value[2] = -1;
	CHECK(contributions_to(&c, 7, contributions) == RS_OK);
	CHECK(contributions[2] == 0);
	case_free(&c);
}

static bool
stop_at_once(void *arg)
{
	(void) arg;
	return true;
}

static void
test_failures(void)
{
	RsRowHooks	hooks = {.stop = stop_at_once};
	double		contributions[6];
	Case		c;

	case_init(&c, 4, 12, 6, false, true);
	CHECK(rs_row_contributions(&c.objective, &c.side, &c.row, 0, c.workspace, contributions,
							   &hooks) == RS_STOPPED);
	c.side.biases = NULL;
	CHECK(contributions_to(&c, 0, contributions) == RS_INVALID);
	c.objective.biases = false;
	c.objective.regularization = 0;
	memset(c.factors, 0, 12 * (size_t) c.side.stride * sizeof(float));
	CHECK(contributions_to(&c, 0, contributions) == RS_NOT_POSITIVE_DEFINITE);
	case_free(&c);
}

int
main(void)
{
	for (int level = 0; level <= (int) rs_simd_best(); level++)
	{
		CHECK(rs_simd_select((RsSimdLevel) level));
		test_sum(1, 10, 4, false, false);
		test_sum(7, 40, 12, false, true);
		test_sum(64, 300, 100, false, true);
		test_sum(64, 300, 20, true, false);
		test_sum(130, 200, 150, true, false);
		test_each(false);
		test_each(true);
		test_dislike();
		test_failures();
	}
	return unit_report("row_explain");
}
