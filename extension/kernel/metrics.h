/*-------------------------------------------------------------------------
 *
 * metrics.h
 *		Measures of a ranked list, and means with their standard errors.
 *
 * Pure C.  Definitions, R being the ranked list cut at k, T the relevant
 * items, hits = |R and T|:
 *
 * recall = hits / |T|
 * hit rate = 1 if hits > 0, else 0
 * ndcg = (sum over hits of 1 / log2(rank + 1)) / (the same sum for a list that
 * begins with min(k, |T|) hits); gains are binary (Jarvelin and Kekalainen
 * 2002, "Cumulated gain-based evaluation of IR techniques")
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_METRICS_H
#define RS_METRICS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct RsRankMetrics
{
	double		recall;
	double		hit_rate;
	double		ndcg;
} RsRankMetrics;

/* What the ranks of a list add up to, begun with zeros. */
typedef struct RsRankSums
{
	int32_t		rank;			/* of the last one added */
	int32_t		hits;
	double		gain;
	double		ideal_gain;
} RsRankSums;

/*
 * Add the next rank: hit, if the list has a relevant item there; ideal, if the
 * best possible list has one, that is up to rank |T|.
 */
extern void rs_rank_add(RsRankSums *sums, bool hit, bool ideal);

/*
 * The metrics of the list cut at the last rank that was added; relevant >= 1 is
 * |T|.  So one pass gives those of every k.  Ranks that neither list has need
 * not be added.
 */
extern RsRankMetrics rs_rank_metrics(const RsRankSums *sums, int32_t relevant);

/* A running mean and variance (Welford 1962). */
typedef struct RsMean
{
	int64_t		n;
	double		mean;
	double		squares;		/* sum of squared deviations */
} RsMean;

extern void rs_mean_add(RsMean *mean, double value);

/* s / sqrt(n), s with divisor n - 1; negative if n < 2. */
extern double rs_mean_standard_error(const RsMean *mean);

/*
 * A ratio of two sums over clusters (users), such as summed error over number
 * of ratings.  The standard error is that of the ratio estimator with clusters
 * as sampling units (Cochran 1977, "Sampling Techniques", section 2.11), since
 * the errors of one user are not independent.
 */
typedef struct RsRatio
{
	int64_t		n;				/* clusters */
	double		a;
	double		b;
	double		aa;
	double		ab;
	double		bb;
} RsRatio;

/* Add a cluster with numerator a and denominator b. */
extern void rs_ratio_add(RsRatio *ratio, double a, double b);

/* sum of a / sum of b; the denominator must not be zero */
extern double rs_ratio_value(const RsRatio *ratio);

/* Negative if there are fewer than two clusters. */
extern double rs_ratio_standard_error(const RsRatio *ratio);

#endif							/* RS_METRICS_H */
