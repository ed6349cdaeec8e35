/*-------------------------------------------------------------------------
 *
 * row_dual.c
 *		The dual path: a row of few cells by a matrix of cells by cells, in float.
 *
 * The row's equations are (D + Y'CY) x = Y'q.  Row i of Y is the vector of cell i,
 * with a 1 for the bias; C_i is its weight and q_i its right-hand side.  D is what
 * the row has without a cell: w0 times the Gramian, and the ridge.  If D is
 * diagonal, there is little to invert: with S = C^1/2, w = S^-1 (q - C Y x) and
 *
 *		P = D^-1/2 Y'S,		(I + P'P) w = S^-1 q,		x = D^-1/2 P w
 *
 * by the identity (D + Y'CY)^-1 Y'S = D^-1 Y'S (I + S Y D^-1 Y'S)^-1 (Woodbury;
 * Hager 1989, "Updating the inverse of a matrix").  n cells of k factors take k
 * n^2 / 2 + n^3 / 6 multiply-adds in place of n k^2 / 2 + k^3 / 6.  I + P'P is at
 * least as well conditioned as the primal matrix scaled to D, whose eigenvalues it
 * has, but for k - n that are 1.
 *
 * Explicit rows have D by themselves.  The Gramian of implicit ones is diagonal
 * where training turned the items to the axes of theirs (solver/axes.c).
 *
 * The ridge of I + P'P is 1: so pivots are judged as those of the fast path are.
 * The workspace is that of the primal matrix in double: P and I + P'P in float take
 * no more.  No memory is allocated, and nothing is shared.
 *
 *-------------------------------------------------------------------------
 */
#include "kernel/row_solver.h"

/*
 * With fewer factors or more cells the primal matrix is no slower, least so where
 * several of them are factored side by side.  Measured with AVX-512, in us for a row
 * of implicit feedback that is dual, primal, or primal side by side:
 *
 *		 96 factors:  32 cells   6.3   16   8.6;   64 cells   15   21   12
 *		128 factors:  20 cells   5.6   26    15;   64 cells   18   36   22
 *		256 factors: 100 cells    62  176   145;  192 cells  168  238  215
 *		512 factors: 100 cells   114  948;      448 cells 1530 1910
 */
#define LEAST_FACTORS	96
#define FEWER_CELLS		64

/* A row's system, in the solver's workspace. */
typedef struct Dual
{
	int			n;				/* cells */
	size_t		stride;			/* of p and matrix, padded with zeros */
	float	   *p;				/* unknowns x stride */
	float	   *matrix;			/* stride x stride: I + P'P, then its factor */
	float	   *root;			/* of D^-1: one an unknown */
	double	   *z;				/* n: S^-1 q, then w */
} Dual;

int32_t
rs_row_most_dual(int k)
{
	return k < LEAST_FACTORS ? 0 : k - FEWER_CELLS;
}

/*
 * Whether D is diagonal and positive, and no weight is zero but for cells that say
 * nothing, follows from what all rows of n cells share.
 */
bool
rs_row_is_dual(const RsObjective *objective, const RsFixedSide *side, int32_t n)
{
	return n <= rs_row_most_dual(side->k) &&
		(side->gramian == NULL || objective->unobserved_weight == 0.0 || side->is_diagonal) &&
		(!objective->implicit || objective->alpha > 0.0) &&
		rs_row_ridge(objective, n, side->n) > 0.0 &&
		(!objective->biases || rs_row_bias_ridge(objective, n, side->n) > 0.0);
}

/* ---- the system ---------------------------------------------------------- */

/* D_j */
static double
without_cells(const RsRowSolver *s, int j)
{
	const RsFixedSide *side = s->side;
	double		w0 = s->objective->unobserved_weight;
	double		ridge = rs_ridge_of(s, j);

	return side->gramian == NULL || w0 == 0.0 ? ridge :
		w0 * side->gramian[(size_t) j * (size_t) side->stride + j] + ridge;
}

/* D^-1/2; false if that leaves the range of float. */
static bool
take_roots(const RsRowSolver *s, float *root)
{
	bool		good = true;

	memset(root, 0, (size_t) s->side->stride * sizeof(float));
	for (int j = 0; j < s->m; j++)
	{
		root[j] = (float) (1.0 / sqrt(without_cells(s, j)));
		good = good && root[j] >= FLT_MIN && root[j] <= FLT_MAX;
	}
	return good;
}

static void
init_dual(const RsRowSolver *s, Dual *dual)
{
	dual->n = s->row->n;
	dual->stride = RS_STRIDE((size_t) dual->n);
	dual->p = s->matrix;
	dual->matrix = dual->p + RS_STRIDE((size_t) s->m) * dual->stride;
	dual->root = s->packed_sums;
	dual->z = s->sums;
}

/* Cells [first, first + n): their columns of P, and S^-1 q. */
static void
add_cells(RsRowSolver *s, Dual *dual, int32_t first, int n)
{
	size_t		stride = (size_t) s->side->stride;
	int			padded = RS_STRIDE(n);
	RsGather	gather;

	rs_row_gather(s, first, n, false, &gather);
	memset(s->packed + (size_t) n * stride, 0, (size_t) (padded - n) * stride * sizeof(float));
	rs_kernel_ops->transpose(s->packed, stride, padded, dual->root, dual->p + first, dual->stride);
	for (int i = 0; i < n; i++)
	{
		double		rhs = rs_cell_term(s, first + i).rhs;

		dual->z[first + i] = rhs == 0.0 ? 0.0 : rhs / (double) gather.scale[i];
	}
	for (int i = 0; i < n && s->objective->biases; i++)
		dual->p[(size_t) s->side->k * dual->stride + (size_t) (first + i)] =
			gather.scale[i] * dual->root[s->side->k];
}

/* I + P'P */
static void
fill_matrix(RsRowSolver *s, const Dual *dual)
{
	int			last = (dual->n + RS_TILE_UNIT - 1) / RS_TILE_UNIT * RS_TILE_UNIT;

	memset(dual->matrix, 0, dual->stride * dual->stride * sizeof(float));
	for (int j = 0; j < s->m; j += RS_GATHER_ROWS)
		rs_kernel_ops->rank_update(dual->matrix, dual->stride, dual->p + (size_t) j * dual->stride,
								   dual->stride, s->m - j < RS_GATHER_ROWS ? s->m - j : RS_GATHER_ROWS,
								   last, NULL);
	for (int i = 0; i < dual->n; i++)
	{
		float	   *diagonal = dual->matrix + (size_t) i * dual->stride + i;

		*diagonal += 1.0f;
		s->floor[i] = rs_pivot_floor(*diagonal, 1.0, dual->n);
	}
}

/* Everything up to the factor of the matrix. */
static RsStatus
set_up(RsRowSolver *s, Dual *dual)
{
	int32_t		n = s->row->n;

	init_dual(s, dual);
	rs_row_clear(s);
	if (!take_roots(s, dual->root))
		return RS_NOT_FINITE;
	if (s->objective->biases)
		memset(dual->p + (size_t) s->side->k * dual->stride, 0, dual->stride * sizeof(float));
	for (int32_t first = 0; first < n; first += RS_GATHER_ROWS)
	{
		if (rs_row_stop(s))
			return RS_STOPPED;
		add_cells(s, dual, first, n - first < RS_GATHER_ROWS ? n - first : RS_GATHER_ROWS);
	}
	for (int i = 0; i < dual->n; i++)
	{
		if (!isfinite(dual->z[i]))
			return RS_NOT_FINITE;
	}
	fill_matrix(s, dual);
	return rs_row_factor(s, dual->matrix, dual->stride, dual->n);
}

/* ---- what it gives ------------------------------------------------------- */

RsStatus
rs_row_solve_dual(RsRowSolver *s)
{
	Dual		dual;
	RsStatus	status = set_up(s, &dual);
	float	   *w = s->packed_rhs;

	if (status != RS_OK)
		return status;
	rs_kernel_ops->substitute(dual.matrix, dual.stride, dual.n, dual.z);
	for (int i = 0; i < dual.n; i++)
		w[i] = (float) dual.z[i];
	for (int j = 0; j < s->m; j++)
		s->rhs[j] = (double) dual.root[j] *
			rs_dot(dual.p + (size_t) j * dual.stride, w, (size_t) dual.n);
	s->is_dual = true;
	return rs_row_is_finite(s) ? RS_OK : RS_NOT_FINITE;
}

/*
 * The objective at x in full: sum over cells c (p - y.x)^2 - w0 (y.x)^2, and x'D x.
 * As x is near the minimum its error counts squared only.  Sum c p^2 less x'Y'q, as
 * on the other paths, may leave little of both where the ridge is small, and such
 * rows are not too ill-conditioned for this path.
 */
double
rs_row_dual_loss(const RsRowSolver *s, const float *x)
{
	const RsFixedSide *side = s->side;
	int			k = side->k;
	double		bias = s->objective->biases ? (double) (float) s->rhs[k] : 0.0;
	double		loss = s->objective->biases ? without_cells(s, k) * bias * bias : 0.0;

	for (int32_t i = 0; i < s->row->n; i++)
	{
		RsCellTerm	term = rs_cell_term(s, i);
		double		product = rs_dot(side->factors + (size_t) s->row->index[i] * (size_t) side->stride,
									 x, (size_t) k) + bias;

		loss += term.square - 2.0 * term.rhs * product + term.matrix * product * product;
	}
	for (int j = 0; j < k; j++)
		loss += without_cells(s, j) * (double) x[j] * (double) x[j];
	return loss < 0.0 ? 0.0 : loss;
}

/*
 * The product of x with a vector t is t'D^-1/2 P w = v'(S^-1 q) with v = (I + P'P)^-1
 * P'D^-1/2 t, the matrix being symmetric: a sum over cells.
 */
RsStatus
rs_row_contributions_dual(RsRowSolver *s, double *contributions)
{
	Dual		dual;
	RsStatus	status = set_up(s, &dual);
	double	   *v = s->rhs;

	if (status != RS_OK)
		return status;
	memset(v, 0, (size_t) dual.n * sizeof(double));
	for (int j = 0; j < s->side->k; j++)
	{
		const float *p = dual.p + (size_t) j * dual.stride;
		double		f = (double) dual.root[j] * (double) s->target[j];

		for (int i = 0; i < dual.n; i++)
			v[i] += f * (double) p[i];
	}
	rs_kernel_ops->substitute(dual.matrix, dual.stride, dual.n, v);
	for (int i = 0; i < dual.n; i++)
		contributions[i] = dual.z[i] * v[i];
	return RS_OK;
}
