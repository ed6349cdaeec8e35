/*-------------------------------------------------------------------------
 *
 * history.h
 *		The option history_limit over the rows of all users.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_HISTORY_H
#define RS_HISTORY_H

#include "postgres.h"

#include "store/ratings.h"

/* Bytes that the two below allocate at most. */
extern Size rs_history_memory(const RsRatings *ratings);

/*
 * Among rows whose value is not NaN keep the latest limit of each user, by the rule of
 * rs_source_user_rows(): a user that is folded in has the very rows that training
 * takes.  The values of the others become NaN.  The ratings have times; limit > 0.
 */
extern void rs_history_mark(RsRatings *ratings, int32 limit);

/* The same, and leave out what is NaN then. */
extern void rs_history_cut(RsRatings *ratings, int32 limit);

#endif							/* RS_HISTORY_H */
