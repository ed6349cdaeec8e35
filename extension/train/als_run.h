/*-------------------------------------------------------------------------
 *
 * als_run.h
 *		What the solver is asked to train, and what it means when it cannot.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_ALS_RUN_H
#define RS_ALS_RUN_H

#include "postgres.h"

#include "train/publish.h"
#include "train/tick.h"

/*
 * The problem of what was read, with the options as they are, of the part that scores.
 * Its cells are the arrays of the ratings; a hash for each user is allocated in the
 * current context.  Then the same of another part, with these hashes.
 */
extern void rs_als_run_problem(const RsTrained *trained, RsAlsProblem *problem);
extern void rs_als_run_part(const RsTrained *trained, int part, RsAlsProblem *problem);

/*
 * Raise what a status of the solver means; returns for RS_OK only.  A row that
 * failed is the one that the result names.
 */
extern void rs_als_run_check(const RsTrained *trained, const RsAlsModel *als, RsStatus status,
							 RsTick *tick);

#endif							/* RS_ALS_RUN_H */
