/*-------------------------------------------------------------------------
 *
 * derive.h
 *		Weights of the objective that were not given, from the data.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_DERIVE_H
#define RS_DERIVE_H

#include "solver/halfstep.h"

/*
 * Replace every NaN among the weights; derive.c has the formulas.  Returns the
 * mean weight of an observed cell, less that of an unobserved one.  Means nothing
 * once the pool stops.
 */
extern double rs_derive_weights(RsObjective *objective, const RsSide *users, const RsSide *items,
								RsPool *pool);

#endif							/* RS_DERIVE_H */
