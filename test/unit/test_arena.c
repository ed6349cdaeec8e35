/*-------------------------------------------------------------------------
 *
 * test_arena.c
 *		Memory given back at once, and what happens when there is no more.
 *
 * Linked with --wrap=malloc: calls of malloc() come here.
 *
 *-------------------------------------------------------------------------
 */
#include "kafka_ingest/event.h"

#include "unit.h"

#define PIECES	5000

extern void *__real_malloc(size_t size);
extern void *__wrap_malloc(size_t size);

static long mallocs_left = -1;	/* -1 = no limit */
static size_t largest;

void *
__wrap_malloc(size_t size)
{
	if (mallocs_left == 0)
		return NULL;
	if (mallocs_left > 0)
		mallocs_left--;
	if (size > largest)
		largest = size;
	return __real_malloc(size);
}

/* Pieces of every size hold what was written to them, and are aligned. */
static void
test_pieces(void)
{
	static unsigned char *piece[PIECES];
	static size_t size[PIECES];
	RkArena		arena = {NULL, 0};
	size_t		total = 0;

	for (int round = 0; round < 3; round++)
	{
		total = 0;
		for (int i = 0; i < PIECES; i++)
		{
			size[i] = unit_random(unit_random(100) == 0 ? 100000 : 100);
			piece[i] = rk_arena_alloc(&arena, size[i]);
			CHECK(piece[i] != NULL && (uintptr_t) piece[i] % _Alignof(max_align_t) == 0);
			memset(piece[i], i % 251, size[i]);
			total += size[i];
		}
		CHECK(arena.allocated >= total && arena.allocated < 2 * total + (4 << 20));
		for (int i = 0; i < PIECES; i++)
		{
			for (size_t k = 0; k < size[i]; k++)
			{
				if (!CHECK(piece[i][k] == i % 251))
					break;
			}
		}
		rk_arena_reset(&arena);
		CHECK(arena.allocated > 0 && arena.allocated < 2 << 20);
	}
	rk_arena_free(&arena);
	CHECK(arena.allocated == 0 && arena.chunks == NULL);
	rk_arena_free(&arena);
	rk_arena_reset(&arena);
	CHECK(arena.allocated == 0);
}

/* A round like the one before it takes no memory anew. */
static void
test_rounds(void)
{
	RkArena		arena = {NULL, 0};

	for (int round = 0; round < 20; round++)
	{
		for (int i = 0; i < 100; i++)
			CHECK(rk_arena_alloc(&arena, 100) != NULL);
		rk_arena_reset(&arena);
		mallocs_left = 0;
	}
	mallocs_left = -1;
	rk_arena_free(&arena);
}

/* A large piece is not held on to, and does not waste the chunk before it. */
static void
test_large_pieces(void)
{
	RkArena		arena = {NULL, 0};
	char	   *first = rk_arena_alloc(&arena, 16);
	char	   *second;

	CHECK(rk_arena_alloc(&arena, 10 << 20) != NULL);
	second = rk_arena_alloc(&arena, 16);
	CHECK(second == first + 16);
	rk_arena_reset(&arena);
	CHECK(arena.allocated < 1 << 20);
	CHECK(rk_arena_alloc(&arena, 16) == first);
	rk_arena_free(&arena);

	CHECK(rk_arena_alloc(&arena, 10 << 20) != NULL);
	rk_arena_reset(&arena);
	CHECK(arena.allocated == 0);
	CHECK(rk_arena_alloc(&arena, 0) != rk_arena_alloc(&arena, 0));
	rk_arena_free(&arena);
}

static void
test_no_memory(void)
{
	RkArena		arena = {NULL, 0};
	RkArena		before;

	mallocs_left = 0;
	CHECK(rk_arena_alloc(&arena, 1) == NULL);
	CHECK(arena.chunks == NULL && arena.allocated == 0);
	mallocs_left = 1;
	CHECK(rk_arena_alloc(&arena, 1) != NULL);
	before = arena;
	CHECK(rk_arena_alloc(&arena, 1 << 20) == NULL);
	CHECK(rk_arena_alloc(&arena, SIZE_MAX) == NULL);
	CHECK(rk_arena_alloc(&arena, SIZE_MAX - 16) == NULL);
	CHECK(rk_arena_alloc(&arena, SIZE_MAX - 100) == NULL);
	CHECK(arena.chunks == before.chunks && arena.allocated == before.allocated);
	CHECK(rk_arena_alloc(&arena, 1) != NULL);
	mallocs_left = -1;
	CHECK(rk_arena_alloc(&arena, 1 << 20) != NULL);
	rk_arena_free(&arena);
	CHECK(largest < 64 << 20);
}

/* An event that needs memory says so, at each of the places that take some. */
static void
test_event_without_memory(void)
{
	static const RkText path[] = {{"a", 1}};
	static const RkOrigin origins[] = {
		RK_ORIGIN_PATH, RK_ORIGIN_TIMESTAMP, RK_ORIGIN_PARTITION, RK_ORIGIN_OFFSET
	};
	static const char payload[] = "{\"a\":\"\\n\"}";
	RkMessage	message = {.payload = {payload, sizeof(payload) - 1}};

	for (int i = 0; i < 4; i++)
	{
		RkField		field = {.column = "c",.origin = origins[i],.nnames = 1,.names = path};
		RkMapping	mapping = {1, &field, i == 0};
		RkArena		arena = {NULL, 0};
		RkText		value;
		RkReason	reason;

		mallocs_left = 0;
		CHECK(rk_event_map(&mapping, &message, &arena, &value, &reason) == RK_EVENT_NO_MEMORY);
		mallocs_left = -1;
		CHECK(rk_event_map(&mapping, &message, &arena, &value, &reason) == RK_EVENT_ROW);
		rk_arena_free(&arena);
	}
}

int
main(void)
{
	test_pieces();
	test_rounds();
	test_large_pieces();
	test_no_memory();
	test_event_without_memory();
	return unit_report("arena");
}
