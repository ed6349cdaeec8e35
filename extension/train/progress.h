/*-------------------------------------------------------------------------
 *
 * progress.h
 *		What a run of the solver says about itself: a training, or answers for
 *		all users.
 *
 * Each backend that has one owns one slot in shared memory, behind the view
 * recsys.training_progress; without shared_preload_libraries there are no
 * slots and runs are unseen.  With recsys.log_progress on, the session
 * gets the same news as NOTICE.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_PROGRESS_H
#define RS_PROGRESS_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "rs_limits.h"
#include "solver/solver.h"
#include "store/model.h"

/* Runs of the whole cluster that can be seen at once. */
#define RS_PROGRESS_SLOTS	64

typedef enum RsTrainPhase
{
	RS_PHASE_READING,
	RS_PHASE_PREPARING,
	RS_PHASE_CHOOSING,
	RS_PHASE_ITERATING,
	RS_PHASE_PREFERRING,		/* iterating of the preference part */
	RS_PHASE_RELATING,			/* solving the item part */
	RS_PHASE_ANSWERING,
	RS_PHASE_PUBLISHING
} RsTrainPhase;

typedef struct RsProgress
{
	int			pid;			/* 0: the slot is free */
	Oid			database;
	Oid			user;
	Oid			owner;			/* of the model */
	Oid			view;
	char		model[RS_MAX_MODEL_NAME + 1];
	RsTrainPhase phase;
	int64		rows_read;
	int			iteration;		/* finished; choosing: candidates tried */
	int			iterations;		/* at most, likewise */
	int64		rows_done;		/* in the current half-step; answered users */
	int64		rows_total;
	double		loss;			/* after the last finished iteration */
	TimestampTz started_at;
} RsProgress;

/* In the postmaster: ask for the shared memory. */
extern void rs_progress_install(void);

/*
 * Enter before a run and leave after it, whatever becomes of it.  What a run reads may
 * start another one: of that nothing is told.
 */
extern void rs_progress_enter(void);
extern void rs_progress_leave(void);

/* Within a run: show it from now on. */
extern void rs_progress_begin(const RsModel *model, int iterations,
							  TimestampTz started_at);

extern void rs_progress_phase(RsTrainPhase phase);
extern void rs_progress_rows(int64 rows);

/*
 * A training tries candidates: so many are tried, of so many at most.  Meanwhile only
 * rows are told of what the solver does.  Then it begins to train with these iterations.
 */
extern void rs_progress_choosing(int tried, int most);
extern void rs_progress_chosen(int iterations);

/* What the run is going to need, in bytes: told, not shown. */
extern void rs_progress_memory(Size bytes);

/* The iterations that are told from now on are those of the preference part. */
extern void rs_progress_preferring(void);

extern void rs_progress_solving(const RsAlsProgress *progress);

extern const char *rs_progress_phase_name(RsTrainPhase phase);

/* Copy the slots in use; returns how many. */
extern int	rs_progress_read(RsProgress slots[RS_PROGRESS_SLOTS]);

#endif							/* RS_PROGRESS_H */
