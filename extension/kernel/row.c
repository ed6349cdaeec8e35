/*-------------------------------------------------------------------------
 *
 * row.c
 *		The normal equations of one row, and their solution.
 *
 * With biases the row's own bias is one more unknown, number k, whose
 * "factor" on the fixed side is 1 everywhere; m counts the unknowns.
 *
 * There are two paths.  The fast one sums the matrix in float, chunk by chunk
 * in registers, and factors it in float; right-hand side, substitution and
 * loss are in double.  It trusts its result only if every pivot of the
 * factorisation stays well above float's rounding noise.  Otherwise the
 * careful path does everything in double from the start: for systems that are
 * ill-conditioned, and for values whose squares leave the range of float.
 * Which path a row takes depends on the row and the fixed side alone.
 *
 * Both factor the upper triangle, U'U = A, by rows.  A pivot is compared with
 * the diagonal element it came from, which does not depend on the scale of
 * the unknown: what is left of it after elimination is noise when the unknown
 * is a combination of earlier ones.
 *
 *-------------------------------------------------------------------------
 */
#include "kernel/row.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "kernel/kernel_ops.h"
#include "rs_limits.h"

/* Rows of U that are computed before the rest of the matrix is updated. */
#define PANEL_ROWS	16

/*
 * What part of its diagonal element a pivot must be: for the fast path, so much
 * that its result is good in float; for the careful path, more than what
 * rounding leaves of a zero after the elimination of m unknowns.
 */
#define FAST_TOLERANCE(m)		(FLT_EPSILON * (float) (256 + 8 * (m)))
#define CAREFUL_TOLERANCE(m)	(DBL_EPSILON * 256.0 * (double) (m))

/* Cells, or rows of a matrix, between two questions whether to stop. */
#define CAREFUL_POLL	16

/* What one cell adds to the normal equations; square adds to the loss. */
typedef struct CellTerm
{
	double		matrix;			/* c - w0, times y y' */
	double		rhs;			/* c p, times y */
	double		square;			/* c p^2 */
} CellTerm;

/* One call's arguments, derived sizes, and the pieces of its workspace. */
typedef struct RowSolver
{
	const RsObjective *objective;
	const RsFixedSide *side;
	const RsRow *row;
	const RsRowHooks *hooks;
	RsRankUpdate rank_update;
	double		ridge;
	int			m;				/* unknowns */
	size_t		stride;			/* of the matrix */
	void	   *matrix;			/* stride x stride, float or double */
	double	   *rhs;			/* becomes the solution */
	double	   *sums;			/* weighted column sums, for the bias */
	double	   *rhs_kept;		/* for the loss */
	float	   *floor;			/* a pivot must be above it */
	float	   *packed;			/* gathered rows */
	float	   *packed_rhs;		/* their share of rhs */
	float	   *packed_sums;	/* their share of sums */
	double		weight;			/* sum of c */
	double		square;			/* sum of c p^2 */
} RowSolver;

double
rs_row_ridge(const RsObjective *objective, int32_t n, int32_t fixed_n)
{
	double		base = n + objective->unobserved_weight * fixed_n;

	if (objective->reg_scaling == 0.0)
		return objective->regularization;
	if (objective->reg_scaling == 1.0)
		return objective->regularization * base;
	return objective->regularization * pow(base, objective->reg_scaling);
}

/* ---- the Gramian --------------------------------------------------------- */

int
rs_gramian_panels(int k)
{
	return (k + RS_TILE_UNIT - 1) / RS_TILE_UNIT;
}

void
rs_gramian_add(const float *factors, int32_t n, int k, int stride,
			   int panel, double *gramian)
{
	int			first = panel * RS_TILE_UNIT;
	int			last = rs_gramian_panels(k) * RS_TILE_UNIT;

	/* Rows of the last panel beyond k would lie outside of the matrix. */
	if (first + RS_TILE_UNIT > k)
	{
		for (int32_t r = 0; r < n; r++)
		{
			const float *row = factors + (size_t) r * stride;

			for (int a = first; a < k; a++)
			{
				for (int b = a; b < k; b++)
					gramian[(size_t) a * stride + b] += (double) row[a] * (double) row[b];
			}
		}
	}
	else
		rs_kernel_ops->gramian_panel(factors, n, (size_t) stride, first, last, gramian);
}

void
rs_gramian_mirror(int k, int stride, double *gramian)
{
	for (int a = 0; a < k; a++)
	{
		for (int b = 0; b < a; b++)
			gramian[(size_t) a * stride + b] = gramian[(size_t) b * stride + a];
	}
}

void
rs_gramian(const float *factors, int32_t n, int k, int stride, double *gramian)
{
	memset(gramian, 0, (size_t) k * stride * sizeof(double));
	for (int panel = 0; panel < rs_gramian_panels(k); panel++)
		rs_gramian_add(factors, n, k, stride, panel, gramian);
	rs_gramian_mirror(k, stride, gramian);
}

/* ---- workspace ----------------------------------------------------------- */

size_t
rs_row_workspace_size(int k)
{
	size_t		m = RS_STRIDE((size_t) k + 1);

	return m * m * sizeof(double) + 3 * m * sizeof(double) +
		(3 + RS_GATHER_ROWS) * m * sizeof(float);
}

/* Every piece is a multiple of 64 bytes, as the strides are. */
static void
row_solver_init(RowSolver *s, void *workspace)
{
	size_t		m = RS_STRIDE((size_t) s->side->k + 1);
	char	   *at = workspace;

	s->m = s->side->k + (s->objective->biases ? 1 : 0);
	s->stride = RS_STRIDE((size_t) s->m);
	s->ridge = rs_row_ridge(s->objective, s->row->n, s->side->n);
	s->matrix = at;
	at += m * m * sizeof(double);
	s->rhs = (double *) at;
	at += m * sizeof(double);
	s->sums = (double *) at;
	at += m * sizeof(double);
	s->rhs_kept = (double *) at;
	at += m * sizeof(double);
	s->floor = (float *) at;
	at += m * sizeof(float);
	s->packed_rhs = (float *) at;
	at += m * sizeof(float);
	s->packed_sums = (float *) at;
	at += m * sizeof(float);
	s->packed = (float *) at;
}

/* Before a path starts. */
static void
clear_sums(RowSolver *s)
{
	memset(s->rhs, 0, s->stride * sizeof(double));
	memset(s->sums, 0, s->stride * sizeof(double));
	s->weight = 0.0;
	s->square = 0.0;
}

static bool
asked_to_stop(const RowSolver *s)
{
	return s->hooks->stop != NULL && s->hooks->stop(s->hooks->stop_arg);
}

/* ---- cells --------------------------------------------------------------- */

RS_INLINE CellTerm
cell_term(const RowSolver *s, int32_t i)
{
	const RsObjective *objective = s->objective;
	CellTerm	term;

	if (objective->implicit)
	{
		double		extra = objective->alpha * fabs((double) s->row->value[i]);
		bool		preferred = s->row->value[i] > 0.0f;

		term.matrix = extra;
		term.rhs = preferred ? objective->unobserved_weight + extra : 0.0;
		term.square = term.rhs;
	}
	else
	{
		double		p = (double) s->row->value[i] - objective->mean;

		if (objective->biases)
			p -= (double) s->side->biases[s->row->index[i]];
		term.matrix = 1.0;
		term.rhs = p;
		term.square = p * p;
	}
	return term;
}

/* Sum over c p^2 minus b'x: the objective at the solution of A x = b. */
static double
loss_at_solution(const RowSolver *s)
{
	double		loss = s->square;

	for (int i = 0; i < s->m; i++)
		loss -= s->rhs_kept[i] * s->rhs[i];
	return loss < 0.0 ? 0.0 : loss;
}

/* ---- the fast path ------------------------------------------------------- */

static void
fast_start(RowSolver *s)
{
	float	   *matrix = s->matrix;
	double		w0 = s->objective->unobserved_weight;

	clear_sums(s);
	memset(matrix, 0, s->stride * s->stride * sizeof(float));
	if (s->side->gramian == NULL || w0 == 0.0)
		return;
	for (int a = 0; a < s->side->k; a++)
	{
		const double *from = s->side->gramian + (size_t) a * s->side->stride;

		for (int b = a; b < s->side->k; b++)
			matrix[(size_t) a * s->stride + b] = (float) (w0 * from[b]);
	}
}

/* Cells [first, first + n), at most RS_GATHER_ROWS. */
static void
fast_add(RowSolver *s, int32_t first, int n)
{
	const RsFixedSide *side = s->side;
	RsGather	gather;

	gather.factors = side->factors;
	gather.stride = (size_t) side->stride;
	gather.index = s->row->index + first;
	gather.n = n;
	for (int i = 0; i < n; i++)
	{
		CellTerm	term = cell_term(s, first + i);

		gather.scale[i] = (float) sqrt(term.matrix);
		gather.weight[i] = (float) term.matrix;
		gather.rhs[i] = (float) term.rhs;
		s->weight += term.matrix;
		s->square += term.square;
		if (s->objective->biases)
			s->rhs[side->k] += term.rhs;
	}
	rs_kernel_ops->gather(&gather, s->packed, s->packed_rhs, s->packed_sums);
	s->rank_update(s->matrix, s->stride, s->packed, (size_t) side->stride, n, 0,
				   (side->k + RS_TILE_UNIT - 1) / RS_TILE_UNIT * RS_TILE_UNIT, 1.0f);
	for (int j = 0; j < side->k; j++)
	{
		s->rhs[j] += (double) s->packed_rhs[j];
		s->sums[j] += (double) s->packed_sums[j];
	}
}

/*
 * Bias row and ridge; the pivots' floors.  A pivot that is the part t of its
 * diagonal element lifts the noise of later ones by 1 / t.  Where the ridge
 * itself is well above float's noise no pivot can be a disguised zero;
 * elsewhere t must be so large that t is above the noise lifted by 1 / t.
 */
static void
fast_complete(RowSolver *s)
{
	float	   *matrix = s->matrix;
	int			k = s->side->k;
	float		tolerance = FAST_TOLERANCE(s->m);
	float		without_ridge = sqrtf(tolerance);

	if (s->objective->biases)
	{
		for (int j = 0; j < k; j++)
			matrix[(size_t) j * s->stride + k] = (float) s->sums[j];
		matrix[(size_t) k * s->stride + k] = (float) s->weight;
	}
	for (int j = 0; j < s->m; j++)
	{
		float	   *diagonal = matrix + (size_t) j * s->stride + j;

		*diagonal += (float) s->ridge;
		s->floor[j] = *diagonal * (s->ridge >= tolerance * *diagonal ? tolerance : without_ridge);
	}
}

static RsStatus
fast_factor(RowSolver *s)
{
	float	   *matrix = s->matrix;
	int			last = (s->m + RS_TILE_UNIT - 1) / RS_TILE_UNIT * RS_TILE_UNIT;

	for (int first = 0; first < s->m; first += PANEL_ROWS)
	{
		int			n = s->m - first < PANEL_ROWS ? s->m - first : PANEL_ROWS;

		if (asked_to_stop(s))
			return RS_STOPPED;
		if (!rs_kernel_ops->factor_panel(matrix, s->stride, first, n, last, s->floor))
			return RS_NOT_POSITIVE_DEFINITE;
		if (first + n < s->m)
			s->rank_update(matrix, s->stride, matrix + (size_t) first * s->stride,
						   s->stride, n, first + n, last, -1.0f);
	}
	return RS_OK;
}

static bool
solution_is_finite(const RowSolver *s)
{
	for (int i = 0; i < s->m; i++)
	{
		/* Written so that a NaN fails. */
		if (!(fabs(s->rhs[i]) <= (double) FLT_MAX))
			return false;
	}
	return true;
}

static RsStatus
solve_fast(RowSolver *s)
{
	RsStatus	status;

	fast_start(s);
	for (int32_t first = 0; first < s->row->n; first += RS_GATHER_ROWS)
	{
		int32_t		left = s->row->n - first;

		if (asked_to_stop(s))
			return RS_STOPPED;
		fast_add(s, first, left < RS_GATHER_ROWS ? left : RS_GATHER_ROWS);
		if (left <= RS_GATHER_ROWS)
			break;
	}
	fast_complete(s);
	status = fast_factor(s);
	if (status != RS_OK)
		return status;
	memcpy(s->rhs_kept, s->rhs, (size_t) s->m * sizeof(double));
	rs_kernel_ops->substitute(s->matrix, s->stride, s->m, s->rhs);
	return solution_is_finite(s) ? RS_OK : RS_NOT_FINITE;
}

/* ---- the careful path ---------------------------------------------------- */

static void
careful_start(RowSolver *s)
{
	double	   *matrix = s->matrix;
	double		w0 = s->objective->unobserved_weight;

	clear_sums(s);
	memset(matrix, 0, s->stride * s->stride * sizeof(double));
	if (s->side->gramian == NULL || w0 == 0.0)
		return;
	for (int a = 0; a < s->side->k; a++)
	{
		for (int b = a; b < s->side->k; b++)
			matrix[(size_t) a * s->stride + b] =
				w0 * s->side->gramian[(size_t) a * s->side->stride + b];
	}
}

static void
careful_add(RowSolver *s, int32_t i)
{
	const float *y = s->side->factors + (size_t) s->row->index[i] * s->side->stride;
	CellTerm	term = cell_term(s, i);
	double	   *matrix = s->matrix;

	for (int a = 0; a < s->side->k; a++)
	{
		double		f = term.matrix * (double) y[a];
		double	   *to = matrix + (size_t) a * s->stride;

		for (int b = a; b < s->side->k; b++)
			to[b] += f * (double) y[b];
		s->rhs[a] += term.rhs * (double) y[a];
		s->sums[a] += f;
	}
	if (s->objective->biases)
		s->rhs[s->side->k] += term.rhs;
	s->weight += term.matrix;
	s->square += term.square;
}

/*
 * Is a pivot more than rounding noise?  A small pivot magnifies the noise of
 * those after it, so lowest, the smallest part of its diagonal that a pivot
 * was so far, lifts the bar.  But no pivot of a matrix with a ridge is below
 * that ridge: one that is not needs no further proof.
 */
static bool
pivot_is_safe(const RowSolver *s, double pivot, double diagonal, double *lowest)
{
	double		part = pivot / diagonal;
	double		least = CAREFUL_TOLERANCE(s->m);
	bool		is_clear = part * *lowest > least;

	if (part < *lowest)
		*lowest = part;

	/* A NaN fails both. */
	return part > least &&
		(is_clear || (s->ridge > 0.0 && pivot >= 0.5 * s->ridge));
}

/* U'U = A by rows, in place. */
static RsStatus
careful_factor(RowSolver *s)
{
	double	   *matrix = s->matrix;
	double	   *diagonal = s->sums;
	double		lowest = 1.0;

	/* Elimination changes later diagonals. */
	for (int i = 0; i < s->m; i++)
	{
		diagonal[i] = matrix[(size_t) i * s->stride + i];
		if (!isfinite(diagonal[i]))
			return RS_NOT_FINITE;
	}
	for (int i = 0; i < s->m; i++)
	{
		double	   *row = matrix + (size_t) i * s->stride;
		double		root = sqrt(row[i]);

		if (i % CAREFUL_POLL == 0 && asked_to_stop(s))
			return RS_STOPPED;
		if (!pivot_is_safe(s, row[i], diagonal[i], &lowest))
			return RS_NOT_POSITIVE_DEFINITE;
		for (int j = i; j < s->m; j++)
			row[j] /= root;
		for (int a = i + 1; a < s->m; a++)
		{
			double		f = row[a];
			double	   *to = matrix + (size_t) a * s->stride;

			for (int b = a; b < s->m; b++)
				to[b] -= f * row[b];
		}
	}
	return RS_OK;
}

static void
careful_substitute(RowSolver *s)
{
	const double *matrix = s->matrix;
	double	   *z = s->rhs;

	for (int i = 0; i < s->m; i++)
	{
		const double *row = matrix + (size_t) i * s->stride;

		z[i] /= row[i];
		for (int j = i + 1; j < s->m; j++)
			z[j] -= z[i] * row[j];
	}
	for (int i = s->m - 1; i >= 0; i--)
	{
		const double *row = matrix + (size_t) i * s->stride;

		for (int j = i + 1; j < s->m; j++)
			z[i] -= row[j] * z[j];
		z[i] /= row[i];
	}
}

static RsStatus
solve_careful(RowSolver *s)
{
	double	   *matrix = s->matrix;
	int			k = s->side->k;
	RsStatus	status;

	careful_start(s);
	for (int32_t i = 0; i < s->row->n; i++)
	{
		if (i % CAREFUL_POLL == 0 && asked_to_stop(s))
			return RS_STOPPED;
		careful_add(s, i);
	}
	if (s->objective->biases)
	{
		for (int j = 0; j < k; j++)
			matrix[(size_t) j * s->stride + k] = s->sums[j];
		matrix[(size_t) k * s->stride + k] = s->weight;
	}
	for (int j = 0; j < s->m; j++)
		matrix[(size_t) j * s->stride + j] += s->ridge;
	status = careful_factor(s);
	if (status != RS_OK)
		return status;
	memcpy(s->rhs_kept, s->rhs, (size_t) s->m * sizeof(double));
	careful_substitute(s);
	return solution_is_finite(s) ? RS_OK : RS_NOT_FINITE;
}

/* ---- entry points -------------------------------------------------------- */

RsStatus
rs_row_solve_hooked(const RsObjective *objective, const RsFixedSide *side,
					const RsRow *row, void *workspace,
					float *x, float *bias, double *loss,
					const RsRowHooks *hooks)
{
	RowSolver	s = {0};
	RsStatus	status = RS_OK;

	if (side->k < 1 || side->k > RS_MAX_FACTORS ||
		(objective->biases && (bias == NULL || (side->biases == NULL && row->n > 0))))
		return RS_INVALID;
	s.objective = objective;
	s.side = side;
	s.row = row;
	s.hooks = hooks;
	s.rank_update = hooks->rank_update != NULL ?
		hooks->rank_update : rs_kernel_ops->rank_update;
	row_solver_init(&s, workspace);
	if (row->n == 0)
		memset(s.rhs, 0, s.stride * sizeof(double));
	else
	{
		status = solve_fast(&s);
		if (status != RS_OK && status != RS_STOPPED)
			status = solve_careful(&s);
	}
	if (status != RS_OK)
		return status;

	for (int i = 0; i < side->k; i++)
		x[i] = (float) s.rhs[i];
	for (int i = side->k; i < side->stride; i++)
		x[i] = 0.0f;
	if (objective->biases)
		*bias = (float) s.rhs[side->k];
	if (loss != NULL)
		*loss = row->n == 0 ? 0.0 : loss_at_solution(&s);
	return RS_OK;
}

RsStatus
rs_row_solve(const RsObjective *objective, const RsFixedSide *side,
			 const RsRow *row, void *workspace,
			 float *x, float *bias, double *loss)
{
	return rs_row_solve_until(objective, side, row, workspace, x, bias, loss,
							  NULL, NULL);
}

RsStatus
rs_row_solve_until(const RsObjective *objective, const RsFixedSide *side,
				   const RsRow *row, void *workspace,
				   float *x, float *bias, double *loss,
				   RsStopCheck stop, void *stop_arg)
{
	RsRowHooks	hooks = {stop, stop_arg, NULL};

	return rs_row_solve_hooked(objective, side, row, workspace, x, bias, loss, &hooks);
}
