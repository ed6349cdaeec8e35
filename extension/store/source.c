/*-------------------------------------------------------------------------
 *
 * source.c
 *		Reading the view of a model: all of it for training, one user's rows
 *		for fold-in.
 *
 * Training runs one SELECT with a receiver of our own, so rows go from the
 * executor into arrays without being collected in between.  Ids get
 * provisional indexes from a hash table in the order they are met; when all
 * rows are there the ids are sorted and the indexes renumbered, so that the
 * result does not depend on the order of the heap.  The hash is seeded at
 * random: nobody can choose ids that collide.
 *
 * Memory: everything is in the current context; the hash tables are children
 * of it and freed at the end.  Growth is checked against the caller's limit
 * before it happens.
 *
 * Fold-in keeps one saved plan for each view and backend.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "access/relation.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "common/pg_prng.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "rewrite/rewriteHandler.h"
#include "tcop/dest.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/uuid.h"

#include "compat.h"
#include "kernel/rng.h"
#include "rs_limits.h"
#include "store/source.h"

/* How often the caller hears of progress, in rows; a power of two. */
#define PROGRESS_INTERVAL	65536

/* An id as key of the hash: a bigint, or bytes. */
typedef struct IdKey
{
	int64		value;
	const char *bytes;
	uint32		len;
	uint32		hash;
} IdKey;

typedef struct IdEntry
{
	IdKey		key;
	int32		index;			/* provisional */
	char		status;
} IdEntry;

static inline bool
id_key_equal(IdKey a, IdKey b)
{
	return a.hash == b.hash && a.value == b.value && a.len == b.len &&
		(a.len == 0 || memcmp(a.bytes, b.bytes, a.len) == 0);
}

#define SH_PREFIX			idhash
#define SH_ELEMENT_TYPE		IdEntry
#define SH_KEY_TYPE			IdKey
#define SH_KEY				key
#define SH_HASH_KEY(tb, k)	((k).hash)
#define SH_EQUAL(tb, a, b)	id_key_equal(a, b)
#define SH_STORE_HASH
#define SH_GET_HASH(tb, e)	((e)->key.hash)
#define SH_SCOPE			static inline
#define SH_DEFINE
#define SH_DECLARE
#include "lib/simplehash.h"

/* The ids of one side while rows come in. */
typedef struct IdCollector
{
	RsIdKind	kind;
	idhash_hash *hash;
	MemoryContext bytes;		/* copies of text and uuid ids */
	Size		bytes_used;
} IdCollector;

typedef struct RatingsReceiver
{
	DestReceiver pub;
	const RsModel *model;
	RsRatings  *ratings;
	int64		capacity;
	IdCollector users;
	IdCollector items;
	uint64		hash_seed;
	Size		memory_limit;
	MemoryContext context;
	void		(*progress) (int64 rows);
} RatingsReceiver;

/* Type in which the time of a row is read: its Datum is an int64. */
static const char *
time_cast(const RsModel *model)
{
	switch (model->time_type)
	{
		case TIMESTAMPTZOID:
			return "v.\"time\"::pg_catalog.timestamptz";
		case TIMESTAMPOID:
		case DATEOID:
			return "v.\"time\"::pg_catalog.timestamp";
		case INT2OID:
		case INT4OID:
		case INT8OID:
			return "v.\"time\"::pg_catalog.int8";
		default:
			return "NULL::pg_catalog.int8";
	}
}

static const char *
id_cast(RsIdKind kind)
{
	switch (kind)
	{
		case RS_ID_BIGINT:
			return "pg_catalog.int8";
		case RS_ID_TEXT:
			return "pg_catalog.text";
		case RS_ID_UUID:
			return "pg_catalog.uuid";
	}
	elog(ERROR, "unrecognized id kind: %d", (int) kind);
}

/* ---- training: the whole view ------------------------------------------- */

static void
collector_init(IdCollector *collector, RsIdKind kind, MemoryContext parent)
{
	MemoryContext context = AllocSetContextCreate(parent, "recsys id hash",
												  ALLOCSET_DEFAULT_SIZES);

	collector->kind = kind;
	collector->hash = idhash_create(context, 1024, NULL);
	collector->bytes = AllocSetContextCreate(context, "recsys id bytes",
											 ALLOCSET_DEFAULT_SIZES);
	collector->bytes_used = 0;
}

/* The key of an id; bytes still point into the row. */
static IdKey
make_key(const IdCollector *collector, Datum id, uint64 seed)
{
	IdKey		key = {0};

	if (collector->kind == RS_ID_BIGINT)
	{
		key.value = DatumGetInt64(id);
		key.hash = (uint32) rs_hash_int((uint64) key.value, seed);
		return key;
	}
	if (collector->kind == RS_ID_UUID)
	{
		key.bytes = (const char *) DatumGetUUIDP(id)->data;
		key.len = UUID_LEN;
	}
	else
	{
		text	   *t = DatumGetTextPP(id);

		key.bytes = VARDATA_ANY(t);
		key.len = VARSIZE_ANY_EXHDR(t);
		if (key.len > RS_MAX_TEXT_ID)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("id of %u bytes is too long", key.len),
					 errdetail("Text ids may have at most %d bytes.", RS_MAX_TEXT_ID)));
	}
	key.hash = (uint32) rs_hash_bytes(key.bytes, key.len, seed);
	return key;
}

/* The provisional index of an id, a new one if it was not met before. */
static int32
collect_id(IdCollector *collector, Datum id, uint64 seed)
{
	IdKey		key = make_key(collector, id, seed);
	bool		found;
	IdEntry    *entry = idhash_insert_hash(collector->hash, key, key.hash, &found);

	if (!found)
	{
		if (collector->hash->members > PG_INT32_MAX)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("too many distinct ids"),
					 errdetail("A model can have at most %d users and as many items.",
							   PG_INT32_MAX)));
		if (key.len > 0)
		{
			char	   *copy = MemoryContextAlloc(collector->bytes, key.len);

			memcpy(copy, key.bytes, key.len);
			entry->key.bytes = copy;
			collector->bytes_used += key.len;
		}
		entry->index = (int32) collector->hash->members - 1;
	}
	return entry->index;
}

static void
refuse_memory(const RatingsReceiver *receiver)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("reading the ratings of model \"%s\" needs more than the %zu MB of \"recsys.training_memory\"",
					receiver->model->name, receiver->memory_limit / (1024 * 1024)),
			 errdetail("The limit was reached after " INT64_FORMAT " rows.",
					   receiver->ratings->rows_read),
			 errhint("Raise recsys.training_memory, or let the source return fewer rows.")));
}

/* Make room for more rows, within the limit. */
static void
grow_ratings(RatingsReceiver *receiver)
{
	RsRatings  *r = receiver->ratings;
	bool		with_time = OidIsValid(receiver->model->time_type);
	Size		row = sizeof(int32) * 2 + sizeof(float) + (with_time ? sizeof(int64) : 0);
	int64		capacity = receiver->capacity == 0 ? 16384 : receiver->capacity * 2;
	Size		more = mul_size(row, (Size) (capacity - receiver->capacity));

	if (add_size(MemoryContextMemAllocated(receiver->context, true), more) >
		receiver->memory_limit)
		refuse_memory(receiver);
	if (receiver->capacity == 0)
	{
		r->user = MemoryContextAllocHuge(receiver->context, capacity * sizeof(int32));
		r->item = MemoryContextAllocHuge(receiver->context, capacity * sizeof(int32));
		r->value = MemoryContextAllocHuge(receiver->context, capacity * sizeof(float));
		if (with_time)
			r->time = MemoryContextAllocHuge(receiver->context, capacity * sizeof(int64));
	}
	else
	{
		r->user = repalloc_huge(r->user, capacity * sizeof(int32));
		r->item = repalloc_huge(r->item, capacity * sizeof(int32));
		r->value = repalloc_huge(r->value, capacity * sizeof(float));
		if (with_time)
			r->time = repalloc_huge(r->time, capacity * sizeof(int64));
	}
	receiver->capacity = capacity;
}

static void
check_rating(const RatingsReceiver *receiver, double rating, Datum user, Datum item)
{
	const RsModel *model = receiver->model;

	if (isfinite(rating) && fabs(rating) <= FLT_MAX)
		return;
	ereport(ERROR,
			(errcode(isfinite(rating) ? ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE : ERRCODE_DATA_EXCEPTION),
			 isfinite(rating) ? errmsg("rating %g is out of range", rating) :
			 errmsg("rating is not a finite number"),
			 errdetail("User \"%s\", item \"%s\" of model \"%s\".",
					   rs_id_to_cstring(user, model->user_kind),
					   rs_id_to_cstring(item, model->item_kind), model->name)));
}

/* One row of the view: user, item, rating, time. */
static bool
receive_row(TupleTableSlot *slot, DestReceiver *self)
{
	RatingsReceiver *receiver = (RatingsReceiver *) self;
	RsRatings  *r = receiver->ratings;
	double		rating;

	slot_getallattrs(slot);
	r->rows_read++;
	if ((r->rows_read & (PROGRESS_INTERVAL - 1)) == 0)
	{
		receiver->progress(r->rows_read);
		if (MemoryContextMemAllocated(receiver->context, true) > receiver->memory_limit)
			refuse_memory(receiver);
	}
	if (slot->tts_isnull[0] || slot->tts_isnull[1] || slot->tts_isnull[2])
	{
		r->rows_skipped++;
		return true;
	}
	rating = DatumGetFloat8(slot->tts_values[2]);
	check_rating(receiver, rating, slot->tts_values[0], slot->tts_values[1]);

	if (r->n == receiver->capacity)
		grow_ratings(receiver);
	r->user[r->n] = collect_id(&receiver->users, slot->tts_values[0], receiver->hash_seed);
	r->item[r->n] = collect_id(&receiver->items, slot->tts_values[1], receiver->hash_seed);
	r->value[r->n] = (float) rating;
	if (r->time != NULL)
		r->time[r->n] = slot->tts_isnull[3] ? PG_INT64_MIN : DatumGetInt64(slot->tts_values[3]);
	r->n++;
	return true;
}

static void
receive_startup(DestReceiver *self, int operation, TupleDesc typeinfo)
{
}

static void
receive_end(DestReceiver *self)
{
}

/* Order of two hash entries by id, for qsort_arg. */
static int
compare_entries(const void *a, const void *b, void *arg)
{
	const IdKey *ka = &((const IdEntry *) a)->key;
	const IdKey *kb = &((const IdEntry *) b)->key;
	int			order;

	if (ka->bytes == NULL && kb->bytes == NULL)
		return (ka->value > kb->value) - (ka->value < kb->value);
	order = memcmp(ka->bytes, kb->bytes, Min(ka->len, kb->len));
	return order != 0 ? order : (ka->len > kb->len) - (ka->len < kb->len);
}

/* Copy sorted entries into an id list. */
static void
fill_idlist(const IdCollector *collector, const IdEntry *entries, int32 n, RsIdList *list)
{
	Size		used = 0;

	list->kind = collector->kind;
	list->n = n;
	if (list->kind == RS_ID_BIGINT)
	{
		list->ints = palloc_extended(mul_size(sizeof(int64), n), MCXT_ALLOC_HUGE);
		for (int32 i = 0; i < n; i++)
			list->ints[i] = entries[i].key.value;
		return;
	}
	list->bytes = palloc_extended(Max(collector->bytes_used, 1), MCXT_ALLOC_HUGE);
	if (list->kind == RS_ID_TEXT)
		list->offsets = palloc_extended(mul_size(sizeof(Size), (Size) n + 1), MCXT_ALLOC_HUGE);
	for (int32 i = 0; i < n; i++)
	{
		if (list->kind == RS_ID_TEXT)
			list->offsets[i] = used;
		if (entries[i].key.len > 0)
			memcpy(list->bytes + used, entries[i].key.bytes, entries[i].key.len);
		used += entries[i].key.len;
	}
	if (list->kind == RS_ID_TEXT)
		list->offsets[n] = used;
}

/* Sort the ids of one side and give every row its final index. */
static void
renumber(IdCollector *collector, int32 *index, int64 n, RsIdList *list)
{
	int32		n_ids = (int32) collector->hash->members;
	IdEntry    *entries = palloc_extended(mul_size(sizeof(IdEntry), Max(n_ids, 1)), MCXT_ALLOC_HUGE);
	int32	   *final = palloc_extended(mul_size(sizeof(int32), Max(n_ids, 1)), MCXT_ALLOC_HUGE);
	idhash_iterator iterator;
	IdEntry    *entry;
	int32		filled = 0;

	idhash_start_iterate(collector->hash, &iterator);
	while ((entry = idhash_iterate(collector->hash, &iterator)) != NULL)
		entries[filled++] = *entry;
	qsort_arg(entries, n_ids, sizeof(IdEntry), compare_entries, NULL);
	for (int32 i = 0; i < n_ids; i++)
		final[entries[i].index] = i;
	for (int64 row = 0; row < n; row++)
		index[row] = final[index[row]];
	fill_idlist(collector, entries, n_ids, list);
	pfree(final);
	pfree(entries);
	MemoryContextDelete(GetMemoryChunkContext(collector->hash));
}

void
rs_source_read(const RsModel *model, Size memory_limit,
			   void (*progress) (int64 rows), RsRatings *ratings)
{
	RatingsReceiver receiver = {0};
	SPIExecuteOptions options = {0};
	char	   *sql;
	int			result;

	memset(ratings, 0, sizeof(RsRatings));
	receiver.pub.receiveSlot = receive_row;
	receiver.pub.rStartup = receive_startup;
	receiver.pub.rShutdown = receive_end;
	receiver.pub.rDestroy = receive_end;
	receiver.pub.mydest = DestNone;
	receiver.model = model;
	receiver.ratings = ratings;
	receiver.hash_seed = pg_prng_uint64(&pg_global_prng_state);
	receiver.memory_limit = memory_limit;
	receiver.context = CurrentMemoryContext;
	receiver.progress = progress;
	collector_init(&receiver.users, model->user_kind, receiver.context);
	collector_init(&receiver.items, model->item_kind, receiver.context);

	sql = psprintf("SELECT v.user_id::%s, v.item_id::%s, v.rating::pg_catalog.float8, %s"
				   " FROM recsys_data.%s AS v",
				   id_cast(model->user_kind), id_cast(model->item_kind),
				   time_cast(model), quote_identifier(model->name));
	options.dest = &receiver.pub;
	options.read_only = true;
	result = SPI_execute_extended(sql, &options);
	MemoryContextSwitchTo(receiver.context);	/* SPI leaves its own */
	if (result < 0)
		elog(ERROR, "SPI_execute_extended failed: %s", SPI_result_code_string(result));

	progress(ratings->rows_read);
	renumber(&receiver.users, ratings->user, ratings->n, &ratings->users);
	renumber(&receiver.items, ratings->item, ratings->n, &ratings->items);
}

/* ---- serving: one user's rows --------------------------------------------- */

typedef struct UserPlan
{
	Oid			view;			/* hash key */
	NameData	name;			/* of the view when it was prepared */
	Oid			argument_type;
	RsIdKind	item_kind;
	Oid			time_type;
	SPIPlanPtr	plan;			/* NULL while it is being prepared */
} UserPlan;

static HTAB *user_plans = NULL;

static UserPlan *
find_user_plan(const RsModel *model)
{
	bool		found;
	UserPlan   *entry;

	if (user_plans == NULL)
	{
		HASHCTL		control = {0};

		control.keysize = sizeof(Oid);
		control.entrysize = sizeof(UserPlan);
		user_plans = hash_create("recsys user plans", 16, &control,
								 HASH_ELEM | HASH_BLOBS);
	}
	entry = hash_search(user_plans, &model->view, HASH_ENTER, &found);
	if (!found)
		entry->plan = NULL;
	return entry;
}

/* The saved plan for the rows of one user; SPI is connected. */
static UserPlan *
prepare_user_plan(const RsModel *model)
{
	UserPlan   *entry = find_user_plan(model);
	Oid			argument_type = model->user_type == VARCHAROID ? TEXTOID : model->user_type;
	SPIPlanPtr	plan;
	char	   *sql;

	if (entry->plan != NULL)
	{
		if (entry->argument_type == argument_type &&
			entry->item_kind == model->item_kind &&
			entry->time_type == model->time_type &&
			strcmp(NameStr(entry->name), model->name) == 0)
			return entry;
		plan = entry->plan;
		entry->plan = NULL;
		SPI_freeplan(plan);
	}
	sql = psprintf("SELECT v.item_id::%s, v.rating::pg_catalog.float8, %s"
				   " FROM recsys_data.%s AS v WHERE v.user_id OPERATOR(pg_catalog.=) $1",
				   id_cast(model->item_kind), time_cast(model),
				   quote_identifier(model->name));
	plan = SPI_prepare(sql, 1, &argument_type);
	if (plan == NULL)
		elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
	if (SPI_keepplan(plan) != 0)
		elog(ERROR, "SPI_keepplan failed");
	namestrcpy(&entry->name, model->name);
	entry->argument_type = argument_type;
	entry->item_kind = model->item_kind;
	entry->time_type = model->time_type;
	entry->plan = plan;
	return entry;
}

/* Turn the rows SPI returned into ours, in the given context. */
static int32
copy_user_rows(RsIdKind item_kind, MemoryContext context, RsUserRow **rows)
{
	TupleDesc	desc = SPI_tuptable->tupdesc;
	int32		n = 0;
	MemoryContext old;

	if (SPI_processed > PG_INT32_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many rows for one user")));
	old = MemoryContextSwitchTo(context);
	*rows = palloc_extended(mul_size(sizeof(RsUserRow), Max(SPI_processed, 1)),
							MCXT_ALLOC_HUGE);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[i];
		RsUserRow  *row = &(*rows)[n];
		bool		isnull;
		Datum		value = SPI_getbinval(tuple, desc, 1, &isnull);

		if (isnull)
			continue;
		row->item_id = item_kind == RS_ID_TEXT ?
			PointerGetDatum(PG_DETOAST_DATUM_COPY(value)) :
			datumCopy(value, item_kind == RS_ID_BIGINT, UUID_LEN);
		value = SPI_getbinval(tuple, desc, 2, &isnull);
		row->usable = !isnull && isfinite(DatumGetFloat8(value)) &&
			fabs(DatumGetFloat8(value)) <= FLT_MAX;
		row->value = row->usable ? (float) DatumGetFloat8(value) : 0;
		value = SPI_getbinval(tuple, desc, 3, &isnull);
		row->time = isnull ? PG_INT64_MIN : DatumGetInt64(value);
		n++;
	}
	MemoryContextSwitchTo(old);
	return n;
}

int32
rs_source_user_rows(const RsModel *model, Datum user_id, RsUserRow **rows)
{
	MemoryContext context = CurrentMemoryContext;
	Datum		argument;
	int32		n;
	int			result;

	if (!rs_id_to_column(user_id, model->user_kind, model->user_type, &argument))
		return 0;
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	result = SPI_execute_plan(prepare_user_plan(model)->plan, &argument, NULL, true, 0);
	if (result != SPI_OK_SELECT)
		elog(ERROR, "SPI_execute_plan failed: %s", SPI_result_code_string(result));
	n = copy_user_rows(model->item_kind, context, rows);
	SPI_finish();
	return n;
}

/* ---- what the caller may see ------------------------------------------------ */

/* May this entry of the view's range table hide rows from the user? */
static bool
entry_may_hide_rows(const RangeTblEntry *entry)
{
	return entry->rtekind != RTE_RELATION ||
		entry->relkind == RELKIND_VIEW ||
		check_enable_rls(entry->relid, InvalidOid, true) == RLS_ENABLED ||
		pg_class_aclcheck(entry->relid, GetUserId(), ACL_SELECT) != ACLCHECK_OK;
}

bool
rs_source_may_hide_rows(const RsModel *model)
{
	Relation	view;
	Query	   *query;
	ListCell   *cell;
	bool		hides;

	if (model->run_as_owner)
		return false;
	view = relation_open(model->view, AccessShareLock);
	query = get_view_query(view);
	hides = query->jointree->quals != NULL;
	foreach(cell, query->rtable)
	{
		const RangeTblEntry *entry = lfirst_node(RangeTblEntry, cell);

		/* before 16 a view's range table names the view itself, twice */
		if (entry->rtekind == RTE_RELATION && entry->relid == model->view)
			continue;
		hides = hides || entry_may_hide_rows(entry);
	}
	relation_close(view, NoLock);
	return hides;
}
