/*-------------------------------------------------------------------------
 *
 * row.h
 *		One row of alternating least squares: the vector of a user given the
 *		items' vectors, or the other way round.
 *
 * Training calls it for every row, serving for one user (fold-in), so that a
 * user whose ratings did not change is folded in to the very bits training
 * stored.  Pure C; no allocation: the caller brings the workspace.
 *
 * The objective (README, "What is minimised"):
 *
 *	sum over cells c (p - mean - b_u - b_i - x.y)^2
 *		+ regularization * sum over rows (n + w0 N)^reg_scaling (|x|^2 + b^2)
 *
 * explicit: c = 1, p = rating, observed cells only, w0 = 0 (Zhou et al. 2008,
 * "Large-scale parallel collaborative filtering for the Netflix prize";
 * biases as in Koren et al. 2009, fitted jointly).
 * implicit: c = w0 + alpha |r|, p = 1 where r > 0 and 0 where r < 0; c = w0,
 * p = 0 in every cell without an event; no mean, no biases (Hu, Koren,
 * Volinsky 2008 is w0 = 1, reg_scaling = 0; Rendle et al. 2021 is w0 small,
 * reg_scaling = 1).  n counts the row's cells, N the rows of the fixed side.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_ROW_H
#define RS_ROW_H

#include "kernel/kernel.h"

typedef struct RsObjective
{
	bool		implicit;
	bool		biases;			/* explicit only */
	double		mean;			/* explicit only; 0 otherwise */
	double		regularization;
	double		reg_scaling;
	double		alpha;			/* implicit only */
	double		unobserved_weight;	/* w0; 0 for explicit */
} RsObjective;

/* The side that is held fixed: n vectors of k floats, zero-padded to stride. */
typedef struct RsFixedSide
{
	const float *factors;		/* n x stride */
	const float *biases;		/* n, or NULL when the model has none */
	int32_t		n;
	int			k;
	int			stride;			/* RS_STRIDE(k) */
	const float *gramian;		/* k x stride: sum of y y', not yet times w0;
								 * NULL for explicit */
} RsFixedSide;

/* The observed cells of the row that is solved. */
typedef struct RsRow
{
	const int32_t *index;		/* n positions in the fixed side, ascending */
	const float *value;			/* n ratings or weights as observed */
	int32_t		n;
} RsRow;

/* Bytes of workspace for rs_row_solve(); alignment 64. */
extern size_t rs_row_workspace_size(int k);

/*
 * Gramian of the n x k matrix at factors: gramian[a * stride + b] = sum of
 * y_a y_b, rows added in a fixed order in double, rounded once.  The order
 * does not depend on first/last splitting: rs_gramian_block() adds rows
 * [first, last) into sums (k x stride doubles), rs_gramian_round() rounds.
 */
extern void rs_gramian(const float *factors, int32_t n, int k, int stride,
					   double *sums, float *gramian);

/*
 * Solve one row exactly by Cholesky factorisation of its normal equations.
 *
 * x (stride floats, padding set to zero) and *bias (if the objective has
 * biases) receive the solution.  A row without cells gets zeros.  *loss, if
 * not NULL, receives the row's share of the objective at the solution: its
 * cells and, for implicit, its unobserved cells, and its own penalty, but not
 * the penalty of the fixed side.
 *
 * RS_NOT_POSITIVE_DEFINITE when the system is singular to working precision
 * (then the output is untouched), RS_NOT_FINITE when the solution overflows.
 */
extern RsStatus rs_row_solve(const RsObjective *objective,
							 const RsFixedSide *side, const RsRow *row,
							 void *workspace,
							 float *x, float *bias, double *loss);

/* regularization * (n + w0 N)^reg_scaling, the ridge of a row of n cells */
extern double rs_row_ridge(const RsObjective *objective, int32_t n, int32_t fixed_n);

#endif							/* RS_ROW_H */
