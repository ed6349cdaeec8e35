/*-------------------------------------------------------------------------
 *
 * everybody.h
 *		A question about all users at once.
 *
 * The users are those of whom the current user sees rows now, all folded in.  Vectors,
 * scores and lists have the bits that the functions for one user give.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_EVERYBODY_H
#define RS_EVERYBODY_H

#include "postgres.h"

#include "serve/image.h"
#include "solver/solver.h"
#include "store/item_catalog.h"

/* The users and items that a question is about. */
typedef struct RsEverybody
{
	const RsModel *model;
	const RsVersion *version;
	const RsImage *image;
	RsItems		ranking;		/* of the image, in the part that ranks, */
	RsItems		scoring;		/* and in the one that scores; see RsCrowdPart */
	RsIdList	users;
} RsEverybody;

/* What predict() gives user i of a part, who has a vector, for an item. */
static inline float4
rs_everybody_score(const RsEverybody *everybody, const RsCrowdPart *part, int32 i,
				   int32 position)
{
	const RsItems *items = &everybody->scoring;

	return rs_item_score(items, position, part->scoring.x + (Size) i * items->stride,
						 part->scoring.base[i]);
}

/* Is what ranks the score, where a user has a vector? */
static inline bool
rs_everybody_ranks_by_score(const RsEverybody *everybody)
{
	return !everybody->image->blend.used &&
		everybody->ranking.factors == everybody->scoring.factors;
}

typedef struct RsEverybodyQuestion
{
	bool		scored;			/* are scores asked for, or only what ranks? */
	int32		top;			/* items of each user's list; 0: no lists */
	bool		exclude_seen;	/* from the lists */
	const RsItemCatalog *catalog;	/* what they may hold; NULL: all items */
	bool		has_item;		/* fill in has_seen and preference of RsCrowdPart
								 * for this item */
	Datum		item;

	/*
	 * Takes part after part while threads compute, as an action of rs_tick_guard();
	 * in the current context, which lives until the end.
	 */
	void		(*take) (void *arg, const RsEverybody *everybody, const RsCrowdPart *part);

	/* Called at the end; may be NULL. */
	void		(*finish) (void *arg, const RsEverybody *everybody);
	void	   *arg;
} RsEverybodyQuestion;

/*
 * Read the model's view as the current user, under the active snapshot, and answer; the
 * right to read it was checked.  Errors: those of rs_ratings_read() and rs_image_open(),
 * 54000 beyond recsys.training_memory, 22000 when a user's equations have no solution.
 */
extern void rs_everybody_ask(const RsModel *model, const RsVersion *version,
							 const RsEverybodyQuestion *question);

#endif							/* RS_EVERYBODY_H */
