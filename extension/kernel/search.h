/*-------------------------------------------------------------------------
 *
 * search.h
 *		The items with the highest scores, exactly, without scoring all of them.
 *
 * The score of an item y with bias b for a user x is rs_item_score() below.  An
 * index keeps the items in blocks of RS_BLOCK, those that can score high first,
 * as codes of one byte a factor.  From the codes follows a bound that no score
 * exceeds (search.c has the proof); what cannot be among the best by its bound is
 * skipped, all else is scored exactly.  So the answer is that of scoring and
 * sorting everything, bit by bit, on every CPU.
 *
 * Pure C; nothing here allocates.  An index is one block of memory that holds
 * offsets and no pointers: it may be copied, and shared by processes that map it
 * at different addresses.  It never changes once it is built, so any number of
 * threads and processes may search it at the same time.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_SEARCH_H
#define RS_SEARCH_H

#include "kernel/kernel.h"
#include "kernel/stop.h"
#include "kernel/topk.h"
#include "rs_limits.h"

/* Items of a block, and alignment in bytes of an index and of its parts. */
#define RS_BLOCK		64

/* Users that are searched for together at most. */
#define RS_SEARCH_MANY	32

/* What is searched: items are known by their position, 0 to n - 1. */
typedef struct RsItems
{
	const float *factors;		/* n x stride, padded with zeros */
	const float *biases;		/* n, or NULL */
	int32_t		n;
	int			k;				/* 0 to RS_MAX_FACTORS */
	int			stride;			/* RS_STRIDE(k) */
} RsItems;

/* base is the mean plus the user's bias; a score beyond a float is infinite. */
static inline float
rs_item_score(const RsItems *items, int32_t position, const float *x, double base)
{
	double		bias = items->biases != NULL ? (double) items->biases[position] : 0.0;
	const float *y = items->factors + (size_t) position * (size_t) items->stride;

	return (float) (base + (rs_dot(x, y, (size_t) items->k) + bias));
}

typedef struct RsIndex RsIndex;

/* Bytes of an index, and of the memory to build it with; false if they overflow. */
extern bool rs_index_size(int32_t n, int k, bool biases, size_t *bytes, size_t *workspace);

/*
 * Build an index at memory that is aligned to RS_BLOCK bytes, as is workspace.
 * RS_STOPPED when stop(arg) says so; RS_NOT_FINITE when a factor or bias is NaN or
 * infinite; RS_INVALID when k or n is out of range.
 */
extern RsStatus rs_index_build(const RsItems *items, void *workspace, RsIndex *index,
							   RsStopCheck stop, void *arg);

/* Which items may be answered: bit p of words is position p; n bits are set. */
typedef struct RsEligible
{
	const uint64_t *words;
	int32_t		n;
} RsEligible;

/* One user's search; the fields are those of search.c. */
typedef struct RsSearch
{
	const RsIndex *index;
	const RsItems *items;
	const float *x;
	double		base;
	const RsEligible *eligible;
	bool		coded;			/* the user's codes say something */
	bool		resumed;		/* last is set */
	RsScored	last;			/* what was handed out last */
	int32_t		start;			/* -128 times the sum of codes */
	double		inverse;		/* 1 / t, t being the scale of codes */
	double		of_residual;	/* what a block's residual, norm and bias take */
	double		of_norm;		/* from the right side of the comparison */
	double		of_bias;
	double		reach[3];		/* of the stop test: see search.c */
	double		slack;			/* of rounding in double */
	int8_t		codes[RS_MAX_FACTORS + 3];
} RsSearch;

/*
 * Begin a search for the user x (stride floats).  index, items (those that index
 * was built of), x and eligible (NULL: all items) are used, not copied, until the
 * last call.  The SIMD level must not change meanwhile.  RS_NOT_FINITE when x or
 * base is NaN or infinite.
 */
extern RsStatus rs_search_begin(RsSearch *search, const RsIndex *index,
								const RsItems *items, const float *x, double base,
								const RsEligible *eligible);

/* Go on after this item, as if it had been handed out last. */
extern void rs_search_after(RsSearch *search, RsScored last);

/*
 * The m best items after those that were handed out, best first, equal scores in
 * ascending position; *n < m of them only when no eligible item is left.  Each
 * call scans again, so ask for more, twice as many say, when a few did not do.
 * RS_STOPPED when stop(arg) says so; nothing counts as handed out then.
 */
extern RsStatus rs_search_next(RsSearch *search, int32_t m, RsScored *entries, int32_t *n,
							   RsStopCheck stop, void *arg);

/*
 * The same for count <= RS_SEARCH_MANY users with one index, which read each
 * block of it once for all of them: list u is entries[u * m] and n[u].
 */
extern RsStatus rs_search_next_many(RsSearch *searches, int count, int32_t m,
									RsScored *entries, int32_t *n,
									RsStopCheck stop, void *arg);

/*
 * Put the best items after those that were handed out into the heap of a list that may have
 * other items already: it then has the best of all.  Nothing counts as handed out.
 */
extern RsStatus rs_search_add(RsSearch *search, RsTopk *topk, RsStopCheck stop, void *arg);

/*
 * Do all items score alike?  So they do for the vector zero without biases that
 * differ: of a user with dislikes only, or where all ratings are equal.
 */
extern bool rs_scores_are_equal(const RsItems *items, const float *x, RsStopCheck stop, void *arg);

#endif							/* RS_SEARCH_H */
