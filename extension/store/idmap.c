/*-------------------------------------------------------------------------
 *
 * idmap.c
 *		Hash tables from external ids to dense indexes.
 *
 * There are two: bigints are keys themselves, in entries of 16 bytes; texts
 * and uuids are copied into a context of the map and compared as bytes.
 * Bigints often come from a sequence: those that are not large have a place in
 * an array instead, which is found without a hash.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/pg_prng.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/uuid.h"

#include "compat.h"
#include "kernel/rng.h"
#include "rs_limits.h"
#include "store/idmap.h"

/* Bigints from 0 to below this are in the array, of at most 1 MB. */
#define LOW_IDS	262144
#define LEAST_LOW_IDS	1024

/*
 * A hash table that grows reads the hash of every entry, which takes seconds for a
 * hundred million ids: so reading it can be interrupted.  An error leaves a table
 * that is half moved, and that nobody uses any more.
 */
static inline uint32
hash_of_int(int64 id, uint64 seed)
{
	CHECK_FOR_INTERRUPTS();
	return (uint32) rs_hash_int((uint64) id, seed);
}

typedef struct IntEntry
{
	int64		id;
	int32		index;			/* provisional */
	char		status;
} IntEntry;

#define SH_PREFIX			inthash
#define SH_ELEMENT_TYPE		IntEntry
#define SH_KEY_TYPE			int64
#define SH_KEY				id
#define SH_HASH_KEY(tb, k)	hash_of_int(k, *(uint64 *) (tb)->private_data)
#define SH_EQUAL(tb, a, b)	((a) == (b))
#define SH_SCOPE			static inline
#define SH_DEFINE
#define SH_DECLARE
#include "lib/simplehash.h"

typedef struct BytesKey
{
	const char *bytes;
	uint32		len;
	uint32		hash;
} BytesKey;

typedef struct BytesEntry
{
	BytesKey	key;
	int32		index;			/* provisional */
	char		status;
} BytesEntry;

/* A place, since the table writes it too. */
static inline uint32 *
hash_of_bytes(BytesEntry *entry)
{
	CHECK_FOR_INTERRUPTS();
	return &entry->key.hash;
}

static inline bool
bytes_equal(BytesKey a, BytesKey b)
{
	return a.hash == b.hash && a.len == b.len && memcmp(a.bytes, b.bytes, a.len) == 0;
}

#define SH_PREFIX			byteshash
#define SH_ELEMENT_TYPE		BytesEntry
#define SH_KEY_TYPE			BytesKey
#define SH_KEY				key
#define SH_HASH_KEY(tb, k)	((k).hash)
#define SH_EQUAL(tb, a, b)	bytes_equal(a, b)
#define SH_STORE_HASH
#define SH_GET_HASH(tb, e)	(*hash_of_bytes(e))
#define SH_SCOPE			static inline
#define SH_DEFINE
#define SH_DECLARE
#include "lib/simplehash.h"

struct RsIdMap
{
	RsIdKind	kind;
	uint64		seed;
	int64		members;
	int32	   *low;			/* bigint: 1 + provisional of an id, 0 if not met */
	int64		n_low;			/* ids that there is room for */
	inthash_hash *ints;			/* the other bigints */
	byteshash_hash *strings;	/* text, uuid */
	BytesKey	last;			/* text, uuid: looked up last */
	MemoryContext context;		/* of all this */
	Size		bytes_used;		/* by the copies of text and uuid ids */
};

RsIdMap *
rs_idmap_create(RsIdKind kind, MemoryContext parent)
{
	MemoryContext context = AllocSetContextCreate(parent, "recsys id map",
												  ALLOCSET_DEFAULT_SIZES);
	RsIdMap    *map = MemoryContextAllocZero(context, sizeof(RsIdMap));

	map->kind = kind;
	map->context = context;
	map->seed = pg_prng_uint64(&pg_global_prng_state);
	if (kind == RS_ID_BIGINT)
		map->ints = inthash_create(context, 1024, &map->seed);
	else
		map->strings = byteshash_create(context, 1024, NULL);
	return map;
}

/* The index of an id that was not met before. */
static int32
new_index(RsIdMap *map)
{
	/* 1 + index is an int32, too */
	if (map->members == PG_INT32_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many distinct ids"),
				 errdetail("A model can have at most %d users and as many items.",
						   PG_INT32_MAX)));
	return (int32) map->members++;
}

/* The key of a uuid or a text that is not toasted; the bytes are still the caller's. */
static BytesKey
make_key(const RsIdMap *map, Datum id)
{
	BytesKey	key;

	if (map->kind == RS_ID_UUID)
	{
		key.bytes = (const char *) DatumGetUUIDP(id)->data;
		key.len = UUID_LEN;
	}
	else
	{
		text	   *t = (text *) DatumGetPointer(id);

		key.bytes = VARDATA_ANY(t);
		key.len = VARSIZE_ANY_EXHDR(t);
		if (key.len > RS_MAX_TEXT_ID)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("id of %u bytes is too long", key.len),
					 errdetail("Text ids may have at most %d bytes.", RS_MAX_TEXT_ID)));
	}
	key.hash = (uint32) rs_hash_bytes(key.bytes, key.len, map->seed);
	return key;
}

int32
rs_idmap_index(RsIdMap *map, Datum id)
{
	Datum		plain = map->kind == RS_ID_TEXT ?
		PointerGetDatum(DatumGetTextPP(id)) : id;
	BytesKey	key = make_key(map, plain);
	bool		found;
	BytesEntry *entry = byteshash_insert_hash(map->strings, key, key.hash, &found);
	int32		index;

	if (!found)
	{
		char	   *copy = MemoryContextAlloc(map->context, Max(key.len, 1));

		memcpy(copy, key.bytes, key.len);
		entry->key.bytes = copy;
		map->bytes_used += key.len;
		entry->index = new_index(map);
	}
	index = entry->index;
	map->last = entry->key;
	if (plain != id)
		pfree(DatumGetPointer(plain));	/* was compressed or toasted */
	return index;
}

Datum
rs_idmap_last(const RsIdMap *map)
{
	pg_uuid_t  *uuid;

	if (map->kind == RS_ID_TEXT)
		return PointerGetDatum(cstring_to_text_with_len(map->last.bytes, (int) map->last.len));
	uuid = palloc(sizeof(pg_uuid_t));
	memcpy(uuid->data, map->last.bytes, UUID_LEN);
	return UUIDPGetDatum(uuid);
}

static inline bool
is_low(int64 id)
{
	return (uint64) id < LOW_IDS;
}

/* Make room for a low id. */
static void
grow_low(RsIdMap *map, int64 id)
{
	int64		n = Max(LEAST_LOW_IDS, pg_nextpower2_64((uint64) id + 1));
	int32	   *low = MemoryContextAllocZero(map->context, n * sizeof(int32));

	if (map->low != NULL)
	{
		memcpy(low, map->low, map->n_low * sizeof(int32));
		pfree(map->low);
	}
	map->low = low;
	map->n_low = n;
}

static inline int32
low_index(RsIdMap *map, int64 id)
{
	if (unlikely(id >= map->n_low))
		grow_low(map, id);
	if (map->low[id] == 0)
		map->low[id] = 1 + new_index(map);
	return map->low[id] - 1;
}

/* Most were met before, and inserting would hash each entry that it passes. */
static inline int32
hashed_index(RsIdMap *map, int64 id, uint32 hash)
{
	IntEntry   *entry = inthash_lookup_hash(map->ints, id, hash);
	bool		found;

	if (entry == NULL)
	{
		entry = inthash_insert_hash(map->ints, id, hash, &found);
		entry->index = new_index(map);
	}
	return entry->index;
}

void
rs_idmap_indexes(RsIdMap *map, const int64 *ids, int n, int32 *index)
{
	uint32		hash[RS_IDMAP_BATCH];

	Assert(n <= RS_IDMAP_BATCH);
	for (int i = 0; i < n; i++)
	{
		/* Rows often come in the order of one side. */
		if (is_low(ids[i]) || (i > 0 && ids[i] == ids[i - 1]))
			continue;
		hash[i] = hash_of_int(ids[i], map->seed);
		__builtin_prefetch(&map->ints->data[hash[i] & map->ints->sizemask]);
	}
	for (int i = 0; i < n; i++)
	{
		if (i > 0 && ids[i] == ids[i - 1])
			index[i] = index[i - 1];
		else if (is_low(ids[i]))
			index[i] = low_index(map, ids[i]);
		else
			index[i] = hashed_index(map, ids[i], hash[i]);
	}
}

/* ---- the end ------------------------------------------------------------- */

static void *
alloc_array(Size width, Size n)
{
	return palloc_extended(mul_size(width, Max(n, 1)), MCXT_ALLOC_HUGE);
}

#define ST_SORT				sort_ints
#define ST_ELEMENT_TYPE		IntEntry
#define ST_COMPARE(a, b)	(((a)->id > (b)->id) - ((a)->id < (b)->id))
#define ST_SCOPE			static
#define ST_DEFINE
#define ST_CHECK_FOR_INTERRUPTS
#include "lib/sort_template.h"

/* As rs_id_compare() orders texts and uuids. */
static inline int
compare_bytes(const BytesEntry *a, const BytesEntry *b)
{
	const BytesKey *x = &a->key;
	const BytesKey *y = &b->key;
	int			order = memcmp(x->bytes, y->bytes, Min(x->len, y->len));

	return order != 0 ? order : (x->len > y->len) - (x->len < y->len);
}

#define ST_SORT				sort_bytes
#define ST_ELEMENT_TYPE		BytesEntry
#define ST_COMPARE(a, b)	compare_bytes(a, b)
#define ST_SCOPE			static
#define ST_DEFINE
#define ST_CHECK_FOR_INTERRUPTS
#include "lib/sort_template.h"

/* Sort the bigints into the list; final[provisional] becomes the position. */
static void
finish_ints(RsIdMap *map, int32 *final, RsIdList *list)
{
	IntEntry   *entries = alloc_array(sizeof(IntEntry), list->n);
	inthash_iterator iterator;
	IntEntry   *entry;
	int32		n = 0;

	for (int64 id = 0; id < map->n_low; id++)
	{
		CHECK_FOR_INTERRUPTS();
		if (map->low[id] != 0)
			entries[n++] = (IntEntry) {.id = id, .index = low_index(map, id)};
	}
	inthash_start_iterate(map->ints, &iterator);
	while ((entry = inthash_iterate(map->ints, &iterator)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		entries[n++] = *entry;
	}
	sort_ints(entries, n);
	list->ints = alloc_array(sizeof(int64), n);
	for (int32 i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		list->ints[i] = entries[i].id;
		final[entries[i].index] = i;
	}
	pfree(entries);
}

/* The same for texts and uuids. */
static void
finish_strings(RsIdMap *map, int32 *final, RsIdList *list)
{
	BytesEntry *entries = alloc_array(sizeof(BytesEntry), list->n);
	byteshash_iterator iterator;
	BytesEntry *entry;
	Size		used = 0;
	int32		n = 0;

	byteshash_start_iterate(map->strings, &iterator);
	while ((entry = byteshash_iterate(map->strings, &iterator)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		entries[n++] = *entry;
	}
	sort_bytes(entries, n);
	list->bytes = alloc_array(1, map->bytes_used);
	if (map->kind == RS_ID_TEXT)
		list->offsets = alloc_array(sizeof(Size), (Size) n + 1);
	for (int32 i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (map->kind == RS_ID_TEXT)
			list->offsets[i] = used;
		memcpy(list->bytes + used, entries[i].key.bytes, entries[i].key.len);
		used += entries[i].key.len;
		final[entries[i].index] = i;
	}
	if (map->kind == RS_ID_TEXT)
		list->offsets[n] = used;
	pfree(entries);
}

void
rs_idmap_finish(RsIdMap *map, int32 *index, int64 n, RsIdList *list)
{
	int32	   *final;

	memset(list, 0, sizeof(RsIdList));
	list->kind = map->kind;
	list->n = (int32) map->members;
	final = alloc_array(sizeof(int32), list->n);
	if (map->kind == RS_ID_BIGINT)
		finish_ints(map, final, list);
	else
		finish_strings(map, final, list);
	for (int64 row = 0; row < n; row++)
	{
		CHECK_FOR_INTERRUPTS();
		index[row] = final[index[row]];
	}
	pfree(final);
	MemoryContextDelete(map->context);
}
