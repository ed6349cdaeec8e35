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

#include "train/work.h"

/* Sorting a cell in by user and by item. */
#define WORK_OF_SORTING		400.0

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
