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

/* Bytes of the image of a version, which is kept from now on if it can be. */
static Size
keep_image(const RsModel *model, const RsVersion *version)
{
	const RsImage *image = rs_image_open_kept(model, version);

	if (!image->partial)
		return rs_image_block_size(image);
	ereport(WARNING,
			(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
			 errmsg("the item vectors of version %d of model \"%s\" cannot be kept in memory",
					version->version, model->name),
			 errdetail("They need %zu kB, for which neither \"recsys.cache_size\" and the shared memory of the system nor \"recsys.local_cache_size\" have room. Each question reads the rows that it needs.",
					   image->whole_bytes / 1024 + 1),
			 errhint("Raise recsys.cache_size.")));
	return image->whole_bytes;
}

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
	values[0] = Int64GetDatum((int64) keep_image(model, version));
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

/* Columns of cache_images(). */
enum
{
	IMAGE_TABLE,
	IMAGE_VERSION,
	IMAGE_KEPT,
	IMAGE_SHARED,
	IMAGE_BYTES,
	IMAGE_NEEDED,
	IMAGE_COMPLETE,
	IMAGE_SINCE,
	IMAGE_SECONDS,
	IMAGE_SESSIONS,
	IMAGE_USES,
	IMAGE_USED_AT,
	IMAGE_NATTS
};

static void
put_image(ReturnSetInfo *rsinfo, const RsImageStatus *image)
{
	const RsSharedImageStatus *status = &image->status;
	bool		kept = !status->key.summary;
	Datum		values[IMAGE_NATTS];
	bool		nulls[IMAGE_NATTS] = {0};

	values[IMAGE_TABLE] = ObjectIdGetDatum(status->key.table);
	values[IMAGE_VERSION] = Int32GetDatum(status->key.version);
	values[IMAGE_KEPT] = BoolGetDatum(kept);
	values[IMAGE_SHARED] = BoolGetDatum(image->shared);
	values[IMAGE_BYTES] = Int64GetDatum((int64) status->bytes);
	values[IMAGE_NEEDED] = Int64GetDatum((int64) (kept ? status->bytes : status->whole_bytes));
	nulls[IMAGE_NEEDED] = !status->complete;
	values[IMAGE_COMPLETE] = BoolGetDatum(status->complete);
	values[IMAGE_SINCE] = TimestampTzGetDatum(status->made_at);
	values[IMAGE_SECONDS] = Float8GetDatum(status->make_seconds);
	values[IMAGE_SESSIONS] = Int32GetDatum(status->sessions);
	values[IMAGE_USES] = Int64GetDatum((int64) status->uses);
	values[IMAGE_USED_AT] = TimestampTzGetDatum(status->used_at);
	nulls[IMAGE_SINCE] = nulls[IMAGE_SECONDS] = !image->shared;
	nulls[IMAGE_USES] = nulls[IMAGE_USED_AT] = !image->shared;
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/* cache_images(): one row for each image or summary */
Datum
recsys_cache_images(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = rs_rows_begin(fcinfo, IMAGE_NATTS);
	RsImageStatus *list;
	int			n = rs_image_list(&list);

	for (int i = 0; i < n; i++)
	{
		if (may_see(list[i].status.key.table))
			put_image(rsinfo, &list[i]);
	}
	return (Datum) 0;
}
