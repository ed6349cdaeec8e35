/*-------------------------------------------------------------------------
 *
 * api_serve.c
 *		recommend, predict, user_vector, item_vector.
 *
 * One C function for each SQL name; the type of the user id is that of the
 * overload called, the type of the items is part of the name.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "api/arguments.h"
#include "compat.h"
#include "serve/predictor.h"
#include "serve/recommend.h"
#include "type/recvec.h"

/* Arguments of recommend(), in order. */
enum
{
	RECOMMEND_MODEL,
	RECOMMEND_USER_ID,
	RECOMMEND_K,
	RECOMMEND_EXCLUDE_SEEN,
	RECOMMEND_CANDIDATES,
	RECOMMEND_EXCLUDE,
	RECOMMEND_FRESH,
	RECOMMEND_VERSION
};

/* Columns of its result. */
enum
{
	RESULT_RANK,
	RESULT_ITEM_ID,
	RESULT_SCORE,
	RESULT_SOURCE,
	RESULT_NATTS
};

/* Arguments of predict(). */
enum
{
	PREDICT_MODEL,
	PREDICT_USER_ID,
	PREDICT_ITEM_ID,
	PREDICT_FRESH,
	PREDICT_VERSION
};

/* Arguments of user_vector(). */
enum
{
	USER_VECTOR_MODEL,
	USER_VECTOR_USER_ID,
	USER_VECTOR_FRESH,
	USER_VECTOR_VERSION
};

/* Arguments of item_vector(). */
enum
{
	ITEM_VECTOR_MODEL,
	ITEM_VECTOR_ITEM_ID,
	ITEM_VECTOR_VERSION
};

RS_FUNCTION(recsys_recommend);
RS_FUNCTION(recsys_recommend_text);
RS_FUNCTION(recsys_recommend_uuid);
RS_FUNCTION(recsys_predict);
RS_FUNCTION(recsys_predict_text);
RS_FUNCTION(recsys_predict_uuid);
RS_FUNCTION(recsys_user_vector);
RS_FUNCTION(recsys_item_vector);

/* What follows a function's name for items of a kind. */
static const char *
name_suffix(RsIdKind kind)
{
	switch (kind)
	{
		case RS_ID_BIGINT:
			return "";
		case RS_ID_TEXT:
			return "_text";
		case RS_ID_UUID:
			return "_uuid";
	}
	elog(ERROR, "unrecognized id kind: %d", (int) kind);
}

/* The function of this name must suit the model's items; text always does. */
static void
check_item_kind(const RsModel *model, RsIdKind kind, const char *name)
{
	if (kind == RS_ID_TEXT || kind == model->item_kind)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("model \"%s\" has items of type %s",
					model->name, rs_id_kind_name(model->item_kind)),
			 errhint("Use recsys.%s%s.", name, name_suffix(model->item_kind))));
}

/* ---- recommend ------------------------------------------------------------ */

/* An array of ids; NULL elements say nothing, dimensions do not matter. */
static RsItemSet *
item_set_arg(FunctionCallInfo fcinfo, int n, RsIdKind given, RsIdKind kind)
{
	RsItemSet  *set;
	ArrayType  *array;
	ArrayIterator iterator;
	Datum		id;
	bool		isnull;

	if (PG_ARGISNULL(n))
		return NULL;
	array = PG_GETARG_ARRAYTYPE_P(n);
	if (ARR_ELEMTYPE(array) != rs_id_type(given))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("array of ids must be of type %s[]", rs_id_kind_name(given))));
	set = palloc(sizeof(RsItemSet));
	set->ids = palloc_extended(mul_size(sizeof(Datum),
										Max(ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)), 1)),
							   MCXT_ALLOC_HUGE);
	set->n = 0;
	iterator = array_create_iterator(array, 0, NULL);
	while (array_iterate(iterator, &id, &isnull))
	{
		CHECK_FOR_INTERRUPTS();
		if (!isnull)
			set->ids[set->n++] = rs_id_convert(id, given, kind);
	}
	array_free_iterator(iterator);
	return set;
}

/* Hand out the list as rows. */
static void
return_list(FunctionCallInfo fcinfo, RsIdKind kind, const RsImage *image,
			const RsRecommendation *list)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext row_context = AllocSetContextCreate(CurrentMemoryContext,
													  "recsys result row",
													  ALLOCSET_SMALL_SIZES);
	MemoryContext caller = CurrentMemoryContext;
	Datum		values[RESULT_NATTS];
	bool		nulls[RESULT_NATTS] = {0};

	InitMaterializedSRF(fcinfo, 0);
	if (rsinfo->setDesc->natts != RESULT_NATTS ||
		TupleDescAttr(rsinfo->setDesc, RESULT_ITEM_ID)->atttypid != rs_id_type(kind))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("function is declared with another result than it returns")));
	values[RESULT_SOURCE] = CStringGetTextDatum(rs_origin_name(list->origin));
	for (int32 i = 0; i < list->n; i++)
	{
		Datum		id;

		CHECK_FOR_INTERRUPTS();
		MemoryContextSwitchTo(row_context);
		id = rs_idlist_get(&image->ids, list->entries[i].position);
		values[RESULT_RANK] = Int32GetDatum(i + 1);
		values[RESULT_ITEM_ID] = rs_id_convert(id, image->ids.kind, kind);
		values[RESULT_SCORE] = Float4GetDatum(list->entries[i].score);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
		MemoryContextSwitchTo(caller);
		MemoryContextReset(row_context);
	}
	MemoryContextDelete(row_context);
}

static Datum
recommend(FunctionCallInfo fcinfo, RsIdKind kind)
{
	RsModel    *model;
	RsVersion  *version;
	RsUser		user;
	RsUserVector vector;
	RsRequest	request = {0};
	RsRecommendation list;
	const RsImage *image;
	Datum		user_id;

	(void) rs_arg(fcinfo, RECOMMEND_MODEL, "model");
	(void) rs_arg(fcinfo, RECOMMEND_K, "k");
	(void) rs_arg(fcinfo, RECOMMEND_EXCLUDE_SEEN, "exclude_seen");
	(void) rs_arg(fcinfo, RECOMMEND_FRESH, "fresh");
	request.k = PG_GETARG_INT32(RECOMMEND_K);
	request.exclude_seen = PG_GETARG_BOOL(RECOMMEND_EXCLUDE_SEEN);
	if (request.k < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("k must not be negative")));

	model = rs_arg_model(fcinfo, RECOMMEND_MODEL, RS_MODEL_ASK);
	check_item_kind(model, kind, "recommend");
	version = rs_arg_version(fcinfo, RECOMMEND_VERSION, model);
	if (PG_ARGISNULL(RECOMMEND_USER_ID))
	{
		InitMaterializedSRF(fcinfo, 0); /* no rows, as of a LEFT JOIN */
		return (Datum) 0;
	}
	user_id = rs_arg_id(fcinfo, RECOMMEND_USER_ID, model->user_kind);
	request.candidates = item_set_arg(fcinfo, RECOMMEND_CANDIDATES, kind, model->item_kind);
	request.exclude = item_set_arg(fcinfo, RECOMMEND_EXCLUDE, kind, model->item_kind);

	rs_user_read(model, version, user_id, PG_GETARG_BOOL(RECOMMEND_FRESH),
				 request.exclude_seen, &user);
	image = rs_image_open(model, version);
	rs_user_vector(model, version, image, &user, &vector);
	rs_recommend(version, image, &user, &vector, &request, &list);
	return_list(fcinfo, kind, image, &list);
	return (Datum) 0;
}

Datum
recsys_recommend(PG_FUNCTION_ARGS)
{
	return recommend(fcinfo, RS_ID_BIGINT);
}

Datum
recsys_recommend_text(PG_FUNCTION_ARGS)
{
	return recommend(fcinfo, RS_ID_TEXT);
}

Datum
recsys_recommend_uuid(PG_FUNCTION_ARGS)
{
	return recommend(fcinfo, RS_ID_UUID);
}

/* ---- predict -------------------------------------------------------------- */

/* The arguments but the item; false if the user's id is NULL. */
static bool
predictor_key(FunctionCallInfo fcinfo, RsPredictorKey *key)
{
	key->model = rs_arg(fcinfo, PREDICT_MODEL, "model");
	key->fresh = DatumGetBool(rs_arg(fcinfo, PREDICT_FRESH, "fresh"));
	key->version = PG_ARGISNULL(PREDICT_VERSION) ? RS_PREDICT_ACTIVE : PG_GETARG_INT32(PREDICT_VERSION);
	if (PG_ARGISNULL(PREDICT_USER_ID))
		return false;
	key->user_id = PG_GETARG_DATUM(PREDICT_USER_ID);
	key->user_type = rs_arg_id_type(fcinfo, PREDICT_USER_ID);
	rs_predictor_key(key);
	return true;
}

/* Check the arguments and rights; make a predictor unless an id is NULL. */
static RsPredictor *
make_predictor(FunctionCallInfo fcinfo, RsIdKind kind, const RsPredictorKey *key)
{
	RsModel    *model = rs_arg_model(fcinfo, PREDICT_MODEL, RS_MODEL_ASK);
	RsVersion  *version;
	Datum		user_id;

	check_item_kind(model, kind, "predict");
	version = rs_arg_version(fcinfo, PREDICT_VERSION, model);
	if (PG_ARGISNULL(PREDICT_USER_ID) || PG_ARGISNULL(PREDICT_ITEM_ID))
		return NULL;
	user_id = rs_arg_id(fcinfo, PREDICT_USER_ID, model->user_kind);
	/* an id that is none is an error before anything is read */
	(void) rs_arg_id(fcinfo, PREDICT_ITEM_ID, model->item_kind);
	return rs_predictor_make(fcinfo->flinfo, key, model, version, user_id);
}

static Datum
predict(FunctionCallInfo fcinfo, RsIdKind kind)
{
	RsPredictorKey key;
	RsPredictor *predictor = NULL;
	int32		position;

	if (predictor_key(fcinfo, &key))
		predictor = rs_predictor_find(fcinfo->flinfo, &key);
	if (predictor == NULL)
		predictor = make_predictor(fcinfo, kind, &key);
	if (predictor == NULL || predictor->x == NULL || PG_ARGISNULL(PREDICT_ITEM_ID))
		PG_RETURN_NULL();
	position = rs_idlist_find(&predictor->image->ids,
							  rs_arg_id(fcinfo, PREDICT_ITEM_ID, predictor->item_kind));
	if (position < 0)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT4(rs_image_score(predictor->image, position, predictor->x,
									predictor->base));
}

Datum
recsys_predict(PG_FUNCTION_ARGS)
{
	return predict(fcinfo, RS_ID_BIGINT);
}

Datum
recsys_predict_text(PG_FUNCTION_ARGS)
{
	return predict(fcinfo, RS_ID_TEXT);
}

Datum
recsys_predict_uuid(PG_FUNCTION_ARGS)
{
	return predict(fcinfo, RS_ID_UUID);
}

/* ---- vectors -------------------------------------------------------------- */

/* The vector as published: x, or (x, 1) when items carry their bias. */
static RsRecvec *
published_vector(const RsImage *image, const RsUserVector *vector)
{
	RsRecvec   *result = rs_recvec_new(image->k + (image->biases != NULL ? 1 : 0));

	memcpy(result->x, vector->x, image->k * sizeof(float));
	if (image->biases != NULL)
		result->x[image->k] = 1;
	return result;
}

Datum
recsys_user_vector(PG_FUNCTION_ARGS)
{
	RsModel    *model;
	RsVersion  *version;
	RsUser		user;
	RsUserVector vector;
	const RsImage *image;
	Datum		user_id;

	(void) rs_arg(fcinfo, USER_VECTOR_FRESH, "fresh");
	model = rs_arg_model(fcinfo, USER_VECTOR_MODEL, RS_MODEL_USE);
	version = rs_arg_version(fcinfo, USER_VECTOR_VERSION, model);
	if (PG_ARGISNULL(USER_VECTOR_USER_ID))
		PG_RETURN_NULL();
	user_id = rs_arg_id(fcinfo, USER_VECTOR_USER_ID, model->user_kind);

	rs_user_read(model, version, user_id, PG_GETARG_BOOL(USER_VECTOR_FRESH), false, &user);
	if (user.has_stored)
		PG_RETURN_RECVEC_P(user.stored.factors);
	if (!rs_user_may_have_vector(&user))
		PG_RETURN_NULL();
	image = rs_image_open(model, version);
	rs_user_vector(model, version, image, &user, &vector);
	if (vector.x == NULL)
		PG_RETURN_NULL();
	PG_RETURN_RECVEC_P(published_vector(image, &vector));
}

Datum
recsys_item_vector(PG_FUNCTION_ARGS)
{
	RsModel    *model = rs_arg_model(fcinfo, ITEM_VECTOR_MODEL, RS_MODEL_USE);
	RsVersion  *version = rs_arg_version(fcinfo, ITEM_VECTOR_VERSION, model);
	RsItemFactors row;

	if (PG_ARGISNULL(ITEM_VECTOR_ITEM_ID))
		PG_RETURN_NULL();
	if (!rs_factors_read_item(model, version,
							  rs_arg_id(fcinfo, ITEM_VECTOR_ITEM_ID, model->item_kind),
							  &row) ||
		row.factors == NULL)
		PG_RETURN_NULL();
	PG_RETURN_RECVEC_P(row.factors);
}
