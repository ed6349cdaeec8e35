/*-------------------------------------------------------------------------
 *
 * everybody.c
 *		A question about all users at once: read, fold in, answer.
 *
 * Steps: (1) the view is read, as the current user and under the active snapshot;
 * (2) the image is opened and pinned, and for lists the catalogue is read once for all;
 * (3) the memory that the answer takes is counted and compared with
 * recsys.training_memory; (4) recsys_solver.so folds in and searches, while this process
 * only watches (tick.h) and takes what is ready.  Nothing is written, so a standby
 * answers, too.
 *
 * Memory: one context for everything, deleted on any way out.  It grows with the rows
 * of the view, not with the answers, which are handed on part by part.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "batch/everybody.h"
#include "compat.h"
#include "serve/blended.h"
#include "serve/catalog.h"
#include "serve/image_cache.h"
#include "serve/user_vector.h"
#include "store/ratings.h"
#include "train/history.h"
#include "train/progress.h"
#include "train/solver_library.h"
#include "train/solver_run.h"

static const RsRunWords words = {"answering for all users of", "ask for shorter lists"};

/* The argument of sink(). */
typedef struct Taking
{
	const RsEverybodyQuestion *question;
	const RsEverybody *everybody;
	const RsCrowdPart *part;
	RsTick	   *tick;
} Taking;

/* ---- rows --------------------------------------------------------------------- */

/* Let only the latest rows of each user make their vector; the others stay seen. */
static void
mark_histories(const RsModel *model, const RsVersion *version, RsRatings *ratings)
{
	int			limit = version->options.history_limit;

	if (!rs_algorithm(version->algorithm)->has_factors || limit == 0)
		return;
	rs_options_check_time(&version->options, OidIsValid(model->time_type));
	rs_run_check_memory(&words, model, rs_history_memory(ratings));
	rs_history_mark(ratings, limit);
}

static void
read_rows(const RsModel *model, const RsVersion *version, RsRatings *ratings)
{
	MemoryContext context = CurrentMemoryContext;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	MemoryContextSwitchTo(context);
	rs_ratings_read(model, RS_TO_ANSWER, rs_run_memory(), rs_progress_rows, ratings);
	SPI_finish();
	MemoryContextSwitchTo(context);
	rs_progress_phase(RS_PHASE_PREPARING);
	mark_histories(model, version, ratings);
}

/*
 * Where each user's rows would begin if they lay user after user, the length of the
 * longest, and whether the rows do lie so.
 */
static void
count_rows(const RsRatings *ratings, RsCrowdProblem *problem)
{
	int32		n = ratings->users.n;
	int64	   *start = MemoryContextAllocExtended(CurrentMemoryContext,
												   mul_size(sizeof(int64), (Size) n + 1),
												   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);

	problem->by_user = true;
	for (int64 i = 0; i < ratings->n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		start[ratings->user[i] + 1]++;
		problem->by_user = problem->by_user && (i == 0 || ratings->user[i] >= ratings->user[i - 1]);
	}
	for (int32 u = 0; u < n; u++)
	{
		CHECK_FOR_INTERRUPTS();
		problem->longest = Max(problem->longest, start[u + 1]);
		start[u + 1] += start[u];
	}
	problem->start = start;
}

/* Where the items of the rows are in the image, or -1. */
static int32 *
locate_items(const RsImage *image, const RsIdList *items)
{
	int32	   *positions = palloc_extended(mul_size(sizeof(int32), Max(items->n, 1)),
											MCXT_ALLOC_HUGE);
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "recsys ids",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);

	for (int32 first = 0; first < items->n; first += RS_FIND_BLOCK)
	{
		Datum		ids[RS_FIND_BLOCK];
		int32		n = Min(items->n - first, RS_FIND_BLOCK);

		CHECK_FOR_INTERRUPTS();
		for (int32 i = 0; i < n; i++)
			ids[i] = rs_idlist_get(items, first + i);
		rs_idlist_find_many(&image->ids, ids, n, positions + first);
		MemoryContextReset(context);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	return positions;
}

/* ---- the question to the solver ------------------------------------------------ */

/* The items that any list may hold; reading the catalogue may run code of its owner. */
static RsEligible
eligible_for_all(const RsImage *image, const RsItemCatalog *catalog)
{
	return rs_eligible(image, catalog == NULL ? rs_eligible_words(image, NULL, NULL) :
					   rs_catalog_words(catalog, image));
}

/* A part of the image as the solver wants it. */
static RsCrowdKey
crowd_key(const RsEverybody *everybody, int part)
{
	const RsDense *dense = &everybody->image->parts[part];

	return (RsCrowdKey) {
		.objective = rs_version_objective(everybody->version, part),
		.items = rs_image_items(everybody->image, dense),
		.gramian = dense->gramian,
		.is_diagonal = dense->is_diagonal,
	};
}

/*
 * What users are folded in to.  Where one part ranks and scores, its scores are what
 * ranks, unless a weighted sum of parts does.
 */
static void
set_keys(const RsEverybody *everybody, bool scored, RsCrowdKey *scoring, RsBlend *blend,
		 RsCrowdProblem *problem)
{
	const RsVersion *version = everybody->version;
	int			ranking = rs_ranking_part(version->n_parts);

	problem->ranking = crowd_key(everybody, ranking);
	problem->weighs_ratings = ranking == RS_PART_PREFERENCE;
	problem->mean = version->mean;
	problem->deviation = version->deviation;
	if (everybody->image->blend.used)
	{
		rs_blended_init(version, everybody->image, blend);
		problem->blend = blend;
	}
	*scoring = crowd_key(everybody, RS_PART_RATING);
	if (scored && ranking != RS_PART_RATING)
		problem->scoring = scoring;
}

static void
make_problem(const RsEverybody *everybody, const RsRatings *ratings,
			 const RsEverybodyQuestion *question, RsCrowdKey *scoring, RsBlend *blend,
			 RsCrowdProblem *problem)
{
	const RsVersion *version = everybody->version;
	const RsImage *image = everybody->image;

	memset(problem, 0, sizeof(RsCrowdProblem));
	problem->threads = rs_run_threads();
	problem->n_users = ratings->users.n;
	problem->rows = (RsTriplets)
	{
		.n = ratings->n,
		.user = ratings->user,
		.item = ratings->item,
		.value = ratings->value,
		.time = version->feedback == RS_EXPLICIT ? ratings->time : NULL,
	};
	count_rows(ratings, problem);
	problem->position = locate_items(image, &ratings->items);
	set_keys(everybody, question->scored, scoring, blend, problem);
	problem->top = Min(question->top, image->ids.n);
	problem->index = image->index;
	problem->eligible = eligible_for_all(image, question->catalog);
	problem->exclude_seen = question->exclude_seen;
	problem->popular = image->by_popularity;
	problem->item = question->has_item ? rs_idlist_find(&image->ids, question->item) : -1;
}

static void
take_part(void *arg)
{
	const Taking *taking = (const Taking *) arg;

	taking->question->take(taking->question->arg, taking->everybody, taking->part);
}

/* An RsCrowdSink. */
static bool
sink(void *arg, const RsCrowdPart *part)
{
	Taking	   *taking = (Taking *) arg;

	taking->part = part;
	return rs_tick_guard(taking->tick, take_part, taking);
}

/* Raise what ended the run, unless it came to its end. */
static void
check_status(const RsEverybody *everybody, RsStatus status, int32 failed, RsTick *tick)
{
	RsUser		user = {0};

	rs_run_check(status, tick);
	if (status == RS_OK)
		return;
	user.id = rs_idlist_get(&everybody->users, failed);
	rs_fold_in_check(everybody->model, &user, status);
}

static void
solve(const RsEverybody *everybody, const RsRatings *ratings,
	  const RsEverybodyQuestion *question)
{
	const RsSolverApi *solver = rs_solver_open();
	RsTick		tick = {CurrentMemoryContext, NULL};
	Taking		taking = {question, everybody, NULL, &tick};
	RsCrowdProblem problem;
	RsCrowdKey	scoring;
	RsBlend		blend;
	RsStatus	status;
	int32		failed;
	size_t		bytes;
	void	   *arena;
	void	   *chunk;

	make_problem(everybody, ratings, question, &scoring, &blend, &problem);
	if (!solver->crowd_memory(&problem, &bytes))
		bytes = SIZE_MAX;
	arena = rs_run_arena(&words, everybody->model, bytes, &chunk);
	CHECK_FOR_INTERRUPTS();
	status = solver->crowd(&problem, arena, bytes, rs_tick, &tick, sink, &taking, &failed);
	check_status(everybody, status, failed, &tick);
}

/* ---- one question --------------------------------------------------------------- */

static void
ask(const RsModel *model, const RsVersion *version, const RsEverybodyQuestion *question)
{
	RsEverybody everybody = {.model = model,.version = version};
	RsRatings	ratings;

	rs_progress_begin(model, 0, GetCurrentTimestamp());
	read_rows(model, version, &ratings);
	if (ratings.users.n == 0)
		return;
	everybody.users = ratings.users;
	everybody.image = rs_image_open(model, version);
	rs_image_pin(everybody.image, CurrentMemoryContext);
	everybody.ranking = rs_image_items(everybody.image, rs_image_ranking(everybody.image));
	everybody.scoring = rs_image_items(everybody.image, rs_image_scoring(everybody.image));
	solve(&everybody, &ratings, question);
	if (question->finish != NULL)
		question->finish(question->arg, &everybody);
}

void
rs_everybody_ask(const RsModel *model, const RsVersion *version,
				 const RsEverybodyQuestion *question)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(caller, "recsys everybody",
												  ALLOCSET_DEFAULT_SIZES);

	rs_progress_enter();
	PG_TRY();
	{
		MemoryContextSwitchTo(context);
		ask(model, version, question);
	}
	PG_FINALLY();
	{
		rs_progress_leave();
		MemoryContextSwitchTo(caller);
		MemoryContextDelete(context);
	}
	PG_END_TRY();
}
