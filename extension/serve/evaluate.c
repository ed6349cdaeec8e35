/*-------------------------------------------------------------------------
 *
 * evaluate.c
 *		Measuring a version on held-out data.
 *
 * For each user of the test relation, which test_reader.h reads, the functions
 * that serve recommend() and predict() are asked, with the vector folded in
 * from the model's view.  Values are added user by user in ascending order, so
 * a repetition gives the same bits.
 *
 * Memory: one item image, a batch of the cursor, and one user's work, which is
 * freed before the next.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "compat.h"
#include "kernel/metrics.h"
#include "serve/evaluate.h"
#include "serve/recommend.h"
#include "serve/test_reader.h"

typedef struct ListTotals
{
	RsMean		recall;
	RsMean		hit_rate;
	RsMean		ndcg;
} ListTotals;

typedef struct Evaluation
{
	const RsModel *model;
	const RsVersion *version;
	const RsImage *image;
	const int32 *k;
	int			n_k;
	bool		exclude_seen;
	ListTotals *lists;			/* n_k */
	int64		without_items;	/* users without an item to rank */
	RsRatio		squared;
	RsRatio		absolute;
	RsRatio		predicted;
	int64		without_predictions;

	/* what the model knows of the test data, of users with an item */
	RsRatio		known_users;	/* the view has rows of them */
	RsRatio		known_items;	/* the version has them; of each user's items */
	double		seen_items;		/* of the same, those left out of the lists */
	char	   *unknown_user;	/* the first, NULL if there is none */
	char	   *unknown_item;
	MemoryContext context;		/* of the two */
} Evaluation;

static int
compare_int32(const void *a, const void *b)
{
	int32		i = *(const int32 *) a;
	int32		j = *(const int32 *) b;

	return (i > j) - (i < j);
}

/* The list lengths, ascending, each once. */
static int32 *
sort_lengths(const int32 *k, int *n_k)
{
	int32	   *sorted = palloc(mul_size(sizeof(int32), *n_k));
	int			n = 1;

	memcpy(sorted, k, *n_k * sizeof(int32));
	qsort(sorted, *n_k, sizeof(int32), compare_int32);
	for (int i = 1; i < *n_k; i++)
	{
		if (sorted[i] != sorted[n - 1])
			sorted[n++] = sorted[i];
	}
	*n_k = n;
	return sorted;
}

/* ---- one user ------------------------------------------------------------- */

/* An id for messages, kept beyond its user. */
static char *
shown(const Evaluation *evaluation, Datum id, RsIdKind kind)
{
	return MemoryContextStrdup(evaluation->context, rs_id_shown(id, kind));
}

/*
 * The number of distinct items of a test user, and the positions of those the
 * version knows, ascending.
 */
static int32
find_relevant(Evaluation *evaluation, const RsTestUser *test,
			  int32 *positions, int32 *n_positions)
{
	RsIdKind	kind = evaluation->model->item_kind;
	int32		relevant = 0;
	int32		last = -1;

	*n_positions = 0;
	for (int32 i = 0; i < test->n; i++)
	{
		int32		position;

		CHECK_FOR_INTERRUPTS();
		if (!test->rows[i].has_item)
			continue;
		if (last >= 0 && rs_id_compare(test->rows[last].item_id,
									   test->rows[i].item_id, kind) == 0)
			continue;
		last = i;
		relevant++;
		position = rs_idlist_find(&evaluation->image->ids, test->rows[i].item_id);
		if (position >= 0)
			positions[(*n_positions)++] = position;
		else if (evaluation->unknown_item == NULL)
			evaluation->unknown_item = shown(evaluation, test->rows[i].item_id, kind);
	}
	return relevant;
}

/* How many of the items at these positions the user has already; positions ascend. */
static int32
count_seen(const Evaluation *evaluation, const RsUser *user,
		   const int32 *positions, int32 n_positions)
{
	bool	   *seen = palloc_extended(Max(n_positions, 1) * sizeof(bool),
									   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	int32		n = 0;

	for (int32 i = 0; i < user->n_seen && n < n_positions; i++)
	{
		int32		position = rs_idlist_find(&evaluation->image->ids, rs_user_seen(user, i));
		const int32 *found = bsearch(&position, positions, n_positions, sizeof(int32),
									 compare_int32);

		CHECK_FOR_INTERRUPTS();
		if (found != NULL && !seen[found - positions])
		{
			seen[found - positions] = true;
			n++;
		}
	}
	return n;
}

/* Add what the model knows of a test user with relevant >= 1 items. */
static void
add_known(Evaluation *evaluation, const RsUser *user, int32 relevant,
		  const int32 *positions, int32 n_positions)
{
	rs_ratio_add(&evaluation->known_users, user->n_seen > 0, 1);
	rs_ratio_add(&evaluation->known_items, n_positions, relevant);
	if (user->n_seen == 0 && evaluation->unknown_user == NULL)
		evaluation->unknown_user = shown(evaluation, user->id, evaluation->model->user_kind);
	if (evaluation->exclude_seen)
		evaluation->seen_items += count_seen(evaluation, user, positions, n_positions);
}

/* Add what a list is worth at every k, which ascend: one pass over the list. */
static void
add_list(Evaluation *evaluation, const RsRecommendation *list, int32 relevant,
		 const int32 *positions, int32 n_positions)
{
	RsRankSums	sums = {0};
	int32		longest = Max(list->n, relevant);

	for (int i = 0; i < evaluation->n_k; i++)
	{
		ListTotals *totals = &evaluation->lists[i];
		RsRankMetrics metrics;

		CHECK_FOR_INTERRUPTS();
		for (int32 rank = sums.rank; rank < Min(evaluation->k[i], longest); rank++)
		{
			bool		hit = rank < list->n &&
				bsearch(&list->entries[rank].position, positions, n_positions,
						sizeof(int32), compare_int32) != NULL;

			CHECK_FOR_INTERRUPTS();
			rs_rank_add(&sums, hit, rank < relevant);
		}
		metrics = rs_rank_metrics(&sums, relevant);
		rs_mean_add(&totals->recall, metrics.recall);
		rs_mean_add(&totals->hit_rate, metrics.hit_rate);
		rs_mean_add(&totals->ndcg, metrics.ndcg);
	}
}

/* Rank for one user and add what the list is worth. */
static void
evaluate_list(Evaluation *evaluation, const RsTestUser *test, const RsServing *serving)
{
	int32	   *positions = palloc_extended(mul_size(sizeof(int32), test->n), MCXT_ALLOC_HUGE);
	int32		n_positions;
	int32		relevant = find_relevant(evaluation, test, positions, &n_positions);
	RsRequest	request = {0};
	RsRecommendation list;

	if (relevant == 0)
	{
		evaluation->without_items++;
		return;
	}
	request.k = evaluation->k[evaluation->n_k - 1];
	request.exclude_seen = evaluation->exclude_seen;
	add_known(evaluation, &serving->user, relevant, positions, n_positions);
	rs_recommend(serving, &request, &list);
	add_list(evaluation, &list, relevant, positions, n_positions);
}

/* Compare predictions with the ratings of one user's test rows. */
static void
evaluate_predictions(Evaluation *evaluation, const RsTestUser *test,
					 const RsServing *serving)
{
	double		squared = 0;
	double		absolute = 0;
	int32		pairs = 0;
	int32		predicted = 0;

	for (int32 i = 0; i < test->n; i++)
	{
		const RsTestRow *row = &test->rows[i];
		int32		position;
		double		error;

		CHECK_FOR_INTERRUPTS();
		if (!row->has_item || !row->has_rating)
			continue;
		pairs++;
		position = rs_idlist_find(&serving->image->ids, row->item_id);
		if (!rs_serving_has_score(serving) || position < 0)
			continue;
		error = row->rating - (double) rs_serving_score(serving, position);
		squared += error * error;
		absolute += fabs(error);
		predicted++;
	}
	if (pairs == 0)
		return;
	rs_ratio_add(&evaluation->predicted, predicted, pairs);
	if (predicted == 0)
		evaluation->without_predictions++;
	else
	{
		rs_ratio_add(&evaluation->squared, squared, predicted);
		rs_ratio_add(&evaluation->absolute, absolute, predicted);
	}
}

static void
evaluate_user(Evaluation *evaluation, const RsTestUser *test)
{
	RsServing	serving;
	RsAsk		ask = {
		.user_id = test->id,
		.fresh = true,
		.need_seen = true,
		.image = evaluation->image,
	};

	rs_serving_open(&serving, evaluation->model, evaluation->version, &ask);
	evaluate_list(evaluation, test, &serving);
	if (evaluation->version->feedback == RS_EXPLICIT)
		evaluate_predictions(evaluation, test, &serving);
}

/* ---- the result ----------------------------------------------------------- */

static RsMetricRow
list_row(const Evaluation *evaluation, const char *metric, int32 k, const RsMean *mean)
{
	RsMetricRow row;

	row.metric = metric;
	row.k = k;
	row.value = mean->n > 0 ? mean->mean : NAN;
	row.standard_error = rs_mean_standard_error(mean);
	row.users = mean->n;
	row.users_skipped = evaluation->without_items;
	return row;
}

static RsMetricRow
ratio_row(const char *metric, const RsRatio *ratio, int64 skipped)
{
	RsMetricRow row;

	row.metric = metric;
	row.k = 0;
	row.value = ratio->n > 0 ? rs_ratio_value(ratio) : NAN;
	row.standard_error = rs_ratio_standard_error(ratio);
	row.users = ratio->n;
	row.users_skipped = skipped;
	return row;
}

/* The root of the mean squared error; its standard error by the delta method. */
static RsMetricRow
rmse_row(const Evaluation *evaluation)
{
	RsMetricRow row = ratio_row("rmse", &evaluation->squared,
								evaluation->without_predictions);

	row.value = sqrt(row.value);
	if (row.value > 0 && row.standard_error >= 0)
		row.standard_error /= 2 * row.value;
	return row;
}

/* All rows, ordered by metric and k. */
static int
make_rows(const Evaluation *evaluation, RsMetricRow *rows)
{
	bool		rated = evaluation->version->feedback == RS_EXPLICIT;
	int			n_k = evaluation->n_k;
	int			n = 0;

	for (int i = 0; i < n_k; i++)
		rows[n++] = list_row(evaluation, "hit_rate", evaluation->k[i],
							 &evaluation->lists[i].hit_rate);
	rows[n++] = ratio_row("known_items", &evaluation->known_items, evaluation->without_items);
	rows[n++] = ratio_row("known_users", &evaluation->known_users, evaluation->without_items);
	if (rated)
		rows[n++] = ratio_row("mae", &evaluation->absolute,
							  evaluation->without_predictions);
	for (int i = 0; i < n_k; i++)
		rows[n++] = list_row(evaluation, "ndcg", evaluation->k[i],
							 &evaluation->lists[i].ndcg);
	if (rated)
		rows[n++] = ratio_row("predicted_share", &evaluation->predicted, 0);
	for (int i = 0; i < n_k; i++)
		rows[n++] = list_row(evaluation, "recall", evaluation->k[i],
							 &evaluation->lists[i].recall);
	if (rated)
		rows[n++] = rmse_row(evaluation);
	return n;
}

/* Say so where the figures tell little: of ids written otherwise, of a wrong split. */
static void
warn_of_test_data(const Evaluation *evaluation)
{
	const char *name = evaluation->model->name;
	const RsRatio *users = &evaluation->known_users;
	const RsRatio *items = &evaluation->known_items;

	if (users->a < 0.5 * users->b)
		ereport(WARNING,
				(errmsg("model \"%s\" has no rows of %.0f of the %.0f users of the test data",
						name, users->b - users->a, users->b),
				 errdetail("One of them is \"%s\".", evaluation->unknown_user),
				 errhint("They get the popular items. Write ids as the model's source does.")));
	if (items->a < 0.5 * items->b)
		ereport(WARNING,
				(errmsg("version %d of model \"%s\" does not know %.0f of %.0f test items, counted for each user",
						evaluation->version->version, name, items->b - items->a, items->b),
				 errdetail("One of them is \"%s\".", evaluation->unknown_item),
				 errhint("They cannot be hit. Write ids as the model's source does.")));
	if (evaluation->seen_items > 0.5 * items->b)
		ereport(WARNING,
				(errmsg("the source of model \"%s\" has %.0f of %.0f test items already, counted for each user",
						name, evaluation->seen_items, items->b),
				 errhint("They cannot be hit. Hold the test data out of the source, or use exclude_seen => false.")));
}

int
rs_evaluate(const RsModel *model, const RsVersion *version, Oid test,
			const int32 *k, int n_k, bool exclude_seen, RsMetricRow **rows)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext work = AllocSetContextCreate(caller, "recsys evaluate user",
											   ALLOCSET_DEFAULT_SIZES);
	Evaluation	evaluation = {0};
	RsTestReader reader;
	RsTestUser	user;

	evaluation.model = model;
	evaluation.version = version;
	evaluation.k = sort_lengths(k, &n_k);
	evaluation.n_k = n_k;
	evaluation.exclude_seen = exclude_seen;
	evaluation.context = caller;
	evaluation.lists = palloc0(mul_size(sizeof(ListTotals), n_k));
	*rows = palloc(mul_size(sizeof(RsMetricRow), add_size(mul_size(3, n_k), 5)));

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	rs_test_open(&reader, model, version, test);
	/* pinned, as the view's functions run in between */
	MemoryContextSwitchTo(caller);
	evaluation.image = rs_image_open(model, version);
	rs_image_pin(evaluation.image, caller);
	MemoryContextSwitchTo(work);
	while (rs_test_next_user(&reader, &user))
	{
		CHECK_FOR_INTERRUPTS();
		evaluate_user(&evaluation, &user);
		MemoryContextReset(work);
	}
	rs_test_close(&reader);
	SPI_finish();
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(work);
	warn_of_test_data(&evaluation);
	return make_rows(&evaluation, *rows);
}
