/*-------------------------------------------------------------------------
 *
 * als.h
 *		The functions behind the solver's table; module.c and the unit tests
 *		call them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_ALS_H
#define RS_ALS_H

#include "solver/solver.h"

/* See RsSolverApi in solver.h. */
extern bool rs_als_memory(const RsAlsProblem *problem, size_t *bytes);
extern RsStatus rs_als_fit(const RsAlsProblem *problem, void *arena,
						   size_t bytes, RsAlsTick tick, void *tick_arg,
						   RsAlsModel *model);
extern RsStatus rs_als_refresh(const RsAlsProblem *problem, void *arena,
							   size_t bytes, RsAlsTick tick, void *tick_arg,
							   RsAlsModel *model);

#endif							/* RS_ALS_H */
