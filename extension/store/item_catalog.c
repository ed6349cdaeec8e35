/*-------------------------------------------------------------------------
 *
 * item_catalog.c
 *		The catalogue of a model: finding its view, and reading it.
 *
 * The model's row says that there is a catalogue.  So a view that its owner dropped
 * by hand, or that went with what it read, does not make every item eligible: it is an
 * error to ask for a list until the catalogue is made again or taken away.
 *
 * The view is found by its name, as the model's is, and must have the model's owner:
 * nobody else can put one in its place.  That it was in order is remembered until this
 * session learns of a change of any relation.
 *
 * Memory: an array of the ids that are looked up.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "compat.h"
#include "store/changes.h"
#include "store/item_catalog.h"

/* ---- finding ------------------------------------------------------------------ */

/*
 * The view of the name, locked; InvalidOid if there is none.  While the lock is awaited
 * the view may be renamed or replaced, so the name is looked up once more under it.
 */
static Oid
lock_view(const char *name)
{
	for (;;)
	{
		Oid			view = get_relname_relid(name, rs_data_namespace());

		if (!OidIsValid(view))
			return InvalidOid;
		LockRelationOid(view, AccessShareLock);
		if (get_relname_relid(name, rs_data_namespace()) == view)
			return view;
		UnlockRelationOid(view, AccessShareLock);
	}
}

/*
 * The row is that of the active snapshot, the view that of now, which may be newer in
 * any isolation level.
 */
static void
refuse_missing(const RsModel *model)
{
	RsModel    *now;

	PushActiveSnapshot(GetLatestSnapshot());
	now = rs_model_open(model->name, RS_MODEL_ASK);
	PopActiveSnapshot();
	if (now->catalog_column == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("could not serialize access to the catalog of model \"%s\"", model->name),
				 errdetail("It was taken away after this statement or transaction began."),
				 errhint("Run it again.")));
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("the catalog of model \"%s\" is missing", model->name),
			 errdetail("There is no view \"recsys_data.%s\".", rs_item_catalog_name(model->name)),
			 errhint("The owner can make it again or take it away: recsys.alter_model(%s, catalog => ... or drop_catalog => true).",
					 quote_literal_cstr(model->name))));
}

/* A view with the one column item_id, of the ids that the model has. */
static void
check_form(const RsModel *model, Oid view)
{
	RsIdKind	kind;

	if (rs_is_item_catalog(view, rs_relation_owner(view)) &&
		rs_id_kind_of_type(getBaseType(get_atttype(view, 1)), &kind) && kind == model->item_kind)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("relation \"recsys_data.%s\" is not the catalog of model \"%s\"",
					rs_item_catalog_name(model->name), model->name),
			 errdetail("A catalog is a view of the one column item_id, which has the type of the model's items."),
			 errhint("Drop or rename that relation, and make the catalog again: recsys.alter_model(%s, catalog => ...).",
					 quote_literal_cstr(model->name))));
}

/* Another role's view could decide what is recommended. */
static void
check_owner(const RsModel *model, Oid view)
{
	if (rs_relation_owner(view) == model->owner)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("model \"%s\" and its catalog have different owners", model->name),
			 errhint("Give recsys_data.%s and recsys_data.%s one owner, or drop the view that is not the model's.",
					 quote_identifier(model->name),
					 quote_identifier(rs_item_catalog_name(model->name)))));
}

/* The view of a model's catalogue, which passed the checks, and whose right reads it. */
typedef struct FoundView
{
	Oid			of;				/* the model's view */
	Oid			view;
	bool		invoker;		/* read with the current user's right */
	uint64		changes;		/* rs_changes() for which all of this holds */
} FoundView;

static FoundView last_found;

static bool
lock_last_found(const RsModel *model)
{
	if (!OidIsValid(last_found.view) || last_found.of != model->view ||
		last_found.changes != rs_changes())
		return false;
	LockRelationOid(last_found.view, AccessShareLock);
	if (last_found.changes == rs_changes())
		return true;
	UnlockRelationOid(last_found.view, AccessShareLock);
	return false;
}

static FoundView
find_view(const RsModel *model)
{
	FoundView	found = {.of = model->view,.changes = rs_changes()};
	Relation	relation;

	if (lock_last_found(model))
		return last_found;
	found.view = lock_view(rs_item_catalog_name(model->name));
	if (!OidIsValid(found.view))
		refuse_missing(model);
	check_form(model, found.view);
	check_owner(model, found.view);
	relation = relation_open(found.view, NoLock);
	found.invoker = RelationHasSecurityInvoker(relation);
	relation_close(relation, NoLock);
	last_found = found;
	return found;
}

RsItemCatalog *
rs_item_catalog_open(const RsModel *model)
{
	RsItemCatalog *catalog;
	FoundView	found;

	if (model->catalog_column == NULL)
		return NULL;
	found = find_view(model);
	/* what the owner's right reads, the owner shows to all who may ask the model */
	if (found.invoker && pg_class_aclcheck(found.view, GetUserId(), ACL_SELECT) != ACLCHECK_OK)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for the catalog of model \"%s\"", model->name),
				 errhint("The owner can GRANT SELECT ON recsys_data.%s, or alter the model to run_as owner.",
						 quote_identifier(rs_item_catalog_name(model->name)))));
	catalog = palloc(sizeof(RsItemCatalog));
	catalog->model = model;
	catalog->view = found.view;
	return catalog;
}

/* ---- statements --------------------------------------------------------------- */

static Oid
array_type(RsIdKind kind)
{
	return kind == RS_ID_BIGINT ? INT8ARRAYOID : kind == RS_ID_TEXT ? TEXTARRAYOID : UUIDARRAYOID;
}

static RsViewStatement
look_up_statement(const RsModel *model, Oid view)
{
	RsViewStatement statement = {
		.view = view,
		.read = RS_READ_LISTED,
		.argument_type = array_type(model->item_kind),
	};

	return statement;
}

static RsViewStatement
read_statement(Oid view)
{
	RsViewStatement statement = {.view = view,.read = RS_READ_CATALOG};

	return statement;
}

/*
 * SELECT v.item_id FROM recsys_data.shop_catalog AS v
 *  WHERE v.item_id OPERATOR(pg_catalog.=) ANY ($1)
 *
 * or, to read all of it, without the condition.
 */
static char *
catalog_sql(const RsModel *model, const RsViewStatement *statement)
{
	return psprintf("SELECT v.item_id FROM recsys_data.%s AS v%s",
					quote_identifier(rs_item_catalog_name(model->name)),
					statement->read == RS_READ_LISTED ?
					" WHERE v.item_id OPERATOR(pg_catalog.=) ANY ($1)" : "");
}

PlannedStmt *
rs_item_catalog_plan(const RsModel *model, Oid view)
{
	RsViewStatement statement = look_up_statement(model, view);

	return rs_view_plan_by_indexes(model, &statement, catalog_sql);
}

static double
cost_of(const RsItemCatalog *catalog, const RsViewStatement *statement)
{
	return rs_view_plan_cost(catalog->model, rs_view_plan(catalog->model, statement, catalog_sql),
							 catalog_sql);
}

void
rs_item_catalog_costs(const RsItemCatalog *catalog, double *an_item, double *all)
{
	RsViewStatement look_up = look_up_statement(catalog->model, catalog->view);
	RsViewStatement read = read_statement(catalog->view);

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	*an_item = cost_of(catalog, &look_up) / RS_VIEW_PLAN_ELEMENTS;
	*all = cost_of(catalog, &read);
	SPI_finish();
}

/* ---- reading ------------------------------------------------------------------ */

static void
tell_catalog(void *arg)
{
	const RsItemCatalog *catalog = arg;

	errcontext("catalog of model \"%s\"", catalog->model->name);
}

static void
execute(const RsItemCatalog *catalog, const RsViewStatement *statement, Datum argument,
		RsTakeItem take, void *arg)
{
	ErrorContextCallback callback = {
		.callback = tell_catalog,
		.arg = unconstify(RsItemCatalog *, catalog),
		.previous = error_context_stack,
	};

	error_context_stack = &callback;
	rs_item_rows_read(catalog->model, statement, catalog_sql, argument, take, arg);
	error_context_stack = callback.previous;
}

void
rs_item_catalog_look_up(const RsItemCatalog *catalog, const Datum *ids, int32 n,
						RsTakeItem take, void *arg)
{
	RsViewStatement statement = look_up_statement(catalog->model, catalog->view);
	Oid			type = rs_id_type(catalog->model->item_kind);
	int16		length;
	bool		by_value;
	char		align;
	ArrayType  *array;

	get_typlenbyvalalign(type, &length, &by_value, &align);
	array = construct_array(unconstify(Datum *, ids), n, type, length, by_value, align);
	execute(catalog, &statement, PointerGetDatum(array), take, arg);
	pfree(array);
}

void
rs_item_catalog_read(const RsItemCatalog *catalog, RsTakeItem take, void *arg)
{
	RsViewStatement statement = read_statement(catalog->view);

	execute(catalog, &statement, (Datum) 0, take, arg);
}
