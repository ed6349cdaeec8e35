/*-------------------------------------------------------------------------
 *
 * image_block.c
 *		The layout of an item image as one block of bytes.
 *
 *		+---------+-----+------------+-------+- - -+-----------------------------+- - -
 *		| RsImage | ids | hash slots | users | ... | factors, biases, Gramian of | index
 *		|         |     |            |       |     | one part, then of the other |
 *		+---------+-----+------------+-------+- - -+-----------------------------+- - -
 *		 - - -+-----------------------------------------+-------------+-------------+
 *			  | rows of the item part: where each       | popularity, | mean vector |
 *			  | begins, neighbours by position, weights | by item     | and lengths |
 *		 - - -+-----------------------------------------+-------------+-------------+
 *
 * Each piece begins at a multiple of 64 and is there if the image has it.  The
 * RsImage in front is the one that the block was written from: its counts hold,
 * its pointers do not.  Which pieces there are and how long each is follows from
 * the counts alone, so a reader finds them as the writer laid them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/uuid.h"

#include "compat.h"
#include "serve/image_block.h"

#define MAX_PIECES		18

typedef struct Piece
{
	void	  **array;			/* the pointer of the image to it */
	Size		bytes;
} Piece;

typedef struct Pieces
{
	int			n;
	Piece		piece[MAX_PIECES];
} Pieces;

static void
add_piece(Pieces *pieces, void *array, Size width, Size n)
{
	Assert(pieces->n < MAX_PIECES);
	pieces->piece[pieces->n].array = (void **) array;
	pieces->piece[pieces->n].bytes = mul_size(width, n);
	pieces->n++;
}

/* Those of a weighted sum; of a summary, which is partial, the mean vector alone. */
static void
list_blend(RsImage *image, Pieces *pieces)
{
	RsBlendData *blend = &image->blend;
	Size		n = image->ids.n;

	if (blend->has_rows && !image->partial)
	{
		add_piece(pieces, &blend->rows.start, sizeof(int64), n + 1);
		add_piece(pieces, &blend->rows.target, sizeof(int32), blend->n_entries);
		add_piece(pieces, &blend->rows.weight, sizeof(float), blend->n_entries);
	}
	if (blend->has_column)
		add_piece(pieces, &blend->column, sizeof(float), n);
	if (!blend->used)
		return;
	add_piece(pieces, &blend->mean, sizeof(double), rs_image_ranking(image)->k);
	if (!image->partial)
		add_piece(pieces, &blend->norms, sizeof(float), n);
}

/* Every array of the image, from its counts; the order is that of the block. */
static void
list_pieces(RsImage *image, Pieces *pieces)
{
	RsIdList   *ids = &image->ids;
	Size		n = ids->n;

	pieces->n = 0;
	switch (ids->kind)
	{
		case RS_ID_BIGINT:
			add_piece(pieces, &ids->ints, sizeof(int64), n);
			break;
		case RS_ID_UUID:
			add_piece(pieces, &ids->bytes, UUID_LEN, n);
			break;
		case RS_ID_TEXT:
			add_piece(pieces, &ids->offsets, sizeof(Size), n + 1);
			add_piece(pieces, &ids->bytes, 1, image->id_bytes);
			break;
	}
	if (ids->n_words > 0)
		add_piece(pieces, &ids->words, sizeof(RsIdWord), ids->n_words);
	else
		add_piece(pieces, &ids->slots, sizeof(uint32), (Size) ids->slot_mask + 1);
	add_piece(pieces, &image->users, sizeof(int32), n);
	add_piece(pieces, &image->by_popularity, sizeof(int32), n);
	for (int i = 0; i < image->n_parts; i++)
	{
		RsDense    *part = &image->parts[i];

		add_piece(pieces, &part->factors, mul_size(part->stride, sizeof(float)), n);
		if (part->has_biases)
			add_piece(pieces, &part->biases, sizeof(float), n);
		if (part->has_gramian)
			add_piece(pieces, &part->gramian, mul_size(part->stride, sizeof(double)), part->k);
	}
	if (image->index_bytes > 0)
		add_piece(pieces, &image->index, 1, image->index_bytes);
	list_blend(image, pieces);
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
	Pieces		pieces;
	Size		bytes = aligned(sizeof(RsImage));

	list_pieces(&copy, &pieces);
	for (int i = 0; i < pieces.n; i++)
		bytes = add_size(bytes, aligned(pieces.piece[i].bytes));
	return bytes;
}

void
rs_image_block_write(const RsImage *image, void *block)
{
	RsImage		copy = *image;
	Pieces		pieces;
	char	   *to = (char *) block + aligned(sizeof(RsImage));

	memcpy(block, image, sizeof(RsImage));
	list_pieces(&copy, &pieces);
	for (int i = 0; i < pieces.n; i++)
	{
		memcpy(to, *pieces.piece[i].array, pieces.piece[i].bytes);
		to += aligned(pieces.piece[i].bytes);
	}
}

void
rs_image_block_open(const void *block, RsImage *image)
{
	Pieces		pieces;
	char	   *from = (char *) block + aligned(sizeof(RsImage));

	memcpy(image, block, sizeof(RsImage));
	list_pieces(image, &pieces);
	for (int i = 0; i < pieces.n; i++)
	{
		*pieces.piece[i].array = from;
		from += aligned(pieces.piece[i].bytes);
	}
}
