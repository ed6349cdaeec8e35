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

/* The standard deviation of explicit ratings, but 1 where all are equal. */
extern double rs_deviation(const RsCsr *users, double mean, RsPool *pool);

/*
 * Replace every NaN among the weights; derive.c has the formulas.  Returns the
 * mean weight of an observed cell, less that of an unobserved one.  deviation is
 * for explicit feedback.  Neither function's result means anything once the pool
 * stops.
 */
extern double rs_derive_weights(RsObjective *objective, double deviation, const RsSide *users,
								const RsSide *items, RsPool *pool);

#endif							/* RS_DERIVE_H */
