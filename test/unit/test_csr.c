/*-------------------------------------------------------------------------
 *
 * test_csr.c
 *		Triplets to rows, and the arena they lie in.
 *
 *-------------------------------------------------------------------------
 */
#include "unit.h"

#include <float.h>

#include "kernel/cells.h"
#include "solver/csr.h"

/* A built pair, its memory, and the triplets that it used up. */
typedef struct Built
{
	RsCsrPair	pair;
	void	   *memory;
	RsTriplets	cells;
	RsStatus	status;
	int32_t		bad_user;
} Built;

static void *
copy(const void *from, int64_t n, size_t each)
{
	return from == NULL ? NULL : memcpy(unit_alloc((size_t) n * each), from, (size_t) n * each);
}

static void
built_free(Built *b)
{
	free(b->memory);
	free(b->cells.user);
	free(b->cells.item);
	free(b->cells.value);
	free(b->cells.time);
}

/* Build in a pool of so many threads. */
static RsStatus
build_with(int threads, Built *b, const RsTriplets *cells, bool implicit, RsPoolTick tick, void *arg)
{
	RsPool		pool;
	RsStatus	status;

	CHECK(rs_pool_start(&pool, threads, tick, arg) == RS_OK);
	status = rs_csr_build_users(&b->pair, cells, implicit, &pool, &b->bad_user);
	if (status == RS_OK)
		status = rs_csr_build_items(&b->pair, &pool);
	rs_pool_end(&pool);
	return status;
}

static Built
build(const RsTriplets *cells, int32_t n_users, int32_t n_items, bool implicit)
{
	static int	calls = 0;
	Built		b = {.bad_user = -1};
	RsArena		arena;

	b.cells = (RsTriplets) {cells->n, copy(cells->user, cells->n, sizeof(int32_t)),
		copy(cells->item, cells->n, sizeof(int32_t)), copy(cells->value, cells->n, sizeof(float)),
	copy(cells->time, cells->n, sizeof(int64_t))};
	rs_arena_init(&arena, NULL, SIZE_MAX);
	rs_csr_take(&b.pair, &arena, &b.cells, n_users, n_items);
	rs_csr_take_scratch(&b.pair, &arena, &b.cells, implicit);
	b.memory = malloc(arena.used);
	rs_arena_init(&arena, b.memory, arena.used);
	rs_csr_take(&b.pair, &arena, &b.cells, n_users, n_items);
	rs_csr_take_scratch(&b.pair, &arena, &b.cells, implicit);
	CHECK(!arena.failed);
	b.status = build_with(1 + calls++ % 10, &b, &b.cells, implicit, NULL, NULL);
	return b;
}

static bool
same_csr(const RsCsr *a, const RsCsr *b)
{
	size_t		n = (size_t) a->start[a->n];

	return a->n == b->n &&
		memcmp(a->start, b->start, ((size_t) a->n + 1) * sizeof(int64_t)) == 0 &&
		memcmp(a->index, b->index, n * sizeof(int32_t)) == 0 &&
		memcmp(a->value, b->value, n * sizeof(float)) == 0;
}

/* Both orientations hold the same cells, rows ascending. */
static void
check_consistent(const RsCsrPair *pair)
{
	int64_t		n = pair->users.start[pair->users.n];

	CHECK(pair->items.start[pair->items.n] == n);
	for (int32_t u = 0; u < pair->users.n; u++)
	{
		for (int64_t i = pair->users.start[u]; i < pair->users.start[u + 1]; i++)
		{
			int32_t		item = pair->users.index[i];
			bool		found = false;

			CHECK(i == pair->users.start[u] || pair->users.index[i - 1] < item);
			for (int64_t j = pair->items.start[item]; j < pair->items.start[item + 1]; j++)
			{
				CHECK(j == pair->items.start[item] || pair->items.index[j - 1] < pair->items.index[j]);
				found = found || (pair->items.index[j] == u && pair->items.value[j] == pair->users.value[i]);
			}
			CHECK(found);
		}
	}
}

/* Random cells with many repetitions, against rs_cells_reduce() user by user. */
static void
test_random(bool implicit, bool with_time)
{
	enum {N = 1000, USERS = 37, ITEMS = 23};
	int32_t		user[N];
	int32_t		item[N];
	float		value[N];
	int64_t		time[N];
	RsCell		cells[N];
	RsTriplets	t = {N, user, item, value, with_time ? time : NULL};
	Built		first;
	Built		second;

	for (int i = 0; i < N; i++)
	{
		user[i] = (int32_t) unit_random(USERS - 1);	/* the last has none */
		item[i] = 1 + (int32_t) unit_random(ITEMS - 1);	/* nor has item 0 */
		value[i] = unit_random(3) == 0 ? 0.0f :
			ldexpf(unit_random_float(), (int) unit_random(60) - 30);
		time[i] = (int64_t) unit_random(4) - 2;
	}
	first = build(&t, USERS, ITEMS, implicit);
	CHECK(first.status == RS_OK);
	check_consistent(&first.pair);
	for (int32_t u = 0; u < USERS; u++)
	{
		int32_t		n = 0;
		int64_t		start = first.pair.users.start[u];

		for (int i = 0; i < N; i++)
		{
			if (user[i] == u)
				cells[n++] = (RsCell) {item[i], value[i], with_time ? time[i] : INT64_MIN};
		}
		n = rs_cells_reduce(cells, n, implicit, NULL, NULL);
		CHECK(first.pair.users.start[u + 1] - start == n);
		for (int32_t i = 0; i < n; i++)
		{
			CHECK(first.pair.users.index[start + i] == cells[i].index);
			CHECK(first.pair.users.value[start + i] == cells[i].value);
		}
	}

	/* Another order, the same bytes. */
	for (int i = N - 1; i > 0; i--)
	{
		int			j = (int) unit_random((uint32_t) i + 1);
		int32_t		u = user[i];
		int32_t		m = item[i];
		float		v = value[i];
		int64_t		w = time[i];

		user[i] = user[j];
		item[i] = item[j];
		value[i] = value[j];
		time[i] = time[j];
		user[j] = u;
		item[j] = m;
		value[j] = v;
		time[j] = w;
	}
	second = build(&t, USERS, ITEMS, implicit);
	CHECK(same_csr(&first.pair.users, &second.pair.users));
	CHECK(same_csr(&first.pair.items, &second.pair.items));
	built_free(&first);
	built_free(&second);
}

static bool
always(void *arg)
{
	return arg == NULL;
}

static void
test_refusals(void)
{
	int32_t		user[] = {0, 1};
	int32_t		item[] = {0, 1};
	float		value[] = {1.0f, 2.0f};
	RsTriplets	t = {2, user, item, value, NULL};
	Built		b = build(&t, 2, 2, false);

	CHECK(b.status == RS_OK);
	CHECK(build_with(2, &b, &t, false, always, NULL) == RS_STOPPED);
	built_free(&b);
	for (int32_t bad = -1; bad <= 2; bad += 3)
	{
		user[1] = bad;
		b = build(&t, 2, 2, false);
		CHECK(b.status == RS_INVALID);
		built_free(&b);
		user[1] = 1;
		item[1] = bad;
		b = build(&t, 2, 2, false);
		CHECK(b.status == RS_INVALID);
		built_free(&b);
		item[1] = 1;
	}
	value[1] = INFINITY;
	b = build(&t, 2, 2, false);
	CHECK(b.status == RS_NOT_FINITE && b.bad_user == 1);
	built_free(&b);
	t.n = 0;
	b = build(&t, 2, 2, false);
	CHECK(b.status == RS_OK && b.pair.users.start[2] == 0 && b.pair.items.start[2] == 0);
	built_free(&b);
}

/* Of all cells a single one goes. */
static void
test_one_repeated(void)
{
	int32_t		user[] = {0, 2, 0, 1};
	int32_t		item[] = {1, 0, 1, 2};
	float		value[] = {1.0f, 2.0f, 3.0f, 4.0f};
	RsTriplets	t = {4, user, item, value, NULL};
	Built		b = build(&t, 3, 3, false);

	CHECK(b.status == RS_OK && b.pair.users.start[3] == 3);
	CHECK(b.pair.users.value[0] == 2.0f);
	check_consistent(&b.pair);
	built_free(&b);
}

/* Says stop once the questions counted in arg are used up. */
static bool
after_questions(void *arg)
{
	return (*(int *) arg)-- == 0;
}

/* Many rows: another order gives the same bytes, and every pass can stop. */
static void
test_many(void)
{
	enum {N = 200000, USERS = 5000, ITEMS = 3000, PASSES = 7};
	int32_t    *index = malloc(4 * N * sizeof(int32_t));
	float	   *value = malloc(2 * N * sizeof(float));
	RsTriplets	t = {N, index, index + N, value, NULL};
	RsTriplets	reversed = {N, index + 2 * N, index + 3 * N, value + N, NULL};
	int			asked = 0;
	Built		first;
	Built		second;

	for (int i = 0; i < N; i++)
	{
		int			j = N - 1 - i;

		index[2 * N + j] = index[i] = (int32_t) unit_random(USERS);
		index[3 * N + j] = index[N + i] = (int32_t) unit_random(ITEMS);
		value[N + j] = value[i] = unit_random_float();
	}
	first = build(&t, USERS, ITEMS, false);
	second = build(&reversed, USERS, ITEMS, false);
	CHECK(first.status == RS_OK && second.status == RS_OK);
	check_consistent(&first.pair);
	CHECK(same_csr(&first.pair.users, &second.pair.users));
	CHECK(same_csr(&first.pair.items, &second.pair.items));

	for (;; asked++)
	{
		int			left = asked;

		if (build_with(1, &second, &t, false, after_questions, &left) == RS_OK)
			break;
		CHECK(left == -1);
	}
	CHECK(asked >= PASSES);
	CHECK(same_csr(&first.pair.users, &second.pair.users));
	CHECK(same_csr(&first.pair.items, &second.pair.items));
	built_free(&first);
	built_free(&second);
	free(index);
	free(value);
}

static void
test_arena(void)
{
	char		memory[1024];
	RsArena		arena;
	char	   *a;
	char	   *b;

	for (int skew = 0; skew < 64; skew++)
	{
		size_t		need;

		rs_arena_init(&arena, NULL, SIZE_MAX);
		CHECK(rs_arena_take(&arena, 3, 10) == NULL);
		CHECK(rs_arena_take(&arena, 100, 1) == NULL && !arena.failed);
		need = arena.used;
		rs_arena_init(&arena, memory + skew, need);
		a = rs_arena_take(&arena, 3, 10);
		b = rs_arena_take(&arena, 100, 1);
		CHECK(a != NULL && (uintptr_t) a % 64 == 0 && b == a + 64);
		CHECK(a >= memory + skew && b + 100 <= memory + skew + need);
		rs_arena_init(&arena, memory + skew, 191);
		rs_arena_take(&arena, 3, 10);
		CHECK(rs_arena_take(&arena, 100, 1) == NULL && arena.failed);
		CHECK(rs_arena_take(&arena, 1, 1) == NULL);

		/* what is handed out twice counts once */
		rs_arena_init(&arena, memory + skew, 512);
		a = rs_arena_take(&arena, 100, 1);
		b = rs_arena_take(&arena, 200, 1);
		rs_arena_rewind(&arena, (size_t) (b - (memory + skew)));
		CHECK(rs_arena_take(&arena, 10, 1) == b && !arena.failed);
		CHECK(arena.most == (size_t) (b - (memory + skew)) + 256 && arena.used == arena.most - 192);
	}
	rs_arena_init(&arena, NULL, SIZE_MAX);
	rs_arena_take(&arena, SIZE_MAX / 2, 3);
	CHECK(arena.failed);
	rs_arena_init(&arena, NULL, SIZE_MAX);
	rs_arena_take(&arena, SIZE_MAX - 10, 1);
	CHECK(arena.failed);
	rs_arena_init(&arena, NULL, SIZE_MAX);
	rs_arena_take(&arena, SIZE_MAX / 2, 1);
	rs_arena_take(&arena, SIZE_MAX / 2, 1);
	CHECK(arena.failed);
}

int
main(void)
{
	for (int i = 0; i < 4; i++)
		test_random(i % 2 == 1, i / 2 == 1);
	test_refusals();
	test_one_repeated();
	test_many();
	test_arena();
	return unit_report("csr");
}
