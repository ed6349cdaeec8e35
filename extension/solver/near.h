/*-------------------------------------------------------------------------
 *
 * near.h
 *		The inverse of a matrix that is near those of all rows of a half-step.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_NEAR_H
#define RS_NEAR_H

#include "kernel/row.h"

/*
 * inverse = (gramian + ridge times unit matrix)^-1, zero in the padding.  All
 * are k x stride; work is overwritten.  RS_NOT_POSITIVE_DEFINITE when it is too
 * near to singular; RS_STOPPED when stop(arg) says so.
 */
extern RsStatus rs_near_inverse(const double *gramian, int k, int stride, double ridge,
								double *work, float *inverse, RsStopCheck stop, void *arg);

#endif							/* RS_NEAR_H */
