/*-------------------------------------------------------------------------
 *
 * crowd.c
 *		Answers for all users at once: fold in, search, hand out.
 *
 * First the rows are dealt out to their users, unless they lie user after user.  Then
 * users are answered in parts of some thousands.  A part has groups, each of which one
 * thread takes: it sorts and reduces the rows of a group, solves its users side by side,
 * and searches for all of them at once, so that each block of the index is read once for a
 * group; where a blend ranks, for one after the other.  While the threads compute a part,
 * the thread that started them hands out the part before.  So there are two parts, and more
 * users need no more memory.
 *
 * Each user's vector and list have the bits of the user alone (rs_rows_solve(),
 * rs_search_next_many(), rs_blend_next()): neither threads nor neighbours matter.
 *
 * Every array is taken from the caller's arena before the first thread starts.
 *
 *-------------------------------------------------------------------------
 */
#include "solver/crowd.h"

#include <math.h>
#include <string.h>

#include "kernel/cells.h"
#include "solver/arena.h"
#include "solver/csr.h"
#include "solver/threads.h"

/* Users that a thread takes at once. */
#define GROUP_USERS		RS_SEARCH_MANY

/* Groups of a part, unless lists are long or threads many. */
#define PART_GROUPS		128

/*
 * Entries of the lists of a group and of a part; long lists make both smaller, so that
 * their memory has a bound: 8 bytes an entry.
 */
#define GROUP_ENTRIES	(1 << 16)
#define PART_ENTRIES	(1 << 20)

/* The memory that one thread works in. */
typedef struct Desk
{
	void	   *solver;			/* workspace of rs_rows_solve() */
	RsCell	   *cells;			/* one user's */
	uint64_t   *words;			/* eligible items that each user of a group has not seen */
	RsSearch   *searches;
	RsScored   *found;			/* lists of the users who are searched for */
	void	   *blend;			/* workspace of rs_blend_begin() */
} Desk;

typedef struct Crowd
{
	const RsCrowdProblem *problem;
	RsPool		pool;
	RsAlsTick	tick;
	void	   *tick_arg;
	RsAlsProgress progress;
	int			threads;
	int32_t		group;			/* users in a group */
	int32_t		room;			/* users in a part */
	size_t		n_words;
	RsCsr		rows;			/* by user */
	int64_t    *time;			/* NULL unless times decide */
	Desk	   *desks;
	RsCrowdPart parts[2];
	RsCrowdPart *part;			/* the one under way */
	_Atomic int64_t failed;		/* lowest user who failed, or n_users */
} Crowd;

/* The users of a group. */
typedef struct Group
{
	int32_t		first;			/* of them within the part */
	int32_t		n;
	RsRowTask	tasks[GROUP_USERS];
	int32_t		solved[GROUP_USERS];	/* whose tasks they are, within the group */
	int			n_tasks;
	RsEligible	eligible[GROUP_USERS];
} Group;

/* ---- memory ------------------------------------------------------------------ */

static int32_t
at_most(int64_t value, int64_t most)
{
	return (int32_t) (value < most ? value : most);
}

/*
 * Sizes of groups and parts, and how many threads have something to do.  A part has at
 * least four groups for each thread, so that none waits long for the others at its end.
 */
static void
share_out(Crowd *crowd)
{
	const RsCrowdProblem *p = crowd->problem;
	int64_t		top = p->top > 0 ? p->top : 1;
	int64_t		groups;

	crowd->group = at_most(GROUP_USERS, GROUP_ENTRIES / top);
	if (crowd->group < 1)
		crowd->group = 1;
	groups = ((int64_t) p->n_users + crowd->group - 1) / crowd->group;
	crowd->threads = at_most(p->threads, groups < RS_MAX_THREADS ? groups : RS_MAX_THREADS);
	if (crowd->threads < 1)
		crowd->threads = 1;
	groups = at_most(PART_GROUPS, PART_ENTRIES / top / crowd->group);
	if (groups < 4 * crowd->threads)
		groups = 4 * crowd->threads;
	crowd->room = at_most(groups * crowd->group, p->n_users);
}

static void
take_vectors(Crowd *crowd, RsCrowdVectors *vectors, const RsCrowdKey *key, RsArena *arena)
{
	size_t		n = (size_t) crowd->room;

	vectors->x = rs_arena_take(arena, n, (size_t) key->items.stride * sizeof(float));
	vectors->base = rs_arena_take(arena, n, sizeof(double));
}

static void
take_part(Crowd *crowd, RsCrowdPart *part, RsArena *arena)
{
	const RsCrowdProblem *p = crowd->problem;
	size_t		n = (size_t) crowd->room;

	part->top = p->top;
	part->has_vector = rs_arena_take(arena, n, sizeof(bool));
	take_vectors(crowd, &part->ranking, &p->ranking, arena);
	part->scoring = part->ranking;
	if (p->scoring != NULL)
		take_vectors(crowd, &part->scoring, p->scoring, arena);
	part->has_seen = rs_arena_take(arena, n, sizeof(bool));
	part->preference = p->item < 0 ? NULL : rs_arena_take(arena, n, sizeof(float));
	part->is_popular = rs_arena_take(arena, n, sizeof(bool));
	part->n_listed = rs_arena_take(arena, n, sizeof(int32_t));
	part->listed = rs_arena_take(arena, n, (size_t) p->top * sizeof(RsScored));
}

static size_t
solver_workspace(const RsCrowdProblem *p)
{
	int			k = p->ranking.items.k;

	if (p->scoring != NULL && p->scoring->items.k > k)
		k = p->scoring->items.k;
	return k > 0 ? rs_rows_workspace_size(k) : 0;
}

/* The arena refuses a size that has overflowed. */
static size_t
blend_workspace(const RsCrowdProblem *p)
{
	size_t		bytes = 0;

	return p->blend == NULL || rs_blend_workspace_size(&p->blend->items, &bytes) ? bytes : SIZE_MAX;
}

static void
take_desk(Crowd *crowd, Desk *desk, RsArena *arena)
{
	const RsCrowdProblem *p = crowd->problem;
	size_t		group = (size_t) crowd->group;
	bool		lists = p->top > 0;
	bool		searches = lists && p->blend == NULL;
	Desk		taken;

	taken.solver = rs_arena_take(arena, 1, solver_workspace(p));
	taken.cells = rs_arena_take(arena, (size_t) p->longest, sizeof(RsCell));
	taken.words = rs_arena_take(arena, lists && p->exclude_seen ? group : 0,
								crowd->n_words * sizeof(uint64_t));
	taken.searches = rs_arena_take(arena, searches ? group : 0, sizeof(RsSearch));
	taken.found = rs_arena_take(arena, searches ? group : 0, (size_t) p->top * sizeof(RsScored));
	taken.blend = rs_arena_take(arena, 1, blend_workspace(p));
	if (desk != NULL)
		*desk = taken;
}

/* Take every array from the arena, or count its bytes if the arena has no memory. */
static void
take_all(Crowd *crowd, RsArena *arena)
{
	const RsCrowdProblem *p = crowd->problem;
	size_t		n = (size_t) p->rows.n;

	share_out(crowd);
	crowd->n_words = (size_t) p->ranking.items.n / 64 + (p->ranking.items.n % 64 != 0);
	crowd->rows = (RsCsr) {p->n_users, p->start, p->rows.item, p->rows.value};
	crowd->time = p->rows.time;
	if (!p->by_user)
	{
		crowd->rows.index = rs_arena_take(arena, n, sizeof(int32_t));
		crowd->rows.value = rs_arena_take(arena, n, sizeof(float));
		crowd->time = p->rows.time == NULL ? NULL : rs_arena_take(arena, n, sizeof(int64_t));
	}
	take_part(crowd, &crowd->parts[0], arena);
	take_part(crowd, &crowd->parts[1], arena);
	crowd->desks = rs_arena_take(arena, (size_t) crowd->threads, sizeof(Desk));
	for (int t = 0; t < crowd->threads; t++)
		take_desk(crowd, crowd->desks == NULL ? NULL : &crowd->desks[t], arena);
}

/* Are the vectors of the blend those of the ranking, and is there an index of them? */
static bool
blend_is_valid(const RsBlend *blend, const RsItems *items)
{
	return blend->items.n == items->n && blend->items.k == items->k &&
		blend->items.stride == items->stride && blend->index != NULL;
}

static bool
is_valid(const RsCrowdProblem *p)
{
	const RsItems *items = &p->ranking.items;
	bool		searches = p->top > 0 && items->k > 0 && p->blend == NULL;

	return p->threads >= 1 && p->n_users >= 1 && items->k >= 0 && items->k <= RS_MAX_FACTORS &&
		(p->scoring == NULL || (p->scoring->items.k >= 1 && p->scoring->items.k <= RS_MAX_FACTORS)) &&
		(p->weighs_ratings || p->scoring == NULL) &&
		p->top >= 0 && p->top <= items->n && p->longest >= 0 && p->longest <= INT32_MAX &&
		p->item < items->n && (!searches || p->index != NULL) &&
		(p->blend == NULL || blend_is_valid(p->blend, items));
}

bool
rs_crowd_memory(const RsCrowdProblem *problem, size_t *bytes)
{
	Crowd		crowd = {.problem = problem};
	RsArena		arena;

	if (!is_valid(problem))
		return false;
	rs_arena_init(&arena, NULL, SIZE_MAX);
	take_all(&crowd, &arena);
	*bytes = arena.most;
	return !arena.failed;
}

/* ---- a user's rows ----------------------------------------------------------- */

/* Take an item that the user has out of the eligible ones; repeated rows count once. */
static inline void
mark_seen(RsEligible *eligible, uint64_t *words, int32_t position)
{
	uint64_t	bit = UINT64_C(1) << (position % 64);

	eligible->n -= (words[position / 64] & bit) != 0;
	words[position / 64] &= ~bit;
}

/*
 * Make a user's cells of items that the version knows, and put them in the place of the
 * user's rows, which are at least as many.  Note what was seen; words is NULL where lists
 * do not leave it out.
 */
static RsStatus
take_rows(const Crowd *crowd, const Desk *desk, int32_t user, RsRow *row, RsEligible *eligible,
		  uint64_t *words, bool *has_seen)
{
	const RsCrowdProblem *p = crowd->problem;
	const RsCsr *rows = &crowd->rows;
	int64_t		start = rows->start[user];
	RsPool	   *pool = (RsPool *) &crowd->pool;
	int32_t		n = 0;

	*has_seen = false;
	for (int64_t i = start; i < rows->start[user + 1]; i++)
	{
		int32_t		position = p->position[rows->index[i]];

		if (rs_stop_at(rs_pool_stopping, pool, i))
			return RS_STOPPED;
		if (position < 0)
			continue;
		*has_seen = *has_seen || position == p->item;
		if (words != NULL)
			mark_seen(eligible, words, position);
		if (!isnan(rows->value[i]))
			desk->cells[n++] = (RsCell) {position, rows->value[i],
			crowd->time == NULL ? INT64_MIN : crowd->time[i]};
	}
	n = rs_cells_reduce(desk->cells, n, p->ranking.objective.implicit && !p->weighs_ratings,
						rs_pool_stopping, pool);
	if (n < 0)
		return RS_STOPPED;
	*row = (RsRow) {rows->index + start, rows->value + start, n};
	for (int32_t i = 0; i < n; i++)
	{
		if (rs_stop_at(rs_pool_stopping, pool, i))
			return RS_STOPPED;
		rows->index[start + i] = desk->cells[i].index;
		rows->value[start + i] = desk->cells[i].value;
	}
	return RS_OK;
}

/* No vector yet. */
static void
clear_vector(const RsCrowdKey *key, const RsCrowdVectors *vectors, size_t at)
{
	size_t		stride = (size_t) key->items.stride;

	memset(vectors->x + at * stride, 0, stride * sizeof(float));
	vectors->base[at] = key->objective.mean;
}

/*
 * Take the rows of a group, and find out who has a vector.  The task of a user without
 * cells is overwritten by the next user.
 */
static RsStatus
take_group(Crowd *crowd, const Desk *desk, Group *group)
{
	const RsCrowdProblem *p = crowd->problem;
	const RsCrowdPart *part = crowd->part;

	group->n_tasks = 0;
	for (int32_t g = 0; g < group->n; g++)
	{
		int32_t		at = group->first + g;
		RsRowTask  *task = &group->tasks[group->n_tasks];
		uint64_t   *words = NULL;
		RsStatus	status;

		group->eligible[g] = p->eligible;
		if (p->top > 0 && p->exclude_seen)
		{
			words = desk->words + (size_t) g * crowd->n_words;
			memcpy(words, p->eligible.words, crowd->n_words * sizeof(uint64_t));
			group->eligible[g].words = words;
		}
		status = take_rows(crowd, desk, part->first + at, &task->row, &group->eligible[g], words,
						   &part->has_seen[at]);
		if (status != RS_OK)
			return status;
		part->has_vector[at] = (p->ranking.items.k > 0 || p->blend != NULL) && task->row.n > 0;
		clear_vector(&p->ranking, &part->ranking, (size_t) at);
		if (p->scoring != NULL)
			clear_vector(p->scoring, &part->scoring, (size_t) at);
		if (part->preference != NULL)
			part->preference[at] = NAN;
		if (part->has_vector[at])
			group->solved[group->n_tasks++] = g;
	}
	return RS_OK;
}

/* ---- vectors ----------------------------------------------------------------- */

/* Keep the lowest of the users who failed. */
static void
record_failure(Crowd *crowd, int64_t user)
{
	int64_t		lowest = atomic_load(&crowd->failed);

	while (user < lowest && !atomic_compare_exchange_weak(&crowd->failed, &lowest, user))
		;
}

/* Solve the users of a group side by side; base becomes the mean plus their biases. */
static RsStatus
solve_group(Crowd *crowd, const Desk *desk, Group *group, const RsCrowdKey *key,
			const RsCrowdVectors *vectors)
{
	const RsItems *items = &key->items;
	const RsFixedSide side = {items->factors, items->biases, items->n, items->k, items->stride,
	key->gramian, key->is_diagonal};
	RsRowHooks	hooks = {rs_pool_stopping, &crowd->pool};
	float		biases[GROUP_USERS] = {0};
	RsStatus	status;
	int			done = 0;

	for (int i = 0; i < group->n_tasks; i++)
	{
		size_t		at = (size_t) (group->first + group->solved[i]);

		group->tasks[i].x = vectors->x + at * (size_t) items->stride;
		group->tasks[i].bias = key->objective.biases ? &biases[i] : NULL;
		group->tasks[i].loss = NULL;
	}
	status = rs_rows_solve(&key->objective, &side, group->tasks, group->n_tasks, desk->solver,
						   &hooks, &done);
	if (status != RS_OK && status != RS_STOPPED)
		record_failure(crowd, crowd->part->first + group->first + group->solved[done]);
	for (int i = 0; i < group->n_tasks; i++)
		vectors->base[group->first + group->solved[i]] += (double) biases[i];
	return status;
}

/* Weights of the ratings of a group, whose rows lie in the crowd's. */
static RsStatus
weigh_ratings(Crowd *crowd, const Group *group)
{
	const RsCrowdProblem *p = crowd->problem;

	for (int i = 0; i < group->n_tasks; i++)
	{
		int32_t		user = crowd->part->first + group->first + group->solved[i];

		if (!rs_ratings_to_weights(crowd->rows.value + crowd->rows.start[user],
								   group->tasks[i].row.n, p->mean, p->deviation,
								   rs_pool_stopping, &crowd->pool))
			return RS_STOPPED;
	}
	return RS_OK;
}

/* The vectors of a group, of ratings first: their place is then taken by weights. */
static RsStatus
fold_in(Crowd *crowd, const Desk *desk, Group *group)
{
	const RsCrowdProblem *p = crowd->problem;
	const RsCrowdPart *part = crowd->part;
	RsStatus	status = RS_OK;

	if (p->scoring != NULL)
		status = solve_group(crowd, desk, group, p->scoring, &part->scoring);
	if (status == RS_OK && p->weighs_ratings)
		status = weigh_ratings(crowd, group);
	if (status == RS_OK && p->ranking.items.k > 0)
		status = solve_group(crowd, desk, group, &p->ranking, &part->ranking);
	return status;
}

/* ---- lists ------------------------------------------------------------------- */

/*
 * The first eligible items of all by popularity, without scores.  When it is stopped the
 * list is cut, but the pool then drops the part.
 */
static int32_t
list_popular(const Crowd *crowd, const RsEligible *eligible, RsScored *listed)
{
	const RsCrowdProblem *p = crowd->problem;
	int32_t		n = 0;

	for (int32_t i = 0; i < p->ranking.items.n && n < p->top; i++)
	{
		int32_t		position = p->popular[i];

		if (rs_stop_at(rs_pool_stopping, (RsPool *) &crowd->pool, i))
			break;
		if (eligible->words[position / 64] >> (position % 64) & 1)
			listed[n++] = (RsScored) {0.0f, position};
	}
	return n;
}

/* Note whether a user of the group gets the list of popular items, and make it if so. */
static bool
list_if_popular(const Crowd *crowd, const Group *group, int32_t g, bool popular)
{
	const RsCrowdPart *part = crowd->part;
	size_t		at = (size_t) (group->first + g);

	part->is_popular[at] = popular;
	if (popular)
		part->n_listed[at] = list_popular(crowd, &group->eligible[g],
										  part->listed + at * (size_t) part->top);
	return popular;
}

/*
 * Lists of popular items for users whose vector does not tell items apart; for each of the
 * others begin a search.  Returns how many searches, -1 on failure.
 */
static int
begin_lists(Crowd *crowd, const Desk *desk, const Group *group, int32_t *searched)
{
	const RsCrowdProblem *p = crowd->problem;
	const RsCrowdPart *part = crowd->part;
	const RsItems *items = &p->ranking.items;
	int			n = 0;

	for (int32_t g = 0; g < group->n; g++)
	{
		size_t		at = (size_t) (group->first + g);
		const float *x = part->ranking.x + at * (size_t) items->stride;

		if (list_if_popular(crowd, group, g, !part->has_vector[at] ||
							rs_scores_are_equal(items, x, rs_pool_stopping, &crowd->pool)))
			continue;
		if (rs_search_begin(&desk->searches[n], p->index, items, x, part->ranking.base[at],
							&group->eligible[g]) != RS_OK)
		{
			record_failure(crowd, part->first + (int32_t) at);
			return -1;
		}
		searched[n++] = g;
	}
	return n;
}

static RsStatus
list_items(Crowd *crowd, const Desk *desk, const Group *group)
{
	const RsCrowdPart *part = crowd->part;
	size_t		top = (size_t) crowd->problem->top;
	int32_t		searched[GROUP_USERS];
	int32_t		listed[GROUP_USERS];
	int			n = begin_lists(crowd, desk, group, searched);
	RsStatus	status;

	if (n < 0)
		return RS_NOT_FINITE;
	status = rs_search_next_many(desk->searches, n, (int32_t) top, desk->found, listed,
								 rs_pool_stopping, &crowd->pool);
	for (int i = 0; i < n && status == RS_OK; i++)
	{
		size_t		at = (size_t) (group->first + searched[i]);

		part->n_listed[at] = listed[i];
		memcpy(part->listed + at * top, desk->found + (size_t) i * top,
			   (size_t) listed[i] * sizeof(RsScored));
	}
	return status;
}

/* What the users of a group who have a vector prefer the item of the problem by. */
static void
prefer_item(const Crowd *crowd, const Group *group)
{
	const RsCrowdProblem *p = crowd->problem;
	const RsCrowdPart *part = crowd->part;
	const RsItems *items = &p->ranking.items;

	for (int i = 0; i < group->n_tasks; i++)
	{
		size_t		at = (size_t) (group->first + group->solved[i]);

		part->preference[at] = rs_item_score(items, p->item, part->ranking.x + at * (size_t) items->stride,
											 part->ranking.base[at]);
	}
}

/* ---- blends --------------------------------------------------------------------- */

/* The preference and the list of a user of the group who has cells. */
static RsStatus
blend_user(Crowd *crowd, const Desk *desk, const Group *group, int32_t g, const RsRow *row)
{
	const RsCrowdProblem *p = crowd->problem;
	const RsCrowdPart *part = crowd->part;
	size_t		at = (size_t) (group->first + g);
	const float *x = part->ranking.x + at * (size_t) p->ranking.items.stride;
	RsBlendUser user;

	if (!rs_blend_begin(&user, p->blend, x, row, desk->blend, rs_pool_stopping, &crowd->pool))
		return RS_STOPPED;
	if (p->item >= 0)
		part->preference[at] = rs_blend_key(&user, p->item);
	if (p->top == 0 ||
		list_if_popular(crowd, group, g,
						rs_blend_keys_are_equal(&user, rs_pool_stopping, &crowd->pool)))
		return RS_OK;
	return rs_blend_next(&user, &group->eligible[g], p->top, part->listed + at * (size_t) p->top,
						 &part->n_listed[at], rs_pool_stopping, &crowd->pool);
}

static RsStatus
blend_group(Crowd *crowd, const Desk *desk, const Group *group)
{
	const RsCrowdPart *part = crowd->part;
	RsStatus	status = RS_OK;

	for (int32_t g = 0; g < group->n && crowd->problem->top > 0; g++)
	{
		if (!part->has_vector[group->first + g])
			(void) list_if_popular(crowd, group, g, true);
	}
	for (int i = 0; i < group->n_tasks && status == RS_OK; i++)
		status = blend_user(crowd, desk, group, group->solved[i], &group->tasks[i].row);
	return status;
}

/* ---- part after part ----------------------------------------------------------- */

static RsStatus
answer_group(void *arg, int thread, int64_t chunk)
{
	Crowd	   *crowd = arg;
	const Desk *desk = &crowd->desks[thread];
	Group		group;
	RsStatus	status;

	group.first = (int32_t) chunk * crowd->group;
	group.n = at_most(crowd->group, crowd->part->n - group.first);
	status = take_group(crowd, desk, &group);
	if (status == RS_OK && group.n_tasks > 0)
		status = fold_in(crowd, desk, &group);
	if (status != RS_OK)
		return status;
	if (crowd->problem->blend != NULL)
		return blend_group(crowd, desk, &group);
	if (crowd->problem->item >= 0)
		prefer_item(crowd, &group);
	return crowd->problem->top > 0 ? list_items(crowd, desk, &group) : RS_OK;
}

/* Compute a part, and hand out the one before meanwhile, if there is one. */
static RsStatus
answer_part(Crowd *crowd, const RsCrowdPart *before, RsCrowdSink sink, void *sink_arg)
{
	RsStatus	status = rs_pool_begin(&crowd->pool, answer_group, crowd,
									   ((int64_t) crowd->part->n + crowd->group - 1) / crowd->group);

	if (status != RS_OK)
		return status;
	if (before != NULL)
	{
		if (sink(sink_arg, before))
			rs_pool_stop(&crowd->pool);
		crowd->progress.rows_done += before->n;
	}
	return rs_pool_finish(&crowd->pool);
}

static RsStatus
answer(Crowd *crowd, RsCrowdSink sink, void *sink_arg)
{
	const RsCrowdPart *before = NULL;
	int32_t		n_users = crowd->problem->n_users;
	int			turn = 0;

	crowd->progress = (RsAlsProgress) {.phase = RS_ALS_ANSWERING, .rows_total = n_users};
	for (int32_t first = 0; first < n_users;)
	{
		RsStatus	status;

		crowd->part = &crowd->parts[turn];
		crowd->part->first = first;
		crowd->part->n = at_most(crowd->room, n_users - first);
		status = answer_part(crowd, before, sink, sink_arg);
		if (status != RS_OK)
			return status;
		before = crowd->part;
		first += before->n;
		turn = 1 - turn;
	}
	return sink(sink_arg, before) ? RS_STOPPED : RS_OK;
}

static bool
report_progress(void *arg)
{
	Crowd	   *crowd = arg;

	return crowd->tick(crowd->tick_arg, &crowd->progress);
}

RsStatus
rs_crowd(const RsCrowdProblem *problem, void *memory, size_t bytes, RsAlsTick tick,
		 void *tick_arg, RsCrowdSink sink, void *sink_arg, int32_t *failed_user)
{
	Crowd		crowd = {.problem = problem, .tick = tick, .tick_arg = tick_arg};
	RsArena		arena;
	RsStatus	status;

	*failed_user = -1;
	if (!is_valid(problem) || memory == NULL)
		return RS_INVALID;
	rs_arena_init(&arena, memory, bytes);
	take_all(&crowd, &arena);
	if (arena.failed)
		return RS_OUT_OF_MEMORY;

	atomic_init(&crowd.failed, problem->n_users);
	crowd.progress.phase = RS_ALS_PREPARING;
	status = rs_pool_start(&crowd.pool, crowd.threads, tick == NULL ? NULL : report_progress, &crowd);
	if (status != RS_OK)
		return status;
	if (!problem->by_user)
		status = rs_csr_deal(&problem->rows, &crowd.rows, crowd.time, &crowd.pool);
	if (status == RS_OK)
		status = answer(&crowd, sink, sink_arg);
	rs_pool_end(&crowd.pool);
	if (atomic_load(&crowd.failed) < problem->n_users)
		*failed_user = (int32_t) atomic_load(&crowd.failed);
	return status;
}
