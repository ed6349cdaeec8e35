/*-------------------------------------------------------------------------
 *
 * insert.c
 *		Rows of text into the target table.
 *
 * on_conflict error goes through COPY's own path: its lines are made here, one
 * for each row, so that the line COPY stands at when it raises an error names the
 * row.  The others take one INSERT ... SELECT FROM unnest() ... ON CONFLICT, whose
 * plan is kept.
 *
 * COPY checks no rights and knows no row policies: both are checked here, for the
 * source's owner.  The table is locked (RowExclusiveLock) until the transaction
 * ends; its definition is looked up by rk_target_open() and rk_target_bind() and
 * the sink makes them again when it has changed.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "commands/copy.h"
#include "commands/copyfrom_internal.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "parser/parse_relation.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/syscache.h"

#include "compat.h"
#include "insert.h"

struct RkTarget
{
	MemoryContext context;		/* of everything below */
	Oid			relation;
	Oid			source_owner;
	Oid			writer;			/* role that writes the rows */
	RkOnConflict on_conflict;
	int			ncolumns;		/* of the table */
	RkColumn   *columns;
	AttrNumber *attnums;
	bool	   *generated;
	int			nbound;			/* of the rows */
	int		   *bound;			/* index into columns[] */
	List	   *names;			/* of the bound ones, for COPY */
	SPIPlanPtr	plan;			/* unless on_conflict error */
};

/* ---- finding the table --------------------------------------------------------- */

static Oid
find_relation(const RkSource *source)
{
	Oid			namespace = get_namespace_oid(source->target_schema, false);
	Oid			relation;

	if (!rk_may_use_schema(namespace, source->owner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for schema %s", source->target_schema),
				 errhint("The owner of the source, role \"%s\", needs USAGE on it.",
						 GetUserNameFromId(source->owner, false))));
	relation = get_relname_relid(source->target_table, namespace);
	if (!OidIsValid(relation))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation \"%s.%s\" does not exist", source->target_schema,
						source->target_table),
				 errhint("The source goes on when there is such a table again.")));
	return relation;
}

static void
check_kind(Relation rel)
{
	if (rel->rd_rel->relkind != RELKIND_RELATION &&
		rel->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a table", RelationGetRelationName(rel))));
	if (rel->rd_rel->relpersistence == RELPERSISTENCE_TEMP)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("table \"%s\" is temporary", RelationGetRelationName(rel))));
	if (rel->rd_rel->relpersistence == RELPERSISTENCE_UNLOGGED)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("table \"%s\" is unlogged", RelationGetRelationName(rel)),
				 errhint("A crash would empty it, but not what is known of the messages it had. ALTER TABLE ... SET LOGGED.")));
}

/* All columns but dropped ones. */
static void
read_columns(RkTarget *target, Relation rel)
{
	TupleDesc	desc = RelationGetDescr(rel);

	target->columns = palloc(sizeof(RkColumn) * (desc->natts + 1));
	target->attnums = palloc(sizeof(AttrNumber) * (desc->natts + 1));
	target->generated = palloc(sizeof(bool) * (desc->natts + 1));
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);
		RkColumn   *column = &target->columns[target->ncolumns];

		if (attribute->attisdropped)
			continue;
		column->name = pstrdup(NameStr(attribute->attname));
		column->type = attribute->atttypid;
		column->typmod = attribute->atttypmod;
		column->not_null = attribute->attnotnull;
		target->generated[target->ncolumns] = attribute->attgenerated != '\0';
		target->attnums[target->ncolumns++] = attribute->attnum;
	}
}

/*
 * The table's owner writes, so that its triggers, defaults and checks run with no
 * other rights than he has anyhow.  A superuser's do not run for somebody else.
 */
static Oid
choose_writer(Oid table_owner, Oid source_owner)
{
	return superuser_arg(table_owner) && !superuser_arg(source_owner) ?
		source_owner : table_owner;
}

/* A kept plan is in no context of ours: called when that of the target goes. */
static void
free_plan(void *arg)
{
	RkTarget   *target = arg;

	if (target->plan != NULL)
		SPI_freeplan(target->plan);
}

RkTarget *
rk_target_open(const RkSource *source)
{
	RkTarget   *target = palloc0(sizeof(RkTarget));
	MemoryContextCallback *callback = palloc0(sizeof(MemoryContextCallback));
	Relation	rel;

	callback->func = free_plan;
	callback->arg = target;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
	target->context = CurrentMemoryContext;
	target->source_owner = source->owner;
	target->on_conflict = source->on_conflict;
	target->relation = find_relation(source);
	rel = table_open(target->relation, RowExclusiveLock);
	check_kind(rel);
	read_columns(target, rel);
	target->writer = choose_writer(rel->rd_rel->relowner, source->owner);
	table_close(rel, NoLock);
	return target;
}

const RkColumn *
rk_target_columns(const RkTarget *target, int *ncolumns)
{
	*ncolumns = target->ncolumns;
	return target->columns;
}

Oid
rk_target_relation(const RkTarget *target)
{
	return target->relation;
}

/* ---- rights -------------------------------------------------------------------------- */

static void
check_right(const RkTarget *target, int column, AclMode mode, const char *right)
{
	if (pg_class_aclcheck(target->relation, target->source_owner, mode) == ACLCHECK_OK ||
		pg_attribute_aclcheck(target->relation, target->attnums[column],
							  target->source_owner, mode) == ACLCHECK_OK)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied for table %s", get_rel_name(target->relation)),
			 errhint("The owner of the source, role \"%s\", needs %s on column \"%s\".",
					 GetUserNameFromId(target->source_owner, false), right,
					 target->columns[column].name)));
}

static void
check_rights(const RkTarget *target)
{
	for (int i = 0; i < target->nbound; i++)
	{
		check_right(target, target->bound[i], ACL_INSERT, "INSERT");
		if (target->on_conflict == RK_CONFLICT_UPDATE)
		{
			check_right(target, target->bound[i], ACL_UPDATE, "UPDATE");
			check_right(target, target->bound[i], ACL_SELECT, "SELECT");
		}
	}
}

static void
check_policies(const RkTarget *target, Oid role)
{
	if (check_enable_rls(target->relation, role, true) == RLS_ENABLED)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("row-level security is in force on table \"%s\" for role \"%s\"",
						get_rel_name(target->relation), GetUserNameFromId(role, false)),
				 errhint("Let the table's owner own the source, or give that role BYPASSRLS.")));
}

/* ---- binding ---------------------------------------------------------------------------- */

/* The index of a column that can be written. */
static int
find_column(const RkTarget *target, const char *name)
{
	int			i = 0;

	while (i < target->ncolumns && strcmp(target->columns[i].name, name) != 0)
		i++;
	if (i == target->ncolumns)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of table \"%s\" does not exist",
						name, get_rel_name(target->relation))));
	if (target->generated[i])
		ereport(ERROR,
				(errcode(ERRCODE_GENERATED_ALWAYS),
				 errmsg("column \"%s\" of table \"%s\" is a generated column",
						name, get_rel_name(target->relation))));
	return i;
}

/* Is a table's column among those of the rows?  Its place there, or -1. */
static int
bound_place(const RkTarget *target, AttrNumber attnum)
{
	for (int i = 0; i < target->nbound; i++)
	{
		if (target->attnums[target->bound[i]] == attnum)
			return i;
	}
	return -1;
}

/* A unique index that can tell conflicts: plain columns, all of them in the rows. */
static bool
index_usable(const RkTarget *target, Form_pg_index index)
{
	if (!index->indisunique || !index->indimmediate || !index->indisvalid)
		return false;
	for (int i = 0; i < index->indnkeyatts; i++)
	{
		if (bound_place(target, index->indkey.values[i]) < 0)
			return false;
	}
	return true;
}

/* Is this a partial index? */
static bool
is_partial(HeapTuple tuple)
{
	return !heap_attisnull(tuple, Anum_pg_index_indpred, NULL);
}

/* The key columns of the index that conflicts are told by: places in the rows. */
static List *
conflict_places(const RkTarget *target, bool *may_be_null)
{
	Relation	rel = table_open(target->relation, NoLock);
	List	   *indexes = RelationGetIndexList(rel);
	Oid			primary = RelationGetPrimaryKeyIndexCompat(rel);
	List	   *places = NIL;
	ListCell   *cell;

	table_close(rel, NoLock);
	foreach(cell, indexes)
	{
		HeapTuple	tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(lfirst_oid(cell)));
		Form_pg_index index;

		if (!HeapTupleIsValid(tuple))
			continue;
		index = (Form_pg_index) GETSTRUCT(tuple);
		if (index_usable(target, index) && !is_partial(tuple) &&
			(places == NIL || index->indexrelid == primary))
		{
			places = NIL;
			for (int i = 0; i < index->indnkeyatts; i++)
				places = lappend_int(places, bound_place(target, index->indkey.values[i]));
			*may_be_null = index->indexrelid != primary && !index->indnullsnotdistinct;
		}
		ReleaseSysCache(tuple);
	}
	if (places == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_COLUMN_REFERENCE),
				 errmsg("table \"%s\" has no primary key or unique index over columns that the source fills",
						get_rel_name(target->relation)),
				 errhint("on_conflict => 'update' needs one.")));
	return places;
}

static const char *
bound_name(const RkTarget *target, int place)
{
	return quote_identifier(target->columns[target->bound[place]].name);
}

/* Names of the rows' columns, with commas. */
static void
append_names(StringInfo sql, const RkTarget *target)
{
	for (int i = 0; i < target->nbound; i++)
		appendStringInfo(sql, "%s%s", i > 0 ? ", " : "", bound_name(target, i));
}

/* Columns of the subquery u, with commas. */
static void
append_places(StringInfo sql, List *places)
{
	ListCell   *cell;

	foreach(cell, places)
		appendStringInfo(sql, "%su.c%d", foreach_current_index(cell) > 0 ? ", " : "",
						 lfirst_int(cell));
}

/*
 * What tells keys apart.  Those with a NULL are all different to most indexes, so
 * the row's number counts for them.
 */
static void
append_key(StringInfo sql, List *places, bool may_be_null)
{
	ListCell   *cell;

	append_places(sql, places);
	if (!may_be_null)
		return;
	appendStringInfoString(sql, ", CASE WHEN ");
	foreach(cell, places)
		appendStringInfo(sql, "%su.c%d IS NULL",
						 foreach_current_index(cell) > 0 ? " OR " : "", lfirst_int(cell));
	appendStringInfoString(sql, " THEN u.n END");
}

/* The values, cast to the columns' types without their lengths: those raise errors
 * when a value is assigned, where a cast would cut it. */
static void
append_casts(StringInfo sql, const RkTarget *target)
{
	for (int i = 0; i < target->nbound; i++)
	{
		Oid			type = target->columns[target->bound[i]].type;

		appendStringInfo(sql, "t.c%d::%s AS c%d, ", i,
						 format_type_extended(type, -1, FORMAT_TYPE_TYPEMOD_GIVEN |
											  FORMAT_TYPE_FORCE_QUALIFY), i);
	}
}

static void
append_source(StringInfo sql, const RkTarget *target)
{
	appendStringInfoString(sql, " FROM (SELECT ");
	append_casts(sql, target);
	appendStringInfoString(sql, "t.n FROM ROWS FROM (");
	for (int i = 0; i < target->nbound; i++)
		appendStringInfo(sql, "%spg_catalog.unnest($%d)", i > 0 ? ", " : "", i + 1);
	appendStringInfoString(sql, ") WITH ORDINALITY AS t(");
	for (int i = 0; i < target->nbound; i++)
		appendStringInfo(sql, "c%d, ", i);
	appendStringInfoString(sql, "n) OFFSET 0) AS u");
}

/* ON CONFLICT (keys) DO UPDATE SET the other columns; nothing when there are none. */
static void
append_update(StringInfo sql, const RkTarget *target, List *places)
{
	bool		any = false;
	ListCell   *cell;

	appendStringInfoString(sql, " ON CONFLICT (");
	foreach(cell, places)
		appendStringInfo(sql, "%s%s", foreach_current_index(cell) > 0 ? ", " : "",
						 bound_name(target, lfirst_int(cell)));
	appendStringInfoString(sql, ") DO ");
	for (int i = 0; i < target->nbound; i++)
	{
		if (list_member_int(places, i))
			continue;
		appendStringInfo(sql, "%s%s = EXCLUDED.%s", any ? ", " : "UPDATE SET ",
						 bound_name(target, i), bound_name(target, i));
		any = true;
	}
	if (!any)
		appendStringInfoString(sql, "NOTHING");
}

static char *
insert_statement(const RkTarget *target)
{
	bool		update = target->on_conflict == RK_CONFLICT_UPDATE;
	bool		may_be_null = false;
	List	   *places = update ? conflict_places(target, &may_be_null) : NIL;
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "INSERT INTO %s (",
					 quote_qualified_identifier(get_namespace_name(get_rel_namespace(target->relation)),
												get_rel_name(target->relation)));
	append_names(&sql, target);
	appendStringInfoString(&sql, ") OVERRIDING SYSTEM VALUE SELECT ");
	if (update)
	{
		/* One row for each key, the last: ON CONFLICT cannot hit a row twice. */
		appendStringInfoString(&sql, "DISTINCT ON (");
		append_key(&sql, places, may_be_null);
		appendStringInfoString(&sql, ") ");
	}
	for (int i = 0; i < target->nbound; i++)
		appendStringInfo(&sql, "%su.c%d", i > 0 ? ", " : "", i);
	append_source(&sql, target);
	if (update)
	{
		appendStringInfoString(&sql, " ORDER BY ");
		append_key(&sql, places, may_be_null);
		appendStringInfoString(&sql, ", u.n DESC");
		append_update(&sql, target, places);
	}
	else
		appendStringInfoString(&sql, " ON CONFLICT DO NOTHING");
	return sql.data;
}

/* Plan the statement as the writer, and keep the plan. */
static SPIPlanPtr
plan_insert(const RkTarget *target)
{
	Oid		   *types = palloc(sizeof(Oid) * target->nbound);
	RkRole		saved;
	SPIPlanPtr	plan;

	for (int i = 0; i < target->nbound; i++)
		types[i] = TEXTARRAYOID;
	SPI_connect();
	rk_role_begin(target->writer, &saved);
	plan = SPI_prepare(insert_statement(target), target->nbound, types);
	if (plan == NULL)
		elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
	rk_role_end(&saved);
	SPI_keepplan(plan);
	SPI_finish();
	return plan;
}

void
rk_target_bind(RkTarget *target, const char *const *columns, int ncolumns)
{
	MemoryContext old = MemoryContextSwitchTo(target->context);

	target->bound = palloc(sizeof(int) * ncolumns);
	for (int i = 0; i < ncolumns; i++)
	{
		target->bound[i] = find_column(target, columns[i]);
		target->names = lappend(target->names, makeString(pstrdup(columns[i])));
	}
	target->nbound = ncolumns;
	MemoryContextSwitchTo(old);
	check_rights(target);
	check_policies(target, target->source_owner);
	check_policies(target, target->writer);
	if (target->on_conflict != RK_CONFLICT_ERROR)
		target->plan = plan_insert(target);
}

/* ---- COPY ---------------------------------------------------------------------------------- */

/*
 * COPY asks for bytes by a function without an argument, so what it reads from
 * is here.  One line is made at a time; it is empty when all of it was taken.
 */
static struct
{
	const RkRows *rows;
	int			next;			/* row of the next line */
	int			end;
	StringInfoData line;
	int			taken;			/* bytes of the line */
} copy_input;

/* A value as COPY's text format has it. */
static void
append_value(StringInfo line, const RkText *value)
{
	const char *p = value->data;
	const char *end = p + value->len;
	char	   *to;

	if (value->data == NULL)
	{
		appendBinaryStringInfo(line, "\\N", 2);
		return;
	}
	enlargeStringInfo(line, (int) (2 * Min(value->len, (size_t) MaxAllocSize / 2)));
	to = line->data + line->len;
	for (; p < end; p++)
	{
		switch (*p)
		{
			case '\\':
				*to++ = '\\';
				*to++ = '\\';
				break;
			case '\t':
				*to++ = '\\';
				*to++ = 't';
				break;
			case '\n':
				*to++ = '\\';
				*to++ = 'n';
				break;
			case '\r':
				*to++ = '\\';
				*to++ = 'r';
				break;
			default:
				*to++ = *p;
		}
	}
	line->len = to - line->data;
}

static void
make_line(void)
{
	const RkRows *rows = copy_input.rows;
	const RkText *values = rows->values + (size_t) copy_input.next * rows->ncolumns;

	resetStringInfo(&copy_input.line);
	copy_input.taken = 0;
	for (int i = 0; i < rows->ncolumns; i++)
	{
		if (i > 0)
			appendStringInfoCharMacro(&copy_input.line, '\t');
		append_value(&copy_input.line, &values[i]);
	}
	appendStringInfoCharMacro(&copy_input.line, '\n');
	copy_input.next++;
}

/* COPY's source of data: up to maxread bytes; 0 is the end. */
static int
read_lines(void *buffer, int minread, int maxread)
{
	int			done = 0;

	while (done < maxread)
	{
		int			rest = copy_input.line.len - copy_input.taken;

		if (rest == 0)
		{
			if (copy_input.next >= copy_input.end)
				break;
			make_line();
			continue;
		}
		rest = Min(rest, maxread - done);
		memcpy((char *) buffer + done, copy_input.line.data + copy_input.taken, rest);
		copy_input.taken += rest;
		done += rest;
	}
	return done;
}

static void
copy_rows(RkTarget *target, const RkRows *rows, int first, int n, int *failed_row)
{
	Relation	rel = table_open(target->relation, RowExclusiveLock);
	ParseState *pstate = make_parsestate(NULL);
	CopyFromState copy;

	copy_input.rows = rows;
	copy_input.next = first;
	copy_input.end = first + n;
	initStringInfo(&copy_input.line);
	copy_input.taken = 0;
	(void) addRangeTableEntryForRelation(pstate, rel, RowExclusiveLock, NULL, false, false);
	copy = BeginCopyFrom(pstate, rel, NULL, NULL, false, read_lines, target->names,
						 list_make1(makeDefElem("encoding",
												(Node *) makeString("utf8"), -1)));
	PG_TRY();
	{
		(void) CopyFrom(copy);
	}
	PG_CATCH();
	{
		if (copy->cur_lineno >= 1 && copy->cur_lineno <= (uint64) n)
			*failed_row = first + (int) copy->cur_lineno - 1;
		PG_RE_THROW();
	}
	PG_END_TRY();
	EndCopyFrom(copy);
	free_parsestate(pstate);
	table_close(rel, NoLock);
}

/* ---- INSERT ... ON CONFLICT -------------------------------------------------------------------- */

/* A value in the server's encoding, as text; the mapping has checked that it is UTF-8. */
static Datum
text_datum(const RkText *value)
{
	char	   *server = pg_any_to_server(value->data, (int) value->len, PG_UTF8);
	size_t		len = server == value->data ? value->len : strlen(server);

	return PointerGetDatum(cstring_to_text_with_len(server, (int) len));
}

/* One column of the rows as text[]. */
static Datum
column_array(const RkRows *rows, int first, int n, int column)
{
	Datum	   *values = palloc(sizeof(Datum) * n);
	bool	   *nulls = palloc(sizeof(bool) * n);
	int			dims[] = {n};
	int			lower[] = {1};

	for (int i = 0; i < n; i++)
	{
		const RkText *value = &rows->values[(size_t) (first + i) * rows->ncolumns + column];

		nulls[i] = value->data == NULL;
		values[i] = nulls[i] ? (Datum) 0 : text_datum(value);
	}
	return PointerGetDatum(construct_md_array(values, nulls, 1, dims, lower, TEXTOID,
											  -1, false, TYPALIGN_INT));
}

static void
insert_rows(RkTarget *target, const RkRows *rows, int first, int n)
{
	Datum	   *arrays;
	int			result;

	SPI_connect();
	arrays = palloc(sizeof(Datum) * rows->ncolumns);
	for (int i = 0; i < rows->ncolumns; i++)
		arrays[i] = column_array(rows, first, n, i);
	result = SPI_execute_plan(target->plan, arrays, NULL, false, 0);
	if (result != SPI_OK_INSERT)
		elog(ERROR, "SPI_execute_plan failed: %s", SPI_result_code_string(result));
	SPI_finish();
}

void
rk_target_insert(RkTarget *target, const RkRows *rows, int first, int n,
				 int *failed_row)
{
	RkRole		saved;

	*failed_row = -1;
	if (n == 0)
		return;
	rk_role_begin(target->writer, &saved);
	if (target->on_conflict == RK_CONFLICT_ERROR)
		copy_rows(target, rows, first, n, failed_row);
	else
		insert_rows(target, rows, first, n);
	rk_role_end(&saved);
}
