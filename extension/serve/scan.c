/*-------------------------------------------------------------------------
 *
 * scan.c
 *		The best items of a version whose image is not kept, read from its factor table.
 *
 * One pass over the rows of the version, which come in any order: each is scored, and
 * those that may be among the best are looked for among the items that are left out.
 * Few candidates are looked up instead.  The pass keeps more of the best than were asked
 * for, so that going on seldom takes another one.
 *
 * Memory: what was handed out and AHEAD items more, in the context that the scan was
 * begun in; the ids of candidates and of what is left out, once more.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/memutils.h"

#include "compat.h"
#include "interrupt.h"
#include "serve/ranking.h"
#include "serve/scan.h"
#include "store/factors.h"
#include "store/id_list.h"

/* Items that a pass finds, at least. */
#define AHEAD			1024

/* One of the best. */
typedef struct Best
{
	double		key;			/* what it is ranked by; a float does not hold every
								 * number of users */
	float		preference;
	float		score;
	RsIdKind	kind;
	Datum		id;				/* a copy */
} Best;

/* The order of a list. */
static inline bool
comes_before(const Best *a, const Best *b)
{
	if (a->key != b->key)
		return a->key > b->key;
	return rs_id_compare(a->id, b->id, a->kind) < 0;
}

#define RS_SORT_NAME	best
#define RS_SORT_TYPE	Best
#define RS_SORT_BEFORE(a, b)	comes_before(a, b)
#include "kernel/heap_sort.h"

/* Lists of items that alone are wanted. */
enum
{
	AMONG_CANDIDATES,
	AMONG_SHOWN,				/* by the catalogue */
	AMONG_SCORED,
	AMONG_LISTS
};

struct RsScan
{
	RsServing	serving;		/* its image and keys are of the row that is looked at */
	RsImage		row;
	float		column;			/* of this row, where the image has one */
	MemoryContext context;

	/* what items are ranked by: the user's preference, unless these are set */
	const float *x;				/* likeness to this vector, */
	double		x_square;
	Datum		item_id;		/* which is that of this item */
	const float *scores;		/* what is given for the items of scored */

	/* which items: those that are on each of these lists, NULL: on any, */
	const RsIdList *among[AMONG_LISTS];
	const RsIdList *excluded;	/* and not on this one */
	bool		resumed;
	Best		last;			/* only what comes after it */

	/* what a pass found; it is a heap until the end of the pass, then in order */
	Best	   *best;
	int32		n_best;
	int32		capacity;
	int32		taken;			/* of n_best */
	bool		exhausted;		/* nothing comes after the n_best */

	/* what was handed out */
	RsIdList	ids;
	RsIdListMaker maker;
	float	   *handed_scores;
	int32		n_scores;		/* there is room for */
};

/* ---- beginning --------------------------------------------------------------- */

static RsIdList *
make_list(const RsScan *scan, const Datum *ids, int32 n)
{
	RsIdList   *list = palloc(sizeof(RsIdList));

	rs_idlist_of(list, scan->serving.model->item_kind, ids, n,
				 (uint64) scan->serving.version->stamp);
	return list;
}

/* The items that the request leaves out, and those that were seen. */
static RsIdList *
list_excluded(const RsScan *scan, const RsRequest *request)
{
	const RsUser *user = &scan->serving.user;
	int32		n_excluded = request->exclude != NULL ? request->exclude->n : 0;
	Size		n = (Size) n_excluded + (request->exclude_seen ? user->n_seen : 0);
	Datum	   *ids;
	RsIdList   *list;

	if (n > PG_INT32_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("%zu items are too many to exclude", n)));
	ids = palloc_extended(mul_size(sizeof(Datum), Max(n, 1)), MCXT_ALLOC_HUGE);
	if (n_excluded > 0)
		memcpy(ids, request->exclude->ids, n_excluded * sizeof(Datum));
	for (Size i = n_excluded; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		ids[i] = rs_user_seen(user, i - n_excluded);
	}
	list = make_list(scan, ids, (int32) n);
	pfree(ids);
	return list;
}

static RsScan *
begin(const RsServing *serving, const RsRequest *request)
{
	RsScan	   *scan = palloc0(sizeof(RsScan));

	scan->serving = *serving;
	scan->serving.image = &scan->row;
	scan->row.partial = true;
	scan->row.ids.n = 1;
	scan->context = CurrentMemoryContext;
	if (request->candidates != NULL)
		scan->among[AMONG_CANDIDATES] = make_list(scan, request->candidates->ids, request->candidates->n);
	scan->excluded = list_excluded(scan, request);
	rs_idlist_begin(&scan->maker, &scan->ids, serving->model->item_kind, 0,
					CurrentMemoryContext);
	return scan;
}

RsScan *
rs_scan_of_user(const RsServing *serving, const RsRequest *request)
{
	return begin(serving, request);
}

RsScan *
rs_scan_of_item(const RsServing *serving, int32 position, const RsRequest *request)
{
	RsScan	   *scan = begin(serving, request);
	const RsItems *items = &serving->ranking.items;

	scan->item_id = rs_idlist_get(&serving->image->ids, position);
	scan->x = items->factors + (Size) position * items->stride;
	scan->x_square = rs_dot(scan->x, scan->x, items->k);
	return scan;
}

RsScan *
rs_scan_of_scores(const RsServing *serving, const RsIdList *items, const float *scores,
				  const RsRequest *request)
{
	RsScan	   *scan = begin(serving, request);

	scan->among[AMONG_SCORED] = items;
	scan->scores = scores;
	return scan;
}

/* ---- a pass ------------------------------------------------------------------ */

static bool
ranks_by_users(const RsScan *scan)
{
	return scan->x == NULL && scan->scores == NULL && rs_serving_is_popular(&scan->serving);
}

/* What the row is ranked by. */
static Best
rank_row(const RsScan *scan, Datum id)
{
	const RsServing *serving = &scan->serving;
	Best		entry = {.kind = scan->ids.kind,.id = id};

	if (scan->x != NULL)
		entry.preference = rs_cosine(scan->x, scan->x_square, serving->ranking.items.factors,
									 serving->ranking.items.k);
	else if (scan->scores != NULL)
		entry.preference = scan->scores[rs_idlist_find(scan->among[AMONG_SCORED], id)];
	else if (serving->blended != NULL && !rs_serving_is_popular(serving))
		entry.preference = rs_blended_key_of(serving->blended, id, serving->ranking.items.factors,
											 scan->column);
	else
		entry.preference = rs_serving_preference(serving, 0);
	entry.key = ranks_by_users(scan) ? scan->row.users[0] : entry.preference;
	return entry;
}

static bool
is_wanted(const RsScan *scan, Datum id)
{
	if (scan->x != NULL && rs_id_compare(id, scan->item_id, scan->ids.kind) == 0)
		return false;
	for (int i = 0; i < AMONG_LISTS; i++)
	{
		if (scan->among[i] != NULL && rs_idlist_find(scan->among[i], id) < 0)
			return false;
	}
	return rs_idlist_find(scan->excluded, id) < 0;
}

static Datum
copy_id(const RsScan *scan, Datum id)
{
	MemoryContext caller = MemoryContextSwitchTo(scan->context);
	Datum		copy = rs_id_copy(id, scan->ids.kind);

	MemoryContextSwitchTo(caller);
	return copy;
}

/* Among the best, one that is better than the worst of them. */
static void
keep(RsScan *scan, const Best *entry)
{
	if (scan->n_best == scan->capacity)
	{
		rs_id_free(scan->best[0].id, scan->ids.kind);
		best_sink(scan->best, 0, scan->n_best, *entry);
		return;
	}
	scan->best[scan->n_best++] = *entry;
	if (scan->n_best < scan->capacity)
		return;
	for (int32 i = scan->n_best / 2 - 1; i >= 0; i--)
	{
		CHECK_FOR_INTERRUPTS();
		best_sink(scan->best, i, scan->n_best, scan->best[i]);
	}
}

/* The one item of a key is that of a row. */
static void
look_at_row(RsKey *key, const RsRecvec *vector)
{
	if (vector == NULL)
		return;
	key->items.factors = vector->x;
	if (key->items.biases != NULL)
		key->items.biases = &vector->x[key->items.k];
}

/* The one item of a key is that at a position of another. */
static void
look_at_item(RsKey *key, const RsItems *items, int32 position)
{
	key->items.factors = items->factors + (Size) position * items->stride;
	if (items->biases != NULL)
		key->items.biases = &items->biases[position];
}

static void
take_item(void *arg, Datum id, const RsItemFactors *row)
{
	RsScan	   *scan = arg;
	Best		entry;

	scan->row.users = (int32 *) &row->users;
	look_at_row(&scan->serving.scoring, row->parts[RS_PART_RATING]);
	look_at_row(&scan->serving.ranking,
				row->parts[rs_ranking_part(scan->serving.version->n_parts)]);
	if (scan->serving.blended != NULL && !isnan(row->popularity))
		scan->column = rs_blended_column(scan->serving.blended, row->popularity);
	entry = rank_row(scan, id);
	if (isnan(entry.key) ||
		(scan->n_best == scan->capacity && !comes_before(&entry, &scan->best[0])) ||
		(scan->resumed && !comes_before(&scan->last, &entry)) ||
		!is_wanted(scan, id))
		return;
	entry.id = copy_id(scan, id);
	if (rs_serving_has_score(&scan->serving))
		entry.score = rs_serving_score(&scan->serving, 0);
	keep(scan, &entry);
}

/* The shortest of the lists of items that alone are wanted; NULL if there is none. */
static const RsIdList *
wanted_items(const RsScan *scan)
{
	const RsIdList *shortest = NULL;

	for (int i = 0; i < AMONG_LISTS; i++)
	{
		if (scan->among[i] != NULL && (shortest == NULL || scan->among[i]->n < shortest->n))
			shortest = scan->among[i];
	}
	return shortest;
}

/* Find the next m, and more. */
static void
run_pass(RsScan *scan, int32 m)
{
	const RsModel *model = scan->serving.model;
	const RsVersion *version = scan->serving.version;
	const RsIdList *wanted = wanted_items(scan);

	m = Max(m, AHEAD);
	if (m > scan->capacity)
	{
		if (scan->best != NULL)
			pfree(scan->best);
		scan->best = MemoryContextAllocHuge(scan->context, mul_size(sizeof(Best), m));
		scan->capacity = m;
	}
	scan->n_best = 0;
	scan->taken = 0;
	if (wanted != NULL)
		rs_factors_read_items(model, version, wanted, false, take_item, scan);
	else
		(void) rs_factors_scan_items(model, version, false, take_item, scan);
	scan->exhausted = scan->n_best < scan->capacity;
	if (scan->exhausted)
		(void) best_sort(scan->best, scan->n_best, rs_interrupt, NULL);
	else
		(void) best_drain(scan->best, scan->n_best, rs_interrupt, NULL);
}

/* ---- handing out --------------------------------------------------------------- */

static void
hand_out(RsScan *scan, const Best *entry, RsScored *scored)
{
	int32		position = scan->ids.n;

	if (position == scan->n_scores)
	{
		scan->n_scores = Max(scan->n_scores, AHEAD / 2) * 2;
		scan->handed_scores = scan->handed_scores == NULL ?
			MemoryContextAllocHuge(scan->context, mul_size(sizeof(float), scan->n_scores)) :
			repalloc_huge(scan->handed_scores, mul_size(sizeof(float), scan->n_scores));
	}
	scan->handed_scores[position] = entry->score;
	rs_idlist_append(&scan->maker, entry->id);
	scored->position = position;
	scored->score = entry->preference;
	if (scan->resumed)
		rs_id_free(scan->last.id, scan->ids.kind);
	scan->last = *entry;
	scan->resumed = true;
}

int32
rs_scan_next(RsScan *scan, int32 m, RsScored *entries)
{
	int32		n = 0;

	while (n < m)
	{
		CHECK_FOR_INTERRUPTS();
		if (scan->taken < scan->n_best)
			hand_out(scan, &scan->best[scan->taken++], &entries[n++]);
		else if (!scan->exhausted)
			run_pass(scan, m - n);
		else
			break;
	}
	return n;
}

void
rs_scan_after(RsScan *scan, const RsServing *serving, int32 position)
{
	const RsImage *image = serving->image;

	scan->row.users = &image->users[position];
	look_at_item(&scan->serving.scoring, &serving->scoring.items, position);
	look_at_item(&scan->serving.ranking, &serving->ranking.items, position);
	if (image->blend.has_column)
		scan->column = image->blend.column[position];
	scan->last = rank_row(scan, rs_idlist_get(&image->ids, position));
	scan->last.id = copy_id(scan, scan->last.id);
	scan->resumed = true;
}

void
rs_scan_restrict(RsScan *scan, const RsIdList *items)
{
	RsIdList   *shown = palloc(sizeof(RsIdList));

	rs_idlist_sorted(shown, items, (uint64) scan->serving.version->stamp);
	scan->among[AMONG_SHOWN] = shown;
	for (; scan->taken < scan->n_best; scan->taken++)
	{
		CHECK_FOR_INTERRUPTS();
		rs_id_free(scan->best[scan->taken].id, scan->ids.kind);
	}
	scan->exhausted = false;
}

int32
rs_scan_left(const RsScan *scan)
{
	const RsIdList *wanted = wanted_items(scan);
	int32		left = Max(scan->serving.version->items - scan->ids.n, 0);

	if (scan->exhausted)
		return scan->n_best - scan->taken;
	return wanted != NULL ? Min(wanted->n, left) : left;
}

const RsIdList *
rs_scan_ids(const RsScan *scan)
{
	return &scan->ids;
}

const float *
rs_scan_scores(const RsScan *scan)
{
	return scan->handed_scores;
}
