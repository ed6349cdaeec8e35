/*-------------------------------------------------------------------------
 *
 * refresh.c
 *		What a refresh takes over from an earlier training: the factors of the
 *		items that it knew, and their neighbours.
 *
 * A refresh of a refresh takes over what was trained, not what was solved once from
 * the first few rows: an item that is new since the training is solved at each
 * refresh, from all rows it has by then.  The version that was trained is kept for
 * that as long as one that was refreshed from it (publish.c).
 *
 * Items that have no row any more are left out, as a training leaves them out.  When they
 * have rows again, the next refresh takes over their factors once more.
 *
 * Memory: arrays in the context of the training, counted before.  Lock: that of the
 * training keeps the version in place.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/shmem.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "compat.h"
#include "store/factors.h"
#include "train/item_part.h"
#include "train/refresh.h"

static void
refuse_altered(const RsModel *model, const RsVersion *version)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("model \"%s\" was altered since its version %d was trained",
					model->name, version->version),
			 version->feedback != model->feedback ?
			 errdetail("The version has feedback %s, the model now %s.",
					   rs_feedback_name(version->feedback), rs_feedback_name(model->feedback)) :
			 errdetail("The version has algorithm %s, the model now %s.",
					   rs_algorithm(version->algorithm)->name,
					   rs_algorithm(model->algorithm)->name),
			 errhint("Train it: SELECT * FROM recsys.train(%s).",
					 quote_literal_cstr(model->name))));
}

const RsVersion *
rs_refresh_version(const RsModel *model)
{
	RsVersion  *version;

	rs_new_snapshot_begin();
	version = rs_version_open(model, 0);
	if (version->refreshed_from != 0)
		version = rs_version_open(model, version->refreshed_from);
	rs_new_snapshot_end();
	if (version->feedback != model->feedback ||
		(version->algorithm != model->algorithm && model->algorithm != RS_AUTO))
		refuse_altered(model, version);
	return version;
}

/* ---- items --------------------------------------------------------------- */

/* Bytes of the factors of the items of the ratings in one part. */
static Size
factor_bytes(const RsTrained *trained, int part)
{
	return mul_size(RS_STRIDE((Size) rs_trained_options(trained, part)->factors) * sizeof(float),
					(Size) trained->ratings.items.n);
}

/* Bytes of what is known of items, but for their neighbours. */
static Size
known_bytes(const RsTrained *trained)
{
	Size		row = sizeof(bool);
	Size		bytes = 0;

	for (int part = 0; part < trained->n_parts; part++)
	{
		row += part > 0 ? sizeof(bool) : 0;
		row += rs_trained_options(trained, part)->biases ? sizeof(float) : 0;
		bytes = add_size(bytes, add_size(factor_bytes(trained, part), RS_ALIGNMENT));
	}
	return add_size(bytes, mul_size(row, (Size) trained->ratings.items.n));
}

/* Which items are new, for one part, as its refresh changes that; there is one at least. */
static void
alloc_new(const RsTrained *trained, RsAlsKnown *known)
{
	Size		n = (Size) trained->ratings.items.n;

	known->item_is_new = palloc_extended(n * sizeof(bool), MCXT_ALLOC_HUGE);
	memset(known->item_is_new, true, n * sizeof(bool));
}

static void
alloc_known(const RsTrained *trained, int part, RsAlsKnown *known)
{
	Size		n = (Size) trained->ratings.items.n;
	Size		bytes = factor_bytes(trained, part);
	char	   *factors = palloc_extended(bytes + RS_ALIGNMENT, MCXT_ALLOC_HUGE);

	known->item_factors = (float *) TYPEALIGN(RS_ALIGNMENT, factors);
	memset(known->item_factors, 0, bytes);
	if (rs_trained_options(trained, part)->biases)
		known->item_biases = palloc_extended(n * sizeof(float), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
}

/* One row of the factor table. */
static void
take_item(void *arg, Datum id, const RsItemFactors *row)
{
	RsItemRowsMaker *maker = arg;
	RsTrained  *trained = maker->trained;
	int32		at = rs_idlist_find(&trained->ratings.items, id);

	if (at < 0)
		return;
	if (row->neighbours.ids != NULL)
		rs_item_rows_add(maker, at, &row->neighbours);
	trained->known[RS_PART_RATING].item_is_new[at] = false;
	for (int part = 0; part < trained->n_parts; part++)
	{
		RsAlsKnown *known = &trained->known[part];
		const float *x = row->parts[part]->x;
		int			k = rs_trained_options(trained, part)->factors;

		known->item_is_new[at] = false;
		memcpy(known->item_factors + (Size) at * RS_STRIDE(k), x, k * sizeof(float));
		if (known->item_biases != NULL)
			known->item_biases[at] = x[k];
	}
}

static int32
count_known_items(const RsTrained *trained)
{
	int32		n = 0;

	for (int32 i = 0; i < trained->ratings.items.n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		n += !trained->known[RS_PART_RATING].item_is_new[i] &&
			(trained->als.item_counts == NULL || trained->als.item_counts[i] > 0);
	}
	return n;
}

/* Without a known item the new vectors would have nothing to do with the trained ones. */
static void
check_some_known(const RsTrained *trained, int32 known_items)
{
	if (known_items > 0 || !rs_algorithm(trained->algorithm)->has_factors)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("version %d of model \"%s\" knows no item that has ratings now",
					trained->refreshed->version, trained->model->name),
			 errhint("Train it: SELECT * FROM recsys.train(%s).",
					 quote_literal_cstr(trained->model->name))));
}

void
rs_refresh_items(const RsRunWords *words, RsTrained *trained)
{
	RsItemRowsMaker maker = {.trained = trained};

	rs_run_check_memory(words, trained->model, known_bytes(trained));
	alloc_new(trained, &trained->known[RS_PART_RATING]);
	for (int part = 0; part < trained->n_parts; part++)
	{
		if (part != RS_PART_RATING)
			alloc_new(trained, &trained->known[part]);
		alloc_known(trained, part, &trained->known[part]);
	}
	if (rs_weights_have_item(&trained->options.weights))
		rs_item_rows_begin(&maker, words, trained);
	rs_new_snapshot_begin();
	(void) rs_factors_scan_items(trained->model, trained->refreshed, true, take_item, &maker);
	rs_new_snapshot_end();
	check_some_known(trained, count_known_items(trained));
}

/* ---- counts --------------------------------------------------------------- */

static void
count_user(void *arg, Datum id)
{
	RsTrained  *trained = arg;
	int32		at = rs_idlist_find(&trained->ratings.users, id);

	trained->known_users += at >= 0 && trained->als.user_counts[at] > 0;
}

void
rs_refresh_count(RsTrained *trained)
{
	trained->known_items = count_known_items(trained);
	check_some_known(trained, trained->known_items);
	if (!rs_algorithm(trained->algorithm)->has_factors)
		return;
	rs_new_snapshot_begin();
	rs_factors_scan_users(trained->model, trained->refreshed, count_user, trained);
	rs_new_snapshot_end();
}
