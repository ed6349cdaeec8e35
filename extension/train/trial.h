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

#include "train/holdout.h"
#include "train/publish.h"

/* The lists that are judged. */
#define RS_TRIAL_TOP	20

/* What all trials share. */
typedef struct RsTrials
{
	const RsTrained *trained;
	const RsHoldout *holdout;
	MemoryContext run;			/* whose memory counts */
	RsAlsProblem problem;		/* but for the options that a trial brings */
	int32	   *by_popularity;	/* the items with rows that are not held out; set by the
								 * first trial */
	int32		n_items;		/* of them */
} RsTrials;

typedef enum RsTrialEnd
{
	RS_TRIAL_DONE,
	RS_TRIAL_TOO_LARGE,			/* for recsys.training_memory */
	RS_TRIAL_UNSOLVED			/* the factors were not determined, or not finite */
} RsTrialEnd;

/* Memory lies in the current context, below the run's; false if there is too little. */
extern bool rs_trials_begin(RsTrials *trials, const RsTrained *trained,
							const RsHoldout *holdout, MemoryContext run);

/*
 * Train with these options on the rows that are not held out; scores receives ndcg at
 * RS_TRIAL_TOP of the list of each user who is asked, as evaluate() has it.  Such a user
 * has the vector that training stored, which is what fold-in makes of their rows.
 */
extern RsTrialEnd rs_trial_als(RsTrials *trials, const RsOptions *options, double *scores);

/* The same of the most popular items, once a trial is done. */
extern void rs_trial_popular(const RsTrials *trials, double *scores);

#endif							/* RS_TRIAL_H */
