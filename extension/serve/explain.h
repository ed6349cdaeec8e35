/*-------------------------------------------------------------------------
 *
 * explain.h
 *		What a score is made of.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_EXPLAIN_H
#define RS_EXPLAIN_H

#include "postgres.h"

#include "serve/serving.h"

/* One item of the user's rows, repeated ones reduced. */
typedef struct RsItemPart
{
	int32		position;		/* in the image */
	float		rating;
	double		contribution;
} RsItemPart;

/* All of these together are the score, but for rounding. */
typedef struct RsExplanation
{
	int32		n;				/* items shown */
	RsItemPart *items;			/* those that contribute most, of either sign */
	int32		n_others;		/* further items */
	double		others;			/* what they contribute together */
	double		mean;			/* these are 0 where the version has none */
	double		user_bias;
	double		item_bias;
} RsExplanation;

/*
 * What the rows of a user, who was read fresh, contribute to the score of the item at
 * a position: the k items that contribute most, ties by id, and the others together.
 * With position -1 the version has not the item: mean and bias are its score.  False
 * where rs_serving_predict() is.  Errors: those of rs_user_vectors().
 */
extern bool rs_explain(const RsServing *serving, int32 position, int32 k,
					   RsExplanation *explanation);

#endif							/* RS_EXPLAIN_H */
