/*-------------------------------------------------------------------------
 *
 * idmap.h
 *		From external ids to dense indexes, while rows come in.
 *
 * Ids get provisional indexes in the order they are met; rs_idmap_finish()
 * sorts the ids and renumbers, so that the result does not depend on the order
 * of the rows.  The hash is seeded at random: nobody can choose ids that
 * collide.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_IDMAP_H
#define RS_IDMAP_H

#include "postgres.h"

#include "store/id.h"

/* The most ids that rs_idmap_indexes() takes at once. */
#define RS_IDMAP_BATCH	128

typedef struct RsIdMap RsIdMap;

/* An empty map in a context of its own below parent. */
extern RsIdMap *rs_idmap_create(RsIdKind kind, MemoryContext parent);

/* The provisional index of a text or uuid; 54000 if a text is too long. */
extern int32 rs_idmap_index(RsIdMap *map, Datum id);

/* The text or uuid that was looked up last, palloc'd; there is one.  For messages. */
extern Datum rs_idmap_last(const RsIdMap *map);

/*
 * The provisional indexes of n <= RS_IDMAP_BATCH bigints.  Many at once, because
 * nearly every look-up waits for memory, and these wait together.
 */
extern void rs_idmap_indexes(RsIdMap *map, const int64 *ids, int n, int32 *index);

/*
 * Sort the ids into list, in the current context, turn the n provisional
 * indexes into positions of the list, and free the map.
 */
extern void rs_idmap_finish(RsIdMap *map, int32 *index, int64 n, RsIdList *list);

#endif							/* RS_IDMAP_H */
