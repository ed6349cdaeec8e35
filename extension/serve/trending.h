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

#include "serve/image_cache.h"
#include "serve/recommend.h"
#include "store/likes.h"

/*
 * Rank the eligible items that somebody likes, and keep the k best: palloc'd entries
 * with the likes as scores; returns how many.  The image is opened, and pinned until
 * the current context is reset.  Errors: those of rs_image_open(), rs_likes_read() and
 * rs_catalog_take().
 */
extern int32 rs_trending(const RsModel *model, const RsVersion *version,
						 const RsLikesWindow *window, const RsRequest *request,
						 const RsImage **image, RsScored **entries);

#endif							/* RS_TRENDING_H */
