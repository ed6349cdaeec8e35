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

#include "store/model.h"

typedef struct RsMetricRow
{
	const char *metric;
	int32		k;				/* 0: not a metric of a list */
	double		value;			/* NaN: none */
	double		standard_error; /* negative: none */
	int64		users;
	int64		users_skipped;
} RsMetricRow;

/*
 * Measure a version on the relation test, read as the current user under the
 * active snapshot; k holds n_k >= 1 positive list lengths, in any order and
 * perhaps repeated; exclude_seen as for recommend().  Returns the number of
 * rows, which are ordered by metric and k and palloc'd.  Errors as for
 * rs_test_open() and rs_test_next_user(); WARNING if most users or items are
 * unknown, or most items are left out as seen.
 */
extern int	rs_evaluate(const RsModel *model, const RsVersion *version, Oid test,
						const int32 *k, int n_k, bool exclude_seen, RsMetricRow **rows);

#endif							/* RS_EVALUATE_H */
