/*-------------------------------------------------------------------------
 *
 * api_evaluate.c
 *		evaluate(): arguments and result rows.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "api/arguments.h"
#include "api/rows.h"
#include "compat.h"
#include "serve/evaluate.h"

/* Elements of k: each costs work for every user, and memory. */
#define MAX_LENGTHS		1000000

enum
{
	EVALUATE_MODEL,
	EVALUATE_TEST,
	EVALUATE_K,
	EVALUATE_VERSION,
	EVALUATE_EXCLUDE_SEEN		/* since 0.2.0; before, the declaration ends */
};

enum
{
	RESULT_METRIC,
	RESULT_K,
	RESULT_VALUE,
	RESULT_USERS,
	RESULT_USERS_SKIPPED,
	RESULT_STANDARD_ERROR,
	RESULT_NATTS
};

RS_FUNCTION(recsys_evaluate);

/* The list lengths. */
static int32 *
lengths_arg(FunctionCallInfo fcinfo, int arg, int *n)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(arg);
	int32	   *lengths;

	if (ARR_NDIM(array) != 1 || ARR_ELEMTYPE(array) != INT4OID)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("k must be a one-dimensional array of at least one integer")));
	*n = ARR_DIMS(array)[0];
	if (*n > MAX_LENGTHS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("k has %d elements, more than %d", *n, MAX_LENGTHS)));
	if (array_contains_nulls(array))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("k must not contain null")));
	lengths = (int32 *) ARR_DATA_PTR(array);
	for (int i = 0; i < *n; i++)
	{
		if (lengths[i] < 1)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("k must be positive")));
	}
	return lengths;
}

static void
return_row(ReturnSetInfo *rsinfo, const RsMetricRow *row)
{
	Datum		values[RESULT_NATTS] = {0};
	bool		nulls[RESULT_NATTS] = {0};

	values[RESULT_METRIC] = CStringGetTextDatum(row->metric);
	values[RESULT_K] = Int32GetDatum(row->k);
	nulls[RESULT_K] = row->k == 0;
	nulls[RESULT_VALUE] = isnan(row->value);
	if (!nulls[RESULT_VALUE])
		values[RESULT_VALUE] = Float8GetDatum(row->value);
	values[RESULT_USERS] = Int32GetDatum((int32) Min(row->users, PG_INT32_MAX));
	values[RESULT_USERS_SKIPPED] = Int32GetDatum((int32) Min(row->users_skipped, PG_INT32_MAX));
	nulls[RESULT_STANDARD_ERROR] = !(row->standard_error >= 0);
	if (!nulls[RESULT_STANDARD_ERROR])
		values[RESULT_STANDARD_ERROR] = Float8GetDatum(row->standard_error);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/* evaluate(model, test, k, version): rows of metrics, all read under one new snapshot */
Datum
recsys_evaluate(PG_FUNCTION_ARGS)
{
	RsModel    *model;
	RsVersion  *version;
	RsMetricRow *rows;
	int32	   *lengths;
	int			n_lengths;
	int			n;
	bool		exclude_seen = true;
	ReturnSetInfo *rsinfo;

	(void) rs_arg(fcinfo, EVALUATE_MODEL, "model");
	(void) rs_arg(fcinfo, EVALUATE_TEST, "test");
	(void) rs_arg(fcinfo, EVALUATE_K, "k");
	if (PG_NARGS() > EVALUATE_EXCLUDE_SEEN)
	{
		(void) rs_arg(fcinfo, EVALUATE_EXCLUDE_SEEN, "exclude_seen");
		exclude_seen = PG_GETARG_BOOL(EVALUATE_EXCLUDE_SEEN);
	}
	rsinfo = rs_rows_begin(fcinfo, RESULT_NATTS);
	lengths = lengths_arg(fcinfo, EVALUATE_K, &n_lengths);
	rs_new_snapshot_begin();
	model = rs_arg_model(fcinfo, EVALUATE_MODEL, RS_MODEL_USE);
	version = rs_arg_version(fcinfo, EVALUATE_VERSION, model);

	n = rs_evaluate(model, version, PG_GETARG_OID(EVALUATE_TEST), lengths, n_lengths,
					exclude_seen, &rows);
	rs_new_snapshot_end();
	for (int i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		return_row(rsinfo, &rows[i]);
	}
	return (Datum) 0;
}
