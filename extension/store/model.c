/*-------------------------------------------------------------------------
 *
 * model.c
 *		Finding a model and one of its versions; whose rights apply.
 *
 * The catalog tables are read directly, because their readers have no right on
 * them; they are written through SPI as their owner.  The model's view decides who
 * may do what: SELECT on it is the right to use the model, REFERENCES that to ask
 * it, its owner is the model's owner.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/xact.h"
#include "access/tableam.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_subscription_rel.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "executor/tuptable.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "compat.h"
#include "rs_limits.h"
#include "store/model.h"

/* Columns of recsys.model, in order. */
enum
{
	MODEL_NAME = 1,
	MODEL_FEEDBACK,
	MODEL_ALGORITHM,
	MODEL_OPTIONS,
	MODEL_ACTIVE_VERSION,
	MODEL_LAST_VERSION,
	MODEL_USER_COLUMN,
	MODEL_ITEM_COLUMN,
	MODEL_RATING_COLUMN,
	MODEL_TIME_COLUMN
};

/* Columns of recsys.model_anchor, in order. */
enum
{
	ANCHOR_MODEL = 1,
	ANCHOR_VIEW,
	ANCHOR_OWNER,
	ANCHOR_ITEM_FACTORS
};

typedef struct Anchor
{
	Oid			view;
	Oid			owner;			/* of the view */
	Oid			item_factors;
} Anchor;

/* Columns of recsys.model_version that are read here. */
enum
{
	VERSION_MODEL = 1,
	VERSION_VERSION,
	VERSION_STAMP,
	VERSION_FEEDBACK,
	VERSION_ALGORITHM,
	VERSION_OPTIONS,
	VERSION_MEAN,
	VERSION_USERS,
	VERSION_ITEMS,
	VERSION_LIKED = 23,			/* from here on added by 0.2.0 */
	VERSION_REFRESHED_FROM
};

Oid
rs_data_namespace(void)
{
	return get_namespace_oid("recsys_data", false);
}

void
rs_new_snapshot_begin(void)
{
	CommandCounterIncrement();
	PushActiveSnapshot(GetTransactionSnapshot());
}

void
rs_new_snapshot_end(void)
{
	PopActiveSnapshot();
}

static Oid
catalog_relation(const char *name)
{
	Oid			relation = get_relname_relid(name, get_namespace_oid("recsys", false));

	if (!OidIsValid(relation))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation \"recsys.%s\" does not exist", name),
				 errhint("Run CREATE EXTENSION recsys in this database.")));
	return relation;
}

/* Owner of a relation, InvalidOid if it is gone. */
static Oid
relation_owner(Oid relation)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
	Oid			owner = InvalidOid;

	if (HeapTupleIsValid(tuple))
	{
		owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
		ReleaseSysCache(tuple);
	}
	return owner;
}

Oid
rs_model_table(void)
{
	return catalog_relation("model");
}

Oid
rs_catalog_owner(void)
{
	return relation_owner(rs_model_table());
}

/* Is there a row of this Oid in a table of pg_catalog?  Under the snapshot, NULL: now. */
static bool
catalog_has(Oid catalog, AttrNumber column, Oid index, Oid value, Snapshot snapshot)
{
	Relation	relation = table_open(catalog, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	bool		found;

	ScanKeyInit(&key, column, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(value));
	scan = systable_beginscan(relation, index, true, snapshot, 1, &key);
	found = HeapTupleIsValid(systable_getnext(scan));
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	return found;
}

bool
rs_is_subscribed(Oid relation)
{
	return catalog_has(SubscriptionRelRelationId, Anum_pg_subscription_rel_srrelid,
					   SubscriptionRelSrrelidSrsubidIndexId, relation, NULL);
}

/* A text column as C string, NULL when it is null. */
static char *
text_column(HeapTuple tuple, int column, TupleDesc desc)
{
	bool		isnull;
	Datum		value = heap_getattr(tuple, column, desc, &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}

/* A jsonb column, detoasted and copied. */
static Jsonb *
jsonb_column(HeapTuple tuple, int column, TupleDesc desc)
{
	bool		isnull;
	Datum		value = heap_getattr(tuple, column, desc, &isnull);

	Assert(!isnull);
	return DatumGetJsonbPCopy(value);
}

/* Read the model's row; false if there is none. */
static bool
read_model_row(RsModel *model)
{
	Relation	relation = table_open(rs_model_table(), AccessShareLock);
	TupleDesc	desc = RelationGetDescr(relation);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, MODEL_NAME, BTEqualStrategyNumber, F_TEXTEQ,
				CStringGetTextDatum(model->name));
	scan = systable_beginscan(relation, RelationGetPrimaryKeyIndexCompat(relation),
							  true, GetActiveSnapshot(), 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		bool		isnull;
		Datum		active = heap_getattr(tuple, MODEL_ACTIVE_VERSION, desc, &isnull);

		model->active_version = isnull ? 0 : DatumGetInt32(active);
		model->feedback = rs_feedback_parse(text_column(tuple, MODEL_FEEDBACK, desc));
		model->algorithm = rs_algorithm_parse(text_column(tuple, MODEL_ALGORITHM, desc));
		model->options = jsonb_column(tuple, MODEL_OPTIONS, desc);
		model->user_column = text_column(tuple, MODEL_USER_COLUMN, desc);
		model->item_column = text_column(tuple, MODEL_ITEM_COLUMN, desc);
		model->rating_column = text_column(tuple, MODEL_RATING_COLUMN, desc);
		model->time_column = text_column(tuple, MODEL_TIME_COLUMN, desc);
	}
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	return HeapTupleIsValid(tuple);
}

/* Base type of a column of the view. */
static Oid
view_column_type(Oid view, const char *column)
{
	AttrNumber	attnum = get_attnum(view, column);

	if (attnum == InvalidAttrNumber)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of view \"%s\" does not exist",
						column, get_rel_name(view)),
				 errhint("The view of a model must keep its columns; drop the model and create it again.")));
	return getBaseType(get_atttype(view, attnum));
}

/* Oid of a relation of one kind in recsys_data, InvalidOid if there is none. */
static Oid
data_relation(const char *name, char kind)
{
	Oid			relation = get_relname_relid(name, rs_data_namespace());

	return get_rel_relkind(relation) == kind ? relation : InvalidOid;
}

char *
rs_user_factors_name(const char *model)
{
	return psprintf("%s_user_factors", model);
}

char *
rs_item_factors_name(const char *model)
{
	return psprintf("%s_item_factors", model);
}

/* Find the view and the factor tables. */
static bool
find_relations(RsModel *model)
{
	model->view = data_relation(model->name, RELKIND_VIEW);
	model->user_factors = data_relation(rs_user_factors_name(model->name),
										RELKIND_RELATION);
	model->item_factors = data_relation(rs_item_factors_name(model->name),
										RELKIND_RELATION);
	model->owner = relation_owner(model->view);
	return OidIsValid(model->owner) && OidIsValid(model->user_factors) &&
		OidIsValid(model->item_factors);
}

/* Find the types of the columns, and with whose rights the view reads. */
static void
find_types(RsModel *model)
{
	Relation	view = relation_open(model->view, NoLock);

	model->run_as_owner = !RelationHasSecurityInvoker(view);
	relation_close(view, NoLock);
	model->user_type = view_column_type(model->view, "user_id");
	model->item_type = view_column_type(model->view, "item_id");
	if (!rs_id_kind_of_type(model->user_type, &model->user_kind) ||
		!rs_id_kind_of_type(model->item_type, &model->item_kind))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("view \"%s\" is not the view of a model", model->name)));
	model->rating_type = view_column_type(model->view, "rating");
	if (model->time_column != NULL)
		model->time_type = view_column_type(model->view, "time");
}

/* ---- what a name is bound to ---------------------------------------------- */

/* The table of anchors; InvalidOid while the extension is not updated from 0.1.0. */
static Oid
anchor_table(void)
{
	return get_relname_relid("model_anchor", get_namespace_oid("recsys", false));
}

static Oid
anchor_column(HeapTuple tuple, int column, TupleDesc desc)
{
	bool		isnull;

	return DatumGetObjectId(heap_getattr(tuple, column, desc, &isnull));
}

/* What the name is bound to; false if to nothing, as of rows loaded with triggers off. */
static bool
read_anchor(const RsModel *model, Anchor *anchor)
{
	Oid			table = anchor_table();
	Relation	relation;
	TupleDesc	desc;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	if (!OidIsValid(table))
		return false;
	relation = table_open(table, AccessShareLock);
	desc = RelationGetDescr(relation);
	ScanKeyInit(&key, ANCHOR_MODEL, BTEqualStrategyNumber, F_TEXTEQ,
				CStringGetTextDatum(model->name));
	scan = systable_beginscan(relation, RelationGetPrimaryKeyIndexCompat(relation),
							  true, GetActiveSnapshot(), 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		anchor->view = anchor_column(tuple, ANCHOR_VIEW, desc);
		anchor->owner = anchor_column(tuple, ANCHOR_OWNER, desc);
		anchor->item_factors = anchor_column(tuple, ANCHOR_ITEM_FACTORS, desc);
	}
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	return HeapTupleIsValid(tuple);
}

/*
 * Is the view that was found what the name is bound to?  ALTER OWNER and REASSIGN
 * OWNED keep the view; an owner who makes it again keeps the owner or, when the
 * model was given to them before, the factor tables, which then are theirs.  Another
 * role's view of a name that was left has none of these.  Without an anchor any view
 * will do.
 */
static bool
is_bound(const RsModel *model)
{
	Anchor		anchor;

	return !read_anchor(model, &anchor) ||
		anchor.view == model->view || anchor.owner == model->owner ||
		(anchor.item_factors == model->item_factors &&
		 model->owner == relation_owner(model->item_factors));
}

void
rs_model_bind(const char *name)
{
	Oid			types[] = {TEXTOID, OIDOID, OIDOID, OIDOID};
	Oid			view = data_relation(name, RELKIND_VIEW);
	Datum		values[] = {
		CStringGetTextDatum(name),
		ObjectIdGetDatum(view),
		ObjectIdGetDatum(relation_owner(view)),
		ObjectIdGetDatum(data_relation(rs_item_factors_name(name), RELKIND_RELATION))
	};

	if (OidIsValid(view) && OidIsValid(anchor_table()))
		rs_catalog_execute("INSERT INTO recsys.model_anchor (model, view, owner, item_factors)"
						   " VALUES ($1, $2, $3, $4) ON CONFLICT (model)"
						   " DO UPDATE SET view = $2, owner = $3, item_factors = $4",
						   4, types, values, NULL, false);
}

void
rs_model_unbind(const char *name)
{
	Oid			types[] = {TEXTOID};
	Datum		values[] = {CStringGetTextDatum(name)};

	if (OidIsValid(anchor_table()))
		rs_catalog_execute("DELETE FROM recsys.model_anchor WHERE model = $1",
						   1, types, values, NULL, false);
}

/* Bind the name of a model that was found, unless it is bound to just this. */
static void
renew_anchor(const RsModel *model)
{
	Anchor		anchor;

	if (read_anchor(model, &anchor) && anchor.view == model->view &&
		anchor.owner == model->owner && anchor.item_factors == model->item_factors)
		return;
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	rs_model_bind(model->name);
	SPI_finish();
}

Oid
rs_model_view(const char *name)
{
	RsModel		model = {.name = pstrdup(name)};

	return strlen(name) <= RS_MAX_MODEL_NAME && find_relations(&model) &&
		is_bound(&model) ? model.view : InvalidOid;
}

Oid
rs_item_factors_view(Oid table)
{
	RsModel		model = {.name = get_rel_name(table)};
	int			length;

	if (model.name == NULL)
		return InvalidOid;
	length = (int) (strlen(model.name) - strlen(rs_item_factors_name("")));
	if (length < 1 || length > RS_MAX_MODEL_NAME)
		return InvalidOid;
	model.name[length] = '\0';
	return find_relations(&model) && model.item_factors == table && is_bound(&model) ?
		model.view : InvalidOid;
}

void
rs_model_parts(const char *name, RsModelParts *parts)
{
	RsModel		model = {.name = pstrdup(name)};

	memset(parts, 0, sizeof(RsModelParts));
	if (strlen(name) > RS_MAX_MODEL_NAME)
		return;
	rs_new_snapshot_begin();
	parts->row = read_model_row(&model);
	(void) find_relations(&model);
	if (!parts->row || is_bound(&model))
		parts->view = model.view;
	parts->user_factors = model.user_factors;
	parts->item_factors = model.item_factors;
	rs_new_snapshot_end();
}

bool
rs_model_is_whole(const RsModelParts *parts)
{
	return parts->row && OidIsValid(parts->view) &&
		OidIsValid(parts->user_factors) && OidIsValid(parts->item_factors);
}

/* ---- finding a model ------------------------------------------------------- */

char *
rs_model_shown_name(const char *name)
{
	return pnstrdup(name, pg_mbcliplen(name, (int) strlen(name), NAMEDATALEN));
}

void
rs_model_missing(const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("recommendation model \"%s\" does not exist",
					rs_model_shown_name(name))));
}

char *
rs_model_relation_name(const RsModel *model, Oid relation)
{
	char	   *name = get_rel_name(relation);

	if (name == NULL)
		rs_model_missing(model->name);
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relation)), name);
}

/*
 * The three relations must belong to one role, or somebody could put a view
 * of their own before the factors of another.
 */
static void
check_one_owner(const RsModel *model)
{
	if (relation_owner(model->user_factors) != model->owner ||
		relation_owner(model->item_factors) != model->owner)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the view and the factor tables of model \"%s\" have different owners",
						model->name),
				 errhint("Give recsys_data.%s, its _user_factors and its _item_factors one owner.",
						 quote_identifier(model->name))));
}

static bool
has_right(const RsModel *model, AclMode right)
{
	return pg_class_aclcheck(model->view, GetUserId(), right) == ACLCHECK_OK;
}

static void
check_right(const RsModel *model, RsModelUse use)
{
	if (use == RS_MODEL_ASK || use == RS_MODEL_USE)
	{
		if (has_right(model, ACL_SELECT) ||
			(use == RS_MODEL_ASK && has_right(model, ACL_REFERENCES)))
			return;
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for model \"%s\"", model->name),
				 use == RS_MODEL_ASK ?
				 errhint("The owner can GRANT SELECT ON recsys_data.%s or, if it has run_as owner, REFERENCES.",
						 quote_identifier(model->name)) :
				 errhint("The owner can GRANT SELECT ON recsys_data.%s.",
						 quote_identifier(model->name))));
	}
	else if (!has_privs_of_role(GetUserId(), model->owner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of model \"%s\"", model->name)));
}

/*
 * REFERENCES lets ask a model that its owner reads.  With run_as caller whoever
 * asks reads the view, and needs the right to.
 */
static void
check_asking_right(const RsModel *model)
{
	if (model->run_as_owner || has_right(model, ACL_SELECT))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied for model \"%s\"", model->name),
			 errdetail("It has run_as caller, so REFERENCES on its view is not enough."),
			 errhint("The owner can GRANT SELECT ON recsys_data.%s, or alter the model to run_as owner.",
					 quote_identifier(model->name))));
}

/* Only whoever changes a model keeps others from that. */
static LOCKMODE
view_lock(RsModelUse use)
{
	return use == RS_MODEL_CHANGE || use == RS_MODEL_DROP ?
		ShareUpdateExclusiveLock : AccessShareLock;
}

static void
lock_view(const RsModel *model, RsModelUse use)
{
	if (view_lock(use) == AccessShareLock)
		LockRelationOid(model->view, AccessShareLock);
	else if (!ConditionalLockRelationOid(model->view, ShareUpdateExclusiveLock))
		ereport(ERROR,
				(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
				 errmsg("model \"%s\" is being trained, altered or dropped by another session",
						model->name),
				 errhint("See the view recsys.training_progress.")));
}

/*
 * The lock may have been waited for, and then the name may stand for another
 * model: what counts is what is found with the lock held.  The right is checked
 * before, so that nobody locks what they may not, and again after.
 */
static void
find_and_lock(RsModel *model, RsModelUse use)
{
	for (;;)
	{
		Oid			view;

		if (strlen(model->name) > RS_MAX_MODEL_NAME || !find_relations(model))
			rs_model_missing(model->name);
		check_right(model, use);
		view = model->view;
		lock_view(model, use);
		if (find_relations(model) && model->view == view)
			break;
		UnlockRelationOid(view, view_lock(use));
	}
	check_right(model, use);
	check_one_owner(model);
}

/* Does the active snapshot show the relation, which exists? */
static bool
snapshot_shows(Oid relation)
{
	return catalog_has(RelationRelationId, Anum_pg_class_oid, ClassOidIndexId,
					   relation, GetActiveSnapshot());
}

/*
 * The relations are those of now, the row is that of the snapshot.  Where the model
 * was dropped and made again in between, perhaps while the lock was waited for, they
 * do not belong together, and the new tables are empty for the snapshot.
 */
static void
check_same_age(const RsModel *model)
{
	if (snapshot_shows(model->user_factors) && snapshot_shows(model->item_factors))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
			 errmsg("could not serialize access to model \"%s\"", model->name),
			 errdetail("It was made again after this statement or transaction began."),
			 errhint("Run it again.")));
}

/* Read the row of the relations that were found. */
static void
read_found_model(RsModel *model)
{
	if (!read_model_row(model))
		rs_model_missing(model->name);
	check_same_age(model);
	if (!is_bound(model))
		rs_model_missing(model->name);
}

RsModel *
rs_model_open(const char *name, RsModelUse use)
{
	RsModel    *model = palloc0(sizeof(RsModel));

	model->name = pstrdup(name);
	find_and_lock(model, use);
	if (use == RS_MODEL_ASK || use == RS_MODEL_USE)
		read_found_model(model);
	else
	{
		rs_new_snapshot_begin();
		read_found_model(model);
		if (use != RS_MODEL_DROP)
			renew_anchor(model);
		rs_new_snapshot_end();
	}
	if (use != RS_MODEL_DROP)
		find_types(model);
	if (use == RS_MODEL_ASK)
		check_asking_right(model);
	return model;
}

bool
rs_version_is_extended(void)
{
	return get_attnum(catalog_relation("model_version"), "refreshed_from") != InvalidAttrNumber;
}

/* A column that 0.2.0 added: NULL while the extension is not updated. */
static Datum
added_column(HeapTuple tuple, int column, TupleDesc desc, bool *isnull)
{
	*isnull = true;
	return column > desc->natts ? (Datum) 0 : heap_getattr(tuple, column, desc, isnull);
}

/* Read the row of a version; false if there is none. */
static bool
read_version_row(const RsModel *model, RsVersion *version)
{
	Relation	relation = table_open(catalog_relation("model_version"), AccessShareLock);
	TupleDesc	desc = RelationGetDescr(relation);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&keys[0], VERSION_MODEL, BTEqualStrategyNumber, F_TEXTEQ,
				CStringGetTextDatum(model->name));
	ScanKeyInit(&keys[1], VERSION_VERSION, BTEqualStrategyNumber, F_INT4EQ,
				Int32GetDatum(version->version));
	scan = systable_beginscan(relation, RelationGetPrimaryKeyIndexCompat(relation),
							  true, GetActiveSnapshot(), 2, keys);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		bool		isnull;
		Datum		added;

		version->stamp = DatumGetInt64(heap_getattr(tuple, VERSION_STAMP, desc, &isnull));
		version->feedback = rs_feedback_parse(text_column(tuple, VERSION_FEEDBACK, desc));
		version->algorithm = rs_algorithm_parse(text_column(tuple, VERSION_ALGORITHM, desc));
		rs_options_resolve(version->feedback, NULL,
						   jsonb_column(tuple, VERSION_OPTIONS, desc),
						   &version->options);
		version->mean = DatumGetFloat8(heap_getattr(tuple, VERSION_MEAN, desc, &isnull));
		added = added_column(tuple, VERSION_LIKED, desc, &isnull);
		version->liked = isnull ? get_float8_nan() : DatumGetFloat8(added);
		added = added_column(tuple, VERSION_REFRESHED_FROM, desc, &isnull);
		version->refreshed_from = isnull ? 0 : DatumGetInt32(added);
		version->users = DatumGetInt32(heap_getattr(tuple, VERSION_USERS, desc, &isnull));
		version->items = DatumGetInt32(heap_getattr(tuple, VERSION_ITEMS, desc, &isnull));
	}
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	return HeapTupleIsValid(tuple);
}

/* There is no such version, or not yet for this statement. */
static void
refuse_version(const RsModel *model, RsVersion *version)
{
	bool		is_new;

	rs_new_snapshot_begin();
	is_new = read_version_row(model, version);
	rs_new_snapshot_end();
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("model \"%s\" has no version %d", model->name, version->version),
			 is_new ?
			 errhint("It was trained after this statement began: ask in a statement of its own.") :
			 errhint("The view recsys.model_versions lists the versions.")));
}

RsVersion *
rs_version_open(const RsModel *model, int number)
{
	RsVersion  *version = palloc0(sizeof(RsVersion));

	version->version = number == 0 ? model->active_version : number;
	if (version->version == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("model \"%s\" has no active version", model->name),
				 errhint("Train it: SELECT * FROM recsys.train(%s).",
						 quote_literal_cstr(model->name))));
	if (!read_version_row(model, version))
		refuse_version(model, version);
	return version;
}

static int
compare_stamps(const void *a, const void *b)
{
	int64		i = *(const int64 *) a;
	int64		j = *(const int64 *) b;

	return (i > j) - (i < j);
}

/*
 * Every row that vacuum would have to keep: of transactions that are running, or
 * deleted but not for the oldest snapshot.
 */
int
rs_version_stamps(int64 **stamps)
{
	Relation	relation = table_open(catalog_relation("model_version"), AccessShareLock);
	TupleTableSlot *slot = table_slot_create(relation, NULL);
	int			capacity = 64;
	int			n = 0;
	SnapshotData snapshot;
	TableScanDesc scan;

	*stamps = palloc(capacity * sizeof(int64));
	InitNonVacuumableSnapshot(snapshot, GlobalVisTestFor(relation));
	scan = table_beginscan(relation, &snapshot, 0, NULL);
	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		bool		isnull;

		CHECK_FOR_INTERRUPTS();
		if (n == capacity)
		{
			capacity *= 2;
			*stamps = repalloc_huge(*stamps, mul_size(capacity, sizeof(int64)));
		}
		(*stamps)[n++] = DatumGetInt64(slot_getattr(slot, VERSION_STAMP, &isnull));
	}
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	table_close(relation, AccessShareLock);
	qsort(*stamps, n, sizeof(int64), compare_stamps);
	return n;
}

bool
rs_version_stamp_found(const int64 *stamps, int n, int64 stamp)
{
	return bsearch(&stamp, stamps, n, sizeof(int64), compare_stamps) != NULL;
}

/* Pin search_path until the nest level ends. */
static void
pin_search_path(void)
{
	(void) set_config_option("search_path", "pg_catalog, pg_temp",
							 PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
}

int
rs_catalog_execute(const char *sql, int nargs, Oid *types,
				   Datum *values, const char *nulls, bool read_only)
{
	int			guc_level = NewGUCNestLevel();
	Oid			save_user;
	int			save_sec;
	int			result;

	GetUserIdAndSecContext(&save_user, &save_sec);
	SetUserIdAndSecContext(rs_catalog_owner(), save_sec | SECURITY_LOCAL_USERID_CHANGE);
	pin_search_path();
	result = SPI_execute_with_args(sql, nargs, types, values, nulls, read_only, 0);
	if (result < 0)
		elog(ERROR, "SPI_execute_with_args failed: %s", SPI_result_code_string(result));
	AtEOXact_GUC(false, guc_level);
	SetUserIdAndSecContext(save_user, save_sec);
	return result;
}

void
rs_owner_begin(const RsModel *model, RsOwnerContext *context)
{
	context->guc_level = NewGUCNestLevel();
	GetUserIdAndSecContext(&context->save_user, &context->save_sec);
	SetUserIdAndSecContext(model->owner,
						   context->save_sec | SECURITY_RESTRICTED_OPERATION);
	pin_search_path();
}

void
rs_owner_end(RsOwnerContext *context)
{
	AtEOXact_GUC(false, context->guc_level);
	SetUserIdAndSecContext(context->save_user, context->save_sec);
}
