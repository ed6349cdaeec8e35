/*-------------------------------------------------------------------------
 *
 * image_cache.h
 *		The item images that this session has at hand.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_IMAGE_CACHE_H
#define RS_IMAGE_CACHE_H

#include "postgres.h"

#include "serve/image.h"
#include "serve/shared_image.h"

/*
 * The image of a version: one that this session has at hand, or the one that
 * all sessions share, or one that is built from the factor table under the
 * active snapshot.  Where it cannot be shared it is this session's own.  Where it can
 * neither be shared nor kept within recsys.local_cache_size, rs_image_open_kept() gives
 * a partial image without items (summary.h), and rs_image_open() a whole one that lives
 * in the current context: for those who ask many questions of it.
 * Errors: those of rs_image_build().
 *
 * Valid until the next call: run nothing in between that could run code of a
 * user, such as reading the model's view.
 */
extern const RsImage *rs_image_open(const RsModel *model, const RsVersion *version);
extern const RsImage *rs_image_open_kept(const RsModel *model, const RsVersion *version);

/*
 * Keep an image that was just opened until the context is reset or deleted,
 * whatever is opened or run meanwhile.  One that lives in the caller's context
 * anyway is left alone.
 */
extern void rs_image_pin(const RsImage *image, MemoryContext context);

/* An image of this database: shared, or this session's own (then no times). */
typedef struct RsImageStatus
{
	bool		shared;
	RsSharedImageStatus status;
} RsImageStatus;

/* All of them, palloc'd. */
extern int	rs_image_list(RsImageStatus **list);

#endif							/* RS_IMAGE_CACHE_H */
