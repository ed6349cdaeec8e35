/*-------------------------------------------------------------------------
 *
 * row_explain.c
 *		What each cell of a row contributes to the row's product with a vector.
 *
 *-------------------------------------------------------------------------
 */
#include "kernel/row_solver.h"

/* The vector that cell i adds to the right-hand side, but for its weight, times v. */
static double
cell_product(const RsRowSolver *s, int32_t i, const double *v)
{
	int			k = s->side->k;
	const float *y = s->side->factors + (size_t) s->row->index[i] * s->side->stride;
	double		sum = s->objective->biases ? v[k] : 0.0;

	for (int a = 0; a < k; a++)
		sum += (double) y[a] * v[a];
	return sum;
}

/*
 * The solution of the row is z = A^-1 sum over cells of w_c y_c.  So the product of
 * z with a vector t is the sum of w_c y_c.v with v = A^-1 t, A being symmetric:
 * one more solution of the same system.
 */
RsStatus
rs_row_contributions(const RsObjective *objective, const RsFixedSide *side,
					 const RsRow *row, int32_t position, void *workspace,
					 double *contributions, const RsRowHooks *hooks)
{
	RsRowSolver s = {
		.objective = objective, .side = side, .row = row, .hooks = hooks,
		.target = side->factors + (size_t) position * side->stride
	};
	float		bias = 0.0f;
	RsStatus	status;

	if (!rs_row_init(&s, &bias, workspace))
		return RS_INVALID;
	if (rs_row_is_dual(objective, side, row->n))
	{
		status = rs_row_contributions_dual(&s, contributions);
		if (status == RS_OK || status == RS_STOPPED)
			return status;
		status = rs_row_solve_careful(&s);
	}
	else
		status = rs_row_solve_system(&s);
	for (int32_t i = 0; status == RS_OK && i < row->n; i++)
	{
		if (rs_stop_at(hooks->stop, hooks->stop_arg, i))
			return RS_STOPPED;
		contributions[i] = rs_cell_term(&s, i).rhs * cell_product(&s, i, s.rhs);
	}
	return status;
}
