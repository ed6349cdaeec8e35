/*-------------------------------------------------------------------------
 *
 * evaluate.h
 *		How good a version is on held-out data.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_EVALUATE_H
#define RS_EVALUATE_H

#include "postgres.h"

#include "serve/measure.h"

typedef struct RsMetricRow
{
	const char *metric;
	int32		k;				/* 0: not a metric of a list */
	double		value;			/* NaN: none */
	double		standard_error; /* negative or NaN: none */
	int64		users;
	int64		users_skipped;
} RsMetricRow;

/*
 * Measure a version on the relation test, read as the current user under the
 * active snapshot.  Returns the number of rows, which are ordered by metric and k
 * and palloc'd.  Errors: those of measure.h; WARNING if most users or items are
 * unknown, or most items are left out as seen.
 */
extern int	rs_evaluate(const RsModel *model, const RsVersion *version, Oid test,
						const RsMeasureOptions *options, RsMetricRow **rows);

#endif							/* RS_EVALUATE_H */
