/*-------------------------------------------------------------------------
 *
 * arguments.h
 *		Arguments of SQL functions.
 *
 * Functions some of whose arguments may be NULL are not declared STRICT; an
 * argument that may not be NULL raises 22004.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_ARGUMENTS_H
#define RS_ARGUMENTS_H

#include "postgres.h"

#include "fmgr.h"

#include "serve/eligible.h"
#include "store/model.h"

/* Argument n, which must not be NULL. */
extern Datum rs_arg(FunctionCallInfo fcinfo, int n, const char *name);
extern char *rs_arg_text(FunctionCallInfo fcinfo, int n, const char *name);
extern char *rs_arg_name(FunctionCallInfo fcinfo, int n, const char *name);

/* Open the model that argument n names, which must not be NULL, for this use. */
extern RsModel *rs_arg_model(FunctionCallInfo fcinfo, int n, RsModelUse use);

/* Open the version that argument n numbers; NULL is the active one. */
extern RsVersion *rs_arg_version(FunctionCallInfo fcinfo, int n, const RsModel *model);

/* int8, text or uuid: the type of the id that argument n is. */
extern Oid	rs_arg_id_type(FunctionCallInfo fcinfo, int n);

/*
 * An id given as bigint, text or uuid, whichever the function was declared
 * with, as an id of the given kind.
 */
extern Datum rs_arg_id(FunctionCallInfo fcinfo, int n, RsIdKind kind);

/* The function of this name must suit the model's items (42804); text always does. */
extern void rs_check_item_kind(const RsModel *model, RsIdKind kind, const char *name);

/*
 * An array of ids of the given kind, as ids of the model's kind.  NULL elements are
 * left out, dimensions do not matter.  NULL for NULL.
 */
extern RsItemSet *rs_arg_items(FunctionCallInfo fcinfo, int n, RsIdKind given, RsIdKind kind);

/* How many rows are wanted: neither NULL (22004) nor negative (22023). */
extern int32 rs_arg_k(FunctionCallInfo fcinfo, int n);

#endif							/* RS_ARGUMENTS_H */
