/*-------------------------------------------------------------------------
 *
 * test_search.c
 *		The search against scoring and sorting every item, at every level.
 *
 *-------------------------------------------------------------------------
 */
#include "unit.h"

#include <float.h>

#include "kernel/search.h"
#include "kernel/search_index.h"

#define USERS	5

typedef struct Case
{
	RsItems		items;
	float	   *factors;
	float	   *biases;
	RsIndex    *index;
	RsScored   *sorted;			/* all items, best first */
	RsScored   *found;
	float		x[USERS][RS_MAX_FACTORS];
	double		base[USERS];
} Case;

/* What the items and users of a case are like. */
typedef enum Kind
{
	UNIFORM,
	TRAINED,					/* norms fall as a power, few directions matter */
	EQUAL_NORMS,
	ALL_NEGATIVE,
	DUPLICATES,
	ONE_LARGE,
	DENORMAL,
	HUGE_VALUES,
	MIXED_SCALES,
	MANY_ZEROS,
	ALL_ZEROS,
	WHOLE,						/* small whole numbers: many equal scores */
	ROUNDED_AWAY,				/* codes of one component, the rest adds up */
	KINDS
} Kind;

static double
length(const float *x, int k)
{
	return sqrt(rs_dot(x, x, (size_t) k));
}

static void
scale(float *x, int k, double by)
{
	for (int j = 0; j < k; j++)
		x[j] = (float) ((double) x[j] * by);
}

/* One component of an item or user. */
static float
component(Kind kind, int j)
{
	float		f = unit_random_float();

	switch (kind)
	{
		case TRAINED:
			return f / (float) (1 + j);
		case ALL_NEGATIVE:
			return fabsf(f) + 0.1f;
		case DENORMAL:
			return ldexpf(f, -135);
		case HUGE_VALUES:
			return f * 3e38f;
		case MIXED_SCALES:
			return ldexpf(f, (int) unit_random(200) - 100);
		case WHOLE:
			return (float) unit_random(3) - 1.0f;
		case ROUNDED_AWAY:
			return j == 0 ? (float) unit_random(2) : fabsf(f) * 0.0039f;
		default:
			return f;
	}
}

static void
fill_item(const Case *c, Kind kind, int32_t i)
{
	int			k = c->items.k;
	float	   *y = c->factors + (size_t) i * (size_t) c->items.stride;

	for (int j = 0; j < k; j++)
		y[j] = component(kind, j);
	if (kind == TRAINED)
		scale(y, k, 3.0 / sqrt(1.0 + unit_random((uint32_t) c->items.n)));
	else if (kind == EQUAL_NORMS)
		scale(y, k, 1.0 / fmax(length(y, k), 1e-30));
	else if (kind == ALL_NEGATIVE)
		scale(y, k, -1.0);
	else if (kind == ONE_LARGE && i == c->items.n / 2)
		scale(y, k, 1e6);
	else if ((kind == MANY_ZEROS && unit_random(10) < 9) || kind == ALL_ZEROS)
		memset(y, 0, (size_t) k * sizeof(float));
	else if (kind == DUPLICATES && i >= 3)
		memcpy(y, c->factors + (size_t) (i % 3) * (size_t) c->items.stride, (size_t) k * sizeof(float));
}

/* bias_scale 0: no biases. */
static void
case_init(Case *c, Kind kind, int32_t n, int k, float bias_scale)
{
	size_t		bytes;
	size_t		workspace_bytes;
	void	   *workspace;

	memset(c, 0, sizeof(*c));
	c->items = (RsItems) {.n = n, .k = k, .stride = RS_STRIDE(k)};
	c->factors = unit_alloc((size_t) n * (size_t) c->items.stride * sizeof(float));
	c->items.factors = c->factors;
	for (int32_t i = 0; i < n; i++)
		fill_item(c, kind, i);
	if (bias_scale != 0.0f)
	{
		c->biases = unit_alloc((size_t) n * sizeof(float));
		c->items.biases = c->biases;
		for (int32_t i = 0; i < n; i++)
			c->biases[i] = kind == WHOLE ? (float) unit_random(3) : unit_random_float() * bias_scale;
	}
	for (int u = 0; u < USERS; u++)
	{
		for (int j = 0; j < k && u > 0; j++)	/* user 0 is all zeros */
			c->x[u][j] = component(kind, j);
		c->base[u] = u % 2 == 0 ? 0.0 : 3.5;
	}
	c->sorted = unit_alloc((size_t) n * sizeof(RsScored));
	c->found = unit_alloc((size_t) (n + 1) * RS_SEARCH_MANY * sizeof(RsScored));
	CHECK(rs_index_size(n, k, c->biases != NULL, &bytes, &workspace_bytes));
	c->index = unit_alloc(bytes);
	workspace = unit_alloc(workspace_bytes);
	CHECK(rs_index_build(&c->items, workspace, c->index, NULL, NULL) == RS_OK);
	free(workspace);
}

static void
case_free(Case *c)
{
	free(c->factors);
	free(c->biases);
	free(c->index);
	free(c->sorted);
	free(c->found);
}

static int
compare(const void *a, const void *b)
{
	return rs_scored_after(a, b) ? 1 : rs_scored_after(b, a) ? -1 : 0;
}

/* Sort all eligible items for a user; returns how many they are. */
static int32_t
sort_all(Case *c, int u, const RsEligible *eligible)
{
	int32_t		n = 0;

	for (int32_t i = 0; i < c->items.n; i++)
	{
		if (eligible != NULL && (eligible->words[i / 64] >> (i % 64) & 1) == 0)
			continue;
		c->sorted[n].score = rs_item_score(&c->items, i, c->x[u], c->base[u]);
		c->sorted[n++].position = i;
	}
	qsort(c->sorted, (size_t) n, sizeof(RsScored), compare);
	return n;
}

static bool
same(const RsScored *a, const RsScored *b, int32_t n)
{
	return n == 0 || memcmp(a, b, (size_t) n * sizeof(RsScored)) == 0;
}

/* From the best down in portions of m, m + grow, ... as far as limit. */
static void
check_user(Case *c, const RsIndex *index, int u, const RsEligible *eligible, int32_t m,
		   int32_t grow, int32_t limit)
{
	RsSearch	search;
	int32_t		n = sort_all(c, u, eligible);
	int32_t		at = 0;

	CHECK(rs_search_begin(&search, index, &c->items, c->x[u], c->base[u], eligible) == RS_OK);
	while (at <= n && at < limit)
	{
		int32_t		want = n - at < m ? n - at : m;
		int32_t		got = -1;

		CHECK(rs_search_next(&search, m, c->found, &got, NULL, NULL) == RS_OK);
		if (!CHECK(got == want) || !CHECK(same(c->found, c->sorted + at, got)))
			return;
		at += got;
		m += grow;
		if (got == 0)
			break;
	}
}

static void
each_level(Case *c, const RsIndex *index, const RsEligible *eligible)
{
	for (int level = 0; level <= (int) rs_simd_best(); level++)
	{
		rs_simd_select((RsSimdLevel) level);
		for (int u = 0; u < USERS; u++)
		{
			check_user(c, index, u, eligible, 10, 0, 21);
			check_user(c, index, u, eligible, 1, 0, 3);
		}
	}
}

static void
test_kinds(void)
{
	static const int factors[] = {1, 3, 15, 16, 17, 64, 100};
	static const int32_t sizes[] = {1, 63, 64, 65, 1000};
	static const float bias_scales[] = {0.0f, 0.3f, 1000.0f, 1e-30f, 3e38f};

	for (int kind = 0; kind < KINDS; kind++)
	{
		for (int f = 0; f < 7; f++)
		{
			for (int s = 0; s < 5; s++)
			{
				Case		c;

				case_init(&c, (Kind) kind, sizes[s], factors[f], bias_scales[(f + s) % 5]);
				each_level(&c, c.index, NULL);
				case_free(&c);
			}
		}
	}
}

/* Where most blocks are skipped, a bound that is a little too low would show. */
static void
test_many_items(void)
{
	static const Kind kinds[] = {UNIFORM, TRAINED, EQUAL_NORMS, ALL_NEGATIVE, WHOLE, ROUNDED_AWAY};

	for (int i = 0; i < 6; i++)
	{
		for (int b = 0; b < 3; b++)
		{
			Case		c;

			case_init(&c, kinds[i], 20000, b == 0 ? 64 : 20, b == 2 ? 0.0f : 0.5f);
			for (int level = 0; level <= (int) rs_simd_best(); level++)
			{
				rs_simd_select((RsSimdLevel) level);
				for (int u = 0; u < USERS; u++)
					check_user(&c, c.index, u, NULL, 10, 90, 400);
			}
			case_free(&c);
		}
	}
}

/* The largest sums of integers there can be. */
static void
test_most_factors(void)
{
	Case		c;

	case_init(&c, EQUAL_NORMS, 300, RS_MAX_FACTORS, 0.0f);
	for (int j = 0; j < RS_MAX_FACTORS; j++)
	{
		c.x[1][j] = 1.0f;
		c.x[2][j] = -1.0f;
	}
	each_level(&c, c.index, NULL);
	case_free(&c);
}

/* All items in portions, each once; doubling, and all at a time. */
static void
test_whole_order(void)
{
	static const int32_t portions[][2] = {{1, 1}, {7, 0}, {10, 10}, {999, 0}, {1000, 0}, {2000, 0}};

	for (int kind = 0; kind < KINDS; kind++)
	{
		Case		c;

		case_init(&c, (Kind) kind, 1000, 20, kind % 2 == 0 ? 0.0f : 0.5f);
		for (int p = 0; p < 6; p++)
		{
			for (int u = 0; u < 2; u++)
				check_user(&c, c.index, u, NULL, portions[p][0], portions[p][1], INT32_MAX);
		}
		case_free(&c);
	}
}

/* Bitmaps of all densities, to none and one bit. */
static void
test_eligible(void)
{
	static const uint32_t per_10000[] = {0, 5, 100, 200, 1000, 5000, 9900, 10000};
	uint64_t	words[2000 / 64 + 1];

	for (int d = 0; d < 8; d++)
	{
		for (int kind = TRAINED; kind <= EQUAL_NORMS; kind++)
		{
			RsEligible	eligible = {words, 0};
			Case		c;

			case_init(&c, (Kind) kind, 2000, 32, kind == TRAINED ? 0.2f : 0.0f);
			memset(words, 0, sizeof(words));
			for (int32_t i = 0; i < c.items.n; i++)
			{
				if (unit_random(10000) < per_10000[d])
				{
					words[i / 64] |= UINT64_C(1) << (i % 64);
					eligible.n++;
				}
			}
			each_level(&c, c.index, &eligible);
			check_user(&c, c.index, 1, &eligible, 50, 50, INT32_MAX);
			case_free(&c);
		}
	}
}

/* An index is bytes: another place, and its own memory wiped. */
static void
test_relocation(void)
{
	Case		c;
	size_t		bytes;
	size_t		workspace;
	RsIndex    *copy;

	case_init(&c, TRAINED, 1000, 40, 0.5f);
	CHECK(rs_index_size(1000, 40, true, &bytes, &workspace));
	copy = unit_alloc(bytes);
	memcpy(copy, c.index, bytes);
	memset(c.index, 0xff, bytes);
	each_level(&c, copy, NULL);
	free(copy);
	case_free(&c);
}

/* Groups of all sizes, one user of them with few eligible items. */
static void
test_many(void)
{
	static RsSearch searches[RS_SEARCH_MANY];
	static uint64_t words[3000 / 64 + 1] = {5, 1};
	RsEligible	few = {words, 3};
	int32_t		n[RS_SEARCH_MANY];

	for (int kind = UNIFORM; kind <= EQUAL_NORMS; kind++)
	{
		Case		c;

		case_init(&c, (Kind) kind, 3000, 24, kind == UNIFORM ? 0.5f : 0.0f);
		for (int count = 1; count <= RS_SEARCH_MANY; count++)
		{
			rs_simd_select((RsSimdLevel) (count % ((int) rs_simd_best() + 1)));
			for (int u = 0; u < count; u++)
				CHECK(rs_search_begin(&searches[u], c.index, &c.items, c.x[u % USERS],
									  c.base[u % USERS], u == 2 ? &few : NULL) == RS_OK);
			for (int call = 0; call < 2; call++)
			{
				CHECK(rs_search_next_many(searches, count, 12, c.found, n, NULL, NULL) == RS_OK);
				for (int u = 0; u < count; u++)
				{
					int32_t		all = sort_all(&c, u % USERS, u == 2 ? &few : NULL);
					int32_t		left = all - 12 * call < 0 ? 0 : all - 12 * call;

					CHECK(n[u] == (left < 12 ? left : 12));
					CHECK(same(c.found + 12 * u, c.sorted + 12 * call, n[u]));
				}
			}
		}
		case_free(&c);
	}
}

static void
test_after(void)
{
	Case		c;
	RsSearch	search;
	int32_t		n;

	case_init(&c, WHOLE, 500, 8, 0.0f);
	sort_all(&c, 1, NULL);
	CHECK(rs_search_begin(&search, c.index, &c.items, c.x[1], c.base[1], NULL) == RS_OK);
	rs_search_after(&search, c.sorted[122]);
	CHECK(rs_search_next(&search, 20, c.found, &n, NULL, NULL) == RS_OK);
	CHECK(n == 20 && same(c.found, c.sorted + 123, 20));
	CHECK(rs_search_next(&search, 0, c.found, &n, NULL, NULL) == RS_OK);
	CHECK(n == 0);
	CHECK(rs_search_next(&search, 20, c.found, &n, NULL, NULL) == RS_OK);
	CHECK(n == 20 && same(c.found, c.sorted + 143, 20));
	case_free(&c);
}

/* Whenever it is stopped, the next call gives what the stopped one would have. */
static void
test_stop(void)
{
	int			when;
	size_t		bytes;
	size_t		workspace_bytes;
	void	   *workspace;
	RsSearch	search;
	RsEligible	none = {NULL, 0};
	int32_t		n;
	int			stopped = 0;
	Case		c;

	case_init(&c, EQUAL_NORMS, 40000, 4, 0.0f);
	sort_all(&c, 1, NULL);
	CHECK(rs_search_begin(&search, c.index, &c.items, c.x[1], c.base[1], NULL) == RS_OK);
	for (int first = 0; first < 100; first++)
	{
		when = first;
		if (rs_search_next(&search, 10, c.found, &n, stop_later, &when) == RS_STOPPED)
			stopped++;
		else
			break;
	}
	CHECK(stopped >= 10);		/* a question every 4096 items */
	CHECK(n == 10 && same(c.found, c.sorted, 10));
	none.words = unit_alloc(40000 / 8 + 8);
	CHECK(rs_search_begin(&search, c.index, &c.items, c.x[1], c.base[1], &none) == RS_OK);
	when = 0;
	CHECK(rs_search_next(&search, 10, c.found, &n, stop_later, &when) == RS_STOPPED);
	free((void *) none.words);

	CHECK(rs_index_size(40000, 4, false, &bytes, &workspace_bytes));
	workspace = unit_alloc(workspace_bytes);
	for (stopped = 0; stopped < 100; stopped++)
	{
		when = stopped;
		if (rs_index_build(&c.items, workspace, c.index, stop_later, &when) != RS_STOPPED)
			break;
	}
	CHECK(stopped == 30);		/* three passes of ten times 4096 items */
	free(workspace);
	case_free(&c);
}

static void
test_bad_calls(void)
{
	static const float bad[] = {NAN, INFINITY, -INFINITY};
	size_t		bytes = 7;
	size_t		workspace_bytes = 7;
	void	   *workspace = unit_alloc(1 << 20);
	RsSearch	search;
	Case		c;

	CHECK(!rs_index_size(-1, 8, false, &bytes, &workspace_bytes));
	CHECK(!rs_index_size(10, -1, false, &bytes, &workspace_bytes));
	CHECK(!rs_index_size(10, RS_MAX_FACTORS + 1, false, &bytes, &workspace_bytes));
	CHECK(rs_index_size(INT32_MAX, RS_MAX_FACTORS, true, &bytes, &workspace_bytes));
	CHECK(bytes > (size_t) INT32_MAX * (RS_MAX_FACTORS + 8) &&
		  bytes < (size_t) INT32_MAX * (RS_MAX_FACTORS + 10));
	case_init(&c, UNIFORM, 100, 8, 1.0f);
	for (int i = 0; i < 3; i++)
	{
		float		x[RS_MAX_FACTORS] = {0};

		x[7] = bad[i];
		CHECK(rs_search_begin(&search, c.index, &c.items, x, 0.0, NULL) == RS_NOT_FINITE);
		CHECK(rs_search_begin(&search, c.index, &c.items, c.x[1], bad[i], NULL) == RS_NOT_FINITE);
		c.factors[99 * 16 + 7] = bad[i];
		CHECK(rs_index_build(&c.items, workspace, c.index, NULL, NULL) == RS_NOT_FINITE);
		c.factors[99 * 16 + 7] = 0.0f;
		c.biases[50] = bad[i];
		CHECK(rs_index_build(&c.items, workspace, c.index, NULL, NULL) == RS_NOT_FINITE);
		c.biases[50] = 0.0f;
	}
	c.items.k = RS_MAX_FACTORS + 1;
	CHECK(rs_index_build(&c.items, workspace, c.index, NULL, NULL) == RS_INVALID);
	free(workspace);
	case_free(&c);
}

/* No items: no block, nothing found. */
static void
test_no_items(void)
{
	Case		c;

	case_init(&c, UNIFORM, 0, 8, 0.0f);
	check_user(&c, c.index, 1, NULL, 10, 0, 100);
	case_free(&c);
}

/* A few bytes of an x that ends where it ends, for a sanitizer to see. */
static void
test_unpadded(void)
{
	Case		c;
	RsSearch	search;
	float	   *x = malloc(5 * sizeof(float));
	int32_t		n;

	case_init(&c, UNIFORM, 200, 5, 0.0f);
	memcpy(x, c.x[1], 5 * sizeof(float));
	sort_all(&c, 1, NULL);
	CHECK(rs_search_begin(&search, c.index, &c.items, x, c.base[1], NULL) == RS_OK);
	CHECK(rs_search_next(&search, 10, c.found, &n, NULL, NULL) == RS_OK);
	CHECK(n == 10 && same(c.found, c.sorted, 10));
	free(x);
	case_free(&c);
}

int
main(void)
{
	rs_kernel_init();
	test_kinds();
	test_many_items();
	test_most_factors();
	test_whole_order();
	test_eligible();
	test_relocation();
	test_many();
	test_after();
	test_stop();
	test_bad_calls();
	test_no_items();
	test_unpadded();
	return unit_report("search");
}
