/*-------------------------------------------------------------------------
 *
 * tick.h
 *		What the leader of a training does while the solver's threads compute.
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

/* After the solver has returned RS_STOPPED: raise what made it stop. */
extern void rs_tick_raise(RsTick *tick);

#endif							/* RS_TICK_H */
