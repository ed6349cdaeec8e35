/*-------------------------------------------------------------------------
 *
 * work.c
 *		How much work a training is, estimated.
 *
 * The constants are from trainings of 70,000 to 900,000 cells with 8 to 256 factors,
 * which took 0.6 to 1.6 times what is estimated, in processor time of all threads.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/shmem.h"
#include "utils/memutils.h"

#include "compat.h"
#include "train/work.h"

/* Sorting a cell in by user and by item. */
#define WORK_OF_SORTING		400.0

/*
 * Of the item part: two items that one user likes, of whose items so many count, and all
 * else of an item (solver/neighbours.c).
 */
#define WORK_OF_PAIR		8.0
#define LONGEST_HISTORY		500
#define WORK_OF_SYSTEM		130000.0

/* The sums of a user's items, where parts are summed. */
#define WORK_OF_SUMS		200000.0

/* Codes of items that a search looks at together. */
#define CODES_AT_ONCE		12.0

/*
 * An iteration touches the k factors of each cell on both sides, and solves a system of k
 * unknowns for each user and item: by conjugate gradients, in some k^2 steps.
 */
double
rs_work_of_training(const RsWorkSize *size, const RsOptions *options)
{
	double		cells = (double) size->cells;
	double		rows = (double) size->users + size->items;
	double		k = options->factors;

	return cells * WORK_OF_SORTING + options->iterations * k * (2.0 * cells + rows * k);
}

/* At worst a search looks at a code for each factor of each item. */
double
rs_work_of_lists(const RsWorkSize *size, const RsOptions *options, int32 users)
{
	return (double) users * size->items * options->factors / CODES_AT_ONCE;
}

double
rs_work_of_blended_lists(const RsWorkSize *size, const RsOptions *options, int32 users)
{
	return rs_work_of_lists(size, options, users) + users * WORK_OF_SUMS;
}

double
rs_work_of_item_part(const RsRatings *read)
{
	int32	   *rows = palloc_extended(mul_size(sizeof(int32), Max(read->users.n, 1)),
									   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	double		pairs = 0;

	for (int64 i = 0; i < read->n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		rows[read->user[i]]++;
	}
	for (int32 u = 0; u < read->users.n; u++)
	{
		double		n = Min(rows[u], LONGEST_HISTORY);

		CHECK_FOR_INTERRUPTS();
		pairs += n * n;
	}
	pfree(rows);
	return pairs * WORK_OF_PAIR + read->items.n * WORK_OF_SYSTEM;
}
