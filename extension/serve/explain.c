/*-------------------------------------------------------------------------
 *
 * explain.c
 *		What a score is made of: exact shares of the user's rows.
 *
 * The score is mean + b_user + b_item + x.y.  Fold-in solves A x = b, where b is a
 * sum over the user's rows, so x.y is a sum over them, too
 * (rs_row_contributions(); Hu, Koren, Volinsky 2008, section 5).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"

#include "compat.h"
#include "interrupt.h"
#include "kernel/topk.h"
#include "serve/explain.h"

/* The k of n contributions that weigh most, into the explanation; the others summed. */
static void
choose_items(const RsRow *row, const double *contributions, int32 k,
			 RsExplanation *explanation)
{
	RsScored   *entries;
	RsTopk		topk;
	double		others = 0;
	bool	   *shown = palloc_extended(Max(row->n, 1), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);

	k = Min(k, row->n);
	entries = palloc_extended(mul_size(sizeof(RsScored), Max(k, 1)), MCXT_ALLOC_HUGE);
	rs_topk_init(&topk, entries, k);
	for (int32 i = 0; i < row->n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		rs_topk_push(&topk, (float) fabs(contributions[i]), i);
	}
	(void) rs_topk_finish(&topk, rs_interrupt, NULL);
	explanation->items = palloc_extended(mul_size(sizeof(RsItemPart), Max(k, 1)),
										 MCXT_ALLOC_HUGE);
	for (int32 i = 0; i < topk.n; i++)
	{
		int32		cell = entries[i].position;

		CHECK_FOR_INTERRUPTS();
		shown[cell] = true;
		explanation->items[i].position = row->index[cell];
		explanation->items[i].rating = row->value[cell];
		explanation->items[i].contribution = contributions[cell];
	}
	for (int32 i = 0; i < row->n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!shown[i])
			others += contributions[i];
	}
	explanation->n = topk.n;
	explanation->n_others = row->n - topk.n;
	explanation->others = others;
}

/* What the user's rows and the item's bias contribute; false if no row is usable. */
static bool
explain_item(const RsServing *serving, int32 position, int32 k, RsExplanation *explanation)
{
	const float *biases = serving->scoring.items.biases;
	RsFoldIn	fold_in;
	RsRowHooks	hooks = {.stop = rs_interrupt};
	double	   *contributions;

	if (!rs_fold_in_init(serving->version, serving->image, &serving->user, &fold_in))
		return false;
	contributions = palloc_extended(mul_size(sizeof(double), fold_in.row.n), MCXT_ALLOC_HUGE);
	rs_fold_in_check(serving->model, &serving->user,
					 rs_row_contributions(&fold_in.objective, &fold_in.side, &fold_in.row,
										  position, fold_in.workspace, contributions, &hooks));
	choose_items(&fold_in.row, contributions, k, explanation);
	explanation->item_bias = biases != NULL ? biases[position] : 0;
	return true;
}

bool
rs_explain(const RsServing *serving, int32 position, int32 k, RsExplanation *explanation)
{
	float4		score;

	if (!rs_serving_predict(serving, position, &score))
		return false;
	memset(explanation, 0, sizeof(RsExplanation));
	explanation->mean = serving->version->mean;
	explanation->user_bias = serving->scoring.bias;
	return position < 0 || explain_item(serving, position, k, explanation);
}
