/*-------------------------------------------------------------------------
 *
 * parts.h
 *		The dense parts of a training or refresh, solved one after the other.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_PARTS_H
#define RS_PARTS_H

#include "postgres.h"

#include "train/publish.h"
#include "train/solver_run.h"

/*
 * Solve the parts of what was read, which uses up the rows.  Results are in the current
 * context, the options as used in trained.  Errors: 54000 beyond
 * recsys.training_memory, 22000 when factors are not determined, 22003 when they
 * overflow, and those of rs_run_check().
 */
extern void rs_parts_solve(const RsRunWords *words, RsTrained *trained);

#endif							/* RS_PARTS_H */
