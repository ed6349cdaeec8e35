/*-------------------------------------------------------------------------
 *
 * row_solver.h
 *		Inside the kernel: one row's system while it is set up and solved.
 *
 * Only the files row_*.c include this file.  With biases the row's own bias is
 * one more unknown, number k, whose "factor" on the fixed side is 1
 * everywhere; m counts the unknowns.
 *
 * There are three paths.  The fast one (row_fast.c) sums the matrix in float,
 * chunk by chunk in registers, and factors it in float; right-hand side,
 * substitution and loss are in double.  The dual one (row_dual.c) does the same
 * with a matrix of cells by cells, for rows that have fewer cells than unknowns.
 * Both trust their result only if every pivot of the factorisation stays well
 * above float's rounding noise.  Otherwise the careful path (row_careful.c) does
 * everything in double from the start: for systems that are ill-conditioned, and
 * for values whose squares leave the range of float.  Which path a row takes
 * depends on the row and the fixed side alone.
 *
 * Both factor the upper triangle, U'U = A, by rows.  A pivot is compared with
 * the diagonal element it came from, which does not depend on the scale of
 * the unknown: what is left of it after elimination is noise when the unknown
 * is a combination of earlier ones.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_ROW_SOLVER_H
#define RS_ROW_SOLVER_H

#include <float.h>
#include <math.h>
#include <string.h>

#include "kernel/kernel_ops.h"
#include "kernel/row.h"

/* What one cell adds to the normal equations; square adds to the loss. */
typedef struct RsCellTerm
{
	double		matrix;			/* c - w0, times y y' */
	double		rhs;			/* c p, times y */
	double		square;			/* c p^2 */
} RsCellTerm;

/* One row's arguments, derived sizes, and the pieces of its workspace. */
typedef struct RsRowSolver
{
	const RsObjective *objective;
	const RsFixedSide *side;
	const RsRow *row;
	const RsRowHooks *hooks;
	const float *target;		/* k floats that take the place of the cells'
								 * right-hand side, or NULL */
	double		ridge;
	double		bias_ridge;
	int			m;				/* unknowns */
	size_t		stride;			/* of the matrix */
	void	   *matrix;			/* stride x stride, float or double */
	const float *base;			/* what matrix starts from, or NULL: computed */
	double	   *rhs;			/* becomes the solution */
	double	   *sums;			/* weighted column sums, for the bias */
	double	   *rhs_kept;		/* for the loss */
	float	   *floor;			/* a pivot must be above it */
	float	   *packed;			/* gathered rows */
	float	   *packed_rhs;		/* their share of rhs */
	float	   *packed_sums;	/* their share of sums */
	double		weight;			/* sum of c */
	double		square;			/* sum of c p^2 */
	bool		is_dual;		/* rhs is a solution of the dual path */
} RsRowSolver;

/* row.c: a row alone, false for bad arguments; before a path starts; how one ends */
extern bool rs_row_init(RsRowSolver *s, const float *bias, void *workspace);
extern void rs_row_clear(RsRowSolver *s);
extern void rs_row_take_target(RsRowSolver *s);
extern bool rs_row_is_finite(const RsRowSolver *s);
extern void rs_row_store(const RsRowSolver *s, float *x, float *bias, double *loss);

/* row_fast.c: what systems share; a system; its solution */
extern void rs_row_base(RsRowSolver *s, float *base);
extern RsStatus rs_row_sum(RsRowSolver *s, const RsRow *next);
extern RsStatus rs_row_solve_fast(RsRowSolver *s);

/* row_fast.c, for the dual path too: some cells; a floor; U'U = matrix in place */
extern void rs_row_gather(RsRowSolver *s, int32_t first, int n, bool with_sums, RsGather *gather);
extern float rs_pivot_floor(float diagonal, double ridge, int m);
extern RsStatus rs_row_factor(const RsRowSolver *s, float *matrix, size_t stride, int m);

/* row_dual.c: is a row for it; its solution; its loss; rs_row_contributions() */
extern bool rs_row_is_dual(const RsObjective *objective, const RsFixedSide *side, int32_t n);
extern RsStatus rs_row_solve_dual(RsRowSolver *s);
extern double rs_row_dual_loss(const RsRowSolver *s, const float *x);
extern RsStatus rs_row_contributions_dual(RsRowSolver *s, double *contributions);

/* row.c: the system by the fast path, or by the careful one */
extern RsStatus rs_row_solve_system(RsRowSolver *s);

/* row_careful.c: a row; a system whose matrix and rhs are complete, which uses sums up */
extern RsStatus rs_row_solve_careful(RsRowSolver *s);
extern RsStatus rs_row_finish_careful(RsRowSolver *s);

/* The ridge of unknown j. */
RS_INLINE double
rs_ridge_of(const RsRowSolver *s, int j)
{
	return j < s->side->k ? s->ridge : s->bias_ridge;
}

RS_INLINE bool
rs_row_stop(const RsRowSolver *s)
{
	return s->hooks->stop != NULL && s->hooks->stop(s->hooks->stop_arg);
}

/* The first 14 of a number's 53 bits, rounded (Veltkamp's splitting). */
RS_INLINE double
rs_snap(double value)
{
	double		large = value * (0x1p39 + 1.0);

	return large - (large - value);
}

/* The same of float's 24 bits. */
RS_INLINE float
rs_snap_float(float value)
{
	float		large = value * (0x1p10f + 1.0f);

	return large - (large - value);
}

/*
 * Where the objective has a scale, a rating less the mean is multiplied with it and
 * rounded, and so is what a weight counts: ratings and weights that differ by their
 * scale only, which as floats were rounded in their 24th bit, are the same numbers
 * then.
 */
RS_INLINE RsCellTerm
rs_cell_term(const RsRowSolver *s, int32_t i)
{
	const RsObjective *objective = s->objective;
	RsCellTerm	term;

	if (objective->implicit)
	{
		double		extra = objective->alpha * fabs((double) s->row->value[i]);
		bool		preferred = s->row->value[i] > 0.0f;

		if (objective->scale != 0.0)
			extra = rs_snap(extra);
		term.matrix = extra;
		term.rhs = preferred ? objective->unobserved_weight + extra : 0.0;
		term.square = term.rhs;
	}
	else
	{
		double		p = (double) s->row->value[i] - objective->mean;

		if (objective->scale != 0.0)
			p = rs_snap(p * objective->scale);
		if (objective->biases)
			p -= (double) s->side->biases[s->row->index[i]];
		term.matrix = 1.0;
		term.rhs = p;
		term.square = p * p;
	}
	return term;
}

#endif							/* RS_ROW_SOLVER_H */
