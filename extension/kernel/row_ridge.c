/*-------------------------------------------------------------------------
 *
 * row_ridge.c
 *		Ridge regressions whose normal equations are given, side by side.
 *
 * As many as a register has lanes are factored together in float, see
 * batch_body.h; those with fewer unknowns than the workspace has room for get further
 * ones of their own, x = 0.  A system that float does not suffice for is solved alone
 * in double.
 *
 *-------------------------------------------------------------------------
 */
#include "kernel/row_ridge.h"

#include "kernel/row_solver.h"

/* The pieces of the workspace. */
typedef struct Lanes
{
	int			m;				/* unknowns of each lane */
	size_t		stride;			/* of a matrix */
	float	   *matrices;		/* RS_MAX_BATCH x m x stride; in double, of one system */
	float	   *u;				/* packed triangles, interleaved */
	double	   *z;				/* right-hand sides, interleaved; of one system */
	double	   *sums;			/* of one system */
	float	   *floor;			/* of the pivots, interleaved */
} Lanes;

size_t
rs_ridges_workspace_size(int m)
{
	size_t		stride = RS_STRIDE((size_t) m);

	return RS_MAX_BATCH * sizeof(float) *
		(stride * stride + rs_triangle((int) stride, (int) stride) + stride) +
		(RS_MAX_BATCH + 1) * stride * sizeof(double);
}

static Lanes
lay_out(int m, void *workspace)
{
	Lanes		lanes = {.m = m, .stride = RS_STRIDE((size_t) m)};

	lanes.matrices = workspace;
	lanes.u = lanes.matrices + RS_MAX_BATCH * lanes.stride * lanes.stride;
	lanes.z = (double *) (lanes.u + RS_MAX_BATCH * rs_triangle((int) lanes.stride, (int) lanes.stride));
	lanes.sums = lanes.z + RS_MAX_BATCH * lanes.stride;
	lanes.floor = (float *) (lanes.sums + lanes.stride);
	return lanes;
}

/* Row i of a system's matrix, from the diagonal on, to lane l. */
static void
fill_row(const Lanes *lanes, int l, const RsRidge *system, int i, double ridge)
{
	float	   *row = lanes->matrices + ((size_t) l * (size_t) lanes->m + (size_t) i) * lanes->stride;
	size_t		at = (size_t) i * (size_t) rs_kernel_ops->lanes + (size_t) l;
	int			m = system->m > i ? system->m : i;

	memset(row + m, 0, (size_t) (lanes->m - m) * sizeof(float));
	if (i >= system->m)
	{
		row[i] = 1.0f;
		lanes->floor[at] = 0.0f;
		lanes->z[at] = 0.0;
		return;
	}
	for (int j = i; j < m; j++)
		row[j] = (float) system->triangle[rs_triangle(m, i) + (size_t) (j - i)];
	row[i] = (float) ((double) system->triangle[rs_triangle(m, i)] + ridge);
	lanes->floor[at] = rs_pivot_floor(row[i], ridge, m);
	lanes->z[at] = (double) system->x[i];
}

/* The systems in their lanes; a lane without one repeats the first. */
static void
fill(const Lanes *lanes, const RsRidge *systems, int n, double ridge)
{
	float	   *matrices[RS_MAX_BATCH];

	for (int l = 0; l < rs_kernel_ops->lanes; l++)
	{
		for (int i = 0; i < lanes->m; i++)
			fill_row(lanes, l, &systems[l < n ? l : 0], i, ridge);
		matrices[l] = lanes->matrices + (size_t) l * (size_t) lanes->m * lanes->stride;
	}
	rs_kernel_ops->interleave(matrices, lanes->stride, lanes->m, lanes->u);
}

/* One system in double, in the place of the matrices and of the right-hand sides. */
static RsStatus
solve_alone(const Lanes *lanes, const RsRidge *system, double ridge)
{
	RsRowHooks	hooks = {NULL, NULL};
	RsFixedSide side = {.k = system->m};
	RsRowSolver s = {.side = &side, .hooks = &hooks, .ridge = ridge, .m = system->m,
	.stride = (size_t) system->m, .matrix = lanes->matrices, .rhs = lanes->z, .sums = lanes->sums};
	double	   *matrix = s.matrix;
	RsStatus	status;

	for (int i = 0; i < s.m; i++)
	{
		for (int j = i; j < s.m; j++)
			matrix[(size_t) i * s.stride + (size_t) j] =
				(double) system->triangle[rs_triangle(s.m, i) + (size_t) (j - i)];
		matrix[(size_t) i * s.stride + (size_t) i] += ridge;
		s.rhs[i] = (double) system->x[i];
	}
	status = rs_row_finish_careful(&s);
	for (int i = 0; i < s.m && status == RS_OK; i++)
		system->x[i] = (float) s.rhs[i];
	return status;
}

/* At most as many systems as there are lanes. */
static RsStatus
solve_lanes(const Lanes *lanes, const RsRidge *systems, int n, double ridge)
{
	int			width = rs_kernel_ops->lanes;
	RsStatus	status = RS_OK;
	uint32_t	good;

	fill(lanes, systems, n, ridge);
	good = rs_kernel_ops->factor_lanes(lanes->u, lanes->m, lanes->floor);
	rs_kernel_ops->substitute_lanes(lanes->u, lanes->m, lanes->z);
	for (int l = 0; l < n; l++)
	{
		for (int i = 0; i < systems[l].m && (good >> l & 1) != 0; i++)
			systems[l].x[i] = (float) lanes->z[i * width + l];
	}
	for (int l = 0; l < n && status == RS_OK; l++)
	{
		if ((good >> l & 1) == 0)
			status = solve_alone(lanes, &systems[l], ridge);
	}
	return status;
}

RsStatus
rs_ridges_solve(const RsRidge *systems, int n, int m, double ridge, void *workspace)
{
	Lanes		lanes = lay_out(m, workspace);
	RsStatus	status = RS_OK;

	for (int first = 0; first < n && status == RS_OK; first += rs_kernel_ops->lanes)
	{
		int			left = n - first;

		status = solve_lanes(&lanes, systems + first,
							 left < rs_kernel_ops->lanes ? left : rs_kernel_ops->lanes, ridge);
	}
	return status;
}
