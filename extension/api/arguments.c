/*-------------------------------------------------------------------------
 *
 * arguments.c
 *		Arguments of SQL functions: not NULL, models, versions, ids.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "api/arguments.h"
#include "compat.h"

Datum
rs_arg(FunctionCallInfo fcinfo, int n, const char *name)
{
	if (PG_ARGISNULL(n))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"%s\" must not be null", name)));
	return PG_GETARG_DATUM(n);
}

char *
rs_arg_text(FunctionCallInfo fcinfo, int n, const char *name)
{
	return TextDatumGetCString(rs_arg(fcinfo, n, name));
}

char *
rs_arg_name(FunctionCallInfo fcinfo, int n, const char *name)
{
	return pstrdup(NameStr(*DatumGetName(rs_arg(fcinfo, n, name))));
}

RsModel *
rs_arg_model(FunctionCallInfo fcinfo, int n, RsModelUse use)
{
	return rs_model_open(rs_arg_text(fcinfo, n, "model"), use);
}

RsVersion *
rs_arg_version(FunctionCallInfo fcinfo, int n, const RsModel *model)
{
	int32		version = 0;

	if (!PG_ARGISNULL(n))
	{
		version = PG_GETARG_INT32(n);
		if (version < 1)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("version must be positive")));
	}
	return rs_version_open(model, version);
}

Oid
rs_arg_id_type(FunctionCallInfo fcinfo, int n)
{
	Oid			type = get_fn_expr_argtype(fcinfo->flinfo, n);

	if (!OidIsValid(type))
	{
		Oid		   *types;
		int			n_types;

		(void) get_func_signature(fcinfo->flinfo->fn_oid, &types, &n_types);
		if (n < n_types)
			type = types[n];
	}
	if (type != INT8OID && type != TEXTOID && type != UUIDOID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("an id cannot be of type %s", format_type_be(type))));
	return type;
}

Datum
rs_arg_id(FunctionCallInfo fcinfo, int n, RsIdKind kind)
{
	switch (rs_arg_id_type(fcinfo, n))
	{
		case INT8OID:
			return rs_id_convert(PG_GETARG_DATUM(n), RS_ID_BIGINT, kind);
		case UUIDOID:
			return rs_id_convert(PG_GETARG_DATUM(n), RS_ID_UUID, kind);
		default:
			return rs_id_convert(PointerGetDatum(PG_GETARG_TEXT_PP(n)), RS_ID_TEXT, kind);
	}
}

/* What follows a function's name for items of a kind. */
static const char *
name_suffix(RsIdKind kind)
{
	switch (kind)
	{
		case RS_ID_BIGINT:
			return "";
		case RS_ID_TEXT:
			return "_text";
		case RS_ID_UUID:
			return "_uuid";
	}
	elog(ERROR, "unrecognized id kind: %d", (int) kind);
}

void
rs_check_item_kind(const RsModel *model, RsIdKind kind, const char *name)
{
	if (kind == RS_ID_TEXT || kind == model->item_kind)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("model \"%s\" has items of type %s",
					model->name, rs_id_kind_name(model->item_kind)),
			 errhint("Use recsys.%s%s.", name, name_suffix(model->item_kind))));
}

RsItemSet *
rs_arg_items(FunctionCallInfo fcinfo, int n, RsIdKind given, RsIdKind kind)
{
	RsItemSet  *set;
	ArrayType  *array;
	ArrayIterator iterator;
	Datum		id;
	bool		isnull;

	if (PG_ARGISNULL(n))
		return NULL;
	array = PG_GETARG_ARRAYTYPE_P(n);
	if (ARR_ELEMTYPE(array) != rs_id_type(given))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("array of ids must be of type %s[]", rs_id_kind_name(given))));
	set = palloc(sizeof(RsItemSet));
	set->ids = palloc_extended(mul_size(sizeof(Datum),
										Max(ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)), 1)),
							   MCXT_ALLOC_HUGE);
	set->n = 0;
	iterator = array_create_iterator(array, 0, NULL);
	while (array_iterate(iterator, &id, &isnull))
	{
		CHECK_FOR_INTERRUPTS();
		if (!isnull)
			set->ids[set->n++] = rs_id_convert(id, given, kind);
	}
	array_free_iterator(iterator);
	return set;
}

int32
rs_arg_k(FunctionCallInfo fcinfo, int n)
{
	int32		k = DatumGetInt32(rs_arg(fcinfo, n, "k"));

	if (k < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("k must not be negative")));
	return k;
}
