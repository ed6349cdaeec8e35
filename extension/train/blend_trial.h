/*-------------------------------------------------------------------------
 *
 * blend_trial.h
 *		What weighted sums of parts make of the rows that are held out.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_BLEND_TRIAL_H
#define RS_BLEND_TRIAL_H

#include "postgres.h"

#include "train/trial.h"

typedef struct RsBlendTrial RsBlendTrial;

/*
 * Train the dense part with these options, and the item part, on the rows that are not
 * held out.  Memory is in a context of its own below the current one; *trial is NULL unless
 * that was done.  A trial of the same goal was done before.
 */
extern RsTrialEnd rs_blend_trial_begin(const RsTrials *trials, const RsOptions *options,
									   RsBlendTrial **trial);

/* scores receives ndcg of the list of each user who is asked, by these weights. */
extern void rs_blend_trial_judge(RsBlendTrial *trial, const RsPartWeights *weights,
								 double *scores);

extern void rs_blend_trial_end(RsBlendTrial *trial);

#endif							/* RS_BLEND_TRIAL_H */
