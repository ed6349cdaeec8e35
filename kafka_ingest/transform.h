/*-------------------------------------------------------------------------
 *
 * transform.h
 *		Messages through a user's function into rows.
 *
 * The function takes (payload bytea or jsonb, metadata jsonb) and returns rows
 * whose column names are columns of the target.  It runs as the source's owner in
 * a security-restricted operation.  A data error (22, 23, P0001) of one message
 * is its reason to be a dead letter; any other error is raised.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RK_TRANSFORM_H
#define RK_TRANSFORM_H

#include "postgres.h"

#include "batch.h"
#include "source.h"

typedef struct RkTransform RkTransform;

/* Find and check the function of a source; in the current memory context. */
extern RkTransform *rk_transform_open(const RkSource *source);

/* What it returns: names of the columns, in the order of the rows' values. */
extern int	rk_transform_ncolumns(const RkTransform *transform);
extern const char *rk_transform_column(const RkTransform *transform, int i);

/*
 * Run messages first .. first + n - 1 of the batch through the function, those that
 * have no reason yet, and add their rows.  Returns how many messages it got through,
 * fewer than n when the transaction's subtransactions are used up.
 */
extern int	rk_transform_run(RkTransform *transform, RkBatch *batch,
							 int *subtransactions);

#endif							/* RK_TRANSFORM_H */
