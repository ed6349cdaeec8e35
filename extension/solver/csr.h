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
	int64_t    *time[2];		/* while building, when times decide */
} RsCsrPair;

/* Take what building n cells needs from the arena. */
extern void rs_csr_take(RsCsrPair *pair, RsArena *arena,
						const RsTriplets *cells, int32_t n_users,
						int32_t n_items, bool implicit);

/*
 * Build both orientations.  RS_INVALID for an index out of range,
 * RS_NOT_FINITE (and *bad_user) for a value that is not finite, RS_STOPPED
 * when stop(stop_arg) says true.
 */
extern RsStatus rs_csr_build(RsCsrPair *pair, const RsTriplets *cells,
							 bool implicit, RsStopCheck stop, void *stop_arg,
							 int32_t *bad_user);

#endif							/* RS_CSR_H */
