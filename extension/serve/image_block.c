/*-------------------------------------------------------------------------
 *
 * image_block.c
 *		The layout of an item image as one block of bytes.
 *
 *		+---------+-----+---------+--------+-----+------------+------- - -
 *		| RsImage | ids | hash slots | users | ... | factors | index | Gramian
 *		+---------+-----+---------+--------+-----+------------+------- - -
 *
 * Each part begins at a multiple of 64 and is there if the image has it.  The
 * RsImage in front is the one that the block was written from: its counts hold,
 * its pointers do not.  Which parts there are and how long each is follows from
 * the counts alone, so a reader finds them as the writer laid them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/uuid.h"

#include "compat.h"
#include "serve/image_block.h"

#define MAX_PARTS		12

typedef struct Part
{
	void	  **array;			/* the pointer of the image to it */
	Size		bytes;
} Part;

typedef struct Parts
{
	int			n;
	Part		part[MAX_PARTS];
} Parts;

static void
add_part(Parts *parts, void *array, Size width, Size n)
{
	Assert(parts->n < MAX_PARTS);
	parts->part[parts->n].array = (void **) array;
	parts->part[parts->n].bytes = mul_size(width, n);
	parts->n++;
}

/* Every array of the image, from its counts; the order is that of the block. */
static void
list_parts(RsImage *image, Parts *parts)
{
	RsIdList   *ids = &image->ids;
	Size		n = ids->n;

	parts->n = 0;
	switch (ids->kind)
	{
		case RS_ID_BIGINT:
			add_part(parts, &ids->ints, sizeof(int64), n);
			break;
		case RS_ID_UUID:
			add_part(parts, &ids->bytes, UUID_LEN, n);
			break;
		case RS_ID_TEXT:
			add_part(parts, &ids->offsets, sizeof(Size), n + 1);
			add_part(parts, &ids->bytes, 1, image->id_bytes);
			break;
	}
	if (ids->n_words > 0)
		add_part(parts, &ids->words, sizeof(RsIdWord), ids->n_words);
	else
		add_part(parts, &ids->slots, sizeof(uint32), (Size) ids->slot_mask + 1);
	add_part(parts, &image->users, sizeof(int32), n);
	add_part(parts, &image->by_popularity, sizeof(int32), n);
	if (image->k > 0)
		add_part(parts, &image->factors, mul_size(image->stride, sizeof(float)), n);
	if (image->has_biases)
		add_part(parts, &image->biases, sizeof(float), n);
	if (image->index_bytes > 0)
		add_part(parts, &image->index, 1, image->index_bytes);
	if (image->has_gramian)
		add_part(parts, &image->gramian, mul_size(image->stride, sizeof(double)), image->k);
}

static Size
aligned(Size bytes)
{
	return TYPEALIGN(RS_ALIGNMENT, add_size(bytes, RS_ALIGNMENT)) - RS_ALIGNMENT;
}

Size
rs_image_block_size(const RsImage *image)
{
	RsImage		copy = *image;
	Parts		parts;
	Size		bytes = aligned(sizeof(RsImage));

	list_parts(&copy, &parts);
	for (int i = 0; i < parts.n; i++)
		bytes = add_size(bytes, aligned(parts.part[i].bytes));
	return bytes;
}

void
rs_image_block_write(const RsImage *image, void *block)
{
	RsImage		copy = *image;
	Parts		parts;
	char	   *to = (char *) block + aligned(sizeof(RsImage));

	memcpy(block, image, sizeof(RsImage));
	list_parts(&copy, &parts);
	for (int i = 0; i < parts.n; i++)
	{
		memcpy(to, *parts.part[i].array, parts.part[i].bytes);
		to += aligned(parts.part[i].bytes);
	}
}

void
rs_image_block_open(const void *block, RsImage *image)
{
	Parts		parts;
	char	   *from = (char *) block + aligned(sizeof(RsImage));

	memcpy(image, block, sizeof(RsImage));
	list_parts(image, &parts);
	for (int i = 0; i < parts.n; i++)
	{
		*parts.part[i].array = from;
		from += aligned(parts.part[i].bytes);
	}
}
