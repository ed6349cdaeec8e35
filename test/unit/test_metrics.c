/*-------------------------------------------------------------------------
 *
 * test_metrics.c
 *		Measures of a ranked list by hand-made numbers; means against two passes.
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
	return rs_rank_metrics(&sums, relevant);
}

static void
test_lists(void)
{
	static const bool hit[] = {false, true, false, true, true};
	RsRankMetrics m;

	/* three hits of four relevant items, at ranks 2, 4 and 5 */
	m = metrics_of_list(hit, 5, 4, 5);
	CHECK_NEAR(m.recall, 0.75, 1e-15);
	CHECK(m.hit_rate == 1.0);
	CHECK_NEAR(m.ndcg, (1 / log2(3) + 1 / log2(5) + 1 / log2(6)) /
			   (1 + 1 / log2(3) + 0.5 + 1 / log2(5)), 1e-15);

	/* cut at 3 and at 1 */
	m = metrics_of_list(hit, 5, 4, 3);
	CHECK_NEAR(m.recall, 0.25, 1e-15);
	CHECK_NEAR(m.ndcg, (1 / log2(3)) / (1 + 1 / log2(3) + 0.5), 1e-15);
	m = metrics_of_list(hit, 5, 4, 1);
	CHECK(m.recall == 0.0 && m.hit_rate == 0.0 && m.ndcg == 0.0);

	/* the ideal list is no longer than the relevant items are many */
	m = metrics_of_list(hit + 1, 1, 1, 10);
	CHECK(m.recall == 1.0 && m.hit_rate == 1.0 && m.ndcg == 1.0);

	/* a list shorter than k, and none at all */
	m = metrics_of_list(hit, 2, 2, 10);
	CHECK_NEAR(m.recall, 0.5, 1e-15);
	CHECK_NEAR(m.ndcg, (1 / log2(3)) / (1 + 1 / log2(3)), 1e-15);
	m = metrics_of_list(NULL, 0, 3, 10);
	CHECK(m.recall == 0.0 && m.hit_rate == 0.0 && m.ndcg == 0.0);
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
	test_mean();
	test_ratio();
	return unit_report("metrics");
}
