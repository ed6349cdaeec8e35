/*-------------------------------------------------------------------------
 *
 * near.c
 *		The inverse of a matrix that is near those of all rows of a half-step.
 *
 * By elimination in place and without exchanges, as the matrix is positive
 * definite.  It shapes the steps of conjugate gradients and so decides how fast
 * they are, not where they lead: rounding errors do no harm.
 *
 *-------------------------------------------------------------------------
 */
#include "solver/near.h"

#include <float.h>
#include <string.h>

/* A pivot that is a smaller part of its diagonal element is noise. */
#define SMALLEST_PIVOT	(1000.0 * DBL_EPSILON)

/* Row p becomes that of the inverse of what was eliminated so far. */
static void
eliminate(double *matrix, int k, int stride, int p)
{
	double	   *row = matrix + (size_t) p * (size_t) stride;
	double		f = 1.0 / row[p];

	row[p] = 1.0;
	for (int j = 0; j < k; j++)
		row[j] *= f;
	for (int i = 0; i < k; i++)
	{
		double	   *restrict other = matrix + (size_t) i * (size_t) stride;
		double		g = other[p];

		if (i == p)
			continue;
		other[p] = 0.0;
		for (int j = 0; j < k; j++)
			other[j] -= g * row[j];
	}
}

RsStatus
rs_near_inverse(const double *gramian, int k, int stride, double ridge,
				double *work, float *inverse, RsStopCheck stop, void *arg)
{
	size_t		size = (size_t) k * (size_t) stride;

	memcpy(work, gramian, size * sizeof(double));
	for (int p = 0; p < k; p++)
		work[(size_t) p * (size_t) stride + p] += ridge;
	for (int p = 0; p < k; p++)
	{
		size_t		diagonal = (size_t) p * (size_t) stride + p;

		if (stop(arg))
			return RS_STOPPED;

		/* Written so that a NaN fails. */
		if (!(work[diagonal] > SMALLEST_PIVOT * (gramian[diagonal] + ridge)))
			return RS_NOT_POSITIVE_DEFINITE;
		eliminate(work, k, stride, p);
	}
	for (size_t i = 0; i < size; i++)
		inverse[i] = i % (size_t) stride < (size_t) k ? (float) work[i] : 0.0f;
	return RS_OK;
}
