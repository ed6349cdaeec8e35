/*-------------------------------------------------------------------------
 *
 * solver.h
 *		The public face of recsys_solver.so: training by alternating least
 *		squares, item-item weights, and answers for all users at once.  Pure C;
 *		module.c alone knows PostgreSQL.
 *
 * The library is opened when somebody trains or asks for all users.  Its one entry point returns a
 * table of functions with an ABI number, so that a library of another version
 * is refused instead of called wrongly.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_SOLVER_H
#define RS_SOLVER_H

#include "kernel/blend.h"
#include "kernel/row.h"
#include "kernel/search.h"

#define RS_SOLVER_ABI	12
#define RS_SOLVER_LIBRARY	"recsys_solver"
#define RS_SOLVER_ENTRY		"rs_solver_api"

/*
 * Observed cells in any order; users and items are dense indexes.  The arrays
 * become the solver's: it sorts cells in them.  After fit() and refresh() that returned
 * RS_OK rs_triplets_restore() makes triplets of what they hold, each cell once.
 */
typedef struct RsTriplets
{
	int64_t		n;
	int32_t    *user;
	int32_t    *item;
	float	   *value;
	int64_t    *time;			/* n, or NULL */
} RsTriplets;

/* How a row is solved; see RsAlsProblem. */
typedef enum RsAlsSolver
{
	RS_ALS_AUTO,
	RS_ALS_EXACT,
	RS_ALS_CG
} RsAlsSolver;

/*
 * Items whose factors a refresh takes over.  The arrays become the solver's: it solves
 * the others in them.
 */
typedef struct RsAlsKnown
{
	float	   *item_factors;	/* n_items x RS_STRIDE(k), alignment 64; NULL: none */
	float	   *item_biases;	/* n_items, or NULL without biases */
	bool	   *item_is_new;	/* n_items: has no factors yet */
} RsAlsKnown;

typedef struct RsAlsProblem
{
	RsObjective objective;		/* of a training the mean is computed, not given;
								 * a weight that is NaN is derived from the data */
	int			k;
	int			iterations;
	double		tolerance;		/* stop when the objective falls by less than
								 * this fraction in an iteration; 0 = never */
	uint64_t	seed;
	int			threads;		/* >= 1 */

	/*
	 * Exactly, by a few steps of conjugate gradients from the row's last
	 * solution, or by what suits k: never by what the machine is.  The last
	 * half-step, that of the users, is always exact.
	 */
	RsAlsSolver solver;
	int32_t		n_users;
	int32_t		n_items;
	const uint64_t *user_hash;	/* n_users, for the initial factors of fit() */
	RsAlsKnown	known;			/* of refresh() */
	RsTriplets	cells;
} RsAlsProblem;

typedef enum RsAlsPhase
{
	RS_ALS_PREPARING,			/* sorting cells into rows */
	RS_ALS_ITERATING,
	RS_ALS_RELATING,			/* item-item weights: rows are items, each twice */
	RS_ALS_ANSWERING			/* a crowd: rows are users */
} RsAlsPhase;

typedef struct RsAlsProgress
{
	RsAlsPhase	phase;
	int			iteration;		/* finished iterations */
	double		loss;			/* after the last finished one */
	int64_t		rows_done;		/* in the current half-step */
	int64_t		rows_total;
} RsAlsProgress;

/*
 * Called by the thread that called fit(), never by another, about every 20 ms
 * while the pool works.  True asks to stop.
 */
typedef bool (*RsAlsTick) (void *arg, const RsAlsProgress *progress);

/* The result; every pointer lies in the arena, but for those that were known. */
typedef struct RsAlsModel
{
	int			k;
	int			stride;
	RsObjective objective;		/* as used, with the mean */
	double		deviation;		/* of explicit ratings, 1 where all are equal; of a
								 * training */
	float	   *user_factors;	/* n_users x stride */
	float	   *item_factors;	/* n_items x stride */
	float	   *user_biases;	/* n_users, or NULL */
	float	   *item_biases;	/* n_items, or NULL */
	int32_t    *item_counts;	/* distinct users with a cell, n_items */
	int32_t    *user_counts;	/* distinct items with a cell, n_users */
	int32_t    *item_likes;		/* of item_counts, those who like it (cells.h) */
	double		liked;			/* mean value of the cells that are likes; 1
								 * when none is */
	int64_t		n_cells;		/* after the rule for repeated cells */
	int			iterations;		/* done */
	double	   *loss;			/* the objective after each, iterations; of a
								 * refresh, one: at its end */
	bool		failed_is_user; /* which row a status speaks of */
	int32_t		failed_row;
} RsAlsModel;

/* Which items are liked by users who like another? */
typedef struct RsNeighboursProblem
{
	int			threads;		/* >= 1 */
	int32_t		n_users;
	int32_t		n_items;
	const uint64_t *user_hash;	/* n_users; decides which items of a long history count */
	RsTriplets	cells;			/* as for an implicit fit(): a user likes the items
								 * whose weights are positive */
} RsNeighboursProblem;

/*
 * The weights, rows of the items that are liked: for each item its targets in ascending
 * order, and how much it speaks for each.  The score of an item is the sum of its weights
 * in the rows of the user's items.  Every pointer lies in the arena.
 */
typedef struct RsNeighboursModel
{
	int64_t    *start;			/* n_items + 1: row j is start[j] to start[j + 1] - 1 */
	int32_t    *item;
	float	   *weight;
	int64_t		n_cells;		/* likes that were counted */
	int32_t		failed_user;	/* RS_NOT_FINITE: whose value is, or -1 */
} RsNeighboursModel;

/*
 * Item and value of the cells that were trained on lie user after user in the arrays of
 * users and values.  Move the items to their own array, and say whose each cell is;
 * false when stop(arg) says so.
 */
static inline bool
rs_triplets_restore(RsTriplets *cells, const RsAlsModel *model, int32_t n_users,
					RsStopCheck stop, void *arg)
{
	int64_t		i = 0;

	cells->n = model->n_cells;
	cells->time = NULL;
	for (int32_t u = 0; u < n_users; u++)
	{
		for (int32_t left = model->user_counts[u]; left > 0; left--, i++)
		{
			if (rs_stop_at(stop, arg, i))
				return false;
			cells->item[i] = cells->user[i];
			cells->user[i] = u;
		}
	}
	return true;
}

/* What users are folded in to: the vectors of the items in one part of a version. */
typedef struct RsCrowdKey
{
	RsObjective objective;		/* with the mean */
	RsItems		items;
	const double *gramian;		/* k x stride, implicit only, else NULL */
	bool		is_diagonal;	/* it, see rs_gramian_is_diagonal() */
} RsCrowdKey;

/* All users of a view, who are folded in to one version, and what is asked about each. */
typedef struct RsCrowdProblem
{
	int			threads;		/* >= 1 */
	int32_t		n_users;

	/*
	 * The users' rows, in any order; by_user says that they lie user after user.  start
	 * (n_users + 1) says where each user's rows begin when they lie so, longest is the
	 * greatest number of rows of a user.  The arrays become the solver's.  A NaN value
	 * makes no cell, but its item counts as seen.
	 */
	RsTriplets	rows;
	bool		by_user;
	int64_t    *start;
	int64_t		longest;
	const int32_t *position;	/* of the rows' items in items below, or -1 */

	/*
	 * What ranks items; with k = 0 no user has a vector.  Where it takes weights made
	 * of ratings (rs_rating_weight()), rows have the ratings, and scoring, unless it is
	 * NULL, is what else users are folded in to, by the ratings as they are.
	 */
	RsCrowdKey	ranking;
	const RsCrowdKey *scoring;
	bool		weighs_ratings;
	double		mean;			/* of all ratings */
	double		deviation;

	/*
	 * Where it is not NULL, its keys rank: of the ranking's vectors, which are those of its
	 * items, and of the cells that these are made of.  With k = 0 the cells alone tell.
	 */
	const RsBlend *blend;

	/* The best items of each user; none with top = 0. */
	int32_t		top;			/* how many, at most items.n */
	const RsIndex *index;		/* NULL with k = 0 or a blend */
	RsEligible	eligible;		/* for everybody */
	bool		exclude_seen;
	const int32_t *popular;		/* all positions, by popularity: the list of users
								 * without a vector that tells items apart */

	int32_t		item;			/* a position: who has seen it, and who prefers it
								 * how much? -1: none */
} RsCrowdProblem;

/* Vectors of users, and what else rs_item_score() wants. */
typedef struct RsCrowdVectors
{
	float	   *x;				/* n x stride; zeros without a vector */
	double	   *base;			/* the mean plus the user's bias */
} RsCrowdVectors;

/* Users first to first + n - 1 of a crowd, valid until the sink returns. */
typedef struct RsCrowdPart
{
	int32_t		first;
	int32_t		n;
	bool	   *has_vector;		/* or, with a blend, cells: what ranks items */
	RsCrowdVectors ranking;
	RsCrowdVectors scoring;		/* the same unless the problem has another */
	bool	   *has_seen;		/* the item of the problem */
	float	   *preference;		/* what ranks it; NaN without a vector.  NULL: no item */
	bool	   *is_popular;		/* the list is of popular items, without scores */
	int32_t    *n_listed;
	RsScored   *listed;			/* n x top, best first */
	int32_t		top;
} RsCrowdPart;

/*
 * Takes part after part, in the order of the users; called by the thread that called
 * crowd(), while others compute the next part.  True asks to stop.
 */
typedef bool (*RsCrowdSink) (void *arg, const RsCrowdPart *part);

typedef struct RsSolverApi
{
	int			abi;			/* RS_SOLVER_ABI */

	/*
	 * Bytes of arena that fit() needs, or refresh() if items are known; cells not
	 * counted; false on overflow of size_t.
	 */
	bool		(*memory) (const RsAlsProblem *problem, size_t *bytes);

	/*
	 * Train, using up problem->cells.  Starts problem->threads threads (fewer if the system refuses,
	 * RS_NO_THREADS if it grants none), which block all signals, run niced and
	 * have ended when this returns, whatever it returns.  Same problem, same
	 * bytes, for any number of threads and any order of the triplets.
	 *
	 * Order of work: user factors start from the generator; each iteration
	 * solves the items, then the users, so that a stored user is exactly what
	 * fold-in computes from the stored items.
	 */
	RsStatus	(*fit) (const RsAlsProblem *problem, void *arena, size_t bytes,
						RsAlsTick tick, void *tick_arg, RsAlsModel *model);

	/*
	 * The same without iterations: users are solved from the known items, new items
	 * from these users, then all users from all items, exactly.  The factors of known
	 * items keep their bits.  All weights and the mean are given; an item without
	 * cells ends as zeros, whatever was known of it.
	 */
	RsStatus	(*refresh) (const RsAlsProblem *problem, void *arena, size_t bytes,
							RsAlsTick tick, void *tick_arg, RsAlsModel *model);

	/*
	 * Item-item weights: bytes of arena, and the computation, as for fit(); no options
	 * and no seed.
	 */
	bool		(*neighbours_memory) (const RsNeighboursProblem *problem, size_t *bytes);
	RsStatus	(*neighbours) (const RsNeighboursProblem *problem, void *arena, size_t bytes,
							   RsAlsTick tick, void *tick_arg, RsNeighboursModel *model);

	/*
	 * Bytes of arena that crowd() needs, false on overflow or for an invalid problem; and
	 * the computation.  When a user's equations have no solution, *failed_user is the
	 * first such user that was met; otherwise -1.  RS_STOPPED: tick or sink asked for it.
	 */
	bool		(*crowd_memory) (const RsCrowdProblem *problem, size_t *bytes);
	RsStatus	(*crowd) (const RsCrowdProblem *problem, void *arena, size_t bytes,
						  RsAlsTick tick, void *tick_arg, RsCrowdSink sink, void *sink_arg,
						  int32_t *failed_user);
} RsSolverApi;

typedef const RsSolverApi *(*RsSolverEntry) (void);

#endif							/* RS_SOLVER_H */
