/*-------------------------------------------------------------------------
 *
 * api_questions.c
 *		recommend_for_items, similar_items, popular, explain.
 *
 * One C function for each SQL name, as in api_serve.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "api/arguments.h"
#include "api/list.h"
#include "api/rows.h"
#include "compat.h"
#include "serve/explain.h"
#include "serve/given_items.h"
#include "serve/recommend.h"
#include "serve/similar.h"
#include "serve/trending.h"

/* Arguments of recommend_for_items(), in order. */
enum
{
	FOR_ITEMS_MODEL,
	FOR_ITEMS_ITEMS,
	FOR_ITEMS_WEIGHTS,
	FOR_ITEMS_K,
	FOR_ITEMS_EXCLUDE_GIVEN,
	FOR_ITEMS_CANDIDATES,
	FOR_ITEMS_EXCLUDE,
	FOR_ITEMS_VERSION,
	FOR_ITEMS_AFTER
};

/* Arguments of similar_items(). */
enum
{
	SIMILAR_MODEL,
	SIMILAR_ITEM_ID,
	SIMILAR_K,
	SIMILAR_CANDIDATES,
	SIMILAR_EXCLUDE,
	SIMILAR_VERSION
};

/* Arguments of popular(). */
enum
{
	POPULAR_MODEL,
	POPULAR_K,
	POPULAR_CANDIDATES,
	POPULAR_EXCLUDE,
	POPULAR_VERSION,
	POPULAR_SINCE,
	POPULAR_HALF_LIFE
};

/* Arguments of explain(). */
enum
{
	EXPLAIN_MODEL,
	EXPLAIN_USER_ID,
	EXPLAIN_ITEM_ID,
	EXPLAIN_K,
	EXPLAIN_VERSION
};

/* Columns of the result of explain(). */
enum
{
	PART_ITEM_ID,
	PART_RATING,
	PART_CONTRIBUTION,
	PART_NAME,
	PART_NATTS
};

RS_FUNCTION(recsys_recommend_for_items);
RS_FUNCTION(recsys_recommend_for_items_text);
RS_FUNCTION(recsys_recommend_for_items_uuid);
RS_FUNCTION(recsys_similar_items);
RS_FUNCTION(recsys_similar_items_text);
RS_FUNCTION(recsys_similar_items_uuid);
RS_FUNCTION(recsys_popular);
RS_FUNCTION(recsys_popular_text);
RS_FUNCTION(recsys_popular_uuid);
RS_FUNCTION(recsys_explain);
RS_FUNCTION(recsys_explain_text);
RS_FUNCTION(recsys_explain_uuid);

/* ---- recommend_for_items --------------------------------------------------- */

static ArrayType *
array_arg(FunctionCallInfo fcinfo, int n, Oid element)
{
	ArrayType  *array;

	if (PG_ARGISNULL(n))
		return construct_empty_array(element);
	array = PG_GETARG_ARRAYTYPE_P(n);
	if (ARR_ELEMTYPE(array) != element)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("array must be of type %s[]", format_type_be(element))));
	return array;
}

static int32
element_count(ArrayType *array)
{
	return ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
}

/* A weight; NaN stands for NULL. */
static float
checked_weight(Datum value, bool isnull)
{
	float		weight;

	if (isnull)
		return NAN;
	weight = DatumGetFloat4(value);
	if (!isfinite(weight))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("weight %s is not a finite number",
						DatumGetCString(DirectFunctionCall1(float4out, value)))));
	return weight;
}

/* The items and their weights; an item that is NULL is left out, with its weight. */
static void
given_items_arg(FunctionCallInfo fcinfo, RsIdKind given_kind, RsIdKind kind, RsGivenItems *given)
{
	ArrayType  *items = array_arg(fcinfo, FOR_ITEMS_ITEMS, rs_id_type(given_kind));
	ArrayType  *weights = array_arg(fcinfo, FOR_ITEMS_WEIGHTS, FLOAT4OID);
	bool		weighted = !PG_ARGISNULL(FOR_ITEMS_WEIGHTS);
	int32		n = element_count(items);
	ArrayIterator item = array_create_iterator(items, 0, NULL);
	ArrayIterator weight = array_create_iterator(weights, 0, NULL);
	Datum		id;
	bool		isnull;

	if (weighted && element_count(weights) != n)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there must be as many weights as items, %d, not %d",
						n, element_count(weights)),
				 errhint("Give one weight for each item, or none at all.")));
	memset(given, 0, sizeof(RsGivenItems));
	given->items.ids = palloc_extended(mul_size(sizeof(Datum), Max(n, 1)), MCXT_ALLOC_HUGE);
	if (weighted)
		given->weights = palloc_extended(mul_size(sizeof(float), Max(n, 1)), MCXT_ALLOC_HUGE);
	while (array_iterate(item, &id, &isnull))
	{
		int32		i = given->items.n;
		Datum		value;
		bool		no_weight;

		CHECK_FOR_INTERRUPTS();
		if (weighted && array_iterate(weight, &value, &no_weight))
			given->weights[i] = checked_weight(value, no_weight);
		if (isnull)
			continue;
		given->items.ids[i] = rs_id_convert(id, given_kind, kind);
		given->items.n++;
	}
	array_free_iterator(item);
	array_free_iterator(weight);
}

static Datum
recommend_for_items(FunctionCallInfo fcinfo, RsIdKind kind)
{
	RsModel    *model;
	RsVersion  *version;
	RsGivenItems given;
	RsRequest	request = {0};
	RsServing	serving;
	RsRecommendation list;

	(void) rs_arg(fcinfo, FOR_ITEMS_MODEL, "model");
	(void) rs_arg(fcinfo, FOR_ITEMS_EXCLUDE_GIVEN, "exclude_given");
	request.k = rs_arg_k(fcinfo, FOR_ITEMS_K);
	request.exclude_seen = PG_GETARG_BOOL(FOR_ITEMS_EXCLUDE_GIVEN);

	model = rs_arg_model(fcinfo, FOR_ITEMS_MODEL, RS_MODEL_ASK);
	rs_check_item_kind(model, kind, "recommend_for_items");
	version = rs_arg_version(fcinfo, FOR_ITEMS_VERSION, model);
	given_items_arg(fcinfo, kind, model->item_kind, &given);
	request.catalog = rs_item_catalog_open(model);
	request.candidates = rs_arg_items(fcinfo, FOR_ITEMS_CANDIDATES, kind, model->item_kind);
	request.exclude = rs_arg_items(fcinfo, FOR_ITEMS_EXCLUDE, kind, model->item_kind);

	if (!PG_ARGISNULL(FOR_ITEMS_AFTER))
		request.after = rs_arg_text(fcinfo, FOR_ITEMS_AFTER, "after");

	rs_serving_open_given(&serving, model, version, &given);
	rs_recommend(&serving, &request, &list);
	rs_return_recommendation(fcinfo, kind, &serving, &list, request.after != NULL);
	return (Datum) 0;
}

Datum
recsys_recommend_for_items(PG_FUNCTION_ARGS)
{
	return recommend_for_items(fcinfo, RS_ID_BIGINT);
}

Datum
recsys_recommend_for_items_text(PG_FUNCTION_ARGS)
{
	return recommend_for_items(fcinfo, RS_ID_TEXT);
}

Datum
recsys_recommend_for_items_uuid(PG_FUNCTION_ARGS)
{
	return recommend_for_items(fcinfo, RS_ID_UUID);
}

/* ---- similar_items ---------------------------------------------------------- */

static Datum
similar_items(FunctionCallInfo fcinfo, RsIdKind kind)
{
	RsModel    *model;
	RsVersion  *version;
	RsRequest	request = {0};
	RsServing	serving;
	RsRecommendation list = {0};
	int32		position = -1;

	request.k = rs_arg_k(fcinfo, SIMILAR_K);
	model = rs_arg_model(fcinfo, SIMILAR_MODEL, RS_MODEL_ASK);
	rs_check_item_kind(model, kind, "similar_items");
	version = rs_arg_version(fcinfo, SIMILAR_VERSION, model);
	request.catalog = rs_item_catalog_open(model);
	request.candidates = rs_arg_items(fcinfo, SIMILAR_CANDIDATES, kind, model->item_kind);
	request.exclude = rs_arg_items(fcinfo, SIMILAR_EXCLUDE, kind, model->item_kind);

	rs_serving_open_nobody(&serving, model, version);
	if (!PG_ARGISNULL(SIMILAR_ITEM_ID))
		position = rs_serving_find(&serving, rs_arg_id(fcinfo, SIMILAR_ITEM_ID, model->item_kind));
	list.ids = &serving.image->ids;
	/* the algorithm popular has no factors */
	if (position >= 0 && serving.image->n_parts > 0)
		rs_similar_items(&serving, position, &request, &list);
	rs_return_list(fcinfo, kind, &list);
	return (Datum) 0;
}

Datum
recsys_similar_items(PG_FUNCTION_ARGS)
{
	return similar_items(fcinfo, RS_ID_BIGINT);
}

Datum
recsys_similar_items_text(PG_FUNCTION_ARGS)
{
	return similar_items(fcinfo, RS_ID_TEXT);
}

Datum
recsys_similar_items_uuid(PG_FUNCTION_ARGS)
{
	return similar_items(fcinfo, RS_ID_UUID);
}

/* ---- popular ---------------------------------------------------------------- */

/* An interval, which may be NULL. */
static const Interval *
interval_arg(FunctionCallInfo fcinfo, int n)
{
	return PG_ARGISNULL(n) ? NULL : PG_GETARG_INTERVAL_P(n);
}

/* By the rows of now. */
static void
popular_lately(FunctionCallInfo fcinfo, RsIdKind kind, const RsModel *model,
			   const RsVersion *version, const RsRequest *request)
{
	RsLikesWindow window = rs_likes_window(model, interval_arg(fcinfo, POPULAR_SINCE),
										   interval_arg(fcinfo, POPULAR_HALF_LIFE));
	RsRecommendation list;

	rs_trending(model, version, &window, request, &list);
	rs_return_list(fcinfo, kind, &list);
}

/* By the training: what recommend() answers a user who has no vector and has seen nothing. */
static void
popular_ever(FunctionCallInfo fcinfo, RsIdKind kind, const RsModel *model,
			 const RsVersion *version, const RsRequest *request)
{
	RsServing	serving;
	RsRecommendation list;

	rs_serving_open_nobody(&serving, model, version);
	rs_recommend(&serving, request, &list);
	rs_return_list(fcinfo, kind, &list);
}

static Datum
popular(FunctionCallInfo fcinfo, RsIdKind kind)
{
	RsModel    *model;
	RsVersion  *version;
	RsRequest	request = {0};

	request.k = rs_arg_k(fcinfo, POPULAR_K);
	model = rs_arg_model(fcinfo, POPULAR_MODEL, RS_MODEL_ASK);
	rs_check_item_kind(model, kind, "popular");
	version = rs_arg_version(fcinfo, POPULAR_VERSION, model);
	request.catalog = rs_item_catalog_open(model);
	request.candidates = rs_arg_items(fcinfo, POPULAR_CANDIDATES, kind, model->item_kind);
	request.exclude = rs_arg_items(fcinfo, POPULAR_EXCLUDE, kind, model->item_kind);

	if (PG_ARGISNULL(POPULAR_SINCE) && PG_ARGISNULL(POPULAR_HALF_LIFE))
		popular_ever(fcinfo, kind, model, version, &request);
	else
		popular_lately(fcinfo, kind, model, version, &request);
	return (Datum) 0;
}

Datum
recsys_popular(PG_FUNCTION_ARGS)
{
	return popular(fcinfo, RS_ID_BIGINT);
}

Datum
recsys_popular_text(PG_FUNCTION_ARGS)
{
	return popular(fcinfo, RS_ID_TEXT);
}

Datum
recsys_popular_uuid(PG_FUNCTION_ARGS)
{
	return popular(fcinfo, RS_ID_UUID);
}

/* ---- explain ------------------------------------------------------------------ */

/* A row that is not of an item. */
static void
put_part(ReturnSetInfo *rsinfo, const char *name, double contribution)
{
	Datum		values[PART_NATTS] = {0};
	bool		nulls[PART_NATTS] = {[PART_ITEM_ID] = true,[PART_RATING] = true};

	values[PART_CONTRIBUTION] = Float8GetDatum(contribution);
	values[PART_NAME] = CStringGetTextDatum(name);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

static void
put_items(ReturnSetInfo *rsinfo, RsIdKind kind, const RsImage *image,
		  const RsExplanation *explanation)
{
	MemoryContext row_context = AllocSetContextCreate(CurrentMemoryContext,
													  "recsys result row",
													  ALLOCSET_SMALL_SIZES);
	MemoryContext caller = CurrentMemoryContext;
	Datum		values[PART_NATTS];
	bool		nulls[PART_NATTS] = {0};

	values[PART_NAME] = CStringGetTextDatum("item");
	for (int32 i = 0; i < explanation->n; i++)
	{
		const RsItemPart *item = &explanation->items[i];

		CHECK_FOR_INTERRUPTS();
		MemoryContextSwitchTo(row_context);
		values[PART_ITEM_ID] = rs_id_convert(rs_idlist_get(&image->ids, item->position),
											 image->ids.kind, kind);
		values[PART_RATING] = Float4GetDatum(item->rating);
		values[PART_CONTRIBUTION] = Float8GetDatum(item->contribution);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
		MemoryContextSwitchTo(caller);
		MemoryContextReset(row_context);
	}
	MemoryContextDelete(row_context);
}

static void
return_explanation(FunctionCallInfo fcinfo, RsIdKind kind, const RsServing *serving,
				   const RsExplanation *explanation)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;

	rs_rows_check_type(rsinfo->setDesc, PART_ITEM_ID, rs_id_type(kind));
	put_items(rsinfo, kind, serving->image, explanation);
	if (explanation->n_others > 0)
		put_part(rsinfo, "other items", explanation->others);
	if (serving->version->feedback == RS_EXPLICIT)
		put_part(rsinfo, "mean", explanation->mean);
	if (serving->scoring.items.biases != NULL)
	{
		put_part(rsinfo, "user bias", explanation->user_bias);
		put_part(rsinfo, "item bias", explanation->item_bias);
	}
}

static Datum
explain(FunctionCallInfo fcinfo, RsIdKind kind)
{
	RsModel    *model;
	RsVersion  *version;
	RsAsk		ask = {.fresh = true};
	RsServing	serving;
	RsExplanation explanation;
	Datum		item_id;
	int32		k = rs_arg_k(fcinfo, EXPLAIN_K);
	int32		position;

	/* The rows of the user are shown, so the caller must have the right to read them. */
	model = rs_arg_model(fcinfo, EXPLAIN_MODEL, RS_MODEL_USE);
	rs_check_item_kind(model, kind, "explain");
	version = rs_arg_version(fcinfo, EXPLAIN_VERSION, model);
	(void) rs_rows_begin(fcinfo, PART_NATTS);
	if (PG_ARGISNULL(EXPLAIN_USER_ID) || PG_ARGISNULL(EXPLAIN_ITEM_ID))
		return (Datum) 0;
	item_id = rs_arg_id(fcinfo, EXPLAIN_ITEM_ID, model->item_kind);

	ask.user_id = rs_arg_id(fcinfo, EXPLAIN_USER_ID, model->user_kind);
	ask.item = &item_id;
	rs_serving_open(&serving, model, version, &ask);
	position = rs_serving_find(&serving, item_id);
	if (rs_explain(&serving, position, k, &explanation))
		return_explanation(fcinfo, kind, &serving, &explanation);
	return (Datum) 0;
}

Datum
recsys_explain(PG_FUNCTION_ARGS)
{
	return explain(fcinfo, RS_ID_BIGINT);
}

Datum
recsys_explain_text(PG_FUNCTION_ARGS)
{
	return explain(fcinfo, RS_ID_TEXT);
}

Datum
recsys_explain_uuid(PG_FUNCTION_ARGS)
{
	return explain(fcinfo, RS_ID_UUID);
}
