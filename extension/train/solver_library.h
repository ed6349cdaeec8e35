/*-------------------------------------------------------------------------
 *
 * solver_library.h
 *		Access to recsys_solver.so.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_SOLVER_LIBRARY_H
#define RS_SOLVER_LIBRARY_H

#include "solver/solver.h"

/*
 * The solver's functions, loaded on first use.  Errors: 58P01 when the library
 * or one it needs is missing, 0A000 when it is of another version.
 */
extern const RsSolverApi *rs_solver_open(void);

#endif							/* RS_SOLVER_LIBRARY_H */
