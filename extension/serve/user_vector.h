/*-------------------------------------------------------------------------
 *
 * user_vector.h
 *		A user as the version in use sees them: their rows and their vector.
 *
 * Two steps, rs_user_read() and rs_user_vectors(), with the image opened in between;
 * serving.h is who takes them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_USER_VECTOR_H
#define RS_USER_VECTOR_H

#include "postgres.h"

#include "kernel/row.h"
#include "serve/image_cache.h"
#include "store/factors.h"
#include "store/model.h"
#include "store/source.h"

/* Where an answer comes from; recommend() shows it. */
typedef enum RsOrigin
{
	RS_FROM_POPULAR,			/* no vector, or one that ranks nothing */
	RS_FROM_MODEL,				/* the vector that training stored */
	RS_FROM_FOLDED				/* the vector of the user's rows of this moment */
} RsOrigin;

extern const char *rs_origin_name(RsOrigin origin);

/* What is known of a user before the items are. */
typedef struct RsUser
{
	Datum		id;
	bool		given;			/* no id: the rows came with the question */
	bool		fresh;
	RsUserRow  *rows;			/* what the vector is folded in from; not fresh, what
								 * the item part goes by */
	int32		n_rows;
	Datum	   *items;			/* what was seen, where rows do not tell it */
	int32		n_seen;			/* see rs_user_seen() */
	bool		has_stored;		/* not fresh, and training stored a vector */
	RsUserFactors stored;
} RsUser;

/* In one part of a version. */
typedef struct RsUserVector
{
	float	   *x;				/* stride floats, NULL: none */
	float		bias;			/* 0 when the part has none */
} RsUserVector;

/*
 * Read of the user, as the current user, what an answer needs: with fresh the
 * rows that a vector is made of, otherwise the stored vector; with need_seen all
 * items of the user.  Errors: 54000 beyond recsys.serving_memory.
 */
extern void rs_user_read(const RsModel *model, const RsVersion *version,
						 Datum user_id, bool fresh, bool need_seen, RsUser *user);

/* Item number i of the n_seen that the user has, perhaps more than once. */
static inline Datum
rs_user_seen(const RsUser *user, int32 i)
{
	return user->items != NULL ? user->items[i] : user->rows[i].item_id;
}

/*
 * Positions in the image, or -1, of the seen items from number first on, at most
 * RS_FIND_BLOCK of them; returns how many.
 */
extern int32 rs_user_locate_seen(const RsImage *image, const RsUser *user, int32 first,
								 int32 *positions);

/* A user's equations in one part, ready to be solved. */
typedef struct RsFoldIn
{
	RsObjective objective;
	RsFixedSide side;			/* the image's items */
	RsRow		row;			/* the user's cells */
	float	   *values;			/* of the row */
	void	   *workspace;		/* for one row */
} RsFoldIn;

/*
 * The equations of a user who was read fresh, in the part that scores; palloc'd.  False
 * if no row of theirs is usable and of an item that the version knows.
 */
extern bool rs_fold_in_init(const RsVersion *version, const RsImage *image,
							const RsUser *user, RsFoldIn *fold_in);

/* Raise 22000 unless the equations were solved. */
extern void rs_fold_in_check(const RsModel *model, const RsUser *user, RsStatus status);

/*
 * The user's vector in each part of the version, folded in (exactly as training would)
 * or the stored one, and which; all of them or none.  And the cells of the user's rows, as
 * the ranking part weighs them, where the rows were read.  Raises 22000 when the equations
 * of a fold-in have no solution.
 */
extern RsOrigin rs_user_vectors(const RsModel *model, const RsVersion *version,
								const RsImage *image, const RsUser *user,
								RsUserVector vectors[RS_MAX_PARTS], RsRow *row);

#endif							/* RS_USER_VECTOR_H */
