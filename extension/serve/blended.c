/*-------------------------------------------------------------------------
 *
 * blended.c
 *		What ranks items for a user where that is a weighted sum of parts.
 *
 * Memory: the workspace of the kernel, four bytes for each item of the version, in the
 * current context.  Without a whole image as many are asked for, of which only the pages are
 * touched that hold what the user's items speak for.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "compat.h"
#include "interrupt.h"
#include "serve/blended.h"

void
rs_blended_init(const RsVersion *version, const RsImage *image, RsBlend *blend)
{
	const RsPartWeights *weights = &version->options.weights;

	blend->items = rs_image_searched(image);
	blend->items.n = version->items;
	blend->index = image->index;
	blend->gramian = rs_image_ranking(image)->gramian;
	blend->mean = image->blend.mean;
	blend->norms = image->blend.norms;
	blend->dense_weight = weights->als;
	blend->sparse = image->blend.has_rows ? image->blend.rows : (RsSparse) {0};
	blend->sparse_weight = weights->item;
}

RsBlended *
rs_blended_begin(const RsVersion *version, const RsImage *image, const float *x,
				 const RsRow *row)
{
	RsBlended  *blended = palloc0(sizeof(RsBlended));
	size_t		bytes;
	char	   *workspace;

	rs_blended_init(version, image, &blended->blend);
	blended->targets = image->partial ? image->blend.targets : NULL;
	blended->column_scale = image->blend.column_scale;
	if (!rs_blend_workspace_size(&blended->blend.items, &bytes))
		elog(ERROR, "version %d has too many items", version->version);
	workspace = palloc_extended(add_size(bytes, RS_ALIGNMENT), MCXT_ALLOC_HUGE);
	(void) rs_blend_begin(&blended->user, &blended->blend, x, row,
						  (void *) TYPEALIGN(RS_ALIGNMENT, workspace), rs_interrupt, NULL);
	return blended;
}

bool
rs_blended_is_level(const RsBlended *blended)
{
	const RsBlendUser *user = &blended->user;
	RsItems		items = blended->blend.items;

	if (blended->blend.index != NULL)
		return rs_blend_keys_are_equal(user, rs_interrupt, NULL);
	items.biases = NULL;
	return user->n_touched == 0 && blended->column_scale == 0 &&
		rs_scores_are_equal(&items, user->z, rs_interrupt, NULL);
}

float
rs_blended_key_of(const RsBlended *blended, Datum item_id, const float *y, float column)
{
	int32		target = blended->targets == NULL ? -1 : rs_idlist_find(blended->targets, item_id);

	return rs_blend_sum(&blended->user, y, column,
						target < 0 ? 0.0 : rs_blend_sparse(&blended->user, target));
}

float
rs_blended_key(const RsBlended *blended, const RsImage *image, int32 position)
{
	const RsDense *part = rs_image_ranking(image);

	if (!image->partial)
		return rs_blend_key(&blended->user, position);
	return rs_blended_key_of(blended, rs_idlist_get(&image->ids, position),
							 part->factors + (Size) position * part->stride,
							 image->blend.has_column ? image->blend.column[position] : 0);
}

uint32
rs_blended_fingerprint(const RsBlended *blended)
{
	const RsBlendUser *user = &blended->user;
	int32		n = user->n_touched > 0 ? blended->blend.items.n : 0;
	uint32		hash = hash_bytes((const unsigned char *) user->z,
								  blended->blend.items.k * (int) sizeof(float));

	for (int32 first = 0; first < n; first += 64)
	{
		CHECK_FOR_INTERRUPTS();
		for (uint64 word = user->touched[first / 64]; word != 0; word &= word - 1)
		{
			const float *sum = &user->sums[first + __builtin_ctzll(word)];

			hash = hash_combine(hash, hash_bytes((const unsigned char *) sum, sizeof(float)));
		}
	}
	return hash;
}
