/*-------------------------------------------------------------------------
 *
 * known.c
 *		The catalog's rows of a model, and what a session knows of them from before.
 *
 * The tables are read directly, because their readers have no right on them.  A row is
 * looked up by its key once.  Later it is enough that the active snapshot shows a row
 * of the same bytes where it was found: the bytes hold the key, which is unique, so
 * that row is the one, and what was made of it still holds.  A transaction that was
 * rolled back, an older snapshot, a row that moved or a place that another row took:
 * all of them show other bytes or nothing, and the row is looked up again.  Where no
 * transaction ended in between, not even the place is looked at.
 *
 * All is forgotten when any relation changes (changes.c), with it what was found out
 * about the relations of a model, and how the tables' rows are read.
 *
 * Memory: a few kB for each of RS_KNOWN_MODELS names, below TopMemoryContext.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "commands/extension.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "compat.h"
#include "store/changes.h"
#include "store/known.h"

#define RS_KNOWN_MODELS	64

/* Columns of recsys.model, in order. */
enum
{
	MODEL_NAME = 1,
	MODEL_FEEDBACK,
	MODEL_ALGORITHM,
	MODEL_OPTIONS,
	MODEL_ACTIVE_VERSION,
	MODEL_LAST_VERSION,
	MODEL_USER_COLUMN,
	MODEL_ITEM_COLUMN,
	MODEL_RATING_COLUMN,
	MODEL_TIME_COLUMN,
	MODEL_CATALOG_COLUMN = 12	/* added by 0.2.0 */
};

/* Columns of recsys.model_anchor, in order. */
enum
{
	ANCHOR_MODEL = 1,
	ANCHOR_VIEW,
	ANCHOR_OWNER,
	ANCHOR_ITEM_FACTORS
};

/* Columns of recsys.model_version that are read here. */
enum
{
	VERSION_MODEL = 1,
	VERSION_VERSION,
	VERSION_STAMP,
	VERSION_FEEDBACK,
	VERSION_ALGORITHM,
	VERSION_OPTIONS,
	VERSION_MEAN,
	VERSION_USERS,
	VERSION_ITEMS,
	VERSION_LIKED = 23,			/* from here on added by 0.2.0 */
	VERSION_REFRESHED_FROM,
	VERSION_DEVIATION = VERSION_REFRESHED_FROM + 2,
	VERSION_PREFERENCE
};

/* ---- what is known --------------------------------------------------------- */

static MemoryContext known_context = NULL;
static HTAB *known_models = NULL;	/* NULL: nothing is known */
static RsKnown *last_known = NULL;	/* asked for last */
static uint64 known_since;		/* rs_changes() when it was begun */

static void
forget_all(void)
{
	HASHCTL		control = {0};

	known_models = NULL;
	last_known = NULL;
	if (known_context == NULL)
		known_context = AllocSetContextCreate(TopMemoryContext, "recsys known models",
											  ALLOCSET_SMALL_SIZES);
	MemoryContextReset(known_context);
	control.keysize = NAMEDATALEN;
	control.entrysize = sizeof(RsKnown);
	control.hcxt = known_context;
	known_since = rs_changes();
	known_models = hash_create("recsys known models", 8, &control,
							   HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
}

RsKnown *
rs_known(const char *name)
{
	bool		found;

	Assert(strlen(name) < NAMEDATALEN);
	if (known_models == NULL || known_since != rs_changes())
		forget_all();
	if (last_known != NULL && strcmp(last_known->name, name) == 0)
		return last_known;
	last_known = hash_search(known_models, name, HASH_FIND, NULL);
	if (last_known != NULL)
		return last_known;
	if (hash_get_num_entries(known_models) >= RS_KNOWN_MODELS)
		forget_all();
	last_known = hash_search(known_models, name, HASH_ENTER, &found);
	memset((char *) last_known + NAMEDATALEN, 0, sizeof(RsKnown) - NAMEDATALEN);
	last_known->model.name = last_known->name;
	return last_known;
}

/* ---- the tables -------------------------------------------------------------- */

typedef struct KnownTable
{
	Oid			oid;
	uint64		since;			/* rs_changes() before it was looked up */
} KnownTable;

/* A table of the catalog; InvalidOid if it is missing. */
static Oid
find_table(const char *name, KnownTable *known)
{
	uint64		changes = rs_changes();

	if (!OidIsValid(known->oid) || known->since != changes)
	{
		known->oid = get_relname_relid(name, get_namespace_oid("recsys", false));
		known->since = changes;
	}
	return known->oid;
}

static Oid
require_table(const char *name, KnownTable *known)
{
	Oid			table = find_table(name, known);

	if (!OidIsValid(table))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation \"recsys.%s\" does not exist", name),
				 errhint("Run CREATE EXTENSION recsys in this database.")));
	return table;
}

Oid
rs_model_table(void)
{
	static KnownTable known;

	return require_table("model", &known);
}

Oid
rs_version_table(void)
{
	static KnownTable known;

	return require_table("model_version", &known);
}

Oid
rs_anchor_table(void)
{
	static KnownTable known;

	return find_table("model_anchor", &known);
}

bool
rs_has_catalog(const char *table)
{
	Oid			extension = get_extension_oid("recsys", true);
	Oid			schema = get_namespace_oid("recsys", true);
	Oid			relation = OidIsValid(schema) ? get_relname_relid(table, schema) : InvalidOid;

	if (!OidIsValid(extension) || !OidIsValid(relation))
		return false;
	LockRelationOid(relation, AccessShareLock);
	return getExtensionOfObject(RelationRelationId, relation) == extension;
}

bool
rs_version_is_extended(void)
{
	return get_attnum(rs_version_table(), "refreshed_from") != InvalidAttrNumber;
}

/* ---- a row of one of them ----------------------------------------------------- */

/* Do rows have the same bytes, but for those that tell who wrote them? */
static bool
have_same_bytes(HeapTuple a, HeapTuple b)
{
	const HeapTupleHeader x = a->t_data;
	const HeapTupleHeader y = b->t_data;
	size_t		from = offsetof(HeapTupleHeaderData, t_bits);

	return a->t_len == b->t_len && x->t_hoff == y->t_hoff &&
		HeapTupleHeaderGetNatts(x) == HeapTupleHeaderGetNatts(y) &&
		((x->t_infomask ^ y->t_infomask) & HEAP_HASNULL) == 0 &&
		memcmp((char *) x + from, (char *) y + from, a->t_len - from) == 0;
}

/* Does the active snapshot show the row where it was? */
static bool
is_shown_again(Relation table, HeapTuple known)
{
	HeapTupleData tuple;
	Buffer		buffer;
	bool		result;

	/* the table may have been truncated before we locked it */
	if (known == NULL || known->t_tableOid != RelationGetRelid(table) ||
		ItemPointerGetBlockNumber(&known->t_self) >= RelationGetNumberOfBlocks(table))
		return false;
	tuple.t_self = known->t_self;
	if (!heap_fetch(table, GetActiveSnapshot(), &tuple, &buffer, false))
		return false;
	result = have_same_bytes(&tuple, known);
	ReleaseBuffer(buffer);
	return result;
}

/* May this transaction have changed something?  Snapshots do not tell of its own changes. */
static bool
is_writing(void)
{
	return TransactionIdIsValid(GetTopTransactionIdIfAny());
}

/* Note that the active snapshot was asked for a row. */
static void
note_snapshot(RsKnownRow *known)
{
	known->shown_by = rs_snapshot_key();
	known->shown_at = is_writing() ? 0 : GetCurrentStatementStartTimestamp();
}

/*
 * Is a row shown still, without a look at its table?  It is where the active snapshot
 * agrees with the one that showed it, that is where no transaction has ended in between
 * whose changes this one shows.  Transaction ids wrap around, but not within a minute.  A
 * serializable transaction must read the row, which takes its predicate lock.
 */
static bool
is_still_shown(const RsKnownRow *known)
{
	RsSnapshotKey key = rs_snapshot_key();

	return known->tuple != NULL && rs_snapshots_agree(&key, &known->shown_by) &&
		!is_writing() && !IsolationIsSerializable() &&
		GetCurrentStatementStartTimestamp() - known->shown_at < USECS_PER_MINUTE;
}

/* The row of a key under the active snapshot, palloc'd; NULL if there is none. */
static HeapTuple
find_row(Relation table, const char *name, int version)
{
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&keys[0], MODEL_NAME, BTEqualStrategyNumber, F_TEXTEQ, CStringGetTextDatum(name));
	ScanKeyInit(&keys[1], VERSION_VERSION, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(version));
	scan = systable_beginscan(table, RelationGetPrimaryKeyIndexCompat(table), true,
							  GetActiveSnapshot(), version == 0 ? 1 : 2, keys);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		tuple = heap_copytuple(tuple);
	systable_endscan(scan);
	return tuple;
}

/* Can a row be known again by its bytes?  Not if some of its values lie elsewhere. */
static bool
is_knowable(Relation table, HeapTuple tuple)
{
	return table->rd_rel->relam == HEAP_TABLE_AM_OID && !HeapTupleHasExternal(tuple);
}

/*
 * Read a row under the active snapshot; false if there is none.  Where it is not the
 * known one it is decoded into the object, in the memory of the row.
 */
static bool
read_row(RsKnownRow *known, Oid oid, const char *name, int version,
		 void (*decode) (HeapTuple tuple, TupleDesc desc, void *object), void *object)
{
	Relation	table;
	bool		found;

	if (is_still_shown(known))
		return true;
	table = table_open(oid, AccessShareLock);
	found = is_shown_again(table, known->tuple);
	if (!found)
	{
		MemoryContext caller;
		HeapTuple	tuple;

		known->tuple = NULL;
		if (known->context == NULL)
			known->context = AllocSetContextCreate(known_context, "recsys known row",
												   ALLOCSET_SMALL_SIZES);
		MemoryContextReset(known->context);
		caller = MemoryContextSwitchTo(known->context);
		tuple = find_row(table, name, version);
		found = tuple != NULL;
		if (found)
			decode(tuple, RelationGetDescr(table), object);
		if (found && is_knowable(table, tuple))
			known->tuple = tuple;
		MemoryContextSwitchTo(caller);
	}
	table_close(table, AccessShareLock);
	note_snapshot(known);
	return found;
}

/* A text column as C string, NULL when it is null. */
static char *
text_column(HeapTuple tuple, int column, TupleDesc desc)
{
	bool		isnull;
	Datum		value = heap_getattr(tuple, column, desc, &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}

/* A jsonb column, detoasted and copied. */
static Jsonb *
jsonb_column(HeapTuple tuple, int column, TupleDesc desc)
{
	bool		isnull;
	Datum		value = heap_getattr(tuple, column, desc, &isnull);

	Assert(!isnull);
	return DatumGetJsonbPCopy(value);
}

/* A column that 0.2.0 added: NULL while the extension is not updated. */
static Datum
added_column(HeapTuple tuple, int column, TupleDesc desc, bool *isnull)
{
	*isnull = true;
	return column > desc->natts ? (Datum) 0 : heap_getattr(tuple, column, desc, isnull);
}

static void
decode_model(HeapTuple tuple, TupleDesc desc, void *object)
{
	RsKnown    *known = (RsKnown *) object;
	RsModel    *model = &known->model;
	bool		isnull;
	Datum		active = heap_getattr(tuple, MODEL_ACTIVE_VERSION, desc, &isnull);
	Datum		catalog;

	model->active_version = isnull ? 0 : DatumGetInt32(active);
	model->feedback = rs_feedback_parse(text_column(tuple, MODEL_FEEDBACK, desc));
	model->algorithm = rs_algorithm_parse(text_column(tuple, MODEL_ALGORITHM, desc));
	model->options = jsonb_column(tuple, MODEL_OPTIONS, desc);
	model->user_column = text_column(tuple, MODEL_USER_COLUMN, desc);
	model->item_column = text_column(tuple, MODEL_ITEM_COLUMN, desc);
	model->rating_column = text_column(tuple, MODEL_RATING_COLUMN, desc);
	model->time_column = text_column(tuple, MODEL_TIME_COLUMN, desc);
	catalog = added_column(tuple, MODEL_CATALOG_COLUMN, desc, &isnull);
	model->catalog_column = isnull ? NULL : TextDatumGetCString(catalog);
	known->has_types = false;	/* the type of the time is one of them */
}

bool
rs_known_read_model(RsKnown *known)
{
	return read_row(&known->row, rs_model_table(), known->name, 0, decode_model, known);
}

static Oid
oid_column(HeapTuple tuple, int column, TupleDesc desc)
{
	bool		isnull;

	return DatumGetObjectId(heap_getattr(tuple, column, desc, &isnull));
}

static void
decode_anchor(HeapTuple tuple, TupleDesc desc, void *object)
{
	RsAnchor   *anchor = (RsAnchor *) object;

	anchor->view = oid_column(tuple, ANCHOR_VIEW, desc);
	anchor->owner = oid_column(tuple, ANCHOR_OWNER, desc);
	anchor->item_factors = oid_column(tuple, ANCHOR_ITEM_FACTORS, desc);
}

bool
rs_known_read_anchor(RsKnown *known)
{
	Oid			table = rs_anchor_table();

	return OidIsValid(table) &&
		read_row(&known->anchor_row, table, known->name, 0, decode_anchor, &known->anchor);
}

/* The parts that a version has, by its algorithm and the column preference. */
static void
decode_parts(RsVersion *version, HeapTuple tuple, TupleDesc desc)
{
	bool		isnull;
	Datum		preference = added_column(tuple, VERSION_PREFERENCE, desc, &isnull);

	version->n_parts = rs_algorithm(version->algorithm)->has_factors ? 1 : 0;
	if (isnull)
		return;
	rs_options_resolve(RS_IMPLICIT, NULL, DatumGetJsonbPCopy(preference), &version->preference);
	version->n_parts = RS_MAX_PARTS;
}

static void
decode_version(HeapTuple tuple, TupleDesc desc, void *object)
{
	RsVersion  *version = (RsVersion *) object;
	bool		isnull;
	Datum		added;

	version->version = DatumGetInt32(heap_getattr(tuple, VERSION_VERSION, desc, &isnull));
	version->stamp = DatumGetInt64(heap_getattr(tuple, VERSION_STAMP, desc, &isnull));
	version->feedback = rs_feedback_parse(text_column(tuple, VERSION_FEEDBACK, desc));
	version->algorithm = rs_algorithm_parse(text_column(tuple, VERSION_ALGORITHM, desc));
	rs_options_resolve(version->feedback, NULL, jsonb_column(tuple, VERSION_OPTIONS, desc),
					   &version->options);
	version->mean = DatumGetFloat8(heap_getattr(tuple, VERSION_MEAN, desc, &isnull));
	added = added_column(tuple, VERSION_LIKED, desc, &isnull);
	version->liked = isnull ? get_float8_nan() : DatumGetFloat8(added);
	added = added_column(tuple, VERSION_DEVIATION, desc, &isnull);
	version->deviation = isnull ? get_float8_nan() : DatumGetFloat8(added);
	decode_parts(version, tuple, desc);
	added = added_column(tuple, VERSION_REFRESHED_FROM, desc, &isnull);
	version->refreshed_from = isnull ? 0 : DatumGetInt32(added);
	version->users = DatumGetInt32(heap_getattr(tuple, VERSION_USERS, desc, &isnull));
	version->items = DatumGetInt32(heap_getattr(tuple, VERSION_ITEMS, desc, &isnull));
}

/* The place of a version that is known, or the one that is given up for it. */
static RsKnownVersion *
version_place(RsKnown *known, int version)
{
	RsKnownVersion *place;

	for (int i = 0; i < RS_KNOWN_VERSIONS; i++)
	{
		place = &known->versions[i];
		if (place->row.tuple != NULL && place->version.version == version)
			return place;
	}
	place = &known->versions[known->next_version];
	place->row.tuple = NULL;
	known->next_version = (known->next_version + 1) % RS_KNOWN_VERSIONS;
	return place;
}

const RsVersion *
rs_known_read_version(RsKnown *known, int version)
{
	RsKnownVersion *place = version_place(known, version);

	return read_row(&place->row, rs_version_table(), known->name, version,
					decode_version, &place->version) ? &place->version : NULL;
}

/* ---- the stamps of all versions ------------------------------------------------- */

static int
compare_stamps(const void *a, const void *b)
{
	int64		i = *(const int64 *) a;
	int64		j = *(const int64 *) b;

	return (i > j) - (i < j);
}

/*
 * Reads every row that vacuum would keep: also rows of running transactions, and deleted
 * ones that the oldest snapshot may still show.
 */
int
rs_version_stamps(int64 **stamps)
{
	Relation	relation = table_open(rs_version_table(), AccessShareLock);
	TupleTableSlot *slot = table_slot_create(relation, NULL);
	int			capacity = 64;
	int			n = 0;
	SnapshotData snapshot;
	TableScanDesc scan;

	*stamps = palloc(capacity * sizeof(int64));
	InitNonVacuumableSnapshot(snapshot, GlobalVisTestFor(relation));
	scan = table_beginscan(relation, &snapshot, 0, NULL);
	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		bool		isnull;

		CHECK_FOR_INTERRUPTS();
		if (n == capacity)
		{
			capacity *= 2;
			*stamps = repalloc_huge(*stamps, mul_size(capacity, sizeof(int64)));
		}
		(*stamps)[n++] = DatumGetInt64(slot_getattr(slot, VERSION_STAMP, &isnull));
	}
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	table_close(relation, AccessShareLock);
	qsort(*stamps, n, sizeof(int64), compare_stamps);
	return n;
}

bool
rs_version_stamp_found(const int64 *stamps, int n, int64 stamp)
{
	return bsearch(&stamp, stamps, n, sizeof(int64), compare_stamps) != NULL;
}
