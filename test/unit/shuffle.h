/*-------------------------------------------------------------------------
 *
 * shuffle.h
 *		Triplets in another order.
 *
 *-------------------------------------------------------------------------
 */
#ifndef UNIT_SHUFFLE_H
#define UNIT_SHUFFLE_H

#include "solver/solver.h"
#include "unit.h"

/* Without times. */
static inline void
shuffle_triplets(RsTriplets *cells)
{
	for (int64_t i = cells->n - 1; i > 0; i--)
	{
		int64_t		j = (int64_t) unit_random((uint32_t) i + 1);
		int32_t		user = cells->user[i];
		int32_t		item = cells->item[i];
		float		value = cells->value[i];

		cells->user[i] = cells->user[j];
		cells->item[i] = cells->item[j];
		cells->value[i] = cells->value[j];
		cells->user[j] = user;
		cells->item[j] = item;
		cells->value[j] = value;
	}
}

#endif							/* UNIT_SHUFFLE_H */
