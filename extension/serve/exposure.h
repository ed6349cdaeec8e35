/*-------------------------------------------------------------------------
 *
 * exposure.h
 *		How often each item of a version is in a list, for lists cut at each k.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_EXPOSURE_H
#define RS_EXPOSURE_H

#include "postgres.h"

#include "serve/recommend.h"

typedef struct RsExposure
{
	const int32 *k;				/* ascending, each once */
	int			n_k;
	int32		n_items;
	int32	   *counts;			/* n_k x n_items: ranks from the last k on, up to this one */
} RsExposure;

typedef struct RsExposureFigures
{
	double		coverage;		/* share of the items that are in some list: catalog coverage
								 * of Ge, Delgado-Battenfeld and Jannach 2010, "Beyond
								 * accuracy" */
	double		gini;			/* see RsGini; NaN: all lists were empty */
} RsExposureFigures;

/* Begin to count, in the current context: 4 bytes for each item and each k. */
extern void rs_exposure_init(RsExposure *exposure, const int32 *k, int n_k, int32 n_items);

/* Count the items of a list that was made for the greatest k. */
extern void rs_exposure_add(RsExposure *exposure, const RsRecommendation *list);

/* n_k figures, in the order of k, palloc'd; nothing can be added afterwards. */
extern RsExposureFigures *rs_exposure_figures(RsExposure *exposure);

#endif							/* RS_EXPOSURE_H */
