/*-------------------------------------------------------------------------
 *
 * scan.h
 *		The best items of a version whose image is not kept, read from its factor table.
 *
 * As serve/ranking.h has it: in order, a few at a time, equal ones by id.  The lists
 * are those that the whole image gives, bit by bit.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_SCAN_H
#define RS_SCAN_H

#include "postgres.h"

#include "kernel/topk.h"
#include "serve/recommend.h"

typedef struct RsScan RsScan;

/*
 * Items by what a user prefers: rs_serving_preference().  Which items follows from the
 * request.  The image of the serving is partial; it is used, not copied.
 */
extern RsScan *rs_scan_of_user(const RsServing *serving, const RsRequest *request);

/* Items by likeness to the one at a position of the image: rs_ranking_of_item(). */
extern RsScan *rs_scan_of_item(const RsServing *serving, int32 position,
							   const RsRequest *request);

/* Those of a list, by scores that are given, one for each position of it; it has a table. */
extern RsScan *rs_scan_of_scores(const RsServing *serving, const RsIdList *items,
								 const float *scores, const RsRequest *request);

/* Begin after the item at a position of the image of the serving. */
extern void rs_scan_after(RsScan *scan, const RsServing *serving, int32 position);

/* From now on hand out only items that are among these, which are in any order, too. */
extern void rs_scan_restrict(RsScan *scan, const RsIdList *items);

/* How many may still come, at most. */
extern int32 rs_scan_left(const RsScan *scan);

/*
 * The next m or, when there are no more, fewer; returns how many.  Their positions are
 * those in rs_scan_ids().  Memory for m items.  Errors: those of
 * rs_factors_scan_items().
 */
extern int32 rs_scan_next(RsScan *scan, int32 m, RsScored *entries);

/* All items that were handed out, in this order, and what they score. */
extern const RsIdList *rs_scan_ids(const RsScan *scan);
extern const float *rs_scan_scores(const RsScan *scan);

#endif							/* RS_SCAN_H */
