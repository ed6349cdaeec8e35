/*-------------------------------------------------------------------------
 *
 * api_batch.c
 *		recommend_all, recommend_users, similar_users.
 *
 * One C function for each SQL name, as in api_serve.c.  All of them show ids of users,
 * and what these like, so the caller must have the right to read the view.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "api/arguments.h"
#include "api/rows.h"
#include "batch/best_users.h"
#include "batch/everybody.h"
#include "compat.h"
#include "serve/user_vector.h"
#include "train/tick.h"

/* Arguments of recommend_all(), in order. */
enum
{
	ALL_MODEL,
	ALL_K,
	ALL_EXCLUDE_SEEN,
	ALL_VERSION
};

/* Arguments of recommend_users(). */
enum
{
	USERS_MODEL,
	USERS_ITEM_ID,
	USERS_K,
	USERS_EXCLUDE_SEEN,
	USERS_VERSION
};

/* Arguments of similar_users(). */
enum
{
	SIMILAR_MODEL,
	SIMILAR_USER_ID,
	SIMILAR_K,
	SIMILAR_VERSION
};

/* Columns of the result of recommend_all(). */
enum
{
	LISTED_USER_ID,
	LISTED_RANK,
	LISTED_ITEM_ID,
	LISTED_PREFERENCE,
	LISTED_SCORE,
	LISTED_SOURCE,
	LISTED_NATTS
};

/* Columns of the results of the other two, */
enum
{
	BEST_RANK,
	BEST_USER_ID,
	BEST_KEY,					/* preference, or likeness */
	BEST_NATTS
};

/* and of recommend_users() besides. */
enum
{
	BEST_SCORE = BEST_NATTS,
	BEST_OF_ITEM_NATTS
};

RS_FUNCTION(recsys_recommend_all);
RS_FUNCTION(recsys_recommend_all_text);
RS_FUNCTION(recsys_recommend_all_uuid);
RS_FUNCTION(recsys_recommend_users);
RS_FUNCTION(recsys_similar_users);

/* Begin a result of so many columns, one of which is of this type. */
static ReturnSetInfo *
begin_result(FunctionCallInfo fcinfo, int natts, int column, Oid type)
{
	ReturnSetInfo *rsinfo = rs_rows_begin(fcinfo, natts);

	rs_rows_check_type(rsinfo->setDesc, column, type);
	return rsinfo;
}

/* ---- recommend_all ---------------------------------------------------------- */

typedef struct Lists
{
	ReturnSetInfo *rsinfo;
	RsIdKind	kind;			/* of the items' ids that are shown */
	MemoryContext context;		/* reset for each user */
	Datum		folded;			/* names of origins */
	Datum		popular;
} Lists;

/* The list of user i of a part; false when it is time to stop. */
static bool
put_list(const Lists *lists, const RsEverybody *everybody, const RsCrowdPart *part, int32 i)
{
	const RsScored *entries = part->listed + (Size) i * part->top;
	const RsIdList *items = &everybody->image->ids;
	Datum		id = rs_idlist_get(&everybody->users, part->first + i);
	Datum		values[LISTED_NATTS] = {0};
	bool		nulls[LISTED_NATTS] = {[LISTED_SCORE] = !part->has_vector[i]};

	values[LISTED_USER_ID] = rs_id_convert(id, everybody->users.kind, RS_ID_TEXT);
	values[LISTED_SOURCE] = part->is_popular[i] ? lists->popular : lists->folded;
	for (int32 j = 0; j < part->n_listed[i]; j++)
	{
		int32		position = entries[j].position;
		float4		preference;

		if (j % 1024 == 0 && rs_tick_looks())
			return false;
		id = rs_idlist_get(items, position);
		values[LISTED_RANK] = Int32GetDatum(j + 1);
		values[LISTED_ITEM_ID] = rs_id_convert(id, items->kind, lists->kind);
		preference = part->is_popular[i] ? (float4) everybody->image->users[position] :
			entries[j].score;
		values[LISTED_PREFERENCE] = Float4GetDatum(preference);
		if (rs_everybody_ranks_by_score(everybody) && !part->is_popular[i])
			values[LISTED_SCORE] = values[LISTED_PREFERENCE];
		else if (part->has_vector[i])
			values[LISTED_SCORE] = Float4GetDatum(rs_everybody_score(everybody, part, i, position));
		tuplestore_putvalues(lists->rsinfo->setResult, lists->rsinfo->setDesc, values, nulls);
	}
	return true;
}

static void
put_lists(void *arg, const RsEverybody *everybody, const RsCrowdPart *part)
{
	const Lists *lists = (const Lists *) arg;
	MemoryContext caller = MemoryContextSwitchTo(lists->context);

	for (int32 i = 0; i < part->n; i++)
	{
		if (!put_list(lists, everybody, part, i))
			break;
		MemoryContextReset(lists->context);
	}
	MemoryContextSwitchTo(caller);
}

static Datum
recommend_all(FunctionCallInfo fcinfo, RsIdKind kind)
{
	RsEverybodyQuestion question = {.scored = true,.take = put_lists};
	RsModel    *model;
	RsVersion  *version;
	Lists		lists;

	question.top = rs_arg_k(fcinfo, ALL_K);
	question.exclude_seen = DatumGetBool(rs_arg(fcinfo, ALL_EXCLUDE_SEEN, "exclude_seen"));
	model = rs_arg_model(fcinfo, ALL_MODEL, RS_MODEL_USE);
	rs_check_item_kind(model, kind, "recommend_all");
	version = rs_arg_version(fcinfo, ALL_VERSION, model);
	question.catalog = rs_item_catalog_open(model);

	lists.rsinfo = begin_result(fcinfo, LISTED_NATTS, LISTED_ITEM_ID, rs_id_type(kind));
	lists.kind = kind;
	lists.context = AllocSetContextCreate(CurrentMemoryContext, "recsys result rows",
										  ALLOCSET_DEFAULT_SIZES);
	lists.folded = CStringGetTextDatum(rs_origin_name(RS_FROM_FOLDED));
	lists.popular = CStringGetTextDatum(rs_origin_name(RS_FROM_POPULAR));
	question.arg = &lists;
	if (question.top > 0)
		rs_everybody_ask(model, version, &question);
	MemoryContextDelete(lists.context);
	return (Datum) 0;
}

Datum
recsys_recommend_all(PG_FUNCTION_ARGS)
{
	return recommend_all(fcinfo, RS_ID_BIGINT);
}

Datum
recsys_recommend_all_text(PG_FUNCTION_ARGS)
{
	return recommend_all(fcinfo, RS_ID_TEXT);
}

Datum
recsys_recommend_all_uuid(PG_FUNCTION_ARGS)
{
	return recommend_all(fcinfo, RS_ID_UUID);
}

/* ---- recommend_users, similar_users ------------------------------------------- */

static void
return_users(FunctionCallInfo fcinfo, const RsBestUser *users, int32 n, int natts)
{
	ReturnSetInfo *rsinfo = begin_result(fcinfo, natts, BEST_USER_ID, TEXTOID);
	Datum		values[BEST_OF_ITEM_NATTS];
	bool		nulls[BEST_OF_ITEM_NATTS] = {0};

	for (int32 i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		values[BEST_RANK] = Int32GetDatum(i + 1);
		values[BEST_USER_ID] = users[i].user_id;
		values[BEST_KEY] = Float4GetDatum(users[i].key);
		values[BEST_SCORE] = Float4GetDatum(users[i].score);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
}

Datum
recsys_recommend_users(PG_FUNCTION_ARGS)
{
	int32		k = rs_arg_k(fcinfo, USERS_K);
	bool		exclude_seen = DatumGetBool(rs_arg(fcinfo, USERS_EXCLUDE_SEEN, "exclude_seen"));
	RsModel    *model = rs_arg_model(fcinfo, USERS_MODEL, RS_MODEL_USE);
	RsVersion  *version = rs_arg_version(fcinfo, USERS_VERSION, model);
	RsBestUser *users = NULL;
	int32		n = 0;

	if (!PG_ARGISNULL(USERS_ITEM_ID) && k > 0)
		n = rs_best_users_of_item(model, version,
								  rs_arg_id(fcinfo, USERS_ITEM_ID, model->item_kind),
								  k, exclude_seen, &users);
	return_users(fcinfo, users, n, BEST_OF_ITEM_NATTS);
	return (Datum) 0;
}

Datum
recsys_similar_users(PG_FUNCTION_ARGS)
{
	int32		k = rs_arg_k(fcinfo, SIMILAR_K);
	RsModel    *model = rs_arg_model(fcinfo, SIMILAR_MODEL, RS_MODEL_USE);
	RsVersion  *version = rs_arg_version(fcinfo, SIMILAR_VERSION, model);
	RsBestUser *users = NULL;
	int32		n = 0;

	if (!PG_ARGISNULL(SIMILAR_USER_ID) && k > 0)
		n = rs_best_users_like(model, version,
							   rs_arg_id(fcinfo, SIMILAR_USER_ID, model->user_kind),
							   k, &users);
	return_users(fcinfo, users, n, BEST_NATTS);
	return (Datum) 0;
}
