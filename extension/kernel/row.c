/*-------------------------------------------------------------------------
 *
 * row.c
 *		Rows of alternating least squares: one, or some of them side by side.
 *
 * Systems that are solved side by side (batch_body.h) are summed one after the
 * other; the solution of each has the bits that it has alone.
 *
 *-------------------------------------------------------------------------
 */
#include "kernel/row_solver.h"

#include "rs_limits.h"

/* weight * (n + w0 N)^reg_scaling */
static double
scaled_ridge(const RsObjective *objective, double weight, int32_t n, int32_t fixed_n)
{
	double		base = n + objective->unobserved_weight * fixed_n;

	if (objective->reg_scaling == 0.0)
		return weight;
	if (objective->reg_scaling == 1.0)
		return weight * base;
	return weight * pow(base, objective->reg_scaling);
}

double
rs_row_ridge(const RsObjective *objective, int32_t n, int32_t fixed_n)
{
	return scaled_ridge(objective, objective->regularization, n, fixed_n);
}

double
rs_row_bias_ridge(const RsObjective *objective, int32_t n, int32_t fixed_n)
{
	return scaled_ridge(objective, objective->bias_regularization, n, fixed_n);
}

/* ---- workspace ----------------------------------------------------------- */

/* Unknowns with padding, at most. */
static size_t
most_unknowns(int k)
{
	return RS_STRIDE((size_t) k + 1);
}

/* What each of several rows needs of its own. */
static size_t
own_size(int k, size_t number)
{
	size_t		m = most_unknowns(k);

	return m * m * number + 3 * m * sizeof(double) + m * sizeof(float);
}

static size_t
shared_size(int k)
{
	return (2 + RS_GATHER_ROWS) * most_unknowns(k) * sizeof(float);
}

size_t
rs_row_workspace_size(int k)
{
	return own_size(k, sizeof(double)) + shared_size(k);
}

size_t
rs_rows_workspace_size(int k)
{
	size_t		m = most_unknowns(k);
	size_t		packed = rs_triangle((int) m, (int) m) * sizeof(float);
	size_t		vectors = m * (sizeof(float) + sizeof(double));

	if (k > RS_BATCH_MAX_FACTORS)
		return rs_row_workspace_size(k);
	return rs_row_workspace_size(k) + m * m * sizeof(float) +
		RS_MAX_BATCH * (own_size(k, sizeof(float)) + packed + vectors);
}

/* Every piece is a multiple of 64 bytes, as the strides are. */
static char *
init_own(RsRowSolver *s, char *at, size_t number)
{
	size_t		m = most_unknowns(s->side->k);

	s->m = s->side->k + (s->objective->biases ? 1 : 0);
	s->stride = RS_STRIDE((size_t) s->m);
	s->ridge = rs_row_ridge(s->objective, s->row->n, s->side->n);
	s->bias_ridge = rs_row_bias_ridge(s->objective, s->row->n, s->side->n);
	s->matrix = at;
	at += m * m * number;
	s->rhs = (double *) at;
	at += m * sizeof(double);
	s->sums = (double *) at;
	at += m * sizeof(double);
	s->rhs_kept = (double *) at;
	at += m * sizeof(double);
	s->floor = (float *) at;
	return at + m * sizeof(float);
}

static char *
init_shared(RsRowSolver *s, char *at)
{
	size_t		m = most_unknowns(s->side->k);

	s->packed_rhs = (float *) at;
	at += m * sizeof(float);
	s->packed_sums = (float *) at;
	at += m * sizeof(float);
	s->packed = (float *) at;
	return at + RS_GATHER_ROWS * m * sizeof(float);
}

/* ---- what both paths share ----------------------------------------------- */

void
rs_row_clear(RsRowSolver *s)
{
	memset(s->rhs, 0, s->stride * sizeof(double));
	memset(s->sums, 0, s->stride * sizeof(double));
	s->weight = 0.0;
	s->square = 0.0;
	s->is_dual = false;
}

void
rs_row_take_target(RsRowSolver *s)
{
	if (s->target == NULL)
		return;
	for (int i = 0; i < s->m; i++)
		s->rhs[i] = i < s->side->k ? (double) s->target[i] : 0.0;
}

bool
rs_row_is_finite(const RsRowSolver *s)
{
	for (int i = 0; i < s->m; i++)
	{
		/* Written so that a NaN fails. */
		if (!(fabs(s->rhs[i]) <= (double) FLT_MAX))
			return false;
	}
	return true;
}

/* Sum over c p^2 minus b'x: the objective at the solution of A x = b. */
static double
loss_at_solution(const RsRowSolver *s, const float *x)
{
	double		loss = s->square;

	if (s->row->n == 0)
		return 0.0;
	if (s->is_dual)
		return rs_row_dual_loss(s, x);
	for (int i = 0; i < s->m; i++)
		loss -= s->rhs_kept[i] * s->rhs[i];
	return loss < 0.0 ? 0.0 : loss;
}

void
rs_row_store(const RsRowSolver *s, float *x, float *bias, double *loss)
{
	int			k = s->side->k;

	for (int i = 0; i < k; i++)
		x[i] = (float) s->rhs[i];
	for (int i = k; i < s->side->stride; i++)
		x[i] = 0.0f;
	if (s->objective->biases)
		*bias = (float) s->rhs[k];
	if (loss != NULL)
		*loss = loss_at_solution(s, x);
}

static bool
is_valid(const RsObjective *objective, const RsFixedSide *side, const RsRow *row,
		 const float *bias)
{
	return side->k >= 1 && side->k <= RS_MAX_FACTORS &&
		(!objective->biases || (bias != NULL && (side->biases != NULL || row->n == 0)));
}

/* ---- one row ------------------------------------------------------------- */

bool
rs_row_init(RsRowSolver *s, const float *bias, void *workspace)
{
	if (!is_valid(s->objective, s->side, s->row, bias))
		return false;
	init_shared(s, init_own(s, workspace, sizeof(double)));
	return true;
}

RsStatus
rs_row_solve_system(RsRowSolver *s)
{
	RsStatus	status = rs_row_is_dual(s->objective, s->side, s->row->n) ?
		rs_row_solve_dual(s) : rs_row_solve_fast(s);

	if (status != RS_OK && status != RS_STOPPED)
		status = rs_row_solve_careful(s);
	return status;
}

RsStatus
rs_row_solve_hooked(const RsObjective *objective, const RsFixedSide *side,
					const RsRow *row, void *workspace,
					float *x, float *bias, double *loss,
					const RsRowHooks *hooks)
{
	RsRowSolver s = {.objective = objective, .side = side, .row = row, .hooks = hooks};
	RsStatus	status = RS_OK;

	if (!rs_row_init(&s, bias, workspace))
		return RS_INVALID;
	if (row->n == 0)
		memset(s.rhs, 0, s.stride * sizeof(double));
	else
		status = rs_row_solve_system(&s);
	if (status == RS_OK)
		rs_row_store(&s, x, bias, loss);
	return status;
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
	RsRowHooks	hooks = {stop, stop_arg};

	return rs_row_solve_hooked(objective, side, row, workspace, x, bias, loss, &hooks);
}

/* ---- rows side by side --------------------------------------------------- */

/* As many systems as there are lanes. */
typedef struct Batch
{
	RsRowSolver s[RS_MAX_BATCH];
	int			n;
	float	   *base;			/* what the matrices start from */
	float	   *u;				/* packed triangles, interleaved */
	double	   *z;				/* right-hand sides, interleaved */
	float	   *floor;			/* of the pivots, interleaved */
	void	   *workspace;		/* for a row alone */
} Batch;

/* Several rows, of which some are solved alone and others side by side. */
typedef struct Rows
{
	const RsObjective *objective;
	const RsFixedSide *side;
	const RsRowTask *tasks;
	int			n;				/* those before the first that is known to fail */
	void	   *workspace;
	const RsRowHooks *hooks;
} Rows;

static void
init_batch(Batch *batch, const Rows *rows, const RsRowTask *const *tasks, int n)
{
	const RsFixedSide *side = rows->side;
	size_t		m = most_unknowns(side->k);
	char	   *at = (char *) rows->workspace + rs_row_workspace_size(side->k);

	batch->n = n;
	batch->workspace = rows->workspace;
	for (int i = 0; i < n; i++)
	{
		RsRowSolver *s = &batch->s[i];

		s->base = NULL;
		s->target = NULL;
		s->objective = rows->objective;
		s->side = side;
		s->row = &tasks[i]->row;
		s->hooks = rows->hooks;
		init_shared(s, rows->workspace);
		at = init_own(s, at, sizeof(float));
	}
	batch->z = (double *) at;
	at += RS_MAX_BATCH * m * sizeof(double);
	batch->floor = (float *) at;
	at += RS_MAX_BATCH * m * sizeof(float);
	batch->base = (float *) at;
	at += m * m * sizeof(float);
	batch->u = (float *) at;
	for (int i = 0; i < n && side->gramian != NULL; i++)
	{
		if (i == 0)
			rs_row_base(&batch->s[0], batch->base);
		batch->s[i].base = batch->base;
	}
}

/* Sum all systems and lay them side by side; a lane without a row repeats the first. */
static RsStatus
sum_batch(Batch *batch, const RsRow *next)
{
	int			lanes = rs_kernel_ops->lanes;
	float	   *matrices[RS_MAX_BATCH];

	for (int l = 0; l < lanes; l++)
	{
		RsRowSolver *s = &batch->s[l < batch->n ? l : 0];

		if (l < batch->n)
		{
			RsStatus	status = rs_row_sum(s, l + 1 < batch->n ? batch->s[l + 1].row : next);

			if (status != RS_OK)
				return status;
		}
		matrices[l] = s->matrix;
		for (int i = 0; i < s->m; i++)
		{
			batch->z[i * lanes + l] = s->rhs[i];
			batch->floor[i * lanes + l] = s->floor[i];
		}
	}
	rs_kernel_ops->interleave(matrices, batch->s[0].stride, batch->s[0].m, batch->u);
	return RS_OK;
}

/* Take the solution of lane l, or solve its row alone. */
static RsStatus
finish_lane(Batch *batch, int l, bool is_solved, const RsRowTask *task)
{
	RsRowSolver *s = &batch->s[l];
	int			lanes = rs_kernel_ops->lanes;

	if (is_solved)
	{
		memcpy(s->rhs_kept, s->rhs, (size_t) s->m * sizeof(double));
		for (int i = 0; i < s->m; i++)
			s->rhs[i] = batch->z[i * lanes + l];
	}
	if (!is_solved || !rs_row_is_finite(s))
		return rs_row_solve_hooked(s->objective, s->side, s->row, batch->workspace,
								   task->x, task->bias, task->loss, s->hooks);
	rs_row_store(s, task->x, task->bias, task->loss);
	return RS_OK;
}

/* Solve the rows of a batch; *done of them are, all unless one fails. */
static RsStatus
solve_batch(Batch *batch, const RsRowTask *const *tasks, const RsRow *next, int *done)
{
	int			m = batch->s[0].m;
	RsStatus	status = sum_batch(batch, next);
	uint32_t	good;

	*done = 0;
	if (status != RS_OK)
		return status;
	good = rs_kernel_ops->factor_lanes(batch->u, m, batch->floor);
	rs_kernel_ops->substitute_lanes(batch->u, m, batch->z);
	for (int l = 0; l < batch->n && status == RS_OK; l++)
	{
		status = finish_lane(batch, l, (good >> l & 1) != 0, tasks[l]);
		*done += status == RS_OK;
	}
	return status;
}

/* A row of the dual path has little to factor. */
static bool
is_for_lanes(const Rows *rows, int i)
{
	int32_t		n = rows->tasks[i].row.n;

	return rows->side->k <= RS_BATCH_MAX_FACTORS && n > 0 &&
		!rs_row_is_dual(rows->objective, rows->side, n);
}

static RsStatus
solve_alone(const Rows *rows, int i)
{
	const RsRowTask *task = &rows->tasks[i];

	return rs_row_solve_hooked(rows->objective, rows->side, &task->row, rows->workspace,
							   task->x, task->bias, task->loss, rows->hooks);
}

/* The rows that are not for the lanes. */
static RsStatus
solve_others(Rows *rows)
{
	for (int i = 0; i < rows->n; i++)
	{
		RsStatus	status = is_for_lanes(rows, i) ? RS_OK : solve_alone(rows, i);

		if (status != RS_OK)
		{
			rows->n = i;
			return status;
		}
	}
	return RS_OK;
}

/* The next rows for the lanes from *at on, as many as there are. */
static int
pick_rows(const Rows *rows, int *at, int *picked)
{
	int			n = 0;

	for (; *at < rows->n && n < rs_kernel_ops->lanes; (*at)++)
	{
		if (is_for_lanes(rows, *at))
			picked[n++] = *at;
	}
	return n;
}

/* The rows that are; one that is left over is solved alone. */
static RsStatus
solve_lanes(Rows *rows)
{
	Batch		batch;
	const RsRowTask *tasks[RS_MAX_BATCH];
	int			picked[RS_MAX_BATCH];
	int			n;
	int			done;

	for (int at = 0; (n = pick_rows(rows, &at, picked)) > 0;)
	{
		RsStatus	status;

		for (int l = 0; l < n; l++)
			tasks[l] = &rows->tasks[picked[l]];
		done = 0;
		if (n == 1)
			status = solve_alone(rows, picked[0]);
		else
		{
			init_batch(&batch, rows, tasks, n);
			status = solve_batch(&batch, tasks, at < rows->n ? &rows->tasks[at].row : NULL, &done);
		}
		if (status != RS_OK)
		{
			rows->n = picked[done];
			return status;
		}
	}
	return RS_OK;
}

/* Rows before the first that failed are solved all the same. */
RsStatus
rs_rows_solve(const RsObjective *objective, const RsFixedSide *side,
			  const RsRowTask *tasks, int n, void *workspace,
			  const RsRowHooks *hooks, int *done)
{
	Rows		rows = {objective, side, tasks, n, workspace, hooks};
	RsStatus	status;
	RsStatus	of_lanes;

	*done = 0;
	for (int i = 0; i < n; i++)
	{
		if (!is_valid(objective, side, &tasks[i].row, tasks[i].bias))
			return RS_INVALID;
	}
	status = solve_others(&rows);
	if (status == RS_STOPPED)
		return status;
	of_lanes = solve_lanes(&rows);
	if (of_lanes == RS_STOPPED)
		return of_lanes;
	*done = rows.n;
	return of_lanes != RS_OK ? of_lanes : status;
}
