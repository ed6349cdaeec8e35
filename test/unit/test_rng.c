/*-------------------------------------------------------------------------
 *
 * test_rng.c
 *		The generator: known numbers, distribution, independence of order.
 *
 *-------------------------------------------------------------------------
 */
#include "unit.h"

#include "kernel/rng.h"

static void
test_known_numbers(void)
{
	float		x[3];

	/* Stored models depend on these: they must never change. */
	CHECK(rs_hash_int(42, 7) == UINT64_C(0xc5dc3f28620e8c44));
	CHECK(rs_hash_bytes("recommendation", 14, 7) == UINT64_C(0x8a6cab2d943edd26));
	CHECK(rs_hash_bytes("", 0, 7) == UINT64_C(0x74b5abcc66b8bdc1));
	rs_initial_factors(42, 7, 3, x);
	CHECK(x[0] == 0x1.482966p-5f && x[1] == -0x1.62a106p-5f && x[2] == 0x1.a817d6p-6f);
}

static void
test_hash(void)
{
	char		bytes[40] = {0};
	uint64_t	seen[41];

	/* Length, seed and each byte count. */
	for (size_t n = 0; n <= 40; n++)
	{
		seen[n] = rs_hash_bytes(bytes, n, 1);
		for (size_t m = 0; m < n; m++)
			CHECK(seen[m] != seen[n]);
		CHECK(seen[n] != rs_hash_bytes(bytes, n, 2));
	}
	for (size_t i = 0; i < 40; i++)
	{
		bytes[i] = 1;
		CHECK(rs_hash_bytes(bytes, 40, 1) != seen[40]);
		bytes[i] = 0;
	}
	CHECK(rs_hash_int(1, 1) != rs_hash_int(1, 2));
	CHECK(rs_hash_int(1, 1) != rs_hash_int(2, 1));
}

static void
test_distribution(void)
{
	enum {K = 64, N = 2000};
	float		x[K];
	float		again[K];
	double		sum = 0.0;
	double		squares = 0.0;
	double		deviation = 0.1 / 8.0;

	for (uint64_t id = 0; id < N; id++)
	{
		rs_initial_factors(rs_hash_int(id, 0), 42, K, x);
		for (int j = 0; j < K; j++)
		{
			sum += (double) x[j];
			squares += (double) x[j] * (double) x[j];
			CHECK(fabs((double) x[j]) <= deviation * sqrt(3.0) * 1.000001);
		}
	}
	/* 128,000 numbers: five standard errors */
	CHECK(fabs(sum / (N * K)) < 5.0 * deviation / sqrt(N * K));
	CHECK_NEAR(sqrt(squares / (N * K)) / deviation, 1.0, 0.01);

	/* A shorter vector differs in scale alone; the seed changes it. */
	rs_initial_factors(5, 42, K, x);
	rs_initial_factors(5, 42, K, again);
	CHECK(memcmp(x, again, sizeof(x)) == 0);
	rs_initial_factors(5, 43, K, again);
	CHECK(memcmp(x, again, sizeof(x)) != 0);
}

int
main(void)
{
	test_known_numbers();
	test_hash();
	test_distribution();
	return unit_report("rng");
}
