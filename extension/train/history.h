/*-------------------------------------------------------------------------
 *
 * history.h
 *		The option history_limit in training.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_HISTORY_H
#define RS_HISTORY_H

#include "postgres.h"

#include "store/ratings.h"

/* Bytes that rs_history_cut() allocates at most. */
extern Size rs_history_memory(const RsRatings *ratings);

/*
 * Keep the latest limit rows of each user, by the rule of rs_source_user_rows():
 * a user that is folded in has the very rows that training takes.  The ratings
 * have times; limit > 0.
 */
extern void rs_history_cut(RsRatings *ratings, int32 limit);

#endif							/* RS_HISTORY_H */
