/*-------------------------------------------------------------------------
 *
 * test_near.c
 *		The inverse that shapes the steps of conjugate gradients.
 *
 *-------------------------------------------------------------------------
 */
#include "solver/near.h"
#include "unit.h"

static bool
stop_never(void *arg)
{
	(void) arg;
	return false;
}

static bool
stop_always(void *arg)
{
	(void) arg;
	return true;
}

/* (gramian + ridge) times inverse is the unit matrix; padding is zero. */
static void
test_shape(int k, double ridge)
{
	int			stride = RS_STRIDE(k);
	float	   *factors = unit_alloc((size_t) (k + 9) * (size_t) stride * sizeof(float));
	double	   *gramian = unit_alloc((size_t) k * (size_t) stride * sizeof(double));
	double	   *work = unit_alloc((size_t) k * (size_t) stride * sizeof(double));
	float	   *inverse = unit_alloc((size_t) k * (size_t) stride * sizeof(float));

	memset(factors, 0, (size_t) (k + 9) * (size_t) stride * sizeof(float));
	for (int r = 0; r < k + 9; r++)
	{
		for (int j = 0; j < k; j++)
			factors[r * stride + j] = (float) unit_random(1000) / 1000.0f;
	}
	rs_gramian(factors, k + 9, k, stride, gramian);
	CHECK(rs_near_inverse(gramian, k, stride, ridge, work, inverse, stop_never, NULL) == RS_OK);
	for (int a = 0; a < k; a++)
	{
		for (int b = 0; b < k; b++)
		{
			double		sum = ridge * (double) inverse[a * stride + b];

			for (int j = 0; j < k; j++)
				sum += gramian[a * stride + j] * (double) inverse[j * stride + b];
			CHECK_NEAR(sum, a == b, 1e-3);
		}
		for (int b = k; b < stride; b++)
			CHECK(inverse[a * stride + b] == 0.0f);
	}
	free(factors);
	free(gramian);
	free(work);
	free(inverse);
}

/* What has no inverse is refused, and so is what is not a number. */
static void
test_refusal(void)
{
	double		singular[2 * 16] = {[0] = 4.0, [1] = 2.0, [16] = 2.0, [17] = 1.0};
	double		work[2 * 16];
	float		inverse[2 * 16];

	CHECK(rs_near_inverse(singular, 2, 16, 0.0, work, inverse, stop_never, NULL) ==
		  RS_NOT_POSITIVE_DEFINITE);
	CHECK(rs_near_inverse(singular, 2, 16, 1.0, work, inverse, stop_never, NULL) == RS_OK);
	CHECK(rs_near_inverse(singular, 2, 16, (double) NAN, work, inverse, stop_never, NULL) ==
		  RS_NOT_POSITIVE_DEFINITE);
	CHECK(rs_near_inverse(singular, 2, 16, 1.0, work, inverse, stop_always, NULL) == RS_STOPPED);
}

int
main(void)
{
	for (int k = 1; k <= 70; k += 3)
	{
		test_shape(k, 0.5);
		test_shape(k, 10.0);
	}
	test_refusal();
	return unit_report("near");
}
