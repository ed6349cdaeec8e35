/*-------------------------------------------------------------------------
 *
 * blas.h
 *		What the solver takes from OpenBLAS.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_BLAS_H
#define RS_BLAS_H

#include "kernel/row.h"

/* From this many factors on its rank update is the faster one. */
#define RS_BLAS_MIN_FACTORS	256

/* Keep OpenBLAS in the thread that calls it. */
extern void rs_blas_init(void);

/* See RsRankUpdate in kernel/row.h. */
extern void rs_blas_rank_update(float *matrix, size_t stride, const float *rows,
								size_t row_stride, int n, int last);

#endif							/* RS_BLAS_H */
