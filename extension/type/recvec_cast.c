/*-------------------------------------------------------------------------
 *
 * recvec_cast.c
 *		Casts between recvec and arrays of numbers.
 *
 * A number is rounded once, to the nearest float, and refused when it is NULL,
 * NaN, infinite or beyond the range of float; below the range it becomes zero,
 * as in text.  numeric goes through its text form, which has the same rules.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "type/recvec.h"
#include "type/recvec_codec.h"

static void
report_not_finite(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 errmsg("NaN and infinity are not allowed in recvec")));
}

static void
report_out_of_range(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
			 errmsg("array element is out of range for type recvec")));
}

static float
float8_to_component(double value)
{
	float		component = (float) value;

	if (unlikely(!isfinite(component)))
	{
		if (!isfinite(value))
			report_not_finite();
		report_out_of_range();
	}
	return component;
}

static float
numeric_to_component(Datum value)
{
	char	   *text = DatumGetCString(DirectFunctionCall1(numeric_out, value));
	float		component = 0.0f;

	switch (rs_recvec_parse_number(text, strlen(text), &component))
	{
		case RS_RECVEC_OK:
			break;
		case RS_RECVEC_NOT_FINITE:
			report_not_finite();
			break;
		case RS_RECVEC_OUT_OF_RANGE:
			report_out_of_range();
			break;
		default:
			elog(ERROR, "unexpected text of numeric: \"%.64s\"", text);
	}
	pfree(text);
	return component;
}

/* Convert the elements of an array of numeric, which differ in length. */
static void
convert_numeric(ArrayType *array, RsRecvec *result)
{
	Datum	   *elements;
	int			n;

	deconstruct_array(array, NUMERICOID, -1, false, TYPALIGN_INT,
					  &elements, NULL, &n);
	for (int i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();		/* a numeric may have 100,000 digits */
		result->x[i] = numeric_to_component(elements[i]);
	}
	pfree(elements);
}

/* Convert an array without nulls whose elements are as many as result has. */
static void
convert_elements(ArrayType *array, RsRecvec *result)
{
	const void *data = ARR_DATA_PTR(array);

	switch (ARR_ELEMTYPE(array))
	{
		case FLOAT4OID:
			for (int i = 0; i < result->dim; i++)
				result->x[i] = float8_to_component(((const float4 *) data)[i]);
			break;
		case FLOAT8OID:
			for (int i = 0; i < result->dim; i++)
				result->x[i] = float8_to_component(((const float8 *) data)[i]);
			break;
		case INT4OID:
			for (int i = 0; i < result->dim; i++)
				result->x[i] = (float) ((const int32 *) data)[i];
			break;
		case NUMERICOID:
			convert_numeric(array, result);
			break;
		default:
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("cannot cast an array of type %s to recvec",
							format_type_be(ARR_ELEMTYPE(array)))));
	}
}

RS_FUNCTION(recsys_array_to_recvec);

/*
 * array_to_recvec(T[], integer, boolean) returns recvec, where T is real,
 * double precision, integer or numeric
 */
Datum
recsys_array_to_recvec(PG_FUNCTION_ARGS)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(0);
	int32		typmod = PG_GETARG_INT32(1);
	int			n = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	RsRecvec   *result;

	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("array must be one-dimensional")));
	rs_recvec_check_dim(n);
	rs_recvec_check_typmod(typmod, n);
	if (array_contains_nulls(array))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("array must not contain nulls")));

	result = rs_recvec_new(n);
	convert_elements(array, result);
	PG_RETURN_RECVEC_P(result);
}

RS_FUNCTION(recsys_recvec_to_real);

/* recvec_to_real(recvec) returns real[] */
Datum
recsys_recvec_to_real(PG_FUNCTION_ARGS)
{
	RsRecvec   *v = PG_GETARG_RECVEC_P(0);
	Datum	   *elements = palloc(sizeof(Datum) * v->dim);

	for (int i = 0; i < v->dim; i++)
		elements[i] = Float4GetDatum(v->x[i]);
	PG_RETURN_ARRAYTYPE_P(construct_array(elements, v->dim, FLOAT4OID,
										  sizeof(float4), true, TYPALIGN_INT));
}

RS_FUNCTION(recsys_recvec_to_double);

/* recvec_to_double(recvec) returns double precision[] */
Datum
recsys_recvec_to_double(PG_FUNCTION_ARGS)
{
	RsRecvec   *v = PG_GETARG_RECVEC_P(0);
	Datum	   *elements = palloc(sizeof(Datum) * v->dim);

	for (int i = 0; i < v->dim; i++)
		elements[i] = Float8GetDatum((double) v->x[i]);
	PG_RETURN_ARRAYTYPE_P(construct_array(elements, v->dim, FLOAT8OID,
										  sizeof(float8), FLOAT8PASSBYVAL,
										  TYPALIGN_DOUBLE));
}
