/*-------------------------------------------------------------------------
 *
 * user_vector.c
 *		The vector of one user: fold-in, or the one that training stored.
 *
 * Fold-in solves the same equations for the user as the last step of training
 * did, over the rows that the caller's snapshot shows now.  A user whose rows
 * did not change gets the stored vector, a new one gets what training would
 * have given them with these items.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "compat.h"
#include "interrupt.h"
#include "kernel/cells.h"
#include "serve/user_vector.h"
#include "store/visible.h"

const char *
rs_origin_name(RsOrigin origin)
{
	switch (origin)
	{
		case RS_FROM_POPULAR:
			return "popular";
		case RS_FROM_MODEL:
			return "model";
		case RS_FROM_FOLDED:
			return "folded";
	}
	elog(ERROR, "unrecognized origin: %d", (int) origin);
}

/* Read the rows that a vector is folded in from; are they all rows of the user? */
static bool
read_rows(const RsModel *model, const RsVersion *version, RsUser *user)
{
	int			limit = version->options.history_limit;

	user->n_rows = rs_source_user_rows(model, user->id, limit, &user->rows);
	return limit == 0;
}

static void
read_seen(const RsModel *model, RsUser *user)
{
	user->n_seen = rs_source_user_items(model, user->id, &user->items);
}

/*
 * A stored vector tells what its user likes.  Where the view may hide rows from
 * the caller, they get it only if they see one of the user.
 */
static bool
may_see_stored(const RsModel *model, const RsUser *user, bool seen_is_read)
{
	if (!rs_view_may_hide_rows(model))
		return true;
	return seen_is_read ? user->n_seen > 0 : rs_source_user_exists(model, user->id);
}

void
rs_user_read(const RsModel *model, const RsVersion *version,
			 Datum user_id, bool fresh, bool need_seen, RsUser *user)
{
	bool		has_factors = rs_algorithm(version->algorithm)->has_factors;
	bool		needs_rows = has_factors &&
		(fresh || rs_weights_have_item(&version->options.weights));

	memset(user, 0, sizeof(RsUser));
	user->id = user_id;
	user->fresh = fresh;
	if (needs_rows && read_rows(model, version, user))
		user->n_seen = user->n_rows;
	else if (need_seen)
		read_seen(model, user);
	if (has_factors && !fresh && may_see_stored(model, user, need_seen || user->n_seen > 0))
		user->has_stored = rs_factors_read_user(model, version, user_id,
												&user->stored);
}

/* ---- the stored vector --------------------------------------------------- */

/* Aligned as the kernel likes it. */
static void *
alloc_aligned(Size bytes)
{
	void	   *chunk = palloc_extended(add_size(bytes, RS_ALIGNMENT), MCXT_ALLOC_HUGE);

	return (void *) TYPEALIGN(RS_ALIGNMENT, chunk);
}

/* A vector of zeros in a part. */
static float *
alloc_vector(const RsDense *part)
{
	return memset(alloc_aligned(part->stride * sizeof(float)), 0, part->stride * sizeof(float));
}

static void
stored_vector(const RsDense *part, const RsRecvec *stored, float bias, RsUserVector *vector)
{
	vector->x = alloc_vector(part);
	memcpy(vector->x, stored->x, part->k * sizeof(float));
	vector->bias = part->biases != NULL ? bias : 0;
}

/* ---- fold-in ------------------------------------------------------------- */

/* Positions of the items of a block of rows. */
static void
locate_rows(const RsImage *image, const RsUserRow *rows, int32 n, int32 *positions)
{
	Datum		ids[RS_FIND_BLOCK];

	for (int32 i = 0; i < n; i++)
		ids[i] = rows[i].item_id;
	rs_idlist_find_many(&image->ids, ids, n, positions);
}

int32
rs_user_locate_seen(const RsImage *image, const RsUser *user, int32 first, int32 *positions)
{
	int32		n = Min(user->n_seen - first, RS_FIND_BLOCK);

	if (user->items != NULL)
		rs_idlist_find_many(&image->ids, user->items + first, n, positions);
	else
		locate_rows(image, user->rows + first, n, positions);
	return n;
}

/* The user's usable rows whose item the version knows. */
static int32
collect_cells(const RsImage *image, const RsUser *user, RsCell *cells)
{
	int32		positions[RS_FIND_BLOCK];
	int32		n = 0;

	for (int32 i = 0; i < user->n_rows; i++)
	{
		const RsUserRow *row = &user->rows[i];
		int32		j = i % RS_FIND_BLOCK;

		if (j == 0)
			locate_rows(image, row, Min(user->n_rows - i, RS_FIND_BLOCK), positions);
		if (!row->usable || positions[j] < 0)
			continue;
		cells[n].index = positions[j];
		cells[n].value = row->value;
		cells[n].time = row->time;
		n++;
	}
	return n;
}

/* Cells as the solver takes them. */
static void
init_row(const RsCell *cells, int32 n, RsFoldIn *fold_in)
{
	int32	   *index = palloc_extended(mul_size(sizeof(int32), n), MCXT_ALLOC_HUGE);
	float	   *value = palloc_extended(mul_size(sizeof(float), n), MCXT_ALLOC_HUGE);

	for (int32 i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		index[i] = cells[i].index;
		value[i] = cells[i].value;
	}
	fold_in->row = (RsRow) {index, value, n};
	fold_in->values = value;
}

/* What the row is solved against. */
static void
init_part(const RsVersion *version, const RsImage *image, int part, RsFoldIn *fold_in)
{
	const RsDense *dense = &image->parts[part];

	fold_in->objective = rs_version_objective(version, part);
	fold_in->side = (RsFixedSide)
	{
		.factors = dense->factors,
		.biases = dense->biases,
		.n = version->items,
		.k = dense->k,
		.stride = dense->stride,
		.gramian = dense->gramian,
		.is_diagonal = dense->is_diagonal,
	};
	fold_in->workspace = alloc_aligned(rs_row_workspace_size(dense->k));
}

/* The user's cells; false if there are none. */
static bool
take_cells(const RsVersion *version, const RsImage *image, const RsUser *user,
		   RsFoldIn *fold_in)
{
	RsCell	   *cells;
	int32		n;

	if (user->n_rows == 0)
		return false;
	cells = palloc_extended(mul_size(sizeof(RsCell), user->n_rows), MCXT_ALLOC_HUGE);
	n = collect_cells(image, user, cells);
	n = rs_cells_reduce(cells, n, version->feedback == RS_IMPLICIT, rs_interrupt, NULL);
	if (n == 0)
		return false;
	init_row(cells, n, fold_in);
	return true;
}

bool
rs_fold_in_init(const RsVersion *version, const RsImage *image,
				const RsUser *user, RsFoldIn *fold_in)
{
	if (!take_cells(version, image, user, fold_in))
		return false;
	init_part(version, image, RS_PART_RATING, fold_in);
	return true;
}

/* From here on the ratings of the row are weights. */
static void
weigh_ratings(const RsVersion *version, RsFoldIn *fold_in)
{
	(void) rs_ratings_to_weights(fold_in->values, fold_in->row.n, version->mean,
								 version->deviation, rs_interrupt, NULL);
}

void
rs_fold_in_check(const RsModel *model, const RsUser *user, RsStatus status)
{
	if (status == RS_OK)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 user->given ?
			 errmsg("could not solve for the factors of the given items' user") :
			 errmsg("could not solve for the factors of user \"%s\"",
					rs_id_to_cstring(user->id, model->user_kind)),
			 status == RS_NOT_FINITE ?
			 errdetail("The solution is not finite.") :
			 errdetail("The equations are singular to working precision."),
			 errhint("Train with a larger regularization.")));
}

/* False if the user has no usable cell. */
static bool
fold_in(const RsModel *model, const RsVersion *version, const RsImage *image,
		const RsUser *user, RsUserVector *vectors, RsRow *row)
{
	RsRowHooks	hooks = {.stop = rs_interrupt};
	RsFoldIn	equations;

	if (!rs_fold_in_init(version, image, user, &equations))
		return false;
	for (int part = 0; part < version->n_parts; part++)
	{
		RsUserVector *vector = &vectors[part];

		if (part == RS_PART_PREFERENCE)
		{
			weigh_ratings(version, &equations);
			init_part(version, image, part, &equations);
		}
		vector->x = alloc_vector(&image->parts[part]);
		rs_fold_in_check(model, user,
						 rs_row_solve_hooked(&equations.objective, &equations.side, &equations.row,
											 equations.workspace, vector->x, &vector->bias,
											 NULL, &hooks));
	}
	*row = equations.row;
	return true;
}

/* The cells of a user whose vectors are stored. */
static void
take_row(const RsVersion *version, const RsImage *image, const RsUser *user, RsRow *row)
{
	RsFoldIn	equations;

	if (!take_cells(version, image, user, &equations))
		return;
	if (version->n_parts > 1)
		weigh_ratings(version, &equations);
	*row = equations.row;
}

RsOrigin
rs_user_vectors(const RsModel *model, const RsVersion *version, const RsImage *image,
				const RsUser *user, RsUserVector vectors[RS_MAX_PARTS], RsRow *row)
{
	memset(vectors, 0, RS_MAX_PARTS * sizeof(RsUserVector));
	memset(row, 0, sizeof(RsRow));
	if (user->has_stored)
	{
		for (int part = 0; part < version->n_parts; part++)
			stored_vector(&image->parts[part], user->stored.parts[part], user->stored.bias,
						  &vectors[part]);
		take_row(version, image, user, row);
		return version->n_parts > 0 ? RS_FROM_MODEL : RS_FROM_POPULAR;
	}
	if (user->fresh && version->n_parts > 0 &&
		fold_in(model, version, image, user, vectors, row))
		return RS_FROM_FOLDED;
	return RS_FROM_POPULAR;
}
