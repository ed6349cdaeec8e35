/*-------------------------------------------------------------------------
 *
 * eliminate.h
 *		Gaussian elimination with partial pivoting: the solver that others are
 *		compared with.
 *
 *-------------------------------------------------------------------------
 */
#ifndef UNIT_ELIMINATE_H
#define UNIT_ELIMINATE_H

#include <math.h>

/* Solve a system, a being m x (m + 1), its right side last; a is used up. */
static inline void
eliminate(double *a, int m, double *x)
{
	int			w = m + 1;

	for (int i = 0; i < m; i++)
	{
		int			pivot = i;

		for (int r = i + 1; r < m; r++)
		{
			if (fabs(a[r * w + i]) > fabs(a[pivot * w + i]))
				pivot = r;
		}
		for (int j = 0; j <= m; j++)
		{
			double		swap = a[i * w + j];

			a[i * w + j] = a[pivot * w + j];
			a[pivot * w + j] = swap;
		}
		for (int r = i + 1; r < m; r++)
		{
			double		f = a[r * w + i] / a[i * w + i];

			for (int j = i; j <= m; j++)
				a[r * w + j] -= f * a[i * w + j];
		}
	}
	for (int i = m - 1; i >= 0; i--)
	{
		x[i] = a[i * w + m];
		for (int j = i + 1; j < m; j++)
			x[i] -= a[i * w + j] * x[j];
		x[i] /= a[i * w + i];
	}
}

#endif							/* UNIT_ELIMINATE_H */
