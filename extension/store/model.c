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
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_subscription_rel.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "compat.h"
#include "rs_limits.h"
#include "store/changes.h"
#include "store/known.h"
#include "store/model.h"

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

Oid
rs_relation_owner(Oid relation)
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
rs_catalog_owner(void)
{
	return rs_relation_owner(rs_model_table());
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

/* Base type of a column of the view. */
static Oid
view_column_type(Relation view, const char *column)
{
	TupleDesc	desc = RelationGetDescr(view);

	for (int i = 0; i < desc->natts; i++)
	{
		if (strcmp(NameStr(TupleDescAttr(desc, i)->attname), column) == 0)
			return getBaseType(TupleDescAttr(desc, i)->atttypid);
	}
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("column \"%s\" of view \"%s\" does not exist",
					column, RelationGetRelationName(view)),
			 errhint("The view of a model must keep its columns; drop the model and create it again.")));
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

char *
rs_item_catalog_name(const char *model)
{
	return psprintf("%s_catalog", model);
}

bool
rs_is_item_catalog(Oid relation, Oid owner)
{
	return get_rel_relkind(relation) == RELKIND_VIEW && rs_relation_owner(relation) == owner &&
		get_attnum(relation, "item_id") == 1 && get_attname(relation, 2, true) == NULL;
}

/* Who wrote the row of a relation in pg_class; InvalidTransactionId if it is gone. */
static TransactionId
relation_writer(Oid relation)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
	TransactionId xmin = InvalidTransactionId;

	if (HeapTupleIsValid(tuple))
	{
		xmin = HeapTupleHeaderGetXmin(tuple->t_data);
		ReleaseSysCache(tuple);
	}
	return xmin;
}

static RsKnownTable
find_factor_table(const char *name)
{
	RsKnownTable table = {.oid = data_relation(name, RELKIND_RELATION)};

	table.owner = rs_relation_owner(table.oid);
	table.xmin = relation_writer(table.oid);
	return table;
}

/* Find the view and the factor tables; false if one is missing. */
static bool
find_relations(RsKnown *known)
{
	uint64		changes = rs_changes();
	RsModel    *model = &known->model;

	if (known->has_relations)
		return true;
	known->user_factors = find_factor_table(rs_user_factors_name(known->name));
	known->item_factors = find_factor_table(rs_item_factors_name(known->name));
	model->view = data_relation(known->name, RELKIND_VIEW);
	model->owner = rs_relation_owner(model->view);
	model->user_factors = known->user_factors.oid;
	model->item_factors = known->item_factors.oid;
	if (!OidIsValid(model->owner) || !OidIsValid(model->user_factors) ||
		!OidIsValid(model->item_factors))
		return false;
	known->has_relations = rs_changes() == changes;
	return true;
}

/* Find the types of the columns, and with whose rights the view reads. */
static void
find_types(RsKnown *known)
{
	uint64		changes = rs_changes();
	RsModel    *model = &known->model;
	Relation	view;

	if (known->has_types)
		return;
	view = relation_open(model->view, NoLock);
	model->run_as_owner = !RelationHasSecurityInvoker(view);
	model->user_type = view_column_type(view, "user_id");
	model->item_type = view_column_type(view, "item_id");
	if (!rs_id_kind_of_type(model->user_type, &model->user_kind) ||
		!rs_id_kind_of_type(model->item_type, &model->item_kind))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("view \"%s\" is not the view of a model", model->name)));
	model->rating_type = view_column_type(view, "rating");
	model->time_type = model->time_column == NULL ?
		InvalidOid : view_column_type(view, "time");
	relation_close(view, NoLock);
	known->has_types = known->has_relations && rs_changes() == changes;
}

/* ---- what a name is bound to ---------------------------------------------- */

/*
 * Is the view that was found what the name is bound to?  ALTER OWNER and REASSIGN
 * OWNED keep the view; an owner who makes it again keeps the owner or, when the
 * model was given to them before, the factor tables, which then are theirs.  Another
 * role's view of a name that was left has none of these.  Without an anchor any view
 * will do.
 */
static bool
is_bound(RsKnown *known)
{
	const RsModel *model = &known->model;

	return !rs_known_read_anchor(known) ||
		known->anchor.view == model->view || known->anchor.owner == model->owner ||
		(known->anchor.item_factors == model->item_factors &&
		 model->owner == known->item_factors.owner);
}

void
rs_model_bind(const char *name)
{
	Oid			types[] = {TEXTOID, OIDOID, OIDOID, OIDOID};
	Oid			view = data_relation(name, RELKIND_VIEW);
	Datum		values[] = {
		CStringGetTextDatum(name),
		ObjectIdGetDatum(view),
		ObjectIdGetDatum(rs_relation_owner(view)),
		ObjectIdGetDatum(data_relation(rs_item_factors_name(name), RELKIND_RELATION))
	};

	if (OidIsValid(view) && OidIsValid(rs_anchor_table()))
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

	if (OidIsValid(rs_anchor_table()))
		rs_catalog_execute("DELETE FROM recsys.model_anchor WHERE model = $1",
						   1, types, values, NULL, false);
}

/* Bind the name of a model that was found, unless it is bound to just this. */
static void
renew_anchor(RsKnown *known)
{
	const RsModel *model = &known->model;

	if (rs_known_read_anchor(known) && known->anchor.view == model->view &&
		known->anchor.owner == model->owner &&
		known->anchor.item_factors == model->item_factors)
		return;
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	rs_model_bind(known->name);
	SPI_finish();
}

/* What is known of a name, if it can be that of a model; else NULL. */
static RsKnown *
known_model(const char *name)
{
	return strlen(name) <= RS_MAX_MODEL_NAME ? rs_known(name) : NULL;
}

Oid
rs_model_view(const char *name)
{
	RsKnown    *known = known_model(name);

	return known != NULL && find_relations(known) && is_bound(known) ?
		known->model.view : InvalidOid;
}

Oid
rs_item_factors_view(Oid table)
{
	char	   *name = get_rel_name(table);
	RsKnown    *known;
	int			length;

	if (name == NULL)
		return InvalidOid;
	length = (int) (strlen(name) - strlen(rs_item_factors_name("")));
	if (length < 1)
		return InvalidOid;
	name[length] = '\0';
	known = known_model(name);
	return known != NULL && find_relations(known) && known->model.item_factors == table &&
		is_bound(known) ? known->model.view : InvalidOid;
}

/* The catalogue of these parts, whose owner is that of the first there is. */
static Oid
find_catalog(const char *name, const RsModelParts *parts)
{
	Oid			relation = data_relation(rs_item_catalog_name(name), RELKIND_VIEW);
	Oid			first = OidIsValid(parts->view) ? parts->view :
		OidIsValid(parts->user_factors) ? parts->user_factors : parts->item_factors;

	return OidIsValid(first) && rs_is_item_catalog(relation, rs_relation_owner(first)) ?
		relation : InvalidOid;
}

void
rs_model_parts(const char *name, RsModelParts *parts)
{
	RsKnown    *known = known_model(name);

	memset(parts, 0, sizeof(RsModelParts));
	if (known == NULL)
		return;
	/* relations are those of now in any isolation level: so must the row be */
	CommandCounterIncrement();
	PushActiveSnapshot(GetLatestSnapshot());
	known = rs_known(name);
	parts->row = rs_known_read_model(known);
	(void) find_relations(known);
	if (!parts->row || is_bound(known))
		parts->view = known->model.view;
	parts->user_factors = known->model.user_factors;
	parts->item_factors = known->model.item_factors;
	if (!parts->row || known->model.catalog_column != NULL)
		parts->catalog = find_catalog(name, parts);
	PopActiveSnapshot();
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
check_one_owner(const RsKnown *known)
{
	const RsModel *model = &known->model;

	if (known->user_factors.owner != model->owner || known->item_factors.owner != model->owner)
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
static RsKnown *
find_and_lock(const char *name, RsModelUse use)
{
	RsKnown    *known = known_model(name);

	for (;;)
	{
		Oid			view;

		if (known == NULL || !find_relations(known))
			rs_model_missing(name);
		check_right(&known->model, use);
		view = known->model.view;
		lock_view(&known->model, use);
		known = rs_known(name);
		if (find_relations(known) && known->model.view == view)
			break;
		UnlockRelationOid(view, view_lock(use));
	}
	check_right(&known->model, use);
	check_one_owner(known);
	return known;
}

/*
 * Does the active snapshot show a table, which exists now?  It does if it shows the
 * row that the table has in pg_class now, as it does when the row's writer ended
 * before the oldest transaction that the snapshot has as running.
 */
static bool
snapshot_shows(const RsKnownTable *table)
{
	return TransactionIdPrecedes(table->xmin, GetActiveSnapshot()->xmin) ||
		catalog_has(RelationRelationId, Anum_pg_class_oid, ClassOidIndexId,
					table->oid, GetActiveSnapshot());
}

/*
 * The relations are those of now, the row is that of the snapshot.  Where the model
 * was dropped and made again in between, perhaps while the lock was waited for, they
 * do not belong together, and the new tables are empty for the snapshot.
 */
static void
check_same_age(const RsKnown *known)
{
	if (snapshot_shows(&known->user_factors) && snapshot_shows(&known->item_factors))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
			 errmsg("could not serialize access to model \"%s\"", known->name),
			 errdetail("It was made after this statement or transaction began."),
			 errhint("Run it again.")));
}

/* Read the row of the relations that were found. */
static void
read_found_model(RsKnown *known)
{
	bool		found = rs_known_read_model(known);

	check_same_age(known);
	if (!found)
		rs_model_missing(known->name);
	if (!is_bound(known))
		rs_model_missing(known->name);
}

static char *
copy_name(const char *name)
{
	return name == NULL ? NULL : pstrdup(name);
}

/* A copy of what is known, which may be forgotten at any time. */
static RsModel *
copy_model(const RsModel *known)
{
	RsModel    *model = palloc(sizeof(RsModel));

	*model = *known;
	model->name = pstrdup(known->name);
	model->options = (Jsonb *) PG_DETOAST_DATUM_COPY(JsonbPGetDatum(known->options));
	model->user_column = copy_name(known->user_column);
	model->item_column = copy_name(known->item_column);
	model->rating_column = copy_name(known->rating_column);
	model->time_column = copy_name(known->time_column);
	model->catalog_column = copy_name(known->catalog_column);
	return model;
}

/* The model whose relations were found, under the active snapshot. */
static RsModel *
open_found_model(RsKnown *known, RsModelUse use)
{
	RsModel    *model;

	read_found_model(known);
	if (use != RS_MODEL_DROP)
		find_types(known);
	model = copy_model(&known->model);
	if (use == RS_MODEL_OWN || use == RS_MODEL_CHANGE)
		renew_anchor(known);
	return model;
}

RsModel *
rs_model_open(const char *name, RsModelUse use)
{
	RsKnown    *known = find_and_lock(name, use);
	RsModel    *model;

	if (use == RS_MODEL_ASK || use == RS_MODEL_USE)
		model = open_found_model(known, use);
	else
	{
		rs_new_snapshot_begin();
		model = open_found_model(known, use);
		rs_new_snapshot_end();
	}
	if (use == RS_MODEL_ASK)
		check_asking_right(model);
	return model;
}

/* There is no such version, or not yet for this statement. */
static void
refuse_version(const RsModel *model, int version)
{
	bool		is_new;

	rs_new_snapshot_begin();
	is_new = rs_known_read_version(rs_known(model->name), version) != NULL;
	rs_new_snapshot_end();
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("model \"%s\" has no version %d", model->name, version),
			 is_new ?
			 errhint("It was trained after this statement began: ask in a statement of its own.") :
			 errhint("The view recsys.model_versions lists the versions.")));
}

RsVersion *
rs_version_open(const RsModel *model, int number)
{
	int			version = number == 0 ? model->active_version : number;
	const RsVersion *known;
	RsVersion  *result;

	if (version == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("model \"%s\" has no active version", model->name),
				 errhint("Train it: SELECT * FROM recsys.train(%s).",
						 quote_literal_cstr(model->name))));
	known = rs_known_read_version(rs_known(model->name), version);
	if (known == NULL)
		refuse_version(model, version);
	result = palloc(sizeof(RsVersion));
	*result = *known;
	return result;
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
rs_owner_begin(Oid owner, RsOwnerContext *context)
{
	context->guc_level = NewGUCNestLevel();
	GetUserIdAndSecContext(&context->save_user, &context->save_sec);
	SetUserIdAndSecContext(owner,
						   context->save_sec | SECURITY_RESTRICTED_OPERATION);
	pin_search_path();
}

void
rs_owner_end(RsOwnerContext *context)
{
	AtEOXact_GUC(false, context->guc_level);
	SetUserIdAndSecContext(context->save_user, context->save_sec);
}
