/*-------------------------------------------------------------------------
 *
 * arena.c
 *		The bump allocator of one training.
 *
 *-------------------------------------------------------------------------
 */
#include "solver/arena.h"

#include <stdint.h>
#include <sys/mman.h>

#ifdef MADV_HUGEPAGE

/* Where a page begins whatever its size. */
#define HUGE_PAGE	((uintptr_t) 2 << 20)

/*
 * Training reads rows all over large arrays.  With pages of 4 kB most of these
 * reads also miss the table of translations.
 */
static void
ask_for_huge_pages(void *base, size_t size)
{
	uintptr_t	first = ((uintptr_t) base + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
	uintptr_t	last = ((uintptr_t) base + size) & ~(HUGE_PAGE - 1);

	/* A hint; without it all is as before. */
	if (first < last)
		(void) madvise((void *) first, last - first, MADV_HUGEPAGE);
}

#endif

void
rs_arena_init(RsArena *arena, void *base, size_t size)
{
	size_t		skew = (uintptr_t) base % RS_ALIGNMENT;

	arena->base = base;
	arena->size = size;
	arena->used = 0;
	arena->failed = false;

	/* Counting adds what the worst alignment of the base may cost. */
	if (base == NULL)
		arena->used = RS_ALIGNMENT;
	else if (skew != 0)
		arena->used = RS_ALIGNMENT - skew;
	arena->most = arena->used;
#ifdef MADV_HUGEPAGE
	if (base != NULL)
		ask_for_huge_pages(base, size);
#endif
}

void *
rs_arena_take(RsArena *arena, size_t count, size_t each)
{
	size_t		bytes;
	size_t		end;
	size_t		start = arena->used;

	if (arena->failed ||
		__builtin_mul_overflow(count, each, &bytes) ||
		__builtin_add_overflow(bytes, (size_t) (RS_ALIGNMENT - 1), &bytes) ||
		__builtin_add_overflow(start, bytes / RS_ALIGNMENT * RS_ALIGNMENT, &end) ||
		end > arena->size)
	{
		arena->failed = true;
		return NULL;
	}
	arena->used = end;
	if (end > arena->most)
		arena->most = end;
	return arena->base == NULL ? NULL : arena->base + start;
}

void
rs_arena_rewind(RsArena *arena, size_t used)
{
	arena->used = used;
}
