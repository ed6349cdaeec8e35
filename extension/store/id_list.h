/*-------------------------------------------------------------------------
 *
 * id_list.h
 *		Making lists of ids, which id.h searches.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_ID_LIST_H
#define RS_ID_LIST_H

#include "postgres.h"

#include "store/id.h"

/* A list that grows; the list itself may be used at any time. */
typedef struct RsIdListMaker
{
	RsIdList   *list;
	int32		capacity;		/* ids */
	Size		bytes_capacity; /* of text ids */
} RsIdListMaker;

/* An empty list; there is room for so many ids at first.  Its arrays lie in the context. */
extern void rs_idlist_begin(RsIdListMaker *maker, RsIdList *list, RsIdKind kind,
							int32 capacity, MemoryContext context);

/* Add an id at the end, which is copied; the order is the caller's matter. */
extern void rs_idlist_append(RsIdListMaker *maker, Datum id);

/*
 * A list of the distinct ones among n ids, in ascending order and with a table, in the
 * current context.
 */
extern void rs_idlist_of(RsIdList *list, RsIdKind kind, const Datum *ids, int32 n,
						 uint64 seed);

/* The same of another list, which need be in no order. */
extern void rs_idlist_sorted(RsIdList *list, const RsIdList *from, uint64 seed);

#endif							/* RS_ID_LIST_H */
