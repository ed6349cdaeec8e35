/*-------------------------------------------------------------------------
 *
 * test_row_ridge.c
 *		Systems side by side against elimination in double, one by one.
 *
 *-------------------------------------------------------------------------
 */
#include "eliminate.h"
#include "kernel/row_ridge.h"
#include "kernel/row.h"
#include "unit.h"

enum
{
	MOST = 21, SYSTEMS = 37
};

typedef struct Systems
{
	RsRidge		ridge[SYSTEMS];
	int32_t		triangles[SYSTEMS][MOST * (MOST + 1) / 2];
	float		x[SYSTEMS][MOST];
	double		expected[SYSTEMS][MOST];
} Systems;

/* What a system says, with the ridge. */
static void
solve_slowly(const RsRidge *system, double ridge, double *x)
{
	int			m = system->m;
	double	   *a = unit_alloc((size_t) m * (size_t) (m + 1) * sizeof(double));

	for (int i = 0; i < m; i++)
	{
		for (int j = i; j < m; j++)
		{
			double		value = system->triangle[rs_triangle(m, i) + (size_t) (j - i)];

			a[i * (m + 1) + j] = a[j * (m + 1) + i] = value + (i == j ? ridge : 0.0);
		}
		a[i * (m + 1) + m] = (double) system->x[i];
	}
	eliminate(a, m, x);
	free(a);
}

/* Gramians of ones and zeros times scale; every third has two equal unknowns. */
static void
systems_init(Systems *s, int sizes, int32_t scale, double ridge)
{
	for (int n = 0; n < SYSTEMS; n++)
	{
		int			m = sizes > 0 ? sizes : n % (MOST + 1);
		bool		rows[40][MOST];

		s->ridge[n] = (RsRidge) {s->triangles[n], m, s->x[n]};
		for (int r = 0; r < 40; r++)
		{
			for (int i = 0; i < m; i++)
				rows[r][i] = i == 1 && n % 3 == 0 ? rows[r][0] : unit_random(3) == 0;
		}
		for (int i = 0; i < m; i++)
		{
			for (int j = i; j < m; j++)
			{
				int32_t		sum = 0;

				for (int r = 0; r < 40; r++)
					sum += rows[r][i] && rows[r][j];
				s->triangles[n][rs_triangle(m, i) + (size_t) (j - i)] = scale * sum;
			}
			s->x[n][i] = (float) scale * (float) unit_random(10);
		}
		solve_slowly(&s->ridge[n], ridge, s->expected[n]);
	}
}

static void
test_against_elimination(int sizes, int32_t scale, double ridge, double tolerance)
{
	static Systems s;
	size_t		bytes = rs_ridges_workspace_size(MOST);
	void	   *workspace = unit_alloc(bytes);

	memset(workspace, 0x7f, bytes);
	systems_init(&s, sizes, scale, ridge);
	CHECK(rs_ridges_solve(s.ridge, SYSTEMS, MOST, ridge, workspace) == RS_OK);
	for (int n = 0; n < SYSTEMS; n++)
	{
		for (int i = 0; i < s.ridge[n].m; i++)
			CHECK_NEAR(s.x[n][i], s.expected[n][i], tolerance);
	}
	free(workspace);
}

/* A system has the same bits whatever lies beside it. */
static void
test_alone(void)
{
	static Systems s;
	float		together[SYSTEMS][MOST];
	void	   *workspace = unit_alloc(rs_ridges_workspace_size(MOST));

	for (int alone = 0; alone < 2; alone++)
	{
		unit_state = 5;
		systems_init(&s, 0, 7, 3.0);
		for (int n = 0; n < SYSTEMS && alone; n++)
			CHECK(rs_ridges_solve(&s.ridge[n], 1, MOST, 3.0, workspace) == RS_OK);
		if (!alone)
			CHECK(rs_ridges_solve(s.ridge, SYSTEMS, MOST, 3.0, workspace) == RS_OK);
		if (alone)
			CHECK(memcmp(together, s.x, sizeof(together)) == 0);
		memcpy(together, s.x, sizeof(together));
	}
	free(workspace);
}

/* Without a ridge, two equal unknowns have no unique solution. */
static void
test_singular(void)
{
	static Systems s;
	void	   *workspace = unit_alloc(rs_ridges_workspace_size(MOST));

	systems_init(&s, 4, 7, 3.0);
	CHECK(rs_ridges_solve(s.ridge, SYSTEMS, MOST, 0.0, workspace) == RS_NOT_POSITIVE_DEFINITE);
	free(workspace);
}

int
main(void)
{
	for (int level = RS_SIMD_PORTABLE; level <= (int) rs_simd_best(); level++)
	{
		CHECK(rs_simd_select((RsSimdLevel) level));
		for (int sizes = 0; sizes <= MOST; sizes += 7)
			test_against_elimination(sizes, 3, 5.0, 1e-5);

		/* Equal unknowns of which float cannot tell the ridge. */
		test_against_elimination(0, 40000000, 0.5, 1e-3);
		test_alone();
		test_singular();
	}
	return unit_report("row_ridge");
}
