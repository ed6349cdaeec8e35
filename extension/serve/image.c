/*-------------------------------------------------------------------------
 *
 * image.c
 *		Building the item image of a version from its factor table.
 *
 * Rows come in the order of the key, which is that of the ids for integers and
 * uuids; where it is not, they are sorted afterwards.  Nothing is believed of the
 * table, to which the model's owner can write: that no row is there twice is checked
 * here, how many there are and the rows themselves in factors.c.
 *
 * Memory: all arrays are allocated in the caller's context, so that an error
 * leaves nothing.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/uuid.h"

#include "compat.h"
#include "interrupt.h"
#include "kernel/row.h"
#include "serve/image.h"
#include "serve/image_blend.h"
#include "serve/image_block.h"
#include "store/factors.h"
#include "store/id_list.h"

typedef struct ImageBuilder
{
	const RsModel *model;
	const RsVersion *version;
	RsImage    *image;
	MemoryContext context;
	RsIdListMaker ids;
	void	   *factors[RS_MAX_PARTS];	/* what was allocated for those of a part */
	RsBlendMaker blend;
} ImageBuilder;

/* ---- building ------------------------------------------------------------ */

static void *
alloc_array(ImageBuilder *builder, Size width, Size n)
{
	return MemoryContextAllocHuge(builder->context, mul_size(width, Max(n, 1)));
}

void *
rs_alloc_matrix(MemoryContext context, Size row_bytes, Size rows, void **chunk)
{
	Size		bytes = mul_size(row_bytes, Max(rows, 1));
	void	   *matrix;

	*chunk = MemoryContextAllocHuge(context, add_size(bytes, RS_ALIGNMENT));
	matrix = (void *) TYPEALIGN(RS_ALIGNMENT, *chunk);
	memset(matrix, 0, bytes);
	return matrix;
}

/* What is known of the image before its items are. */
static void
init_image(RsImage *image, const RsModel *model, const RsVersion *version)
{
	memset(image, 0, sizeof(RsImage));
	image->ids.kind = model->item_kind;
	image->n_parts = version->n_parts;
	for (int i = 0; i < image->n_parts; i++)
	{
		RsDense    *part = &image->parts[i];

		part->k = rs_version_options(version, i)->factors;
		part->stride = RS_STRIDE(part->k);
		part->has_biases = rs_version_options(version, i)->biases;
		part->has_gramian = rs_version_feedback(version, i) == RS_IMPLICIT;
	}
	rs_blend_init(image, version);
}

/* An image without items; there is room for n of them. */
static void
begin_image(ImageBuilder *builder, const RsModel *model, const RsVersion *version,
			int32 n, MemoryContext context)
{
	RsImage    *image = MemoryContextAlloc(context, sizeof(RsImage));

	builder->model = model;
	builder->version = version;
	builder->image = image;
	builder->context = context;
	init_image(image, model, version);
	rs_idlist_begin(&builder->ids, &image->ids, model->item_kind, n, context);
	image->users = alloc_array(builder, sizeof(int32), n);
	for (int i = 0; i < image->n_parts; i++)
	{
		RsDense    *part = &image->parts[i];

		part->factors = rs_alloc_matrix(builder->context, part->stride * sizeof(float), n,
										&builder->factors[i]);
		if (part->has_biases)
			part->biases = alloc_array(builder, sizeof(float), n);
	}
	rs_blend_maker_begin(&builder->blend, model, version, image, n, context);
}

/* One row of the factor table. */
static void
add_item(void *arg, Datum id, const RsItemFactors *row)
{
	ImageBuilder *builder = (ImageBuilder *) arg;
	RsImage    *image = builder->image;
	int32		at = image->ids.n;

	rs_idlist_append(&builder->ids, id);
	image->users[at] = row->users;
	rs_blend_maker_add(&builder->blend, at, row);
	for (int i = 0; i < image->n_parts; i++)
	{
		RsDense    *part = &image->parts[i];
		const float *x = row->parts[i]->x;

		memcpy(part->factors + (Size) at * part->stride, x, part->k * sizeof(float));
		if (part->biases != NULL)
			part->biases[at] = x[part->k];
	}
}

#define ST_SORT				sort_by_id
#define ST_ELEMENT_TYPE		int32
#define ST_COMPARE_ARG_TYPE	const RsIdList
#define ST_COMPARE(a, b, ids)	rs_idlist_compare(ids, *(a), *(b))
#define ST_SCOPE			static
#define ST_DEFINE
#define ST_CHECK_FOR_INTERRUPTS
#include "lib/sort_template.h"

/* More users first, then the smaller id. */
static inline int
compare_popularity(int32 i, int32 j, const int32 *users)
{
	if (users[i] != users[j])
		return users[i] > users[j] ? -1 : 1;
	return (i > j) - (i < j);
}

#define ST_SORT				sort_by_popularity
#define ST_ELEMENT_TYPE		int32
#define ST_COMPARE_ARG_TYPE	const int32
#define ST_COMPARE(a, b, users)	compare_popularity(*(a), *(b), users)
#define ST_SCOPE			static
#define ST_DEFINE
#define ST_CHECK_FOR_INTERRUPTS
#include "lib/sort_template.h"

/* Copy array elements of width bytes into the given order; frees chunk. */
static void
reorder(void *to, const void *from, void *chunk, Size width, const int32 *order, int32 n)
{
	for (int32 i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		memcpy((char *) to + i * width, (const char *) from + order[i] * width, width);
	}
	pfree(chunk);
}

static void
reorder_texts(ImageBuilder *builder, const int32 *order)
{
	RsIdList   *ids = &builder->image->ids;
	char	   *bytes = alloc_array(builder, 1, ids->offsets[ids->n]);
	Size	   *offsets = alloc_array(builder, sizeof(Size), (Size) ids->n + 1);
	Size		used = 0;

	for (int32 i = 0; i < ids->n; i++)
	{
		Size		from = ids->offsets[order[i]];
		Size		len = ids->offsets[order[i] + 1] - from;

		CHECK_FOR_INTERRUPTS();
		offsets[i] = used;
		memcpy(bytes + used, ids->bytes + from, len);
		used += len;
	}
	offsets[ids->n] = used;
	pfree(ids->bytes);
	pfree(ids->offsets);
	ids->bytes = bytes;
	ids->offsets = offsets;
}

static void
reorder_part(ImageBuilder *builder, int i, const int32 *order)
{
	RsDense    *part = &builder->image->parts[i];
	int32		n = builder->image->ids.n;
	void	   *to;
	void	   *chunk;

	if (part->biases != NULL)
	{
		to = alloc_array(builder, sizeof(float), n);
		reorder(to, part->biases, part->biases, sizeof(float), order, n);
		part->biases = to;
	}
	to = rs_alloc_matrix(builder->context, part->stride * sizeof(float), n, &chunk);
	reorder(to, part->factors, builder->factors[i], part->stride * sizeof(float), order, n);
	part->factors = to;
	builder->factors[i] = chunk;
}

/* Bring every array of the image into the given order. */
static void
reorder_image(ImageBuilder *builder, const int32 *order)
{
	RsImage    *image = builder->image;
	int32		n = image->ids.n;
	void	   *to;

	if (image->ids.kind == RS_ID_TEXT)
		reorder_texts(builder, order);
	else if (image->ids.kind == RS_ID_UUID)
	{
		to = alloc_array(builder, UUID_LEN, n);
		reorder(to, image->ids.bytes, image->ids.bytes, UUID_LEN, order, n);
		image->ids.bytes = to;
	}
	else
	{
		to = alloc_array(builder, sizeof(int64), n);
		reorder(to, image->ids.ints, image->ids.ints, sizeof(int64), order, n);
		image->ids.ints = to;
	}
	to = alloc_array(builder, sizeof(int32), n);
	reorder(to, image->users, image->users, sizeof(int32), order, n);
	image->users = to;
	for (int i = 0; i < image->n_parts; i++)
		reorder_part(builder, i, order);
	rs_blend_maker_reorder(&builder->blend, order);
}

/* Sort the items by id, unless the scan of the key brought them so. */
static void
sort_image(ImageBuilder *builder)
{
	RsImage    *image = builder->image;
	int32		n = image->ids.n;
	int32	   *order = palloc_extended(mul_size(sizeof(int32), Max(n, 1)), MCXT_ALLOC_HUGE);
	bool		sorted = true;

	for (int32 i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		order[i] = i;
		if (i > 0 && rs_idlist_compare(&image->ids, i - 1, i) >= 0)
			sorted = false;
	}
	if (!sorted)
	{
		sort_by_id(order, n, &image->ids);
		for (int32 i = 1; i < n; i++)
		{
			CHECK_FOR_INTERRUPTS();
			if (rs_idlist_compare(&image->ids, order[i - 1], order[i]) == 0)
				ereport(ERROR,
						(errcode(ERRCODE_DATA_CORRUPTED),
						 errmsg("item \"%s\" is more than once in version %d of model \"%s\"",
								rs_id_to_cstring(rs_idlist_get(&image->ids, order[i]),
												 image->ids.kind),
								builder->version->version, builder->model->name),
						 errhint("Train the model again.")));
		}
		reorder_image(builder, order);
	}
	pfree(order);
}

/* The hash table over the ids, seeded by the stamp, which is random. */
static void
add_hash(ImageBuilder *builder)
{
	RsIdList   *ids = &builder->image->ids;

	if (ids->kind == RS_ID_TEXT)
		builder->image->id_bytes = ids->offsets[ids->n];
	rs_idlist_index(ids, alloc_array(builder, 1, rs_idlist_table_size(ids)),
					(uint64) builder->version->stamp);
}

static void
add_popularity(ImageBuilder *builder)
{
	RsImage    *image = builder->image;
	int32		n = image->ids.n;

	image->by_popularity = alloc_array(builder, sizeof(int32), n);
	for (int32 i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		image->by_popularity[i] = i;
	}
	sort_by_popularity(image->by_popularity, n, image->users);
}

void
rs_image_judge_gramian(RsImage *image, const RsVersion *version, int part)
{
	RsDense    *dense = &image->parts[part];
	RsObjective objective = rs_version_objective(version, part);

	dense->is_diagonal = rs_gramian_is_diagonal(&objective, dense->gramian, version->items,
												dense->k, dense->stride);
}

/* What fold-in of implicit feedback needs of the cells without event. */
static void
add_gramian(ImageBuilder *builder, int i)
{
	RsImage    *image = builder->image;
	RsDense    *part = &image->parts[i];
	void	   *chunk;

	part->gramian = rs_alloc_matrix(builder->context, part->stride * sizeof(double), part->k, &chunk);
	(void) rs_gramian_until(part->factors, image->ids.n, part->k, part->stride, part->gramian,
							rs_interrupt, NULL);
	rs_image_judge_gramian(image, builder->version, i);
}

/* What finds the best items without scoring all. */
static void
add_index(ImageBuilder *builder)
{
	RsImage    *image = builder->image;
	RsItems		items = rs_image_searched(image);
	size_t		bytes;
	size_t		workspace_bytes;
	void	   *chunk;
	void	   *workspace;
	RsStatus	status;

	if (!rs_index_size(items.n, items.k, items.biases != NULL, &bytes, &workspace_bytes))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("version %d of model \"%s\" has too many items",
						builder->version->version, builder->model->name)));
	image->index = rs_alloc_matrix(builder->context, bytes, 1, &chunk);
	image->index_bytes = bytes;
	workspace = rs_alloc_matrix(builder->context, workspace_bytes, 1, &chunk);
	status = rs_index_build(&items, workspace, image->index, rs_interrupt, NULL);
	if (status != RS_OK)
		elog(ERROR, "building an index of items returned status %d", (int) status);
	pfree(chunk);
}

RsImage *
rs_image_build(const RsModel *model, const RsVersion *version, MemoryContext context,
			   bool *settled)
{
	ImageBuilder builder;
	RsImage    *image;

	begin_image(&builder, model, version, version->items, context);
	image = builder.image;
	*settled = rs_factors_scan_items(model, version, true, add_item, &builder);
	sort_image(&builder);
	add_hash(&builder);
	rs_blend_maker_finish(&builder.blend);
	rs_blend_complete(image, version, context);
	add_popularity(&builder);
	if (image->n_parts > 0)
		add_index(&builder);
	for (int i = 0; i < image->n_parts; i++)
	{
		if (image->parts[i].has_gramian)
			add_gramian(&builder, i);
	}
	return image;
}

RsImage *
rs_image_of_items(const RsModel *model, const RsVersion *version, const RsIdList *items,
				  bool neighbours, MemoryContext context)
{
	ImageBuilder builder;

	begin_image(&builder, model, version, items != NULL ? items->n : 0, context);
	builder.image->partial = true;
	if (items != NULL)
		rs_factors_read_items(model, version, items, neighbours, add_item, &builder);
	sort_image(&builder);
	add_hash(&builder);
	rs_blend_maker_finish(&builder.blend);
	return builder.image;
}

Size
rs_image_whole_bytes(const RsModel *model, const RsVersion *version,
					 const RsImageExtent *extent)
{
	RsImage		image;
	const RsDense *ranking;
	size_t		bytes;
	size_t		workspace;

	init_image(&image, model, version);
	ranking = rs_image_ranking(&image);
	image.ids.n = version->items;
	rs_idlist_count(&image.ids, extent->first, extent->last);
	image.id_bytes = extent->id_bytes;
	image.blend.n_entries = extent->n_entries;
	if (image.n_parts > 0 &&
		rs_index_size(image.ids.n, ranking->k, ranking->has_biases || image.blend.has_column,
					  &bytes, &workspace))
		image.index_bytes = bytes;
	return rs_image_block_size(&image);
}
