/*-------------------------------------------------------------------------
 *
 * arena.c
 *		Memory that is given back all at once; see arena.h.
 *
 * A list of chunks, of which only the first is filled further.  Chunks double in
 * size up to RK_CHUNK_MAX; what is larger than a quarter of the next chunk gets
 * one of its own, second in the list, so that the rest of the first is not
 * lost.  When malloc() fails the arena stays as it was.  Of one thread.
 *
 *-------------------------------------------------------------------------
 */
#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>

#include "arena.h"

#define RK_CHUNK_MIN	((size_t) 16 * 1024)
#define RK_CHUNK_MAX	((size_t) 1024 * 1024)
#define RK_ALIGNMENT	alignof(max_align_t)

struct RkArenaChunk
{
	RkArenaChunk *next;
	size_t		size;			/* bytes of data */
	size_t		used;
	alignas(max_align_t) char data[];
};

/* Make a chunk; it is in no list yet.  NULL when memory runs out. */
static RkArenaChunk *
make_chunk(RkArena *arena, size_t size)
{
	RkArenaChunk *chunk = malloc(sizeof(RkArenaChunk) + size);

	if (chunk == NULL)
		return NULL;
	chunk->next = NULL;
	chunk->size = size;
	chunk->used = 0;
	arena->allocated += sizeof(RkArenaChunk) + size;
	return chunk;
}

/* Take size bytes, a multiple of the alignment, of a chunk that has them. */
static void *
take(RkArenaChunk *chunk, size_t size)
{
	void	   *p = chunk->data + chunk->used;

	chunk->used += size;
	return p;
}

/* The first chunk is too full: make another. */
static void *
alloc_in_new_chunk(RkArena *arena, size_t size)
{
	RkArenaChunk *first = arena->chunks;
	RkArenaChunk *chunk;
	size_t		regular = RK_CHUNK_MIN;

	if (first != NULL && first->size >= RK_CHUNK_MIN)
		regular = first->size < RK_CHUNK_MAX / 2 ? first->size * 2 : RK_CHUNK_MAX;
	chunk = make_chunk(arena, size > regular / 4 ? size : regular);
	if (chunk == NULL)
		return NULL;
	if (size > regular / 4 && first != NULL)
	{
		chunk->next = first->next;
		first->next = chunk;
	}
	else
	{
		chunk->next = first;
		arena->chunks = chunk;
	}
	return take(chunk, size);
}

void *
rk_arena_alloc(RkArena *arena, size_t size)
{
	RkArenaChunk *first = arena->chunks;

	if (size > SIZE_MAX - sizeof(RkArenaChunk) - RK_ALIGNMENT)
		return NULL;
	/* never of no size, so that no two pieces have the same address */
	size = size == 0 ? RK_ALIGNMENT : (size + RK_ALIGNMENT - 1) / RK_ALIGNMENT * RK_ALIGNMENT;
	if (first != NULL && size <= first->size - first->used)
		return take(first, size);
	return alloc_in_new_chunk(arena, size);
}

static void
free_chunks(RkArena *arena, RkArenaChunk *chunk)
{
	while (chunk != NULL)
	{
		RkArenaChunk *next = chunk->next;

		arena->allocated -= sizeof(RkArenaChunk) + chunk->size;
		free(chunk);
		chunk = next;
	}
}

void
rk_arena_reset(RkArena *arena)
{
	RkArenaChunk *first = arena->chunks;

	if (first == NULL)
		return;
	if (first->size > RK_CHUNK_MAX)
	{
		/* made for one large piece: not worth holding */
		rk_arena_free(arena);
		return;
	}
	free_chunks(arena, first->next);
	first->next = NULL;
	first->used = 0;
}

void
rk_arena_free(RkArena *arena)
{
	free_chunks(arena, arena->chunks);
	arena->chunks = NULL;
}
