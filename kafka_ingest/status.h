/*-------------------------------------------------------------------------
 *
 * status.h
 *		The worker's slot in shared memory: state, figures, rates.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RK_STATUS_H
#define RK_STATUS_H

#include "postgres.h"

#include "shared.h"

/*
 * Take the slot that args name.  False when it is no longer this worker's: freed,
 * or another source's by now.  Raises an error when recsys.so was not preloaded
 * or is of another version.
 */
extern bool rk_status_attach(const RkWorkerArgs *args);

extern const char *rk_status_source(void);
extern int32 rk_status_generation(void);

/* Committed changes of any source's row so far, see RkShared. */
extern uint64 rk_status_changes(void);

/* Must this database's workers be gone? */
extern bool rk_status_held(void);

/* A state without a reason, and one with.  The time is that of the first of equals. */
extern void rk_status_set(RkState state);
extern void rk_status_set_reason(RkState state, const char *sqlstate,
								 const char *reason, const char *hint);
extern RkState rk_status_state(void);

/* The next worker may start at once, for another definition. */
extern void rk_status_restart_now(void);

/* A batch was committed; milliseconds from its first message to the commit. */
extern void rk_status_batch(int64 messages, int64 rows, int64 bytes,
							int64 dead_letters, double ms);

/* Bring the rates up to date; to be called once a second or so. */
extern void rk_status_publish(int64 queued);

/* The worker goes. */
extern void rk_status_detach(void);

#endif							/* RK_STATUS_H */
