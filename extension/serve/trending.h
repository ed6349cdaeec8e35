/*-------------------------------------------------------------------------
 *
 * trending.h
 *		The items that most users like by rows of a window of time.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_TRENDING_H
#define RS_TRENDING_H

#include "postgres.h"

#include "serve/recommend.h"
#include "store/likes.h"

/*
 * Rank the eligible items that somebody likes, and keep the k best, with the likes as
 * scores.  Errors: those of opening an image, rs_likes_read() and rs_catalog_take().
 */
extern void rs_trending(const RsModel *model, const RsVersion *version,
						const RsLikesWindow *window, const RsRequest *request,
						RsRecommendation *result);

#endif							/* RS_TRENDING_H */
