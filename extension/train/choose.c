/*-------------------------------------------------------------------------
 *
 * choose.c
 *		What a model with the algorithm "auto" is trained with.
 *
 * Some rows are held out (holdout.h).  Candidates are trained on the others, most with
 * few iterations, which rank them as many do (trial.h).  The search climbs: from a start
 * to the best of the neighbours, one step on one axis (goal.h), until none is better.
 * Lists climb from the better of two starts.  Ratings climb from the second, the
 * defaults being no place on their axes, but being tried.  Where lists are the goal the
 * parts whose sum ranks are then weighed, with the dense one that was found (weigh.h); and
 * of implicit feedback the popular items are compared with that.  A model of ratings has
 * two goals where another part ranks: lists, which weights made of the ratings give
 * (parts.c), come second.
 *
 * Time: a limit of work, which is estimated (work.h), so that the same data gives the
 * same choice everywhere.  A candidate is left out when its trial, with the weighing and
 * the training that may follow, would exceed the limit.
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
#include "train/goal.h"
#include "train/holdout.h"
#include "train/parts.h"
#include "train/progress.h"
#include "train/trial.h"
#include "train/weigh.h"
#include "train/work.h"

/* Iterations of a trial where all of a training would take too long. */
#define FEW_ITERATIONS	5

/* Candidates at most; a climb ends long before. */
#define MOST_CANDIDATES	40

/* So many standard errors, user by user, must popular items be ahead. */
#define BEYOND_DOUBT	2

/* How many times the work of a training with the defaults all may take. */
#define LIMIT_OF_DEFAULTS	4

/* Of that, what weighing the parts may take with the defaults. */
#define WEIGHING_SHARE		0.25

/* Of the work for trials: what the first of two goals may take. */
#define FIRST_SHARE		0.5

/* As many trials with the most factors take as long as a climb to there, about. */
#define LARGE_TRIALS	14

/* A place on each axis. */
typedef struct Point
{
	int			at[RS_GOAL_AXES];
} Point;

/* What a choice may do and has done, for all goals. */
typedef struct Budget
{
	double		spent;			/* work of the trials so far */
	double		limit;			/* of trials and training */
	double		item_part;		/* of training it */
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
	const RsGoal *goal;
	Budget	   *budget;
	double		share;			/* of the budget, with what was spent before */
	double		other_work;		/* of training other parts */
	int			iterations;		/* of a trial */
	RsCandidate candidates[MOST_CANDIDATES];
	Point		points[MOST_CANDIDATES];
	int			n;
	bool		weighs;			/* parts, with the best candidate: */
	RsWeighing	weighing;
	RsCandidateEnd weighing_end;
} Choosing;

static bool
is_given(const Choosing *c, int axis)
{
	return rs_axis_is_given(&c->goal->axes[axis], c->options);
}

/* ---- work ------------------------------------------------------------------------ */

static RsWorkSize
work_size(const RsRatings *read)
{
	return (RsWorkSize) {read->n, read->users.n, read->items.n};
}

static double
trial_work(const Choosing *c, const RsOptions *options)
{
	RsWorkSize	size = work_size(&c->trained->ratings);

	size.cells -= c->holdout->n_held;
	return rs_work_of_training(&size, options) +
		rs_work_of_lists(&size, options, c->holdout->n_users);
}

static double
final_work(const RsTrained *trained, const RsOptions *options)
{
	RsWorkSize	size = work_size(&trained->ratings);

	return rs_work_of_training(&size, options);
}

/*
 * Of the trial that weighs the parts, the dense one trained by these options in all
 * iterations: few make it look worth less.
 */
static double
weighing_work(const Choosing *c, const RsOptions *options)
{
	RsWorkSize	size = work_size(&c->trained->ratings);

	return trial_work(c, options) + c->budget->item_part +
		RS_MOST_WEIGHTS * rs_work_of_blended_lists(&size, options, c->holdout->n_users);
}

/* Of all that follows when these options turn out to be the best. */
static double
remaining_work(const Choosing *c, const RsOptions *options)
{
	return final_work(c->trained, options) + (c->weighs ? weighing_work(c, options) : 0);
}

/* That of a part that there may not be. */
static double
preference_work(const RsTrained *trained)
{
	return trained->n_parts > 1 ? final_work(trained, &trained->preference) : 0;
}

/* Of trials and training together. */
static double
work_limit(const RsTrained *trained)
{
	double		reading = trained->ratings.n * RS_WORK_OF_READING;
	double		training = final_work(trained, &trained->options) + preference_work(trained);

	return fmax(LIMIT_OF_DEFAULTS * (reading + training) - reading, RS_SMALL_WORK);
}

/* All iterations where even so the largest trials take a small part of the limit. */
static int
trial_iterations(const Choosing *c)
{
	RsOptions	options = *c->options;

	options.factors = RS_GOAL_MOST_FACTORS;
	if (LARGE_TRIALS * final_work(c->trained, &options) <=
		c->share * c->budget->limit - c->budget->spent)
		return options.iterations;
	return Min(options.iterations, FEW_ITERATIONS);
}

/* ---- scores ------------------------------------------------------------------------ */

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

/* ---- candidates -------------------------------------------------------------------- */

static RsCandidateEnd
end_of_trial(RsTrialEnd end)
{
	switch (end)
	{
		case RS_TRIAL_TOO_LARGE:
			return RS_CANDIDATE_NO_MEMORY;
		case RS_TRIAL_UNSOLVED:
			return RS_CANDIDATE_UNSOLVED;
		case RS_TRIAL_DONE:
			break;
	}
	return RS_CANDIDATE_TRIED;
}

/* What comes of a candidate; reserved is the work that remains with the best so far. */
static RsCandidateEnd
run_trial(Choosing *c, RsCandidate *candidate, double reserved)
{
	double		remaining = fmax(remaining_work(c, &candidate->options), reserved);
	double		work;

	candidate->used = candidate->options;
	candidate->used.iterations = candidate->iterations;
	work = trial_work(c, &candidate->used);
	if (c->budget->spent + work > c->share * (c->budget->limit - remaining - c->other_work))
		return RS_CANDIDATE_NO_TIME;
	c->budget->spent += work;
	return end_of_trial(rs_trial_als(&c->trials, &candidate->used, candidate->scores));
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
	double		reserved = 0;

	for (int i = 0; i < c->n; i++)
	{
		if (memcmp(&c->points[i], point, sizeof(Point)) == 0)
			return i;
	}
	if (c->n == MOST_CANDIDATES - 1)	/* the last is that of popular */
		return -1;
	rs_progress_choosing(c->budget->tried++, c->budget->most);
	if (c->n > 0)
		reserved = remaining_work(c, &c->candidates[best_candidate(c)].options);
	c->points[c->n] = *point;
	candidate = add_candidate(c, RS_ALS);
	for (int a = 0; a < c->goal->n_axes; a++)
	{
		const RsAxis *axis = &c->goal->axes[a];

		if (point->at[a] != RS_DEFAULT_PLACE && !is_given(c, a))
			axis->set(&candidate->options, axis->values[point->at[a]], c->trials.deviation);
	}
	candidate->end = run_trial(c, candidate, reserved);
	if (candidate->end == RS_CANDIDATE_TRIED)
		take_mean(c, candidate);
	return c->n - 1;
}

/* ---- the climb ----------------------------------------------------------------------- */

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

		if (c->points[i].at[a] == RS_DEFAULT_PLACE || is_given(c, a))
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

/* Are some scores ahead of others beyond doubt, user by user? */
static bool
is_ahead(const Choosing *c, const double *one, const double *other)
{
	RsMean		difference = {0};

	for (int32 u = 0; u < c->holdout->n_users; u++)
		rs_mean_add(&difference, one[u] - other[u]);
	return difference.mean > BEYOND_DOUBT * rs_mean_standard_error(&difference);
}

/* The number of the candidate to serve: the one that was found or popular items. */
static int
compare_popular(Choosing *c, int found)
{
	RsCandidate *popular = add_candidate(c, RS_POPULAR);
	const RsWeighing *weighing = &c->weighing;
	const double *scores = weighing->n > 0 ? weighing->tried[weighing->chosen].scores :
		c->candidates[found].scores;

	rs_trial_popular(&c->trials, popular->scores);
	take_mean(c, popular);
	return is_ahead(c, popular->scores, scores) ? c->n - 1 : found;
}

/* Begin to choose by a goal; rated is the choice by ratings, or NULL.  False without memory. */
static bool
begin_goal(Choosing *c, const RsGoal *goal, RsOptions *options, const Choosing *rated,
		   MemoryContext run)
{
	c->goal = goal;
	c->options = options;
	return rs_trials_begin(&c->trials, c->trained, c->holdout, goal->metric,
						   rated != NULL ? &rated->trials : NULL, run);
}

/* Is it lists that are chosen by, which a sum of parts may rank? */
static bool
may_blend(const Choosing *c)
{
	return c->goal->metric == RS_TRIAL_NDCG && rs_weights_blend(&c->trained->options.weights);
}

/* Are the parts weighed?  Not where that would take too much from the search for the dense one. */
static bool
may_weigh(const Choosing *c)
{
	return may_blend(c) && weighing_work(c, c->options) <= WEIGHING_SHARE * c->budget->limit;
}

/* Weigh the parts, with a dense one like the candidate; what became of it. */
static RsCandidateEnd
weigh(Choosing *c, const RsCandidate *dense)
{
	const RsOptions *options = &c->trained->options;
	const RsPartWeights *given = rs_options_is_given(options, "weights") ? &options->weights : NULL;

	if (!c->weighs)
		return RS_CANDIDATE_NO_TIME;
	c->budget->spent += weighing_work(c, &dense->options);
	return end_of_trial(rs_weigh(&c->trials, &dense->options, given, &c->weighing));
}

/* The candidate to take; it was not tried where nothing could be. */
static int
choose_candidate(Choosing *c)
{
	int			best;

	c->iterations = trial_iterations(c);
	c->weighs = may_weigh(c);
	best = climb(c);
	if (c->candidates[best].end != RS_CANDIDATE_TRIED)
		return best;
	c->weighing_end = weigh(c, &c->candidates[best]);
	if (c->trained->model->feedback == RS_IMPLICIT)
		best = compare_popular(c, best);
	return best;
}

static void
record_goal(const Choosing *c, int chosen, RsChoice *choice)
{
	const RsWeighing *weighing = &c->weighing;

	choice->goals[choice->n_goals++] = (RsGoalChoice) {c->goal->name, c->goal->metric, c->candidates,
	c->n, chosen, may_blend(c) ? weighing : NULL, c->weighing_end};
	if (weighing->n > 0)
		c->trained->options.weights = weighing->tried[weighing->chosen].weights;
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
choose_first(Choosing *c, bool prefers, MemoryContext run, RsChoice *choice)
{
	RsTrained  *trained = c->trained;
	const RsGoal *goal = trained->model->feedback == RS_IMPLICIT ? &rs_goal_lists : &rs_goal_ratings;
	int			best;

	if (!begin_goal(c, goal, &trained->options, NULL, run))
	{
		choice->reason = "recsys.training_memory is too small to hold rows out";
		return;
	}
	c->other_work = preference_work(trained) + c->budget->item_part;
	c->share = prefers ? FIRST_SHARE : 1;
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

	if (!begin_goal(c, &rs_goal_lists, &trained->preference, rated, run))
		return;
	c->other_work = final_work(trained, &trained->options) + c->budget->item_part;
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

/* Is there a part that ranks?  parts.c asks that of reduced cells. */
static bool
has_preference(const RsTrained *trained)
{
	const RsRatings *read = &trained->ratings;

	return trained->n_parts > 1 && (rs_options_is_given(&trained->options, "weights") ||
									rs_is_chosen(read->n, read->users.n, read->items.n));
}

/* Choose by one goal or two. */
static void
choose(RsTrained *trained, MemoryContext run, RsHoldout *holdout, RsChoice *choice)
{
	const RsRatings *read = &trained->ratings;
	bool		prefers = has_preference(trained);
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
	if (rs_weights_have_item(&trained->options.weights))
		budget.item_part = rs_work_of_item_part(read);
	budget.most = prefers ? 2 * MOST_CANDIDATES : MOST_CANDIDATES;
	choose_first(first, prefers, run, choice);
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
