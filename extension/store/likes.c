/*-------------------------------------------------------------------------
 *
 * likes.c
 *		How many users like each item by the rows that the model's view shows now.
 *
 * One SELECT counts them over the rows of a window of time, which an index on the time
 * of the source finds.  Its plan is saved; all that depends on the question is its one
 * argument, an array of float8 {since, least value of a like, now, half-life}: times in
 * seconds of the epoch, the half-life in seconds.
 *
 * Memory: that of the executor, which keeps the pairs of users and items of the window
 * in its hash tables, and beyond work_mem on disk.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "store/likes.h"
#include "store/source.h"

/* ---- the window --------------------------------------------------------------- */

static void
check_times(const RsModel *model)
{
	if (!OidIsValid(model->time_type))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("model \"%s\" has no time column", model->name),
				 errhint("Create the model with time_column, or ask without since and half_life.")));
	if (model->time_type != TIMESTAMPTZOID && model->time_type != TIMESTAMPOID &&
		model->time_type != DATEOID)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the times of model \"%s\" are numbers", model->name),
				 errdetail("How long ago they are cannot be told."),
				 errhint("Let a view make timestamps of them.")));
}

/* now - interval, as SQL subtracts: how long a month is depends on the date. */
static TimestampTz
before(TimestampTz now, const Interval *interval, const char *name)
{
	TimestampTz time = DatumGetTimestampTz(DirectFunctionCall2(timestamptz_mi_interval,
															   TimestampTzGetDatum(now),
															   PointerGetDatum(interval)));

	if (time >= now || TIMESTAMP_NOT_FINITE(time))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be a positive, finite interval", name)));
	return time;
}

/* Seconds since 1970-01-01 00:00 UTC, as date_part('epoch', ...) gives them. */
static double
epoch(TimestampTz time)
{
	return (double) (time - SetEpochTimestamp()) / USECS_PER_SEC;
}

RsLikesWindow
rs_likes_window(const RsModel *model, const Interval *since, const Interval *half_life)
{
	TimestampTz now = GetCurrentTransactionStartTimestamp();
	RsLikesWindow window = {.since = -INFINITY,.now = epoch(now),.half_life = INFINITY};

	check_times(model);
	if (since != NULL)
		window.since = epoch(before(now, since, "since"));
	if (half_life != NULL)
		window.half_life = (double) (now - before(now, half_life, "half_life")) / USECS_PER_SEC;
	return window;
}

/* ---- the statement -------------------------------------------------------------- */

/*
 * Both make "last", {time, value}, of each pair of a user and an item.  With weights it
 * is the latest time and the sum; with ratings the latest rating, or the mean of equally
 * late ones: arrays compare by their first elements first, so max() finds it.
 */
#define LAST_OF_WEIGHTS \
	"SELECT v.item_id," \
	" ARRAY[pg_catalog.max(pg_catalog.date_part('epoch', v.\"time\"::pg_catalog.timestamptz))," \
	" pg_catalog.sum(v.rating::pg_catalog.float8)] AS last" \
	" FROM %s GROUP BY v.user_id, v.item_id"

#define LAST_OF_RATINGS \
	"SELECT c.item_id, pg_catalog.max(ARRAY[pg_catalog.date_part('epoch'," \
	" c.\"time\"::pg_catalog.timestamptz), c.rating]) AS last" \
	" FROM (SELECT v.user_id, v.item_id, v.\"time\"," \
	" pg_catalog.avg(v.rating::pg_catalog.float8) AS rating" \
	" FROM %s GROUP BY v.user_id, v.item_id, v.\"time\") AS c" \
	" GROUP BY c.user_id, c.item_id"

/* Rows of the window that a training can use. */
#define WINDOW \
	"recsys_data.%s AS v" \
	" WHERE v.\"time\" OPERATOR(pg_catalog.>=) pg_catalog.to_timestamp($1[1])" \
	" AND v.user_id IS NOT NULL AND v.item_id IS NOT NULL AND %s"

/* Each like counts 1 */
#define COUNTED \
	"SELECT l.item_id, pg_catalog.count(*)::pg_catalog.float8 FROM (%s) AS l" \
	" WHERE l.last[2] OPERATOR(pg_catalog.>=) $1[2] GROUP BY l.item_id"

/*
 * or 2^(-age / half-life), a like of the future 1.  The exponent is at least -1000, as
 * power() raises an error where its result would be zero; as real both are zero.  Sums
 * in a fixed order give the same bits for any order of the rows.
 */
#define FADING \
	"SELECT f.item_id, pg_catalog.sum(f.part ORDER BY f.part) FROM (" \
	"SELECT l.item_id, pg_catalog.power(2, GREATEST(-1000, LEAST(0," \
	" l.last[1] OPERATOR(pg_catalog.-) $1[3]) OPERATOR(pg_catalog./) $1[4])) AS part" \
	" FROM (%s) AS l WHERE l.last[2] OPERATOR(pg_catalog.>=) $1[2]) AS f GROUP BY f.item_id"

/*
 * For instance, with ratings and without a half-life:
 *
 * SELECT l.item_id, count(*)::float8 FROM (
 *  SELECT c.item_id, max(ARRAY[date_part('epoch', c."time"::timestamptz), c.rating]) AS last
 *   FROM (SELECT v.user_id, v.item_id, v."time", avg(v.rating::float8) AS rating
 *     FROM recsys_data.movies AS v
 *     WHERE v."time" >= to_timestamp($1[1])
 *       AND v.user_id IS NOT NULL AND v.item_id IS NOT NULL
 *       AND v.rating::float8 >= -FLT_MAX AND v.rating::float8 <= FLT_MAX
 *     GROUP BY v.user_id, v.item_id, v."time") AS c
 *   GROUP BY c.user_id, c.item_id) AS l
 *  WHERE l.last[2] >= $1[2] GROUP BY l.item_id
 */
static char *
likes_sql(const RsModel *model, const RsViewStatement *statement)
{
	bool		weights = statement->read == RS_READ_WEIGHED || statement->read == RS_READ_WEIGHED_FADING;
	bool		fading = statement->read == RS_READ_RATED_FADING || statement->read == RS_READ_WEIGHED_FADING;
	char	   *window = psprintf(WINDOW, quote_identifier(model->name), rs_source_usable_rating());
	char	   *last = weights ? psprintf(LAST_OF_WEIGHTS, window) : psprintf(LAST_OF_RATINGS, window);

	return fading ? psprintf(FADING, last) : psprintf(COUNTED, last);
}

static RsViewStatement
likes_statement(const RsModel *model, RsFeedback feedback, bool fading)
{
	RsViewStatement statement = {
		.view = model->view,
		.read = feedback == RS_IMPLICIT ?
		(fading ? RS_READ_WEIGHED_FADING : RS_READ_WEIGHED) :
		(fading ? RS_READ_RATED_FADING : RS_READ_RATED),
		.argument_type = FLOAT8ARRAYOID,
	};

	return statement;
}

/*
 * The least double that rounds to this float or a greater one: training compares ratings
 * as floats, SQL compares doubles.  A tie rounds to the float whose last bit is 0.
 */
static double
least_rounded_to(float value)
{
	double		middle = ((double) nextafterf(value, -INFINITY) + (double) value) / 2;

	return (float) middle >= value ? middle : nextafter(middle, INFINITY);
}

/* The mean rating, or the least positive weight: the rule of rs_cell_is_like(). */
static double
least_like(const RsVersion *version)
{
	return least_rounded_to(version->feedback == RS_IMPLICIT ?
							nextafterf(0.0f, 1.0f) : (float) version->mean);
}

static Datum
make_argument(const RsVersion *version, const RsLikesWindow *window)
{
	Datum		values[] = {
		Float8GetDatum(window->since),
		Float8GetDatum(least_like(version)),
		Float8GetDatum(window->now),
		Float8GetDatum(window->half_life),
	};

	return PointerGetDatum(construct_array(values, lengthof(values), FLOAT8OID, sizeof(float8),
										   FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/* ---- reading ---------------------------------------------------------------------- */

void
rs_likes_read(const RsModel *model, const RsVersion *version, const RsLikesWindow *window,
			  RsTakeItem take, void *arg)
{
	RsViewStatement statement = likes_statement(model, version->feedback,
												isfinite(window->half_life));

	rs_item_rows_read(model, &statement, likes_sql, make_argument(version, window), take, arg);
}
