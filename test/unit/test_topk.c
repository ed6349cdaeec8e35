/*-------------------------------------------------------------------------
 *
 * test_topk.c
 *		The bounded heap against a full sort.
 *
 *-------------------------------------------------------------------------
 */
#include "unit.h"

#include <float.h>

#include "kernel/topk.h"

static int
compare(const void *a, const void *b)
{
	const RsScored *x = a;
	const RsScored *y = b;

	if (x->score != y->score)
		return x->score > y->score ? -1 : 1;
	return x->position < y->position ? -1 : x->position > y->position;
}

/* n distinct positions in random order, few distinct scores. */
static void
test_size(int32_t n, int32_t k, uint32_t distinct)
{
	RsScored	all[600];
	RsScored	best[700];
	RsTopk		topk;

	for (int32_t i = 0; i < n; i++)
	{
		all[i].score = (float) unit_random(distinct) - 3.0f;
		all[i].position = i;
	}
	for (int32_t i = n - 1; i > 0; i--)
	{
		int32_t		j = (int32_t) unit_random((uint32_t) i + 1);
		RsScored	swap = all[i];

		all[i] = all[j];
		all[j] = swap;
	}
	rs_topk_init(&topk, best, k);
	for (int32_t i = 0; i < n; i++)
		rs_topk_push(&topk, all[i].score, all[i].position);
	CHECK(rs_topk_finish(&topk, NULL, NULL));
	qsort(all, (size_t) n, sizeof(RsScored), compare);
	CHECK(topk.n == (n < k ? n : k));
	for (int32_t i = 0; i < topk.n; i++)
		CHECK(best[i].score == all[i].score && best[i].position == all[i].position);
}

static void
test_odd_scores(void)
{
	static const float scores[] = {NAN, -INFINITY, INFINITY, 0.0f, -0.0f, FLT_MAX, NAN};
	static const int32_t order[] = {2, 5, 3, 4, 1};
	RsScored	best[7];
	RsTopk		topk;

	rs_topk_init(&topk, best, 7);
	for (int32_t i = 0; i < 7; i++)
		rs_topk_push(&topk, scores[i], i);
	CHECK(rs_topk_finish(&topk, NULL, NULL));
	CHECK(topk.n == 5);
	for (int i = 0; i < 5; i++)
		CHECK(best[i].position == order[i]);
}

/* Says stop once the questions counted in arg are used up. */
static bool
after_questions(void *arg)
{
	return (*(int *) arg)-- <= 0;
}

/* Sorting a long list can be stopped at any of many points. */
static void
test_stop(void)
{
	enum {N = 100000};
	RsScored   *best = unit_alloc(N * sizeof(RsScored));
	RsTopk		topk;
	int			asked = -1;
	int			left;

	do
	{
		left = ++asked;
		rs_topk_init(&topk, best, N);
		for (int32_t i = 0; i < N; i++)
			rs_topk_push(&topk, unit_random_float(), i);
	} while (!rs_topk_finish(&topk, after_questions, &left));
	CHECK(asked >= N / RS_STOP_STEPS);
	free(best);
}

int
main(void)
{
	static const int32_t sizes[] = {0, 1, 2, 3, 10, 100, 600};
	static const int32_t ks[] = {0, 1, 2, 3, 7, 10, 99, 100, 101, 700};

	for (int i = 0; i < 7; i++)
	{
		for (int j = 0; j < 10; j++)
		{
			test_size(sizes[i], ks[j], 5);
			test_size(sizes[i], ks[j], 1);
			test_size(sizes[i], ks[j], 1000000);
		}
	}
	test_odd_scores();
	test_stop();
	return unit_report("topk");
}
