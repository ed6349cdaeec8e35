/*-------------------------------------------------------------------------
 *
 * evaluate.c
 *		Measuring a version on held-out data.
 *
 * The test relation is read once, ordered by user, through a cursor; for each
 * user the functions that serve recommend() and predict() are asked, with the
 * vector folded in from the model's view.  Values are added user by user in
 * ascending order, so a repetition gives the same bits.
 *
 * Memory: one item image, a batch of the cursor, and one user's work, which is
 * freed before the next.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/genam.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/portal.h"
#include "utils/uuid.h"

#include "compat.h"
#include "kernel/metrics.h"
#include "serve/evaluate.h"
#include "serve/recommend.h"

/* Rows of the test relation that are fetched at a time. */
#define BATCH_ROWS	10000

/* One row of the test relation. */
typedef struct TestRow
{
	Datum		user_id;
	bool		has_item;
	Datum		item_id;
	bool		has_rating;
	double		rating;
} TestRow;

/* All rows of one user; items ascend. */
typedef struct TestUser
{
	Datum		id;
	TestRow    *rows;
	int32		n;
	int32		capacity;
} TestUser;

typedef struct TestReader
{
	const RsModel *model;
	Portal		portal;
	uint64		next;			/* in the current batch */
	uint64		n;
} TestReader;

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
	ListTotals *lists;			/* n_k */
	int64		without_items;	/* users without an item to rank */
	RsRatio		squared;
	RsRatio		absolute;
	RsRatio		predicted;
	int64		without_predictions;
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

/* ---- reading the test relation -------------------------------------------- */

/* The column that is called like the one of the source, or by the usual name. */
static const char *
find_column(Oid test, const char *of_source, const char *usual)
{
	if (of_source != NULL && get_attnum(test, of_source) != InvalidAttrNumber)
		return of_source;
	if (get_attnum(test, usual) != InvalidAttrNumber)
		return usual;
	if (of_source == NULL || strcmp(of_source, usual) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("relation \"%s\" has no column \"%s\"",
						get_rel_name(test), usual)));
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("relation \"%s\" has neither a column \"%s\" nor a column \"%s\"",
					get_rel_name(test), of_source, usual)));
}

static const char *
id_expression(RsIdKind kind, const char *column)
{
	switch (kind)
	{
		case RS_ID_BIGINT:
			return psprintf("t.%s::pg_catalog.int8", quote_identifier(column));
		case RS_ID_TEXT:
			return psprintf("(t.%s::pg_catalog.text COLLATE pg_catalog.\"C\")",
							quote_identifier(column));
		case RS_ID_UUID:
			return psprintf("t.%s::pg_catalog.uuid", quote_identifier(column));
	}
	elog(ERROR, "unrecognized id kind: %d", (int) kind);
}

static char *
test_query(const RsModel *model, const RsVersion *version, Oid test)
{
	const char *name = get_rel_name(test);
	const char *rating = "NULL::pg_catalog.float8";
	const char *user;
	const char *item;

	if (name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", test)));
	user = id_expression(model->user_kind,
						 find_column(test, model->user_column, "user_id"));
	item = id_expression(model->item_kind,
						 find_column(test, model->item_column, "item_id"));
	if (version->feedback == RS_EXPLICIT)
		rating = psprintf("t.%s::pg_catalog.float8",
						  quote_identifier(find_column(test, model->rating_column, "rating")));
	return psprintf("SELECT %s, %s, %s FROM %s AS t WHERE %s IS NOT NULL"
					" ORDER BY 1, 2, 3",
					user, item, rating,
					quote_qualified_identifier(get_namespace_name(get_rel_namespace(test)), name),
					user);
}

static void
reader_open(TestReader *reader, const RsModel *model, const char *sql)
{
	SPIPlanPtr	plan = SPI_prepare(sql, 0, NULL);

	if (plan == NULL)
		elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
	memset(reader, 0, sizeof(TestReader));
	reader->model = model;
	reader->portal = SPI_cursor_open(NULL, plan, NULL, NULL, true);
	/* out of reach of a CLOSE ALL in a function of the model's view */
	PinPortal(reader->portal);
}

static void
reader_close(TestReader *reader)
{
	UnpinPortal(reader->portal);
	SPI_cursor_close(reader->portal);
}

/* Is there one more row?  Fetches the next batch when the last is used up. */
static bool
reader_has_row(TestReader *reader, SPITupleTable **batch)
{
	MemoryContext caller = CurrentMemoryContext;

	if (reader->next < reader->n)
		return true;
	if (*batch != NULL)
		SPI_freetuptable(*batch);
	SPI_cursor_fetch(reader->portal, true, BATCH_ROWS);
	MemoryContextSwitchTo(caller);	/* SPI leaves another one current */
	*batch = SPI_tuptable;
	reader->n = SPI_processed;
	reader->next = 0;
	return reader->n > 0;
}

static Datum
copy_id(Datum id, RsIdKind kind)
{
	if (kind == RS_ID_TEXT)
		return PointerGetDatum(PG_DETOAST_DATUM_COPY(id));
	return datumCopy(id, kind == RS_ID_BIGINT,
					 kind == RS_ID_UUID ? UUID_LEN : (int) sizeof(int64));
}

static void
check_rating(const RsModel *model, const TestRow *row)
{
	if (!row->has_rating || isfinite(row->rating))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 errmsg("rating is not a finite number"),
			 errdetail("User \"%s\", item \"%s\" of the test data.",
					   rs_id_to_cstring(row->user_id, model->user_kind),
					   row->has_item ?
					   rs_id_to_cstring(row->item_id, model->item_kind) : "")));
}

/* The next row; ids still point into the batch. */
static TestRow
peek_row(const TestReader *reader, const SPITupleTable *batch)
{
	HeapTuple	tuple = batch->vals[reader->next];
	TestRow		row = {0};
	bool		isnull;
	Datum		rating;

	row.user_id = SPI_getbinval(tuple, batch->tupdesc, 1, &isnull);
	row.item_id = SPI_getbinval(tuple, batch->tupdesc, 2, &isnull);
	row.has_item = !isnull;
	rating = SPI_getbinval(tuple, batch->tupdesc, 3, &isnull);
	row.has_rating = !isnull;
	row.rating = isnull ? 0 : DatumGetFloat8(rating);
	return row;
}

static void
append_row(TestUser *user, const TestRow *row)
{
	if (user->n == user->capacity)
	{
		if (user->capacity > PG_INT32_MAX / 2)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("too many rows for one user")));
		user->capacity *= 2;
		user->rows = repalloc_huge(user->rows, mul_size(sizeof(TestRow), user->capacity));
	}
	user->rows[user->n++] = *row;
}

/* Collect the rows of the next user into the current context. */
static bool
read_user(TestReader *reader, SPITupleTable **batch, TestUser *user)
{
	RsIdKind	user_kind = reader->model->user_kind;

	if (!reader_has_row(reader, batch))
		return false;
	user->id = copy_id(peek_row(reader, *batch).user_id, user_kind);
	user->n = 0;
	user->capacity = 16;
	user->rows = palloc(user->capacity * sizeof(TestRow));
	while (reader_has_row(reader, batch))
	{
		TestRow		row = peek_row(reader, *batch);

		if (user_kind == RS_ID_TEXT)
			row.user_id = PointerGetDatum(PG_DETOAST_DATUM_PACKED(row.user_id));
		if (rs_id_compare(row.user_id, user->id, user_kind) != 0)
			break;
		row.user_id = user->id;
		if (row.has_item)
			row.item_id = copy_id(row.item_id, reader->model->item_kind);
		check_rating(reader->model, &row);
		append_row(user, &row);
		reader->next++;
	}
	return true;
}

/* ---- one user ------------------------------------------------------------- */

/*
 * The number of distinct items of a test user, and the positions of those the
 * version knows, ascending.
 */
static int32
find_relevant(const Evaluation *evaluation, const TestUser *test,
			  int32 *positions, int32 *n_positions)
{
	RsIdKind	kind = evaluation->model->item_kind;
	int32		relevant = 0;
	int32		last = -1;

	*n_positions = 0;
	for (int32 i = 0; i < test->n; i++)
	{
		int32		position;

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
	}
	return relevant;
}

/* Rank for one user and add what his list is worth. */
static void
evaluate_list(Evaluation *evaluation, const TestUser *test,
			  const RsUser *user, const RsUserVector *vector)
{
	int32	   *positions = palloc_extended(mul_size(sizeof(int32), test->n), MCXT_ALLOC_HUGE);
	int32		n_positions;
	int32		relevant = find_relevant(evaluation, test, positions, &n_positions);
	RsRequest	request = {0};
	RsRecommendation list;
	bool	   *hit;

	if (relevant == 0)
	{
		evaluation->without_items++;
		return;
	}
	request.k = evaluation->k[evaluation->n_k - 1];
	request.exclude_seen = true;
	rs_recommend(evaluation->version, evaluation->image, user, vector, &request, &list);
	hit = palloc_extended(Max(list.n, 1) * sizeof(bool), MCXT_ALLOC_HUGE);
	for (int32 i = 0; i < list.n; i++)
		hit[i] = bsearch(&list.entries[i].position, positions, n_positions,
						 sizeof(int32), compare_int32) != NULL;
	for (int i = 0; i < evaluation->n_k; i++)
	{
		RsRankMetrics metrics = rs_metrics_of_list(hit, list.n, relevant, evaluation->k[i]);

		rs_mean_add(&evaluation->lists[i].recall, metrics.recall);
		rs_mean_add(&evaluation->lists[i].hit_rate, metrics.hit_rate);
		rs_mean_add(&evaluation->lists[i].ndcg, metrics.ndcg);
	}
}

/* Compare predictions with the ratings of one user's test rows. */
static void
evaluate_predictions(Evaluation *evaluation, const TestUser *test,
					 const RsUserVector *vector)
{
	const RsImage *image = evaluation->image;
	double		base = rs_user_base(evaluation->version, vector);
	double		squared = 0;
	double		absolute = 0;
	int32		pairs = 0;
	int32		predicted = 0;

	for (int32 i = 0; i < test->n; i++)
	{
		const TestRow *row = &test->rows[i];
		int32		position;
		double		error;

		if (!row->has_item || !row->has_rating)
			continue;
		pairs++;
		position = rs_idlist_find(&image->ids, row->item_id);
		if (vector->x == NULL || position < 0)
			continue;
		error = row->rating - (double) rs_image_score(image, position, vector->x, base);
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
evaluate_user(Evaluation *evaluation, const TestUser *test)
{
	RsUser		user;
	RsUserVector vector;

	rs_user_read(evaluation->model, evaluation->version, test->id, true, true, &user);
	rs_user_vector(evaluation->model, evaluation->version, evaluation->image,
				   &user, &vector);
	evaluate_list(evaluation, test, &user, &vector);
	if (evaluation->version->feedback == RS_EXPLICIT)
		evaluate_predictions(evaluation, test, &vector);
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

int
rs_evaluate(const RsModel *model, const RsVersion *version, Oid test,
			const int32 *k, int n_k, RsMetricRow **rows)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext work = AllocSetContextCreate(caller, "recsys evaluate user",
											   ALLOCSET_DEFAULT_SIZES);
	const char *sql = test_query(model, version, test);
	Evaluation	evaluation = {0};
	TestReader	reader;
	TestUser	user;
	SPITupleTable *batch = NULL;

	evaluation.model = model;
	evaluation.version = version;
	evaluation.k = sort_lengths(k, &n_k);
	evaluation.n_k = n_k;
	evaluation.lists = palloc0(mul_size(sizeof(ListTotals), n_k));
	*rows = palloc(mul_size(sizeof(RsMetricRow), add_size(mul_size(3, n_k), 3)));

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	reader_open(&reader, model, sql);
	evaluation.image = rs_image_build(model, version, caller);
	MemoryContextSwitchTo(work);
	while (read_user(&reader, &batch, &user))
	{
		CHECK_FOR_INTERRUPTS();
		evaluate_user(&evaluation, &user);
		MemoryContextReset(work);
	}
	reader_close(&reader);
	SPI_finish();
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(work);
	return make_rows(&evaluation, *rows);
}
