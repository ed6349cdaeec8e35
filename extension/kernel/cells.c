/*-------------------------------------------------------------------------
 *
 * cells.c
 *		The rule for repeated ratings.
 *
 *-------------------------------------------------------------------------
 */
#include "kernel/cells.h"

#include <string.h>

/* The values of one cell, added in the order that the rule prescribes. */
typedef struct CellSum
{
	double		sum;
	int32_t		n;
} CellSum;

static void
cell_add(CellSum *cell, float value)
{
	cell->sum += (double) value;
	cell->n++;
}

static float
cell_value(const CellSum *cell, bool implicit)
{
	double		value = implicit ? cell->sum : cell->sum / cell->n;

	if (value > FLT_MAX)
		return FLT_MAX;
	if (value < -FLT_MAX)
		return -FLT_MAX;
	return (float) value;
}

/* implicit adds all of a cell's values by size, explicit the latest ones */
static inline bool
before_by_value(const RsCell *a, const RsCell *b)
{
	return a->index != b->index ? a->index < b->index : a->value < b->value;
}

static inline bool
before_by_time(const RsCell *a, const RsCell *b)
{
	if (a->index == b->index && a->time != b->time)
		return a->time < b->time;
	return before_by_value(a, b);
}

#define RS_SORT_NAME	by_value
#define RS_SORT_TYPE	RsCell
#define RS_SORT_BEFORE(a, b)	before_by_value(a, b)
#include "kernel/heap_sort.h"

#define RS_SORT_NAME	by_time
#define RS_SORT_TYPE	RsCell
#define RS_SORT_BEFORE(a, b)	before_by_time(a, b)
#include "kernel/heap_sort.h"

/* Cells that a copy on the stack has room for. */
#define SHORT_LIST	1024

/*
 * Order a short list by index alone, byte by byte from the lowest: nothing is
 * compared, so nothing is guessed wrong, which takes most of a sort's time.
 */
static void
sort_short_by_index(RsCell *cells, int32_t n)
{
	RsCell		copies[SHORT_LIST];
	uint32_t	most = 0;

	for (int32_t i = 0; i < n; i++)
		most |= (uint32_t) cells[i].index;
	for (int shift = 0; shift < 32 && most >> shift != 0; shift += 8)
	{
		int32_t		at[257] = {0};

		memcpy(copies, cells, (size_t) n * sizeof(RsCell));
		for (int32_t i = 0; i < n; i++)
			at[1 + ((uint32_t) copies[i].index >> shift) % 256]++;
		for (int i = 1; i < 256; i++)
			at[i] += at[i - 1];
		for (int32_t i = 0; i < n; i++)
			cells[at[((uint32_t) copies[i].index >> shift) % 256]++] = copies[i];
	}
}

#define RS_SORT_NAME	floats
#define RS_SORT_TYPE	float
#define RS_SORT_BEFORE(a, b)	(*(a) < *(b))
#include "kernel/heap_sort.h"

bool
rs_cell_combine(float *values, int32_t n, bool implicit, float *value,
				RsStopCheck stop, void *arg)
{
	CellSum		cell = {0};

	*value = values[0];
	if (n == 1)
		return true;
	if (!floats_sort(values, n, stop, arg))
		return false;
	for (int32_t i = 0; i < n; i++)
	{
		if (rs_stop_at(stop, arg, i))
			return false;
		cell_add(&cell, values[i]);
	}
	*value = cell_value(&cell, implicit);
	return true;
}

/*
 * Merge the sorted copies of one cell, first to last, of which the last is the
 * latest where times decide; false when stopped.
 */
static bool
merge_copies(const RsCell *cells, int32_t first, int32_t last, bool implicit, RsCell *merged,
			 RsStopCheck stop, void *arg)
{
	CellSum		cell = {0};

	*merged = cells[last];
	if (last == first)
		return true;
	for (int32_t i = first; i <= last; i++)
	{
		if (rs_stop_at(stop, arg, i))
			return false;
		if (implicit || cells[i].time == merged->time)
			cell_add(&cell, cells[i].value);
		if (cells[i].time > merged->time)
			merged->time = cells[i].time;
	}
	if (cell.n > 1)
		merged->value = cell_value(&cell, implicit);
	return true;
}

/* Order cells by index, copies of a cell as its rule wants them; false when stopped. */
static bool
sort_cells(RsCell *cells, int32_t n, bool implicit, RsStopCheck stop, void *arg)
{
	int32_t		first = 0;

	if (n > SHORT_LIST)
		return (implicit ? by_value_sort : by_time_sort) (cells, n, stop, arg);
	sort_short_by_index(cells, n);
	for (int32_t i = 1; i <= n; i++)
	{
		if (i < n && cells[i].index == cells[first].index)
			continue;
		if (i - first > 1 &&
			!(implicit ? by_value_sort : by_time_sort) (cells + first, i - first, stop, arg))
			return false;
		first = i;
	}
	return true;
}

int32_t
rs_cells_reduce(RsCell *cells, int32_t n, bool implicit, RsStopCheck stop, void *arg)
{
	int32_t		kept = 0;
	int32_t		first = 0;

	if (!sort_cells(cells, n, implicit, stop, arg))
		return -1;
	for (int32_t last = 0; last < n; last++)
	{
		RsCell		merged;

		if (rs_stop_at(stop, arg, last))
			return -1;
		if (last + 1 < n && cells[last + 1].index == cells[first].index)
			continue;
		if (!merge_copies(cells, first, last, implicit, &merged, stop, arg))
			return -1;
		if (!implicit || merged.value != 0.0f)
			cells[kept++] = merged;
		first = last + 1;
	}
	return kept;
}

bool
rs_ratings_to_weights(float *values, int64_t n, double mean, double deviation,
					  RsStopCheck stop, void *arg)
{
	for (int64_t i = 0; i < n; i++)
	{
		if (rs_stop_at(stop, arg, i))
			return false;
		values[i] = rs_rating_weight(values[i], mean, deviation);
	}
	return true;
}
