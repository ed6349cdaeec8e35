/*-------------------------------------------------------------------------
 *
 * search.c
 *		The best items: blocks in order, codes first, exact scores of what is
 *		left, until no block can hold a better one.
 *
 * The bound.  The user x is near t p and an item y of a block near s q, with p and
 * q whole numbers.  As x.y = t s p.q + t p.(y - s q) + (x - t p).y, by Cauchy and
 * Schwarz
 *
 *		x.y <= t s p.q + |t p| |y - s q| + |x - t p| |y|			(1)
 *
 * A search that has its m items goes on to look for scores that are not below
 * the worst of them.  A score is a double D rounded to a float, and rounding does
 * not change an order, so it is below the worst one, w, if D <= the float just
 * below w.  D is base + x.y + bias, rounded: at most 68 additions of a sum in
 * double and two more, so off by less than 2^-46 (|x| |y| + |bias| + |base|).
 * Whatever else is computed in double here is off by less than as much again;
 * both are within slack, RS_ROUNDING = 2^-40 times the largest sum of that kind.
 * With cut = (the float below w) - base - slack an item may be left out when
 *
 *		t s p.q + |t p| |y - s q| + |x - t p| |y| + bias <= cut		(2)
 *
 * or, divided by t s, where everything but p.q and the bias is of the user or of
 * the block,
 *
 *		p.q + (bias / s) / t <= (cut / s - |t p| |y - s q| / s - |x - t p| |y| / s) / t
 *
 * This is compared in float.  p.q is whole and at most 1024 x 127 x 127 < 2^24, so
 * it is exact there; the rest is off by less than 12 x 2^-24 times the largest of
 * both sides' terms, |x| |y| / (s t) and |bias| / (s t), and by FLOAT_ROUNDING =
 * 2^-19 of them the right side is lowered.
 *
 * A whole rest of blocks is left out by |x| |y| + bias <= cut, with X = |x|, c the
 * weight of the order, and the largest key = c |y| + bias, norm and bias of it:
 *
 *		X <= c:  X |y| + bias = (X / c) (c |y| + bias) + (1 - X / c) bias
 *		X > c:   X |y| + bias = (c |y| + bias) + (X - c) |y|
 *
 *-------------------------------------------------------------------------
 */
#include "kernel/search.h"

#include <math.h>
#include <string.h>

#include "kernel/kernel_ops.h"
#include "kernel/search_index.h"

#define FLOAT_ROUNDING	0x1p-19

/* Below this scale a user's codes are not used: 1 / t must be a float. */
#define LEAST_SCALE		0x1p-60

/* Eligible items are scored one by one when they are fewer than n over this. */
#define FEW_OF			64

/* A search under way. */
typedef struct Hunt
{
	RsSearch   *search;
	RsTopk		topk;
	double		cut;			/* see (2); -infinity until there are m items */
} Hunt;

/* ---- a user ------------------------------------------------------------------ */

/* The codes of the user; |t p|, |x - t p| and FLOAT_ROUNDING in units of t. */
static void
code_user(RsSearch *search, const float *x, double norm)
{
	uint8_t		codes[RS_MAX_FACTORS];
	int			stride = search->items->stride;
	int32_t		sum = 0;
	int32_t		squares = 0;
	double		scale;
	double		residual = rs_quantize(x, stride, rs_largest(x, stride),
									   rs_kernel_ops->scan_limit, codes, &scale);

	for (int j = 0; j < stride; j++)
	{
		int			code = codes[j] - 128;

		search->codes[j] = (int8_t) code;
		sum += code;
		squares += code * code;
	}
	search->start = -128 * sum;
	search->coded = scale >= LEAST_SCALE;
	if (!search->coded)
		return;
	search->inverse = 1.0 / scale;
	search->of_residual = sqrt((double) squares) * (1.0 + RS_ROUNDING);
	search->of_norm = (residual + FLOAT_ROUNDING * norm) * search->inverse;
	search->of_bias = FLOAT_ROUNDING * search->inverse;
}

RsStatus
rs_search_begin(RsSearch *search, const RsIndex *index, const RsItems *items,
				const float *x, double base, const RsEligible *eligible)
{
	const RsBlock *blocks = rs_index_part(index, RS_PART_BLOCKS);
	double		norm = sqrt(rs_dot(x, x, (size_t) items->k)) * (1.0 + RS_ROUNDING);
	double		weight = index->weight;
	float		padded[RS_MAX_FACTORS] = {0};

	if (!isfinite(norm) || !isfinite(base))
		return RS_NOT_FINITE;
	search->index = index;
	search->items = items;
	search->x = x;
	search->base = base;
	search->eligible = eligible;
	search->resumed = false;
	memcpy(padded, x, (size_t) items->k * sizeof(float));
	code_user(search, padded, norm);
	search->reach[0] = norm <= weight ? norm / weight : 1.0;
	search->reach[1] = norm <= weight ? 1.0 - norm / weight : 0.0;
	search->reach[2] = norm <= weight ? 0.0 : norm - weight;
	search->slack = RS_ROUNDING * (fabs(base) + index->largest_bias +
								   (index->blocks > 0 ? norm * blocks[0].rest_norm : 0.0));
	return RS_OK;
}

void
rs_search_after(RsSearch *search, RsScored last)
{
	search->last = last;
	search->resumed = true;
}

/* ---- exact scores ------------------------------------------------------------ */

static inline bool
is_eligible(const RsSearch *search, int32_t position)
{
	const RsEligible *eligible = search->eligible;

	return eligible == NULL || (eligible->words[position / 64] >> (position % 64) & 1) != 0;
}

/* Score an item for the list, unless it was handed out. */
static void
score_item(Hunt *hunt, int32_t position)
{
	const RsSearch *search = hunt->search;
	RsScored	item = {rs_item_score(search->items, position, search->x, search->base), position};

	if (!search->resumed || rs_scored_after(&item, &search->last))
		rs_topk_push(&hunt->topk, item.score, position);
}

/* After scores were pushed. */
static void
set_cut(Hunt *hunt)
{
	const RsTopk *topk = &hunt->topk;

	if (topk->n == topk->k)
		hunt->cut = (double) nextafterf(topk->entries[0].score, -INFINITY) -
			hunt->search->base - hunt->search->slack;
}

/* Score the items of a block whose bits are set. */
static void
score_block(Hunt *hunt, const int32_t *positions, uint64_t bits)
{
	const RsItems *items = hunt->search->items;
	int32_t		found[RS_BLOCK];
	int			n = 0;

	for (; bits != 0; bits &= bits - 1)
	{
		int32_t		position = positions[__builtin_ctzll(bits)];
		const float *y;

		if (position < 0 || !is_eligible(hunt->search, position))
			continue;
		found[n++] = position;
		y = items->factors + (size_t) position * (size_t) items->stride;
		for (int j = 0; j < items->stride; j += RS_STRIDE_UNIT)
			__builtin_prefetch(y + j);
	}
	for (int i = 0; i < n; i++)
		score_item(hunt, found[i]);
	if (n > 0)
		set_cut(hunt);
}

/* Few items are eligible: score them all. */
static RsStatus
score_eligible(Hunt *hunt, RsStopCheck stop, void *arg)
{
	const uint64_t *words = hunt->search->eligible->words;
	int32_t		n = hunt->search->index->n;
	int32_t		n_words = n / 64 + (n % 64 != 0);

	for (int32_t w = 0; w < n_words; w++)
	{
		if (rs_stop_at(stop, arg, w))
			return RS_STOPPED;
		for (uint64_t word = words[w]; word != 0; word &= word - 1)
			score_item(hunt, w * 64 + __builtin_ctzll(word));
	}
	return RS_OK;
}

/* ---- blocks ------------------------------------------------------------------ */

/* Whether an item of this block or a later one may be among the best. */
static inline bool
may_reach(const Hunt *hunt, const RsBlock *block)
{
	const double *reach = hunt->search->reach;

	return reach[0] * block->rest_key + reach[1] * block->rest_bias +
		reach[2] * block->rest_norm > hunt->cut;
}

/* What a scan needs that is the same for all blocks. */
static void
begin_scan(RsScan *scan, const RsSearch *search)
{
	scan->codes = search->codes;
	scan->start = search->start;
	scan->bias_factor = search->coded ? (float) search->inverse : 0.0f;
}

/* The right side of the comparison for a block; all items are above it without codes. */
static inline float
scan_cut(const Hunt *hunt, const RsBlock *block)
{
	const RsSearch *search = hunt->search;

	if (!search->coded || block->inverse == 0.0)
		return -INFINITY;
	return (float) (hunt->cut * search->inverse * block->inverse -
					search->of_residual * block->residual -
					search->of_norm * block->norm - search->of_bias * block->bias);
}

/* Keep the hunts that may find something from this block on; returns how many. */
static inline int
keep_hunting(Hunt **hunts, RsScan *scans, int n, const RsBlock *block)
{
	int			kept = 0;

	for (int u = 0; u < n; u++)
	{
		if (!may_reach(hunts[u], block))
			continue;
		if (kept < u)
		{
			hunts[kept] = hunts[u];
			scans[kept] = scans[u];
		}
		scans[kept++].cut = scan_cut(hunts[u], block);
	}
	return kept;
}

static RsStatus
scan_blocks(const RsIndex *index, Hunt **hunts, int n, RsStopCheck stop, void *arg)
{
	const RsBlock *blocks = rs_index_part(index, RS_PART_BLOCKS);
	const int32_t *positions = rs_index_part(index, RS_PART_POSITIONS);
	const float *biases = index->has_biases ? rs_index_part(index, RS_PART_BIASES) : NULL;
	const uint8_t *codes = rs_index_part(index, RS_PART_CODES);
	size_t		bytes = (size_t) index->groups * RS_BLOCK * 4;
	RsScan		scans[RS_SEARCH_MANY];

	for (int u = 0; u < n; u++)
		begin_scan(&scans[u], hunts[u]->search);
	for (int32_t b = 0; b < index->blocks; b++)
	{
		uint64_t	above[RS_SEARCH_MANY];

		if (rs_stop_at(stop, arg, (int64_t) b * RS_BLOCK))
			return RS_STOPPED;
		n = keep_hunting(hunts, scans, n, &blocks[b]);
		if (n == 0)
			break;
		rs_kernel_ops->scan(codes + (size_t) b * bytes, index->groups,
							biases == NULL ? NULL : biases + (size_t) b * RS_BLOCK,
							scans, n, above);
		for (int u = 0; u < n; u++)
		{
			if (above[u] != 0)
				score_block(hunts[u], positions + (size_t) b * RS_BLOCK, above[u]);
		}
	}
	return RS_OK;
}

/* Every hunt goes on with what its list has; the heaps are left as they are. */
static RsStatus
run_hunts(Hunt *hunts, int count, RsStopCheck stop, void *arg)
{
	Hunt	   *scanning[RS_SEARCH_MANY];
	int			n_scanning = 0;
	RsStatus	status = RS_OK;

	for (int u = 0; u < count && status == RS_OK; u++)
	{
		const RsEligible *eligible = hunts[u].search->eligible;

		hunts[u].cut = -INFINITY;
		set_cut(&hunts[u]);
		if (eligible != NULL && eligible->n <= hunts[u].search->index->n / FEW_OF)
			status = score_eligible(&hunts[u], stop, arg);
		else
			scanning[n_scanning++] = &hunts[u];
	}
	if (n_scanning > 0 && status == RS_OK)
		status = scan_blocks(scanning[0]->search->index, scanning, n_scanning, stop, arg);
	return status;
}

RsStatus
rs_search_add(RsSearch *search, RsTopk *topk, RsStopCheck stop, void *arg)
{
	Hunt		hunt = {search, *topk, 0.0};
	RsStatus	status = RS_OK;

	if (topk->k > 0)
		status = run_hunts(&hunt, 1, stop, arg);
	*topk = hunt.topk;
	return status;
}

RsStatus
rs_search_next_many(RsSearch *searches, int count, int32_t m, RsScored *entries, int32_t *n,
					RsStopCheck stop, void *arg)
{
	Hunt		hunts[RS_SEARCH_MANY];
	RsStatus	status = RS_OK;

	for (int u = 0; u < count; u++)
	{
		hunts[u].search = &searches[u];
		rs_topk_init(&hunts[u].topk, entries + (size_t) u * (size_t) m, m);
	}
	if (m > 0)
		status = run_hunts(hunts, count, stop, arg);
	for (int u = 0; u < count && status == RS_OK; u++)
	{
		if (!rs_topk_finish(&hunts[u].topk, stop, arg))
			status = RS_STOPPED;
	}
	for (int u = 0; u < count && status == RS_OK; u++)
	{
		n[u] = hunts[u].topk.n;
		if (n[u] > 0)
			rs_search_after(&searches[u], entries[(size_t) u * (size_t) m + (size_t) n[u] - 1]);
	}
	return status;
}

RsStatus
rs_search_next(RsSearch *search, int32_t m, RsScored *entries, int32_t *n, RsStopCheck stop,
			   void *arg)
{
	return rs_search_next_many(search, 1, m, entries, n, stop, arg);
}

/* ---- users whom no vector tells ------------------------------------------------ */

bool
rs_scores_are_equal(const RsItems *items, const float *x, RsStopCheck stop, void *arg)
{
	for (int j = 0; j < items->k; j++)
	{
		if (x[j] != 0.0f)
			return false;
	}
	for (int32_t i = 1; items->biases != NULL && i < items->n; i++)
	{
		if (rs_stop_at(stop, arg, i) || items->biases[i] != items->biases[0])
			return false;
	}
	return true;
}
