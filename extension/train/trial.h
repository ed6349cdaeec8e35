/*-------------------------------------------------------------------------
 *
 * trial.h
 *		What a training with some options makes of the rows that are held out.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_TRIAL_H
#define RS_TRIAL_H

#include "postgres.h"

#include "train/judge.h"
#include "train/publish.h"

/* What trials are compared by. */
typedef enum RsTrialMetric
{
	RS_TRIAL_NDCG,				/* of lists of RS_TRIAL_TOP */
	RS_TRIAL_RMSE				/* of predicted ratings */
} RsTrialMetric;

/* What all trials share. */
typedef struct RsTrials
{
	const RsTrained *trained;
	const RsHoldout *holdout;
	RsTrialMetric metric;
	MemoryContext run;			/* whose memory counts */
	RsAlsProblem problem;		/* but for the options that a trial brings */
	int32	   *by_popularity;	/* the items with rows that are not held out; set by the
								 * first trial */
	int32		n_items;		/* of them */
	bool		weighs_ratings; /* lists are of weights made of ratings, */
	double		mean;			/* by these, which the first trial of ratings sets */
	double		deviation;
} RsTrials;

typedef enum RsTrialEnd
{
	RS_TRIAL_DONE,
	RS_TRIAL_TOO_LARGE,			/* for recsys.training_memory */
	RS_TRIAL_UNSOLVED			/* the factors were not determined, or not finite */
} RsTrialEnd;

/*
 * Memory lies in the current context, below the run's; false if there is too little.  Of a
 * model of ratings trials by ndcg are of the part that ranks; rated are those by rmse, of
 * which one has been done.
 */
extern bool rs_trials_begin(RsTrials *trials, const RsTrained *trained,
							const RsHoldout *holdout, RsTrialMetric metric,
							const RsTrials *rated, MemoryContext run);

/*
 * Train with these options, which take weights that follow from the data, on the rows
 * that are not held out.  scores receives of each user who is asked: ndcg of their list,
 * as evaluate() has it; or less their squared errors, weighted so that the mean over
 * users is that over all held-out ratings.  Such a user has the vector that training
 * stored, which is what fold-in makes of their rows.
 */
extern RsTrialEnd rs_trial_als(RsTrials *trials, RsOptions *options, double *scores);

/*
 * Of such a trial: what the solver is asked; bytes of its arena, and of all that
 * rs_trial_fit() takes, in the current context.  False if these overflow.
 */
extern bool rs_trial_problem(const RsTrials *trials, const RsOptions *options,
							 RsAlsProblem *problem, Size *arena, Size *all);

/* Train; the status of a row that failed returns, other errors are raised. */
extern RsStatus rs_trial_fit(const RsTrials *trials, RsAlsProblem *problem, Size arena,
							 RsAlsModel *als);

/* Once a trial is done: who judges other lists by the same items. */
extern void rs_trials_judge(const RsTrials *trials, RsJudge *judge);

/* ndcg of the most popular items, once a trial is done. */
extern void rs_trial_popular(const RsTrials *trials, double *scores);

#endif							/* RS_TRIAL_H */
