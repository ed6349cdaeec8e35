/*-------------------------------------------------------------------------
 *
 * goal.c
 *		What candidates of a choice are compared by, and what is varied: tables.
 *
 * The starts, and what a step is worth, were found on real sets; choose.c says what is
 * done with them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "train/goal.h"

static void
set_factors(RsOptions *options, double value, double deviation)
{
	options->factors = (int) value;
}

static void
set_regularization(RsOptions *options, double value, double deviation)
{
	options->regularization = value;
}

/*
 * A ridge that grows with the root of a row's count predicts better than one that grows
 * with the count, on all sets that were tried.  It is in deviations of the ratings, so
 * that their scale changes nothing.
 */
static void
set_root_regularization(RsOptions *options, double value, double deviation)
{
	options->reg_scaling = 0.5;
	options->regularization = value * deviation;
}

static void
set_bias_regularization(RsOptions *options, double value, double deviation)
{
	options->bias_regularization = value;
}

/*
 * Twice the factors take twice the time and memory in serving.  The second start is for
 * sets where items or users are hardly more than factors: few factors or a large ridge
 * make good lists there, and what lies between these and the defaults worse ones than both.
 */
const RsGoal rs_goal_lists = {
	"lists", RS_TRIAL_NDCG, 2, {
		{{"factors"}, set_factors, 6, {8, 16, 32, 64, 128, RS_GOAL_MOST_FACTORS}, {3, 1}, 0.01},
		{{"regularization", "reg_scaling"}, set_regularization,
		6, {0.003, 0.006, 0.012, 0.024, 0.048, 0.096}, {1, 4}, 0},
	}
};

/*
 * The score is a square, so a step must be worth half its part of the error itself.  At the
 * largest ridge nothing is left but the biases, which is best where ratings are few.
 */
const RsGoal rs_goal_ratings = {
	"ratings", RS_TRIAL_RMSE, 3, {
		{{"factors"}, set_factors, 5, {8, 16, 32, 64, 128}, {3, 2}, 0.001},
		{{"regularization", "reg_scaling"}, set_root_regularization,
		10, {0.5, 0.6, 0.7, 0.85, 1, 1.2, 1.4, 1.7, 2, 2.8}, {RS_DEFAULT_PLACE, 5}, 0},
		{{"bias_regularization", "regularization", "reg_scaling", "biases"},
		set_bias_regularization, 6, {0.25, 0.5, 1, 2, 4, 8}, {RS_DEFAULT_PLACE, 1}, 0},
	}
};

bool
rs_axis_is_given(const RsAxis *axis, const RsOptions *options)
{
	for (int i = 0; i < RS_GOAL_DECIDERS && axis->deciders[i] != NULL; i++)
	{
		if (rs_options_is_given(options, axis->deciders[i]))
			return true;
	}
	return false;
}
