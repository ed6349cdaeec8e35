/*-------------------------------------------------------------------------
 *
 * solver_library.c
 *		Loads recsys_solver.so into the backend that trains.
 *
 * It is a library of its own because it starts threads: what the postmaster and
 * a serving session load is small and cannot.  Its name is given without a
 * directory, so dynamic_library_path applies, and it stays loaded until the
 * session ends.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"

#include "compat.h"
#include "train/solver_library.h"

/* Error context callback: tell what to do when the library cannot be loaded. */
static void
add_hint(void *arg)
{
	errhint("The library \"%s\" is installed together with the extension.",
			RS_SOLVER_LIBRARY);
}

const RsSolverApi *
rs_solver_open(void)
{
	static const RsSolverApi *solver = NULL;
	const RsSolverApi *loaded;
	RsSolverEntry entry;
	ErrorContextCallback callback = {.callback = add_hint};

	if (solver != NULL)
		return solver;

	callback.previous = error_context_stack;
	error_context_stack = &callback;
	entry = (RsSolverEntry) load_external_function(RS_SOLVER_LIBRARY, RS_SOLVER_ENTRY,
												   true, NULL);
	error_context_stack = callback.previous;

	loaded = entry();
	if (loaded->abi != RS_SOLVER_ABI)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("library \"%s\" has interface version %d, but %d is needed",
						RS_SOLVER_LIBRARY, loaded->abi, RS_SOLVER_ABI),
				 errhint("Install the library that belongs to this version of the extension and reconnect.")));
	solver = loaded;
	return solver;
}
