/*-------------------------------------------------------------------------
 *
 * axes.h
 *		The axes of a side's Gramian, and turning the side to them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_AXES_H
#define RS_AXES_H

#include "solver/halfstep.h"

/*
 * Eigenvectors of the symmetric k x k matrix, rows stride apart: row i of vectors,
 * of length 1, belongs to values[i], in no order.  matrix is used up; work: k
 * doubles.  RS_NOT_FINITE when there are none, of a matrix that is zero or not
 * finite, too.
 */
extern RsStatus rs_axes_find(double *matrix, int k, int stride, double *vectors,
							 double *values, double *work, RsStopCheck stop, void *arg);

/*
 * Turn all vectors of a side, so that their Gramian is diagonal but for rounding.
 * Products of two turned vectors are what they were, and so are lengths.  The side
 * stays as it is where rs_axes_find() finds nothing.
 */
extern RsStatus rs_axes_turn(RsHalfStep *step, RsSide *side);

#endif							/* RS_AXES_H */
