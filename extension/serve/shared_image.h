/*-------------------------------------------------------------------------
 *
 * shared_image.h
 *		Item images in dynamic shared memory: one copy for all sessions.
 *
 * An image is one block of bytes without pointers.  The session that needs it
 * first makes it, while others that need the same wait; later ones attach the
 * finished block.  A block never changes.  When there is no room in
 * recsys.cache_size for one more, those are given up that nobody has used for
 * RS_SHARED_IMAGE_IDLE_MS, the least recently used first: blocks in use are not
 * driven out in turns.  A session that still has one attached keeps it until it
 * looks again, and the system frees it with the last of them.
 *
 * PostgreSQL 17 and later: nothing to set up.  15 and 16: the library must be
 * in shared_preload_libraries, or rs_shared_image_open() returns NULL.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_SHARED_IMAGE_H
#define RS_SHARED_IMAGE_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "storage/dsm.h"
#include "storage/latch.h"

#include "serve/image_key.h"

/* How many images all databases of a server may share. */
#define RS_SHARED_IMAGES	512

#define RS_SHARED_IMAGE_IDLE_MS	60000

/* A block that this session has attached. */
typedef struct RsSharedImage
{
	int			slot;
	uint64		generation;		/* the slot's when the block was attached */
	dsm_segment *segment;
} RsSharedImage;

/*
 * How to make a block.  make() does the work in the session's own memory and returns
 * the bytes that the block needs, 0 if it must not be shared; write() copies it into the
 * block.  Either may raise an error, then nothing is left behind.
 */
typedef struct RsImageMaker
{
	Size		bytes;			/* of the block, or at least so many */
	bool		exact;			/* neither more nor less */
	Size		(*make) (struct RsImageMaker *maker);
	void		(*write) (struct RsImageMaker *maker, void *block);
	Size		whole_bytes;	/* for make() to fill in, where it is a summary */
} RsImageMaker;

/* The block of this key, attached, if it is complete; else NULL. */
extern const void *rs_shared_image_find(const RsImageKey *key, RsSharedImage *image);

/* Is there a block of this key, or being made, or could one of so many bytes be made? */
extern bool rs_shared_image_is_possible(const RsImageKey *key, Size bytes);

/*
 * The block of this key, attached, or made by the maker and shared; it stays
 * where it is until rs_shared_image_close().  NULL when it is not shared: no
 * shared memory, no room for it, make() says so, or another session has been
 * making it for too long.  make() may have been called then, but not where exactly so
 * many bytes have no room.
 */
extern const void *rs_shared_image_open(const RsImageKey *key, RsImageMaker *maker,
										RsSharedImage *image);

/* Is it still the block that other sessions would get?  No lock. */
extern bool rs_shared_image_is_current(const RsSharedImage *image);

/* Note that the block was used at the start of this statement.  No lock. */
extern void rs_shared_image_count_use(const RsSharedImage *image);

extern void rs_shared_image_close(RsSharedImage *image);

/* What the view recsys.cache_status shows of a block. */
typedef struct RsSharedImageStatus
{
	RsImageKey	key;
	Size		bytes;
	Size		whole_bytes;	/* of a summary: RsImage says it */
	bool		complete;		/* false while it is being made */
	TimestampTz made_at;		/* when making it began, or ended */
	double		make_seconds;
	int			sessions;		/* that have it attached */
	uint64		uses;			/* calls that found it */
	TimestampTz used_at;
} RsSharedImageStatus;

/* Up to RS_SHARED_IMAGES of them; 0 without shared memory. */
extern int	rs_shared_image_read(RsSharedImageStatus *status);

/* Give up the block of this key, if there is one: nobody finds it any more. */
extern void rs_shared_image_forget(const RsImageKey *key);

/*
 * From now on this latch, which is in shared memory, is set whenever an image comes or
 * goes.  NULL, before the latch's process ends: none is.
 */
extern void rs_shared_image_watch(Latch *latch);

/* At the start of a server that preloads the library. */
extern void rs_shared_image_install(void);

#endif							/* RS_SHARED_IMAGE_H */
