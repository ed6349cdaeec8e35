/*-------------------------------------------------------------------------
 *
 * publish.c
 *		Makes the result of a training a version of the model.
 *
 * Everything happens in the transaction of the training, so a version appears
 * as a whole at its commit or not at all.  The update of the model's row comes
 * first: it numbers the version and, until commit, holds off deploy() and
 * rollback(), which could otherwise switch to a version that is deleted here.
 *
 * Users and items none of whose cells says anything (an implicit weight of
 * zero) have no row.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "kernel/kernel.h"
#include "store/factors.h"
#include "store/known.h"
#include "train/deploy.h"
#include "train/progress.h"
#include "train/publish.h"

/* ---- factor rows -------------------------------------------------------- */

/* One side of the result: users or items, in each part. */
typedef struct Side
{
	const char *noun;			/* for messages */
	const RsIdList *ids;
	const float *factors[RS_MAX_PARTS]; /* NULL: there is no such part */
	const float *biases[RS_MAX_PARTS];	/* NULL without */
	const int32_t *counts;		/* the same in each part */
	bool		is_user;		/* its last component is 1 where an item has its bias */
} Side;

static Side
users_side(const RsTrained *trained)
{
	Side		side = {.noun = "user",.ids = &trained->ratings.users,
	.counts = trained->als.user_counts,.is_user = true};

	for (int part = 0; part < trained->n_parts; part++)
	{
		side.factors[part] = rs_trained_model(trained, part)->user_factors;
		side.biases[part] = rs_trained_model(trained, part)->user_biases;
	}
	return side;
}

static Side
items_side(const RsTrained *trained)
{
	Side		side = {.noun = "item",.ids = &trained->ratings.items,
	.counts = trained->als.item_counts};

	for (int part = 0; part < trained->n_parts; part++)
	{
		side.factors[part] = rs_trained_model(trained, part)->item_factors;
		side.biases[part] = rs_trained_model(trained, part)->item_biases;
	}
	return side;
}

static void
refuse_not_finite(const Side *side, int32 row)
{
	ereport(ERROR,
			(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
			 errmsg("the factors of %s \"%s\" are not finite", side->noun,
					rs_id_to_cstring(rs_idlist_get(side->ids, row), side->ids->kind)),
			 errhint("Increase the regularization option, or scale the ratings down.")));
}

/* Copy the factors of a row in a part into vec, (x) or (x, 1) or (y, b); check them. */
static void
fill_vector(const RsTrained *trained, const Side *side, int part, int32 row, RsRecvec *vec)
{
	const RsAlsModel *als = rs_trained_model(trained, part);
	const float *biases = side->biases[part];
	int			k = als->k;

	memcpy(vec->x, side->factors[part] + (Size) row * als->stride, k * sizeof(float));
	if (biases != NULL)
		vec->x[k] = biases[row];
	for (int i = 0; i < vec->dim; i++)
	{
		if (!isfinite(vec->x[i]))
			refuse_not_finite(side, row);
	}
	if (biases != NULL && side->is_user)
		vec->x[k] = 1;
}

/* The vectors of a row, to be filled; NULL where there is no part. */
static void
new_vectors(const RsTrained *trained, const Side *side, RsRecvec **parts)
{
	for (int part = 0; part < trained->n_parts; part++)
		parts[part] = rs_recvec_new(rs_trained_model(trained, part)->k +
									(side->biases[part] != NULL ? 1 : 0));
}

static void
fill_vectors(const RsTrained *trained, const Side *side, int32 row, RsRecvec **parts)
{
	for (int part = 0; part < trained->n_parts; part++)
		fill_vector(trained, side, part, row, parts[part]);
}

/* A text id is a copy; the others are in the list. */
static void
free_id(const Side *side, Datum id)
{
	if (side->ids->kind == RS_ID_TEXT)
		pfree(DatumGetPointer(id));
}

static int32
insert_users(const RsTrained *trained, int version)
{
	Side		side = users_side(trained);
	const float *biases = side.biases[RS_PART_RATING];
	RsUserFactors row = {0};
	RsFactorWriter *writer = rs_factors_begin_insert_users(trained->model, version);
	int32		n = 0;

	new_vectors(trained, &side, row.parts);
	for (int32 i = 0; i < side.ids->n; i++)
	{
		Datum		id;

		CHECK_FOR_INTERRUPTS();
		if (side.counts[i] == 0)
			continue;
		id = rs_idlist_get(side.ids, i);
		fill_vectors(trained, &side, i, row.parts);
		row.bias = biases != NULL ? biases[i] : 0;
		rs_factors_insert_user(writer, id, &row);
		free_id(&side, id);
		n++;
	}
	rs_factors_end_insert(writer);
	return n;
}

/*
 * The neighbours of an item into the row, which has room for them; without those that have
 * no row any more, which a refresh may have taken over.
 */
static void
fill_neighbours(const RsTrained *trained, int32 item, RsNeighbours *row)
{
	const RsItemRows *rows = &trained->neighbours;

	row->n = 0;
	for (int64 e = rows->start[item]; e < rows->end[item]; e++)
	{
		CHECK_FOR_INTERRUPTS();
		if (trained->als.item_counts[rows->item[e]] == 0)
			continue;
		row->ids[row->n] = rs_idlist_get(&trained->ratings.items, rows->item[e]);
		row->weights[row->n++] = rows->weight[e];
	}
}

static void
free_neighbours(const RsTrained *trained, RsNeighbours *row)
{
	for (int32 i = 0; i < row->n && trained->ratings.items.kind == RS_ID_TEXT; i++)
		pfree(DatumGetPointer(row->ids[i]));
}

/* Room for the neighbours of any item. */
static void
new_neighbours(const RsTrained *trained, RsNeighbours *row)
{
	const RsItemRows *rows = &trained->neighbours;
	int64		most = 1;

	for (int32 i = 0; i < trained->ratings.items.n; i++)
		most = Max(most, rows->end[i] - rows->start[i]);
	row->ids = palloc_extended(mul_size(sizeof(Datum), most), MCXT_ALLOC_HUGE);
	row->weights = palloc_extended(mul_size(sizeof(float4), most), MCXT_ALLOC_HUGE);
}

/* What an item has beside its vectors and users. */
static void
fill_blended(const RsTrained *trained, int32 item, RsItemFactors *row)
{
	const RsPartWeights *weights = &trained->options.weights;
	const RsAlsModel *ranking = rs_trained_model(trained, rs_ranking_part(trained->n_parts));

	if (rs_weights_have_item(weights))
		fill_neighbours(trained, item, &row->neighbours);
	row->popularity = rs_weights_have_popularity(weights) ?
		(float4) ranking->item_likes[item] : get_float4_nan();
}

static int32
insert_items(const RsTrained *trained, int version)
{
	Side		side = items_side(trained);
	RsItemFactors row = {0};
	RsFactorWriter *writer = rs_factors_begin_insert_items(trained->model, version);
	int32		n = 0;

	new_vectors(trained, &side, row.parts);
	if (rs_weights_have_item(&trained->options.weights))
		new_neighbours(trained, &row.neighbours);
	for (int32 i = 0; i < side.ids->n; i++)
	{
		Datum		id;

		CHECK_FOR_INTERRUPTS();
		if (side.counts[i] == 0)
			continue;
		id = rs_idlist_get(side.ids, i);
		fill_vectors(trained, &side, i, row.parts);
		row.users = trained->als.item_likes[i];
		fill_blended(trained, i, &row);
		rs_factors_insert_item(writer, id, &row);
		free_neighbours(trained, &row.neighbours);
		free_id(&side, id);
		n++;
	}
	rs_factors_end_insert(writer);
	return n;
}

int32
rs_count_positive(const int32_t *counts, int32 n)
{
	int32		positive = 0;

	for (int32 i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		positive += counts[i] > 0;
	}
	return positive;
}

static void
insert_factors(const RsTrained *trained, RsTrainResult *result)
{
	RsOwnerContext owner;

	rs_owner_begin(trained->model->owner, &owner);
	if (trained->als.user_factors != NULL)
		result->users = insert_users(trained, result->version);
	else
		result->users = rs_count_positive(trained->als.user_counts, trained->ratings.users.n);
	result->items = insert_items(trained, result->version);
	rs_owner_end(&owner);
}

/* ---- catalog rows ------------------------------------------------------- */

static int
next_version(const RsModel *model)
{
	Oid			types[] = {TEXTOID};
	Datum		values[] = {CStringGetTextDatum(model->name)};
	bool		isnull;

	rs_catalog_execute("UPDATE recsys.model SET last_version = last_version + 1"
					   " WHERE name = $1 RETURNING last_version",
					   1, types, values, NULL, false);
	if (SPI_processed != 1)
		rs_model_missing(model->name);
	return DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc,
									   1, &isnull));
}

static const char *
simd_name(void)
{
	switch (rs_simd_level())
	{
		case RS_SIMD_PORTABLE:
			return "portable";
		case RS_SIMD_AVX2:
			return "avx2";
		case RS_SIMD_AVX512:
		case RS_SIMD_AVX512_VNNI:
			return "avx512";
	}
	elog(ERROR, "unrecognized instruction set: %d", (int) rs_simd_level());
}

/* After each iteration, or that of a refresh; none of popular. */
static int
loss_count(const RsAlsModel *als)
{
	return als->loss == NULL ? 0 : Max(als->iterations, 1);
}

static Datum
loss_array(const RsAlsModel *als)
{
	int			n = loss_count(als);
	Datum	   *losses = palloc(sizeof(Datum) * Max(n, 1));

	for (int i = 0; i < n; i++)
		losses[i] = Float8GetDatum(als->loss[i]);
	return PointerGetDatum(construct_array(losses, n, FLOAT8OID,
										   sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

static int64
random_stamp(void)
{
	int64		stamp;

	if (!pg_strong_random(&stamp, sizeof(stamp)))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate random values")));
	return stamp;
}

/* Of the ratings; NaN where there are none, or where that is not known. */
static double
deviation_of(const RsTrained *trained)
{
	if (trained->model->feedback == RS_IMPLICIT || trained->n_parts == 0)
		return NAN;
	return trained->refreshed != NULL ? trained->refreshed->deviation : trained->als.deviation;
}

/* Columns of recsys.model_version, in the order of the statement below. */
#define VERSION_COLUMNS 27

static void
insert_version(const RsTrained *trained, const RsTrainResult *result)
{
	const RsModel *model = trained->model;
	double		deviation = deviation_of(trained);
	Oid			types[VERSION_COLUMNS] = {
		TEXTOID, INT4OID, INT8OID, TEXTOID, TEXTOID, JSONBOID, FLOAT8OID,
		INT4OID, INT4OID, INT8OID, INT8OID, INT8OID, INT4OID, FLOAT8ARRAYOID,
		TIMESTAMPTZOID, FLOAT8OID, TEXTOID, TEXTOID, INT4OID, OIDOID, TEXTOID,
		TEXTOID, FLOAT8OID, INT4OID, JSONBOID, FLOAT8OID, JSONBOID
	};
	Datum		values[VERSION_COLUMNS] = {
		CStringGetTextDatum(model->name),
		Int32GetDatum(result->version),
		Int64GetDatum(random_stamp()),
		CStringGetTextDatum(rs_feedback_name(model->feedback)),
		CStringGetTextDatum(rs_algorithm(trained->algorithm)->name),
		JsonbPGetDatum(rs_options_to_jsonb(model->feedback, &trained->options)),
		Float8GetDatum(trained->als.objective.mean),
		Int32GetDatum(result->users),
		Int32GetDatum(result->items),
		Int64GetDatum(result->ratings),
		Int64GetDatum(trained->ratings.rows_read),
		Int64GetDatum(trained->ratings.rows_skipped),
		Int32GetDatum(result->iterations),
		loss_array(&trained->als),
		TimestampTzGetDatum(trained->started_at),
		Float8GetDatum(result->seconds),
		CStringGetTextDatum(trained->trained_by),
		CStringGetTextDatum(simd_name()),
		Int32GetDatum(trained->threads),
		ObjectIdGetDatum(model->view),
		CStringGetTextDatum(trained->snapshot),
		CStringGetTextDatum("recsys"),
		Float8GetDatum(trained->als.liked),
		Int32GetDatum(result->refreshed_from),
		JsonbPGetDatum(trained->choice),
		Float8GetDatum(deviation),
		JsonbPGetDatum(rs_options_to_jsonb(RS_IMPLICIT, &trained->preference))
	};
	char		nulls[VERSION_COLUMNS + 1];
	bool		is_extended = rs_version_is_extended();
	char	   *sql = psprintf("INSERT INTO recsys.model_version (model, version, stamp, feedback,"
							   " algorithm, options, mean, users, items, ratings, rows_read,"
							   " rows_skipped, iterations, loss, started_at, seconds, trained_by,"
							   " kernel, threads, source, snapshot, library_version%s)"
							   " SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14,"
							   " $15, $16, $17, $18, $19, pg_catalog.pg_get_viewdef($20), $21,"
							   " e.extversion%s FROM pg_catalog.pg_extension AS e"
							   " WHERE e.extname = $22::name",
							   is_extended ? ", liked, refreshed_from, choice, deviation, preference" : "",
							   is_extended ? ", $23, $24, $25, $26, $27" : "");

	memset(nulls, ' ', VERSION_COLUMNS);
	nulls[23] = result->refreshed_from == 0 ? 'n' : ' ';
	nulls[24] = trained->choice == NULL ? 'n' : ' ';
	nulls[25] = isnan(deviation) ? 'n' : ' ';
	nulls[26] = trained->n_parts < RS_MAX_PARTS ? 'n' : ' ';
	nulls[VERSION_COLUMNS] = '\0';
	(void) rs_model_relation_name(model, model->view);	/* is there still */
	rs_catalog_execute(sql, VERSION_COLUMNS, types, values, nulls, false);
	if (SPI_processed != 1)
		elog(ERROR, "extension recsys is not registered");
}

/* ---- old versions ------------------------------------------------------- */

/*
 * Delete the rows of versions (an int array) from one factor table.  Indexes of the
 * owner may have called a function that dropped it.
 */
static void
delete_factors(const RsModel *model, Oid table, Datum versions)
{
	char	   *sql = psprintf("DELETE FROM %s WHERE version = ANY ($1)",
							   rs_model_relation_name(model, table));
	Oid			types[] = {INT4ARRAYOID};
	int			result = SPI_execute_with_args(sql, 1, types, &versions, NULL, false, 0);

	if (result != SPI_OK_DELETE)
		elog(ERROR, "SPI_execute_with_args failed: %s", SPI_result_code_string(result));
}

/* The versions that remain, with those that they were refreshed from. */
#define KEPT_VERSIONS \
	"WITH kept AS (" \
	"  (SELECT version, %s AS refreshed_from FROM recsys.model_version" \
	"    WHERE model = $1 ORDER BY version DESC LIMIT $2)" \
	"  UNION ALL" \
	"  SELECT v.version, %s FROM recsys.model_version AS v, recsys.model AS m" \
	"   WHERE v.model = $1 AND m.name = $1 AND v.version = m.active_version)"

/*
 * Delete all but the newest keep_versions versions, the active one, and what these
 * were refreshed from.  The new one is among the newest, since keep_versions is at
 * least 1.
 */
static void
delete_old_versions(const RsTrained *trained)
{
	const RsModel *model = trained->model;
	Oid			types[] = {TEXTOID, INT4OID};
	Datum		values[] = {CStringGetTextDatum(model->name),
	Int32GetDatum(trained->options.keep_versions)};
	const char *column = rs_version_is_extended() ? "refreshed_from" : "NULL::int4";
	RsOwnerContext owner;
	Datum		versions;
	bool		isnull;

	rs_catalog_execute(psprintf(KEPT_VERSIONS
								", gone AS ("
								"  DELETE FROM recsys.model_version AS v WHERE v.model = $1"
								"    AND NOT EXISTS (SELECT FROM kept AS k"
								"                     WHERE v.version IN (k.version, k.refreshed_from))"
								"  RETURNING v.version)"
								" SELECT pg_catalog.array_agg(version) FROM gone",
								column, column),
					   2, types, values, NULL, false);
	versions = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	if (isnull)
		return;
	rs_owner_begin(model->owner, &owner);
	delete_factors(model, model->user_factors, versions);
	delete_factors(model, model->item_factors, versions);
	rs_owner_end(&owner);
}

/* What a refresh has that the version it was refreshed from has not. */
static void
tell_new(const RsTrained *trained, RsTrainResult *result)
{
	result->refreshed_from = trained->refreshed->version;
	result->has_new_users = trained->als.user_factors != NULL;
	result->new_users = result->users - trained->known_users;
	result->new_items = result->items - trained->known_items;
}

void
rs_publish(const RsTrained *trained, bool deploy, RsTrainResult *result)
{
	const RsAlsModel *als = &trained->als;

	memset(result, 0, sizeof(RsTrainResult));
	rs_progress_phase(RS_PHASE_PUBLISHING);
	result->version = next_version(trained->model);
	insert_factors(trained, result);
	if (trained->refreshed != NULL)
		tell_new(trained, result);
	result->ratings = als->n_cells;
	result->iterations = als->iterations;
	result->has_loss = loss_count(als) > 0;
	result->loss = result->has_loss ? als->loss[loss_count(als) - 1] : 0;
	result->seconds = (GetCurrentTimestamp() - trained->started_at) / 1000000.0;
	result->deployed = deploy;
	insert_version(trained, result);
	if (deploy)
		rs_activate(trained->model, result->version);
	delete_old_versions(trained);
}
