/*-------------------------------------------------------------------------
 *
 * publish.h
 *		Makes the result of a training a version of the model.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_PUBLISH_H
#define RS_PUBLISH_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "solver/solver.h"
#include "store/model.h"
#include "store/ratings.h"

/*
 * The item part: row j, from start[j] to end[j] - 1, has the items that item j speaks for,
 * in ascending order, and how much.
 */
typedef struct RsItemRows
{
	int64	   *start;			/* one for each item of the ratings; NULL: no item part */
	int64	   *end;
	int32	   *item;
	float	   *weight;
} RsItemRows;

/* A computation and where it comes from. */
typedef struct RsTrained
{
	const RsModel *model;
	RsAlgorithm algorithm;		/* as used, and so are the options */
	RsOptions	options;
	Jsonb	   *choice;			/* what was tried, NULL where the model chose itself */
	RsRatings	ratings;
	RsAlsModel	als;			/* popular: no factors, but the counts */
	int			n_parts;		/* dense ones, as RsVersion has them */
	RsOptions	preference;		/* of the second part, as used */
	RsAlsModel	preferred;		/* its result */
	RsItemRows	neighbours;
	const RsVersion *refreshed; /* whose items were taken over; NULL: none were */
	RsAlsKnown	known[RS_MAX_PARTS];	/* of these items */
	int32		known_users;	/* published, that it has, too */
	int32		known_items;
	int			threads;
	char	   *snapshot;		/* pg_snapshot of the read */
	char	   *trained_by;
	TimestampTz started_at;
} RsTrained;

/* The options of a part, and its result. */
static inline const RsOptions *
rs_trained_options(const RsTrained *trained, int part)
{
	return part == RS_PART_PREFERENCE ? &trained->preference : &trained->options;
}

static inline const RsAlsModel *
rs_trained_model(const RsTrained *trained, int part)
{
	return part == RS_PART_PREFERENCE ? &trained->preferred : &trained->als;
}

/* What train() and refresh() tell. */
typedef struct RsTrainResult
{
	int			version;
	int32		users;			/* published: those with a cell that says something */
	int32		items;
	int			refreshed_from; /* 0: trained */
	bool		has_new_users;	/* popular does not know its users */
	int32		new_users;		/* which the version refreshed from has not */
	int32		new_items;
	int64		ratings;		/* cells after the rule for repeated ones */
	int			iterations;
	bool		has_loss;
	double		loss;
	double		seconds;
	bool		deployed;
} RsTrainResult;

/* Users, or items, of n that have a cell that says something. */
extern int32 rs_count_positive(const int32_t *counts, int32 n);

/*
 * Write the factor rows and the version's row, make it the active version if
 * deploy, delete versions beyond keep_versions that none of the others was refreshed
 * from.  SPI is connected.  Errors:
 * 22003 when a factor is not finite; nothing of the transaction may then stay.
 */
extern void rs_publish(const RsTrained *trained, bool deploy, RsTrainResult *result);

#endif							/* RS_PUBLISH_H */
