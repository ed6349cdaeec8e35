/*-------------------------------------------------------------------------
 *
 * arena.h
 *		One block of memory, the caller's, handed out from its start.
 *
 * The same sequence of rs_arena_take() calls first counts (base NULL), then
 * hands out.  Sizes come from data, so every step is checked: after an
 * overflow, or past the end, the arena is failed and returns NULL from then
 * on; the caller looks once, after its last call.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_ARENA_H
#define RS_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include "kernel/kernel.h"

typedef struct RsArena
{
	char	   *base;			/* NULL: only count */
	size_t		size;
	size_t		used;
	size_t		most;			/* used at any time */
	bool		failed;
} RsArena;

extern void rs_arena_init(RsArena *arena, void *base, size_t size);

/* count elements of each bytes, aligned to RS_ALIGNMENT, uninitialised */
extern void *rs_arena_take(RsArena *arena, size_t count, size_t each);

/* Hand out once more what was taken since used was this. */
extern void rs_arena_rewind(RsArena *arena, size_t used);

#endif							/* RS_ARENA_H */
