/*-------------------------------------------------------------------------
 *
 * best_users.c
 *		The best of all users: a score for each, and the k highest.
 *
 * Memory: k entries, and what everybody.c takes.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "batch/best_users.h"
#include "batch/everybody.h"
#include "compat.h"
#include "interrupt.h"
#include "serve/ranking.h"

/* A search for the best users: a heap of the k best so far. */
typedef struct Contest
{
	int32		k;
	RsTopk		topk;			/* positions in the list of users */
	float	   *scores;			/* of all users, whatever ranks them; or NULL */
	RsBestUser *best;
	int32		n;
	MemoryContext context;		/* of best */

	/* those who prefer an item most */
	Datum		item_id;
	int32		item;			/* its position, or -1 */
	bool		exclude_seen;

	/* those most like a user */
	Datum		user_id;
	int32		user;			/* their position, or -1 */
	const float *x;				/* their vector, in the caller's context */
	double		x_square;		/* its inner product with itself */
} Contest;

/* With the first part it is known how many users there are. */
static void
begin_contest(Contest *contest, const RsEverybody *everybody)
{
	int32		k = Min(contest->k, everybody->users.n);
	RsScored   *entries = palloc_extended(mul_size(sizeof(RsScored), Max(k, 1)),
										  MCXT_ALLOC_HUGE);

	rs_topk_init(&contest->topk, entries, k);
}

/* The winners' ids, where the caller keeps them. */
static void
finish_contest(void *arg, const RsEverybody *everybody)
{
	Contest    *contest = (Contest *) arg;
	RsTopk	   *topk = &contest->topk;
	MemoryContext caller;

	(void) rs_topk_finish(topk, rs_interrupt, NULL);
	caller = MemoryContextSwitchTo(contest->context);
	contest->best = palloc_extended(mul_size(sizeof(RsBestUser), Max(topk->n, 1)),
									MCXT_ALLOC_HUGE);
	for (int32 i = 0; i < topk->n; i++)
	{
		Datum		id = rs_idlist_get(&everybody->users, topk->entries[i].position);

		CHECK_FOR_INTERRUPTS();
		contest->best[i].user_id = rs_id_convert(id, everybody->users.kind, RS_ID_TEXT);
		contest->best[i].key = topk->entries[i].score;
		if (contest->scores != NULL)
			contest->best[i].score = contest->scores[topk->entries[i].position];
	}
	contest->n = topk->n;
	MemoryContextSwitchTo(caller);
}

/* Ask about all users; returns how many of the best there are. */
static int32
hold(Contest *contest, const RsModel *model, const RsVersion *version,
	 RsEverybodyQuestion *question, RsBestUser **users)
{
	contest->context = CurrentMemoryContext;
	question->finish = finish_contest;
	question->arg = contest;
	rs_everybody_ask(model, version, question);
	*users = contest->best;
	return contest->n;
}

/* ---- of an item ------------------------------------------------------------------- */

static void
note_item(Datum item_id, double number, void *arg)
{
	*(bool *) arg = true;
}

/* Does the catalogue, if there is one, show the item to the current user? */
static bool
is_shown(const RsModel *model, Datum item_id)
{
	const RsItemCatalog *catalog = rs_item_catalog_open(model);
	bool		shown = catalog == NULL;

	if (catalog != NULL)
		rs_item_catalog_look_up(catalog, &item_id, 1, note_item, &shown);
	return shown;
}

/*
 * What a part prefers the item by, and its scores.  An item that the image lacks (-1) has
 * no best users.
 */
static void
take_preferences(void *arg, const RsEverybody *everybody, const RsCrowdPart *part)
{
	Contest    *contest = (Contest *) arg;

	if (part->first == 0)
	{
		begin_contest(contest, everybody);
		contest->item = rs_idlist_find(&everybody->image->ids, contest->item_id);
		contest->scores = palloc_extended(mul_size(sizeof(float), everybody->users.n),
										  MCXT_ALLOC_HUGE);
	}
	for (int32 i = 0; contest->item >= 0 && i < part->n; i++)
	{
		if (!part->has_vector[i] || (contest->exclude_seen && part->has_seen[i]))
			continue;
		contest->scores[part->first + i] = rs_everybody_score(everybody, part, i, contest->item);
		rs_topk_push(&contest->topk, part->preference[i], part->first + i);
	}
}

int32
rs_best_users_of_item(const RsModel *model, const RsVersion *version, Datum item_id,
					  int32 k, bool exclude_seen, RsBestUser **users)
{
	Contest		contest = {.k = k,.item_id = item_id,.exclude_seen = exclude_seen};
	RsEverybodyQuestion question = {.scored = true,.has_item = true,.item = item_id,
	.take = take_preferences};

	if (!rs_algorithm(version->algorithm)->has_factors || !is_shown(model, item_id))
		return 0;
	return hold(&contest, model, version, &question, users);
}

/* ---- like a user ------------------------------------------------------------------ */

/* The same for cosines; a user without a row in the view is at -1, and excludes nobody. */
static void
take_cosines(void *arg, const RsEverybody *everybody, const RsCrowdPart *part)
{
	Contest    *contest = (Contest *) arg;
	const RsItems *items = &everybody->ranking;

	if (part->first == 0)
	{
		begin_contest(contest, everybody);
		contest->user = rs_idlist_find(&everybody->users, contest->user_id);
	}
	for (int32 i = 0; i < part->n; i++)
	{
		const float *x = part->ranking.x + (Size) i * items->stride;

		if (part->has_vector[i] && part->first + i != contest->user)
			rs_topk_push(&contest->topk, rs_cosine(contest->x, contest->x_square, x, items->k),
						 part->first + i);
	}
}

int32
rs_best_users_like(const RsModel *model, const RsVersion *version, Datum user_id, int32 k,
				   RsBestUser **users)
{
	Contest		contest = {.k = k,.user_id = user_id};
	RsEverybodyQuestion question = {.take = take_cosines};
	RsAsk		ask = {.user_id = user_id,.fresh = true};
	RsServing	serving;

	rs_serving_open(&serving, model, version, &ask);
	if (!rs_serving_has_score(&serving))
		return 0;
	contest.x = serving.ranking.x;
	contest.x_square = rs_dot(contest.x, contest.x, serving.ranking.items.k);
	return hold(&contest, model, version, &question, users);
}
