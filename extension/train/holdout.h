/*-------------------------------------------------------------------------
 *
 * holdout.h
 *		Rows of a training that are kept apart, to see what a trial makes of the others.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_HOLDOUT_H
#define RS_HOLDOUT_H

#include "postgres.h"

#include "kernel/cells.h"
#include "store/ratings.h"

/* Fewer users than this tell nothing: nothing is held out. */
#define RS_HOLDOUT_LEAST	50

typedef struct RsHoldout
{
	bool		by_time;
	int64		cut;			/* by time: later rows are held out */
	bool	   *is_held;		/* of each row of the ratings */
	int64		n_held;

	/* The users who are asked, ascending, with both kinds of rows. */
	int32		n_users;
	int32	   *user;
	int64	   *seen_from;		/* n_users + 1: where in seen those of a user begin */
	int32	   *seen;			/* items of rows that are not held out */
	int64	   *held_from;		/* n_users + 1 */
	RsCell	   *held;			/* cells that none of these rows has, items ascending;
								 * implicit: likes only */
	int32		most_users;		/* who could have been asked */
} RsHoldout;

/*
 * Divide the rows.  By time, where they have times: the last tenth of all rows is held
 * out.  At random, where they have none or the last tenth speaks of fewer than
 * RS_HOLDOUT_LEAST users: a fifth of the pairs of the users who are asked.  Users and pairs are
 * drawn by hashes of ids and seed, so the order of rows does not matter.
 *
 * Memory lies in the current context, below the run's.  False if it would exceed
 * recsys.training_memory; n_users is 0 if there are too few.
 */
extern bool rs_holdout_make(const RsRatings *ratings, bool implicit, uint64 seed,
							MemoryContext run, RsHoldout *holdout);

#endif							/* RS_HOLDOUT_H */
