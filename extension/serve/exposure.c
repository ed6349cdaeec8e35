/*-------------------------------------------------------------------------
 *
 * exposure.c
 *		How often each item of a version is in a list, for lists cut at each k.
 *
 * A list adds to the counts of the k in which an item's rank comes first; the figures
 * then add the counts of smaller k.  So a list costs its length, however many k there are.
 *
 * Memory: see rs_exposure_init(); it does not grow with the number of lists.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"

#include "compat.h"
#include "kernel/metrics.h"
#include "serve/exposure.h"

#define ST_SORT				sort_counts
#define ST_ELEMENT_TYPE		int32
#define ST_COMPARE(a, b)	((*(a) > *(b)) - (*(a) < *(b)))
#define ST_SCOPE			static
#define ST_DEFINE
#define ST_CHECK_FOR_INTERRUPTS
#include "lib/sort_template.h"

void
rs_exposure_init(RsExposure *exposure, const int32 *k, int n_k, int32 n_items)
{
	Size		size = mul_size(mul_size(sizeof(int32), n_k), Max(n_items, 1));

	exposure->k = k;
	exposure->n_k = n_k;
	exposure->n_items = n_items;
	exposure->counts = palloc_extended(size, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
}

static int32 *
counts_of(const RsExposure *exposure, int i)
{
	return exposure->counts + (Size) i * exposure->n_items;
}

void
rs_exposure_add(RsExposure *exposure, const RsRecommendation *list)
{
	int32		rank = 0;

	for (int i = 0; i < exposure->n_k; i++)
	{
		int32	   *counts = counts_of(exposure, i);

		for (; rank < Min(exposure->k[i], list->n); rank++)
		{
			CHECK_FOR_INTERRUPTS();
			counts[list->entries[rank].position]++;
		}
	}
}

/* The figures of one k, whose counts are complete; they are sorted. */
static RsExposureFigures
figures_of(int32 *counts, int32 n)
{
	RsExposureFigures figures;
	RsGini		gini = {.n = n};
	int32		in_lists = 0;

	sort_counts(counts, n);
	for (int32 i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		in_lists += counts[i] > 0;
		rs_gini_add(&gini, counts[i]);
	}
	figures.coverage = n > 0 ? (double) in_lists / n : NAN;
	figures.gini = rs_gini_value(&gini);
	return figures;
}

/* Lists cut at a k hold the items of those cut at the k before it, too. */
RsExposureFigures *
rs_exposure_figures(RsExposure *exposure)
{
	RsExposureFigures *figures = palloc(mul_size(sizeof(RsExposureFigures), exposure->n_k));

	for (int i = 1; i < exposure->n_k; i++)
	{
		int32	   *counts = counts_of(exposure, i);
		const int32 *before = counts_of(exposure, i - 1);

		for (int32 j = 0; j < exposure->n_items; j++)
		{
			CHECK_FOR_INTERRUPTS();
			counts[j] += before[j];
		}
	}
	for (int i = 0; i < exposure->n_k; i++)
		figures[i] = figures_of(counts_of(exposure, i), exposure->n_items);
	return figures;
}
