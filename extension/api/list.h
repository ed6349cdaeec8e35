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

#include "serve/recommend.h"

/*
 * Hand out a recommendation as rows (rank, item_id, preference, score, source, next),
 * or any other list as rows (rank, item_id, score).  The ids are of the given kind;
 * next is the token of the page after the row, NULL unless in_pages.  Error: 42804
 * where the function is declared otherwise.
 */
extern void rs_return_recommendation(FunctionCallInfo fcinfo, RsIdKind kind,
									 const RsServing *serving,
									 const RsRecommendation *list, bool in_pages);
extern void rs_return_list(FunctionCallInfo fcinfo, RsIdKind kind,
						   const RsRecommendation *list);

#endif							/* RS_LIST_H */
