/*-------------------------------------------------------------------------
 *
 * arguments.h
 *		Arguments of SQL functions that are not declared STRICT because some
 *		of their arguments may be NULL: those that may not raise 22004.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_ARGUMENTS_H
#define RS_ARGUMENTS_H

#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

/* The argument, which must not be NULL. */
static inline Datum
rs_argument(FunctionCallInfo fcinfo, int i, const char *name)
{
	if (PG_ARGISNULL(i))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"%s\" must not be null", name)));
	return PG_GETARG_DATUM(i);
}

static inline char *
rs_text_argument(FunctionCallInfo fcinfo, int i, const char *name)
{
	return TextDatumGetCString(rs_argument(fcinfo, i, name));
}

static inline char *
rs_name_argument(FunctionCallInfo fcinfo, int i, const char *name)
{
	return pstrdup(NameStr(*DatumGetName(rs_argument(fcinfo, i, name))));
}

#endif							/* RS_ARGUMENTS_H */
