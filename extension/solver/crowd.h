/*-------------------------------------------------------------------------
 *
 * crowd.h
 *		Answers for all users at once; module.c and the unit tests call them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_CROWD_H
#define RS_CROWD_H

#include "solver/solver.h"

/* See RsSolverApi in solver.h. */
extern bool rs_crowd_memory(const RsCrowdProblem *problem, size_t *bytes);
extern RsStatus rs_crowd(const RsCrowdProblem *problem, void *arena, size_t bytes,
						 RsAlsTick tick, void *tick_arg, RsCrowdSink sink, void *sink_arg,
						 int32_t *failed_user);

#endif							/* RS_CROWD_H */
