/*-------------------------------------------------------------------------
 *
 * solver_run.c
 *		What a run of the solver may use, and what its status means.
 *
 * Memory: the arena is the caller's, in the current context.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "compat.h"
#include "guc.h"
#include "kernel/cores.h"
#include "rs_limits.h"
#include "train/progress.h"
#include "train/solver_run.h"

int
rs_run_threads(void)
{
	int			threads = rs_training_threads > 0 ? rs_training_threads : rs_cores();

	return Min(threads, RS_MAX_THREADS);
}

Size
rs_run_memory(void)
{
	return (Size) rs_training_memory * 1024;
}

/* What a run will hold; SIZE_MAX is too much. */
static Size
needed_memory(MemoryContext run, Size more)
{
	Size		held = MemoryContextMemAllocated(run, true);

	return more > SIZE_MAX - held ? SIZE_MAX : held + more;
}

bool
rs_run_fits(MemoryContext run, Size more)
{
	return needed_memory(run, more) <= rs_run_memory();
}

void
rs_run_check_memory(const RsRunWords *words, const RsModel *model, Size more)
{
	const Size	mb = 1024 * 1024;
	Size		needed = needed_memory(CurrentMemoryContext, more);

	rs_progress_memory(needed);
	if (needed <= rs_run_memory())
		return;
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("%s model \"%s\" needs %zu MB, but \"recsys.training_memory\" is %zu MB",
					words->doing, model->name, needed / mb + 1, rs_run_memory() / mb),
			 errhint("Raise recsys.training_memory, or %s.", words->or_else)));
}

void *
rs_run_arena(const RsRunWords *words, const RsModel *model, Size bytes, void **chunk)
{
	Size		size = bytes > SIZE_MAX - RS_ALIGNMENT ? SIZE_MAX : bytes + RS_ALIGNMENT;

	rs_run_check_memory(words, model, size);
	*chunk = MemoryContextAllocHuge(CurrentMemoryContext, size);
	return (void *) TYPEALIGN(RS_ALIGNMENT, *chunk);
}

void
rs_run_check(RsStatus status, RsTick *tick)
{
	switch (status)
	{
		case RS_OK:
		case RS_NOT_POSITIVE_DEFINITE:
		case RS_NOT_FINITE:
			return;
		case RS_STOPPED:
			rs_tick_raise(tick);
			break;
		case RS_OUT_OF_MEMORY:
			ereport(ERROR,
					(errcode(ERRCODE_OUT_OF_MEMORY),
					 errmsg("out of memory in the solver")));
			break;
		case RS_NO_THREADS:
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
					 errmsg("could not start a thread of the solver")));
			break;
		case RS_INVALID:
			break;
	}
	elog(ERROR, "solver returned status %d", (int) status);
}
