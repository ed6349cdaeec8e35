/*-------------------------------------------------------------------------
 *
 * metrics.c
 *		Measures of a ranked list, and means with their standard errors.
 *
 *-------------------------------------------------------------------------
 */
#include "kernel/metrics.h"

#include <math.h>

RsRankMetrics
rs_metrics_of_list(const bool *hit, int32_t n, int32_t relevant, int32_t k)
{
	RsRankMetrics metrics = {0};
	int32_t		shown = n < k ? n : k;
	int32_t		ideal = relevant < k ? relevant : k;
	int32_t		hits = 0;
	double		gain = 0.0;
	double		ideal_gain = 0.0;

	for (int32_t i = 0; i < shown; i++)
	{
		if (hit[i])
		{
			hits++;
			gain += 1.0 / log2((double) i + 2.0);
		}
	}
	for (int32_t i = 0; i < ideal; i++)
		ideal_gain += 1.0 / log2((double) i + 2.0);
	metrics.recall = (double) hits / relevant;
	metrics.hit_rate = hits > 0 ? 1.0 : 0.0;
	metrics.ndcg = gain / ideal_gain;
	return metrics;
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
