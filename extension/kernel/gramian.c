/*-------------------------------------------------------------------------
 *
 * gramian.c
 *		The sum of y y' over all rows of a side.
 *
 *-------------------------------------------------------------------------
 */
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

void
rs_gramian(const float *factors, int32_t n, int k, int stride, double *gramian)
{
	memset(gramian, 0, (size_t) k * stride * sizeof(double));
	for (int panel = 0; panel < rs_gramian_panels(k); panel++)
		rs_gramian_add(factors, n, k, stride, panel, gramian);
	rs_gramian_mirror(k, stride, gramian);
}
