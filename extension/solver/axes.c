/*-------------------------------------------------------------------------
 *
 * axes.c
 *		The axes of a side's Gramian, and turning the side to them.
 *
 * The objective does not change when the vectors of both sides are turned by one
 * orthogonal matrix.  Turned to the eigenvectors of their Gramian, items have a
 * diagonal one, and users of few cells are solved by the dual path of
 * kernel/row_dual.c, in training and in serving.
 *
 * Eigenvectors by Householder's reduction to three diagonals and the QL algorithm
 * with implicit shifts (Martin, Reinsch, Wilkinson 1968, "Householder's
 * tridiagonalization of a symmetric matrix"; Dubrulle, Martin, Wilkinson 1968,
 * "The implicit QL algorithm").  All loops run along rows.  One thread finds the
 * axes, in about 20 k^3 operations; all turn the side.  The memory is that of the
 * half-step, its arrays of k x stride and the threads' workspaces.
 *
 *-------------------------------------------------------------------------
 */
#include "solver/axes.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* Steps for one eigenvalue; two are usual. */
#define MOST_STEPS	50

/* Vectors that a thread turns at once. */
#define TURN_ROWS	64

/* Squares that are nothing beside a trace of 1, yet far from the end of double. */
#define NOTHING		1e-60

/* A sum of squares that leaves room for turned vectors in float. */
#define MOST_TRACE	1e70

/* The matrix of a reflection is 1 - factor v v'. */
typedef struct Axes
{
	int			k;
	size_t		stride;
	double	   *matrix;			/* in row p: the factor at p, v behind it */
	double	   *vectors;
	double	   *diagonal;		/* k; the eigenvalues in the end */
	double	   *beside;			/* k - 1 elements beside it, and work before */
	RsStopCheck stop;
	void	   *stop_arg;
} Axes;

static double *
row_of(double *matrix, const Axes *axes, int i)
{
	return matrix + (size_t) i * axes->stride;
}

/* to += f from */
static void
add_row(double *restrict to, const double *restrict from, double f, int first, int k)
{
	for (int j = first; j < k; j++)
		to[j] += f * from[j];
}

/* ---- to three diagonals -------------------------------------------------- */

/* The matrix below and right of p: less v w' + w v', w lying in axes->beside from p + 1 on. */
static void
reflect_both_sides(Axes *axes, int p, const double *v, double factor)
{
	int			k = axes->k;
	double	   *w = axes->beside;
	double		product = 0.0;

	memset(w + p + 1, 0, (size_t) (k - p - 1) * sizeof(double));
	for (int r = p + 1; r < k; r++)
		add_row(w, row_of(axes->matrix, axes, r), factor * v[r], p + 1, k);
	for (int r = p + 1; r < k; r++)
		product += v[r] * w[r];
	add_row(w, v, -0.5 * factor * product, p + 1, k);
	for (int r = p + 1; r < k; r++)
	{
		double	   *row = row_of(axes->matrix, axes, r);

		add_row(row, w, -v[r], p + 1, k);
		add_row(row, v, -w[r], p + 1, k);
	}
}

/*
 * A reflection that leaves one element of row p beside the diagonal, which is
 * returned.
 */
static double
reflect_row(Axes *axes, int p)
{
	double	   *row = row_of(axes->matrix, axes, p);
	double		first = row[p + 1];
	double		squares = 0.0;
	double		left;

	axes->diagonal[p] = row[p];
	row[p] = 0.0;
	for (int j = p + 2; j < axes->k; j++)
		squares += row[j] * row[j];
	if (squares <= NOTHING)
		return first;
	left = sqrt(first * first + squares);
	if (first > 0.0)
		left = -left;
	row[p + 1] = first - left;
	row[p] = 1.0 / (left * (left - first));
	reflect_both_sides(axes, p, row, row[p]);
	return left;
}

/* The product of all reflections, transposed. */
static RsStatus
collect_reflections(Axes *axes)
{
	int			k = axes->k;

	memset(axes->vectors, 0, (size_t) k * axes->stride * sizeof(double));
	for (int p = 0; p < k; p++)
		row_of(axes->vectors, axes, p)[p] = 1.0;
	for (int p = k - 2; p >= 0; p--)
	{
		const double *v = row_of(axes->matrix, axes, p);
		double	   *sum = axes->matrix + (size_t) (k - 1) * axes->stride;

		if (axes->stop(axes->stop_arg))
			return RS_STOPPED;
		if (v[p] == 0.0)
			continue;
		memset(sum, 0, (size_t) k * sizeof(double));
		for (int r = p + 1; r < k; r++)
			add_row(sum, row_of(axes->vectors, axes, r), v[r], p + 1, k);
		for (int r = p + 1; r < k; r++)
			add_row(row_of(axes->vectors, axes, r), sum, -v[p] * v[r], p + 1, k);
	}
	for (int p = 0; p < k; p++)
	{
		for (int j = 0; j < p; j++)
		{
			double		swap = row_of(axes->vectors, axes, p)[j];

			row_of(axes->vectors, axes, p)[j] = row_of(axes->vectors, axes, j)[p];
			row_of(axes->vectors, axes, j)[p] = swap;
		}
	}
	return RS_OK;
}

static RsStatus
reduce(Axes *axes)
{
	int			k = axes->k;

	for (int p = 0; p < k - 1; p++)
	{
		double		left;

		if (axes->stop(axes->stop_arg))
			return RS_STOPPED;
		left = reflect_row(axes, p);
		axes->beside[p] = left;
	}
	axes->diagonal[k - 1] = row_of(axes->matrix, axes, k - 1)[k - 1];
	axes->beside[k - 1] = 0.0;
	return collect_reflections(axes);
}

/* ---- to one diagonal ----------------------------------------------------- */

/* Rows i and i + 1, turned by an angle of this sine and cosine. */
static void
turn_rows(Axes *axes, int i, double sine, double cosine)
{
	double	   *restrict low = row_of(axes->vectors, axes, i);
	double	   *restrict high = row_of(axes->vectors, axes, i + 1);

	for (int j = 0; j < axes->k; j++)
	{
		double		above = high[j];

		high[j] = sine * low[j] + cosine * above;
		low[j] = cosine * low[j] - sine * above;
	}
}

/* The last row of the block that begins at first: the next element beside is nothing. */
static int
block_end(const Axes *axes, int first)
{
	int			last = first;

	while (last < axes->k - 1 &&
		   !(fabs(axes->beside[last]) <=
			 DBL_EPSILON * (fabs(axes->diagonal[last]) + fabs(axes->diagonal[last + 1]))))
		last++;
	return last;
}

/* One step of QL on a block, whose shift is the eigenvalue of its corner nearer to first. */
static void
step_block(Axes *axes, int first, int last)
{
	double	   *d = axes->diagonal;
	double	   *e = axes->beside;
	double		half = (d[first + 1] - d[first]) / (2.0 * e[first]);
	double		root = hypot(half, 1.0);
	double		g = d[last] - d[first] + e[first] / (half + (half < 0.0 ? -root : root));
	double		sine = 1.0;
	double		cosine = 1.0;
	double		moved = 0.0;

	for (int i = last - 1; i >= first; i--)
	{
		double		f = sine * e[i];
		double		b = cosine * e[i];
		double		r = hypot(f, g);
		double		next;

		e[i + 1] = r;
		if (r == 0.0)
		{
			/* The block falls into two. */
			d[i + 1] -= moved;
			e[last] = 0.0;
			return;
		}
		sine = f / r;
		cosine = g / r;
		g = d[i + 1] - moved;
		next = (d[i] - g) * sine + 2.0 * cosine * b;
		moved = sine * next;
		d[i + 1] = g + moved;
		g = cosine * next - b;
		turn_rows(axes, i, sine, cosine);
	}
	d[first] -= moved;
	e[first] = g;
	e[last] = 0.0;
}

static RsStatus
diagonalise(Axes *axes)
{
	for (int first = 0; first < axes->k; first++)
	{
		int			steps = 0;
		int			last;

		while ((last = block_end(axes, first)) > first)
		{
			if (axes->stop(axes->stop_arg))
				return RS_STOPPED;
			if (steps++ == MOST_STEPS)
				return RS_NOT_FINITE;
			step_block(axes, first, last);
		}
	}
	return RS_OK;
}

RsStatus
rs_axes_find(double *matrix, int k, int stride, double *vectors, double *values,
			 double *work, RsStopCheck stop, void *arg)
{
	Axes		axes = {k, (size_t) stride, matrix, vectors, values, work, stop, arg};
	double		trace = 0.0;
	RsStatus	status;

	for (int j = 0; j < k; j++)
		trace += row_of(matrix, &axes, j)[j];

	/* Written so that a NaN fails. */
	if (!(trace > 0.0 && trace <= MOST_TRACE))
		return RS_NOT_FINITE;

	/* No square leaves the range of double then. */
	for (size_t i = 0; i < (size_t) k * axes.stride; i++)
		matrix[i] /= trace;
	status = reduce(&axes);
	if (status == RS_OK)
		status = diagonalise(&axes);
	for (int j = 0; j < k; j++)
		values[j] *= trace;
	return status;
}

/* ---- a side -------------------------------------------------------------- */

typedef struct Turn
{
	RsHalfStep *step;
	RsSide	   *side;
	bool		found;
} Turn;

/* The axes, as columns in place of the Gramian. */
static RsStatus
find_axes(void *arg, int thread, int64_t chunk)
{
	Turn	   *turn = arg;
	RsHalfStep *step = turn->step;
	size_t		stride = (size_t) step->stride;
	double	   *values = (double *) step->workspaces;
	RsStatus	status = rs_axes_find(step->gramian, step->k, step->stride, step->work, values,
									  values + stride, rs_pool_stopping, step->pool);

	(void) thread;
	(void) chunk;
	if (status == RS_STOPPED)
		return status;
	turn->found = status == RS_OK;
	memset(step->gramian, 0, (size_t) step->k * stride * sizeof(double));
	for (int a = 0; a < step->k; a++)
	{
		for (int b = 0; b < step->k; b++)
			step->gramian[(size_t) b * stride + (size_t) a] = step->work[(size_t) a * stride + (size_t) b];
	}
	return RS_OK;
}

static RsStatus
turn_chunk(void *arg, int thread, int64_t chunk)
{
	Turn	   *turn = arg;
	RsHalfStep *step = turn->step;
	size_t		stride = (size_t) step->stride;
	int32_t		left = turn->side->cells.n - (int32_t) chunk * TURN_ROWS;
	int			n = left < TURN_ROWS ? (int) left : TURN_ROWS;
	float	   *rows = turn->side->factors + (size_t) chunk * TURN_ROWS * stride;
	float	   *turned = (float *) (step->workspaces + (size_t) thread * step->workspace_size);

	rs_turn(step->gramian, step->k, step->stride, rows, n, turned);
	memcpy(rows, turned, (size_t) n * stride * sizeof(float));
	return RS_OK;
}

RsStatus
rs_axes_turn(RsHalfStep *step, RsSide *side)
{
	Turn		turn = {step, side, false};
	RsStatus	status;

	step->fixed = side;
	status = rs_half_step_gramian(step);
	if (status == RS_OK)
		status = rs_pool_run(step->pool, find_axes, &turn, 1);
	if (status != RS_OK || !turn.found)
		return status;
	return rs_pool_run(step->pool, turn_chunk, &turn,
					   ((int64_t) side->cells.n + TURN_ROWS - 1) / TURN_ROWS);
}
