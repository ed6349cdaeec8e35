/*-------------------------------------------------------------------------
 *
 * factors.c
 *		Reading and bulk writing of the rows of the factor tables.
 *
 * Rows are read by a scan of the primary key under the active snapshot, without
 * the executor: a serving function may read what its caller may not.  The
 * table is checked when it is opened (factor_table.c).  Its owner can write to
 * it, so values are checked when they are read.
 *
 * Rows are written in batches by the table access method, as COPY does.
 * Memory is that of one batch.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/tuplesort.h"
#include "utils/typcache.h"
#include "utils/uuid.h"

#include "compat.h"
#include "store/factor_table.h"
#include "store/factors.h"

/* Rows of one batch of insertion. */
#define BATCH_ROWS		64

/* Rows that a scan reads in about the time of looking one up. */
#define ROWS_A_LOOK_UP	16

static Oid
id_column_type(Relation relation)
{
	return TupleDescAttr(RelationGetDescr(relation), FACTORS_ID - 1)->atttypid;
}

/* ---- reading ------------------------------------------------------------ */

/*
 * Start a scan of the primary key for a version and, unless id is NULL, one id
 * of the column's type.  The key's collation is that of the column.
 */
static SysScanDesc
begin_scan(Relation relation, int version, const Datum *id)
{
	Form_pg_attribute att = TupleDescAttr(RelationGetDescr(relation), FACTORS_ID - 1);
	ScanKeyData keys[2];

	ScanKeyEntryInitialize(&keys[0], 0, FACTORS_VERSION, BTEqualStrategyNumber,
						   InvalidOid, InvalidOid, F_INT4EQ, Int32GetDatum(version));
	if (id != NULL)
	{
		TypeCacheEntry *type = lookup_type_cache(att->atttypid, TYPECACHE_EQ_OPR_FINFO);

		ScanKeyEntryInitialize(&keys[1], 0, FACTORS_ID, BTEqualStrategyNumber, InvalidOid,
							   att->attcollation, type->eq_opr_finfo.fn_oid, *id);
	}
	return systable_beginscan(relation, RelationGetPrimaryKeyIndexCompat(relation), true,
							  GetActiveSnapshot(), id != NULL ? 2 : 1, keys);
}

static Datum
get_column(HeapTuple tuple, int column, Relation relation, bool *isnull)
{
	return heap_getattr(tuple, column, RelationGetDescr(relation), isnull);
}

static void
refuse_row(const RsModel *model, const RsVersion *version, bool of_users, Datum id,
		   const char *fault)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("%s \"%s\" in version %d of model \"%s\" %s", of_users ? "user" : "item",
					rs_id_to_cstring(id, of_users ? model->user_kind : model->item_kind),
					version->version, model->name, fault),
			 errhint("Train the model again.")));
}

int
rs_factors_dim(const RsVersion *version, int part)
{
	const RsOptions *options = rs_version_options(version, part);

	return part >= version->n_parts ? 0 : options->factors + (options->biases ? 1 : 0);
}

/* Where the vector of a part is in a row. */
static int
part_column(int part)
{
	return part == RS_PART_PREFERENCE ? FACTORS_PREFERENCE : FACTORS_FACTORS;
}

/* A vector of a row, detoasted and of the part's dimensions; NULL if there is none. */
static RsRecvec *
check_factors(const RsModel *model, const RsVersion *version, bool of_users, Datum id,
			  int part, Datum value, bool isnull)
{
	int			dim = rs_factors_dim(version, part);
	RsRecvec   *factors = NULL;

	if (dim == 0)
		return NULL;
	if (!isnull)
		factors = rs_recvec_get(value);
	if (factors == NULL || factors->dim != dim)
		refuse_row(model, version, of_users, id,
				   psprintf(part == RS_PART_PREFERENCE ?
							"does not have a preference of %d components" :
							"does not have %d factors", dim));
	return factors;
}

/* The vectors of a row: where its values lie or, to outlive them, copies. */
static void
get_parts(const RsModel *model, const RsVersion *version, bool of_users, Datum id,
		  Relation relation, const Datum *values, const bool *nulls, bool copy,
		  RsRecvec **parts)
{
	for (int part = 0; part < RS_MAX_PARTS; part++)
	{
		int			at = part_column(part) - 1;
		bool		isnull = part >= version->n_parts ||
			at >= RelationGetDescr(relation)->natts || nulls[at];
		Datum		value = isnull ? (Datum) 0 : values[at];

		if (!isnull && copy)
			value = PointerGetDatum(PG_DETOAST_DATUM_COPY(value));
		parts[part] = check_factors(model, version, of_users, id, part, value, isnull);
	}
}

bool
rs_factors_read_user(const RsModel *model, const RsVersion *version, Datum user_id,
					 RsUserFactors *row)
{
	Relation	relation;
	SysScanDesc scan;
	HeapTuple	tuple;
	Datum		values[FACTORS_NATTS];
	bool		nulls[FACTORS_NATTS];
	Datum		id;
	bool		found = false;

	relation = rs_factor_table_open(model, true, AccessShareLock);
	if (rs_id_to_column(user_id, model->user_kind, id_column_type(relation), &id))
	{
		scan = begin_scan(relation, version->version, &id);
		tuple = systable_getnext(scan);
		if (HeapTupleIsValid(tuple))
		{
			heap_deform_tuple(tuple, RelationGetDescr(relation), values, nulls);
			get_parts(model, version, true, user_id, relation, values, nulls, true, row->parts);
			row->bias = DatumGetFloat4(values[FACTORS_EXTRA - 1]);
			if (nulls[FACTORS_EXTRA - 1] || !isfinite(row->bias))
				refuse_row(model, version, true, user_id, "does not have a finite bias");
			found = true;
		}
		systable_endscan(scan);
	}
	table_close(relation, AccessShareLock);
	return found;
}

static int32
check_users(const RsModel *model, const RsVersion *version, Datum item_id, Datum value,
			bool isnull)
{
	if (isnull || DatumGetInt32(value) < 0)
		refuse_row(model, version, false, item_id, "does not have a number of users");
	return DatumGetInt32(value);
}

/* An array of a row, without NULLs and of one dimension; NULL if it is not so. */
static ArrayType *
plain_array(Datum value, bool isnull)
{
	ArrayType  *array = isnull ? NULL : DatumGetArrayTypeP(value);

	return array == NULL || ARR_NDIM(array) > 1 || array_contains_nulls(array) ? NULL : array;
}

static int32
count_elements(const ArrayType *array)
{
	return ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
}

/* The ids of an array of the column neighbours, where they lie in it. */
static Datum *
array_ids(ArrayType *array, RsIdKind kind)
{
	Datum	   *ids;
	int			n;

	switch (kind)
	{
		case RS_ID_BIGINT:
			deconstruct_array(array, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE,
							  &ids, NULL, &n);
			return ids;
		case RS_ID_TEXT:
			deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &ids, NULL, &n);
			return ids;
		case RS_ID_UUID:
			deconstruct_array(array, UUIDOID, UUID_LEN, false, TYPALIGN_CHAR, &ids, NULL, &n);
			return ids;
	}
	elog(ERROR, "unrecognized id kind: %d", (int) kind);
}

/* Are ids ascending and weights finite? */
static bool
are_sound(const RsNeighbours *neighbours, RsIdKind kind)
{
	for (int32 i = 0; i < neighbours->n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!isfinite(neighbours->weights[i]) ||
			(i > 0 && rs_id_compare(neighbours->ids[i - 1], neighbours->ids[i], kind) >= 0))
			return false;
	}
	return true;
}

/* The neighbours of a row, in the current context. */
static void
get_neighbours(const RsModel *model, const RsVersion *version, Datum item_id,
			   const Datum *values, const bool *nulls, RsNeighbours *neighbours)
{
	ArrayType  *ids = plain_array(values[FACTORS_NEIGHBOURS - 1], nulls[FACTORS_NEIGHBOURS - 1]);
	ArrayType  *weights = plain_array(values[FACTORS_NEIGHBOUR_WEIGHTS - 1],
									  nulls[FACTORS_NEIGHBOUR_WEIGHTS - 1]);

	if (ids == NULL || weights == NULL || count_elements(ids) != count_elements(weights))
		refuse_row(model, version, false, item_id, "does not have a weight for each neighbour");
	neighbours->n = count_elements(ids);
	neighbours->ids = array_ids(ids, model->item_kind);
	neighbours->weights = (float4 *) ARR_DATA_PTR(weights);
	if (!are_sound(neighbours, model->item_kind))
		refuse_row(model, version, false, item_id,
				   "does not have neighbours in ascending order with finite weights");
}

/* What a row tells in the item part and that of popularity, as far as the version has them. */
static void
get_blended(const RsModel *model, const RsVersion *version, Datum item_id, Relation relation,
			const Datum *values, const bool *nulls, bool neighbours, RsItemFactors *row)
{
	const RsPartWeights *weights = &version->options.weights;
	bool		extended = rs_factor_table_is_extended(relation);

	memset(&row->neighbours, 0, sizeof(RsNeighbours));
	row->popularity = get_float4_nan();
	if (rs_weights_blend(weights) && !extended)
		refuse_row(model, version, false, item_id, "lacks columns of the parts that rank");
	if (neighbours && rs_weights_have_item(weights))
		get_neighbours(model, version, item_id, values, nulls, &row->neighbours);
	if (!rs_weights_have_popularity(weights))
		return;
	if (!nulls[FACTORS_POPULARITY - 1])
		row->popularity = DatumGetFloat4(values[FACTORS_POPULARITY - 1]);
	if (!isfinite(row->popularity))
		refuse_row(model, version, false, item_id, "does not have a finite popularity");
}

bool
rs_factors_read_item(const RsModel *model, const RsVersion *version, Datum item_id,
					 RsItemFactors *row)
{
	Relation	relation;
	SysScanDesc scan;
	HeapTuple	tuple;
	Datum		values[FACTORS_NATTS];
	bool		nulls[FACTORS_NATTS];
	Datum		id;
	bool		found = false;

	relation = rs_factor_table_open(model, false, AccessShareLock);
	if (rs_id_to_column(item_id, model->item_kind, id_column_type(relation), &id))
	{
		scan = begin_scan(relation, version->version, &id);
		tuple = systable_getnext(scan);
		if (HeapTupleIsValid(tuple))
		{
			heap_deform_tuple(tuple, RelationGetDescr(relation), values, nulls);
			get_parts(model, version, false, item_id, relation, values, nulls, true, row->parts);
			memset(&row->neighbours, 0, sizeof(RsNeighbours));
			row->popularity = get_float4_nan();
			row->users = check_users(model, version, item_id, values[FACTORS_EXTRA - 1],
									 nulls[FACTORS_EXTRA - 1]);
			found = true;
		}
		systable_endscan(scan);
	}
	table_close(relation, AccessShareLock);
	return found;
}

static Datum
checked_id(Datum value, bool isnull, Oid type)
{
	if (isnull)
		elog(ERROR, "an id in a primary key is NULL");
	return rs_id_from_column(value, type);
}

/* ---- reading many items -------------------------------------------------- */

typedef struct ItemReader
{
	const RsModel *model;
	const RsVersion *version;
	Relation	relation;
	Oid			id_type;
	const RsIdList *wanted;		/* no other rows; NULL: all */
	bool		neighbours;		/* are those of the items wanted? */
	RsItemCallback callback;
	void	   *arg;
	MemoryContext row_context;
	int32		n;				/* rows of the version that were met */
	bool		of_others;		/* none of them is of this transaction */
} ItemReader;

static void
begin_reading(ItemReader *reader, const RsModel *model, const RsVersion *version,
			  bool neighbours, RsItemCallback callback, void *arg)
{
	memset(reader, 0, sizeof(ItemReader));
	reader->model = model;
	reader->version = version;
	reader->relation = rs_factor_table_open(model, false, AccessShareLock);
	reader->id_type = id_column_type(reader->relation);
	reader->neighbours = neighbours;
	reader->callback = callback;
	reader->arg = arg;
	reader->row_context = AllocSetContextCreate(CurrentMemoryContext, "recsys item row",
												ALLOCSET_DEFAULT_SIZES);
	reader->of_others = true;
}

static void
end_reading(ItemReader *reader)
{
	MemoryContextDelete(reader->row_context);
	table_close(reader->relation, AccessShareLock);
}

/* A row goes to the callback. */
static void
take_row(ItemReader *reader, const Datum *values, const bool *nulls)
{
	const RsModel *model = reader->model;
	const RsVersion *version = reader->version;
	MemoryContext caller = MemoryContextSwitchTo(reader->row_context);
	RsItemFactors row;
	Datum		id;

	CHECK_FOR_INTERRUPTS();
	id = checked_id(values[FACTORS_ID - 1], nulls[FACTORS_ID - 1], reader->id_type);
	if (reader->wanted == NULL || rs_idlist_find(reader->wanted, id) >= 0)
	{
		get_parts(model, version, false, id, reader->relation, values, nulls, false, row.parts);
		row.users = check_users(model, version, id, values[FACTORS_EXTRA - 1],
								nulls[FACTORS_EXTRA - 1]);
		get_blended(model, version, id, reader->relation, values, nulls, reader->neighbours, &row);
		MemoryContextSwitchTo(caller);
		reader->callback(reader->arg, id, &row);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextReset(reader->row_context);
}

static void
take_tuple(ItemReader *reader, HeapTuple tuple)
{
	Datum		values[FACTORS_NATTS];
	bool		nulls[FACTORS_NATTS];

	heap_deform_tuple(tuple, RelationGetDescr(reader->relation), values, nulls);
	take_row(reader, values, nulls);
}

/* There are as many rows as the version has items; the owner may write more. */
static void
count_row(ItemReader *reader, HeapTuple tuple)
{
	if (reader->n == reader->version->items)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("version %d of model \"%s\" has more than its %d items",
						reader->version->version, reader->model->name,
						reader->version->items),
				 errhint("Train the model again.")));
	reader->n++;
	if (TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetXmin(tuple->t_data)))
		reader->of_others = false;
}

/*
 * Rows may be missing, be it that they come later, by logical replication or a
 * restore.  What is made of them must not be kept: nothing would ever replace it.
 */
static void
check_complete(const ItemReader *reader)
{
	if (reader->n == reader->version->items)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("version %d of model \"%s\" has only %d of its %d items",
					reader->version->version, reader->model->name,
					reader->n, reader->version->items),
			 errhint("Wait until its factor table is restored or replicated,"
					 " or train the model again.")));
}

static void
scan_rows(ItemReader *reader)
{
	SysScanDesc scan = begin_scan(reader->relation, reader->version->version, NULL);
	HeapTuple	tuple;

	while ((tuple = systable_getnext(scan)) != NULL)
	{
		count_row(reader, tuple);
		take_tuple(reader, tuple);
	}
	systable_endscan(scan);
	check_complete(reader);
}

/* Sort all rows by id, on disk where they exceed work_mem. */
static Tuplesortstate *
sort_rows(ItemReader *reader, TupleDesc desc)
{
	AttrNumber	column = FACTORS_ID;
	Oid			less = lookup_type_cache(reader->id_type, TYPECACHE_LT_OPR)->lt_opr;
	Oid			collation = C_COLLATION_OID;
	bool		nulls_first = false;
	Tuplesortstate *sort = tuplesort_begin_heap(desc, 1, &column, &less, &collation,
												&nulls_first, work_mem, NULL, TUPLESORT_NONE);
	SysScanDesc scan = begin_scan(reader->relation, reader->version->version, NULL);
	TupleTableSlot *slot = MakeSingleTupleTableSlot(desc, &TTSOpsHeapTuple);
	HeapTuple	tuple;

	while ((tuple = systable_getnext(scan)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		count_row(reader, tuple);
		ExecStoreHeapTuple(tuple, slot, false);
		tuplesort_puttupleslot(sort, slot);
	}
	ExecDropSingleTupleTableSlot(slot);
	systable_endscan(scan);
	check_complete(reader);
	tuplesort_performsort(sort);
	return sort;
}

static void
scan_rows_sorting(ItemReader *reader)
{
	TupleDesc	desc = RelationGetDescr(reader->relation);
	Tuplesortstate *sort = sort_rows(reader, desc);
	TupleTableSlot *slot = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);

	while (tuplesort_gettupleslot(sort, true, false, slot, NULL))
	{
		slot_getallattrs(slot);
		take_row(reader, slot->tts_values, slot->tts_isnull);
	}
	ExecDropSingleTupleTableSlot(slot);
	tuplesort_end(sort);
}

/* Does a scan surely bring the rows in the order of ids, that of their bytes? */
static bool
scan_is_sorted(Relation relation)
{
	Oid			collation = TupleDescAttr(RelationGetDescr(relation), FACTORS_ID - 1)->attcollation;

	return !IgnoreSystemIndexes && (!OidIsValid(collation) || collation == C_COLLATION_OID);
}

bool
rs_factors_scan_items(const RsModel *model, const RsVersion *version, bool neighbours,
					  RsItemCallback callback, void *arg)
{
	ItemReader	reader;

	begin_reading(&reader, model, version, neighbours, callback, arg);
	scan_rows(&reader);
	end_reading(&reader);
	return reader.of_others;
}

bool
rs_factors_scan_sorted(const RsModel *model, const RsVersion *version,
					   RsItemCallback callback, void *arg)
{
	ItemReader	reader;

	begin_reading(&reader, model, version, true, callback, arg);
	if (scan_is_sorted(reader.relation))
		scan_rows(&reader);
	else
		scan_rows_sorting(&reader);
	end_reading(&reader);
	return reader.of_others;
}

/* The row of one item, if there is one. */
static void
look_up_row(ItemReader *reader, Datum item_id)
{
	SysScanDesc scan;
	HeapTuple	tuple;
	Datum		id;

	if (!rs_id_to_column(item_id, reader->model->item_kind, reader->id_type, &id))
		return;
	scan = begin_scan(reader->relation, reader->version->version, &id);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		take_tuple(reader, tuple);
	systable_endscan(scan);
}

void
rs_factors_read_items(const RsModel *model, const RsVersion *version, const RsIdList *items,
					  bool neighbours, RsItemCallback callback, void *arg)
{
	ItemReader	reader;

	begin_reading(&reader, model, version, neighbours, callback, arg);
	if (items->n > version->items / ROWS_A_LOOK_UP)
	{
		reader.wanted = items;
		scan_rows(&reader);
	}
	else
	{
		for (int32 i = 0; i < items->n; i++)
		{
			Datum		id = rs_idlist_get(items, i);

			look_up_row(&reader, id);
			if (items->kind == RS_ID_TEXT)
				pfree(DatumGetPointer(id));
		}
	}
	end_reading(&reader);
}

void
rs_factors_scan_users(const RsModel *model, const RsVersion *version,
					  RsUserIdCallback callback, void *arg)
{
	Relation	relation = rs_factor_table_open(model, true, AccessShareLock);
	SysScanDesc scan = begin_scan(relation, version->version, NULL);
	MemoryContext row_context = AllocSetContextCreate(CurrentMemoryContext,
													  "recsys user row",
													  ALLOCSET_DEFAULT_SIZES);
	HeapTuple	tuple;

	while ((tuple = systable_getnext(scan)) != NULL)
	{
		MemoryContext caller = MemoryContextSwitchTo(row_context);
		bool		isnull;
		Datum		id = get_column(tuple, FACTORS_ID, relation, &isnull);

		CHECK_FOR_INTERRUPTS();
		id = checked_id(id, isnull, id_column_type(relation));
		MemoryContextSwitchTo(caller);
		callback(arg, id);
		MemoryContextReset(row_context);
	}
	MemoryContextDelete(row_context);
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
}

/* ---- writing ------------------------------------------------------------ */

struct RsFactorWriter
{
	Relation	relation;
	int			version;
	Oid			id_type;
	RsIdKind	id_kind;
	CommandId	command;
	BulkInsertState bulk;
	EState	   *estate;
	ResultRelInfo *result;
	MemoryContext batch_context;
	int			n;				/* rows in the batch */
	TupleTableSlot *slots[BATCH_ROWS];
};

static RsFactorWriter *
begin_insert(const RsModel *model, bool of_users, int version)
{
	RsFactorWriter *writer = palloc0(sizeof(RsFactorWriter));

	writer->relation = rs_factor_table_open(model, of_users, RowExclusiveLock);
	writer->version = version;
	writer->id_type = id_column_type(writer->relation);
	if (!rs_id_kind_of_type(writer->id_type, &writer->id_kind))
		elog(ERROR, "unexpected type of id column: %u", writer->id_type);
	writer->command = GetCurrentCommandId(true);
	writer->bulk = GetBulkInsertState();
	writer->estate = CreateExecutorState();
	writer->result = makeNode(ResultRelInfo);
	InitResultRelInfo(writer->result, writer->relation, 0, NULL, 0);
	ExecOpenIndices(writer->result, false);
	writer->batch_context = AllocSetContextCreate(CurrentMemoryContext,
												  "recsys factor batch",
												  ALLOCSET_DEFAULT_SIZES);
	for (int i = 0; i < BATCH_ROWS; i++)
		writer->slots[i] = table_slot_create(writer->relation, NULL);
	return writer;
}

RsFactorWriter *
rs_factors_begin_insert_users(const RsModel *model, int version)
{
	return begin_insert(model, true, version);
}

RsFactorWriter *
rs_factors_begin_insert_items(const RsModel *model, int version)
{
	return begin_insert(model, false, version);
}

/* Write the rows of the batch and their index entries. */
static void
flush_batch(RsFactorWriter *writer)
{
	MemoryContext caller;

	if (writer->n == 0)
		return;
	CHECK_FOR_INTERRUPTS();
	caller = MemoryContextSwitchTo(writer->batch_context);
	table_multi_insert(writer->relation, writer->slots, writer->n,
					   writer->command, 0, writer->bulk);
	for (int i = 0; i < writer->n; i++)
	{
		CHECK_FOR_INTERRUPTS();		/* an index of another kind may take its time */
		ExecInsertIndexTuplesCompat(writer->result, writer->slots[i], writer->estate);
		ResetPerTupleExprContext(writer->estate);
		ExecClearTuple(writer->slots[i]);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextReset(writer->batch_context);
	writer->n = 0;
}

/* The source has outgrown its factor table, from int to bigint for instance. */
static void
refuse_id(const RsFactorWriter *writer, Datum id)
{
	const Form_pg_attribute column = TupleDescAttr(RelationGetDescr(writer->relation),
												   FACTORS_ID - 1);

	ereport(ERROR,
			(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
			 errmsg("id \"%s\" does not fit column \"%s\" of type %s of factor table \"%s\"",
					rs_id_shown(id, writer->id_kind), NameStr(column->attname),
					format_type_be(writer->id_type), RelationGetRelationName(writer->relation)),
			 errhint("ALTER TABLE recsys_data.%s ALTER %s TYPE bigint.",
					 quote_identifier(RelationGetRelationName(writer->relation)),
					 NameStr(column->attname))));
}

/* Add a row to the batch, with NULL in the columns of items only; its values are copied. */
static void
fill_row(RsFactorWriter *writer, Datum id, RsRecvec *const *parts, Datum extra)
{
	TupleTableSlot *slot = writer->slots[writer->n];
	int			natts = slot->tts_tupleDescriptor->natts;
	Datum		column_id;

	if (!rs_id_to_column(id, writer->id_kind, writer->id_type, &column_id))
		refuse_id(writer, id);
	ExecClearTuple(slot);
	memset(slot->tts_isnull, true, natts * sizeof(bool));
	memset(slot->tts_isnull, false, FACTORS_EXTRA * sizeof(bool));
	slot->tts_values[FACTORS_VERSION - 1] = Int32GetDatum(writer->version);
	slot->tts_values[FACTORS_ID - 1] = column_id;
	slot->tts_values[FACTORS_EXTRA - 1] = extra;
	for (int part = 0; part < RS_MAX_PARTS && part_column(part) <= natts; part++)
	{
		slot->tts_values[part_column(part) - 1] = PointerGetDatum(parts[part]);
		slot->tts_isnull[part_column(part) - 1] = parts[part] == NULL;
	}
}

/* The array that a row has as its neighbours. */
static Datum
id_array(const RsNeighbours *neighbours, RsIdKind kind)
{
	switch (kind)
	{
		case RS_ID_BIGINT:
			return PointerGetDatum(construct_array(neighbours->ids, neighbours->n, INT8OID,
												   sizeof(int64), FLOAT8PASSBYVAL,
												   TYPALIGN_DOUBLE));
		case RS_ID_TEXT:
			return PointerGetDatum(construct_array(neighbours->ids, neighbours->n, TEXTOID, -1,
												   false, TYPALIGN_INT));
		case RS_ID_UUID:
			return PointerGetDatum(construct_array(neighbours->ids, neighbours->n, UUIDOID,
												   UUID_LEN, false, TYPALIGN_CHAR));
	}
	elog(ERROR, "unrecognized id kind: %d", (int) kind);
}

static Datum
weight_array(const RsNeighbours *neighbours)
{
	Datum	   *weights = palloc_extended(mul_size(sizeof(Datum), Max(neighbours->n, 1)),
										  MCXT_ALLOC_HUGE);

	for (int32 i = 0; i < neighbours->n; i++)
		weights[i] = Float4GetDatum(neighbours->weights[i]);
	return PointerGetDatum(construct_array(weights, neighbours->n, FLOAT4OID, sizeof(float4), true,
										   TYPALIGN_INT));
}

static void
fill_column(RsFactorWriter *writer, int column, Datum value)
{
	TupleTableSlot *slot = writer->slots[writer->n];

	slot->tts_values[column - 1] = value;
	slot->tts_isnull[column - 1] = false;
}

/* The row is in the batch, as a copy. */
static void
finish_row(RsFactorWriter *writer)
{
	TupleTableSlot *slot = writer->slots[writer->n];

	ExecStoreVirtualTuple(slot);
	ExecMaterializeSlot(slot);
	if (++writer->n == BATCH_ROWS)
		flush_batch(writer);
}

void
rs_factors_insert_user(RsFactorWriter *writer, Datum user_id, const RsUserFactors *row)
{
	MemoryContext caller = MemoryContextSwitchTo(writer->batch_context);

	fill_row(writer, user_id, row->parts, Float4GetDatum(row->bias));
	finish_row(writer);
	MemoryContextSwitchTo(caller);
}

void
rs_factors_insert_item(RsFactorWriter *writer, Datum item_id, const RsItemFactors *row)
{
	MemoryContext caller = MemoryContextSwitchTo(writer->batch_context);

	fill_row(writer, item_id, row->parts, Int32GetDatum(row->users));
	if (row->neighbours.ids != NULL)
	{
		fill_column(writer, FACTORS_NEIGHBOURS, id_array(&row->neighbours, writer->id_kind));
		fill_column(writer, FACTORS_NEIGHBOUR_WEIGHTS, weight_array(&row->neighbours));
	}
	if (!isnan(row->popularity))
		fill_column(writer, FACTORS_POPULARITY, Float4GetDatum(row->popularity));
	finish_row(writer);
	MemoryContextSwitchTo(caller);
}

void
rs_factors_end_insert(RsFactorWriter *writer)
{
	flush_batch(writer);
	for (int i = 0; i < BATCH_ROWS; i++)
		ExecDropSingleTupleTableSlot(writer->slots[i]);
	FreeBulkInsertState(writer->bulk);
	table_finish_bulk_insert(writer->relation, 0);
	ExecCloseIndices(writer->result);
	FreeExecutorState(writer->estate);
	MemoryContextDelete(writer->batch_context);
	table_close(writer->relation, NoLock);
	pfree(writer);
}
