/*-------------------------------------------------------------------------
 *
 * tick.h
 *		What the leader of a run does while the solver's threads compute.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RS_TICK_H
#define RS_TICK_H

#include "postgres.h"

#include "solver/solver.h"

typedef struct RsTick
{
	MemoryContext context;		/* where a caught error is kept */
	ErrorData  *error;
} RsTick;

/* An RsAlsTick; arg is an RsTick.  Never raises, never exits. */
extern bool rs_tick(void *arg, const RsAlsProgress *progress);

/*
 * Do something that may raise an error, which is kept, while the threads compute.
 * Interrupts are held off: an action that takes longer than a tick asks
 * rs_tick_looks() now and then, and returns when it says true.  True asks to stop.
 */
extern bool rs_tick_guard(RsTick *tick, void (*action) (void *arg), void *arg);

/* Within an action: serve what others wait for.  True asks to stop. */
extern bool rs_tick_looks(void);

/* After the solver has returned RS_STOPPED: raise what made it stop. */
extern void rs_tick_raise(RsTick *tick);

#endif							/* RS_TICK_H */
