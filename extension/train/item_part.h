/*-------------------------------------------------------------------------
 *
 * item_part.h
 *		The item part of a version: for each item the items that it speaks for.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_ITEM_PART_H
#define RS_ITEM_PART_H

#include "postgres.h"

#include "store/factors.h"
#include "train/publish.h"
#include "train/solver_run.h"

/* Bytes that rs_item_part_solve() takes; SIZE_MAX where that overflows. */
extern Size rs_item_part_memory(const RsTrained *trained);

/*
 * Solve it from the rows, which are the cells that the dense part was trained on, each
 * once; user_hash is the one of these users.  It lies in the current context.  Errors: 54000
 * beyond recsys.training_memory, 22003 when a user's weights are not finite, and those of
 * rs_run_check().
 */
extern void rs_item_part_solve(const RsRunWords *words, RsTrained *trained,
							   const uint64_t *user_hash);

/* Of a refresh: rows that are taken over, one by one. */
typedef struct RsItemRowsMaker
{
	const RsRunWords *words;
	RsTrained  *trained;
	int64		n;				/* entries so far */
	int64		capacity;
} RsItemRowsMaker;

/*
 * Begin with no rows; and the row of an item, by its place among the items of the ratings.
 * Neighbours that are not among these are left out.  Errors: 54000 beyond
 * recsys.training_memory.
 */
extern void rs_item_rows_begin(RsItemRowsMaker *maker, const RsRunWords *words,
							   RsTrained *trained);
extern void rs_item_rows_add(RsItemRowsMaker *maker, int32 item, const RsNeighbours *row);

#endif							/* RS_ITEM_PART_H */
