/*-------------------------------------------------------------------------
 *
 * api_cache.c
 *		SQL functions about item images: prewarm, and the rows behind the view
 *		recsys.cache_status.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "api/arguments.h"
#include "api/rows.h"
#include "compat.h"
#include "serve/image_block.h"
#include "serve/image_cache.h"

RS_FUNCTION(recsys_prewarm);
RS_FUNCTION(recsys_cache_images);

/* prewarm(model text, version int): bytes, seconds */
Datum
recsys_prewarm(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo;
	RsModel    *model = rs_arg_model(fcinfo, 0, RS_MODEL_ASK);
	RsVersion  *version = rs_arg_version(fcinfo, 1, model);
	instr_time	start;
	instr_time	took;
	Datum		values[2];
	bool		nulls[2] = {false};

	rsinfo = rs_rows_begin(fcinfo, lengthof(values));
	INSTR_TIME_SET_CURRENT(start);
	values[0] = Int64GetDatum((int64) rs_image_block_size(rs_image_open(model, version)));
	INSTR_TIME_SET_CURRENT(took);
	INSTR_TIME_SUBTRACT(took, start);
	values[1] = Float8GetDatum(INSTR_TIME_GET_DOUBLE(took));
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	return (Datum) 0;
}

/* May the current user know of the images of this item factor table? */
static bool
may_see(Oid table)
{
	Oid			view = rs_item_factors_view(table);
	bool		is_missing = false;

	return OidIsValid(view) &&
		pg_class_aclcheck_ext(view, GetUserId(), ACL_SELECT | ACL_REFERENCES,
							  &is_missing) == ACLCHECK_OK && !is_missing;
}

/*
 * cache_images(): factor_table, version, shared, bytes, complete, since, seconds,
 * sessions, uses, used_at
 */
Datum
recsys_cache_images(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo;
	RsImageStatus *list;
	int			n = rs_image_list(&list);
	Datum		values[10];

	rsinfo = rs_rows_begin(fcinfo, lengthof(values));
	for (int i = 0; i < n; i++)
	{
		const RsSharedImageStatus *status = &list[i].status;
		bool		nulls[10] = {false};

		if (!may_see(status->key.table))
			continue;
		values[0] = ObjectIdGetDatum(status->key.table);
		values[1] = Int32GetDatum(status->key.version);
		values[2] = BoolGetDatum(list[i].shared);
		values[3] = Int64GetDatum((int64) status->bytes);
		values[4] = BoolGetDatum(status->complete);
		values[5] = TimestampTzGetDatum(status->made_at);
		values[6] = Float8GetDatum(status->make_seconds);
		values[7] = Int32GetDatum(status->sessions);
		values[8] = Int64GetDatum((int64) status->uses);
		values[9] = TimestampTzGetDatum(status->used_at);
		nulls[5] = nulls[6] = nulls[8] = nulls[9] = !list[i].shared;
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}
