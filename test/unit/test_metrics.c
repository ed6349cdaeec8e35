/*-------------------------------------------------------------------------
 *
 * test_metrics.c
 *		Measures of ranked lists by hand-made numbers; means against two passes.
 *
 *-------------------------------------------------------------------------
 */
#include "unit.h"

#include "kernel/metrics.h"

/* The metrics at k of a list of n: every rank is added, needed or not. */
static RsRankMetrics
metrics_of_list(const bool *hit, int32_t n, int32_t relevant, int32_t k)
{
	RsRankSums	sums = {0};

	for (int32_t rank = 0; rank < k; rank++)
		rs_rank_add(&sums, rank < n && hit[rank], rank < relevant);
	return rs_rank_metrics(&sums, relevant, k);
}

static void
test_lists(void)
{
	static const bool hit[] = {false, true, false, true, true};
	RsRankMetrics m;

	/* three hits of four relevant items, at ranks 2, 4 and 5 */
	m = metrics_of_list(hit, 5, 4, 5);
	CHECK(m.hits == 3);
	CHECK_NEAR(m.precision, 0.6, 1e-15);
	CHECK_NEAR(m.recall, 0.75, 1e-15);
	CHECK(m.hit_rate == 1.0);
	CHECK_NEAR(m.reciprocal_rank, 0.5, 1e-15);
	CHECK_NEAR(m.average_precision, (1.0 / 2 + 2.0 / 4 + 3.0 / 5) / 4, 1e-15);
	CHECK_NEAR(m.ndcg, (1 / log2(3) + 1 / log2(5) + 1 / log2(6)) /
			   (1 + 1 / log2(3) + 0.5 + 1 / log2(5)), 1e-15);

	/* cut at 3 and at 1 */
	m = metrics_of_list(hit, 5, 4, 3);
	CHECK_NEAR(m.precision, 1.0 / 3, 1e-15);
	CHECK_NEAR(m.recall, 0.25, 1e-15);
	CHECK_NEAR(m.average_precision, 1.0 / 2 / 3, 1e-15);
	CHECK_NEAR(m.ndcg, (1 / log2(3)) / (1 + 1 / log2(3) + 0.5), 1e-15);
	m = metrics_of_list(hit, 5, 4, 1);
	CHECK(m.hits == 0 && m.precision == 0.0 && m.recall == 0.0 && m.hit_rate == 0.0);
	CHECK(m.reciprocal_rank == 0.0 && m.average_precision == 0.0 && m.ndcg == 0.0);

	/* the ideal list is no longer than the relevant items are many */
	m = metrics_of_list(hit + 1, 1, 1, 10);
	CHECK(m.recall == 1.0 && m.hit_rate == 1.0 && m.ndcg == 1.0);
	CHECK(m.reciprocal_rank == 1.0 && m.average_precision == 1.0);
	CHECK_NEAR(m.precision, 0.1, 1e-15);

	/* a list shorter than k, and none at all */
	m = metrics_of_list(hit, 2, 2, 10);
	CHECK_NEAR(m.recall, 0.5, 1e-15);
	CHECK_NEAR(m.ndcg, (1 / log2(3)) / (1 + 1 / log2(3)), 1e-15);
	m = metrics_of_list(NULL, 0, 3, 10);
	CHECK(m.recall == 0.0 && m.hit_rate == 0.0 && m.ndcg == 0.0);
}

static double
gini_of(const int32_t *counts, int32_t n)
{
	RsGini		gini = {.n = n};

	for (int32_t i = 0; i < n; i++)
		rs_gini_add(&gini, counts[i]);
	return rs_gini_value(&gini);
}

static void
test_gini(void)
{
	static const int32_t equal[] = {7, 7, 7, 7};
	static const int32_t one[] = {0, 0, 0, 9};
	static const int32_t some[] = {0, 1, 2, 2, 5};
	static const int32_t none[] = {0, 0, 0};
	double		differences = 0;

	CHECK(gini_of(equal, 4) == 0.0);
	CHECK(gini_of(one, 4) == 0.75);
	CHECK(gini_of(one + 3, 1) == 0.0);
	CHECK(isnan(gini_of(none, 3)));

	/* half the mean absolute difference of two counts over their mean */
	for (int i = 0; i < 5; i++)
	{
		for (int j = 0; j < 5; j++)
			differences += abs(some[i] - some[j]);
	}
	CHECK_NEAR(gini_of(some, 5), differences / 25 / 2 / (10.0 / 5), 1e-15);
}

static void
test_mean(void)
{
	RsMean		mean = {0};
	double		values[1000];
	double		sum = 0;
	double		squares = 0;

	CHECK(rs_mean_standard_error(&mean) < 0);
	for (int i = 0; i < 1000; i++)
	{
		values[i] = 1e6 + unit_random_float();
		sum += values[i];
		rs_mean_add(&mean, values[i]);
		if (i == 0)
			CHECK(rs_mean_standard_error(&mean) < 0);
	}
	for (int i = 0; i < 1000; i++)
		squares += (values[i] - sum / 1000) * (values[i] - sum / 1000);
	CHECK(mean.n == 1000);
	CHECK_NEAR(mean.mean, sum / 1000, 1e-12);
	CHECK_NEAR(rs_mean_standard_error(&mean), sqrt(squares / 999 / 1000), 1e-9);
}

static void
test_ratio(void)
{
	RsRatio		ratio = {0};
	RsRatio		equal = {0};
	double		a[100];
	double		b[100];
	double		sum_a = 0;
	double		sum_b = 0;
	double		squares = 0;

	CHECK(rs_ratio_standard_error(&ratio) < 0);
	CHECK(isnan(rs_ratio_value(&ratio)));
	for (int i = 0; i < 100; i++)
	{
		b[i] = 1 + unit_random(9);
		a[i] = b[i] * (1 + 0.3 * unit_random_float());
		sum_a += a[i];
		sum_b += b[i];
		rs_ratio_add(&ratio, a[i], b[i]);
		rs_ratio_add(&equal, 0.1 * b[i], b[i]);
		if (i == 0)
			CHECK(rs_ratio_standard_error(&ratio) < 0);
	}
	for (int i = 0; i < 100; i++)
	{
		double		residual = a[i] - sum_a / sum_b * b[i];

		squares += residual * residual;
	}
	CHECK_NEAR(rs_ratio_value(&ratio), sum_a / sum_b, 1e-15);
	CHECK_NEAR(rs_ratio_standard_error(&ratio),
			   sqrt(100 * squares / 99) / sum_b, 1e-12);

	/* no spread: zero, and never the root of a negative rounding error */
	CHECK_NEAR(rs_ratio_standard_error(&equal), 0.0, 1e-7);
}

int
main(void)
{
	test_lists();
	test_gini();
	test_mean();
	test_ratio();
	return unit_report("metrics");
}
