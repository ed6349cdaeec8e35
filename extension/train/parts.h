/*-------------------------------------------------------------------------
 *
 * parts.h
 *		The parts of a training or refresh, solved one after the other.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_PARTS_H
#define RS_PARTS_H

#include "postgres.h"

#include "train/publish.h"
#include "train/solver_run.h"

/*
 * Do users choose what they rate, so that it tells what they prefer?  Not where they
 * have rated most of what there is; then the ratings rank better than the choice.
 */
extern bool rs_is_chosen(int64 cells, int32 users, int32 items);

/*
 * Solve the parts of what was read, which uses up the rows.  Results are in the current
 * context, the options as used in trained.  Errors: 54000 beyond
 * recsys.training_memory, 22000 when factors are not determined, 22003 when they
 * overflow, and those of rs_run_check().
 */
extern void rs_parts_solve(const RsRunWords *words, RsTrained *trained);

#endif							/* RS_PARTS_H */
