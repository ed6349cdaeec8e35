/*-------------------------------------------------------------------------
 *
 * list.c
 *		Lists of items as rows.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "api/list.h"
#include "api/rows.h"
#include "compat.h"

/* Columns of every list, */
enum
{
	LIST_RANK,
	LIST_ITEM_ID,
	LIST_SCORE,
	LIST_NATTS
};

/* and of a recommendation. */
enum
{
	RECOMMENDATION_RANK,
	RECOMMENDATION_ITEM_ID,
	RECOMMENDATION_PREFERENCE,
	RECOMMENDATION_SCORE,
	RECOMMENDATION_SOURCE,
	RECOMMENDATION_NEXT,
	RECOMMENDATION_NATTS
};

/* A result under way. */
typedef struct Rows
{
	ReturnSetInfo *rsinfo;
	RsIdKind	kind;			/* of the ids that are shown */
	const RsIdList *ids;
	MemoryContext row_context;
	MemoryContext caller;
} Rows;

static void
begin_rows(Rows *rows, FunctionCallInfo fcinfo, RsIdKind kind, const RsIdList *ids, int natts)
{
	rows->rsinfo = rs_rows_begin(fcinfo, natts);
	rs_rows_check_type(rows->rsinfo->setDesc, LIST_ITEM_ID, rs_id_type(kind));
	rows->kind = kind;
	rows->ids = ids;
	rows->row_context = AllocSetContextCreate(CurrentMemoryContext, "recsys result row",
											  ALLOCSET_SMALL_SIZES);
	rows->caller = CurrentMemoryContext;
}

/*
 * Fill in an item with its rank and hand out the row, whose other columns are filled, be
 * it in its memory, which is freed.
 */
static void
put_row(Rows *rows, int32 rank, int32 position, Datum *values, bool *nulls)
{
	Datum		id;

	CHECK_FOR_INTERRUPTS();
	MemoryContextSwitchTo(rows->row_context);
	id = rs_idlist_get(rows->ids, position);
	values[LIST_RANK] = Int32GetDatum(rank);
	values[LIST_ITEM_ID] = rs_id_convert(id, rows->ids->kind, rows->kind);
	tuplestore_putvalues(rows->rsinfo->setResult, rows->rsinfo->setDesc, values, nulls);
	MemoryContextSwitchTo(rows->caller);
	MemoryContextReset(rows->row_context);
}

/* What predict() gives for an item of the list. */
static float4
score_of(const RsServing *serving, const RsRecommendation *list, int32 i)
{
	int32		position = list->entries[i].position;

	if (rs_serving_ranks_by_score(serving))
		return list->entries[i].score;
	return list->scores != NULL ? list->scores[position] : rs_serving_score(serving, position);
}

void
rs_return_recommendation(FunctionCallInfo fcinfo, RsIdKind kind, const RsServing *serving,
						 const RsRecommendation *list, bool in_pages)
{
	bool		scored = rs_serving_has_score(serving);
	Datum		values[RECOMMENDATION_NATTS] = {0};
	bool		nulls[RECOMMENDATION_NATTS] = {
		[RECOMMENDATION_SCORE] = !scored,
		[RECOMMENDATION_NEXT] = !in_pages
	};
	Rows		rows;

	begin_rows(&rows, fcinfo, kind, list->ids, RECOMMENDATION_NATTS);
	values[RECOMMENDATION_SOURCE] =
		CStringGetTextDatum(rs_origin_name(serving->origin));
	for (int32 i = 0; i < list->n; i++)
	{
		int32		position = list->entries[i].position;
		int32		rank = list->page.rank + i + 1;

		values[RECOMMENDATION_PREFERENCE] = Float4GetDatum(list->entries[i].score);
		if (scored)
			values[RECOMMENDATION_SCORE] = Float4GetDatum(score_of(serving, list, i));
		MemoryContextSwitchTo(rows.row_context);
		if (in_pages)
			values[RECOMMENDATION_NEXT] =
				CStringGetTextDatum(rs_page_token(serving, &list->page, rank, list->ids,
												  position));
		put_row(&rows, rank, position, values, nulls);
	}
	MemoryContextDelete(rows.row_context);
}

void
rs_return_list(FunctionCallInfo fcinfo, RsIdKind kind, const RsRecommendation *list)
{
	Datum		values[LIST_NATTS] = {0};
	bool		nulls[LIST_NATTS] = {0};
	Rows		rows;

	begin_rows(&rows, fcinfo, kind, list->ids, LIST_NATTS);
	for (int32 i = 0; i < list->n; i++)
	{
		values[LIST_SCORE] = Float4GetDatum(list->entries[i].score);
		put_row(&rows, i + 1, list->entries[i].position, values, nulls);
	}
	MemoryContextDelete(rows.row_context);
}
