/*-------------------------------------------------------------------------
 *
 * csr.h
 *		The observed cells by user and by item.
 *
 * Rows are sorted by the other side's index and hold each cell once, so the
 * same set of triplets gives the same bytes in whatever order it came.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_CSR_H
#define RS_CSR_H

#include "kernel/row.h"
#include "solver/arena.h"
#include "solver/solver.h"
#include "solver/threads.h"

/* Compressed rows: cells of row r are start[r] to start[r + 1] - 1. */
typedef struct RsCsr
{
	int32_t		n;				/* rows */
	int64_t    *start;			/* n + 1 */
	int32_t    *index;
	float	   *value;
} RsCsr;

typedef struct RsCsrPair
{
	RsCsr		users;
	RsCsr		items;

	/* of the cells sorted by item only, while building */
	int32_t    *scratch_index;
	int64_t    *scratch_time;	/* NULL unless times decide */
} RsCsrPair;

/*
 * Take what building from these cells needs from the arena, then the scratch,
 * which may be taken again when the pair is built.  Users' rows and the items'
 * index will lie in the cells' own arrays.
 */
extern void rs_csr_take(RsCsrPair *pair, RsArena *arena, const RsTriplets *cells,
						int32_t n_users, int32_t n_items);
extern void rs_csr_take_scratch(RsCsrPair *pair, RsArena *arena, const RsTriplets *cells,
								bool implicit);

/*
 * Build the users' rows, in the pool; where the items' rows begin is known then, too.
 * RS_INVALID for an index out of range, RS_NOT_FINITE (and *bad_user) for a value
 * that is not finite, RS_STOPPED when the pool stops.
 */
extern RsStatus rs_csr_build_users(RsCsrPair *pair, const RsTriplets *cells, bool implicit,
								   RsPool *pool, int32_t *bad_user);

/* Then the items' rows; until then nothing is in their arrays but where rows begin. */
extern RsStatus rs_csr_build_items(RsCsrPair *pair, RsPool *pool);

/* Turn rows around: rows of the other side, whose starts are counted, each in order. */
extern RsStatus rs_csr_turn(const RsCsr *from, RsCsr *to, RsPool *pool);

/*
 * Deal the cells out by user, in the pool: rows whose starts are known hold the items
 * in the order in which the cells come, repeated ones too.  to_time is NULL where cells
 * have no time.
 */
extern RsStatus rs_csr_deal(const RsTriplets *cells, RsCsr *to, int64_t *to_time, RsPool *pool);

#endif							/* RS_CSR_H */
