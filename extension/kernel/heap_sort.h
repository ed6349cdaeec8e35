/*-------------------------------------------------------------------------
 *
 * heap_sort.h
 *		A sort of an array that can be stopped, made for one type and order.
 *
 * Define before it is included, as often as there are types:
 *
 * RS_SORT_NAME			prefix of what is made: NAME_sink(), NAME_drain(), NAME_sort()
 * RS_SORT_TYPE			type of an element
 * RS_SORT_BEFORE(a, b)	does *a come before *b?
 *
 * By heap sort: in place, and n log n whatever the data, even for a million
 * copies of one element.  The heap has the last element on top.  A sort that
 * was stopped leaves the elements in no order, and some of them twice.
 *
 *-------------------------------------------------------------------------
 */
#include "kernel/stop.h"

#define RS_SORT_JOIN_(a, b)	a##_##b
#define RS_SORT_JOIN(a, b)	RS_SORT_JOIN_(a, b)
#define RS_SORT_SINK		RS_SORT_JOIN(RS_SORT_NAME, sink)
#define RS_SORT_DRAIN		RS_SORT_JOIN(RS_SORT_NAME, drain)
#define RS_SORT				RS_SORT_JOIN(RS_SORT_NAME, sort)

/* Let element sink from the hole of a heap of n. */
static inline void
RS_SORT_SINK(RS_SORT_TYPE *elements, int32_t hole, int32_t n, RS_SORT_TYPE element)
{
	for (;;)
	{
		int64_t		child = 2 * (int64_t) hole + 1;

		if (child >= n)
			break;
		if (child + 1 < n && RS_SORT_BEFORE(&elements[child], &elements[child + 1]))
			child++;
		if (!RS_SORT_BEFORE(&element, &elements[child]))
			break;
		elements[hole] = elements[child];
		hole = (int32_t) child;
	}
	elements[hole] = element;
}

/* Taking away the last again and again fills the array from its end; false when stopped. */
static inline bool
RS_SORT_DRAIN(RS_SORT_TYPE *elements, int32_t n, RsStopCheck stop, void *arg)
{
	for (int32_t i = n - 1; i > 0; i--)
	{
		RS_SORT_TYPE element = elements[i];

		if (rs_stop_at(stop, arg, i))
			return false;
		elements[i] = elements[0];
		RS_SORT_SINK(elements, 0, i, element);
	}
	return true;
}

/* False when stopped.  Data often comes in order. */
static inline bool
RS_SORT(RS_SORT_TYPE *elements, int32_t n, RsStopCheck stop, void *arg)
{
	int32_t		sorted = 1;

	while (sorted < n && !RS_SORT_BEFORE(&elements[sorted], &elements[sorted - 1]))
	{
		if (rs_stop_at(stop, arg, sorted))
			return false;
		sorted++;
	}
	if (sorted >= n)
		return true;
	for (int32_t i = n / 2 - 1; i >= 0; i--)
	{
		if (rs_stop_at(stop, arg, i))
			return false;
		RS_SORT_SINK(elements, i, n, elements[i]);
	}
	return RS_SORT_DRAIN(elements, n, stop, arg);
}

#undef RS_SORT_JOIN_
#undef RS_SORT_JOIN
#undef RS_SORT_SINK
#undef RS_SORT_DRAIN
#undef RS_SORT
#undef RS_SORT_NAME
#undef RS_SORT_TYPE
#undef RS_SORT_BEFORE
