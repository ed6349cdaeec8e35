/*-------------------------------------------------------------------------
 *
 * derive.c
 *		Weights of the objective that were not given, from the data.
 *
 * explicit: regularization = 0.09 times the standard deviation of the ratings.
 * The best value grows with the scale of the ratings: 0.08 to 0.12 on
 * MovieLens (deviation 1.1), 0.4 on Jester (5.2).
 *
 * implicit: alpha = 1 / mean weight of an observed cell, so that only ratios of
 * weights matter; unobserved_weight = alpha * mean weight * min(1, 1.5 q),
 * where q = sum over items of m^2 / (cells * users), m the users of an item: the
 * share of the users who have the item of an average cell.  The best value
 * follows q better than the density or the number of items.
 *
 * test/bench/sweep.py found the constants and shows what they lose on real
 * sets.  Sums run in one fixed order, in double.
 *
 *-------------------------------------------------------------------------
 */
#include "solver/derive.h"

#include <math.h>

#define REGULARIZATION_PER_DEVIATION	0.09
#define UNOBSERVED_PER_SHARE			1.5

static double
deviation(const RsCsr *users, double mean)
{
	int64_t		n = users->start[users->n];
	double		squares = 0.0;

	for (int64_t i = 0; i < n; i++)
	{
		double		difference = (double) users->value[i] - mean;

		squares += difference * difference;
	}
	return n == 0 ? 0.0 : sqrt(squares / (double) n);
}

static double
mean_weight(const RsCsr *users)
{
	int64_t		n = users->start[users->n];
	double		sum = 0.0;

	for (int64_t i = 0; i < n; i++)
		sum += fabs((double) users->value[i]);
	return n == 0 ? 1.0 : sum / (double) n;
}

/* q, between 0 and 1 */
static double
share_of_users(const RsSide *users, const RsSide *items)
{
	double		cells = (double) items->cells.start[items->cells.n];
	double		squares = 0.0;

	for (int32_t i = 0; i < items->cells.n; i++)
		squares += (double) items->counts[i] * (double) items->counts[i];
	return cells == 0.0 ? 0.0 : squares / (cells * (double) users->active);
}

static double
derive_implicit(RsObjective *objective, const RsSide *users, const RsSide *items)
{
	double		mean = mean_weight(&users->cells);

	if (isnan(objective->alpha))
		objective->alpha = 1.0 / mean;
	if (isnan(objective->unobserved_weight))
		objective->unobserved_weight = objective->alpha * mean *
			fmin(1.0, UNOBSERVED_PER_SHARE * share_of_users(users, items));
	return objective->alpha * mean;
}

double
rs_derive_weights(RsObjective *objective, const RsSide *users, const RsSide *items)
{
	if (objective->implicit)
		return derive_implicit(objective, users, items);
	if (isnan(objective->regularization))
	{
		double		scale = deviation(&users->cells, objective->mean);

		/* equal ratings leave nothing to fit: any positive value will do */
		objective->regularization = REGULARIZATION_PER_DEVIATION * (scale > 0.0 ? scale : 1.0);
	}
	return 1.0;
}
