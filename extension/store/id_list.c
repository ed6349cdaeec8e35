/*-------------------------------------------------------------------------
 *
 * id_list.c
 *		Making lists of ids, which id.c searches.
 *
 * Memory: the arrays of a list lie in the context that the caller names, and grow to
 * twice their size when they are full.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/uuid.h"

#include "compat.h"
#include "store/id_list.h"

/* Room for a text id, to begin with. */
#define TEXT_BYTES		16

void
rs_idlist_begin(RsIdListMaker *maker, RsIdList *list, RsIdKind kind, int32 capacity,
				MemoryContext context)
{
	Size		n = Max(capacity, 1);

	memset(list, 0, sizeof(RsIdList));
	list->kind = kind;
	maker->list = list;
	maker->capacity = n;
	maker->bytes_capacity = 0;
	switch (kind)
	{
		case RS_ID_BIGINT:
			list->ints = MemoryContextAllocHuge(context, mul_size(sizeof(int64), n));
			break;
		case RS_ID_UUID:
			list->bytes = MemoryContextAllocHuge(context, mul_size(UUID_LEN, n));
			break;
		case RS_ID_TEXT:
			maker->bytes_capacity = mul_size(TEXT_BYTES, n);
			list->bytes = MemoryContextAllocHuge(context, maker->bytes_capacity);
			list->offsets = MemoryContextAllocHuge(context, mul_size(sizeof(Size), n + 1));
			list->offsets[0] = 0;
			break;
	}
}

/* Room for one more id, but for the bytes of a text. */
static void
make_room(RsIdListMaker *maker)
{
	RsIdList   *list = maker->list;
	Size		n;

	if (list->n < maker->capacity)
		return;
	n = Min((Size) maker->capacity * 2, (Size) PG_INT32_MAX);
	switch (list->kind)
	{
		case RS_ID_BIGINT:
			list->ints = repalloc_huge(list->ints, mul_size(sizeof(int64), n));
			break;
		case RS_ID_UUID:
			list->bytes = repalloc_huge(list->bytes, mul_size(UUID_LEN, n));
			break;
		case RS_ID_TEXT:
			list->offsets = repalloc_huge(list->offsets, mul_size(sizeof(Size), n + 1));
			break;
	}
	maker->capacity = (int32) n;
}

static void
append_text(RsIdListMaker *maker, const text *t)
{
	RsIdList   *list = maker->list;
	Size		begin = list->offsets[list->n];
	Size		end = add_size(begin, VARSIZE_ANY_EXHDR(t));

	if (end > maker->bytes_capacity)
	{
		maker->bytes_capacity = mul_size(end, 2);
		list->bytes = repalloc_huge(list->bytes, maker->bytes_capacity);
	}
	memcpy(list->bytes + begin, VARDATA_ANY(t), end - begin);
	list->offsets[list->n + 1] = end;
}

void
rs_idlist_append(RsIdListMaker *maker, Datum id)
{
	RsIdList   *list = maker->list;

	make_room(maker);
	switch (list->kind)
	{
		case RS_ID_BIGINT:
			list->ints[list->n] = DatumGetInt64(id);
			break;
		case RS_ID_UUID:
			memcpy(list->bytes + (Size) list->n * UUID_LEN, DatumGetUUIDP(id)->data, UUID_LEN);
			break;
		case RS_ID_TEXT:
			append_text(maker, (const text *) DatumGetPointer(id));
			break;
	}
	list->n++;
}

#define ST_SORT				sort_ids
#define ST_ELEMENT_TYPE		Datum
#define ST_COMPARE_ARG_TYPE	const RsIdKind
#define ST_COMPARE(a, b, kind)	rs_id_compare(*(a), *(b), *(kind))
#define ST_SCOPE			static
#define ST_DEFINE
#define ST_CHECK_FOR_INTERRUPTS
#include "lib/sort_template.h"

void
rs_idlist_of(RsIdList *list, RsIdKind kind, const Datum *ids, int32 n, uint64 seed)
{
	Datum	   *sorted = palloc_extended(mul_size(sizeof(Datum), Max(n, 1)), MCXT_ALLOC_HUGE);
	RsIdListMaker maker;

	if (n > 0)
		memcpy(sorted, ids, n * sizeof(Datum));
	sort_ids(sorted, n, &kind);
	rs_idlist_begin(&maker, list, kind, n, CurrentMemoryContext);
	for (int32 i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (i == 0 || rs_id_compare(sorted[i - 1], sorted[i], kind) != 0)
			rs_idlist_append(&maker, sorted[i]);
	}
	pfree(sorted);
	rs_idlist_index(list, palloc_extended(rs_idlist_table_size(list), MCXT_ALLOC_HUGE), seed);
}

void
rs_idlist_sorted(RsIdList *list, const RsIdList *from, uint64 seed)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "recsys ids",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	Datum	   *ids = palloc_extended(mul_size(sizeof(Datum), Max(from->n, 1)), MCXT_ALLOC_HUGE);

	for (int32 i = 0; i < from->n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		ids[i] = rs_idlist_get(from, i);
	}
	MemoryContextSwitchTo(caller);
	rs_idlist_of(list, from->kind, ids, from->n, seed);
	MemoryContextDelete(context);
}
