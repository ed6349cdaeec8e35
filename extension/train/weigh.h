/*-------------------------------------------------------------------------
 *
 * weigh.h
 *		How much each part counts in what ranks items, by what is held out.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_WEIGH_H
#define RS_WEIGH_H

#include "postgres.h"

#include "kernel/metrics.h"
#include "train/trial.h"

/* Weights that are tried at most. */
#define RS_MOST_WEIGHTS		10

typedef struct RsTriedWeights
{
	RsPartWeights weights;
	double	   *scores;			/* of each user who was asked */
	RsMean		mean;			/* of these */
} RsTriedWeights;

typedef struct RsWeighing
{
	int			n;				/* 0: none were tried */
	RsTriedWeights tried[RS_MOST_WEIGHTS];
	int			chosen;			/* which of them */
} RsWeighing;

/*
 * Train both parts on the rows that are not held out, the dense one with these options, and
 * choose weights; those that the user gave are tried alone.  Results are in the current
 * context.  RS_TRIAL_DONE, or why none were tried.
 */
extern RsTrialEnd rs_weigh(const RsTrials *trials, const RsOptions *options,
						   const RsPartWeights *given, RsWeighing *weighing);

#endif							/* RS_WEIGH_H */
