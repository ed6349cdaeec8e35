/*-------------------------------------------------------------------------
 *
 * recvec_agg.c
 *		The aggregates sum and avg of recvec.
 *
 * The state is a double precision array {count, sum of component 1, ...}, or
 * {0} before the first vector: it can be passed between processes as it is.
 * Within an aggregate the state is ours and is changed in place, as the
 * server's float8_accum does.  Anybody may call these functions with an array
 * of his own, so each call checks it.
 *
 * Sums are in double precision; their last bits may depend on the order of
 * rows and on parallel workers, as those of sum(real) do.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/float.h"

#include "type/recvec.h"

/* A state, checked. */
typedef struct SumState
{
	ArrayType  *array;
	double	   *values;			/* count, then the sums */
	int			dim;			/* 0 before the first vector */
} SumState;

/* Detoast and check argument n. */
static SumState
get_state(FunctionCallInfo fcinfo, int n)
{
	SumState	state;
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(n);

	if (ARR_ELEMTYPE(array) != FLOAT8OID || ARR_NDIM(array) != 1 ||
		ARR_DIMS(array)[0] < 1 || ARR_DIMS(array)[0] > RS_MAX_DIM + 1 ||
		array_contains_nulls(array))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid state of an aggregate of recvec")));
	state.array = array;
	state.values = (double *) ARR_DATA_PTR(array);
	state.dim = ARR_DIMS(array)[0] - 1;
	if (!isfinite(state.values[0]) || state.values[0] < 0.0 ||
		(state.values[0] > 0.0) != (state.dim > 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid state of an aggregate of recvec")));
	return state;
}

/* A state of zeros for vectors of dim components. */
static SumState
new_state(int dim)
{
	SumState	state;
	Datum	   *zeros = palloc(sizeof(Datum) * (dim + 1));

	for (int i = 0; i <= dim; i++)
		zeros[i] = Float8GetDatum(0.0);
	state.array = construct_array(zeros, dim + 1, FLOAT8OID, sizeof(float8),
								  FLOAT8PASSBYVAL, TYPALIGN_DOUBLE);
	pfree(zeros);
	state.values = (double *) ARR_DATA_PTR(state.array);
	state.dim = dim;
	return state;
}

/*
 * The state to add into: the old one when it has the dimensions and is ours
 * to change, else a copy.
 */
static SumState
writable_state(FunctionCallInfo fcinfo, SumState old, int dim)
{
	SumState	state;

	if (old.dim != 0 && old.dim != dim)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("different recvec dimensions %d and %d", old.dim, dim)));
	if (old.dim == dim && AggCheckCallContext(fcinfo, NULL))
		return old;
	state = new_state(dim);
	memcpy(state.values, old.values, sizeof(double) * (old.dim + 1));
	return state;
}

RS_FUNCTION(recsys_recvec_accum);

/* recvec_accum(double precision[], recvec) returns double precision[] */
Datum
recsys_recvec_accum(PG_FUNCTION_ARGS)
{
	SumState	state = get_state(fcinfo, 0);
	RsRecvec   *v = PG_GETARG_RECVEC_P(1);

	state = writable_state(fcinfo, state, v->dim);
	state.values[0] += 1.0;
	for (int i = 0; i < v->dim; i++)
		state.values[i + 1] += v->x[i];
	PG_RETURN_ARRAYTYPE_P(state.array);
}

RS_FUNCTION(recsys_recvec_combine);

/*
 * recvec_combine(double precision[], double precision[])
 * returns double precision[]
 */
Datum
recsys_recvec_combine(PG_FUNCTION_ARGS)
{
	SumState	state = get_state(fcinfo, 0);
	SumState	other = get_state(fcinfo, 1);

	if (other.dim == 0)
		PG_RETURN_ARRAYTYPE_P(state.array);
	state = writable_state(fcinfo, state, other.dim);
	for (int i = 0; i <= other.dim; i++)
		state.values[i] += other.values[i];
	PG_RETURN_ARRAYTYPE_P(state.array);
}

/* The vector of the sums divided by divisor. */
static RsRecvec *
finish(SumState state, double divisor)
{
	RsRecvec   *result = rs_recvec_new(state.dim);

	for (int i = 0; i < state.dim; i++)
	{
		result->x[i] = (float) (state.values[i + 1] / divisor);
		if (unlikely(!isfinite(result->x[i])))
			float_overflow_error();
	}
	return result;
}

RS_FUNCTION(recsys_recvec_sum);

/* recvec_sum(double precision[]) returns recvec */
Datum
recsys_recvec_sum(PG_FUNCTION_ARGS)
{
	SumState	state = get_state(fcinfo, 0);

	if (state.dim == 0)
		PG_RETURN_NULL();
	PG_RETURN_RECVEC_P(finish(state, 1.0));
}

RS_FUNCTION(recsys_recvec_avg);

/* recvec_avg(double precision[]) returns recvec */
Datum
recsys_recvec_avg(PG_FUNCTION_ARGS)
{
	SumState	state = get_state(fcinfo, 0);

	if (state.dim == 0)
		PG_RETURN_NULL();
	PG_RETURN_RECVEC_P(finish(state, state.values[0]));
}
