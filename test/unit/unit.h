/*-------------------------------------------------------------------------
 *
 * unit.h
 *		A harness of counters: a failed check prints where, and the program
 *		ends with status 1 after all tests ran.
 *
 *-------------------------------------------------------------------------
 */
#ifndef UNIT_H
#define UNIT_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static long unit_checks;
static long unit_failures;

#define CHECK(condition) \
	unit_check((condition), __FILE__, __LINE__, #condition)

/* |a - b| <= tolerance * max(1, |b|); a NaN fails */
#define CHECK_NEAR(a, b, tolerance) \
	unit_check_near((a), (b), (tolerance), __FILE__, __LINE__, #a)

static inline bool
unit_check(bool ok, const char *file, int line, const char *what)
{
	unit_checks++;
	if (!ok && ++unit_failures <= 20)
		fprintf(stderr, "%s:%d: failed: %s\n", file, line, what);
	return ok;
}

static inline bool
unit_check_near(double a, double b, double tolerance,
				const char *file, int line, const char *what)
{
	bool		ok = fabs(a - b) <= tolerance * fmax(1.0, fabs(b));

	if (!unit_check(ok, file, line, what))
		fprintf(stderr, "    is %.17g, should be %.17g\n", a, b);
	return ok;
}

/* Memory that must be there, aligned for vectors. */
static inline void *
unit_alloc(size_t bytes)
{
	void	   *p = aligned_alloc(64, (bytes + 64) / 64 * 64);

	if (p == NULL)
		abort();
	memset(p, 0, (bytes + 64) / 64 * 64);
	return p;
}

/* Test data: a small generator of its own. */
static uint64_t unit_state = 1;

static inline uint32_t
unit_random(uint32_t n)
{
	unit_state = unit_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t) ((unit_state >> 33) % n);
}

/* Between -1 and 1. */
static inline float
unit_random_float(void)
{
	return (float) unit_random(2000001) / 1000000.0f - 1.0f;
}

static inline int
unit_report(const char *name)
{
	printf("%s: %ld checks, %ld failed\n", name, unit_checks, unit_failures);
	return unit_failures == 0 ? 0 : 1;
}

/* Says stop from question number *arg on. */
static inline bool
stop_later(void *arg)
{
	int		   *left = arg;

	if (*left == 0)
		return true;
	(*left)--;
	return false;
}

#endif							/* UNIT_H */
