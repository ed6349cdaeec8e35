/*-------------------------------------------------------------------------
 *
 * predictor.c
 *		The vector of one user, kept between calls of predict() and preference() for
 *		many items.
 *
 * A call site's memory outlives a statement: a loop in PL/pgSQL evaluates one
 * expression under many snapshots.  So what is kept is used again only for the
 * same arguments and role, and a snapshot that shows the same rows: the same
 * transactions in progress, and the same command of the same subtransaction.
 *
 * The rows of a user depend on nothing else where the model's view is a plain
 * list of columns (visible.h).  Any other view may hold functions or row
 * policies, which may look at settings or a clock; then nothing is kept.
 *
 * Memory: a context below the call site's, which pins the image; a callback of
 * the context lets go of it, whatever ends the statement.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "storage/proc.h"
#include "utils/datum.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/uuid.h"

#include "compat.h"
#include "serve/predictor.h"
#include "store/visible.h"

void
rs_predictor_key(RsPredictorKey *key)
{
	key->snapshot = rs_snapshot_key();
	key->role = GetUserId();
}

/* Are two ids of a type, as the call brought them, equal?  Toasted ones never are. */
static bool
same_id(Oid type, Datum a, Datum b)
{
	if (type == INT8OID)
		return a == b;
	return datumIsEqual(a, b, false, type == UUIDOID ? UUID_LEN : -1);
}

RsPredictor *
rs_predictor_find(FmgrInfo *call_site, const RsPredictorKey *key)
{
	RsPredictor *predictor = (RsPredictor *) call_site->fn_extra;
	const RsPredictorKey *kept;

	if (predictor == NULL || !predictor->keep)
		return NULL;
	kept = &predictor->key;
	if (kept->role == key->role && kept->version == key->version &&
		kept->fresh == key->fresh && kept->user_type == key->user_type &&
		rs_snapshots_are_same(&kept->snapshot, &key->snapshot) &&
		same_id(key->user_type, kept->user_id, key->user_id) &&
		same_id(TEXTOID, kept->model, key->model))
		return predictor;
	return NULL;
}

static Datum
copy_id(Oid type, Datum id)
{
	return datumCopy(id, type == INT8OID, type == INT8OID ? (int) sizeof(int64) :
					 type == UUIDOID ? UUID_LEN : -1);
}

/* An empty one in a context of its own; what was kept before is freed. */
static RsPredictor *
new_predictor(FmgrInfo *call_site, const RsPredictorKey *key)
{
	MemoryContext context;
	MemoryContext caller;
	RsPredictor *predictor;

	if (call_site->fn_extra != NULL)
	{
		context = GetMemoryChunkContext(call_site->fn_extra);
		call_site->fn_extra = NULL;
		MemoryContextDelete(context);
	}
	context = AllocSetContextCreate(call_site->fn_mcxt, "recsys predictor",
									ALLOCSET_SMALL_SIZES);
	caller = MemoryContextSwitchTo(context);
	predictor = palloc0(sizeof(RsPredictor));
	predictor->key = *key;
	predictor->key.model = copy_id(TEXTOID, key->model);
	predictor->key.user_id = copy_id(key->user_type, key->user_id);
	MemoryContextSwitchTo(caller);
	return predictor;
}

/* Copies of what lives no longer than the call; of the texts, the name. */
static void
keep_origin(RsPredictor *predictor, const RsModel *model, const RsVersion *version,
			MemoryContext context)
{
	predictor->model = *model;
	predictor->model.name = MemoryContextStrdup(context, model->name);
	predictor->model.options = NULL;
	predictor->model.user_column = predictor->model.item_column = NULL;
	predictor->model.rating_column = predictor->model.time_column = NULL;
	predictor->model.catalog_column = NULL;
	predictor->version = *version;
	predictor->serving.model = &predictor->model;
	predictor->serving.version = &predictor->version;
}

RsPredictor *
rs_predictor_make(FmgrInfo *call_site, const RsPredictorKey *key,
				  const RsModel *model, const RsVersion *version, Datum user_id)
{
	RsPredictor *predictor = new_predictor(call_site, key);
	MemoryContext context = GetMemoryChunkContext(predictor);
	RsAsk		ask = {
		.user_id = user_id,
		.fresh = key->fresh,
		.context = context,
	};

	predictor->keep = !rs_view_may_hide_rows(model);
	rs_serving_open(&predictor->serving, model, version, &ask);
	rs_image_pin(predictor->serving.image, context);
	keep_origin(predictor, model, version, context);
	memset(&predictor->serving.user, 0, sizeof(RsUser));
	call_site->fn_extra = predictor;
	return predictor;
}
