/*-------------------------------------------------------------------------
 *
 * row_careful.c
 *		The careful path of a row: everything in double.
 *
 *-------------------------------------------------------------------------
 */
#include "kernel/row_solver.h"

/*
 * What part of its diagonal element a pivot must be: more than what rounding
 * leaves of a zero after the elimination of m unknowns.
 */
#define CAREFUL_TOLERANCE(m)	(DBL_EPSILON * 256.0 * (double) (m))

/* Cells, or rows of a matrix, between two questions whether to stop. */
#define CAREFUL_POLL	16

static void
careful_start(RsRowSolver *s)
{
	double	   *matrix = s->matrix;
	double		w0 = s->objective->unobserved_weight;

	rs_row_clear(s);
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
careful_add(RsRowSolver *s, int32_t i)
{
	const float *y = s->side->factors + (size_t) s->row->index[i] * s->side->stride;
	RsCellTerm	term = rs_cell_term(s, i);
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
 * was so far, lifts the bar.  But no pivot of an unknown with a ridge is below
 * that ridge: one that is not needs no further proof.
 */
static bool
pivot_is_safe(const RsRowSolver *s, double pivot, double diagonal, double ridge, double *lowest)
{
	double		part = pivot / diagonal;
	double		least = CAREFUL_TOLERANCE(s->m);
	bool		is_clear = part * *lowest > least;

	if (part < *lowest)
		*lowest = part;

	/* A NaN fails both. */
	return part > least &&
		(is_clear || (ridge > 0.0 && pivot >= 0.5 * ridge));
}

/* U'U = A by rows, in place. */
static RsStatus
careful_factor(RsRowSolver *s)
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

		if (i % CAREFUL_POLL == 0 && rs_row_stop(s))
			return RS_STOPPED;
		if (!pivot_is_safe(s, row[i], diagonal[i], rs_ridge_of(s, i), &lowest))
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
careful_substitute(RsRowSolver *s)
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

RsStatus
rs_row_finish_careful(RsRowSolver *s)
{
	RsStatus	status = careful_factor(s);

	if (status != RS_OK)
		return status;
	careful_substitute(s);
	return rs_row_is_finite(s) ? RS_OK : RS_NOT_FINITE;
}

RsStatus
rs_row_solve_careful(RsRowSolver *s)
{
	double	   *matrix = s->matrix;
	int			k = s->side->k;

	careful_start(s);
	for (int32_t i = 0; i < s->row->n; i++)
	{
		if (i % CAREFUL_POLL == 0 && rs_row_stop(s))
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
		matrix[(size_t) j * s->stride + j] += rs_ridge_of(s, j);
	rs_row_take_target(s);
	memcpy(s->rhs_kept, s->rhs, (size_t) s->m * sizeof(double));
	return rs_row_finish_careful(s);
}
