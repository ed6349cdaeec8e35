/*-------------------------------------------------------------------------
 *
 * ratings.h
 *		Ratings for the programs that measure: synthetic ones with the shape of the
 *		MovieLens sets, or a file.
 *
 * Users' and items' counts follow power laws, a planted model of rank 16 with
 * noise gives half stars.  A file is "user,item,rating" with a line of names.
 *
 *-------------------------------------------------------------------------
 */
#ifndef BENCH_RATINGS_H
#define BENCH_RATINGS_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kernel/rng.h"

#define PLANTED_RANK	16

typedef struct Data
{
	int32_t		n_users;
	int32_t		n_items;
	int64_t		n;
	int32_t    *user;
	int32_t    *item;
	float	   *value;
	uint64_t   *hash;
} Data;

typedef struct Shape
{
	const char *name;
	int32_t		n_users;
	int32_t		n_items;
	int64_t		n;
	int			user_least;
} Shape;

static const Shape shapes[] = {
	{"ml1m", 6040, 3706, 1000209, 20},
	{"ml5m", 34623, 13372, 5000066, 20},
	{"ml10m", 69246, 20020, 10000131, 20},
	{"ml20m", 138493, 26744, 20000263, 20},
	{"wide", 400000, 1000000, 20000000, 10}
};

static uint64_t random_state = 42;

static double
random_unit(void)
{
	random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (double) (random_state >> 11) * 0x1p-53;
}

static double
random_normal(void)
{
	return sqrt(-2.0 * log(random_unit() + 1e-300)) * cos(6.283185307179586 * random_unit());
}

static double
seconds(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (double) now.tv_sec + 1e-9 * (double) now.tv_nsec;
}

static void
keep_least(double *least, double value)
{
	if (*least == 0.0 || value < *least)
		*least = value;
}

static void *
must_alloc(size_t bytes)
{
	void	   *p = malloc(bytes);

	if (p == NULL)
		abort();
	return p;
}

static float *
planted_factors(int32_t n)
{
	float	   *x = must_alloc((size_t) n * PLANTED_RANK * sizeof(float));

	for (size_t i = 0; i < (size_t) n * PLANTED_RANK; i++)
		x[i] = (float) (random_normal() / 4.0);
	return x;
}

static float
planted_rating(const float *x, const float *y)
{
	double		score = 3.5 + 0.5 * random_normal();

	for (int j = 0; j < PLANTED_RANK; j++)
		score += 1.5 * (double) x[j] * (double) y[j];
	score = round(score * 2.0) / 2.0;
	return (float) fmin(5.0, fmax(0.5, score));
}

/* An item's popularity falls with its rank as a power; users differ log-normally. */
static void
generate(Data *data, const Shape *shape)
{
	float	   *x = planted_factors(shape->n_users);
	float	   *y = planted_factors(shape->n_items);
	double	   *sums = must_alloc(((size_t) shape->n_items + 1) * sizeof(double));
	double	   *activity = must_alloc((size_t) shape->n_users * sizeof(double));
	char	   *seen = calloc((size_t) shape->n_items, 1);
	int32_t    *taken = must_alloc((size_t) shape->n_items * sizeof(int32_t));
	double		total = 0.0;

	sums[0] = 0.0;
	for (int32_t i = 0; i < shape->n_items; i++)
		sums[i + 1] = sums[i] + exp(-10.0 * pow((double) i / shape->n_items, 0.55));
	for (int32_t u = 0; u < shape->n_users; u++)
		total += activity[u] = exp(1.3 * random_normal());
	for (int32_t u = 0; u < shape->n_users; u++)
	{
		int64_t		spare = shape->n - (int64_t) shape->user_least * shape->n_users;
		int64_t		want = shape->user_least + (int64_t) (activity[u] / total * (double) spare);
		int64_t		n = 0;

		want = want > shape->n_items / 3 ? shape->n_items / 3 : want;
		for (int64_t tries = 0; n < want && tries < 20 * want && data->n < shape->n; tries++)
		{
			double		at = random_unit() * sums[shape->n_items];
			int32_t		low = 0;
			int32_t		high = shape->n_items;

			while (high - low > 1)
			{
				int32_t		middle = low + (high - low) / 2;

				if (sums[middle] <= at)
					low = middle;
				else
					high = middle;
			}
			if (seen[low])
				continue;
			seen[low] = 1;
			taken[n++] = low;
			data->user[data->n] = u;
			data->item[data->n] = (int32_t) ((int64_t) low * 7919 % shape->n_items);
			data->value[data->n++] = planted_rating(x + (size_t) u * PLANTED_RANK,
													y + (size_t) low * PLANTED_RANK);
		}
		while (n > 0)
			seen[taken[--n]] = 0;
	}
	free(x);
	free(y);
	free(sums);
	free(activity);
	free(seen);
	free(taken);
}

static void
allocate(Data *data, int64_t room)
{
	data->user = must_alloc((size_t) room * sizeof(int32_t));
	data->item = must_alloc((size_t) room * sizeof(int32_t));
	data->value = must_alloc((size_t) room * sizeof(float));
}

static void
read_file(Data *data, const char *name)
{
	FILE	   *file = fopen(name, "r");
	char		line[256];

	if (file == NULL)
	{
		perror(name);
		exit(1);
	}
	allocate(data, 30000000);
	while (fgets(line, sizeof(line), file) != NULL && data->n < 30000000)
	{
		int			user;
		int			item;
		float		value;

		if (sscanf(line, "%d,%d,%f", &user, &item, &value) != 3)
			continue;
		data->user[data->n] = user;
		data->item[data->n] = item;
		data->value[data->n++] = value;
		data->n_users = user >= data->n_users ? user + 1 : data->n_users;
		data->n_items = item >= data->n_items ? item + 1 : data->n_items;
	}
	fclose(file);
}

static void
load(Data *data, const char *what)
{
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
	{
		if (strcmp(what, shapes[i].name) == 0)
		{
			data->n_users = shapes[i].n_users;
			data->n_items = shapes[i].n_items;
			allocate(data, shapes[i].n);
			generate(data, &shapes[i]);
		}
	}
	if (data->n == 0)
		read_file(data, what);
	data->hash = must_alloc((size_t) data->n_users * sizeof(uint64_t));
	for (int32_t u = 0; u < data->n_users; u++)
		data->hash[u] = rs_hash_int((uint64_t) u, 0);
}

#endif							/* BENCH_RATINGS_H */
