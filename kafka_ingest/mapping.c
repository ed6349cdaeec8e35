/*-------------------------------------------------------------------------
 *
 * mapping.c
 *		From kafka_source.columns and the target's columns to an RkMapping.
 *
 * Everything is palloc'd in the current context and never freed singly: a mapping
 * lives as long as what was opened with it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "compat.h"
#include "mapping.h"

#define HEADER_PREFIX "@header."

/* Text of this database as messages have it. */
static RkText
utf8_text(const char *text)
{
	RkText		result;

	result.data = pg_server_to_any(text, (int) strlen(text), PG_UTF8);
	result.len = strlen(result.data);
	return result;
}

/* ---- a place in the message --------------------------------------------------- */

pg_noreturn static void
bad_path(const char *column, const char *path)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid path \"%s\" for column \"%s\"", path, column),
			 errhint("Write \"$.name.name\" for a place in the payload, a name with a dot or space in double quotes, or one of \"@key\", \"@timestamp\", \"@partition\", \"@offset\", \"@header.NAME\".")));
}

/* A name in double quotes, in which a backslash takes the next byte as it is. */
static const char *
quoted_name(const char *p, RkText *name)
{
	char	   *start = palloc(strlen(p) + 1);
	char	   *to = start;

	for (p++; *p != '"'; p++)
	{
		if (*p == '\\')
			p++;
		if (*p == '\0')
			return NULL;
		*to++ = *p;
	}
	*to = '\0';
	*name = utf8_text(start);
	return p + 1;
}

/* A name without quotes ends at a dot; what looks like more than a name is refused. */
static const char *
bare_name(const char *p, RkText *name)
{
	size_t		len = strcspn(p, ".");

	if (len == 0 || strcspn(p, "[]()*?@\"\\ \t\r\n") < len)
		return NULL;
	*name = utf8_text(pnstrdup(p, len));
	return p + len;
}

/* The names of "$.a.b"; none for "$". */
static void
parse_names(const char *path, RkField *field)
{
	const char *p = path + 1;
	RkText	   *names = palloc(sizeof(RkText) * (strlen(path) + 1));

	field->origin = RK_ORIGIN_PATH;
	field->names = names;
	while (*p != '\0')
	{
		if (*p++ != '.')
			bad_path(field->column, path);
		p = *p == '"' ? quoted_name(p, &names[field->nnames])
			: bare_name(p, &names[field->nnames]);
		if (p == NULL)
			bad_path(field->column, path);
		field->nnames++;
	}
}

static void
parse_path(const char *path, RkField *field)
{
	if (path[0] == '$')
		parse_names(path, field);
	else if (strcmp(path, "@key") == 0)
		field->origin = RK_ORIGIN_KEY;
	else if (strcmp(path, "@timestamp") == 0)
		field->origin = RK_ORIGIN_TIMESTAMP;
	else if (strcmp(path, "@partition") == 0)
		field->origin = RK_ORIGIN_PARTITION;
	else if (strcmp(path, "@offset") == 0)
		field->origin = RK_ORIGIN_OFFSET;
	else if (strncmp(path, HEADER_PREFIX, strlen(HEADER_PREFIX)) == 0 &&
			 path[strlen(HEADER_PREFIX)] != '\0')
	{
		field->origin = RK_ORIGIN_HEADER;
		field->header = utf8_text(pstrdup(path + strlen(HEADER_PREFIX))).data;
	}
	else
		bad_path(field->column, path);
}

/* ---- map and default ------------------------------------------------------------- */

/* A scalar of JSON as the text of a value; data NULL for null. */
static RkText
scalar_text(const JsonbValue *value, const char *column)
{
	RkText		result = {NULL, 0};

	switch (value->type)
	{
		case jbvNull:
			return result;
		case jbvString:
			return utf8_text(pnstrdup(value->val.string.val, value->val.string.len));
		case jbvNumeric:
			result.data = DatumGetCString(DirectFunctionCall1(numeric_out,
															  NumericGetDatum(value->val.numeric)));
			break;
		case jbvBool:
			result.data = value->val.boolean ? "true" : "false";
			break;
		default:
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("values for column \"%s\" must be strings, numbers, true, false or null",
							column)));
	}
	result.len = strlen(result.data);
	return result;
}

static void
parse_map(const JsonbValue *value, RkField *field)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	item;
	RkMapEntry *map;

	if (value->type != jbvBinary || !JsonContainerIsObject(value->val.binary.data))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("map for column \"%s\" must be an object", field->column)));
	map = palloc0(sizeof(RkMapEntry) * (JsonContainerSize(value->val.binary.data) + 1));
	field->map = map;
	iterator = JsonbIteratorInit(value->val.binary.data);
	while ((token = JsonbIteratorNext(&iterator, &item, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			map[field->nmap].from = scalar_text(&item, field->column);
		else if (token == WJB_VALUE)
			map[field->nmap++].to = scalar_text(&item, field->column);
	}
	if (field->nmap == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("map for column \"%s\" is empty", field->column)));
}

static char *
string_of(const JsonbValue *value, const char *column)
{
	if (value->type != jbvString)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("path for column \"%s\" must be a string", column)));
	return pnstrdup(value->val.string.val, value->val.string.len);
}

/* One key of {"path": ..., "map": ..., "default": ...}. */
static void
parse_property(const char *key, const JsonbValue *value, RkField *field, bool *has_path)
{
	if (strcmp(key, "path") == 0)
	{
		parse_path(string_of(value, field->column), field);
		*has_path = true;
	}
	else if (strcmp(key, "map") == 0)
		parse_map(value, field);
	else if (strcmp(key, "default") == 0)
	{
		field->has_default = true;
		field->default_value = scalar_text(value, field->column);
	}
	else
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unrecognized key \"%s\" for column \"%s\"", key, field->column),
				 errhint("Valid keys are path, map and default.")));
}

static void
parse_object(JsonbContainer *object, RkField *field)
{
	JsonbIterator *iterator = JsonbIteratorInit(object);
	JsonbIteratorToken token;
	JsonbValue	item;
	char	   *key = NULL;
	bool		has_path = false;

	while ((token = JsonbIteratorNext(&iterator, &item, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			key = pnstrdup(item.val.string.val, item.val.string.len);
		else if (token == WJB_VALUE)
			parse_property(key, &item, field, &has_path);
	}
	if (!has_path)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("column \"%s\" has no path", field->column)));
}

/* ---- the column --------------------------------------------------------------------- */

/* What can be checked of a type before the server sees the value. */
static RkKind
kind_of_type(Oid type)
{
	switch (type)
	{
		case INT2OID:
			return RK_KIND_INT2;
		case INT4OID:
			return RK_KIND_INT4;
		case INT8OID:
			return RK_KIND_INT8;
		case FLOAT4OID:
			return RK_KIND_FLOAT4;
		case FLOAT8OID:
			return RK_KIND_FLOAT8;
		case NUMERICOID:
			return RK_KIND_NUMERIC;
		case BOOLOID:
			return RK_KIND_BOOL;
		case TIMESTAMPTZOID:
			return RK_KIND_TIMESTAMPTZ;
		case UUIDOID:
			return RK_KIND_UUID;
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
			return RK_KIND_TEXT;
		case JSONOID:
		case JSONBOID:
			return RK_KIND_JSON;
		default:
			return RK_KIND_ANY;
	}
}

static void
describe_column(RkField *field, const RkColumn *target, int ntarget)
{
	for (int i = 0; i < ntarget; i++)
	{
		if (strcmp(target[i].name, field->column) == 0)
		{
			int32		typmod = target[i].typmod;
			Oid			type = getBaseTypeAndTypmod(target[i].type, &typmod);

			field->kind = kind_of_type(type);
			field->not_null = target[i].not_null;
			if (field->kind == RK_KIND_TEXT && typmod > (int32) VARHDRSZ)
				field->max_chars = typmod - VARHDRSZ;
			return;
		}
	}
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("column \"%s\" of the target does not exist", field->column)));
}

static void
parse_field(const JsonbValue *value, RkField *field)
{
	if (value->type == jbvBinary && JsonContainerIsObject(value->val.binary.data))
		parse_object(value->val.binary.data, field);
	else
		parse_path(string_of(value, field->column), field);
}

RkMapping *
rk_mapping_build(Jsonb *columns, const RkColumn *target, int ntarget)
{
	RkMapping  *mapping = palloc0(sizeof(RkMapping));
	RkField    *fields;
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	item;

	if (!JB_ROOT_IS_OBJECT(columns) || JB_ROOT_COUNT(columns) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("columns must be an object of at least one column")));
	fields = palloc0(sizeof(RkField) * JB_ROOT_COUNT(columns));
	mapping->fields = fields;
	iterator = JsonbIteratorInit(&columns->root);
	while ((token = JsonbIteratorNext(&iterator, &item, true)) != WJB_DONE)
	{
		RkField    *field = &fields[mapping->nfields];

		if (token == WJB_KEY)
			field->column = pnstrdup(item.val.string.val, item.val.string.len);
		else if (token == WJB_VALUE)
		{
			describe_column(field, target, ntarget);
			parse_field(&item, field);
			if (field->origin == RK_ORIGIN_PATH)
				mapping->reads_payload = true;
			mapping->nfields++;
		}
	}
	return mapping;
}
