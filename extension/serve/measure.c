/*-------------------------------------------------------------------------
 *
 * measure.c
 *		What a version is worth for each user of held-out data, one after another.
 *
 * For each user of the test relation, which test_reader.h reads, the functions
 * that serve recommend() and predict() are asked, with the vector folded in from
 * the model's view.
 *
 * Memory: one item image and a number for each of its items, a batch of the cursor,
 * and one user's work, which is freed before the next.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "compat.h"
#include "kernel/cells.h"
#include "serve/measure.h"

static int
compare_int32(const void *a, const void *b)
{
	int32		i = *(const int32 *) a;
	int32		j = *(const int32 *) b;

	return (i > j) - (i < j);
}

int
rs_measure_lengths(int32 *k, int n)
{
	int			n_distinct = 0;

	qsort(k, n, sizeof(int32), compare_int32);
	for (int i = 0; i < n; i++)
	{
		if (i == 0 || k[i] != k[n_distinct - 1])
			k[n_distinct++] = k[i];
	}
	return n_distinct;
}

static bool
contains(const int32 *positions, int32 n, int32 position)
{
	return bsearch(&position, positions, n, sizeof(int32), compare_int32) != NULL;
}

/* ---- the list --------------------------------------------------------------- */

static bool
is_relevant(const RsMeasureOptions *options, const RsTestRow *row)
{
	if (!row->has_item)
		return false;
	return !options->has_min_rating ||
		(row->has_rating && (float4) row->rating >= options->min_rating);
}

/*
 * T, the distinct relevant items: how many there are, and the positions of those
 * that the version has, ascending, in an array with room for one of each row.
 */
static void
find_relevant(const RsMeasuring *measuring, RsUserMeasure *measure, int32 *positions)
{
	const RsTestUser *test = measure->test;
	RsIdKind	kind = measuring->model->item_kind;
	const RsTestRow *last = NULL;

	for (int32 i = 0; i < test->n; i++)
	{
		const RsTestRow *row = &test->rows[i];
		int32		position;

		CHECK_FOR_INTERRUPTS();
		if (!is_relevant(measuring->options, row))
			continue;
		if (last != NULL && rs_id_compare(last->item_id, row->item_id, kind) == 0)
			continue;
		last = row;
		measure->relevant++;
		position = rs_idlist_find(&measuring->image->ids, row->item_id);
		if (position >= 0)
			positions[measure->known++] = position;
		else if (measure->unknown == NULL)
			measure->unknown = row;
	}
}

/* How many of the items at these n positions, which ascend, the user has already. */
static int32
count_seen(const RsImage *image, const RsUser *user, const int32 *positions, int32 n)
{
	bool	   *seen = palloc_extended(Max(n, 1) * sizeof(bool),
									   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	int32		n_seen = 0;

	for (int32 i = 0; i < user->n_seen && n_seen < n; i++)
	{
		int32		position = rs_idlist_find(&image->ids, rs_user_seen(user, i));
		const int32 *found = bsearch(&position, positions, n, sizeof(int32), compare_int32);

		CHECK_FOR_INTERRUPTS();
		if (found != NULL && !seen[found - positions])
		{
			seen[found - positions] = true;
			n_seen++;
		}
	}
	return n_seen;
}

/*
 * The metrics of the list at every k: one pass, as the k ascend.  It goes on beyond the
 * end of the list to the number of relevant items, since the ideal list has a hit there.
 */
static void
judge_list(const RsMeasuring *measuring, RsUserMeasure *measure, const int32 *positions)
{
	const RsMeasureOptions *options = measuring->options;
	const RsRecommendation *list = &measure->list;
	RsRankSums	sums = {0};
	double		popularity_ranks = 0;
	int32		longest = Max(list->n, measure->relevant);

	measure->lists = palloc(mul_size(sizeof(RsUserList), options->n_k));
	for (int i = 0; i < options->n_k; i++)
	{
		RsUserList *judged = &measure->lists[i];
		int32		k = options->k[i];

		for (int32 rank = sums.rank; rank < Min(k, longest); rank++)
		{
			bool		hit = false;

			CHECK_FOR_INTERRUPTS();
			if (rank < list->n)
			{
				int32		position = list->entries[rank].position;

				hit = contains(positions, measure->known, position);
				popularity_ranks += measuring->popularity_rank[position];
			}
			rs_rank_add(&sums, hit, rank < measure->relevant);
		}
		judged->metrics = rs_rank_metrics(&sums, measure->relevant, k);
		judged->novelty = list->n > 0 ? popularity_ranks / Min(k, list->n) : NAN;
	}
}

/* Make and judge the list of one user, unless no item is relevant. */
static void
measure_list(const RsMeasuring *measuring, RsServing *serving, RsUserMeasure *measure)
{
	const RsMeasureOptions *options = measuring->options;
	int32	   *positions = palloc_extended(mul_size(sizeof(int32), measure->test->n),
											MCXT_ALLOC_HUGE);
	RsRequest	request = {
		.k = options->k[options->n_k - 1],
		.exclude_seen = options->exclude_seen,
	};

	find_relevant(measuring, measure, positions);
	if (measure->relevant == 0)
		return;
	if (options->exclude_seen)
		measure->known_seen = count_seen(measuring->image, &serving->user, positions,
										 measure->known);
	rs_recommend(serving, &request, &measure->list);
	judge_list(measuring, measure, positions);
}

/* ---- predictions -------------------------------------------------------------- */

/* Is a value a like?  Ratings and predictions are compared as floats, both by one rule. */
static bool
is_liked(const RsMeasuring *measuring, float4 value)
{
	if (measuring->options->has_min_rating)
		return value >= measuring->options->min_rating;
	return rs_cell_is_like(value, false, measuring->version->mean);
}

static void
add_error(const RsMeasuring *measuring, RsUserErrors *errors, double rating, float4 score)
{
	double		error = rating - (double) score;
	bool		liked = is_liked(measuring, (float4) rating);
	bool		predicted_liked = is_liked(measuring, score);

	errors->predicted++;
	errors->squared += error * error;
	errors->absolute += fabs(error);
	errors->liked += liked;
	errors->predicted_liked += predicted_liked;
	errors->both_liked += liked && predicted_liked;
}

/* Compare predictions with the ratings of the test rows. */
static void
measure_errors(const RsMeasuring *measuring, const RsServing *serving, RsUserMeasure *measure)
{
	const RsTestUser *test = measure->test;

	for (int32 i = 0; i < test->n; i++)
	{
		const RsTestRow *row = &test->rows[i];
		float4		score;

		CHECK_FOR_INTERRUPTS();
		if (!row->has_item || !row->has_rating)
			continue;
		measure->errors.rated++;
		if (rs_serving_predict(serving, rs_idlist_find(&serving->image->ids, row->item_id), &score))
			add_error(measuring, &measure->errors, row->rating, score);
	}
}

/* ---- user after user ------------------------------------------------------------ */

/* The rank of each item by popularity, from 1: the inverse of the image's order. */
static void
rank_by_popularity(RsMeasuring *measuring)
{
	const RsImage *image = measuring->image;

	measuring->popularity_rank = palloc_extended(mul_size(sizeof(int32), Max(image->ids.n, 1)),
												 MCXT_ALLOC_HUGE);
	for (int32 i = 0; i < image->ids.n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		measuring->popularity_rank[image->by_popularity[i]] = i + 1;
	}
}

void
rs_measure_begin(RsMeasuring *measuring, const RsModel *model, const RsVersion *version,
				 Oid test, const RsMeasureOptions *options)
{
	memset(measuring, 0, sizeof(RsMeasuring));
	measuring->model = model;
	measuring->version = version;
	measuring->options = options;
	measuring->context = CurrentMemoryContext;
	measuring->work = AllocSetContextCreate(measuring->context, "recsys evaluate user",
											ALLOCSET_DEFAULT_SIZES);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	rs_test_open(&measuring->reader, model, test,
				 version->feedback == RS_EXPLICIT || options->has_min_rating);
	MemoryContextSwitchTo(measuring->context);
	/* pinned, as the view's functions run in between */
	measuring->image = rs_image_open(model, version);
	rs_image_pin(measuring->image, measuring->context);
	rank_by_popularity(measuring);
}

static void
measure_user(RsMeasuring *measuring, RsUserMeasure *measure)
{
	RsServing	serving;
	RsAsk		ask = {
		.user_id = measuring->user.id,
		.fresh = true,
		.need_seen = true,
		.image = measuring->image,
	};

	memset(measure, 0, sizeof(RsUserMeasure));
	measure->test = &measuring->user;
	rs_serving_open(&serving, measuring->model, measuring->version, &ask);
	measure->origin = serving.origin;
	measure->seen = serving.user.n_seen;
	measure_list(measuring, &serving, measure);
	if (measuring->version->feedback == RS_EXPLICIT)
		measure_errors(measuring, &serving, measure);
}

bool
rs_measure_next(RsMeasuring *measuring, RsUserMeasure *measure)
{
	MemoryContext caller = MemoryContextSwitchTo(measuring->work);
	bool		found;

	CHECK_FOR_INTERRUPTS();
	MemoryContextReset(measuring->work);
	found = rs_test_next_user(&measuring->reader, &measuring->user);
	if (found)
		measure_user(measuring, measure);
	MemoryContextSwitchTo(caller);
	return found;
}

void
rs_measure_end(RsMeasuring *measuring)
{
	rs_test_close(&measuring->reader);
	SPI_finish();
	MemoryContextSwitchTo(measuring->context);
	MemoryContextDelete(measuring->work);
}
