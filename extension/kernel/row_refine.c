/*-------------------------------------------------------------------------
 *
 * row_refine.c
 *		A better solution of one row from the one it has, by a few steps of
 *		conjugate gradients (Takacs, Pilaszy, Tikk 2011).
 *
 * The matrix is never formed: a step multiplies it with a vector by going over
 * the row's gathered cells, 2 k operations a cell where the matrix takes k^2/2.
 * A row of up to RESIDENT_CELLS cells is gathered once and stays in the cache;
 * a longer one is gathered again, chunk by chunk, in each step.
 *
 * Measured with AVX-512, ns a cell: 3.5 a multiplication at 64 factors, 6.2 at
 * 128, 11 at 256; the rank update takes 30, 105 and 410.
 *
 * Vectors are in float, their products in double.  What is not safely positive
 * or not finite ends the steps: if the row has no finite solution then, it is
 * solved exactly.
 *
 *-------------------------------------------------------------------------
 */
#include "kernel/row_solver.h"

#include "rs_limits.h"

/* Cells that are gathered only once: 256 kB at 128 factors. */
#define RESIDENT_CELLS	512

/* A residual this much smaller than the right-hand side is rounding noise. */
#define SMALLEST_PART	1e-14

/* A vector of the unknowns: k factors with padding, and the bias. */
typedef struct Vector
{
	float	   *factors;
	float		bias;
} Vector;

typedef struct Refinement
{
	RsRowSolver s;
	const float *gramian;
	Vector		x;
	Vector		residual;
	Vector		direction;
	Vector		image;			/* matrix times something */
	float	   *part;			/* of the image */
	float	   *resident;		/* gathered cells, if there is room for all */
	double	   *sums;			/* of parts */
} Refinement;

size_t
rs_row_refine_workspace_size(int k)
{
	return rs_row_workspace_size(k) +
		(size_t) RS_STRIDE(k) * ((RESIDENT_CELLS + 5) * sizeof(float) + sizeof(double));
}

static void
init_vectors(Refinement *f, void *workspace, const RsRowTask *task)
{
	size_t		stride = (size_t) f->s.side->stride;
	char	   *at = (char *) workspace + rs_row_workspace_size(f->s.side->k);

	f->sums = (double *) at;
	at += stride * sizeof(double);
	f->x.factors = (float *) at;
	f->residual.factors = f->x.factors + stride;
	f->direction.factors = f->residual.factors + stride;
	f->image.factors = f->direction.factors + stride;
	f->part = f->image.factors + stride;
	f->resident = f->part + stride;
	memcpy(f->x.factors, task->x, stride * sizeof(float));
	f->x.bias = task->bias != NULL ? *task->bias : 0.0f;
}

static double
product(const Refinement *f, const Vector *a, const Vector *b)
{
	return rs_dot(a->factors, b->factors, (size_t) f->s.side->k) +
		(double) a->bias * (double) b->bias;
}

/* Gather all cells or the first chunk; the right-hand side is complete then. */
static RsStatus
gather_cells(Refinement *f)
{
	RsRowSolver *s = &f->s;
	bool		all = s->row->n <= RESIDENT_CELLS;

	rs_row_clear(s);
	for (int32_t first = 0; first < s->row->n;)
	{
		int32_t		n = s->row->n - first < RS_GATHER_ROWS ? s->row->n - first : RS_GATHER_ROWS;

		if (rs_row_stop(s))
			return RS_STOPPED;
		rs_row_gather(s, first, n, all ? f->resident + (size_t) first * s->side->stride : s->packed);
		first += n;
	}
	memcpy(s->rhs_kept, s->rhs, (size_t) s->m * sizeof(double));
	return RS_OK;
}

/* The cells' part of the image, chunk by chunk, each gathered again. */
static RsStatus
project_long(Refinement *f, const Vector *v, double *bias)
{
	RsRowSolver *s = &f->s;
	size_t		stride = (size_t) s->side->stride;

	for (int32_t first = 0; first < s->row->n;)
	{
		int32_t		n = s->row->n - first < RS_GATHER_ROWS ? s->row->n - first : RS_GATHER_ROWS;
		double		weight = s->weight;
		double		square = s->square;

		if (rs_row_stop(s))
			return RS_STOPPED;
		rs_row_gather(s, first, n, s->packed);
		s->weight = weight;
		s->square = square;
		*bias += (double) rs_kernel_ops->project(s->packed, stride, n, v->factors, v->bias, f->part);
		for (size_t j = 0; j < stride; j++)
			f->sums[j] += (double) f->part[j];
		first += n;
	}
	return RS_OK;
}

/* image = matrix times v */
static RsStatus
multiply(Refinement *f, const Vector *v)
{
	RsRowSolver *s = &f->s;
	size_t		stride = (size_t) s->side->stride;
	float		ridge = (float) s->ridge;
	double		bias = 0.0;
	RsStatus	status = RS_OK;

	if (s->row->n <= RESIDENT_CELLS)
		bias = (double) rs_kernel_ops->project(f->resident, stride, s->row->n, v->factors, v->bias,
											   f->image.factors);
	else
	{
		memset(f->sums, 0, stride * sizeof(double));
		status = project_long(f, v, &bias);
		for (size_t j = 0; j < stride; j++)
			f->image.factors[j] = (float) f->sums[j];
	}
	if (f->gramian != NULL)
		rs_kernel_ops->combine(f->gramian, stride, s->side->k, v->factors, f->image.factors);
	for (size_t j = 0; j < stride; j++)
		f->image.factors[j] += ridge * v->factors[j];
	f->image.bias = s->objective->biases ? (float) bias + ridge * v->bias : 0.0f;
	return status;
}

/* to += f from */
static void
add_multiple(const Refinement *f, Vector *to, float factor, const Vector *from)
{
	for (int j = 0; j < f->s.side->stride; j++)
		to->factors[j] += factor * from->factors[j];
	to->bias += factor * from->bias;
}

/* residual = right-hand side minus matrix times x; its square, and that of the former */
static RsStatus
start(Refinement *f, double *squares, double *least)
{
	const RsRowSolver *s = &f->s;
	RsStatus	status = multiply(f, &f->x);
	double		rhs = 0.0;

	for (int j = 0; j < s->m; j++)
		rhs += s->rhs_kept[j] * s->rhs_kept[j];
	for (int j = 0; j < s->side->stride; j++)
		f->residual.factors[j] = j < s->side->k ?
			(float) (s->rhs_kept[j] - (double) f->image.factors[j]) : 0.0f;
	f->residual.bias = s->objective->biases ?
		(float) (s->rhs_kept[s->side->k] - (double) f->image.bias) : 0.0f;
	memcpy(f->direction.factors, f->residual.factors, (size_t) s->side->stride * sizeof(float));
	f->direction.bias = f->residual.bias;
	*squares = product(f, &f->residual, &f->residual);
	*least = SMALLEST_PART * rhs;
	return status;
}

/* The steps; conditions are written so that a NaN ends them. */
static RsStatus
descend(Refinement *f, int steps)
{
	double		squares;
	double		least;
	RsStatus	status = start(f, &squares, &least);

	for (int i = 0; i < steps && status == RS_OK && squares > least; i++)
	{
		double		curvature;
		double		left;

		status = multiply(f, &f->direction);
		curvature = product(f, &f->direction, &f->image);
		if (status != RS_OK || !(curvature > 0.0))
			break;
		add_multiple(f, &f->x, (float) (squares / curvature), &f->direction);
		add_multiple(f, &f->residual, (float) (-squares / curvature), &f->image);
		left = product(f, &f->residual, &f->residual);
		for (int j = 0; j < f->s.side->stride; j++)
			f->direction.factors[j] = f->residual.factors[j] +
				(float) (left / squares) * f->direction.factors[j];
		f->direction.bias = f->residual.bias + (float) (left / squares) * f->direction.bias;
		squares = left;
	}
	return status;
}

static bool
is_finite(const Refinement *f)
{
	return isfinite(product(f, &f->x, &f->x)) && isfinite(product(f, &f->residual, &f->residual)) &&
		isfinite(f->s.square);
}

/* sum of c p^2 - b'x - x'(b - A x), the objective at any x */
static double
loss_here(const Refinement *f)
{
	const RsRowSolver *s = &f->s;
	double		loss = s->square - product(f, &f->x, &f->residual);

	for (int j = 0; j < s->side->k; j++)
		loss -= s->rhs_kept[j] * (double) f->x.factors[j];
	if (s->objective->biases)
		loss -= s->rhs_kept[s->side->k] * (double) f->x.bias;
	return loss < 0.0 ? 0.0 : loss;
}

RsStatus
rs_row_refine(const RsObjective *objective, const RsFixedSide *side,
			  const float *gramian, const RsRowTask *task, int steps,
			  void *workspace, const RsRowHooks *hooks)
{
	Refinement	f = {.s = {.objective = objective, .side = side, .row = &task->row,
			.hooks = hooks},.gramian = gramian};
	RsStatus	status;

	if (task->row.n == 0 || !rs_row_init(&f.s, task->bias, workspace))
		return rs_row_solve_hooked(objective, side, &task->row, workspace, task->x, task->bias,
								   task->loss, hooks);
	init_vectors(&f, workspace, task);
	status = gather_cells(&f);
	if (status == RS_OK)
		status = descend(&f, steps);
	if (status != RS_OK)
		return status;
	if (!is_finite(&f))
		return rs_row_solve_hooked(objective, side, &task->row, workspace, task->x, task->bias,
								   task->loss, hooks);
	memcpy(task->x, f.x.factors, (size_t) side->stride * sizeof(float));
	if (objective->biases)
		*task->bias = f.x.bias;
	if (task->loss != NULL)
		*task->loss = loss_here(&f);
	return RS_OK;
}
