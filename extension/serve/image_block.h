/*-------------------------------------------------------------------------
 *
 * image_block.h
 *		An item image as one block of bytes, which can lie at any address.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_IMAGE_BLOCK_H
#define RS_IMAGE_BLOCK_H

#include "postgres.h"

#include "serve/image.h"

/* Bytes of the block of an image. */
extern Size rs_image_block_size(const RsImage *image);

/* Write the block; its address must be a multiple of 64. */
extern void rs_image_block_write(const RsImage *image, void *block);

/* Make an image of a block, which must stay: its arrays lie in the block. */
extern void rs_image_block_open(const void *block, RsImage *image);

#endif							/* RS_IMAGE_BLOCK_H */
