/*-------------------------------------------------------------------------
 *
 * scan_body.h
 *		Codes of a block of items times codes of users.
 *
 * search_scan.c defines the macros below and includes this file for each
 * instruction set.
 *
 *	SCAN(name)		the name of a function of this instruction set
 *	TARGET			the target attribute
 *	LANES			32 bit integers of a register
 *	INTS			a register of them
 *	I_SPLAT(i)		all lanes i
 *	I_LOAD(p)		LANES items' group of four codes
 *	I_DOT(sum, items, user)		adds four products to each lane
 *	I_ABOVE(sum, biases, factor, cut)	a bit for each lane; biases may be NULL
 *
 *-------------------------------------------------------------------------
 */

/* Products of width registers of items with count users. */
TARGET RS_INLINE void
SCAN(tile) (const uint8_t *codes, int groups, const float *biases,
			const RsScan *users, int first, uint64_t *above, const int count,
			const int width)
{
	INTS		sum[4][8];

#pragma GCC unroll 4
	for (int u = 0; u < count; u++)
	{
#pragma GCC unroll 8
		for (int v = 0; v < width; v++)
			sum[u][v] = I_SPLAT(users[u].start);
	}
	codes += first * 4;
	for (int g = 0; g < groups; g++, codes += RS_BLOCK * 4)
	{
		INTS		items[8];

#pragma GCC unroll 8
		for (int v = 0; v < width; v++)
			items[v] = I_LOAD(codes + v * LANES * 4);
#pragma GCC unroll 4
		for (int u = 0; u < count; u++)
		{
			int32_t		four;
			INTS		user;

			memcpy(&four, users[u].codes + 4 * g, sizeof(four));
			user = I_SPLAT(four);
#pragma GCC unroll 8
			for (int v = 0; v < width; v++)
				sum[u][v] = I_DOT(sum[u][v], items[v], user);
		}
	}
#pragma GCC unroll 4
	for (int u = 0; u < count; u++)
	{
#pragma GCC unroll 8
		for (int v = 0; v < width; v++)
		{
			int			at = first + v * LANES;

			above[u] |= (uint64_t) I_ABOVE(sum[u][v], biases == NULL ? NULL : biases + at,
										   users[u].bias_factor, users[u].cut) << at;
		}
	}
}

/* See RsKernelOps. */
TARGET void
SCAN(scan) (const uint8_t *codes, int groups, const float *biases, const RsScan *users,
			int n, uint64_t *above)
{
	const int	width = RS_BLOCK / LANES;
	int			u = 0;

	memset(above, 0, (size_t) n * sizeof(uint64_t));
	for (; u + 4 <= n; u += 4)
	{
		for (int first = 0; first < RS_BLOCK; first += LANES * FOUR_WIDTH)
			SCAN(tile) (codes, groups, biases, users + u, first, above + u, 4, FOUR_WIDTH);
	}
	for (; u < n; u++)
		SCAN(tile) (codes, groups, biases, users + u, 0, above + u, 1, width);
}

#undef SCAN
#undef TARGET
#undef LANES
#undef FOUR_WIDTH
#undef INTS
#undef I_SPLAT
#undef I_LOAD
#undef I_DOT
#undef I_ABOVE
