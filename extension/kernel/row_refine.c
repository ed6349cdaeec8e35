/*-------------------------------------------------------------------------
 *
 * row_refine.c
 *		Better solutions of rows from those they have, by a few steps of
 *		conjugate gradients (Takacs, Pilaszy, Tikk 2011).
 *
 * The matrix is never formed: a step multiplies it with a vector by going over
 * the row's cells, 4 k operations a cell where the matrix takes k^2.  The cells'
 * factors are read where they lie; the first pass gives the residual.
 *
 * The steps are preconditioned.  A row's matrix is near a multiple of the fixed
 * side's Gramian plus a ridge, and the inverse of that serves all rows, so the
 * directions that all rows share are settled in the first step.  Without it
 * implicit models lose much of an iteration to the exact solution.
 *
 * Rows go side by side where k x k matrices multiply their vectors, four for
 * one reading of the matrix; a row's bits are those that it has alone.
 *
 * The server is compiled without strict aliasing, so loops over vectors name them
 * by pointers of their own, or they would be read from memory for each element.
 *
 * Vectors are in float, their products in double.  What is not safely positive
 * or not finite ends the steps: if the row has no finite solution then, it is
 * solved exactly.
 *
 *-------------------------------------------------------------------------
 */
#include "kernel/row_solver.h"

/* Cells that are projected at once; their sum is in float, that of all in double. */
#define PROJECT_CELLS	256

/* What makes a sum of a dot product. */
static const float ones[PROJECT_CELLS] = {[0 ... PROJECT_CELLS - 1] = 1.0f};

/* Rows that are refined side by side. */
#define BATCH_ROWS		16

/* What the cells of several rows may take: they are read in every step. */
#define CACHED_FLOATS	(1 << 16)

/* A residual this much smaller than the first one is rounding noise. */
#define SMALLEST_PART	1e-14

/* Steps are taken to shrink by at least this factor. */
#define SLOWEST_RATIO	0.99

/* A vector of the unknowns: k factors with padding, and the bias. */
typedef struct Vector
{
	float	   *factors;
	float		bias;
} Vector;

/* One row on its way down. */
typedef struct Descent
{
	RsRowSolver s;
	Vector		x;
	Vector		residual;
	Vector		shaped;			/* residual times the inverse */
	Vector		direction;
	Vector		image;			/* matrix times direction */
	double	   *sums;			/* over the cells */
	double		bias_sum;
	double		loss;			/* at x */
	double		squares;		/* residual times shaped */
	double		least;			/* squares that are noise */
	double		last_squares;	/* before the last step */
	double		length;			/* of the last step, in directions */
	bool		ended;
	bool		is_left;		/* to be solved exactly */
} Descent;

/* Rows side by side: vectors of one kind lie one after the other. */
typedef struct Batch
{
	Descent		rows[BATCH_ROWS];
	int			n;
	const RsRefineBase *base;
	size_t		stride;
	float		unit;			/* what 1 of the cells' factors is */
	float	   *scaled;			/* the vector that is projected, times unit */
	float	   *part;			/* of a row's sums, by unit */
	float	   *constant;		/* of each cell of a part */
	float	   *weight;
	float	   *product;
	void	   *workspace;		/* for a row that is solved exactly */
} Batch;

/* Rows that are left are solved where the others were refined. */
size_t
rs_rows_refine_workspace_size(int k)
{
	size_t		exact = rs_rows_workspace_size(k);
	size_t		refined = rs_row_workspace_size(k) +
		(3 * PROJECT_CELLS + 2 * RS_STRIDE((size_t) k)) * sizeof(float) +
		BATCH_ROWS * RS_STRIDE((size_t) k) * (5 * sizeof(float) + sizeof(double));

	return exact > refined ? exact : refined;
}

static float *
take_floats(char **at, size_t n)
{
	float	   *taken = (float *) *at;

	*at += n * sizeof(float);
	return taken;
}

static void
init_descent(Descent *d, const RsRowTask *task, size_t stride)
{
	memcpy(d->x.factors, task->x, stride * sizeof(float));
	d->x.bias = task->bias != NULL ? *task->bias : 0.0f;
	d->loss = 0.0;
	d->ended = false;
	d->is_left = false;
}

static bool
init_batch(Batch *batch, const RsObjective *objective, const RsFixedSide *side,
		   const RsRowTask *tasks, int n, void *workspace, const RsRowHooks *hooks)
{
	size_t		stride = (size_t) side->stride;
	char	   *at = (char *) workspace + rs_row_workspace_size(side->k);

	batch->n = n;
	batch->stride = stride;
	batch->workspace = workspace;
	batch->constant = take_floats(&at, PROJECT_CELLS);
	batch->weight = take_floats(&at, PROJECT_CELLS);
	batch->product = take_floats(&at, PROJECT_CELLS);
	batch->part = take_floats(&at, stride);
	batch->scaled = take_floats(&at, stride);
	for (int i = 0; i < n; i++)
	{
		Descent    *d = &batch->rows[i];

		d->s = (RsRowSolver) {.objective = objective, .side = side, .row = &tasks[i].row, .hooks = hooks};
		if (!rs_row_init(&d->s, tasks[i].bias, workspace))
			return false;
		d->x.factors = (float *) at + (size_t) i * stride;
		d->residual.factors = d->x.factors + BATCH_ROWS * stride;
		d->shaped.factors = d->residual.factors + BATCH_ROWS * stride;
		d->direction.factors = d->shaped.factors + BATCH_ROWS * stride;
		d->image.factors = d->direction.factors + BATCH_ROWS * stride;
		d->sums = (double *) (at + 5 * BATCH_ROWS * stride * sizeof(float)) + (size_t) i * stride;
		init_descent(d, &tasks[i], stride);
	}
	return true;
}

static double
product(const Descent *d, const Vector *a, const Vector *b)
{
	return rs_dot(a->factors, b->factors, (size_t) d->s.side->k) +
		(double) a->bias * (double) b->bias;
}

/* to += f from */
static void
add_multiple(size_t stride, Vector *to, float factor, const Vector *from)
{
	float	   *restrict sum = to->factors;
	const float *restrict term = from->factors;

	for (size_t j = 0; j < stride; j++)
		sum[j] += factor * term[j];
	to->bias += factor * from->bias;
}

/* ---- cells --------------------------------------------------------------- */

/* alpha times n implicit weights, without their sign: rs_cell_term() in float. */
static void
cell_extras(const RsRowSolver *s, int32_t first, int n, float *restrict extra)
{
	const float *restrict value = s->row->value + first;
	float		alpha = (float) s->objective->alpha;

	for (int i = 0; i < n; i++)
		extra[i] = alpha * fabsf(value[i]);
	if (s->objective->scale == 0.0)
		return;
	for (int i = 0; i < n; i++)
		extra[i] = rs_snap_float(extra[i]);
}

/* What n cells add, times sign, to the matrix, and at first to the right-hand side. */
static void
cell_terms(const RsRowSolver *s, int32_t first, int n, bool is_first, float *restrict weight,
		   float *restrict constant)
{
	const float *restrict value = s->row->value + first;
	float		w0 = (float) s->objective->unobserved_weight;
	float		sign = is_first ? -1.0f : 1.0f;
	bool		implicit = s->objective->implicit;

	if (implicit)
		cell_extras(s, first, n, weight);
	if (is_first && implicit)
	{
		for (int i = 0; i < n; i++)
			constant[i] = value[i] > 0.0f ? w0 + weight[i] : 0.0f;
	}
	else if (is_first)
	{
		for (int i = 0; i < n; i++)
			constant[i] = (float) rs_cell_term(s, first + i).rhs;
	}
	for (int i = 0; i < n; i++)
		weight[i] = implicit ? sign * weight[i] : sign;
}

/* The cells' share of the objective at x, but for what the residual tells. */
static double
part_loss(const Batch *batch, bool implicit, int n)
{
	const float *target = implicit ? ones : batch->constant;

	return rs_dot(batch->constant, target, (size_t) n) -
		rs_dot(batch->constant, batch->product, (size_t) n);
}

/* What the cells add to the bias, whose factor is 1 in each. */
static double
part_bias(const Batch *batch, int n)
{
	return rs_dot(ones, batch->constant, (size_t) n) +
		rs_dot(batch->weight, batch->product, (size_t) n);
}

/* sums += unit part */
static void
add_part(size_t stride, double *restrict sums, float unit, const float *restrict part)
{
	for (size_t j = 0; j < stride; j++)
		sums[j] += (double) (unit * part[j]);
}

/* Add cells [first, first + n) to the sums. */
static void
project_part(Batch *batch, Descent *d, float bias, int32_t first, int n, bool is_first)
{
	const RsRow *row = d->s.row;
	RsProjection p = {.factors = d->s.side->factors, .halves = batch->base->halves,
		.stride = batch->stride,
		.index = row->index + first, .n = n, .known = row->n - first,
		.constant = batch->constant, .weight = batch->weight, .offset = bias};

	cell_terms(&d->s, first, n, is_first, batch->weight, batch->constant);
	if (!is_first)
		memset(batch->constant, 0, (size_t) n * sizeof(float));
	memset(batch->part, 0, batch->stride * sizeof(float));
	rs_kernel_ops->project(&p, batch->scaled, batch->product, batch->part);
	add_part(batch->stride, d->sums, batch->unit, batch->part);
	if (d->s.objective->biases)
		d->bias_sum += part_bias(batch, n);
	if (is_first)
		d->loss += part_loss(batch, d->s.objective->implicit, n);
}

/*
 * sums = the cells' part of the image of v; or, at first, of the residual at
 * v, and the loss there.
 */
static RsStatus
project(Batch *batch, Descent *d, const Vector *v, bool is_first)
{
	const RsRow *row = d->s.row;
	size_t		stride = batch->stride;
	float		unit = batch->unit;
	const float *restrict factors = v->factors;
	float	   *restrict scaled = batch->scaled;

	for (size_t j = 0; j < stride; j++)
		scaled[j] = unit * factors[j];
	memset(d->sums, 0, stride * sizeof(double));
	d->bias_sum = 0.0;
	for (int32_t first = 0; first < row->n;)
	{
		int			n = row->n - first < PROJECT_CELLS ? row->n - first : PROJECT_CELLS;

		if (rs_row_stop(&d->s))
			return RS_STOPPED;
		project_part(batch, d, v->bias, first, n, is_first);
		first += n;
	}
	return RS_OK;
}

/* ---- steps --------------------------------------------------------------- */

/* to = k x k matrix times from, for all rows; zero without a matrix */
static void
multiply_all(const Batch *batch, const float *matrix, const float *from, float *to)
{
	memset(to, 0, (size_t) batch->n * batch->stride * sizeof(float));
	if (matrix != NULL)
		rs_kernel_ops->combine(matrix, batch->stride, batch->rows[0].s.side->k, from, to, batch->n);
}

/* shaped and squares of every row */
static void
shape_all(Batch *batch)
{
	multiply_all(batch, batch->base->inverse, batch->rows[0].residual.factors,
				 batch->rows[0].shaped.factors);
	for (int i = 0; i < batch->n; i++)
	{
		Descent    *d = &batch->rows[i];

		if (batch->base->inverse == NULL)
			memcpy(d->shaped.factors, d->residual.factors, batch->stride * sizeof(float));
		d->shaped.bias = d->residual.bias * batch->base->bias_inverse;
		d->squares = product(d, &d->residual, &d->shaped);
	}
}

/* residual = right-hand side minus matrix times x, and the loss at x */
static void
begin(Descent *d, size_t stride)
{
	float		ridge = (float) d->s.ridge;
	float	   *restrict residual = d->residual.factors;
	const double *restrict sums = d->sums;
	const float *restrict image = d->image.factors;
	const float *restrict x = d->x.factors;

	for (size_t j = 0; j < stride; j++)
		residual[j] = (float) (sums[j] - (double) image[j] - (double) (ridge * x[j]));
	d->residual.bias = d->s.objective->biases ?
		(float) d->bias_sum - (float) d->s.bias_ridge * d->x.bias : 0.0f;
	d->loss -= product(d, &d->x, &d->residual);
}

static RsStatus
begin_all(Batch *batch)
{
	multiply_all(batch, batch->base->gramian, batch->rows[0].x.factors,
				 batch->rows[0].image.factors);
	for (int i = 0; i < batch->n; i++)
	{
		Descent    *d = &batch->rows[i];
		RsStatus	status = project(batch, d, &d->x, true);

		if (status != RS_OK)
			return status;
		begin(d, batch->stride);
	}
	shape_all(batch);
	for (int i = 0; i < batch->n; i++)
	{
		Descent    *d = &batch->rows[i];

		memcpy(d->direction.factors, d->shaped.factors, batch->stride * sizeof(float));
		d->direction.bias = d->shaped.bias;
		d->least = SMALLEST_PART * d->squares;
		d->ended = !(d->squares > d->least);
	}
	return RS_OK;
}

/* To the lowest point along direction; conditions are such that a NaN ends. */
static void
descend(Descent *d, size_t stride)
{
	float		ridge = (float) d->s.ridge;
	float	   *restrict image = d->image.factors;
	const double *restrict sums = d->sums;
	const float *restrict direction = d->direction.factors;
	double		curvature;

	for (size_t j = 0; j < stride; j++)
		image[j] += (float) sums[j] + ridge * direction[j];
	d->image.bias = (float) d->bias_sum + (float) d->s.bias_ridge * d->direction.bias;
	curvature = product(d, &d->direction, &d->image);
	if (!(curvature > 0.0))
	{
		d->ended = true;
		return;
	}
	d->length = d->squares / curvature;
	add_multiple(stride, &d->x, (float) d->length, &d->direction);
	add_multiple(stride, &d->residual, (float) -d->length, &d->image);
	d->loss -= d->length * d->squares;
	d->last_squares = d->squares;
}

/*
 * Is what is left over at x little enough, may further steps bring it there, or
 * neither?  A step gains its length times squares, so one more of the last one's
 * length would gain the part ratio of what the last one did.  If all further ones
 * shrink like that they gain a geometric series, and each leaves the part ratio of
 * what was left.  Rounding noise does not shrink, hence SLOWEST_RATIO.
 */
static void
judge(Descent *d, const RsRefineEffort *effort, int steps)
{
	double		ratio = d->squares / d->last_squares;
	double		rest = d->length * d->squares / (1.0 - fmin(ratio, SLOWEST_RATIO));
	double		allowed = effort->rest * d->loss;

	/* Written so that a NaN is left. */
	if (d->ended || rest <= allowed)
		d->ended = true;
	else if (!(ratio < 1.0 && rest * pow(ratio, effort->most - steps) <= allowed))
		d->ended = d->is_left = true;
}

/* Whether any row goes on. */
static bool
judge_all(Batch *batch, const RsRefineEffort *effort, int steps)
{
	bool		goes_on = false;

	for (int i = 0; i < batch->n; i++)
	{
		judge(&batch->rows[i], effort, steps);
		goes_on = goes_on || !batch->rows[i].ended;
	}
	return goes_on;
}

/* The next direction from the new residual. */
static void
turn_all(Batch *batch)
{
	for (int i = 0; i < batch->n; i++)
	{
		Descent    *d = &batch->rows[i];
		float		keep = (float) (d->squares / d->last_squares);
		float	   *restrict direction = d->direction.factors;
		const float *restrict shaped = d->shaped.factors;

		for (size_t j = 0; j < batch->stride; j++)
			direction[j] = shaped[j] + keep * direction[j];
		d->direction.bias = d->shaped.bias + keep * d->direction.bias;
		d->ended = d->ended || !(d->squares > d->least);
	}
}

static RsStatus
step_all(Batch *batch)
{
	RsStatus	status = RS_OK;

	multiply_all(batch, batch->base->gramian, batch->rows[0].direction.factors,
				 batch->rows[0].image.factors);
	for (int i = 0; i < batch->n && status == RS_OK; i++)
	{
		Descent    *d = &batch->rows[i];

		if (d->ended)
			continue;
		status = project(batch, d, &d->direction, false);
		if (status == RS_OK)
			descend(d, batch->stride);
	}
	return status;
}

static RsStatus
refine_batch(Batch *batch, const RsRefineEffort *effort)
{
	RsStatus	status = begin_all(batch);

	for (int steps = 1; status == RS_OK; steps++)
	{
		status = step_all(batch);
		if (status != RS_OK || (steps == effort->most && !(effort->rest < INFINITY)))
			break;
		shape_all(batch);
		if (steps >= effort->steps && !judge_all(batch, effort, steps))
			break;
		turn_all(batch);
	}
	return status;
}

/* ---- rows ---------------------------------------------------------------- */

static bool
is_finite(const Descent *d)
{
	return isfinite(product(d, &d->x, &d->x)) && isfinite(product(d, &d->residual, &d->residual)) &&
		isfinite(d->loss);
}

static void
finish_row(const Batch *batch, const Descent *d, const RsRowTask *task)
{
	memcpy(task->x, d->x.factors, batch->stride * sizeof(float));
	if (d->s.objective->biases)
		*task->bias = d->x.bias;
	if (task->loss != NULL)
		*task->loss = d->loss < 0.0 ? 0.0 : d->loss;
}

/* How many of the first rows go together; none when the first is empty. */
static int
batch_length(const RsFixedSide *side, const RsRowTask *tasks, int n)
{
	int64_t		cells = 0;
	int			length = 0;

	while (length < n && length < BATCH_ROWS && tasks[length].row.n > 0)
	{
		cells += tasks[length].row.n;
		if (length > 0 && cells * side->stride > CACHED_FLOATS)
			break;
		length++;
	}
	return length;
}

/* Finish a batch's rows; those that are left are solved exactly. */
static RsStatus
finish_batch(Batch *batch, const RsRowTask *tasks, int *done, int64_t *cells_exact)
{
	RsRowTask	left[BATCH_ROWS];
	int			position[BATCH_ROWS];
	int			n = 0;
	int			solved = 0;
	RsStatus	status = RS_OK;
	const RsRowSolver *s = &batch->rows[0].s;

	for (int i = 0; i < batch->n; i++)
	{
		const Descent *d = &batch->rows[i];

		if (!d->is_left && is_finite(d))
		{
			finish_row(batch, d, &tasks[i]);
			continue;
		}
		*cells_exact += tasks[i].row.n;
		position[n] = i;
		left[n++] = tasks[i];
	}
	if (n > 0)
		status = rs_rows_solve(s->objective, s->side, left, n, batch->workspace, s->hooks, &solved);
	*done += status == RS_OK ? batch->n : position[solved];
	return status;
}

RsStatus
rs_rows_refine(const RsObjective *objective, const RsFixedSide *side,
			   const RsRefineBase *base, const RsRefineEffort *effort,
			   const RsRowTask *tasks, int n, void *workspace,
			   const RsRowHooks *hooks, int *done, int64_t *cells_exact)
{
	Batch		batch;
	RsStatus	status = RS_OK;

	batch.base = base;
	batch.unit = base->halves != NULL ? 1.0f / base->half_scale : 1.0f;
	*cells_exact = 0;
	for (*done = 0; *done < n && status == RS_OK;)
	{
		const RsRowTask *first = tasks + *done;
		int			length = batch_length(side, first, n - *done);

		if (length == 0)
		{
			status = rs_row_solve_hooked(objective, side, &first->row, workspace, first->x,
										 first->bias, first->loss, hooks);
			*done += status == RS_OK;
			continue;
		}
		if (!init_batch(&batch, objective, side, first, length, workspace, hooks))
			return RS_INVALID;
		status = refine_batch(&batch, effort);
		if (status == RS_OK)
			status = finish_batch(&batch, first, done, cells_exact);
	}
	return status;
}
