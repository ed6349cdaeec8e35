/*-------------------------------------------------------------------------
 *
 * ranking.c
 *		Eligible items in order, the best first, a few at a time.
 *
 * By score or a sum of parts it is the search of the kernel.  Memory: none of its own.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"

#include "compat.h"
#include "interrupt.h"
#include "serve/ranking.h"
#include "store/id_list.h"

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
next_by_blend(RsRanking *ranking, int32 m, RsScored *entries, int32 *n)
{
	check_search(rs_blend_next(&ranking->blend, &ranking->eligible, m, entries, n, rs_interrupt,
							   NULL));
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
factors_at(const RsItems *items, int32 position)
{
	return items->factors + (Size) position * items->stride;
}

float
rs_cosine(const float *x, double x_square, const float *y, int k)
{
	double		squares = x_square * rs_dot(y, y, k);

	if (squares == 0)
		return NAN;
	return (float) Max(-1.0, Min(1.0, rs_dot(x, y, k) / sqrt(squares)));
}

/* What items are ranked by where all of them must be looked at. */
static float
key_of(const RsRanking *ranking, int32 position)
{
	const RsItems *items = &ranking->serving->ranking.items;

	if (ranking->scores != NULL)
		return ranking->scores[position];
	return rs_cosine(factors_at(items, ranking->position), ranking->square,
					 factors_at(items, position), items->k);
}

static void
next_by_key(RsRanking *ranking, int32 m, RsScored *entries, int32 *n)
{
	RsTopk		topk;

	rs_topk_init(&topk, entries, m);
	for (int32 i = 0; m > 0 && i < ranking->image->ids.n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (rs_is_eligible(ranking->words, i))
			rs_topk_push(&topk, key_of(ranking, i), i);
	}
	(void) rs_topk_finish(&topk, rs_interrupt, NULL);
	*n = topk.n;
}

/* ---- beginning ---------------------------------------------------------------- */

/* The items that may be answered, as bits. */
static uint64 *
find_eligible(const RsServing *serving, const RsRequest *request)
{
	const RsImage *image = serving->image;
	const RsUser *user = &serving->user;
	uint64	   *words = rs_eligible_words(image, request->candidates, request->exclude);

	for (int32 i = 0; request->exclude_seen && i < user->n_seen; i += RS_FIND_BLOCK)
	{
		int32		positions[RS_FIND_BLOCK];
		int32		n = rs_user_locate_seen(image, user, i, positions);

		for (int32 j = 0; j < n; j++)
			rs_eligible_remove(words, positions[j]);
	}
	return words;
}

static void
init(RsRanking *ranking, const RsServing *serving)
{
	memset(ranking, 0, offsetof(RsRanking, search));
	ranking->serving = serving;
	ranking->image = serving->image;
}

static void
init_scan(RsRanking *ranking, RsScan *scan)
{
	ranking->scan = scan;
	ranking->ids = rs_scan_ids(scan);
}

static void
init_words(RsRanking *ranking, const RsRequest *request)
{
	ranking->ids = &ranking->image->ids;
	ranking->words = find_eligible(ranking->serving, request);
	ranking->eligible = rs_eligible(ranking->image, ranking->words);
}

void
rs_ranking_of_user(RsRanking *ranking, const RsServing *serving, const RsRequest *request)
{
	const RsImage *image = serving->image;

	init(ranking, serving);
	if (image->partial)
	{
		init_scan(ranking, rs_scan_of_user(serving, request));
		return;
	}
	init_words(ranking, request);
	if (rs_serving_is_popular(serving))
		ranking->next = next_by_popularity;
	else if (serving->blended != NULL)
	{
		ranking->next = next_by_blend;
		ranking->blend = serving->blended->user;
	}
	else
	{
		const RsKey *key = &serving->ranking;

		ranking->next = next_by_score;
		check_search(rs_search_begin(&ranking->search, image->index, &key->items, key->x,
									 key->base, &ranking->eligible));
	}
}

void
rs_ranking_of_item(RsRanking *ranking, const RsServing *serving, int32 position,
				   const RsRequest *request)
{
	const RsImage *image = serving->image;
	const RsItems *items = &serving->ranking.items;
	const float *x = factors_at(items, position);

	init(ranking, serving);
	if (image->partial)
	{
		init_scan(ranking, rs_scan_of_item(serving, position, request));
		return;
	}
	init_words(ranking, request);
	rs_eligible_remove(ranking->words, position);
	ranking->eligible = rs_eligible(image, ranking->words);
	ranking->next = next_by_key;
	ranking->position = position;
	ranking->square = rs_dot(x, x, items->k);
}

/* The scores of a list by position in the image; only what is on the list is eligible. */
static void
take_scores(RsRanking *ranking, const RsIdList *items, const float *scores)
{
	const RsImage *image = ranking->image;
	uint64	   *words = rs_eligible_none(image->ids.n);

	ranking->scores = palloc_extended(mul_size(sizeof(float), Max(image->ids.n, 1)),
									  MCXT_ALLOC_HUGE);
	for (int32 i = 0; i < items->n; i++)
	{
		Datum		id = rs_idlist_get(items, i);
		int32		position = rs_idlist_find(&image->ids, id);

		CHECK_FOR_INTERRUPTS();
		if (position >= 0)
			ranking->scores[position] = scores[i];
		rs_eligible_add(words, position);
		if (items->kind == RS_ID_TEXT)
			pfree(DatumGetPointer(id));
	}
	rs_ranking_restrict(ranking, words);
	pfree(words);
}

/* The same for a scan, which takes a list in order. */
static RsScan *
scan_scores(const RsServing *serving, const RsIdList *items, const float *scores,
			const RsRequest *request)
{
	RsIdList   *list = palloc(sizeof(RsIdList));
	float	   *sorted = palloc_extended(mul_size(sizeof(float), Max(items->n, 1)), MCXT_ALLOC_HUGE);

	rs_idlist_sorted(list, items, (uint64) serving->version->stamp);
	for (int32 i = 0; i < items->n; i++)
	{
		Datum		id = rs_idlist_get(items, i);

		CHECK_FOR_INTERRUPTS();
		sorted[rs_idlist_find(list, id)] = scores[i];
		if (items->kind == RS_ID_TEXT)
			pfree(DatumGetPointer(id));
	}
	return rs_scan_of_scores(serving, list, sorted, request);
}

void
rs_ranking_of_scores(RsRanking *ranking, const RsServing *serving, const RsIdList *items,
					 const float *scores, const RsRequest *request)
{
	init(ranking, serving);
	if (serving->image->partial)
	{
		init_scan(ranking, scan_scores(serving, items, scores, request));
		return;
	}
	init_words(ranking, request);
	take_scores(ranking, items, scores);
	ranking->next = next_by_key;
}

void
rs_ranking_after(RsRanking *ranking, int32 position)
{
	const RsServing *serving = ranking->serving;

	if (ranking->scan != NULL)
		rs_scan_after(ranking->scan, serving, position);
	else if (rs_serving_is_popular(serving))
	{
		while (ranking->image->by_popularity[ranking->walked++] != position)
			CHECK_FOR_INTERRUPTS();
	}
	else if (serving->blended != NULL)
		rs_blend_after(&ranking->blend, (RsScored) {rs_serving_preference(serving, position), position});
	else
		rs_search_after(&ranking->search, (RsScored) {rs_serving_preference(serving, position), position});
}

/* ---- handing out --------------------------------------------------------------- */

int32
rs_ranking_next(RsRanking *ranking, int32 m, RsScored *entries)
{
	int32		n;

	if (ranking->scan != NULL)
		return rs_scan_next(ranking->scan, m, entries);
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

void
rs_ranking_end(RsRanking *ranking)
{
	if (ranking->words != NULL)
		pfree(ranking->words);
	if (ranking->scores != NULL)
		pfree(ranking->scores);
}
