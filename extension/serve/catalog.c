/*-------------------------------------------------------------------------
 *
 * catalog.c
 *		The items of a list of which the current user sees a row in the catalogue.
 *
 * Two ways lead to the same list.  Where the catalogue shows many items, the best are
 * looked up, a batch at a time, until k were found.  Where it shows few, all of its rows
 * are read once, and the ranking goes on among their items.  The items that were looked
 * up so far give an estimate of their share; the planner estimates the cost of both
 * ways, and thereby knows the indexes of the catalogue.
 *
 * A list depends on the catalogue's rows in this snapshot only.  Nothing is kept for the
 * next list.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "utils/memutils.h"

#include "compat.h"
#include "serve/catalog.h"
#include "store/id_list.h"

/* The share of items that is assumed to be shown before any was looked up. */
#define FIRST_SHARE		0.9

/* Items beyond the expected number that are looked up, in standard deviations. */
#define DEVIATIONS		1.5

/* Items that are looked up at a time, at most. */
#define MOST_ITEMS		4096

/* The items that a row was read of. */
typedef struct Shown
{
	const RsIdList *ids;
	uint64	   *words;			/* a bit for each position in ids */
} Shown;

static void
mark_item(Datum item_id, double number, void *arg)
{
	const Shown *shown = arg;

	rs_eligible_add(shown->words, rs_idlist_find(shown->ids, item_id));
}

uint64 *
rs_catalog_words(const RsItemCatalog *catalog, const RsImage *image)
{
	Shown		shown = {.ids = &image->ids,.words = rs_eligible_none(image->ids.n)};

	rs_item_catalog_read(catalog, mark_item, &shown);
	return shown.words;
}

/* Keep those of the entries that are shown, in order; returns how many. */
static int32
keep_shown(const RsItemCatalog *catalog, const RsRanking *ranking, RsScored *entries, int32 n)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "recsys look-up",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	Datum	   *ids = palloc(Max(n, 1) * sizeof(Datum));
	RsIdList	list;
	Shown		shown = {.ids = &list,.words = rs_eligible_none(n)};
	int32		kept = 0;

	for (int32 i = 0; i < n; i++)
		ids[i] = rs_idlist_get(ranking->ids, entries[i].position);
	rs_idlist_of(&list, ranking->ids->kind, ids, n, (uint64) ranking->serving->version->stamp);
	if (n > 0)
		rs_item_catalog_look_up(catalog, ids, n, mark_item, &shown);
	for (int32 i = 0; i < n; i++)
	{
		if (rs_is_eligible(shown.words, rs_idlist_find(&list, ids[i])))
			entries[kept++] = entries[i];
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	return kept;
}

/*
 * How many items to look up to find this many.  A share p of them is shown: found + 1
 * of looked_up + 2, which is Laplace's rule of succession.  Until n were found, n / p
 * are looked up on average, with a deviation of sqrt(n (1 - p)) / p: the negative
 * binomial distribution.
 */
static double
items_needed(int32 n, int32 found, int64 looked_up)
{
	double		p = looked_up == 0 ? FIRST_SHARE : (found + 1.0) / ((double) looked_up + 2.0);

	return ceil((n + DEVIATIONS * sqrt(n * (1.0 - p))) / p);
}

static void
append_item(Datum item_id, double number, void *arg)
{
	rs_idlist_append((RsIdListMaker *) arg, item_id);
}

/* Hand out what the catalogue shows from now on, whichever of it the version has. */
static void
restrict_scan(const RsItemCatalog *catalog, RsRanking *ranking)
{
	RsIdList	items;
	RsIdListMaker maker;

	rs_idlist_begin(&maker, &items, ranking->ids->kind, MOST_ITEMS, CurrentMemoryContext);
	rs_item_catalog_read(catalog, append_item, &maker);
	rs_scan_restrict(ranking->scan, &items);
}

/* Go on among the items of all rows. */
static int32
take_of_all(const RsItemCatalog *catalog, RsRanking *ranking, int32 k, RsScored *entries)
{
	if (ranking->scan != NULL)
		restrict_scan(catalog, ranking);
	else
	{
		uint64	   *words = rs_catalog_words(catalog, ranking->image);

		rs_ranking_restrict(ranking, words);
		pfree(words);
	}
	return rs_ranking_next(ranking, Min(k, rs_ranking_left(ranking)), entries);
}

/* Look up the best until k were found, unless that comes to cost more than reading all. */
static int32
take_shown(const RsItemCatalog *catalog, RsRanking *ranking, int32 k, RsScored *entries)
{
	RsScored   *batch = palloc(MOST_ITEMS * sizeof(RsScored));
	double		an_item;		/* cost of looking one item up */
	double		all;			/* cost of reading every row */
	int64		looked_up = 0;
	int32		found = 0;
	int32		kept;
	int32		n = 1;			/* of the last batch; 0: the ranking has ended */

	rs_item_catalog_costs(catalog, &an_item, &all);
	while (found < k && n > 0)
	{
		double		needed = Min(items_needed(k - found, found, looked_up),
								 (double) rs_ranking_left(ranking));

		if (needed * an_item > all)
		{
			found += take_of_all(catalog, ranking, k - found, entries + found);
			break;
		}
		n = rs_ranking_next(ranking, (int32) Min(needed, MOST_ITEMS), batch);
		looked_up += n;
		kept = keep_shown(catalog, ranking, batch, n);
		kept = Min(kept, k - found);
		memcpy(entries + found, batch, kept * sizeof(RsScored));
		found += kept;
	}
	pfree(batch);
	return found;
}

int32
rs_catalog_take(const RsItemCatalog *catalog, RsRanking *ranking, int32 k, RsScored *entries)
{
	if (catalog == NULL)
		return rs_ranking_next(ranking, k, entries);
	rs_image_pin(ranking->image, CurrentMemoryContext);
	return take_shown(catalog, ranking, k, entries);
}

void
rs_catalog_list(const RsItemCatalog *catalog, RsRanking *ranking, int32 k,
				RsRecommendation *list)
{
	k = Min(rs_ranking_left(ranking), k);
	list->entries = palloc_extended(mul_size(sizeof(RsScored), Max(k, 1)), MCXT_ALLOC_HUGE);
	list->n = rs_catalog_take(catalog, ranking, k, list->entries);
	list->ids = ranking->ids;
	list->scores = ranking->scan != NULL ? rs_scan_scores(ranking->scan) : NULL;
}
