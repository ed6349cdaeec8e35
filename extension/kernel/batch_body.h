/*-------------------------------------------------------------------------
 *
 * batch_body.h
 *		Cholesky factorisation and substitution of as many systems at once as a
 *		vector register has lanes: system l lives in lane l.  And what else turns
 *		rows into lanes.
 *
 * A file of a level defines the macros below and includes this file, once.
 *
 *	TARGET			the target attribute
 *	LANES			systems, floats of a register; multiple of 2
 *	VECTOR, V_*		a register of LANES floats
 *	HALF, H_*		a register of LANES / 2 doubles
 *	TILE_WIDTH		columns of a register tile: 4 x TILE_WIDTH accumulators
 *
 * The upper triangles are packed by rows, each element a VECTOR; so m unknowns
 * cost what m unknowns cost, no padding.  One matrix of 64 unknowns does not
 * fill the registers and waits for its divisions and square roots; 16 of them
 * lane by lane do, and no operation crosses lanes.
 *
 * The bits are those of the functions for one system.  An element takes the
 * products of the rows above in ascending order, one rounding each, and is
 * then multiplied with the inverse root of the pivot; how elements are grouped
 * to tiles changes nothing.
 *
 * Measured for each of 16 systems of 64 unknowns with AVX-512: 0.25 us to
 * interleave, 0.69 to factor, 0.48 to substitute, where a system alone takes 3.5
 * us.  65 unknowns add 5 percent.  With AVX2 0.28, 1.14 and 0.60 us.
 *
 *-------------------------------------------------------------------------
 */

/* Rows that become rows of the factor together. */
#define TILE_HEIGHT		4
#define TILE_MOST		(TILE_WIDTH > TILE_HEIGHT ? TILE_WIDTH : TILE_HEIGHT)

/* acc -= (rows above)_i (rows above)_j for a tile at (i, j) */
TARGET RS_INLINE void
lanes_eliminate(VECTOR acc[TILE_HEIGHT][TILE_MOST], const float *u, int m, int i, int j,
				const int height, const int width)
{
	const float *left = u + (size_t) i * LANES;
	const float *right = u + (size_t) j * LANES;

	/* Element (p, i) is at rs_triangle(m, p) + i - p: rows get shorter. */
	for (int p = 0; p < i; p++)
	{
		VECTOR		x[TILE_HEIGHT];

#pragma GCC unroll 4
		for (int a = 0; a < height; a++)
			x[a] = V_LOAD(left + a * LANES);
#pragma GCC unroll 6
		for (int b = 0; b < width; b++)
		{
			VECTOR		y = V_LOAD(right + b * LANES);

#pragma GCC unroll 4
			for (int a = 0; a < height; a++)
				acc[a][b] = V_FNMADD(x[a], y, acc[a][b]);
		}
		left += (size_t) (m - p - 1) * LANES;
		right += (size_t) (m - p - 1) * LANES;
	}
}

/*
 * Rows [i, i + height) on the diagonal.  A lane whose pivot is not above its
 * floor goes on with 1 in its place, so that no trap can be sprung, and is lost.
 */
TARGET RS_INLINE uint32_t
lanes_diagonal(float *u, int m, int i, const float *floor, VECTOR *inverse,
			   const int height)
{
	VECTOR		acc[TILE_HEIGHT][TILE_MOST];
	uint32_t	good = UINT32_MAX;

#pragma GCC unroll 4
	for (int a = 0; a < height; a++)
	{
		const float *from = u + (rs_triangle(m, i + a) - (size_t) a) * LANES;

#pragma GCC unroll 4
		for (int b = 0; b < height; b++)
			acc[a][b] = b < a ? V_SPLAT(0.0f) : V_LOAD(from + b * LANES);
	}
	lanes_eliminate(acc, u, m, i, i, height, height);
#pragma GCC unroll 4
	for (int a = 0; a < height; a++)
	{
		float	   *to = u + (rs_triangle(m, i + a) - (size_t) a) * LANES;
		VECTOR		pivot;

#pragma GCC unroll 4
		for (int q = 0; q < a; q++)
		{
#pragma GCC unroll 4
			for (int b = a; b < height; b++)
				acc[a][b] = V_FNMADD(acc[q][a], acc[q][b], acc[a][b]);
		}
		pivot = acc[a][a];
		good &= V_GREATER(pivot, V_LOAD(floor + (size_t) (i + a) * LANES));
		acc[a][a] = V_WHERE_GREATER(pivot, V_LOAD(floor + (size_t) (i + a) * LANES),
									pivot, V_SPLAT(1.0f));
		inverse[a] = V_DIV(V_SPLAT(1.0f), V_SQRT(acc[a][a]));
#pragma GCC unroll 4
		for (int b = a; b < height; b++)
		{
			acc[a][b] = V_MUL(acc[a][b], inverse[a]);
			V_STORE(to + b * LANES, acc[a][b]);
		}
	}
	return good;
}

/* The tile of the same rows at column j, right of the diagonal. */
TARGET RS_INLINE void
lanes_tile(float *u, int m, int i, int j, const VECTOR *inverse,
		   const int height, const int width)
{
	VECTOR		acc[TILE_HEIGHT][TILE_MOST];

#pragma GCC unroll 4
	for (int a = 0; a < height; a++)
	{
		const float *from = u + (rs_triangle(m, i + a) + (size_t) (j - i - a)) * LANES;

#pragma GCC unroll 6
		for (int b = 0; b < width; b++)
			acc[a][b] = V_LOAD(from + b * LANES);
	}
	lanes_eliminate(acc, u, m, i, j, height, width);
#pragma GCC unroll 4
	for (int a = 0; a < height; a++)
	{
		float	   *to = u + (rs_triangle(m, i + a) + (size_t) (j - i - a)) * LANES;

#pragma GCC unroll 4
		for (int q = 0; q < a; q++)
		{
			VECTOR		f = V_LOAD(u + (rs_triangle(m, i + q) + (size_t) (a - q)) * LANES);

#pragma GCC unroll 6
			for (int b = 0; b < width; b++)
				acc[a][b] = V_FNMADD(f, acc[q][b], acc[a][b]);
		}
#pragma GCC unroll 6
		for (int b = 0; b < width; b++)
		{
			acc[a][b] = V_MUL(acc[a][b], inverse[a]);
			V_STORE(to + b * LANES, acc[a][b]);
		}
	}
}

/* Rows [i, i + height), complete. */
TARGET RS_INLINE uint32_t
lanes_rows(float *u, int m, int i, const float *floor, const int height)
{
	VECTOR		inverse[TILE_HEIGHT];
	uint32_t	good = lanes_diagonal(u, m, i, floor, inverse, height);
	int			j = i + height;

	for (; j + TILE_WIDTH <= m; j += TILE_WIDTH)
		lanes_tile(u, m, i, j, inverse, height, TILE_WIDTH);
	if (TILE_WIDTH > 4 && j + 3 <= m)
	{
		lanes_tile(u, m, i, j, inverse, height, 3);
		j += 3;
	}
	if (TILE_WIDTH > 2 && j + 2 <= m)
	{
		lanes_tile(u, m, i, j, inverse, height, 2);
		j += 2;
	}
	if (j < m)
		lanes_tile(u, m, i, j, inverse, height, 1);
	return good;
}

TARGET static uint32_t
factor_lanes(float *u, int m, const float *floor)
{
	uint32_t	good = (1u << LANES) - 1;
	int			i = 0;

	for (; i + TILE_HEIGHT <= m; i += TILE_HEIGHT)
		good &= lanes_rows(u, m, i, floor, TILE_HEIGHT);
	for (; i < m; i++)
		good &= lanes_rows(u, m, i, floor, 1);
	return good;
}

/* U'y = z, one half of the lanes */
TARGET RS_INLINE void
lanes_forward(const float *u, int m, double *z)
{
	for (int i = 0; i < m; i++)
	{
		const float *row = u + (rs_triangle(m, i) - (size_t) i) * LANES;
		HALF		f = H_DIV(H_LOAD(z + (size_t) i * LANES), H_WIDEN(row + (size_t) i * LANES));

		H_STORE(z + (size_t) i * LANES, f);
		for (int j = i + 1; j < m; j++)
		{
			double	   *to = z + (size_t) j * LANES;

			H_STORE(to, H_FNMADD(f, H_WIDEN(row + (size_t) j * LANES), H_LOAD(to)));
		}
	}
}

/* U x = y, one half of the lanes; sums in RS_BACK_LANES parts */
TARGET RS_INLINE void
lanes_backward(const float *u, int m, double *z)
{
	for (int i = m - 1; i >= 0; i--)
	{
		const float *row = u + (rs_triangle(m, i) - (size_t) i) * LANES;
		HALF		sum[RS_BACK_LANES];
		int			j = i + 1;

#pragma GCC unroll 8
		for (int l = 0; l < RS_BACK_LANES; l++)
			sum[l] = H_SPLAT(0.0);
		for (; j + RS_BACK_LANES <= m; j += RS_BACK_LANES)
		{
#pragma GCC unroll 8
			for (int l = 0; l < RS_BACK_LANES; l++)
				sum[l] = H_FNMADD(H_WIDEN(row + (size_t) (j + l) * LANES),
								  H_LOAD(z + (size_t) (j + l) * LANES), sum[l]);
		}
#pragma GCC unroll 8
		for (int l = 0; l < RS_BACK_LANES - 1; l++)
		{
			if (j + l < m)
				sum[l] = H_FNMADD(H_WIDEN(row + (size_t) (j + l) * LANES),
								  H_LOAD(z + (size_t) (j + l) * LANES), sum[l]);
		}
#pragma GCC unroll 3
		for (int width = RS_BACK_LANES / 2; width > 0; width /= 2)
		{
#pragma GCC unroll 4
			for (int l = 0; l < width; l++)
				sum[l] = H_ADD(sum[l], sum[l + width]);
		}
		H_STORE(z + (size_t) i * LANES,
				H_DIV(H_ADD(H_LOAD(z + (size_t) i * LANES), sum[0]),
					  H_WIDEN(row + (size_t) i * LANES)));
	}
}

TARGET static void
substitute_lanes(const float *u, int m, double *z)
{
	for (int half = 0; half < 2; half++)
	{
		lanes_forward(u + half * (LANES / 2), m, z + half * (LANES / 2));
		lanes_backward(u + half * (LANES / 2), m, z + half * (LANES / 2));
	}
}

/* Row-wise matrices, one a lane, to the packed triangle. */
TARGET static void
interleave(float *const *matrices, size_t stride, int m, float *u)
{
	for (int i = 0; i < m; i++)
	{
		float	   *to = u + (rs_triangle(m, i) - (size_t) i) * LANES;
		int			j = i / LANES * LANES;

		for (; j + 2 < m; j += LANES)
		{
			VECTOR		block[LANES];

#pragma GCC unroll 16
			for (int l = 0; l < LANES; l++)
				block[l] = V_LOAD(matrices[l] + (size_t) i * stride + j);
			V_TRANSPOSE(block);
#pragma GCC unroll 16
			for (int b = 0; b < LANES; b++)
			{
				if (j + b >= i && j + b < m)
					V_STORE(to + (size_t) (j + b) * LANES, block[b]);
			}
		}
		for (j = j > i ? j : i; j < m; j++)
		{
			for (int l = 0; l < LANES; l++)
				to[(size_t) j * LANES + l] = matrices[l][(size_t) i * stride + j];
		}
	}
}

/* See RsKernelOps, as blocks of LANES x LANES. */
TARGET static void
transpose(const float *rows, size_t stride, int n, const float *scale, float *to, size_t to_stride)
{
	for (int i = 0; i < n; i += LANES)
	{
		for (size_t j = 0; j < stride; j += LANES)
		{
			VECTOR		block[LANES];

#pragma GCC unroll 16
			for (int l = 0; l < LANES; l++)
				block[l] = V_LOAD(rows + (size_t) (i + l) * stride + j);
			V_TRANSPOSE(block);
#pragma GCC unroll 16
			for (int b = 0; b < LANES; b++)
			{
				size_t		row = j + (size_t) b;

				V_STORE(to + row * to_stride + i, V_MUL(block[b], V_SPLAT(scale[row])));
			}
		}
	}
}

/* Row i of a panel from column j on, width registers, less the panel's rows above. */
TARGET RS_INLINE void
panel_tile(float *matrix, size_t stride, int first, int i, int j, const int width)
{
	float	   *row = matrix + (size_t) i * stride;
	VECTOR		acc[4];

#pragma GCC unroll 4
	for (int v = 0; v < width; v++)
		acc[v] = V_LOAD(row + j + v * LANES);
	for (int p = first; p < i; p++)
	{
		const float *above = matrix + (size_t) p * stride;
		VECTOR		f = V_SPLAT(above[i]);

#pragma GCC unroll 4
		for (int v = 0; v < width; v++)
			acc[v] = V_FNMADD(f, V_LOAD(above + j + v * LANES), acc[v]);
	}
#pragma GCC unroll 4
	for (int v = 0; v < width; v++)
		V_STORE(row + j + v * LANES, acc[v]);
}

/* See RsKernelOps; what lies left of the diagonal in its register is overwritten. */
TARGET static bool
factor_panel(float *matrix, size_t stride, int first, int n, int last, const float *floor)
{
	for (int i = first; i < first + n; i++)
	{
		float	   *row = matrix + (size_t) i * stride;
		int			start = i / LANES * LANES;
		int			j = start;
		VECTOR		inverse;

		for (; j + 4 * LANES <= last; j += 4 * LANES)
			panel_tile(matrix, stride, first, i, j, 4);
		for (; j < last; j += LANES)
			panel_tile(matrix, stride, first, i, j, 1);
		if (!(row[i] > floor[i]))
			return false;
		inverse = V_SPLAT(1.0f / sqrtf(row[i]));
		for (j = start; j < last; j += LANES)
			V_STORE(row + j, V_MUL(V_LOAD(row + j), inverse));
	}
	return true;
}
