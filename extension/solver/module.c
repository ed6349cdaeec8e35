/*-------------------------------------------------------------------------
 *
 * module.c
 *		What makes recsys_solver.so loadable by the server: the only file of
 *		the solver that includes PostgreSQL.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"

#include "compat.h"
#include "solver/als.h"
#include "solver/crowd.h"
#include "solver/neighbours.h"

PG_MODULE_MAGIC;

extern PGDLLEXPORT const RsSolverApi *rs_solver_api(void);

/* The library's one entry point; see solver.h. */
const RsSolverApi *
rs_solver_api(void)
{
	static const RsSolverApi api = {
		.abi = RS_SOLVER_ABI,
		.memory = rs_als_memory,
		.fit = rs_als_fit,
		.refresh = rs_als_refresh,
		.neighbours_memory = rs_neighbours_memory,
		.neighbours = rs_neighbours_fit,
		.crowd_memory = rs_crowd_memory,
		.crowd = rs_crowd
	};

	rs_kernel_init();
	return &api;
}
