/*-------------------------------------------------------------------------
 *
 * derive.c
 *		Weights of the objective that were not given, from the data.
 *
 * explicit: regularization = 0.09 times the standard deviation of the ratings.
 * The best value grows with the scale of the ratings: 0.08 to 0.12 on
 * MovieLens (deviation 1.1), 0.4 on Jester (5.2).  Where ratings are s times as
 * large, factors are sqrt(s) times and biases s times as large, so the squares of
 * the errors and of the biases grow alike: bias_regularization = 0.09.
 *
 * implicit: alpha = 1 / mean weight of an observed cell, so that only ratios of
 * weights matter; unobserved_weight = alpha * mean weight * min(1, 1.25 q ln(1 + c)),
 * where q = sum over items of m^2 / (cells * users), m the users of an item: the
 * share of the users who have the item of an average cell; and c is the number
 * of cells for each item.  The best value follows q better than the density or
 * the number of items, and its ratio to q grows slowly with c: about 1 on sets
 * with 5 and 8 cells an item, 3 to 4 with 18, 2 to 6 with 50 and more.
 * The option's default of regularization belongs to it.
 *
 * None exceeds RS_MAX_WEIGHT, what a version may have: 0.09 deviations of floats
 * cannot, the others are cut.
 *
 * test/bench/sweep.py found the constants and shows what they lose on real
 * sets.  Sums run in one fixed order, in double.
 *
 *-------------------------------------------------------------------------
 */
#include "solver/derive.h"

#include <math.h>

#include "rs_limits.h"

#define REGULARIZATION_PER_DEVIATION	0.09
#define BIAS_REGULARIZATION				0.09
#define UNOBSERVED_PER_SHARE			1.25

double
rs_deviation(const RsCsr *users, double mean, RsPool *pool)
{
	int64_t		n = users->start[users->n];
	double		squares = 0.0;

	for (int64_t i = 0; i < n && !rs_stop_at(rs_pool_stopping, pool, i); i++)
	{
		double		difference = (double) users->value[i] - mean;

		squares += difference * difference;
	}
	return squares > 0.0 ? sqrt(squares / (double) n) : 1.0;
}

static double
mean_weight(const RsCsr *users, RsPool *pool)
{
	int64_t		n = users->start[users->n];
	double		sum = 0.0;

	for (int64_t i = 0; i < n && !rs_stop_at(rs_pool_stopping, pool, i); i++)
		sum += fabs((double) users->value[i]);
	return n == 0 ? 1.0 : sum / (double) n;
}

/* q, between 0 and 1; there are cells */
static double
share_of_users(const RsSide *users, const RsSide *items, double cells, RsPool *pool)
{
	double		squares = 0.0;

	for (int32_t i = 0; i < items->cells.n && !rs_stop_at(rs_pool_stopping, pool, i); i++)
		squares += (double) items->counts[i] * (double) items->counts[i];
	return squares / (cells * (double) users->active);
}

/* The unobserved weight that suits, as part of the mean weight of an observed cell */
static double
unobserved_part(const RsSide *users, const RsSide *items, RsPool *pool)
{
	double		cells = (double) items->cells.start[items->cells.n];

	if (cells == 0.0)
		return 0.0;
	return fmin(1.0, UNOBSERVED_PER_SHARE * share_of_users(users, items, cells, pool) *
				log1p(cells / (double) items->active));
}

static double
derive_implicit(RsObjective *objective, const RsSide *users, const RsSide *items, RsPool *pool)
{
	double		mean = mean_weight(&users->cells, pool);

	if (isnan(objective->alpha))
		objective->alpha = fmin(1.0 / mean, RS_MAX_WEIGHT);
	if (isnan(objective->unobserved_weight))
		objective->unobserved_weight =
			fmin(objective->alpha * mean * unobserved_part(users, items, pool), RS_MAX_WEIGHT);
	return objective->alpha * mean;
}

double
rs_derive_weights(RsObjective *objective, double deviation, const RsSide *users,
				  const RsSide *items, RsPool *pool)
{
	if (objective->implicit)
		return derive_implicit(objective, users, items, pool);
	if (isnan(objective->regularization))
		objective->regularization = REGULARIZATION_PER_DEVIATION * deviation;
	if (isnan(objective->bias_regularization))
		objective->bias_regularization = BIAS_REGULARIZATION;
	return 1.0;
}
