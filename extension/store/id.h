/*-------------------------------------------------------------------------
 *
 * id.h
 *		External ids of users and items: bigint, text or uuid.
 *
 * A source may have smallint, integer, bigint, text, varchar or uuid ids, or
 * domains over them; inside, ids are of one of three kinds and a Datum of a
 * kind is an int8, a text or a uuid Datum.  Text ids are compared byte by
 * byte.  An id list keeps ids ascending, so that a position is a rank by id
 * and ties can be broken by position.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_ID_H
#define RS_ID_H

#include "postgres.h"

#include "catalog/pg_type.h"

typedef enum RsIdKind
{
	RS_ID_BIGINT,
	RS_ID_TEXT,
	RS_ID_UUID
} RsIdKind;

/* Which of 64 numbers in a row are ids, and how many ids are smaller. */
typedef struct RsIdWord
{
	uint64		members;
	int32		before;
} RsIdWord;

/* n ids of one kind, ascending, without repetition */
typedef struct RsIdList
{
	RsIdKind	kind;
	int32		n;
	int64	   *ints;			/* bigint: n */
	char	   *bytes;			/* uuid: 16 n; text: all ids, one after another */
	Size	   *offsets;		/* text: n + 1 */
	uint32	   *slots;			/* hash table of positions plus 1, or NULL */
	uint32		slot_mask;		/* slots are a power of two; that less 1 */
	uint64		hash_seed;
	RsIdWord   *words;			/* instead of slots: from the first id to the last */
	uint32		n_words;
} RsIdList;

/* The kind for a base type, false if the type cannot be an id. */
extern bool rs_id_kind_of_type(Oid type, RsIdKind *kind);

/* int8, text or uuid */
extern Oid	rs_id_type(RsIdKind kind);

/* "bigint", "text" or "uuid", for messages */
extern const char *rs_id_kind_name(RsIdKind kind);

/*
 * Convert a Datum of one kind to another by way of text, as a cast would;
 * raises the target type's input error.  The same kind passes through.
 */
extern Datum rs_id_convert(Datum id, RsIdKind from, RsIdKind to);

/* The id as palloc'd text, for messages. */
extern char *rs_id_to_cstring(Datum id, RsIdKind kind);

/* The same, cut to what a line of a message can hold. */
extern char *rs_id_shown(Datum id, RsIdKind kind);

/* An int2, int4 or int8; what the upper half of a Datum holds is not defined. */
static inline int64
rs_id_integer(Datum value, Oid type)
{
	if (type == INT8OID)
		return DatumGetInt64(value);
	return type == INT4OID ? DatumGetInt32(value) : DatumGetInt16(value);
}

/*
 * A Datum of a kind as Datum of the column type it is stored or searched in;
 * false if the column's type cannot hold it (an int8 beyond int4).
 */
extern bool rs_id_to_column(Datum id, RsIdKind kind, Oid column_type, Datum *value);

/* The reverse; a text is detoasted. */
extern Datum rs_id_from_column(Datum value, Oid column_type);

/* A copy in the current context, and to free it. */
extern Datum rs_id_copy(Datum id, RsIdKind kind);
extern void rs_id_free(Datum id, RsIdKind kind);

/* <0, 0, >0 */
extern int	rs_id_compare(Datum a, Datum b, RsIdKind kind);

/* Order of the ids at two positions of a list, which need not ascend yet. */
extern int	rs_idlist_compare(const RsIdList *list, int32 i, int32 j);

/*
 * A table over a list makes rs_idlist_find() one look-up instead of a search: one of
 * bits for whole numbers that lie close together, else a hash table.
 * rs_idlist_table_size() says how many bytes it needs, the caller brings them.  The
 * seed should be random, as users choose ids.
 */
extern Size rs_idlist_table_size(RsIdList *list);
extern void rs_idlist_index(RsIdList *list, void *table, uint64 seed);

/*
 * n_words or slot_mask, which say how large the table is, of a list of n ids that are
 * not there yet; first and last count for whole numbers.
 */
extern void rs_idlist_count(RsIdList *list, int64 first, int64 last);

/*
 * Positions of n ids, or -1: what rs_idlist_find() says of each, faster, as the
 * memory that it reads is asked for ahead, a block of ids at a time.
 */
#define RS_FIND_BLOCK	64

extern void rs_idlist_find_many(const RsIdList *list, const Datum *ids, int32 n,
								int32 *positions);

/* Position of an id in the list, or -1. */
extern int32 rs_idlist_find(const RsIdList *list, Datum id);

/* A hash of the id at a position, the same on every server. */
extern uint64 rs_idlist_hash(const RsIdList *list, int32 position, uint64 seed);

/* The id at a position; a text is palloc'd. */
extern Datum rs_idlist_get(const RsIdList *list, int32 position);

#endif							/* RS_ID_H */
