/*-------------------------------------------------------------------------
 *
 * recvec_ops.c
 *		Operators and measures of recvec.
 *
 * Measures are computed and returned in double precision, where no sum of
 * RS_MAX_DIM products of floats overflows or underflows.  Elementwise
 * arithmetic returns floats: a result beyond their range is an error, one
 * below it becomes zero.
 *
 * Order is lexicographic, a prefix before the longer vector.  -0 and 0 are
 * equal: comparison, hash and sort agree on that.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "common/hashfn.h"
#include "utils/float.h"

#include "kernel/kernel.h"
#include "type/recvec.h"

/* ---- measures ----------------------------------------------------------- */

static double
dot(const RsRecvec *a, const RsRecvec *b)
{
	rs_recvec_check_same_dim(a, b);
	return rs_dot(a->x, b->x, a->dim);
}

double
rs_recvec_cosine(const RsRecvec *a, const RsRecvec *b)
{
	double		product = dot(a, b);
	double		squares = rs_dot(a->x, a->x, a->dim) * rs_dot(b->x, b->x, b->dim);
	double		cosine;

	if (squares == 0.0)
		return 0.0;
	cosine = product / sqrt(squares);
	return Max(-1.0, Min(1.0, cosine));
}

RS_FUNCTION(recsys_dims);

/* dims(recvec) returns integer */
Datum
recsys_dims(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(PG_GETARG_RECVEC_P(0)->dim);
}

RS_FUNCTION(recsys_norm);

/* norm(recvec) returns double precision: the Euclidean length */
Datum
recsys_norm(PG_FUNCTION_ARGS)
{
	RsRecvec   *v = PG_GETARG_RECVEC_P(0);

	PG_RETURN_FLOAT8(sqrt(rs_dot(v->x, v->x, v->dim)));
}

RS_FUNCTION(recsys_inner_product);

/* inner_product(recvec, recvec) returns double precision */
Datum
recsys_inner_product(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(dot(PG_GETARG_RECVEC_P(0), PG_GETARG_RECVEC_P(1)));
}

RS_FUNCTION(recsys_recvec_negative_inner_product);

/* recvec <#> recvec; 0 rather than -0 for orthogonal vectors */
Datum
recsys_recvec_negative_inner_product(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(0.0 - dot(PG_GETARG_RECVEC_P(0), PG_GETARG_RECVEC_P(1)));
}

RS_FUNCTION(recsys_cosine_similarity);

/* cosine_similarity(recvec, recvec) returns double precision */
Datum
recsys_cosine_similarity(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(rs_recvec_cosine(PG_GETARG_RECVEC_P(0), PG_GETARG_RECVEC_P(1)));
}

RS_FUNCTION(recsys_recvec_cosine_distance);

/* recvec <=> recvec: 1 - cosine similarity */
Datum
recsys_recvec_cosine_distance(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(1.0 - rs_recvec_cosine(PG_GETARG_RECVEC_P(0),
											PG_GETARG_RECVEC_P(1)));
}

RS_FUNCTION(recsys_recvec_euclidean_distance);

/* recvec <-> recvec */
Datum
recsys_recvec_euclidean_distance(PG_FUNCTION_ARGS)
{
	RsRecvec   *a = PG_GETARG_RECVEC_P(0);
	RsRecvec   *b = PG_GETARG_RECVEC_P(1);

	rs_recvec_check_same_dim(a, b);
	PG_RETURN_FLOAT8(sqrt(rs_distance_squared(a->x, b->x, a->dim)));
}

/* ---- elementwise arithmetic --------------------------------------------- */

/* Raise an error if an operation left the range of float. */
static RsRecvec *
check_result(RsRecvec *v)
{
	for (int i = 0; i < v->dim; i++)
	{
		if (unlikely(!isfinite(v->x[i])))
			float_overflow_error();
	}
	return v;
}

RS_FUNCTION(recsys_recvec_add);

/* recvec + recvec */
Datum
recsys_recvec_add(PG_FUNCTION_ARGS)
{
	RsRecvec   *a = PG_GETARG_RECVEC_P(0);
	RsRecvec   *b = PG_GETARG_RECVEC_P(1);
	RsRecvec   *result;

	rs_recvec_check_same_dim(a, b);
	result = rs_recvec_new(a->dim);
	for (int i = 0; i < a->dim; i++)
		result->x[i] = a->x[i] + b->x[i];
	PG_RETURN_RECVEC_P(check_result(result));
}

RS_FUNCTION(recsys_recvec_subtract);

/* recvec - recvec */
Datum
recsys_recvec_subtract(PG_FUNCTION_ARGS)
{
	RsRecvec   *a = PG_GETARG_RECVEC_P(0);
	RsRecvec   *b = PG_GETARG_RECVEC_P(1);
	RsRecvec   *result;

	rs_recvec_check_same_dim(a, b);
	result = rs_recvec_new(a->dim);
	for (int i = 0; i < a->dim; i++)
		result->x[i] = a->x[i] - b->x[i];
	PG_RETURN_RECVEC_P(check_result(result));
}

RS_FUNCTION(recsys_recvec_multiply);

/* recvec * recvec */
Datum
recsys_recvec_multiply(PG_FUNCTION_ARGS)
{
	RsRecvec   *a = PG_GETARG_RECVEC_P(0);
	RsRecvec   *b = PG_GETARG_RECVEC_P(1);
	RsRecvec   *result;

	rs_recvec_check_same_dim(a, b);
	result = rs_recvec_new(a->dim);
	for (int i = 0; i < a->dim; i++)
		result->x[i] = a->x[i] * b->x[i];
	PG_RETURN_RECVEC_P(check_result(result));
}

/* ---- comparison --------------------------------------------------------- */

static int
compare(const RsRecvec *a, const RsRecvec *b)
{
	int			common = Min(a->dim, b->dim);

	for (int i = 0; i < common; i++)
	{
		if (a->x[i] < b->x[i])
			return -1;
		if (a->x[i] > b->x[i])
			return 1;
	}
	return (a->dim > b->dim) - (a->dim < b->dim);
}

/* Compare both arguments; gives back their copies, as index code expects. */
static int
compare_arguments(FunctionCallInfo fcinfo)
{
	RsRecvec   *a = PG_GETARG_RECVEC_P(0);
	RsRecvec   *b = PG_GETARG_RECVEC_P(1);
	int			result = compare(a, b);

	PG_FREE_IF_COPY(a, 0);
	PG_FREE_IF_COPY(b, 1);
	return result;
}

RS_FUNCTION(recsys_recvec_cmp);

/* recvec_cmp(recvec, recvec) returns integer: -1, 0 or 1 */
Datum
recsys_recvec_cmp(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(compare_arguments(fcinfo));
}

RS_FUNCTION(recsys_recvec_eq);

/* recvec = recvec */
Datum
recsys_recvec_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) == 0);
}

RS_FUNCTION(recsys_recvec_ne);

/* recvec <> recvec */
Datum
recsys_recvec_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) != 0);
}

RS_FUNCTION(recsys_recvec_lt);

/* recvec < recvec */
Datum
recsys_recvec_lt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) < 0);
}

RS_FUNCTION(recsys_recvec_le);

/* recvec <= recvec */
Datum
recsys_recvec_le(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) <= 0);
}

RS_FUNCTION(recsys_recvec_gt);

/* recvec > recvec */
Datum
recsys_recvec_gt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) > 0);
}

RS_FUNCTION(recsys_recvec_ge);

/* recvec >= recvec */
Datum
recsys_recvec_ge(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) >= 0);
}

/* ---- hash --------------------------------------------------------------- */

/*
 * A copy of the components in which zero has one sign, so that equal vectors
 * have equal bytes: -0 + 0 is 0, anything else + 0 is itself.
 */
static float *
components_to_hash(const RsRecvec *v)
{
	float	   *x = palloc(sizeof(float) * v->dim);

	for (int i = 0; i < v->dim; i++)
		x[i] = v->x[i] + 0.0f;
	return x;
}

RS_FUNCTION(recsys_recvec_hash);

/* recvec_hash(recvec) returns integer */
Datum
recsys_recvec_hash(PG_FUNCTION_ARGS)
{
	RsRecvec   *v = PG_GETARG_RECVEC_P(0);
	float	   *x = components_to_hash(v);
	Datum		result;

	result = hash_any((unsigned char *) x, (int) sizeof(float) * v->dim);
	pfree(x);
	PG_FREE_IF_COPY(v, 0);
	return result;
}

RS_FUNCTION(recsys_recvec_hash_extended);

/* recvec_hash_extended(recvec, bigint) returns bigint */
Datum
recsys_recvec_hash_extended(PG_FUNCTION_ARGS)
{
	RsRecvec   *v = PG_GETARG_RECVEC_P(0);
	float	   *x = components_to_hash(v);
	Datum		result;

	result = hash_any_extended((unsigned char *) x, (int) sizeof(float) * v->dim,
							   PG_GETARG_INT64(1));
	pfree(x);
	PG_FREE_IF_COPY(v, 0);
	return result;
}
