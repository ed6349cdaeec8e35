/*-------------------------------------------------------------------------
 *
 * halfstep.h
 *		Half of an iteration: all rows of one side, the other side fixed.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_HALFSTEP_H
#define RS_HALFSTEP_H

#include "solver/arena.h"
#include "solver/csr.h"
#include "solver/threads.h"

/* Users or items: their cells, and what is known of them. */
typedef struct RsSide
{
	RsCsr		cells;
	float	   *factors;		/* n x stride */
	float	   *biases;			/* n, or NULL */
	int32_t    *counts;			/* cells of each row */
	int32_t		active;			/* rows that have cells: the N of the other side's
								 * ridge, since the others are not published */
	const bool *chosen;			/* n: is the row solved?  NULL: all are */
	int32_t    *order;			/* rows that are solved, heavy ones first */
	int32_t		rows;			/* how many these are */
	double	   *losses;			/* each row's share of the objective, or NULL */
	double	   *penalties;		/* the part of it that is ridge |x|^2, or NULL */
} RsSide;

typedef struct RsHalfStep
{
	const RsObjective *objective;
	RsPool	   *pool;
	RsSide	   *solved;
	const RsSide *fixed;
	int			k;
	int			stride;
	double	   *gramian;		/* k x stride, here and below */
	bool		is_diagonal;	/* it, of an implicit side */
	bool		refine;			/* by conjugate gradients, not exactly */
	RsRefineEffort effort;
	double		cell_weight;	/* mean weight of an observed cell, less w0 */
	double	   *work;			/* for inverse */
	float	   *weighted;		/* w0 times gramian */
	float	   *inverse;
	uint16_t   *halves;			/* fixed side in half precision */
	RsRefineBase base;			/* the last three */
	char	   *workspaces;		/* one for each thread */
	size_t		workspace_size;
	_Atomic int64_t rows_done;
	_Atomic int64_t cells_exact;	/* of rows that could not be refined */
	_Atomic int64_t failed;		/* lowest position in order that failed */
} RsHalfStep;

/*
 * Put the chosen rows in order: by the power of two of their number of cells; within
 * one rows of the dual path come last, as they are not solved side by side.
 */
extern void rs_side_order(RsSide *side, int k, RsPool *pool);

/* Sum the Gramian of step->fixed into step->gramian. */
extern RsStatus rs_half_step_gramian(RsHalfStep *step);

/*
 * Have the rows that could not be refined as far as step->effort asks, and were
 * solved exactly, too large a part of the cells?  Then refining is no gain, and
 * the half-step is not complete.
 */
extern bool rs_half_step_is_rough(const RsHalfStep *step);

/*
 * Solve the rows of one side that are in its order.  On failure *failed_row is the
 * first one in that order, for any number of threads.
 */
extern RsStatus rs_half_step(RsHalfStep *step, int32_t *failed_row);

/* What a row of the solved side adds to its penalties, solved or not. */
extern double rs_half_step_penalty(const RsHalfStep *step, int32_t r);

#endif							/* RS_HALFSTEP_H */
