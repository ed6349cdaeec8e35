/*-------------------------------------------------------------------------
 *
 * api_arg.h
 *		Arguments of SQL functions that answer from a model.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_API_ARG_H
#define RS_API_ARG_H

#include "postgres.h"

#include "fmgr.h"

#include "store/model.h"

/* Open the model that argument n names, which must not be NULL, to use it. */
extern RsModel *rs_arg_model(FunctionCallInfo fcinfo, int n);

/* Open the version that argument n numbers; NULL is the active one. */
extern RsVersion *rs_arg_version(FunctionCallInfo fcinfo, int n, const RsModel *model);

/*
 * An id given as bigint, text or uuid, whichever the function was declared
 * with, as an id of the given kind.
 */
extern Datum rs_arg_id(FunctionCallInfo fcinfo, int n, RsIdKind kind);

#endif							/* RS_API_ARG_H */
