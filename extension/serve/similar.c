/*-------------------------------------------------------------------------
 *
 * similar.c
 *		The items most like an item, by the angle between their vectors.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"

#include "compat.h"
#include "interrupt.h"
#include "serve/similar.h"

static const float *
factors_at(const RsImage *image, int32 position)
{
	return image->factors + (Size) position * image->stride;
}

/* x.y / (|x| |y|); NaN, which no list takes, where one is zero. */
static float
cosine(const float *x, double x_square, const float *y, int k)
{
	double		squares = x_square * rs_dot(y, y, k);

	if (squares == 0)
		return NAN;
	return (float) Max(-1.0, Min(1.0, rs_dot(x, y, k) / sqrt(squares)));
}

int32
rs_similar_items(const RsImage *image, int32 position, const uint64 *eligible,
				 int32 k, RsScored **entries)
{
	RsTopk		topk;
	const float *x;
	double		x_square;

	if (image->k == 0)
		return 0;				/* the algorithm popular has no factors */
	x = factors_at(image, position);
	x_square = rs_dot(x, x, image->k);
	k = Min(k, rs_eligible(image, eligible).n);
	*entries = palloc_extended(mul_size(sizeof(RsScored), Max(k, 1)), MCXT_ALLOC_HUGE);
	rs_topk_init(&topk, *entries, k);
	for (int32 i = 0; i < image->ids.n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (i != position && rs_is_eligible(eligible, i))
			rs_topk_push(&topk, cosine(x, x_square, factors_at(image, i), image->k), i);
	}
	(void) rs_topk_finish(&topk, rs_interrupt, NULL);
	return topk.n;
}
