/*-------------------------------------------------------------------------
 *
 * image_blend.c
 *		What an item image has for the weighted sum that ranks, beside its vectors.
 *
 * Rows of the factor table name neighbours by id.  They are kept so until the ids of all
 * items are in order; then they become positions.  What all items tell is summed in
 * ascending order of ids, in double, so that a summary has the bits of a whole image.
 *
 * Memory: all arrays in the context of the image; while it is built, the ids once more.  Of
 * a partial one recsys.serving_memory bounds what neighbours take.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "compat.h"
#include "guc.h"
#include "interrupt.h"
#include "serve/image_blend.h"

/* Neighbours that there is room for at first. */
#define FIRST_ENTRIES	1024

/* Bytes of a neighbour of a partial image: id, its place in a list, weight, position; about. */
#define BYTES_AN_ENTRY	32

void
rs_blend_init(RsImage *image, const RsVersion *version)
{
	const RsPartWeights *weights = &version->options.weights;

	image->blend.used = rs_weights_blend(weights);
	image->blend.has_rows = rs_weights_have_item(weights);
	image->blend.has_column = rs_weights_have_popularity(weights);
}

static void *
alloc_array(MemoryContext context, Size width, Size n)
{
	return MemoryContextAllocHuge(context, mul_size(width, Max(n, 1)));
}

/* ---- rows, as they come ------------------------------------------------------- */

void
rs_blend_maker_begin(RsBlendMaker *maker, const RsModel *model, const RsVersion *version,
					 RsImage *image, int32 n, MemoryContext context)
{
	memset(maker, 0, sizeof(RsBlendMaker));
	maker->model = model;
	maker->version = version;
	maker->image = image;
	maker->context = context;
	if (image->blend.has_column)
		image->blend.column = alloc_array(context, sizeof(float), n);
	if (!image->blend.has_rows)
		return;
	rs_idlist_begin(&maker->ids, &maker->neighbours, model->item_kind, FIRST_ENTRIES, context);
	maker->capacity = FIRST_ENTRIES;
	maker->weights = alloc_array(context, sizeof(float), maker->capacity);
	maker->first = alloc_array(context, sizeof(int32), n);
	maker->count = alloc_array(context, sizeof(int32), n);
}

static void
make_room(RsBlendMaker *maker, int32 more)
{
	int64		needed = (int64) maker->neighbours.n + more;

	if (needed > PG_INT32_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("version %d of model \"%s\" has too many neighbours of items",
						maker->version->version, maker->model->name)));
	if (needed <= maker->capacity)
		return;
	if (maker->image->partial && needed > (Size) rs_serving_memory * 1024 / BYTES_AN_ENTRY)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the neighbours of the items of one user of model \"%s\" need more than the %d kB of \"recsys.serving_memory\"",
						maker->model->name, rs_serving_memory),
				 errhint("Raise recsys.cache_size, so that all items are in shared memory, or recsys.serving_memory.")));
	maker->capacity = Max(needed, maker->capacity * 2);
	maker->weights = repalloc_huge(maker->weights, mul_size(sizeof(float), maker->capacity));
}

void
rs_blend_maker_add(RsBlendMaker *maker, int32 at, const RsItemFactors *row)
{
	const RsNeighbours *neighbours = &row->neighbours;

	if (maker->image->blend.has_column)
		maker->image->blend.column[at] = row->popularity;
	if (!maker->image->blend.has_rows)
		return;
	make_room(maker, neighbours->n);
	maker->first[at] = maker->neighbours.n;
	maker->count[at] = neighbours->n;
	if (neighbours->n > 0)
		memcpy(maker->weights + maker->neighbours.n, neighbours->weights,
			   neighbours->n * sizeof(float));
	for (int32 i = 0; i < neighbours->n; i++)
		rs_idlist_append(&maker->ids, neighbours->ids[i]);
}

/* An array of four bytes an element in the given order; the old one is freed. */
static void *
reorder_array(const RsBlendMaker *maker, void *array, const int32 *order)
{
	int32		n = maker->image->ids.n;
	int32	   *to = alloc_array(maker->context, sizeof(int32), n);

	for (int32 i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		to[i] = ((const int32 *) array)[order[i]];
	}
	pfree(array);
	return to;
}

void
rs_blend_maker_reorder(RsBlendMaker *maker, const int32 *order)
{
	RsBlendData *blend = &maker->image->blend;

	if (blend->has_column)
		blend->column = reorder_array(maker, blend->column, order);
	if (!blend->has_rows)
		return;
	maker->first = reorder_array(maker, maker->first, order);
	maker->count = reorder_array(maker, maker->count, order);
}

/* ---- rows, by position --------------------------------------------------------- */

static void
refuse_neighbour(const RsBlendMaker *maker, int32 item, Datum neighbour)
{
	RsIdKind	kind = maker->model->item_kind;

	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("item \"%s\" in version %d of model \"%s\" has the neighbour \"%s\", which is no item of it",
					rs_id_to_cstring(rs_idlist_get(&maker->image->ids, item), kind),
					maker->version->version, maker->model->name,
					rs_id_to_cstring(neighbour, kind)),
			 errhint("Train the model again.")));
}

/* Positions of the neighbours of an item; scratch is a context for their ids. */
static void
locate_row(const RsBlendMaker *maker, const RsIdList *among, int32 item, MemoryContext scratch,
		   int32 *positions)
{
	int32		count = maker->count[item];

	for (int32 done = 0; done < count; done += RS_FIND_BLOCK)
	{
		int32		n = Min(count - done, RS_FIND_BLOCK);
		MemoryContext caller = MemoryContextSwitchTo(scratch);
		Datum		ids[RS_FIND_BLOCK];

		CHECK_FOR_INTERRUPTS();
		for (int32 i = 0; i < n; i++)
			ids[i] = rs_idlist_get(&maker->neighbours, maker->first[item] + done + i);
		rs_idlist_find_many(among, ids, n, positions + done);
		for (int32 i = 0; i < n; i++)
		{
			if (positions[done + i] < 0)
				refuse_neighbour(maker, item, ids[i]);
		}
		MemoryContextSwitchTo(caller);
		MemoryContextReset(scratch);
	}
}

/* The ids that neighbours of a partial image are positions in. */
static RsIdList *
list_targets(const RsBlendMaker *maker)
{
	MemoryContext caller = MemoryContextSwitchTo(maker->context);
	RsIdList   *targets = palloc(sizeof(RsIdList));

	rs_idlist_sorted(targets, &maker->neighbours, (uint64) maker->version->stamp);
	MemoryContextSwitchTo(caller);
	return targets;
}

static void
free_ids(RsIdList *ids)
{
	if (ids->kind == RS_ID_BIGINT)
		pfree(ids->ints);
	else
		pfree(ids->bytes);
	if (ids->kind == RS_ID_TEXT)
		pfree(ids->offsets);
}

static void
place_rows(const RsBlendMaker *maker, const RsIdList *among)
{
	RsBlendData *blend = &maker->image->blend;
	int32		n = maker->image->ids.n;
	int64	   *start = alloc_array(maker->context, sizeof(int64), (Size) n + 1);
	int32	   *target = alloc_array(maker->context, sizeof(int32), maker->neighbours.n);
	float	   *weight = alloc_array(maker->context, sizeof(float), maker->neighbours.n);
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "recsys ids",
												  ALLOCSET_DEFAULT_SIZES);

	start[0] = 0;
	for (int32 i = 0; i < n; i++)
	{
		locate_row(maker, among, i, scratch, target + start[i]);
		memcpy(weight + start[i], maker->weights + maker->first[i],
			   maker->count[i] * sizeof(float));
		start[i + 1] = start[i] + maker->count[i];
	}
	MemoryContextDelete(scratch);
	blend->rows = (RsSparse) {start, target, weight};
	blend->n_entries = start[n];
}

void
rs_blend_maker_finish(RsBlendMaker *maker)
{
	RsImage    *image = maker->image;

	if (!image->blend.has_rows)
		return;
	if (image->partial)
		image->blend.targets = list_targets(maker);
	place_rows(maker, image->partial ? image->blend.targets : &image->ids);
	pfree(maker->first);
	pfree(maker->count);
	pfree(maker->weights);
	free_ids(&maker->neighbours);
}

/* ---- what all items tell --------------------------------------------------------- */

void
rs_blend_sums_begin(RsBlendSums *sums, const RsImage *image, MemoryContext context)
{
	Size		k = rs_image_ranking(image)->k;

	sums->column = sums->squares = 0;
	sums->vectors = alloc_array(context, sizeof(double), k);
	memset(sums->vectors, 0, k * sizeof(double));
}

void
rs_blend_sums_take(const RsBlendSums *sums, RsImage *image, const RsVersion *version)
{
	image->blend.mean = rs_blend_sums_mean(sums, rs_image_ranking(image)->k, version->items);
	if (image->blend.has_column)
		image->blend.column_scale = rs_blend_sums_scale(sums, version->items,
														version->options.weights.popularity);
}

void
rs_blend_scale_column(RsImage *image, double scale)
{
	float	   *column = image->blend.column;

	image->blend.column_scale = scale;
	for (int32 i = 0; image->blend.has_column && i < image->ids.n; i++)
		column[i] = rs_blend_scaled(column[i], scale);
}

void
rs_blend_complete(RsImage *image, const RsVersion *version, MemoryContext context)
{
	const RsDense *part = rs_image_ranking(image);
	RsItems		items = rs_image_items(image, part);
	RsBlendSums sums;

	if (!image->blend.used)
		return;
	rs_blend_sums_begin(&sums, image, context);
	for (int32 i = 0; i < image->ids.n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		rs_blend_sums_add(&sums, part->k, part->factors + (Size) i * part->stride,
						  image->blend.has_column ? image->blend.column[i] : 0);
	}
	rs_blend_sums_take(&sums, image, version);
	rs_blend_scale_column(image, image->blend.column_scale);
	image->blend.norms = alloc_array(context, sizeof(float), image->ids.n);
	(void) rs_blend_norms(&items, image->blend.norms, rs_interrupt, NULL);
}
