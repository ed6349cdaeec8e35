/*-------------------------------------------------------------------------
 *
 * summary.c
 *		What all items of a version tell together, where they cannot be kept.
 *
 * Fold-in of implicit feedback needs the Gramian of all items, a weighted sum of parts their
 * mean vector and the deviation of popularity, too.  Sums are added in
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
#include "serve/image_blend.h"
#include "serve/image_block.h"
#include "serve/summary.h"
#include "store/factors.h"

/* Rows that are added to the Gramian together. */
#define BLOCK_ROWS		512

/* What is summed of one part. */
typedef struct PartSums
{
	RsDense    *part;
	float		bias;			/* of the first item */
	float	   *rows;			/* not yet in the Gramian; NULL without one */
	void	   *chunk;			/* what was allocated for them */
	int32		n_rows;
} PartSums;

typedef struct Summing
{
	RsImage    *image;
	int32		n;				/* items so far */
	RsImageExtent extent;
	PartSums	parts[RS_MAX_PARTS];
	RsBlendSums blend;
} Summing;

static void
begin_part(PartSums *sums, RsDense *part, MemoryContext context)
{
	void	   *chunk;

	sums->part = part;
	part->same_biases = true;
	if (!part->has_gramian)
		return;
	part->gramian = rs_alloc_matrix(context, part->stride * sizeof(double), part->k, &chunk);
	sums->rows = rs_alloc_matrix(context, part->stride * sizeof(float), BLOCK_ROWS, &sums->chunk);
}

static void
flush_rows(PartSums *sums)
{
	const RsDense *part = sums->part;

	for (int panel = 0; panel < rs_gramian_panels(part->k); panel++)
	{
		CHECK_FOR_INTERRUPTS();
		rs_gramian_add(sums->rows, sums->n_rows, part->k, part->stride, panel, part->gramian);
	}
	sums->n_rows = 0;
}

static void
add_vector(PartSums *sums, bool first, const float *x)
{
	RsDense    *part = sums->part;

	if (part->has_biases && first)
		sums->bias = x[part->k];
	else if (part->has_biases && x[part->k] != sums->bias)
		part->same_biases = false;
	if (sums->rows == NULL)
		return;
	memcpy(sums->rows + (Size) sums->n_rows * part->stride, x, part->k * sizeof(float));
	if (++sums->n_rows == BLOCK_ROWS)
		flush_rows(sums);
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
	for (int i = 0; i < image->n_parts; i++)
		add_vector(&summing->parts[i], summing->n == 0, row->parts[i]->x);
	if (image->blend.used)
		rs_blend_sums_add(&summing->blend, rs_image_ranking(image)->k,
						  row->parts[rs_ranking_part(image->n_parts)]->x, row->popularity);
	summing->extent.n_entries += row->neighbours.n;
	summing->n++;
}

RsImage *
rs_summary_build(const RsModel *model, const RsVersion *version, MemoryContext context,
				 bool *settled)
{
	Summing		summing = {0};
	RsImage    *image = rs_image_of_items(model, version, NULL, false, context);

	summing.image = image;
	for (int i = 0; i < image->n_parts; i++)
		begin_part(&summing.parts[i], &image->parts[i], context);
	if (image->blend.used)
		rs_blend_sums_begin(&summing.blend, image, context);
	*settled = rs_factors_scan_sorted(model, version, add_item, &summing);
	for (int i = 0; i < image->n_parts; i++)
	{
		if (summing.parts[i].rows == NULL)
			continue;
		flush_rows(&summing.parts[i]);
		rs_gramian_mirror(image->parts[i].k, image->parts[i].stride, image->parts[i].gramian);
		rs_image_judge_gramian(image, version, i);
		pfree(summing.parts[i].chunk);
	}
	if (image->blend.used)
		rs_blend_sums_take(&summing.blend, image, version);
	image->whole_bytes = rs_image_whole_bytes(model, version, &summing.extent);
	return image;
}
