/*-------------------------------------------------------------------------
 *
 * target.c
 *		The checks of a Kafka source's owner, target, columns and transform.
 *
 * Owns nothing; locks the target with AccessShare until the transaction ends.
 * Rights are looked at as those of the source's owner, whoever calls.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_database.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/dbcommands.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/bitmapset.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/rls.h"
#include "utils/syscache.h"

#include "compat.h"
#include "guc.h"
#include "ingest/target.h"

/* ---- the owner ------------------------------------------------------------------ */

bool
rs_kafka_owner_usable(Oid owner, const char **sqlstate, char **reason, char **hint)
{
	HeapTuple	tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(owner));
	char	   *name;
	bool		login;

	if (!HeapTupleIsValid(tuple))
	{
		*sqlstate = "42704";
		*reason = psprintf("the owner, role with OID %u, does not exist", owner);
		*hint = pstrdup("A superuser can give the source another owner with recsys.kafka_alter_source(owner => ...).");
		return false;
	}
	name = pstrdup(NameStr(((Form_pg_authid) GETSTRUCT(tuple))->rolname));
	login = ((Form_pg_authid) GETSTRUCT(tuple))->rolcanlogin;
	ReleaseSysCache(tuple);

	if (superuser_arg(owner) && !rs_kafka_allow_superuser)
	{
		*sqlstate = "42501";
		*reason = psprintf("a superuser, \"%s\", must not own a Kafka source", name);
		*hint = pstrdup("SET ROLE to another role first, or set recsys.kafka_allow_superuser and restart the server.");
		return false;
	}
	if (RS_WORKERS_NEED_LOGIN && !login)
	{
		*sqlstate = "55000";
		*reason = psprintf("role \"%s\" owns a Kafka source but is not permitted to log in", name);
		*hint = psprintf("Up to PostgreSQL 16 a worker needs it: ALTER ROLE %s LOGIN.", quote_identifier(name));
		return false;
	}
	if (!rs_may_connect(MyDatabaseId, owner))
	{
		const char *database = get_database_name(MyDatabaseId);

		*sqlstate = "42501";
		*reason = psprintf("role \"%s\" owns a Kafka source but is not permitted to connect to database \"%s\"",
						   name, database);
		*hint = psprintf("Its worker needs it: GRANT CONNECT ON DATABASE %s TO %s.",
						 quote_identifier(database), quote_identifier(name));
		return false;
	}
	return true;
}

void
rs_kafka_check_owner(Oid owner)
{
	const char *sqlstate;
	char	   *reason;
	char	   *hint;

	if (!rs_kafka_owner_usable(owner, &sqlstate, &reason, &hint))
		ereport(ERROR,
				(errcode(MAKE_SQLSTATE(sqlstate[0], sqlstate[1], sqlstate[2],
									   sqlstate[3], sqlstate[4])),
				 errmsg("%s", reason), errhint("%s", hint)));
}

/* ---- the table ------------------------------------------------------------------ */

static Relation
open_target(Oid target)
{
	Relation	relation = try_relation_open(target, AccessShareLock);
	char		kind;

	if (relation == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", target)));
	kind = relation->rd_rel->relkind;
	if (kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a table", RelationGetRelationName(relation)),
				 errhint("Events are written into ordinary and partitioned tables.")));
	if (relation->rd_rel->relpersistence == RELPERSISTENCE_TEMP)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("table \"%s\" is temporary", RelationGetRelationName(relation)),
				 errdetail("Another process writes into it.")));
	return relation;
}

/* Number of a column that can be written. */
static AttrNumber
writable_column(Relation relation, const char *name)
{
	AttrNumber	attnum = get_attnum(RelationGetRelid(relation), name);
	Form_pg_attribute column;

	if (attnum <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of relation \"%s\" does not exist",
						name, RelationGetRelationName(relation))));
	column = TupleDescAttr(RelationGetDescr(relation), attnum - 1);
	if (column->attgenerated != '\0' || column->attidentity == ATTRIBUTE_IDENTITY_ALWAYS)
		ereport(ERROR,
				(errcode(ERRCODE_GENERATED_ALWAYS),
				 errmsg("column \"%s\" of relation \"%s\" is always generated",
						name, RelationGetRelationName(relation))));
	return attnum;
}

static bool
has_column_right(Oid relation, AttrNumber attnum, Oid role, AclMode right)
{
	return pg_class_aclcheck(relation, role, right) == ACLCHECK_OK ||
		pg_attribute_aclcheck(relation, attnum, role, right) == ACLCHECK_OK;
}

static void
check_column_right(Relation relation, const char *name, Oid role, AclMode right, const char *shown)
{
	if (!has_column_right(RelationGetRelid(relation), writable_column(relation, name), role, right))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for column \"%s\" of relation \"%s\"",
						name, RelationGetRelationName(relation)),
				 errhint("Role \"%s\" needs %s on it.", GetUserNameFromId(role, false), shown)));
}

/* on_conflict update tells rows by the primary key, which must then be written. */
static void
check_primary_key(Relation relation, List *columns)
{
	Bitmapset  *key = RelationGetIndexAttrBitmap(relation, INDEX_ATTR_BITMAP_PRIMARY_KEY);
	ListCell   *cell;

	if (bms_is_empty(key))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_COLUMN_REFERENCE),
				 errmsg("relation \"%s\" has no primary key", RelationGetRelationName(relation)),
				 errhint("on_conflict => 'update' needs one to know which row to update.")));
	foreach(cell, columns)
		key = bms_del_member(key, writable_column(relation, lfirst(cell)) -
							 FirstLowInvalidHeapAttributeNumber);
	if (!bms_is_empty(key))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_COLUMN_REFERENCE),
				 errmsg("on_conflict => 'update' needs all columns of the primary key of \"%s\"",
						RelationGetRelationName(relation))));
}

static void
check_columns(Relation relation, List *columns, Oid role, const char *on_conflict)
{
	bool		update = strcmp(on_conflict, "update") == 0;
	ListCell   *cell;

	foreach(cell, columns)
	{
		check_column_right(relation, lfirst(cell), role, ACL_INSERT, "INSERT");
		if (update)
		{
			check_column_right(relation, lfirst(cell), role, ACL_UPDATE, "UPDATE");
			check_column_right(relation, lfirst(cell), role, ACL_SELECT, "SELECT");
		}
	}
	if (update)
		check_primary_key(relation, columns);
	if (check_enable_rls(RelationGetRelid(relation), role, true) == RLS_ENABLED)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("row policies of \"%s\" hold for role \"%s\"",
						RelationGetRelationName(relation), GetUserNameFromId(role, false)),
				 errhint("Let a role own the source for which they do not, or write into a table without policies.")));
	if (!rs_has_schema_usage(RelationGetNamespace(relation), role))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for schema \"%s\"",
						get_namespace_name(RelationGetNamespace(relation))),
				 errhint("Role \"%s\" needs USAGE on it.", GetUserNameFromId(role, false))));
}

/* ---- what fills the columns -------------------------------------------------------- */

/* The keys of "columns". */
static List *
mapped_columns(Jsonb *columns)
{
	List	   *names = NIL;
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	value;

	if (!JB_ROOT_IS_OBJECT(columns) || JB_ROOT_COUNT(columns) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("columns must be a JSON object that is not empty"),
				 errhint("For instance {\"user_id\": \"$.user\", \"item_id\": \"$.item\"}.")));
	iterator = JsonbIteratorInit(&columns->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			names = lappend(names, pnstrdup(value.val.string.val, value.val.string.len));
	}
	return names;
}

/* A function (bytea or jsonb, jsonb) that the owner may execute. */
static void
check_transform_itself(Oid transform, Oid owner)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(transform));
	Form_pg_proc function;
	bool		fits;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("function with OID %u does not exist", transform)));
	function = (Form_pg_proc) GETSTRUCT(tuple);
	fits = function->prokind == PROKIND_FUNCTION && function->pronargs == 2 &&
		(function->proargtypes.values[0] == BYTEAOID || function->proargtypes.values[0] == JSONBOID) &&
		function->proargtypes.values[1] == JSONBOID;
	ReleaseSysCache(tuple);
	if (!fits)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_FUNCTION_DEFINITION),
				 errmsg("function %s cannot be a transform", format_procedure(transform)),
				 errhint("A transform takes (payload bytea or jsonb, metadata jsonb).")));
	if (!rs_may_execute(transform, owner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for function %s", format_procedure(transform)),
				 errhint("Role \"%s\" needs EXECUTE on it.", GetUserNameFromId(owner, false))));
}

/*
 * The names of the columns that a transform returns.  RETURNS TABLE of one column
 * counts as a scalar, whose name is that of the column; of a table's own rows those
 * that are generated are left out.
 */
static List *
transformed_columns(Oid transform, Oid owner)
{
	List	   *names = NIL;
	TupleDesc	desc;
	TypeFuncClass form;
	char	   *name;

	check_transform_itself(transform, owner);
	form = get_func_result_type(transform, NULL, &desc);
	if ((form == TYPEFUNC_COMPOSITE || form == TYPEFUNC_COMPOSITE_DOMAIN) && desc != NULL)
	{
		for (int i = 0; i < desc->natts; i++)
		{
			Form_pg_attribute column = TupleDescAttr(desc, i);

			if (!column->attisdropped && column->attgenerated == '\0')
				names = lappend(names, pstrdup(NameStr(column->attname)));
		}
	}
	else if (form == TYPEFUNC_SCALAR && (name = get_func_result_name(transform)) != NULL)
		names = list_make1(name);
	if (names == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_FUNCTION_DEFINITION),
				 errmsg("function %s does not return rows with named columns", format_procedure(transform)),
				 errhint("Declare it RETURNS TABLE (...) or RETURNS SETOF the target table.")));
	return names;
}

void
rs_kafka_check_target(const RsKafkaSource *source)
{
	Relation	relation = open_target(source->target);
	List	   *columns = source->columns != NULL ? mapped_columns(source->columns) :
		transformed_columns(source->transform, source->owner);

	check_columns(relation, columns, source->owner, source->on_conflict);
	relation_close(relation, NoLock);
}

void
rs_kafka_describe_target(StringInfo json, Oid target)
{
	Relation	relation = open_target(target);
	TupleDesc	desc = RelationGetDescr(relation);
	const char *separator = "";

	appendStringInfoChar(json, '[');
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(desc, i);

		if (column->attisdropped || column->attgenerated != '\0')
			continue;
		appendStringInfo(json, "%s{\"name\":", separator);
		escape_json(json, NameStr(column->attname));
		appendStringInfo(json, ",\"type\":%u,\"typmod\":%d,\"not_null\":%s}",
						 column->atttypid, column->atttypmod,
						 column->attnotnull ? "true" : "false");
		separator = ",";
	}
	appendStringInfoChar(json, ']');
	relation_close(relation, NoLock);
}
