/*-------------------------------------------------------------------------
 *
 * row_case.h
 *		A row of random cells against a random fixed side, and its objective.
 *
 *-------------------------------------------------------------------------
 */
#ifndef UNIT_ROW_CASE_H
#define UNIT_ROW_CASE_H

#include "eliminate.h"
#include "unit.h"

#include "kernel/row.h"

/* A fixed side and one row of random data. */
typedef struct Case
{
	RsObjective objective;
	RsFixedSide side;
	RsRow		row;
	float	   *factors;
	float	   *biases;
	double	   *gramian;
	int32_t    *index;
	float	   *value;
	void	   *workspace;
	float	   *x;
	float		bias;
	double		loss;
} Case;

static void
case_init(Case *c, int k, int32_t side_n, int32_t row_n, bool implicit, bool biases)
{
	int			stride = RS_STRIDE(k);

	memset(c, 0, sizeof(*c));
	c->objective = (RsObjective) {implicit, biases, implicit ? 0.0 : 0.25, 0.05, 1.0,
	implicit ? 2.0 : 0.0, implicit ? 0.5 : 0.0, 0.08, 0.0};
	c->factors = unit_alloc((size_t) side_n * stride * sizeof(float));
	c->biases = unit_alloc((size_t) side_n * sizeof(float));
	c->gramian = unit_alloc((size_t) k * stride * sizeof(double));
	c->index = unit_alloc((size_t) row_n * sizeof(int32_t));
	c->value = unit_alloc((size_t) row_n * sizeof(float));
	c->workspace = unit_alloc(rs_row_workspace_size(k));
	memset(c->workspace, 0xff, rs_row_workspace_size(k));	/* nobody promises zeros */
	c->x = unit_alloc((size_t) stride * sizeof(float));
	for (int32_t i = 0; i < side_n; i++)
	{
		for (int j = 0; j < k; j++)
			c->factors[(size_t) i * stride + j] = unit_random_float();
		c->biases[i] = unit_random_float() / 4.0f;
	}
	rs_gramian(c->factors, side_n, k, stride, c->gramian);
	for (int32_t i = 0; i < row_n; i++)
	{
		c->index[i] = (int32_t) ((int64_t) i * side_n / row_n);
		c->value[i] = 3.0f * unit_random_float();
	}
	c->side = (RsFixedSide) {c->factors, biases ? c->biases : NULL, side_n, k, stride,
	implicit ? c->gramian : NULL, false};
	c->row = (RsRow) {c->index, c->value, row_n};
}

static void
case_free(Case *c)
{
	free(c->factors);
	free(c->biases);
	free(c->gramian);
	free(c->index);
	free(c->value);
	free(c->workspace);
	free(c->x);
}

static RsStatus
case_solve(Case *c)
{
	return rs_row_solve(&c->objective, &c->side, &c->row, c->workspace, c->x,
						&c->bias, &c->loss);
}

/* Every cell of the row, observed or not, in full: the objective at (x, bias). */
static inline double
direct_objective(const Case *c, const double *x)
{
	const RsObjective *o = &c->objective;
	int			k = c->side.k;
	double		loss = 0.0;
	double		squares = 0.0;
	int32_t		next = 0;

	for (int32_t i = 0; i < c->side.n; i++)
	{
		double		score = o->mean;
		double		weight = o->unobserved_weight;
		double		target = 0.0;

		for (int j = 0; j < k; j++)
			score += x[j] * (double) c->factors[(size_t) i * c->side.stride + j];
		if (o->biases)
			score += x[k] + (double) c->biases[i];
		if (next < c->row.n && c->index[next] == i)
		{
			double		value = (double) c->value[next++];

			weight = o->implicit ? o->unobserved_weight + o->alpha * fabs(value) : 1.0;
			target = o->implicit ? (value > 0.0 ? 1.0 : 0.0) : value;
		}
		loss += weight * (target - score) * (target - score);
	}
	for (int j = 0; j < k; j++)
		squares += x[j] * x[j] * o->regularization;
	if (o->biases)
		squares += x[k] * x[k] * o->bias_regularization;
	return loss + squares *
		pow(c->row.n + o->unobserved_weight * c->side.n, o->reg_scaling);
}

/* The minimum of the objective, by brute force over all cells. */
static inline void
reference(const Case *c, double *x)
{
	const RsObjective *o = &c->objective;
	int			k = c->side.k;
	int			m = k + (o->biases ? 1 : 0);
	double	   *a = calloc((size_t) m * (m + 1), sizeof(double));
	double	   *y = calloc((size_t) m, sizeof(double));
	int32_t		next = 0;

	for (int32_t i = 0; i < c->side.n; i++)
	{
		double		weight = o->unobserved_weight;
		double		target = 0.0;

		for (int j = 0; j < k; j++)
			y[j] = (double) c->factors[(size_t) i * c->side.stride + j];
		if (o->biases)
			y[k] = 1.0;
		if (next < c->row.n && c->index[next] == i)
		{
			double		value = (double) c->value[next++];

			weight = o->implicit ? o->unobserved_weight + o->alpha * fabs(value) : 1.0;
			target = o->implicit ? (value > 0.0 ? 1.0 : 0.0) : value - o->mean;
			if (o->biases)
				target -= (double) c->biases[i];
		}
		for (int r = 0; r < m; r++)
		{
			for (int j = 0; j < m; j++)
				a[r * (m + 1) + j] += weight * y[r] * y[j];
			a[r * (m + 1) + m] += weight * target * y[r];
		}
	}
	for (int r = 0; r < m; r++)
		a[r * (m + 1) + r] += (r < k ? o->regularization : o->bias_regularization) *
			pow(c->row.n + o->unobserved_weight * c->side.n, o->reg_scaling);
	eliminate(a, m, x);
	free(a);
	free(y);
}

#endif							/* UNIT_ROW_CASE_H */
