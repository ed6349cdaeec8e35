/*-------------------------------------------------------------------------
 *
 * predictor.h
 *		The vector of one user, kept between calls of predict() and preference() for
 *		many items.
 *
 * "ORDER BY recsys.predict('m', 42, i.id)" asks about one user for each row.
 * What it takes to answer is kept in the call site's memory and found again when
 * the call could not have a different answer: see predictor.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_PREDICTOR_H
#define RS_PREDICTOR_H

#include "postgres.h"

#include "fmgr.h"

#include "serve/serving.h"
#include "store/snapshot_key.h"

/* In place of the number of a version, which is positive. */
#define RS_PREDICT_ACTIVE	(-1)

/* The arguments of a call but the item, as they came. */
typedef struct RsPredictorKey
{
	RsSnapshotKey snapshot;
	Oid			role;
	Oid			user_type;
	Datum		model;			/* text */
	Datum		user_id;
	int32		version;
	bool		fresh;
} RsPredictorKey;

typedef struct RsPredictor
{
	RsPredictorKey key;
	bool		keep;			/* the next call may use it */
	RsModel		model;			/* no texts but the name */
	RsVersion	version;
	RsServing	serving;		/* the image pinned, the vector; no user */
} RsPredictor;

/* Fill in what does not come from the arguments. */
extern void rs_predictor_key(RsPredictorKey *key);

/* What the call site keeps, if it answers this call; else NULL. */
extern RsPredictor *rs_predictor_find(FmgrInfo *call_site, const RsPredictorKey *key);

/*
 * Make one for a user of a model, and keep it at the call site in place of what
 * was kept there.  The right to ask has been checked.
 */
extern RsPredictor *rs_predictor_make(FmgrInfo *call_site, const RsPredictorKey *key,
									  const RsModel *model, const RsVersion *version,
									  Datum user_id);

#endif							/* RS_PREDICTOR_H */
