/*-------------------------------------------------------------------------
 *
 * choose.c
 *		What a model with the algorithm "auto" is trained with.
 *
 * Some rows are held out (holdout.h).  Candidates are trained on the others, most with
 * few iterations, which rank them as many do (trial.h).  The search climbs: from the
 * better of two starts to the best of the neighbours, one step on one axis, until none is
 * better.
 *
 * Lists: the first start is the defaults.  The second is for sets where items or users
 * are hardly more than factors: what is between is worse than both there.  In the end
 * the popular items are compared with what was found.
 *
 * Ratings: the defaults are tried, but the climb begins elsewhere, where the ridge grows
 * with the root of a row's count.  That is better on nearly every set; where biases alone
 * are best the climb ends at the largest ridge.  Then the part that ranks is chosen, by
 * the lists that weights made of the ratings give (parts.c).
 *
 * Time: a limit of work, which is estimated from the counts of cells, users and items,
 * never measured, so that the same data gives the same choice everywhere.  A candidate
 * is left out when its trial, with the training that may follow, would exceed the limit.
 * Where there are two goals the first may take half of what there is for trials.
 *
 * Memory: one context, which ends with the choice; the record survives it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "utils/memutils.h"

#include "compat.h"
#include "train/choice.h"
#include "train/choose.h"
#include "train/holdout.h"
#include "train/parts.h"
#include "train/progress.h"
#include "train/trial.h"

/* Iterations of a trial where all of a training would take too long. */
#define FEW_ITERATIONS	5

/* Candidates at most; a climb ends long before. */
#define MOST_CANDIDATES	40

/* So many standard errors, user by user, must popular items be ahead. */
#define BEYOND_DOUBT	2

#define MOST_FACTORS	256

/* Of the work for trials: what the first of two goals may take. */
#define FIRST_SHARE		0.5

/* As many trials with the most factors take as long as a climb to there, about. */
#define LARGE_TRIALS	12

/* ---- what is varied -------------------------------------------------------------- */

#define STARTS		2
#define MOST_AXES	3
#define MOST_PLACES	10
#define MOST_NAMES	4

/* Of a start: the option has its default, which is no place of the axis. */
#define DEFAULT_PLACE	(-1)

/* An option that is varied, unless the user gave it or another that decides it. */
typedef struct Axis
{
	const char *given[MOST_NAMES];	/* the names of these */
	void		(*set) (RsOptions *options, double value, double deviation);
	int			n;
	double		values[MOST_PLACES];
	int			starts[STARTS]; /* places */
	double		worth;			/* the part by which a step up must be better */
} Axis;

/* What candidates are compared by, and what is varied. */
typedef struct Goal
{
	const char *name;
	RsTrialMetric metric;
	int			n_axes;
	Axis		axes[MOST_AXES];
} Goal;

static void
set_factors(RsOptions *options, double value, double deviation)
{
	options->factors = (int) value;
}

static void
set_regularization(RsOptions *options, double value, double deviation)
{
	options->regularization = value;
}

/* By the root of a row's count, and in deviations of the ratings, as their scale is nothing. */
static void
set_root_regularization(RsOptions *options, double value, double deviation)
{
	options->reg_scaling = 0.5;
	options->regularization = value * deviation;
}

static void
set_bias_regularization(RsOptions *options, double value, double deviation)
{
	options->bias_regularization = value;
}

/* Twice the factors take twice the time and memory in serving. */
static const Goal lists = {
	"lists", RS_TRIAL_NDCG, 2, {
		{{"factors"}, set_factors, 6, {8, 16, 32, 64, 128, MOST_FACTORS}, {3, 1}, 0.01},
		{{"regularization", "reg_scaling"}, set_regularization,
		6, {0.003, 0.006, 0.012, 0.024, 0.048, 0.096}, {1, 4}, 0},
	}
};

/* The metric is the square of the error. */
static const Goal ratings = {
	"ratings", RS_TRIAL_RMSE, 3, {
		{{"factors"}, set_factors, 5, {8, 16, 32, 64, 128}, {3, 2}, 0.001},
		{{"regularization", "reg_scaling"}, set_root_regularization,
		10, {0.5, 0.6, 0.7, 0.85, 1, 1.2, 1.4, 1.7, 2, 2.8}, {DEFAULT_PLACE, 5}, 0},
		{{"bias_regularization", "regularization", "reg_scaling", "biases"}, set_bias_regularization,
		6, {0.25, 0.5, 1, 2, 4, 8}, {DEFAULT_PLACE, 1}, 0},
	}
};

/* A place on each axis. */
typedef struct Point
{
	int			at[MOST_AXES];
} Point;

/* What a choice may do and has done, for all goals. */
typedef struct Budget
{
	double		spent;			/* work of the trials so far */
	double		limit;			/* of trials and training */
	int			tried;			/* candidates, of most */
	int			most;
} Budget;

/* The choice by one goal. */
typedef struct Choosing
{
	RsTrained  *trained;
	RsOptions  *options;		/* of the part that is chosen for, in trained */
	const RsHoldout *holdout;
	RsTrials	trials;
	const Goal *goal;
	Budget	   *budget;
	double		share;			/* of the budget, with what was spent before */
	double		other_work;		/* of training the other part */
	int			iterations;		/* of a trial */
	RsCandidate candidates[MOST_CANDIDATES];
	Point		points[MOST_CANDIDATES];
	int			n;
} Choosing;

static bool
is_given(const Choosing *c, int axis)
{
	for (int i = 0; i < MOST_NAMES && c->goal->axes[axis].given[i] != NULL; i++)
	{
		if (rs_options_is_given(c->options, c->goal->axes[axis].given[i]))
			return true;
	}
	return false;
}

/* ---- work ------------------------------------------------------------------------ */

/*
 * Work of reading a row, and of sorting it in before the first iteration; of whatever
 * is small all in all.  A unit is about a quarter of a nanosecond of one core.
 */
#define WORK_OF_READING		250.0
#define WORK_OF_SORTING		400.0
#define LEAST_LIMIT			160e9

/* How many times the work of a training with the defaults all may take. */
#define LIMIT_OF_DEFAULTS	4

/*
 * An iteration touches the k factors of each cell on both sides, and solves a system of k
 * unknowns for each user and item: by conjugate gradients, in some k^2 steps.
 */
static double
training_work(const RsRatings *read, int64 cells, const RsOptions *options, int iterations)
{
	double		rows = (double) read->users.n + read->items.n;
	double		k = options->factors;

	return cells * WORK_OF_SORTING + iterations * k * (2.0 * cells + rows * k);
}

/* A search looks at a code for each factor of an item, a dozen at once. */
static double
trial_work(const Choosing *c, const RsCandidate *candidate)
{
	const RsRatings *read = &c->trained->ratings;
	double		codes = (double) c->holdout->n_users * read->items.n * candidate->options.factors;

	return training_work(read, read->n - c->holdout->n_held, &candidate->options,
						 candidate->iterations) + codes / 12;
}

static double
final_work(const RsTrained *trained, const RsOptions *options)
{
	return training_work(&trained->ratings, trained->ratings.n, options, options->iterations);
}

/* That of a part that there may not be. */
static double
preference_work(const RsTrained *trained)
{
	return trained->n_parts > 1 ? final_work(trained, &trained->preference) : 0;
}

static double
work_limit(const RsTrained *trained)
{
	double		reading = trained->ratings.n * WORK_OF_READING;
	double		training = final_work(trained, &trained->options) + preference_work(trained);

	return fmax(LIMIT_OF_DEFAULTS * (reading + training) - reading, LEAST_LIMIT);
}

/* All iterations where even so the largest trials take a small part of the limit. */
static int
trial_iterations(const Choosing *c)
{
	RsOptions	options = *c->options;

	options.factors = MOST_FACTORS;
	if (LARGE_TRIALS * final_work(c->trained, &options) <=
		c->share * c->budget->limit - c->budget->spent)
		return options.iterations;
	return Min(options.iterations, FEW_ITERATIONS);
}

/* ---- candidates -------------------------------------------------------------------- */

static RsCandidateEnd
run_trial(Choosing *c, RsCandidate *candidate)
{
	double		work = trial_work(c, candidate);
	double		training = final_work(c->trained, &candidate->options) + c->other_work;

	candidate->used = candidate->options;
	if (c->budget->spent + work > c->share * (c->budget->limit - training))
		return RS_CANDIDATE_NO_TIME;
	candidate->used.iterations = candidate->iterations;
	switch (rs_trial_als(&c->trials, &candidate->used, candidate->scores))
	{
		case RS_TRIAL_TOO_LARGE:
			return RS_CANDIDATE_NO_MEMORY;
		case RS_TRIAL_UNSOLVED:
			return RS_CANDIDATE_UNSOLVED;
		case RS_TRIAL_DONE:
			break;
	}
	c->budget->spent += work;
	return RS_CANDIDATE_TRIED;
}

static RsCandidate *
add_candidate(Choosing *c, RsAlgorithm algorithm)
{
	RsCandidate *candidate = &c->candidates[c->n++];

	candidate->algorithm = algorithm;
	candidate->options = *c->options;
	candidate->iterations = c->iterations;
	candidate->scores = palloc(mul_size(sizeof(double), c->holdout->n_users));
	return candidate;
}

static void
take_mean(const Choosing *c, RsCandidate *candidate)
{
	for (int32 u = 0; u < c->holdout->n_users; u++)
		rs_mean_add(&candidate->mean, candidate->scores[u]);
}

/* The candidate at a point, which is tried when it is met first; -1: no room. */
static int
candidate_at(Choosing *c, const Point *point)
{
	RsCandidate *candidate;

	for (int i = 0; i < c->n; i++)
	{
		if (memcmp(&c->points[i], point, sizeof(Point)) == 0)
			return i;
	}
	if (c->n == MOST_CANDIDATES - 1)	/* the last is that of popular */
		return -1;
	rs_progress_choosing(c->budget->tried++, c->budget->most);
	c->points[c->n] = *point;
	candidate = add_candidate(c, RS_ALS);
	for (int a = 0; a < c->goal->n_axes; a++)
	{
		const Axis *axis = &c->goal->axes[a];

		if (point->at[a] != DEFAULT_PLACE && !is_given(c, a))
			axis->set(&candidate->options, axis->values[point->at[a]], c->trials.deviation);
	}
	candidate->end = run_trial(c, candidate);
	if (candidate->end == RS_CANDIDATE_TRIED)
		take_mean(c, candidate);
	return c->n - 1;
}

/* ---- the climb ----------------------------------------------------------------------- */

/* Its mean score, less what its places on the axes must be worth. */
static double
net_score(const Choosing *c, int i)
{
	double		score;
	double		cost = 0;

	if (i < 0 || c->candidates[i].end != RS_CANDIDATE_TRIED)
		return -INFINITY;
	score = c->candidates[i].mean.mean;
	for (int a = 0; a < c->goal->n_axes; a++)
		cost += fabs(score) * c->goal->axes[a].worth * c->points[i].at[a];
	return score - cost;
}

/* The better of a candidate and its neighbour on an axis, if it has one. */
static int
better_neighbour(Choosing *c, int i, int axis, int step)
{
	Point		point = c->points[i];
	int			neighbour;

	point.at[axis] += step;
	if (point.at[axis] < 0 || point.at[axis] >= c->goal->axes[axis].n)
		return i;
	neighbour = candidate_at(c, &point);
	return net_score(c, neighbour) > net_score(c, i) ? neighbour : i;
}

/* The best of a candidate and its neighbours.  Where a step up helps none down would. */
static int
best_step(Choosing *c, int i)
{
	int			best = i;

	for (int a = 0; a < c->goal->n_axes; a++)
	{
		int			next;

		if (c->points[i].at[a] == DEFAULT_PLACE || is_given(c, a))
			continue;
		next = better_neighbour(c, i, a, 1);
		if (next == i)
			next = better_neighbour(c, i, a, -1);
		if (net_score(c, next) > net_score(c, best))
			best = next;
	}
	return best;
}

/* What the user gave has no place: that of the first start stands for it. */
static int
start_at(Choosing *c, int number)
{
	Point		start = {{0}};

	for (int a = 0; a < c->goal->n_axes; a++)
		start.at[a] = c->goal->axes[a].starts[is_given(c, a) ? 0 : number];
	return candidate_at(c, &start);
}

/* The best of all candidates so far; the first of equal ones. */
static int
best_candidate(const Choosing *c)
{
	int			best = 0;

	for (int i = 1; i < c->n; i++)
	{
		if (net_score(c, i) > net_score(c, best))
			best = i;
	}
	return best;
}

/*
 * The start of the climb.  Of lists it is the better one.  The first of ratings has no
 * places to climb from, but their deviation becomes known by it.
 */
static int
choose_start(Choosing *c)
{
	int			first = start_at(c, 0);
	int			second;

	if (c->goal->metric == RS_TRIAL_RMSE && c->candidates[first].end != RS_CANDIDATE_TRIED)
		return first;
	second = start_at(c, 1);
	if (c->goal->metric == RS_TRIAL_RMSE)
		return second;
	return net_score(c, second) > net_score(c, first) ? second : first;
}

/* From the start to where no neighbour is better; each step has a greater score. */
static int
climb(Choosing *c)
{
	int			next = choose_start(c);
	int			best;

	do
	{
		best = next;
		if (c->candidates[best].end == RS_CANDIDATE_TRIED)
			next = best_step(c, best);
	} while (next != best);
	return best_candidate(c);
}

/* ---- the choice ------------------------------------------------------------------------ */

/* Is one candidate ahead of another beyond doubt, user by user? */
static bool
is_ahead(const Choosing *c, const RsCandidate *one, const RsCandidate *other)
{
	RsMean		difference = {0};

	for (int32 u = 0; u < c->holdout->n_users; u++)
		rs_mean_add(&difference, one->scores[u] - other->scores[u]);
	return difference.mean > BEYOND_DOUBT * rs_mean_standard_error(&difference);
}

/* The number of the candidate to serve: the one that was found or popular items. */
static int
compare_popular(Choosing *c, int found)
{
	RsCandidate *popular = add_candidate(c, RS_POPULAR);

	rs_trial_popular(&c->trials, popular->scores);
	take_mean(c, popular);
	return is_ahead(c, popular, &c->candidates[found]) ? c->n - 1 : found;
}

/* Begin to choose by a goal; rated is the choice by ratings, or NULL.  False without memory. */
static bool
begin_goal(Choosing *c, const Goal *goal, RsOptions *options, const Choosing *rated,
		   MemoryContext run)
{
	c->goal = goal;
	c->options = options;
	return rs_trials_begin(&c->trials, c->trained, c->holdout, goal->metric,
						   rated != NULL ? &rated->trials : NULL, run);
}

/* The candidate to take; it was not tried where nothing could be. */
static int
choose_candidate(Choosing *c)
{
	int			best;

	c->iterations = trial_iterations(c);
	best = climb(c);
	if (c->trained->model->feedback == RS_IMPLICIT && c->candidates[best].end == RS_CANDIDATE_TRIED)
		best = compare_popular(c, best);
	return best;
}

static void
record_goal(const Choosing *c, int chosen, RsChoice *choice)
{
	choice->goals[choice->n_goals++] = (RsGoalChoice) {c->goal->name, c->goal->metric, c->candidates,
	c->n, chosen};
}

/* Why nothing could be tried, or NULL. */
static const char *
untried_reason(const RsCandidate *first)
{
	if (first->end == RS_CANDIDATE_NO_MEMORY)
		return "recsys.training_memory is too small for trials";
	return first->end == RS_CANDIDATE_TRIED ? NULL : "the defaults have no solution";
}

/* Choose what scores, which of implicit feedback ranks, too. */
static void
choose_first(Choosing *c, MemoryContext run, RsChoice *choice)
{
	RsTrained  *trained = c->trained;
	const Goal *goal = trained->model->feedback == RS_IMPLICIT ? &lists : &ratings;
	int			best;

	if (!begin_goal(c, goal, &trained->options, NULL, run))
	{
		choice->reason = "recsys.training_memory is too small to hold rows out";
		return;
	}
	c->other_work = preference_work(trained);
	c->share = trained->n_parts > 1 ? FIRST_SHARE : 1;
	best = choose_candidate(c);
	choice->reason = untried_reason(&c->candidates[best]);
	if (choice->reason != NULL)
		return;
	trained->algorithm = c->candidates[best].algorithm;
	trained->options = c->candidates[best].options;
	record_goal(c, best, choice);
}

/* Choose the part of a model of ratings that ranks; without memory its defaults stay. */
static void
choose_preference(Choosing *c, const Choosing *rated, MemoryContext run, RsChoice *choice)
{
	RsTrained  *trained = c->trained;
	int			best;

	if (!begin_goal(c, &lists, &trained->preference, rated, run))
		return;
	c->other_work = final_work(trained, &trained->options);
	c->share = 1;
	best = choose_candidate(c);
	trained->preference = c->candidates[best].options;
	record_goal(c, best, choice);
}

static Choosing *
new_choosing(RsTrained *trained, const RsHoldout *holdout, Budget *budget)
{
	Choosing   *c = palloc0(sizeof(Choosing));

	c->trained = trained;
	c->holdout = holdout;
	c->budget = budget;
	return c;
}

/* Choose by one goal or two. */
static void
choose(RsTrained *trained, MemoryContext run, RsHoldout *holdout, RsChoice *choice)
{
	const RsRatings *read = &trained->ratings;
	bool		prefers = trained->n_parts > 1 &&
		rs_is_chosen(read->n, read->users.n, read->items.n);
	Budget		budget = {0};
	Choosing   *first = new_choosing(trained, holdout, &budget);

	if (!rs_holdout_make(read, trained->model->feedback == RS_IMPLICIT,
						 (uint64) trained->options.seed, run, holdout))
		choice->reason = "recsys.training_memory is too small to hold rows out";
	else if (holdout->n_users == 0)
		choice->reason = psprintf("fewer than %d users have rows to hold out", RS_HOLDOUT_LEAST);
	if (choice->reason != NULL)
		return;
	budget.limit = work_limit(trained);
	budget.most = prefers ? 2 * MOST_CANDIDATES : MOST_CANDIDATES;
	choose_first(first, run, choice);
	if (prefers && choice->reason == NULL)
		choose_preference(new_choosing(trained, holdout, &budget), first, run, choice);
}

void
rs_choose(RsTrained *trained)
{
	MemoryContext run = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(run, "recsys choose", ALLOCSET_DEFAULT_SIZES);
	RsHoldout	holdout;
	RsChoice	choice = {.holdout = &holdout};

	MemoryContextSwitchTo(context);
	choose(trained, run, &holdout, &choice);
	MemoryContextSwitchTo(run);
	trained->choice = rs_choice_to_jsonb(&choice);
	MemoryContextDelete(context);
	rs_progress_chosen(rs_algorithm(trained->algorithm)->has_factors ? trained->options.iterations : 0);
}
