/*-------------------------------------------------------------------------
 *
 * search_index.c
 *		Building the index of a search: see search_index.h for its form.
 *
 * Items are sorted by one counting sort on the upper half of their key as a
 * float, to a hundredth or so: the order decides how soon a search may stop, not
 * what it finds, as every block keeps the true maxima.
 *
 * The weight of the norm in the key |y| weight + bias stands for the norm of a
 * user, which is not known here.  It is the root mean square of the items' norms:
 * the regularisation of ALS keeps both sides at about one scale.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <string.h>

#include "kernel/kernel_ops.h"
#include "kernel/search_index.h"

#define KEYS			65536

/* Rows whose factors are asked for ahead. */
#define ROWS_AHEAD		8

/* Codes of an item go from -127 to 127. */
#define ITEM_LIMIT		127

/* With biases of so many scales codes are not used: products must stay floats. */
#define MOST_SCALES		0x1p60

typedef struct Builder
{
	const RsItems *items;
	RsStopCheck stop;
	void	   *stop_arg;
	RsIndex    *index;
	RsBlock    *blocks;
	int32_t    *positions;
	float	   *biases;			/* NULL when the items have none */
	uint8_t    *codes;
	uint32_t   *starts;			/* workspace: KEYS */
	uint16_t   *keys;			/* workspace: n, ascending = first */
} Builder;

/* ---- sizes ----------------------------------------------------------------- */

/* *to += n * width, rounded up to RS_BLOCK bytes */
static bool
add_part(size_t *to, size_t n, size_t width)
{
	size_t		bytes;

	return !__builtin_mul_overflow(n, width, &bytes) &&
		!__builtin_add_overflow(bytes, (size_t) (RS_BLOCK - 1), &bytes) &&
		!__builtin_add_overflow(*to, bytes / RS_BLOCK * RS_BLOCK, to);
}

/* All of an index but what comes from factors. */
static bool
lay_out(RsIndex *index, int32_t n, int k, bool biases)
{
	size_t		blocks = (size_t) n / RS_BLOCK + (n % RS_BLOCK != 0);
	size_t		groups = ((size_t) k + 3) / 4;
	size_t		sizes[RS_PARTS] = {
		[RS_PART_BLOCKS] = sizeof(RsBlock),
		[RS_PART_POSITIONS] = RS_BLOCK * sizeof(int32_t),
		[RS_PART_BIASES] = biases ? RS_BLOCK * sizeof(float) : 0,
		[RS_PART_CODES] = RS_BLOCK * 4 * groups
	};
	size_t		at = 0;

	if (n < 0 || k < 0 || k > RS_MAX_FACTORS || !add_part(&at, 1, sizeof(RsIndex)))
		return false;
	memset(index, 0, sizeof(RsIndex));
	index->n = n;
	index->k = k;
	index->blocks = (int32_t) blocks;
	index->groups = (int32_t) groups;
	index->has_biases = biases;
	for (int part = 0; part < RS_PARTS; part++)
	{
		index->offset[part] = at;
		if (!add_part(&at, blocks, sizes[part]))
			return false;
	}
	index->offset[RS_PARTS] = at;
	return true;
}

bool
rs_index_size(int32_t n, int k, bool biases, size_t *bytes, size_t *workspace)
{
	RsIndex		index;

	if (!lay_out(&index, n, k, biases))
		return false;
	*bytes = index.offset[RS_PARTS];
	*workspace = 0;
	return add_part(workspace, KEYS, sizeof(uint32_t)) &&
		add_part(workspace, (size_t) n, sizeof(uint16_t));
}

/* ---- codes ----------------------------------------------------------------- */

float
rs_largest(const float *x, int n)
{
	float		lane[RS_LANES] = {0};

	for (int j = 0; j < n; j += RS_LANES)
	{
		for (int l = 0; l < RS_LANES; l++)
			lane[l] = fabsf(x[j + l]) > lane[l] ? fabsf(x[j + l]) : lane[l];
	}
	for (int l = 1; l < RS_LANES; l++)
		lane[0] = lane[l] > lane[0] ? lane[l] : lane[0];
	return lane[0];
}

double
rs_quantize(const float *x, int n, float largest, int limit, uint8_t *codes, double *scale)
{
	double		inverse = largest > 0.0f ? limit / (double) largest : 0.0;
	double		sum;

	*scale = (double) largest / limit;
	sum = rs_kernel_ops->quantize(x, n, inverse, *scale, codes);

	/*
	 * A component of the rest is off by 2^-53 |scale q_j| and its own rounding, and
	 * where q_j is not 0, scale |q_j| <= 2 |x_j|: together less than 2^-51 |x|.
	 */
	return sqrt(sum) * (1.0 + RS_ROUNDING) + RS_ROUNDING * (double) largest * sqrt((double) n);
}

/* ---- order ----------------------------------------------------------------- */

static const float *
factors_of(const Builder *builder, int32_t position)
{
	return builder->items->factors + (size_t) position * (size_t) builder->items->stride;
}

static double
bias_of(const Builder *builder, int32_t position)
{
	return builder->items->biases == NULL ? 0.0 : (double) builder->items->biases[position];
}

/* |y|, not less than it is; NaN or infinite when a factor is */
static double
norm_of(const Builder *builder, int32_t position)
{
	const float *y = factors_of(builder, position);

	return sqrt(rs_dot(y, y, (size_t) builder->items->k)) * (1.0 + RS_ROUNDING);
}

static bool
must_stop(const Builder *builder, int64_t row)
{
	return rs_stop_at(builder->stop, builder->stop_arg, row);
}

/* The weight of norms in the order, and whether everything is finite. */
static RsStatus
weigh(Builder *builder)
{
	RsIndex    *index = builder->index;
	double		sum = 0.0;

	for (int32_t i = 0; i < index->n; i++)
	{
		double		norm = norm_of(builder, i);
		double		bias = fabs(bias_of(builder, i));

		if (must_stop(builder, i))
			return RS_STOPPED;
		if (!isfinite(norm) || !isfinite(bias))
			return RS_NOT_FINITE;
		sum += norm * norm;
		index->largest_bias = bias > index->largest_bias ? bias : index->largest_bias;
	}
	index->weight = index->has_biases && sum > 0.0 ? sqrt(sum / index->n) : 1.0;
	return RS_OK;
}

static double
key_of(const Builder *builder, double norm, double bias)
{
	return builder->index->weight * norm + bias;
}

/*
 * The upper half of a float's bits ascends with it once the sign is turned over,
 * and for negative ones all others too; here the largest comes first.
 */
static uint16_t
sort_key(double key)
{
	float		f = key > 3e38 ? 3e38f : key < -3e38 ? -3e38f : (float) key;
	uint32_t	bits;

	memcpy(&bits, &f, sizeof(bits));
	bits ^= (bits >> 31) != 0 ? UINT32_MAX : UINT32_C(1) << 31;
	return (uint16_t) (UINT16_MAX - (bits >> 16));
}

/* Fill positions: keys of all items, then where each key starts, then places. */
static RsStatus
sort_items(Builder *builder)
{
	int32_t		n = builder->index->n;
	uint32_t	start = 0;

	memset(builder->starts, 0, KEYS * sizeof(uint32_t));
	for (int32_t i = 0; i < n; i++)
	{
		if (must_stop(builder, i))
			return RS_STOPPED;
		builder->keys[i] = sort_key(key_of(builder, norm_of(builder, i), bias_of(builder, i)));
		builder->starts[builder->keys[i]]++;
	}
	for (int32_t key = 0; key < KEYS; key++)
	{
		uint32_t	count = builder->starts[key];

		builder->starts[key] = start;
		start += count;
	}
	for (int32_t i = 0; i < n; i++)
		builder->positions[builder->starts[builder->keys[i]]++] = i;
	for (int64_t i = n; i < (int64_t) builder->index->blocks * RS_BLOCK; i++)
		builder->positions[i] = -1;
	return RS_OK;
}

/* ---- blocks ---------------------------------------------------------------- */

static double
larger(double a, double b)
{
	return a > b ? a : b;
}

/* Ask for the factors of items that come soon. */
static void
ask(const Builder *builder, int64_t at)
{
	const float *y;

	if (at >= builder->index->n)
		return;
	y = factors_of(builder, builder->positions[at]);
	for (int j = 0; j < builder->items->stride; j += RS_STRIDE_UNIT)
		__builtin_prefetch(y + j);
}

/* The codes of a block, its residual and scaled biases. */
static void
code_block(Builder *builder, int32_t b, int count, float largest)
{
	int			groups = builder->index->groups;
	RsBlock    *block = &builder->blocks[b];
	const int32_t *positions = builder->positions + (size_t) b * RS_BLOCK;
	uint8_t    *codes = builder->codes + (size_t) b * (size_t) groups * RS_BLOCK * 4;
	uint8_t		item[RS_MAX_FACTORS];
	double		scale = 0.0;

	if (count < RS_BLOCK)
		memset(codes, 128, (size_t) groups * RS_BLOCK * 4);
	for (int i = 0; i < count; i++)
	{
		double		residual = rs_quantize(factors_of(builder, positions[i]),
										   builder->items->stride, largest, ITEM_LIMIT,
										   item, &scale);

		block->residual = larger(block->residual, residual);
		for (int g = 0; g < groups; g++)
			memcpy(codes + ((size_t) g * RS_BLOCK + (size_t) i) * 4, item + 4 * g, 4);
	}
	if (scale == 0.0 || block->bias > MOST_SCALES * scale)
		return;
	block->inverse = 1.0 / scale;
	block->residual *= block->inverse;
	block->norm *= block->inverse;
	block->bias *= block->inverse;
	for (int i = 0; i < count && builder->biases != NULL; i++)
		builder->biases[(size_t) b * RS_BLOCK + i] =
			(float) (bias_of(builder, positions[i]) * block->inverse);
}

static void
build_block(Builder *builder, int32_t b)
{
	RsBlock    *block = &builder->blocks[b];
	int64_t		first = (int64_t) b * RS_BLOCK;
	int64_t		left = builder->index->n - first;
	int			count = left < RS_BLOCK ? (int) left : RS_BLOCK;
	float		largest = 0.0f;

	memset(block, 0, sizeof(*block));
	block->rest_key = block->rest_bias = -INFINITY;
	if (builder->biases != NULL)
		memset(builder->biases + first, 0, RS_BLOCK * sizeof(float));
	for (int i = 0; i < count; i++)
	{
		int32_t		position = builder->positions[first + i];
		double		norm = norm_of(builder, position);
		double		bias = bias_of(builder, position);

		ask(builder, first + i + ROWS_AHEAD);
		largest = fmaxf(largest, rs_largest(factors_of(builder, position), builder->items->stride));
		block->norm = larger(block->norm, norm);
		block->bias = larger(block->bias, fabs(bias));
		block->rest_bias = larger(block->rest_bias, bias);
		block->rest_key = larger(block->rest_key, key_of(builder, norm, bias));
	}
	block->rest_norm = block->norm;
	code_block(builder, b, count, largest);
}

/* From maxima of a block to those of all from it on. */
static void
add_rest(Builder *builder)
{
	for (int32_t b = builder->index->blocks - 2; b >= 0; b--)
	{
		RsBlock    *block = &builder->blocks[b];

		block->rest_key = larger(block->rest_key, block[1].rest_key);
		block->rest_norm = larger(block->rest_norm, block[1].rest_norm);
		block->rest_bias = larger(block->rest_bias, block[1].rest_bias);
	}
}

RsStatus
rs_index_build(const RsItems *items, void *workspace, RsIndex *index, RsStopCheck stop, void *arg)
{
	Builder		builder = {.items = items, .index = index, .stop = stop, .stop_arg = arg};
	RsStatus	status;

	if (!lay_out(index, items->n, items->k, items->biases != NULL))
		return RS_INVALID;
	builder.blocks = (RsBlock *) rs_index_part(index, RS_PART_BLOCKS);
	builder.positions = (int32_t *) rs_index_part(index, RS_PART_POSITIONS);
	if (index->has_biases)
		builder.biases = (float *) rs_index_part(index, RS_PART_BIASES);
	builder.codes = (uint8_t *) rs_index_part(index, RS_PART_CODES);
	builder.starts = workspace;
	builder.keys = (uint16_t *) (builder.starts + KEYS);
	status = weigh(&builder);
	if (status == RS_OK)
		status = sort_items(&builder);
	for (int32_t b = 0; b < index->blocks && status == RS_OK; b++)
	{
		if (must_stop(&builder, (int64_t) b * RS_BLOCK))
			status = RS_STOPPED;
		else
			build_block(&builder, b);
	}
	if (status == RS_OK)
		add_rest(&builder);
	return status;
}
