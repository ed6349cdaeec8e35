/*-------------------------------------------------------------------------
 *
 * blend.c
 *		The best items by a weighted sum of parts: a search among the items that the
 *		sparse part does not touch, and the touched ones one by one.
 *
 * To an item that is not touched the sparse part adds 0, and its key is the score that the
 * index finds the best of.  Touched items are looked up in a bitmap and scored where their
 * bound |z| |y| + c + t, with t = w_s s / dev_s, says that they may be among the best; by
 * Cauchy and Schwarz z . y is not more than |z| |y|.  They come first, since most of a list
 * is of them: the search then has little left to look for.
 *
 *-------------------------------------------------------------------------
 */
#include "kernel/blend.h"

#include <math.h>
#include <string.h>

#include "kernel/search_index.h"

/* ---- the workspace ------------------------------------------------------------- */

static size_t
words_of(int32_t n)
{
	return (size_t) n / 64 + (n % 64 != 0);
}

/* Where *size bytes end when n times width more begin at a multiple of RS_ALIGNMENT. */
static bool
add_array(size_t *size, size_t n, size_t width)
{
	size_t		bytes;

	return !__builtin_mul_overflow(n, width, &bytes) &&
		!__builtin_add_overflow(bytes, (size_t) (RS_ALIGNMENT - 1), &bytes) &&
		!__builtin_add_overflow(*size, bytes / RS_ALIGNMENT * RS_ALIGNMENT, size);
}

/* Where the four arrays begin, and the size of all. */
static bool
lay_out(const RsItems *items, size_t offset[5])
{
	size_t		n[4] = {(size_t) items->stride, (size_t) items->n, words_of(items->n), words_of(items->n)};
	size_t		width[4] = {sizeof(float), sizeof(float), sizeof(uint64_t), sizeof(uint64_t)};

	offset[0] = 0;
	for (int i = 0; i < 4; i++)
	{
		offset[i + 1] = offset[i];
		if (!add_array(&offset[i + 1], n[i], width[i]))
			return false;
	}
	return true;
}

bool
rs_blend_workspace_size(const RsItems *items, size_t *bytes)
{
	size_t		offset[5];

	if (!lay_out(items, offset))
		return false;
	*bytes = offset[4];
	return true;
}

static void
place(RsBlendUser *user, void *workspace)
{
	char	   *base = workspace;
	size_t		offset[5];

	(void) lay_out(&user->blend->items, offset);
	user->z = (float *) base;
	user->sums = (float *) (base + offset[1]);
	user->touched = (uint64_t *) (base + offset[2]);
	user->rest = (uint64_t *) (base + offset[3]);
}

bool
rs_blend_norms(const RsItems *items, float *norms, RsStopCheck stop, void *arg)
{
	for (int32_t i = 0; i < items->n; i++)
	{
		const float *y = items->factors + (size_t) i * (size_t) items->stride;

		if (rs_stop_at(stop, arg, i))
			return false;
		norms[i] = nextafterf((float) sqrt(rs_dot(y, y, (size_t) items->k)), INFINITY);
	}
	return true;
}

/* ---- parts, each over its deviation ---------------------------------------------- */

double
rs_blend_scale(double weight, double squares, double mean)
{
	double		variance = squares - mean * mean;
	double		scale;

	if (!(variance > RS_ROUNDING * squares))
		return 0.0;
	scale = weight / sqrt(variance);
	return isfinite(scale) ? scale : 0.0;
}

/*
 * Of all items: the mean of (x.y)^2 is x'Gx / n, that of x.y is x.m.  The columns of G are
 * added up side by side, which a compiler may vectorise without changing an order.
 */
static double
dense_scale(const RsBlend *blend, const float *x)
{
	const RsItems *items = &blend->items;
	double		product[RS_MAX_FACTORS] = {0};	/* Gx */
	double		squares = 0.0;
	double		mean = 0.0;

	for (int a = 0; a < items->k; a++)
	{
		const double *row = blend->gramian + (size_t) a * (size_t) items->stride;

		for (int b = 0; b < items->k; b++)
			product[b] += row[b] * (double) x[a];
	}
	for (int a = 0; a < items->k; a++)
	{
		squares += product[a] * (double) x[a];
		mean += blend->mean[a] * (double) x[a];
	}
	return rs_blend_scale(blend->dense_weight, squares / items->n, mean);
}

static void
set_dense(RsBlendUser *user, const float *x)
{
	const RsItems *items = &user->blend->items;
	double		scale = x == NULL ? 0.0 : dense_scale(user->blend, x);

	memset(user->z, 0, (size_t) items->stride * sizeof(float));
	if (scale == 0.0)
		return;
	for (int j = 0; j < items->k; j++)
		user->z[j] = (float) ((double) x[j] * scale);
	if (!isfinite(rs_dot(user->z, user->z, (size_t) items->k)))
		memset(user->z, 0, (size_t) items->stride * sizeof(float));
}

/* Add row j of W to the sums. */
static bool
add_row(RsBlendUser *user, int32_t j, RsStopCheck stop, void *arg)
{
	const RsSparse *sparse = &user->blend->sparse;

	for (int64_t e = sparse->start[j]; e < sparse->start[j + 1]; e++)
	{
		int32_t		i = sparse->target[e];
		uint64_t   *word = &user->touched[i / 64];
		uint64_t	bit = UINT64_C(1) << (i % 64);

		if (rs_stop_at(stop, arg, e))
			return false;
		user->sums[i] = (*word & bit) != 0 ? user->sums[i] + sparse->weight[e] : sparse->weight[e];
		*word |= bit;
	}
	return true;
}

/* The scale of the sums, of which those of items that are not touched are 0. */
static bool
set_sparse_scale(RsBlendUser *user, RsStopCheck stop, void *arg)
{
	int32_t		n = user->blend->items.n;
	double		squares = 0.0;
	double		sum = 0.0;

	for (size_t w = 0; w < words_of(n); w++)
	{
		if (rs_stop_at(stop, arg, (int64_t) w))
			return false;
		for (uint64_t word = user->touched[w]; word != 0; word &= word - 1)
		{
			double		s = (double) user->sums[w * 64 + (size_t) __builtin_ctzll(word)];

			squares += s * s;
			sum += s;
			user->n_touched++;
		}
	}
	user->sparse_scale = rs_blend_scale(user->blend->sparse_weight, squares / n, sum / n);
	return true;
}

static bool
set_sparse(RsBlendUser *user, const RsRow *row, RsStopCheck stop, void *arg)
{
	size_t		bytes = words_of(user->blend->items.n) * sizeof(uint64_t);

	memset(user->touched, 0, bytes);
	user->n_touched = 0;
	user->sparse_scale = 0.0;
	if (user->blend->sparse.start == NULL)
		return true;
	for (int32_t c = 0; c < row->n; c++)
	{
		if (rs_stop_at(stop, arg, c))
			return false;
		if (row->value[c] > 0.0f && !add_row(user, row->index[c], stop, arg))
			return false;
	}
	if (!set_sparse_scale(user, stop, arg))
		return false;
	if (user->sparse_scale == 0.0)
	{
		memset(user->touched, 0, bytes);
		user->n_touched = 0;
	}
	return true;
}

bool
rs_blend_begin(RsBlendUser *user, const RsBlend *blend, const float *x, const RsRow *row,
			   void *workspace, RsStopCheck stop, void *arg)
{
	user->blend = blend;
	user->resumed = false;
	place(user, workspace);
	set_dense(user, x);
	return set_sparse(user, row, stop, arg);
}

bool
rs_blend_keys_are_equal(const RsBlendUser *user, RsStopCheck stop, void *arg)
{
	return user->n_touched == 0 && rs_scores_are_equal(&user->blend->items, user->z, stop, arg);
}

void
rs_blend_after(RsBlendUser *user, RsScored last)
{
	user->last = last;
	user->resumed = true;
}

/* ---- touched items ---------------------------------------------------------------- */

/* Touched items under way to a list. */
typedef struct Offer
{
	const RsBlendUser *user;
	RsTopk	   *topk;
	double		norm;			/* |z| */
} Offer;

/*
 * May the item be among the best?  Rounding hides less of each sum in double than
 * RS_ROUNDING of its terms; and as rounding to a float changes no order, an item whose
 * rounded bound is below the worst key has a key below it.
 */
static inline bool
may_be_listed(const Offer *offer, int32_t position)
{
	const RsBlend *blend = offer->user->blend;
	const RsTopk *topk = offer->topk;
	double		reach = offer->norm * (double) blend->norms[position];
	double		c = blend->items.biases != NULL ? (double) blend->items.biases[position] : 0.0;
	double		t = rs_blend_sparse(offer->user, position);
	double		slack = RS_ROUNDING * (reach + fabs(c) + fabs(t));

	return topk->n < topk->k || (float) (reach + c + t + slack) >= topk->entries[0].score;
}

/* Offer the items of one word of a bitmap. */
static void
offer_word(Offer *offer, int32_t first, uint64_t bits)
{
	const RsBlendUser *user = offer->user;
	const RsItems *items = &user->blend->items;
	int32_t		found[64];
	int			n = 0;

	for (; bits != 0; bits &= bits - 1)
	{
		int32_t		position = first + __builtin_ctzll(bits);
		const float *y = items->factors + (size_t) position * (size_t) items->stride;

		if (!may_be_listed(offer, position))
			continue;
		found[n++] = position;
		for (int j = 0; j < items->stride; j += RS_STRIDE_UNIT)
			__builtin_prefetch(y + j);
	}
	for (int i = 0; i < n; i++)
	{
		RsScored	item = {rs_blend_key(user, found[i]), found[i]};

		if (!user->resumed || rs_scored_after(&item, &user->last))
			rs_topk_push(offer->topk, item.score, item.position);
	}
}

/* Put the best touched items into the heap of a list; false when stopped. */
static bool
add_touched(const RsBlendUser *user, const RsEligible *eligible, RsTopk *topk,
			RsStopCheck stop, void *arg)
{
	const RsItems *items = &user->blend->items;
	Offer		offer = {user, topk, sqrt(rs_dot(user->z, user->z, (size_t) items->k))};

	for (size_t w = 0; w < words_of(items->n); w++)
	{
		if (rs_stop_at(stop, arg, (int64_t) w))
			return false;
		offer_word(&offer, (int32_t) w * 64, eligible->words[w] & user->touched[w]);
	}
	return true;
}

/* ---- all items --------------------------------------------------------------------- */

/* The eligible items that are not touched. */
static bool
find_rest(const RsBlendUser *user, const RsEligible *eligible, RsEligible *rest,
		  RsStopCheck stop, void *arg)
{
	*rest = (RsEligible) {user->rest, 0};
	for (size_t w = 0; w < words_of(user->blend->items.n); w++)
	{
		if (rs_stop_at(stop, arg, (int64_t) w))
			return false;
		user->rest[w] = eligible->words[w] & ~user->touched[w];
		rest->n += __builtin_popcountll(user->rest[w]);
	}
	return true;
}

RsStatus
rs_blend_next(RsBlendUser *user, const RsEligible *eligible, int32_t m, RsScored *entries,
			  int32_t *n, RsStopCheck stop, void *arg)
{
	const RsBlend *blend = user->blend;
	RsSearch	search;
	RsEligible	rest;
	RsTopk		topk;
	RsStatus	status;

	rs_topk_init(&topk, entries, m);
	if (!find_rest(user, eligible, &rest, stop, arg))
		return RS_STOPPED;
	status = rs_search_begin(&search, blend->index, &blend->items, user->z, 0.0, &rest);
	if (status != RS_OK)
		return status;
	if (user->resumed)
		rs_search_after(&search, user->last);
	if (user->n_touched > 0 && !add_touched(user, eligible, &topk, stop, arg))
		return RS_STOPPED;
	status = rs_search_add(&search, &topk, stop, arg);
	if (status != RS_OK)
		return status;
	if (!rs_topk_finish(&topk, stop, arg))
		return RS_STOPPED;
	*n = topk.n;
	if (*n > 0)
		rs_blend_after(user, entries[*n - 1]);
	return RS_OK;
}
