/*-------------------------------------------------------------------------
 *
 * list.h
 *		Lists of items as rows.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_LIST_H
#define RS_LIST_H

#include "postgres.h"

#include "fmgr.h"

#include "kernel/topk.h"
#include "serve/user_vector.h"

/*
 * Hand out a list as rows (rank, item_id, score) and, with an origin, source.  The ids
 * are of the given kind.  Error: 42804 where the function is declared otherwise.
 */
extern void rs_return_list(FunctionCallInfo fcinfo, RsIdKind kind, const RsImage *image,
						   const RsScored *entries, int32 n, const RsOrigin *origin);

#endif							/* RS_LIST_H */
