/*-------------------------------------------------------------------------
 *
 * solver_run.h
 *		What a run of the solver may use, and what its status means.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_SOLVER_RUN_H
#define RS_SOLVER_RUN_H

#include "postgres.h"

#include "train/tick.h"

/* Threads and bytes, by recsys.training_threads and recsys.training_memory. */
extern int	rs_run_threads(void);
extern Size rs_run_memory(void);

/* How messages speak of a run: "training" a model, or "lower the option factors". */
typedef struct RsRunWords
{
	const char *doing;
	const char *or_else;		/* than raising recsys.training_memory */
} RsRunWords;

/*
 * Refuse (54000) when what the current context holds and what will be allocated exceed
 * rs_run_memory(); told as progress.
 */
extern void rs_run_check_memory(const RsRunWords *words, const RsModel *model, Size more);

/* Would what a run holds in its context and what will be allocated stay within rs_run_memory()? */
extern bool rs_run_fits(MemoryContext run, Size more);

/*
 * An arena for the solver in the current context, checked likewise; SIZE_MAX is too much.
 * *chunk is what to free.
 */
extern void *rs_run_arena(const RsRunWords *words, const RsModel *model, Size bytes, void **chunk);

/* Memory of the current context, which the caller has counted: n of a size, or one aligned block. */
static inline void *
rs_run_alloc(Size size, Size n)
{
	return MemoryContextAllocHuge(CurrentMemoryContext, mul_size(size, Max(n, 1)));
}

static inline void *
rs_run_alloc_aligned(Size bytes)
{
	return (void *) TYPEALIGN(RS_ALIGNMENT, rs_run_alloc(1, add_size(bytes, RS_ALIGNMENT)));
}

/* Raise what ended a run; a status that speaks of a row returns. */
extern void rs_run_check(RsStatus status, RsTick *tick);

#endif							/* RS_SOLVER_RUN_H */
