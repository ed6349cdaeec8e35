/*-------------------------------------------------------------------------
 *
 * transform.h
 *		Messages through a user's function into rows.
 *
 * The function takes (payload bytea or jsonb, metadata jsonb) and returns rows
 * whose column names are columns of the target.  It runs as the source's owner in
 * a security-restricted operation.  A data error of one message is its reason to
 * be a dead letter; any other error is raised.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RK_TRANSFORM_H
#define RK_TRANSFORM_H

#include "postgres.h"

#include "batch.h"
#include "source.h"

typedef struct RkTransform RkTransform;

/*
 * Find and check the function of a source; in the current memory context.
 * Errors: 42883 no such function, 42P13 not of the right kind.
 */
extern RkTransform *rk_transform_open(const RkSource *source);

/* What it returns: names of the columns, in the order of the rows' values. */
extern const char *const *rk_transform_columns(const RkTransform *transform,
											   int *ncolumns);

/*
 * Run the batch's messages that have no reason yet through the function, and add
 * their rows.  nmessages becomes smaller when the budget of subtransactions is used
 * up.  Returns how many were used.
 */
extern int	rk_transform_run(RkTransform *transform, RkBatch *batch, int budget);

#endif							/* RK_TRANSFORM_H */
