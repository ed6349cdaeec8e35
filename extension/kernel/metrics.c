/*-------------------------------------------------------------------------
 *
 * metrics.c
 *		Measures of ranked lists, and means with their standard errors.
 *
 *-------------------------------------------------------------------------
 */
#include "kernel/metrics.h"

#include <math.h>

void
rs_rank_add(RsRankSums *sums, bool hit, bool ideal)
{
	double		discount = hit || ideal ? 1.0 / log2((double) sums->rank + 2.0) : 0.0;

	sums->rank++;
	if (hit)
	{
		sums->hits++;
		if (sums->first_hit == 0)
			sums->first_hit = sums->rank;
		sums->precisions += (double) sums->hits / sums->rank;
		sums->gain += discount;
	}
	if (ideal)
		sums->ideal_gain += discount;
}

RsRankMetrics
rs_rank_metrics(const RsRankSums *sums, int32_t relevant, int32_t k)
{
	RsRankMetrics metrics;

	metrics.hits = sums->hits;
	metrics.precision = (double) sums->hits / k;
	metrics.recall = (double) sums->hits / relevant;
	metrics.hit_rate = sums->hits > 0 ? 1.0 : 0.0;
	metrics.reciprocal_rank = sums->hits > 0 ? 1.0 / sums->first_hit : 0.0;
	metrics.average_precision = sums->precisions / (relevant < k ? relevant : k);
	metrics.ndcg = sums->gain / sums->ideal_gain;
	return metrics;
}

void
rs_gini_add(RsGini *gini, int32_t count)
{
	gini->added++;
	gini->weighted += (2.0 * gini->added - gini->n - 1.0) * count;
	gini->sum += count;
}

double
rs_gini_value(const RsGini *gini)
{
	return gini->weighted / (gini->n * gini->sum);
}

void
rs_mean_add(RsMean *mean, double value)
{
	double		deviation = value - mean->mean;

	mean->n++;
	mean->mean += deviation / (double) mean->n;
	mean->squares += deviation * (value - mean->mean);
}

double
rs_mean_standard_error(const RsMean *mean)
{
	double		n = (double) mean->n;

	if (mean->n < 2)
		return -1.0;
	return sqrt(mean->squares / (n - 1.0) / n);
}

void
rs_ratio_add(RsRatio *ratio, double a, double b)
{
	ratio->n++;
	ratio->a += a;
	ratio->b += b;
	ratio->aa += a * a;
	ratio->ab += a * b;
	ratio->bb += b * b;
}

double
rs_ratio_value(const RsRatio *ratio)
{
	return ratio->a / ratio->b;
}

double
rs_ratio_standard_error(const RsRatio *ratio)
{
	double		n = (double) ratio->n;
	double		value;
	double		squares;

	if (ratio->n < 2)
		return -1.0;
	/* the sum of (a - value b)^2; rounding may leave it below zero */
	value = rs_ratio_value(ratio);
	squares = ratio->aa - 2.0 * value * ratio->ab + value * value * ratio->bb;
	if (squares < 0.0)
		squares = 0.0;
	return sqrt(squares * n / (n - 1.0)) / ratio->b;
}
