/*-------------------------------------------------------------------------
 *
 * measure.h
 *		What a version is worth for each user of held-out data, one after another.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_MEASURE_H
#define RS_MEASURE_H

#include "postgres.h"

#include "kernel/metrics.h"
#include "serve/recommend.h"
#include "serve/test_reader.h"

/* What evaluate() and evaluate_users() are asked. */
typedef struct RsMeasureOptions
{
	const int32 *k;				/* list lengths, positive, ascending, each once */
	int			n_k;			/* at least one */
	bool		exclude_seen;	/* as for recommend() */
	bool		has_min_rating;
	float4		min_rating;		/* what a test row must have to be relevant */
} RsMeasureOptions;

/* Sort lengths and drop those that come twice; returns how many are left. */
extern int	rs_measure_lengths(int32 *k, int n);

/* What one list, cut at one k, is worth. */
typedef struct RsUserList
{
	RsRankMetrics metrics;
	double		novelty;		/* mean rank of the list's items by popularity, 1 the most
								 * popular (LensKit's MeanPopRank, which is a share of the
								 * items); NaN: the list is empty */
} RsUserList;

/*
 * Of the user's test rows: how far predictions are off.  A pair is liked where its
 * rating reaches the threshold: min_rating, or the version's mean, from which on
 * training counts a rating as a like.
 */
typedef struct RsUserErrors
{
	int32		rated;			/* with an item and a rating */
	int32		predicted;		/* of these, with a prediction */
	double		squared;		/* sums over these */
	double		absolute;
	int32		liked;			/* of these: by their rating, */
	int32		predicted_liked;	/* by their prediction, */
	int32		both_liked;		/* by both */
} RsUserErrors;

/* What the version is worth for one user.  T is the set of their relevant items. */
typedef struct RsUserMeasure
{
	const RsTestUser *test;
	RsOrigin	origin;
	int32		seen;			/* rows of the user in the model's view */
	int32		relevant;		/* |T|; without any there is no list */
	int32		known;			/* of these, items that the version has */
	int32		known_seen;		/* of these, those left out of the list as seen */
	const RsTestRow *unknown;	/* first row of T whose item the version lacks, or NULL */
	RsRecommendation list;		/* the longest list */
	RsUserList *lists;			/* n_k */
	RsUserErrors errors;		/* explicit feedback only */
} RsUserMeasure;

typedef struct RsMeasuring
{
	const RsModel *model;
	const RsVersion *version;
	const RsMeasureOptions *options;
	const RsImage *image;
	RsTestReader reader;
	RsTestUser	user;
	int32	   *popularity_rank;	/* of each item of the image */
	MemoryContext context;		/* the caller's: image and ranks */
	MemoryContext work;			/* reset for each user */
} RsMeasuring;

/*
 * Start to measure a version on the relation test, read as the current user under
 * the active snapshot.  What is pointed to must stay until the end.  SPI is
 * connected until then.  Errors: those of rs_test_open() and rs_image_open().
 */
extern void rs_measure_begin(RsMeasuring *measuring, const RsModel *model,
							 const RsVersion *version, Oid test,
							 const RsMeasureOptions *options);

/*
 * The next user, in ascending order of ids; false at the end.  The measure is valid
 * until the next call.  Errors: those of rs_test_next_user() and rs_serving_open().
 */
extern bool rs_measure_next(RsMeasuring *measuring, RsUserMeasure *measure);

/* Close the reader and SPI; image and ranks stay until the caller's context is reset. */
extern void rs_measure_end(RsMeasuring *measuring);

#endif							/* RS_MEASURE_H */
