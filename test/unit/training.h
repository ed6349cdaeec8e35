/*-------------------------------------------------------------------------
 *
 * training.h
 *		A training as the unit tests set one up, and comparisons of results.
 *
 *-------------------------------------------------------------------------
 */
#ifndef UNIT_TRAINING_H
#define UNIT_TRAINING_H

#include "unit.h"

#include <dirent.h>
#include <fenv.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <time.h>

#include "kernel/rng.h"
#include "shuffle.h"
#include "solver/als.h"

/* A problem with room for its cells, and its result. */
typedef struct Training
{
	RsAlsProblem problem;
	RsAlsModel	model;
	RsStatus	status;
	int32_t    *user;
	int32_t    *item;
	float	   *value;
	uint64_t   *hash;
	void	   *arena;
	size_t		bytes;
} Training;

static void
training_init(Training *t, int32_t n_users, int32_t n_items, int64_t room, int k, bool implicit)
{
	RsAlsProblem *p = &t->problem;

	memset(t, 0, sizeof(*t));
	t->user = unit_alloc((size_t) room * sizeof(int32_t));
	t->item = unit_alloc((size_t) room * sizeof(int32_t));
	t->value = unit_alloc((size_t) room * sizeof(float));
	t->hash = unit_alloc((size_t) n_users * sizeof(uint64_t));
	for (int32_t u = 0; u < n_users; u++)
		t->hash[u] = rs_hash_int((uint64_t) u, 0);
	p->objective = (RsObjective) {implicit, !implicit, 0.0, 0.05, 1.0,
	implicit ? 3.0 : 0.0, implicit ? 0.3 : 0.0, 0.04, 0.0};
	p->k = k;
	p->iterations = 6;
	p->seed = 42;
	p->solver = RS_ALS_EXACT;
	p->threads = 2;
	p->n_users = n_users;
	p->n_items = n_items;
	p->user_hash = t->hash;
	p->cells = (RsTriplets) {0, t->user, t->item, t->value, NULL};
}

static void
add_cell(Training *t, int32_t user, int32_t item, float value)
{
	int64_t		n = t->problem.cells.n++;

	t->user[n] = user;
	t->item[n] = item;
	t->value[n] = value;
}

/* The solver uses cells up. */
static RsTriplets
copy_cells(const RsTriplets *from)
{
	size_t		n = (size_t) from->n;
	RsTriplets	to = {from->n, unit_alloc(n * sizeof(int32_t)), unit_alloc(n * sizeof(int32_t)),
	unit_alloc(n * sizeof(float)), NULL};

	memcpy(to.user, from->user, n * sizeof(int32_t));
	memcpy(to.item, from->item, n * sizeof(int32_t));
	memcpy(to.value, from->value, n * sizeof(float));
	if (from->time != NULL)
	{
		to.time = unit_alloc(n * sizeof(int64_t));
		memcpy(to.time, from->time, n * sizeof(int64_t));
	}
	return to;
}

static void
free_cells(RsTriplets *cells)
{
	free(cells->user);
	free(cells->item);
	free(cells->value);
	free(cells->time);
}

static void
fit(Training *t, RsAlsTick tick, void *arg)
{
	RsAlsProblem problem = t->problem;

	problem.cells = copy_cells(&t->problem.cells);
	CHECK(rs_als_memory(&t->problem, &t->bytes));
	free(t->arena);
	t->arena = malloc(t->bytes);
	memset(t->arena, 0x7f, t->bytes);
	t->status = rs_als_fit(&problem, t->arena, t->bytes, tick, arg, &t->model);
	free_cells(&problem.cells);
}

static void
training_free(Training *t)
{
	free(t->user);
	free(t->item);
	free(t->value);
	free(t->hash);
	free(t->arena);
}

/* About a part of all cells; the last user and item 0 have none. */
static void
fill_random(Training *t, uint32_t percent)
{
	for (int32_t u = 0; u + 1 < t->problem.n_users; u++)
	{
		for (int32_t i = 1; i < t->problem.n_items; i++)
		{
			if (unit_random(100) < percent)
			{
				float		value = 3.0f + 2.0f * unit_random_float();

				if (t->problem.objective.implicit && unit_random(10) == 0)
					value = -value;
				add_cell(t, u, i, value);
			}
		}
	}
}



static inline bool
same_model(const Training *a, const Training *b)
{
	const RsAlsModel *x = &a->model;
	const RsAlsModel *y = &b->model;
	size_t		users = (size_t) a->problem.n_users;
	size_t		items = (size_t) a->problem.n_items;
	size_t		row = (size_t) x->stride * sizeof(float);

	return x->n_cells == y->n_cells && x->iterations == y->iterations &&
		x->objective.mean == y->objective.mean &&
		memcmp(x->user_factors, y->user_factors, users * row) == 0 &&
		memcmp(x->item_factors, y->item_factors, items * row) == 0 &&
		memcmp(x->loss, y->loss, (size_t) x->iterations * sizeof(double)) == 0 &&
		(x->user_biases == NULL ||
		 (memcmp(x->user_biases, y->user_biases, users * sizeof(float)) == 0 &&
		  memcmp(x->item_biases, y->item_biases, items * sizeof(float)) == 0));
}

static inline void
copy_shuffled(Training *to, const Training *from)
{
	training_init(to, from->problem.n_users, from->problem.n_items, from->problem.cells.n,
				  from->problem.k, from->problem.objective.implicit);
	to->problem.objective = from->problem.objective;
	to->problem.iterations = from->problem.iterations;
	to->problem.solver = from->problem.solver;
	for (int64_t i = 0; i < from->problem.cells.n; i++)
		add_cell(to, from->user[i], from->item[i], from->value[i]);
	shuffle_triplets(&to->problem.cells);
}

#endif							/* UNIT_TRAINING_H */
