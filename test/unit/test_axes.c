/*-------------------------------------------------------------------------
 *
 * test_axes.c
 *		Eigenvectors of a Gramian: orthogonal, and they make it diagonal.
 *
 *-------------------------------------------------------------------------
 */
#include "kernel/row.h"
#include "solver/axes.h"
#include "unit.h"

static bool
stop_never(void *arg)
{
	(void) arg;
	return false;
}

/* A matrix, and room for its axes. */
typedef struct Problem
{
	int			k;
	int			stride;
	double	   *matrix;
	double	   *kept;
	double	   *vectors;
	double	   *values;
	double	   *work;
} Problem;

static void
problem_init(Problem *p, int k)
{
	size_t		size;

	p->k = k;
	p->stride = RS_STRIDE(k);
	size = (size_t) k * (size_t) p->stride * sizeof(double);
	p->matrix = unit_alloc(size);
	p->kept = unit_alloc(size);
	p->vectors = unit_alloc(size);
	p->values = unit_alloc((size_t) k * sizeof(double));
	p->work = unit_alloc((size_t) k * sizeof(double));
}

static void
problem_free(Problem *p)
{
	free(p->matrix);
	free(p->kept);
	free(p->vectors);
	free(p->values);
	free(p->work);
}

static RsStatus
find(Problem *p)
{
	memcpy(p->kept, p->matrix, (size_t) p->k * (size_t) p->stride * sizeof(double));
	return rs_axes_find(p->matrix, p->k, p->stride, p->vectors, p->values, p->work,
						stop_never, NULL);
}

static double
product(const double *x, const double *y, int k)
{
	double		sum = 0.0;

	for (int j = 0; j < k; j++)
		sum += x[j] * y[j];
	return sum;
}

/* V V' = 1, and V A = L V, to a few roundings of the largest value. */
static void
check_axes(const Problem *p)
{
	double		trace = 0.0;
	double		sum = 0.0;

	for (int i = 0; i < p->k; i++)
	{
		trace += p->kept[(size_t) i * p->stride + i];
		sum += p->values[i];
	}
	CHECK(fabs(trace - sum) <= 1e-12 * trace);
	for (int i = 0; i < p->k; i++)
	{
		const double *v = p->vectors + (size_t) i * p->stride;

		for (int j = 0; j < p->k; j++)
		{
			const double *row = p->kept + (size_t) j * p->stride;

			CHECK_NEAR(product(v, p->vectors + (size_t) j * p->stride, p->k), i == j, 1e-12);
			CHECK(fabs(product(v, row, p->k) - p->values[i] * v[j]) <= 1e-12 * trace);
		}
	}
}

/* The Gramian of n random vectors whose components shrink by a factor each. */
static void
test_gramian(int k, int n, float shrink)
{
	Problem		p;
	float	   *factors;
	float		scale = 1.0f;

	problem_init(&p, k);
	factors = unit_alloc((size_t) n * (size_t) p.stride * sizeof(float));
	for (int j = 0; j < k; j++, scale *= shrink)
	{
		for (int i = 0; i < n; i++)
			factors[(size_t) i * p.stride + j] = scale * (unit_random_float() + 0.5f);
	}
	rs_gramian(factors, n, k, p.stride, p.matrix);
	CHECK(find(&p) == RS_OK);
	check_axes(&p);
	free(factors);
	problem_free(&p);
}

/* Equal elements, equal values, values far apart, few that are not zero. */
static void
test_odd(int k)
{
	for (int kind = 0; kind < 5; kind++)
	{
		Problem		p;

		problem_init(&p, k);
		for (int i = 0; i < k; i++)
		{
			for (int j = 0; j < k; j++)
			{
				double		element[] = {1.0, i == j, i == j ? pow(10.0, -i) : 0.0,
				i == j && i < 2, i == j ? 2.0 : abs(i - j) == 1 ? -1.0 : 0.0};

				p.matrix[(size_t) i * p.stride + j] = element[kind];
			}
		}
		CHECK(find(&p) == RS_OK);
		check_axes(&p);
		problem_free(&p);
	}
}

/* Values whose squares leave the range of double. */
static void
test_range(double size, RsStatus expected)
{
	Problem		p;

	problem_init(&p, 5);
	for (int i = 0; i < 5; i++)
	{
		for (int j = 0; j < 5; j++)
			p.matrix[(size_t) i * p.stride + j] = size * (i == j ? 3.0 : 0.5 / (1 + i + j));
	}
	CHECK(find(&p) == expected);
	if (expected == RS_OK)
		check_axes(&p);
	problem_free(&p);
}

static bool
stop_after(void *arg)
{
	return --*(int *) arg < 0;
}

static void
test_stop(void)
{
	Problem		p;

	problem_init(&p, 20);
	for (int polls = 0; polls < 50; polls += 5)
	{
		int			left = polls;

		for (int i = 0; i < 20; i++)
		{
			for (int j = 0; j < 20; j++)
				p.matrix[(size_t) i * p.stride + j] = i == j ? 30.0 + i : 1.0;
		}
		CHECK(rs_axes_find(p.matrix, 20, p.stride, p.vectors, p.values, p.work,
						   stop_after, &left) == RS_STOPPED);
		CHECK(left == -1);
	}
	problem_free(&p);
}

int
main(void)
{
	for (int k = 1; k <= 20; k++)
	{
		test_gramian(k, 2 * k, 1.0f);
		test_gramian(k, k / 2 + 1, 1.0f);
		test_odd(k);
	}
	test_gramian(150, 400, 1.0f);
	test_gramian(97, 200, 0.8f);
	test_gramian(128, 40, 0.99f);
	test_range(1e68, RS_OK);
	test_range(1e-290, RS_OK);
	test_range(1e80, RS_NOT_FINITE);
	test_range(0.0, RS_NOT_FINITE);
	test_range(NAN, RS_NOT_FINITE);
	test_range(INFINITY, RS_NOT_FINITE);
	test_stop();
	return unit_report("axes");
}
