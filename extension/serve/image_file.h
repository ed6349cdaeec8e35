/*-------------------------------------------------------------------------
 *
 * image_file.h
 *		The file that lists the models whose item images are in use.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_IMAGE_FILE_H
#define RS_IMAGE_FILE_H

#include "postgres.h"

/* A model whose image all sessions share. */
typedef struct RsListedImage
{
	Oid			database;
	Oid			table;			/* its item factor table */
	uint64		bytes;			/* of shared memory */
} RsListedImage;

/*
 * The list as it was written, palloc'd, and how many times the server has begun to bring
 * these images back.  Returns how many there are: 0 without a file, and where it is not
 * one of ours, which is logged.
 */
extern int	rs_image_file_read(RsListedImage **list, int *attempts);

/*
 * Put a list of at most RS_SHARED_IMAGES in place of the file.  A server that crashes
 * meanwhile has the old list or the new one.  A failure is logged.
 */
extern void rs_image_file_write(const RsListedImage *list, int n, int attempts);

#endif							/* RS_IMAGE_FILE_H */
