/*-------------------------------------------------------------------------
 *
 * api_arg.c
 *		Arguments of SQL functions that answer from a model.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "api/api_arg.h"
#include "api/arguments.h"
#include "compat.h"

RsModel *
rs_arg_model(FunctionCallInfo fcinfo, int n)
{
	return rs_model_open(rs_text_argument(fcinfo, n, "model"), RS_MODEL_USE);
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

Datum
rs_arg_id(FunctionCallInfo fcinfo, int n, RsIdKind kind)
{
	Oid			type = get_fn_expr_argtype(fcinfo->flinfo, n);
	RsIdKind	given;

	if (!OidIsValid(type))
	{
		Oid		   *types;
		int			n_types;

		(void) get_func_signature(fcinfo->flinfo->fn_oid, &types, &n_types);
		if (n < n_types)
			type = types[n];
	}
	switch (type)
	{
		case INT8OID:
			given = RS_ID_BIGINT;
			break;
		case TEXTOID:
			given = RS_ID_TEXT;
			break;
		case UUIDOID:
			given = RS_ID_UUID;
			break;
		default:
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("an id cannot be of type %s", format_type_be(type))));
	}
	if (given == RS_ID_TEXT)
		return rs_id_convert(PointerGetDatum(PG_GETARG_TEXT_PP(n)), given, kind);
	return rs_id_convert(PG_GETARG_DATUM(n), given, kind);
}
