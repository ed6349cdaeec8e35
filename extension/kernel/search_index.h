/*-------------------------------------------------------------------------
 *
 * search_index.h
 *		Inside the search: how an index lies in memory.
 *
 *	RsIndex				once; everything after it begins at a multiple of RS_BLOCK
 *	RsBlock				blocks
 *	positions			int32, blocks x RS_BLOCK; -1 where the last block ends early
 *	biases				float, blocks x RS_BLOCK: the bias over the block's scale;
 *						nothing when the items have none
 *	codes				bytes, blocks x groups x RS_BLOCK x 4: four factors of each
 *						item of a block, then the next four; a byte is 128 + q
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_SEARCH_INDEX_H
#define RS_SEARCH_INDEX_H

#include "kernel/search.h"

/* The parts of an index, in this order. */
typedef enum RsIndexPart
{
	RS_PART_BLOCKS,
	RS_PART_POSITIONS,
	RS_PART_BIASES,
	RS_PART_CODES,
	RS_PARTS
} RsIndexPart;

struct RsIndex
{
	int32_t		n;
	int32_t		k;
	int32_t		blocks;
	int32_t		groups;			/* of four factors */
	bool		has_biases;
	double		weight;			/* items are ordered by weight |y| + bias */
	double		largest_bias;	/* |bias| */
	size_t		offset[RS_PARTS + 1];	/* from the RsIndex; the last is its size */
};

/* What is common to the items of a block: y_i is near scale q_i. */
typedef struct RsBlock
{
	double		inverse;		/* 1 / scale; 0: the codes say nothing */
	double		residual;		/* largest |y - scale q|, over scale */
	double		norm;			/* largest |y|, over scale */
	double		bias;			/* largest |bias|, over scale */
	double		rest_key;		/* largest weight |y| + bias from here on */
	double		rest_norm;		/* largest |y| from here on */
	double		rest_bias;		/* largest bias from here on */
} RsBlock;

/*
 * Sums and roots of up to RS_MAX_FACTORS terms in double are right to a few times
 * 2^-46.  A bound that is raised by this fraction covers what rounding may hide.
 */
#define RS_ROUNDING		0x1p-40

static inline const void *
rs_index_part(const RsIndex *index, RsIndexPart part)
{
	return (const char *) index + index->offset[part];
}

/*
 * Code n numbers by the largest of them, which becomes limit: codes[j] = 128 +
 * q_j, *scale q_j is near x_j.  Returns |x - scale q|, rounded up.  All zeros have
 * the scale 0.
 */
extern double rs_quantize(const float *x, int n, float largest, int limit,
						  uint8_t *codes, double *scale);

/* The largest |x_j| of n. */
extern float rs_largest(const float *x, int n);

#endif							/* RS_SEARCH_INDEX_H */
