/*-------------------------------------------------------------------------
 *
 * topk.h
 *		The k best of a stream of scores: a bounded heap.
 *
 * Higher scores first; equal scores in ascending position, so that a list is
 * the same on every run.  A NaN is not taken.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_TOPK_H
#define RS_TOPK_H

#include "kernel/stop.h"

typedef struct RsScored
{
	float		score;
	int32_t		position;
} RsScored;

/* The order of a list: a comes after b. */
static inline bool
rs_scored_after(const RsScored *a, const RsScored *b)
{
	if (a->score != b->score)
		return a->score < b->score;
	return a->position > b->position;
}

typedef struct RsTopk
{
	RsScored   *entries;		/* room for k, the caller's */
	int32_t		k;
	int32_t		n;				/* filled so far */
} RsTopk;

extern void rs_topk_init(RsTopk *topk, RsScored *entries, int32_t k);
extern void rs_topk_push(RsTopk *topk, float score, int32_t position);

/*
 * Sort the entries best first; the heap is spent afterwards.  False when
 * stop(arg) says so.
 */
extern bool rs_topk_finish(RsTopk *topk, RsStopCheck stop, void *arg);

#endif							/* RS_TOPK_H */
