/*-------------------------------------------------------------------------
 *
 * test_crowd.c
 *		Answers for all users at once, against one user after the other.
 *
 *-------------------------------------------------------------------------
 */
#include "unit.h"

#include <float.h>

#include "kernel/cells.h"
#include "solver/crowd.h"

/* The mean and deviation that weights are made of ratings by. */
#define MEAN			3.0
#define DEVIATION		0.7

/* What a crowd asks, its rows, and the answers in one piece. */
typedef struct Question
{
	RsCrowdProblem problem;
	RsCrowdKey	scoring;		/* of a problem that has one */
	RsBlend		blend;			/* the same */
	uint64_t   *words;
	RsIndex    *index;
	RsStatus	status;
	int32_t		failed;

	/* taken from the parts; n_users of each */
	RsCrowdPart taken;
	int32_t		parts;
	int32_t		most_parts;		/* after which the sink says stop */
} Question;

/* ---- a question ---------------------------------------------------------------- */

/* Random vectors, of ratings or of weights. */
static RsCrowdKey
make_key(int32_t n_items, int k, bool implicit, bool biases)
{
	int			stride = RS_STRIDE(k);
	float	   *factors = unit_alloc((size_t) n_items * (size_t) stride * sizeof(float));
	float	   *item_biases = unit_alloc((size_t) n_items * sizeof(float));
	double	   *gramian = unit_alloc((size_t) k * (size_t) stride * sizeof(double));
	RsCrowdKey	key = {0};

	for (int32_t i = 0; i < n_items; i++)
	{
		for (int j = 0; j < k; j++)
			factors[(size_t) i * (size_t) stride + (size_t) j] = unit_random_float();
		item_biases[i] = unit_random_float();
	}
	key.objective = (RsObjective) {implicit, biases, implicit ? 0.0 : MEAN, 0.05, 1.0,
	implicit ? 3.0 : 0.0, implicit ? 0.3 : 0.0, 0.04, 0.0};
	key.items = (RsItems) {factors, biases ? item_biases : NULL, n_items, k, stride};
	if (!biases)
		free(item_biases);
	rs_gramian(factors, n_items, k, stride, gramian);
	key.gramian = implicit ? gramian : NULL;
	if (!implicit)
		free(gramian);
	return key;
}

static RsIndex *
make_index(const RsItems *items)
{
	size_t		bytes;
	size_t		workspace;
	void	   *memory;
	RsIndex    *index;

	CHECK(rs_index_size(items->n, items->k, items->biases != NULL, &bytes, &workspace));
	index = unit_alloc(bytes);
	memory = unit_alloc(workspace);
	CHECK(rs_index_build(items, memory, index, NULL, NULL) == RS_OK);
	free(memory);
	return index;
}

static void
make_items(Question *q, int32_t n_items, int k, bool implicit, bool biases)
{
	RsCrowdProblem *p = &q->problem;

	p->ranking = make_key(n_items, k, implicit, biases);
	if (k == 0)
		return;
	q->index = make_index(&p->ranking.items);
	p->index = q->index;
}

/* The rows are ratings: the ranking, of weights, is made of them, and perhaps a scoring. */
static void
make_ratings(Question *q, int k, bool scored)
{
	RsCrowdProblem *p = &q->problem;

	p->weighs_ratings = true;
	p->mean = MEAN;
	p->deviation = DEVIATION;
	if (!scored)
		return;
	q->scoring = make_key(p->ranking.items.n, k, false, true);
	p->scoring = &q->scoring;
}

/* A blend of the items with a column and random rows of up to so many terms. */
static void
make_blend(Question *q, int most)
{
	RsBlend    *blend = &q->blend;
	const RsItems *items = &q->problem.ranking.items;
	size_t		n = (size_t) items->n;
	float	   *column = unit_alloc(n * sizeof(float));
	double	   *mean = unit_alloc((size_t) items->stride * sizeof(double));
	float	   *norms = unit_alloc(n * sizeof(float));
	int64_t    *start = unit_alloc((n + 1) * sizeof(int64_t));
	int32_t    *target = unit_alloc(n * (size_t) most * sizeof(int32_t));
	float	   *weight = unit_alloc(n * (size_t) most * sizeof(float));

	for (int32_t i = 0; i < items->n; i++)
	{
		column[i] = unit_random_float();
		for (int j = 0; j < items->k; j++)
			mean[j] += (double) items->factors[i * items->stride + j] / items->n;
		start[i + 1] = start[i];
		for (int32_t to = (int32_t) unit_random(20); to < items->n && start[i + 1] < start[i] + most;
			 to += 1 + (int32_t) unit_random(20))
		{
			target[start[i + 1]] = to;
			weight[start[i + 1]++] = unit_random_float();
		}
	}
	CHECK(rs_blend_norms(items, norms, NULL, NULL));
	*blend = (RsBlend) {*items, NULL, q->problem.ranking.gramian, mean, norms, 0.5,
	{start, target, weight}, 0.7};
	blend->items.biases = column;
	free(q->index);
	q->index = make_index(&blend->items);
	blend->index = q->index;
	q->problem.index = NULL;
	q->problem.blend = blend;
}

/* Rows in any order, some repeated, some without a value, some of unknown items. */
static void
make_rows(Question *q, int32_t n_users, int64_t n, bool timed, bool by_user)
{
	RsCrowdProblem *p = &q->problem;
	int32_t		n_items = p->ranking.items.n;
	int32_t    *position = unit_alloc((size_t) (n_items + 3) * sizeof(int32_t));
	int32_t    *popular = unit_alloc((size_t) n_items * sizeof(int32_t));

	p->n_users = n_users;
	p->by_user = by_user;
	p->rows.n = n;
	p->rows.user = unit_alloc((size_t) n * sizeof(int32_t));
	p->rows.item = unit_alloc((size_t) n * sizeof(int32_t));
	p->rows.value = unit_alloc((size_t) n * sizeof(float));
	p->rows.time = timed ? unit_alloc((size_t) n * sizeof(int64_t)) : NULL;
	p->start = unit_alloc(((size_t) n_users + 1) * sizeof(int64_t));
	for (int64_t i = 0; i < n; i++)
	{
		/* user 0 has many rows, and some have none */
		p->rows.user[i] = by_user ? (int32_t) (i * n_users / n) / 2 * 2 :
			unit_random(5) == 0 ? 0 : (int32_t) unit_random((uint32_t) n_users) / 2 * 2;
		p->rows.item[i] = (int32_t) unit_random((uint32_t) (n_items + 3));
		p->rows.value[i] = unit_random(20) == 0 ? NAN : unit_random_float();
		if (timed)
			p->rows.time[i] = (int64_t) unit_random(3);
		p->start[p->rows.user[i] + 1]++;
	}
	for (int32_t u = 0; u < n_users; u++)
	{
		p->longest = p->start[u + 1] > p->longest ? p->start[u + 1] : p->longest;
		p->start[u + 1] += p->start[u];
	}
	/* items that the version does not know stand between the others */
	for (int32_t i = 0; i < n_items + 3; i++)
		position[i] = i < 3 ? -1 : i - 3;
	for (int32_t i = 0; i < n_items; i++)
		popular[i] = (i * 7 + 3) % n_items;
	p->position = position;
	p->popular = popular;
}

/* Lists of so many items, of which the eligible ones are all but every so many. */
static void
make_lists(Question *q, int32_t top, bool exclude_seen, int32_t not_eligible)
{
	RsCrowdProblem *p = &q->problem;
	size_t		n_words = (size_t) p->ranking.items.n / 64 + 1;

	q->words = unit_alloc(n_words * sizeof(uint64_t));
	p->eligible.words = q->words;
	for (int32_t i = 0; i < p->ranking.items.n; i++)
	{
		if (not_eligible > 0 && i % not_eligible == 0)
			continue;
		q->words[i / 64] |= UINT64_C(1) << (i % 64);
		p->eligible.n++;
	}
	p->top = top < p->ranking.items.n ? top : p->ranking.items.n;
	p->exclude_seen = exclude_seen;
	p->item = top % 2 == 0 ? 5 : -1;
}

static void
key_free(RsCrowdKey *key)
{
	free((void *) key->items.factors);
	free((void *) key->items.biases);
	free((void *) key->gramian);
}

static void
question_free(Question *q)
{
	RsCrowdProblem *p = &q->problem;

	key_free(&p->ranking);
	key_free(&q->scoring);
	free((void *) q->blend.items.biases);
	free((void *) q->blend.mean);
	free((void *) q->blend.norms);
	free((void *) q->blend.sparse.start);
	free((void *) q->blend.sparse.target);
	free((void *) q->blend.sparse.weight);
	free((void *) p->position);
	free((void *) p->popular);
	free(p->rows.user);
	free(p->rows.item);
	free(p->rows.value);
	free(p->rows.time);
	free(p->start);
	free(q->words);
	free(q->index);
}

/* ---- taking the answers ---------------------------------------------------------- */

static void
copy_part(void *to, const void *from, const RsCrowdPart *part, size_t each)
{
	memcpy((char *) to + (size_t) part->first * each, from, (size_t) part->n * each);
}

static void
take_vectors(RsCrowdVectors *to, const RsCrowdVectors *from, const RsCrowdPart *part,
			 const RsCrowdKey *key)
{
	copy_part(to->x, from->x, part, (size_t) key->items.stride * sizeof(float));
	copy_part(to->base, from->base, part, sizeof(double));
}

static bool
take(void *arg, const RsCrowdPart *part)
{
	Question   *q = arg;
	RsCrowdPart *taken = &q->taken;

	CHECK(part->first == taken->n);
	copy_part(taken->has_vector, part->has_vector, part, sizeof(bool));
	take_vectors(&taken->ranking, &part->ranking, part, &q->problem.ranking);
	if (q->problem.scoring != NULL)
		take_vectors(&taken->scoring, &part->scoring, part, q->problem.scoring);
	else
		CHECK(part->scoring.x == part->ranking.x && part->scoring.base == part->ranking.base);
	copy_part(taken->has_seen, part->has_seen, part, sizeof(bool));
	CHECK((part->preference != NULL) == (q->problem.item >= 0));
	if (part->preference != NULL)
		copy_part(taken->preference, part->preference, part, sizeof(float));
	if (part->top > 0)
	{
		copy_part(taken->is_popular, part->is_popular, part, sizeof(bool));
		copy_part(taken->n_listed, part->n_listed, part, sizeof(int32_t));
		copy_part(taken->listed, part->listed, part, (size_t) part->top * sizeof(RsScored));
	}
	taken->n += part->n;
	return ++q->parts == q->most_parts;
}

static void *
copy_of(const void *from, size_t bytes)
{
	return memcpy(unit_alloc(bytes), from, bytes);
}

static RsCrowdVectors
alloc_vectors(size_t n, const RsCrowdKey *key)
{
	return (RsCrowdVectors) {unit_alloc(n * (size_t) key->items.stride * sizeof(float)),
	unit_alloc(n * sizeof(double))};
}

/* Rows become the solver's, so a copy is asked. */
static void
ask(Question *q, int threads, RsAlsTick tick, void *tick_arg)
{
	RsCrowdProblem copy = q->problem;
	size_t		n = (size_t) copy.n_users;
	size_t		rows = (size_t) copy.rows.n;
	size_t		bytes = 0;
	void	   *arena;

	copy.threads = threads;
	copy.start = copy_of(copy.start, (n + 1) * sizeof(int64_t));
	copy.rows.item = copy_of(copy.rows.item, rows * sizeof(int32_t));
	copy.rows.value = copy_of(copy.rows.value, rows * sizeof(float));
	q->taken = (RsCrowdPart) {.top = copy.top};
	q->taken.has_vector = unit_alloc(n * sizeof(bool));
	q->taken.ranking = alloc_vectors(n, &copy.ranking);
	if (copy.scoring != NULL)
		q->taken.scoring = alloc_vectors(n, copy.scoring);
	q->taken.has_seen = unit_alloc(n * sizeof(bool));
	q->taken.preference = unit_alloc(n * sizeof(float));
	q->taken.is_popular = unit_alloc(n * sizeof(bool));
	q->taken.n_listed = unit_alloc(n * sizeof(int32_t));
	q->taken.listed = unit_alloc(n * (size_t) copy.top * sizeof(RsScored));
	q->parts = 0;
	CHECK(rs_crowd_memory(&copy, &bytes));
	CHECK(copy.by_user || bytes > rows * (sizeof(int32_t) + sizeof(float)));
	arena = unit_alloc(bytes);
	CHECK(rs_crowd(&copy, arena, bytes / 2, tick, tick_arg, take, q, &q->failed) == RS_OUT_OF_MEMORY);
	CHECK(q->parts == 0);
	q->status = rs_crowd(&copy, arena, bytes, tick, tick_arg, take, q, &q->failed);
	free(arena);
	free(copy.start);
	free(copy.rows.item);
	free(copy.rows.value);
}

static void
answers_free(Question *q)
{
	free(q->taken.has_vector);
	free(q->taken.ranking.x);
	free(q->taken.ranking.base);
	free(q->taken.scoring.x);
	free(q->taken.scoring.base);
	free(q->taken.has_seen);
	free(q->taken.preference);
	free(q->taken.is_popular);
	free(q->taken.n_listed);
	free(q->taken.listed);
	q->taken = (RsCrowdPart) {0};
}

/* ---- one user alone ---------------------------------------------------------------- */

typedef struct Alone
{
	RsCell	   *cells;
	int32_t    *index;
	float	   *value;
	uint64_t   *words;
	RsScored   *listed;
	void	   *workspace;
	void	   *blend;			/* workspace */
	float	   *x;
	float	   *keys;			/* what ranks each item */
} Alone;

/* The cells of a user; takes what they have seen from the words. */
static int32_t
cells_of(const Question *q, int32_t user, Alone *alone, bool *has_seen)
{
	const RsCrowdProblem *p = &q->problem;
	int32_t		n = 0;

	*has_seen = false;
	for (int64_t i = 0; i < p->rows.n; i++)
	{
		int32_t		position = p->position[p->rows.item[i]];

		if (p->rows.user[i] != user || position < 0)
			continue;
		*has_seen = *has_seen || position == p->item;
		if (p->exclude_seen)
			alone->words[position / 64] &= ~(UINT64_C(1) << (position % 64));
		if (!isnan(p->rows.value[i]))
			alone->cells[n++] = (RsCell) {position, p->rows.value[i],
			p->rows.time == NULL ? INT64_MIN : p->rows.time[i]};
	}
	n = rs_cells_reduce(alone->cells, n, p->ranking.objective.implicit && !p->weighs_ratings, NULL, NULL);
	for (int32_t i = 0; i < n; i++)
	{
		alone->index[i] = alone->cells[i].index;
		alone->value[i] = alone->cells[i].value;
	}
	return n;
}

/* The items with the highest keys, or the popular ones, by looking at all. */
static int32_t
list_of(const Question *q, const Alone *alone, bool is_popular)
{
	const RsCrowdProblem *p = &q->problem;
	RsTopk		topk;

	rs_topk_init(&topk, alone->listed, p->top);
	for (int32_t i = 0; i < p->ranking.items.n; i++)
	{
		int32_t		position = is_popular ? p->popular[i] : i;

		if ((alone->words[position / 64] >> (position % 64) & 1) == 0)
			continue;
		if (!is_popular)
			rs_topk_push(&topk, alone->keys[position], position);
		else if (topk.n < p->top)
			alone->listed[topk.n++] = (RsScored) {0.0f, position};
	}
	if (!is_popular)
		(void) rs_topk_finish(&topk, NULL, NULL);
	return topk.n;
}

static bool
is_zero(const float *x, int k)
{
	for (int j = 0; j < k; j++)
	{
		if (x[j] != 0.0f)
			return false;
	}
	return true;
}

/* The keys of all items for a user whose vector is alone->x; do they tell items apart? */
static bool
make_keys(const Question *q, const RsRow *row, double base, Alone *alone)
{
	const RsCrowdProblem *p = &q->problem;
	const RsItems *items = &p->ranking.items;
	RsBlendUser user;

	if (p->blend != NULL)
		CHECK(rs_blend_begin(&user, p->blend, alone->x, row, alone->blend, NULL, NULL));
	for (int32_t i = 0; i < items->n; i++)
		alone->keys[i] = p->blend != NULL ? rs_blend_key(&user, i) :
			rs_item_score(items, i, alone->x, base);
	/* random biases and columns differ */
	return p->blend != NULL || items->biases != NULL || !is_zero(alone->x, items->k);
}

/* Solve a user alone, into alone->x; the base is what a part says it is. */
static void
check_vector(const RsCrowdKey *key, const RsRow *row, const RsCrowdVectors *vectors,
			 int32_t user, Alone *alone)
{
	RsFixedSide side = {key->items.factors, key->items.biases, key->items.n, key->items.k,
	key->items.stride, key->gramian, key->is_diagonal};
	size_t		stride = (size_t) key->items.stride;
	float		bias = 0.0f;

	memset(alone->x, 0, stride * sizeof(float));
	if (key->items.k > 0 && row->n > 0)
		CHECK(rs_row_solve(&key->objective, &side, row, alone->workspace, alone->x, &bias, NULL) == RS_OK);
	CHECK(memcmp(vectors->x + (size_t) user * stride, alone->x, stride * sizeof(float)) == 0);
	CHECK(vectors->base[user] == key->objective.mean + (double) bias);
}

static void
check_user(const Question *q, int32_t user, Alone *alone)
{
	const RsCrowdProblem *p = &q->problem;
	const RsCrowdPart *taken = &q->taken;
	bool		has_seen;
	bool		has_vector;
	bool		is_popular;
	RsRow		row;

	memcpy(alone->words, p->eligible.words, ((size_t) p->ranking.items.n / 64 + 1) * sizeof(uint64_t));
	row = (RsRow) {alone->index, alone->value, cells_of(q, user, alone, &has_seen)};
	CHECK(taken->has_seen[user] == has_seen);
	has_vector = (p->ranking.items.k > 0 || p->blend != NULL) && row.n > 0;
	CHECK(taken->has_vector[user] == has_vector);
	if (p->scoring != NULL)
		check_vector(p->scoring, &row, &taken->scoring, user, alone);
	for (int32_t i = 0; p->weighs_ratings && i < row.n; i++)
		alone->value[i] = rs_rating_weight(alone->value[i], MEAN, DEVIATION);
	check_vector(&p->ranking, &row, &taken->ranking, user, alone);
	is_popular = !make_keys(q, &row, taken->ranking.base[user], alone) || !has_vector;
	if (p->item >= 0)
		CHECK(has_vector ? taken->preference[user] == alone->keys[p->item] : isnan(taken->preference[user]));
	if (p->top == 0)
		return;
	CHECK(taken->is_popular[user] == is_popular);
	CHECK(taken->n_listed[user] == list_of(q, alone, is_popular));
	CHECK(memcmp(taken->listed + (size_t) user * (size_t) p->top, alone->listed,
				 (size_t) taken->n_listed[user] * sizeof(RsScored)) == 0);
}

static void
check_answers(const Question *q)
{
	const RsCrowdProblem *p = &q->problem;
	int			k = q->scoring.items.k > p->ranking.items.k ? q->scoring.items.k : p->ranking.items.k;
	size_t		n_items = (size_t) p->ranking.items.n;
	size_t		bytes;
	Alone		alone;

	CHECK(rs_blend_workspace_size(&p->ranking.items, &bytes));
	alone.blend = unit_alloc(bytes);
	alone.keys = unit_alloc(n_items * sizeof(float));
	alone.cells = unit_alloc((size_t) p->rows.n * sizeof(RsCell));
	alone.index = unit_alloc((size_t) p->rows.n * sizeof(int32_t));
	alone.value = unit_alloc((size_t) p->rows.n * sizeof(float));
	alone.words = unit_alloc((n_items / 64 + 1) * sizeof(uint64_t));
	alone.listed = unit_alloc((size_t) p->top * sizeof(RsScored));
	alone.workspace = unit_alloc(rs_row_workspace_size(k));
	alone.x = unit_alloc(RS_STRIDE((size_t) k) * sizeof(float));
	CHECK(q->status == RS_OK && q->failed == -1 && q->taken.n == p->n_users);
	for (int32_t u = 0; u < p->n_users; u++)
		check_user(q, u, &alone);
	free(alone.cells);
	free(alone.index);
	free(alone.value);
	free(alone.words);
	free(alone.listed);
	free(alone.workspace);
	free(alone.x);
	free(alone.blend);
	free(alone.keys);
}

/* ---- tests ---------------------------------------------------------------------- */

/* The same answers by one thread and by several. */
static void
check_threads(Question *q)
{
	for (int threads = 1; threads <= 5; threads += 2)
	{
		ask(q, threads, NULL, NULL);
		check_answers(q);
		answers_free(q);
	}
}

/* Every kind of model and list, with few threads and many. */
static void
test_answers(void)
{
	static const int factors[] = {0, 1, 8, 33};
	static const int32_t tops[] = {0, 1, 10, 1000};

	for (int round = 0; round < 96; round++)
	{
		bool		implicit = round % 3 == 0;
		int			k = factors[round % 4];
		Question	q = {0};

		make_items(&q, 70 + (int32_t) unit_random(100), k, implicit, !implicit && k > 0 && round % 2 == 0);
		make_rows(&q, 1 + (int32_t) unit_random(300), 3000, !implicit && round % 5 == 0, round % 11 == 0);
		make_lists(&q, tops[round / 4 % 4], round / 16 % 2 == 0, round % 7 == 0 ? 3 : 0);
		check_threads(&q);
		question_free(&q);
	}
}

/* Weights made of ratings rank, and ratings may score beside them, with more factors or fewer. */
static void
test_ratings(void)
{
	for (int round = 0; round < 24; round++)
	{
		Question	q = {0};

		make_items(&q, 70 + (int32_t) unit_random(100), 1 + round * 3, true, false);
		make_rows(&q, 1 + (int32_t) unit_random(300), 3000, round % 5 == 0, round % 11 == 0);
		make_lists(&q, round % 3 * 10, round % 2 == 0, 0);
		make_ratings(&q, 40, round % 4 != 0);
		check_threads(&q);
		question_free(&q);
	}
}

/* Several parts rank, for rows of weights and of ratings; also without a dense part. */
static void
test_blends(void)
{
	static const int factors[] = {0, 1, 8, 33};

	for (int round = 0; round < 24; round++)
	{
		Question	q = {0};

		make_items(&q, 70 + (int32_t) unit_random(100), factors[round % 4], true, false);
		make_blend(&q, 1 + round);
		make_rows(&q, 1 + (int32_t) unit_random(300), 3000, round % 5 == 0, round % 11 == 0);
		make_lists(&q, round % 3 * 10, round % 2 == 0, round % 7 == 0 ? 3 : 0);
		if (round % 8 >= 4)
			make_ratings(&q, 10, round % 3 != 0);
		check_threads(&q);
		question_free(&q);
	}
}

/* More users than a part has room for, and lists that fill a group alone. */
static void
test_parts(void)
{
	for (int round = 0; round < 2; round++)
	{
		Question	q = {0};

		make_items(&q, round == 0 ? 300 : 70000, 8, true, false);
		make_rows(&q, round == 0 ? 10000 : 40, round == 0 ? 30000 : 3000, false, false);
		make_lists(&q, round == 0 ? 10 : 70000, true, 0);
		ask(&q, 2, NULL, NULL);
		CHECK(q.parts >= 3);
		if (round == 1)
			check_answers(&q);
		else
			CHECK(q.status == RS_OK && q.taken.n == q.problem.n_users);
		answers_free(&q);
		question_free(&q);
	}
}

/* The sink can stop it after each part, the tick at each question. */
static bool
tick_down(void *arg, const RsAlsProgress *progress)
{
	CHECK(progress->rows_done <= progress->rows_total);
	return (*(int *) arg)-- <= 0;
}

static void
test_stop(void)
{
	Question	q = {0};
	int32_t		all;

	make_items(&q, 300, 8, true, false);
	make_rows(&q, 10000, 30000, false, false);
	make_lists(&q, 10, true, 0);
	ask(&q, 2, NULL, NULL);
	all = q.parts;
	answers_free(&q);
	for (q.most_parts = 1; q.most_parts <= all; q.most_parts++)
	{
		ask(&q, 2, NULL, NULL);
		CHECK(q.status == RS_STOPPED && q.parts == q.most_parts);
		answers_free(&q);
	}
	q.most_parts = 0;
	for (int ticks = 0; ticks < 1 + all; ticks++)
	{
		int			left = ticks;

		ask(&q, 2, tick_down, &left);
		CHECK(q.status == RS_STOPPED && q.parts < all);
		answers_free(&q);
	}
	question_free(&q);
}

/*
 * Of the users who cannot be solved for, since they have few rows, the first one is
 * named, for any number of threads.
 */
static void
test_failure(void)
{
	Question	q = {0};

	make_items(&q, 100, 8, false, false);
	q.problem.ranking.objective.regularization = 0.0;
	make_rows(&q, 500, 1000, false, false);
	make_lists(&q, 10, true, 0);
	q.problem.rows.user[0] = 2;
	q.problem.rows.item[0] = 50;
	q.problem.rows.value[0] = 1.0f;
	memset(q.problem.start, 0, 501 * sizeof(int64_t));
	for (int64_t i = 0; i < 1000; i++)
		q.problem.start[q.problem.rows.user[i] + 1]++;
	CHECK(q.problem.start[3] < 8);
	for (int32_t u = 0; u < 500; u++)
		q.problem.start[u + 1] += q.problem.start[u];
	for (int threads = 1; threads <= 4; threads++)
	{
		ask(&q, threads, NULL, NULL);
		CHECK(q.status == RS_NOT_POSITIVE_DEFINITE && q.failed == 2 && q.taken.n == 0);
		answers_free(&q);
	}
	question_free(&q);
}

static void
test_invalid(void)
{
	Question	q = {0};
	size_t		bytes;
	char		arena[64];

	make_items(&q, 100, 8, false, false);
	make_rows(&q, 10, 100, false, false);
	make_lists(&q, 10, true, 0);
	q.problem.threads = 1;
	CHECK(rs_crowd_memory(&q.problem, &bytes));
	q.problem.top = 101;
	CHECK(!rs_crowd_memory(&q.problem, &bytes));
	CHECK(rs_crowd(&q.problem, arena, 64, NULL, NULL, take, &q, &q.failed) == RS_INVALID);
	q.problem.top = 10;
	q.problem.index = NULL;
	CHECK(!rs_crowd_memory(&q.problem, &bytes));
	make_blend(&q, 3);
	CHECK(rs_crowd_memory(&q.problem, &bytes));
	q.blend.index = NULL;
	CHECK(!rs_crowd_memory(&q.problem, &bytes));
	q.blend.index = q.index;
	q.blend.items.n = 99;
	CHECK(!rs_crowd_memory(&q.problem, &bytes));
	q.problem.blend = NULL;
	q.problem.item = 100;
	CHECK(!rs_crowd_memory(&q.problem, &bytes));
	q.problem.item = -1;
	q.problem.top = 0;
	CHECK(rs_crowd_memory(&q.problem, &bytes));
	q.problem.rows.n = INT64_MAX / 4;
	CHECK(!rs_crowd_memory(&q.problem, &bytes));
	question_free(&q);
}

int
main(void)
{
	rs_kernel_init();
	test_answers();
	test_ratings();
	test_blends();
	test_parts();
	test_stop();
	test_failure();
	test_invalid();
	return unit_report("crowd");
}
