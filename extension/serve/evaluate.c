/*-------------------------------------------------------------------------
 *
 * evaluate.c
 *		What a version is worth for all users of held-out data together.
 *
 * Values are added user by user in ascending order, so a repetition gives the same
 * bits.
 *
 * Memory: what measure.h and exposure.h take, and some numbers for each k.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "compat.h"
#include "serve/evaluate.h"
#include "serve/exposure.h"

/* Means over users, and what the lists of all users show. */
typedef struct ListTotals
{
	RsMean		precision;
	RsMean		recall;
	RsMean		hit_rate;
	RsMean		reciprocal_rank;
	RsMean		average_precision;
	RsMean		ndcg;
	RsMean		novelty;
} ListTotals;

typedef struct Totals
{
	const RsModel *model;
	const RsVersion *version;
	const RsMeasureOptions *options;
	ListTotals *lists;			/* n_k */
	RsExposure	exposure;
	int64		without_items;	/* users without an item to rank */
	int64		without_lists;	/* users whose list is empty */
	RsRatio		squared;
	RsRatio		absolute;
	RsRatio		liked;
	RsRatio		predicted;
	int64		without_predictions;

	/* what the model knows of the test data, of users with an item */
	RsRatio		known_users;	/* the view has rows of them */
	RsRatio		known_items;	/* the version has them; of each user's items */
	double		seen_items;		/* of the same, those left out of the lists */
	char	   *unknown_user;	/* the first, NULL if there is none */
	char	   *unknown_item;
} Totals;

/* ---- adding a user ---------------------------------------------------------- */

static void
add_lists(Totals *totals, const RsUserMeasure *user)
{
	for (int i = 0; i < totals->options->n_k; i++)
	{
		ListTotals *sums = &totals->lists[i];
		const RsRankMetrics *metrics = &user->lists[i].metrics;

		rs_mean_add(&sums->precision, metrics->precision);
		rs_mean_add(&sums->recall, metrics->recall);
		rs_mean_add(&sums->hit_rate, metrics->hit_rate);
		rs_mean_add(&sums->reciprocal_rank, metrics->reciprocal_rank);
		rs_mean_add(&sums->average_precision, metrics->average_precision);
		rs_mean_add(&sums->ndcg, metrics->ndcg);
		if (user->list.n > 0)
			rs_mean_add(&sums->novelty, user->lists[i].novelty);
	}
	if (user->list.n == 0)
		totals->without_lists++;
	rs_exposure_add(&totals->exposure, &user->list);
}

/* Add what the model knows of a user with relevant items. */
static void
add_known(Totals *totals, const RsUserMeasure *user)
{
	rs_ratio_add(&totals->known_users, user->seen > 0, 1);
	rs_ratio_add(&totals->known_items, user->known, user->relevant);
	totals->seen_items += user->known_seen;
	if (user->seen == 0 && totals->unknown_user == NULL)
		totals->unknown_user = rs_id_shown(user->test->id, totals->model->user_kind);
	if (user->unknown != NULL && totals->unknown_item == NULL)
		totals->unknown_item = rs_id_shown(user->unknown->item_id, totals->model->item_kind);
}

/*
 * F1 = 2 precision recall / (precision + recall) of the pairs that are liked by
 * their prediction, against those liked by their rating (van Rijsbergen 1979,
 * "Information Retrieval", with beta 1), which is
 *
 *	2 both / (liked + predicted to be liked)
 *
 * over all users' pairs: a ratio of two sums.
 */
static void
add_errors(Totals *totals, const RsUserErrors *errors)
{
	if (errors->rated == 0)
		return;
	rs_ratio_add(&totals->predicted, errors->predicted, errors->rated);
	if (errors->predicted == 0)
	{
		totals->without_predictions++;
		return;
	}
	rs_ratio_add(&totals->squared, errors->squared, errors->predicted);
	rs_ratio_add(&totals->absolute, errors->absolute, errors->predicted);
	rs_ratio_add(&totals->liked, 2.0 * errors->both_liked,
				 (double) errors->liked + errors->predicted_liked);
}

static void
add_user(Totals *totals, const RsUserMeasure *user)
{
	if (user->relevant > 0)
	{
		add_lists(totals, user);
		add_known(totals, user);
	}
	else
		totals->without_items++;
	add_errors(totals, &user->errors);
}

/* ---- the result ------------------------------------------------------------- */

typedef struct Rows
{
	RsMetricRow *rows;
	int			n;
} Rows;

/* The mean of a metric, which is so many bytes from the start of ListTotals, at every k. */
static void
add_means(Rows *rows, const char *metric, const Totals *totals, Size offset, int64 skipped)
{
	for (int i = 0; i < totals->options->n_k; i++)
	{
		const RsMean *mean = (const RsMean *) ((const char *) &totals->lists[i] + offset);
		RsMetricRow *row = &rows->rows[rows->n++];

		row->metric = metric;
		row->k = totals->options->k[i];
		row->value = mean->n > 0 ? mean->mean : NAN;
		row->standard_error = rs_mean_standard_error(mean);
		row->users = mean->n;
		row->users_skipped = skipped;
	}
}

/* A figure of all lists together, at every k; figures NULL: there is no list. */
static void
add_exposure(Rows *rows, const char *metric, const Totals *totals,
			 const RsExposureFigures *figures, bool gini)
{
	for (int i = 0; i < totals->options->n_k; i++)
	{
		RsMetricRow *row = &rows->rows[rows->n++];

		row->metric = metric;
		row->k = totals->options->k[i];
		row->value = NAN;
		if (figures != NULL)
			row->value = gini ? figures[i].gini : figures[i].coverage;
		row->standard_error = NAN;
		row->users = totals->lists[i].recall.n;
		row->users_skipped = totals->without_items;
	}
}

static RsMetricRow *
add_ratio(Rows *rows, const char *metric, const RsRatio *ratio, int64 skipped)
{
	RsMetricRow *row = &rows->rows[rows->n++];

	row->metric = metric;
	row->k = 0;
	row->value = rs_ratio_value(ratio);
	row->standard_error = rs_ratio_standard_error(ratio);
	row->users = ratio->n;
	row->users_skipped = skipped;
	return row;
}

/* The root of the mean squared error; its standard error by the delta method. */
static void
add_rmse(Rows *rows, const Totals *totals)
{
	RsMetricRow *row = add_ratio(rows, "rmse", &totals->squared, totals->without_predictions);

	row->value = sqrt(row->value);
	if (row->value > 0 && row->standard_error >= 0)
		row->standard_error /= 2 * row->value;
}

/* All rows, ordered by metric and k. */
static int
make_rows(Totals *totals, RsMetricRow **result)
{
	bool		rated = totals->version->feedback == RS_EXPLICIT;
	int64		skipped = totals->without_items;
	int64		unpredicted = totals->without_predictions;
	RsExposureFigures *exposure = NULL;
	Rows		rows = {0};

	rows.rows = palloc(mul_size(sizeof(RsMetricRow),
								add_size(mul_size(9, totals->options->n_k), 6)));
	if (totals->lists[0].recall.n > 0)
		exposure = rs_exposure_figures(&totals->exposure);
	add_exposure(&rows, "coverage", totals, exposure, false);
	if (rated)
		add_ratio(&rows, "f1", &totals->liked, unpredicted);
	add_exposure(&rows, "gini", totals, exposure, true);
	add_means(&rows, "hit_rate", totals, offsetof(ListTotals, hit_rate), skipped);
	add_ratio(&rows, "known_items", &totals->known_items, skipped);
	add_ratio(&rows, "known_users", &totals->known_users, skipped);
	if (rated)
		add_ratio(&rows, "mae", &totals->absolute, unpredicted);
	add_means(&rows, "map", totals, offsetof(ListTotals, average_precision), skipped);
	add_means(&rows, "mrr", totals, offsetof(ListTotals, reciprocal_rank), skipped);
	add_means(&rows, "ndcg", totals, offsetof(ListTotals, ndcg), skipped);
	add_means(&rows, "novelty", totals, offsetof(ListTotals, novelty),
			  skipped + totals->without_lists);
	add_means(&rows, "precision", totals, offsetof(ListTotals, precision), skipped);
	if (rated)
		add_ratio(&rows, "predicted_share", &totals->predicted, 0);
	add_means(&rows, "recall", totals, offsetof(ListTotals, recall), skipped);
	if (rated)
		add_rmse(&rows, totals);
	*result = rows.rows;
	return rows.n;
}

/* Say so where the figures tell little: of ids written otherwise, of a wrong split. */
static void
warn_of_test_data(const Totals *totals)
{
	const char *name = totals->model->name;
	const RsRatio *users = &totals->known_users;
	const RsRatio *items = &totals->known_items;

	if (users->a < 0.5 * users->b)
		ereport(WARNING,
				(errmsg("model \"%s\" has no rows of %.0f of the %.0f users of the test data",
						name, users->b - users->a, users->b),
				 errdetail("One of them is \"%s\".", totals->unknown_user),
				 errhint("They get the popular items. Write ids as the model's source does.")));
	if (items->a < 0.5 * items->b)
		ereport(WARNING,
				(errmsg("version %d of model \"%s\" does not know %.0f of %.0f test items, counted for each user",
						totals->version->version, name, items->b - items->a, items->b),
				 errdetail("One of them is \"%s\".", totals->unknown_item),
				 errhint("They cannot be hit. Write ids as the model's source does.")));
	if (totals->seen_items > 0.5 * items->b)
		ereport(WARNING,
				(errmsg("the source of model \"%s\" has %.0f of %.0f test items already, counted for each user",
						name, totals->seen_items, items->b),
				 errhint("They cannot be hit. Hold the test data out of the source, or use exclude_seen => false.")));
}

int
rs_evaluate(const RsModel *model, const RsVersion *version, Oid test,
			const RsMeasureOptions *options, RsMetricRow **rows)
{
	Totals		totals = {.model = model,.version = version,.options = options};
	RsMeasuring measuring;
	RsUserMeasure user;

	totals.lists = palloc0(mul_size(sizeof(ListTotals), options->n_k));
	rs_measure_begin(&measuring, model, version, test, options);
	rs_exposure_init(&totals.exposure, options->k, options->n_k, measuring.image->ids.n);
	while (rs_measure_next(&measuring, &user))
		add_user(&totals, &user);
	rs_measure_end(&measuring);
	warn_of_test_data(&totals);
	return make_rows(&totals, rows);
}
