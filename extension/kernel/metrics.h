/*-------------------------------------------------------------------------
 *
 * metrics.h
 *		Measures of ranked lists, and means with their standard errors.
 *
 * Pure C.  Definitions, R being the ranked list cut at k, T the relevant
 * items, hits = |R and T|:
 *
 * precision = hits / k, also where the list is shorter
 * recall = hits / |T|
 * hit rate = 1 if hits > 0, else 0
 * reciprocal rank = 1 / rank of the first hit, 0 without one (Voorhees 1999, "The
 * TREC-8 question answering track report")
 * average precision = (sum over hits of hits up to that rank / rank) / min(k, |T|)
 * (that of TREC, cut at k; divided as Spark and implicit do)
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
	int32_t		hits;
	double		precision;
	double		recall;
	double		hit_rate;
	double		reciprocal_rank;
	double		average_precision;
	double		ndcg;
} RsRankMetrics;

/* What the ranks of a list add up to, begun with zeros. */
typedef struct RsRankSums
{
	int32_t		rank;			/* of the last one added */
	int32_t		hits;
	int32_t		first_hit;		/* its rank; 0: none */
	double		precisions;		/* sum over hits of hits so far / rank */
	double		gain;
	double		ideal_gain;
} RsRankSums;

/*
 * Add the next rank: hit, if the list has a relevant item there; ideal, if the
 * best possible list has one, that is up to rank |T|.
 */
extern void rs_rank_add(RsRankSums *sums, bool hit, bool ideal);

/*
 * The metrics of the list cut at k >= 1, all of whose ranks were added, and none
 * beyond; relevant >= 1 is |T|.  So one pass gives those of every k.  Ranks that
 * neither list has need not be added.
 */
extern RsRankMetrics rs_rank_metrics(const RsRankSums *sums, int32_t relevant, int32_t k);

/*
 * The Gini coefficient of n counts x that come in ascending order:
 *
 *	(sum over i = 1 .. n of (2 i - n - 1) x_i) / (n * sum of x)
 *
 * 0 if all are equal, 1 - 1 / n if one has everything (Gini 1912; of how often
 * items are recommended, LensKit's ListGini).
 */
typedef struct RsGini
{
	double		n;				/* of all counts, known beforehand */
	double		added;
	double		weighted;
	double		sum;
} RsGini;

extern void rs_gini_add(RsGini *gini, int32_t count);

/* NaN if all counts are 0. */
extern double rs_gini_value(const RsGini *gini);

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

/* sum of a / sum of b; NaN if both are 0 */
extern double rs_ratio_value(const RsRatio *ratio);

/* Negative if there are fewer than two clusters; NaN if the value is. */
extern double rs_ratio_standard_error(const RsRatio *ratio);

#endif							/* RS_METRICS_H */
