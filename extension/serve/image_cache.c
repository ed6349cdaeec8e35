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
 * Memory: every entry has a context of its own.  While an image is being made
 * this hangs below the caller's context, so an error leaves nothing behind; a
 * finished entry is moved below TopMemoryContext when the cache takes it.  The
 * context of a shared image holds a few pointers.  Own images are dropped, the
 * least recently used first, when their sum exceeds recsys.local_cache_size;
 * attached ones when no other session would get them any more.
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
#include "store/factor_table.h"
#include "store/known.h"

typedef struct CachedImage
{
	dlist_node	node;
	RsImageKey	key;
	MemoryContext context;		/* holds this struct too */
	Size		bytes;			/* of this session's memory; 0 when attached */
	LocalTransactionId transaction; /* that wrote some of its rows, or invalid */
	SubTransactionId subtransaction;
	RsSharedImage shared;		/* segment NULL for an own image */
	RsImage    *image;
	int			pins;
	bool		dropped;		/* no longer in the cache; the last pin frees it */
} CachedImage;

/* The most recently used first. */
static dlist_head cache = DLIST_STATIC_INIT(cache);
static Size cache_bytes = 0;

static void
make_key(const RsModel *model, const RsVersion *version, Relation table, RsImageKey *key)
{
	memset(key, 0, sizeof(RsImageKey));
	key->stamp = version->stamp;
	key->database = MyDatabaseId;
	key->table = RelationGetRelid(table);
	key->file = table->rd_rel->relfilenode;
	key->version = version->version;
	key->factors = version->options.factors;
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

/* Take a finished entry, unless it is larger than the whole cache. */
static void
keep_entry(CachedImage *entry)
{
	Size		budget = (Size) rs_local_cache_size * 1024;

	if (entry->bytes > budget)
		return;
	shrink_cache(budget - entry->bytes);
	MemoryContextSetParent(entry->context, TopMemoryContext);
	dlist_push_head(&cache, &entry->node);
	cache_bytes += entry->bytes;
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

/* The argument of the maker: an image in a context of its own, once it is built. */
typedef struct ImageInMaking
{
	const RsModel *model;
	const RsVersion *version;
	MemoryContext context;
	RsImage    *image;
	bool		settled;		/* others wrote its rows */
} ImageInMaking;

static Size
build_image(void *arg)
{
	ImageInMaking *making = (ImageInMaking *) arg;

	making->image = rs_image_build(making->model, making->version, making->context,
								   &making->settled);
	return making->settled ? rs_image_block_size(making->image) : 0;
}

static void
write_image(void *arg, void *block)
{
	rs_image_block_write(((ImageInMaking *) arg)->image, block);
}

/*
 * Attach the shared image, or make it; where it cannot be shared the image that
 * was built for it, or is built now, is the session's own.
 */
static void
load_image(CachedImage *entry, const RsModel *model, const RsVersion *version)
{
	ImageInMaking making = {.model = model,.version = version};
	RsImageMaker maker = {build_image, write_image, &making};
	const void *block;

	sweep_shared();
	making.context = AllocSetContextCreate(entry->context, "recsys item arrays",
										   ALLOCSET_DEFAULT_SIZES);
	block = rs_shared_image_open(&entry->key, &maker, &entry->shared);
	if (block != NULL)
	{
		MemoryContextDelete(making.context);
		entry->image = MemoryContextAlloc(entry->context, sizeof(RsImage));
		rs_image_block_open(block, entry->image);
		return;
	}
	if (making.image == NULL)
		(void) build_image(&making);
	entry->image = making.image;
	entry->bytes = MemoryContextMemAllocated(entry->context, true);
	if (!making.settled)
	{
		entry->transaction = rs_local_transaction_id();
		entry->subtransaction = GetCurrentSubTransactionId();
	}
}

static CachedImage *
make_entry(const RsModel *model, const RsVersion *version, const RsImageKey *key)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "recsys item image",
												  ALLOCSET_SMALL_SIZES);
	CachedImage *entry = MemoryContextAllocZero(context, sizeof(CachedImage));

	entry->key = *key;
	entry->context = context;
	load_image(entry, model, version);
	keep_entry(entry);
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

		if (entry->bytes == 0)
			continue;
		(*list)[n].status.key = entry->key;
		(*list)[n].status.bytes = entry->bytes;
		(*list)[n].status.complete = true;
		(*list)[n++].status.sessions = 1;
	}
	return n;
}

const RsImage *
rs_image_open(const RsModel *model, const RsVersion *version)
{
	Relation	table = rs_factor_table_open(model, false, AccessShareLock);
	CachedImage *entry;
	RsImageKey	key;

	make_key(model, version, table, &key);
	drop_stale();
	shrink_cache((Size) rs_local_cache_size * 1024);
	entry = find_entry(&key);
	if (entry == NULL)
		entry = make_entry(model, version, &key);
	else
		dlist_move_head(&cache, &entry->node);
	if (entry->shared.segment != NULL)
		rs_shared_image_count_use(&entry->shared);
	table_close(table, AccessShareLock);
	return entry->image;
}
