/*-------------------------------------------------------------------------
 *
 * row_fast.c
 *		The fast path of a row: normal equations and their solution in float.
 *
 *-------------------------------------------------------------------------
 */
#include "kernel/row_solver.h"

/* Rows of U that are computed before the rest of the matrix is updated. */
#define PANEL_ROWS	16

/* What part of its diagonal element a pivot must be for a result good in float. */
#define FAST_TOLERANCE(m)		(FLT_EPSILON * (float) (256 + 8 * (m)))

/* The matrix before the first cell: w0 times the Gramian. */
static void
start_matrix(RsRowSolver *s, float *matrix)
{
	double		w0 = s->side->gramian == NULL ? 0.0 : s->objective->unobserved_weight;

	for (int a = 0; a < s->m; a++)
	{
		float	   *row = matrix + (size_t) a * s->stride;
		size_t		from = (size_t) a / RS_STRIDE_UNIT * RS_STRIDE_UNIT;

		memset(row + from, 0, (s->stride - from) * sizeof(float));
		if (w0 != 0.0)
		{
			const double *sums = s->side->gramian + (size_t) a * (size_t) s->side->stride;

			for (int b = a; b < s->side->k; b++)
				row[b] = (float) (w0 * sums[b]);
		}
	}
}

void
rs_row_base(RsRowSolver *s, float *base)
{
	start_matrix(s, base);
	s->base = base;
}

static void
fast_start(RsRowSolver *s)
{
	rs_row_clear(s);
	if (s->base != NULL)
		memcpy(s->matrix, s->base, (size_t) s->m * s->stride * sizeof(float));
	else
		start_matrix(s, s->matrix);
}

/*
 * The factors of cells [first, first + n) in the sums, n at most RS_GATHER_ROWS,
 * and what they add to the sums of one number: rs_cell_term() without branches.
 */
static void
implicit_terms(RsRowSolver *s, RsGather *gather, int32_t first, int n)
{
	const float *value = s->row->value + first;
	double		alpha = s->objective->alpha;
	double		w0 = s->objective->unobserved_weight;
	double		square = 0.0;
	bool		is_rounded = s->objective->scale != 0.0;

	for (int i = 0; i < n; i++)
	{
		double		exact = alpha * fabs((double) value[i]);
		double		extra = is_rounded ? rs_snap(exact) : exact;
		double		rhs = value[i] > 0.0f ? w0 + extra : 0.0;

		gather->weight[i] = (float) extra;
		gather->rhs[i] = (float) rhs;
		square += rhs;
	}
	s->square += square;
	for (int i = 0; i < n; i++)
		gather->scale[i] = sqrtf(gather->weight[i]);
}

static void
explicit_terms(RsRowSolver *s, RsGather *gather, int32_t first, int n)
{
	double		in_bias = 0.0;
	double		square = 0.0;

	for (int i = 0; i < n; i++)
	{
		RsCellTerm	term = rs_cell_term(s, first + i);

		gather->scale[i] = gather->weight[i] = 1.0f;
		gather->rhs[i] = (float) term.rhs;
		square += term.square;
		in_bias += term.rhs;
	}
	s->square += square;
	s->weight += n;
	if (s->objective->biases)
		s->rhs[s->side->k] += in_bias;
}

/*
 * Gather cells [first, first + n) and add them to the right-hand side, and with_sums
 * to the column sums.
 */
void
rs_row_gather(RsRowSolver *s, int32_t first, int n, bool with_sums, RsGather *gather)
{
	const RsFixedSide *side = s->side;

	gather->factors = side->factors;
	gather->stride = (size_t) side->stride;
	gather->index = s->row->index + first;
	gather->n = n;
	if (s->objective->implicit)
		implicit_terms(s, gather, first, n);
	else
		explicit_terms(s, gather, first, n);
	rs_kernel_ops->gather(gather, s->packed, s->packed_rhs, with_sums ? s->packed_sums : NULL);
	for (int j = 0; j < side->k; j++)
		s->rhs[j] += (double) s->packed_rhs[j];
	for (int j = 0; j < side->k && with_sums; j++)
		s->sums[j] += (double) s->packed_sums[j];
}

/* What will be gathered after cell last of this row: the rest of it, or the next row. */
static RsAhead
rows_ahead(const RsRowSolver *s, int32_t last, const RsRow *next)
{
	RsAhead		ahead = {s->side->factors, (size_t) s->side->stride, NULL, 0};

	if (last < s->row->n)
	{
		ahead.index = s->row->index + last;
		ahead.n = s->row->n - last < RS_GATHER_ROWS ? s->row->n - last : RS_GATHER_ROWS;
	}
	else if (next != NULL)
	{
		ahead.index = next->index;
		ahead.n = next->n < RS_GATHER_ROWS ? next->n : RS_GATHER_ROWS;
	}
	return ahead;
}

/* Cells [first, first + n), at most RS_GATHER_ROWS. */
static void
fast_add(RsRowSolver *s, int32_t first, int n, const RsRow *next)
{
	size_t		stride = (size_t) s->side->stride;
	int			k = s->side->k;
	RsAhead		ahead = rows_ahead(s, first + n, next);
	RsGather	gather;

	rs_row_gather(s, first, n, s->objective->biases, &gather);
	rs_kernel_ops->rank_update(s->matrix, s->stride, s->packed, stride, n,
							   (k + RS_TILE_UNIT - 1) / RS_TILE_UNIT * RS_TILE_UNIT, &ahead);
}

/*
 * What a pivot of m must be above.  A pivot that is the part t of its diagonal
 * element lifts the noise of later ones by 1 / t.  Where the ridge itself is well
 * above float's noise no pivot can be a disguised zero; elsewhere t must be so
 * large that t is above the noise lifted by 1 / t.
 */
float
rs_pivot_floor(float diagonal, double ridge, int m)
{
	float		tolerance = FAST_TOLERANCE(m);

	return diagonal * (ridge >= tolerance * diagonal ? tolerance : sqrtf(tolerance));
}

/* Bias row and ridge; the pivots' floors. */
static void
fast_complete(RsRowSolver *s)
{
	float	   *matrix = s->matrix;
	int			k = s->side->k;

	if (s->objective->biases)
	{
		for (int j = 0; j < k; j++)
			matrix[(size_t) j * s->stride + k] = (float) s->sums[j];
		matrix[(size_t) k * s->stride + k] = (float) s->weight;
	}
	for (int j = 0; j < s->m; j++)
	{
		float	   *diagonal = matrix + (size_t) j * s->stride + j;
		double		ridge = rs_ridge_of(s, j);

		*diagonal += (float) ridge;
		s->floor[j] = rs_pivot_floor(*diagonal, ridge, s->m);
	}
}

/* The row's system, ready to be factored; next is the row after it, or NULL. */
RsStatus
rs_row_sum(RsRowSolver *s, const RsRow *next)
{
	fast_start(s);
	for (int32_t first = 0; first < s->row->n; first += RS_GATHER_ROWS)
	{
		int32_t		left = s->row->n - first;

		if (rs_row_stop(s))
			return RS_STOPPED;
		fast_add(s, first, left < RS_GATHER_ROWS ? left : RS_GATHER_ROWS, next);
		if (left <= RS_GATHER_ROWS)
			break;
	}
	fast_complete(s);
	return RS_OK;
}

RsStatus
rs_row_factor(const RsRowSolver *s, float *matrix, size_t stride, int m)
{
	int			last = (m + RS_TILE_UNIT - 1) / RS_TILE_UNIT * RS_TILE_UNIT;

	for (int first = 0; first < m; first += PANEL_ROWS)
	{
		int			n = m - first < PANEL_ROWS ? m - first : PANEL_ROWS;

		if (rs_row_stop(s))
			return RS_STOPPED;
		if (!rs_kernel_ops->factor_panel(matrix, stride, first, n, last, s->floor))
			return RS_NOT_POSITIVE_DEFINITE;
		if (first + n < m)
			rs_kernel_ops->eliminate(matrix, stride, matrix + (size_t) first * stride,
									 n, first + n, last);
	}
	return RS_OK;
}

RsStatus
rs_row_solve_fast(RsRowSolver *s)
{
	RsStatus	status = rs_row_sum(s, NULL);

	if (status == RS_OK)
		status = rs_row_factor(s, s->matrix, s->stride, s->m);
	if (status != RS_OK)
		return status;
	rs_row_take_target(s);
	memcpy(s->rhs_kept, s->rhs, (size_t) s->m * sizeof(double));
	rs_kernel_ops->substitute(s->matrix, s->stride, s->m, s->rhs);
	return rs_row_is_finite(s) ? RS_OK : RS_NOT_FINITE;
}
