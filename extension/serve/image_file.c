/*-------------------------------------------------------------------------
 *
 * image_file.c
 *		The file that lists the models whose item images are in use.
 *
 *		bytes	0		magic number
 *				4		version of the format
 *				8		CRC-32C of all that follows
 *				12		how many times the server has begun to bring the images back
 *				16		how many models are listed, n
 *				24		n times: database, item factor table, bytes of the image (8)
 *
 * All numbers are in the byte order of the machine, as in all files of a server.
 * The file is written by one process (rewarm.c) and never changed in place.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <fcntl.h>
#include <unistd.h>

#include "pgstat.h"
#include "port/pg_crc32c.h"
#include "storage/fd.h"

#include "serve/image_file.h"
#include "serve/shared_image.h"

#define FILE_NAME	PGSTAT_STAT_PERMANENT_DIRECTORY "/recsys.images"
#define NEW_FILE_NAME	FILE_NAME ".new"

#define FILE_MAGIC		0x52534946
#define FILE_VERSION	1

typedef struct ImageFile
{
	uint32		magic;
	uint32		version;
	pg_crc32c	crc;
	uint32		attempts;
	uint32		n;
	uint32		zero;			/* so that no byte is undefined */
	RsListedImage list[RS_SHARED_IMAGES];
} ImageFile;

static Size
file_size(uint32 n)
{
	return offsetof(ImageFile, list) + n * sizeof(RsListedImage);
}

static pg_crc32c
file_crc(const ImageFile *file)
{
	const char *from = (const char *) &file->attempts;
	pg_crc32c	crc;

	INIT_CRC32C(crc);
	COMP_CRC32C(crc, from, (const char *) file + file_size(file->n) - from);
	FIN_CRC32C(crc);
	return crc;
}

/* Is what was read a whole file of ours? */
static bool
is_valid(const ImageFile *file, Size bytes)
{
	return bytes >= file_size(0) &&
		file->magic == FILE_MAGIC && file->version == FILE_VERSION &&
		file->n <= RS_SHARED_IMAGES && bytes == file_size(file->n) &&
		file->crc == file_crc(file);
}

/* Read up to so many bytes of the file; -1 where there is none. */
static ssize_t
read_bytes(void *to, Size bytes)
{
	int			fd = OpenTransientFile(FILE_NAME, O_RDONLY | PG_BINARY);
	ssize_t		got = fd < 0 ? -1 : read(fd, to, bytes);

	if (got < 0 && errno != ENOENT)
		ereport(LOG,
				(errcode_for_file_access(),
				 errmsg("could not read file \"%s\": %m", FILE_NAME)));
	if (fd >= 0)
		CloseTransientFile(fd);
	return got;
}

int
rs_image_file_read(RsListedImage **list, int *attempts)
{
	/* one byte more than a file can have, so that a longer one is noticed */
	ImageFile  *file = palloc(sizeof(ImageFile) + 1);
	ssize_t		bytes = read_bytes(file, sizeof(ImageFile) + 1);

	if (bytes < 0)
		return 0;
	if (!is_valid(file, bytes))
	{
		ereport(LOG,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("file \"%s\" is not a list of item images, and is ignored", FILE_NAME)));
		return 0;
	}
	*list = file->list;
	*attempts = (int) file->attempts;
	return (int) file->n;
}

/* Write a file of its own; false, with errno set, if that fails. */
static bool
write_bytes(const char *name, const void *from, Size bytes)
{
	int			fd = OpenTransientFile(name, O_WRONLY | O_CREAT | O_TRUNC | PG_BINARY);
	ssize_t		written;

	if (fd < 0)
		return false;
	errno = 0;
	written = write(fd, from, bytes);
	if (written >= 0 && written != (ssize_t) bytes && errno == 0)
		errno = ENOSPC;			/* what a short write means */
	return CloseTransientFile(fd) == 0 && written == (ssize_t) bytes;
}

void
rs_image_file_write(const RsListedImage *list, int n, int attempts)
{
	ImageFile  *file = palloc0(sizeof(ImageFile));

	Assert(n <= RS_SHARED_IMAGES);
	file->magic = FILE_MAGIC;
	file->version = FILE_VERSION;
	file->attempts = attempts;
	file->n = n;
	if (n > 0)
		memcpy(file->list, list, n * sizeof(RsListedImage));
	file->crc = file_crc(file);
	/* durable_rename() flushes the new file before it gives it the name */
	if (write_bytes(NEW_FILE_NAME, file, file_size(n)))
		(void) durable_rename(NEW_FILE_NAME, FILE_NAME, LOG);
	else
		ereport(LOG,
				(errcode_for_file_access(),
				 errmsg("could not write file \"%s\": %m", NEW_FILE_NAME)));
	pfree(file);
}
