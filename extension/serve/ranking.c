/*-------------------------------------------------------------------------
 *
 * ranking.c
 *		Eligible items in order, the best first, a few at a time.
 *
 * By score it is the search of the kernel.  Memory: none of its own.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"

#include "compat.h"
#include "interrupt.h"
#include "serve/ranking.h"

static void
check_search(RsStatus status)
{
	if (status != RS_OK)
		elog(ERROR, "searching the best items returned status %d", (int) status);
}

static void
next_by_score(RsRanking *ranking, int32 m, RsScored *entries, int32 *n)
{
	check_search(rs_search_next(&ranking->search, m, entries, n, rs_interrupt, NULL));
}

static void
next_by_popularity(RsRanking *ranking, int32 m, RsScored *entries, int32 *n)
{
	const RsImage *image = ranking->image;

	*n = 0;
	for (; *n < m && ranking->walked < image->ids.n; ranking->walked++)
	{
		int32		position = image->by_popularity[ranking->walked];

		CHECK_FOR_INTERRUPTS();
		if (!rs_is_eligible(ranking->words, position))
			continue;
		entries[*n].position = position;
		entries[*n].score = rs_serving_preference(ranking->serving, position);
		(*n)++;
	}
}

static const float *
factors_at(const RsImage *image, int32 position)
{
	return image->factors + (Size) position * image->stride;
}

float
rs_cosine(const float *x, double x_square, const float *y, int k)
{
	double		squares = x_square * rs_dot(y, y, k);

	if (squares == 0)
		return NAN;
	return (float) Max(-1.0, Min(1.0, rs_dot(x, y, k) / sqrt(squares)));
}

static void
next_by_likeness(RsRanking *ranking, int32 m, RsScored *entries, int32 *n)
{
	const RsImage *image = ranking->image;
	const float *x = factors_at(image, ranking->position);
	RsTopk		topk;

	rs_topk_init(&topk, entries, m);
	for (int32 i = 0; m > 0 && i < image->ids.n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (i != ranking->position && rs_is_eligible(ranking->words, i))
			rs_topk_push(&topk, rs_cosine(x, ranking->square, factors_at(image, i), image->k),
						 i);
	}
	(void) rs_topk_finish(&topk, rs_interrupt, NULL);
	*n = topk.n;
}

static void
next_by_scores(RsRanking *ranking, int32 m, RsScored *entries, int32 *n)
{
	RsTopk		topk;

	rs_topk_init(&topk, entries, m);
	for (int32 i = 0; m > 0 && i < ranking->image->ids.n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (rs_is_eligible(ranking->words, i))
			rs_topk_push(&topk, ranking->scores[i], i);
	}
	(void) rs_topk_finish(&topk, rs_interrupt, NULL);
	*n = topk.n;
}

static void
init(RsRanking *ranking, const RsImage *image, uint64 *words)
{
	memset(ranking, 0, offsetof(RsRanking, search));
	ranking->image = image;
	ranking->words = words;
	ranking->eligible = rs_eligible(image, words);
}

void
rs_ranking_of_user(RsRanking *ranking, const RsServing *serving, uint64 *words)
{
	const RsImage *image = serving->image;

	init(ranking, image, words);
	ranking->serving = serving;
	if (rs_serving_is_popular(serving))
		ranking->next = next_by_popularity;
	else
	{
		ranking->items = rs_image_items(image);
		ranking->next = next_by_score;
		check_search(rs_search_begin(&ranking->search, image->index, &ranking->items,
									 serving->vector.x, serving->base, &ranking->eligible));
	}
}

void
rs_ranking_after(RsRanking *ranking, int32 position)
{
	const RsServing *serving = ranking->serving;

	if (rs_serving_is_popular(serving))
	{
		while (ranking->image->by_popularity[ranking->walked++] != position)
			CHECK_FOR_INTERRUPTS();
	}
	else
		rs_search_after(&ranking->search, (RsScored) {rs_serving_score(serving, position), position});
}

void
rs_ranking_of_item(RsRanking *ranking, const RsImage *image, int32 position, uint64 *words)
{
	const float *x = factors_at(image, position);

	init(ranking, image, words);
	ranking->next = next_by_likeness;
	ranking->position = position;
	ranking->square = rs_dot(x, x, image->k);
}

void
rs_ranking_of_scores(RsRanking *ranking, const RsImage *image, const float *scores, uint64 *words)
{
	init(ranking, image, words);
	ranking->next = next_by_scores;
	ranking->scores = scores;
}

int32
rs_ranking_next(RsRanking *ranking, int32 m, RsScored *entries)
{
	int32		n;

	ranking->next(ranking, m, entries, &n);
	for (int32 i = 0; i < n; i++)
		rs_eligible_remove(ranking->words, entries[i].position);
	ranking->eligible.n -= n;
	return n;
}

void
rs_ranking_restrict(RsRanking *ranking, const uint64 *words)
{
	rs_eligible_restrict(ranking->image, ranking->words, words);
	ranking->eligible = rs_eligible(ranking->image, ranking->words);
}
