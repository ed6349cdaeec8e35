/*-------------------------------------------------------------------------
 *
 * goal.h
 *		What candidates of a choice are compared by, and what is varied: tables.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_GOAL_H
#define RS_GOAL_H

#include "store/options.h"
#include "train/trial.h"

#define RS_GOAL_STARTS		2
#define RS_GOAL_AXES		3
#define RS_GOAL_PLACES		10
#define RS_GOAL_DECIDERS	4

/* Of a start: the option has its default, which is no place of the axis. */
#define RS_DEFAULT_PLACE	(-1)

/* An option that is varied, unless the user gave it or another that decides it. */
typedef struct RsAxis
{
	const char *deciders[RS_GOAL_DECIDERS]; /* the names of these */
	void		(*set) (RsOptions *options, double value, double deviation);
	int			n;
	double		values[RS_GOAL_PLACES];
	int			starts[RS_GOAL_STARTS]; /* places; the first start is the defaults */
	double		worth;			/* by what part of the score a step up must be better */
} RsAxis;

typedef struct RsGoal
{
	const char *name;			/* in the record of the choice */
	RsTrialMetric metric;
	int			n_axes;
	RsAxis		axes[RS_GOAL_AXES];
} RsGoal;

/* Of implicit feedback, and of explicit. */
extern const RsGoal rs_goal_lists;
extern const RsGoal rs_goal_ratings;

/* The most factors of any axis. */
#define RS_GOAL_MOST_FACTORS	256

/* Did the user give what decides an axis? */
extern bool rs_axis_is_given(const RsAxis *axis, const RsOptions *options);

#endif							/* RS_GOAL_H */
