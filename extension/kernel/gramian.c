/*-------------------------------------------------------------------------
 *
 * gramian.c
 *		The sum of y y' over all rows of a side, and turning rows.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <string.h>

#include "kernel/kernel_ops.h"
#include "kernel/row.h"

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

bool
rs_gramian_until(const float *factors, int32_t n, int k, int stride, double *gramian,
				 RsStopCheck stop, void *stop_arg)
{
	memset(gramian, 0, (size_t) k * stride * sizeof(double));
	for (int panel = 0; panel < rs_gramian_panels(k); panel++)
	{
		for (int64_t first = 0; first < n; first += RS_STOP_STEPS)
		{
			int32_t		rows = (int32_t) (n - first < RS_STOP_STEPS ? n - first : RS_STOP_STEPS);

			if (rs_stop_at(stop, stop_arg, first))
				return false;
			rs_gramian_add(factors + (size_t) first * stride, rows, k, stride, panel, gramian);
		}
	}
	rs_gramian_mirror(k, stride, gramian);
	return true;
}

void
rs_gramian(const float *factors, int32_t n, int k, int stride, double *gramian)
{
	(void) rs_gramian_until(factors, n, k, stride, gramian, NULL, NULL);
}

/* What may lie beside a diagonal that is taken for the matrix. */
#define MOST_BESIDE		0x1p-18

/*
 * A row's matrix is A = D + E + sum over its cells, E being w0 times what lies
 * beside the Gramian's diagonal.  Without E the solution is off by at most the
 * part r / (1 - r) of itself, in the norm of A, r being
 *
 *		|A^-1/2 E A^-1/2| <= |D^-1/2 E D^-1/2| <= Frobenius norm of the latter
 *
 * D_j is at least w0 G_jj and the ridge of a row without cells.  MOST_BESIDE is what
 * the rounding of a solution in float comes to.
 */
bool
rs_gramian_is_diagonal(const RsObjective *objective, const double *gramian,
					   int32_t n, int k, int stride)
{
	double		w0 = objective->unobserved_weight;
	double		ridge = objective->reg_scaling < 0.0 ? 0.0 : rs_row_ridge(objective, 0, n);
	double		sum = 0.0;

	for (int a = 0; a < k; a++)
	{
		const double *row = gramian + (size_t) a * stride;

		for (int b = a + 1; b < k; b++)
		{
			double		beside = w0 * row[b];
			double		other = w0 * gramian[(size_t) b * stride + b] + ridge;

			if (beside != 0.0)
				sum += 2.0 * beside * beside / ((w0 * row[a] + ridge) * other);
		}
	}

	/* Written so that a NaN fails. */
	return sum <= MOST_BESIDE * MOST_BESIDE;
}

void
rs_turn(const double *columns, int k, int stride, const float *rows, int n, float *turned)
{
	rs_kernel_ops->turn(columns, k, (size_t) stride, rows, n, turned);
}
