/*-------------------------------------------------------------------------
 *
 * define.c
 *		Creating, altering and dropping models.
 *
 * The view and the factor tables are made by ordinary DDL as the caller, so
 * that they own them and the server keeps the dependencies, the rights and the
 * dump; the row in recsys.model is written as the catalog's owner.  The source
 * is locked before its rights are looked at and stays locked, so that what was
 * checked is what is used.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "rewrite/rewriteHandler.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/ruleutils.h"
#include "utils/snapmgr.h"

#include "compat.h"
#include "rs_limits.h"
#include "store/define.h"
#include "store/factor_table.h"
#include "store/known.h"
#include "store/model.h"
#include "store/user_index.h"

bool
rs_run_as_parse(const char *name)
{
	if (strcmp(name, "caller") != 0 && strcmp(name, "owner") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unrecognized run_as \"%s\"", name),
				 errhint("Valid values are \"caller\" and \"owner\".")));
	return strcmp(name, "owner") == 0;
}

static void
check_name(const char *name)
{
	size_t		len = strlen(name);

	if (len == 0 || len > RS_MAX_MODEL_NAME)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("model name must have between 1 and %d bytes, not %zu",
						RS_MAX_MODEL_NAME, len)));
}

static bool
may_create(void)
{
	return rs_has_schema_create(rs_data_namespace(), GetUserId());
}

static void
check_may_create(void)
{
	if (!may_create())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to create recommendation models"),
				 errhint("A database administrator can GRANT CREATE ON SCHEMA recsys_data.")));
}

/* ---- what is left of a model ------------------------------------------------ */

/*
 * Parts that make no model are left over: a row whose view went with its source or
 * its owner; factor tables, perhaps with a view, without a row, after a restore by a
 * role that may not write to the catalog.  A view alone is no part of anything.
 */
static bool
is_left_over(const RsModelParts *parts)
{
	return !rs_model_is_whole(parts) &&
		(parts->row || OidIsValid(parts->user_factors) || OidIsValid(parts->item_factors));
}

static bool
has_relations(const RsModelParts *parts)
{
	return OidIsValid(parts->view) || OidIsValid(parts->user_factors) ||
		OidIsValid(parts->item_factors);
}

static bool
is_part(const RsModelParts *parts, Oid relation)
{
	return relation == parts->view || relation == parts->user_factors ||
		relation == parts->item_factors || relation == parts->catalog;
}

static bool
owns_or_absent(Oid relation)
{
	return !OidIsValid(relation) || rs_owns_relation(relation, GetUserId());
}

/*
 * May the current user remove what is left?  Relations are their owner's; a row
 * alone, which no relation ties to anybody, is whose name it blocks.
 */
static bool
may_remove(const RsModelParts *parts)
{
	if (!has_relations(parts))
		return may_create();
	return owns_or_absent(parts->view) && owns_or_absent(parts->user_factors) &&
		owns_or_absent(parts->item_factors);
}

/*
 * Where a subscription writes into recsys.model, a row without relations is the
 * publisher's and not left over; and a name that is free may not be for long.
 */
static void
check_not_replicated(const char *model, const RsModelParts *parts)
{
	if (!rs_is_subscribed(rs_model_table()))
		return;
	ereport(parts->row ? ERROR : WARNING,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 parts->row ?
			 errmsg("model \"%s\" is replicated from a publisher", model) :
			 errmsg("models are replicated from a publisher"),
			 errdetail("A subscription writes into recsys.model; a model of the same name at the publisher ends the replication."),
			 errhint("Use a name that the publisher does not use.")));
}

/*
 * A session that removes what is left of a name keeps others from making a model of it, and
 * the other way round, until the transaction ends: rows of the catalog are deleted by
 * name, and must not be those of a model that came meanwhile.  Only those who may do
 * either take the lock.
 */
static void
lock_name(const char *name)
{
	uint32		hash = DatumGetUInt32(hash_any((const unsigned char *) name, strlen(name)));

	LockDatabaseObject(rs_model_table(), hash, 0, ExclusiveLock);
}

/* The names of the view, of the factor tables and of the catalogue must be free. */
static void
check_names_free(const char *model, bool has_catalog)
{
	const char *names[] = {
		model, rs_user_factors_name(model), rs_item_factors_name(model),
		rs_item_catalog_name(model)
	};
	int			n = (int) lengthof(names) - (has_catalog ? 0 : 1);
	RsModelParts parts;

	rs_model_parts(model, &parts);
	check_not_replicated(model, &parts);
	if (rs_model_is_whole(&parts))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("recommendation model \"%s\" already exists", model),
				 errhint("Use recsys.drop_model() or recsys.alter_model().")));
	for (int i = 0; i < n; i++)
	{
		Oid			relation = get_relname_relid(names[i], rs_data_namespace());

		if (OidIsValid(relation))
			ereport(ERROR,
					(errcode(ERRCODE_DUPLICATE_TABLE),
					 errmsg("relation \"%s\" already exists in schema \"recsys_data\"", names[i]),
					 is_left_over(&parts) && is_part(&parts, relation) && may_remove(&parts) ?
					 errhint("recsys.drop_model(%s) removes what is left of a model of this name.",
							 quote_literal_cstr(model)) :
					 errhint("Choose another name, or let the relation's owner drop or rename it.")));
	}
}

/* Execute DDL or a probe of ours as the current user; SPI is connected. */
static void
execute(const char *sql)
{
	int			result = SPI_execute(sql, false, 0);

	if (result < 0)
		elog(ERROR, "SPI_execute failed: %s", SPI_result_code_string(result));
}

/* Open and lock the source: a relation that a view can be laid over. */
static Relation
open_source(Oid relation)
{
	Relation	source = try_relation_open(relation, AccessShareLock);
	char		kind;

	if (source == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", relation)));
	kind = source->rd_rel->relkind;
	if (kind != RELKIND_RELATION && kind != RELKIND_VIEW && kind != RELKIND_MATVIEW &&
		kind != RELKIND_PARTITIONED_TABLE && kind != RELKIND_FOREIGN_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a table or view", RelationGetRelationName(source))));
	if (source->rd_rel->relpersistence == RELPERSISTENCE_TEMP)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("relation \"%s\" is temporary", RelationGetRelationName(source)),
				 errdetail("A model outlives the session that creates it.")));
	return source;
}

/* Number of a column of the source, an error if it is not there. */
static AttrNumber
source_column(Relation source, const char *column)
{
	AttrNumber	attnum = get_attnum(RelationGetRelid(source), column);

	if (attnum <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of relation \"%s\" does not exist",
						column, RelationGetRelationName(source)),
				 errhint("Name the columns: user_column, item_column, rating_column, time_column.")));
	return attnum;
}

/* Base type of a column of the source. */
static Oid
source_type(Relation source, const char *column)
{
	return getBaseType(get_atttype(RelationGetRelid(source), source_column(source, column)));
}

static void
check_id_column(Relation source, const char *column)
{
	Oid			type = source_type(source, column);
	Oid			collation;
	int32		typmod;
	RsIdKind	kind;

	if (!rs_id_kind_of_type(type, &kind))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("column \"%s\" of type %s cannot be an id", column, format_type_be(type)),
				 errhint("Ids may be smallint, integer, bigint, text, varchar or uuid; a view can cast others.")));
	get_atttypetypmodcoll(RelationGetRelid(source), source_column(source, column),
						  &type, &typmod, &collation);
	if (kind == RS_ID_TEXT && OidIsValid(collation) && !get_collation_isdeterministic(collation))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("column \"%s\" has a nondeterministic collation", column),
				 errdetail("Ids are compared byte by byte.")));
}

static void
check_rating_column(Relation source, const char *column)
{
	Oid			type = source_type(source, column);

	if (type != INT2OID && type != INT4OID && type != INT8OID &&
		type != FLOAT4OID && type != FLOAT8OID && type != NUMERICOID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of type %s cannot be a rating", column, format_type_be(type)),
				 errhint("Ratings may be of any numeric type.")));
}

static void
check_time_column(Relation source, const char *column)
{
	Oid			type = source_type(source, column);

	if (type != TIMESTAMPTZOID && type != TIMESTAMPOID && type != DATEOID &&
		type != INT2OID && type != INT4OID && type != INT8OID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of type %s cannot be a time", column, format_type_be(type)),
				 errhint("Times may be timestamps, dates or whole numbers.")));
}

/* Explicit feedback without rating_column takes the column "rating". */
static void
check_columns(Relation source, RsModelDefinition *definition)
{
	if (definition->rating_column == NULL && definition->feedback == RS_EXPLICIT)
		definition->rating_column = "rating";
	check_id_column(source, definition->user_column);
	check_id_column(source, definition->item_column);
	if (definition->rating_column != NULL)
		check_rating_column(source, definition->rating_column);
	if (definition->time_column != NULL)
		check_time_column(source, definition->time_column);
}

/*
 * The column of the items in what is to be the catalogue: the one that is given, or
 * the one that is called as in the source.  Ids are compared with those of the model,
 * as they are: a cast would keep the index of the column from being used.
 */
static const char *
check_catalog_column(Relation catalog, const char *column, const char *item_column, Oid item_type)
{
	RsIdKind	items;
	RsIdKind	kind;

	if (column == NULL)
		column = item_column;
	if (get_attnum(RelationGetRelid(catalog), column) <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of relation \"%s\" does not exist",
						column, RelationGetRelationName(catalog)),
				 errhint("Name the column of the catalog that has the items: catalog_column.")));
	check_id_column(catalog, column);
	if (!rs_id_kind_of_type(source_type(catalog, column), &kind) ||
		!rs_id_kind_of_type(item_type, &items) || kind != items)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of relation \"%s\" is of type %s, but the items of the model are of type %s",
						column, RelationGetRelationName(catalog),
						format_type_be(source_type(catalog, column)), format_type_be(item_type)),
				 errhint("A view can cast it; an index on the cast finds the items then.")));
	return column;
}

/* Options as a run would use them, or an error. */
static void
check_options(RsFeedback feedback, RsAlgorithm algorithm, Jsonb *json, bool has_time)
{
	RsOptions	options;

	rs_options_resolve(feedback, json, NULL, &options);
	rs_options_check_time(&options, has_time);
	rs_options_check_weights(&options, algorithm);
}

/* SELECT list of the view: user_id, item_id, rating, time. */
static char *
view_columns(const RsModelDefinition *definition)
{
	StringInfoData list;

	initStringInfo(&list);
	appendStringInfo(&list, "s.%s AS user_id", quote_identifier(definition->user_column));
	appendStringInfo(&list, ", s.%s AS item_id", quote_identifier(definition->item_column));
	if (definition->rating_column != NULL)
		appendStringInfo(&list, ", s.%s AS rating", quote_identifier(definition->rating_column));
	else
		appendStringInfoString(&list, ", 1::pg_catalog.float4 AS rating");
	if (definition->time_column != NULL)
		appendStringInfo(&list, ", s.%s AS \"time\"", quote_identifier(definition->time_column));
	else
		appendStringInfoString(&list, ", NULL::pg_catalog.timestamptz AS \"time\"");
	return list.data;
}

/* Type and collation of a factor table's id column. */
static char *
id_column_type(Relation source, const char *column)
{
	Oid			type;
	Oid			collation;
	int32		typmod;
	char	   *name;

	get_atttypetypmodcoll(RelationGetRelid(source), source_column(source, column),
						  &type, &typmod, &collation);
	name = format_type_be_qualified(getBaseType(type));
	if (!OidIsValid(collation))
		return name;
	return psprintf("%s COLLATE %s", name, generate_collation_name(collation));
}

static RsIdKind
column_kind(Relation source, const char *column)
{
	Oid			type = get_atttype(RelationGetRelid(source), source_column(source, column));
	RsIdKind	kind;

	if (!rs_id_kind_of_type(getBaseType(type), &kind))
		elog(ERROR, "unexpected type of id column: %u", type);
	return kind;
}

/* A view that was just made. */
static Oid
find_view(const char *name)
{
	return get_relname_relid(name, rs_data_namespace());
}

/*
 * The lock on the source keeps its name, but not that of its schema: the view
 * was made by name and must be over what was checked.
 */
static void
check_view(Relation source, const char *name)
{
	Relation	view = relation_open(find_view(name), AccessShareLock);
	ListCell   *cell;
	bool		found = false;

	foreach(cell, get_view_query(view)->rtable)
	{
		const RangeTblEntry *entry = lfirst_node(RangeTblEntry, cell);

		if (entry->rtekind == RTE_RELATION && entry->relid == RelationGetRelid(source))
			found = true;
	}
	relation_close(view, NoLock);
	if (!found)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("relation \"%s\" was moved while the model was created",
						RelationGetRelationName(source))));
}

static char *
qualified_name(Relation relation)
{
	return quote_qualified_identifier(get_namespace_name(RelationGetNamespace(relation)),
									  RelationGetRelationName(relation));
}

static void
create_relations(Relation source, const RsModelDefinition *definition)
{
	const char *view = quote_identifier(definition->name);
	char	   *relation = qualified_name(source);
	char	   *columns = view_columns(definition);

	/* the rights on the columns, asked for in the ordinary way */
	execute(psprintf("SELECT %s FROM %s AS s LIMIT 0", columns, relation));
	execute(psprintf("CREATE VIEW recsys_data.%s WITH (security_invoker = %s) AS SELECT %s FROM %s AS s",
					 view, definition->run_as_owner ? "false" : "true", columns, relation));
	check_view(source, definition->name);
	execute(rs_factor_table_sql(rs_user_factors_name(definition->name), true,
								id_column_type(source, definition->user_column),
								column_kind(source, definition->user_column)));
	execute(rs_factor_table_sql(rs_item_factors_name(definition->name), false,
								id_column_type(source, definition->item_column),
								column_kind(source, definition->item_column)));
	execute(psprintf("COMMENT ON VIEW recsys_data.%s IS"
					 " 'what a recommendation model reads; SELECT on it is the right to use the model'", view));
}

/*
 * Make the catalogue's view, or replace the one that there is, which keeps its grants:
 *
 * CREATE OR REPLACE VIEW recsys_data.shop_catalog WITH (security_invoker = true)
 *  AS SELECT s.product AS item_id FROM public.products_on_sale AS s
 */
static void
create_catalog(Relation catalog, const char *model, const char *column, bool run_as_owner,
			   bool replace)
{
	char	   *name = rs_item_catalog_name(model);
	char	   *select = psprintf("SELECT s.%s AS item_id FROM %s AS s",
								  quote_identifier(column), qualified_name(catalog));

	/* the right on the column, asked for in the ordinary way */
	execute(psprintf("%s LIMIT 0", select));
	execute(psprintf("CREATE %sVIEW recsys_data.%s WITH (security_invoker = %s) AS %s",
					 replace ? "OR REPLACE " : "", quote_identifier(name),
					 run_as_owner ? "false" : "true", select));
	check_view(catalog, name);
	execute(psprintf("COMMENT ON VIEW recsys_data.%s IS"
					 " 'the items that may be recommended: whoever asks is shown those that they see here'",
					 quote_identifier(name)));
}

/*
 * Delete a model's rows from the catalog.  No foreign key does it: a parallel
 * restore loads the tables in any order.
 */
static void
delete_model_rows(const char *name)
{
	Oid			types[] = {TEXTOID};
	Datum		values[] = {CStringGetTextDatum(name)};

	rs_catalog_execute("DELETE FROM recsys.model_version WHERE model = $1", 1, types, values, NULL, false);
	rs_catalog_execute("DELETE FROM recsys.model WHERE name = $1", 1, types, values, NULL, false);
	rs_model_unbind(name);
}

static void
insert_model_row(const RsModelDefinition *definition)
{
	Oid			types[] = {TEXTOID, TEXTOID, TEXTOID, JSONBOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID};
	Datum		values[8];
	char		nulls[] = "        ";

	values[0] = CStringGetTextDatum(definition->name);
	values[1] = CStringGetTextDatum(rs_feedback_name(definition->feedback));
	values[2] = CStringGetTextDatum(rs_algorithm(definition->algorithm)->name);
	values[3] = JsonbPGetDatum(definition->options);
	values[4] = CStringGetTextDatum(definition->user_column);
	values[5] = CStringGetTextDatum(definition->item_column);
	values[6] = (Datum) 0;
	values[7] = (Datum) 0;
	if (definition->rating_column != NULL)
		values[6] = CStringGetTextDatum(definition->rating_column);
	else
		nulls[6] = 'n';
	if (definition->time_column != NULL)
		values[7] = CStringGetTextDatum(definition->time_column);
	else
		nulls[7] = 'n';

	/* a row that is left of another model makes room */
	delete_model_rows(definition->name);
	rs_catalog_execute("INSERT INTO recsys.model (name, feedback, algorithm, options, last_version,"
					   " user_column, item_column, rating_column, time_column, created_at)"
					   " VALUES ($1, $2, $3, $4, 0, $5, $6, $7, $8, pg_catalog.now())",
					   8, types, values, nulls, false);
}

/*
 * The columns of an index that has all that serving reads of a user, with the latest
 * rows in order: (user, time) INCLUDE (item, rating).
 */
static char *
user_index_columns(const RsModelDefinition *definition)
{
	StringInfoData list;

	initStringInfo(&list);
	appendStringInfo(&list, "(%s", quote_identifier(definition->user_column));
	if (definition->time_column != NULL)
		appendStringInfo(&list, ", %s", quote_identifier(definition->time_column));
	appendStringInfo(&list, ") INCLUDE (%s", quote_identifier(definition->item_column));
	if (definition->rating_column != NULL)
		appendStringInfo(&list, ", %s", quote_identifier(definition->rating_column));
	appendStringInfoChar(&list, ')');
	return list.data;
}

/* Say in the model's row that it has a catalogue, or (NULL) none. */
static void
set_catalog_column(const char *model, const char *column)
{
	Oid			types[] = {TEXTOID, TEXTOID};
	Datum		values[2] = {CStringGetTextDatum(model), (Datum) 0};
	char		nulls[] = " n";

	if (column != NULL)
	{
		values[1] = CStringGetTextDatum(column);
		nulls[1] = ' ';
	}
	rs_catalog_execute("UPDATE recsys.model SET catalog_column = $2 WHERE name = $1",
					   2, types, values, nulls, false);
}

static void
check_catalog_arguments(Oid catalog, const char *column)
{
	if (!OidIsValid(catalog) && column != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("catalog_column is given without a catalog")));
}

static void
define_catalog(Relation source, RsModelDefinition *definition)
{
	Relation	catalog = open_source(definition->catalog);

	definition->catalog_column =
		check_catalog_column(catalog, definition->catalog_column, definition->item_column,
							 source_type(source, definition->item_column));
	create_catalog(catalog, definition->name, definition->catalog_column,
				   definition->run_as_owner, false);
	set_catalog_column(definition->name, definition->catalog_column);
	relation_close(catalog, NoLock);
}

/* Look at the model as it was just made. */
static void
check_indexes(const RsModelDefinition *definition)
{
	RsModel    *model;

	rs_new_snapshot_begin();
	model = rs_model_open(definition->name, RS_MODEL_OWN);
	rs_user_index_check(model, definition->source, definition->user_column,
						user_index_columns(definition));
	if (OidIsValid(definition->catalog))
		rs_catalog_index_check(model, find_view(rs_item_catalog_name(definition->name)),
							   definition->catalog, definition->catalog_column);
	rs_new_snapshot_end();
}

void
rs_model_create(RsModelDefinition *definition)
{
	Relation	source;

	check_name(definition->name);
	check_options(definition->feedback, definition->algorithm, definition->options,
				  definition->time_column != NULL);
	check_catalog_arguments(definition->catalog, definition->catalog_column);
	check_may_create();
	lock_name(definition->name);
	check_names_free(definition->name, OidIsValid(definition->catalog));

	source = open_source(definition->source);
	check_columns(source, definition);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	create_relations(source, definition);
	insert_model_row(definition);
	if (OidIsValid(definition->catalog))
		define_catalog(source, definition);
	check_indexes(definition);
	SPI_finish();
	relation_close(source, NoLock);
}

/*
 * Lay the changes over the model's row; a JSON null takes an option away.  One
 * statement, so that of two who change different options both succeed.  The
 * options that result are returned, with the feedback.
 */
static Jsonb *
update_model_row(const RsModel *model, const RsModelChange *change, RsFeedback *feedback,
				 RsAlgorithm *algorithm)
{
	Oid			types[] = {TEXTOID, TEXTOID, TEXTOID, JSONBOID};
	Datum		values[4] = {0};
	char		nulls[] = " nnn";
	bool		isnull;

	values[0] = CStringGetTextDatum(model->name);
	if (change->feedback != NULL)
	{
		values[1] = CStringGetTextDatum(rs_feedback_name(rs_feedback_parse(change->feedback)));
		nulls[1] = ' ';
	}
	if (change->algorithm != NULL)
	{
		values[2] = CStringGetTextDatum(rs_algorithm(rs_algorithm_parse(change->algorithm))->name);
		nulls[2] = ' ';
	}
	if (change->options != NULL)
	{
		rs_options_check_names(model->feedback, change->options);
		values[3] = JsonbPGetDatum(change->options);
		nulls[3] = ' ';
	}
	rs_catalog_execute("UPDATE recsys.model SET feedback = coalesce($2, feedback),"
					   " algorithm = coalesce($3, algorithm),"
					   " options = coalesce(pg_catalog.jsonb_strip_nulls(options || $4), options)"
					   " WHERE name = $1 RETURNING feedback, algorithm, options",
					   4, types, values, nulls, false);
	if (SPI_processed != 1)
		rs_model_missing(model->name);
	*feedback = rs_feedback_parse(SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1));
	*algorithm = rs_algorithm_parse(SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2));
	return DatumGetJsonbP(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 3, &isnull));
}

/*
 * DROP checks that callers own what they drop, and what depends on it.  By name: it
 * waits for readers, and meanwhile the owner may drop or rename the next part, which
 * then is an error.
 */
static void
drop_relation(const char *kind, Oid relation, const char *name)
{
	if (OidIsValid(relation))
		execute(psprintf("DROP %s recsys_data.%s", kind, quote_identifier(name)));
}

static void
alter_run_as(const char *view, bool owner)
{
	execute(psprintf("ALTER VIEW recsys_data.%s SET (security_invoker = %s)",
					 quote_identifier(view), owner ? "false" : "true"));
}

/* The catalogue's view of a model whose view and tables are there; InvalidOid: none. */
static Oid
find_catalog(const RsModel *model)
{
	RsModelParts parts;

	rs_model_parts(model->name, &parts);
	return parts.catalog;
}

static void
replace_catalog(const RsModel *model, const RsModelChange *change, bool run_as_owner)
{
	Relation	catalog = open_source(change->catalog);
	const char *column = check_catalog_column(catalog, change->catalog_column,
											  model->item_column, model->item_type);

	create_catalog(catalog, model->name, column, run_as_owner, OidIsValid(find_catalog(model)));
	rs_catalog_index_check(model, find_view(rs_item_catalog_name(model->name)), change->catalog, column);
	set_catalog_column(model->name, column);
	relation_close(catalog, NoLock);
}

static void
drop_catalog(const RsModel *model)
{
	drop_relation("VIEW", find_catalog(model), rs_item_catalog_name(model->name));
	set_catalog_column(model->name, NULL);
}

/*
 * The catalogue is changed as the model's owner: the view is theirs whoever alters the
 * model, and what it reads is for them to have the right to.
 */
static void
alter_catalog(const RsModel *model, const RsModelChange *change)
{
	bool		run_as_owner = change->run_as != NULL ? rs_run_as_parse(change->run_as) :
		model->run_as_owner;
	RsOwnerContext context;

	rs_owner_begin(model->owner, &context);
	if (change->drop_catalog)
		drop_catalog(model);
	else if (OidIsValid(change->catalog))
		replace_catalog(model, change, run_as_owner);
	else if (OidIsValid(find_catalog(model)))
		alter_run_as(rs_item_catalog_name(model->name), run_as_owner);
	rs_owner_end(&context);
}

/* Changing a view keeps others from changing, training and dropping the model. */
static bool
changes_views(const RsModelChange *change)
{
	return change->run_as != NULL || OidIsValid(change->catalog) || change->drop_catalog;
}

static bool
lacks_columns(const RsModel *model, bool of_users)
{
	Relation	table = rs_factor_table_open(model, of_users, AccessShareLock);
	bool		lacks = !rs_factor_table_is_extended(table);

	table_close(table, AccessShareLock);
	return lacks;
}

/*
 * Do the factor tables, of before 0.2.0, lack columns that the new algorithm needs?
 * Adding them keeps others from training, too.
 */
static bool
needs_columns(const RsModel *model, const RsModelChange *change)
{
	return change->algorithm != NULL &&
		rs_algorithm(rs_algorithm_parse(change->algorithm))->weighs_parts &&
		(lacks_columns(model, true) || lacks_columns(model, false));
}

/*
 * Add them as the owner of the tables.  No row is rewritten, so the lock, which waits for
 * readers, is short.
 */
static void
add_columns(const RsModel *model)
{
	RsOwnerContext context;

	rs_owner_begin(model->owner, &context);
	for (int of_users = 0; of_users < 2; of_users++)
	{
		if (lacks_columns(model, of_users))
			execute(rs_factor_table_extend_sql(model, of_users));
	}
	rs_owner_end(&context);
}

static void
check_change(const RsModelChange *change)
{
	check_catalog_arguments(change->catalog, change->catalog_column);
	if (OidIsValid(change->catalog) && change->drop_catalog)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a catalog is given and dropped"),
				 errhint("drop_catalog takes the catalog away; a new one replaces it without.")));
}

void
rs_model_alter(const char *name, const RsModelChange *change)
{
	RsModel    *model;
	RsFeedback	feedback;
	RsAlgorithm algorithm;
	Jsonb	   *options;
	bool		widens;

	check_change(change);
	model = rs_model_open(name, changes_views(change) ? RS_MODEL_CHANGE : RS_MODEL_OWN);
	widens = needs_columns(model, change);
	if (widens)
		model = rs_model_open(name, RS_MODEL_CHANGE);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (widens)
		add_columns(model);
	/* the views before the row, as a training does that publishes */
	if (change->run_as != NULL)
		alter_run_as(model->name, rs_run_as_parse(change->run_as));
	if (changes_views(change))
		alter_catalog(model, change);
	options = update_model_row(model, change, &feedback, &algorithm);
	check_options(feedback, algorithm, options, model->time_column != NULL);
	if (feedback == RS_EXPLICIT && model->rating_column == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("explicit feedback needs a rating column"),
				 errdetail("Model \"%s\" counts rows.", model->name),
				 errhint("Create a model with rating_column.")));
	SPI_finish();
}

static void
drop_parts(const char *name, const RsModelParts *parts)
{
	drop_relation("VIEW", parts->view, name);
	drop_relation("VIEW", parts->catalog, rs_item_catalog_name(name));
	drop_relation("TABLE", parts->user_factors, rs_user_factors_name(name));
	drop_relation("TABLE", parts->item_factors, rs_item_factors_name(name));
	delete_model_rows(name);
}

/* Without relations there is nothing to own: who may not remove the row sees none. */
static bool
has_leftovers_for_user(const RsModelParts *parts)
{
	return is_left_over(parts) && (has_relations(parts) || may_remove(parts));
}

void
rs_model_drop(const char *name, bool if_exists)
{
	RsModelParts parts;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	rs_model_parts(name, &parts);
	if (has_leftovers_for_user(&parts))
	{
		lock_name(name);
		rs_model_parts(name, &parts);
	}
	if (has_leftovers_for_user(&parts))
		drop_parts(name, &parts);
	else if (if_exists && !rs_model_is_whole(&parts))
		ereport(NOTICE,
				(errmsg("recommendation model \"%s\" does not exist, skipping",
						rs_model_shown_name(name))));
	else
	{
		RsModel    *model = rs_model_open(name, RS_MODEL_DROP);

		rs_model_parts(model->name, &parts);
		drop_parts(model->name, &parts);
	}
	SPI_finish();
}
