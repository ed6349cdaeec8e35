/*-------------------------------------------------------------------------
 *
 * factors.c
 *		Reading and bulk writing of the rows of the factor tables.
 *
 * Rows are read by scan of the primary key under the active snapshot, without
 * the executor: a serving function may read what its caller may not.  The
 * tables belong to the model's owner, who can alter them, so their columns are
 * checked whenever one is opened; without its primary key a table still works,
 * by reading all of it.
 *
 * Rows are written in batches by the table access method, as COPY does.  No
 * trigger fires.  Memory is that of one batch.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "compat.h"
#include "store/factors.h"

/* Columns of both tables, in order. */
enum
{
	FACTORS_VERSION = 1,
	FACTORS_ID,
	FACTORS_FACTORS,
	FACTORS_EXTRA,				/* bias of a user, users of an item */
	FACTORS_NATTS = FACTORS_EXTRA
};

/* Rows of one batch of insertion. */
#define BATCH_ROWS		64

/* ---- the tables --------------------------------------------------------- */

static Oid
recvec_type(void)
{
	return GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum("recvec"),
						   ObjectIdGetDatum(get_namespace_oid("recsys", false)));
}

/*
 * Open a factor table, the users' or the items', and check that it still is
 * one: what is read and written here is not checked by the executor, so a
 * column of another type would be taken for what it is not.
 */
static Relation
open_table(const RsModel *model, bool of_users, LOCKMODE lockmode)
{
	Relation	relation = table_open(of_users ? model->user_factors : model->item_factors,
									  lockmode);
	TupleDesc	desc = RelationGetDescr(relation);
	RsIdKind	kind;

	if (relation->rd_rel->relkind != RELKIND_RELATION ||
		desc->natts != FACTORS_NATTS ||
		TupleDescAttr(desc, FACTORS_VERSION - 1)->atttypid != INT4OID ||
		!rs_id_kind_of_type(TupleDescAttr(desc, FACTORS_ID - 1)->atttypid, &kind) ||
		kind != (of_users ? model->user_kind : model->item_kind) ||
		TupleDescAttr(desc, FACTORS_FACTORS - 1)->atttypid != recvec_type() ||
		TupleDescAttr(desc, FACTORS_EXTRA - 1)->atttypid != (of_users ? FLOAT4OID : INT4OID))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("relation \"%s\" is not a factor table",
						RelationGetRelationName(relation)),
				 errhint("Drop the model and create it again.")));
	return relation;
}

static Oid
id_column_type(Relation relation)
{
	return TupleDescAttr(RelationGetDescr(relation), FACTORS_ID - 1)->atttypid;
}

/*
 * The primary key (version, id), and the collation of its id.  InvalidOid if
 * the key was dropped or replaced.
 */
static Oid
find_key(Relation relation, Oid *collation)
{
	Oid			oid = RelationGetPrimaryKeyIndexCompat(relation);
	Relation	index;
	Form_pg_index form;

	*collation = TupleDescAttr(RelationGetDescr(relation), FACTORS_ID - 1)->attcollation;
	if (!OidIsValid(oid))
		return InvalidOid;
	index = index_open(oid, AccessShareLock);
	form = index->rd_index;
	if (form->indnkeyatts != 2 ||
		form->indkey.values[0] != FACTORS_VERSION ||
		form->indkey.values[1] != FACTORS_ID)
		oid = InvalidOid;
	else
		*collation = index->rd_indcollation[1];
	index_close(index, AccessShareLock);
	return oid;
}

/* Start a scan for a version and, unless id is NULL, one id of column type. */
static SysScanDesc
begin_scan(Relation relation, int version, const Datum *id)
{
	ScanKeyData keys[2];
	Oid			collation;
	Oid			key = find_key(relation, &collation);

	ScanKeyEntryInitialize(&keys[0], 0, FACTORS_VERSION, BTEqualStrategyNumber,
						   InvalidOid, InvalidOid, F_INT4EQ, Int32GetDatum(version));
	if (id != NULL)
	{
		TypeCacheEntry *type = lookup_type_cache(id_column_type(relation),
												 TYPECACHE_EQ_OPR_FINFO);

		ScanKeyEntryInitialize(&keys[1], 0, FACTORS_ID, BTEqualStrategyNumber,
							   InvalidOid, collation, type->eq_opr_finfo.fn_oid, *id);
	}
	return systable_beginscan(relation, key, OidIsValid(key), GetActiveSnapshot(),
							  id != NULL ? 2 : 1, keys);
}

/* ---- reading ------------------------------------------------------------ */

static Datum
get_column(HeapTuple tuple, int column, Relation relation, bool *isnull)
{
	return heap_getattr(tuple, column, RelationGetDescr(relation), isnull);
}

/* The factors of a row, palloc'd; NULL if the column is. */
static RsRecvec *
get_factors(HeapTuple tuple, Relation relation)
{
	bool		isnull;
	Datum		value = get_column(tuple, FACTORS_FACTORS, relation, &isnull);

	if (isnull)
		return NULL;
	return rs_recvec_get(PointerGetDatum(PG_DETOAST_DATUM_COPY(value)));
}

bool
rs_factors_read_user(const RsModel *model, int version, Datum user_id,
					 RsUserFactors *row)
{
	Relation	relation;
	SysScanDesc scan;
	HeapTuple	tuple;
	Datum		id;
	bool		found = false;

	relation = open_table(model, true, AccessShareLock);
	if (rs_id_to_column(user_id, model->user_kind, id_column_type(relation), &id))
	{
		scan = begin_scan(relation, version, &id);
		tuple = systable_getnext(scan);
		if (HeapTupleIsValid(tuple))
		{
			bool		isnull;

			row->factors = get_factors(tuple, relation);
			row->bias = DatumGetFloat4(get_column(tuple, FACTORS_EXTRA, relation, &isnull));
			found = row->factors != NULL && !isnull;
		}
		systable_endscan(scan);
	}
	table_close(relation, AccessShareLock);
	return found;
}

/* The columns of an item's row; a NULL count, which we never write, is 0. */
static void
get_item_row(HeapTuple tuple, Relation relation, RsItemFactors *row)
{
	bool		isnull;
	Datum		users = get_column(tuple, FACTORS_EXTRA, relation, &isnull);

	row->factors = get_factors(tuple, relation);
	row->users = isnull ? 0 : DatumGetInt32(users);
}

bool
rs_factors_read_item(const RsModel *model, int version, Datum item_id,
					 RsItemFactors *row)
{
	Relation	relation;
	SysScanDesc scan;
	HeapTuple	tuple;
	Datum		id;
	bool		found = false;

	relation = open_table(model, false, AccessShareLock);
	if (rs_id_to_column(item_id, model->item_kind, id_column_type(relation), &id))
	{
		scan = begin_scan(relation, version, &id);
		tuple = systable_getnext(scan);
		if (HeapTupleIsValid(tuple))
		{
			get_item_row(tuple, relation, row);
			found = true;
		}
		systable_endscan(scan);
	}
	table_close(relation, AccessShareLock);
	return found;
}

void
rs_factors_scan_items(const RsModel *model, int version,
					  RsItemCallback callback, void *arg)
{
	Relation	relation = open_table(model, false, AccessShareLock);
	SysScanDesc scan = begin_scan(relation, version, NULL);
	MemoryContext row_context = AllocSetContextCreate(CurrentMemoryContext,
													  "recsys item row",
													  ALLOCSET_DEFAULT_SIZES);
	HeapTuple	tuple;

	while ((tuple = systable_getnext(scan)) != NULL)
	{
		MemoryContext caller = MemoryContextSwitchTo(row_context);
		RsItemFactors row;
		Datum		id;
		bool		isnull;

		CHECK_FOR_INTERRUPTS();
		get_item_row(tuple, relation, &row);
		id = get_column(tuple, FACTORS_ID, relation, &isnull);
		if (!isnull)
		{
			id = rs_id_from_column(id, id_column_type(relation));
			MemoryContextSwitchTo(caller);
			callback(arg, id, &row);
		}
		MemoryContextSwitchTo(caller);
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

	writer->relation = open_table(model, of_users, RowExclusiveLock);
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
		ExecInsertIndexTuplesCompat(writer->result, writer->slots[i], writer->estate);
		ResetPerTupleExprContext(writer->estate);
		ExecClearTuple(writer->slots[i]);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextReset(writer->batch_context);
	writer->n = 0;
}

/* Add a row to the batch; its values are copied. */
static void
insert_row(RsFactorWriter *writer, Datum id, const RsRecvec *factors, Datum extra)
{
	TupleTableSlot *slot = writer->slots[writer->n];
	MemoryContext caller = MemoryContextSwitchTo(writer->batch_context);
	Datum		column_id;

	if (!rs_id_to_column(id, writer->id_kind, writer->id_type, &column_id))
		elog(ERROR, "id does not fit its column");
	ExecClearTuple(slot);
	memset(slot->tts_isnull, false, FACTORS_NATTS * sizeof(bool));
	slot->tts_values[FACTORS_VERSION - 1] = Int32GetDatum(writer->version);
	slot->tts_values[FACTORS_ID - 1] = column_id;
	slot->tts_values[FACTORS_FACTORS - 1] = PointerGetDatum(factors);
	slot->tts_isnull[FACTORS_FACTORS - 1] = factors == NULL;
	slot->tts_values[FACTORS_EXTRA - 1] = extra;
	ExecStoreVirtualTuple(slot);
	ExecMaterializeSlot(slot);
	MemoryContextSwitchTo(caller);

	if (++writer->n == BATCH_ROWS)
		flush_batch(writer);
}

void
rs_factors_insert_user(RsFactorWriter *writer, Datum user_id, const RsUserFactors *row)
{
	insert_row(writer, user_id, row->factors, Float4GetDatum(row->bias));
}

void
rs_factors_insert_item(RsFactorWriter *writer, Datum item_id, const RsItemFactors *row)
{
	insert_row(writer, item_id, row->factors, Int32GetDatum(row->users));
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
