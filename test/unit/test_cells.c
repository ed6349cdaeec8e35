/*-------------------------------------------------------------------------
 *
 * test_cells.c
 *		The rule for repeated ratings, in any order.
 *
 *-------------------------------------------------------------------------
 */
#include "unit.h"

#include <float.h>

#include "kernel/cells.h"

static void
shuffle(RsCell *cells, int32_t n)
{
	for (int32_t i = n - 1; i > 0; i--)
	{
		int32_t		j = (int32_t) unit_random((uint32_t) i + 1);
		RsCell		swap = cells[i];

		cells[i] = cells[j];
		cells[j] = swap;
	}
}

static void
test_explicit(void)
{
	RsCell		given[] = {
		{3, 1.0f, 10}, {3, 5.0f, 20}, {3, 4.0f, 20},	/* mean of the latest */
		{1, 2.0f, 7}, {1, 9.0f, 5},	/* the latest */
		{2, 0.0f, INT64_MIN}, {2, 3.0f, INT64_MIN},	/* no time: the mean */
		{9, -0.5f, INT64_MAX}
	};
	RsCell		cells[8];

	for (int repeat = 0; repeat < 50; repeat++)
	{
		memcpy(cells, given, sizeof(cells));
		shuffle(cells, 8);
		CHECK(rs_cells_reduce(cells, 8, false, NULL, NULL) == 4);
		CHECK(cells[0].index == 1 && cells[0].value == 2.0f && cells[0].time == 7);
		CHECK(cells[1].index == 2 && cells[1].value == 1.5f);
		CHECK(cells[2].index == 3 && cells[2].value == 4.5f && cells[2].time == 20);
		CHECK(cells[3].index == 9 && cells[3].value == -0.5f);
	}
}

static void
test_implicit(void)
{
	RsCell		given[] = {
		{4, 1.0f, 5}, {4, 2.0f, 9}, {4, 4.0f, 1},
		{5, 2.0f, 0}, {5, -2.0f, 0},	/* says nothing */
		{6, 0.0f, 0},
		{7, -3.0f, 0},
		{8, FLT_MAX, 0}, {8, FLT_MAX, 0},
		{0, -FLT_MAX, 0}, {0, -FLT_MAX, 0}
	};
	RsCell		cells[11];

	for (int repeat = 0; repeat < 50; repeat++)
	{
		memcpy(cells, given, sizeof(cells));
		shuffle(cells, 11);
		CHECK(rs_cells_reduce(cells, 11, true, NULL, NULL) == 4);
		CHECK(cells[0].index == 0 && cells[0].value == -FLT_MAX);
		CHECK(cells[1].index == 4 && cells[1].value == 7.0f && cells[1].time == 9);
		CHECK(cells[2].index == 7 && cells[2].value == -3.0f);
		CHECK(cells[3].index == 8 && cells[3].value == FLT_MAX);
	}
}

/* Values whose sum depends on the order come out the same nevertheless. */
static void
test_order(void)
{
	enum {N = 3000};
	RsCell	   *first = malloc(N * sizeof(RsCell));
	RsCell	   *second = malloc(N * sizeof(RsCell));
	float	   *values = malloc(N * sizeof(float));
	float		value;

	for (int implicit = 0; implicit < 2; implicit++)
	{
		int32_t		n;

		for (int32_t i = 0; i < N; i++)
		{
			first[i].index = (int32_t) unit_random(40);
			first[i].value = ldexpf(unit_random_float(), (int) unit_random(100) - 50);
			first[i].time = (int64_t) unit_random(3);
		}
		memcpy(second, first, N * sizeof(RsCell));
		shuffle(second, N);
		n = rs_cells_reduce(first, N, implicit, NULL, NULL);
		CHECK(n == 40);
		CHECK(rs_cells_reduce(second, N, implicit, NULL, NULL) == n);
		for (int32_t i = 0; i < n; i++)
			CHECK(first[i].index == i && memcmp(&first[i], &second[i], sizeof(RsCell)) == 0);
	}

	/* rs_cell_combine() is the same rule. */
	for (int implicit = 0; implicit < 2; implicit++)
	{
		for (int32_t i = 0; i < N; i++)
		{
			values[i] = ldexpf(unit_random_float(), (int) unit_random(100) - 50);
			first[i] = (RsCell) {0, values[i], 0};
		}
		CHECK(rs_cells_reduce(first, N, implicit, NULL, NULL) == 1);
		CHECK(rs_cell_combine(values, N, implicit, &value, NULL, NULL));
		CHECK(first[0].value == value);
		for (int32_t i = 1; i < N; i++)
			CHECK(values[i - 1] <= values[i]);
	}
	for (int32_t n = 2; n < 100; n++)
	{
		for (int32_t i = 0; i < n; i++)
			values[i] = unit_random_float();
		CHECK(rs_cell_combine(values, n, true, &value, NULL, NULL));
		for (int32_t i = 1; i < n; i++)
			CHECK(values[i - 1] <= values[i]);
	}
	free(first);
	free(second);
	free(values);
}

/*
 * Lists of any length are reduced alike, whichever way they are sorted: many copies of
 * a cell that comes last make a long list of a short one.
 */
static void
test_short(bool implicit)
{
	enum {MOST = 1500, COPIES = 1500};
	static const int32_t spreads[] = {3, 200, 70000, 20000000, INT32_MAX};
	RsCell	   *cells = malloc((MOST + COPIES) * sizeof(RsCell));
	RsCell	   *longer = malloc((MOST + COPIES) * sizeof(RsCell));

	for (int32_t n = 0; n < MOST; n += 1 + n / 5)
	{
		int32_t		kept;

		for (int32_t i = 0; i < n; i++)
			cells[i] = (RsCell) {
			(int32_t) unit_random(spreads[n % 5]), unit_random_float(), (int64_t) unit_random(3)
		};
		memcpy(longer, cells, (size_t) n * sizeof(RsCell));
		for (int32_t i = 0; i < COPIES; i++)
			longer[n + i] = (RsCell) {INT32_MAX, 1.0f, 0};
		kept = rs_cells_reduce(cells, n, implicit, NULL, NULL);
		CHECK(rs_cells_reduce(longer, n + COPIES, implicit, NULL, NULL) == kept + 1);
		CHECK(memcmp(cells, longer, (size_t) kept * sizeof(RsCell)) == 0);
		for (int32_t i = 1; i < kept; i++)
			CHECK(cells[i - 1].index < cells[i].index);
	}
	free(cells);
	free(longer);
}

/* A million copies of one cell: neither quadratic nor deep. */
static void
test_copies(void)
{
	enum {N = 1000000};
	RsCell	   *cells = malloc(N * sizeof(RsCell));

	for (int32_t i = 0; i < N; i++)
		cells[i] = (RsCell) {7, i % 2 == 0 ? 1.0f : 3.0f, i % 3};
	CHECK(rs_cells_reduce(cells, N, false, NULL, NULL) == 1);
	CHECK_NEAR(cells[0].value, 2.0, 1e-5);
	CHECK(rs_cells_reduce(cells, 0, false, NULL, NULL) == 0);
	free(cells);
}

/* Says stop once the questions counted in arg are used up. */
static bool
after_questions(void *arg)
{
	return (*(int *) arg)-- <= 0;
}

/* Every pass over the cells asks often whether to stop, and does. */
static void
test_stop(bool implicit, int32_t copies)
{
	enum {N = 100000, PASSES = 2};
	RsCell	   *cells = unit_alloc(N * sizeof(RsCell));
	int			asked = -1;
	int32_t		n = -1;

	while (n < 0)
	{
		int			left = ++asked;

		for (int32_t i = 0; i < N; i++)
			cells[i] = (RsCell) {(N - i) / copies, unit_random_float(), i % 7};
		n = rs_cells_reduce(cells, N, implicit, after_questions, &left);
		CHECK(left == (n < 0 ? -1 : 0));
	}
	CHECK(asked >= PASSES * (N / RS_STOP_STEPS));
	free(cells);
}

static void
test_stop_combine(void)
{
	enum {N = 100000, PASSES = 2};
	float	   *values = unit_alloc(N * sizeof(float));
	int			asked = -1;
	int			left;
	float		value;

	do
	{
		left = ++asked;
		for (int32_t i = 0; i < N; i++)
			values[i] = unit_random_float();
	} while (!rs_cell_combine(values, N, true, &value, after_questions, &left));
	CHECK(asked >= PASSES * (N / RS_STOP_STEPS));
	free(values);
}

/* What ratings weigh: 1 at the mean, half of a deviation more for each, never nothing. */
static void
test_weights(void)
{
	float		values[] = {3.0f, 5.0f, 1.0f, -1000.0f, FLT_MAX, -FLT_MAX};

	CHECK(rs_ratings_to_weights(values, 6, 3.0, 2.0, NULL, NULL));
	CHECK(values[0] == 1.0f && values[1] == 1.5f && values[2] == 0.5f);
	CHECK(values[3] == 0.1f && values[4] > 1e37f && values[5] == 0.1f);
	CHECK(rs_rating_weight(FLT_MAX, 0.0, 1e-9) == FLT_MAX);
	CHECK(rs_rating_weight(-FLT_MAX, 0.0, 1e-300) == 0.1f);
}

int
main(void)
{
	test_weights();
	test_explicit();
	test_implicit();
	test_order();
	test_copies();
	test_short(false);
	test_short(true);
	test_stop(false, 1);
	test_stop(true, 1);
	test_stop(false, 100000);
	test_stop_combine();
	return unit_report("cells");
}
