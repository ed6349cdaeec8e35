/*-------------------------------------------------------------------------
 *
 * list.c
 *		Lists of items as rows.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "api/list.h"
#include "compat.h"

/* Columns of a list. */
enum
{
	RESULT_RANK,
	RESULT_ITEM_ID,
	RESULT_SCORE,
	RESULT_SOURCE,				/* not of all lists */
	RESULT_NATTS
};

void
rs_return_list(FunctionCallInfo fcinfo, RsIdKind kind, const RsImage *image,
			   const RsScored *entries, int32 n, const RsOrigin *origin)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext row_context = AllocSetContextCreate(CurrentMemoryContext,
													  "recsys result row",
													  ALLOCSET_SMALL_SIZES);
	MemoryContext caller = CurrentMemoryContext;
	Datum		values[RESULT_NATTS];
	bool		nulls[RESULT_NATTS] = {0};

	InitMaterializedSRF(fcinfo, 0);
	if (rsinfo->setDesc->natts != (origin != NULL ? RESULT_NATTS : RESULT_SOURCE) ||
		TupleDescAttr(rsinfo->setDesc, RESULT_ITEM_ID)->atttypid != rs_id_type(kind))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("function is declared with another result than it returns")));
	if (origin != NULL)
		values[RESULT_SOURCE] = CStringGetTextDatum(rs_origin_name(*origin));
	for (int32 i = 0; i < n; i++)
	{
		Datum		id;

		CHECK_FOR_INTERRUPTS();
		MemoryContextSwitchTo(row_context);
		id = rs_idlist_get(&image->ids, entries[i].position);
		values[RESULT_RANK] = Int32GetDatum(i + 1);
		values[RESULT_ITEM_ID] = rs_id_convert(id, image->ids.kind, kind);
		values[RESULT_SCORE] = Float4GetDatum(entries[i].score);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
		MemoryContextSwitchTo(caller);
		MemoryContextReset(row_context);
	}
	MemoryContextDelete(row_context);
}
