/*-------------------------------------------------------------------------
 *
 * arena.h
 *		Memory that is given back all at once.  Pure C.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RK_ARENA_H
#define RK_ARENA_H

#include <stddef.h>

typedef struct RkArenaChunk RkArenaChunk;

/* Zero it to begin with. */
typedef struct RkArena
{
	RkArenaChunk *chunks;		/* the current one first */
	size_t		allocated;		/* bytes held in all chunks */
} RkArena;

/* size bytes, aligned for anything; NULL when memory runs out. */
extern void *rk_arena_alloc(RkArena *arena, size_t size);

/* Forget everything allocated; one chunk is kept for the next round. */
extern void rk_arena_reset(RkArena *arena);

/* Give everything back. */
extern void rk_arena_free(RkArena *arena);

#endif							/* RK_ARENA_H */
