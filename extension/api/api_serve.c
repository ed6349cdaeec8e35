/*-------------------------------------------------------------------------
 *
 * api_serve.c
 *		recommend, predict, preference, user_vector, item_vector.
 *
 * One C function for each SQL name; the type of the user id is that of the
 * overload called, the type of the items is part of the name.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "funcapi.h"
#include "miscadmin.h"

#include "api/arguments.h"
#include "api/list.h"
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
	RECOMMEND_VERSION,
	RECOMMEND_AFTER
};

/* Arguments of predict() and preference(). */
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
RS_FUNCTION(recsys_preference);
RS_FUNCTION(recsys_preference_text);
RS_FUNCTION(recsys_preference_uuid);
RS_FUNCTION(recsys_user_vector);
RS_FUNCTION(recsys_item_vector);

/* ---- recommend ------------------------------------------------------------ */

static Datum
recommend(FunctionCallInfo fcinfo, RsIdKind kind)
{
	RsModel    *model;
	RsVersion  *version;
	RsAsk		ask;
	RsRequest	request = {0};
	RsServing	serving;
	RsRecommendation list;

	(void) rs_arg(fcinfo, RECOMMEND_MODEL, "model");
	(void) rs_arg(fcinfo, RECOMMEND_EXCLUDE_SEEN, "exclude_seen");
	(void) rs_arg(fcinfo, RECOMMEND_FRESH, "fresh");
	request.k = rs_arg_k(fcinfo, RECOMMEND_K);
	request.exclude_seen = PG_GETARG_BOOL(RECOMMEND_EXCLUDE_SEEN);
	model = rs_arg_model(fcinfo, RECOMMEND_MODEL, RS_MODEL_ASK);
	rs_check_item_kind(model, kind, "recommend");
	version = rs_arg_version(fcinfo, RECOMMEND_VERSION, model);
	if (PG_ARGISNULL(RECOMMEND_USER_ID))
	{
		InitMaterializedSRF(fcinfo, 0); /* no rows, as of a LEFT JOIN */
		return (Datum) 0;
	}
	ask = (RsAsk)
	{
		.user_id = rs_arg_id(fcinfo, RECOMMEND_USER_ID, model->user_kind),
		.fresh = PG_GETARG_BOOL(RECOMMEND_FRESH),
		.need_seen = request.exclude_seen,
	};
	request.catalog = rs_item_catalog_open(model);
	request.candidates = rs_arg_items(fcinfo, RECOMMEND_CANDIDATES, kind, model->item_kind);
	request.exclude = rs_arg_items(fcinfo, RECOMMEND_EXCLUDE, kind, model->item_kind);

	if (!PG_ARGISNULL(RECOMMEND_AFTER))
		request.after = rs_arg_text(fcinfo, RECOMMEND_AFTER, "after");

	rs_serving_open(&serving, model, version, &ask);
	rs_recommend(&serving, &request, &list);
	rs_return_recommendation(fcinfo, kind, &serving, &list, request.after != NULL);
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

/* ---- predict, preference --------------------------------------------------- */

/* Two functions of the same arguments. */
typedef enum Question
{
	ASK_SCORE,					/* predict() */
	ASK_PREFERENCE				/* preference() */
} Question;

/* The arguments but the item; false if the user's id is NULL, or the version is none. */
static bool
predictor_key(FunctionCallInfo fcinfo, RsPredictorKey *key)
{
	key->model = rs_arg(fcinfo, PREDICT_MODEL, "model");
	key->fresh = DatumGetBool(rs_arg(fcinfo, PREDICT_FRESH, "fresh"));
	key->version = PG_ARGISNULL(PREDICT_VERSION) ? RS_PREDICT_ACTIVE : PG_GETARG_INT32(PREDICT_VERSION);
	if (PG_ARGISNULL(PREDICT_USER_ID) || (!PG_ARGISNULL(PREDICT_VERSION) && key->version <= 0))
		return false;
	key->user_id = PG_GETARG_DATUM(PREDICT_USER_ID);
	key->user_type = rs_arg_id_type(fcinfo, PREDICT_USER_ID);
	rs_predictor_key(key);
	return true;
}

/* Check the arguments and rights; make a predictor unless an id is NULL. */
static RsPredictor *
make_predictor(FunctionCallInfo fcinfo, RsIdKind kind, Question question,
			   const RsPredictorKey *key)
{
	RsModel    *model = rs_arg_model(fcinfo, PREDICT_MODEL, RS_MODEL_ASK);
	RsVersion  *version;
	Datum		user_id;

	rs_check_item_kind(model, kind, question == ASK_SCORE ? "predict" : "preference");
	version = rs_arg_version(fcinfo, PREDICT_VERSION, model);
	if (PG_ARGISNULL(PREDICT_USER_ID) || PG_ARGISNULL(PREDICT_ITEM_ID))
		return NULL;
	user_id = rs_arg_id(fcinfo, PREDICT_USER_ID, model->user_kind);
	/* an id that is none is an error before anything is read */
	(void) rs_arg_id(fcinfo, PREDICT_ITEM_ID, model->item_kind);
	return rs_predictor_make(fcinfo->flinfo, key, model, version, user_id);
}

static Datum
predict(FunctionCallInfo fcinfo, RsIdKind kind, Question question)
{
	RsPredictorKey key;
	RsPredictor *predictor = NULL;
	RsServing  *serving;
	int32		position;
	float4		score;

	if (predictor_key(fcinfo, &key))
		predictor = rs_predictor_find(fcinfo->flinfo, &key);
	if (predictor == NULL)
		predictor = make_predictor(fcinfo, kind, question, &key);
	if (predictor == NULL || PG_ARGISNULL(PREDICT_ITEM_ID))
		PG_RETURN_NULL();
	serving = &predictor->serving;
	if (question == ASK_SCORE && !rs_serving_has_score(serving))
		PG_RETURN_NULL();
	position = rs_serving_find(serving, rs_arg_id(fcinfo, PREDICT_ITEM_ID,
												  predictor->model.item_kind));
	if (question == ASK_SCORE && rs_serving_predict(serving, position, &score))
		PG_RETURN_FLOAT4(score);
	if (question == ASK_PREFERENCE && position >= 0)
		PG_RETURN_FLOAT4(rs_serving_preference(serving, position));
	PG_RETURN_NULL();
}

Datum
recsys_predict(PG_FUNCTION_ARGS)
{
	return predict(fcinfo, RS_ID_BIGINT, ASK_SCORE);
}

Datum
recsys_predict_text(PG_FUNCTION_ARGS)
{
	return predict(fcinfo, RS_ID_TEXT, ASK_SCORE);
}

Datum
recsys_predict_uuid(PG_FUNCTION_ARGS)
{
	return predict(fcinfo, RS_ID_UUID, ASK_SCORE);
}

Datum
recsys_preference(PG_FUNCTION_ARGS)
{
	return predict(fcinfo, RS_ID_BIGINT, ASK_PREFERENCE);
}

Datum
recsys_preference_text(PG_FUNCTION_ARGS)
{
	return predict(fcinfo, RS_ID_TEXT, ASK_PREFERENCE);
}

Datum
recsys_preference_uuid(PG_FUNCTION_ARGS)
{
	return predict(fcinfo, RS_ID_UUID, ASK_PREFERENCE);
}

/* ---- vectors -------------------------------------------------------------- */

/* The vector as the column factors has it: x, or (x, 1) when items carry their bias. */
static RsRecvec *
published_vector(const RsKey *key)
{
	int			k = key->items.k;
	RsRecvec   *result = rs_recvec_new(k + (key->items.biases != NULL ? 1 : 0));

	memcpy(result->x, key->x, k * sizeof(float));
	if (key->items.biases != NULL)
		result->x[k] = 1;
	return result;
}

Datum
recsys_user_vector(PG_FUNCTION_ARGS)
{
	RsModel    *model;
	RsVersion  *version;
	RsAsk		ask = {0};
	RsServing	serving;

	ask.fresh = DatumGetBool(rs_arg(fcinfo, USER_VECTOR_FRESH, "fresh"));
	model = rs_arg_model(fcinfo, USER_VECTOR_MODEL, RS_MODEL_USE);
	version = rs_arg_version(fcinfo, USER_VECTOR_VERSION, model);
	if (PG_ARGISNULL(USER_VECTOR_USER_ID))
		PG_RETURN_NULL();
	ask.user_id = rs_arg_id(fcinfo, USER_VECTOR_USER_ID, model->user_kind);
	rs_serving_open(&serving, model, version, &ask);
	if (!rs_serving_has_score(&serving))
		PG_RETURN_NULL();
	PG_RETURN_RECVEC_P(published_vector(&serving.scoring));
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
		row.parts[RS_PART_RATING] == NULL)
		PG_RETURN_NULL();
	PG_RETURN_RECVEC_P(row.parts[RS_PART_RATING]);
}
