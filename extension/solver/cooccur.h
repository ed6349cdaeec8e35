/*-------------------------------------------------------------------------
 *
 * cooccur.h
 *		How much the same users like two items: C = sum over users of w_u x_u x_u'.
 *
 * x_u is 1 where user u likes an item, w_u falls with the number of those.  Weights are
 * whole numbers and their sums stay below 2^31, so C is exact in whatever order it is
 * summed.
 *
 * Items are known by their rank here: the item with most users has rank 0, equally
 * popular ones are in the order of their positions.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_COOCCUR_H
#define RS_COOCCUR_H

#include "solver/arena.h"
#include "solver/csr.h"
#include "solver/solver.h"
#include "solver/threads.h"

typedef struct RsCooccur
{
	RsCsrPair	cells;			/* likes that count, by user and by rank; values are
								 * of no meaning */
	int32_t    *weight;			/* of each user; 0 without any */
	int32_t    *item;			/* of each rank */
	int32_t    *rank;			/* of each item */
	int32_t    *popularity;		/* C_jj by rank */
	int32_t		active;			/* ranks that have users */
	double		mean_weight;	/* of users who like something */
	double		mean_length;	/* how many items the users of an item like, on average */
	double		mean_users;		/* of an item that has any */

	/* while it is prepared */
	int32_t    *kept;			/* of each user, how many cells count */
	int32_t    *more_popular;	/* for each number of users, items that have more */
} RsCooccur;

/*
 * Take what is to stay from the arena, then the scratch, which may be taken again when
 * C is prepared.  The cells' arrays are used.
 */
extern void rs_cooccur_take(RsCooccur *c, RsArena *arena, const RsNeighboursProblem *problem);
extern void rs_cooccur_take_scratch(RsCooccur *c, RsArena *arena,
									const RsNeighboursProblem *problem);

/* Prepare C; *bad_user as for rs_csr_build_users(). */
extern RsStatus rs_cooccur_build(RsCooccur *c, const RsNeighboursProblem *problem, RsPool *pool,
								 int32_t *bad_user);

/*
 * Add the row of C of one rank to zeros.  The sparse way leaves ranks from below on out and
 * lists in touched (n_items + 1 numbers) the ranks that are not zero then, in no order; it
 * returns how many these are.  rs_cooccur_is_dense() tells which way is faster.  When the
 * pool stops, rows are not complete.
 */
extern void rs_cooccur_dense(const RsCooccur *c, int32_t rank, int32_t *row, RsPool *pool);
extern int32_t rs_cooccur_sparse(const RsCooccur *c, int32_t rank, int32_t below, int32_t *row,
								 int32_t *touched, RsPool *pool);
extern bool rs_cooccur_is_dense(const RsCooccur *c, int32_t rank);

#endif							/* RS_COOCCUR_H */
