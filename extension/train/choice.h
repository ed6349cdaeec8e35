/*-------------------------------------------------------------------------
 *
 * choice.h
 *		The record of what a training tried and chose.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_CHOICE_H
#define RS_CHOICE_H

#include "postgres.h"

#include "utils/jsonb.h"

#include "kernel/metrics.h"
#include "store/options.h"
#include "train/holdout.h"
#include "train/trial.h"
#include "train/weigh.h"

/* What became of a candidate. */
typedef enum RsCandidateEnd
{
	RS_CANDIDATE_TRIED,
	RS_CANDIDATE_NO_TIME,
	RS_CANDIDATE_NO_MEMORY,
	RS_CANDIDATE_UNSOLVED		/* its factors were not determined, or not finite */
} RsCandidateEnd;

typedef struct RsCandidate
{
	RsAlgorithm algorithm;
	RsOptions	options;		/* to train with */
	RsOptions	used;			/* of the trial, with weights that follow from the data */
	int			iterations;		/* of the trial */
	RsCandidateEnd end;
	double	   *scores;			/* of each user who was asked, if tried */
	RsMean		mean;			/* of these */
} RsCandidate;

/* By one goal. */
typedef struct RsGoalChoice
{
	const char *name;			/* "lists" or "ratings" */
	RsTrialMetric metric;
	const RsCandidate *candidates;
	int			n_candidates;
	int			chosen;			/* which of them */
	const RsWeighing *weighing; /* NULL: one part ranks */
	RsCandidateEnd weighing_end;
} RsGoalChoice;

#define RS_MAX_GOALS	2

typedef struct RsChoice
{
	const char *reason;			/* why nothing was chosen, or NULL */
	const RsHoldout *holdout;	/* of what was tried */
	int			n_goals;
	RsGoalChoice goals[RS_MAX_GOALS];
} RsChoice;

/*
 * As JSON, in the current context:
 *
 *	{"reason": "fewer than 50 users ..."}
 *
 * or
 *
 *	{"held_out": {"by": "random", "rows": 9120, "users": 937},
 *	 "lists": {"metric": "ndcg@20",
 *			   "tried": [{"algorithm": "als", "factors": 64, "regularization": 0.006,
 *						  "iterations": 5, "value": 0.2835, "standard_error": 0.0061}, ...],
 *			   "left_out": [{"algorithm": "als", "factors": 256, "regularization": 0.006,
 *							 "reason": "time"}, ...],
 *			   "chosen": {"algorithm": "als", "factors": 64, "regularization": 0.012},
 *			   "weights": {"tried": [{"als": 0.8, "item": 0.2, "popularity": 0,
 *									  "value": 0.2917, "standard_error": 0.006}, ...],
 *						   "chosen": {"als": 0.65, "item": 0.35, "popularity": 0}}}}
 *
 * or of the weights {"left_out": "time"}.
 * A model of ratings has the goal "ratings", whose metric is "rmse" and whose candidates
 * have reg_scaling and bias_regularization, too; and "lists" where another part ranks.
 */
extern Jsonb *rs_choice_to_jsonb(const RsChoice *choice);

#endif							/* RS_CHOICE_H */
