/*-------------------------------------------------------------------------
 *
 * summary.c
 *		What all items of a version tell together, where they cannot be kept.
 *
 * Fold-in of implicit feedback needs the Gramian of all items.  Its sums are added in
 * the order of the items, so rows come sorted by id, and a vector that is folded in has
 * the bits that it has with the whole image.
 *
 * Memory: the result, and while it is made a block of rows.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "compat.h"
#include "kernel/row.h"
#include "serve/image_block.h"
#include "serve/summary.h"
#include "store/factors.h"

/* Rows that are added to the Gramian together. */
#define BLOCK_ROWS		512

typedef struct Summing
{
	RsImage    *image;
	int32		n;				/* items so far */
	RsImageExtent extent;
	float		bias;			/* of the first */
	float	   *rows;			/* not yet in the Gramian */
	int32		n_rows;
} Summing;

static void
flush_rows(Summing *summing)
{
	const RsImage *image = summing->image;

	for (int panel = 0; panel < rs_gramian_panels(image->k); panel++)
	{
		CHECK_FOR_INTERRUPTS();
		rs_gramian_add(summing->rows, summing->n_rows, image->k, image->stride, panel,
					   image->gramian);
	}
	summing->n_rows = 0;
}

static void
add_item(void *arg, Datum id, const RsItemFactors *row)
{
	Summing    *summing = arg;
	RsImage    *image = summing->image;

	if (image->ids.kind == RS_ID_TEXT)
		summing->extent.id_bytes += VARSIZE_ANY_EXHDR(DatumGetPointer(id));
	else if (image->ids.kind == RS_ID_BIGINT)
	{
		summing->extent.last = DatumGetInt64(id);
		if (summing->n == 0)
			summing->extent.first = DatumGetInt64(id);
	}
	if (image->has_biases)
	{
		if (summing->n == 0)
			summing->bias = row->factors->x[image->k];
		else if (row->factors->x[image->k] != summing->bias)
			image->same_biases = false;
	}
	if (image->has_gramian)
	{
		memcpy(summing->rows + (Size) summing->n_rows * image->stride, row->factors->x,
			   image->k * sizeof(float));
		if (++summing->n_rows == BLOCK_ROWS)
			flush_rows(summing);
	}
	summing->n++;
}

RsImage *
rs_summary_build(const RsModel *model, const RsVersion *version, MemoryContext context,
				 bool *settled)
{
	Summing		summing = {0};
	RsImage    *image = rs_image_of_items(model, version, NULL, context);
	void	   *chunk;
	void	   *rows = NULL;

	summing.image = image;
	image->same_biases = true;
	if (image->has_gramian)
	{
		image->gramian = rs_alloc_matrix(context, image->stride * sizeof(double), image->k, &chunk);
		summing.rows = rs_alloc_matrix(context, image->stride * sizeof(float), BLOCK_ROWS, &rows);
	}
	*settled = rs_factors_scan_sorted(model, version, add_item, &summing);
	if (image->has_gramian)
	{
		flush_rows(&summing);
		rs_image_complete_gramian(image, version);
		pfree(rows);
	}
	image->whole_bytes = rs_image_whole_bytes(model, version, &summing.extent);
	return image;
}
