/*-------------------------------------------------------------------------
 *
 * cells.c
 *		The rule for repeated ratings.
 *
 * Sorting is by heap sort: in place, and n log n even for a million copies of
 * one cell.
 *
 *-------------------------------------------------------------------------
 */
#include "kernel/cells.h"

#include <float.h>

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
static bool
cell_before(const RsCell *a, const RsCell *b, bool implicit)
{
	if (a->index != b->index)
		return a->index < b->index;
	if (!implicit && a->time != b->time)
		return a->time < b->time;
	return a->value < b->value;
}

static void
sink_cell(RsCell *cells, int32_t hole, int32_t n, RsCell cell, bool implicit)
{
	for (;;)
	{
		int64_t		child = 2 * (int64_t) hole + 1;

		if (child >= n)
			break;
		if (child + 1 < n && cell_before(&cells[child], &cells[child + 1], implicit))
			child++;
		if (!cell_before(&cell, &cells[child], implicit))
			break;
		cells[hole] = cells[child];
		hole = (int32_t) child;
	}
	cells[hole] = cell;
}

static bool
cells_are_sorted(const RsCell *cells, int32_t n, bool implicit)
{
	for (int32_t i = 1; i < n; i++)
	{
		if (cell_before(&cells[i], &cells[i - 1], implicit))
			return false;
	}
	return true;
}

static void
sort_cells(RsCell *cells, int32_t n, bool implicit)
{
	if (cells_are_sorted(cells, n, implicit))
		return;
	for (int32_t i = n / 2 - 1; i >= 0; i--)
		sink_cell(cells, i, n, cells[i], implicit);
	for (int32_t i = n - 1; i > 0; i--)
	{
		RsCell		last = cells[i];

		cells[i] = cells[0];
		sink_cell(cells, 0, i, last, implicit);
	}
}

static void
sink_float(float *values, int32_t hole, int32_t n, float value)
{
	for (;;)
	{
		int64_t		child = 2 * (int64_t) hole + 1;

		if (child >= n)
			break;
		if (child + 1 < n && values[child] < values[child + 1])
			child++;
		if (!(value < values[child]))
			break;
		values[hole] = values[child];
		hole = (int32_t) child;
	}
	values[hole] = value;
}

static void
sort_floats(float *values, int32_t n)
{
	for (int32_t i = n / 2 - 1; i >= 0; i--)
		sink_float(values, i, n, values[i]);
	for (int32_t i = n - 1; i > 0; i--)
	{
		float		last = values[i];

		values[i] = values[0];
		sink_float(values, 0, i, last);
	}
}

float
rs_cell_combine(float *values, int32_t n, bool implicit)
{
	CellSum		cell = {0};

	if (n == 1)
		return values[0];
	sort_floats(values, n);
	for (int32_t i = 0; i < n; i++)
		cell_add(&cell, values[i]);
	return cell_value(&cell, implicit);
}

int32_t
rs_cells_reduce(RsCell *cells, int32_t n, bool implicit)
{
	int32_t		kept = 0;

	sort_cells(cells, n, implicit);
	for (int32_t first = 0; first < n;)
	{
		int32_t		last = first;	/* the last of this cell, so the latest */
		RsCell		merged;

		while (last + 1 < n && cells[last + 1].index == cells[first].index)
			last++;
		merged = cells[last];
		if (last > first)
		{
			CellSum		cell = {0};

			for (int32_t i = first; i <= last; i++)
			{
				if (implicit || cells[i].time == merged.time)
					cell_add(&cell, cells[i].value);
				if (cells[i].time > merged.time)
					merged.time = cells[i].time;
			}
			if (cell.n > 1)
				merged.value = cell_value(&cell, implicit);
		}
		if (!implicit || merged.value != 0.0f)
			cells[kept++] = merged;
		first = last + 1;
	}
	return kept;
}
