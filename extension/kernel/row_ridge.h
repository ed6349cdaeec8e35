/*-------------------------------------------------------------------------
 *
 * row_ridge.h
 *		Ridge regressions whose normal equations are given, side by side.
 *
 * Pure C; no allocation: the caller brings the workspace.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_ROW_RIDGE_H
#define RS_ROW_RIDGE_H

#include "kernel/kernel.h"

/* (matrix + ridge times unit matrix) x = right-hand side */
typedef struct RsRidge
{
	const int32_t *triangle;	/* rs_triangle(m, m) whole numbers */
	int			m;				/* unknowns, 0 to RS_BATCH_MAX_FACTORS */
	float	   *x;				/* m: the right-hand side, becomes x */
} RsRidge;

/* Bytes of workspace for systems of at most m unknowns; alignment 64. */
extern size_t rs_ridges_workspace_size(int m);

/*
 * Solve n systems of at most m unknowns; they are fastest when they have equally many.
 * RS_NOT_POSITIVE_DEFINITE or RS_NOT_FINITE when one has no solution.
 */
extern RsStatus rs_ridges_solve(const RsRidge *systems, int n, int m, double ridge,
								void *workspace);

#endif							/* RS_ROW_RIDGE_H */
