/*-------------------------------------------------------------------------
 *
 * neighbours.h
 *		Item-item weights: the functions behind the solver's table.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_NEIGHBOURS_H
#define RS_NEIGHBOURS_H

#include "solver/solver.h"

/* See RsSolverApi in solver.h. */
extern bool rs_neighbours_memory(const RsNeighboursProblem *problem, size_t *bytes);
extern RsStatus rs_neighbours_fit(const RsNeighboursProblem *problem, void *arena, size_t bytes,
								  RsAlsTick tick, void *tick_arg, RsNeighboursModel *model);

#endif							/* RS_NEIGHBOURS_H */
