/*-------------------------------------------------------------------------
 *
 * id.c
 *		External ids: their kinds, conversions, and sorted lists of them.
 *
 * An id list is built by those who read ids (idmap.c, the item image) and
 * never changes afterwards; this file searches it, by order or by a hash table.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <limits.h>

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgrprotos.h"
#include "utils/uuid.h"

#include "compat.h"
#include "kernel/rng.h"
#include "store/id.h"

/* Bytes of a text id that a message shows; no other is as long. */
#define MAX_SHOWN	100

bool
rs_id_kind_of_type(Oid type, RsIdKind *kind)
{
	switch (type)
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
			*kind = RS_ID_BIGINT;
			return true;
		case TEXTOID:
		case VARCHAROID:
			*kind = RS_ID_TEXT;
			return true;
		case UUIDOID:
			*kind = RS_ID_UUID;
			return true;
		default:
			return false;
	}
}

Oid
rs_id_type(RsIdKind kind)
{
	switch (kind)
	{
		case RS_ID_BIGINT:
			return INT8OID;
		case RS_ID_TEXT:
			return TEXTOID;
		case RS_ID_UUID:
			return UUIDOID;
	}
	elog(ERROR, "unrecognized id kind: %d", (int) kind);
}

const char *
rs_id_kind_name(RsIdKind kind)
{
	switch (kind)
	{
		case RS_ID_BIGINT:
			return "bigint";
		case RS_ID_TEXT:
			return "text";
		case RS_ID_UUID:
			return "uuid";
	}
	elog(ERROR, "unrecognized id kind: %d", (int) kind);
}

char *
rs_id_to_cstring(Datum id, RsIdKind kind)
{
	switch (kind)
	{
		case RS_ID_BIGINT:
			return psprintf(INT64_FORMAT, DatumGetInt64(id));
		case RS_ID_TEXT:
			return TextDatumGetCString(id);
		case RS_ID_UUID:
			return DatumGetCString(DirectFunctionCall1(uuid_out, id));
	}
	elog(ERROR, "unrecognized id kind: %d", (int) kind);
}

char *
rs_id_shown(Datum id, RsIdKind kind)
{
	char	   *string = rs_id_to_cstring(id, kind);
	int			length = (int) strlen(string);

	if (length > MAX_SHOWN)
		strcpy(string + pg_mbcliplen(string, length, MAX_SHOWN), "...");
	return string;
}

Datum
rs_id_convert(Datum id, RsIdKind from, RsIdKind to)
{
	char	   *string;

	if (from == to)
		return id;
	string = rs_id_to_cstring(id, from);
	switch (to)
	{
		case RS_ID_BIGINT:
			return DirectFunctionCall1(int8in, CStringGetDatum(string));
		case RS_ID_TEXT:
			return CStringGetTextDatum(string);
		case RS_ID_UUID:
			return DirectFunctionCall1(uuid_in, CStringGetDatum(string));
	}
	elog(ERROR, "unrecognized id kind: %d", (int) to);
}

bool
rs_id_to_column(Datum id, RsIdKind kind, Oid column_type, Datum *value)
{
	*value = id;
	if (kind == RS_ID_BIGINT)
	{
		int64		i = DatumGetInt64(id);

		if (column_type == INT4OID)
		{
			if (i < INT_MIN || i > INT_MAX)
				return false;
			*value = Int32GetDatum((int32) i);
		}
		else if (column_type == INT2OID)
		{
			if (i < SHRT_MIN || i > SHRT_MAX)
				return false;
			*value = Int16GetDatum((int16) i);
		}
	}
	return true;
}

Datum
rs_id_from_column(Datum value, Oid column_type)
{
	switch (column_type)
	{
		case INT2OID:
		case INT4OID:
			return Int64GetDatum(rs_id_integer(value, column_type));
		case TEXTOID:
		case VARCHAROID:
			return PointerGetDatum(PG_DETOAST_DATUM_PACKED(value));
		default:
			return value;
	}
}

Datum
rs_id_copy(Datum id, RsIdKind kind)
{
	switch (kind)
	{
		case RS_ID_BIGINT:
			return Int64GetDatum(DatumGetInt64(id));
		case RS_ID_TEXT:
			return datumCopy(id, false, -1);
		case RS_ID_UUID:
			return datumCopy(id, false, UUID_LEN);
	}
	elog(ERROR, "unrecognized id kind: %d", (int) kind);
}

void
rs_id_free(Datum id, RsIdKind kind)
{
	if (kind != RS_ID_BIGINT)
		pfree(DatumGetPointer(id));
}

/* Order of byte strings as memcmp has it, the shorter first when equal. */
static int
compare_bytes(const char *a, Size a_len, const char *b, Size b_len)
{
	int			order = memcmp(a, b, Min(a_len, b_len));

	if (order != 0)
		return order;
	return (a_len > b_len) - (a_len < b_len);
}

int
rs_id_compare(Datum a, Datum b, RsIdKind kind)
{
	switch (kind)
	{
		case RS_ID_BIGINT:
			return (DatumGetInt64(a) > DatumGetInt64(b)) -
				(DatumGetInt64(a) < DatumGetInt64(b));
		case RS_ID_TEXT:
			{
				text	   *ta = (text *) DatumGetPointer(a);
				text	   *tb = (text *) DatumGetPointer(b);

				return compare_bytes(VARDATA_ANY(ta), VARSIZE_ANY_EXHDR(ta),
									 VARDATA_ANY(tb), VARSIZE_ANY_EXHDR(tb));
			}
		case RS_ID_UUID:
			return memcmp(DatumGetUUIDP(a)->data, DatumGetUUIDP(b)->data, UUID_LEN);
	}
	elog(ERROR, "unrecognized id kind: %d", (int) kind);
}

/* Order of the id at a position of the list against an id. */
static int
compare_at(const RsIdList *list, int32 position, Datum id)
{
	switch (list->kind)
	{
		case RS_ID_BIGINT:
			return (list->ints[position] > DatumGetInt64(id)) -
				(list->ints[position] < DatumGetInt64(id));
		case RS_ID_TEXT:
			{
				text	   *t = (text *) DatumGetPointer(id);
				Size		from = list->offsets[position];

				return compare_bytes(list->bytes + from,
									 list->offsets[position + 1] - from,
									 VARDATA_ANY(t), VARSIZE_ANY_EXHDR(t));
			}
		case RS_ID_UUID:
			return memcmp(list->bytes + (Size) position * UUID_LEN,
						  DatumGetUUIDP(id)->data, UUID_LEN);
	}
	elog(ERROR, "unrecognized id kind: %d", (int) list->kind);
}

int
rs_idlist_compare(const RsIdList *list, int32 i, int32 j)
{
	switch (list->kind)
	{
		case RS_ID_BIGINT:
			return (list->ints[i] > list->ints[j]) - (list->ints[i] < list->ints[j]);
		case RS_ID_TEXT:
			{
				const Size *offsets = list->offsets;

				return compare_bytes(list->bytes + offsets[i], offsets[i + 1] - offsets[i],
									 list->bytes + offsets[j], offsets[j + 1] - offsets[j]);
			}
		case RS_ID_UUID:
			return memcmp(list->bytes + (Size) i * UUID_LEN,
						  list->bytes + (Size) j * UUID_LEN, UUID_LEN);
	}
	elog(ERROR, "unrecognized id kind: %d", (int) list->kind);
}

/* ---- a table over a list -------------------------------------------------- */

/* How many words it takes for all numbers from the first id to the last. */
static uint64
span_words(int64 first, int64 last)
{
	return ((uint64) last - (uint64) first) / 64 + 1;
}

static void
index_words(RsIdList *list, RsIdWord *words)
{
	list->words = words;
	memset(words, 0, mul_size(list->n_words, sizeof(RsIdWord)));
	for (int32 i = 0; i < list->n; i++)
	{
		uint64		at = (uint64) list->ints[i] - (uint64) list->ints[0];

		if ((i & 0xffff) == 0)
			CHECK_FOR_INTERRUPTS();
		if (words[at / 64].members == 0)
			words[at / 64].before = i;
		words[at / 64].members |= UINT64CONST(1) << (at % 64);
	}
}

static inline int32
find_in_words(const RsIdList *list, Datum id)
{
	uint64		at = (uint64) DatumGetInt64(id) - (uint64) list->ints[0];
	uint64		bit = UINT64CONST(1) << (at % 64);
	const RsIdWord *word;

	if (at / 64 >= list->n_words)
		return -1;
	word = &list->words[at / 64];
	if ((word->members & bit) == 0)
		return -1;
	return word->before + pg_popcount64(word->members & (bit - 1));
}

/* Else hashed: open addressing, linear probing. */

static uint64
hash_id(const RsIdList *list, Datum id)
{
	switch (list->kind)
	{
		case RS_ID_BIGINT:
			return rs_hash_int((uint64) DatumGetInt64(id), list->hash_seed);
		case RS_ID_TEXT:
			{
				text	   *t = (text *) DatumGetPointer(id);

				return rs_hash_bytes(VARDATA_ANY(t), VARSIZE_ANY_EXHDR(t), list->hash_seed);
			}
		case RS_ID_UUID:
			return rs_hash_bytes(DatumGetUUIDP(id)->data, UUID_LEN, list->hash_seed);
	}
	elog(ERROR, "unrecognized id kind: %d", (int) list->kind);
}

uint64
rs_idlist_hash(const RsIdList *list, int32 position, uint64 seed)
{
	switch (list->kind)
	{
		case RS_ID_BIGINT:
			return rs_hash_int((uint64) list->ints[position], seed);
		case RS_ID_TEXT:
			return rs_hash_bytes(list->bytes + list->offsets[position],
								 list->offsets[position + 1] - list->offsets[position], seed);
		case RS_ID_UUID:
			return rs_hash_bytes(list->bytes + (Size) position * UUID_LEN, UUID_LEN, seed);
	}
	elog(ERROR, "unrecognized id kind: %d", (int) list->kind);
}

/* At most half full, so that a probe is short, up to 2^30 ids. */
static uint32
count_slots(const RsIdList *list)
{
	if (list->n > (1 << 30))
		return UINT32_C(1) << 31;
	return pg_nextpower2_32((uint32) Max(list->n, 1)) * 2;
}

static void
index_slots(RsIdList *list, uint32 *slots, uint64 seed)
{
	uint32		n_slots = count_slots(list);

	list->slots = slots;
	list->slot_mask = n_slots - 1;
	list->hash_seed = seed;
	memset(slots, 0, (Size) n_slots * sizeof(uint32));
	for (int32 i = 0; i < list->n; i++)
	{
		uint32		at = (uint32) rs_idlist_hash(list, i, list->hash_seed) & list->slot_mask;

		if ((i & 0xffff) == 0)
			CHECK_FOR_INTERRUPTS();
		while (slots[at] != 0)
			at = (at + 1) & list->slot_mask;
		slots[at] = (uint32) i + 1;
	}
}

/* One word an id takes no more memory than a hash table can, and is read at once. */
void
rs_idlist_count(RsIdList *list, int64 first, int64 last)
{
	list->n_words = 0;
	list->slot_mask = 0;
	if (list->kind == RS_ID_BIGINT && list->n > 0 && span_words(first, last) <= (uint64) list->n)
		list->n_words = (uint32) span_words(first, last);
	else
		list->slot_mask = count_slots(list) - 1;
}

static void
count_table(RsIdList *list)
{
	if (list->kind == RS_ID_BIGINT && list->n > 0)
		rs_idlist_count(list, list->ints[0], list->ints[list->n - 1]);
	else
		rs_idlist_count(list, 0, 0);
}

Size
rs_idlist_table_size(RsIdList *list)
{
	count_table(list);
	return list->n_words > 0 ? mul_size(list->n_words, sizeof(RsIdWord)) :
		mul_size((Size) list->slot_mask + 1, sizeof(uint32));
}

void
rs_idlist_index(RsIdList *list, void *table, uint64 seed)
{
	count_table(list);
	if (list->n_words > 0)
		index_words(list, table);
	else
		index_slots(list, table, seed);
}

/* The position of an id whose probe sequence begins at this slot. */
static int32
probe(const RsIdList *list, Datum id, uint32 at)
{
	for (; list->slots[at] != 0; at = (at + 1) & list->slot_mask)
	{
		int32		position = (int32) (list->slots[at] - 1);

		if (compare_at(list, position, id) == 0)
			return position;
	}
	return -1;
}

static int32
find_by_order(const RsIdList *list, Datum id)
{
	int32		low = 0;
	int32		high = list->n;

	while (low < high)
	{
		int32		middle = low + (high - low) / 2;
		int			order = compare_at(list, middle, id);

		if (order == 0)
			return middle;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return -1;
}

int32
rs_idlist_find(const RsIdList *list, Datum id)
{
	if (list->words != NULL)
		return find_in_words(list, id);
	if (list->slots == NULL)
		return find_by_order(list, id);
	return probe(list, id, (uint32) hash_id(list, id) & list->slot_mask);
}

/*
 * A look-up waits for a slot and then for the id that it leads to, which lie
 * anywhere in memory.  So a block of look-ups goes through each step together:
 * ask for the slots, then for the ids they lead to, then compare.
 */
static void
find_in_slots(const RsIdList *list, const Datum *ids, int32 n, int32 *positions)
{
	uint32		at[RS_FIND_BLOCK];

	for (int32 i = 0; i < n; i++)
	{
		at[i] = (uint32) hash_id(list, ids[i]) & list->slot_mask;
		__builtin_prefetch(&list->slots[at[i]]);
	}
	if (list->kind == RS_ID_BIGINT)
	{
		for (int32 i = 0; i < n; i++)
		{
			if (list->slots[at[i]] != 0)
				__builtin_prefetch(&list->ints[list->slots[at[i]] - 1]);
		}
	}
	for (int32 i = 0; i < n; i++)
		positions[i] = probe(list, ids[i], at[i]);
}

void
rs_idlist_find_many(const RsIdList *list, const Datum *ids, int32 n, int32 *positions)
{
	for (int32 i = 0; i < n; i += RS_FIND_BLOCK)
	{
		int32		end = Min(n, i + RS_FIND_BLOCK);

		CHECK_FOR_INTERRUPTS();
		if (list->words == NULL)
			find_in_slots(list, ids + i, end - i, positions + i);
		for (int32 j = i; list->words != NULL && j < end; j++)
			positions[j] = find_in_words(list, ids[j]);
	}
}

Datum
rs_idlist_get(const RsIdList *list, int32 position)
{
	Assert(position >= 0 && position < list->n);
	switch (list->kind)
	{
		case RS_ID_BIGINT:
			return Int64GetDatum(list->ints[position]);
		case RS_ID_TEXT:
			{
				Size		from = list->offsets[position];

				return PointerGetDatum(cstring_to_text_with_len(list->bytes + from,
																(int) (list->offsets[position + 1] - from)));
			}
		case RS_ID_UUID:
			return PointerGetDatum(list->bytes + (Size) position * UUID_LEN);
	}
	elog(ERROR, "unrecognized id kind: %d", (int) list->kind);
}
