/*-------------------------------------------------------------------------
 *
 * image_cache.c
 *		The item images that this session has at hand: attached or its own.
 *
 * An image never changes once it is built.  Its key holds the version's stamp,
 * which is random, so an image can be found only by a session whose snapshot
 * shows the very version it was made of; nothing is ever invalidated.  The key
 * also holds all that an image is decoded by: a stamp does not tell which view
 * stands before the factors now.  The factor table is checked at each call, so
 * an image is not served from a table that would be refused if it were read.
 *
 * An image is made only where it can be kept.  Where it cannot, its summary is, and
 * questions read the rows that they need.  Whether it can be kept by now is asked at
 * each call, which looks at sizes and makes nothing.
 *
 * Memory: every entry has a context of its own.  While an image is being made
 * this hangs below the caller's context, so an error leaves nothing behind; a
 * finished entry is moved below TopMemoryContext when the cache takes it.  The
 * context of a shared image holds a few pointers.  Own images are dropped, the
 * least recently used first, when their sum exceeds recsys.local_cache_size;
 * attached ones when no other session would get them any more.  Of summaries the
 * latest MOST_SUMMARIES are kept, whatever the limit.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "lib/ilist.h"
#include "miscadmin.h"
#include "storage/proc.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "compat.h"
#include "guc.h"
#include "serve/image_block.h"
#include "serve/image_cache.h"
#include "serve/image_key.h"
#include "serve/shared_image.h"
#include "serve/summary.h"
#include "store/factor_table.h"
#include "store/factors.h"
#include "store/known.h"

/* Summaries that a session keeps; each is a Gramian or less. */
#define MOST_SUMMARIES	16

typedef struct CachedImage
{
	dlist_node	node;
	RsImageKey	key;
	MemoryContext context;		/* holds this struct too */
	Size		bytes;			/* own image: of its block; 0 for others */
	LocalTransactionId transaction; /* that wrote some of its rows, or invalid */
	SubTransactionId subtransaction;
	RsSharedImage shared;		/* segment NULL for an own one */
	RsImage    *image;
	int			pins;
	bool		dropped;		/* no longer in the cache; the last pin frees it */
} CachedImage;

/* The most recently used first. */
static dlist_head cache = DLIST_STATIC_INIT(cache);
static Size cache_bytes = 0;
static int	n_summaries = 0;

static void
make_key(const RsModel *model, const RsVersion *version, Relation table, RsImageKey *key)
{
	memset(key, 0, sizeof(RsImageKey));
	key->layout = RS_IMAGE_LAYOUT;
	key->stamp = version->stamp;
	key->database = MyDatabaseId;
	key->table = RelationGetRelid(table);
	key->file = table->rd_rel->relfilenode;
	key->version = version->version;
	key->factors = version->options.factors;
	key->preference = rs_factors_dim(version, RS_PART_PREFERENCE);
	if (rs_weights_have_item(&version->options.weights))
		key->item_weight = version->options.weights.item;
	if (rs_weights_have_popularity(&version->options.weights))
		key->popularity_weight = version->options.weights.popularity;
	key->id_kind = model->item_kind;
	key->feedback = version->feedback;
	key->algorithm = version->algorithm;
	key->biases = version->options.biases;
}

/* ---- what is at hand ----------------------------------------------------- */

static void
free_entry(CachedImage *entry)
{
	if (entry->shared.segment != NULL)
		rs_shared_image_close(&entry->shared);
	MemoryContextDelete(entry->context);
}

/* Take an entry from the cache; its memory goes now or with the last pin. */
static void
drop_entry(CachedImage *entry)
{
	dlist_delete(&entry->node);
	cache_bytes -= entry->bytes;
	n_summaries -= entry->key.summary;
	entry->dropped = true;
	if (entry->pins == 0)
		free_entry(entry);
}

static CachedImage *
find_entry(const RsImageKey *key)
{
	dlist_iter	iter;

	dlist_foreach(iter, &cache)
	{
		CachedImage *entry = dlist_container(CachedImage, node, iter.cur);

		if (memcmp(&entry->key, key, sizeof(RsImageKey)) == 0)
			return entry;
	}
	return NULL;
}

/*
 * An attached image that was given up is in memory for this session alone.  One
 * of rows that a transaction wrote held until the rows could be rolled back.
 */
static bool
is_stale(const CachedImage *entry)
{
	if (entry->shared.segment != NULL)
		return !rs_shared_image_is_current(&entry->shared);
	return entry->transaction != InvalidLocalTransactionId &&
		(entry->transaction != rs_local_transaction_id() ||
		 entry->subtransaction != GetCurrentSubTransactionId());
}

static void
drop_stale(void)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &cache)
	{
		CachedImage *entry = dlist_container(CachedImage, node, iter.cur);

		if (is_stale(entry))
			drop_entry(entry);
	}
}

/* Drop own images until at most so many bytes remain. */
static void
shrink_cache(Size bytes)
{
	dlist_node *node = dlist_is_empty(&cache) ? NULL : dlist_tail_node(&cache);

	while (cache_bytes > bytes && node != NULL)
	{
		CachedImage *entry = dlist_container(CachedImage, node, node);

		node = dlist_has_prev(&cache, node) ? dlist_prev_node(&cache, node) : NULL;
		if (entry->bytes > 0)
			drop_entry(entry);
	}
}

static bool
fits_locally(Size bytes)
{
	return bytes <= (Size) rs_local_cache_size * 1024;
}

/* There is one more summary than may be. */
static void
drop_oldest_summary(void)
{
	CachedImage *oldest = NULL;
	dlist_iter	iter;

	dlist_foreach(iter, &cache)
	{
		CachedImage *entry = dlist_container(CachedImage, node, iter.cur);

		if (entry->key.summary)
			oldest = entry;
	}
	drop_entry(oldest);
}

/* Take a finished entry. */
static void
keep_entry(CachedImage *entry)
{
	shrink_cache((Size) rs_local_cache_size * 1024 - entry->bytes);
	MemoryContextSetParent(entry->context, TopMemoryContext);
	dlist_push_head(&cache, &entry->node);
	cache_bytes += entry->bytes;
	n_summaries += entry->key.summary;
	if (n_summaries > MOST_SUMMARIES)
		drop_oldest_summary();
}

/* ---- what is gone ---------------------------------------------------------- */

/*
 * Give up the shared images that nobody can ask for any more: of versions that
 * no snapshot shows, and of databases that were dropped.
 */
static void
sweep_shared(void)
{
	RsSharedImageStatus *status = palloc(mul_size(RS_SHARED_IMAGES, sizeof(RsSharedImageStatus)));
	int			n = rs_shared_image_read(status);
	int64	   *stamps;
	int			n_stamps = rs_version_stamps(&stamps);

	for (int i = 0; i < n; i++)
	{
		const RsImageKey *key = &status[i].key;
		bool		wanted;

		if (key->database == MyDatabaseId)
			wanted = rs_version_stamp_found(stamps, n_stamps, key->stamp);
		else
			wanted = SearchSysCacheExists1(DATABASEOID, ObjectIdGetDatum(key->database));
		if (!wanted)
			rs_shared_image_forget(key);
	}
	pfree(status);
	pfree(stamps);
}

/* ---- making one ----------------------------------------------------------- */

/* What the maker makes: an image or a summary in a context of its own. */
typedef struct ImageInMaking
{
	RsImageMaker maker;
	const RsModel *model;
	const RsVersion *version;
	bool		summary;
	MemoryContext context;
	RsImage    *image;			/* once it is built */
	bool		settled;		/* others wrote its rows */
} ImageInMaking;

static Size
build_image(RsImageMaker *maker)
{
	ImageInMaking *making = (ImageInMaking *) maker;

	making->image = (making->summary ? rs_summary_build : rs_image_build)
		(making->model, making->version, making->context, &making->settled);
	maker->whole_bytes = making->image->whole_bytes;
	return making->settled ? rs_image_block_size(making->image) : 0;
}

static void
write_image(RsImageMaker *maker, void *block)
{
	rs_image_block_write(((ImageInMaking *) maker)->image, block);
}

/* What the size of a whole image is known to be, before it is made. */
typedef struct ImageSize
{
	Size		bytes;
	bool		exact;			/* else it may be more */
} ImageSize;

static CachedImage *
new_entry(const RsImageKey *key)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "recsys item image",
												  ALLOCSET_SMALL_SIZES);
	CachedImage *entry = MemoryContextAllocZero(context, sizeof(CachedImage));

	entry->key = *key;
	entry->context = context;
	return entry;
}

/* The entry is of a shared block. */
static void
attach_block(CachedImage *entry, const void *block)
{
	entry->image = MemoryContextAlloc(entry->context, sizeof(RsImage));
	rs_image_block_open(block, entry->image);
	keep_entry(entry);
}

/* The entry is of what was made, in this session's memory. */
static void
take_made(CachedImage *entry, const ImageInMaking *making)
{
	entry->image = making->image;
	if (!making->summary)
		entry->bytes = rs_image_block_size(making->image);
	if (!making->settled)
	{
		entry->transaction = rs_local_transaction_id();
		entry->subtransaction = GetCurrentSubTransactionId();
	}
}

/*
 * Attach or make an image or a summary.  One that cannot be shared is the session's
 * own; NULL where that has no room either.
 */
static CachedImage *
make_entry(const RsModel *model, const RsVersion *version, const RsImageKey *key,
		   const ImageSize *size)
{
	CachedImage *entry = new_entry(key);
	ImageInMaking making = {
		.maker = {.bytes = size->bytes,.exact = size->exact,.make = build_image,.write = write_image},
		.model = model,
		.version = version,
		.summary = key->summary,
	};
	const void *block;

	making.context = AllocSetContextCreate(entry->context, "recsys item arrays",
										   ALLOCSET_DEFAULT_SIZES);
	block = rs_shared_image_open(key, &making.maker, &entry->shared);
	if (block != NULL)
	{
		MemoryContextDelete(making.context);
		attach_block(entry, block);
		return entry;
	}
	if (making.image == NULL && (key->summary || fits_locally(size->bytes)))
		(void) build_image(&making.maker);
	if (making.image != NULL)
		take_made(entry, &making);
	if (making.image == NULL || !fits_locally(entry->bytes))
	{
		MemoryContextDelete(entry->context);
		return NULL;
	}
	keep_entry(entry);
	return entry;
}

/* ---- finding one ------------------------------------------------------------ */

/* The entry of a key, be it that another session shares the block; NULL if none is made. */
static CachedImage *
find_or_attach(const RsImageKey *key)
{
	CachedImage *entry = find_entry(key);
	RsSharedImage shared;
	const void *block;

	if (entry != NULL)
	{
		dlist_move_head(&cache, &entry->node);
		return entry;
	}
	block = rs_shared_image_find(key, &shared);
	if (block == NULL)
		return NULL;
	entry = new_entry(key);
	entry->shared = shared;
	attach_block(entry, block);
	return entry;
}

/* Could an image of this size be kept, shared or not? */
static bool
can_be_kept(const RsImageKey *key, const CachedImage *summary, const ImageSize *size)
{
	bool		unsettled = summary != NULL && summary->transaction != InvalidLocalTransactionId;

	if (fits_locally(size->bytes))
		return true;
	return !unsettled && rs_shared_image_is_possible(key, size->bytes);
}

/* There is an image now. */
static void
forget_summary(const CachedImage *entry, const RsImageKey *summary_key, CachedImage *summary)
{
	if (summary != NULL)
		drop_entry(summary);
	if (entry->shared.segment != NULL)
		rs_shared_image_forget(summary_key);
}

/*
 * The whole image if it can be kept.  If not, NULL, and *summary is set unless there is
 * none yet.
 */
static CachedImage *
find_whole(const RsModel *model, const RsVersion *version, const RsImageKey *key,
		   const RsImageKey *summary_key, CachedImage **summary)
{
	const RsImageExtent unknown = {0};
	CachedImage *entry = find_or_attach(key);
	ImageSize	size;

	if (entry != NULL)
		return entry;
	*summary = find_or_attach(summary_key);
	size.exact = *summary != NULL ||
		(model->item_kind == RS_ID_UUID && !rs_weights_have_item(&version->options.weights));
	size.bytes = *summary != NULL ? (*summary)->image->whole_bytes :
		rs_image_whole_bytes(model, version, &unknown);
	if (*summary == NULL)
		sweep_shared();
	if (!can_be_kept(key, *summary, &size))
		return NULL;
	entry = make_entry(model, version, key, &size);
	if (entry != NULL)
		forget_summary(entry, summary_key, *summary);
	return entry;
}

static void
unpin(void *arg)
{
	CachedImage *entry = (CachedImage *) arg;

	entry->pins--;
	if (entry->pins == 0 && entry->dropped)
		free_entry(entry);
}

void
rs_image_pin(const RsImage *image, MemoryContext context)
{
	dlist_iter	iter;

	dlist_foreach(iter, &cache)
	{
		CachedImage *entry = dlist_container(CachedImage, node, iter.cur);
		MemoryContextCallback *callback;

		if (entry->image != image)
			continue;
		callback = MemoryContextAlloc(context, sizeof(MemoryContextCallback));
		callback->func = unpin;
		callback->arg = entry;
		entry->pins++;
		MemoryContextRegisterResetCallback(context, callback);
		return;
	}
}

int
rs_image_list(RsImageStatus **list)
{
	RsSharedImageStatus *shared = palloc(mul_size(RS_SHARED_IMAGES, sizeof(RsSharedImageStatus)));
	int			n_shared = rs_shared_image_read(shared);
	int			n = 0;
	dlist_iter	iter;

	dlist_foreach(iter, &cache)
		n++;
	*list = palloc0(mul_size(n + n_shared, sizeof(RsImageStatus)));
	n = 0;
	for (int i = 0; i < n_shared; i++)
	{
		if (shared[i].key.database != MyDatabaseId)
			continue;
		(*list)[n].shared = true;
		(*list)[n++].status = shared[i];
	}
	dlist_foreach(iter, &cache)
	{
		CachedImage *entry = dlist_container(CachedImage, node, iter.cur);

		if (entry->shared.segment != NULL)
			continue;
		(*list)[n].status.key = entry->key;
		(*list)[n].status.bytes = rs_image_block_size(entry->image);
		(*list)[n].status.whole_bytes = entry->image->whole_bytes;
		(*list)[n].status.complete = true;
		(*list)[n++].status.sessions = 1;
	}
	return n;
}

/* The keys of a version's image and summary; what is at hand no longer is what it was. */
static void
begin_question(const RsModel *model, const RsVersion *version, RsImageKey *key,
			   RsImageKey *summary_key)
{
	Relation	table = rs_factor_table_open(model, false, AccessShareLock);

	make_key(model, version, table, key);
	*summary_key = *key;
	summary_key->summary = true;
	table_close(table, AccessShareLock);
	drop_stale();
	shrink_cache((Size) rs_local_cache_size * 1024);
}

static const RsImage *
use_entry(CachedImage *entry)
{
	if (entry->shared.segment != NULL)
		rs_shared_image_count_use(&entry->shared);
	return entry->image;
}

const RsImage *
rs_image_open_kept(const RsModel *model, const RsVersion *version)
{
	RsImageKey	key;
	RsImageKey	summary_key;
	CachedImage *summary = NULL;
	CachedImage *entry;

	begin_question(model, version, &key, &summary_key);
	entry = find_whole(model, version, &key, &summary_key, &summary);
	if (entry == NULL)
		entry = summary;
	if (entry == NULL)
	{
		const ImageSize unknown = {0};

		entry = make_entry(model, version, &summary_key, &unknown);
	}
	return use_entry(entry);
}

const RsImage *
rs_image_open(const RsModel *model, const RsVersion *version)
{
	RsImageKey	key;
	RsImageKey	summary_key;
	CachedImage *summary;
	CachedImage *entry;
	bool		settled;

	begin_question(model, version, &key, &summary_key);
	entry = find_whole(model, version, &key, &summary_key, &summary);
	if (entry != NULL)
		return use_entry(entry);
	return rs_image_build(model, version, CurrentMemoryContext, &settled);
}
