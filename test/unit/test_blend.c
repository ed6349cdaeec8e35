/*-------------------------------------------------------------------------
 *
 * test_blend.c
 *		The weighted sum of parts: its keys by the definition, and its lists against
 *		sorting the keys of all items, at every level.
 *
 *-------------------------------------------------------------------------
 */
#include "unit.h"

#include <float.h>

#include "kernel/blend.h"

typedef struct Case
{
	RsBlend		blend;
	float	   *factors;
	float	   *column;
	double	   *gramian;
	double	   *mean;
	float	   *norms;
	RsIndex    *index;
	int64_t    *start;
	int32_t    *target;
	float	   *weight;
	float		x[RS_MAX_FACTORS];
	int32_t    *cells;
	float	   *values;
	RsRow		row;
	void	   *workspace;
	size_t		bytes;
	uint64_t   *words;
	RsEligible	eligible;
	RsScored   *sorted;			/* eligible items by key, best first */
	int32_t		n_sorted;
	RsScored   *found;
	RsBlendUser user;
} Case;

/* ---- a case -------------------------------------------------------------------- */

static void
make_items(Case *c, int32_t n, int k, bool column)
{
	RsItems    *items = &c->blend.items;
	int			stride = RS_STRIDE(k);

	c->factors = unit_alloc((size_t) n * (size_t) stride * sizeof(float));
	for (int32_t i = 0; i < n; i++)
	{
		/* norms fall as a power */
		double		norm = 3.0 / sqrt(1.0 + unit_random((uint32_t) n));

		for (int j = 0; j < k; j++)
			c->factors[(size_t) i * (size_t) stride + (size_t) j] =
				(float) (norm * (0.3 + (double) unit_random_float()));
	}
	*items = (RsItems) {c->factors, NULL, n, k, stride};
	if (column)
	{
		c->column = unit_alloc((size_t) n * sizeof(float));
		for (int32_t i = 0; i < n; i++)
			c->column[i] = unit_random_float();
		items->biases = c->column;
	}
	for (int j = 0; j < k; j++)
		c->x[j] = unit_random_float();
}

/* What follows from the items. */
static void
describe_items(Case *c)
{
	const RsItems *items = &c->blend.items;
	size_t		stride = (size_t) items->stride;
	size_t		bytes;
	size_t		workspace_bytes;
	void	   *workspace;

	c->gramian = unit_alloc((size_t) items->k * stride * sizeof(double));
	c->mean = unit_alloc(stride * sizeof(double));
	rs_gramian(items->factors, items->n, items->k, items->stride, c->gramian);
	for (int32_t i = 0; i < items->n; i++)
	{
		for (int j = 0; j < items->k; j++)
			c->mean[j] += (double) items->factors[(size_t) i * stride + (size_t) j] / items->n;
	}
	CHECK(rs_index_size(items->n, items->k, items->biases != NULL, &bytes, &workspace_bytes));
	c->index = unit_alloc(bytes);
	workspace = unit_alloc(workspace_bytes);
	CHECK(rs_index_build(items, workspace, c->index, NULL, NULL) == RS_OK);
	free(workspace);
	c->norms = unit_alloc((size_t) items->n * sizeof(float));
	CHECK(rs_blend_norms(items, c->norms, NULL, NULL));
	c->blend.gramian = c->gramian;
	c->blend.mean = c->mean;
	c->blend.norms = c->norms;
	c->blend.index = c->index;
}

/* The items changed. */
static void
describe_again(Case *c)
{
	free(c->gramian);
	free(c->mean);
	free(c->norms);
	free(c->index);
	describe_items(c);
}

/* Rows of W of up to most terms, some of them empty. */
static void
make_sparse(Case *c, int32_t most)
{
	int32_t		n = c->blend.items.n;
	int64_t		at = 0;

	c->start = unit_alloc(((size_t) n + 1) * sizeof(int64_t));
	c->target = unit_alloc((size_t) n * (size_t) most * sizeof(int32_t));
	c->weight = unit_alloc((size_t) n * (size_t) most * sizeof(float));
	for (int32_t j = 0; j < n; j++)
	{
		uint32_t	step = 1 + unit_random((uint32_t) (2 * n / most + 1));
		int64_t		end = at + unit_random((uint32_t) most + 1);

		for (int64_t i = unit_random(step); i < n && at < end; i += step)
		{
			c->target[at] = (int32_t) i;
			c->weight[at++] = unit_random_float() + 0.4f;
		}
		c->start[j + 1] = at;
	}
	c->blend.sparse = (RsSparse) {c->start, c->target, c->weight};
}

/* A user of about one in so many items, with values of either sign. */
static void
make_row(Case *c, uint32_t one_in)
{
	int32_t		n = c->blend.items.n;

	c->cells = unit_alloc((size_t) n * sizeof(int32_t));
	c->values = unit_alloc((size_t) n * sizeof(float));
	c->row = (RsRow) {c->cells, c->values, 0};
	for (int32_t i = 0; i < n; i++)
	{
		if (unit_random(one_in) != 0)
			continue;
		c->cells[c->row.n] = i;
		c->values[c->row.n++] = unit_random_float() + 0.6f;
	}
}

static void
make_eligible(Case *c, uint32_t per_1000)
{
	int32_t		n = c->blend.items.n;

	memset(c->words, 0, ((size_t) n / 64 + 1) * sizeof(uint64_t));
	c->eligible = (RsEligible) {c->words, 0};
	for (int32_t i = 0; i < n; i++)
	{
		if (unit_random(1000) >= per_1000)
			continue;
		c->words[i / 64] |= UINT64_C(1) << (i % 64);
		c->eligible.n++;
	}
}

static void
make_room(Case *c)
{
	size_t		n = (size_t) c->blend.items.n;

	CHECK(rs_blend_workspace_size(&c->blend.items, &c->bytes));
	c->workspace = unit_alloc(c->bytes);
	c->words = unit_alloc((n / 64 + 1) * sizeof(uint64_t));
	c->sorted = unit_alloc((n + 1) * sizeof(RsScored));
	c->found = unit_alloc((n + 1) * sizeof(RsScored));
	make_eligible(c, 1000);
}

/* most 0: there is no sparse part. */
static void
case_init(Case *c, int32_t n, int k, bool column, int32_t most, uint32_t one_in)
{
	memset(c, 0, sizeof(*c));
	make_items(c, n, k, column);
	describe_items(c);
	if (most > 0)
		make_sparse(c, most);
	make_row(c, one_in);
	make_room(c);
	c->blend.dense_weight = 0.6;
	c->blend.sparse_weight = 0.3;
}

static void
case_free(Case *c)
{
	free(c->factors);
	free(c->column);
	free(c->gramian);
	free(c->mean);
	free(c->norms);
	free(c->index);
	free(c->start);
	free(c->target);
	free(c->weight);
	free(c->cells);
	free(c->values);
	free(c->workspace);
	free(c->words);
	free(c->sorted);
	free(c->found);
}

/* ---- by the definition ----------------------------------------------------------- */

/* s_i, and whether it has a term. */
static float
sum_of(const Case *c, int32_t i, bool *touched)
{
	const RsSparse *sparse = &c->blend.sparse;
	float		sum = 0.0f;

	*touched = false;
	for (int32_t r = 0; r < c->row.n && sparse->start != NULL; r++)
	{
		for (int64_t e = sparse->start[c->row.index[r]]; e < sparse->start[c->row.index[r] + 1]; e++)
		{
			if (sparse->target[e] == i && c->row.value[r] > 0.0f)
			{
				sum += sparse->weight[e];
				*touched = true;
			}
		}
	}
	return sum;
}

/* weight / the deviation of n values. */
static double
scale_of(double weight, const double *values, int32_t n)
{
	double		mean = 0.0;
	double		squares = 0.0;

	for (int32_t i = 0; i < n; i++)
		mean += values[i] / n;
	for (int32_t i = 0; i < n; i++)
		squares += (values[i] - mean) * (values[i] - mean) / n;
	return squares > 1e-12 * mean * mean ? weight / sqrt(squares) : 0.0;
}

/* The user's scales, sums and keys. */
static void
check_keys(Case *c, const float *x)
{
	const RsItems *items = &c->blend.items;
	double	   *dense = unit_alloc((size_t) items->n * sizeof(double));
	double	   *sparse = unit_alloc((size_t) items->n * sizeof(double));
	int32_t		n_touched = 0;
	double		scale;

	for (int32_t i = 0; i < items->n; i++)
	{
		const float *y = items->factors + (size_t) i * (size_t) items->stride;
		float		c_i = items->biases != NULL ? items->biases[i] : 0.0f;
		double		dot = rs_dot(c->user.z, y, (size_t) items->k);
		bool		touched;
		float		s = sum_of(c, i, &touched);
		float		key = touched ? (float) ((dot + (double) c_i) + (double) s * c->user.sparse_scale) :
			rs_item_score(items, i, c->user.z, 0.0);

		dense[i] = x == NULL ? 0.0 : rs_dot(x, y, (size_t) items->k);
		sparse[i] = (double) s;
		n_touched += touched;
		CHECK(rs_blend_key(&c->user, i) == key);
	}
	scale = scale_of(c->blend.dense_weight, dense, items->n);
	for (int j = 0; j < items->k; j++)
		CHECK_NEAR((double) c->user.z[j], x == NULL ? 0.0 : (double) x[j] * scale, 1e-6);
	CHECK_NEAR(c->user.sparse_scale, scale_of(c->blend.sparse_weight, sparse, items->n), 1e-9);
	CHECK(c->user.n_touched == (c->user.sparse_scale == 0.0 ? 0 : n_touched));
	free(dense);
	free(sparse);
}

static int
compare(const void *a, const void *b)
{
	return rs_scored_after(a, b) ? 1 : rs_scored_after(b, a) ? -1 : 0;
}

static void
sort_all(Case *c)
{
	c->n_sorted = 0;
	for (int32_t i = 0; i < c->blend.items.n; i++)
	{
		if ((c->words[i / 64] >> (i % 64) & 1) != 0)
			c->sorted[c->n_sorted++] = (RsScored) {rs_blend_key(&c->user, i), i};
	}
	qsort(c->sorted, (size_t) c->n_sorted, sizeof(RsScored), compare);
}

/* Memory that held anything before. */
static void
begin(Case *c, const float *x)
{
	memset(c->workspace, 0xff, c->bytes);
	CHECK(rs_blend_begin(&c->user, &c->blend, x, &c->row, c->workspace, NULL, NULL));
}

/* The next m of the sorted ones from at on; returns how many. */
static int32_t
check_next(Case *c, int32_t m, int32_t at)
{
	int32_t		left = c->n_sorted - at;
	int32_t		n = -1;

	CHECK(rs_blend_next(&c->user, &c->eligible, m, c->found, &n, NULL, NULL) == RS_OK);
	if (!CHECK(n == (left < m ? left : m)))
		return 0;
	CHECK(n == 0 || memcmp(c->found, c->sorted + at, (size_t) n * sizeof(RsScored)) == 0);
	return n;
}

/* From the best down in portions of m, m + grow, ... as far as limit. */
static void
check_lists(Case *c, int32_t m, int32_t grow, int32_t limit)
{
	int32_t		at = 0;
	int32_t		n;

	begin(c, c->x);
	sort_all(c);
	do
	{
		n = check_next(c, m, at);
		at += n;
		m += grow;
	} while (n > 0 && at < limit);
}

/* ---- tests ----------------------------------------------------------------------- */

/* Each level has the keys of the first one, and lists by them. */
static void
each_level(Case *c)
{
	int32_t		n = c->blend.items.n;
	float	   *keys = unit_alloc((size_t) n * sizeof(float));

	for (int level = 0; level <= (int) rs_simd_best(); level++)
	{
		rs_simd_select((RsSimdLevel) level);
		begin(c, c->x);
		for (int32_t i = 0; level == 0 && i < n; i++)
			keys[i] = rs_blend_key(&c->user, i);
		for (int32_t i = 0; i < n; i++)
			CHECK(rs_blend_key(&c->user, i) == keys[i]);
		check_lists(c, 10, 0, 31);
		check_lists(c, 1, 0, 3);
	}
	free(keys);
}

static void
test_parts(void)
{
	static const int32_t sizes[] = {1, 63, 64, 65, 1000};
	static const int factors[] = {0, 1, 17, 64};
	static const int32_t most[] = {0, 1, 5, 60};

	for (int round = 0; round < 5 * 4 * 4 * 2; round++)
	{
		int32_t		n = sizes[round % 5];
		int32_t		terms = most[round / 20 % 4] < n ? most[round / 20 % 4] : n;
		Case		c;

		case_init(&c, n, factors[round / 5 % 4], round / 80 == 1, terms, n < 100 ? 3 : 20);
		each_level(&c);
		begin(&c, c.x);
		check_keys(&c, c.x);
		begin(&c, NULL);
		check_keys(&c, NULL);
		case_free(&c);
	}
}

/* From none touched to all of them, and all of what is eligible. */
static void
test_eligible(void)
{
	static const uint32_t per_1000[] = {0, 2, 20, 500, 1000};
	static const uint32_t one_in[] = {4000, 400, 30, 2};

	for (int u = 0; u < 4; u++)
	{
		Case		c;

		case_init(&c, 3000, 20, true, 40, one_in[u]);
		for (int d = 0; d < 5; d++)
		{
			make_eligible(&c, per_1000[d]);
			each_level(&c);
			check_lists(&c, 7, 7, INT32_MAX);
			check_lists(&c, 3000, 0, INT32_MAX);
		}
		case_free(&c);
	}
}

/* Between two portions items are taken out, as they are where a catalogue is asked. */
static void
test_restricted(void)
{
	Case		c;
	RsScored	last;

	case_init(&c, 2000, 16, true, 30, 20);
	begin(&c, c.x);
	sort_all(&c);
	CHECK(check_next(&c, 25, 0) == 25);
	last = c.found[24];
	make_eligible(&c, 300);
	sort_all(&c);
	for (int32_t at = 0; at < c.n_sorted; at++)
	{
		if (rs_scored_after(&c.sorted[at], &last))
		{
			CHECK(check_next(&c, 25, at) == 25);
			break;
		}
	}
	case_free(&c);
}

/* Equal keys of touched and other items come by position, whatever page they begin on. */
static void
test_ties(void)
{
	Case		c;

	case_init(&c, 500, 0, true, 10, 20);
	for (int64_t e = 0; e < c.start[500]; e++)
		c.weight[e] = (float) unit_random(2);
	for (int32_t i = 0; i < 500; i++)
		c.column[i] = 0.0f;
	describe_again(&c);
	begin(&c, c.x);
	CHECK(c.user.n_touched > 50);
	sort_all(&c);
	for (int32_t at = 1; at < 500; at++)
	{
		rs_blend_after(&c.user, c.sorted[at - 1]);
		check_next(&c, 3, at);
	}
	case_free(&c);
}

/* A dense part that tells nothing is left out: rounding is not divided by rounding. */
static void
test_equal_vectors(void)
{
	Case		c;

	case_init(&c, 300, 8, false, 10, 10);
	for (int32_t i = 1; i < 300; i++)
		memcpy(c.factors + i * 16, c.factors, 8 * sizeof(float));
	describe_again(&c);
	begin(&c, c.x);
	CHECK(c.user.z[0] == 0.0f && c.user.n_touched > 0);
	CHECK(!rs_blend_keys_are_equal(&c.user, NULL, NULL));
	check_keys(&c, c.x);
	c.row.n = 0;
	begin(&c, c.x);
	CHECK(rs_blend_keys_are_equal(&c.user, NULL, NULL));
	check_lists(&c, 10, 0, 300);
	case_free(&c);
}

/* So is a sparse part with one sum for all, or with one beyond a float. */
static void
test_equal_sums(void)
{
	Case		c;

	case_init(&c, 300, 0, false, 2, 10);
	for (int32_t e = 0; e < 600; e++)
	{
		c.target[e] = e % 300;
		c.weight[e] = 0.1f;
	}
	for (int32_t j = 0; j <= 300; j++)
		c.start[j] = j < 100 ? 0 : j == 100 ? 300 : 600;
	c.cells[0] = 99;
	c.cells[1] = 100;
	c.values[0] = c.values[1] = 1.0f;
	c.row.n = 2;
	begin(&c, NULL);
	CHECK(c.user.sparse_scale == 0.0 && c.user.n_touched == 0);
	CHECK(rs_blend_keys_are_equal(&c.user, NULL, NULL));
	check_lists(&c, 10, 0, 300);

	c.weight[7] = FLT_MAX;
	begin(&c, NULL);
	CHECK(c.user.n_touched == 300 && !rs_blend_keys_are_equal(&c.user, NULL, NULL));
	check_lists(&c, 10, 0, 300);
	c.weight[307] = FLT_MAX;
	begin(&c, NULL);
	CHECK(rs_blend_keys_are_equal(&c.user, NULL, NULL));
	case_free(&c);
}

/* Vectors too short and too long to be divided by their deviation. */
static void
test_scales(void)
{
	static const float of_items[] = {1e-38f, 1e-20f, 1e20f, 3e37f};
	static const float of_user[] = {1e-45f, 1e-38f, 1.0f, 3e38f};

	for (int round = 0; round < 16; round++)
	{
		Case		c;

		case_init(&c, 200, 4, true, 5, 10);
		for (int32_t i = 0; i < 200 * 16; i++)
			c.factors[i] *= of_items[round % 4] / 3.0f;
		for (int j = 0; j < 4; j++)
			c.x[j] = of_user[round / 4] * (float) (1 + j) / 4.0f;
		describe_again(&c);
		each_level(&c);
		for (int j = 0; j < 4; j++)
			CHECK(isfinite(c.user.z[j]));
		case_free(&c);
	}
}

/* Whenever it is stopped, the next call gives what the stopped one would have. */
static void
test_stop(void)
{
	Case		c;
	int			stopped;
	int32_t		n;

	case_init(&c, 300000, 4, true, 4, 50);
	for (stopped = 0; stopped < 200; stopped++)
	{
		int			when = stopped;

		if (rs_blend_norms(&c.blend.items, c.norms, stop_later, &when))
			break;
	}
	CHECK(stopped == 74);		/* a question every 4096 items */
	for (stopped = 0; stopped < 200; stopped++)
	{
		int			when = stopped;

		if (rs_blend_begin(&c.user, &c.blend, c.x, &c.row, c.workspace, stop_later, &when))
			break;
	}
	CHECK(stopped >= 5 && stopped < 200);
	sort_all(&c);
	for (stopped = 0; stopped < 200; stopped++)
	{
		int			when = stopped;

		if (rs_blend_next(&c.user, &c.eligible, 5000, c.found, &n, stop_later, &when) != RS_STOPPED)
			break;
	}
	CHECK(stopped >= 5 && stopped < 200);
	CHECK(n == 5000 && memcmp(c.found, c.sorted, 5000 * sizeof(RsScored)) == 0);
	check_next(&c, 10, 5000);
	check_next(&c, 0, 5010);
	check_next(&c, 10, 5010);
	case_free(&c);
}

int
main(void)
{
	rs_kernel_init();
	test_parts();
	test_eligible();
	test_restricted();
	test_ties();
	test_equal_vectors();
	test_equal_sums();
	test_scales();
	test_stop();
	return unit_report("blend");
}
