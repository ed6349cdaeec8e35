/*-------------------------------------------------------------------------
 *
 * api_evaluate.c
 *		SQL functions: evaluate, evaluate_users.
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
#include "serve/measure.h"

/* Elements of k: each costs four bytes for every item. */
#define MAX_LENGTHS		100

/* Both functions have the same arguments; those from exclude_seen on since 0.2.0. */
enum
{
	EVALUATE_MODEL,
	EVALUATE_TEST,
	EVALUATE_K,
	EVALUATE_VERSION,
	EVALUATE_EXCLUDE_SEEN,
	EVALUATE_MIN_RATING
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

enum
{
	USER_ID,
	USER_SOURCE,
	USER_SEEN,
	USER_ROWS,
	USER_RELEVANT,
	USER_HITS,
	USER_HIT_RATE,
	USER_PRECISION,
	USER_RECALL,
	USER_NDCG,
	USER_AVERAGE_PRECISION,
	USER_RECIPROCAL_RANK,
	USER_NOVELTY,
	USER_PREDICTED,
	USER_RMSE,
	USER_MAE,
	USER_NATTS
};

RS_FUNCTION(recsys_evaluate);
RS_FUNCTION(recsys_evaluate_users);

/* ---- arguments -------------------------------------------------------------- */

static void
check_length(int32 length)
{
	if (length < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("k must be positive")));
}

/* The list lengths, ascending, each once. */
static void
lengths_arg(FunctionCallInfo fcinfo, RsMeasureOptions *options)
{
	ArrayType  *array = DatumGetArrayTypePCopy(rs_arg(fcinfo, EVALUATE_K, "k"));
	int32	   *lengths;
	int			n;

	if (ARR_NDIM(array) != 1 || ARR_ELEMTYPE(array) != INT4OID)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("k must be a one-dimensional array of at least one integer")));
	n = ARR_DIMS(array)[0];
	if (n > MAX_LENGTHS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("k has %d elements, more than %d", n, MAX_LENGTHS)));
	if (array_contains_nulls(array))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("k must not contain null")));
	lengths = (int32 *) ARR_DATA_PTR(array);
	options->k = lengths;
	options->n_k = rs_measure_lengths(lengths, n);
	check_length(lengths[0]);
}

/* What both functions are asked; before 0.2.0 the declaration ends with the version. */
static void
options_args(FunctionCallInfo fcinfo, RsMeasureOptions *options)
{
	(void) rs_arg(fcinfo, EVALUATE_MODEL, "model");
	(void) rs_arg(fcinfo, EVALUATE_TEST, "test");
	options->exclude_seen = true;
	if (PG_NARGS() <= EVALUATE_EXCLUDE_SEEN)
		return;
	options->exclude_seen = DatumGetBool(rs_arg(fcinfo, EVALUATE_EXCLUDE_SEEN, "exclude_seen"));
	options->has_min_rating = !PG_ARGISNULL(EVALUATE_MIN_RATING);
	if (!options->has_min_rating)
		return;
	options->min_rating = PG_GETARG_FLOAT4(EVALUATE_MIN_RATING);
	if (!isfinite(options->min_rating))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("min_rating must be a finite number")));
}

/* ---- rows ------------------------------------------------------------------- */

static void
set_double(Datum *values, bool *nulls, int column, double value)
{
	nulls[column] = isnan(value);
	values[column] = Float8GetDatum(value);
}

static void
return_row(ReturnSetInfo *rsinfo, const RsMetricRow *row)
{
	Datum		values[RESULT_NATTS] = {0};
	bool		nulls[RESULT_NATTS] = {0};

	values[RESULT_METRIC] = CStringGetTextDatum(row->metric);
	values[RESULT_K] = Int32GetDatum(row->k);
	nulls[RESULT_K] = row->k == 0;
	set_double(values, nulls, RESULT_VALUE, row->value);
	values[RESULT_USERS] = Int32GetDatum((int32) Min(row->users, PG_INT32_MAX));
	values[RESULT_USERS_SKIPPED] = Int32GetDatum((int32) Min(row->users_skipped, PG_INT32_MAX));
	set_double(values, nulls, RESULT_STANDARD_ERROR,
			   row->standard_error >= 0 ? row->standard_error : NAN);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/* The columns of a user's list; NULL where they have nothing relevant. */
static void
set_list(Datum *values, bool *nulls, const RsUserMeasure *user)
{
	const RsUserList *list = user->lists;

	for (int column = USER_HITS; column <= USER_NOVELTY; column++)
		nulls[column] = true;
	if (user->relevant == 0)
		return;
	nulls[USER_HITS] = false;
	values[USER_HITS] = Int32GetDatum(list->metrics.hits);
	set_double(values, nulls, USER_HIT_RATE, list->metrics.hit_rate);
	set_double(values, nulls, USER_PRECISION, list->metrics.precision);
	set_double(values, nulls, USER_RECALL, list->metrics.recall);
	set_double(values, nulls, USER_NDCG, list->metrics.ndcg);
	set_double(values, nulls, USER_AVERAGE_PRECISION, list->metrics.average_precision);
	set_double(values, nulls, USER_RECIPROCAL_RANK, list->metrics.reciprocal_rank);
	set_double(values, nulls, USER_NOVELTY, list->novelty);
}

static void
return_user(ReturnSetInfo *rsinfo, const RsModel *model, const RsUserMeasure *user)
{
	Datum		values[USER_NATTS] = {0};
	bool		nulls[USER_NATTS] = {0};
	const RsUserErrors *errors = &user->errors;
	double		n = errors->predicted;

	values[USER_ID] = CStringGetTextDatum(rs_id_to_cstring(user->test->id, model->user_kind));
	values[USER_SOURCE] = CStringGetTextDatum(rs_origin_name(user->origin));
	values[USER_SEEN] = Int32GetDatum(user->seen);
	values[USER_ROWS] = Int32GetDatum(user->test->n);
	values[USER_RELEVANT] = Int32GetDatum(user->relevant);
	set_list(values, nulls, user);
	values[USER_PREDICTED] = Int32GetDatum(errors->predicted);
	set_double(values, nulls, USER_RMSE, sqrt(errors->squared / n));
	set_double(values, nulls, USER_MAE, errors->absolute / n);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/* ---- functions -------------------------------------------------------------- */

/* evaluate(model, test, k, ...): rows of metrics, all read under one new snapshot */
Datum
recsys_evaluate(PG_FUNCTION_ARGS)
{
	RsMeasureOptions options = {0};
	RsModel    *model;
	RsVersion  *version;
	RsMetricRow *rows;
	ReturnSetInfo *rsinfo;
	int			n;

	options_args(fcinfo, &options);
	lengths_arg(fcinfo, &options);
	rsinfo = rs_rows_begin(fcinfo, RESULT_NATTS);
	rs_new_snapshot_begin();
	model = rs_arg_model(fcinfo, EVALUATE_MODEL, RS_MODEL_USE);
	version = rs_arg_version(fcinfo, EVALUATE_VERSION, model);

	n = rs_evaluate(model, version, PG_GETARG_OID(EVALUATE_TEST), &options, &rows);
	rs_new_snapshot_end();
	for (int i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		return_row(rsinfo, &rows[i]);
	}
	return (Datum) 0;
}

/* evaluate_users(model, test, k, ...): a row for each user, read likewise */
Datum
recsys_evaluate_users(PG_FUNCTION_ARGS)
{
	RsMeasureOptions options = {0};
	RsModel    *model;
	RsVersion  *version;
	RsMeasuring measuring;
	RsUserMeasure user;
	ReturnSetInfo *rsinfo;
	int32		k;

	options_args(fcinfo, &options);
	k = DatumGetInt32(rs_arg(fcinfo, EVALUATE_K, "k"));
	check_length(k);
	options.k = &k;
	options.n_k = 1;
	rsinfo = rs_rows_begin(fcinfo, USER_NATTS);
	rs_new_snapshot_begin();
	model = rs_arg_model(fcinfo, EVALUATE_MODEL, RS_MODEL_USE);
	version = rs_arg_version(fcinfo, EVALUATE_VERSION, model);

	rs_measure_begin(&measuring, model, version, PG_GETARG_OID(EVALUATE_TEST), &options);
	while (rs_measure_next(&measuring, &user))
	{
		MemoryContext caller = MemoryContextSwitchTo(measuring.work);

		return_user(rsinfo, model, &user);
		MemoryContextSwitchTo(caller);
	}
	rs_measure_end(&measuring);
	rs_new_snapshot_end();
	return (Datum) 0;
}
