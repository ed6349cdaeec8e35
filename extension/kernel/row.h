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
 *		+ sum over rows (n + w0 N)^reg_scaling
 *			(regularization * |x|^2 + bias_regularization * b^2)
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
#include "kernel/stop.h"

typedef struct RsObjective
{
	bool		implicit;
	bool		biases;			/* explicit only */
	double		mean;			/* explicit only; 0 otherwise */
	double		regularization;
	double		reg_scaling;
	double		alpha;			/* implicit only */
	double		unobserved_weight;	/* w0; 0 for explicit */
	double		bias_regularization;	/* explicit with biases */
	double		scale;			/* explicit: of ratings less the mean; unless 0,
								 * these and implicit weights are rounded, see
								 * rs_cell_term() */
} RsObjective;

/* The side that is held fixed: vectors of k floats, zero-padded to stride. */
typedef struct RsFixedSide
{
	const float *factors;		/* stride floats a row */
	const float *biases;		/* one a row, or NULL when the model has none */
	int32_t		n;				/* rows with cells, the N of the ridge */
	int			k;
	int			stride;			/* RS_STRIDE(k) */
	const double *gramian;		/* k x stride: sum of y y', not yet times w0;
								 * NULL for explicit */
	bool		is_diagonal;	/* rs_gramian_is_diagonal() */
} RsFixedSide;

/* The observed cells of the row that is solved. */
typedef struct RsRow
{
	const int32_t *index;		/* n positions in the fixed side, ascending */
	const float *value;			/* n ratings or weights as observed */
	int32_t		n;
} RsRow;

/*
 * Vectors times a matrix in double: turned_i[a] = sum over b of columns[b * stride + a]
 * rows_i[b] for n rows of stride floats, k of them not zero.
 */
extern void rs_turn(const double *columns, int k, int stride, const float *rows, int n,
					float *turned);

/*
 * Rows of at most so many cells may be solved by a matrix of cells by cells, see
 * row_dual.c; 0 with few factors.
 */
extern int32_t rs_row_most_dual(int k);

/* Bytes of workspace for rs_row_solve(); alignment 64. */
extern size_t rs_row_workspace_size(int k);

/*
 * Gramian of the n x k matrix at factors: gramian[a * stride + b] = sum of
 * y_a y_b in double, rows added one after the other.  Products of two floats
 * are exact, so the bits are the same on every CPU.
 */
extern void rs_gramian(const float *factors, int32_t n, int k, int stride,
					   double *gramian);

/* The same, but false, and not complete, when stop(arg) says so. */
extern bool rs_gramian_until(const float *factors, int32_t n, int k, int stride,
							 double *gramian, RsStopCheck stop, void *stop_arg);

/*
 * The same in parts, with the same bits, for those who share the work or have
 * the rows one after the other.  Start from zeros; for each of the rs_gramian_panels(k)
 * panels add all rows in ascending order, any number at a time; when all
 * panels are complete, mirror.
 */
extern int	rs_gramian_panels(int k);
extern void rs_gramian_add(const float *factors, int32_t n, int k, int stride,
						   int panel, double *gramian);
extern void rs_gramian_mirror(int k, int stride, double *gramian);

/*
 * Is the Gramian of n rows diagonal, but for so little beside it that no solution
 * feels it?  Then rows of few cells are solved faster; training sees to it.
 */
extern bool rs_gramian_is_diagonal(const RsObjective *objective, const double *gramian,
								   int32_t n, int k, int stride);

/*
 * Solve one row exactly by Cholesky factorisation of its normal equations.
 *
 * x (stride floats, padding set to zero) and *bias (if the objective has
 * biases) receive the solution.  A row without cells gets zeros.  *loss, if
 * not NULL, receives the row's share of the objective at the solution: its
 * cells and, for implicit, its unobserved cells, and its own penalty, but not
 * the penalty of the fixed side.
 *
 * RS_NOT_POSITIVE_DEFINITE when the system is singular to working precision,
 * RS_NOT_FINITE when the solution overflows, RS_INVALID when the biases of one
 * side are missing.  Then the output is untouched.
 */
extern RsStatus rs_row_solve(const RsObjective *objective,
							 const RsFixedSide *side, const RsRow *row,
							 void *workspace,
							 float *x, float *bias, double *loss);

/*
 * The same, but asks stop(arg) every few microseconds and returns RS_STOPPED
 * when it says true: a row may have millions of cells.
 */
extern RsStatus rs_row_solve_until(const RsObjective *objective,
								   const RsFixedSide *side, const RsRow *row,
								   void *workspace,
								   float *x, float *bias, double *loss,
								   RsStopCheck stop, void *stop_arg);

/* What a caller may ask for while rows are solved; stop may be NULL. */
typedef struct RsRowHooks
{
	RsStopCheck stop;
	void	   *stop_arg;
} RsRowHooks;

/* rs_row_solve() with hooks. */
extern RsStatus rs_row_solve_hooked(const RsObjective *objective,
									const RsFixedSide *side, const RsRow *row,
									void *workspace,
									float *x, float *bias, double *loss,
									const RsRowHooks *hooks);

/*
 * What each cell contributes to the inner product of the row's solution, without its
 * bias, with the vector at a position of the fixed side: the n contributions sum
 * to it, but for rounding.  The rest as for rs_row_solve(); the row has cells.
 */
extern RsStatus rs_row_contributions(const RsObjective *objective,
									 const RsFixedSide *side, const RsRow *row,
									 int32_t position, void *workspace,
									 double *contributions, const RsRowHooks *hooks);

/* One of several rows, and where its solution goes. */
typedef struct RsRowTask
{
	RsRow		row;
	float	   *x;
	float	   *bias;			/* NULL when the objective has no biases */
	double	   *loss;			/* may be NULL */
} RsRowTask;

/*
 * Solve n rows against one fixed side, with the bits of rs_row_solve() but
 * faster: up to RS_BATCH_MAX_FACTORS factors several systems are factored side
 * by side, best when the rows have similar lengths.  *done rows are solved, all of
 * them unless the status, that of row *done, is another than RS_OK; some behind it
 * may be, too.  Stopped, it tells of no row.
 * workspace: rs_rows_workspace_size(k) bytes; alignment 64.
 */
#define RS_BATCH_MAX_FACTORS	256

extern size_t rs_rows_workspace_size(int k);
extern RsStatus rs_rows_solve(const RsObjective *objective,
							  const RsFixedSide *side,
							  const RsRowTask *tasks, int n, void *workspace,
							  const RsRowHooks *hooks, int *done);

/* What rows that are refined against one fixed side share; k x stride. */
typedef struct RsRefineBase
{
	const float *gramian;		/* w0 times it; NULL for explicit */
	const float *inverse;		/* of something near their matrices but for a
								 * factor; NULL: of the unit matrix */
	float		bias_inverse;	/* the same for the bias */
	const uint16_t *halves;		/* the fixed side in half precision, rs_halve() */
	float		half_scale;		/* by this factor; NULL: its factors are read */
} RsRefineBase;

/*
 * n factors, a multiple of RS_STRIDE_UNIT, times scale to half precision; false
 * where the CPU is not good at that.  Alignment 64.
 */
extern bool rs_halve(const float *from, size_t n, float scale, uint16_t *to);

/* How far rows are refined. */
typedef struct RsRefineEffort
{
	int			steps;			/* of conjugate gradients, at least */
	int			most;			/* at most; >= steps */
	double		rest;			/* part of a row's loss that may be left over,
								 * by estimate; INFINITY: steps are all */
} RsRefineEffort;

/*
 * Improve the solutions that x and *bias of n tasks hold, with zeros in the
 * padding of x, by steps of conjugate gradients, each a small part of the work
 * of an exact solution.  A row of which more than effort->rest would be left
 * over is solved exactly, and so is one that has no finite solution;
 * *cells_exact counts the cells of these.  *done as above.  workspace:
 * rs_rows_refine_workspace_size(k) bytes; alignment 64.
 */
extern size_t rs_rows_refine_workspace_size(int k);
extern RsStatus rs_rows_refine(const RsObjective *objective,
							   const RsFixedSide *side, const RsRefineBase *base,
							   const RsRefineEffort *effort,
							   const RsRowTask *tasks, int n,
							   void *workspace, const RsRowHooks *hooks,
							   int *done, int64_t *cells_exact);

/* regularization * (n + w0 N)^reg_scaling, the ridge of a row of n cells */
extern double rs_row_ridge(const RsObjective *objective, int32_t n,
						   int32_t fixed_n);

/* The same of its bias, with bias_regularization. */
extern double rs_row_bias_ridge(const RsObjective *objective, int32_t n,
								int32_t fixed_n);

#endif							/* RS_ROW_H */
